//! Finds secrets where they must not be.
//!
//! A secret is recognised raw, in hexadecimal and in base64 with either alphabet, alone or within a longer text that was
//! encoded, each of them under up to [`LAYERS`] layers of escapes (see [`super::decode`]), whatever the case of its letters.
//! Other encodings can't be recognised.

use super::decode::Decoded;
use super::search::{Needle, Search};
use super::{Credential, SHORTEST_SECRET, Secret};
use crate::slot::SlotName;
use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{Bytes, BytesMut};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// So many layers of escapes are taken off a text, one after the other: JSON within JSON within JSON has three.
const LAYERS: usize = 6;

/// A body that comes in chunks is searched for secrets each of whose characters takes at most so many bytes, such as `\\\\u0041`
/// in two layers of JSON, or `&amp;#x41;`. A body that is held as a whole has no such bound.
const LONGEST_FORM: usize = 12;

/// A body that comes in chunks is searched so many bytes at a time: what is held back is searched again with each of them.
const BLOCK: usize = 64 * 1024;

/// Replaces secrets by [`REDACTED`] and counts how often it had to. Cheap to clone; clones share the count, and what one
/// of them learns.
#[derive(Clone)]
pub struct Redactor {
    shared: Arc<Shared>,
    whose: Whose,
}

/// Whose texts are searched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Host,
    Connector,
    Api,
}

struct Shared {
    /// Changed as a whole: whoever searches waits for nobody.
    search: ArcSwap<Search>,
    /// What the search is made of; locked by those who learn.
    known: Mutex<Known>,
    found: AtomicU64,
    /// How often a secret was found in what the connector emitted or logged.
    said: AtomicU64,
    /// The connector sent a secret in a request.
    sent: AtomicBool,
    /// How often a secret was found in responses since then.
    returned: AtomicU64,
}

thread_local! {
    /// Texts that are searched together.
    static TOGETHER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What is searched for.
struct Known {
    /// The credentials of the connection.
    given: Vec<Arc<Needle>>,
    /// Of each slot whose tokens are fetched, the newest token and the one before: a response to a request with that may still
    /// be on its way.
    tokens: HashMap<SlotName, Vec<Vec<Arc<Needle>>>>,
}

/// How many tokens of one slot are searched for.
const TOKENS: usize = 2;

impl Known {
    fn search(&self) -> Search {
        let tokens = self.tokens.values().flatten().flatten();
        let mut needles: Vec<Arc<Needle>> = Vec::new();
        for needle in self.given.iter().chain(tokens) {
            if !needles.iter().any(|other| other.is_same(needle)) {
                needles.push(Arc::clone(needle));
            }
        }
        Search::new(needles.into_iter())
    }
}

impl Redactor {
    pub(super) fn new<'a>(credentials: impl Iterator<Item = &'a Credential>) -> Self {
        let known = Known {
            given: credentials.flat_map(needles).collect(),
            tokens: HashMap::new(),
        };
        Self {
            shared: Arc::new(Shared {
                search: ArcSwap::from_pointee(known.search()),
                known: Mutex::new(known),
                found: AtomicU64::new(0),
                said: AtomicU64::new(0),
                sent: AtomicBool::new(false),
                returned: AtomicU64::new(0),
            }),
            whose: Whose::Host,
        }
    }

    /// Learns a token that was fetched for a slot, and forgets that slot's token before the last.
    pub(crate) fn learn(&self, slot: &SlotName, token: &Secret) {
        let shared = &self.shared;
        let mut known = shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = known.tokens.entry(slot.clone()).or_default();
        tokens.insert(0, forms(token.expose()));
        tokens.truncate(TOKENS);
        shared.search.store(Arc::new(known.search()));
    }

    /// The same, for what an API responds.
    pub(crate) fn of_api(&self) -> Self {
        Self {
            whose: Whose::Api,
            ..self.clone()
        }
    }

    /// The same, for what a connector says.
    pub(crate) fn of_connector(&self) -> Self {
        Self {
            whose: Whose::Connector,
            ..self.clone()
        }
    }

    /// Notes what a connector sends.
    pub(crate) fn note_sent(&self, text: &[u8]) {
        if !self.ranges(text).is_empty() {
            self.shared.sent.store(true, Ordering::Relaxed);
        }
    }

    /// How often the connector said a secret, or had sent one and got it back: it guesses, or found a way to learn it.
    pub(crate) fn guessed(&self) -> u64 {
        let [said, returned] = [&self.shared.said, &self.shared.returned];
        said.load(Ordering::Relaxed) + returned.load(Ordering::Relaxed)
    }

    /// The beginning of a text without secrets, for a place that shows `most` bytes of it. No more is searched than could be
    /// shown.
    pub(crate) fn beginning(&self, text: &str, most: usize) -> String {
        let longest = longest_form(&self.shared.search.load());
        let enough = text.floor_char_boundary(most.saturating_add(longest));
        let mut clean = self.text(&text[..enough]).into_owned();
        if enough < text.len() {
            // The end may be the beginning of a secret.
            clean.truncate(clean.floor_char_boundary(clean.len().saturating_sub(longest)));
            clean.push('…');
        }
        clean
    }

    /// How many secrets were replaced so far.
    pub fn found(&self) -> u64 {
        self.shared.found.load(Ordering::Relaxed)
    }

    fn count(&self, number: usize) {
        let number = number as u64;
        let shared = &self.shared;
        shared.found.fetch_add(number, Ordering::Relaxed);
        match self.whose {
            Whose::Connector => {
                shared.said.fetch_add(number, Ordering::Relaxed);
            }
            Whose::Api if shared.sent.load(Ordering::Relaxed) => {
                shared.returned.fetch_add(number, Ordering::Relaxed);
            }
            Whose::Api | Whose::Host => {}
        }
    }

    /// The text without secrets.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // Needles, escapes and the replacement are ASCII, so what is left is as valid as before.
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// The bytes without secrets.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let ranges = self.ranges(bytes);
        if ranges.is_empty() {
            return Cow::Borrowed(bytes);
        }
        self.count(ranges.len());
        Cow::Owned(without(bytes, &ranges))
    }

    /// Whether a secret is in any of several texts. Counts nothing.
    pub(crate) fn is_in(&self, texts: impl FnOnce(&mut dyn FnMut(&str))) -> bool {
        if self.shared.search.load().is_empty() {
            return false;
        }
        TOGETHER.with_borrow_mut(|together| {
            together.clear();
            texts(&mut |text| {
                together.extend_from_slice(text.as_bytes());
                // No secret holds a line break, and no escape: nothing is found across two texts.
                together.push(b'\n');
            });
            !self.ranges(together).is_empty()
        })
    }

    /// Where secrets stand in a text, in order and apart.
    fn ranges(&self, text: &[u8]) -> Vec<Range<usize>> {
        let search = self.shared.search.load();
        if search.is_empty() {
            return Vec::new();
        }
        let mut found = search.find(text);
        let mut layers: Vec<Decoded> = Vec::new();
        let mut taken = 0;
        while taken < LAYERS {
            let Some(layer) = Decoded::of(layers.last().map_or(text, Decoded::bytes)) else {
                break;
            };
            // Zero bytes go beside the escapes: with one in each layer nobody gains a layer.
            taken += usize::from(!layer.is_without_zeros());
            let matches = search.find(layer.bytes());
            layers.push(layer);
            found.collided |= matches.collided;
            found.ranges.extend(matches.ranges.into_iter().map(|range| {
                let down = layers.iter().rev();
                down.fold(range, |range, layer| layer.source(&range))
            }));
        }
        if found.collided {
            let another = search.with_another_key();
            // A token that was learned meanwhile stays: then the search has another key already.
            self.shared
                .search
                .compare_and_swap(&*search, Arc::new(another));
        }
        let mut found = found.ranges;
        found.sort_by_key(|range| range.start);
        found.dedup_by(|next, range| {
            let overlap = next.start < range.end;
            if overlap {
                range.end = range.end.max(next.end);
            }
            overlap
        });
        found
    }

    /// A redactor for a body that comes in chunks.
    pub fn stream(&self) -> StreamRedactor {
        StreamRedactor {
            redactor: self.clone(),
            held: BytesMut::new(),
        }
    }
}

/// So many bytes may stand for one secret.
fn longest_form(search: &Search) -> usize {
    search.longest() * LONGEST_FORM
}

/// A text with these ranges redacted.
fn without(text: &[u8], ranges: &[Range<usize>]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(text.len());
    let mut copied = 0;
    for range in ranges {
        clean.extend_from_slice(&text[copied..range.start]);
        clean.extend_from_slice(REDACTED.as_bytes());
        copied = range.end;
    }
    clean.extend_from_slice(&text[copied..]);
    clean
}

/// Redacts a body chunk by chunk: holds back as much as might be the beginning of a secret.
pub struct StreamRedactor {
    redactor: Redactor,
    held: BytesMut,
}

impl StreamRedactor {
    /// Takes a chunk and gives what is certain to be clean, possibly nothing.
    pub fn push(&mut self, chunk: Bytes) -> Bytes {
        let longest = {
            let search = self.redactor.shared.search.load();
            if search.is_empty() {
                return chunk;
            }
            longest_form(&search)
        };
        self.held.extend_from_slice(&chunk);
        // What is held back is searched again: at most once for each of its bytes that is new.
        if self.held.len() < longest + BLOCK.max(longest) {
            return Bytes::new();
        }
        let mut ranges = self.redactor.ranges(&self.held);
        // What begins nearer to the end may be the beginning of something longer.
        let mut certain = self.held.len() - longest;
        ranges.retain(|range| range.start < certain);
        if let Some(last) = ranges.last() {
            certain = certain.max(last.end);
        }
        let ready = self.held.split_to(certain).freeze();
        if ranges.is_empty() {
            return ready;
        }
        self.redactor.count(ranges.len());
        without(&ready, &ranges).into()
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

/// What is searched for of a credential.
fn needles(credential: &Credential) -> Vec<Arc<Needle>> {
    match credential {
        Credential::Bearer { token } => forms(token.expose()),
        // Base64 of the pair of user name and password is base64 of a longer text that holds the password.
        Credential::Basic { password, .. } => forms(password.expose()),
        Credential::OAuth2(client) => {
            let mut needles = forms(client.secret().expose());
            needles.extend(base64(client.encoded_secret().as_bytes()));
            needles
        }
    }
}

/// Everything that is searched for of one secret.
fn forms(secret: &[u8]) -> Vec<Arc<Needle>> {
    let mut hexadecimal = Zeroizing::new(String::with_capacity(secret.len() * 2));
    for byte in secret {
        // Writing to a text can't fail.
        let _ = write!(hexadecimal, "{byte:02x}");
    }
    let mut needles = vec![
        Needle::new(secret, false),
        Needle::new(hexadecimal.as_bytes(), false),
    ];
    // A secret that holds something like an escape loses it where a text is decoded.
    let mut layer = Decoded::of(secret);
    for _ in 0..LAYERS {
        let Some(decoded) = layer.filter(|decoded| decoded.bytes().len() >= SHORTEST_SECRET) else {
            break;
        };
        needles.push(Needle::new(decoded.bytes(), false));
        layer = Decoded::of(decoded.bytes());
    }
    let needles = needles.into_iter().map(Arc::new);
    needles.chain(base64(secret)).collect()
}

/// Base64 of a text that holds a secret, after a number of bytes that is divisible by three, and after one and two more: the
/// characters that hold nothing but the secret.
fn base64(secret: &[u8]) -> impl Iterator<Item = Arc<Needle>> {
    [(0, 0), (1, 2), (2, 3)]
        .map(|(before, mixed)| {
            let text = Zeroizing::new([&[0; 2][..before], secret].concat());
            let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(&*text));
            let whole = text.len() * 8 / 6;
            Arc::new(Needle::new(&encoded.as_bytes()[mixed..whole], true))
        })
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

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

    #[test]
    fn the_beginning_of_a_text_shows_no_part_of_a_secret_at_its_end() {
        let redactor = redactor();
        for before in 0..400 {
            // What is redacted before it makes room.
            let text = format!(
                "{}{PASSWORD}",
                STANDARD.encode(PASSWORD).repeat(before / 20)
            );
            let text = format!(
                "{text}{}{PASSWORD}{PASSWORD}{}",
                "x".repeat(before),
                "y".repeat(500)
            );
            let shown = redactor.beginning(&text, 100);
            assert!(!shown.contains(&PASSWORD[..3]), "{before}: {shown}");
        }
        assert_eq!(redactor.beginning("short", 100), "short");
        assert_eq!(
            redactor.beginning(&"é".repeat(600), 101).chars().last(),
            Some('…')
        );
    }

    #[test]
    fn zero_bytes_hide_no_layer() {
        let text = "p%2525252Fa\"s%25s+w=rd9 %00%2500%252500%25252500";
        assert!(redactor().text(text).contains(REDACTED));
    }

    #[test]
    fn texts_that_are_searched_together_are_searched_one_by_one() {
        let redactor = redactor();
        let is_in =
            |texts: &[&str]| redactor.is_in(|take| texts.iter().for_each(|text| take(text)));
        let (first, last) = PASSWORD.split_at(5);
        assert!(is_in(&["a", PASSWORD]) && is_in(&[&STANDARD.encode(PASSWORD), ""]));
        assert!(!is_in(&[]) && !is_in(&[first, last]) && !is_in(&["p%", "2Fa\"s%s+w=rd9"]));
        assert_eq!(redactor.found(), 0);
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
