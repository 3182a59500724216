//! Files that a tenant uploads to harm the host: they take no memory to speak of, and are told in words.
#![allow(clippy::unwrap_used)]

use end_to_end::manifest;
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

const ENTITIES: &str = "Name,Entity Type,Source System,Source ID,Source Type,Metadata\n\
    Ann,identity,bitbucket,u,user,\nDevelopers,connection,bitbucket,g,group,\n";

const RELATIONS: &str = "Parent Entity Source ID,Parent Entity Type,Entity Source ID,Entity Type\nu,identity,g,connection\n";

/// The most address space that the process gets, in KiB, with its binary and its threads' stacks.
const MEMORY_KIB: u64 = 512 * 1024;

fn import(directory: &Path, arguments: &[&str]) -> Output {
    Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\""))
        .arg(BINARY)
        .args(["import", "--connector"])
        .arg(manifest())
        .args([
            "--entities",
            "e.csv",
            "--relations",
            "r.csv",
            "--out",
            "out",
        ])
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Imports a file of entities that is written piece by piece, and gives the exit code and what was told.
fn attack(write: impl FnOnce(&mut dyn Write), packed: bool, arguments: &[&str]) -> (i32, String) {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("r.csv"), RELATIONS).unwrap();
    let file = BufWriter::new(fs::File::create(directory.path().join("e.csv")).unwrap());
    if packed {
        let mut encoder = GzEncoder::new(file, Compression::fast());
        write(&mut encoder);
        encoder.finish().unwrap().flush().unwrap();
    } else {
        let mut file = file;
        write(&mut file);
        file.flush().unwrap();
    }
    let output = import(directory.path(), arguments);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        !told.contains(|c: char| c.is_control() && c != '\n'),
        "{told:?}"
    );
    assert!(
        !told.contains("panicked") && !told.contains("memory allocation"),
        "{told}"
    );
    (output.status.code().unwrap_or(-1), told)
}

/// So many MiB of one byte.
fn mib(count: usize, byte: u8) -> impl FnOnce(&mut dyn Write) {
    move |file| {
        file.write_all(ENTITIES.as_bytes()).unwrap();
        let piece = vec![byte; 1 << 20];
        (0..count).for_each(|_| file.write_all(&piece).unwrap());
    }
}

#[test]
fn a_line_without_end_is_one_problem() {
    let (code, told) = attack(mib(600, b'a'), true, &[]);
    assert_eq!(code, 2, "{told}");
    assert!(
        told.contains("e.csv:4: a row of more than 1024 KiB"),
        "{told}"
    );
    assert!(told.contains("refused: 1 problem "), "{told}");
}

#[test]
fn a_quote_that_is_never_closed_is_one_problem() {
    let write = |file: &mut dyn Write| {
        file.write_all(ENTITIES.as_bytes()).unwrap();
        file.write_all(b"Zoe,identity,bitbucket,z,user,\"").unwrap();
        let line = [b'a'; 99].iter().chain(b"\n").copied().collect::<Vec<u8>>();
        (0..1_000_000).for_each(|_| file.write_all(&line).unwrap());
    };
    let (code, told) = attack(write, true, &[]);
    assert_eq!(code, 2, "{told}");
    assert!(
        told.contains("e.csv:4: ") && told.contains("double quote"),
        "{told}"
    );
}

#[test]
fn a_bomb_of_gzip_ends_at_the_limit() {
    let directory = TempDir::new().unwrap();
    let limits = directory.path().join("limits.toml");
    fs::write(&limits, "[limits]\noutput_mib = 100\n").unwrap();
    // Empty lines are no problem, and no end either.
    let (code, told) = attack(
        mib(200, b'\n'),
        true,
        &["--limits", limits.to_str().unwrap()],
    );
    assert_eq!(code, 5, "{told}");
    assert!(told.contains("output_mib = 100"), "{told}");
}

#[test]
fn cells_without_number_are_one_problem() {
    let (code, told) = attack(mib(50, b','), true, &[]);
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("1000 cells"), "{told}");
}

#[test]
fn problems_without_number_do_not_fill_the_disk() {
    let directory = TempDir::new().unwrap();
    let limits = directory.path().join("limits.toml");
    fs::write(&limits, "[limits]\noutput_mib = 20\n").unwrap();
    let (code, told) = attack(
        |file| {
            file.write_all(ENTITIES.as_bytes()).unwrap();
            (0..200_000).for_each(|_| file.write_all(b"a\n").unwrap());
        },
        false,
        &["--limits", limits.to_str().unwrap()],
    );
    assert_eq!(code, 5, "{told}");
    assert!(told.contains("output_mib = 20"), "{told}");
}

#[test]
fn rows_without_number_end_at_the_limit() {
    let directory = TempDir::new().unwrap();
    let limits = directory.path().join("limits.toml");
    fs::write(&limits, "[limits]\nitems = 1\n").unwrap();
    let (code, told) = attack(mib(0, 0), false, &["--limits", limits.to_str().unwrap()]);
    assert_eq!(code, 5, "{told}");
    assert!(told.contains("items = 1"), "{told}");
}

#[test]
fn nothing_in_a_file_steers_a_terminal_or_a_spreadsheet() {
    let directory = TempDir::new().unwrap();
    let nasty = [
        "\u{1b}[2J",
        "\u{202e}txt",
        "\u{0}",
        "=HYPERLINK(\"\"http://a\"\")",
        "@SUM(1)|x",
        "\u{9b}31m",
        "a;=HYPERLINK(\"\"http://a\"\")",
        "a\t=1+1",
        "a;\"\"=1+1",
        "＝1+1",
        "a；＋1+1",
        "admin\u{200b}",
        "admin\u{2028}=1",
    ];
    let mut entities = ENTITIES.replace("Metadata", "Metadata,\u{1b}[31mred");
    for (number, text) in nasty.iter().enumerate() {
        entities += &format!("\"{text}\",\"{text}\",\"{text}\",\"{text}\",\"{text}\",\"{text}\"\n");
        entities += &format!("\"{text}\",identity,bitbucket,name {number},user,\n");
    }
    fs::write(directory.path().join("e.csv"), entities).unwrap();
    fs::write(directory.path().join("r.csv"), RELATIONS).unwrap();
    let output = import(directory.path(), &["--keep-going"]);
    assert_eq!(output.status.code(), Some(3));
    let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let steers = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!told.contains(steers), "{told:?}");
    assert!(!told.contains(['\u{200b}', '\u{2028}']), "{told:?}");
    for name in ["problems.csv", "entities.csv", "run.json"] {
        let text = fs::read_to_string(directory.path().join("out").join(name)).unwrap();
        assert!(!text.contains(steers), "{name}: {text:?}");
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_reader(text.as_bytes());
        if name.ends_with(".csv") {
            let separators = [';', '\t', '\n', '\u{2028}', '；'];
            for cell in text.split(separators) {
                let cell = cell.trim_start_matches(|c: char| c == '"' || c.is_whitespace());
                assert!(
                    !cell.starts_with(['=', '+', '-', '@', '＝', '＋']),
                    "{cell:?}"
                );
            }
            for row in reader.records() {
                let row = row.unwrap();
                assert!(
                    row.iter()
                        .all(|cell| !cell.starts_with(['=', '+', '-', '@'])),
                    "{row:?}"
                );
            }
        }
    }
}
