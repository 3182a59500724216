//! What `make attack` does: every row of SECURITY.md is PASS or FAIL, and what did not run is FAIL.
#![allow(clippy::unwrap_used)]

use end_to_end::table::{self, Summary, Target, Targets};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

const PAGE: &str = "
| key | may a tenant say it? |
|---|---|
| not an attack | `here::no_test` |

| attack | stopped by | test |
|---|---|---|
| one that is stopped | a wall | `attack_table::a_test_that_passes` |
| one whose second test fails | a wall | `attack_table::a_test_that_passes`, `broken::fails` |
| one whose test is not there | a wall | `attack_table::nobody_wrote_this` |
| one whose file is not there | a wall | `attack_nothing::at_all` |
| one whose test is ignored | a wall | `broken::is_ignored` |
| one whose test was skipped | a wall | `broken::is_skipped` |
| one without a test | a wall | |
| one that steers \u{1b}[2J the terminal | a wall | `attack_table::a_test_that_runs_the_binary` |
";

#[test]
fn a_test_that_passes() {}

#[test]
fn a_test_that_runs_the_binary() {
    let ran = std::process::Command::new(BINARY)
        .arg("--version")
        .output()
        .unwrap();
    assert!(ran.status.success());
}

/// A program that lists tests and runs them as cargo's do.
fn broken(directory: &Path) -> Target {
    let program = directory.join("broken");
    let text = "#!/bin/sh
case $2 in
    --format) printf 'fails: test\\nis_ignored: test\\nis_skipped: test\\n' ;;
    fails) printf 'expected \\033[2J this\\n'; exit 101 ;;
    is_ignored) echo 'test result: ok. 0 passed; 0 failed; 1 ignored' ;;
    is_skipped) printf 'skipped: no network\\ntest result: ok. 1 passed; 0 failed\\n' ;;
esac\n";
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    Target {
        program,
        directory: directory.to_path_buf(),
    }
}

#[tokio::test]
async fn a_row_whose_test_fails_is_missing_or_did_not_run_is_a_fail() {
    let directory = tempfile::tempdir().unwrap();
    let own = Target {
        program: std::env::current_exe().unwrap(),
        directory: directory.path().to_path_buf(),
    };
    let targets = Targets::from([
        ("attack_table".to_owned(), own),
        ("broken".to_owned(), broken(directory.path())),
    ]);
    let rows = table::rows(PAGE);
    assert_eq!(rows.len(), 8);
    let mut printed = Vec::new();
    let summary = table::run(&rows, &targets, Path::new(BINARY), &mut printed)
        .await
        .unwrap();
    let printed = String::from_utf8(printed).unwrap();
    assert_eq!(
        summary,
        Summary {
            passed: 2,
            failed: 6
        },
        "{printed}"
    );
    let expected = "\
PASS  one that is stopped
  lib attack_table::a_test_that_passes
FAIL  one whose second test fails
  lib attack_table::a_test_that_passes
  lib broken::fails: it failed (exit status: 101)
      | expected \\u{1b}[2J this
FAIL  one whose test is not there
  lib attack_table::nobody_wrote_this: there is no such test, or more than one
FAIL  one whose file is not there
  lib attack_nothing::at_all: there is no such file of tests
FAIL  one whose test is ignored
  lib broken::is_ignored: it did not run
      | test result: ok. 0 passed; 0 failed; 1 ignored
FAIL  one whose test was skipped
  lib broken::is_skipped: it did not run
      | skipped: no network
FAIL  one without a test
      no test is named
PASS  one that steers \\u{1b}[2J the terminal
      attack_table::a_test_that_runs_the_binary
";
    assert_eq!(printed, expected);
}

#[test]
fn the_binary_of_the_tests_becomes_the_one_that_is_named() {
    let run = |binary: &str| {
        std::process::Command::new(BINARY)
            .arg("a word")
            .env(table::BINARY_VARIABLE, binary)
            .output()
            .unwrap()
    };
    assert_eq!(run("/bin/echo").stdout, b"a word\n");
    let missing = run("/nowhere/portcullis");
    assert!(!missing.status.success());
    let said = String::from_utf8_lossy(&missing.stderr);
    assert!(said.contains("/nowhere/portcullis"), "{said}");
}

#[test]
fn the_compiled_tests_are_found_in_what_cargo_prints() {
    let line = |kind: &str, name: &str, manifest: &str, test: bool| {
        serde_json::json!({
            "reason": "compiler-artifact", "manifest_path": manifest, "executable": format!("/built/{name}"),
            "target": {"kind": [kind], "name": name}, "profile": {"test": test},
        })
        .to_string()
    };
    let end_to_end = "/x/tests/end-to-end/Cargo.toml";
    let messages = [
        line("lib", "portcullis", "/x/host/Cargo.toml", true),
        line("lib", "portcullis", "/x/host/Cargo.toml", false),
        line("test", "attack_egress", end_to_end, true),
        line("test", "attack_egress", "/x/tests/other/Cargo.toml", true),
        line("bin", "portcullis-under-test", end_to_end, false),
        "a line that is no JSON".to_owned(),
    ];
    let found = table::targets(&messages.join("\n"));
    assert_eq!(found.len(), 2);
    assert_eq!(found["host"].program, Path::new("/built/portcullis"));
    assert_eq!(found["host"].directory, Path::new("/x/host"));
    let egress = &found["attack_egress"].directory;
    assert_eq!(egress, Path::new("/x/tests/end-to-end"));
}

/// Runs `scripts/advisories.sh` with a cargo-deny of our own: the exit code, and what was said.
fn advisories(cargo_deny: &str) -> (Option<i32>, String) {
    let home = tempfile::tempdir().unwrap();
    let programs = home.path().join("bin");
    std::fs::create_dir(&programs).unwrap();
    let program = programs.join("cargo-deny");
    std::fs::write(&program, format!("#!/bin/sh\n{cargo_deny}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = std::process::Command::new(end_to_end::root().join("scripts/advisories.sh"))
        .env("CARGO_HOME", home.path())
        // In front of one that is installed.
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("TMPDIR", home.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

#[test]
fn advisories_that_can_not_be_fetched_are_said_to_be_unchecked() {
    let (code, said) = advisories("echo 'no route to host' >&2; exit 1");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no route to host"), "{said}");
    assert!(said.contains("NOT CHECKED"), "{said}");

    let (code, said) = advisories("case \"$*\" in *check*) exit 1 ;; esac");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("concerns a dependency"), "{said}");

    let (code, said) = advisories("exit 0");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("no advisory concerns"), "{said}");
}
