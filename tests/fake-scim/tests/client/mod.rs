//! A client that says exactly what it is told to say, and shows what comes back.

use std::collections::BTreeMap;

use fake_scim::{Behaviour, Config, Deviation, Server, Shape, TOKEN, World};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A server that differs in these ways.
pub async fn server(deviations: &[&str]) -> Server {
    let (mut shape, mut behaviour) = (Shape::default(), Behaviour::default());
    for name in deviations {
        Deviation::named(name)
            .unwrap_or_else(|| panic!("no deviation is called {name}"))
            .apply(&mut shape, &mut behaviour);
    }
    let config = Config {
        behaviour,
        ..Config::default()
    };
    let world = World::generate(3, &shape);
    Server::start(world, config).await.unwrap()
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// Whether the body is as long as its header said.
    pub whole: bool,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The ids of a list.
    pub fn ids(&self) -> Vec<String> {
        let rows = self.json()["Resources"].as_array().unwrap().clone();
        let id = |row: Value| row["id"].as_str().unwrap().to_owned();
        rows.into_iter().map(id).collect()
    }
}

/// Asks for a path below the prefix with the token that is right.
pub async fn get(server: &Server, path: &str) -> Reply {
    let token = format!("Bearer {TOKEN}");
    ask(server, "GET", path, &[("authorization", &token)]).await
}

/// Asks with these headers.
pub async fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let address = server.base().strip_prefix("http://").unwrap();
    let (address, prefix) = address.split_once('/').unwrap();
    let mut head =
        format!("{method} /{prefix}{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all((head + "\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is cut off may end in an error.
    let _ = stream.read_to_end(&mut answer).await;
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Reply {
            status: 0,
            headers: BTreeMap::new(),
            body: Vec::new(),
            whole: false,
        };
    };
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let body = answer[end + 4..].to_vec();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .map(|length| length.parse().unwrap());
    Reply {
        status: status.parse().unwrap(),
        whole: length == Some(body.len()),
        headers,
        body,
    }
}
