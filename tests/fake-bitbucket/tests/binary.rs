//! The binary says where it listens, and does what its flags say.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Starts it and reads the one line that it prints.
fn run(arguments: &[&str]) -> (Running, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fake-bitbucket"));
    let mut child = command
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    (Running(child), line.trim().to_owned())
}

fn get(origin: &str, target: &str, token: &str) -> String {
    let authority = origin.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(authority).unwrap();
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

#[test]
fn it_prints_where_it_listens_and_writes_it_down() {
    let directory = std::env::temp_dir().join(format!("fake-bitbucket-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("port");
    let (running, origin) = run(&[
        "--seed=9",
        "--users=4",
        "--repositories=3",
        "--projects=1",
        "--workspace=Widgets",
        "--token=open-sesame",
        "--token-without-permissions",
        "--refuse=projects=not-found",
        &format!("--port-file={}", file.display()),
    ]);
    let reply = get(&origin, "/2.0/repositories/widgets", "open-sesame");
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    assert!(reply.contains("\"size\":3"), "{reply}");
    let reply = get(&origin, "/2.0/repositories/widgets", "another");
    assert!(reply.starts_with("HTTP/1.1 401"), "{reply}");
    let reply = get(
        &origin,
        "/2.0/workspaces/widgets/permissions",
        "open-sesame",
    );
    assert!(reply.starts_with("HTTP/1.1 403"), "{reply}");
    let reply = get(&origin, "/2.0/workspaces/widgets/projects", "open-sesame");
    assert!(reply.starts_with("HTTP/1.1 404"), "{reply}");
    drop(running);
    let written = std::fs::read_to_string(&file);
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(written.unwrap(), origin);
}

#[test]
fn it_refuses_a_refusal_that_it_does_not_know() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fake-bitbucket"));
    let output = command.args(["--refuse=everything"]).output().unwrap();
    assert!(!output.status.success());
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("no family is called everything")
    );
}
