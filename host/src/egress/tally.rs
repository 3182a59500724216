//! What was asked and what came back, counted.

use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a request led to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The API answered with this status.
    Status(u16),
    /// No answer, or a broken one.
    Failed,
    /// The policy refused it, for this reason; nothing was sent.
    Refused(&'static str),
}

/// A kind of request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The family of the manifest's rule; empty where no rule allowed it.
    pub family: String,
    /// The credential that was sent; empty for none.
    pub slot: String,
    /// What it led to.
    pub verdict: Verdict,
}

/// Counts requests by family, credential and verdict. Each attempt counts.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    entries: BTreeMap<Entry, u64>,
    last_failure: Option<String>,
}

impl Tally {
    pub(super) fn count(&self, family: &str, slot: Option<&str>, verdict: Verdict) {
        let entry = Entry {
            family: family.to_owned(),
            slot: slot.unwrap_or("").to_owned(),
            verdict,
        };
        *self.lock().entries.entry(entry).or_default() += 1;
    }

    /// Keeps why a request got no answer, for the person: a connector is told the kind only.
    pub(super) fn failure(&self, reason: String) {
        self.lock().last_failure = Some(reason);
    }

    /// Every kind of request and how often there was one.
    pub fn entries(&self) -> Vec<(Entry, u64)> {
        self.lock()
            .entries
            .iter()
            .map(|(entry, count)| (entry.clone(), *count))
            .collect()
    }

    /// Why the last request that got no answer got none.
    pub fn last_failure(&self) -> Option<String> {
        self.lock().last_failure.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // A panic while counting leaves a count that is one off at worst.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
