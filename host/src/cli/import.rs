//! `portcullis import`.

use super::progress::Screen;
use super::{USAGE, cancelled, summary};
use crate::app::App;
use crate::collect::Format;
use crate::import::{Import, Source};
use crate::manifest::Manifest;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Args)]
pub(super) struct Arguments {
    /// The manifest of the connector whose product the files are about
    #[arg(long, value_name = "MANIFEST")]
    connector: PathBuf,
    /// The entities: CSV, also packed with gzip; `-` is standard input
    #[arg(long, value_name = "FILE")]
    entities: PathBuf,
    /// The relations between them; `-` is standard input
    #[arg(long, value_name = "FILE")]
    relations: PathBuf,
    /// The directory for run.db, run.json, entities.csv and entity_relations.csv
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// App and Source System, where they are not the manifest's
    #[arg(long, value_name = "NAME")]
    app: Option<App>,
    /// Take the rows without problems where others have some; problems.csv in the directory tells those
    #[arg(long)]
    keep_going: bool,
    /// Write all problems to this file, whatever becomes of the import
    #[arg(long, value_name = "FILE")]
    problems: Option<PathBuf>,
    /// A form of the exports beside CSV; may be given more than once
    #[arg(long, value_enum)]
    format: Vec<Format>,
    /// Limits in place of the manifest's: a TOML file with a table [limits]; items, item_kib, output_mib and wall_seconds
    /// bound an import
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
}

pub(super) async fn import(arguments: Arguments, screen: &Screen) -> ExitCode {
    let manifest = match (Manifest::load(&arguments.connector), &arguments.limits) {
        (Ok(manifest), Some(limits)) => manifest.with_operators_limits(limits),
        (manifest, _) => manifest,
    };
    let manifest = match manifest {
        Ok(manifest) => manifest,
        Err(error) => return screen.fail(USAGE, &error.to_string()),
    };
    let paths = [&arguments.entities, &arguments.relations];
    if paths.iter().all(|path| is_standard_input(path)) {
        return screen.fail(
            USAGE,
            "standard input can't be both files; name one of them",
        );
    }
    let mut sources = Vec::new();
    for path in paths {
        match source(path) {
            Ok(source) => sources.push(source),
            Err(error) => {
                let message = format!("{} can't be read: {error}", path.display());
                return screen.fail(USAGE, &message);
            }
        }
    }
    let Ok(sources) = <[Source; 2]>::try_from(sources) else {
        unreachable!("there are two paths")
    };
    let mut import = Import::new(&manifest);
    import.app = arguments.app.unwrap_or(import.app);
    import.keep_going = arguments.keep_going;
    import.problems = arguments.problems;
    import.formats.extend(arguments.format);
    import.formats.sort_unstable();
    import.formats.dedup();
    let formats = import.formats.clone();
    let watch = Arc::new(screen.clone());
    let report = import
        .import(sources, &arguments.out, watch, cancelled())
        .await;
    screen.clear();
    match report {
        Ok(report) if report.outcome.finished() => {
            screen.show(&summary::report(&report, &arguments.out, &formats));
            ExitCode::from(report.exit_code)
        }
        Ok(report) => screen.fail(report.exit_code, &report.message),
        Err(error) => screen.fail(1, &format!("{error:#}")),
    }
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn source(path: &Path) -> std::io::Result<Source> {
    if is_standard_input(path) {
        Ok(Source::standard_input())
    } else {
        Source::open(path)
    }
}
