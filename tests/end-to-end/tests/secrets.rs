//! An API that says the credentials back: whatever it does, they reach neither the connector's output nor a log.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use end_to_end::{Connection, run};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

const TOKEN: &str = "ATCTT-a-token/with+signs=1";

/// A workspace whose every name is what the request was authorised with, in one form or another.
async fn echoing(form: fn(&str) -> String) -> String {
    let handler = move |request: Request| async move {
        let sent = request.headers()["authorization"]
            .to_str()
            .unwrap()
            .trim_start_matches("Bearer ")
            .to_owned();
        let echo = form(&sent);
        let list = |values: Vec<Value>| json!({"values": values, "size": values.len(), "page": 1, "pagelen": 100});
        let path = request.uri().path().to_owned();
        let body = match path.trim_start_matches("/2.0/") {
            "workspaces/acme" => {
                json!({"type": "workspace", "uuid": "{1}", "slug": "acme", "name": echo})
            }
            "workspaces/acme/permissions" => list(vec![json!({
                "type": "workspace_membership", "permission": "owner",
                "user": {"type": "user", "uuid": "{2}", "display_name": format!("Mr {echo}"), "nickname": echo}
            })]),
            "workspaces/acme/projects" => list(vec![json!({
                "type": "project", "uuid": "{3}", "key": "KEY", "name": echo, "description": format!("<{echo}>")
            })]),
            _ if path.starts_with("/1.0") => json!([]),
            _ => list(vec![]),
        };
        let mut response: Response = body.to_string().into_response();
        let headers = response.headers_mut();
        headers.insert("content-type", "application/json".parse().unwrap());
        headers.insert("set-cookie", format!("session={sent}").parse().unwrap());
        headers.insert("x-echo", echo.parse().unwrap());
        response
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handler)).await });
    origin
}

#[tokio::test]
async fn a_secret_that_the_api_says_back_is_redacted_and_the_run_flagged() {
    let forms: [fn(&str) -> String; 3] = [
        |sent| sent.to_owned(),
        |sent| STANDARD.encode(sent),
        |sent| {
            sent.replace('/', "%2F")
                .replace('+', "%2B")
                .replace('=', "%3D")
        },
    ];
    for form in forms {
        let connection = Connection::to(&echoing(form).await, "acme").token(TOKEN);
        // That the raw secret is nowhere is asserted by every run.
        let ended = run(BINARY, &connection).await;
        assert!(matches!(ended.code, 0 | 3), "{}", ended.printed());
        let names: Vec<String> = ended.entities().into_iter().map(|row| row.name).collect();
        assert!(
            names.contains(&"[redacted]".to_owned()) && names.contains(&"Mr [redacted]".to_owned()),
            "{names:?}"
        );
        let encoded = form(TOKEN);
        for name in ["entities.csv", "entities.jsonl", "run.json"] {
            assert!(
                !std::fs::read_to_string(ended.out.join(name))
                    .unwrap()
                    .contains(&encoded),
                "{name}"
            );
        }
        assert!(ended.report()["secrets_redacted"].as_u64().unwrap() >= 4);
        ended.expect_printed("a secret of this connection was found");
    }
}

#[tokio::test]
async fn a_command_of_the_command_line_runs_where_the_operator_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    std::fs::create_dir(here.join("connections")).unwrap();
    std::fs::write(
        here.join("connections/acme.toml"),
        "connector = \"bitbucket\"\n[settings]\nworkspace = \"acme\"\napi_url = \"http://127.0.0.1:9\"\n",
    )
    .unwrap();
    let program = here.join("token");
    std::fs::write(&program, format!("#!/bin/sh\necho {TOKEN}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let output = std::process::Command::new(BINARY)
        .args(["check", "--connection", "connections/acme.toml"])
        .args(["--allow-private-networks", "--allow-plain-http"])
        .args(["--secret", "workspace-token.token=command:./token"])
        .arg("--connector")
        .arg(end_to_end::manifest())
        .current_dir(here)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // It got as far as asking the API, which is not there.
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!said.contains("can't be started"), "{said}");
}
