//! The connectors, by the words of their manifests.

use crate::root;
use std::path::PathBuf;

/// A connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connector {
    /// Its name, which is that of its folder and of its component too.
    pub name: &'static str,
    /// The setting that says where its API is.
    pub url: &'static str,
    /// The slot for a bearer token.
    pub bearer: &'static str,
    /// The slot for a user name and a password.
    pub basic: &'static str,
}

impl Connector {
    /// Bitbucket Cloud.
    pub const BITBUCKET: Self = Self {
        name: "bitbucket",
        url: "api_url",
        bearer: "workspace-token",
        basic: "account",
    };

    /// Any SCIM 2.0 server.
    pub const SCIM: Self = Self {
        name: "scim",
        url: "base_url",
        bearer: "bearer",
        basic: "basic",
    };

    /// Its manifest.
    pub fn manifest(self) -> PathBuf {
        root().join("guest").join(self.name).join("connector.toml")
    }
}
