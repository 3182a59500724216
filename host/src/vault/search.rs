//! Finds secrets in a text in a time that does not depend on how much of a secret the text holds.
//!
//! A connector chooses texts, has them searched and knows how long that took. Where the search goes faster or slower on a
//! partial match, the connector recovers a secret character by character. So each secret is compared as a whole, by one
//! keyed hash of its full length at each position (Rabin-Karp), with the same instructions whatever the bytes are. Only a
//! match of the whole secret takes another path, and whoever causes that knows the secret already.
//!
//! The hash is a sum of random numbers, one for each byte value, times powers of a random base, modulo 2^32. Both are drawn
//! for each run, and anew after a hash that matched by chance: a connector that finds such a text can use it once. Letters of
//! either case count as the same, as do the two alphabets of base64.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

/// Positions that are searched with one table of powers. Long enough to amortise what each slice costs, short enough for
/// the tables of a few secrets to stay in the processor's first cache.
const SLICE: usize = 2048;

/// The random numbers of one run.
pub(super) struct Key {
    /// A number for each byte value.
    symbols: [u32; 256],
    /// The powers of the base, from 0 to [`SLICE`].
    powers: Vec<u32>,
    /// The inverse of the base.
    inverse: u32,
}

impl Key {
    /// Draws a key.
    ///
    /// # Panics
    /// Where the system has no random numbers: nothing is secure then.
    pub(super) fn random() -> Self {
        let mut random = [0; 4 * 257];
        getrandom::fill(&mut random).expect("the operating system provides random numbers");
        let mut numbers = random.chunks_exact(4).map(|bytes| {
            bytes
                .iter()
                .fold(0, |number, byte| number << 8 | u32::from(*byte))
        });
        // Odd numbers have an inverse modulo 2^32.
        let base = numbers.next().unwrap_or_default() | 1;
        let drawn: Vec<u32> = numbers.collect();
        let mut symbols = [0; 256];
        for (byte, symbol) in (0..=u8::MAX).zip(&mut symbols) {
            *symbol = drawn[usize::from(fold(byte))];
        }
        let powers = std::iter::successors(Some(1u32), |power| Some(power.wrapping_mul(base)));
        Self {
            symbols,
            powers: powers.take(SLICE + 1).collect(),
            inverse: inverse(base),
        }
    }
}

/// The inverse of an odd number modulo 2^32, by Newton's method: each step doubles the bits that are right, from 3.
fn inverse(odd: u32) -> u32 {
    let mut inverse = odd;
    for _ in 0..4 {
        inverse = inverse.wrapping_mul(2u32.wrapping_sub(odd.wrapping_mul(inverse)));
    }
    inverse
}

/// What a byte counts as.
const fn fold(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => byte.to_ascii_lowercase(),
    }
}

/// A text that is searched for.
pub(super) struct Needle {
    /// Its bytes, as they count.
    folded: Zeroizing<Vec<u8>>,
    /// It is a part of base64: whatever base64 it stands in is redacted with it.
    is_base64: bool,
}

impl Needle {
    /// A text of at least one byte.
    pub(super) fn new(text: &[u8], is_base64: bool) -> Self {
        Self {
            folded: Zeroizing::new(text.iter().copied().map(fold).collect()),
            is_base64,
        }
    }

    fn len(&self) -> usize {
        self.folded.len()
    }

    /// Whether two are the same text.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        *self.folded == *other.folded
    }

    /// What the hash of its bytes is where they end at each position of a slice.
    fn targets(&self, key: &Key) -> Vec<u32> {
        // The last byte stands at power 0, the one before it at power -1, and so on.
        let hash = self.folded.iter().fold(0u32, |hash, byte| {
            hash.wrapping_mul(key.inverse)
                .wrapping_add(key.symbols[usize::from(*byte)])
        });
        let powers = key.powers[..SLICE].iter();
        powers.map(|power| hash.wrapping_mul(*power)).collect()
    }

    /// Compares a text of the needle's length with all of the needle, in a time that does not depend on either.
    fn is(&self, text: &[u8]) -> bool {
        #[cfg(test)]
        tests::COMPARED.set(tests::COMPARED.get() + 1);
        let pairs = text.iter().zip(self.folded.iter());
        let same = pairs.fold(Choice::from(1), |same, (byte, own)| {
            same & fold(*byte).ct_eq(own)
        });
        same.into()
    }
}

thread_local! {
    /// Running sums of the text that is searched. They are sums of numbers for its bytes, in which no secret takes part.
    static SUMS: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// All that is searched for.
pub(super) struct Search {
    key: Key,
    /// Each with its [`Needle::targets`].
    needles: Vec<(Arc<Needle>, Vec<u32>)>,
    longest: usize,
}

/// What was found in a text.
#[derive(Default)]
pub(super) struct Found {
    /// The ranges to redact, sorted by where they begin. They may overlap.
    pub(super) ranges: Vec<Range<usize>>,
    /// A hash matched, and the text did not: the key is used up.
    pub(super) collided: bool,
}

/// Texts can be made whose hashes match whatever the key is, by whoever knows the secret. After so many comparisons of one
/// needle that failed in one text, a hash that matches counts as a match.
const MOST_FAILED: u32 = 8;

impl Search {
    /// A search with a key of its own.
    pub(super) fn new(needles: impl Iterator<Item = Arc<Needle>>) -> Self {
        let key = Key::random();
        let with_targets = |needle: Arc<Needle>| {
            let targets = needle.targets(&key);
            (needle, targets)
        };
        let needles: Vec<_> = needles.map(with_targets).collect();
        let longest = needles.iter().map(|(needle, _)| needle.len()).max();
        Self {
            key,
            needles,
            longest: longest.unwrap_or(0),
        }
    }

    /// The same with another key.
    pub(super) fn with_another_key(&self) -> Self {
        Self::new(self.needles.iter().map(|(needle, _)| Arc::clone(needle)))
    }

    /// Whether there is nothing to search for.
    pub(super) fn is_empty(&self) -> bool {
        self.needles.is_empty()
    }

    /// The length of the longest needle, in bytes.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Searches a text.
    pub(super) fn find(&self, text: &[u8]) -> Found {
        if self.needles.is_empty() {
            return Found::default();
        }
        let (mut matches, collided) = SUMS.with_borrow_mut(|sums| self.matches(sums, text));
        matches.sort_by_key(|(range, _)| range.start);
        Found {
            ranges: with_base64_around(text, matches),
            collided,
        }
    }

    /// The ranges of all matches, and whether each is of base64; and whether a comparison failed. Matches of one needle do not
    /// overlap.
    ///
    /// `sums` has at `longest + 1 + n` the sum of a slice's bytes up to its byte `n`. In front of that stand the sums up to the
    /// bytes before the slice, with the slice's own powers: zeros where there are none.
    fn matches(&self, sums: &mut Vec<u32>, text: &[u8]) -> (Vec<(Range<usize>, bool)>, bool) {
        let zero = self.longest;
        if sums.len() < zero + 1 + SLICE {
            sums.resize(zero + 1 + SLICE, 0);
        }
        let sums = &mut sums[..zero + 1 + SLICE];
        sums[..=zero].fill(0);
        let mut found = Vec::new();
        // Where the last match of each needle ended, and how many comparisons with it failed.
        let mut seen: Vec<(usize, u32)> = Vec::new();
        for (number, slice) in text.chunks(SLICE).enumerate() {
            if number > 0 {
                self.shift(sums);
            }
            let mut sum = 0u32;
            let weighted = slice.iter().zip(&self.key.powers);
            for (place, (byte, power)) in sums[zero + 1..].iter_mut().zip(weighted) {
                let symbol = self.key.symbols[usize::from(*byte)];
                sum = sum.wrapping_add(symbol.wrapping_mul(*power));
                *place = sum;
            }
            for (index, (needle, targets)) in self.needles.iter().enumerate() {
                let length = needle.len();
                let ends = &sums[zero + 1..][..slice.len()];
                let starts = &sums[zero + 1 - length..][..slice.len()];
                let windows = || ends.iter().zip(starts).zip(targets);
                let is_match = |((end, start), target): ((&u32, &u32), &u32)| {
                    end.wrapping_sub(*start) == *target
                };
                // Without a branch, so that no position takes longer than another.
                let any = windows().fold(0, |any, window| any | u32::from(is_match(window)));
                if any == 0 {
                    continue;
                }
                seen.resize(self.needles.len(), (0, 0));
                let (ended, failed) = &mut seen[index];
                for (last, _) in windows()
                    .enumerate()
                    .filter(|(_, window)| is_match(*window))
                {
                    let end = number * SLICE + last + 1;
                    let start = end.checked_sub(length);
                    let Some(start) = start.filter(|start| *start >= *ended) else {
                        continue;
                    };
                    if *failed >= MOST_FAILED || needle.is(&text[start..end]) {
                        *ended = end;
                        found.push((start..end, needle.is_base64));
                    } else {
                        *failed += 1;
                    }
                }
            }
        }
        let collided = seen.iter().any(|(_, failed)| *failed > 0);
        (found, collided)
    }

    /// Makes the end of one slice the front of the next.
    fn shift(&self, sums: &mut [u32]) {
        let last = sums[self.longest + SLICE];
        // The powers of the next slice begin at 0 again.
        let back = inverse(self.key.powers[SLICE]);
        sums.copy_within(SLICE.., 0);
        for sum in &mut sums[..=self.longest] {
            *sum = sum.wrapping_sub(last).wrapping_mul(back);
        }
    }
}

/// Matches of base64 with all of the base64 that they stand in: the characters next to a match hold bits of the secret too,
/// and half of a code is of no use. Each byte is looked at twice at most, however many matches there are.
fn with_base64_around(text: &[u8], matches: Vec<(Range<usize>, bool)>) -> Vec<Range<usize>> {
    let is_part =
        |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    let mut reached = 0;
    let starts: Vec<usize> = matches.iter().map(|(range, _)| range.start).collect();
    let next = starts.into_iter().skip(1).chain([text.len()]);
    let mut ranges: Vec<Range<usize>> = Vec::with_capacity(matches.len());
    for ((range, is_base64), next) in matches.into_iter().zip(next) {
        let mut range = range;
        if is_base64 {
            let before = text[reached.min(range.start)..range.start].iter().rev();
            range.start -= before.take_while(is_part).count();
            let behind = &text[range.end..next.max(range.end)];
            range.end += behind.iter().take_while(is_part).count();
            let padding = text[range.end..].iter().take(2);
            range.end += padding.take_while(|byte| **byte == b'=').count();
        }
        reached = reached.max(range.end);
        ranges.push(range);
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        /// How often a text was compared with a secret: the one thing whose time depends on both.
        pub(super) static COMPARED: Cell<u32> = const { Cell::new(0) };
    }

    fn search(needles: &[&str]) -> Search {
        let needles = needles.iter();
        Search::new(needles.map(|text| Arc::new(Needle::new(text.as_bytes(), false))))
    }

    fn found(search: &Search, text: &[u8]) -> Vec<Range<usize>> {
        search.find(text).ranges
    }

    #[test]
    fn a_secret_is_found_wherever_it_stands() {
        let long = "0123456789abcdef".repeat(400);
        let search = search(&["s3cret-t0ken", &long]);
        for before in [0, 1, 5, 2030, 2036, 2037, 2047, 2048, 2049, 5000, 12345] {
            // The case of letters and the alphabet of base64 make no difference.
            for token in ["S3CRET-T0ken", "s3cret+t0KEN"] {
                let text = [&"x".repeat(before), token, "tail"].concat();
                let found = found(&search, text.as_bytes());
                assert_eq!(found.first(), Some(&(before..before + 12)));
                assert_eq!(found.len(), 1);
            }
            let text = [&"y".repeat(before), &*long, &*long, "tail"].concat();
            let end = before + long.len();
            let expected = [before..end, end..end + long.len()];
            assert_eq!(found(&search, text.as_bytes()), expected);
        }
    }

    #[test]
    fn what_is_not_the_whole_secret_is_not_found() {
        let search = search(&["s3cret-t0ken"]);
        for text in [
            "",
            "s",
            "s3cret-t0ke",
            "3cret-t0ken",
            "s3cret-t0kem",
            "s3cretXt0ken",
        ] {
            assert!(found(&search, text.as_bytes()).is_empty(), "{text}");
            let padded = format!("{text}{}{text}", " ".repeat(3000));
            assert!(found(&search, padded.as_bytes()).is_empty(), "{text}");
        }
    }

    #[test]
    fn near_matches_of_any_length_take_the_same_steps_as_any_other_text() {
        let secret = "ATCTT3xFfGF0vhyYsLrJCGWWRuNiUx9lSg_-tXttA85O4BXWyLUnfeQJGB2jCsYM5yMu5YvA";
        let search = search(&[secret, "another-secret"]);
        let mut near = Vec::new();
        for length in 0..secret.len() {
            near.extend([secret[..length].to_owned(), secret[length + 1..].to_owned()]);
            near.push(format!("{}!{}", &secret[..length], &secret[length + 1..]));
            near.push(format!("{}{}", &secret[length + 1..], &secret[..=length]));
        }
        near.retain(|text| text != secret);
        for text in &near {
            for text in [text.clone(), format!("{text}\n").repeat(200)] {
                assert!(found(&search, text.as_bytes()).is_empty());
            }
        }
        // By chance the hash of one text in four billion is that of a secret.
        assert!(COMPARED.get() <= 1, "{}", COMPARED.get());
        assert_eq!(found(&search, secret.as_bytes()).len(), 1);
        assert!(COMPARED.get() >= 1);
    }

    #[test]
    fn a_match_of_base64_takes_the_base64_around_it() {
        let needle = Arc::new(Needle::new(b"abcdefgh", true));
        let search = Search::new(std::iter::once(needle));
        let with = |text: &str| {
            let found = found(&search, text.as_bytes());
            found
                .into_iter()
                .map(|range| text[range].to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(with(":xyabcdefghQ==z"), ["xyabcdefghQ=="]);
        assert_eq!(with("abcdefgh\"xyz"), ["abcdefgh"]);
        assert_eq!(with("abcdefgh"), ["abcdefgh"]);
        assert_eq!(with("xabcdefghyabcdefghz ="), ["xabcdefghy", "abcdefghz"]);
    }

    #[test]
    fn many_matches_are_found_in_one_pass() {
        // A hostile API knows the secret and repeats it without end. Were each match to look at all the base64 around it, or
        // at each position of a secret that repeats itself, this test would take hours.
        let repeated = "a".repeat(8192);
        let needles = [("abcdefgh", true), (&*repeated, false)];
        let needles = needles.map(|(text, base64)| Arc::new(Needle::new(text.as_bytes(), base64)));
        let search = Search::new(needles.into_iter());
        assert_eq!(
            found(&search, "abcdefgh".repeat(1 << 17).as_bytes()).len(),
            1 << 17
        );
        assert_eq!(found(&search, "a".repeat(1 << 20).as_bytes()).len(), 1 << 7);
        let near = format!("{}b", &repeated[1..]).repeat(128);
        assert!(found(&search, near.as_bytes()).is_empty());
    }

    #[test]
    fn texts_whose_hashes_always_match_are_compared_a_few_times_and_use_up_the_key() {
        // Thue-Morse: a block and its complement have the same hash modulo 2^32, whatever the base and the symbols are.
        let block = |flip: u32| -> String {
            let bit = |place: u32| (place.count_ones() + flip).is_multiple_of(2);
            (0..2048)
                .map(|place| if bit(place) { 'x' } else { 'y' })
                .collect()
        };
        let search = search(&[&block(0)]);
        let before = COMPARED.get();
        let found = search.find(block(1).repeat(64).as_bytes());
        assert!(
            found.collided && found.ranges.len() <= 128,
            "{}",
            found.ranges.len()
        );
        assert!((1..=128 + MOST_FAILED).contains(&(COMPARED.get() - before)));
        let another = search.with_another_key();
        assert!(another.key.symbols != search.key.symbols);
        assert_eq!(another.find(block(0).as_bytes()).ranges.len(), 1);
        assert!(!another.find(b"something else").collided);
    }

    #[test]
    fn an_inverse_is_one() {
        for odd in [1, 3, 0x9e37_79b1, u32::MAX] {
            assert_eq!(odd.wrapping_mul(inverse(odd)), 1);
        }
    }
}
