//! The fake in a process of its own, so that what it costs is not counted.

use end_to_end::{Connection, root};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A fake that runs until it is dropped.
pub(crate) struct Fake {
    child: Child,
    pub(crate) connection: Connection,
    _directory: TempDir,
}

const TOKEN: &str = "ATCTT-a-token-of-the-benchmarks";

impl Fake {
    /// A workspace with so many repositories, whose every answer takes so long.
    pub(crate) fn start(repositories: usize, latency: Duration) -> Self {
        let directory = TempDir::new().unwrap();
        let url = directory.path().join("url");
        let child = Command::new(root().join("target/release/fake-bitbucket"))
            .args([
                "--seed",
                "7",
                "--users",
                "200",
                "--groups",
                "20",
                "--projects",
                "10",
            ])
            .args(["--repositories", &repositories.to_string()])
            .args(["--latency-ms", &latency.as_millis().to_string()])
            .arg("--port-file")
            .arg(&url)
            .env("FAKE_BITBUCKET_TOKEN", TOKEN)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("make build builds the fake");
        let origin = loop {
            match std::fs::read_to_string(&url) {
                Ok(text) if text.starts_with("http") => break text.trim().to_owned(),
                _ => std::thread::yield_now(),
            }
        };
        let mut connection = Connection::to(&origin, "acme").token(TOKEN);
        connection.in_flight = 32;
        Self {
            child,
            connection,
            _directory: directory,
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
