//! The engine, and the compiled code that it runs.

use crate::digest::Digest;
use std::hash::{Hash as _, Hasher};
use wasmparser::WasmFeatures;
use wasmtime::component::Component;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, Strategy, WasmBacktraceDetails};

/// The WebAssembly proposals that a component may use. Everything else is off, including what a later wasmtime may turn on
/// by default: each proposal is more compiler and runtime code that a hostile component can reach, and many of wasmtime's
/// advisories are about proposals that are not in this list.
///
/// The compiler validates against this set, and [`crate::component`] parses with it, so both read a file in the same way.
pub const PROPOSALS: WasmFeatures = WasmFeatures::COMPONENT_MODEL
    // What rustc, clang and Go emit for WebAssembly by default.
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::MUTABLE_GLOBAL)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES)
    // Language runtimes that are built with it; part of WebAssembly since 2.0.
    .union(WasmFeatures::SIMD)
    // Dynamically linked components, such as Python's, compute their offsets with it.
    .union(WasmFeatures::EXTENDED_CONST)
    // wasmtime's own adapters between two components of one file have both of their memories. Without it, the compiler
    // panics on a component that passes a string to another.
    .union(WasmFeatures::MULTI_MEMORY);

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
    config.wasm_features(WasmFeatures::all().difference(PROPOSALS), false);
    config.wasm_features(PROPOSALS, true);
    // Cranelift is the compiler that gets the most fuzzing and review. Winch is younger and had escapes of its own.
    config.strategy(Strategy::Cranelift);
    // Instances are created on demand and unmapped with their store. The pooling allocator reuses memory between guests, and
    // several advisories were about what it left behind.
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    // No component-model async: no task, stream or future structures in a store.
    config.concurrency_support(false);
    // Stops a guest that spins: `sandbox` checks the processor time at each epoch.
    config.epoch_interruption(true);
    // Nothing prints a guest's stack. Without these tables compiled code is smaller, and the variable
    // WASMTIME_BACKTRACE_DETAILS can't make this process and the compiling one, which has no environment, disagree.
    config.wasm_backtrace_max_frames(None);
    config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config.generate_address_map(false);
    // Left at their defaults: guard pages and signals-based traps (bounds checks by the processor's memory protection, which
    // is what is fuzzed most), 512 KiB of stack, and Cranelift's mitigations against Spectre, which are on.
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

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::Validator;

    /// Accepted.
    const ON: &str = "";

    /// Each proposal: a module that uses it, or a component where that is said, and a word of the refusal.
    const DECIDED: [(WasmFeatures, &str, &str); 40] = {
        use wasmparser::WasmFeatures as F;
        [
            (
                F::MUTABLE_GLOBAL,
                ON,
                "(global $g (mut i32) (i32.const 0)) (export \"g\" (global $g))",
            ),
            (
                F::SATURATING_FLOAT_TO_INT,
                ON,
                "(func (drop (i32.trunc_sat_f32_s (f32.const 0))))",
            ),
            (
                F::SIGN_EXTENSION,
                ON,
                "(func (drop (i32.extend8_s (i32.const 0))))",
            ),
            (
                F::REFERENCE_TYPES,
                ON,
                "(table 1 funcref) (table 1 funcref) (func (drop (ref.null func)))",
            ),
            (
                F::MULTI_VALUE,
                ON,
                "(func (result i32 i32) (i32.const 1) (i32.const 2))",
            ),
            (
                F::BULK_MEMORY,
                ON,
                "(memory 1) (data $d \"x\") (func (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)))",
            ),
            (F::SIMD, ON, "(func (drop (v128.const i32x4 0 0 0 0)))"),
            (F::FLOATS, ON, "(func (drop (f32.const 0)))"),
            (F::MULTI_MEMORY, ON, "(memory 1) (memory 1)"),
            (
                F::EXTENDED_CONST,
                ON,
                "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
            ),
            (F::COMPONENT_MODEL, ON, "component (type string)"),
            (
                F::RELAXED_SIMD,
                "relaxed SIMD",
                "(func (param v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))",
            ),
            (F::THREADS, "threads", "(memory 1 1 shared)"),
            (
                F::SHARED_EVERYTHING_THREADS,
                "shared-everything-threads",
                "(global (shared i32) (i32.const 0))",
            ),
            (F::TAIL_CALL, "tail calls", "(func $f (return_call $f))"),
            (F::EXCEPTIONS, "exceptions", "(tag)"),
            (
                F::LEGACY_EXCEPTIONS,
                "legacy_exceptions",
                "(func try catch_all end)",
            ),
            (F::MEMORY64, "memory64", "(memory i64 1)"),
            (
                F::FUNCTION_REFERENCES,
                "function references",
                "(type $t (func)) (func (param (ref $t)))",
            ),
            (
                F::MEMORY_CONTROL,
                "memory control",
                "(memory 1) (func (memory.discard (i32.const 0) (i32.const 0)))",
            ),
            (F::GC, "gc feature", "(type (struct))"),
            (F::GC_TYPES, "gc types", "(func (param externref))"),
            (
                F::CUSTOM_PAGE_SIZES,
                "custom page sizes",
                "(memory 1 (pagesize 1))",
            ),
            (
                F::STACK_SWITCHING,
                "stack switching",
                "(type $f (func)) (type (cont $f))",
            ),
            (
                F::WIDE_ARITHMETIC,
                "wide arithmetic",
                "(func (param i64) (result i64 i64) (i64.mul_wide_s (local.get 0) (local.get 0)))",
            ),
            (
                F::CUSTOM_DESCRIPTORS,
                "gc",
                "(rec (type $a (descriptor $b) (struct)) (type $b (describes $a) (struct)))",
            ),
            (
                F::COMPACT_IMPORTS,
                "compact imports",
                "(import \"m\" (item \"a\" (func)) (item \"b\" (func)))",
            ),
            (
                F::CM_VALUES,
                "component model `value`s",
                "component (import \"v\" (value $v string)) (export \"e\" (value $v))",
            ),
            (
                F::CM_NESTED_NAMES,
                "not a valid extern name",
                "component (import \"a:b:c/d\" (func))",
            ),
            (
                F::CM_ASYNC,
                "component model async",
                "component (type (future u8))",
            ),
            (
                F::CM_ASYNC_STACKFUL,
                "component model async",
                "component (core module $m (func (export \"f\"))) (core instance $i (instantiate $m)) \
                 (type $t (func async)) (func (type $t) (canon lift (core func $i \"f\") async))",
            ),
            (
                F::CM_MORE_ASYNC_BUILTINS,
                "component model async",
                "component (core func (canon subtask.cancel async))",
            ),
            (
                F::CM_THREADING,
                "component model threading",
                "component (core func (canon thread.index))",
            ),
            (
                F::CM_ERROR_CONTEXT,
                "error-context",
                "component (type error-context)",
            ),
            (
                F::CM_FIXED_LENGTH_LISTS,
                "fixed-length lists",
                "component (type (list u8 4))",
            ),
            (
                F::CM_GC,
                "cm-gc",
                "component (core type $t (func)) (import \"f\" (func $f)) \
                 (core func (canon lower (func $f) gc (core-type $t)))",
            ),
            (
                F::CM_MAP,
                "component model map",
                "component (type (map string u8))",
            ),
            (
                F::CM64,
                "memory64",
                "component (core module $m (memory (export \"m\") i64 1)) (core instance $i (instantiate $m)) \
                 (core func (canon context.get i64 0))",
            ),
            (
                F::CM_IMPLEMENTS,
                "cm-implements",
                "component (import \"x\" (implements \"a:b/c\") (instance))",
            ),
            (
                F::CM_CANON_NAMES,
                "cm-implements",
                "component (import \"a:b/c@1\" (version-suffix \".0.0\") (instance))",
            ),
        ]
    };

    fn bytes(text: &str) -> Vec<u8> {
        let text = match text.strip_prefix("component ") {
            Some(parts) => format!("(component {parts})"),
            None => format!("(component (core module {text}))"),
        };
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn valid(bytes: &[u8], proposals: WasmFeatures) -> bool {
        Validator::new_with_features(proposals)
            .validate_all(bytes)
            .is_ok()
    }

    #[test]
    fn a_component_may_use_these_proposals_and_no_others() {
        let mut allowed = WasmFeatures::empty();
        for (proposal, refusal, text) in DECIDED {
            let bytes = bytes(text);
            assert!(valid(&bytes, WasmFeatures::all()), "{text} is a component");
            match precompile(&bytes) {
                Ok(_) => {
                    assert_eq!(refusal, ON, "{text} was accepted");
                    let without = PROPOSALS.difference(proposal);
                    assert!(!valid(&bytes, without), "{text} does not use it");
                    allowed |= proposal;
                }
                Err(error) => {
                    assert_ne!(refusal, ON, "{text}: {error}");
                    let error = error.to_lowercase();
                    assert!(error.contains(&refusal.to_lowercase()), "{text}: {error}");
                }
            }
        }
        assert_eq!(allowed, PROPOSALS);
    }

    #[test]
    fn every_proposal_that_the_parser_knows_is_decided() {
        let decided = DECIDED
            .iter()
            .fold(WasmFeatures::empty(), |all, (proposal, ..)| all | *proposal);
        let undecided: Vec<&str> = WasmFeatures::all()
            .difference(decided)
            .iter_names()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(
            undecided, [""; 0],
            "wasmparser knows a new proposal: add it to this table, and to PROPOSALS only if connectors need it"
        );
    }

    /// A component in which one part passes a string to another, as composed components do.
    #[test]
    fn a_composed_component_compiles() {
        let part = r#"
            (core module $m
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16))
                (func (export "f") (param i32 i32)))
            (core instance $i (instantiate $m))"#;
        let text = format!(
            r#"(component
                (component $callee {part}
                    (func (export "f") (param "text" string) (canon lift (core func $i "f")
                        (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
                (component $caller (import "f" (func $f (param "text" string))) {part}
                    (core func $lowered (canon lower (func $f) (memory (core memory $i "memory"))))
                    (core module $n (import "" "f" (func $f (param i32 i32)))
                        (func (export "g") (call $f (i32.const 0) (i32.const 1))))
                    (core instance $j (instantiate $n (with "" (instance (export "f" (func $lowered))))))
                    (func (export "g") (canon lift (core func $j "g"))))
                (instance $a (instantiate $callee))
                (instance $b (instantiate $caller (with "f" (func $a "f"))))
                (export "g" (func $b "g")))"#
        );
        let composed = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(precompile(&composed).err(), None);
    }
}
