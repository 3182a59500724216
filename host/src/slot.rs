//! The names of credentials. A connector knows these, never the values.

use http::HeaderValue;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of a credential: lower-case letters, digits and hyphens, at most 64 of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SlotName(String);

impl SlotName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a header's value.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0)
            .unwrap_or_else(|_| unreachable!("letters, digits and hyphens are visible ASCII"))
    }
}

impl TryFrom<String> for SlotName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=64).contains(&name.len()) && name.bytes().all(plain) {
            Ok(Self(name))
        } else {
            Err(format!(
                "the slot name {name:?} must be 1 to 64 lower-case letters, digits or hyphens"
            ))
        }
    }
}

impl fmt::Display for SlotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a credential is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlotKind {
    /// As a bearer token. The connection gives `token`.
    Bearer,
    /// As a Basic pair. The connection gives `username` and `password`.
    Basic,
}
