//! Takes one layer of escapes off a text: percent-encoding, escapes of JSON and its relatives, entities of HTML, and the
//! zero bytes of UTF-16. Several layers are taken off one by one.
//!
//! Only what stands for an ASCII character is decoded: a secret consists of nothing else.

use std::ops::Range;

/// A text without its outermost escapes.
pub(super) struct Decoded {
    bytes: Vec<u8>,
    /// Where runs of bytes begin that were taken over as they are: here, and in the text that was decoded. In order.
    runs: Vec<(usize, usize)>,
    /// The length of the text that was decoded.
    source: usize,
    /// Nothing was taken off but zero bytes.
    zeros: bool,
}

impl Decoded {
    /// Decodes a text; none where it holds no escape.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        if memchr::memchr(0, text).is_some() {
            let without = Self::new(text, memchr::memchr_iter(0, text), |_| Some((None, 1)));
            return Some(Self {
                zeros: true,
                ..without
            });
        }
        let candidates = || memchr::memchr3_iter(b'%', b'\\', b'&', text);
        let is_escape = |at: usize| escape(&text[at..]).is_some();
        candidates().any(is_escape).then(|| {
            Self::new(text, candidates(), |rest| {
                escape(rest).map(|(byte, length)| (Some(byte), length))
            })
        })
    }

    /// Decodes what `escape` knows at `candidates`: a byte or nothing, and how many bytes stand for it.
    fn new(
        text: &[u8],
        candidates: impl Iterator<Item = usize>,
        escape: impl Fn(&[u8]) -> Option<(Option<u8>, usize)>,
    ) -> Self {
        let mut decoded = Self {
            bytes: Vec::with_capacity(text.len()),
            runs: vec![(0, 0)],
            source: text.len(),
            zeros: false,
        };
        let mut copied = 0;
        for at in candidates {
            // A candidate may lie within the escape before it.
            if at < copied {
                continue;
            }
            if let Some((byte, length)) = escape(&text[at..]) {
                decoded.bytes.extend_from_slice(&text[copied..at]);
                if let Some(byte) = byte {
                    decoded.runs.push((decoded.bytes.len(), at));
                    decoded.bytes.push(byte);
                }
                copied = at + length;
                decoded.runs.push((decoded.bytes.len(), copied));
            }
        }
        decoded.bytes.extend_from_slice(&text[copied..]);
        decoded
    }

    /// Whether nothing was taken off but zero bytes.
    pub(super) fn is_without_zeros(&self) -> bool {
        self.zeros
    }

    /// What was decoded.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What of the text that was decoded stands for this range.
    pub(super) fn source(&self, range: &Range<usize>) -> Range<usize> {
        self.begin(range.start)..self.end(range.end)
    }

    /// Where the byte here begins there.
    fn begin(&self, at: usize) -> usize {
        let after = self.runs.partition_point(|(here, _)| *here <= at);
        let (here, there) = self.runs[after - 1];
        there + (at - here)
    }

    /// Where what stands before this position here ends there.
    fn end(&self, at: usize) -> usize {
        if at == 0 {
            return 0;
        }
        // The run of the last byte before it; an escaped byte ends where the next run begins.
        let after = self.runs.partition_point(|(here, _)| *here < at);
        let (here, there) = self.runs[after - 1];
        let end = there + (at - here);
        match self.runs.get(after) {
            Some((next, next_there)) if *next == at => (*next_there).max(end),
            _ => end.min(self.source),
        }
    }
}

/// The character that an escape at the beginning of a text stands for, and how long the escape is.
fn escape(text: &[u8]) -> Option<(u8, usize)> {
    let (byte, length) = match text {
        [b'%', digits @ ..] => (number(digits.get(..2)?, 16)?, 3),
        // JSON has four of them, JavaScript all.
        [b'\\', byte, ..] if byte.is_ascii_punctuation() => (u32::from(*byte), 2),
        [b'\\', digits @ ..] if digits.first().is_some_and(u8::is_ascii_digit) => octal(digits)?,
        [b'\\', b'x', digits @ ..] => (number(digits.get(..2)?, 16)?, 4),
        [b'\\', b'u', b'{', digits @ ..] => {
            let zeros = zeros(digits);
            let digits = &digits[zeros..];
            let length = digits.iter().take(9).position(|byte| *byte == b'}')?;
            (number(&digits[..length], 16)?, zeros + length + 4)
        }
        [b'\\', b'u', digits @ ..] => (number(digits.get(..4)?, 16)?, 6),
        [b'&', b'#', digits @ ..] => numbered(digits)?,
        [b'&', name @ ..] => named(name)?,
        _ => return None,
    };
    let byte = u8::try_from(byte).ok().filter(u8::is_ascii)?;
    Some((byte, length))
}

/// A number, all of whose digits are given.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u32, |number, digit| {
        let digit = char::from(*digit).to_digit(radix)?;
        number.checked_mul(radix)?.checked_add(digit)
    })
}

/// How many zeros a number has in front: any number of them changes nothing.
fn zeros(digits: &[u8]) -> usize {
    digits.iter().take_while(|digit| **digit == b'0').count()
}

/// `\055`, behind the backslash: as many digits as stay below 256.
fn octal(text: &[u8]) -> Option<(u32, usize)> {
    let most = if text.first()? < &b'4' { 3 } else { 2 };
    let is_octal = |byte: &&u8| (b'0'..=b'7').contains(*byte);
    let length = text.iter().take(most).take_while(is_octal).count();
    Some((number(&text[..length], 8)?, length + 1))
}

/// The most digits of a numbered entity behind its zeros.
const MOST_DIGITS: usize = 8;

/// `&#65;` and `&#x41;`, behind `&#`. Browsers take them without the semicolon too.
fn numbered(text: &[u8]) -> Option<(u32, usize)> {
    let (digits, radix, before) = match text {
        [b'x' | b'X', digits @ ..] => (digits, 16, 3),
        digits => (digits, 10, 2),
    };
    let zeros = zeros(digits);
    let digits = &digits[zeros..];
    let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
    let length = digits.iter().take(MOST_DIGITS).take_while(is_digit).count();
    let number = number(&digits[..length], radix)?;
    let semicolon = usize::from(digits.get(length) == Some(&b';'));
    Some((number, before + zeros + length + semicolon))
}

/// The names that HTML has for ASCII characters.
const NAMES: [(&str, u8); 43] = [
    ("Hat", b'^'),
    ("QUOT", b'"'),
    ("AMP", b'&'),
    ("GT", b'>'),
    ("LT", b'<'),
    ("DiacriticalGrave", b'`'),
    ("UnderBar", b'_'),
    ("VerticalLine", b'|'),
    ("amp", b'&'),
    ("apos", b'\''),
    ("ast", b'*'),
    ("bsol", b'\\'),
    ("colon", b':'),
    ("comma", b','),
    ("commat", b'@'),
    ("dollar", b'$'),
    ("equals", b'='),
    ("excl", b'!'),
    ("grave", b'`'),
    ("gt", b'>'),
    ("lbrace", b'{'),
    ("lbrack", b'['),
    ("lcub", b'{'),
    ("lowbar", b'_'),
    ("lpar", b'('),
    ("lsqb", b'['),
    ("lt", b'<'),
    ("midast", b'*'),
    ("num", b'#'),
    ("percnt", b'%'),
    ("period", b'.'),
    ("plus", b'+'),
    ("quest", b'?'),
    ("quot", b'"'),
    ("rbrace", b'}'),
    ("rbrack", b']'),
    ("rcub", b'}'),
    ("rpar", b')'),
    ("rsqb", b']'),
    ("semi", b';'),
    ("sol", b'/'),
    ("verbar", b'|'),
    ("vert", b'|'),
];

/// The names that browsers take without a semicolon.
const BARE_NAMES: [(&str, u8); 8] = [
    ("amp", b'&'),
    ("AMP", b'&'),
    ("lt", b'<'),
    ("LT", b'<'),
    ("gt", b'>'),
    ("GT", b'>'),
    ("quot", b'"'),
    ("QUOT", b'"'),
];

/// `&quot;`, behind `&`.
fn named(text: &[u8]) -> Option<(u32, usize)> {
    with_semicolon(text).or_else(|| {
        let known = BARE_NAMES
            .iter()
            .find(|(name, _)| text.starts_with(name.as_bytes()));
        known.map(|(name, byte)| (u32::from(*byte), name.len() + 1))
    })
}

fn with_semicolon(text: &[u8]) -> Option<(u32, usize)> {
    let longest = 1 + NAMES.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let length = text.iter().take(longest).position(|byte| *byte == b';')?;
    let known = NAMES
        .iter()
        .find(|(name, _)| name.as_bytes() == &text[..length]);
    known.map(|(_, byte)| (u32::from(*byte), length + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> String {
        let decoded = Decoded::of(text.as_bytes()).unwrap();
        String::from_utf8(decoded.bytes).unwrap()
    }

    #[test]
    fn each_kind_of_escape_is_decoded_once() {
        for (text, expected) in [
            ("a%2Fb%2fc", "a/b/c"),
            ("%2541", "%41"),
            (r#"\"a\\b\/c\'\-"#, "\"a\\b/c'-"),
            (r"\055\1012\418", "-A2!8"),
            ("&#x000000000073;&#0000000000116;\\u{0000000000073}", "sts"),
            ("&quotx&ltx&ampx", "\"x<x&x"),
            (r"\\u0041", r"\u0041"),
            (r"\u0041\x42\u{43}\u{00044}", "ABCD"),
            ("&quot;&#65;&#x42;&#X43;&#68&sol;&amp;amp;", "\"ABCD/&amp;"),
            ("a\0b\0%\x002\0F\0", "ab%2F"),
        ] {
            assert_eq!(decoded(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in [
            "",
            "plain",
            "100% & more",
            "%",
            "%4",
            "%zz",
            "\\",
            "\\n",
            "\\8",
            "\\377",
            "\\u00e9",
            "\\u{}",
            "\\u{110000000}",
            "&",
            "&;",
            "&#;",
            "&#x;",
            "&eacute;",
            "&#233;",
            "%C3%A9",
        ] {
            assert!(Decoded::of(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn each_range_leads_back_to_all_that_stands_for_it() {
        let text = r"ab%63d\u0065f&#x67;h";
        let decoded = Decoded::of(text.as_bytes()).unwrap();
        assert_eq!(decoded.bytes, b"abcdefgh");
        for (range, expected) in [
            (0..8, text),
            (0..1, "a"),
            (1..3, "b%63"),
            (2..3, "%63"),
            (3..4, "d"),
            (4..5, r"\u0065"),
            (3..6, r"d\u0065f"),
            (6..8, "&#x67;h"),
        ] {
            assert_eq!(&text[decoded.source(&range)], expected);
        }
        let wide = b"a\0b\0c\0";
        let decoded = Decoded::of(wide).unwrap();
        assert_eq!(decoded.source(&(0..3)), 0..6);
        assert_eq!(decoded.source(&(1..2)), 2..4);
    }
}
