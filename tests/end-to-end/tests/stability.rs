//! The same data gives the same files, and an earlier run's files are safe.
#![allow(clippy::unwrap_used)]

use end_to_end::inside::{check_and_run, machine};
use end_to_end::{Case, run};
use fake_bitbucket::{Behaviour, Config, Sizes, World};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

const SIZES: Sizes = Sizes {
    users: 50,
    groups: 8,
    projects: 9,
    repositories: 130,
};

const EXPORTS: [&str; 4] = [
    "entities.csv",
    "entity_relations.csv",
    "entities.jsonl",
    "entity_relations.jsonl",
];

#[tokio::test]
async fn two_runs_give_the_same_bytes_whatever_the_order_of_answers() {
    let mut case = Case::start(World::generate(31, SIZES), Config::default()).await;
    let first = run(BINARY, &case.connection).await;
    case.connection.in_flight = 1;
    let second = run(BINARY, &case.connection).await;
    for name in EXPORTS {
        let (one, other) = (
            fs::read(first.out.join(name)).unwrap(),
            fs::read(second.out.join(name)).unwrap(),
        );
        assert!(!one.is_empty() && one == other, "{name} differs");
    }
}

#[tokio::test]
async fn one_prepared_run_can_be_checked_and_run() {
    // Each call into the guest has a runtime of its own, and the connections of the first are gone in the second.
    let case = Case::start(World::generate(36, SIZES), Config::default()).await;
    assert_eq!(check_and_run(&machine(BINARY), &case.connection).await, 0);
}

#[tokio::test]
async fn the_files_have_the_products_columns_and_belong_to_their_owner_alone() {
    let case = Case::start(World::generate(32, SIZES), Config::default()).await;
    let ended = run(BINARY, &case.connection).await;
    let head = |name: &str| {
        fs::read_to_string(ended.out.join(name))
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        head("entities.csv"),
        "App,Name,Entity Type,Source System,Source ID,Source Type,Metadata Version,Metadata"
    );
    assert_eq!(
        head("entity_relations.csv"),
        "App,Parent Entity Source ID,Parent Entity Type,Entity Source ID,Entity Type,Source System,Metadata Version,Metadata"
    );
    for name in EXPORTS.iter().chain(&["run.db", "run.json", "audit.jsonl"]) {
        let mode = fs::metadata(ended.out.join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(
        fs::read_dir(&ended.out).unwrap().count(),
        7,
        "nothing else is left"
    );
}

#[tokio::test]
async fn every_relation_says_its_workspace() {
    let case = Case::start(World::generate(33, SIZES), Config::default()).await;
    let ended = run(BINARY, &case.connection).await;
    let text = fs::read_to_string(ended.out.join("entity_relations.jsonl")).unwrap();
    let mut relations = 0;
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            row["Metadata"]["project"],
            case.server.world().workspace.slug.as_str(),
            "{line}"
        );
        relations += 1;
    }
    assert!(relations > SIZES.repositories);
}

/// Runs into a directory of the test's own.
fn run_into(
    out: &Path,
    connection: &end_to_end::Connection,
    workspace: &str,
) -> std::process::Output {
    run_with(out, connection, workspace, &[])
}

fn run_with(
    out: &Path,
    connection: &end_to_end::Connection,
    workspace: &str,
    arguments: &[&str],
) -> std::process::Output {
    std::process::Command::new(BINARY)
        .args(["run", "--allow-private-networks", "--allow-plain-http"])
        .arg("--connector")
        .arg(end_to_end::manifest())
        .args([
            "--set",
            &format!("api_url={}", connection.api_url),
            "--set",
            &format!("workspace={workspace}"),
        ])
        .args(["--secret", "workspace-token.token=env:TEST_TOKEN"])
        .arg("--out")
        .arg(out)
        .args(arguments)
        .env("TEST_TOKEN", connection.token.as_deref().unwrap())
        .output()
        .unwrap()
}

fn fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_among_the_results_is_neither_waited_for_nor_followed() {
    use std::os::unix::fs::symlink;
    let case = Case::start(World::generate(37, SIZES), Config::default()).await;
    let slug = case.server.world().workspace.slug.clone();
    let directory = tempfile::tempdir().unwrap();
    let (out, other) = (directory.path().join("out"), directory.path().join("other"));
    for name in [".run-fifo", ".run-old", ".run-deep/below"] {
        fs::create_dir_all(out.join(name)).unwrap();
    }
    fs::create_dir(&other).unwrap();
    fs::write(other.join("lock"), "").unwrap();
    fs::write(other.join("precious"), "precious").unwrap();
    // Of runs that were killed, as it seems.
    fifo(&out.join(".run-fifo/lock"));
    symlink(&other, out.join(".run-link")).unwrap();
    fs::write(out.join(".run-old/lock"), "").unwrap();
    symlink(other.join("precious"), out.join(".run-old/run.db")).unwrap();
    fs::write(out.join(".run-deep/lock"), "").unwrap();
    fs::write(out.join(".run-deep/below/file"), "").unwrap();
    // In the place of results.
    symlink(other.join("precious"), out.join("run.json")).unwrap();
    symlink(other.join("nothing"), out.join("run.db")).unwrap();
    fifo(&out.join("entities.csv"));
    fs::hard_link(other.join("precious"), out.join("audit.jsonl")).unwrap();
    // The directory itself may be given by a link.
    let way = directory.path().join("way");
    symlink(&out, &way).unwrap();
    let ran = run_into(&way, &case.connection, &slug);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    for name in [
        "run.db",
        "run.json",
        "audit.jsonl",
        "entities.csv",
        "entity_relations.csv",
    ] {
        let file = fs::symlink_metadata(out.join(name)).unwrap();
        assert!(file.is_file() && file.len() > 10, "{name}");
    }
    assert_eq!(fs::read(other.join("precious")).unwrap(), b"precious");
    assert!(!other.join("nothing").exists() && other.join("lock").exists());
    assert!(
        !out.join(".run-old").exists(),
        "a run that was killed left it"
    );
    assert!(out.join(".run-link").is_symlink() && out.join(".run-fifo/lock").exists());
    assert!(out.join(".run-deep/below/file").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_log_or_journal_that_is_no_file_of_its_own_is_refused() {
    use std::os::unix::fs::symlink;
    let case = Case::start(World::generate(38, SIZES), Config::default()).await;
    let slug = case.server.world().workspace.slug.clone();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("precious"), "precious").unwrap();
    symlink(path("precious"), path("link")).unwrap();
    symlink(path("nothing"), path("dangling")).unwrap();
    fs::hard_link(path("precious"), path("second")).unwrap();
    fs::create_dir(path("directory")).unwrap();
    fifo(&path("fifo"));
    for (name, why) in [
        ("link", "symbolic link"),
        ("dangling", "symbolic link"),
        ("second", "another name"),
        ("directory", ""),
        ("fifo", "not a regular file"),
    ] {
        let file = path(name);
        let file = file.to_str().unwrap();
        for arguments in [&["--audit", file][..], &["--journal", file, "--resume"]] {
            let ran = run_with(&path("out"), &case.connection, &slug, arguments);
            assert_eq!(ran.status.code(), Some(2), "{arguments:?} {ran:?}");
            let printed = String::from_utf8_lossy(&ran.stderr);
            assert!(printed.contains(why), "{name}: {printed}");
        }
    }
    assert_eq!(fs::read(path("precious")).unwrap(), b"precious");
    assert!(!path("nothing").exists());
    // State is not kept where it can't be, and the run goes on.
    fs::create_dir_all(path("state/pace")).unwrap();
    fifo(&path("state/pace/key"));
    let state = path("state");
    let arguments = ["--state", state.to_str().unwrap()];
    let ran = run_with(&path("out"), &case.connection, &slug, &arguments);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_leaves_an_earlier_runs_files_alone() {
    let case = Case::start(World::generate(34, SIZES), Config::default()).await;
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    let slug = case.server.world().workspace.slug.clone();
    assert_eq!(
        run_into(&out, &case.connection, &slug).status.code(),
        Some(0)
    );
    let names = ["run.db", "run.json", "entities.csv", "entity_relations.csv"];
    let before = names.map(|name| fs::read(out.join(name)).unwrap());

    let failed = run_into(&out, &case.connection, "no-such-workspace");
    assert_eq!(failed.status.code(), Some(4));
    assert!(
        names.map(|name| fs::read(out.join(name)).unwrap()) == before,
        "the earlier files are as they were"
    );
    let report = fs::read_to_string(out.join("failed-run.json")).unwrap();
    assert!(report.contains("no-such-workspace") && out.join("failed-run.db").exists());

    assert_eq!(
        run_into(&out, &case.connection, &slug).status.code(),
        Some(0)
    );
    assert!(!out.join("failed-run.json").exists() && !out.join("failed-run.db").exists());
    assert_eq!(
        fs::read_dir(&out).unwrap().count(),
        5,
        "nothing else is left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cancelled_says_so_and_leaves_nothing_half_written() {
    let behaviour = Behaviour {
        latency: Duration::from_millis(20),
        ..Behaviour::default()
    };
    let case = Case::start(
        World::generate(35, SIZES),
        Config {
            behaviour,
            ..Config::default()
        },
    )
    .await;
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    let mut child = tokio::process::Command::new(BINARY)
        .args(["run", "--allow-private-networks", "--allow-plain-http"])
        .arg("--connector")
        .arg(end_to_end::manifest())
        .args(["--set", &format!("api_url={}", case.connection.api_url)])
        .args(["--set", &format!("workspace={}", case.connection.workspace)])
        .args(["--secret", "workspace-token.token=env:TEST_TOKEN"])
        .arg("--out")
        .arg(&out)
        .env("TEST_TOKEN", case.connection.token.as_deref().unwrap())
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    while case.server.requests().count() < 20 {
        tokio::task::yield_now().await;
    }
    let id = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join("failed-run.json")).unwrap()).unwrap();
    assert_eq!(report["outcome"]["kind"], "cancelled");
    let mut names: Vec<_> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["failed-audit.jsonl", "failed-run.db", "failed-run.json"]
    );
}
