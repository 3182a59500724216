//! Runs in this process, where a test can say what names lead to and what time it is.

use crate::{Connection, Ended, root};
use futures::future::BoxFuture;
use portcullis::cache::Cache;
use portcullis::collect::Format;
use portcullis::compile::{Compiler, MEMORY_MIB};
use portcullis::connection::Overrides;
use portcullis::journal::Recording;
use portcullis::machine::Machine;
use portcullis::manifest::Manifest;
use portcullis::pace::{Clock, Paces};
use portcullis::report::Report;
use portcullis::run::Run;
use portcullis::sandbox::Observer;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

struct Nobody;

impl Observer for Nobody {
    fn progress(&self, _stage: &str, _done: u64, _total: Option<u64>) {}
}

/// A clock on which whoever sleeps moves the time on: nobody waits. In milliseconds since 1970.
#[derive(Clone)]
pub struct JumpingClock(pub Arc<AtomicU64>);

impl Default for JumpingClock {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(1_800_000_000_000)))
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let until = self.now().saturating_add(time).as_millis();
        // A part of a millisecond counts as one.
        let until = u64::try_from(until).unwrap_or(u64::MAX).saturating_add(1);
        let now = Arc::clone(&self.0);
        Box::pin(async move {
            tokio::task::yield_now().await;
            now.fetch_max(until, Ordering::SeqCst);
        })
    }
}

/// This machine, with compiled components kept among the tests' files and the compiler of `binary`.
///
/// # Panics
/// Where the directory is not to be used.
pub fn machine(binary: &str) -> Machine {
    let cache = Cache::open(&root().join("target/tmp/portcullis")).expect("a cache");
    Machine {
        cache: Some(Arc::new(cache)),
        ..Machine::new(Compiler {
            program: binary.into(),
            deadline: Duration::from_secs(60),
            memory_mib: MEMORY_MIB,
        })
    }
}

/// As [`machine`], where the time is this clock's.
pub fn machine_at(binary: &str, clock: &JumpingClock) -> Machine {
    Machine {
        paces: Arc::new(Paces::new(Arc::new(clock.clone()))),
        ..machine(binary)
    }
}

/// Runs a connector on this machine.
///
/// # Panics
/// Where the run can't begin.
pub async fn run(machine: &Machine, connection: &Connection) -> Ended {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("acme.toml");
    let text = connection
        .text()
        .replace("{ env = \"TEST_TOKEN\" }", "{ file = \"token\" }")
        .replace("{ env = \"TEST_USERNAME\" }", "{ file = \"username\" }");
    std::fs::write(&file, text).expect("a connection");
    let (username, password) = connection.account.clone().unwrap_or_default();
    let token = connection.token.clone().unwrap_or_default();
    for (name, secret) in [
        ("token", token),
        ("username", username),
        ("password", password),
    ] {
        std::fs::write(directory.path().join(name), secret).expect("a secret");
    }
    let out = directory.path().join("out");
    let manifest = connection.manifest();
    let formats = [Format::Csv, Format::Jsonl];
    let never = std::future::pending();
    let report = run_inside(machine, &manifest, &file, &out, &formats, never).await;
    Ended {
        code: report.exit_code.into(),
        stdout: report.message,
        stderr: report.warnings.join("\n"),
        out,
        _directory: directory,
    }
}

/// Runs a connector in this process and gives its two CSV files.
///
/// # Panics
/// Where the run does not finish.
pub async fn well_behaved(binary: &str, connection: &Connection) -> [Vec<u8>; 2] {
    let ended = run(&machine(binary), connection).await;
    assert!(matches!(ended.code, 0 | 3), "{}", ended.stdout);
    ["entities.csv", "entity_relations.csv"]
        .map(|name| std::fs::read(ended.out.join(name)).expect("an export"))
}

/// Checks the Bitbucket connector's connection and then runs it, both of one prepared [`Run`]: the exit code of the run.
///
/// # Panics
/// Where the check fails or the run can't begin.
pub async fn check_and_run(machine: &Machine, connection: &Connection) -> u8 {
    let directory = TempDir::new().expect("a temporary directory");
    let token = directory.path().join("token");
    std::fs::write(&token, connection.token.clone().unwrap_or_default()).expect("a secret");
    let overrides = Overrides {
        settings: vec![
            format!("api_url={}", connection.api_url),
            format!("workspace={}", connection.workspace),
        ],
        secrets: vec![format!("workspace-token.token=file:{}", token.display())],
        allow_private_networks: true,
        allow_plain_http: true,
        requests_per_hour: Some(0),
        ..Overrides::default()
    };
    let manifest = Manifest::load(&crate::manifest()).expect("a manifest");
    let connection = portcullis::connection::Connection::load(&manifest, None, &overrides);
    let connection = connection.expect("a connection");
    let run = Run::prepare(manifest, connection, machine, Recording::Off).await;
    let run = run.unwrap_or_else(|error| panic!("the run can't begin: {error}"));
    let (nobody, out) = (Arc::new(Nobody), directory.path().join("out"));
    let checked = run.check(nobody.clone(), std::future::pending()).await;
    checked.unwrap_or_else(|outcome| panic!("{outcome}"));
    let never = std::future::pending();
    let report = run.extract(&out, &[Format::Csv], nobody, never).await;
    report.expect("a report").exit_code
}

/// Runs a connector.
pub(crate) async fn run_inside(
    machine: &Machine,
    manifest: &Path,
    connection: &Path,
    out: &Path,
    formats: &[Format],
    cancelled: impl Future<Output = ()>,
) -> Report {
    let manifest = Manifest::load(manifest).expect("a manifest");
    let overrides = Overrides::default();
    let connection =
        portcullis::connection::Connection::load(&manifest, Some(connection), &overrides);
    let connection = connection.expect("a connection");
    let run = Run::prepare(manifest, connection, machine, Recording::Off).await;
    run.unwrap_or_else(|error| panic!("the run can't begin: {error}"))
        .extract(out, formats, Arc::new(Nobody), cancelled)
        .await
        .expect("a report")
}
