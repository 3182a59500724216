//! A hostile connector tries to reach what it may not. Every row is a request that the real component makes in the real
//! host: it is refused by the rule that is named, no name is looked up and no connection is opened.
#![allow(clippy::unwrap_used)]

use end_to_end::attack::{Attack, Attacked, TOKEN, ToldNames};
use end_to_end::raw::{RawServer, Reply, ok};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

/// What the guest can't even say to wasi:http.
const UNSAID: &str = "unsaid";

struct Place {
    api: RawServer,
    decoy: RawServer,
    names: Arc<ToldNames>,
    /// The path that requests must lie below.
    base: &'static str,
}

impl Place {
    async fn new(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let decoy = RawServer::start(|_| ok("", b"")).await;
        let names = ToldNames::default()
            .with("api.test", &[&["127.0.0.1"]])
            .with("decoy.test", &[&["127.0.0.1"]]);
        Self {
            api: RawServer::start(reply).await,
            decoy,
            names: Arc::new(names),
            base: "",
        }
    }

    fn below(self, base: &'static str) -> Self {
        Self { base, ..self }
    }

    /// `API` and `DECOY` stand for the ports.
    async fn attack(&self, lines: &[String]) -> Attacked {
        let lines: Vec<String> = lines
            .iter()
            .map(|line| {
                line.replace("API", &self.api.port().to_string())
                    .replace("DECOY", &self.decoy.port().to_string())
            })
            .collect();
        let url = format!("http://api.test:{}{}", self.api.port(), self.base);
        let mut attack = Attack::new(&url, "requests")
            .lines(&lines)
            .names(&self.names);
        if !self.base.is_empty() {
            attack = attack.below_path();
        }
        attack.inside(BINARY).await
    }
}

/// Each row: the request, and the rule that refuses it.
async fn all_refused(rows: &[(&str, &str)]) {
    all_refused_below("", rows).await;
}

async fn all_refused_below(base: &'static str, rows: &[(&str, &str)]) {
    let place = Place::new(|_| ok("", b"{}")).await.below(base);
    let lines: Vec<String> = rows.iter().map(|(line, _)| (*line).to_owned()).collect();
    let attacked = place.attack(&lines).await;
    let told = attacked.told();
    assert_eq!(told.len(), rows.len());
    let mut audit = attacked.requests().into_iter();
    for ((line, rule), told) in rows.iter().zip(&told) {
        if *rule == UNSAID {
            // wasi:http itself refuses it, before it comes to the policy.
            let refused = told.starts_with("unsaid") || told.contains("HttpProtocolError");
            assert!(refused, "{line}: {told}");
            continue;
        }
        assert_eq!(told, "denied", "{line}");
        let noted = audit.next().unwrap();
        assert_eq!(noted["verdict"], "refused", "{line}: {noted}");
        assert_eq!(noted["by"], *rule, "{line}: {noted}");
    }
    assert!(audit.next().is_none(), "nothing else was asked");
    assert_eq!(place.api.opened(), 0, "a connection was opened to the API");
    assert_eq!(place.decoy.opened(), 0, "a connection was opened elsewhere");
    assert_eq!(place.names.asked(), [] as [&str; 0], "a name was looked up");
    // It claimed that all was well; the host knows better.
    let refused = rows.iter().any(|(_, rule)| *rule != UNSAID);
    let report = attacked.report.unwrap();
    assert_eq!(report.exit_code, if refused { 3 } else { 0 });
}

#[tokio::test]
async fn beside_the_path_of_the_api_nothing_is_reached() {
    let rows = [
        "/api/x",
        "/open",
        "/dir/open",
        "/dir/t2/open",
        "/dir/t1x/open",
        "/DIR/t1/open",
        "/other/dir/t1/open",
        "/dir/t1",
    ];
    let rows: Vec<String> = rows
        .map(|path| format!("GET http api.test:API {path}"))
        .into();
    let mut all: Vec<(&str, &str)> = rows.iter().map(|line| (line.as_str(), "path")).collect();
    let forms = [
        "/dir/t1/../t2/open",
        "/dir/t1/%2e%2e/t2/open",
        "/dir/t1/..%2ft2/open",
        "/dir/t1//open",
        "/dir%2ft1/open",
        "/dir/t1/..;/t2/open",
    ];
    let forms: Vec<String> = forms
        .map(|path| format!("GET http api.test:API {path}"))
        .into();
    all.extend(forms.iter().map(|line| (line.as_str(), "path-form")));
    all_refused_below("/dir/t1/", &all).await;

    let place = Place::new(|_| ok("", b"{}")).await.below("/dir/t1");
    let told = place
        .attack(&["GET http api.test:API /dir/t1/open".to_owned()])
        .await
        .told();
    assert_eq!(told, ["status 200"]);
}

#[tokio::test]
async fn another_place_is_refused() {
    all_refused(&[
        ("GET http decoy.test:DECOY /api/x", "origin"),
        ("GET http api.test:DECOY /api/x", "origin"),
        ("GET http api.test /api/x", "origin"),
        ("GET https api.test:API /api/x", "origin"),
        ("GET ftp api.test:API /api/x", UNSAID),
        ("GET http user@api.test:API /api/x", "origin"),
        ("GET http user:pass@api.test:API /api/x", "origin"),
        ("GET http api.test:API@decoy.test:DECOY /api/x", "origin"),
        ("GET http api.test.:API /api/x", "origin"),
        ("GET http sub.api.test:API /api/x", "origin"),
        ("GET http api.test.decoy.test:API /api/x", "origin"),
        ("GET http xn--pi-6kc.test:API /api/x", "origin"),
        ("GET http \u{430}pi.test:API /api/x", UNSAID),
        ("GET http api.test:API<CR><LF>x: /api/x", UNSAID),
        ("GET http api.test:99999 /api/x", "origin"),
    ])
    .await;
}

#[tokio::test]
async fn addresses_in_any_spelling_are_refused() {
    all_refused(&[
        ("GET http 127.0.0.1:DECOY /api/x", "origin"),
        ("GET http 2130706433:DECOY /api/x", "origin"),
        ("GET http 0x7f000001:DECOY /api/x", "origin"),
        ("GET http 0177.0.0.1:DECOY /api/x", "origin"),
        ("GET http 127.1:DECOY /api/x", "origin"),
        ("GET http [::1]:DECOY /api/x", "origin"),
        ("GET http [::ffff:127.0.0.1]:DECOY /api/x", "origin"),
        ("GET http [::ffff:7f00:1]:DECOY /api/x", "origin"),
        ("GET http 169.254.169.254 /latest/meta-data/", "origin"),
        ("GET http [fd00:ec2::254] /latest/meta-data/", "origin"),
        ("GET http [fe80::1]:DECOY /api/x", "origin"),
        ("GET http 0.0.0.0:DECOY /api/x", "origin"),
        ("GET http localhost:DECOY /api/x", "origin"),
        (
            "GET http metadata.google.internal /computeMetadata/v1/",
            "origin",
        ),
    ])
    .await;
}

#[tokio::test]
async fn paths_that_could_mean_something_else_are_refused() {
    all_refused(&[
        ("GET http api.test:API /admin", "path"),
        ("GET http api.test:API /api", "path"),
        ("GET http api.test:API /apix/y", "path"),
        ("GET http api.test:API /API/x", "path"),
        ("GET http api.test:API /open/x", "path"),
        ("GET http api.test:API /other/x/y", "path"),
        ("GET http api.test:API /api/../admin", "path-form"),
        ("GET http api.test:API /api/./x", "path-form"),
        ("GET http api.test:API /api/%2e%2e/admin", "path-form"),
        ("GET http api.test:API /api/.%2E/admin", "path-form"),
        ("GET http api.test:API /api/%252e%252e/admin", "path-form"),
        ("GET http api.test:API /api/a%2Fb", "path-form"),
        ("GET http api.test:API /api/a%5Cb", "path-form"),
        ("GET http api.test:API /api/a\\..\\admin", "path-form"),
        ("GET http api.test:API /api//x", "path-form"),
        ("GET http api.test:API //api/x", "path-form"),
        (
            "GET http api.test:API //decoy.test:DECOY/api/x",
            "path-form",
        ),
        ("GET http api.test:API /api/x/", "path-form"),
        ("GET http api.test:API /api/x;y", "path-form"),
        ("GET http api.test:API /api/x%3By", "path-form"),
        ("GET http api.test:API /api/%00", "path-form"),
        ("GET http api.test:API /api/a%0D%0Ab", "path-form"),
        ("GET http api.test:API /api/%c0%ae%c0%ae/x", "path-form"),
        ("GET http api.test:API /api/%c0%afx", "path-form"),
        ("GET http api.test:API /api/%zz", "path-form"),
        ("GET http api.test:API /api/%", "path-form"),
        ("GET http api.test:API /api/x%23y", "path-form"),
        // A server that decodes again, or in its own way.
        ("GET http api.test:API /api/x%252Fy", "path-form"),
        ("GET http api.test:API /api/x%u002fy", "path-form"),
        ("GET http api.test:API /api/x%26%2347%3By", "path-form"),
        // Slashes, dots and percent signs of other scripts, as NFKC and older character sets read them.
        ("GET http api.test:API /api/a%EF%BC%8Fb", "path-form"),
        ("GET http api.test:API /api/a%EF%BC%BCb", "path-form"),
        ("GET http api.test:API /api/a%EF%B9%A8b", "path-form"),
        ("GET http api.test:API /api/a%E2%84%80b", "path-form"),
        ("GET http api.test:API /api/a%E2%81%84b", "path-form"),
        ("GET http api.test:API /api/a%E2%88%95b", "path-form"),
        ("GET http api.test:API /api/a%E2%88%96b", "path-form"),
        (
            "GET http api.test:API /api/%EF%BC%8E%EF%BC%8E/x",
            "path-form",
        ),
        (
            "GET http api.test:API /api/%E2%80%A4%E2%80%A4/x",
            "path-form",
        ),
        ("GET http api.test:API /api/%E2%80%A5/x", "path-form"),
        ("GET http api.test:API /api/x%EF%BC%852e", "path-form"),
        ("GET http api.test:API /api/x%EF%BC%9By", "path-form"),
        ("GET http api.test:API /api/x%CD%BEy", "path-form"),
        ("GET http api.test:API /api/x%EF%BC%9Fy", "path-form"),
        // Names that Windows, and servers that trim, take for shorter ones.
        ("GET http api.test:API /api/..%20", "path-form"),
        ("GET http api.test:API /api/.%20.", "path-form"),
        ("GET http api.test:API /api/...", "path-form"),
        ("GET http api.test:API /api/x.", "path-form"),
        ("GET http api.test:API /api/x%20", "path-form"),
        ("GET http api.test:API /api/%20x", "path-form"),
        ("GET http api.test:API /api/x.%20.", "path-form"),
        ("GET http api.test:API /api/x%C2%A0", "path-form"),
        ("GET http api.test:API /api/x%E3%80%80", "path-form"),
        ("GET http api.test:API /api/x%E3%80%82", "path-form"),
        ("GET http api.test:API /api/x%EF%BD%A1", "path-form"),
        ("GET http api.test:API /api/..%E2%80%8B", "path-form"),
        ("GET http api.test:API /api/%EF%BB%BF../x", "path-form"),
        ("GET http api.test:API /api/..%C2%AD/x", "path-form"),
        ("GET http api.test:API /api/..+", "path-form"),
        ("GET http api.test:API /api/+", "path-form"),
        ("GET http api.test:API /api/x%E2%80%A8y", "path-form"),
        ("GET http api.test:API /api/x<CR><LF>host:<LF>", UNSAID),
        ("GET http api.test:API /api/x<NUL>", UNSAID),
        ("GET http api.test:API /api/<LONG>", "url-length"),
        ("GET http api.test:API /api/x?<LONG>", "url-length"),
    ])
    .await;
}

#[tokio::test]
async fn a_path_or_an_authority_that_names_another_place_is_refused() {
    all_refused(&[
        // The absolute form of a request's target, which a server may take in place of the Host header.
        (
            "GET http api.test:API http://decoy.test:DECOY/api/x",
            UNSAID,
        ),
        (
            "GET http api.test:API https://decoy.test:DECOY/api/x",
            UNSAID,
        ),
        ("GET http api.test:API decoy.test:DECOY", UNSAID),
        ("CONNECT http api.test:API decoy.test:DECOY", UNSAID),
        ("GET http api.test:API @decoy.test:DECOY/api/x", UNSAID),
        ("GET http api.test:API :80@decoy.test:DECOY/api/x", UNSAID),
        ("GET http api.test:API .decoy.test:DECOY/api/x", UNSAID),
        ("GET http api.test:API \\\\decoy.test:DECOY/api/x", UNSAID),
        ("OPTIONS http api.test:API *", UNSAID),
        (
            "GET http api.test:API ?http://decoy.test:DECOY/api/x",
            "path-form",
        ),
        (
            "GET http api.test:API /http://decoy.test:DECOY/api/x",
            "path-form",
        ),
        ("GET http api.test:API /@decoy.test:DECOY/api/x", "path"),
        ("GET http api.test:API/@decoy.test:DECOY /api/x", UNSAID),
        ("GET http api.test:API?@decoy.test:DECOY /api/x", UNSAID),
        ("GET http api.test:API#@decoy.test:DECOY /api/x", UNSAID),
        ("GET http api.test:API\\@decoy.test:DECOY /api/x", UNSAID),
        ("GET http decoy.test:DECOY%23@api.test:API /api/x", "origin"),
        ("GET http api.test:API,decoy.test:DECOY /api/x", UNSAID),
        ("GET http api.test:API:DECOY /api/x", UNSAID),
        ("GET http  /api/x", UNSAID),
    ])
    .await;
}

#[tokio::test]
async fn methods_that_change_something_are_refused() {
    all_refused(&[
        ("POST http api.test:API /api/x", "method"),
        ("PUT http api.test:API /api/x", "method"),
        ("PATCH http api.test:API /api/x", "method"),
        ("DELETE http api.test:API /api/x", "method"),
        ("HEAD http api.test:API /api/x", "method"),
        ("OPTIONS http api.test:API /api/x", "method"),
        ("CONNECT http api.test:API /api/x", "method"),
        ("TRACE http api.test:API /api/x", "method"),
        ("BREW http api.test:API /api/x", "method"),
        ("get http api.test:API /api/x", "method"),
        ("GET<CR><LF> http api.test:API /api/x", UNSAID),
        ("GET http api.test:API /api/x || BODY: {}", "body"),
        ("POST http api.test:API /api/x || BODY: {}", "method"),
        (
            "GET http api.test:API /api/x || x-http-method-override: DELETE",
            UNSAID,
        ),
        (
            "GET http api.test:API /api/x || x_http_method_override: DELETE",
            "header",
        ),
    ])
    .await;
}

#[tokio::test]
async fn headers_that_are_not_allowed_are_refused() {
    let rows: Vec<String> = [
        // The manifest allows x-own.
        "x-own2: 1",
        "x_own: 1",
        "x-a: 1",
        "x_http_method_override: DELETE",
        "x-http-method_override: DELETE",
        "x-method: DELETE",
        "proxy_authorization: Basic c3RvbGVu",
        "http_authorization: Basic c3RvbGVu",
        "x_forwarded_host: decoy.test",
        "x-host: decoy.test",
        "x-original-host: decoy.test",
        "x-original-uri: /admin",
        "x_original_url: /admin",
        "true-client-ip: 127.0.0.1",
        "cf-connecting-ip: 127.0.0.1",
        "request-range: bytes=0-9",
        "accept_encoding: identity",
        "sudo: root",
        "private-token: stolen",
        "x-api-key: stolen",
        "x-remote-user: root",
        "content-type: application/json",
        "content-encoding: gzip",
        "transfer_encoding: chunked",
        "referer: http://decoy.test/",
        "origin: http://decoy.test",
        "if-match: x",
        "max-forwards: 0",
        "portcullis-read-at: 1",
        "portcullis-no-token: 1",
        "content-length: 5",
        "accept: application/json; charset=utf-16",
        "accept: */*, text/plain;Charset = \"UTF-7\"",
        "accept: a/b || accept: a/b;charset=utf-32",
    ]
    .iter()
    .map(|header| format!("GET http api.test:API /api/x || {header}"))
    .collect();
    let rows: Vec<(&str, &str)> = rows.iter().map(|line| (line.as_str(), "header")).collect();
    all_refused(&rows).await;
}

#[tokio::test]
async fn a_refused_header_is_named_with_what_to_do() {
    let place = Place::new(|_| ok("", b"{}")).await;
    let lines = ["x-new: 1", "sudo: root", "content-length: 5"]
        .map(|header| format!("GET http api.test:API /api/x || {header}"));
    let attacked = place.attack(&lines).await;
    assert_eq!(attacked.told(), ["denied"; 3]);
    let reasons: Vec<String> = attacked
        .requests()
        .iter()
        .map(|line| line["reason"].as_str().unwrap().to_owned())
        .collect();
    for (reason, words) in reasons.iter().zip([
        ["x-new", "egress.headers in the manifest"],
        ["sudo", "change the connector"],
        ["content-length", "the host sets the length itself"],
    ]) {
        for word in words {
            assert!(reason.contains(word), "{word:?} is not in {reason}");
        }
    }
}

#[tokio::test]
async fn headers_of_an_answer_arrive_as_before() {
    let sent = [
        "content-type: application/json",
        "retry-after: 7",
        "link: <http://api.test/api/y>; rel=\"next\"",
        "etag: \"an-etag\"",
        "x-request-id: 4711",
        "x-frame-options: deny",
    ];
    let head = sent.map(|line| format!("{line}\r\n")).concat();
    let api = RawServer::start(move |_| ok(&head, b"{}")).await;
    let attacked = Attack::new(&format!("http://127.0.0.1:{}", api.port()), "echo")
        .lines(&[format!("GET http 127.0.0.1:{} /api/x", api.port())])
        .spawn(BINARY)
        .await;
    let names = attacked.column("SELECT name FROM entity").join("\n");
    for line in sent {
        let (name, value) = line.split_once(": ").unwrap();
        assert!(
            names.contains(&format!("{name}={value}")),
            "{line}: {names}"
        );
    }
}

#[tokio::test]
async fn headers_that_are_the_hosts_are_refused() {
    let mut rows: Vec<(String, &str)> = [
        "authorization: Bearer stolen",
        "Authorization: Basic c3RvbGVu",
        "cookie: a=b",
        "host: decoy.test",
        "proxy-authorization: Basic c3RvbGVu",
        "proxy-connection: keep-alive",
        "proxy-anything: 1",
        "forwarded: for=127.0.0.1",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-host: decoy.test",
        "x-forwarded-proto: https",
        "transfer-encoding: chunked",
        "upgrade: websocket",
        "connection: upgrade",
        "keep-alive: 1",
        "te: trailers",
        "trailer: x",
        "expect: 100-continue",
        "http2-settings: x",
        "accept-encoding: identity",
        "accept-charset: utf-16",
        "range: bytes=0-9",
        "if-range: x",
        "x-a: 1<CR><LF>authorization: Bearer stolen",
        "x-a: 1<LF>x-b: 2",
        "x-a: <NUL>",
        "x a: 1",
    ]
    .iter()
    .map(|header| (format!("GET http api.test:API /api/x || {header}"), UNSAID))
    .collect();
    rows.push((
        "GET http api.test:API /api/x || MANY: 100".into(),
        "headers-size",
    ));
    rows.push((
        "GET http api.test:API /api/x || x-a: <LONG> || x-b: <LONG>".into(),
        "headers-size",
    ));
    let rows: Vec<(&str, &str)> = rows
        .iter()
        .map(|(line, rule)| (line.as_str(), *rule))
        .collect();
    all_refused(&rows).await;
}

#[tokio::test]
async fn a_thousand_headers_stop_the_connector() {
    let api = RawServer::start(|_| ok("", b"{}")).await;
    let attacked = Attack::new(&format!("http://127.0.0.1:{}", api.port()), "requests")
        .lines(&[format!(
            "GET http 127.0.0.1:{} /api/x || MANY: 1000",
            api.port()
        )])
        .spawn(BINARY)
        .await;
    attacked.expect(5, &["the connector crashed"]);
    assert_eq!(api.opened(), 0);
}

#[tokio::test]
async fn credentials_of_others_are_refused() {
    all_refused(&[
        (
            "GET http api.test:API /api/x || portcullis-slot: other",
            "slot",
        ),
        (
            "GET http api.test:API /api/x || portcullis-slot: unfilled",
            "slot",
        ),
        (
            "GET http api.test:API /api/x || portcullis-slot: nobodys",
            "slot",
        ),
        ("GET http api.test:API /api/x || portcullis-slot: ", UNSAID),
        (
            "GET http api.test:API /api/x || portcullis-slot: MINE",
            "slot",
        ),
        (
            "GET http api.test:API /other/x || portcullis-slot: mine",
            "slot",
        ),
        (
            "GET http api.test:API /open || portcullis-slot: mine",
            "slot",
        ),
        (
            "GET http api.test:API /api/x || portcullis-slot: mine || portcullis-slot: other",
            "slot",
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_is_allowed_goes_to_the_api_with_what_the_host_adds_and_nothing_else() {
    let place = Place::new(|_| ok("", b"{}")).await;
    let attacked = place
        .attack(&[
            "GET http api.test:API /api/x?page=2&q=private || x-own: 1 || user-agent: a-runtime/1"
                .to_owned(),
            // The same place in another spelling.
            "GET http API.TEST:API /api/y || portcullis-slot: mine".replace("API.TEST", "Api.Test"),
            "GET http api.test:API /open || content-length: 0".to_owned(),
            "GET http api.test:API /other/z || accept: a/b; charset=utf-8, */* || accept-language: fr \
             || if-none-match: \"x\" || if-modified-since: Thu, 01 Jan 1970 00:00:00 GMT"
                .to_owned(),
            // Names that only look as if they meant more.
            "GET http api.test:API /api/.well-known/c++/a%20b/f%C3%BCr".to_owned(),
        ])
        .await;
    assert_eq!(attacked.told(), ["status 200"; 5]);
    let heads = place.api.heads();
    let head = |path: &str| {
        let start = format!("GET {path} HTTP/1.1\r\n");
        heads.iter().find(|head| head.starts_with(&start)).unwrap()
    };
    let first = head("/api/x?page=2&q=private");
    assert!(first.contains(&format!("authorization: Bearer {TOKEN}\r\n")));
    assert!(first.contains("x-own: 1\r\n"));
    assert!(first.contains(&format!("host: api.test:{}\r\n", place.api.port())));
    assert!(head("/api/y").contains("authorization: Bearer "));
    assert!(head("/other/z").contains("authorization: Basic "));
    for line in [
        "accept: a/b; charset=utf-8, */*",
        "accept-language: fr",
        "if-none-match: \"x\"",
        "if-modified-since: Thu, 01 Jan 1970 00:00:00 GMT",
    ] {
        assert!(head("/other/z").contains(&format!("{line}\r\n")), "{line}");
    }
    assert!(!head("/open").contains("authorization"));
    for head in &heads {
        assert!(!head.contains("portcullis-slot"), "{head}");
        assert_eq!(head.matches("host: ").count(), 1, "{head}");
        assert_eq!(head.matches("user-agent: ").count(), 1, "{head}");
        assert!(head.contains("user-agent: portcullis/"), "{head}");
        assert!(!head.contains("content-length"), "{head}");
    }
    assert!(place.names.asked().iter().all(|name| name == "api.test"));
    assert_eq!(place.decoy.opened(), 0);

    let lines = attacked.requests();
    let line = lines.iter().find(|line| line["family"] == "api").unwrap();
    assert_eq!(line["path"], "/api/x?page=2&q=*");
    assert_eq!(line["rule"], "/api/**");
    assert_eq!(line["slot"], "mine");
    assert_eq!(line["status"], 200);
    assert_eq!(line["bytes_in"], 2);
    assert_eq!(line["attempt"], 1);
    assert!(line["time"].is_string() && line["duration_ms"].is_u64());
    assert!(line["bytes_out"].as_u64().unwrap() > 20);
    let all = attacked.audit();
    assert_eq!(all.first().unwrap()["event"], "started");
    assert_eq!(all.last().unwrap()["event"], "ended");
}

#[tokio::test]
async fn a_redirect_is_the_guests_to_follow_through_the_policy() {
    let decoy = RawServer::start(|_| ok("", b"")).await;
    let port = decoy.port();
    let place = Place::new(move |head| {
        let location = match head.split(' ').nth(1).unwrap() {
            "/api/other" => format!("http://decoy.test:{port}/api/x"),
            "/api/private" => "http://169.254.169.254/latest/meta-data/".to_owned(),
            _ => "/api/loop".to_owned(),
        };
        Reply::Bytes(
            format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .into_bytes(),
        )
    })
    .await;
    let lines =
        ["other", "private", "loop"].map(|name| format!("GET http api.test:API /api/{name}"));
    let attacked = place.attack(&lines).await;
    assert_eq!(attacked.told(), ["status 302"; 3]);
    assert_eq!(place.api.heads().len(), 3);
    assert_eq!(decoy.opened() + place.decoy.opened(), 0);
    assert!(place.names.asked().iter().all(|name| name == "api.test"));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    for answer in [
        &["127.0.0.1"][..],
        &["::ffff:127.0.0.1"],
        &["169.254.169.254"],
        &["8.8.8.8", "127.0.0.1"],
    ] {
        let decoy = RawServer::start(|_| ok("", b"")).await;
        let names = Arc::new(ToldNames::default().with("api.test", &[answer]));
        let attacked = Attack::new(&format!("http://api.test:{}", decoy.port()), "requests")
            .network("allow_plain_http = true")
            .lines(&[format!("GET http api.test:{} /api/x", decoy.port())])
            .names(&names)
            .inside(BINARY)
            .await;
        assert_eq!(attacked.told().len(), 1);
        assert!(
            attacked.told()[0].contains("DestinationIpProhibited"),
            "{answer:?}: {:?}",
            attacked.told()
        );
        assert_eq!(decoy.opened(), 0, "{answer:?}");
        assert_eq!(names.asked(), ["api.test"], "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_of_the_name_server_that_changes_gains_nothing() {
    // The first answer is the one that was checked; the second is never asked for.
    let api = RawServer::start(|_| ok("", b"{}")).await;
    let decoy = RawServer::on(&format!("127.0.0.2:{}", api.port()), |_| ok("", b"{}")).await;
    let names = ToldNames::default().with("api.test", &[&["127.0.0.1"], &["127.0.0.2"]]);
    let names = Arc::new(names);
    let attacked = Attack::new(&format!("http://api.test:{}", api.port()), "requests")
        .lines(&[format!("GET http api.test:{} /api/x", api.port())])
        .names(&names)
        .inside(BINARY)
        .await;
    assert_eq!(attacked.told(), ["status 200"]);
    assert_eq!((api.opened(), decoy.opened()), (1, 0));
    assert_eq!(names.asked(), ["api.test"]);
}

#[tokio::test]
async fn giving_up_over_a_refusal_names_the_rule() {
    let api = RawServer::start(|_| ok("", b"{}")).await;
    let attacked = Attack::new(
        &format!("http://127.0.0.1:{}", api.port()),
        "give up when refused",
    )
    .lines(&["GET http decoy.test /api/x"])
    .spawn(BINARY)
    .await;
    attacked.expect(5, &["refused by: origin"]);
    assert_eq!(attacked.json()["outcome"]["kind"], "refused");
    assert_eq!(attacked.json()["outcome"]["rules"][0], "origin");
    assert_eq!(api.opened(), 0);
}

#[tokio::test]
async fn trying_for_ever_comes_to_an_end_and_so_does_its_log() {
    let lines = vec!["GET http decoy.test /api/x"; 50];
    let attacked = Attack::alone("requests")
        .limits("requests = 20\ncpu_seconds = 10")
        .lines(&lines)
        .spawn(BINARY)
        .await;
    attacked.expect(5, &["requests = 20"]);
    // The first that the budget stopped is noted too.
    let mut noted = attacked.requests();
    assert_eq!(noted.len(), 21);
    assert_eq!(noted.pop().unwrap()["by"], "budget");
    assert_eq!(attacked.used("requests"), 20.0);
    let refused = |rule: &str| {
        let report = attacked.json();
        let rows = report["requests"].as_array().unwrap();
        let row = rows.iter().find(|row| row["verdict"] == rule).unwrap();
        row["count"].as_u64().unwrap()
    };
    assert_eq!(
        (refused("refused:origin"), refused("refused:budget")),
        (20, 30)
    );

    // The same where the policy permits them.
    let api = RawServer::start(|_| ok("", b"{}")).await;
    let line = format!("GET http 127.0.0.1:{} /api/x", api.port());
    let attacked = Attack::new(&format!("http://127.0.0.1:{}", api.port()), "requests")
        .limits("requests = 20\ncpu_seconds = 10")
        .lines(&vec![line; 50])
        .spawn(BINARY)
        .await;
    attacked.expect(5, &["requests = 20"]);
    assert_eq!((attacked.requests().len(), api.heads().len()), (21, 20));
}

/// What the host's process may take, in MiB: see `attack_resources`.
const DATA_MIB: u64 = 150;

#[tokio::test]
async fn an_empty_body_is_not_sent_however_often_nothing_is_written() {
    let api = RawServer::start(|_| ok("", b"{}")).await;
    let place = format!("127.0.0.1:{}", api.port());
    let attacked = Attack::new(&format!("http://{place}"), "empty writes")
        .lines(&[format!("http {place} /api/x")])
        .data_mib(DATA_MIB)
        .spawn(BINARY)
        .await;
    attacked.expect(0, &[]);
    assert_eq!(attacked.told(), ["status 200"]);
    let heads = api.heads();
    assert_eq!(heads.len(), 1);
    let head = heads[0].to_lowercase();
    for word in ["transfer-encoding", "content-length", "expect"] {
        assert!(!head.contains(word), "{head}");
    }
}

#[tokio::test]
async fn nothing_that_is_written_without_end_ends_at_a_limit() {
    let api = RawServer::start(|_| ok("", b"{}")).await;
    let place = format!("127.0.0.1:{}", api.port());
    let attacked = Attack::new(&format!("http://{place}"), "empty writes without end")
        .lines(&[format!("http {place} /api/x")])
        .limits("cpu_seconds = 1")
        .data_mib(DATA_MIB)
        .spawn(BINARY)
        .await;
    attacked.expect(5, &["it exhausted the limit cpu_seconds = 1"]);
    // A request is sent when its body has ended, which this one has not.
    assert_eq!(api.opened(), 0);

    // Where nobody reads, the second piece has no place.
    let attacked = Attack::alone("empty writes to nobody")
        .data_mib(DATA_MIB)
        .spawn(BINARY)
        .await;
    attacked.expect(5, &["the connector crashed", "write exceeded budget"]);
}

/// A server that speaks HTTP/2 and answers each request with an empty 200; the frames that came: type, flags, length.
async fn http_2(ca: &Path) -> (u16, Arc<Mutex<Vec<[usize; 3]>>>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let wanted = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = wanted.self_signed(&key).unwrap();
    std::fs::write(ca, certificate.pem()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let mut config = tokio_rustls::rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let frames = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&frames);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                stream.read_exact(&mut [0; 24]).await?;
                // Empty settings, and the acknowledgement of the client's.
                stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await?;
                stream.write_all(&[0, 0, 0, 4, 1, 0, 0, 0, 0]).await?;
                loop {
                    let mut head = [0; 9];
                    stream.read_exact(&mut head).await?;
                    let length = usize::from(head[1]) << 8 | usize::from(head[2]);
                    stream.read_exact(&mut vec![0; length]).await?;
                    let (kind, flags) = (head[3], head[4]);
                    seen.lock()
                        .unwrap()
                        .push([kind.into(), flags.into(), length]);
                    if kind == 1 {
                        // Headers that end the stream: the static table's `:status: 200`.
                        let mut answer = vec![0, 0, 1, 1, 5];
                        answer.extend_from_slice(&head[5..]);
                        answer.push(0x88);
                        stream.write_all(&answer).await?;
                    }
                }
                #[allow(unreachable_code, reason = "it names the type of errors")]
                std::io::Result::Ok(())
            });
        }
    });
    (port, frames)
}

#[tokio::test]
async fn nor_is_it_sent_over_http_2() {
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    let (port, frames) = http_2(&ca).await;
    let attacked = Attack::new(&format!("https://localhost:{port}"), "empty writes")
        .lines(&[format!("https localhost:{port} /api/x")])
        .network(&format!("allow_private_networks = true\nca_file = {ca:?}"))
        .data_mib(DATA_MIB)
        .spawn(BINARY)
        .await;
    attacked.expect(0, &[]);
    assert_eq!(attacked.told(), ["status 200"]);
    let frames = frames.lock().unwrap();
    let of_kind = |kind| frames.iter().filter(move |frame| frame[0] == kind);
    assert_eq!(of_kind(0).count(), 0, "a frame of data was sent");
    let ends: Vec<bool> = of_kind(1).map(|frame| frame[1] & 1 == 1).collect();
    assert_eq!(ends, [true], "the headers end the stream");
}

#[tokio::test]
async fn trailers_are_refused_and_not_sent() {
    let api = RawServer::start(|_| ok("", b"{}")).await;
    let place = format!("127.0.0.1:{}", api.port());
    let attacked = Attack::new(&format!("http://{place}"), "trailers")
        .lines(&[format!("http {place} /api/x")])
        .spawn(BINARY)
        .await;
    let told = attacked.told();
    assert!(told[0].contains("HttpRequestTrailer"), "{told:?}");
    assert!(!api.heads().concat().contains("trailer"));
}

#[tokio::test]
async fn a_timeout_of_nothing_or_of_centuries_changes_nothing() {
    let api = RawServer::start(|_| ok("", b"{}")).await;
    let place = format!("127.0.0.1:{}", api.port());
    let attacked = Attack::new(&format!("http://{place}"), "no time")
        .lines(&[format!("http {place} /api/x")])
        .spawn(BINARY)
        .await;
    attacked.expect(0, &[]);
    assert_eq!(attacked.told(), ["status 200"; 3]);
}

#[tokio::test]
async fn a_hundred_thousand_fields_stop_the_connector() {
    for attack in ["many fields", "many values"] {
        let attacked = Attack::alone(attack).data_mib(DATA_MIB).spawn(BINARY).await;
        attacked.expect(5, &["the connector crashed"]);
    }
}
