//! Settles a run of a connector: its flaws are looked for, its items counted, its exports written. That takes as long as
//! there are items, so it can be stopped; the items stay.

use super::Run;
use crate::collect::{DEEPEST, Missing, RunFile};
use crate::egress::policy::Refusal;
use crate::outcome::Outcome;
use crate::report::Counts;
use crate::settle::{Exports, Settled};
use anyhow::Context;
use std::sync::Arc;
use std::time::Duration;

/// How long what a run left may be counted when the run itself was stopped.
const GRACE: Duration = Duration::from_secs(10);

/// Settles a run. Where `stopped` comes first, the run ends as it says.
///
/// # Errors
/// Where the disk is full or broken.
pub(super) async fn settle(
    run: &Arc<Run>,
    file: RunFile,
    ended: Result<(), Outcome>,
    exports: Exports,
    stopped: impl Future<Output = Outcome>,
) -> anyhow::Result<(RunFile, Settled)> {
    let (file, outcome) = match ended {
        Ok(()) => match attempt(run, file, Ok(()), exports.clone(), stopped).await? {
            (file, Ok(settled)) => return Ok((file, settled)),
            (file, Err(stopped)) => (file, stopped),
        },
        Err(outcome) => (file, outcome),
    };
    let grace = async {
        tokio::time::sleep(GRACE).await;
        outcome.clone()
    };
    let (file, settled) = attempt(run, file, Err(outcome.clone()), exports, grace).await?;
    let settled = settled.unwrap_or_else(|outcome| Settled {
        outcome: run.explained(outcome),
        counts: Counts::unknown(
            "the run was stopped, and what it left is too much to be counted quickly; failed-run.db has it",
        ),
    });
    Ok((file, settled))
}

/// Settles a run, or stops and leaves its file as it was.
async fn attempt(
    run: &Arc<Run>,
    mut file: RunFile,
    ended: Result<(), Outcome>,
    exports: Exports,
    stopped: impl Future<Output = Outcome>,
) -> anyhow::Result<(RunFile, Result<Settled, Outcome>)> {
    let stop = file.stop();
    let run = Arc::clone(run);
    let mut working = tokio::task::spawn_blocking(move || {
        let worked = file.wholly(|file| run.settled(file, ended, &exports));
        (file, worked)
    });
    let (worked, reason) = tokio::select! {
        worked = &mut working => (worked, None),
        reason = stopped => {
            stop.ask();
            (working.await, Some(reason))
        }
    };
    let (file, worked) = worked.context("the run could not be settled")?;
    match (worked?, reason) {
        (Some(settled), _) => Ok((file, Ok(settled))),
        (None, reason) => Ok((file, Err(reason.unwrap_or(Outcome::Cancelled)))),
    }
}

/// What is wrong with what was a connector emitted.
struct Flaws {
    missing: Missing,
    circles: u64,
    silent: bool,
    gaps: u64,
}

impl Flaws {
    fn of(file: &mut RunFile) -> anyhow::Result<Self> {
        Ok(Self {
            missing: file.set_missing_apart()?,
            circles: file.containment_circles()?,
            silent: file.coverage(0)?.1 == 0,
            gaps: file.gaps()?,
        })
    }

    fn warn(&self, file: &mut RunFile) -> anyhow::Result<()> {
        if self.missing.relations > 0 {
            let ends = self.missing.examples.iter();
            let ends: Vec<String> = ends.map(|(kind, id)| format!("{kind} {id}")).collect();
            file.warn(&format!(
                "{} relations were left out of the exports: an end of theirs is no entity, among them {}",
                self.missing.relations,
                ends.join(", ")
            ))?;
        }
        if self.circles > 0 {
            file.warn(&format!(
                "{} containments form circles, or lie more than {DEEPEST} deep: what is in what can't be told there",
                self.circles
            ))?;
        }
        if self.silent {
            file.warn(
                "the connector said nothing of what it could and could not read, so nobody knows",
            )?;
        }
        Ok(())
    }

    /// How many gaps they amount to.
    fn count(&self) -> u64 {
        self.gaps
            + u64::from(self.missing.relations > 0)
            + u64::from(self.circles > 0)
            + u64::from(self.silent)
    }
}

impl Run {
    fn settled(
        &self,
        file: &mut RunFile,
        ended: Result<(), Outcome>,
        exports: &Exports,
    ) -> anyhow::Result<Settled> {
        let refused = self.refused();
        let outcome = match ended {
            // The connector may not have noticed, or not have said so.
            Ok(())
                if refused.contains_key(Refusal::Budget.word())
                    || refused.contains_key(Refusal::Journal.word()) =>
            {
                self.explained(Outcome::Complete)
            }
            Ok(()) => {
                let flaws = Flaws::of(file)?;
                flaws.warn(file)?;
                match flaws.count() + u64::from(!refused.is_empty()) {
                    0 => Outcome::Complete,
                    gaps => Outcome::Partial { gaps },
                }
            }
            Err(outcome) => self.explained(outcome),
        };
        for hint in &self.connection.hints {
            file.warn(hint)?;
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
        let dropped = self.egress.audit().dropped();
        if dropped > 0 {
            file.warn(&format!(
                "the audit log reached the limit output_mib, and {dropped} of its lines were dropped"
            ))?;
        }
        for warning in self.token_warnings() {
            file.warn(&warning)?;
        }
        for (rule, count) in &refused {
            file.warn(&format!(
                "{count} requests were refused by the policy's rule \"{rule}\" and not sent; what they were for is missing"
            ))?;
        }
        let counts = Counts::of(file)?;
        if outcome.finished() {
            exports.write(file)?;
        }
        Ok(Settled { outcome, counts })
    }
}
