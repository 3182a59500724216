//! What a run or an import amounts to: how it ended, what it holds, and its exports.

use crate::app::App;
use crate::collect::{self, Format, RunFile};
use crate::outcome::Outcome;
use crate::report::Counts;
use std::path::PathBuf;

/// What a run amounts to.
pub(crate) struct Settled {
    pub(crate) outcome: Outcome,
    pub(crate) counts: Counts,
}

/// The exports of a run that finishes.
#[derive(Clone)]
pub(crate) struct Exports {
    /// App and Source System.
    pub(crate) app: App,
    pub(crate) formats: Vec<Format>,
    pub(crate) directory: PathBuf,
}

impl Exports {
    pub(crate) fn write(&self, file: &RunFile) -> anyhow::Result<()> {
        self.formats
            .iter()
            .try_for_each(|format| collect::export(file, &self.app, *format, &self.directory))
    }
}
