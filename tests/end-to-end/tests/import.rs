//! Two CSV files in place of a connection: what is taken, what is refused and how it is told, and what is left.
#![allow(clippy::unwrap_used)]

use end_to_end::{Case, manifest, root, run};
use fake_bitbucket::{Config, Sizes, World};
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

const EXPORTS: [&str; 2] = ["entities.csv", "entity_relations.csv"];

const ENTITIES: &str = "\
App,Name,Entity Type,Source System,Source ID,Source Type,Metadata Version,Metadata
bitbucket,Developers,connection,bitbucket,g,group,v1,{}
bitbucket,Ann,identity,bitbucket,u,user,v1,\"{\"\"a\"\":1}\"
bitbucket,Web,resource,bitbucket,p,project,v1,{}
bitbucket,Site,resource,bitbucket,r,repository,v1,{}
";

const RELATIONS: &str = r#"App,Parent Entity Source ID,Parent Entity Type,Entity Source ID,Entity Type,Source System,Metadata Version,Metadata
bitbucket,g,connection,r,resource,bitbucket,v1,"{""connectionType"":""direct"",""level"":""write"",""privilegeName"":""write"",""privilegeValue"":true}"
bitbucket,u,identity,g,connection,bitbucket,v1,"{""connectionType"":""group"",""privilegeName"":""member"",""privilegeValue"":true,""project"":""x""}"
bitbucket,p,resource,r,resource,bitbucket,v1,"{""connectionType"":""containment"",""privilegeName"":""contains"",""privilegeValue"":true}"
"#;

/// Two files, and what came of importing them.
struct Imported {
    code: i32,
    stdout: String,
    stderr: String,
    directory: TempDir,
}

impl Imported {
    fn of(entities: impl AsRef<[u8]>, relations: impl AsRef<[u8]>, arguments: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("e.csv"), entities).unwrap();
        fs::write(directory.path().join("r.csv"), relations).unwrap();
        Self::in_directory(directory, arguments)
    }

    fn in_directory(directory: TempDir, arguments: &[&str]) -> Self {
        let files = ["--entities", "e.csv", "--relations", "r.csv"];
        let output = import(directory.path(), &[&files[..], arguments].concat());
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            directory,
        }
    }

    fn out(&self) -> PathBuf {
        self.directory.path().join("out")
    }

    fn left(&self, name: &str) -> String {
        fs::read_to_string(self.out().join(name)).unwrap()
    }

    fn report(&self) -> serde_json::Value {
        serde_json::from_str(&self.left("run.json")).unwrap()
    }

    #[track_caller]
    fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Whether the exports say what the good files say.
    #[track_caller]
    fn expect_the_same(&self) {
        assert_eq!(self.left("entities.csv"), ENTITIES);
        let rows = |text: &str| {
            let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
            rows.sort();
            rows
        };
        assert_eq!(rows(&self.left("entity_relations.csv")), rows(RELATIONS));
    }
}

fn import(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(BINARY)
        .args(["import", "--connector"])
        .arg(manifest())
        .args(["--out", "out"])
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn two_good_files_leave_what_a_run_leaves() {
    let imported = Imported::of(ENTITIES, RELATIONS, &["--format", "jsonl"]).expect_code(0);
    imported.expect_the_same();
    let mut names: Vec<_> = fs::read_dir(imported.out())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [
        "entities.csv",
        "entities.jsonl",
        "entity_relations.csv",
        "entity_relations.jsonl",
        "run.db",
        "run.json",
    ];
    assert_eq!(names, expected);
    for name in names {
        let mode = fs::metadata(imported.out().join(&name))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
    }
    let report = imported.report();
    assert_eq!(report["way"], "import");
    assert_eq!(report["outcome"]["kind"], "complete");
    assert_eq!(report["entities"]["user"], 1);
    assert_eq!(report["relations"]["containment"], 1);
    assert_eq!(report["files"][0]["rows"], 4);
    assert_eq!(report["coverage"].as_array().unwrap().len(), 2);
    assert_eq!(report["component_sha256"], serde_json::Value::Null);
    let database = rusqlite::Connection::open(imported.out().join("run.db")).unwrap();
    let line: u64 = database
        .query_row("SELECT line FROM entity WHERE source_id = 'r'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(line, 5);
}

#[test]
fn what_people_really_upload_is_read() {
    let utf16 = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let text = format!("\u{feff}{ENTITIES}");
        text.encode_utf16().flat_map(order).collect()
    };
    let header = ENTITIES.lines().next().unwrap();
    let rows = &ENTITIES[header.len()..];
    let starred =
        "app,*NAME,* Entity type,SOURCE SYSTEM*,source_id,Source Type *,metadata version,METADATA";
    let semicolons = "App;Name;Entity Type;Source System;Source ID;Source Type;Metadata Version;Metadata\n\
        bitbucket;Developers;connection;bitbucket;g;group;v1;\n\
        bitbucket;Ann;identity;bitbucket;u;user;v1;\"{\"\"a\"\":1}\"\n\
        bitbucket;Web;resource;bitbucket;p;project;v1;{}\nbitbucket;Site;resource;bitbucket;r;repository;;{}\n";
    let downloaded = "BRN,Timestamp,App,Integration,App,Name,Entity Type,Source System,Source ID,Source Type,Metadata Version,Metadata\n\
        brn:1,2026-01-01,x,i,bitbucket,Developers,connection,bitbucket,g,group,v1,{}\n\
        brn:2,2026-01-01,x,i,bitbucket,Ann,identity,bitbucket,u,user,v1,\"{\"\"a\"\":1}\"\n\
        brn:3,2026-01-01,x,i,bitbucket,Web,resource,bitbucket,p,project,v1,{}\n\
        brn:4,2026-01-01,x,i,bitbucket,Site,resource,bitbucket,r,repository,v1,{}\n";
    let turned = "Metadata,Source ID,Entity Type,Name,Source Type,Source System\n\
        {},g,connection,Developers,group,Bitbucket\n\"{\n \"\"a\"\": 1\n}\",u,IDENTITY,Ann,user,bitbucket\n\
        ,p,Resource,Web,project,bitbucket\n,r,resource,Site,repository,bitbucket\n";
    let uploads: [(&str, Vec<u8>); 13] = [
        (
            "a byte order mark",
            format!("\u{feff}{ENTITIES}").into_bytes(),
        ),
        ("UTF-16, little end first", utf16(u16::to_le_bytes)),
        ("UTF-16, big end first", utf16(u16::to_be_bytes)),
        ("CR LF", ENTITIES.replace('\n', "\r\n").into_bytes()),
        ("CR", ENTITIES.replace('\n', "\r").into_bytes()),
        ("another header", format!("{starred}{rows}").into_bytes()),
        ("semicolons", semicolons.into()),
        ("tabs", semicolons.replace(';', "\t").into_bytes()),
        (
            "a line that names the separator",
            format!("sep=;\r\n{semicolons}").into_bytes(),
        ),
        ("the download form", downloaded.into()),
        ("columns in another order, some missing", turned.into()),
        (
            "empty rows",
            format!("\n{ENTITIES}\n,,,,,,,\n  \n\n").into_bytes(),
        ),
        ("gzip", gzip(ENTITIES.as_bytes())),
    ];
    for (what, entities) in uploads {
        let imported = Imported::of(entities, RELATIONS, &[]);
        assert_eq!(imported.code, 0, "{what}: {}", imported.stderr);
        imported.expect_the_same();
    }
    let imported = Imported::of(semicolons, gzip(RELATIONS.as_bytes()), &[]).expect_code(0);
    assert!(
        imported.stdout.contains("separated by semicolons"),
        "{}",
        imported.stdout
    );
    assert!(
        imported.stdout.contains("packed with gzip"),
        "{}",
        imported.stdout
    );
    let imported = Imported::of(downloaded, RELATIONS, &[]).expect_code(0);
    assert!(
        imported.stdout.contains("BRN, Timestamp, Integration"),
        "{}",
        imported.stdout
    );
}

#[test]
fn one_of_the_files_may_be_standard_input() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("r.csv"), RELATIONS).unwrap();
    let mut process = Command::new(BINARY)
        .args(["import", "--connector"])
        .arg(manifest())
        .args(["--out", "out", "--entities", "-", "--relations", "r.csv"])
        .current_dir(directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    process
        .stdin
        .take()
        .unwrap()
        .write_all(&gzip(ENTITIES.as_bytes()))
        .unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(0));
    let left = fs::read_to_string(directory.path().join("out/entities.csv")).unwrap();
    assert_eq!(left, ENTITIES);
    let output = import(directory.path(), &["--entities", "-", "--relations", "-"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn an_import_that_is_cancelled_says_so_and_leaves_nothing() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("r.csv"), RELATIONS).unwrap();
    let mut process = Command::new(BINARY)
        .args(["import", "--connector"])
        .arg(manifest())
        .args(["--out", "out", "--entities", "-", "--relations", "r.csv"])
        .current_dir(directory.path())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // What is written is read, and then nothing more comes.
    let mut input = process.stdin.take().unwrap();
    input.write_all(ENTITIES.as_bytes()).unwrap();
    let mut told = BufReader::new(process.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    assert!(line.contains("reading standard input"), "{line}");
    let pid = rustix::process::Pid::from_child(&process);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(130));
    told.read_line(&mut line).unwrap();
    assert!(line.contains("cancelled"), "{line}");
    assert!(!directory.path().join("out").exists());
}

/// `tests/uploads`: each folder has two files, and in `expected` the lines that are told of them.
#[test]
fn each_bad_file_is_told_line_by_line() {
    let mut folders: Vec<_> = fs::read_dir(root().join("tests/uploads"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    assert!(folders.len() > 40, "the corpus is here");
    for folder in folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let directory = TempDir::new().unwrap();
        for file in EXPORTS {
            fs::copy(folder.join(file), directory.path().join(file)).unwrap();
        }
        let files = [
            "--entities",
            "entities.csv",
            "--relations",
            "entity_relations.csv",
        ];
        let output = import(
            directory.path(),
            &[&files[..], &["--problems", "problems.csv"]].concat(),
        );
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {told}");
        assert!(
            !directory.path().join("out").exists(),
            "{name}: something was left"
        );
        let lines: Vec<&str> = told
            .lines()
            .filter(|line| {
                EXPORTS
                    .iter()
                    .any(|file| line.starts_with(&format!("{file}:")))
            })
            .collect();
        let expected = fs::read_to_string(folder.join("expected")).unwrap_or_default();
        assert_eq!(lines.join("\n") + "\n", expected, "{name}");
        assert!(
            !told.contains(|c: char| c.is_control() && c != '\n'),
            "{name}"
        );
        assert!(
            told.contains(&format!("refused: {} problem", lines.len())),
            "{name}: {told}"
        );
        // The table has each of them too.
        let mut table = csv::Reader::from_path(directory.path().join("problems.csv")).unwrap();
        let rows: Vec<csv::StringRecord> = table.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(rows.len(), lines.len(), "{name}");
        for (row, line) in rows.iter().zip(&lines) {
            assert!(
                line.starts_with(&format!("{}:{}: ", &row[0], &row[1])),
                "{name}"
            );
            // The table has guards where a formula would begin.
            let told = format!("{}; {}", &row[3], &row[4]).replace('\'', "");
            assert!(line.replace('\'', "").ends_with(&told), "{name}");
            assert!(
                row.iter()
                    .all(|cell| !cell.starts_with(['=', '+', '-', '@'])),
                "{name}"
            );
        }
    }
}

#[test]
fn a_file_with_the_name_of_a_formula_is_none_in_the_table_of_problems() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("=1+1"), "nonsense").unwrap();
    fs::write(directory.path().join("r.csv"), RELATIONS).unwrap();
    let files = ["--entities", "=1+1", "--relations", "r.csv"];
    let arguments = [&files[..], &["--problems", "problems.csv"]].concat();
    assert_eq!(import(directory.path(), &arguments).status.code(), Some(2));
    let mut table = csv::Reader::from_path(directory.path().join("problems.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = table.records().collect::<Result<_, _>>().unwrap();
    assert!(!rows.is_empty());
    assert!(rows.iter().all(|row| &row[0] == "'=1+1"), "{rows:?}");
}

#[test]
fn all_problems_are_counted_and_the_first_hundred_told() {
    let mut entities = ENTITIES.to_owned();
    for number in 0..1000 {
        entities += &format!(",Zoe,usr,bitbucket,z{number},user,v1,{{}}\n");
    }
    let imported = Imported::of(&entities, RELATIONS, &["--problems", "all.csv"]).expect_code(2);
    assert_eq!(imported.stderr.matches("no entity type").count(), 100);
    assert!(
        imported.stderr.contains("refused: 1000 problems"),
        "{}",
        imported.stderr
    );
    assert!(!imported.out().exists());
    let all = imported.directory.path().join("all.csv");
    assert_eq!(
        fs::metadata(&all).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(csv::Reader::from_path(all).unwrap().records().count(), 1000);
}

#[test]
fn keep_going_takes_the_rows_without_problems_and_is_partial() {
    let entities = format!("{ENTITIES},Zoe,usr,bitbucket,z,user,v1,{{}}\n");
    let relations = format!("{RELATIONS},z,identity,g,connection,,,\n,r,resource,p,resource,,,\n");
    let imported = Imported::of(&entities, &relations, &["--keep-going"]).expect_code(3);
    assert_eq!(imported.left("entities.csv"), ENTITIES);
    // A circle has no innocent row.
    let kept = imported.left("entity_relations.csv");
    assert_eq!(kept.lines().count(), 3, "{kept}");
    assert!(!kept.contains("containment"), "{kept}");
    assert_eq!(imported.left("problems.csv").lines().count(), 1 + 4);
    let report = imported.report();
    assert_eq!(report["outcome"]["kind"], "partial");
    let coverage = report["coverage"].as_array().unwrap();
    assert!(
        coverage.iter().all(|row| row["status"] == "partial"),
        "{coverage:?}"
    );

    // A clean import into the same directory leaves nothing of that.
    fs::write(imported.directory.path().join("e.csv"), ENTITIES).unwrap();
    fs::write(imported.directory.path().join("r.csv"), RELATIONS).unwrap();
    let again = Imported::in_directory(imported.directory, &["--keep-going"]).expect_code(0);
    again.expect_the_same();
    assert!(!again.out().join("problems.csv").exists());
}

#[test]
fn a_refused_upload_leaves_an_earlier_one_as_it_was() {
    let imported = Imported::of(ENTITIES, RELATIONS, &[]).expect_code(0);
    let before = imported.left("run.json");
    fs::write(imported.directory.path().join("e.csv"), "nonsense").unwrap();
    let again = Imported::in_directory(imported.directory, &["--keep-going"]).expect_code(2);
    assert_eq!(again.left("run.json"), before);
    again.expect_the_same();
    assert_eq!(
        fs::read_dir(again.out()).unwrap().count(),
        4,
        "nothing else is left"
    );
}

#[test]
fn the_same_row_twice_is_merged_and_counted() {
    let entities = format!("{ENTITIES}{}\n", ENTITIES.lines().nth(2).unwrap());
    let relations = format!("{RELATIONS}{}\n", RELATIONS.lines().nth(1).unwrap());
    let imported = Imported::of(entities, relations, &[]).expect_code(0);
    imported.expect_the_same();
    assert_eq!(imported.report()["duplicates"], 2);
    assert!(
        imported.stdout.contains("2 rows came more than once"),
        "{}",
        imported.stdout
    );
}

#[test]
fn what_a_relation_does_not_say_is_filled_in() {
    let bare = "Parent Entity Source ID,Parent Entity Type,Entity Source ID,Entity Type,Metadata\n\
        u,identity,g,connection,\nu,identity,r,resource,\ng,connection,r,resource,\np,resource,r,resource,\n\
        u,identity,p,resource,\"{\"\"privilegeName\"\":\"\"admin\"\",\"\"level\"\":\"\"mighty\"\"}\"\n";
    let imported = Imported::of(ENTITIES, bare, &[]).expect_code(0);
    let kept = imported.left("entity_relations.csv").replace("\"\"", "'");
    for (row, metadata) in [
        (
            "u,identity,g,",
            "{'connectionType':'group','privilegeName':'member',",
        ),
        (
            "u,identity,r,",
            "{'connectionType':'direct','privilegeName':'access',",
        ),
        (
            "g,connection,r,",
            "{'connectionType':'direct','privilegeName':'access',",
        ),
        (
            "p,resource,r,",
            "{'connectionType':'containment','privilegeName':'contains',",
        ),
        // Guessing a level would make a report wrong in silence.
        (
            "u,identity,p,",
            "{'connectionType':'direct','privilegeName':'admin','privilegeValue':true}",
        ),
    ] {
        let found = kept.lines().find(|line| line.contains(row)).unwrap();
        assert!(found.contains(metadata), "{found}");
    }
    assert!(
        imported.stdout.contains("1 rows have a level"),
        "{}",
        imported.stdout
    );
}

#[test]
fn an_entity_that_only_a_relation_named_counts_as_an_end() {
    let entities = format!(
        "{ENTITIES}bitbucket,{{gone}},identity,bitbucket,{{gone}},user,v1,\"{{\"\"dangling\"\":true}}\"\n"
    );
    let relations = format!("{RELATIONS},{{gone}},identity,g,connection,,,\n");
    let imported = Imported::of(entities, relations, &[]).expect_code(0);
    assert_eq!(imported.report()["dangling_entities"], 1);
}

#[test]
fn another_app_is_said_on_the_command_line() {
    let other = |text: &str| text.replace("bitbucket", "okta");
    Imported::of(other(ENTITIES), other(RELATIONS), &[]).expect_code(2);
    let imported =
        Imported::of(other(ENTITIES), other(RELATIONS), &["--app", "okta"]).expect_code(0);
    assert_eq!(imported.left("entities.csv"), other(ENTITIES));
    // App alone may be whatever somebody called the integration.
    let named = ENTITIES.replace("\nbitbucket,", "\nOur Bitbucket,");
    let imported = Imported::of(named, RELATIONS, &[]).expect_code(0);
    imported.expect_the_same();
    assert!(
        imported.stdout.contains("4 rows name another App"),
        "{}",
        imported.stdout
    );
}

#[test]
fn a_name_loses_the_exports_quote_and_its_line_breaks() {
    let entities = ENTITIES
        .replace(",Ann,", ",'=cmd|' /C calc'!A0,")
        .replace(",Site,", ",\"Si\r\nte\",");
    let imported = Imported::of(entities, RELATIONS, &[]).expect_code(0);
    let database = rusqlite::Connection::open(imported.out().join("run.db")).unwrap();
    let name = |id: &str| -> String {
        let sql = "SELECT name FROM entity WHERE source_id = ?1";
        database.query_row(sql, [id], |row| row.get(0)).unwrap()
    };
    assert_eq!(name("u"), "=cmd|' /C calc'!A0");
    assert_eq!(name("r"), "Si te");
    assert!(
        imported
            .left("entities.csv")
            .contains(",'=cmd|' /C calc'!A0,")
    );
}

#[tokio::test]
async fn a_runs_own_exports_come_out_byte_for_byte() {
    let sizes = Sizes {
        users: 60,
        groups: 9,
        projects: 7,
        repositories: 80,
    };
    for world in [World::generate(61, sizes), World::generate(62, sizes)] {
        let case = Case::start(world, Config::default()).await;
        let ran = run(BINARY, &case.connection).await;
        let read = |name: &str| fs::read(ran.out.join(name)).unwrap();
        let shuffled = |name: &str| {
            let text = String::from_utf8(read(name)).unwrap();
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let mut rows: Vec<csv::StringRecord> =
                reader.records().collect::<Result<_, _>>().unwrap();
            fastrand::Rng::with_seed(7).shuffle(&mut rows);
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(reader.headers().unwrap()).unwrap();
            rows.iter()
                .for_each(|row| writer.write_record(row).unwrap());
            writer.into_inner().unwrap()
        };
        let straight = EXPORTS.map(read);
        let other = EXPORTS.map(shuffled);
        assert_ne!(straight, other);
        for [entities, relations] in [straight, other] {
            let imported = Imported::of(entities, relations, &["--format", "jsonl"]).expect_code(0);
            for name in [&EXPORTS[..], &["entities.jsonl", "entity_relations.jsonl"]].concat() {
                let left = fs::read(imported.out().join(name)).unwrap();
                assert!(left == read(name), "{name} differs");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever texts come in, what is kept of them comes out the same way each time.
    #[test]
    fn what_was_imported_once_is_imported_again_byte_for_byte(
        texts in proptest::collection::vec((".{0,12}", any::<String>(), any::<String>(), 0_usize..3), 1..30),
    ) {
        let mut entities = csv::Writer::from_writer(Vec::new());
        let mut relations = csv::Writer::from_writer(Vec::new());
        entities.write_record(ENTITIES.lines().next().unwrap().split(',')).unwrap();
        relations.write_record(RELATIONS.lines().next().unwrap().split(',')).unwrap();
        entities.write_record(["", "Site", "resource", "bitbucket", "r", "repository", "", ""]).unwrap();
        for (id, name, note, kind) in &texts {
            let metadata = serde_json::json!({ "note": note, "list": [note, name], "deep": { "x": [null, 1.5, note] } });
            let holder = ["identity", "connection", "resource"][*kind];
            let metadata = metadata.to_string();
            entities.write_record(["", name, holder, "bitbucket", id, "thing", "v1", &metadata]).unwrap();
            relations.write_record(["", id, holder, "r", "resource", "", "v1", &metadata]).unwrap();
        }
        let [entities, relations] = [entities, relations].map(|writer| writer.into_inner().unwrap());
        let first = Imported::of(entities, relations, &["--keep-going"]);
        prop_assert!(matches!(first.code, 0 | 3), "{}", first.stderr);
        let kept = EXPORTS.map(|name| first.left(name));
        let second = Imported::of(&kept[0], &kept[1], &[]);
        prop_assert_eq!(second.code, 0, "{}", second.stderr);
        prop_assert_eq!(EXPORTS.map(|name| second.left(name)), kept);
    }
}

#[test]
fn the_template_can_be_imported_as_it_is() {
    let directory = TempDir::new().unwrap();
    let template = || {
        let output = Command::new(BINARY)
            .args(["template", "--connector"])
            .arg(manifest())
            .args(["--out", "files"])
            .current_dir(directory.path())
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    assert_eq!(template(), (0, String::new()));
    let files = directory.path().join("files");
    let text = EXPORTS.map(|name| fs::read_to_string(files.join(name)).unwrap());
    let imported = Imported::of(&text[0], &text[1], &[]).expect_code(0);
    assert_eq!(EXPORTS.map(|name| imported.left(name)), text);
    assert!(imported.report()["warnings"].as_array().unwrap().is_empty());
    // Somebody may have written into them.
    let (code, told) = template();
    assert!(code == 1 && told.contains("is there already"), "{told}");
}
