use super::*;
use crate::digest::Digest;
use crate::pace::SystemClock;
use crate::slot::{SlotKind, SlotName};
use futures::future::BoxFuture;

fn about() -> About {
    About {
        connector: "test".into(),
        manifest: "name = \"test\"".into(),
        component: Digest::of(b"component"),
        origin_setting: "api_url".into(),
        settings: [(
            "workspace".to_owned(),
            crate::settings::SettingValue::Text("acme".into()),
        )]
        .into(),
        slots: vec![(
            SlotName::try_from("token".to_owned()).unwrap(),
            SlotKind::Bearer,
        )],
        in_flight: 4,
        requests_per_hour: 0,
        app: None,
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("accept", HeaderValue::from_static("application/json"));
    headers.append("x-odd", HeaderValue::from_bytes(&[0xe4, b'a']).unwrap());
    headers
}

fn asked<'a>(path: &'a str, headers: &'a HeaderMap) -> Asked<'a> {
    Asked {
        method: "GET",
        path,
        slot: "token",
        slots: &[],
        family: "members",
        headers,
    }
}

fn head(headers: &HeaderMap) -> Head<'_> {
    Head::Answer {
        status: StatusCode::OK,
        headers,
        passing: false,
    }
}

fn body(journal: &Journal, kept: &Kept) -> Vec<u8> {
    let mut all = Vec::new();
    let mut number = 0;
    while let Some(piece) = journal.piece(kept, number).unwrap() {
        assert!(piece.len() <= PIECE);
        all.extend_from_slice(&piece);
        number += 1;
    }
    all
}

fn resume(path: &Path) -> Journal {
    Journal::resume(path, &about(), MaxAge::default(), clock()).unwrap()
}

/// A journal with answers to `/0`, `/1` and so on; each body says its number, some are long.
fn filled(path: &Path, answers: usize) {
    let journal = Journal::create(path, &about(), clock()).unwrap();
    for number in 0..answers {
        journal.keep(
            &asked(&format!("/{number}"), &headers()),
            head(&headers()),
            &content(number),
        );
    }
    journal.check().unwrap();
}

fn content(number: usize) -> Vec<u8> {
    format!("answer {number} ")
        .repeat(200 * (1 + number % 3))
        .into_bytes()
}

#[test]
fn what_was_kept_is_given_by_a_journal_that_is_resumed_or_replayed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    filled(&path, 3);
    let (replay, was) = Journal::replay(&path, clock()).unwrap();
    assert_eq!(was, about());
    let resumed = resume(&path);
    for journal in [replay, resumed] {
        for number in 0..3 {
            let kept = journal
                .find(&asked(&format!("/{number}"), &headers()))
                .unwrap();
            assert_eq!(kept.status, Some(StatusCode::OK));
            assert_eq!(kept.headers, headers());
            assert_eq!(body(&journal, &kept), content(number));
        }
        assert!(journal.find(&asked("/3", &headers())).is_none());
        assert!(
            journal.find(&asked("/1", &HeaderMap::new())).is_none(),
            "other headers"
        );
        let headers = headers();
        let other = Asked {
            slot: "other",
            ..asked("/1", &headers)
        };
        assert!(journal.find(&other).is_none(), "another credential");
    }
}

#[test]
fn a_long_body_is_kept_in_pieces_and_an_unfinished_one_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let journal = Journal::create(&path, &about(), clock()).unwrap();
    let long: Vec<u8> = (0..3 * PIECE + 17)
        .map(|number| (number % 251) as u8)
        .collect();
    let mut writer = journal.writer(&asked("/long", &headers()), head(&headers()));
    for chunk in long.chunks(100_000) {
        writer.push(&journal, chunk);
    }
    writer.finish(&journal, &[]);
    let mut unfinished = journal.writer(&asked("/cut", &headers()), head(&headers()));
    unfinished.push(&journal, &long);
    drop((unfinished, journal));
    let journal = resume(&path);
    let kept = journal.find(&asked("/long", &headers())).unwrap();
    assert!(body(&journal, &kept) == long && kept.length == long.len() as u64);
    assert!(journal.find(&asked("/cut", &headers())).is_none());
    let pieces: i64 = journal
        .database()
        .query_row("SELECT count(*) FROM piece", [], |row| row.get(0))
        .unwrap();
    assert_eq!(pieces, 4, "those of the unfinished one are gone");
}

#[test]
fn the_latest_answer_counts_and_an_older_ones_pieces_go() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let journal = Journal::create(&path, &about(), clock()).unwrap();
    for text in ["first", "second"] {
        journal.keep(&asked("/", &headers()), head(&headers()), text.as_bytes());
    }
    drop(journal);
    let journal = resume(&path);
    let kept = journal.find(&asked("/", &headers())).unwrap();
    assert_eq!(body(&journal, &kept), b"second");
    let pieces: i64 = journal
        .database()
        .query_row("SELECT count(*) FROM piece", [], |row| row.get(0))
        .unwrap();
    assert_eq!(pieces, 1);
}

#[test]
fn a_journal_does_not_grow_beyond_its_bound() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    filled(&path, 30);
    let size = |ending: &str| std::fs::metadata(beside(&path, ending)).map_or(0, |file| file.len());
    let noise = |bytes: usize| -> Vec<u8> {
        std::iter::repeat_with(|| fastrand::u8(..))
            .take(bytes)
            .collect()
    };
    let mut large = headers();
    large.insert("x", HeaderValue::from_str(&"x".repeat(300_000)).unwrap());
    let long = "x".repeat(5000);
    // Of bodies, of heads, of paths, of rows alone; and of what is asked again and again.
    let kinds: [(&HeaderMap, usize, &str, bool); 5] = [
        (&headers(), 100_000, "", false),
        (&large, 0, "", false),
        (&headers(), 0, &long, false),
        (&headers(), 0, "", false),
        (&headers(), 100_000, "", true),
    ];
    for (headers, bytes, long, again) in kinds {
        let before = size("");
        let journal = resume(&path).bounded(1 << 20, u64::MAX);
        let mut kept = 0;
        for number in 0..6000 {
            let number = if again { 1 } else { number };
            let path = format!("/{number}{long}{bytes}");
            journal.keep(&asked(&path, headers), head(headers), &noise(bytes));
            kept += 1;
            if journal.bound.is_reached() || again && kept == 100 {
                break;
            }
        }
        // The log may hold one transaction more than its bound.
        let (grown, log) = (size("") + size("-wal") - before, 1 << 19);
        assert!(grown <= (1 << 20) + log, "{grown} bytes of {bytes}");
        journal.check().unwrap();
        assert_eq!(journal.bound.is_reached(), !again, "{kept} of {bytes}");
        drop(journal);
        let grown = size("") - before;
        assert!(grown <= 1 << 20, "{grown} bytes of {bytes}");
        assert!(again || grown > 1 << 19, "{grown} bytes of {bytes}");
        // What was there is given, and what did not fit is not.
        let journal = resume(&path);
        assert!(
            journal
                .find(&asked("/29", &super::tests::headers()))
                .is_some()
        );
        assert!(
            journal
                .find(&asked(&format!("/{kept}{long}{bytes}"), headers))
                .is_none()
        );
    }
}

#[test]
fn what_failed_is_replayed_and_when_resumed_asked_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let journal = Journal::create(&path, &about(), clock()).unwrap();
    journal.keep(&asked("/gone", &headers()), Head::Failure("broken"), b"");
    let passing = Head::Answer {
        status: StatusCode::BAD_GATEWAY,
        headers: &headers(),
        passing: true,
    };
    journal.keep(&asked("/502", &headers()), passing, b"sorry");
    drop(journal);
    let resumed = resume(&path);
    assert!(resumed.find(&asked("/gone", &headers())).is_none());
    assert!(resumed.find(&asked("/502", &headers())).is_none());
    drop(resumed);
    let (replay, _) = Journal::replay(&path, clock()).unwrap();
    let gone = replay.find(&asked("/gone", &headers())).unwrap();
    assert_eq!((gone.status, gone.failure.as_str()), (None, "broken"));
    assert_eq!(
        replay.find(&asked("/502", &headers())).unwrap().status,
        Some(StatusCode::BAD_GATEWAY)
    );
}

/// Always the same time.
struct Standing(Duration);

impl Clock for Standing {
    fn now(&self) -> Duration {
        self.0
    }

    fn sleep(&self, _time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

#[test]
fn what_is_older_than_allowed_is_asked_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let at = |hours: u64| Arc::new(Standing(Duration::from_secs(1_800_000_000 + hours * 3600)));
    let journal = Journal::create(&path, &about(), at(0)).unwrap();
    journal.keep(&asked("/", &headers()), head(&headers()), b"x");
    drop(journal);
    let given = |hours, ages: &str| {
        let journal = Journal::resume(&path, &about(), ages.parse().unwrap(), at(hours)).unwrap();
        journal.find(&asked("/", &headers())).is_some()
    };
    assert!(given(24, "24h") && !given(25, "24h"));
    assert!(given(2, "1h,members=2h") && !given(3, "9h,members=2h"));
    let (replay, _) = Journal::replay(&path, at(1_000_000)).unwrap();
    assert!(replay.find(&asked("/", &headers())).is_some());
}

#[test]
fn what_comes_from_the_future_is_asked_again_and_claims_no_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let at = |hours: u64| Arc::new(Standing(Duration::from_secs(1_800_000_000 + hours * 3600)));
    let journal = Journal::create(&path, &about(), at(1)).unwrap();
    journal.keep(&asked("/", &headers()), head(&headers()), b"x");
    drop(journal);
    for ages in ["1s", "1000000h"] {
        let journal = Journal::resume(&path, &about(), ages.parse().unwrap(), at(0)).unwrap();
        assert!(journal.find(&asked("/", &headers())).is_none(), "{ages}");
    }
    let (replay, _) = Journal::replay(&path, at(0)).unwrap();
    let kept = replay.find(&asked("/", &headers())).unwrap();
    assert_eq!(kept.at, Duration::ZERO);
    // What nobody asked for and comes from the future goes, as what is too old does.
    let ages = "1000000h".parse().unwrap();
    Journal::resume(&path, &about(), ages, at(0))
        .unwrap()
        .finished();
    assert!(resume(&path).find(&asked("/", &headers())).is_none());
}

/// Each field of an answer's row, changed as damage or somebody who does not know the sum may change it.
#[test]
fn a_change_of_any_field_of_an_answer_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole");
    filled(&whole, 1);
    let path = directory.path().join("changed");
    let found = |change: &str| {
        std::fs::copy(&whole, &path).unwrap();
        tampered(&path, change);
        let (replay, _) = Journal::replay(&path, clock()).unwrap();
        replay.find(&asked("/0", &headers())).is_some()
    };
    assert!(found(""));
    let mut changed = 0;
    for (column, value) in [
        ("method", "'HEAD'"),
        ("path", "'/1'"),
        ("slot", "slot || ', other'"),
        ("family", "'other'"),
        ("at", "at + 1"),
        ("status", "404"),
        ("passing", "1"),
        ("headers", "'[]'"),
        ("pieces", "0"),
        ("length", "length - 1"),
        ("id", "id + 1"),
        ("sum", "zeroblob(16)"),
        ("key", "zeroblob(32)"),
    ] {
        let moved = match column {
            // With its pieces.
            "id" => format!("; UPDATE piece SET place = place + {MOST_PIECES}"),
            _ => String::new(),
        };
        assert!(
            !found(&format!("UPDATE answer SET {column} = {value}{moved}")),
            "{column}"
        );
        changed += 1;
    }
    let database = Connection::open(&whole).unwrap();
    let columns = "SELECT count(*) FROM pragma_table_info('answer')";
    let columns: usize = database.query_row(columns, [], |row| row.get(0)).unwrap();
    assert_eq!(changed, columns, "each column is tried");
}

/// Makes the sums of a journal those of the form before this one.
fn made_old(path: &Path) {
    let (key, row) = {
        let journal = resume(path);
        let database = journal.database();
        let sql = "SELECT key, at, headers, pieces, length FROM answer";
        let row = database.query_row(sql, [], |columns| {
            let row = Row {
                id: 0,
                method: String::new(),
                path: String::new(),
                slot: String::new(),
                family: String::new(),
                at: columns.get(1)?,
                status: 200,
                passing: false,
                headers: columns.get(2)?,
                pieces: columns.get(3)?,
                length: columns.get(4)?,
            };
            Ok((columns.get::<_, Vec<u8>>(0)?, row))
        });
        row.unwrap()
    };
    let database = Connection::open(path).unwrap();
    database
        .execute("UPDATE answer SET sum = ?1", [row.old_sum(&key)])
        .unwrap();
    database.execute_batch("PRAGMA user_version = 1;").unwrap();
}

#[test]
fn a_journal_of_the_form_before_is_read_without_what_its_sums_leave_out() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let headers = headers();
    let other = SlotName::try_from("other".to_owned()).unwrap();
    let slots = [other];
    let asked = Asked {
        slots: &slots,
        ..asked("/0", &headers)
    };
    let journal = Journal::create(&path, &about(), clock()).unwrap();
    journal.keep(&asked, head(&headers), &content(0));
    drop(journal);
    let found = || resume(&path).find(&asked);
    assert!(found().unwrap().serves("other"));
    made_old(&path);
    let kept = found().unwrap();
    assert!(kept.serves("token") && !kept.serves("other"));
    // What such a journal is given more has the new sums.
    resume(&path).keep(&asked, head(&headers), &content(0));
    assert!(found().unwrap().serves("other"));
    tampered(&path, "UPDATE answer SET slot = 'token, third'");
    assert!(found().is_none());
    // The old sums count in an old journal alone.
    resume(&path).keep(&asked, head(&headers), &content(0));
    made_old(&path);
    tampered(&path, "PRAGMA user_version = 2");
    assert!(found().is_none());
    tampered(&path, "PRAGMA user_version = 3");
    let unknown = Journal::replay(&path, clock());
    assert!(unknown.is_err_and(|error| error.to_string().contains("reads 1 and 2")));
}

#[test]
fn no_more_is_salvaged_than_a_file_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    filled(&path, 100);
    let salvaged = |number: usize, most: u64| {
        let draft = directory.path().join(number.to_string());
        salvage::copy(&path, &draft, most).unwrap()
    };
    assert_eq!(salvaged(1, salvage::size_of(&path)), 100);
    assert!((1..50).contains(&salvaged(2, 5_000)));
}

#[test]
fn a_journal_is_opened_only_where_it_is_a_file_of_its_own() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    filled(&path("real"), 1);
    std::os::unix::fs::symlink(path("real"), path("link")).unwrap();
    std::os::unix::fs::symlink(path("nothing"), path("dangling")).unwrap();
    std::fs::hard_link(path("real"), path("second")).unwrap();
    std::fs::create_dir(path("directory")).unwrap();
    std::fs::copy(path("real"), path("beside")).unwrap();
    for fifo in ["fifo", "beside-wal"] {
        mknodat(CWD, path(fifo), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }
    for name in ["link", "dangling", "second", "directory", "fifo", "beside"] {
        let path = path(name);
        let resumed = Journal::resume(&path, &about(), MaxAge::default(), clock());
        assert!(resumed.is_err(), "{name}");
        assert!(Journal::replay(&path, clock()).is_err(), "{name}");
        if name != "beside" {
            assert!(Journal::create(&path, &about(), clock()).is_err(), "{name}");
        }
    }
    assert!(!path("nothing").exists());
    // Its directory may be given by a link.
    std::fs::remove_file(path("second")).unwrap();
    std::os::unix::fs::symlink(directory.path(), path("way")).unwrap();
    let journal = resume(&path("way/real"));
    assert!(journal.find(&asked("/0", &headers())).is_some());
}

#[test]
fn a_journal_of_something_else_is_refused_with_what_differs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    filled(&path, 1);
    let refused = |change: fn(&mut About), words: &[&str]| {
        let mut other = about();
        change(&mut other);
        let Err(error) = Journal::resume(&path, &other, MaxAge::default(), clock()) else {
            panic!("it was taken")
        };
        for word in words {
            assert!(error.to_string().contains(word), "{error}");
        }
    };
    refused(|about| about.connector = "x".into(), &["connector", "test"]);
    refused(
        |about| {
            about.settings.insert(
                "workspace".into(),
                crate::settings::SettingValue::Text("other".into()),
            );
        },
        &["workspace", "acme"],
    );
    refused(|about| about.slots.clear(), &["credentials", "token"]);
    let exists = Journal::create(&path, &about(), clock());
    assert!(exists.is_err_and(|error| error.to_string().contains("--resume")));
    let open = resume(&path);
    let again = Journal::resume(&path, &about(), MaxAge::default(), clock());
    assert!(again.is_err_and(|error| error.to_string().contains("in use")));
    drop(open);
    std::fs::write(
        &path,
        "something else, long enough to be taken for a file with pages".repeat(100),
    )
    .unwrap();
    let none = Journal::resume(&path, &about(), MaxAge::default(), clock());
    assert!(none.is_err_and(|error| error.to_string().contains("no journal")));
}

#[test]
fn what_is_intact_of_a_damaged_journal_is_used() {
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole");
    filled(&whole, 300);
    let bytes = std::fs::read(&whole).unwrap();
    let given = |name: &str, damaged: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, damaged).unwrap();
        let journal = Journal::resume(&path, &about(), MaxAge::default(), clock()).ok()?;
        let mut given = 0;
        for number in 0..300 {
            if let Some(kept) = journal.find(&asked(&format!("/{number}"), &headers())) {
                assert_eq!(body(&journal, &kept), content(number), "{name}");
                given += 1;
            }
        }
        Some(given)
    };
    assert_eq!(given("copy", &bytes), Some(300));
    let cut = given("cut", &bytes[..bytes.len() / 2]).unwrap();
    assert!((1..300).contains(&cut), "{cut}");
    // What was overwritten may be an index, of which nothing is missing.
    let mut overwritten = bytes.clone();
    let middle = bytes.len() / 2 / 4096 * 4096;
    overwritten[middle..middle + 4096].fill(0xaa);
    assert!(given("overwritten", &overwritten).unwrap() > 0);
    // One bit. Only where it is in what the journal says of itself is nothing used.
    let (mut unusable, mut fewest) = (0, 300);
    for place in (4096..bytes.len()).step_by(bytes.len() / 40) {
        let mut flipped = bytes.clone();
        flipped[place] ^= 0x10;
        match given(&format!("flipped-{place}"), &flipped) {
            Some(left) => fewest = fewest.min(left),
            None => unusable += 1,
        }
    }
    assert!(unusable <= 2, "{unusable} journals were not used at all");
    assert!((1..300).contains(&fewest), "{fewest}");
}

/// Changes a journal as somebody may who hands it over: the sums are right.
fn tampered(path: &Path, sql: &str) {
    let database = Connection::open(path).unwrap();
    database.execute_batch(sql).unwrap();
}

#[test]
fn what_was_salvaged_is_its_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    filled(&path, 100);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    drop(resume(&path));
    assert!(beside(&path, ".damaged").exists());
    let permissions = std::fs::metadata(&path).unwrap().permissions();
    let mode = std::os::unix::fs::PermissionsExt::mode(&permissions);
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_journal_that_was_made_up_neither_ends_nor_fills_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    filled(&path, 1);
    let put = |path: &str, headers: &str, pieces: i64| {
        let journal = resume(&directory.path().join("journal"));
        let row = Row {
            id: journal.next.load(Ordering::Relaxed),
            method: "GET".to_owned(),
            path: path.to_owned(),
            slot: "token".to_owned(),
            family: "members".to_owned(),
            at: 1,
            status: 200,
            passing: false,
            headers: headers.to_owned(),
            pieces,
            length: 0,
        };
        let key = asked(path, &super::tests::headers()).key();
        insert(&journal.database(), &key, &row).unwrap();
        let empty = zstd::encode_all(&b""[..], 1).unwrap();
        for number in 0..row.pieces {
            let place = row.id * MOST_PIECES + number;
            let sql = "INSERT INTO piece VALUES (?1, ?2)";
            journal
                .database()
                .execute(sql, params![place, empty])
                .unwrap();
        }
    };
    let many: Vec<(String, &str)> = (0..40_000).map(|n| (format!("x-{n}"), "1")).collect();
    put("/many", &serde_json::to_string(&many).unwrap(), 0);
    // An answer whose pieces are more than its length needs could have any number of them.
    put("/pieces", "[]", 3);
    put("/long", &format!("[{}]", " ".repeat(2 << 20)), 0);
    put("/sound", "[]", 0);
    let (replay, _) = Journal::replay(&path, clock()).unwrap();
    assert!(replay.find(&asked("/sound", &headers())).is_some());
    assert!(replay.find(&asked("/many", &headers())).is_none());
    assert!(replay.find(&asked("/pieces", &headers())).is_none());
    assert!(replay.find(&asked("/long", &headers())).is_none());
    drop(replay);
    // One whose window would take 128 MiB to unpack.
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    std::io::Write::write_all(&mut encoder, b"x").unwrap();
    assert!(body::unpack(&encoder.finish().unwrap()).is_err());
}

#[test]
fn a_journal_whose_numbers_are_used_up_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    filled(&path, 1);
    tampered(&path, &format!("UPDATE answer SET id = {}", i64::MAX));
    let opened = Journal::resume(&path, &about(), MaxAge::default(), clock());
    assert!(opened.is_err_and(|error| error.to_string().contains("no journal")));
}

#[test]
fn a_database_that_does_more_than_hold_a_journal_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (number, sql) in [
        "ALTER TABLE answer RENAME TO other; CREATE VIEW answer AS SELECT * FROM other;",
        "CREATE TRIGGER t AFTER INSERT ON answer BEGIN DELETE FROM piece; END;",
        "CREATE TABLE more (x);",
    ]
    .into_iter()
    .enumerate()
    {
        let path = directory.path().join(number.to_string());
        filled(&path, 1);
        tampered(&path, sql);
        let replay = Journal::replay(&path, clock());
        assert!(
            replay.is_err_and(|error| error.to_string().contains("no journal")),
            "{sql}"
        );
        let resumed = Journal::resume(&path, &about(), MaxAge::default(), clock());
        assert!(
            resumed.is_err_and(|error| error.to_string().contains("no journal")),
            "{sql}"
        );
    }
}

#[test]
fn a_journal_whose_run_was_killed_before_it_wrote_is_begun_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    std::fs::write(&path, b"").unwrap();
    drop(resume(&path));
    let path = directory.path().join("logged");
    std::fs::write(&path, b"").unwrap();
    // Its log was begun, and nothing written.
    drop(open(&path).unwrap());
    resume(&path).keep(&asked("/", &headers()), head(&headers()), b"x");
    assert!(resume(&path).find(&asked("/", &headers())).is_some());
}

#[test]
fn what_nobody_asks_for_any_more_takes_no_part_of_what_is_refreshed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let at = |hours: u64| Arc::new(Standing(Duration::from_secs(1_800_000_000 + hours * 3600)));
    for (hour, name) in [(0, "/gone"), (1, "/first"), (2, "/second")] {
        let journal = Journal::resume(&path, &about(), MaxAge::default(), at(hour)).unwrap();
        journal.keep(&asked(name, &headers()), head(&headers()), b"x");
    }
    let run = |hour| {
        let ages = MaxAge::default().refresh(std::num::NonZeroUsize::MIN);
        let journal = Journal::resume(&path, &about(), ages, at(hour)).unwrap();
        let asked_anew = ["/first", "/second"].map(|name| {
            let headers = headers();
            let asked = &asked(name, &headers);
            let found = journal.find(asked).is_some();
            if !found {
                journal.keep(asked, head(&headers), b"y");
            }
            !found
        });
        journal.finished();
        asked_anew
    };
    assert_eq!(
        run(48),
        [false, false],
        "the stalest is one that is not asked for"
    );
    assert_eq!(run(49), [true, false]);
    assert_eq!(run(50), [false, true]);
}
