//! The SCIM connector against a server that nobody here wrote: scim2-server, in each of its forms.
//!
//! `scripts/scim2-server.sh` installs it. Where its packages could not be reached, the tests say that they are skipped.
#![allow(clippy::unwrap_used)]

use end_to_end::{Connection, Connector, root, run};
use fake_api::{EntityRow, RelationRow, Truth};
use serde_json::{Value, json};
use skipped::skipped;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

const TOKEN: &str = "scim2-server-t0ken";

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// How the server is started, beside its port and token.
struct Form {
    /// `pagination` of its configuration; null: it has none.
    pagination: Value,
    /// `filter.maxResults`.
    most: usize,
    tenant: Option<&'static str>,
}

/// The server, until it is dropped.
struct Server {
    child: Child,
    address: String,
    /// The path before each endpoint.
    prefix: String,
    _directory: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether it was installed. Says so where its packages could not be reached.
fn installed() -> bool {
    let here = root().join("target/scim2-server");
    if let Ok(why) = std::fs::read_to_string(here.join("unreachable")) {
        skipped(why.trim());
        return false;
    }
    let complete = here.join("installed.txt").exists();
    assert!(
        complete,
        "run scripts/scim2-server.sh first, as `make test` does"
    );
    true
}

impl Server {
    /// Starts it with schemas and resource types of its own and of roles and entitlements.
    fn start(form: &Form) -> Self {
        let directory = TempDir::new().unwrap();
        let bare = Self::spawn(&[], TempDir::new().unwrap());
        let list = |path: &str| bare.get(path)["Resources"].as_array().unwrap().clone();
        let (mut schemas, mut types) = (list("/v2/Schemas"), list("/v2/ResourceTypes"));
        drop(bare);
        for (name, endpoint) in [("Role", "/Roles"), ("Entitlement", "/Entitlements")] {
            let id = format!("{CORE}:{name}");
            let attribute = |name: &str| {
                json!({
                    "name": name, "type": "string", "multiValued": false, "required": false, "caseExact": true,
                    "mutability": "readWrite", "returned": "default", "uniqueness": "none", "description": name,
                })
            };
            schemas.push(json!({
                "schemas": [format!("{CORE}:Schema")], "id": id, "name": name, "description": name,
                "attributes": [attribute("value"), attribute("display")],
            }));
            types.push(json!({
                "schemas": [format!("{CORE}:ResourceType")], "id": name, "name": name, "endpoint": endpoint, "schema": id,
            }));
        }
        let yes = json!({"supported": true});
        let mut config = json!({
            "schemas": [format!("{CORE}:ServiceProviderConfig")],
            "patch": yes, "changePassword": yes, "sort": yes, "etag": yes,
            "bulk": {"supported": true, "maxOperations": 100, "maxPayloadSize": 1_048_576},
            "filter": {"supported": true, "maxResults": form.most},
        });
        if !form.pagination.is_null() {
            config["pagination"] = form.pagination.clone();
        }
        let mut arguments = Vec::new();
        for (flag, content) in [
            ("--schema", Value::from(schemas)),
            ("--resource-type", types.into()),
            ("--service-provider-config", config),
        ] {
            let file = directory.path().join(format!("{}.json", &flag[2..]));
            std::fs::write(&file, content.to_string()).unwrap();
            arguments.extend([flag.to_owned(), file.display().to_string()]);
        }
        if let Some(tenant) = form.tenant {
            arguments.extend(["--tenant".to_owned(), tenant.to_owned()]);
        }
        let mut server = Self::spawn(&arguments, directory);
        if let Some(tenant) = form.tenant {
            server.prefix = format!("/{tenant}/v2");
        }
        server
    }

    /// It can't say which port it took, so a free one is found before; another process may be faster, then another is
    /// tried.
    fn spawn(arguments: &[String], directory: TempDir) -> Self {
        let start = || {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let child = Command::new(root().join("target/scim2-server/venv/bin/scim2-server"))
                .args(["--port", &port.to_string(), "--bearer-token", TOKEN])
                .args(arguments)
                .env("PYTHONUNBUFFERED", "1")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn();
            (child.unwrap(), format!("127.0.0.1:{port}"))
        };
        for _ in 0..5 {
            let (mut child, address) = start();
            let mut line = String::new();
            let mut printed = BufReader::new(child.stdout.take().unwrap());
            printed.read_line(&mut line).unwrap();
            if line.starts_with("Serving SCIM") {
                return Self {
                    child,
                    address,
                    prefix: "/v2".to_owned(),
                    _directory: directory,
                };
            }
            child.wait().unwrap();
        }
        panic!("scim2-server does not start with {arguments:?}");
    }

    fn get(&self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null)
    }

    fn post(&self, endpoint: &str, mut resource: Value) -> String {
        let path = format!("{}{endpoint}", self.prefix);
        if resource.get("schemas").is_none() {
            let kind = match endpoint {
                "/Users" => "User",
                "/Groups" => "Group",
                "/Roles" => "Role",
                _ => "Entitlement",
            };
            resource["schemas"] = json!([format!("{CORE}:{kind}")]);
        }
        let made = self.ask("POST", &path, &resource);
        made["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{path}: {made}"))
            .to_owned()
    }

    /// HTTP/1.0 is what it speaks.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nhost: {}\r\nauthorization: Bearer {TOKEN}\r\n\
             content-type: application/scim+json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let (_, body) = reply.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{method} {path}: {reply}"))
    }

    fn base(&self) -> String {
        format!("http://{}{}", self.address, self.prefix)
    }
}

fn entity(truth: &mut Truth, source_type: &str, id: &str, name: &str) {
    let entity_type = if source_type == "user" {
        "identity"
    } else {
        "connection"
    };
    truth.entities.insert(EntityRow {
        entity_type: entity_type.into(),
        source_type: source_type.into(),
        source_id: id.into(),
        name: name.into(),
        dangling: false,
    });
}

fn held(truth: &mut Truth, holder: (&str, &str), child: &str) {
    truth.relations.insert(RelationRow {
        parent_type: holder.0.into(),
        parent_id: holder.1.into(),
        entity_type: "connection".into(),
        entity_id: child.into(),
        privilege: "member".into(),
        connection_type: "group".into(),
        level: None,
    });
}

/// Loads users, an empty group, a group with every user, a nested group, roles and entitlements, and says what that is
/// in rows.
fn load(server: &Server) -> Truth {
    let mut truth = Truth::default();
    for (endpoint, kind, count) in [("/Roles", "role", 3), ("/Entitlements", "entitlement", 2)] {
        for n in 0..count {
            let (value, display) = (format!("{kind}-{n}"), format!("The {kind} {n}"));
            server.post(endpoint, json!({"value": value, "display": display}));
            entity(&mut truth, kind, &format!("{kind}/{value}"), &display);
        }
    }
    let mut users = Vec::new();
    for n in 0..25 {
        let mut user = json!({
            "schemas": [format!("{CORE}:User"), ENTERPRISE],
            "userName": format!("user{n}@example.com"),
            "displayName": format!("Üser {n}"),
            "active": n % 4 != 0,
            "emails": [{"value": format!("user{n}@example.com"), "type": "work", "primary": true}],
        });
        user[ENTERPRISE] = json!({"department": "R&D"});
        if let Some(manager) = users.first() {
            user[ENTERPRISE]["manager"] = json!({"value": manager});
        }
        if n % 2 == 0 {
            user["roles"] = json!([{"value": format!("role-{}", n % 3)}]);
        }
        if n % 3 == 0 {
            user["entitlements"] = json!([{"value": "entitlement-1"}]);
        }
        let id = server.post("/Users", user);
        entity(&mut truth, "user", &id, &format!("Üser {n}"));
        if n % 2 == 0 {
            held(
                &mut truth,
                ("identity", &id),
                &format!("role/role-{}", n % 3),
            );
        }
        if n % 3 == 0 {
            held(&mut truth, ("identity", &id), "entitlement/entitlement-1");
        }
        users.push(id);
    }
    let mut group = |name: &str, users: &[String], groups: &[&String]| {
        let user = |id: &String| json!({"value": id, "type": "User"});
        let inner = |id: &&String| json!({"value": id, "type": "Group"});
        let members: Vec<Value> = users
            .iter()
            .map(user)
            .chain(groups.iter().map(inner))
            .collect();
        let id = server.post("/Groups", json!({"displayName": name, "members": members}));
        let key = format!("group/{id}");
        entity(&mut truth, "group", &key, name);
        for user in users {
            held(&mut truth, ("identity", user), &key);
        }
        for inner in groups {
            held(&mut truth, ("connection", &format!("group/{inner}")), &key);
        }
        id
    };
    group("Nobody", &[], &[]);
    group("Everybody", &users, &[]);
    let inner = group("Inner", &users[3..6], &[]);
    group("Outer", &users[5..7], &[&inner]);
    for n in 0..20 {
        group(&format!("Group {n}"), &users[n..n + 3], &[]);
    }
    truth
}

async fn reads_everything(form: Form) {
    if !installed() {
        return;
    }
    let server = Server::start(&form);
    let truth = load(&server);
    let connection = Connection::of(Connector::SCIM, &server.base()).token(TOKEN);
    let ended = run(BINARY, &connection).await;
    ended.expect_code(0);
    ended.expect_truth(truth);
    for family in ["users", "groups", "memberships", "roles", "entitlements"] {
        assert_eq!(ended.family(family), "complete", "{family}");
    }
}

#[tokio::test]
async fn without_paging() {
    reads_everything(Form {
        pagination: Value::Null,
        most: 1000,
        tenant: None,
    })
    .await;
}

#[tokio::test]
async fn paging_by_index_with_a_cap() {
    reads_everything(Form {
        pagination: json!({"index": true, "cursor": false}),
        most: 7,
        tenant: None,
    })
    .await;
}

#[tokio::test]
async fn paging_by_cursor() {
    reads_everything(Form {
        pagination: json!({
            "index": false, "cursor": true, "defaultPaginationMethod": "cursor",
            "defaultPageSize": 7, "maxPageSize": 7, "cursorTimeout": 3600,
        }),
        most: 1000,
        tenant: None,
    })
    .await;
}

#[tokio::test]
async fn below_a_tenant() {
    reads_everything(Form {
        pagination: json!({"index": true, "cursor": false}),
        most: 1000,
        tenant: Some("acme"),
    })
    .await;
}
