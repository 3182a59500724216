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
    /// As a bearer token that the host fetches and renews, by OAuth 2.0 client credentials (RFC 6749, section 4.4). The
    /// connection gives `token_url`, `client_id` and `client_secret`, perhaps `scope`.
    OAuth2,
}

/// A value that a connection gives for a credential.
#[derive(Debug, PartialEq, Eq)]
pub struct SlotField {
    /// Its name in the connection.
    pub name: &'static str,
    /// A secret: it may not stand in the connection file unless that is allowed.
    pub secret: bool,
}

const fn secret(name: &'static str) -> SlotField {
    SlotField { name, secret: true }
}

const fn plain(name: &'static str) -> SlotField {
    SlotField {
        name,
        secret: false,
    }
}

impl SlotKind {
    /// What a connection gives for a credential of this kind.
    pub fn fields(self) -> &'static [SlotField] {
        const BEARER: &[SlotField] = &[secret("token")];
        const BASIC: &[SlotField] = &[plain("username"), secret("password")];
        const OAUTH2: &[SlotField] = &[
            plain("token_url"),
            plain("client_id"),
            secret("client_secret"),
            plain("scope"),
        ];
        match self {
            Self::Bearer => BEARER,
            Self::Basic => BASIC,
            Self::OAuth2 => OAUTH2,
        }
    }
}
