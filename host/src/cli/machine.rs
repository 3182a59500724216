//! What the command line says of the machine.

use crate::cache::Cache;
use crate::compile::Compiler;
use crate::machine::Machine;
use crate::pace::{Paces, SystemClock};
use crate::private::PrivateDirectory;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How components are compiled and kept.
#[derive(Args)]
pub(super) struct MachineArguments {
    /// Keep compiled components in this directory, which only its owner may write to [default: ~/.cache/portcullis]
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    cache: Option<PathBuf>,
    /// Compile the component at each start
    #[arg(long)]
    no_cache: bool,
    /// Keep in this directory, which only its owner may write to, when each credential was used in the last hour
    /// [default: ~/.local/state/portcullis]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Seconds that compiling the component may take
    #[arg(long, value_name = "NUMBER", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    compile_seconds: u64,
}

impl MachineArguments {
    /// Compiler, cache, names and paces.
    pub(super) fn machine(&self) -> Result<Machine, String> {
        let deadline = Duration::from_secs(self.compile_seconds);
        let compiler = Compiler::this_program(deadline)
            .map_err(|error| format!("this program's own file can't be found: {error}"))?;
        let mut machine = Machine::new(compiler);
        let path = self.cache.clone().or_else(Cache::usual_path);
        if let Some(path) = path.filter(|_| !self.no_cache) {
            match Cache::open(&path) {
                Ok(cache) => machine.cache = Some(Arc::new(cache)),
                Err(error) => tracing::warn!(
                    "compiled components are not kept in {}: {error}",
                    path.display()
                ),
            }
        }
        let usual = || PrivateDirectory::usual_path("XDG_STATE_HOME", ".local/state");
        if let Some(path) = self.state.clone().or_else(usual) {
            let kept = PrivateDirectory::open(&path.join("pace"))
                .map_err(std::io::Error::other)
                .and_then(|directory| Paces::kept_in(directory, Arc::new(SystemClock)));
            match kept {
                Ok(paces) => machine.paces = Arc::new(paces),
                Err(error) => tracing::warn!(
                    "when credentials were used is not kept in {}: {error}; a run within an hour may be told that it asks too often",
                    path.display()
                ),
            }
        }
        Ok(machine)
    }
}
