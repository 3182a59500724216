//! The program says where it listens, and does what its flags say.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

#[test]
fn it_prints_where_it_listens_and_differs_as_it_is_told() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fake-scim"));
    let mut child = command
        .args(["--users=4", "--prefix=/acme/v2", "--token=open-sesame"])
        .args(["--deviation=total-half", "--deviation=capped-pages"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut base = String::new();
    let mut printed = BufReader::new(child.stdout.take().unwrap());
    printed.read_line(&mut base).unwrap();
    let address = base.trim().strip_prefix("http://").unwrap();
    let (address, _) = address.split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = "GET /acme/v2/Users HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer open-sesame\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    assert!(reply.contains("\"totalResults\":2"), "{reply}");
}

#[test]
fn it_refuses_a_deviation_that_it_does_not_know() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fake-scim"));
    let output = command.arg("--deviation=everything").output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no deviation is called everything"), "{said}");
}
