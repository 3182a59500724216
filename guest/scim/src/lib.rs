//! The SCIM connector: users, groups and who is in them, from any SCIM 2.0 server.
//!
//! [`extract`] reads a server and emits what it tells; [`check`] asks whether that would work. Both know
//! nothing of wasm: the component's own part is a few lines that give them the host.
//!
//! What is said of SCIM follows RFC 7643, RFC 7644 and RFC 9865 (cursors). Real servers differ: nothing that
//! they say of themselves is believed where it can be seen from what they send.

mod attributes;
mod dialect;
mod discovery;
mod each;
mod extract;
pub mod family;
mod groups;
mod list;
mod members;
mod nested;
mod rights;
mod run;
mod settings;
mod source;
mod users;

pub use extract::{check, extract};
pub use settings::{Members, Settings};

#[cfg(target_family = "wasm")]
portcullis_kit::component!(crate::Settings, crate::check, crate::extract);
