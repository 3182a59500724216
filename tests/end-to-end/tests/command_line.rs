//! What a person sees who got something wrong before a request is made: where, what, and how to mend it.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

const CONNECTION: &str = r#"
connector = "bitbucket"
[settings]
api_url = "https://api.example"
workspace = "acme"
[credentials.workspace-token]
token = { file = "token" }
[credentials.account]
username = "me@example.com"
app_password = { command = ["printf", "commandsecret\n"] }
"#;

const TOKEN: &str = "ATCTT-token-in-a-file";

fn portcullis(directory: &Path, arguments: &[&str]) -> Output {
    end_to_end::component();
    Command::new(env!("CARGO_BIN_EXE_portcullis-under-test"))
        .args(arguments)
        .arg("--connector")
        .arg(end_to_end::manifest())
        .arg("--out")
        .arg(directory.join("out"))
        .current_dir(directory)
        .env("SOME_TOKEN", "ATCTT-token-in-env")
        .output()
        .unwrap()
}

/// Runs with a connection that differs from a good one, and gives what was said on standard error.
fn complaint(from: &str, to: &str) -> String {
    assert!(
        CONNECTION.contains(from),
        "{from:?} is in the good connection"
    );
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("token"), TOKEN).unwrap();
    std::fs::write(
        directory.path().join("acme.toml"),
        CONNECTION.replace(from, to),
    )
    .unwrap();
    let output = portcullis(directory.path(), &["run", "--connection", "acme.toml"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty());
    assert!(
        !directory.path().join("out").exists(),
        "nothing was left behind"
    );
    for secret in [TOKEN, "commandsecret", "written-inside"] {
        assert!(!said.contains(secret), "{said}");
    }
    said
}

#[track_caller]
fn complains(from: &str, to: &str, words: &[&str]) {
    let said = complaint(from, to);
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said:?}");
    }
}

#[test]
fn an_unknown_key_is_named_with_the_known_ones() {
    complains(
        "workspace = \"acme\"",
        "workspace = \"acme\"\nworkspce = \"x\"",
        &["acme.toml", "settings.workspce", "deploy_keys"],
    );
    complains(
        "[settings]",
        "[pace]\nin_fligth = 3\n[settings]",
        &["pace.in_fligth", "in_flight"],
    );
    complains(
        "[settings]",
        "[netwrok]\n[settings]",
        &["netwrok", "network"],
    );
}

#[test]
fn an_unknown_key_can_not_steer_the_terminal() {
    for (from, to) in [
        (
            "workspace = \"acme\"",
            "workspace = \"acme\"\n\"\\u001b[2J\\u202ex\" = 1",
        ),
        (
            "[settings]",
            "[limits]\n\"\\u001b[2J\\u202ex\" = 1\n[settings]",
        ),
        ("[settings]", "[\"\\u001b[2J\\u202ex\"]\n[settings]"),
    ] {
        let said = complaint(from, to);
        assert!(said.contains("[2J") && said.contains("202e"), "{said:?}");
        assert!(
            !said.contains('\u{1b}') && !said.contains('\u{202e}'),
            "{said:?}"
        );
    }
}

#[test]
fn a_wrong_type_is_named() {
    complains(
        "workspace = \"acme\"",
        "workspace = \"acme\"\ndeploy_keys = \"yes\"",
        &["settings.deploy_keys", "true or false"],
    );
    complains(
        "[settings]",
        "[pace]\nin_flight = \"many\"\n[settings]",
        &["pace.in_flight", "whole number"],
    );
    complains(
        "[settings]",
        "[pace]\nin_flight = 0\n[settings]",
        &["pace.in_flight", "1 to 64"],
    );
}

#[test]
fn a_missing_or_empty_workspace_is_named_with_where_to_find_it() {
    complains(
        "workspace = \"acme\"",
        "",
        &["settings.workspace is missing", "bitbucket.org/<workspace>"],
    );
    complains(
        "workspace = \"acme\"",
        "workspace = \" \"",
        &["settings.workspace is empty", "bitbucket.org/<workspace>"],
    );
}

#[test]
fn an_api_url_must_be_one() {
    complains(
        "https://api.example",
        "api.example",
        &["settings.api_url", "https://"],
    );
    complains(
        "https://api.example",
        "ftp://api.example",
        &["settings.api_url", "https://"],
    );
    complains(
        "https://api.example",
        "https://me:written-inside@api.example",
        &["settings.api_url", "user name or password"],
    );
}

#[test]
fn plain_http_and_private_addresses_are_refused_unless_allowed() {
    complains(
        "https://api.example",
        "http://api.example",
        &["plain http", "allow_plain_http"],
    );
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "[::1]",
        "2130706433",
        "0x7f.1",
    ] {
        complains(
            "api.example",
            address,
            &["not on the public internet", "allow_private_networks"],
        );
    }
}

#[test]
fn a_secret_in_the_file_itself_is_refused_without_repeating_it() {
    complains(
        "{ file = \"token\" }",
        "\"written-inside\"",
        &[
            "credentials.workspace-token.token",
            "--allow-inline-secrets",
        ],
    );
    complains(
        "{ file = \"token\" }",
        "{ value = \"written-inside\" }",
        &["credentials.workspace-token.token", "env"],
    );
    // Not even where the file is not TOML on that very line.
    complains(
        "{ file = \"token\" }",
        "\"written-inside",
        &["line 7", "TOML"],
    );
}

#[test]
fn a_secret_that_is_not_there_is_named_by_its_source() {
    complains(
        "{ file = \"token\" }",
        "{ env = \"NO_SUCH_VARIABLE\" }",
        &["NO_SUCH_VARIABLE", "export"],
    );
    complains(
        "{ file = \"token\" }",
        "{ file = \"no-such-file\" }",
        &["no-such-file"],
    );
    complains(
        "{ file = \"token\" }",
        "{ command = [\"false\"] }",
        &["false", "failed"],
    );
    complains(
        "{ file = \"token\" }",
        "{ command = [\"no-such-program\"] }",
        &["no-such-program"],
    );
}

#[test]
fn a_half_given_credential_is_an_error_that_names_the_other_half() {
    complains(
        "username = \"me@example.com\"",
        "",
        &["credentials.account.username is missing"],
    );
    complains(
        "app_password",
        "password = { env = \"SOME_TOKEN\" }\napp_password",
        &["credentials.account", "twice"],
    );
}

#[test]
fn a_connection_of_another_connector_is_refused() {
    complains(
        "connector = \"bitbucket\"",
        "connector = \"jira\"",
        &["jira", "bitbucket"],
    );
}

#[test]
fn without_any_credential_it_says_which_there_are() {
    let directory = tempfile::tempdir().unwrap();
    let output = portcullis(directory.path(), &["run", "--set", "workspace=acme"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("workspace-token") && said.contains("account"),
        "{said}"
    );
}

#[test]
fn everything_may_be_said_without_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = [
        "run",
        "--set",
        "workspace=acme",
        "--set",
        "api_url=http://127.0.0.1:9",
        "--secret",
        "workspace-token.token=env:SOME_TOKEN",
        "--allow-private-networks",
        "--allow-plain-http",
    ];
    let output = portcullis(directory.path(), &arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    // Nobody listens on that port: the run began and could not reach the API.
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("could not be reached") && said.to_lowercase().contains("refused"),
        "{said}"
    );
}

#[test]
fn help_lists_the_exit_codes() {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis-under-test"))
        .args(["run", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for line in [
        "0    complete",
        "2    usage",
        "3    finished",
        "4    nothing",
        "5    the component",
        "130  cancelled",
        "1    anything",
    ] {
        assert!(help.contains(line), "{line:?} is not in {help}");
    }
}

#[test]
fn a_manifest_with_an_unknown_key_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = directory.path().join("connector.toml");
    let text = std::fs::read_to_string(end_to_end::manifest()).unwrap();
    std::fs::write(&manifest, text.replace("memory_mib", "memory_mb")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis-under-test"))
        .args(["run", "--out", "out", "--connector"])
        .arg(&manifest)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said.contains("connector.toml") && said.contains("memory_mb"),
        "{said}"
    );
}

#[test]
fn a_component_that_is_missing_or_none_is_refused_with_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(end_to_end::manifest()).unwrap();
    let manifest = directory.path().join("connector.toml");
    std::fs::write(
        &manifest,
        text.replace("../../target/components/bitbucket.wasm", "other.wasm"),
    )
    .unwrap();
    let run = || {
        let output = Command::new(env!("CARGO_BIN_EXE_portcullis-under-test"))
            .args([
                "run",
                "--out",
                "out",
                "--set",
                "workspace=acme",
                "--secret",
                "workspace-token.token=env:SOME_TOKEN",
            ])
            .arg("--connector")
            .arg(&manifest)
            .env("SOME_TOKEN", "ATCTT-token-in-env")
            .current_dir(directory.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(4));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(run().contains("other.wasm"));
    std::fs::write(directory.path().join("other.wasm"), "not a component").unwrap();
    assert!(run().contains("no WebAssembly component"));
}
