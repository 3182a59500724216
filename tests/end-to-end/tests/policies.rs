//! What a connection, an operator and a tenant may say of limits, audit and secrets.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

/// A directory with a manifest of the hostile connector, which here does nothing.
struct Place(TempDir);

impl Place {
    fn new(limits: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let component: PathBuf = end_to_end::root().join("target/components/hostile.wasm");
        let manifest = format!(
            "name = \"hostile\"\ncontract = \"0.1\"\ncomponent = {component:?}\napp = \"x\"\n\
             [settings.api_url]\ntype = \"url\"\ndefault = \"https://api.example.com\"\nhelp = \"where\"\n\
             [settings.attack]\ntype = \"text\"\ndefault = \"nothing\"\nhelp = \"how\"\n\
             [slots.token]\nkind = \"bearer\"\nhelp = \"a token\"\n\
             [slots.consumer]\nkind = \"oauth2\"\nhelp = \"a client\"\n\
             [egress]\norigin = \"api_url\"\ntenant_origins = [\"https://api.example.com\"]\n\
             tenant_token_origins = [\"https://auth.example.com\"]\nrules = []\n[limits]\n{limits}\n"
        );
        std::fs::write(directory.path().join("connector.toml"), manifest).unwrap();
        std::fs::write(directory.path().join("token"), "a-token-value").unwrap();
        Self(directory)
    }

    fn run(&self, connection: &str, arguments: &[&str]) -> (i32, String) {
        self.command("run", connection, &[arguments, &["--out", "out"]].concat())
    }

    fn command(&self, command: &str, connection: &str, arguments: &[&str]) -> (i32, String) {
        let text = format!("connector = \"hostile\"\n{connection}");
        std::fs::write(self.0.path().join("c.toml"), text).unwrap();
        let output = Command::new(BINARY)
            .args([
                command,
                "--connector",
                "connector.toml",
                "--connection",
                "c.toml",
            ])
            .args(arguments)
            .current_dir(self.0.path())
            .env("TOKEN", "a-token-value")
            .env("XDG_CACHE_HOME", end_to_end::root().join("target/tmp"))
            .env("XDG_STATE_HOME", self.0.path().join("state"))
            .output()
            .unwrap();
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8(printed).unwrap();
        assert!(!printed.contains("a-token-value"), "{printed}");
        (output.status.code().unwrap(), printed)
    }

    fn allowed(&self, limit: &str) -> u64 {
        let text = std::fs::read(self.0.path().join("out/run.json")).unwrap();
        let report: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let rows = report["limits"].as_array().unwrap();
        assert_eq!(rows.len(), 13);
        let row = rows.iter().find(|row| row["limit"] == limit).unwrap();
        assert!(row["used"].is_number());
        row["allowed"].as_u64().unwrap()
    }
}

const TOKEN: &str = "[credentials.token]\ntoken = { file = \"token\" }\n";

#[test]
fn a_connection_lowers_a_limit_and_never_raises_one() {
    let place = Place::new("memory_mib = 32");
    let (code, printed) = place.run(&format!("{TOKEN}[limits]\nmemory_mib = 16\n"), &[]);
    assert_eq!(code, 0, "{printed}");
    assert_eq!(place.allowed("memory_mib"), 16);
    // The summary shows them all.
    for word in ["memory_mib", "cpu_seconds", "call_mib", "allowed", "used"] {
        assert!(printed.contains(word), "{word}: {printed}");
    }
    for (limits, words) in [
        (
            "memory_mib = 33",
            ["limits.memory_mib is 33", "from 32", "--limits"],
        ),
        (
            "memory_mib = 0",
            ["limits.memory_mib", "at least 1", "c.toml"],
        ),
        (
            "memory_mib = -1",
            ["limits.memory_mib", "whole number", "c.toml"],
        ),
        ("memory = 1", ["limits.memory", "not known", "memory_mib"]),
    ] {
        let (code, printed) = place.run(&format!("{TOKEN}[limits]\n{limits}\n"), &[]);
        assert_eq!(code, 2, "{printed}");
        for word in words {
            assert!(printed.contains(word), "{word}: {printed}");
        }
    }
}

#[test]
fn an_operator_raises_a_limit_and_the_connection_lowers_that() {
    let place = Place::new("memory_mib = 32");
    let limits = place.0.path().join("limits.toml");
    std::fs::write(&limits, "[limits]\nmemory_mib = 128\n").unwrap();
    let (code, printed) = place.run(TOKEN, &["--limits", "limits.toml"]);
    assert_eq!(code, 0, "{printed}");
    assert_eq!(place.allowed("memory_mib"), 128);
    let lowered = format!("{TOKEN}[limits]\nmemory_mib = 100\n");
    place.run(&lowered, &["--limits", "limits.toml"]);
    assert_eq!(place.allowed("memory_mib"), 100);
    std::fs::write(&limits, "[limits]\nmemory_mb = 128\n").unwrap();
    let (code, printed) = place.run(TOKEN, &["--limits", "limits.toml"]);
    assert_eq!(code, 2);
    assert!(printed.contains("limits.toml") && printed.contains("memory_mb is not known"));
}

#[test]
fn a_tenants_connection_can_not_use_this_machines_secrets_or_network() {
    let place = Place::new("");
    let tenant = ["--connection-policy", "tenant", "--allow-inline-secrets"];
    for source in [
        "{ env = \"HOME\" }",
        "{ file = \"/etc/passwd\" }",
        "{ command = [\"touch\", \"ran\"] }",
    ] {
        let (code, printed) =
            place.run(&format!("[credentials.token]\ntoken = {source}\n"), &tenant);
        assert_eq!(code, 2, "{printed}");
        assert!(printed.contains("credentials.token.token names a variable, file or command"));
    }
    assert!(!place.0.path().join("ran").exists(), "a command ran");
    let inline = "[credentials.token]\ntoken = \"a-token-value\"\n";
    for network in [
        "allow_private_networks = true",
        "allow_plain_http = true",
        "ca_file = \"/etc/passwd\"",
        "proxy = \"http://proxy:1\"",
    ] {
        let (code, printed) = place.run(&format!("{inline}[network]\n{network}\n"), &tenant);
        assert_eq!(code, 2, "{printed}");
        assert!(printed.contains("is not a tenant's to say"), "{printed}");
    }
    for url in [
        "https://evil.example",
        "http://api.example.com",
        "https://api.example.com:8443",
        "https://api.example.com.evil.example",
        "https://169.254.169.254",
    ] {
        let (code, printed) = place.run(
            &format!("[settings]\napi_url = \"{url}\"\n"),
            &[&tenant[..], &["--secret", "token.token=env:TOKEN"]].concat(),
        );
        assert_eq!(code, 2, "{url}: {printed}");
        assert!(
            printed.contains("is not one of the API origins"),
            "{printed}"
        );
    }
    let (code, printed) = place.run(&format!("{inline}{}", "#".repeat(2 << 20)), &tenant);
    assert_eq!(code, 2);
    assert!(printed.contains("larger than 1 MiB"), "{printed}");
    let (code, printed) = place.run(inline, &tenant);
    assert_eq!(code, 0, "{printed}");
    // The operator may give the secret, and list another origin.
    let (code, printed) = place.run(
        "[settings]\napi_url = \"https://EU.example.com/\"\n",
        &[
            "--connection-policy",
            "tenant",
            "--secret",
            "token.token=env:TOKEN",
            "--tenant-origin",
            "https://eu.example.com",
        ],
    );
    assert_eq!(code, 0, "{printed}");
}

#[test]
fn a_tenants_tokens_come_from_a_listed_origin_alone() {
    let place = Place::new("");
    let client = |url: &str| {
        format!(
            "[credentials.consumer]\ntoken_url = \"{url}\"\nclient_id = \"me\"\nclient_secret = \"a-token-value\"\n"
        )
    };
    let tenant = ["--connection-policy", "tenant", "--allow-inline-secrets"];
    for url in [
        "https://evil.example/token",
        "http://auth.example.com/token",
        "https://auth.example.com:8443/token",
        "https://auth.example.com.evil.example/token",
        "https://169.254.169.254/token",
        // Where the API is, a token endpoint need not be: the host would send it a request with a body.
        "https://api.example.com/token",
    ] {
        let (code, printed) = place.run(&client(url), &tenant);
        assert_eq!(code, 2, "{url}: {printed}");
        for words in [
            "credentials.consumer.token_url",
            "https://auth.example.com:443",
        ] {
            assert!(printed.contains(words), "{printed}");
        }
        assert!(!printed.contains("evil"), "{printed}");
    }
    for url in [
        "https://auth.example.com/token",
        "https://AUTH.example.com:443/any?x=1",
    ] {
        let (code, printed) = place.run(&client(url), &tenant);
        assert_eq!(code, 0, "{url}: {printed}");
    }
    let more = ["--tenant-token-origin", "https://eu.example.com"];
    let listed = [&tenant[..], &more].concat();
    let (code, printed) = place.run(&client("https://eu.example.com/token"), &listed);
    assert_eq!(code, 0, "{printed}");
    // An origin for the API is none for tokens.
    let other = ["--tenant-origin", "https://eu.example.com"];
    let (code, _) = place.run(
        &client("https://eu.example.com/token"),
        &[&tenant[..], &other].concat(),
    );
    assert_eq!(code, 2);
    for line in [
        "token_url = { env = \"HOME\" }",
        "scope = { file = \"/etc/passwd\" }",
    ] {
        let text = client("https://auth.example.com/token");
        let name = line.split(' ').next().unwrap();
        let kept: Vec<&str> = text
            .lines()
            .filter(|kept| !kept.starts_with(name))
            .collect();
        let (code, printed) = place.run(&format!("{}\n{line}\n", kept.join("\n")), &tenant);
        assert_eq!(code, 2, "{printed}");
        assert!(
            printed.contains("names a variable, file or command"),
            "{printed}"
        );
    }
}

#[test]
fn a_client_is_given_in_the_file_or_on_the_command_line() {
    let place = Place::new("");
    let (code, printed) = place.run(
        "[credentials.consumer]\ntoken_url = \"https://auth.example.com/token\"\nscope = \"a b\"\n",
        &[
            "--secret",
            "consumer.client_id=env:TOKEN",
            "--secret",
            "consumer.client_secret=env:TOKEN",
        ],
    );
    assert_eq!(code, 0, "{printed}");
    let whole = "token_url = \"https://auth.example.com/token\"\nclient_id = \"me\"\nclient_secret = { env = \"TOKEN\" }\n";
    for (line, instead, words) in [
        ("token_url", "", "credentials.consumer.token_url is missing"),
        ("client_id", "", "credentials.consumer.client_id is missing"),
        (
            "client_secret",
            "",
            "credentials.consumer.client_secret is missing",
        ),
        (
            "client_secret",
            "client_secret = \"a-token-value\"",
            "is written into the file itself",
        ),
        (
            "token_url",
            "token_url = \"auth.example.com\"",
            "credentials.consumer.token_url must be the URL",
        ),
        (
            "token_url",
            "token_url = \"https://a-token-value@x.example/\"",
            "without user name",
        ),
        ("client_id", "client_id = \"\"", "is empty"),
        (
            "client_id",
            "client_id = 7",
            "credentials.consumer.client_id",
        ),
        (
            "scope",
            "scop = \"a\"",
            "credentials.consumer.scop is not known",
        ),
    ] {
        let kept: Vec<&str> = whole
            .lines()
            .filter(|kept| !kept.starts_with(line))
            .collect();
        let text = format!("[credentials.consumer]\n{}\n{instead}\n", kept.join("\n"));
        let (code, printed) = place.run(&text, &[]);
        assert_eq!(code, 2, "{text}: {printed}");
        assert!(printed.contains(words), "{words:?}: {printed}");
    }
}

#[test]
fn the_operators_audit_log_grows_and_is_closed_to_others() {
    let place = Place::new("");
    for _ in 0..2 {
        let (code, printed) = place.run(TOKEN, &["--audit", "all.jsonl"]);
        assert_eq!(code, 0, "{printed}");
    }
    // This connector's check fails, which is noted too.
    let (code, _) = place.command("check", TOKEN, &["--audit", "all.jsonl"]);
    assert_eq!(code, 5);
    let path = place.0.path().join("all.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let events: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |event: &str| events.iter().filter(|line| line["event"] == event).count();
    assert_eq!((of("started"), of("ended")), (3, 3), "{text}");
    assert_eq!(events[5]["outcome"]["kind"], "connector-failed");
    // A component that may not run is noted as well.
    let (code, _) = place.run(TOKEN, &["--audit", "refused.jsonl", "--require-pinned"]);
    assert_eq!(code, 4);
    let refused = std::fs::read_to_string(place.0.path().join("refused.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(&refused).unwrap();
    assert_eq!(line["event"], "ended");
    assert_eq!(line["outcome"]["kind"], "component-refused");
    for path in [path, place.0.path().join("out/audit.jsonl")] {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    let (code, printed) = place.run(TOKEN, &["--audit", "no/such/folder"]);
    assert_eq!(code, 2);
    assert!(printed.contains("--audit no/such/folder"), "{printed}");
}
