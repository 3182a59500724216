//! What is to be said of a list once it was read.

use crate::client::Miss;

/// How much of a list was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All of it.
    Complete,
    /// Some of it, or one can't be sure that it was all: why.
    Partial(Vec<String>),
    /// Nothing: see [`Reading::misses`].
    Unreadable,
}

/// What is to be said of a list once it was read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// How much was read.
    pub outcome: Outcome,
    /// The credentials that served.
    pub served: Vec<usize>,
    /// The credentials that didn't, and why.
    pub misses: Vec<(usize, Miss)>,
    /// When the oldest page came; see [`crate::api::Response::read_at`].
    pub read_at: Option<u64>,
    /// How many elements there were, each counted once.
    pub count: usize,
    /// What is odd, but cost no element.
    pub remarks: Vec<String>,
    /// The path of the list: another than was asked for after a redirect.
    pub path: String,
}
