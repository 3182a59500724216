//! The fake in a process of its own, so that what it costs is not counted.

use end_to_end::{Connection, Connector, root};
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
        let sizes = [
            ("--users", 200),
            ("--groups", 20),
            ("--projects", 10),
            ("--repositories", repositories),
        ];
        let connect = |origin: &str| Connection::to(origin, "acme");
        Self::of("fake-bitbucket", &sizes, latency, connect)
    }

    /// A directory with so many users and so many groups of so many users, whose every answer takes so long.
    pub(crate) fn directory(
        users: usize,
        groups: usize,
        members: usize,
        latency: Duration,
    ) -> Self {
        let sizes = [
            ("--users", users),
            ("--groups", groups),
            ("--members-each", members),
        ];
        let connect = |base: &str| Connection::of(Connector::SCIM, base);
        Self::of("fake-scim", &sizes, latency, connect)
    }

    fn of(
        program: &str,
        sizes: &[(&str, usize)],
        latency: Duration,
        connect: impl Fn(&str) -> Connection,
    ) -> Self {
        let directory = TempDir::new().unwrap();
        let url = directory.path().join("url");
        let mut command = Command::new(root().join("target/release").join(program));
        for (name, size) in sizes {
            command.args([*name, &size.to_string()]);
        }
        let child = command
            .args(["--seed", "7"])
            .args(["--latency-ms", &latency.as_millis().to_string()])
            .arg("--port-file")
            .arg(&url)
            .env("FAKE_BITBUCKET_TOKEN", TOKEN)
            .env("FAKE_SCIM_TOKEN", TOKEN)
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
        let mut connection = connect(&origin).token(TOKEN);
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
