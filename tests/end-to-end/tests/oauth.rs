//! Tokens that the host fetches by OAuth 2.0 client credentials, from a token endpoint that may be anything. Every run is
//! searched for the client's secret and for all tokens.
#![allow(clippy::unwrap_used)]

use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use end_to_end::attack::{Attack, Attacked, CLIENT_ID, CLIENT_SECRET, TOKEN, ToldNames};
use end_to_end::inside::{JumpingClock, machine_at};
use end_to_end::raw::{RawServer, Reply, ok};
use end_to_end::tokens::{TokenEndpoint, granted, refused, said, token};
use end_to_end::{Case, Prepared, check, run};
use fake_bitbucket::{Config, Presented, Sizes, Visibility, World};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

const SIZES: Sizes = Sizes {
    users: 10,
    groups: 2,
    projects: 3,
    repositories: 12,
};

/// A workspace that is read with the tokens of an endpoint alone.
async fn case(endpoint: &TokenEndpoint) -> Case {
    let mut case = Case::start(World::generate(91, SIZES), Config::default()).await;
    let token = case.connection.token.take().unwrap();
    case.connection.account = None;
    case.connection = case.connection.clone().oauth2(&endpoint.url(), &token);
    case
}

/// An endpoint that gives the token which the fake Bitbucket takes.
async fn right_endpoint() -> TokenEndpoint {
    let token = Config::default().token.unwrap().secret;
    TokenEndpoint::start(move |_| granted(&token, Some(7200))).await
}

/// The bearer token of a request's head.
fn presented(head: &str) -> String {
    let lines = head.lines();
    let mut found = lines.filter_map(|line| line.strip_prefix("authorization: Bearer "));
    found.next().unwrap_or_default().to_owned()
}

/// An API that answers by the token that it is shown, and how often it gave each status.
async fn api(status: impl Fn(&str) -> u16 + Send + Sync + 'static) -> (RawServer, Statuses) {
    let statuses = Statuses::default();
    let counted = Arc::clone(&statuses);
    let server = RawServer::start(move |head| {
        let status = status(&presented(head));
        *counted.lock().unwrap().entry(status).or_default() += 1;
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        Reply::Bytes(head.into_bytes())
    })
    .await;
    (server, statuses)
}

type Statuses = Arc<Mutex<BTreeMap<u16, usize>>>;

fn counts<const N: usize>(statuses: &Statuses, expected: [(u16, usize); N]) {
    assert_eq!(*statuses.lock().unwrap(), BTreeMap::from(expected));
}

/// The hostile connector, which asks an API so many times with the slot whose tokens are fetched.
fn asking(api: &RawServer, endpoint: &TokenEndpoint, attack: &str, times: usize) -> Attack {
    let lines: Vec<String> = (0..times)
        .map(|number| format!("GET http 127.0.0.1:{} /fetched/{number}", api.port()))
        .collect();
    Attack::new(&format!("http://127.0.0.1:{}", api.port()), attack)
        .lines(&lines)
        .token_url(&endpoint.url())
}

fn all(attacked: &Attacked, told: &str, times: usize) {
    assert_eq!(attacked.told(), vec![told.to_owned(); times]);
}

/// Whatever the endpoint says, no token comes of it: each request is answered by the host, the person is told these words,
/// the API is not asked.
async fn no_token(answer: impl Fn() -> Response + Send + Sync + 'static, words: &[&str]) {
    let endpoint = TokenEndpoint::start(move |_| answer()).await;
    let (server, statuses) = api(|_| 200).await;
    let attacked = asking(&server, &endpoint, "requests", 10)
        .attempts(3)
        .spawn(BINARY)
        .await;
    all(&attacked, "status 401", 10);
    counts(&statuses, []);
    assert_eq!(endpoint.count(), 1, "what is final is not asked for again");
    attacked.expect(
        0,
        &[
            "no token for the credential fetched",
            "127.0.0.1",
            "10 requests",
        ],
    );
    attacked.expect(0, words);
    let warnings = attacked.json()["warnings"].to_string();
    for word in words {
        assert!(warnings.contains(word), "{word:?} is not in {warnings}");
    }
    let encoded = STANDARD.encode(CLIENT_SECRET);
    assert!(
        !attacked
            .everything()
            .contains(encoded.trim_end_matches('='))
    );
}

#[tokio::test]
async fn a_workspace_is_read_with_a_token_that_the_host_fetches() {
    let endpoint = right_endpoint().await;
    let case = case(&endpoint).await;
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(0);
    case.expect_truth(&ended, &Visibility::default());
    let asked = endpoint.asked();
    assert_eq!(asked.len(), 1, "one token serves the whole run");
    assert_eq!(asked[0].line, "POST /oauth2/token?realm=one");
    assert_eq!(
        asked[0].body,
        "grant_type=client_credentials&scope=account+project"
    );
    // RFC 6749, section 2.3.1: each encoded as a form is, then both as HTTP's Basic scheme has it.
    let pair = STANDARD.encode("a-client%3A1:cl1ent%2Fsecret%2Bwith%22odd%3Dchars");
    assert_eq!(asked[0].authorization, format!("Basic {pair}"));

    let report = ended.report();
    let rows = report["requests"].as_array().unwrap();
    let of_tokens: Vec<_> = rows
        .iter()
        .filter(|row| row["family"] == "oauth2-token")
        .collect();
    assert_eq!(of_tokens.len(), 1);
    assert_eq!(
        (&of_tokens[0]["slot"], &of_tokens[0]["verdict"]),
        (&"oauth2".into(), &"200".into())
    );
    let sent = report["requests_sent"].as_u64().unwrap();
    assert_eq!(sent, case.server.requests().count() as u64 + 1);
    let audit = std::fs::read_to_string(ended.out.join("audit.jsonl")).unwrap();
    let lines: Vec<&str> = audit
        .lines()
        .filter(|line| line.contains("oauth2-token"))
        .collect();
    assert_eq!(lines.len(), 1, "{audit}");
    let line: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(
        line["origin"],
        format!("http://127.0.0.1:{}", endpoint.port())
    );
    assert_eq!(
        (&line["path"], &line["slot"]),
        (&"/oauth2/token".into(), &"oauth2".into())
    );
    assert_eq!(
        (&line["verdict"], &line["status"]),
        (&"answered".into(), &200.into())
    );
    assert!(!audit.contains("realm"), "{audit}");
    check(BINARY, &case.connection).await.expect_code(0);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let clock = JumpingClock::default();
    // Each answer takes ten minutes, and each token lives an hour.
    let (now, granted_at) = (Arc::clone(&clock.0), Arc::new(AtomicU64::new(0)));
    let issued = (Arc::clone(&now), Arc::clone(&granted_at));
    let endpoint = TokenEndpoint::start(move |number| {
        issued
            .1
            .store(issued.0.load(Ordering::SeqCst), Ordering::SeqCst);
        granted(&token(number), Some(3600))
    })
    .await;
    let (server, statuses) = api(move |_| {
        let age = now.load(Ordering::SeqCst) - granted_at.load(Ordering::SeqCst);
        now.fetch_add(600_000, Ordering::SeqCst);
        if age < 3_600_000 { 200 } else { 401 }
    })
    .await;
    let attacked = asking(&server, &endpoint, "requests", 20)
        .on(&machine_at(BINARY, &clock))
        .await;
    all(&attacked, "status 200", 20);
    counts(&statuses, [(200, 20)]);
    assert_eq!(
        endpoint.count(),
        4,
        "six answers for each token, and two for the last"
    );
}

#[tokio::test]
async fn a_token_that_lives_on_is_used_while_its_endpoint_is_away() {
    let clock = JumpingClock::default();
    let now = Arc::clone(&clock.0);
    let endpoint = TokenEndpoint::start(|number| match number {
        1 => granted(&token(1), Some(3600)),
        2 | 3 => said(503, ""),
        _ => granted(&token(4), Some(3600)),
    })
    .await;
    // Ten seconds for each answer: from the 354th on the token should be renewed, and from the 360th it is too late.
    let (server, statuses) = api(move |_| {
        now.fetch_add(10_000, Ordering::SeqCst);
        200
    })
    .await;
    let attacked = asking(&server, &endpoint, "requests", 358)
        .on(&machine_at(BINARY, &clock))
        .await;
    all(&attacked, "status 200", 358);
    counts(&statuses, [(200, 358)]);
    assert_eq!(endpoint.count(), 4);
    assert_eq!(presented(server.heads().last().unwrap()), token(4));
}

#[tokio::test]
async fn a_token_that_the_api_no_longer_takes_is_renewed_once() {
    let endpoint = TokenEndpoint::granting(None).await;
    let uses = Mutex::new(BTreeMap::<String, usize>::new());
    let (server, statuses) = api(move |token| {
        let mut uses = uses.lock().unwrap();
        let uses = uses.entry(token.to_owned()).or_default();
        *uses += 1;
        if *uses <= 4 { 200 } else { 401 }
    })
    .await;
    let attacked = asking(&server, &endpoint, "requests", 10)
        .spawn(BINARY)
        .await;
    all(&attacked, "status 200", 10);
    counts(&statuses, [(200, 10), (401, 2)]);
    assert_eq!(endpoint.count(), 3);
    // Each attempt counts and is noted: ten requests, two that were refused, three for tokens.
    assert_eq!(attacked.json()["requests_sent"], 15);
    assert!((attacked.used("requests") - 15.0).abs() < 0.1);
    assert_eq!(attacked.requests().len(), 15);
}

#[tokio::test]
async fn an_api_that_refuses_every_token_does_not_make_the_host_ask_for_ever() {
    let endpoint = TokenEndpoint::granting(Some(3600)).await;
    let (server, statuses) = api(|_| 401).await;
    let attacked = asking(&server, &endpoint, "requests", 10)
        .spawn(BINARY)
        .await;
    all(&attacked, "status 401", 10);
    // The first request brings a token of its own, the second thinks that it has aged, and that it has not is learned.
    counts(&statuses, [(401, 11)]);
    assert_eq!(endpoint.count(), 2);
}

#[tokio::test]
async fn many_requests_at_once_wait_for_one_token() {
    let endpoint = TokenEndpoint::granting(Some(3600)).await;
    let (server, statuses) = api(|_| 200).await;
    let attacked = asking(&server, &endpoint, "requests at once", 50)
        .spawn(BINARY)
        .await;
    all(&attacked, "status 200", 50);
    counts(&statuses, [(200, 50)]);
    assert_eq!(endpoint.count(), 1);
}

#[tokio::test]
async fn many_requests_at_once_renew_one_token() {
    let endpoint = TokenEndpoint::granting(None).await;
    let served = AtomicUsize::new(0);
    // The first token is taken back when some are under way with it.
    let (server, statuses) = api(move |shown| {
        let served = served.fetch_add(1, Ordering::SeqCst);
        if shown == token(1) && served >= 10 {
            401
        } else {
            200
        }
    })
    .await;
    let attacked = asking(&server, &endpoint, "requests at once", 50)
        .spawn(BINARY)
        .await;
    all(&attacked, "status 200", 50);
    assert_eq!(statuses.lock().unwrap()[&200], 50);
    assert_eq!(endpoint.count(), 2);
}

#[tokio::test]
async fn requests_that_come_and_go_make_one_fetch() {
    let endpoint = TokenEndpoint::granting(Some(3600)).await;
    let (server, _) = api(|_| 200).await;
    let attacked = asking(&server, &endpoint, "leave requests", 50)
        .spawn(BINARY)
        .await;
    attacked.expect(0, &[]);
    assert!(endpoint.count() <= 1, "{}", endpoint.count());
}

#[tokio::test]
async fn a_refused_client_is_told_and_not_asked_again() {
    no_token(
        || refused(401, "invalid_client"),
        &[
            "127.0.0.1 refused the client with invalid_client",
            "check client_id and client_secret",
        ],
    )
    .await;
    no_token(
        || refused(400, "unauthorized_client"),
        &[
            "unauthorized_client",
            "allow this client the grant client_credentials",
        ],
    )
    .await;
    no_token(
        || refused(400, "invalid_scope"),
        &["invalid_scope", "check scope"],
    )
    .await;
}

#[tokio::test]
async fn an_endpoint_that_says_the_secret_is_not_repeated() {
    let pair = STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
    for said_back in [
        CLIENT_SECRET.to_owned(),
        pair,
        STANDARD.encode(CLIENT_SECRET),
    ] {
        let body = serde_json::json!({
            "error": said_back, "error_description": said_back, "error_uri": said_back,
        });
        no_token(
            move || said(400, &body.to_string()),
            &["a code that OAuth 2.0 doesn't know", "check token_url"],
        )
        .await;
    }
}

#[tokio::test]
async fn an_endpoint_that_answers_with_anything_else_is_told() {
    let huge = format!("{{\"access_token\":\"{}\"}}", "x".repeat(70_000));
    let long = format!("{{\"access_token\":\"{}\"}}", "x".repeat(9_000));
    for (status, body, words) in [
        (
            200,
            "<html>log in</html>",
            "answered 200 with something that is no token",
        ),
        (200, "", "answered 200 with something that is no token"),
        (
            200,
            "{\"access_token\":[]}",
            "answered 200 with something that is no token",
        ),
        (
            404,
            "not here",
            "answered 404 with something that is no token",
        ),
        (200, &huge, "answered with more than 64 KiB"),
        (
            200,
            &long,
            "gave a token that can't be used: it is longer than",
        ),
        (
            200,
            r#"{"access_token":"a-token\r\nx-evil: 1\r\n"}"#,
            "gave a token that can't be used: it holds a space, line break",
        ),
        (
            200,
            r#"{"access_token":"a-token\u0000more"}"#,
            "gave a token that can't be used",
        ),
        (200, r#"{"access_token":"short"}"#, "it is shorter than 8"),
        (
            200,
            r#"{"access_token":"a-token-of-another-type","token_type":"mac"}"#,
            "it is no bearer token",
        ),
        (
            400,
            "{\"error\":\"\\u001b[31mevil\\nline\"}",
            "a code that OAuth 2.0 doesn't know",
        ),
    ] {
        let body = body.to_owned();
        no_token(move || said(status, &body), &[words]).await;
    }
}

#[tokio::test]
async fn an_endpoint_that_leads_elsewhere_is_not_followed() {
    let elsewhere = RawServer::start(|_| ok("", b"{\"access_token\":\"an-evil-token\"}")).await;
    for status in [301u16, 302, 303, 307, 308] {
        let location = format!("http://127.0.0.1:{}/token", elsewhere.port());
        no_token(
            move || {
                let status = axum::http::StatusCode::from_u16(status).unwrap();
                (status, [("location", location.clone())]).into_response()
            },
            &[
                "leads elsewhere",
                "give the URL of the token endpoint itself",
            ],
        )
        .await;
    }
    assert_eq!(
        elsewhere.opened(),
        0,
        "the client's secret went where it was led"
    );
}

#[tokio::test]
async fn a_failure_that_passes_is_asked_again_so_many_times_and_no_more() {
    let clock = JumpingClock::default();
    let endpoint = TokenEndpoint::start(|number| match number {
        1 => said(503, "busy"),
        2 => said(429, "too many"),
        _ => granted(&token(number), Some(3600)),
    })
    .await;
    let (server, statuses) = api(|_| 200).await;
    let attacked = asking(&server, &endpoint, "requests", 5)
        .attempts(3)
        .on(&machine_at(BINARY, &clock))
        .await;
    all(&attacked, "status 200", 5);
    assert_eq!((endpoint.count(), statuses.lock().unwrap()[&200]), (3, 5));

    // Where it does not pass, each request is told, and the next one tries anew: it may have come back.
    let endpoint = TokenEndpoint::start(|_| said(502, "")).await;
    let (server, statuses) = api(|_| 200).await;
    let attacked = asking(&server, &endpoint, "requests", 2)
        .attempts(3)
        .on(&machine_at(BINARY, &clock))
        .await;
    all(&attacked, "status 401", 2);
    counts(&statuses, []);
    assert_eq!(endpoint.count(), 6);
    let warnings = attacked.json()["warnings"].to_string();
    assert!(
        warnings.contains("answered 502 in place of a token"),
        "{warnings}"
    );
}

#[tokio::test]
async fn all_who_wait_for_one_fetch_share_what_it_comes_to() {
    // The last request needs no token: when it comes, the others wait for one.
    let door = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&door);
    let server = RawServer::start(move |_| {
        opened.add_permits(1);
        ok("", b"")
    })
    .await;
    let endpoint = TokenEndpoint::behind(door, |_| said(502, "")).await;
    let mut lines = ["a", "b", "c"]
        .map(|path| format!("GET http 127.0.0.1:{} /fetched/{path}", server.port()))
        .to_vec();
    lines.push(format!("GET http 127.0.0.1:{} /open", server.port()));
    let attacked = asking(&server, &endpoint, "requests at once", 0)
        .lines(&lines)
        .spawn(BINARY)
        .await;
    let mut told = attacked.told();
    told.sort();
    assert_eq!(
        told,
        ["status 200", "status 401", "status 401", "status 401"]
    );
    assert_eq!((endpoint.count(), server.heads().len()), (1, 1));
}

#[tokio::test]
async fn requests_for_tokens_end_with_the_runs_budget() {
    let endpoint = TokenEndpoint::start(|_| said(502, "")).await;
    let (server, _) = api(|_| 200).await;
    let attacked = asking(&server, &endpoint, "requests", 20)
        .limits("requests = 9")
        .spawn(BINARY)
        .await;
    attacked.expect(5, &["requests"]);
    assert_eq!(
        endpoint.count(),
        4,
        "each request of the guest takes one and one for its token"
    );
}

#[tokio::test]
async fn a_token_url_inside_is_not_connected_to() {
    let inside = RawServer::start(|_| ok("", b"{\"access_token\":\"an-inner-token\"}")).await;
    for url in [
        format!("https://127.0.0.1:{}/token", inside.port()),
        format!("https://2130706433:{}/token", inside.port()),
        format!("https://[::ffff:127.0.0.1]:{}/token", inside.port()),
        "https://169.254.169.254/token".to_owned(),
    ] {
        let attacked = Attack::new("https://api.example.com", "nothing")
            .network("")
            .token_url(&url)
            .spawn(BINARY)
            .await;
        attacked.expect(
            2,
            &[
                "credentials.fetched.token_url",
                "is not on the public internet",
                "allow_private_networks",
            ],
        );
    }
    let names = Arc::new(
        ToldNames::default()
            .with("api.example.com", &[&["8.8.8.8"]])
            .with("auth.example.com", &[&["127.0.0.1"]])
            .with("both.example.com", &[&["8.8.8.8", "127.0.0.1"]]),
    );
    for name in ["auth.example.com", "both.example.com"] {
        let attacked = Attack::new("https://api.example.com", "requests")
            .network("")
            .names(&names)
            .lines(&["GET https api.example.com /fetched/x"])
            .token_url(&format!("https://{name}:{}/token", inside.port()))
            .inside(BINARY)
            .await;
        all(&attacked, "status 401", 1);
        let warnings = attacked.json()["warnings"].to_string();
        let words = format!("{name} leads to an address that is not on the public internet");
        assert!(warnings.contains(&words), "{warnings}");
    }
    assert!(names.asked().iter().all(|name| name != "api.example.com"));
    assert_eq!(inside.opened(), 0);
}

#[tokio::test]
async fn a_token_url_in_plain_http_is_refused() {
    let endpoint = TokenEndpoint::granting(None).await;
    let attacked = Attack::new("https://127.0.0.1:9", "nothing")
        .network("allow_private_networks = true")
        .token_url(&endpoint.url())
        .spawn(BINARY)
        .await;
    attacked.expect(
        2,
        &[
            "credentials.fetched.token_url",
            "is plain http",
            "allow_plain_http",
        ],
    );
    assert_eq!(endpoint.count(), 0);
}

#[tokio::test]
async fn an_api_that_says_the_token_and_the_secret_back_is_redacted() {
    let endpoint = TokenEndpoint::granting(Some(3600)).await;
    for form in [
        |text: &str| text.to_owned(),
        |text: &str| STANDARD.encode(text),
    ] {
        let server = RawServer::start(move |head| {
            let pair = format!("{CLIENT_ID}:{CLIENT_SECRET}");
            let encoded = "a-client%3A1:cl1ent%2Fsecret%2Bwith%22odd%3Dchars";
            let shown = presented(head);
            let echoes = [&shown, CLIENT_SECRET, &pair, encoded].map(form);
            let headers = format!("x-echo: <{}>\r\nx-client: <{}>\r\n", echoes[0], echoes[1]);
            ok(&headers, format!("<{}>", echoes.join("><")).as_bytes())
        })
        .await;
        let attacked = asking(&server, &endpoint, "echo", 1).spawn(BINARY).await;
        let everything = attacked.everything();
        // What the guest saw was as long as the redacted text: it never had the secrets themselves. The id of a client is no
        // secret. It stays where it can be told from one.
        let ids = ["a-client:1:", "a-client%3A1:"]
            .map(str::len)
            .iter()
            .sum::<usize>();
        let ids = if form("x") == "x" { ids } else { 0 };
        let redacted = format!("length {}", "<[redacted]>".len() * 4 + ids);
        assert!(everything.contains(&redacted), "{everything}");
        assert!(everything.contains("x-echo=<[redacted]>"), "{everything}");
        for text in [token(1), CLIENT_SECRET.to_owned()] {
            let encoded = STANDARD.encode(text);
            assert!(!everything.contains(encoded.trim_end_matches('=')));
        }
        attacked.expect(5, &["a secret of this connection was found"]);
    }
}

#[tokio::test]
async fn a_token_that_was_renewed_is_still_redacted() {
    let endpoint = TokenEndpoint::granting(None).await;
    // Taken once each, and the one before is said back.
    let old = Mutex::new(String::new());
    let server = RawServer::start(move |head| {
        let shown = presented(head);
        let mut old = old.lock().unwrap();
        if *old == shown {
            return Reply::Bytes(b"HTTP/1.1 401 X\r\ncontent-length: 0\r\n\r\n".to_vec());
        }
        let said = std::mem::replace(&mut *old, shown);
        ok("", format!("<{said}>").as_bytes())
    })
    .await;
    let attacked = asking(&server, &endpoint, "echo", 2).spawn(BINARY).await;
    assert_eq!(endpoint.count(), 3);
    let everything = attacked.everything();
    assert!(everything.contains("<[redacted]>"), "{everything}");
}

#[tokio::test]
async fn a_hostile_connector_gets_neither_to_the_token_url_nor_to_a_token() {
    let endpoint = TokenEndpoint::granting(Some(3600)).await;
    let (server, statuses) = api(|_| 200).await;
    let elsewhere = format!("127.0.0.1:{}", endpoint.port());
    let attacked = asking(&server, &endpoint, "requests", 0)
        .lines(&[
            &format!("POST http {elsewhere} /oauth2/token || BODY: grant_type=client_credentials"),
            &format!("GET http {elsewhere} /oauth2/token?grant_type=client_credentials"),
            &format!("GET http {elsewhere} /fetched/x || portcullis-slot: fetched"),
        ])
        .spawn(BINARY)
        .await;
    all(&attacked, "denied", 3);
    assert_eq!(endpoint.count(), 0);
    counts(&statuses, []);

    // At the API's own origin, below a path that a rule opens, and with a credential that would be good there.
    let origin = format!("127.0.0.1:{}", server.port());
    let lines = [
        "token",
        "%74oken",
        "TOKEN",
        "token?grant_type=client_credentials",
        "./token",
        "token.",
        "token%20",
        "token%E2%80%8B",
        "token;v=2",
        "token%2F",
        // Full-width letters, a Kelvin sign, and what frameworks take for another format of it or something below it.
        "%EF%BD%94%EF%BD%8F%EF%BD%8B%EF%BD%85%EF%BD%8E",
        "to%E2%84%AAen",
        "token.json",
        "token/x",
    ]
    .map(|path| format!("GET http {origin} /fetched/{path} || portcullis-slot: other"));
    // However the operator writes it, it is the same place.
    for written in [
        "fetched/token",
        "fetched/token;v=1",
        "Fetched//token/",
        "fetched/token.%20",
        "fetched/%2574oken",
        "fetched%2ftoken%3fv=1",
        "fetched/%EF%BD%94oken",
    ] {
        let attacked = asking(&server, &endpoint, "requests", 0)
            .lines(&lines)
            .token_url(&format!("http://{origin}/{written}"))
            .spawn(BINARY)
            .await;
        all(&attacked, "denied", lines.len());
        counts(&statuses, []);
    }

    // By a header of its own, or another slot's place.
    let attacked = asking(&server, &endpoint, "requests", 0)
        .lines(&[
            &format!("GET http {origin} /api/x || portcullis-slot: fetched"),
            &format!("GET http {origin} /fetched/x || authorization: Bearer x"),
            &format!("GET http {origin} /fetched/x || portcullis-slot: oauth2"),
        ])
        .spawn(BINARY)
        .await;
    let told = attacked.told();
    assert!(
        told.iter()
            .all(|told| told == "denied" || told.starts_with("unsaid")),
        "{told:?}"
    );
    assert_eq!((endpoint.count(), told.len()), (0, 3));
    counts(&statuses, []);
}

#[tokio::test]
async fn the_connector_falls_back_where_there_is_no_token_and_the_person_reads_why() {
    let endpoint = TokenEndpoint::start(|_| refused(401, "invalid_client")).await;
    let mut case = case(&endpoint).await;
    let why =
        "no token for the credential oauth2: 127.0.0.1 refused the client with invalid_client";
    // Alone it is not enough.
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(4).expect_printed(why);
    assert!(ended.report()["message"].as_str().unwrap().contains(why));
    check(BINARY, &case.connection)
        .await
        .expect_code(4)
        .expect_printed(why);
    // What is asked without a credential is all that is sent.
    let requests = case.server.requests();
    let presented = requests.0.iter().map(|seen| &seen.presented);
    assert!(presented.eq(std::iter::repeat_n(&Presented::Nothing, requests.count())));
    // Beside an account it is not needed.
    let account = Config::default().account.unwrap();
    case.connection = case
        .connection
        .clone()
        .account(&account.email, &account.api_token);
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(0);
    case.expect_truth(&ended, &Visibility::default());
}

#[tokio::test]
async fn what_the_host_answered_itself_is_in_no_journal_and_a_replay_needs_no_token() {
    let token = Config::default().token.unwrap().secret;
    let works = Arc::new(AtomicUsize::new(0));
    let switch = Arc::clone(&works);
    let endpoint = TokenEndpoint::start(move |_| match switch.load(Ordering::SeqCst) {
        0 => refused(401, "invalid_client"),
        _ => granted(&token, None),
    })
    .await;
    let case = case(&endpoint).await;
    let prepared = Prepared::new(&case.connection);
    let ended = async |arguments: &[&str]| {
        let mut process = prepared.process(BINARY, "run", arguments);
        let output = process.output().await.unwrap();
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(printed).unwrap())
    };
    let (code, printed) = ended(&["--journal", "journal"]).await;
    assert_eq!(code, Some(4), "{printed}");
    works.store(1, Ordering::SeqCst);
    let (code, printed) = ended(&["--journal", "journal", "--resume"]).await;
    assert_eq!(code, Some(0), "{printed}");
    let asked = endpoint.count();
    let (code, printed) = ended(&["--replay", "journal"]).await;
    assert_eq!(code, Some(0), "{printed}");
    assert_eq!(endpoint.count(), asked);
    for name in ["journal", "journal-wal"] {
        let kept = std::fs::read(prepared.directory().join(name)).unwrap_or_default();
        let kept = String::from_utf8_lossy(&kept);
        assert!(!kept.contains(CLIENT_SECRET) && !kept.contains("no token for"));
    }
}

#[tokio::test]
async fn a_slot_without_a_fetched_token_is_sent_as_ever() {
    let endpoint = TokenEndpoint::granting(None).await;
    let (server, statuses) = api(|shown| if shown == TOKEN { 200 } else { 400 }).await;
    let line = format!("GET http 127.0.0.1:{} /api/x", server.port());
    let attacked = asking(&server, &endpoint, "requests", 0)
        .lines(&[line])
        .spawn(BINARY)
        .await;
    all(&attacked, "status 200", 1);
    counts(&statuses, [(200, 1)]);
    assert_eq!(endpoint.count(), 0, "a token is fetched when it is needed");
}
