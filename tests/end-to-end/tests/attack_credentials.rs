//! An API that says credentials back, and a connector that repeats whatever it gets wherever it can.
#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use end_to_end::attack::{Attack, PASSWORD, TOKEN, USERNAME};
use end_to_end::raw::{RawServer, ok};
use std::io::Write as _;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

fn percent(text: &str, lower: bool) -> String {
    text.bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte if lower => format!("%{byte:02x}"),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

/// Every form that is promised to be found.
fn forms() -> Vec<String> {
    let mut forms = Vec::new();
    for secret in [TOKEN, PASSWORD, &format!("{USERNAME}:{PASSWORD}")] {
        let json = serde_json::to_string(secret).unwrap();
        let json = json.trim_matches('"').to_owned();
        forms.extend([
            STANDARD.encode(secret),
            URL_SAFE_NO_PAD.encode(secret),
            percent(secret, false),
            percent(secret, true),
            json.replace('/', "\\/"),
            json,
            secret
                .bytes()
                .map(|byte| format!("\\u{byte:04x}"))
                .collect(),
            // Encoded in part only, and one encoding within another.
            percent(secret, false).replacen("t0ken", "\\u0074%30ken", 1),
            percent(&STANDARD.encode(secret), true),
            secret.to_owned(),
        ]);
    }
    for secret in [TOKEN, PASSWORD] {
        let json = |text: &str| {
            let json = serde_json::to_string(text).unwrap();
            json.trim_matches('"').to_owned()
        };
        let decimal: String = secret.bytes().map(|byte| format!("&#{byte};")).collect();
        let hexadecimal: String = secret.bytes().map(|byte| format!("&#x{byte:X};")).collect();
        let named = secret
            .replace('&', "&amp;")
            .replace('/', "&sol;")
            .replace('"', "&quot;")
            .replace('=', "&equals;")
            .replace('+', "&plus;")
            .replace('\\', "&bsol;");
        forms.extend([
            // JSON within JSON, and within that.
            json(&json(secret)),
            json(&json(&json(secret))),
            json(&json(secret)).replace('/', "\\/"),
            percent(&percent(secret, false), false),
            percent(&percent(&percent(secret, true), true), true),
            percent(&json(secret), false),
            json(&percent(secret, false)),
            named.replace('&', "&amp;"),
            named,
            decimal.replace('&', "&amp;"),
            decimal,
            percent(&hexadecimal, false),
            hexadecimal,
            secret
                .bytes()
                .map(|byte| format!("\\x{byte:02x}"))
                .collect(),
            secret.bytes().map(|byte| format!("{byte:02X}")).collect(),
            // Base64 of a text that holds it, at each place that it can have among three bytes.
            STANDARD.encode(format!("x{secret}y")),
            STANDARD.encode(format!("{{\"token\":\"{}\"}}", secret)),
            URL_SAFE_NO_PAD.encode(format!("xy{secret}")),
            percent(&STANDARD.encode(format!("Bearer {secret} ")), true),
        ]);
    }
    forms.sort();
    forms.dedup();
    forms
}

/// What is left of a form: of a pair that is not in base64 the user name, which is no secret.
fn redacted(form: &str) -> String {
    let unicode =
        |text: &str| -> String { text.bytes().map(|byte| format!("\\u{byte:04x}")).collect() };
    let user = format!("{USERNAME}:");
    let users = [
        percent(&user, false),
        percent(&user, true),
        unicode(&user),
        user,
    ];
    let user = users.iter().find(|user| form.starts_with(*user));
    format!("{}[redacted]", user.map_or("", String::as_str))
}

async fn echo(headers: &str, body: Vec<u8>, path: &str) -> end_to_end::attack::Attacked {
    let headers = headers.to_owned();
    let api = RawServer::start(move |_| ok(&headers, &body)).await;
    let attacked = Attack::new(&format!("http://127.0.0.1:{}", api.port()), "echo")
        .lines(&[format!("GET http 127.0.0.1:{} {path}", api.port())])
        .spawn(BINARY)
        .await;
    assert_eq!(api.heads().len(), 2, "{}", attacked.printed());
    assert!(
        api.heads()
            .iter()
            .all(|head| head.contains("authorization: "))
    );
    attacked
}

#[tokio::test]
async fn no_form_of_a_secret_in_a_body_reaches_the_guest_or_any_output() {
    for form in forms() {
        let text = format!("<{form}> {USERNAME}");
        for (headers, body) in [
            ("", text.clone().into_bytes()),
            ("content-encoding: gzip\r\n", gzip(&text)),
        ] {
            let attacked = echo(headers, body, "/api/echo").await;
            let everything = attacked.everything();
            assert!(
                !everything.contains(&form),
                "{form:?} with {headers:?} got through"
            );
            // What the guest saw was as long as the redacted text: it never had the secret itself.
            let redacted = format!("<{}> {USERNAME}", redacted(&form)).len();
            let told = format!("length {redacted}");
            assert!(everything.contains(&told), "{form:?}: {everything}");
            // A user name is no secret.
            assert!(everything.contains(USERNAME));
            assert!(attacked.json()["secrets_redacted"].as_u64().unwrap() > 0);
            let audit = attacked.audit();
            assert!(audit.iter().any(|line| line["event"] == "redacted"));
            attacked.expect(5, &["a secret of this connection was found"]);
        }
    }
}

#[tokio::test]
async fn no_form_of_a_secret_in_a_header_does_either() {
    for form in forms() {
        let headers = format!(
            "x-echo: <{form}>\r\nset-cookie: session={form}\r\nwww-authenticate: Bearer {form}\r\n\
             proxy-authenticate: Basic {form}\r\nlocation: http://127.0.0.1/{form}\r\n"
        );
        let attacked = echo(&headers, b"x".to_vec(), "/api/echo").await;
        let everything = attacked.everything();
        assert!(!everything.contains(&form), "{form:?} got through");
        let redacted = format!("x-echo=<{}>", redacted(&form));
        assert!(everything.contains(&redacted), "{form:?}: {everything}");
        for name in ["set-cookie", "www-authenticate", "proxy-authenticate"] {
            assert!(!everything.contains(name), "{name} got through");
        }
    }
}

#[tokio::test]
async fn a_secret_as_the_name_of_a_header_does_neither() {
    // Names lose their case on the way.
    let form = STANDARD.encode(PASSWORD);
    let name = form.trim_end_matches('=');
    let headers = format!("x-{name}: 1\r\nx-other: 2\r\n");
    let attacked = echo(&headers, b"x".to_vec(), "/api/echo").await;
    let everything = attacked.everything();
    assert!(!everything.to_lowercase().contains(&name.to_lowercase()));
    assert!(everything.contains("x-other=2"), "{everything}");
}

#[tokio::test]
async fn a_secret_that_is_a_word_of_the_hosts_own_files_blanks_nothing_in_them() {
    for secret in [
        "\"event\":\"request\"",
        "\"verdict\":\"refused\"",
        "\"outcome\":",
        "refused-by-the-policy",
        "127.0.0.1",
        "complete",
        "component",
    ] {
        let api = RawServer::start(|_| ok("", b"fine")).await;
        let port = api.port();
        let attacked = Attack::new(&format!("http://127.0.0.1:{port}"), "requests")
            .token(secret)
            .lines(&[
                format!("GET http 127.0.0.1:{port} /api/x"),
                format!("GET http 127.0.0.1:{port} /elsewhere"),
                format!("GET http 127.0.0.2:{port} /api/x"),
            ])
            .spawn(BINARY)
            .await;
        attacked.expect(3, &["partial"]);
        let audit = attacked.audit();
        let events: Vec<&str> = audit
            .iter()
            .map(|line| line["event"].as_str().unwrap())
            .collect();
        assert_eq!(
            events,
            ["started", "request", "request", "request", "ended"],
            "{secret}"
        );
        let refused: Vec<&str> = attacked
            .requests()
            .iter()
            .map(|line| match &line["by"] {
                serde_json::Value::String(rule) if rule == "path" => "path",
                serde_json::Value::String(rule) if rule == "origin" => "origin",
                _ => "",
            })
            .collect();
        assert_eq!(refused, ["", "path", "origin"], "{secret}");
        assert!(attacked.json()["outcome"]["kind"] == "partial", "{secret}");
        assert!(
            !String::from_utf8_lossy(&attacked.file("run.json")).contains("[redacted]"),
            "{secret}"
        );
    }
}

#[tokio::test]
async fn the_basic_pair_is_found_where_the_account_serves() {
    let pair = STANDARD.encode(format!("{USERNAME}:{PASSWORD}"));
    let attacked = echo("", format!("Basic {pair}").into_bytes(), "/other/echo").await;
    assert!(!attacked.everything().contains(&pair));
    assert!(attacked.everything().contains("Basic [redacted]"));
}

#[tokio::test]
async fn a_host_path_or_a_backtrace_is_in_no_error_that_the_guest_can_print() {
    // RUST_BACKTRACE is set for every attack; each of these ends as an error that the guest asks the text of.
    let api = RawServer::start(|head| {
        let broken = if head.contains("/short") {
            "content-length: 100\r\n\r\nshort"
        } else {
            "transfer-encoding: chunked\r\n\r\nnot a chunk"
        };
        end_to_end::raw::Reply::Bytes(format!("HTTP/1.1 200 OK\r\n{broken}").into_bytes())
    })
    .await;
    let lines =
        ["short", "chunk"].map(|name| format!("GET http 127.0.0.1:{} /api/{name}", api.port()));
    let attacked = Attack::new(&format!("http://127.0.0.1:{}", api.port()), "requests")
        .lines(&lines)
        .spawn(BINARY)
        .await;
    let told = attacked.told();
    assert_eq!(told.len(), 2);
    for told in told {
        assert!(
            told.starts_with("failed") || told.starts_with("body"),
            "{told}"
        );
        assert!(!told.contains('/') && !told.contains(".rs"), "{told}");
    }
}
