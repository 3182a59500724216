//! What a component is, and whether it may run here.

use crate::component::ComponentFile;
use crate::digest::Digest;
use crate::machine::Machine;
use crate::manifest::Manifest;
use crate::sandbox::Sandbox;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What is known of a component.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// The SHA-256 of its bytes.
    pub sha256: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    /// The version of the contract that it was made for; none where it imports nothing of it.
    pub contract: Option<String>,
    /// What it imports: its list of capabilities.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// The tools that made it, as it says itself.
    pub producers: BTreeMap<String, BTreeSet<String>>,
    /// Whether the manifest pins this digest; none where there is no manifest.
    pub pinned: Option<bool>,
    /// Whether it may run here.
    pub may_run: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Looks at a component without running any of it. It is compiled, as before a run.
///
/// # Errors
/// A sentence, where the file can't be read or is no component at all.
pub async fn inspect(
    path: &Path,
    manifest: Option<&Manifest>,
    machine: &Machine,
) -> Result<Inspection, String> {
    let file = ComponentFile::read(path)?;
    let contents = file.contents();
    let problem = match Sandbox::load(&file, machine).await {
        Ok(_) => None,
        Err(outcome) => Some(outcome.to_string()),
    };
    Ok(Inspection {
        sha256: file.digest,
        bytes: file.bytes.len() as u64,
        contract: contents.contract().map(str::to_owned),
        pinned: manifest.map(|manifest| manifest.digests.contains(&file.digest)),
        imports: contents.imports,
        exports: contents.exports,
        producers: contents.producers,
        may_run: problem.is_none(),
        problem,
    })
}
