//! A hostile connector says things that are meant for whoever reads them: terminals, spreadsheets, databases, people.
#![allow(clippy::unwrap_used)]

use end_to_end::attack::{Attack, Attacked};

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

#[tokio::test]
async fn ids_and_words_that_a_spreadsheet_would_compute_end_the_run() {
    for attack in ["ids", "words"] {
        for text in [
            "=1+1",
            "=cmd|' /C calc'!A0",
            "+cmd|' /C calc'!A0",
            "-cmd|' /C calc'!A0",
            "@SUM(1+1)",
        ] {
            let attacked = Attack::alone(attack).lines(&[text]).spawn(BINARY).await;
            attacked.expect(5, &["breaks the contract", "formula"]);
        }
        // Honest ones may begin with a sign.
        for text in ["-1", "+49", "@me", "{a=b}"] {
            let attacked = Attack::alone(attack).lines(&[text]).spawn(BINARY).await;
            attacked.expect(0, &[]);
        }
    }
    let long = "x".repeat(1025);
    let attacked = Attack::alone("words").lines(&[long]).spawn(BINARY).await;
    attacked.expect(5, &["breaks the contract"]);
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
