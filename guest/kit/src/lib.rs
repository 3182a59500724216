//! What every connector needs.
pub mod bindings;
