//! `portcullis compare`: two versions of a component over the same journal.

use super::journal::{Operators, open_replay};
use super::machine::MachineArguments;
use super::progress::Screen;
use super::{USAGE, cancelled};
use crate::collect::printable;
use crate::compare::{Difference, compare as compare_files};
use crate::machine::Machine;
use crate::manifest::Manifest;
use crate::run::{Run, StartError};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// They differ.
const DIFFERENT: u8 = 6;

#[derive(Args)]
pub(super) struct Arguments {
    /// The journal that both run over, with its settings
    #[arg(long, value_name = "FILE")]
    journal: PathBuf,
    /// The manifest of both, where it is not the one that the journal was made with
    #[arg(long, value_name = "MANIFEST")]
    connector: Option<PathBuf>,
    /// Limits in place of the manifest's, raised or lowered: a TOML file with a table [limits]. The manifest that the journal
    /// was made with raises none above the built-in ones
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// The component that is known
    #[arg(value_name = "OLD.wasm")]
    old: PathBuf,
    /// The component that is new
    #[arg(value_name = "NEW.wasm")]
    new: PathBuf,
    #[command(flatten)]
    machine: MachineArguments,
}

pub(super) async fn compare(arguments: &Arguments, screen: &Screen) -> ExitCode {
    match differences(arguments, screen).await {
        Ok(differences) => {
            screen.show(&told(&differences));
            ExitCode::from(if differences.is_empty() { 0 } else { DIFFERENT })
        }
        Err((code, message)) => screen.fail(code, &message),
    }
}

async fn differences(
    arguments: &Arguments,
    screen: &Screen,
) -> Result<Vec<Difference>, (u8, String)> {
    let machine = arguments
        .machine
        .machine()
        .map_err(|problem| (1, problem))?;
    let directory = tempfile::tempdir().map_err(|error| (1, error.to_string()))?;
    let outs = ["old", "new"].map(|name| directory.path().join(name));
    for (component, out) in [&arguments.old, &arguments.new].into_iter().zip(&outs) {
        replay(arguments, component, out, &machine, screen)
            .await
            .map_err(|(code, message)| (code, format!("{}: {message}", component.display())))?;
    }
    let files = outs.map(|out| out.join("run.db"));
    compare_files(&files[0], &files[1]).map_err(|error| (1, error.to_string()))
}

/// Runs a component over the journal.
async fn replay(
    arguments: &Arguments,
    component: &Path,
    out: &Path,
    machine: &Machine,
    screen: &Screen,
) -> Result<(), (u8, String)> {
    let usage = |problem: String| (USAGE, problem);
    let manifest = arguments.connector.as_deref().map(Manifest::load);
    let manifest = manifest
        .transpose()
        .map_err(|error| usage(error.to_string()))?;
    let operators = Operators {
        manifest,
        limits: arguments.limits.as_deref(),
        ..Operators::default()
    };
    let (mut manifest, connection, recording) =
        open_replay(&arguments.journal, operators, machine).map_err(usage)?;
    manifest.component = component.to_owned();
    let run = Run::prepare(manifest, connection, machine, recording).await;
    let run = run.map_err(|error| match error {
        StartError::Refused(outcome) => (outcome.exit_code(), outcome.to_string()),
        // Some of its words may be the journal's.
        other => usage(printable(&other.to_string(), 2000)),
    })?;
    let report = run.extract(out, &[], screen.observer(), cancelled()).await;
    screen.clear();
    let report = report.map_err(|error| (1, format!("{error:#}")))?;
    if report.outcome.finished() {
        Ok(())
    } else {
        Err((report.exit_code, report.message))
    }
}

fn told(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return "no difference".to_owned();
    }
    let mut lines = Vec::new();
    for difference in differences {
        lines.push(format!(
            "{}: {} added, {} removed, {} changed",
            difference.what, difference.added, difference.removed, difference.changed
        ));
        lines.extend(difference.lines.iter().map(|line| format!("  {line}")));
        let all = difference.added + difference.removed + difference.changed;
        let more = all.saturating_sub(difference.lines.len() as u64);
        if more > 0 {
            lines.push(format!("  and {more} more"));
        }
    }
    lines.join("\n")
}
