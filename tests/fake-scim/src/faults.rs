//! What goes wrong with each URL a few times before it goes well.

use crate::family::Family;

/// What goes wrong at first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// How many times, for each URL.
    pub times: u32,
    /// In which family; None: in all.
    pub only: Option<Family>,
}

/// What can go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// 429, with this `Retry-After`: seconds, a date as HTTP writes it, or neither.
    TooMany(Option<String>),
    /// An error with this status.
    Status(u16),
    /// The connection ends in the middle of the body.
    CutOff,
    /// The connection ends before the answer begins.
    Reset,
}

impl Fault {
    /// One that happens once for each URL.
    pub fn once(kind: FaultKind) -> Self {
        Self {
            kind,
            times: 1,
            only: None,
        }
    }
}
