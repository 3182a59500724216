//! Finds secrets where they must not be.
//!
//! A secret is recognised raw, as base64 (alone and as the Basic pair, with either alphabet, wherever it
//! starts within a longer encoded text it is at least found when encoded alone), percent-encoded and with
//! JSON escapes, whatever the case of its letters. Other encodings can't be recognised.

use super::{Credential, basic_pair};
use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use bytes::{Bytes, BytesMut};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use zeroize::Zeroizing;

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Replaces secrets by [`REDACTED`] and counts how often it had to. Cheap to clone; clones share the count.
#[derive(Clone)]
pub struct Redactor(Arc<Needles>);

struct Needles {
    /// None where there is no secret at all.
    search: Option<AhoCorasick>,
    longest: usize,
    found: AtomicU64,
}

impl Redactor {
    pub(super) fn new<'a>(credentials: impl Iterator<Item = &'a Credential>) -> Self {
        let mut needles: Vec<Zeroizing<Vec<u8>>> = credentials.flat_map(forms).collect();
        needles.sort_by(|one, other| one.as_slice().cmp(other.as_slice()));
        needles.dedup_by(|one, other| one.as_slice() == other.as_slice());
        let longest = needles.iter().map(|needle| needle.len()).max().unwrap_or(0);
        let search = (!needles.is_empty()).then(|| {
            AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                // A header's name loses its case on the way, and an API may change it.
                .ascii_case_insensitive(true)
                .build(needles.iter().map(|needle| needle.as_slice()))
                .unwrap_or_else(|_| unreachable!("a few short needles make a small automaton"))
        });
        Self(Arc::new(Needles {
            search,
            longest,
            found: AtomicU64::new(0),
        }))
    }

    /// How many secrets were replaced so far.
    pub fn found(&self) -> u64 {
        self.0.found.load(Ordering::Relaxed)
    }

    /// The text without secrets.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // Needles and the replacement are ASCII, so what is left is as valid as before.
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// The bytes without secrets.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(search) = &self.0.search else {
            return Cow::Borrowed(bytes);
        };
        let Some(first) = search.find(bytes) else {
            return Cow::Borrowed(bytes);
        };
        let mut clean = bytes[..first.start()].to_vec();
        let mut copied = first.start();
        for found in search.find_iter(bytes) {
            clean.extend_from_slice(&bytes[copied..found.start()]);
            clean.extend_from_slice(REDACTED.as_bytes());
            copied = found.end();
            self.0.found.fetch_add(1, Ordering::Relaxed);
        }
        clean.extend_from_slice(&bytes[copied..]);
        Cow::Owned(clean)
    }

    /// A redactor for a body that comes in chunks.
    pub fn stream(&self) -> StreamRedactor {
        StreamRedactor {
            redactor: self.clone(),
            held: BytesMut::new(),
        }
    }
}

/// Redacts a body chunk by chunk: holds back as much as might be the beginning of a secret.
pub struct StreamRedactor {
    redactor: Redactor,
    held: BytesMut,
}

impl StreamRedactor {
    /// Takes a chunk and gives what is certain to be clean, possibly nothing.
    pub fn push(&mut self, chunk: Bytes) -> Bytes {
        let Some(search) = &self.redactor.0.search else {
            return chunk;
        };
        let longest = self.redactor.0.longest;
        self.held.extend_from_slice(&chunk);
        let mut clean = BytesMut::new();
        let mut copied = 0;
        for found in search.find_iter(&self.held) {
            // Nearer to the end it may be the beginning of a longer one.
            if found.start() + longest > self.held.len() {
                break;
            }
            clean.extend_from_slice(&self.held[copied..found.start()]);
            clean.extend_from_slice(REDACTED.as_bytes());
            copied = found.end();
            self.redactor.0.found.fetch_add(1, Ordering::Relaxed);
        }
        let certain = self.held.len().saturating_sub(longest - 1).max(copied);
        let ready = self.held.split_to(certain).freeze().slice(copied..);
        if clean.is_empty() {
            return ready;
        }
        clean.extend_from_slice(&ready);
        clean.freeze()
    }

    /// Gives what was held back.
    pub fn finish(&mut self) -> Bytes {
        let held = std::mem::take(&mut self.held);
        match self.redactor.bytes(&held) {
            Cow::Borrowed(_) => held.freeze(),
            Cow::Owned(clean) => clean.into(),
        }
    }
}

/// Every form of a credential that is searched for.
fn forms(credential: &Credential) -> Vec<Zeroizing<Vec<u8>>> {
    let plain = match credential {
        Credential::Bearer { token } => vec![Zeroizing::new(token.expose().to_vec())],
        Credential::Basic { username, password } => vec![
            Zeroizing::new(password.expose().to_vec()),
            basic_pair(username, password),
        ],
    };
    let mut forms = Vec::new();
    for value in plain {
        let mut add = |form: String| forms.push(Zeroizing::new(form.into_bytes()));
        for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
            add(engine.encode(&*value));
        }
        let percent = Zeroizing::new(percent_encode(&value, NON_ALPHANUMERIC).to_string());
        add(lowercase_escapes(&percent));
        add(percent.to_string());
        add(percent_encode(&value, URL_COMPONENT).to_string());
        // A JSON writer may escape quotes, backslashes and, some of them, slashes.
        let text = Zeroizing::new(String::from_utf8_lossy(&value).into_owned());
        let escaped = Zeroizing::new(text.replace('\\', "\\\\"));
        let json = Zeroizing::new(escaped.replace('"', "\\\""));
        add(json.replace('/', "\\/"));
        add(json.to_string());
        forms.push(value);
    }
    forms
}

/// What most programs leave alone when they encode a part of a URL.
const URL_COMPONENT: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The same percent-encoded text with `%2f` for `%2F`.
fn lowercase_escapes(encoded: &str) -> String {
    let mut escape = 0;
    encoded
        .chars()
        .map(|character| {
            if character == '%' {
                escape = 2;
                character
            } else if escape > 0 {
                escape -= 1;
                character.to_ascii_lowercase()
            } else {
                character
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Secret;
    use super::*;

    const PASSWORD: &str = "p/a\"s%s+w=rd9";

    fn redactor() -> Redactor {
        let password = Secret::new(Zeroizing::new(PASSWORD.as_bytes().to_vec())).unwrap();
        Redactor::new(
            [Credential::Basic {
                username: "me@example.com".into(),
                password,
            }]
            .iter(),
        )
    }

    #[test]
    fn every_form_that_is_promised_is_found() {
        let pair = format!("me@example.com:{PASSWORD}");
        for form in [
            PASSWORD.to_owned(),
            STANDARD.encode(PASSWORD),
            URL_SAFE_NO_PAD.encode(PASSWORD),
            STANDARD.encode(&pair),
            "p%2Fa%22s%25s%2Bw%3Drd9".to_owned(),
            "p%2fa%22s%25s%2bw%3drd9".to_owned(),
            "p/a\\\"s%s+w=rd9".to_owned(),
            "p\\/a\\\"s%s+w=rd9".to_owned(),
            PASSWORD.to_uppercase(),
        ] {
            let redactor = redactor();
            assert_eq!(redactor.text(&format!("<{form}>")), "<[redacted]>");
            assert_eq!(redactor.found(), 1);
        }
    }

    #[test]
    fn an_honest_text_is_left_alone_and_not_copied() {
        let redactor = redactor();
        assert!(matches!(
            redactor.text("me@example.com reads p/a"),
            Cow::Borrowed(_)
        ));
        assert_eq!(redactor.found(), 0);
    }

    #[test]
    fn a_secret_is_found_however_a_body_is_cut() {
        let body = format!(
            "{{\"a\":1,\"echo\":\"{PASSWORD}\",\"b\":\"{}\"}}",
            STANDARD.encode(PASSWORD)
        );
        for size in 1..=body.len() {
            let redactor = redactor();
            let mut stream = redactor.stream();
            let mut out = Vec::new();
            for chunk in body.as_bytes().chunks(size) {
                out.extend_from_slice(&stream.push(Bytes::copy_from_slice(chunk)));
            }
            out.extend_from_slice(&stream.finish());
            assert_eq!(
                String::from_utf8(out).unwrap(),
                "{\"a\":1,\"echo\":\"[redacted]\",\"b\":\"[redacted]\"}",
                "chunks of {size}"
            );
        }
    }
}
