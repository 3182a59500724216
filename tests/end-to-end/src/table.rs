//! The tables of SECURITY.md that name tests, and a run of them: PASS or FAIL by attack.

use futures::{FutureExt as _, StreamExt as _};
use portcullis::collect::printable;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// Makes the binary of the tests become this one: see `main.rs`.
pub const BINARY_VARIABLE: &str = "PORTCULLIS_BIN";
/// Where it leaves a mark when it does.
pub const MARK_VARIABLE: &str = "PORTCULLIS_BIN_MARK";

/// How long one test may take.
const MOST_TIME: Duration = Duration::from_secs(600);

/// How much of a failed test's output is shown.
const MOST_LINES: usize = 12;

/// The width of the output.
const WIDTH: usize = 100;

/// An attack, and the tests that show that it is stopped.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The first cell.
    pub attack: String,
    /// The names in the last one: `file::test`, or `host/file::test` for one in `host/src`.
    pub tests: Vec<String>,
}

/// The rows of every table of a page whose last column has the heading `test`.
pub fn rows(page: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut names_tests = false;
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(cells) = cells(line) else {
            names_tests = false;
            continue;
        };
        let is_heading = lines.peek().is_some_and(|next| next.starts_with("|--"));
        if is_heading {
            names_tests = cells.last() == Some(&"test");
        } else if names_tests && !line.starts_with("|--") {
            let last = cells.last().copied().unwrap_or_default();
            rows.push(Row {
                attack: cells.first().copied().unwrap_or_default().to_owned(),
                tests: last
                    .split('`')
                    .filter(|word| word.contains("::"))
                    .map(str::to_owned)
                    .collect(),
            });
        }
    }
    rows
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

/// The file that a test lies in, below the root of the repository, and its name.
pub fn source(test: &str) -> Option<(String, &str)> {
    let (file, name) = test.split_once("::")?;
    let path = match file.strip_prefix("host/") {
        Some(file) => format!("host/src/{file}.rs"),
        None => format!("tests/end-to-end/tests/{file}.rs"),
    };
    Some((path, name))
}

/// A compiled file of tests.
#[derive(Debug, Clone)]
pub struct Target {
    /// The program.
    pub program: PathBuf,
    /// The directory that cargo would run it in.
    pub directory: PathBuf,
}

/// The compiled files of tests by the word in front of their tests' names; `host` is the library.
pub type Targets = HashMap<String, Target>;

/// Reads what `cargo test --no-run --message-format=json` prints.
pub fn targets(messages: &str) -> Targets {
    let mut found = Targets::new();
    for line in messages.lines() {
        let Ok(message) = serde_json::from_str::<serde_json::Value>(line) else {
            continue;
        };
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let directory = Path::new(&text(&message["manifest_path"]))
            .parent()
            .map(Path::to_path_buf)
            .unwrap_or_default();
        let name = text(&message["target"]["name"]);
        let key = match message["target"]["kind"][0].as_str() {
            Some("lib") if name == "portcullis" => "host".to_owned(),
            Some("test") if directory.ends_with("tests/end-to-end") => name,
            _ => continue,
        };
        if let (Some(program), Some(true)) = (
            message["executable"].as_str(),
            message["profile"]["test"].as_bool(),
        ) {
            let program = program.into();
            found.insert(key, Target { program, directory });
        }
    }
    found
}

/// What became of a test.
#[derive(Debug, Clone)]
struct Outcome {
    /// Why it failed, and the end of what it printed.
    failure: Option<(String, Vec<String>)>,
    /// Whether it started the binary.
    used_binary: bool,
}

impl Outcome {
    fn failed(why: impl Into<String>, output: &str) -> Self {
        let lines: Vec<String> = output
            .lines()
            .filter(|line| !line.trim().is_empty())
            .flat_map(|line| wrapped(&printable(line, usize::MAX), WIDTH - 8))
            .collect();
        let from = lines.len().saturating_sub(MOST_LINES);
        Self {
            failure: Some((why.into(), lines[from..].to_vec())),
            used_binary: false,
        }
    }
}

/// How many attacks were stopped.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// So many.
    pub passed: usize,
    /// And so many were not, or nobody knows.
    pub failed: usize,
}

/// Runs every test of these rows against `binary`, several at a time, and prints each row as soon as it is decided.
///
/// # Errors
/// Where nothing can be printed, or a file of tests can't be asked for its tests.
pub async fn run(
    rows: &[Row],
    targets: &Targets,
    binary: &Path,
    out: &mut impl io::Write,
) -> io::Result<Summary> {
    let mut names: Vec<&str> = Vec::new();
    for test in rows.iter().flat_map(|row| &row.tests) {
        if !names.contains(&test.as_str()) {
            names.push(test);
        }
    }
    let lists = lists(targets).await?;
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let running = futures::stream::iter(names)
        .map(|name| outcome(name, targets, &lists, binary).map(move |one| (name, one)))
        .buffered(at_once);
    let mut running = std::pin::pin!(running);

    let mut summary = Summary::default();
    let mut done: BTreeMap<&str, Outcome> = BTreeMap::new();
    for row in rows {
        for test in &row.tests {
            while !done.contains_key(test.as_str()) {
                let Some((name, outcome)) = running.next().await else {
                    break;
                };
                done.insert(name, outcome);
            }
        }
        let outcomes: Vec<(&str, &Outcome)> = row
            .tests
            .iter()
            .filter_map(|test| Some((test.as_str(), done.get(test.as_str())?)))
            .collect();
        let passed = !outcomes.is_empty() && outcomes.iter().all(|(_, one)| one.failure.is_none());
        *if passed {
            &mut summary.passed
        } else {
            &mut summary.failed
        } += 1;
        out.write_all(print(row, passed, &outcomes).as_bytes())?;
        out.flush()?;
    }
    Ok(summary)
}

/// The names of the tests in each compiled file.
async fn lists(targets: &Targets) -> io::Result<HashMap<&str, Vec<String>>> {
    let mut lists = HashMap::new();
    for (key, target) in targets {
        let output = tokio::process::Command::new(&target.program)
            .args(["--list", "--format", "terse"])
            .stdin(Stdio::null())
            .output()
            .await?;
        let listed = String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| Some(line.strip_suffix(": test")?.to_owned()))
            .collect();
        lists.insert(key.as_str(), listed);
    }
    Ok(lists)
}

/// Finds a test and runs it.
async fn outcome(
    test: &str,
    targets: &Targets,
    lists: &HashMap<&str, Vec<String>>,
    binary: &Path,
) -> Outcome {
    let (file, name) = test.split_once("::").unwrap_or((test, ""));
    let (key, module) = match file.strip_prefix("host/") {
        Some(path) => ("host", format!("{}::", path.replace('/', "::"))),
        None => (file, String::new()),
    };
    let (Some(target), Some(list)) = (targets.get(key), lists.get(key)) else {
        return Outcome::failed("there is no such file of tests", "");
    };
    let end = format!("::{name}");
    let mut found = list.iter().filter(|full| {
        full.starts_with(&module) && (full.as_str() == name || full.ends_with(&end))
    });
    let (Some(full), None) = (found.next(), found.next()) else {
        return Outcome::failed("there is no such test, or more than one", "");
    };
    run_one(target, full, binary).await
}

async fn run_one(target: &Target, full: &str, binary: &Path) -> Outcome {
    let directory = match tempfile::tempdir() {
        Ok(directory) => directory,
        Err(error) => return Outcome::failed(format!("no temporary directory: {error}"), ""),
    };
    let mark = directory.path().join("mark");
    let output = tokio::process::Command::new(&target.program)
        .args(["--exact", full, "--show-output", "--color", "never"])
        .current_dir(&target.directory)
        .env(BINARY_VARIABLE, binary)
        .env(MARK_VARIABLE, &mark)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(MOST_TIME, output).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Outcome::failed(format!("it can't be started: {error}"), ""),
        Err(_) => {
            let seconds = MOST_TIME.as_secs();
            return Outcome::failed(format!("it took longer than {seconds} seconds"), "");
        }
    };
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    let skipped = printed.lines().find(|line| line.starts_with("skipped: "));
    let mut outcome = if !output.status.success() {
        Outcome::failed(format!("it failed ({})", output.status), &printed)
    } else if let Some(skipped) = skipped {
        Outcome::failed("it did not run", skipped)
    } else if !printed.contains("test result: ok. 1 passed;") {
        Outcome::failed("it did not run", &printed)
    } else {
        Outcome {
            failure: None,
            used_binary: false,
        }
    };
    outcome.used_binary = mark.exists();
    outcome
}

fn print(row: &Row, passed: bool, outcomes: &[(&str, &Outcome)]) -> String {
    let mut text = String::new();
    let word = if passed { "PASS  " } else { "FAIL  " };
    for (number, line) in wrapped(&printable(&row.attack, usize::MAX), WIDTH - 6)
        .iter()
        .enumerate()
    {
        let front = if number == 0 { word } else { "      " };
        let _ = writeln!(text, "{front}{line}");
    }
    if outcomes.is_empty() {
        text += "      no test is named\n";
    }
    for (test, outcome) in outcomes {
        let margin = if outcome.used_binary {
            "      "
        } else {
            "  lib "
        };
        match &outcome.failure {
            None => {
                let _ = writeln!(text, "{margin}{test}");
            }
            Some((why, lines)) => {
                let _ = writeln!(text, "{margin}{test}: {why}");
                for line in lines {
                    let _ = writeln!(text, "      | {line}");
                }
            }
        }
    }
    text
}

/// A text in lines of at most so many characters, as far as its words allow.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
