//! What was asked and what came back, counted.

use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a request led to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The API answered with this status.
    Status(u16),
    /// The journal answered.
    Kept,
    /// No answer, or a broken one.
    Failed,
    /// The host had no token to send it with, and answered itself.
    NoToken,
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

/// So many reasons for having no token are kept.
const MOST_REASONS: usize = 10;

/// Counts requests by family, credential and verdict. Each attempt counts.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    entries: BTreeMap<Entry, u64>,
    last_failure: Option<String>,
    read: BTreeMap<(String, String), Read>,
    not_kept: Option<(String, u64)>,
    without_token: BTreeMap<String, u64>,
}

/// When what was read of a family was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// How many answers there were.
    pub answers: u64,
    /// When the oldest came, since 1970.
    pub oldest: Duration,
    /// When the newest came.
    pub newest: Duration,
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

    /// Notes when an answer came, be it long ago.
    pub(super) fn read(&self, family: &str, slot: Option<&str>, at: Duration) {
        let key = (family.to_owned(), slot.unwrap_or("").to_owned());
        let mut counts = self.lock();
        let read = counts.read.entry(key).or_insert(Read {
            answers: 0,
            oldest: at,
            newest: at,
        });
        read.answers += 1;
        read.oldest = read.oldest.min(at);
        read.newest = read.newest.max(at);
    }

    /// When what was read was answered, by family and credential.
    pub fn reads(&self) -> Vec<((String, String), Read)> {
        let read = &self.lock().read;
        read.iter()
            .map(|(key, read)| (key.clone(), *read))
            .collect()
    }

    /// Notes a request that the journal of a replay has no answer to.
    pub(super) fn not_kept(&self, what: String) {
        self.lock().not_kept.get_or_insert((what, 0)).1 += 1;
    }

    /// The first request that the journal of a replay has no answer to, and how many there were.
    pub fn first_not_kept(&self) -> Option<(String, u64)> {
        self.lock().not_kept.clone()
    }

    /// Notes a request that there was no token for, and why.
    pub(super) fn without_token(&self, reason: &str) {
        let mut counts = self.lock();
        // A token endpoint chooses a part of the words.
        if counts.without_token.len() < MOST_REASONS || counts.without_token.contains_key(reason) {
            *counts.without_token.entry(reason.to_owned()).or_default() += 1;
        }
    }

    /// Why there was no token, and for how many requests.
    pub fn reasons_without_token(&self) -> Vec<(String, u64)> {
        let reasons = &self.lock().without_token;
        reasons
            .iter()
            .map(|(reason, count)| (reason.clone(), *count))
            .collect()
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
