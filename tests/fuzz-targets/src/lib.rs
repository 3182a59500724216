//! What must hold whatever bytes come: no panic, and the properties that each function asserts.
//!
//! The fuzzer in `tests/fuzz` calls these; `tests/corpus.rs` calls them with the corpora and mutations of them.

mod answers;
mod exports;
mod files;
mod guest;
mod import;
mod policy;

pub use answers::answers;
pub use exports::exports;
pub use files::files;
pub use guest::guest;
pub use import::import;
pub use policy::policy;

/// A target: its name, which is its corpus' folder too, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 6] = [
    ("policy", policy),
    ("answers", answers),
    ("exports", exports),
    ("files", files),
    ("guest", guest),
    ("import", import),
];
