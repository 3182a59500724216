//! One run: a connector, a connection, a directory for what comes out.

mod settle;

use crate::audit::{Event, rfc3339};
use crate::collect::{self, Collector, Format, RunFile};
use crate::component::ComponentFile;
use crate::connection::Connection;
use crate::digest::Digest;
use crate::egress::policy::Refusal;
use crate::egress::{Egress, EgressError, Verdict};
use crate::journal::{About, JournalError, Recording};
use crate::limits::{Limit, Limits};
use crate::machine::Machine;
use crate::manifest::Manifest;
use crate::outcome::Outcome;
use crate::report::{self, Asked, Report};
use crate::sandbox::{CoverageStatus, Finding, Host, Observer, Sandbox, Services, Settings};
use crate::settings::SettingValue;
use crate::settle::{Exports, Settled};
use crate::vault::Redactor;
use crate::workshop::Workshop;
use anyhow::Context;
use futures::FutureExt as _;
use indexmap::IndexMap;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use time::OffsetDateTime;

/// One message about a run, in bytes.
const MOST_MESSAGE: usize = 4000;

/// A connector and a connection that fit together.
pub struct Run {
    manifest: Manifest,
    egress: Arc<Egress>,
    redactor: Redactor,
    connection: Connection,
    sandbox: Arc<Sandbox>,
    digest: Digest,
}

/// The most findings of a check that are shown.
const MOST_FINDINGS: usize = 100;

/// What a check found, in the connector's words.
#[derive(Debug)]
pub struct Checked {
    /// The findings, fit for a terminal. Where there are too many to be shown, those of what can't be read come first.
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub more: usize,
    /// The exit code of all of them: 0 all families are readable, 3 some, 4 none.
    pub exit_code: u8,
}

/// Why a run can't begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The connection's API may not be asked.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// Its journal can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The component may not run here.
    #[error("{0}")]
    Refused(Outcome),
}

impl Run {
    /// Prepares a run: builds the way out and loads the component.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn prepare(
        manifest: Manifest,
        mut connection: Connection,
        machine: &Machine,
        recording: Recording,
    ) -> Result<Arc<Self>, StartError> {
        let refused = |message| StartError::Refused(Outcome::ComponentRefused { message });
        let redactor = connection.vault.redactor().clone();
        let component = ComponentFile::read(&manifest.component).map_err(|problem| {
            refused(format!(
                "{problem}; the manifest {} names this file",
                manifest.path.display()
            ))
        })?;
        let digest = component.digest;
        if connection.require_pinned && !manifest.digests.contains(&digest) {
            return Err(refused(format!(
                "its SHA-256 is {digest}, which the manifest {} does not pin, and the connection requires a pinned component; review it and add the digest to `digests`, or run one that is listed",
                manifest.path.display()
            )));
        }
        let sandbox = Sandbox::load(&component, machine)
            .await
            .map_err(StartError::Refused)?;
        let about = About::of(&manifest, &connection, digest);
        let journal = recording.open(&about, Arc::clone(machine.paces.clock()))?;
        let egress = Egress::new(&manifest, &mut connection, machine, journal)?;
        Ok(Arc::new(Self {
            manifest,
            egress: Arc::new(egress),
            redactor,
            connection,
            sandbox,
            digest,
        }))
    }

    /// Adds this run's audit lines to a file too.
    pub fn audit_to(&self, file: fs::File) {
        self.egress.audit().write_to(file);
    }

    /// Asks the component whether settings and credentials are good enough. Stops when `cancelled` comes.
    ///
    /// # Errors
    /// How it ended, where it gave no findings.
    pub async fn check(
        &self,
        observer: Arc<dyn Observer>,
        cancelled: impl Future<Output = ()>,
    ) -> Result<Checked, Outcome> {
        self.note_start("check");
        let host = self.host(None, observer);
        let checked = self.sandbox.check(host, self.limits(), cancelled).await;
        let checked = checked.map_err(|outcome| self.explained(outcome));
        self.note_end(checked.as_ref().err().unwrap_or(&Outcome::Complete));
        let mut findings = checked?;
        let exit_code = check_exit_code(&findings);
        let all = findings.len();
        if all > MOST_FINDINGS {
            // What can't be read is not crowded out by what can.
            findings.sort_by_key(|finding| match finding.status {
                CoverageStatus::Unreadable => 0,
                CoverageStatus::Partial => 1,
                _ => 2,
            });
            findings.truncate(MOST_FINDINGS);
        }
        let clean = |text: String| collect::printable(&self.redactor.beginning(&text, 2000), 2000);
        let findings: Vec<Finding> = findings
            .into_iter()
            .map(|finding| Finding {
                family: clean(finding.family),
                slot: finding.slot.map(clean),
                advice: clean(finding.advice),
                status: finding.status,
            })
            .collect();
        Ok(Checked {
            more: all - findings.len(),
            findings,
            exit_code,
        })
    }

    /// Runs `extract` and leaves run file, exports and report in `out`. An earlier run's files stay until the
    /// new ones are complete. A run that did not come to its end leaves `failed-run.db`,
    /// `failed-run.json` and `failed-audit.jsonl` and touches nothing else. Stops when `cancelled` comes.
    ///
    /// # Errors
    /// Where the disk is full or broken.
    pub async fn extract(
        self: &Arc<Self>,
        out: &Path,
        formats: &[Format],
        observer: Arc<dyn Observer>,
        cancelled: impl Future<Output = ()>,
    ) -> anyhow::Result<Report> {
        fs::create_dir_all(out).with_context(|| format!("{} can't be created", out.display()))?;
        let workshop = Workshop::new(out)?;
        let ended = self
            .extract_in(&workshop, formats, observer, cancelled)
            .await;
        // What was asked is known even where what was read is lost.
        ended.inspect_err(|error| {
            let message = collect::printable(&format!("{error:#}"), MOST_MESSAGE);
            self.note_end(&Outcome::HostFailed { message });
            workshop.publish_audit();
        })
    }

    async fn extract_in(
        self: &Arc<Self>,
        workshop: &Workshop,
        formats: &[Format],
        observer: Arc<dyn Observer>,
        cancelled: impl Future<Output = ()>,
    ) -> anyhow::Result<Report> {
        let started = (Instant::now(), OffsetDateTime::now_utc());
        let mut cancelled = std::pin::pin!(cancelled.fuse());
        let (file, _) = workshop.private_file("run.db")?;
        let file = RunFile::create(&file).context("the run file can't be written")?;
        let (_, audit) = workshop.private_file("audit.jsonl")?;
        self.audit_to(audit);
        self.note_start("extract");
        let collector = Arc::new(Mutex::new(Collector::new(
            file,
            self.redactor.of_connector(),
            *self.limits(),
            Arc::clone(self.egress.usage()),
        )));
        let host = self.host(Some(Arc::clone(&collector)), observer);
        let ended = self
            .sandbox
            .extract(host, self.limits(), cancelled.as_mut())
            .await;
        let collector = Arc::into_inner(collector).context("the guest is still running")?;
        let mut file = collector
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .into_file()
            .context(
                "the run file can't be written, and what was read is lost; make room on the disk",
            )?;
        file.seal().context("the run file can't be written")?;

        let exports = Exports {
            app: self.connection.app.clone(),
            formats: formats.to_vec(),
            directory: workshop.path().to_owned(),
        };
        let wall = Duration::from_secs(self.limits().wall_seconds);
        let (mut file, settled) = settle::settle(self, file, ended, exports, async {
            tokio::select! {
                () = cancelled => Outcome::Cancelled,
                () = tokio::time::sleep(wall.saturating_sub(started.0.elapsed())) => {
                    Outcome::exhausted(Limit::WallSeconds, self.limits())
                }
            }
        })
        .await?;
        let report = self.report(&mut file, settled, started)?;
        if let Some(journal) = self.egress.journal() {
            if report.outcome.finished() {
                journal.finished();
            }
            journal.check()?;
        }
        file.close().context("the run file can't be written")?;
        workshop.write_private("run.json", &report::json(&report)?)?;
        self.note_end(&report.outcome);
        let audited = self.egress.audit().check();
        audited.context("the audit log can't be written")?;
        if report.outcome.finished() {
            workshop.publish(formats, &report.records())?
        } else {
            workshop.publish_failure()?
        }
        Ok(report)
    }

    /// What is said of the run when it is over, and noted in its file.
    fn report(
        &self,
        file: &mut RunFile,
        settled: Settled,
        started: (Instant, OffsetDateTime),
    ) -> anyhow::Result<Report> {
        let duration = started.0.elapsed();
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.egress.usage().peak(Limit::WallSeconds, nanos);
        file.note("outcome", &settled.outcome.to_string())?;
        file.note("connector", &self.manifest.name)?;
        file.note("component_sha256", &self.digest.to_string())?;
        for (entry, count) in self.egress.tally().entries() {
            file.note_request(
                &entry.family,
                &entry.slot,
                &report::verdict(&entry.verdict),
                count,
            )?;
        }
        for ((family, slot), read) in self.egress.tally().reads() {
            let times =
                [read.oldest, read.newest].map(|at| rfc3339(OffsetDateTime::UNIX_EPOCH + at));
            file.note_read(
                &family,
                &slot,
                read.answers,
                times.each_ref().map(String::as_str),
            )?;
        }
        let facts = report::Facts {
            connector: self.manifest.name.clone(),
            digest: Some(self.digest),
            files: Vec::new(),
            limits: self.egress.usage().against(self.limits()),
            settings: shown(&self.connection.settings),
            started: started.1,
            duration,
            secrets_redacted: self.redactor.found(),
        };
        Ok(Report::new(
            facts,
            settled.outcome,
            settled.counts,
            Asked::by(&self.egress),
        ))
    }

    /// What the manifest says about credentials of this look.
    pub fn hints(&self) -> &[String] {
        &self.connection.hints
    }

    /// Why there was no token for a credential, in sentences for a person.
    pub fn token_warnings(&self) -> Vec<String> {
        let reasons = self.egress.tally().reasons_without_token();
        let warning = |(reason, count)| {
            let requests = if count == 1 {
                "request was"
            } else {
                "requests were"
            };
            let warning = format!("{reason} ({count} {requests} answered in the API's stead)");
            collect::printable(&warning, MOST_MESSAGE)
        };
        reasons.into_iter().map(warning).collect()
    }

    /// The rules that refused a request, and how often.
    fn refused(&self) -> BTreeMap<&'static str, u64> {
        let mut rules = BTreeMap::new();
        for (entry, count) in self.egress.tally().entries() {
            if let Verdict::Refused(rule) = entry.verdict {
                *rules.entry(rule).or_default() += count;
            }
        }
        rules
    }

    /// An outcome with what the host knows beside the connector. What connector and API said in it was redacted before: a
    /// secret may be a word that the host itself uses here.
    fn explained(&self, outcome: Outcome) -> Outcome {
        if outcome == Outcome::Cancelled {
            return outcome;
        }
        if self.refused().contains_key(Refusal::Budget.word()) {
            return Outcome::exhausted(Limit::Requests, self.limits());
        }
        let tally = self.egress.tally();
        if let Some((what, number)) = tally.first_not_kept() {
            let others = match number {
                1 => String::new(),
                _ => format!(" and {} more", number - 1),
            };
            let what = collect::printable(&what, MOST_MESSAGE);
            return Outcome::Refused {
                rules: vec![Refusal::Journal.word().to_owned()],
                message: format!(
                    "the journal has no answer to {what}{others}; it was made by a run that asked for something else, or did not come to its end"
                ),
            };
        }
        let saw = |message: String, reason: Option<String>| match reason {
            Some(reason) if !message.contains(&reason) => {
                let reason = collect::printable(&reason, MOST_MESSAGE);
                format!("{message} (the host saw: {reason})")
            }
            _ => message,
        };
        match outcome {
            Outcome::Unreachable { message } => Outcome::Unreachable {
                message: saw(message, tally.last_failure()),
            },
            Outcome::NothingRead { message } => {
                let mut reasons = tally.reasons_without_token().into_iter();
                Outcome::NothingRead {
                    message: saw(message, reasons.next().map(|(reason, _)| reason)),
                }
            }
            Outcome::Refused { message, .. } => Outcome::Refused {
                rules: self
                    .refused()
                    .keys()
                    .map(|rule| (*rule).to_owned())
                    .collect(),
                message,
            },
            other => other,
        }
    }

    fn host(&self, collector: Option<Arc<Mutex<Collector>>>, observer: Arc<dyn Observer>) -> Host {
        self.egress.watched_by(Arc::clone(&observer));
        let services = Services {
            egress: Arc::clone(&self.egress),
            settings: Settings {
                values: self.connection.settings.clone(),
                slots: self.egress.slots(),
                pace: self.connection.pace,
            },
            collector,
            observer,
            redactor: self.redactor.of_connector(),
        };
        Host::new(services, *self.limits())
    }

    fn note_start(&self, export: &'static str) {
        self.egress.audit().note(&Event::Started {
            connector: &self.manifest.name,
            component_sha256: &self.digest.to_string(),
            export,
        });
    }

    fn note_end(&self, outcome: &Outcome) {
        let times = self.redactor.found();
        if times > 0 {
            self.egress.audit().note(&Event::Redacted { times });
        }
        self.egress.audit().note(&Event::Ended { outcome });
    }

    fn limits(&self) -> &Limits {
        &self.connection.limits
    }
}

/// Settings as a report shows them. A tenant or whoever made a journal chose them.
fn shown(settings: &IndexMap<String, SettingValue>) -> IndexMap<String, SettingValue> {
    settings
        .iter()
        .map(|(name, value)| (collect::printable(name, 200), value.shown()))
        .collect()
}

/// The exit code of a check: 0 all families readable, 3 some, 4 none.
fn check_exit_code(findings: &[Finding]) -> u8 {
    let asked: Vec<&Finding> = findings
        .iter()
        .filter(|finding| {
            !matches!(
                finding.status,
                CoverageStatus::Unavailable | CoverageStatus::LeftOut
            )
        })
        .collect();
    if asked
        .iter()
        .all(|finding| finding.status == CoverageStatus::Complete)
    {
        0
    } else if asked
        .iter()
        .any(|finding| finding.status != CoverageStatus::Unreadable)
    {
        3
    } else {
        4
    }
}
