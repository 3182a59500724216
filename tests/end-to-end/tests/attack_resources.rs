//! A hostile connector takes what it can get: time, memory, handles, disk. It is stopped by the limit that is named, and
//! what it said until then is kept.
#![allow(clippy::unwrap_used)]

use end_to_end::attack::{Attack, Attacked};
use end_to_end::inside::well_behaved;
use end_to_end::raw::{RawServer, Reply, byte_by_byte, ok};
use end_to_end::{Case, component};
use fake_bitbucket::{Config, Sizes, World};
use portcullis::compile::{CompileError, Compiler};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

/// Stopped by this limit.
#[track_caller]
fn exhausted(attacked: &Attacked, limit: &str, allowed: u64) {
    attacked.expect(5, &[&format!("it exhausted the limit {limit} = {allowed}")]);
    let report = attacked.json();
    assert_eq!(report["outcome"]["kind"], "exhausted");
    assert_eq!(report["outcome"]["limit"], limit);
    assert_eq!(report["outcome"]["allowed"], allowed);
    // Requests that nobody waits for any more may be noted behind it.
    let mut ended = attacked.audit();
    ended.retain(|line| line["event"] == "ended");
    assert_eq!(ended.len(), 1);
    let ended = &ended[0];
    assert_eq!(ended["outcome"]["limit"], limit);
}

#[tokio::test]
async fn an_endless_loop() {
    let attacked = Attack::alone("spin")
        .limits("cpu_seconds = 1")
        .spawn(BINARY)
        .await;
    exhausted(&attacked, "cpu_seconds", 1);
    assert!(attacked.used("cpu_seconds") >= 1.0);
}

#[tokio::test]
async fn an_endless_loop_in_check() {
    let attacked = Attack::alone("spin")
        .check()
        .limits("cpu_seconds = 1")
        .spawn(BINARY)
        .await;
    attacked.expect(5, &["it exhausted the limit cpu_seconds = 1"]);
}

#[tokio::test]
async fn memory_to_the_cap_and_past_it() {
    let attacked = Attack::alone("memory")
        .limits("memory_mib = 16\ncpu_seconds = 10")
        .spawn(BINARY)
        .await;
    exhausted(&attacked, "memory_mib", 16);
    let used = attacked.used("memory_mib");
    assert!((14.0..=16.0).contains(&used), "{used}");
}

#[tokio::test]
async fn deep_recursion() {
    Attack::alone("recursion")
        .spawn(BINARY)
        .await
        .expect(5, &["the connector crashed"]);
}

#[tokio::test]
async fn handles_that_are_never_dropped() {
    for attack in ["request handles", "pollable handles"] {
        let attacked = Attack::alone(attack)
            .limits("handles = 1000\ncpu_seconds = 10")
            .spawn(BINARY)
            .await;
        exhausted(&attacked, "handles", 1000);
        assert!(attacked.used("handles") >= 999.0, "{attack}");
    }
}

#[tokio::test]
async fn ten_thousand_requests_in_flight() {
    let api = RawServer::start(|_| ok("", b"{}")).await;
    let attacked = Attack::new(
        &format!("http://127.0.0.1:{}", api.port()),
        "requests in flight",
    )
    .lines(&[format!("GET http 127.0.0.1:{} /api/x", api.port())])
    .limits("handles = 1000000\ncpu_seconds = 60\nmemory_mib = 64")
    .spawn(BINARY)
    .await;
    assert_eq!(attacked.code, Some(0), "{}", attacked.printed());
    // As the API sees it; one more may be there that the client is about to close.
    assert!((1..=5).contains(&api.most_open()), "{}", api.most_open());
    // With the usual number of handles it does not get that far.
    let attacked = Attack::new(
        &format!("http://127.0.0.1:{}", api.port()),
        "requests in flight",
    )
    .lines(&[format!("GET http 127.0.0.1:{} /api/x", api.port())])
    .limits("handles = 5000")
    .spawn(BINARY)
    .await;
    exhausted(&attacked, "handles", 5000);
}

#[tokio::test]
async fn requests_that_are_left_and_answers_that_are_not_read() {
    for (attack, reply) in [
        ("leave requests", Reply::Silence(Vec::new())),
        (
            "unread answer",
            Reply::Repeated(
                b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
                vec![b'x'; 1 << 16],
                u64::MAX,
            ),
        ),
    ] {
        let api = RawServer::start(move |_| reply.clone()).await;
        let attacked = Attack::new(&format!("http://127.0.0.1:{}", api.port()), attack)
            .lines(&[format!("GET http 127.0.0.1:{} /api/x", api.port())])
            .spawn(BINARY)
            .await;
        assert_eq!(attacked.code, Some(0), "{attack}: {}", attacked.printed());
        // An answer that nobody reads is not read from the network either.
        assert!(attacked.used("response_mib") < 8.0, "{attack}");
    }
}

#[tokio::test]
async fn items_without_end() {
    let attacked = Attack::alone("endless items")
        .limits("items = 1000\ncpu_seconds = 10")
        .spawn(BINARY)
        .await;
    exhausted(&attacked, "items", 1000);
    assert_eq!(
        attacked.column("SELECT '' || count(*) FROM entity"),
        ["1000"]
    );
    assert!(!attacked.directory().join("out/entities.csv").exists());
}

#[tokio::test]
async fn an_item_beyond_its_limit() {
    let attacked = Attack::alone("large item").spawn(BINARY).await;
    attacked.expect(5, &["breaks the contract", "item_kib"]);
}

#[tokio::test]
async fn more_output_than_the_disk_is_meant_to_hold() {
    let attacked = Attack::alone("large items")
        .limits("output_mib = 4")
        .spawn(BINARY)
        .await;
    exhausted(&attacked, "output_mib", 4);
    let used = attacked.used("output_mib");
    assert!((3.5..=4.0).contains(&used), "{used}");
}

#[tokio::test]
async fn requests_that_are_never_sent_but_fill_the_hosts_memory() {
    let attacked = Attack::alone("fat requests")
        .limits("memory_mib = 64\ncpu_seconds = 20")
        .spawn(BINARY)
        .await;
    exhausted(&attacked, "memory_mib", 64);
}

#[tokio::test]
async fn answers_that_are_hoarded() {
    let api = RawServer::start(|_| ok("", &[b'x'; 100_000])).await;
    let line = format!("GET http 127.0.0.1:{} /api/x", api.port());
    let attacked = Attack::new(&format!("http://127.0.0.1:{}", api.port()), "hoard")
        .lines(&vec![line; 10])
        .limits("wall_seconds = 2")
        .spawn(BINARY)
        .await;
    // Each unread answer keeps its place among the requests in flight, of which there are four.
    exhausted(&attacked, "wall_seconds", 2);
    assert_eq!(api.heads().len(), 4);
}

/// So many requests at once of one kind of response, with as many lines. All of them are answered well.
async fn all_answered(attack: &str, limits: &str, reply: Reply) -> Attacked {
    let api = RawServer::start(move |_| reply.clone()).await;
    let line = format!("GET http 127.0.0.1:{} /api/x", api.port());
    let attacked = Attack::new(&format!("http://127.0.0.1:{}", api.port()), attack)
        .lines(&vec![line; 64])
        .limits(&format!("cpu_seconds = 600\nwall_seconds = 600\n{limits}"))
        .in_flight(64)
        .data_mib(DATA_MIB)
        .spawn(BINARY)
        .await;
    attacked.expect(0, &[]);
    assert_eq!(attacked.told(), vec!["status 200"; 64], "{attack}");
    attacked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses_in_pieces_of_one_byte_take_no_more_than_their_bytes() {
    all_answered("hoard at once", "", byte_by_byte(100)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_responses_that_are_hoarded_share_what_memory_there_is() {
    // Each just fits into what is read ahead, and is a little more than that.
    for size in [500_000, 600_000] {
        let reply = ok("", &vec![b'x'; size]);
        all_answered("hoard at once", "in_flight = 64", reply).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn little_memory_makes_responses_streams_and_keeps_nobody_waiting() {
    for reply in [ok("", &[b'x'; 500_000]), byte_by_byte(100)] {
        let attacked = all_answered("read in order", "memory_mib = 4", reply).await;
        // What the client holds for each counts too.
        let at_once = attacked.used("in_flight");
        assert!((2.0..=8.0).contains(&at_once), "{at_once}");
    }
}

#[tokio::test]
async fn requests_whose_bodies_never_end() {
    let attacked = Attack::alone("open bodies")
        .lines(&["127.0.0.1:9"])
        .limits("handles = 20000\ncpu_seconds = 20")
        .data_mib(DATA_MIB)
        .spawn(BINARY)
        .await;
    // Each was judged when it came, and what is refused is forgotten.
    attacked.expect(3, &["url-length"]);
    assert_eq!(attacked.requests().len(), 5000);
}

#[tokio::test]
async fn headers_without_number_that_are_never_sent() {
    let attacked = Attack::alone("fat fields")
        .limits("memory_mib = 16\ncpu_seconds = 20")
        .spawn(BINARY)
        .await;
    exhausted(&attacked, "memory_mib", 16);
}

#[tokio::test]
async fn heads_without_bodies_do_not_fill_the_disk_by_way_of_the_journal() {
    let large = format!("x-large: {}\r\n", "x".repeat(350 << 10));
    let api = RawServer::start(move |_| ok(&large, b"")).await;
    let lines: Vec<String> = (0..100)
        .map(|number| format!("GET http 127.0.0.1:{} /api/{number}", api.port()))
        .collect();
    let attacked = Attack::new(&format!("http://127.0.0.1:{}", api.port()), "requests")
        .lines(&lines)
        .limits("output_mib = 1\ncpu_seconds = 20\nwall_seconds = 60")
        .spawn_with(BINARY, &["--journal", "journal"])
        .await;
    attacked.expect(0, &["has reached the limit output_mib"]);
    assert_eq!(attacked.told(), vec!["status 200"; 100]);
    let journal = std::fs::metadata(attacked.directory().join("journal")).unwrap();
    assert!((1..=1 << 20).contains(&journal.len()), "{}", journal.len());
}

#[tokio::test]
async fn a_journals_own_manifest_raises_no_limit() {
    let attacked = Attack::alone("memory")
        .limits("memory_mib = 16\ncpu_seconds = 20")
        .spawn_with(BINARY, &["--journal", "journal"])
        .await;
    exhausted(&attacked, "memory_mib", 16);
    let database = rusqlite::Connection::open(attacked.directory().join("journal")).unwrap();
    let sql = "UPDATE about SET value = replace(value, 'memory_mib = 16', 'memory_mib = 4096')";
    assert_eq!(database.execute(sql, []).unwrap(), 1);
    drop(database);
    std::fs::write(
        attacked.directory().join("limits.toml"),
        "[limits]\nmemory_mib = 128",
    )
    .unwrap();
    let component = end_to_end::component_of("hostile");
    for (arguments, code, word) in [
        (&[][..], 5, "it exhausted the limit memory_mib = 64"),
        // The operator may.
        (&["--limits", "limits.toml"][..], 0, "no difference"),
    ] {
        let output = tokio::process::Command::new(BINARY)
            .args(["compare", "--journal", "journal", "--no-cache"])
            .args(arguments)
            .args([&component, &component])
            .current_dir(attacked.directory())
            .env("XDG_STATE_HOME", attacked.directory().join("state"))
            .output()
            .await
            .unwrap();
        let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{printed}");
        assert!(printed.contains(word), "{printed}");
    }
}

/// Answers of a journal are hoarded as an API's are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_a_journal_that_are_hoarded_keep_their_places() {
    let api = RawServer::start(|_| ok("", &[b'x'; 600_000])).await;
    let line = format!("GET http 127.0.0.1:{} /api/x", api.port());
    let run = |attack: &str, number: usize| {
        Attack::new(&format!("http://127.0.0.1:{}", api.port()), attack)
            .lines(&vec![line.clone(); number])
            .limits("cpu_seconds = 60\nwall_seconds = 3")
    };
    let attacked = run("requests", 1)
        .spawn_with(BINARY, &["--journal", "journal"])
        .await;
    attacked.expect(0, &[]);
    let journal = attacked.directory().join("journal");
    let database = rusqlite::Connection::open(&journal).unwrap();
    let sql =
        "UPDATE about SET value = json_remove(value, '$.settings.attack', '$.settings.lines')";
    assert_eq!(database.execute(sql, []).unwrap(), 1);
    drop(database);
    let journal = journal.to_str().unwrap();
    let attacked = run("hoard first bytes", 1000)
        .data_mib(DATA_MIB)
        .spawn_with(BINARY, &["--journal", journal, "--resume"])
        .await;
    exhausted(&attacked, "wall_seconds", 3);
    assert_eq!(attacked.told().len(), 4);
    assert_eq!(api.heads().len(), 1, "the rest is the journal's");
}

#[tokio::test]
async fn a_log_of_requests_without_number_does_not_fill_the_disk() {
    // Ten thousand, each of which is refused and noted.
    let attacked = Attack::alone("requests in flight")
        .lines(&["GET http 127.0.0.1:9 /<LONG>"])
        .limits("output_mib = 1\nhandles = 1000000\ncpu_seconds = 60\nwall_seconds = 60")
        .spawn_with(BINARY, &["--audit", "all.jsonl"])
        .await;
    attacked.expect(3, &["the audit log reached the limit output_mib"]);
    let all = std::fs::read(attacked.directory().join("all.jsonl")).unwrap();
    for log in [attacked.file("audit.jsonl"), all] {
        assert!(
            ((1 << 19)..(1 << 20) + 1000).contains(&log.len()),
            "{}",
            log.len()
        );
    }
    let audit = attacked.audit();
    let kept = attacked.requests().len() as u64;
    let [.., dropped, ended] = &audit[..] else {
        panic!("{audit:?}")
    };
    assert_eq!(
        (&dropped["event"], &ended["event"]),
        (&"dropped".into(), &"ended".into())
    );
    assert_eq!(dropped["lines"].as_u64().unwrap() + kept, 10_000);
}

#[tokio::test]
async fn trailers_and_answers_of_its_own_that_fill_the_hosts_memory() {
    for attack in ["trailers that are never sent", "answers of its own"] {
        let attacked = Attack::alone(attack)
            .limits("memory_mib = 16\ncpu_seconds = 20\nhandles = 20000")
            .data_mib(DATA_MIB)
            .spawn(BINARY)
            .await;
        match attack {
            // Its own headers count, as a request's do.
            "answers of its own" => exhausted(&attacked, "memory_mib", 16),
            // Trailers are dropped where they come.
            _ => assert_eq!(attacked.code, Some(0), "{}", attacked.printed()),
        }
    }
}

#[tokio::test]
async fn a_disk_that_is_full() {
    let attacked = Attack::alone("endless items")
        .file_kib(3000)
        .spawn(BINARY)
        .await;
    // Not the connector's fault, and what was asked is known.
    attacked.expect(
        1,
        &["the run file can't be written", "make room on the disk"],
    );
    let audit = attacked.audit();
    let last = audit.last().unwrap();
    assert_eq!(
        (&last["event"], &last["outcome"]["kind"]),
        (&"ended".into(), &"host-failed".into())
    );
    let left = std::fs::read_dir(attacked.directory().join("out")).unwrap();
    assert_eq!(left.count(), 1, "nothing half-written is left");
}

#[tokio::test]
async fn heads_of_answers_that_are_kept() {
    let large = format!("x-large: {}\r\n", "x".repeat(300 << 10));
    let api = RawServer::start(move |_| ok(&large, b"{}")).await;
    let line = format!("GET http 127.0.0.1:{} /api/x", api.port());
    let attacked = Attack::new(&format!("http://127.0.0.1:{}", api.port()), "keep heads")
        .lines(&vec![line; 100])
        .limits("memory_mib = 16\ncpu_seconds = 10")
        .spawn(BINARY)
        .await;
    exhausted(&attacked, "memory_mib", 16);
}

/// What the host may take in a process of its own, in MiB: enough for itself and for a connector's memory, and less than
/// what the attacks make it write.
const DATA_MIB: u64 = 150;

#[tokio::test]
async fn what_is_counted_at_the_end_does_not_fill_the_hosts_memory() {
    for attack in ["many warnings", "many types"] {
        let attacked = Attack::alone(attack)
            .data_mib(DATA_MIB)
            .spawn_with(BINARY, &["--no-cache"])
            .await;
        attacked.expect(0, &[]);
        let report = attacked.json();
        assert!(report["entities"].as_object().unwrap().len() <= 101);
        if attack == "many types" {
            assert_eq!(report["entities"]["(other)"], 149_900);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graph_that_takes_long_to_settle_is_cancelled_and_its_items_stay() {
    // SQLite's journal is there as soon as the work on what was emitted has begun.
    let is_settling = |out: &Path| {
        let runs = std::fs::read_dir(out).into_iter().flatten().flatten();
        runs.map(|run| run.path())
            .any(|run| run.join("run.db-journal").exists())
    };
    let attacked = Attack::alone("deep containment")
        .cancelled_inside(BINARY, is_settling)
        .await;
    let report = attacked.json();
    assert_eq!(report["outcome"]["kind"], "cancelled", "{report}");
    assert_eq!(
        attacked.column("SELECT count(*) || '' FROM relation"),
        ["200000"]
    );
    let made = attacked.column("SELECT name FROM sqlite_schema WHERE name = 'loose_relation'");
    assert!(made.is_empty());
    let left = std::fs::read_dir(attacked.directory().join("out")).unwrap();
    assert_eq!(left.count(), 3, "nothing half-written is left");
}

#[tokio::test]
async fn a_graph_that_takes_long_to_settle_is_stopped_at_the_deadline() {
    // On a busy machine the connector itself may need longer than the deadline. Then it gets a later one.
    for seconds in [3, 6, 12, 24, 48] {
        let attacked = Attack::alone("deep containment")
            .limits(&format!("wall_seconds = {seconds}\ncpu_seconds = 60"))
            .spawn(BINARY)
            .await;
        exhausted(&attacked, "wall_seconds", seconds);
        assert!(attacked.used("wall_seconds") >= seconds as f64);
        let relations = attacked.column("SELECT count(*) || '' FROM relation");
        if relations == ["200000"] {
            return;
        }
    }
    panic!("the connector did not come to its end before any deadline");
}

#[tokio::test]
async fn what_a_call_can_not_carry() {
    for attack in ["wide metadata", "shared buffer", "large failure"] {
        let attacked = Attack::alone(attack)
            .limits("memory_mib = 512\ncpu_seconds = 30")
            .spawn(BINARY)
            .await;
        exhausted(&attacked, "call_mib", 16);
    }
    let attacked = Attack::alone("large return")
        .check()
        .limits("memory_mib = 512")
        .spawn(BINARY)
        .await;
    attacked.expect(5, &["it exhausted the limit call_mib = 16"]);
}

#[tokio::test]
async fn a_flood_of_logs_and_progress() {
    let attacked = Attack::alone("flood of logs")
        .limits("log_lines = 100\ncpu_seconds = 30")
        .spawn(BINARY)
        .await;
    attacked.expect(0, &["log_lines is reached"]);
    let lines = attacked.printed().lines().count();
    assert!(lines < 200, "{lines} lines were printed");
    assert!(attacked.used("log_lines") > 200_000.0);

    let attacked = Attack::alone("large log").spawn(BINARY).await;
    attacked.expect(0, &["xxxx"]);
    assert!(attacked.printed().len() < 40_000);
}

#[tokio::test]
async fn sleeping_past_the_deadline() {
    let attacked = Attack::alone("sleep")
        .limits("wall_seconds = 1")
        .spawn(BINARY)
        .await;
    exhausted(&attacked, "wall_seconds", 1);
    assert!(attacked.used("cpu_seconds") < 0.5);
}

/// One function with so many branches that compiling it takes minutes.
fn long_to_compile() -> Vec<u8> {
    let mut body = String::new();
    for number in 0..50_000 {
        let _ = write!(
            body,
            "(if (i32.eq (local.get 0) (i32.const {number})) (then (local.set 1 (i32.add (local.get 1) (local.get 0)))) \
             (else (local.set 0 (i32.mul (local.get 1) (i32.const {number})))))"
        );
    }
    wat::parse_str(format!(
        "(component (core module (func (param i32) (result i32) (local i32) {body} (local.get 1))))"
    ))
    .unwrap()
}

#[tokio::test]
async fn a_component_that_takes_minutes_to_compile() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("slow.wasm");
    std::fs::write(&path, long_to_compile()).unwrap();
    let attacked = Attack::alone("nothing")
        .component(&path)
        .spawn_with(BINARY, &["--compile-seconds", "1", "--no-cache"])
        .await;
    attacked.expect(4, &["took longer than 1 seconds and was stopped"]);
}

#[tokio::test]
async fn a_component_that_takes_too_much_memory_to_compile() {
    let compiler = Compiler {
        program: BINARY.into(),
        deadline: Duration::from_secs(60),
        memory_mib: 24,
    };
    let bytes = std::fs::read(component()).unwrap();
    let error = compiler.compile(&bytes).await.unwrap_err();
    assert!(matches!(error, CompileError::Memory(24)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_is_not_disturbed() {
    let world = World::generate(
        71,
        Sizes {
            users: 12,
            groups: 3,
            projects: 3,
            repositories: 20,
        },
    );
    let case = Case::start(world, Config::default()).await;
    let alone = well_behaved(BINARY, &case.connection).await;
    let hostile = |attack: &'static str| {
        Attack::alone(attack)
            .limits("cpu_seconds = 2\nmemory_mib = 32\nitems = 100000\nhandles = 1000")
            .inside(BINARY)
    };
    let (beside, spun, grown, recursed, flooded, held) = tokio::join!(
        well_behaved(BINARY, &case.connection),
        hostile("spin"),
        hostile("memory"),
        hostile("recursion"),
        hostile("endless items"),
        hostile("request handles"),
    );
    assert!(alone == beside, "the neighbour's output changed");
    for attacked in [spun, grown, recursed, flooded, held] {
        assert_eq!(attacked.report.unwrap().exit_code, 5);
    }
}
