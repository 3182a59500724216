//! Runs a hostile component in the real host and tells what became of it.

use crate::inside::{machine, run_inside};
use crate::root;
use portcullis::collect::Format;
use portcullis::egress::address::Names;
use portcullis::machine::Machine;
use portcullis::report::Report;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;

/// The secret of the slot `mine`.
pub const TOKEN: &str = "t0ken/with+odd=chars\"and\\more";
/// The secret of the slot `other`.
pub const PASSWORD: &str = "an-0ther-passw0rd";
/// The user name of the slot `other`, which is no secret.
pub const USERNAME: &str = "someone@example.com";

/// The client of the slot `fetched`.
pub const CLIENT_ID: &str = "a-client:1";
/// Its secret.
pub const CLIENT_SECRET: &str = "cl1ent/secret+with\"odd=chars";

const MANIFEST: &str = r#"
name = "hostile"
contract = "0.1"
component = "guest.wasm"
app = "hostile"
[settings.api_url]
type = "url"
required = true
help = "where"
[settings.attack]
type = "text"
default = "nothing"
help = "how"
[settings.lines]
type = "list"
default = []
help = "with what"
[slots.mine]
kind = "bearer"
help = "a token"
[slots.other]
kind = "basic"
help = "an account"
[slots.unfilled]
kind = "bearer"
help = "never given"
[slots.fetched]
kind = "oauth2"
help = "a client"
[egress]
origin = "api_url"
below_path = BELOW
headers = ["x-own"]
safe_parameters = ["page"]
[[egress.rules]]
family = "api"
methods = ["GET"]
path = "/api/**"
slots = ["mine", "unfilled"]
[[egress.rules]]
family = "other"
methods = ["GET"]
path = "/other/*"
slots = ["other"]
[[egress.rules]]
family = "fetched"
methods = ["GET", "POST"]
path = "/fetched/**"
slots = ["fetched", "other"]
[[egress.rules]]
family = "open"
methods = ["GET"]
path = "/open"
slots = []
[retry]
attempts = ATTEMPTS
[pace]
in_flight = IN_FLIGHT
"#;

/// Names that lead where a test wants, one answer after the other; the last stays. Remembers who was asked for.
#[derive(Default)]
pub struct ToldNames {
    answers: Mutex<BTreeMap<String, Vec<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl ToldNames {
    /// What a name leads to.
    ///
    /// # Panics
    /// Where an address is none.
    #[must_use]
    pub fn with(self, name: &str, answers: &[&[&str]]) -> Self {
        let answers = answers
            .iter()
            .map(|answer| {
                answer
                    .iter()
                    .map(|address| address.parse().expect("an address"))
                    .collect()
            })
            .collect();
        self.answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned(), answers);
        self
    }

    /// The names that were looked up, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Names for ToldNames {
    fn lookup(&self, name: String) -> futures::future::BoxFuture<'static, Vec<IpAddr>> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match answers.get_mut(&name) {
            Some(more) if more.len() > 1 => more.remove(0),
            Some(last) => last.first().cloned().unwrap_or_default(),
            None => Vec::new(),
        };
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(name);
        Box::pin(std::future::ready(found))
    }
}

/// An attack that is put together.
pub struct Attack {
    component: PathBuf,
    command: &'static str,
    api_url: String,
    attack: String,
    lines: Vec<String>,
    limits: String,
    network: String,
    names: Arc<ToldNames>,
    token_url: Option<String>,
    below_path: bool,
    attempts: u32,
    in_flight: u32,
    token: String,
    ulimit: Option<String>,
    formats: &'static [Format],
}

impl Attack {
    /// An attack of the hostile connector, with an API at this URL.
    pub fn new(api_url: &str, attack: &str) -> Self {
        Self {
            component: root().join("target/components/hostile.wasm"),
            command: "run",
            api_url: api_url.to_owned(),
            attack: attack.to_owned(),
            lines: Vec::new(),
            limits: "cpu_seconds = 10\nwall_seconds = 60".to_owned(),
            network: "allow_private_networks = true\nallow_plain_http = true".to_owned(),
            names: Arc::default(),
            token_url: None,
            below_path: false,
            attempts: 1,
            in_flight: 4,
            token: TOKEN.to_owned(),
            ulimit: None,
            formats: &[],
        }
    }

    /// An attack that needs no API.
    pub fn alone(attack: &str) -> Self {
        Self::new("http://127.0.0.1:9", attack)
    }

    /// Another component.
    #[must_use]
    pub fn component(mut self, path: &Path) -> Self {
        self.component = path.to_owned();
        self
    }

    /// `check` in place of `run`.
    #[must_use]
    pub fn check(mut self) -> Self {
        self.command = "check";
        self
    }

    /// What it is done with.
    #[must_use]
    pub fn lines<S: AsRef<str>>(mut self, lines: &[S]) -> Self {
        self.lines = lines.iter().map(|line| line.as_ref().to_owned()).collect();
        self
    }

    /// The manifest's limits.
    #[must_use]
    pub fn limits(mut self, limits: &str) -> Self {
        self.limits = limits.to_owned();
        self
    }

    /// The connection's network.
    #[must_use]
    pub fn network(mut self, network: &str) -> Self {
        self.network = network.to_owned();
        self
    }

    /// Fills the slot `fetched`, with tokens from this URL.
    #[must_use]
    pub fn token_url(mut self, url: &str) -> Self {
        self.token_url = Some(url.to_owned());
        self
    }

    /// The manifest's rules begin below the path of the API's URL.
    #[must_use]
    pub fn below_path(mut self) -> Self {
        self.below_path = true;
        self
    }

    /// Another secret in the slot `mine`.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    /// How often a request is sent at most.
    #[must_use]
    pub fn attempts(mut self, number: u32) -> Self {
        self.attempts = number;
        self
    }

    /// Requests at once.
    #[must_use]
    pub fn in_flight(mut self, number: u32) -> Self {
        self.in_flight = number;
        self
    }

    /// The memory that the host's process may have, in MiB. For [`Attack::spawn`].
    #[must_use]
    pub fn data_mib(mut self, mib: u64) -> Self {
        self.ulimit = Some(format!("ulimit -d {}", mib * 1024));
        self
    }

    /// With CSV exports. For [`Attack::inside`].
    #[must_use]
    pub fn csv(mut self) -> Self {
        self.formats = &[Format::Csv];
        self
    }

    /// How large a file the host's process may write, in KiB: as if the disk were full. For [`Attack::spawn`].
    #[must_use]
    pub fn file_kib(mut self, kib: u64) -> Self {
        // Counted in blocks of 512 bytes; without the trap a signal would come in place of an error.
        self.ulimit = Some(format!("trap '' XFSZ; ulimit -f {}", kib * 2));
        self
    }

    /// Where names lead. For [`Attack::inside`].
    #[must_use]
    pub fn names(mut self, names: &Arc<ToldNames>) -> Self {
        self.names = Arc::clone(names);
        self
    }

    fn lay_out(&self) -> TempDir {
        let directory = TempDir::new().expect("a temporary directory");
        let file = |name: &str, text: &str| {
            std::fs::write(directory.path().join(name), text).expect("a file");
        };
        let manifest = format!("{MANIFEST}[limits]\n{}\n", self.limits)
            .replace("ATTEMPTS", &self.attempts.to_string())
            .replace("IN_FLIGHT", &self.in_flight.to_string())
            .replace("BELOW", &self.below_path.to_string())
            .replace(
                "\"guest.wasm\"",
                &format!("{:?}", self.component.display().to_string()),
            );
        file("connector.toml", &manifest);
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let lines: Vec<String> = self.lines.iter().map(|line| quoted(line)).collect();
        let settings = format!(
            "api_url = {}\nattack = {}\nlines = [{}]",
            quoted(&self.api_url),
            quoted(&self.attack),
            lines.join(", ")
        );
        let fetched = self.token_url.as_ref().map_or_else(String::new, |url| {
            format!(
                "[credentials.fetched]\ntoken_url = {}\nclient_id = \"{CLIENT_ID}\"\nclient_secret = {{ file = \"client\" }}\n",
                quoted(url)
            )
        });
        let connection = format!(
            "connector = \"hostile\"\n[settings]\n{settings}\n[credentials.mine]\ntoken = {{ file = \"mine\" }}\n\
             [credentials.other]\nusername = \"{USERNAME}\"\npassword = {{ file = \"other\" }}\n{fetched}[network]\n{}\n",
            self.network
        );
        file("connection.toml", &connection);
        file("mine", &self.token);
        file("other", PASSWORD);
        file("client", CLIENT_SECRET);
        directory
    }

    /// Runs it in a process of its own, as a user does, and searches everything that it left for the secrets.
    ///
    /// # Panics
    /// Where the binary can't be started, or a secret is found.
    pub async fn spawn(self, binary: &str) -> Attacked {
        self.spawn_with(binary, &[]).await
    }

    /// As [`Attack::spawn`], with further arguments.
    ///
    /// # Panics
    /// As [`Attack::spawn`].
    pub async fn spawn_with(self, binary: &str, arguments: &[&str]) -> Attacked {
        let directory = self.lay_out();
        let mut process = match &self.ulimit {
            Some(ulimit) => {
                let mut shell = tokio::process::Command::new("sh");
                let limited = format!("{ulimit}; exec \"$0\" \"$@\"");
                shell.args(["-c", &limited, binary]);
                shell
            }
            None => tokio::process::Command::new(binary),
        };
        process
            .args([self.command, "--connector", "connector.toml"])
            .args(["--connection", "connection.toml", "-vv"])
            .args(arguments);
        if self.command == "run" {
            process.args(["--out", "out", "--format", "jsonl"]);
        }
        let output = process
            .current_dir(directory.path())
            .env("XDG_CACHE_HOME", root().join("target/tmp"))
            .env("XDG_STATE_HOME", directory.path().join("state"))
            .env("RUST_BACKTRACE", "full")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .expect("the binary runs");
        let attacked = Attacked {
            code: output.status.code(),
            printed: [output.stdout, output.stderr].concat(),
            directory,
            report: None,
        };
        attacked.search();
        attacked
    }

    /// Runs it in this process, where a test can say what names lead to.
    ///
    /// # Panics
    /// Where the run can't begin.
    pub async fn inside(self, binary: &str) -> Attacked {
        let machine = self.machine(binary);
        self.on(&machine).await
    }

    fn machine(&self, binary: &str) -> Machine {
        Machine {
            names: Arc::clone(&self.names) as Arc<dyn Names>,
            ..machine(binary)
        }
    }

    /// As [`Attack::inside`], on a machine that others may share.
    ///
    /// # Panics
    /// As [`Attack::inside`].
    pub async fn on(self, machine: &Machine) -> Attacked {
        let directory = self.lay_out();
        self.run_in(directory, machine, std::future::pending())
            .await
    }

    /// As [`Attack::inside`], cancelled as soon as `is_time` says so of the directory of results. It is asked all the
    /// while.
    ///
    /// # Panics
    /// As [`Attack::inside`].
    pub async fn cancelled_inside(self, binary: &str, is_time: impl Fn(&Path) -> bool) -> Attacked {
        let machine = self.machine(binary);
        let directory = self.lay_out();
        let out = directory.path().join("out");
        let cancelled = async move {
            while !is_time(&out) {
                tokio::task::yield_now().await;
            }
        };
        self.run_in(directory, &machine, cancelled).await
    }

    async fn run_in(
        self,
        directory: TempDir,
        machine: &Machine,
        cancelled: impl Future<Output = ()>,
    ) -> Attacked {
        let files = ["connector.toml", "connection.toml"].map(|name| directory.path().join(name));
        let out = directory.path().join("out");
        let formats = self.formats;
        let report = run_inside(machine, &files[0], &files[1], &out, formats, cancelled).await;
        Self::attacked(report, directory)
    }

    fn attacked(report: Report, directory: TempDir) -> Attacked {
        let attacked = Attacked {
            code: None,
            printed: report.message.clone().into_bytes(),
            directory,
            report: Some(report),
        };
        attacked.search();
        attacked
    }
}

/// What became of an attack.
pub struct Attacked {
    /// The exit code; none where the run was inside this process, or the process was killed.
    pub code: Option<i32>,
    printed: Vec<u8>,
    directory: TempDir,
    /// The report of a run inside this process.
    pub report: Option<Report>,
}

impl Attacked {
    /// Everything that was printed.
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&self.printed).into_owned()
    }

    /// Where everything lies.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Asserts the exit code and words among what was printed.
    ///
    /// # Panics
    /// Where they are others.
    #[track_caller]
    pub fn expect(&self, code: i32, words: &[&str]) -> &Self {
        let printed = self.printed();
        assert_eq!(self.code, Some(code), "{printed}");
        for word in words {
            assert!(printed.contains(word), "{word:?} is not in {printed}");
        }
        self
    }

    /// A file of the results, `failed-` in front where the run did not finish.
    ///
    /// # Panics
    /// Where there is none.
    #[track_caller]
    pub fn file(&self, name: &str) -> Vec<u8> {
        let out = self.directory.path().join("out");
        let paths = [out.join(name), out.join(format!("failed-{name}"))];
        let found = paths.iter().find_map(|path| std::fs::read(path).ok());
        found.unwrap_or_else(|| panic!("there is no {name}; printed was:\n{}", self.printed()))
    }

    /// `run.json`.
    ///
    /// # Panics
    /// Where there is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.file("run.json")).expect("JSON")
    }

    /// The lines of the audit log.
    ///
    /// # Panics
    /// Where there is none, or a line is no JSON.
    #[track_caller]
    pub fn audit(&self) -> Vec<serde_json::Value> {
        String::from_utf8(self.file("audit.jsonl"))
            .expect("UTF-8")
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }

    /// The lines of the audit log that are about requests.
    ///
    /// # Panics
    /// As [`Attacked::audit`].
    #[track_caller]
    pub fn requests(&self) -> Vec<serde_json::Value> {
        let mut lines = self.audit();
        lines.retain(|line| line["event"] == "request");
        lines
    }

    /// What the guest told of its requests.
    ///
    /// # Panics
    /// Where there is no run file.
    pub fn told(&self) -> Vec<String> {
        self.column("SELECT text FROM warning WHERE text LIKE 'request %' ORDER BY rowid")
            .into_iter()
            .map(|text| {
                text.split_once(": ")
                    .map_or(text.clone(), |(_, told)| told.to_owned())
            })
            .collect()
    }

    /// A column of the run file.
    ///
    /// # Panics
    /// Where there is none.
    pub fn column(&self, sql: &str) -> Vec<String> {
        let out = self.directory.path().join("out");
        let path = ["run.db", "failed-run.db"].map(|name| out.join(name));
        let path = path.iter().find(|path| path.exists()).expect("a run file");
        let database = rusqlite::Connection::open(path).expect("a run file");
        let mut query = database.prepare(sql).expect("a query");
        let rows = query.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("rows")
    }

    /// What was used of a limit, as the report says.
    ///
    /// # Panics
    /// Where there is no report.
    #[track_caller]
    pub fn used(&self, limit: &str) -> f64 {
        let report = self.json();
        let rows = report["limits"].as_array().expect("limits");
        let row = rows.iter().find(|row| row["limit"] == limit);
        row.expect("the limit")["used"].as_f64().expect("a number")
    }

    fn places(&self) -> Vec<(String, Vec<u8>)> {
        let mut places = vec![("the screen".to_owned(), self.printed.clone())];
        places.extend(crate::left_in(&self.directory.path().join("out")));
        places
    }

    /// Everything that was printed and left, in one text.
    ///
    /// # Panics
    /// Where a file can't be read.
    pub fn everything(&self) -> String {
        let texts = self.places().into_iter().map(|(_, content)| content);
        texts
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .collect()
    }

    /// Searches everything that was left and printed for secrets and backtraces.
    fn search(&self) {
        for (place, content) in &self.places() {
            let text = String::from_utf8_lossy(content);
            for secret in [TOKEN, PASSWORD, CLIENT_SECRET, crate::tokens::TOKEN] {
                let json = serde_json::to_string(secret).expect("JSON");
                assert!(!text.contains(secret), "a secret is in {place}");
                assert!(
                    !text.contains(json.trim_matches('"')),
                    "a secret is in {place}"
                );
            }
            for word in ["stack backtrace", "panicked at", ".cargo/registry"] {
                assert!(!text.contains(word), "{word:?} is in {place}:\n{text}");
            }
        }
    }
}
