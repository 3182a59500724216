//! What the command line says of the journal.

use crate::connection::{Connection, unknown};
use crate::journal::{Journal, MaxAge, Recording};
use crate::machine::Machine;
use crate::manifest::Manifest;
use clap::Args;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where answers are kept, and where they come from.
#[derive(Args)]
pub(super) struct JournalArguments {
    /// Keep every answer of the API in this file, so that the run can be resumed, replayed or compared
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
    /// Go on with the journal: what it has an answer to is not asked again. Starts it where it is missing
    #[arg(long, requires = "journal")]
    pub(super) resume: bool,
    /// How old an answer of the journal may be, such as 24h, or by family: members=1h,repositories=24h [default: 24h]
    #[arg(long, value_name = "AGES", requires = "resume")]
    pub(super) max_age: Option<MaxAge>,
    /// Ask anew for no more than so many of the answers that are too old: those that are longest overdue
    #[arg(long, value_name = "NUMBER", requires = "resume")]
    pub(super) refresh: Option<NonZeroUsize>,
    /// Answer from this journal alone, with the settings that it was made with; nothing is asked, no credential is read
    #[arg(long, value_name = "FILE", conflicts_with_all = ["journal", "connection", "set", "secret"])]
    pub(super) replay: Option<PathBuf>,
}

impl JournalArguments {
    /// What becomes of the answers of a run that asks.
    pub(super) fn recording(&self, manifest: &Manifest) -> Result<Recording, String> {
        let mut ages = self.max_age.clone().unwrap_or_default();
        if let Some(most) = self.refresh {
            ages = ages.refresh(most);
        }
        let is_known = |family: &&str| manifest.rules.iter().any(|rule| rule.family == **family);
        if let Some(family) = ages.families().find(|family| !is_known(family)) {
            let mut known: Vec<&str> = manifest
                .rules
                .iter()
                .map(|rule| rule.family.as_str())
                .collect();
            known.sort_unstable();
            known.dedup();
            return Err(format!(
                "--max-age: the family {}",
                unknown(family, known.into_iter())
            ));
        }
        Ok(match &self.journal {
            None => Recording::Off,
            Some(path) if self.resume => Recording::Resume(path.clone(), ages),
            Some(path) => Recording::Start(path.clone()),
        })
    }
}

/// A run over a journal: the manifest, which is the journal's own where none is given, the connection that the journal was
/// made with, and the journal.
pub(super) fn open_replay(
    path: &Path,
    manifest: Option<Manifest>,
    machine: &Machine,
) -> Result<(Manifest, Connection, Recording), String> {
    let clock = Arc::clone(machine.paces.clock());
    let (journal, about) = Journal::replay(path, clock).map_err(|error| error.to_string())?;
    let manifest = match manifest {
        Some(manifest) => manifest,
        None => Manifest::parse(path, &about.manifest).map_err(|error| error.to_string())?,
    };
    if about.connector != manifest.name {
        return Err(format!(
            "the journal {} was made by the connector {:?}, and the manifest is of {:?}",
            path.display(),
            about.connector,
            manifest.name
        ));
    }
    let connection = Connection::recorded(&manifest, &about);
    Ok((manifest, connection, Recording::Replay(Box::new(journal))))
}
