//! Credentials: where they come from, how they are sent, and how they are recognised where they must not be.
//!
//! The copies of a secret that the host owns are overwritten when they are dropped. A secret has no `Debug`
//! and no `Display`. Only [`crate::egress`] sends credentials; everyone else may hold a [`Redactor`].

mod decode;
mod redact;
mod search;
mod source;
mod token_client;

pub use redact::{REDACTED, Redactor, StreamRedactor};
pub use source::{SecretSource, SourceError};
pub use token_client::TokenClient;
pub(crate) use token_client::{Granted, Http, NotGranted};

use crate::manifest::SlotDeclaration;
use crate::slot::{SlotKind, SlotName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::HeaderValue;
use indexmap::IndexMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The shortest secret that is taken, in bytes: a shorter one is no credential, and could not be redacted
/// without mangling honest text.
const SHORTEST_SECRET: usize = 8;

/// The longest, in bytes: what common servers take in one header.
const LONGEST_SECRET: usize = 8 * 1024;

/// A secret's bytes. Overwritten when dropped; can't be printed.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes a value as its source gave it: one trailing line break is dropped.
    ///
    /// # Errors
    /// Where the value is shorter than 8 bytes, longer than 8 KiB, or holds something other than visible ASCII. The text says
    /// what, and never repeats the value.
    pub fn new(mut value: Zeroizing<Vec<u8>>) -> Result<Self, String> {
        if value.last() == Some(&b'\n') {
            value.pop();
            if value.last() == Some(&b'\r') {
                value.pop();
            }
        }
        if value.is_empty() {
            return Err("is empty".to_owned());
        }
        if value.len() > LONGEST_SECRET {
            return Err(format!(
                "is longer than {LONGEST_SECRET} characters, which no server takes"
            ));
        }
        if let Some(position) = value.iter().position(|byte| !byte.is_ascii_graphic()) {
            return Err(format!(
                "holds a space, line break or non-ASCII character at byte {}; was it copied whole and alone?",
                position + 1
            ));
        }
        if value.len() < SHORTEST_SECRET {
            return Err(format!(
                "is shorter than {SHORTEST_SECRET} characters, which no real credential is"
            ));
        }
        Ok(Self(value))
    }

    fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// The values that a connection gives for one slot.
pub enum Credential {
    /// Sent as `Authorization: Bearer`.
    Bearer {
        /// The token.
        token: Secret,
    },
    /// Sent as `Authorization: Basic`.
    Basic {
        /// The user name. Not a secret: it is often an e-mail address that belongs in the output.
        username: String,
        /// The password.
        password: Secret,
    },
    /// Sent as `Authorization: Bearer`, with a token that this client fetches.
    OAuth2(TokenClient),
}

impl Credential {
    fn kind(&self) -> SlotKind {
        match self {
            Self::Bearer { .. } => SlotKind::Bearer,
            Self::Basic { .. } => SlotKind::Basic,
            Self::OAuth2(_) => SlotKind::OAuth2,
        }
    }

    fn sent(self) -> Sent {
        match self {
            Self::Bearer { token } => Sent::Header(bearer(&token)),
            Self::Basic { username, password } => {
                let pair = basic_pair(&username, &password);
                let encoded = Zeroizing::new(BASE64.encode(&*pair));
                let value = Zeroizing::new([b"Basic ", encoded.as_bytes()].concat());
                Sent::Header(header(value))
            }
            Self::OAuth2(client) => Sent::Token(Arc::new(client)),
        }
    }

    fn field(&self, name: &str) -> Option<&[u8]> {
        match (self, name) {
            (Self::Bearer { token }, "token") => Some(token.expose()),
            (Self::Basic { username, .. }, "username") => Some(username.as_bytes()),
            (Self::Basic { password, .. }, "password") => Some(password.expose()),
            (Self::OAuth2(client), name) => client.field(name),
            _ => None,
        }
    }
}

fn basic_pair(username: &str, password: &Secret) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([username.as_bytes(), b":", password.expose()].concat())
}

/// The credentials of one connection, by slot.
pub struct Vault {
    slots: IndexMap<SlotName, (SlotKind, Sent)>,
    redactor: Redactor,
}

/// What a request with a credential carries.
enum Sent {
    /// It is a replay, which sends nothing.
    Nothing,
    /// Always this.
    Header(HeaderValue),
    /// The token that this client last got.
    Token(Arc<TokenClient>),
}

impl Vault {
    /// Takes the credentials of a connection. Only what is sent and what is searched for is kept.
    pub fn new(credentials: IndexMap<SlotName, Credential>) -> Self {
        let redactor = Redactor::new(credentials.values());
        let slots = credentials
            .into_iter()
            .map(|(name, credential)| {
                let kind = credential.kind();
                (name, (kind, credential.sent()))
            })
            .collect();
        Self { slots, redactor }
    }

    /// Names of credentials without values: for a replay, which sends nothing.
    pub fn of_names(slots: impl IntoIterator<Item = (SlotName, SlotKind)>) -> Self {
        Self {
            slots: slots
                .into_iter()
                .map(|(name, kind)| (name, (kind, Sent::Nothing)))
                .collect(),
            redactor: Redactor::new(std::iter::empty()),
        }
    }

    /// The slots that are filled, in the order of the manifest.
    pub fn slots(&self) -> impl Iterator<Item = (&SlotName, SlotKind)> {
        self.slots.iter().map(|(name, (kind, _))| (name, *kind))
    }

    /// Whether a slot is filled.
    pub fn fills(&self, slot: &SlotName) -> bool {
        self.slots.contains_key(slot)
    }

    /// The value of the `Authorization` header for a slot that is filled, where it is always the same.
    pub(crate) fn authorization(&self, slot: &SlotName) -> Option<HeaderValue> {
        match &self.slots.get(slot)?.1 {
            Sent::Header(value) => Some(value.clone()),
            Sent::Nothing | Sent::Token(_) => None,
        }
    }

    /// The slots whose tokens are fetched, and by whom.
    pub(crate) fn token_clients(&self) -> impl Iterator<Item = (&SlotName, &Arc<TokenClient>)> {
        self.slots
            .iter()
            .filter_map(|(name, (_, sent))| match sent {
                Sent::Token(client) => Some((name, client)),
                Sent::Nothing | Sent::Header(_) => None,
            })
    }

    /// What tells the credential of a slot from others; empty in a replay.
    pub(crate) fn identity(&self, slot: &SlotName) -> Zeroizing<Vec<u8>> {
        match self.slots.get(slot) {
            Some((_, Sent::Header(value))) => Zeroizing::new(value.as_bytes().to_vec()),
            Some((_, Sent::Token(client))) => client.identity(),
            Some((_, Sent::Nothing)) | None => Zeroizing::default(),
        }
    }

    /// What finds these credentials in a text.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}

/// The header value that carries a bearer token.
pub(crate) fn bearer(token: &Secret) -> HeaderValue {
    header(Zeroizing::new([b"Bearer ", token.expose()].concat()))
}

/// A header value over memory that is overwritten when its last copy goes.
fn header(value: Zeroizing<Vec<u8>>) -> HeaderValue {
    let mut header = HeaderValue::from_maybe_shared(Bytes::from_owner(value))
        .unwrap_or_else(|_| unreachable!("a secret and a base64 text are visible ASCII"));
    header.set_sensitive(true);
    header
}

/// What can be done in an hour against a service that does not notice.
const FEW_GUESSES: u64 = 1_000_000;

/// Warns of a credential that can be guessed: a connector can have a guess confirmed, by an API that repeats it.
fn guessable(slot: &SlotName, credential: &Credential) -> Option<String> {
    let (field, secret) = match credential {
        Credential::Bearer { token } => ("token", token),
        Credential::Basic { password, .. } => ("password", password),
        Credential::OAuth2(client) => ("client_secret", client.secret()),
    };
    let text = std::str::from_utf8(secret.expose()).ok()?;
    (zxcvbn::zxcvbn(text, &[]).guesses() < FEW_GUESSES).then(|| {
        format!(
            "credential {slot}, {field}: this secret can be guessed, and a connector can find out whether a guess is right; use one that was generated"
        )
    })
}

/// Warnings about a credential of this look: the manifest's, and whether it can be guessed.
pub fn hints(
    slot: &SlotName,
    declaration: &SlotDeclaration,
    credential: &Credential,
) -> Vec<String> {
    declaration
        .hints
        .iter()
        .filter(|hint| {
            let Some(value) = credential.field(&hint.field) else {
                return false;
            };
            let starts = hint
                .starts_with
                .as_ref()
                .is_some_and(|start| value.starts_with(start.as_bytes()));
            let lacks = hint.lacks.as_ref().is_some_and(|text| {
                !value
                    .windows(text.len().max(1))
                    .any(|window| window == text.as_bytes())
            });
            starts || lacks
        })
        .map(|hint| format!("credential {slot}, {}: {}", hint.field, hint.says))
        .chain(guessable(slot, credential))
        .collect()
}

/// A redactor of one bearer token, for the tests of those who redact.
#[cfg(test)]
pub(crate) fn redactor_of(token: &str) -> Redactor {
    let token = Secret::new(Zeroizing::new(token.as_bytes().to_vec())).unwrap();
    Redactor::new([Credential::Bearer { token }].iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
    }

    #[test]
    fn a_secret_loses_one_line_break_and_no_more() {
        assert_eq!(secret("abcdefgh\r\n").expose(), b"abcdefgh");
        assert!(Secret::new(Zeroizing::new(b"abcdefgh\n\n".to_vec())).is_err());
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_said_without_it() {
        let long = "x".repeat(LONGEST_SECRET + 1);
        for bad in [
            "",
            "\n",
            "sh0rt",
            "with space in it",
            "caf\u{e9}caf\u{e9}",
            &long,
        ] {
            let Err(error) = Secret::new(Zeroizing::new(bad.as_bytes().to_vec())) else {
                panic!("{bad:?} was taken")
            };
            assert!(bad.trim().is_empty() || !error.contains(bad), "{error}");
        }
    }

    #[test]
    fn a_secret_that_can_be_guessed_is_warned_of_without_repeating_it() {
        let slot = SlotName::try_from("a".to_owned()).unwrap();
        let warning = |text: &str| {
            let token = secret(text);
            guessable(&slot, &Credential::Bearer { token })
        };
        for guessed in ["password1", "aaaaaaaaaaaa", "qwertyuiop", "letmein123"] {
            let warning = warning(guessed).unwrap();
            assert!(warning.contains("credential a, token") && !warning.contains(guessed));
        }
        for generated in [
            "ATCTT3xFfGF0vhyYsLrJCGWWRuNi",
            "x9!kQ2mz",
            "tr0ub4dor&3-horse",
        ] {
            assert!(warning(generated).is_none(), "{generated}");
        }
    }

    #[test]
    fn the_headers_are_what_http_expects() {
        let slot = |name: &str| SlotName::try_from(name.to_owned()).unwrap();
        let vault = Vault::new(IndexMap::from([
            (
                slot("a"),
                Credential::Bearer {
                    token: secret("tokentoken"),
                },
            ),
            (
                slot("b"),
                Credential::Basic {
                    username: "me@x.y".into(),
                    password: secret("password1"),
                },
            ),
        ]));
        assert_eq!(
            vault.authorization(&slot("a")).unwrap(),
            "Bearer tokentoken"
        );
        assert_eq!(
            vault.authorization(&slot("b")).unwrap(),
            "Basic bWVAeC55OnBhc3N3b3JkMQ=="
        );
        assert!(vault.authorization(&slot("c")).is_none());
    }
}
