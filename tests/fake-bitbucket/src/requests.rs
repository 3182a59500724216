//! What was asked, for tests to look at.

use std::collections::{BTreeMap, BTreeSet};

use crate::auth::Presented;
use crate::family::Family;

/// One request and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `GET`.
    pub method: String,
    /// As it came, without decoding.
    pub path: String,
    /// As it came, without the question mark; empty where there was none.
    pub query: String,
    /// What kind of thing it asked for.
    pub family: Family,
    /// The credential that it came with.
    pub presented: Presented,
    /// What was answered; 0 where the connection ended before the answer.
    pub status: u16,
    /// Whether it got, whole, what it asked for: 200 and no trap that spoils the answer.
    pub served: bool,
    /// The names of its headers, lower case, sorted.
    pub header_names: Vec<String>,
}

impl Seen {
    /// Path and query.
    pub fn url(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }
}

/// Every request since the start, in the order in which they were finished.
#[derive(Clone, Debug, Default)]
pub struct Requests(pub Vec<Seen>);

impl Requests {
    /// How many there were.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// How many there were of each family.
    pub fn by_family(&self) -> BTreeMap<Family, usize> {
        let mut counts = BTreeMap::new();
        for seen in &self.0 {
            *counts.entry(seen.family).or_insert(0) += 1;
        }
        counts
    }

    /// How many got each status.
    pub fn by_status(&self) -> BTreeMap<u16, usize> {
        let mut counts = BTreeMap::new();
        for seen in &self.0 {
            *counts.entry(seen.status).or_insert(0) += 1;
        }
        counts
    }

    /// The URLs that were served, in order, with repetitions.
    pub fn served(&self) -> Vec<String> {
        self.0
            .iter()
            .filter(|seen| seen.served)
            .map(Seen::url)
            .collect()
    }

    /// The URLs that were asked again after they had been served.
    pub fn asked_again(&self) -> BTreeSet<String> {
        let mut served = BTreeSet::new();
        let mut again = BTreeSet::new();
        for seen in &self.0 {
            if served.contains(&seen.url()) {
                again.insert(seen.url());
            }
            if seen.served {
                served.insert(seen.url());
            }
        }
        again
    }

    /// The names of all headers that ever came.
    pub fn header_names(&self) -> BTreeSet<String> {
        self.0
            .iter()
            .flat_map(|seen| seen.header_names.iter().cloned())
            .collect()
    }
}
