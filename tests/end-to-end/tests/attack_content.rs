//! A hostile connector says things that are meant for whoever reads them: terminals, spreadsheets, databases, people.
#![allow(clippy::unwrap_used)]

use end_to_end::attack::{Attack, Attacked, TOKEN};
use end_to_end::raw::{RawServer, ok};

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

/// Nothing that steers a terminal or turns text around.
#[track_caller]
fn harmless(place: &str, text: &str) {
    let found = text.chars().find(|character| {
        (character.is_control() && !matches!(character, '\n' | '\r' | '\t'))
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    });
    assert_eq!(found, None, "in {place}: {text:?}");
}

fn names(attacked: &Attacked) -> Vec<String> {
    let csv = attacked.file("entities.csv");
    let mut reader = csv::Reader::from_reader(csv.as_slice());
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    rows.iter().map(|row| row[1].to_owned()).collect()
}

#[tokio::test]
async fn names_that_steer_terminals_spreadsheets_and_databases() {
    let formulas = [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "'; DROP TABLE entity; --",
        "a\",\"b\nc",
    ];
    let attacked = Attack::alone("nasty names")
        .lines(&formulas)
        .spawn(BINARY)
        .await;
    attacked.expect(0, &[]);
    harmless("the screen", &attacked.printed());
    assert!(!attacked.printed().contains("\nportcullis: complete"));
    // Metadata has the same texts.
    for name in ["entities.csv", "entities.jsonl"] {
        let text = String::from_utf8(attacked.file(name)).unwrap();
        for escaped in ["u001b", "u202e", "u0007", "u0000"] {
            assert!(!text.contains(escaped), "{escaped} is in {name}");
        }
        harmless(name, &text);
    }
    let names = names(&attacked);
    assert_eq!(names.len(), formulas.len() + 1);
    for name in &names {
        harmless("a name", name);
        assert!(
            !name.starts_with(['=', '+', '-', '@', '\t', '\r']),
            "{name:?}"
        );
    }
    assert!(
        names.contains(&"'=cmd|' /C calc'!A0".to_owned()),
        "{names:?}"
    );
    assert_eq!(attacked.column("SELECT '' || count(*) FROM entity"), ["9"]);
}

#[tokio::test]
async fn ids_that_break_lines_end_the_run() {
    for id in [
        "a<LF>b",
        "a<NUL>b",
        "\u{1b}[2J",
        "a\u{85}b",
        "a\u{202e}b",
        "\u{2066}",
        "<EMPTY>",
    ] {
        let attacked = Attack::alone("ids").lines(&[id]).spawn(BINARY).await;
        attacked.expect(5, &["breaks the contract"]);
        harmless("the screen", &attacked.printed());
    }
    let long = "x".repeat(1025);
    Attack::alone("ids")
        .lines(&[long])
        .spawn(BINARY)
        .await
        .expect(5, &["breaks the contract"]);
}

/// Asserts that no reader finds a cell that it would compute, whatever it takes for the separator and whether or not it knows
/// quotes.
#[track_caller]
fn computes_nothing(name: &str, text: &str) {
    let signs = "=+-@\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}\u{fe66}\u{2212}";
    let dropped = |c: char| c == '"' || c.is_whitespace() || c == '\u{feff}';
    let harmless = |cell: &str| {
        let cell = cell.trim_start_matches(dropped);
        // `-1` and `@me` may be an id.
        let is_short = cell.len() < 5 && !cell.contains(['=', '(', '|', '!']);
        assert!(
            is_short || !cell.starts_with(|c| signs.contains(c)),
            "{cell:?} in {name}"
        );
    };
    for separator in [b',', b';', b'\t', b'|'] {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        for row in reader.records() {
            row.unwrap().iter().for_each(harmless);
        }
        let unquoted =
            text.split(|c| c == char::from(separator) || "\n\u{2028}\u{2029}\u{ff1b}".contains(c));
        if separator != b',' {
            unquoted.for_each(harmless);
        }
    }
}

#[tokio::test]
async fn no_reader_finds_a_cell_that_computes() {
    let formula = "=HYPERLINK(\"\"http://a\"\")";
    let names: Vec<String> = [
        ";",
        "; ",
        "\t",
        "\";\"",
        ";\"",
        ";;",
        "x;",
        "x,",
        "x;\u{feff}",
        "x\u{2028}",
        "；",
        "é；",
        " ",
        "\"",
        "\u{a0}",
    ]
    .iter()
    .flat_map(|before| {
        [
            format!("{before}{formula}"),
            format!("{before}＝1"),
            format!("{before}－1＋2＠3"),
        ]
    })
    .chain([
        "＝1".into(),
        "﹦1".into(),
        "\u{2212}2+3".into(),
        "a;@b;+c;-d".into(),
    ])
    .collect();
    let attacked = Attack::alone("nasty names")
        .lines(&names)
        .spawn(BINARY)
        .await;
    attacked.expect(0, &[]);
    for name in ["entities.csv", "entity_relations.csv"] {
        let text = String::from_utf8(attacked.file(name)).unwrap();
        computes_nothing(name, &text);
    }
    // Nothing but the guards was added, and metadata has the same value.
    let csv = attacked.file("entities.csv");
    let mut reader = csv::Reader::from_reader(csv.as_slice());
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    for row in &rows {
        let Ok(number) = row[4].parse::<usize>() else {
            continue;
        };
        // Settings are trimmed.
        let name = names[number].trim();
        let kept = name.replace('\t', "\u{fffd}");
        assert_eq!(row[1].replace('\'', ""), kept);
        let metadata: serde_json::Value = serde_json::from_str(&row[7]).unwrap();
        assert_eq!(metadata["note"], name);
    }
}

#[tokio::test]
async fn a_line_of_json_is_one_line_for_every_reader() {
    let names = [
        "a\u{2028}b",
        "a\u{2029}b",
        "family 👩\u{200d}👧",
        "نامه\u{200c}ها",
    ];
    let attacked = Attack::alone("nasty names")
        .lines(&names)
        .spawn(BINARY)
        .await;
    attacked.expect(0, &[]);
    let ends = ['\u{85}', '\u{2028}', '\u{2029}'];
    for name in ["entities.jsonl", "run.json", "audit.jsonl"] {
        let text = String::from_utf8(attacked.file(name)).unwrap();
        assert!(!text.contains(ends), "{name}: {text}");
    }
    let lines = String::from_utf8(attacked.file("entities.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), names.len() + 1);
    // Names keep what people write.
    let read: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for name in names {
        assert!(read.iter().any(|row| row["Name"] == name), "{name:?}");
    }
}

/// Ids and words that would be a formula, or that show something else than they are.
const MISLEADING: [(&str, &str); 22] = [
    ("=1+1", "=1+1"),
    ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
    ("+cmd|' /C calc'!A0", "+cmd|"),
    ("-cmd|' /C calc'!A0", "-cmd|"),
    ("@SUM(1+1)", "@SUM(1+1)"),
    ("a;=1+1", "a;=1+1"),
    ("a;@b", "a;@b"),
    ("a; =1+1", "a; =1+1"),
    ("\"=1+1", "=1+1"),
    ("＝1+1", "＝1+1"),
    ("a；＋1", "a；＋1"),
    ("＠SUM（1）", "＠SUM（1）"),
    ("ad\u{2028}min", "ad\\u{2028}min"),
    ("admin\u{200b}", "admin\\u{200b}"),
    ("ad\u{ad}min", "ad\\u{ad}min"),
    ("admin\u{200e}", "admin\\u{200e}"),
    ("\u{feff}admin", "\\u{feff}admin"),
    ("admin\u{fe0f}", "admin\\u{fe0f}"),
    ("admin\u{3164}", "admin\\u{3164}"),
    ("admin\u{e0041}", "admin\\u{e0041}"),
    ("admin\u{2800}", "admin\\u{2800}"),
    ("the\u{a0}admin", "the\u{a0}admin"),
];

#[tokio::test]
async fn ids_and_words_that_mislead_are_left_out_and_named() {
    for (text, shown) in MISLEADING {
        let attacked = Attack::alone("misleading")
            .lines(&[text])
            .spawn(BINARY)
            .await;
        attacked.expect(3, &["partial"]);
        let everything = attacked.everything();
        assert!(
            !everything.contains("an end of theirs is no entity"),
            "{everything}"
        );
        assert_eq!(names(&attacked), ["group", "honest"], "{text:?}");
        let relations = String::from_utf8(attacked.file("entity_relations.csv")).unwrap();
        assert_eq!(relations.lines().count(), 2, "{text:?}: {relations}");
        // Coverage says how many of each are missing, and which.
        let report = attacked.json();
        let rows = report["coverage"].as_array().unwrap();
        let reason = |family: &str| {
            let row = rows
                .iter()
                .find(|row| row["family"] == family && row["source"] == "host");
            let row = row.unwrap_or_else(|| panic!("{text:?}: {rows:?}"));
            assert_eq!(row["status"], "partial");
            row["reason"].as_str().unwrap().to_owned()
        };
        assert!(
            reason("entities").starts_with("3 left out"),
            "{}",
            reason("entities")
        );
        assert!(
            reason("relations").starts_with("3 left out"),
            "{}",
            reason("relations")
        );
        assert!(
            reason("relations").contains("1 left out together"),
            "{}",
            reason("relations")
        );
        assert!(
            reason("coverage").starts_with("1 left out"),
            "{}",
            reason("coverage")
        );
        for family in ["entities", "relations", "coverage"] {
            let shown = shown.replace('"', "'");
            assert!(
                reason(family).contains(&shown),
                "{text:?}: {}",
                reason(family)
            );
        }
        if !text.contains(['=', '@', '+', '-', '＝', '＋', '＠', '\u{a0}']) {
            // As it is it is in run.db alone, and among the settings of this attack.
            let files = ["entities.csv", "entity_relations.csv", "entities.jsonl"];
            let files = files.map(|name| String::from_utf8(attacked.file(name)).unwrap());
            let read = files.concat() + &attacked.printed();
            assert!(!read.contains(text), "{text:?} is somewhere as it is");
        }
    }
    // Honest ones may begin with a sign.
    for text in [
        "-1",
        "+49",
        "@me",
        "{a=b}",
        "a;b",
        "CN=Ann,OU=x",
        "Müller (a)",
    ] {
        for attack in ["ids", "words"] {
            let attacked = Attack::alone(attack).lines(&[text]).spawn(BINARY).await;
            attacked.expect(0, &[]);
        }
    }
    let long = "x".repeat(1025);
    let attacked = Attack::alone("words").lines(&[long]).spawn(BINARY).await;
    attacked.expect(5, &["breaks the contract"]);
}

#[tokio::test]
async fn what_is_left_out_without_number_is_named_in_a_few_words() {
    let ids: Vec<String> = (0..500)
        .map(|number| format!("={number}{}", "x".repeat(900)))
        .collect();
    let attacked = Attack::alone("ids").lines(&ids).spawn(BINARY).await;
    attacked.expect(3, &["500 left out"]);
    let report = attacked.json();
    let row = &report["coverage"][0];
    assert_eq!(row["source"], "host");
    assert!(row["reason"].as_str().unwrap().len() < 600, "{row}");
}

#[tokio::test]
async fn names_that_look_alike_are_told_apart_on_the_screen() {
    // Types are words, so that only scopes, reasons and warnings have such characters there.
    let text = "admin\u{200b}\u{fe0f}";
    let attacked = Attack::alone("fail")
        .lines(&["defect", text])
        .spawn(BINARY)
        .await;
    attacked.expect(5, &["admin\\u{200b}\\u{fe0f}"]);
    assert!(!attacked.printed().contains(text));
}

#[tokio::test]
async fn what_the_host_says_is_not_crowded_out() {
    let body = format!("<{TOKEN}>");
    let api = RawServer::start(move |_| ok("", body.as_bytes())).await;
    let attacked = Attack::new(&format!("http://127.0.0.1:{}", api.port()), "crowd out")
        .lines(&[
            format!("GET http 127.0.0.1:{} /api/echo", api.port()),
            format!("GET http 127.0.0.1:{} /elsewhere", api.port()),
        ])
        .spawn(BINARY)
        .await;
    let printed = attacked.printed();
    assert!(matches!(attacked.code, Some(3 | 5)), "{printed}");
    let report = attacked.json();
    let texts = |name: &str| -> Vec<String> {
        let texts = report[name].as_array().unwrap().iter();
        texts
            .map(|text| text.as_str().unwrap().to_owned())
            .collect()
    };
    let (all, host, connector) = (
        texts("warnings"),
        texts("host_warnings"),
        texts("connector_warnings"),
    );
    // The host's are all there, first, and there are few of them.
    let found = "a secret of this connection was found";
    assert!(host[0].starts_with(found), "{host:?}");
    assert!(
        host.iter()
            .any(|text| text.contains("were refused by the policy's rule")),
        "{host:?}"
    );
    assert!(host.len() < 10);
    assert_eq!(all[..host.len()], host);
    // The connector's are marked, whatever they look like.
    assert_eq!(connector.len(), 500);
    for (marked, said) in all[host.len()..].iter().zip(&connector) {
        assert_eq!(*marked, format!("connector: {said}"));
    }
    assert_eq!(report["connector_warning_rows"], 1504);
    // So is its coverage.
    let rows = report["coverage"].as_array().unwrap();
    assert_eq!(rows[0]["source"], "host");
    assert_eq!(rows[0]["family"], "entities");
    assert!(rows[1..].iter().all(|row| row["source"] == "connector"));
    // On the screen too.
    let lines: Vec<&str> = printed.lines().collect();
    let place = |text: &str| lines.iter().position(|line| line.contains(text));
    assert!(place(&format!("warning: {found}")) < place("the host found no secret"));
    assert!(place(&format!("warning: {found}")).is_some());
    for line in &lines {
        let is_connectors = line.contains("connector");
        for text in [
            "the host found",
            "of nobody",
            "host: all is well",
            "this is the host",
        ] {
            assert!(is_connectors || !line.contains(text), "{line:?}");
        }
    }
    let mine =
        attacked.column("SELECT DISTINCT source FROM warning WHERE text LIKE '%host found%'");
    assert_eq!(mine, ["connector"]);
    assert!(lines.len() < 140, "{} lines", lines.len());
}

#[tokio::test]
async fn a_failure_is_in_the_connectors_words_and_says_so() {
    let message = "all is well\" (the host saw: nothing wrong)";
    let quoted = "the connector says \"all is well' (the host saw: nothing wrong)\"";
    for (kind, code) in [
        ("bad-setting", 2),
        ("unauthorised", 4),
        ("not-found", 4),
        ("api-failure", 4),
        ("unreachable", 1),
        ("host-refused", 5),
        ("defect", 5),
    ] {
        let attack = || Attack::alone("fail").lines(&[kind, message]);
        let attacked = attack().spawn(BINARY).await;
        attacked.expect(code, &[quoted]);
        let report = attacked.json();
        assert!(
            report["message"].as_str().unwrap().contains(quoted),
            "{kind}"
        );
        if kind == "bad-setting" {
            let named = "the setting \"all is well' (the host saw: nothing wrong)\" is wrong";
            attacked.expect(code, &[named]);
        }
        attack().check().spawn(BINARY).await.expect(code, &[quoted]);
    }
}

#[tokio::test]
async fn findings_without_number_are_counted_and_the_first_are_shown() {
    let attacked = Attack::alone("many findings").check().spawn(BINARY).await;
    // The exit code is that of all of them, and what can't be read is among those that are shown.
    attacked.expect(3, &["the last", "149901 more findings are not shown"]);
    let lines = attacked.printed().lines().count();
    assert!(lines < 150, "{lines} lines were printed");
}

#[tokio::test]
async fn text_that_is_none_ends_the_run() {
    Attack::alone("invalid text")
        .spawn(BINARY)
        .await
        .expect(5, &["the connector crashed", "utf-8"]);
}

#[tokio::test]
async fn a_failure_is_told_without_what_steers_a_terminal() {
    let attacked = Attack::alone("nasty failure").spawn(BINARY).await;
    attacked.expect(5, &["the connector failed", "DROP TABLE"]);
    harmless("the screen", &attacked.printed());
    assert!(!attacked.printed().contains("\nportcullis: complete"));
}

#[tokio::test]
async fn entities_that_disagree_are_kept_once_and_told() {
    let attacked = Attack::alone("disagreement").spawn(BINARY).await;
    attacked.expect(0, &["came more than once and disagreed"]);
    assert_eq!(names(&attacked).len(), 1);
}

#[tokio::test]
async fn a_relation_to_nowhere_is_no_grant_and_no_success() {
    let attacked = Attack::alone("relation to nowhere").spawn(BINARY).await;
    attacked.expect(3, &["an end of theirs is no entity"]);
    let relations = String::from_utf8(attacked.file("entity_relations.csv")).unwrap();
    assert_eq!(relations.lines().count(), 1, "{relations}");
}

#[tokio::test]
async fn a_relation_to_itself_ends_the_run() {
    Attack::alone("relation to itself")
        .spawn(BINARY)
        .await
        .expect(5, &["of an entity with itself"]);
}

#[tokio::test]
async fn a_circle_of_containments_is_told_and_no_success() {
    Attack::alone("containment cycle")
        .spawn(BINARY)
        .await
        .expect(3, &["3 containments form circles"]);
}
