//! Portcullis runs integration connectors as sandboxed WebAssembly components.
//!
//! A connector is untrusted code. It never sees a credential, it reaches the API of its connection and
//! nothing else, and what it emits is checked, counted and kept by the host. The way of a run is
//! [`run::Run`]: a [`manifest::Manifest`] says what a connector may do, a [`connection::Connection`] is one
//! tenant's configuration of it, and the outcome is a run file and its exports.

pub mod app;
pub mod audit;
pub mod cache;
pub mod cli;
pub mod collect;
pub mod compare;
pub mod compile;
pub mod component;
pub mod connection;
pub mod digest;
mod directory;
pub mod egress;
pub mod engine;
pub mod import;
pub mod inspect;
pub mod journal;
mod json_line;
pub mod limits;
pub mod machine;
pub mod manifest;
pub mod outcome;
pub mod pace;
pub mod private;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod settings;
mod settle;
pub mod slot;

pub mod vault;
mod workshop;
