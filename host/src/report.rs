//! `run.json`: what a run amounts to, for programs, and the summary for people.

use crate::audit::rfc3339;
use crate::collect::{CoverageRow, RunFile};
use crate::digest::Digest;
use crate::egress::{Egress, Verdict};
use crate::json_line::one_line;
use crate::limits::LimitUse;
use crate::outcome::Outcome;
use crate::settings::SettingValue;
use indexmap::IndexMap;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use time::OffsetDateTime;

/// What a run leaves beside its exports; `failed-` stands in front of each where it did not finish.
pub const RECORDS: [&str; 3] = ["run.db", "run.json", "audit.jsonl"];

/// What an import leaves of those: it makes no requests.
pub const IMPORT_RECORDS: [&str; 2] = ["run.db", "run.json"];

/// What it leaves more where rows were left out.
pub const PROBLEMS: &str = "problems.csv";

/// The most rows of coverage and warnings of a connector that a report repeats; the run file has them all.
const MOST_ROWS: usize = 500;

/// What is known of a run beside what it collected.
pub struct Facts {
    /// The connector's name.
    pub connector: String,
    /// The component's SHA-256, where one ran.
    pub digest: Option<Digest>,
    /// The files that were imported, where no component ran.
    pub files: Vec<ImportedFile>,
    /// Each limit with what was used of it.
    pub limits: Vec<LimitUse>,
    /// The settings; they hold no secret.
    pub settings: IndexMap<String, SettingValue>,
    /// When it began.
    pub started: OffsetDateTime,
    /// How long it took.
    pub duration: Duration,
    /// How often a secret was redacted.
    pub secrets_redacted: u64,
}

/// By which way the data came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// A connector read it.
    Connector,
    /// Two files were imported.
    Import,
}

/// A file that was imported.
#[derive(Debug, Clone, Serialize)]
pub struct ImportedFile {
    /// Its name, as it was given.
    pub name: String,
    /// How its text was written: `UTF-8`, `UTF-16LE` or `UTF-16BE`.
    pub encoding: &'static str,
    /// What separates its cells.
    pub separator: char,
    /// Whether it was packed with gzip.
    pub gzip: bool,
    /// Columns that are not of the format, and were not read; the first of them.
    pub ignored_columns: Vec<String>,
    /// Its rows, the header excepted.
    pub rows: u64,
    /// Rows with something wrong in themselves.
    pub bad_rows: u64,
}

/// What was asked of an API.
#[derive(Debug, Default)]
pub struct Asked {
    /// Requests sent, retries included.
    pub sent: u64,
    /// Requests by family, credential and what they led to.
    pub requests: Vec<RequestCount>,
}

impl Asked {
    /// What a run asked.
    pub fn by(egress: &Egress) -> Self {
        let count = |(entry, count): (crate::egress::Entry, u64)| RequestCount {
            family: entry.family,
            slot: entry.slot,
            verdict: verdict(&entry.verdict),
            count,
        };
        Self {
            sent: egress.sent(),
            requests: egress.tally().entries().into_iter().map(count).collect(),
        }
    }
}

/// What a run file holds, counted.
#[derive(Debug, Default)]
pub struct Counts {
    entities: BTreeMap<String, u64>,
    relations: BTreeMap<String, u64>,
    dangling_entities: u64,
    duplicates: u64,
    coverage: Vec<CoverageRow>,
    coverage_rows: u64,
    host_warnings: Vec<String>,
    connector_warnings: Vec<String>,
    connector_warning_rows: u64,
}

impl Counts {
    /// Counts.
    ///
    /// # Errors
    /// Where the run file can't be read, or the work on it was stopped.
    pub fn of(file: &RunFile) -> anyhow::Result<Self> {
        let (entities, relations) = file.counts()?;
        let (coverage, coverage_rows) = file.coverage(MOST_ROWS)?;
        let (connector_warnings, connector_warning_rows) = file.connector_warnings(MOST_ROWS)?;
        Ok(Self {
            entities,
            relations,
            dangling_entities: file.dangling()?,
            duplicates: file.duplicates(),
            coverage,
            coverage_rows,
            host_warnings: file.host_warnings()?,
            connector_warnings,
            connector_warning_rows,
        })
    }

    /// Nothing but the host's warnings, which say why.
    pub fn unknown(host_warnings: Vec<String>) -> Self {
        Self {
            host_warnings,
            ..Self::default()
        }
    }
}

/// What a run amounts to.
#[derive(Debug, Serialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// The same for a person.
    pub message: String,
    /// The program's exit code.
    pub exit_code: u8,
    /// By which way the data came.
    pub way: Way,
    /// The connector's name.
    pub connector: String,
    /// The component's SHA-256, where one ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component_sha256: Option<Digest>,
    /// The files that were imported: entities, relations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ImportedFile>,
    /// The settings.
    pub settings: IndexMap<String, SettingValue>,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// How long it took, in seconds.
    pub duration_seconds: f64,
    /// How many entities there are of each source type.
    pub entities: BTreeMap<String, u64>,
    /// How many relations there are of each kind.
    pub relations: BTreeMap<String, u64>,
    /// How many entities only a relation named.
    pub dangling_entities: u64,
    /// How many items came more than once.
    pub duplicates: u64,
    /// How often a secret was redacted.
    pub secrets_redacted: u64,
    /// Requests sent, retries and those for tokens included.
    pub requests_sent: u64,
    /// Requests by family, credential and what they led to.
    pub requests: Vec<RequestCount>,
    /// Each limit with what was used of it.
    pub limits: Vec<LimitUse>,
    /// What could and could not be read, families first.
    pub coverage: Vec<CoverageRow>,
    /// How many rows the coverage has; where it is more than are here, `run.db` has them.
    pub coverage_rows: u64,
    /// Sentences for the person who reads this: the host's, all of them, then the connector's, each with `connector: ` in
    /// front.
    pub warnings: Vec<String>,
    /// The host's alone.
    pub host_warnings: Vec<String>,
    /// The connector's alone, as it said them. Nobody has to believe them.
    pub connector_warnings: Vec<String>,
    /// How many warnings the connector gave; where it is more than are here, `run.db` has them.
    pub connector_warning_rows: u64,
}

/// How often a kind of request was made.
#[derive(Debug, Serialize)]
pub struct RequestCount {
    /// The family of the manifest's rule; empty where no rule allowed it; `oauth2-token` for the host's own requests for
    /// tokens.
    pub family: String,
    /// The credential that was sent; empty for none.
    pub slot: String,
    /// The status, `journal` where it answered, `failed`, `no-token` where the host had none to send it with, or `refused:`
    /// and the rule.
    pub verdict: String,
    /// How often.
    pub count: u64,
}

impl Report {
    /// Puts a report together.
    pub fn new(facts: Facts, outcome: Outcome, counts: Counts, asked: Asked) -> Self {
        let way = if facts.files.is_empty() {
            Way::Connector
        } else {
            Way::Import
        };
        Self {
            message: outcome.to_string(),
            exit_code: outcome.exit_code(),
            outcome,
            way,
            connector: facts.connector,
            component_sha256: facts.digest,
            files: facts.files,
            settings: facts.settings,
            started: rfc3339(facts.started),
            duration_seconds: facts.duration.as_secs_f64(),
            entities: counts.entities,
            relations: counts.relations,
            dangling_entities: counts.dangling_entities,
            duplicates: counts.duplicates,
            secrets_redacted: facts.secrets_redacted,
            requests_sent: asked.sent,
            requests: asked.requests,
            limits: facts.limits,
            coverage: counts.coverage,
            coverage_rows: counts.coverage_rows,
            warnings: counts
                .host_warnings
                .iter()
                .cloned()
                .chain(
                    counts
                        .connector_warnings
                        .iter()
                        .map(|said| format!("connector: {said}")),
                )
                .collect(),
            host_warnings: counts.host_warnings,
            connector_warnings: counts.connector_warnings,
            connector_warning_rows: counts.connector_warning_rows,
        }
    }
}

impl Report {
    /// What it leaves beside its exports where it has finished.
    pub fn records(&self) -> Vec<&'static str> {
        match self.way {
            Way::Connector => RECORDS.to_vec(),
            Way::Import if self.outcome == Outcome::Complete => IMPORT_RECORDS.to_vec(),
            Way::Import => [&IMPORT_RECORDS[..], &[PROBLEMS]].concat(),
        }
    }
}

/// A verdict as one word.
pub fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Status(status) => status.to_string(),
        Verdict::Kept => "journal".to_owned(),
        Verdict::Failed => "failed".to_owned(),
        Verdict::NoToken => "no-token".to_owned(),
        Verdict::Refused(rule) => format!("refused:{rule}"),
    }
}

/// The report as the text of `run.json`.
///
/// # Errors
/// None in practice: a report is plain data.
pub fn json(report: &Report) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report).map(|text| one_line(text) + "\n")
}
