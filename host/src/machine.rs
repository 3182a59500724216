//! What runs find on the machine that they run on, shared by all of them.

use crate::cache::Cache;
use crate::compile::Compiler;
use crate::egress::address::{Names, SystemNames};
use crate::pace::{Paces, SystemClock};
use crate::sandbox::Loaded;
use std::sync::Arc;

/// The machine.
#[derive(Clone)]
pub struct Machine {
    /// How components are compiled.
    pub compiler: Compiler,
    /// Where compiled components are kept; none: nowhere.
    pub cache: Option<Arc<Cache>>,
    /// Who knows the addresses of names.
    pub names: Arc<dyn Names>,
    /// The components that are loaded.
    pub loaded: Arc<Loaded>,
    /// How fast each credential is used, over all runs.
    pub paces: Arc<Paces>,
}

impl Machine {
    /// A machine with this compiler, the system's names and clock, and nothing kept.
    pub fn new(compiler: Compiler) -> Self {
        Self {
            compiler,
            cache: None,
            names: Arc::new(SystemNames),
            loaded: Arc::default(),
            paces: Arc::new(Paces::new(Arc::new(SystemClock))),
        }
    }
}
