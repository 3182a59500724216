//! What the end-to-end tests share: run the real binary with the real component against a server, and read
//! what it left on disk.
//!
//! Every run is searched for the secrets that it was given, whatever the test is about.

pub mod attack;
mod connector;
pub mod inside;
pub mod raw;
pub mod scim;
pub mod table;
pub mod tokens;

pub use connector::Connector;

use fake_api::{EntityRow, RelationRow, Truth, guard};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;

/// The manifest of the Bitbucket connector.
pub fn manifest() -> PathBuf {
    Connector::BITBUCKET.manifest()
}

/// The component of the Bitbucket connector.
///
/// # Panics
/// Where it was not built.
pub fn component() -> PathBuf {
    component_of(Connector::BITBUCKET.name)
}

/// A component that `make guest`, `make hostile` or `make small` built.
///
/// # Panics
/// Where it was not built.
pub fn component_of(name: &str) -> PathBuf {
    let path = root().join(format!("target/components/{name}.wasm"));
    assert!(
        path.exists(),
        "{} is missing: run `make guest hostile small` first",
        path.display()
    );
    path
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder of recorded material beside the repository, or None with a word about it.
pub fn shared(folder: &str) -> Option<PathBuf> {
    let path = root().join("../shared").join(folder);
    if path.exists() {
        return Some(path);
    }
    skipped::skipped(format!("{} is not here", path.display()));
    None
}

/// A connection as it is given to the binary, and the secrets in it.
#[derive(Clone)]
pub struct Connection {
    /// What it is a connection of.
    pub connector: Connector,
    /// `app`, where it is not the connector's own.
    pub app: Option<String>,
    /// Where the API is.
    pub api_url: String,
    /// `workspace`; empty where the connector has no such setting.
    pub workspace: String,
    /// The bearer token.
    pub token: Option<String>,
    /// User name and password.
    pub account: Option<(String, String)>,
    /// Where an OAuth consumer gets its tokens, and the one that it gets.
    pub oauth2: Option<(String, String)>,
    /// Further lines below `[settings]`.
    pub settings: String,
    /// `in_flight`.
    pub in_flight: u32,
    /// `requests_per_hour`; 0: any number.
    pub requests_per_hour: u32,
    /// `spread_slots`.
    pub spread_slots: bool,
    /// The manifest, where it is not the connector's own.
    pub manifest: Option<PathBuf>,
    /// What stands below `[network]`.
    pub network: String,
}

impl Connection {
    /// A connection to a Bitbucket on this machine, without credentials.
    pub fn to(api_url: &str, workspace: &str) -> Self {
        Self {
            workspace: workspace.to_owned(),
            ..Self::of(Connector::BITBUCKET, api_url)
        }
    }

    /// A connection to a server on this machine, without credentials.
    pub fn of(connector: Connector, api_url: &str) -> Self {
        Self {
            connector,
            app: None,
            api_url: api_url.to_owned(),
            workspace: String::new(),
            token: None,
            account: None,
            oauth2: None,
            settings: String::new(),
            in_flight: 8,
            requests_per_hour: 0,
            spread_slots: true,
            manifest: None,
            network: "allow_private_networks = true\nallow_plain_http = true".to_owned(),
        }
    }

    /// With a bearer token.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// With a user name and a password.
    #[must_use]
    pub fn account(mut self, username: &str, password: &str) -> Self {
        self.account = Some((username.to_owned(), password.to_owned()));
        self
    }

    /// With a consumer that gets this token from this URL.
    #[must_use]
    pub fn oauth2(mut self, token_url: &str, token: &str) -> Self {
        self.oauth2 = Some((token_url.to_owned(), token.to_owned()));
        self
    }

    /// With further lines below `[settings]`.
    #[must_use]
    pub fn settings(mut self, lines: &str) -> Self {
        self.settings = lines.to_owned();
        self
    }

    /// The manifest that it runs under.
    pub fn manifest(&self) -> PathBuf {
        let own = || self.connector.manifest();
        self.manifest.clone().unwrap_or_else(own)
    }

    /// The connection file's text.
    pub fn text(&self) -> String {
        let Connector {
            name,
            url,
            bearer,
            basic,
        } = self.connector;
        let mut text = format!("connector = \"{name}\"\n");
        if let Some(app) = &self.app {
            text += &format!("app = \"{app}\"\n");
        }
        text += &format!("[settings]\n{url} = \"{}\"\n", self.api_url);
        if !self.workspace.is_empty() {
            text += &format!("workspace = \"{}\"\n", self.workspace);
        }
        text += &format!("{}\n", self.settings);
        if self.token.is_some() {
            text += &format!("[credentials.{bearer}]\ntoken = {{ env = \"TEST_TOKEN\" }}\n");
        }
        if self.account.is_some() {
            text += &format!(
                "[credentials.{basic}]\nusername = {{ env = \"TEST_USERNAME\" }}\npassword = {{ file = \"password\" }}\n"
            );
        }
        if let Some((token_url, _)) = &self.oauth2 {
            text += &format!(
                "[credentials.oauth2]\ntoken_url = \"{token_url}\"\nclient_id = \"{}\"\nclient_secret = {{ env = \"TEST_CLIENT_SECRET\" }}\nscope = \"account project\"\n",
                attack::CLIENT_ID
            );
        }
        text += &format!("[network]\n{}\n", self.network);
        text + &format!(
            "[pace]\nin_flight = {}\nrequests_per_hour = {}\nspread_slots = {}\n",
            self.in_flight, self.requests_per_hour, self.spread_slots
        )
    }

    fn secrets(&self) -> Vec<String> {
        let password = self.account.as_ref().map(|(_, password)| password.clone());
        let fetched = self.oauth2.iter();
        let fetched = fetched.flat_map(|(_, token)| [token.clone(), attack::CLIENT_SECRET.into()]);
        let given = self.token.iter().cloned().chain(password);
        given.chain(fetched).collect()
    }
}

/// What a run left.
pub struct Ended {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The directory given by `--out`.
    pub out: PathBuf,
    /// Keeps the directory.
    _directory: TempDir,
}

/// Runs the connector and reads nothing yet. Searches all output for the connection's secrets.
///
/// # Panics
/// Where the binary can't be started, or a secret is found.
pub async fn run(binary: &str, connection: &Connection) -> Ended {
    start(binary, connection, "run", &["--format", "jsonl"]).await
}

/// As [`run`], for `check`.
///
/// # Panics
/// As [`run`].
pub async fn check(binary: &str, connection: &Connection) -> Ended {
    start(binary, connection, "check", &[]).await
}

/// A run that can be started, again and again, over the same files.
pub struct Prepared {
    directory: TempDir,
    connection: Connection,
}

impl Prepared {
    /// Lays out the connection's files.
    ///
    /// # Panics
    /// Where they can't be written.
    pub fn new(connection: &Connection) -> Self {
        component_of(connection.connector.name);
        let directory = TempDir::new().expect("a temporary directory");
        let file = |name: &str, text: &str| {
            std::fs::write(directory.path().join(name), text).expect("a file");
        };
        file("acme.toml", &connection.text());
        let (_, password) = connection.account.clone().unwrap_or_default();
        file("password", &(password + "\n"));
        Self {
            directory,
            connection: connection.clone(),
        }
    }

    /// Where everything lies; what a run leaves is in `out`.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The process, not started yet.
    pub fn process(
        &self,
        binary: &str,
        command: &str,
        arguments: &[&str],
    ) -> tokio::process::Command {
        let connection = &self.connection;
        let mut process = tokio::process::Command::new(binary);
        process
            .arg(command)
            .arg("--connector")
            .arg(connection.manifest())
            .args(arguments);
        if !arguments.contains(&"--replay") {
            process.args(["--connection", "acme.toml"]);
        }
        if command == "run" {
            process.args(["--out", "out"]);
        }
        let (username, _) = connection.account.clone().unwrap_or_default();
        process
            .arg("-vv")
            .current_dir(self.directory())
            .env("TEST_TOKEN", connection.token.as_deref().unwrap_or(""))
            .env("TEST_USERNAME", username)
            .env("TEST_CLIENT_SECRET", attack::CLIENT_SECRET)
            .env("RUST_BACKTRACE", "full")
            .env("XDG_CACHE_HOME", root().join("target/tmp"))
            .env("XDG_STATE_HOME", self.directory().join("state"))
            // Nobody listens there: whoever obeys the environment reaches nothing.
            .envs(
                [
                    "HTTP_PROXY",
                    "HTTPS_PROXY",
                    "ALL_PROXY",
                    "http_proxy",
                    "https_proxy",
                    "all_proxy",
                ]
                .map(|name| (name, "http://127.0.0.1:9")),
            )
            .stdin(Stdio::null())
            .kill_on_drop(true);
        process
    }
}

async fn start(binary: &str, connection: &Connection, command: &str, arguments: &[&str]) -> Ended {
    let prepared = Prepared::new(connection);
    let output = prepared
        .process(binary, command, arguments)
        .output()
        .await
        .expect("the binary runs");
    let ended = Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
        out: prepared.directory().join("out"),
        _directory: prepared.directory,
    };
    ended.search_for_secrets(&connection.secrets());
    ended
}

impl Ended {
    /// Everything that was printed.
    pub fn printed(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    /// Asserts the exit code, and shows what was printed where it is another.
    ///
    /// # Panics
    /// Where it is another.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(
            self.code,
            code,
            "the exit code; printed was:\n{}",
            self.printed()
        );
        self
    }

    /// Asserts that something was printed.
    ///
    /// # Panics
    /// Where it was not.
    #[track_caller]
    pub fn expect_printed(&self, text: &str) -> &Self {
        // Tables break lines: compare words only.
        let words = |text: &str| {
            text.replace(['│', '┆'], " ")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert!(
            words(&self.printed()).contains(&words(text)),
            "{text:?} was not printed, but:\n{}",
            self.printed()
        );
        self
    }

    /// The entities that were exported.
    pub fn entities(&self) -> BTreeSet<EntityRow> {
        rows(&self.out.join("entities.csv"))
            .into_iter()
            .map(|row| {
                let metadata: serde_json::Value =
                    serde_json::from_str(&row["Metadata"]).expect("metadata is JSON");
                EntityRow {
                    entity_type: row["Entity Type"].clone(),
                    source_type: row["Source Type"].clone(),
                    source_id: row["Source ID"].clone(),
                    name: row["Name"].clone(),
                    dangling: metadata["dangling"] == true,
                }
            })
            .collect()
    }

    /// The relations that were exported.
    pub fn relations(&self) -> BTreeSet<RelationRow> {
        rows(&self.out.join("entity_relations.csv"))
            .into_iter()
            .map(|row| {
                let metadata: serde_json::Value =
                    serde_json::from_str(&row["Metadata"]).expect("metadata is JSON");
                let text = |key: &str| metadata[key].as_str().map(str::to_owned);
                assert_eq!(metadata["privilegeValue"], true);
                RelationRow {
                    parent_type: row["Parent Entity Type"].clone(),
                    parent_id: row["Parent Entity Source ID"].clone(),
                    entity_type: row["Entity Type"].clone(),
                    entity_id: row["Entity Source ID"].clone(),
                    privilege: text("privilegeName").expect("a privilegeName"),
                    connection_type: text("connectionType").expect("a connectionType"),
                    level: text("level"),
                }
            })
            .collect()
    }

    /// `run.json`, or `failed-run.json` where the run did not finish.
    pub fn report(&self) -> serde_json::Value {
        let finished = self.out.join("run.json");
        let path = if finished.exists() {
            finished
        } else {
            self.out.join("failed-run.json")
        };
        let text = std::fs::read_to_string(path).expect("a report");
        serde_json::from_str(&text).expect("the report is JSON")
    }

    /// The rows of the coverage: family, object, status, reason.
    pub fn coverage(&self) -> Vec<(String, Option<String>, String, String)> {
        let database = rusqlite::Connection::open(self.out.join("run.db")).expect("the run file");
        let mut query = database
            .prepare("SELECT family, scope, status, ifnull(reason, '') FROM coverage ORDER BY 1, 2")
            .expect("a coverage table");
        let rows = query.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        });
        rows.expect("rows").collect::<Result<_, _>>().expect("rows")
    }

    /// The status of a whole family in the coverage.
    ///
    /// # Panics
    /// Where the coverage says nothing or several things about the family.
    #[track_caller]
    pub fn family(&self, family: &str) -> String {
        let rows: Vec<_> = self
            .coverage()
            .into_iter()
            .filter(|(name, scope, ..)| name == family && scope.is_none())
            .collect();
        assert_eq!(rows.len(), 1, "one row about the family {family}: {rows:?}");
        rows[0].2.clone()
    }

    /// The exports must hold the truth, exactly.
    ///
    /// # Panics
    /// Where they don't.
    #[track_caller]
    pub fn expect_truth(&self, truth: Truth) {
        expect_same("entities", &self.entities(), &exported(truth.entities));
        expect_same("relations", &self.relations(), &truth.relations);
        self.expect_closed();
    }

    /// Both ends of every relation must be among the entities, and ids unique by type.
    ///
    /// # Panics
    /// Where that is not so.
    #[track_caller]
    pub fn expect_closed(&self) {
        let rows: Vec<EntityRow> = self.entities().into_iter().collect();
        let keys: BTreeSet<_> = rows
            .iter()
            .map(|row| (&row.entity_type, &row.source_id))
            .collect();
        assert_eq!(keys.len(), rows.len(), "ids are unique by type");
        for relation in self.relations() {
            assert!(
                keys.contains(&(&relation.parent_type, &relation.parent_id)),
                "{relation:?}"
            );
            assert!(
                keys.contains(&(&relation.entity_type, &relation.entity_id)),
                "{relation:?}"
            );
        }
    }

    fn search_for_secrets(&self, secrets: &[String]) {
        let mut places = vec![
            (
                "standard output".to_owned(),
                self.stdout.clone().into_bytes(),
            ),
            (
                "standard error".to_owned(),
                self.stderr.clone().into_bytes(),
            ),
        ];
        places.extend(left_in(&self.out));
        for secret in secrets {
            for (place, content) in &places {
                let found = content
                    .windows(secret.len())
                    .any(|window| window == secret.as_bytes());
                assert!(!found, "a secret is in {place}");
            }
        }
        for (place, content) in &places {
            let text = String::from_utf8_lossy(content);
            assert!(
                !text.contains("stack backtrace") && !text.contains("panicked at"),
                "a backtrace is in {place}"
            );
        }
    }
}

/// The files that a run left, by name, and their content.
fn left_in(out: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(out).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            let content = std::fs::read(entry.path()).expect("a file that was left");
            (entry.file_name().to_string_lossy().into_owned(), content)
        })
        .collect()
}

fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).expect("an export");
    reader
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("rows of CSV")
}

/// A fake Bitbucket and a connection to it.
pub struct Case {
    /// The fake.
    pub server: fake_bitbucket::Server,
    /// A connection to it with both of its credentials.
    pub connection: Connection,
}

impl Case {
    /// Starts a fake over a world.
    ///
    /// # Panics
    /// Where no port is free.
    pub async fn start(world: fake_bitbucket::World, config: fake_bitbucket::Config) -> Self {
        let mut connection = Connection::to("", &world.workspace.slug);
        connection.token = config.token.as_ref().map(|token| token.secret.clone());
        connection.account = config
            .account
            .as_ref()
            .map(|account| (account.email.clone(), account.api_token.clone()));
        let server = fake_bitbucket::Server::start(world, config)
            .await
            .expect("a free port");
        server.origin().clone_into(&mut connection.api_url);
        Self { server, connection }
    }

    /// Asserts that a run brought the truth, exactly, as far as `visibility` goes.
    ///
    /// # Panics
    /// Where it did not.
    #[track_caller]
    pub fn expect_truth(&self, ended: &Ended, visibility: &fake_bitbucket::Visibility) {
        ended.expect_truth(self.server.world().truth(visibility));
    }
}

/// Entities as exports have them: guarded against spreadsheets, and what turns text around is shown as what it is, so
/// that no name of a person may read as another.
pub fn exported(entities: BTreeSet<EntityRow>) -> BTreeSet<EntityRow> {
    let one = |row: EntityRow| EntityRow {
        name: guard(&row.name.replace('\u{202e}', "\u{fffd}")),
        ..row
    };
    entities.into_iter().map(one).collect()
}

#[track_caller]
fn expect_same<T: Ord + std::fmt::Debug>(what: &str, found: &BTreeSet<T>, truth: &BTreeSet<T>) {
    let missing: Vec<_> = truth.difference(found).take(5).collect();
    let invented: Vec<_> = found.difference(truth).take(5).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "{what}: {} found, {} true; missing {missing:#?}, invented {invented:#?}",
        found.len(),
        truth.len()
    );
}
