//! The engine, and the compiled code that it runs.

use crate::digest::Digest;
use std::hash::{Hash as _, Hasher};
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

/// Compiles a component to what `load` loads. For the compiling process: it can't be stopped.
///
/// # Errors
/// A sentence, where the component is not valid.
pub fn precompile(component: &[u8]) -> Result<Vec<u8>, String> {
    engine()
        .and_then(|engine| engine.precompile_component(component))
        .map_err(|error| first_line(&error))
}

/// Loads what the compiling process wrote.
///
/// # Errors
/// Where it was written by another engine.
pub(crate) fn load(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes are machine code and must be what `precompile` wrote. They come from the compiling process,
    // which is this host's own program, or from the cache, which gives only what a file holds that this host's user
    // alone can write to and whose digest is still that of what was put there.
    unsafe { Component::deserialize(engine, compiled) }
}

/// What makes compiled components fit an engine: version, settings and processor.
pub(crate) fn compatibility(engine: &Engine) -> Digest {
    struct Bytes(Vec<u8>);
    impl Hasher for Bytes {
        fn write(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut bytes = Bytes(Vec::new());
    engine.precompile_compatibility_hash().hash(&mut bytes);
    Digest::of(&bytes.0)
}

/// An engine that runs connectors.
///
/// # Errors
/// Where this machine can't run one.
pub fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.epoch_interruption(true);
    config.wasm_backtrace_max_frames(None);
    Engine::new(&config)
}

/// An error with its causes in one line, without a backtrace.
pub(crate) fn first_line(error: &wasmtime::Error) -> String {
    format!("{error:#}")
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}
