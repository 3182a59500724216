//! `portcullis template`.

use super::USAGE;
use super::progress::Screen;
use crate::app::App;
use crate::collect::Format;
use crate::manifest::Manifest;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct Arguments {
    /// The manifest of the connector whose product the files are about
    #[arg(long, value_name = "MANIFEST")]
    connector: PathBuf,
    /// The directory for entities.csv and entity_relations.csv
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// App and Source System, where they are not the manifest's
    #[arg(long, value_name = "NAME")]
    app: Option<App>,
}

pub(super) fn template(arguments: &Arguments, screen: &Screen) -> ExitCode {
    let manifest = match Manifest::load(&arguments.connector) {
        Ok(manifest) => manifest,
        Err(error) => return screen.fail(USAGE, &error.to_string()),
    };
    let app = arguments.app.as_ref().unwrap_or(&manifest.app);
    let out = arguments.out.display();
    let written = std::fs::create_dir_all(&arguments.out)
        .map_err(anyhow::Error::from)
        .and_then(|()| manifest.template.write(app, &arguments.out));
    screen.clear();
    match written {
        Ok(()) => {
            screen.show(&format!("{out}: {}", Format::Csv.files().join(", ")));
            ExitCode::SUCCESS
        }
        Err(error) => screen.fail(1, &format!("{error:#}")),
    }
}
