//! An API that means harm, or is broken in ways that look like it. The connector gets an error, the host keeps its
//! memory, and the run ends in time.
#![allow(clippy::unwrap_used)]

use end_to_end::attack::{Attack, Attacked};
use end_to_end::raw::{RawServer, Reply, ok};
use std::io::Write as _;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

const LIMITS: &str = "response_mib = 1\ncpu_seconds = 20\nwall_seconds = 60";

async fn ask(
    limits: &str,
    paths: &[String],
    reply: impl Fn(&str) -> Reply + Send + Sync + 'static,
) -> Attacked {
    let api = RawServer::start(reply).await;
    let lines: Vec<String> = paths
        .iter()
        .map(|path| format!("GET http 127.0.0.1:{} /api/{path}", api.port()))
        .collect();
    Attack::new(&format!("http://127.0.0.1:{}", api.port()), "requests")
        .limits(limits)
        .lines(&lines)
        .spawn(BINARY)
        .await
}

async fn once(reply: Reply) -> (String, Attacked) {
    let attacked = ask(LIMITS, &["x".to_owned()], move |_| reply.clone()).await;
    // The run itself goes on and ends well.
    assert_eq!(attacked.code, Some(0), "{}", attacked.printed());
    let told = attacked.told();
    assert_eq!(told.len(), 1);
    (told[0].clone(), attacked)
}

#[tokio::test]
async fn an_answer_without_end() {
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let (told, attacked) = once(Reply::Repeated(head, vec![b'x'; 1 << 16], u64::MAX)).await;
    assert!(told.starts_with("body"), "{told}");
    assert_eq!(attacked.used("response_mib"), 1.0);
    let line = attacked.requests().pop().unwrap();
    assert_eq!(line["verdict"], "failed");
    assert!(line["reason"].as_str().unwrap().contains("response_mib"));
}

#[tokio::test]
async fn an_answer_of_10_gb() {
    let length = 10u64 << 30;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
    let piece = vec![b'x'; 1 << 16];
    let (told, attacked) = once(Reply::Repeated(head.into_bytes(), piece, length >> 16)).await;
    assert!(told.starts_with("body"), "{told}");
    assert_eq!(attacked.used("response_mib"), 1.0);
}

#[tokio::test]
async fn ten_gb_packed_into_10_mb() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..100 {
        packed.write_all(&vec![0; 1 << 20]).unwrap();
    }
    // A gzip file may have several members: a hundred of 100 MiB each.
    let member = packed.finish().unwrap();
    let head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n".to_vec();
    let (told, attacked) = once(Reply::Repeated(head, member, 100)).await;
    assert!(told.starts_with("body"), "{told}");
    assert_eq!(attacked.used("response_mib"), 1.0);
}

#[tokio::test]
async fn what_says_that_it_is_gzip_and_is_not() {
    let (told, _) = once(ok("content-encoding: gzip\r\n", b"this is no gzip")).await;
    assert!(
        told.starts_with("failed") || told.starts_with("body"),
        "{told}"
    );
}

#[tokio::test]
async fn a_million_headers() {
    let head = b"HTTP/1.1 200 OK\r\n".to_vec();
    let (told, _) = once(Reply::Repeated(head, b"x-a: 1\r\n".to_vec(), 1_000_000)).await;
    assert!(told.starts_with("failed"), "{told}");
}

#[tokio::test]
async fn heads_that_are_none() {
    for head in [
        "garbage\r\n\r\n",
        "HTTP/1.1 999999 What\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    ] {
        let (told, _) = once(Reply::Bytes(head.into())).await;
        assert!(told.starts_with("failed"), "{head:?}: {told}");
    }
}

#[tokio::test]
async fn chunks_that_are_none() {
    for chunks in [
        "zz\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello world\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nx",
    ] {
        let text = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}");
        let (told, _) = once(Reply::Bytes(text.into_bytes())).await;
        assert!(
            told.starts_with("failed") || told.starts_with("body"),
            "{chunks:?}: {told}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_at_every_stage() {
    let whole =
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 11\r\n\r\nhello world";
    let paths: Vec<String> = (0..=whole.len()).map(|cut| cut.to_string()).collect();
    let attacked = ask(LIMITS, &paths, move |head| {
        let path = head.split(' ').nth(1).unwrap();
        let cut: usize = path.rsplit('/').next().unwrap().parse().unwrap();
        Reply::Bytes(whole.as_bytes()[..cut].to_vec())
    })
    .await;
    assert_eq!(attacked.code, Some(0), "{}", attacked.printed());
    let told = attacked.told();
    assert_eq!(told.len(), whole.len() + 1);
    let (last, cut) = told.split_last().unwrap();
    assert_eq!(last, "status 200");
    for (length, told) in cut.iter().enumerate() {
        assert!(
            told.starts_with("failed") || told.starts_with("body"),
            "after {length} bytes: {told}"
        );
    }
}

#[tokio::test]
async fn an_api_that_says_nothing_or_one_byte_a_minute() {
    for beginning in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx"] {
        let reply = Reply::Silence(beginning.into());
        let limits = "wall_seconds = 1";
        let attacked = ask(limits, &["x".to_owned()], move |_| reply.clone()).await;
        attacked.expect(5, &["it exhausted the limit wall_seconds = 1"]);
        let line = attacked.requests().pop().unwrap();
        assert_eq!(line["verdict"], "failed", "{line}");
    }
}

/// The Bitbucket connector, against an API that answers everything like this.
async fn bitbucket(body: String) -> end_to_end::Ended {
    let api =
        RawServer::start(move |_| ok("content-type: application/json\r\n", body.as_bytes())).await;
    let url = format!("http://127.0.0.1:{}", api.port());
    let connection = end_to_end::Connection::to(&url, "acme").token("some-token-value");
    end_to_end::run(BINARY, &connection).await
}

#[tokio::test]
async fn json_that_is_nested_100_000_deep() {
    for body in [
        "[".repeat(100_000),
        "{\"values\":".repeat(100_000),
        format!(
            "{{\"values\":{}{}}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        ),
    ] {
        bitbucket(body).await.expect_code(4);
    }
}

#[tokio::test]
async fn json_that_is_something_else_than_it_says() {
    for body in [
        "null",
        "17",
        "\"text\"",
        "[]",
        "<html></html>",
        "\u{feff}{}",
        "{\"values\": 5}",
        "{} {}",
        "",
    ] {
        let ended = bitbucket(body.to_owned()).await;
        assert!(
            [3, 4].contains(&ended.code),
            "{body:?}: {}\n{}",
            ended.code,
            ended.printed()
        );
        assert!(!ended.out.join("entities.csv").exists() || ended.code == 3);
    }
}
