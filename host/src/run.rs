//! One run: a connector, a connection, a directory for what comes out.

use crate::audit::Event;
use crate::collect::{self, Collector, DEEPEST, Format, RunFile};
use crate::component::ComponentFile;
use crate::connection::Connection;
use crate::digest::Digest;
use crate::egress::policy::Refusal;
use crate::egress::{Egress, EgressError, Verdict};
use crate::limits::{Limit, Limits};
use crate::machine::Machine;
use crate::manifest::Manifest;
use crate::outcome::Outcome;
use crate::report::{self, Report};
use crate::sandbox::{CoverageStatus, Finding, Host, Observer, Sandbox, Services, Settings};
use crate::vault::Redactor;
use anyhow::Context;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use time::OffsetDateTime;

/// A connector and a connection that fit together.
pub struct Run {
    manifest: Manifest,
    egress: Arc<Egress>,
    redactor: Redactor,
    connection: Connection,
    sandbox: Sandbox,
    digest: Digest,
}

/// Why a run can't begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The connection's API may not be asked.
    #[error(transparent)]
    Egress(#[from] EgressError),
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
    ) -> Result<Self, StartError> {
        let refused = |message| StartError::Refused(Outcome::ComponentRefused { message });
        let redactor = connection.vault.redactor().clone();
        let egress = Egress::new(&manifest, &mut connection, Arc::clone(&machine.names))?;
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
        Ok(Self {
            manifest,
            egress: Arc::new(egress),
            redactor,
            connection,
            sandbox,
            digest,
        })
    }

    /// Adds this run's audit lines to a file too.
    pub fn audit_to(&self, file: fs::File) {
        self.egress.audit().write_to(file);
    }

    /// Asks the component whether settings and credentials are good enough.
    ///
    /// # Errors
    /// How it ended, where it gave no findings.
    pub async fn check(&self, observer: Arc<dyn Observer>) -> Result<Vec<Finding>, Outcome> {
        self.note_start("check");
        let host = self.host(None, observer);
        let checked = self.sandbox.check(host, self.limits()).await;
        let checked = checked.map_err(|outcome| self.explained(outcome));
        self.note_end(checked.as_ref().err().unwrap_or(&Outcome::Complete));
        let findings = checked?;
        let clean = |text: String| collect::printable(&self.redactor.text(&text), 2000);
        Ok(findings
            .into_iter()
            .map(|finding| Finding {
                family: clean(finding.family),
                slot: finding.slot.map(clean),
                advice: clean(finding.advice),
                status: finding.status,
            })
            .collect())
    }

    /// Runs `extract` and leaves run file, exports and report in `out`. An earlier run's files stay until the
    /// new ones are complete. A run that did not come to its end leaves `failed-run.db`,
    /// `failed-run.json` and `failed-audit.jsonl` and touches nothing else. Stops when `cancelled` comes.
    ///
    /// # Errors
    /// Where the disk is full or broken.
    pub async fn extract(
        &self,
        out: &Path,
        formats: &[Format],
        observer: Arc<dyn Observer>,
        cancelled: impl Future<Output = ()>,
    ) -> anyhow::Result<Report> {
        let started = (Instant::now(), OffsetDateTime::now_utc());
        fs::create_dir_all(out).with_context(|| format!("{} can't be created", out.display()))?;
        let workshop = Workshop::new(out)?;
        let (file, _) = workshop.private_file("run.db")?;
        let file = RunFile::create(&file).context("the run file can't be written")?;
        let (_, audit) = workshop.private_file("audit.jsonl")?;
        self.audit_to(audit);
        self.note_start("extract");
        let collector = Arc::new(Mutex::new(Collector::new(
            file,
            self.redactor.clone(),
            *self.limits(),
            Arc::clone(self.egress.usage()),
        )));

        let ended = {
            let host = self.host(Some(Arc::clone(&collector)), observer);
            tokio::select! {
                ended = self.sandbox.extract(host, self.limits()) => ended,
                () = cancelled => Err(Outcome::Cancelled),
            }
        };

        let collector = Arc::into_inner(collector).context("the guest is still running")?;
        let mut file = collector
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .into_file();
        let report = self.reconcile(&mut file, ended, started)?;
        self.note_end(&report.outcome);
        let audited = self.egress.audit().check();
        audited.context("the audit log can't be written")?;
        if report.outcome.finished() {
            for format in formats {
                collect::export(&file, &self.manifest.app, *format, workshop.path())?;
            }
        }
        file.close().context("the run file can't be written")?;
        workshop.write_private("run.json", &report::json(&report)?)?;
        if report.outcome.finished() {
            workshop.publish(formats)?
        } else {
            workshop.publish_failure()?
        }
        Ok(report)
    }

    /// What the manifest says about credentials of this look.
    pub fn hints(&self) -> &[String] {
        &self.connection.hints
    }

    /// Settles what the run amounts to, and notes it in the run file.
    fn reconcile(
        &self,
        file: &mut RunFile,
        ended: Result<(), Outcome>,
        started: (Instant, OffsetDateTime),
    ) -> anyhow::Result<Report> {
        for hint in &self.connection.hints {
            file.warn(hint)?;
        }
        let missing = file.set_missing_apart()?;
        if missing.relations > 0 {
            let ends: Vec<String> = missing
                .examples
                .iter()
                .map(|(kind, id)| format!("{kind} {id}"))
                .collect();
            file.warn(&format!(
                "{} relations were left out of the exports: an end of theirs is no entity, among them {}",
                missing.relations,
                ends.join(", ")
            ))?;
        }
        if file.contradictions() > 0 {
            file.warn(&format!(
                "{} entities or relations came more than once and disagreed; one of each was kept",
                file.contradictions()
            ))?;
        }
        if self.redactor.found() > 0 {
            file.warn(&format!(
                "a secret of this connection was found in what the API or the connector said, and redacted {} times; find out why before you trust either",
                self.redactor.found()
            ))?;
        }
        let refused = self.refused();
        for (rule, count) in &refused {
            file.warn(&format!(
                "{count} requests were refused by the policy's rule \"{rule}\" and not sent; what they were for is missing"
            ))?;
        }
        let circles = file.containment_circles()?;
        if circles > 0 {
            file.warn(&format!(
                "{circles} containments form circles, or lie more than {DEEPEST} deep: what is in what can't be told there"
            ))?;
        }
        let silent = file.coverage(0)?.1 == 0;
        if silent && ended.is_ok() {
            file.warn(
                "the connector said nothing of what it could and could not read, so nobody knows",
            )?;
        }
        let outcome = match ended {
            // It may not have noticed, or not have said so.
            Ok(()) if refused.contains_key(Refusal::Budget.word()) => {
                self.explained(Outcome::Complete)
            }
            Ok(()) => match file.gaps()?
                + u64::from(missing.relations > 0)
                + u64::from(circles > 0)
                + u64::from(silent)
                + u64::from(!refused.is_empty())
            {
                0 => Outcome::Complete,
                gaps => Outcome::Partial { gaps },
            },
            Err(outcome) => self.explained(outcome),
        };
        let duration = started.0.elapsed();
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.egress.usage().peak(Limit::WallSeconds, nanos);
        file.note("outcome", &outcome.to_string())?;
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
        let facts = report::Facts {
            connector: self.manifest.name.clone(),
            digest: self.digest,
            limits: *self.limits(),
            settings: self.connection.settings.clone(),
            started: started.1,
            duration,
            secrets_redacted: self.redactor.found(),
        };
        Report::gather(facts, outcome, file, &self.egress)
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

    /// An outcome without secrets, and with what the host knows beside the connector.
    fn explained(&self, outcome: Outcome) -> Outcome {
        let clean = |text: String| collect::printable(&self.redactor.text(&text), 4000);
        if self.refused().contains_key(Refusal::Budget.word()) && outcome != Outcome::Cancelled {
            return Outcome::Exhausted {
                limit: Limit::Requests,
                allowed: self.limits().requests,
            };
        }
        match outcome {
            Outcome::Unreachable { message } => Outcome::Unreachable {
                message: match self.egress.tally().last_failure() {
                    Some(reason) => format!("{} (the host saw: {})", clean(message), clean(reason)),
                    None => clean(message),
                },
            },
            Outcome::BadSetting { name, message } => Outcome::BadSetting {
                name: clean(name),
                message: clean(message),
            },
            Outcome::NothingRead { message } => Outcome::NothingRead {
                message: clean(message),
            },
            Outcome::ConnectorFailed { message } => Outcome::ConnectorFailed {
                message: clean(message),
            },
            Outcome::Refused { message, .. } => Outcome::Refused {
                rules: self
                    .refused()
                    .keys()
                    .map(|rule| (*rule).to_owned())
                    .collect(),
                message: clean(message),
            },
            Outcome::Trapped { message } => Outcome::Trapped {
                message: clean(message),
            },
            other => other,
        }
    }

    fn host(&self, collector: Option<Arc<Mutex<Collector>>>, observer: Arc<dyn Observer>) -> Host {
        let services = Services {
            egress: Arc::clone(&self.egress),
            settings: Settings {
                values: self.connection.settings.clone(),
                slots: self.egress.slots(),
                pace: self.connection.pace,
            },
            collector,
            observer,
            redactor: self.redactor.clone(),
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

/// The exit code of a check: 0 all families readable, 3 some, 4 none.
pub fn check_exit_code(findings: &[Finding]) -> u8 {
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

/// A directory beside the results where a run's files are made; it goes when it is dropped.
struct Workshop {
    directory: tempfile::TempDir,
    out: PathBuf,
}

impl Workshop {
    fn new(out: &Path) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix(".run-")
            .tempdir_in(out)
            .with_context(|| format!("nothing can be written to {}", out.display()))?;
        Ok(Self {
            directory,
            out: out.to_owned(),
        })
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Creates an empty file that its owner alone can read.
    fn private_file(&self, name: &str) -> std::io::Result<(PathBuf, fs::File)> {
        let path = self.path().join(name);
        let file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok((path, file))
    }

    fn write_private(&self, name: &str, text: &str) -> std::io::Result<()> {
        self.private_file(name)?.1.write_all(text.as_bytes())
    }

    /// Puts a finished run in the place of an earlier one.
    fn publish(&self, formats: &[Format]) -> anyhow::Result<()> {
        let exports = formats.iter().flat_map(|format| format.files());
        for name in exports.chain(report::RECORDS) {
            self.put(name, name)?;
        }
        for format in [Format::Csv, Format::Jsonl] {
            if !formats.contains(&format) {
                format
                    .files()
                    .into_iter()
                    .try_for_each(|name| self.remove(name))?;
            }
        }
        report::RECORDS
            .iter()
            .try_for_each(|name| self.remove(&format!("failed-{name}")))
    }

    fn publish_failure(&self) -> anyhow::Result<()> {
        report::RECORDS
            .iter()
            .try_for_each(|name| self.put(name, &format!("failed-{name}")))
    }

    fn put(&self, from: &str, to: &str) -> anyhow::Result<()> {
        let (from, to) = (self.path().join(from), self.out.join(to));
        // On disk before it has its name, so that a crash leaves the old file or the whole new one.
        fs::File::open(&from)?.sync_all()?;
        fs::rename(&from, &to).with_context(|| format!("{} can't be written", to.display()))
    }

    fn remove(&self, name: &str) -> anyhow::Result<()> {
        match fs::remove_file(self.out.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("the old {name} can't be removed"))
            }
            _ => Ok(()),
        }
    }
}
