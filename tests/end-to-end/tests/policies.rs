//! What a connection, an operator and a tenant may say of limits, audit and secrets.
#![allow(clippy::unwrap_used)]

use portcullis::connection::{Connection, ConnectionPolicy, Key, Overrides, TenantMay};
use portcullis::limits::Limit;
use portcullis::manifest::{Manifest, Pace};
use portcullis::slot::SlotKind;
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
             [slots.account]\nkind = \"basic\"\nhelp = \"an account\"\n\
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
        self.command_text(command, &text, arguments)
    }

    /// With the whole text of the connection.
    fn command_text(&self, command: &str, text: &str, arguments: &[&str]) -> (i32, String) {
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

    /// The pace of a tenant's connection, and whether its number of requests is fixed.
    fn tenants_pace(&self, pace: &str, operators: Overrides) -> Result<(Pace, bool), String> {
        let text = format!("connector = \"hostile\"\n{INLINE}{pace}");
        let file = self.0.path().join("c.toml");
        std::fs::write(&file, text).unwrap();
        let manifest = Manifest::load(&self.0.path().join("connector.toml")).unwrap();
        let overrides = Overrides {
            allow_inline_secrets: true,
            policy: ConnectionPolicy::Tenant,
            ..operators
        };
        Connection::load(&manifest, Some(&file), &overrides)
            .map(|connection| (connection.pace, connection.rate_is_own))
            .map_err(|error| error.to_string())
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
const INLINE: &str = "[credentials.token]\ntoken = \"a-token-value\"\n";
const TENANT: [&str; 3] = ["--connection-policy", "tenant", "--allow-inline-secrets"];

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
    let tenant = TENANT;
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
    let tenant = TENANT;
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
fn a_tenants_credentials_are_values_and_nothing_of_this_machine() {
    let place = Place::new("");
    let slots = [
        ("account", "username", "password = \"a-token-value\"\n"),
        ("account", "password", "username = \"me\"\n"),
        ("token", "token", ""),
        (
            "consumer",
            "client_id",
            "token_url = \"https://auth.example.com/t\"\nclient_secret = \"a-token-value\"\n",
        ),
        (
            "consumer",
            "client_secret",
            "token_url = \"https://auth.example.com/t\"\nclient_id = \"me\"\n",
        ),
        (
            "consumer",
            "token_url",
            "client_id = \"me\"\nclient_secret = \"a-token-value\"\n",
        ),
        (
            "consumer",
            "scope",
            "token_url = \"https://auth.example.com/t\"\nclient_id = \"me\"\nclient_secret = \"a-token-value\"\n",
        ),
    ];
    for (slot, field, rest) in slots {
        for source in [
            "{ env = \"TOKEN\" }",
            "{ file = \"token\" }",
            "{ command = [\"touch\", \"ran\"] }",
        ] {
            let text = format!("[credentials.{slot}]\n{rest}{field} = {source}\n");
            let (code, printed) = place.run(&text, &TENANT);
            assert_eq!(code, 2, "{text}: {printed}");
            let words = format!("credentials.{slot}.{field} names a variable, file or command");
            assert!(printed.contains(&words), "{printed}");
        }
        let value = match field {
            "token_url" => "https://auth.example.com/t",
            _ => "a-token-value",
        };
        let text = format!("[credentials.{slot}]\n{rest}{field} = {value:?}\n");
        let (code, printed) = place.run(&text, &TENANT);
        assert_eq!(code, 0, "{text}: {printed}");
    }
    assert!(!place.0.path().join("ran").exists(), "a command ran");
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

/// What a tenant would gain something with, and the exit code that it gets instead. `PACED` is the manifest's part.
fn gain(key: Key) -> (String, i32) {
    let name = key.name();
    let line = match key {
        Key::Connector => "\"another\"".to_owned(),
        Key::App => "\"okta\"".to_owned(),
        // The operator requires it, and the manifest pins nothing.
        Key::RequirePinned => return ("require_pinned = false".to_owned(), 4),
        Key::AllowPrivateNetworks | Key::AllowPlainHttp | Key::SpreadSlots => "true".to_owned(),
        Key::CaFile => "\"/etc/ssl/cert.pem\"".to_owned(),
        Key::Proxy => "\"http://proxy:1\"".to_owned(),
        Key::InFlight => "5".to_owned(),
        Key::RequestsPerHour => "0".to_owned(),
        Key::Limit(limit) => {
            let allowed = portcullis::limits::Limits::default().get(limit);
            (allowed + 1).to_string()
        }
    };
    (format!("{name} = {line}"), 2)
}

const PACED: &str = "[pace]\nin_flight = 4\nrequests_per_hour = 5\nspread_slots = false\n";

#[test]
fn no_key_of_a_connection_gains_a_tenant_anything() {
    let place = Place::new(PACED);
    for key in Key::all() {
        let (line, expected) = gain(key);
        let name = "connector = \"hostile\"";
        let text = match (key, key.table()) {
            (Key::Connector, _) => format!("{line}\n{INLINE}"),
            (_, "") => format!("{name}\n{line}\n{INLINE}"),
            (_, table) => format!("{name}\n{INLINE}[{table}]\n{line}\n"),
        };
        let pinned: &[&str] = match key {
            Key::RequirePinned => &["--require-pinned"],
            _ => &[],
        };
        let arguments = [&TENANT[..], pinned, &["--out", "out"]].concat();
        let (code, printed) = place.command_text("run", &text, &arguments);
        assert_eq!(code, expected, "{key:?}: {printed}");
        if key.tenant() == TenantMay::SayNothing {
            assert!(printed.contains("is not a tenant's to say"), "{printed}");
        }
        assert!(!place.0.path().join("out").exists(), "{key:?}: it ran");
    }
}

#[test]
fn a_tenants_pace_only_lowers_the_manifests_and_the_operators() {
    let place = Place::new(PACED);
    let none = Overrides::default();
    let paced = |pace: &str, operators: &Overrides| {
        let text = format!("[pace]\n{pace}\n");
        place
            .tenants_pace(&text, operators.clone())
            .map(|(pace, fixed)| {
                (
                    pace.in_flight,
                    pace.requests_per_hour,
                    pace.spread_slots,
                    fixed,
                )
            })
    };
    assert_eq!(paced("", &none), Ok((4, 5, false, false)));
    assert_eq!(paced("in_flight = 3", &none), Ok((3, 5, false, false)));
    assert_eq!(paced("in_flight = 4", &none), Ok((4, 5, false, false)));
    assert_eq!(
        paced("requests_per_hour = 4", &none),
        Ok((4, 4, false, true))
    );
    assert_eq!(
        paced("spread_slots = false", &none),
        Ok((4, 5, false, false))
    );
    for (line, words) in [
        (
            "in_flight = 5",
            ["pace.in_flight is 5", "lower it from 4", "--in-flight"],
        ),
        ("in_flight = 0", ["pace.in_flight is 0", "must be 1 to", ""]),
        (
            "requests_per_hour = 0",
            [
                "pace.requests_per_hour is 0",
                "lower it from 5",
                "--requests-per-hour",
            ],
        ),
        (
            "requests_per_hour = 6",
            [
                "pace.requests_per_hour is 6",
                "lower it from 5",
                "--requests-per-hour",
            ],
        ),
        (
            "spread_slots = true",
            ["pace.spread_slots is true", "only switch it off", ""],
        ),
    ] {
        let problem = paced(line, &none).unwrap_err();
        for word in words {
            assert!(problem.contains(word), "{word:?} is not in {problem}");
        }
    }

    // The command line bounds what the file says, and a lower number of the file stays.
    let operators = Overrides {
        in_flight: Some(6),
        requests_per_hour: Some(3),
        ..Overrides::default()
    };
    assert_eq!(paced("", &operators), Ok((6, 3, false, true)));
    for (line, expected) in [
        ("requests_per_hour = 0", (6, 3, false, true)),
        ("requests_per_hour = 4", (6, 3, false, true)),
        ("requests_per_hour = 2", (6, 2, false, true)),
        ("in_flight = 5", (5, 3, false, true)),
        ("in_flight = 60", (6, 3, false, true)),
    ] {
        assert_eq!(paced(line, &operators), Ok(expected), "{line}");
    }
    // An operator may lift the manifest's number, and the tenant lowers that.
    let operators = Overrides {
        requests_per_hour: Some(0),
        ..Overrides::default()
    };
    assert_eq!(paced("", &operators), Ok((4, 0, false, true)));
    assert_eq!(
        paced("requests_per_hour = 9", &operators),
        Ok((4, 9, false, true))
    );
    // A lower limit lowers the pace too.
    let (pace, _) = place
        .tenants_pace("[limits]\nin_flight = 2\n", none.clone())
        .unwrap();
    assert_eq!(pace.in_flight, 2);

    // Where the manifest names no number, what the API says of its limits holds, also for who says 0.
    let place = Place::new("");
    let spread = |pace: &str| {
        let (pace, fixed) = place.tenants_pace(pace, none.clone()).unwrap();
        (pace.requests_per_hour, pace.spread_slots, fixed)
    };
    assert_eq!(spread(""), (0, true, false));
    assert_eq!(
        spread("[pace]\nrequests_per_hour = 0\nspread_slots = false\n"),
        (0, false, false)
    );
    assert_eq!(spread("[pace]\nrequests_per_hour = 9\n"), (9, true, true));
}

#[test]
fn an_operators_own_connection_keeps_its_rights() {
    let place = Place::new(PACED);
    let text = format!(
        "app = \"okta\"\n{TOKEN}[pace]\nin_flight = 5\nrequests_per_hour = 0\nspread_slots = true\n\
         [network]\nallow_private_networks = true\nallow_plain_http = true\nproxy = \"http://proxy:1\"\n"
    );
    let (code, printed) = place.run(&text, &[]);
    assert_eq!(code, 0, "{printed}");
    let manifest = Manifest::load(&place.0.path().join("connector.toml")).unwrap();
    let file = place.0.path().join("c.toml");
    let connection = Connection::load(&manifest, Some(&file), &Overrides::default());
    let connection = connection.map_err(|error| error.to_string()).ok().unwrap();
    let pace = connection.pace;
    assert_eq!(
        (pace.in_flight, pace.requests_per_hour, pace.spread_slots),
        (5, 0, true)
    );
    assert!(connection.rate_is_own);
    assert_eq!(&*connection.app, "okta");
}

#[test]
fn a_tenants_run_is_exported_under_the_operators_name() {
    let place = Place::new("");
    let (code, printed) = place.run(&format!("app = \"okta\"\n{INLINE}"), &TENANT);
    assert_eq!(code, 2, "{printed}");
    assert!(
        printed.contains("app is not a tenant's to say"),
        "{printed}"
    );
    // Not even the name that it has anyway, and the operator may give another.
    let (code, _) = place.run(&format!("app = \"x\"\n{INLINE}"), &TENANT);
    assert_eq!(code, 2);
    let (code, printed) = place.run(INLINE, &[&TENANT[..], &["--app", "okta"]].concat());
    assert_eq!(code, 0, "{printed}");
}

#[test]
fn a_tenant_can_require_a_pinned_component_and_not_lift_that() {
    let place = Place::new("");
    for (line, arguments, expected) in [
        ("", &[][..], 0),
        ("require_pinned = false", &[], 0),
        ("require_pinned = true", &[], 4),
        ("require_pinned = false", &["--require-pinned"], 4),
    ] {
        let connection = format!("{line}\n{INLINE}");
        let (code, printed) = place.run(&connection, &[&TENANT[..], arguments].concat());
        assert_eq!(code, expected, "{line}: {printed}");
    }
}

#[test]
fn a_tenants_limits_only_lower_the_operators() {
    let place = Place::new("memory_mib = 32");
    let limits = place.0.path().join("limits.toml");
    std::fs::write(&limits, "[limits]\nmemory_mib = 24\n").unwrap();
    let lowered = |number: u32| format!("{INLINE}[limits]\nmemory_mib = {number}\n");
    let operators = [&TENANT[..], &["--limits", "limits.toml"]].concat();
    let (code, printed) = place.run(&lowered(25), &operators);
    assert_eq!(code, 2, "{printed}");
    assert!(printed.contains("from 24"), "{printed}");
    let (code, printed) = place.run(&lowered(23), &operators);
    assert_eq!(code, 0, "{printed}");
    assert_eq!(place.allowed("memory_mib"), 23);
}

/// A key that a person decided on has a row in SECURITY.md that says what, with its test.
#[test]
fn what_a_tenant_may_say_with_each_key_is_written_down() {
    let page = std::fs::read_to_string(end_to_end::root().join("SECURITY.md")).unwrap();
    let (_, section) = page
        .split_once("## What a tenant's connection may say")
        .unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let row = |key: &str| {
        let start = format!("| `{key}` |");
        let row = section.lines().find(|line| line.starts_with(&start));
        row.unwrap_or_else(|| panic!("SECURITY.md has no row for {key}"))
    };
    for key in Key::all() {
        let place = match key.table() {
            "" => key.name().to_owned(),
            "limits" => "limits.*".to_owned(),
            table => format!("{table}.{}", key.name()),
        };
        let word = match key.tenant() {
            TenantMay::Choose => "| choose:",
            TenantMay::Narrow => "| narrow:",
            TenantMay::SayNothing => "| nothing",
        };
        assert!(row(&place).contains(word), "{place}: {word}");
    }
    for kind in [SlotKind::Bearer, SlotKind::Basic, SlotKind::OAuth2] {
        // A new kind needs its fields decided on too.
        match kind {
            SlotKind::Bearer | SlotKind::Basic | SlotKind::OAuth2 => {}
        }
        for field in kind.fields() {
            row(&format!("credentials.*.{}", field.name));
        }
    }
    row("settings.*");
    assert_eq!(Limit::ALL.len(), 13, "is a tenant to lower the new limit?");
}
