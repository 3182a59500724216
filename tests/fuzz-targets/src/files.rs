use portcullis::connection::{Connection, ConnectionPolicy, Overrides};
use portcullis::manifest::Manifest;
use std::path::Path;

const MANIFEST: &str = r#"
name = "example"
contract = "0.1"
component = "example.wasm"
app = "example"
[settings.api_url]
type = "url"
default = "https://api.example.com"
help = "where"
[settings.names]
type = "list"
default = []
help = "which"
[settings.deep]
type = "flag"
default = true
help = "whether"
[slots.token]
kind = "bearer"
help = "a token"
[slots.account]
kind = "basic"
help = "an account"
[slots.consumer]
kind = "oauth2"
help = "a client"
[egress]
origin = "api_url"
tenant_origins = ["https://api.example.com"]
tenant_token_origins = ["https://auth.example.com"]
rules = []
"#;

/// Whatever is written in a manifest or a connection is taken or is an error that tells something. The input: both,
/// separated by a line of three equals signs. The connection is a tenant's: it can name no command, so that none is run.
///
/// # Panics
/// Where that does not hold.
pub fn files(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (first, second) = text.split_once("\n===\n").unwrap_or((&text, &text));
    if let Err(error) = Manifest::parse(Path::new("connector.toml"), first) {
        assert!(error.to_string().len() > "connector.toml: ".len());
    }
    let manifest = Manifest::parse(Path::new("connector.toml"), MANIFEST).expect("a manifest");
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("c.toml");
    std::fs::write(&path, second).expect("a file");
    let overrides = Overrides {
        allow_inline_secrets: true,
        policy: ConnectionPolicy::Tenant,
        ..Overrides::default()
    };
    match Connection::load(&manifest, Some(&path), &overrides) {
        Ok(connection) => {
            assert!(!connection.network.allow_private_networks);
            assert!(connection.limits.memory_mib <= manifest.limits.memory_mib);
            assert!(connection.vault.slots().count() > 0);
        }
        Err(error) => assert!(error.to_string().contains("c.toml: "), "{error}"),
    }
}
