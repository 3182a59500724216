//! What the API answered is kept: a run that was killed goes on where it was, a journal is replayed without the API, and two
//! versions of a component are compared over it.
#![allow(clippy::unwrap_used)]

use end_to_end::{Case, Connector, Prepared, component, component_of};
use fake_bitbucket::{Behaviour, Config, Sizes, World};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

const SIZES: Sizes = Sizes {
    users: 130,
    groups: 8,
    projects: 12,
    repositories: 120,
};

const EXPORTS: [&str; 2] = ["entities.csv", "entity_relations.csv"];

async fn case(seed: u64) -> Case {
    let behaviour = Behaviour {
        latency: Duration::from_millis(2),
        ..Behaviour::default()
    };
    let config = Config {
        behaviour,
        ..Config::default()
    };
    Case::start(World::generate(seed, SIZES), config).await
}

async fn ended(prepared: &Prepared, arguments: &[&str]) -> Output {
    let mut process = prepared.process(BINARY, "run", arguments);
    process.output().await.unwrap()
}

/// A workspace, and a run over it that kept a journal.
async fn recorded(seed: u64) -> (Case, Prepared) {
    let case = case(seed).await;
    let prepared = Prepared::new(&case.connection);
    expect(&ended(&prepared, &["--journal", "journal"]).await, 0, &[]);
    (case, prepared)
}

#[track_caller]
fn expect(output: &Output, code: i32, words: &[&str]) {
    let printed = [output.stdout.as_slice(), &output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert_eq!(output.status.code(), Some(code), "{printed}");
    for word in words {
        assert!(printed.contains(word), "{word:?} is not in {printed}");
    }
}

fn exports(prepared: &Prepared) -> [Vec<u8>; 2] {
    EXPORTS.map(|name| fs::read(prepared.directory().join("out").join(name)).unwrap())
}

/// How often each request was answered, with whichever credential: what was lost with a killed run may be asked for again with
/// the other one.
fn answered(case: &Case) -> BTreeMap<String, usize> {
    let mut answered = BTreeMap::new();
    for seen in &case.server.requests().0 {
        *answered.entry(seen.url()).or_insert(0) += 1;
    }
    answered
}

/// The bytes of the journal and its log.
fn bytes(prepared: &Prepared) -> u64 {
    let size =
        |name: &str| fs::metadata(prepared.directory().join(name)).map_or(0, |file| file.len());
    size("journal") + size("journal-wal")
}

/// When a run is killed.
enum Point {
    /// When so many requests were answered.
    Answers(usize),
    /// When the journal has so many bytes.
    Bytes(u64),
}

/// Starts a run and kills it. Tells whether it was still running.
async fn killed(case: &Case, prepared: &Prepared, point: &Point) -> bool {
    let arguments = ["--journal", "journal", "--resume"];
    let mut process = prepared.process(BINARY, "run", &arguments);
    process
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut child = process.spawn().unwrap();
    loop {
        let reached = match point {
            Point::Answers(answers) => case.server.requests().count() >= *answers,
            Point::Bytes(size) => bytes(prepared) >= *size,
        };
        if reached {
            child.start_kill().unwrap();
        }
        if reached || child.try_wait().unwrap().is_some() {
            return child.wait().await.unwrap().code().is_none();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_again_and_again_goes_on_and_asks_nothing_twice() {
    // Once with requests spread over both credentials.
    for (seed, requests_per_hour) in [(91, 0), (92, 1_000_000)] {
        let mut case = case(seed).await;
        case.connection.requests_per_hour = requests_per_hour;
        let undisturbed = Prepared::new(&case.connection);
        expect(&ended(&undisturbed, &[]).await, 0, &[]);
        let whole = case.server.requests().count();
        case.server.forget();

        let prepared = Prepared::new(&case.connection);
        // Early, in the middle of a page, after a few bytes more, near the end.
        let mut random = fastrand::Rng::with_seed(seed);
        let mut points: Vec<Point> = (1..=6)
            .map(|part| Point::Answers(whole * part / 7 + random.usize(0..whole / 10)))
            .collect();
        points.insert(0, Point::Answers(1));
        points.insert(3, Point::Bytes(200_000 + random.u64(0..50_000)));
        let mut kills = 0;
        for point in &points {
            kills += usize::from(killed(&case, &prepared, point).await);
        }
        assert!(kills >= 5, "{kills} runs were killed");
        let last = ended(&prepared, &["--journal", "journal", "--resume"]).await;
        expect(&last, 0, &["requests answered by the journal"]);
        assert!(
            exports(&prepared) == exports(&undisturbed),
            "the exports differ"
        );

        let answered = answered(&case);
        assert_eq!(answered.len(), whole, "all was asked");
        let again: usize = answered.values().map(|times| times - 1).sum();
        let in_flight = case.connection.in_flight as usize;
        assert!(
            again <= kills * in_flight,
            "{again} were asked again after {kills} kills"
        );
        // What the killed runs left is gone.
        let left: Vec<_> = fs::read_dir(prepared.directory().join("out"))
            .unwrap()
            .flatten()
            .collect();
        assert_eq!(left.len(), 5, "{left:?}");
    }
}

#[tokio::test]
async fn a_replay_asks_nothing_needs_no_credential_and_gives_the_same() {
    let (case, prepared) = recorded(93).await;
    let live = exports(&prepared);
    let asked = case.server.requests().count();
    let journal = fs::read(prepared.directory().join("journal")).unwrap();
    for secret in [
        &case.connection.token.clone().unwrap(),
        &case.connection.account.clone().unwrap().1,
    ] {
        let found = journal
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "a secret is in the journal");
    }

    fs::remove_dir_all(prepared.directory().join("out")).unwrap();
    let mut process = prepared.process(BINARY, "run", &["--replay", "journal"]);
    process.env_remove("TEST_TOKEN").env_remove("TEST_USERNAME");
    expect(&process.output().await.unwrap(), 0, &[]);
    assert!(exports(&prepared) == live);
    assert_eq!(case.server.requests().count(), asked, "nothing was asked");
}

#[tokio::test]
async fn a_replay_may_name_fewer_credentials_for_a_request_than_the_run_did() {
    // Which of the requests may be made with any of the credentials depends on when answers come.
    let mut case = case(101).await;
    case.connection.requests_per_hour = 1_000_000;
    let prepared = Prepared::new(&case.connection);
    expect(&ended(&prepared, &["--journal", "journal"]).await, 0, &[]);
    let live = exports(&prepared);
    let asked = case.server.requests().count();
    for _ in 0..3 {
        fs::remove_dir_all(prepared.directory().join("out")).unwrap();
        expect(&ended(&prepared, &["--replay", "journal"]).await, 0, &[]);
        assert!(exports(&prepared) == live);
    }
    expect(
        &ended(&prepared, &["--journal", "journal", "--resume"]).await,
        0,
        &[],
    );
    assert_eq!(case.server.requests().count(), asked, "nothing was asked");
}

#[tokio::test]
async fn a_request_that_the_journal_can_not_answer_is_named() {
    let (case, prepared) = recorded(94).await;
    let journal = rusqlite::Connection::open(prepared.directory().join("journal")).unwrap();
    let gone = journal
        .execute("DELETE FROM answer WHERE path LIKE '%/projects?%'", [])
        .unwrap();
    assert!(gone > 0);
    drop(journal);
    let asked = case.server.requests().count();
    let replayed = ended(&prepared, &["--replay", "journal"]).await;
    expect(
        &replayed,
        5,
        &[
            "the journal has no answer to GET /2.0/workspaces/",
            "/projects?",
        ],
    );
    assert_eq!(case.server.requests().count(), asked, "nothing was asked");
}

#[tokio::test]
async fn a_journal_that_is_cut_off_is_used_as_far_as_it_goes() {
    let (case, prepared) = recorded(95).await;
    let live = exports(&prepared);
    let whole = case.server.requests().count();
    case.server.forget();
    let path = prepared.directory().join("journal");
    let length = fs::metadata(&path).unwrap().len();
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(length / 2)
        .unwrap();
    let resumed = ended(&prepared, &["--journal", "journal", "--resume"]).await;
    expect(&resumed, 0, &["is damaged", "answers are intact and used"]);
    assert!(exports(&prepared) == live);
    let asked = case.server.requests().count();
    assert!(asked > 0 && asked < whole, "{asked} of {whole}");
}

#[tokio::test]
async fn a_journal_of_another_workspace_is_refused() {
    let (_case, prepared) = recorded(96).await;
    let again = ended(&prepared, &["--journal", "journal"]).await;
    expect(&again, 2, &["exists", "--resume"]);
    let other = [
        "--journal",
        "journal",
        "--resume",
        "--set",
        "workspace=other",
    ];
    expect(
        &ended(&prepared, &other).await,
        2,
        &["setting workspace", "name another file"],
    );
    let ages = [
        "--journal",
        "journal",
        "--resume",
        "--max-age",
        "membres=1h",
    ];
    expect(&ended(&prepared, &ages).await, 2, &["membres", "members"]);
    let run = fs::read(prepared.directory().join("journal")).unwrap();
    fs::write(prepared.directory().join("text"), &run[..10]).unwrap();
    expect(
        &ended(&prepared, &["--replay", "text"]).await,
        2,
        &["no journal"],
    );
    expect(
        &ended(&prepared, &["--replay", "none"]).await,
        2,
        &["can't be used"],
    );
}

#[tokio::test]
async fn a_run_whose_credential_was_refused_goes_on_with_a_new_one() {
    let case = case(100).await;
    let mut connection = case.connection.clone();
    connection.account = None;
    let prepared = Prepared::new(&connection);
    let arguments = ["--journal", "journal", "--resume"];
    let mut process = prepared.process(BINARY, "run", &arguments);
    process.env("TEST_TOKEN", "a-token-that-has-expired");
    expect(&process.output().await.unwrap(), 4, &["401"]);
    expect(&ended(&prepared, &arguments).await, 0, &[]);
}

#[tokio::test]
async fn what_is_too_old_is_asked_again_by_family() {
    let (case, prepared) = recorded(97).await;
    case.server.forget();
    let arguments = [
        "--journal",
        "journal",
        "--resume",
        "--max-age",
        "members=0s",
    ];
    expect(&ended(&prepared, &arguments).await, 0, &[]);
    let asked = case.server.requests();
    assert!(asked.count() > 0);
    assert!(
        asked
            .0
            .iter()
            .all(|seen| seen.path.ends_with("/permissions") || seen.path.ends_with("/members"))
    );
    // The run file says of each fact when it was read, and of each family.
    let facts = |table: &str, of: &str| -> Vec<Option<i64>> {
        let database = rusqlite::Connection::open(prepared.directory().join("out/run.db")).unwrap();
        let mut query = database
            .prepare(&format!("SELECT read_at FROM {table} WHERE {of}"))
            .unwrap();
        let rows = query.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let members = facts("relation", "kind = 'role'");
    let grants = facts("relation", "kind = 'grant'");
    let all = [&members[..], &grants[..]].concat();
    assert!(members.len() > 100 && grants.len() > 100);
    assert!(all.iter().all(Option::is_some), "each says when");
    assert!(
        members.iter().min() > grants.iter().max(),
        "members were asked for anew, grants were not"
    );
    let entities = facts("entity", "dangling = 0 AND source_type <> 'anonymous'");
    assert!(entities.len() > 200 && entities.iter().all(Option::is_some));
    let database = rusqlite::Connection::open(prepared.directory().join("out/run.db")).unwrap();
    let newest = |family: &str| -> String {
        let sql = "SELECT max(newest) FROM read WHERE family = ?1";
        database.query_row(sql, [family], |row| row.get(0)).unwrap()
    };
    assert!(newest("members") > newest("repositories"));
}

#[tokio::test]
async fn a_workspace_too_big_for_one_hour_is_kept_fresh_by_asking_the_stalest_first() {
    let (case, prepared) = recorded(99).await;
    let all = case.server.requests().count();
    let answers: BTreeMap<String, usize> = answered(&case);
    case.server.forget();
    let part = all.div_ceil(3);
    let most = part.to_string();
    let arguments = [
        &[
            "--journal",
            "journal",
            "--resume",
            "--max-age",
            "0s",
            "--refresh",
        ][..],
        &[&most],
    ]
    .concat();
    for run in 1..=3 {
        expect(&ended(&prepared, &arguments).await, 0, &[]);
        let asked = case.server.requests().count();
        // Several answers of one moment are asked for together.
        let in_flight = case.connection.in_flight as usize;
        let slack = run * in_flight;
        assert!(
            (run * part..=run * part + slack).contains(&asked) || asked >= all,
            "{asked} of {all} after {run} runs of {part}"
        );
    }
    // Nothing was asked for twice before all was asked for once.
    let anew = answered(&case);
    assert_eq!(anew.len(), answers.len());
    let again: usize = anew.values().map(|times| times - 1).sum();
    assert!(again <= 3 * case.connection.in_flight as usize, "{again}");
}

/// Nothing that a terminal or a reader obeys.
#[track_caller]
fn harmless(text: &str) {
    let steers = |c: char| {
        c != '\n' && c.is_control()
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(steers), "{text:?}");
}

#[tokio::test]
async fn nothing_in_a_journal_steers_a_terminal_or_a_report() {
    let (_case, prepared) = recorded(102).await;
    let path = prepared.directory().join("journal");
    let whole = fs::read(&path).unwrap();
    let changed = |field: &str, value: serde_json::Value| {
        fs::write(&path, &whole).unwrap();
        let database = rusqlite::Connection::open(&path).unwrap();
        let text: String = database
            .query_row("SELECT value FROM about", [], |row| row.get(0))
            .unwrap();
        let mut about: serde_json::Value = serde_json::from_str(&text).unwrap();
        match field.split_once('.') {
            Some((table, key)) => about[table][key] = value,
            None => about[field] = value,
        }
        database
            .execute("UPDATE about SET value = ?1", [about.to_string()])
            .unwrap();
    };
    let nasty = "\u{1b}]0;gone\u{7}\u{1b}[2J\u{202e}\u{9b}31m";
    let component = component();
    for (field, value) in [
        ("connector", nasty.into()),
        ("manifest", format!("name = \"{nasty}").into()),
        ("manifest", format!("{nasty} = 1").into()),
        ("settings.workspace", nasty.into()),
        ("settings.deploy_keys", nasty.into()),
        ("settings.api_url", format!("https://{nasty}").into()),
        ("slots", serde_json::json!([[nasty, "bearer"]])),
        ("app", nasty.into()),
        ("origin_setting", nasty.into()),
        ("in_flight", 0.into()),
        ("in_flight", u32::MAX.into()),
    ] {
        changed(field, value);
        for output in [
            compare(&prepared, &component, &component).await,
            ended(&prepared, &["--replay", "journal"]).await,
            ended(&prepared, &["--journal", "journal", "--resume"]).await,
        ] {
            let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            harmless(&printed);
            assert!(!printed.contains("panicked"), "{printed}");
        }
        for name in [
            "run.json",
            "failed-run.json",
            "audit.jsonl",
            "failed-audit.jsonl",
        ] {
            let text = fs::read_to_string(prepared.directory().join("out").join(name));
            let text = text.unwrap_or_default();
            harmless(&text);
            // Nor once a program has read it.
            assert!(!text.to_lowercase().contains("\\u001b"), "{name}: {text}");
        }
    }
    // A table whose name SQLite repeats.
    fs::write(&path, &whole).unwrap();
    let database = rusqlite::Connection::open(&path).unwrap();
    let sql = format!("CREATE TABLE \"{nasty}\" (x)");
    database.execute_batch(&sql).unwrap();
    drop(database);
    let refused = compare(&prepared, &component, &component).await;
    expect(&refused, 2, &["no journal"]);
    harmless(&String::from_utf8(refused.stderr).unwrap());
}

#[tokio::test]
async fn a_replay_takes_app_and_pins_from_the_operator_alone() {
    let (_case, prepared) = recorded(103).await;
    let path = prepared.directory().join("journal");
    let database = rusqlite::Connection::open(&path).unwrap();
    let sql = "UPDATE about SET value = json_set(value, '$.app', 'okta')";
    assert_eq!(database.execute(sql, []).unwrap(), 1);
    drop(database);
    let app = || {
        let text = fs::read_to_string(prepared.directory().join("out/entities.csv")).unwrap();
        let row = text.lines().nth(1).unwrap().to_owned();
        row.split(',').next().unwrap().to_owned()
    };
    let own = app();
    let replayed = ended(&prepared, &["--replay", "journal"]).await;
    expect(&replayed, 0, &["was made for the app okta"]);
    assert_eq!(app(), own);
    expect(
        &ended(&prepared, &["--replay", "journal", "--app", "okta"]).await,
        0,
        &[],
    );
    assert_eq!(app(), "okta");
    let pinned = ended(&prepared, &["--replay", "journal", "--require-pinned"]).await;
    expect(&pinned, 4, &["does not pin"]);
}

async fn compare(prepared: &Prepared, old: &Path, new: &Path) -> Output {
    compare_by(prepared, &[], old, new).await
}

async fn compare_by(prepared: &Prepared, arguments: &[&str], old: &Path, new: &Path) -> Output {
    tokio::process::Command::new(BINARY)
        .args(["compare", "--journal", "journal"])
        .args(arguments)
        .args([old, new])
        .current_dir(prepared.directory())
        .env("XDG_CACHE_HOME", prepared.directory().join("cache"))
        .env("XDG_STATE_HOME", prepared.directory().join("state"))
        .output()
        .await
        .unwrap()
}

#[tokio::test]
async fn two_versions_are_compared_over_the_same_answers() {
    let (case, prepared) = recorded(98).await;
    let asked = case.server.requests().count();
    let old = component();
    let bytes = fs::read(&old).unwrap();
    // Another build of the same source, for size instead of speed: hardly a byte is where it was.
    let same = component_of("bitbucket-small");
    assert_ne!(fs::read(&same).unwrap(), bytes);
    expect(
        &compare(&prepared, &old, &same).await,
        0,
        &["no difference"],
    );

    // By the manifest of another connector, under whose rules the answers would mean something else.
    let other = Connector::SCIM.manifest();
    let by_another = ["--connector", other.to_str().unwrap()];
    expect(
        &compare_by(&prepared, &by_another, &old, &same).await,
        2,
        &["was made by the connector \"bitbucket\""],
    );

    // A build whose mapping is another: it calls everyone on the internet by another type.
    let changed = prepared.directory().join("changed.wasm");
    let (from, to) = (b"anonymous", b"anonimous");
    let mut other = bytes.clone();
    let places: Vec<usize> = (0..bytes.len() - from.len())
        .filter(|place| bytes[*place..].starts_with(from))
        .collect();
    assert!(!places.is_empty());
    for place in places {
        other[place..place + to.len()].copy_from_slice(to);
    }
    fs::write(&changed, other).unwrap();
    let told = compare(&prepared, &old, &changed).await;
    expect(
        &told,
        6,
        &[
            "entities: 0 added, 0 removed, 1 changed",
            "~ identity anyone",
            "=> anonimous",
        ],
    );
    assert_eq!(case.server.requests().count(), asked, "nothing was asked");
}
