//! A client that says exactly what it is told to say, and shows exactly what comes back.

use std::collections::BTreeMap;
use std::io::Read as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fake_bitbucket::{Account, Behaviour, Config, Server, Sizes, Token, World};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub const SIZES: Sizes = Sizes {
    users: 130,
    groups: 9,
    projects: 6,
    repositories: 230,
};

/// A server of the usual world that misbehaves.
pub async fn server(behaviour: Behaviour) -> Server {
    let config = Config {
        behaviour,
        ..Config::default()
    };
    Server::start(World::generate(3, SIZES), config)
        .await
        .unwrap()
}

/// The header of the account that is right.
pub fn basic() -> (&'static str, String) {
    let account = Account::default();
    pair(&account.email, &account.api_token)
}

/// The header of any pair.
pub fn pair(username: &str, password: &str) -> (&'static str, String) {
    (
        "Authorization",
        format!(
            "Basic {}",
            STANDARD.encode(format!("{username}:{password}"))
        ),
    )
}

/// The header of the token that is right.
pub fn bearer() -> (&'static str, String) {
    (
        "Authorization",
        format!("Bearer {}", Token::default().secret),
    )
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

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }

    pub fn unzipped(&self) -> Vec<u8> {
        let mut out = Vec::new();
        flate2::read::GzDecoder::new(&self.body[..])
            .read_to_end(&mut out)
            .unwrap();
        out
    }
}

/// One request on a connection of its own; None where the connection ended before an answer.
pub async fn send(
    server: &Server,
    method: &str,
    target: &str,
    headers: &[(&str, String)],
) -> Option<Reply> {
    let authority = server.origin().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(authority).await.unwrap();
    let mut request =
        format!("{method} {target} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // A reset is an end like any other here.
    let _ = stream.read_to_end(&mut bytes).await;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let body = bytes.split_off(end + 4);
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers: BTreeMap<String, String> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .map(|length| length.parse::<usize>().unwrap());
    Some(Reply {
        status,
        whole: length.is_none_or(|length| length == body.len()),
        headers,
        body,
    })
}

/// What the account gets.
pub async fn get(server: &Server, target: &str) -> Reply {
    send(server, "GET", target, &[basic()]).await.unwrap()
}

/// What somebody gets.
pub async fn get_as(server: &Server, who: (&str, String), target: &str) -> Reply {
    send(server, "GET", target, &[who]).await.unwrap()
}

/// The target of a `next`, if it is the server's own.
pub fn target(server: &Server, next: &Value) -> Option<String> {
    next.as_str()?
        .strip_prefix(server.origin())
        .map(str::to_owned)
}

/// All elements of a list, by `next`.
pub async fn all(server: &Server, first: &str) -> Vec<Value> {
    let mut values = Vec::new();
    let mut next = Some(first.to_owned());
    while let Some(url) = next {
        let page = get(server, &url).await.json();
        values.extend(page["values"].as_array().unwrap().iter().cloned());
        next = target(server, &page["next"]);
    }
    values
}
