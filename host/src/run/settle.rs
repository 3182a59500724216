//! Settles a run of a connector: its flaws are looked for, its items counted, its exports written. That takes as long as
//! there are items, so it can be stopped; the items stay.

use super::Run;
use crate::collect::{Coverage, DEEPEST, Missing, RunFile, Status, quoted};
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
    let (mut file, settled) = attempt(run, file, Err(outcome.clone()), exports, grace).await?;
    let settled = match settled {
        Ok(settled) => settled,
        Err(outcome) => {
            let mut warnings = run.warnings();
            warnings.push("the run was stopped, and what it left is too much to be counted quickly; failed-run.db has it".to_owned());
            warnings.iter().try_for_each(|warning| file.warn(warning))?;
            Settled {
                outcome: run.explained(outcome),
                counts: Counts::unknown(warnings),
            }
        }
    };
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
        let missing = file.set_missing_apart()?;
        cover_left_out(file, missing.with_left_out)?;
        Ok(Self {
            missing,
            circles: file.containment_circles()?,
            silent: !file.has_coverage()?,
            gaps: file.gaps()?,
        })
    }

    fn warn(&self, file: &mut RunFile) -> anyhow::Result<()> {
        if self.missing.relations > 0 {
            let ends = self.missing.examples.iter();
            let ends: Vec<String> = ends
                .map(|(kind, id)| format!("{kind} {}", quoted(id, 100)))
                .collect();
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

/// Says in the coverage which items were left out: they are missing, so nothing that they belong to is complete.
fn cover_left_out(file: &mut RunFile, with_left_out: u64) -> anyhow::Result<()> {
    let [entities, relations, coverage] = file.left_out()?;
    let why = "an id or a word in them would be a formula in a spreadsheet, or holds invisible characters";
    let mut partial = |family: &str, reason: String| {
        file.cover(Coverage {
            family: family.to_owned(),
            scope: None,
            status: Status::Partial,
            reason: Some(reason),
            slot: None,
        })
    };
    for (family, left_out) in [("entities", entities), ("coverage", coverage)] {
        if left_out.number > 0 {
            let examples = left_out.examples.join("; ");
            partial(
                family,
                format!("{} left out, since {why}: {examples}", left_out.number),
            )?;
        }
    }
    let mut reasons = Vec::new();
    if relations.number > 0 {
        let examples = relations.examples.join("; ");
        reasons.push(format!(
            "{} left out, since {why}: {examples}",
            relations.number
        ));
    }
    if with_left_out > 0 {
        reasons.push(format!(
            "{with_left_out} left out together with an entity at their end"
        ));
    }
    if !reasons.is_empty() {
        partial("relations", reasons.join("; "))?;
    }
    Ok(())
}

impl Run {
    /// What the host warns of whatever was emitted. There are few of them, however much a connector or an API says.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.redactor.found() > 0 {
            warnings.push(format!(
                "a secret of this connection was found in what the API or the connector said, and redacted {} times; find out why before you trust either",
                self.redactor.found()
            ));
        }
        warnings.extend(self.connection.hints.iter().cloned());
        let dropped = self.egress.audit().dropped();
        if dropped > 0 {
            warnings.push(format!(
                "the audit log reached the limit output_mib, and {dropped} of its lines were dropped"
            ));
        }
        warnings.extend(self.token_warnings());
        warnings.extend(self.refused().into_iter().map(|(rule, count)| {
            format!("{count} requests were refused by the policy's rule \"{rule}\" and not sent; what they were for is missing")
        }));
        warnings
    }

    fn settled(
        &self,
        file: &mut RunFile,
        ended: Result<(), Outcome>,
        exports: &Exports,
    ) -> anyhow::Result<Settled> {
        // First, whatever else there is.
        for warning in self.warnings() {
            file.warn(&warning)?;
        }
        let refused = self.refused();
        let outcome = match ended {
            // The connector may not have noticed, or not have said so.
            Ok(())
                if refused.contains_key(Refusal::Budget.word())
                    || refused.contains_key(Refusal::Journal.word()) =>
            {
                cover_left_out(file, 0)?;
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
            Err(outcome) => {
                cover_left_out(file, 0)?;
                self.explained(outcome)
            }
        };
        if file.contradictions() > 0 {
            file.warn(&format!(
                "{} entities or relations came more than once and disagreed; one of each was kept",
                file.contradictions()
            ))?;
        }
        let counts = Counts::of(file)?;
        if outcome.finished() {
            exports.write(file)?;
        }
        Ok(Settled { outcome, counts })
    }
}
