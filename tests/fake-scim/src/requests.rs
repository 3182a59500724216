//! What was asked, for tests to look at.

use std::collections::BTreeMap;

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
    /// Whether its path is below the server's prefix.
    pub below_prefix: bool,
    /// Whether it came with a credential, right or wrong.
    pub with_credential: bool,
    /// What was answered; 0 where the connection ended before the answer.
    pub status: u16,
    /// How long the answer's body was, in bytes, before it was cut off where it was.
    pub bytes: usize,
}

impl Seen {
    /// Path and query.
    pub fn url(&self) -> String {
        match &*self.query {
            "" => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }
}

/// Every request since the start, in the order in which they were answered.
#[derive(Clone, Debug, Default)]
pub struct Requests(pub Vec<Seen>);

impl Requests {
    /// How many there were of each family.
    pub fn by_family(&self) -> BTreeMap<Family, usize> {
        let mut counts = BTreeMap::new();
        for seen in &self.0 {
            *counts.entry(seen.family).or_insert(0) += 1;
        }
        counts
    }

    /// The URLs that were asked although they are not below the prefix.
    pub fn elsewhere(&self) -> Vec<String> {
        let elsewhere = self.0.iter().filter(|seen| !seen.below_prefix);
        elsewhere.map(Seen::url).collect()
    }
}
