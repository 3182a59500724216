//! The Bitbucket Cloud connector: who has access to what in a workspace.
//!
//! [`extract`] reads a workspace and emits it; [`check`] asks whether that would work. Both know nothing
//! of wasm: the component's own part is a few lines that give them the host.
//!
//! What is said of Bitbucket here follows Atlassian's REST documentation
//! (developer.atlassian.com/cloud/bitbucket/rest) where nothing else is named.

mod access;
mod account;
mod activity;
mod check;
mod deploy_keys;
mod dialect;
mod extract;
pub mod family;
mod gaps;
mod grants;
mod group_privileges;
mod groups;
mod holders;
mod level;
mod members;
mod product;
mod projects;
mod repositories;
mod run;
mod settings;
mod workspace;

pub use check::check;
pub use extract::extract;
pub use settings::{Names, Settings};

#[cfg(target_family = "wasm")]
portcullis_kit::component!(crate::Settings, crate::check, crate::extract);
