//! One run: a connector, a connection, a directory for what comes out.

use crate::collect::{self, Collector, Format, RunFile};
use crate::connection::Connection;
use crate::egress::policy::Refusal;
use crate::egress::{Egress, EgressError, Verdict};
use crate::manifest::{Limits, Manifest};
use crate::outcome::Outcome;
use crate::report::{self, Report};
use crate::sandbox::{CoverageStatus, Finding, Host, Observer, Sandbox, Services, Settings};
use crate::vault::Redactor;
use anyhow::Context;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
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
    digest: String,
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
    /// Prepares a run: compiles the component and builds the way out.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn prepare(manifest: Manifest, mut connection: Connection) -> Result<Self, StartError> {
        let redactor = connection.vault.redactor().clone();
        let egress = Arc::new(Egress::new(&manifest, &mut connection)?);
        let component = fs::read(&manifest.component).map_err(|error| {
            StartError::Refused(Outcome::ComponentRefused {
                message: format!(
                    "{} can't be read: {error}; build it first, or mend `component` in {}",
                    manifest.component.display(),
                    manifest.path.display()
                ),
            })
        })?;
        let digest = hex(&Sha256::digest(&component));
        let sandbox = Sandbox::compile(&component).map_err(StartError::Refused)?;
        Ok(Self {
            manifest,
            egress,
            redactor,
            connection,
            sandbox,
            digest,
        })
    }

    /// Asks the component whether settings and credentials are good enough.
    ///
    /// # Errors
    /// How it ended, where it gave no findings.
    pub async fn check(&self, observer: Arc<dyn Observer>) -> Result<Vec<Finding>, Outcome> {
        let host = self.host(None, observer);
        let findings = self
            .sandbox
            .check(host, self.limits())
            .await
            .map_err(|outcome| self.explained(outcome))?;
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
    /// new ones are complete. A run that did not come to its end leaves `failed-run.db` and `failed-run.json`
    /// and touches nothing else. Stops when `cancelled` comes.
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
        let file = RunFile::create(&workshop.private_file("run.db")?)
            .context("the run file can't be written")?;
        let collector = Arc::new(Mutex::new(Collector::new(
            file,
            self.redactor.clone(),
            self.limits(),
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
        let silent = file.coverage(0)?.1 == 0;
        if silent && ended.is_ok() {
            file.warn(
                "the connector said nothing of what it could and could not read, so nobody knows",
            )?;
        }
        let outcome = match ended {
            Ok(()) => match file.gaps()?
                + u64::from(missing.relations > 0)
                + u64::from(silent)
                + u64::from(!refused.is_empty())
            {
                0 => Outcome::Complete,
                gaps => Outcome::Partial { gaps },
            },
            Err(outcome) => self.explained(outcome),
        };
        file.note("outcome", &outcome.to_string())?;
        file.note("connector", &self.manifest.name)?;
        file.note("component_sha256", &self.digest)?;
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
            digest: self.digest.clone(),
            settings: self.connection.settings.clone(),
            started: started.1,
            duration: started.0.elapsed(),
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
                limit: "requests".to_owned(),
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
        Host::new(services, self.limits())
    }

    fn limits(&self) -> &Limits {
        &self.manifest.limits
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
    fn private_file(&self, name: &str) -> std::io::Result<PathBuf> {
        let path = self.path().join(name);
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok(path)
    }

    fn write_private(&self, name: &str, text: &str) -> std::io::Result<()> {
        fs::write(self.private_file(name)?, text)
    }

    /// Puts a finished run in the place of an earlier one.
    fn publish(&self, formats: &[Format]) -> anyhow::Result<()> {
        let exports = formats.iter().flat_map(|format| format.files());
        for name in exports.chain(["run.db", "run.json"]) {
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
        self.remove("failed-run.db")?;
        self.remove("failed-run.json")
    }

    fn publish_failure(&self) -> anyhow::Result<()> {
        self.put("run.db", "failed-run.db")?;
        self.put("run.json", "failed-run.json")
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
