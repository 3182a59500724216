//! The cap on a guest's memory: all its linear memories together, and its tables.

use crate::limits::{Limit, Limits, Usage};
use std::sync::Arc;
use wasmtime::ResourceLimiter;

/// The most elements that all tables of a component may have together. A table element takes 8 bytes of the
/// host, so this is 8 MiB; a large component has some thousands.
const MOST_TABLE_ELEMENTS: usize = 1 << 20;

/// The most instances of core modules, memories and tables that a component may make: each costs the host memory beside
/// what it asks for. A component has a handful.
const MOST_INSTANCES: usize = 32;
const MOST_MEMORIES: usize = 16;
const MOST_TABLES: usize = 64;

/// wasmtime asks for each memory and table alone, so they are summed here.
pub(super) struct MemoryCap {
    allowed: usize,
    memories: usize,
    tables: usize,
    refused: bool,
    usage: Arc<Usage>,
}

impl MemoryCap {
    pub(super) fn new(limits: &Limits, usage: Arc<Usage>) -> Self {
        Self {
            allowed: limits.size(Limit::MemoryMib),
            memories: 0,
            tables: 0,
            refused: false,
            usage,
        }
    }

    /// Whether a guest asked for more than there is.
    pub(super) fn was_refused(&self) -> bool {
        self.refused
    }

    fn grow(sum: &mut usize, allowed: usize, current: usize, desired: usize) -> bool {
        let grown = sum.saturating_add(desired.saturating_sub(current));
        let fits = grown <= allowed;
        if fits {
            *sum = grown;
        }
        fits
    }
}

impl ResourceLimiter for MemoryCap {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _max: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = Self::grow(&mut self.memories, self.allowed, current, desired);
        self.usage.peak(Limit::MemoryMib, self.memories as u64);
        self.refused |= !fits;
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _max: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = Self::grow(&mut self.tables, MOST_TABLE_ELEMENTS, current, desired);
        self.refused |= !fits;
        Ok(fits)
    }

    fn instances(&self) -> usize {
        MOST_INSTANCES
    }

    fn memories(&self) -> usize {
        MOST_MEMORIES
    }

    fn tables(&self) -> usize {
        MOST_TABLES
    }
}

/// What is said of a component that makes more of them.
pub(super) fn too_many() -> String {
    format!(
        "it makes more than {MOST_INSTANCES} instances of its modules, {MOST_MEMORIES} memories or {MOST_TABLES} tables, which no connector needs"
    )
}
