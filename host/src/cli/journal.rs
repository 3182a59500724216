//! What the command line says of the journal.

use crate::app::App;
use crate::collect::printable;
use crate::connection::{Connection, unknown};
use crate::journal::{Journal, MaxAge, Recording};
use crate::limits::Limits;
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

/// What the operator says of a replay. Nobody else does: a journal may come from elsewhere.
#[derive(Default)]
pub(super) struct Operators<'a> {
    /// The manifest; the journal's own where none is given.
    pub(super) manifest: Option<Manifest>,
    /// Limits in place of the manifest's.
    pub(super) limits: Option<&'a Path>,
    /// App and Source System of the exports, where they are not the manifest's.
    pub(super) app: Option<App>,
    /// Run only a component that the manifest pins.
    pub(super) require_pinned: bool,
}

/// A run over a journal: the manifest, the connection that the journal was made with, and the journal.
pub(super) fn open_replay(
    path: &Path,
    operators: Operators<'_>,
    machine: &Machine,
) -> Result<(Manifest, Connection, Recording), String> {
    let clock = Arc::clone(machine.paces.clock());
    let (journal, about) = Journal::replay(path, clock).map_err(|error| error.to_string())?;
    let manifest = match operators.manifest {
        Some(manifest) => manifest,
        None => journals_own(path, &about.manifest)?,
    };
    let manifest = match operators.limits {
        Some(limits) => manifest
            .with_operators_limits(limits)
            .map_err(|error| error.to_string())?,
        None => manifest,
    };
    if about.connector != manifest.name {
        return Err(format!(
            "the journal {} was made by the connector \"{}\", and the manifest is of \"{}\"",
            path.display(),
            printable(&about.connector, 100),
            printable(&manifest.name, 100)
        ));
    }
    let mut connection = Connection::recorded(&manifest, &about)?;
    connection.require_pinned = operators.require_pinned;
    if let Some(app) = operators.app {
        connection.app = app;
    } else if let Some(app) = about.app.filter(|app| *app != connection.app) {
        tracing::warn!(
            "the journal was made for the app {app}, and the exports are of {}; give --app \"{app}\" if they are to be of that",
            connection.app
        );
    }
    Ok((manifest, connection, Recording::Replay(Box::new(journal))))
}

/// The manifest that a journal holds. Nobody reviewed it, so it says what the answers mean and nothing else: it raises no
/// limit above the built-in one, and names no component, digest, tenant's origin or parameter that may be shown.
fn journals_own(path: &Path, text: &str) -> Result<Manifest, String> {
    if text.len() > LONGEST_MANIFEST {
        return Err(format!(
            "the manifest in the journal {} is larger than {} KiB; give the manifest with --connector",
            path.display(),
            LONGEST_MANIFEST / 1024
        ));
    }
    let mut manifest = Manifest::parse(path, text).map_err(|error| {
        let problem = error.to_string();
        let lines = problem.lines().take(10);
        let lines: Vec<String> = lines.map(|line| printable(line, 300)).collect();
        lines.join("\n")
    })?;
    manifest.limits = manifest.limits.at_most(&Limits::default());
    manifest.component = PathBuf::new();
    manifest.digests.clear();
    manifest.tenant_origins.clear();
    manifest.tenant_token_origins.clear();
    manifest.safe_parameters.clear();
    Ok(manifest)
}

/// More is not read of a manifest that nobody reviewed.
const LONGEST_MANIFEST: usize = 1 << 20;
