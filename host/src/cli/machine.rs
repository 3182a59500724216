//! What the command line says of the machine.

use crate::cache::Cache;
use crate::compile::Compiler;
use crate::machine::Machine;
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
    /// Seconds that compiling the component may take
    #[arg(long, value_name = "NUMBER", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    compile_seconds: u64,
}

impl MachineArguments {
    /// Compiler, cache and names.
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
        Ok(machine)
    }
}
