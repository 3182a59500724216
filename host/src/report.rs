//! `run.json`: what a run amounts to, for programs, and the summary for people.

use crate::audit::rfc3339;
use crate::collect::{CoverageRow, RunFile};
use crate::digest::Digest;
use crate::egress::{Egress, Verdict};
use crate::limits::{LimitUse, Limits};
use crate::outcome::Outcome;
use crate::settings::SettingValue;
use indexmap::IndexMap;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use time::OffsetDateTime;

/// What a run leaves beside its exports; `failed-` stands in front of each where it did not finish.
pub const RECORDS: [&str; 3] = ["run.db", "run.json", "audit.jsonl"];

/// The most rows of coverage and warnings that a report repeats; the run file has them all.
const MOST_ROWS: usize = 500;

/// What is known of a run beside what it collected.
pub struct Facts {
    /// The connector's name.
    pub connector: String,
    /// The component's SHA-256.
    pub digest: Digest,
    /// What it was allowed to use.
    pub limits: Limits,
    /// The settings; they hold no secret.
    pub settings: IndexMap<String, SettingValue>,
    /// When it began.
    pub started: OffsetDateTime,
    /// How long it took.
    pub duration: Duration,
    /// How often a secret was redacted.
    pub secrets_redacted: u64,
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
    warnings: Vec<String>,
}

impl Counts {
    /// Counts.
    ///
    /// # Errors
    /// Where the run file can't be read, or the work on it was stopped.
    pub fn of(file: &RunFile) -> anyhow::Result<Self> {
        let (entities, relations) = file.counts()?;
        let (coverage, coverage_rows) = file.coverage(MOST_ROWS)?;
        Ok(Self {
            entities,
            relations,
            dangling_entities: file.dangling()?,
            duplicates: file.duplicates(),
            coverage,
            coverage_rows,
            warnings: file.warnings(MOST_ROWS)?,
        })
    }

    /// Nothing but a sentence that says why.
    pub fn unknown(why: &str) -> Self {
        Self {
            warnings: vec![why.to_owned()],
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
    /// The connector's name.
    pub connector: String,
    /// The component's SHA-256.
    pub component_sha256: Digest,
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
    /// Sentences for the person who reads this.
    pub warnings: Vec<String>,
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
    pub fn new(facts: Facts, outcome: Outcome, counts: Counts, egress: &Egress) -> Self {
        let requests = egress
            .tally()
            .entries()
            .into_iter()
            .map(|(entry, count)| RequestCount {
                family: entry.family,
                slot: entry.slot,
                verdict: verdict(&entry.verdict),
                count,
            })
            .collect();
        Self {
            message: outcome.to_string(),
            exit_code: outcome.exit_code(),
            outcome,
            connector: facts.connector,
            component_sha256: facts.digest,
            settings: facts.settings,
            started: rfc3339(facts.started),
            duration_seconds: facts.duration.as_secs_f64(),
            entities: counts.entities,
            relations: counts.relations,
            dangling_entities: counts.dangling_entities,
            duplicates: counts.duplicates,
            secrets_redacted: facts.secrets_redacted,
            requests_sent: egress.sent(),
            requests,
            limits: egress.usage().against(&facts.limits),
            coverage: counts.coverage,
            coverage_rows: counts.coverage_rows,
            warnings: counts.warnings,
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
    serde_json::to_string_pretty(report).map(|text| text + "\n")
}
