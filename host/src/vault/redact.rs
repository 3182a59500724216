//! Finds secrets where they must not be.
//!
//! A secret is recognised raw and as base64 (alone and as the Basic pair, with either alphabet), each with any of its
//! characters percent-encoded or escaped as JSON may have it, whatever the case of its letters. Other encodings can't be
//! recognised, base64 of a longer text that holds the secret among them.

use super::{Credential, Secret, basic_pair};
use crate::slot::SlotName;
use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use regex::bytes::{Regex, RegexBuilder};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Replaces secrets by [`REDACTED`] and counts how often it had to. Cheap to clone; clones share the count, and what one
/// of them learns.
#[derive(Clone)]
pub struct Redactor(Arc<Shared>);

struct Shared {
    /// Changed as a whole: whoever searches waits for nobody.
    search: ArcSwap<Search>,
    /// What the search is made of; locked by those who learn.
    known: Mutex<Known>,
    found: AtomicU64,
}

/// What is searched for.
struct Known {
    /// The credentials of the connection.
    given: Vec<Needle>,
    /// Of each slot whose tokens are fetched, the newest token and the one before: an answer to a request with that may still
    /// be on its way.
    tokens: HashMap<SlotName, Vec<Vec<Needle>>>,
}

/// How many tokens of one slot are searched for.
const TOKENS: usize = 2;

/// What finds it.
struct Search {
    /// None where there is no secret at all.
    pattern: Option<Regex>,
    longest: usize,
}

impl Search {
    fn new(known: &Known) -> Self {
        let tokens = known.tokens.values().flatten().flatten();
        let mut needles: Vec<&Needle> = known.given.iter().chain(tokens).collect();
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.longest));
        let longest = needles.first().map_or(0, |needle| needle.longest);
        let pattern = (!needles.is_empty()).then(|| {
            let patterns: Vec<&str> = needles.iter().map(|needle| &**needle.pattern).collect();
            let pattern = Zeroizing::new(patterns.join("|"));
            RegexBuilder::new(&pattern)
                .unicode(false)
                // A header's name loses its case on the way, and an API may change it.
                .case_insensitive(true)
                // A secret is at most some KiB long; without room for its automaton the search is twenty times slower.
                .size_limit(usize::MAX)
                .dfa_size_limit(32 << 20)
                .build()
                .unwrap_or_else(|_| unreachable!("escaped bytes and alternatives are a pattern"))
        });
        Self { pattern, longest }
    }
}

impl Redactor {
    pub(super) fn new<'a>(credentials: impl Iterator<Item = &'a Credential>) -> Self {
        let known = Known {
            given: credentials.flat_map(needles).collect(),
            tokens: HashMap::new(),
        };
        Self(Arc::new(Shared {
            search: ArcSwap::from_pointee(Search::new(&known)),
            known: Mutex::new(known),
            found: AtomicU64::new(0),
        }))
    }

    /// Learns a token that was fetched for a slot, and forgets that slot's token before the last. Takes tens of milliseconds
    /// for each KiB of it.
    pub(crate) fn learn(&self, slot: &SlotName, token: &Secret) {
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = known.tokens.entry(slot.clone()).or_default();
        tokens.insert(0, Needle::forms(token.expose()).into());
        tokens.truncate(TOKENS);
        self.0.search.store(Arc::new(Search::new(&known)));
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
        let search = self.0.search.load();
        let Some(search) = &search.pattern else {
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
        let search = self.redactor.0.search.load();
        let longest = search.longest;
        let Some(search) = &search.pattern else {
            return chunk;
        };
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

/// What is searched for of a credential, the longest text first: where one begins with another, all of it goes.
fn needles(credential: &Credential) -> Vec<Needle> {
    let (secret, pairs) = match credential {
        Credential::Bearer { token } => (token, Vec::new()),
        Credential::Basic { username, password } => {
            (password, vec![basic_pair(username, password)])
        }
        Credential::OAuth2(client) => (client.secret(), client.pairs().into()),
    };
    std::iter::once(secret.expose())
        .chain(pairs.iter().map(|pair| pair.as_slice()))
        .flat_map(Needle::forms)
        .collect()
}

/// A pattern for one text and everything that it becomes on its way through a writer of JSON or of URLs.
struct Needle {
    pattern: Zeroizing<String>,
    /// The most bytes that it can match.
    longest: usize,
}

/// The longest form of one byte: `\u0041`.
const LONGEST_FORM: usize = 6;

impl Needle {
    fn forms(value: &[u8]) -> [Self; 2] {
        [Self::base64(value), Self::plain(value)]
    }

    fn plain(value: &[u8]) -> Self {
        let forms: String = value.iter().map(|byte| any_form(&[*byte])).collect();
        Self {
            pattern: Zeroizing::new(forms),
            longest: value.len() * LONGEST_FORM,
        }
    }

    /// Base64 with either alphabet, with or without its padding.
    fn base64(value: &[u8]) -> Self {
        let encoded = Zeroizing::new(STANDARD.encode(value));
        let bare = encoded.trim_end_matches('=');
        let mut pattern: String = bare
            .bytes()
            .map(|byte| match byte {
                b'+' => any_form(b"+-"),
                b'/' => any_form(b"/_"),
                byte => any_form(&[byte]),
            })
            .collect();
        for _ in bare.len()..encoded.len() {
            pattern.push_str(&any_form(b"="));
            pattern.push('?');
        }
        Self {
            pattern: Zeroizing::new(pattern),
            longest: encoded.len() * LONGEST_FORM,
        }
    }
}

/// One of these bytes: as it is, percent-encoded, or escaped as JSON may have it. The longer forms come first: of an escape
/// no half is left.
fn any_form(bytes: &[u8]) -> String {
    let forms: Vec<String> = bytes
        .iter()
        .map(|byte| {
            let raw = regex::escape(&char::from(*byte).to_string());
            let short = match byte {
                b'"' | b'\\' | b'/' => format!(r"\\{raw}|"),
                _ => String::new(),
            };
            format!(r"\\u00{byte:02x}|{short}%{byte:02x}|{raw}")
        })
        .collect();
    format!("(?:{})", forms.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

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
            PASSWORD
                .bytes()
                .map(|byte| format!("\\u{byte:04X}"))
                .collect(),
            "p\\u002fa\\\"s%25s+w%3drd9".to_owned(),
            STANDARD.encode(&pair).replace('=', "%3D"),
            STANDARD.encode(&pair).replace('b', "\\u0062"),
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

    fn secret(text: &str) -> Secret {
        Secret::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
    }

    #[test]
    fn a_token_that_is_learned_is_found_at_once_by_everyone_and_the_one_before_it_too() {
        let redactor = redactor();
        let (clone, slot) = (
            redactor.clone(),
            SlotName::try_from("a".to_owned()).unwrap(),
        );
        let tokens = ["first-token", "second-token", "third-token-and-longer"];
        let mut stream = redactor.stream();
        let mut streamed = stream.push(Bytes::from_static(b"<first-t")).to_vec();
        for token in tokens {
            redactor.learn(&slot, &secret(token));
            for form in [token.to_owned(), STANDARD.encode(token)] {
                assert_eq!(clone.text(&form), REDACTED);
            }
        }
        assert_eq!(
            clone.text(tokens[1]),
            REDACTED,
            "of a request that is on its way"
        );
        assert_eq!(clone.text(tokens[0]), tokens[0]);
        assert_eq!(clone.text(PASSWORD), REDACTED);
        // A body that had begun when the token was not known yet.
        streamed.extend(stream.push(Bytes::from_static(b"oken second-tok")));
        streamed.extend(stream.push(Bytes::from_static(b"en>")));
        streamed.extend(stream.finish());
        assert_eq!(
            String::from_utf8(streamed).unwrap(),
            "<first-token [redacted]>"
        );
    }

    #[test]
    fn a_clients_secret_is_found_in_each_form_that_it_is_sent_in() {
        let client = super::super::TokenClient::new(
            "https://auth.example/token",
            "me:1".to_owned(),
            secret(PASSWORD),
            None,
        );
        let client = client.unwrap_or_else(|(_, problem)| panic!("{problem}"));
        let redactor = Redactor::new([Credential::OAuth2(client)].iter());
        let encoded = "p%2Fa%22s%25s%2Bw%3Drd9";
        for form in [
            PASSWORD.to_owned(),
            encoded.to_owned(),
            STANDARD.encode(PASSWORD),
            STANDARD.encode(format!("me:1:{PASSWORD}")),
            STANDARD.encode(format!("me%3A1:{encoded}")),
        ] {
            assert_eq!(redactor.text(&form), REDACTED);
        }
    }
}
