//! `portcullis inspect`.

use super::machine::MachineArguments;
use super::progress::Screen;
use super::{REFUSED, USAGE, summary};
use crate::inspect;
use crate::json_line::one_line;
use crate::manifest::Manifest;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Tells what a component is and whether it may run here.
pub(super) async fn inspect(
    file: &Path,
    connector: Option<PathBuf>,
    json: bool,
    arguments: &MachineArguments,
    screen: &Screen,
) -> ExitCode {
    let manifest = match connector.map(|path| Manifest::load(&path)).transpose() {
        Ok(manifest) => manifest,
        Err(error) => return screen.fail(USAGE, &error.to_string()),
    };
    let machine = match arguments.machine() {
        Ok(machine) => machine,
        Err(problem) => return screen.fail(1, &problem),
    };
    match inspect::inspect(file, manifest.as_ref(), &machine).await {
        Ok(inspection) => {
            let text = if json {
                one_line(serde_json::to_string_pretty(&inspection).unwrap_or_default())
            } else {
                summary::inspection(&inspection)
            };
            screen.show(&text);
            ExitCode::from(if inspection.may_run { 0 } else { REFUSED })
        }
        Err(problem) => screen.fail(REFUSED, &problem),
    }
}
