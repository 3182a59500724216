//! Formulas: what leaves in a CSV file must not be computed by the spreadsheet that opens it, whatever that takes for the
//! separator. A formula begins with a sign at the beginning of a cell.

use super::characters::is_invisible;
use crate::json_line::{ends_line, push_escaped};
use std::borrow::Cow;

/// Whether a spreadsheet may begin a formula with this character: `=`, `+`, `-`, `@`, the minus sign, and what becomes one of
/// them under NFKC.
fn is_sign(character: char) -> bool {
    is_equals(character)
        || matches!(
            character,
            '+' | '-'
                | '@'
                | '\u{207a}'
                | '\u{207b}'
                | '\u{208a}'
                | '\u{208b}'
                | '\u{2212}'
                | '\u{fb29}'
                | '\u{fe62}'
                | '\u{fe63}'
                | '\u{fe6b}'
                | '\u{ff0b}'
                | '\u{ff0d}'
                | '\u{ff20}'
        )
}

fn is_equals(character: char) -> bool {
    matches!(
        character,
        '=' | '\u{207c}' | '\u{208c}' | '\u{2a75}' | '\u{2a76}' | '\u{fe66}' | '\u{ff1d}'
    )
}

/// Whether some reader begins a new cell or line behind this character: `;`, `,`, tabs, line breaks, and what becomes one of
/// them under NFKC.
fn is_separator(character: char) -> bool {
    matches!(
        character,
        ';' | ','
            | '\t'..='\r'
            | '\u{85}'
            | '\u{37e}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{fe10}'
            | '\u{fe14}'
            | '\u{fe50}'
            | '\u{fe54}'
            | '\u{ff0c}'
            | '\u{ff1b}'
            | '\u{1f101}'..='\u{1f10a}'
    )
}

/// Whether a reader may drop this character from the beginning of a cell.
fn is_dropped(character: char) -> bool {
    character == '"' || character.is_whitespace() || is_invisible(character)
}

/// Whether a call of a function or a program needs this character, in any width.
fn is_call(character: char) -> bool {
    matches!(
        character,
        '(' | '|'
            | '!'
            | '\u{207d}'
            | '\u{208d}'
            | '\u{fe15}'
            | '\u{fe35}'
            | '\u{fe57}'
            | '\u{fe59}'
            | '\u{ff01}'
            | '\u{ff08}'
            | '\u{ff5c}'
    )
}

/// Whether a text has one cell in every reader's eyes, and no sign at its beginning. Most texts are like that, and this is
/// fast.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.bytes().next() else {
        return true;
    };
    let is_plain = |byte: u8| (b' '..0x7f).contains(&byte) & (byte != b';') & (byte != b',');
    !matches!(first, b'=' | b'+' | b'-' | b'@' | b'"' | b' ')
        && text.bytes().fold(true, |all, byte| all & is_plain(byte))
}

/// Where cells begin in a text, for whatever reader.
struct Cells {
    at_beginning: bool,
}

impl Cells {
    fn new() -> Self {
        Self { at_beginning: true }
    }

    /// Whether this character, which comes next, is a sign at the beginning of a cell.
    fn begins_formula(&mut self, character: char) -> bool {
        let begins = self.at_beginning && is_sign(character);
        self.at_beginning = is_separator(character) || self.at_beginning && is_dropped(character);
        begins
    }
}

/// The places of the signs that begin a formula.
fn signs(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut cells = Cells::new();
    text.char_indices()
        .filter(move |(_, character)| cells.begins_formula(*character))
}

/// A text with `'` in front of each sign that would begin a formula.
pub(crate) fn guarded(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return text.into();
    }
    let mut out = String::new();
    let mut done = 0;
    for (at, _) in signs(text) {
        out.push_str(&text[done..at]);
        out.push('\'');
        done = at;
    }
    if out.is_empty() {
        return text.into();
    }
    out.push_str(&text[done..]);
    out.into()
}

/// A text without each `'` that [`guarded`] puts in front of a sign.
pub(crate) fn unguarded(text: &str) -> Cow<'_, str> {
    if !text.contains('\'') {
        return text.into();
    }
    let mut cells = Cells::new();
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_guard = character == '\''
            && cells.at_beginning
            && characters.peek().is_some_and(|next| is_sign(*next));
        if !is_guard {
            cells.begins_formula(character);
            out.push(character);
        }
    }
    out.into()
}

/// JSON of the same value on one line, in which each sign that would begin a formula is escaped.
pub(crate) fn guarded_json(json: &str) -> Cow<'_, str> {
    if !may_begin_formula(json.as_bytes()) {
        return json.into();
    }
    let mut cells = Cells::new();
    let mut out = String::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    for character in json.chars() {
        let begins = cells.begins_formula(character);
        // Beyond texts a sign can only be a number's.
        if in_text && begins || ends_line(character) {
            push_escaped(&mut out, character);
        } else {
            out.push(character);
        }
        in_text ^= character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
    }
    out.into()
}

/// Whether JSON may have to be changed. Most has not, and for that this is fast.
fn may_begin_formula(json: &[u8]) -> bool {
    // The first bytes of separators and line ends that are not ASCII. Tabs and line breaks are escaped.
    let is_rare = |byte: u8| matches!(byte, 0xc2 | 0xcd | 0xe2 | 0xef | 0xf0);
    let begins = |at: usize| {
        let mut next = json[at + 1..].iter();
        let next = next.find(|byte| !matches!(byte, b'"' | b' '));
        next.is_some_and(|next| matches!(next, b'=' | b'+' | b'-' | b'@' | 0x80..))
    };
    json.iter().fold(false, |any, byte| any | is_rare(*byte))
        || memchr::memchr2_iter(b';', b',', json).any(begins)
}

/// Whether a spreadsheet would compute something of an id or a word, which can't be changed on its way to a file. Honest ones
/// begin with a sign at times (`@me`, `-1`). What computes something begins with `=`, or calls a function or a program, or has
/// a sign behind a separator.
pub(crate) fn computes(text: &str) -> bool {
    if is_plain(text) {
        return false;
    }
    let computes = |(at, sign): (usize, char)| {
        let (before, after) = text.split_at(at);
        is_equals(sign)
            || !sign.is_ascii()
            || before.contains(is_separator)
            || after.contains(is_call)
    };
    signs(text).any(computes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use icu_normalizer::ComposingNormalizer;

    #[test]
    fn a_sign_at_the_beginning_of_a_cell_is_guarded() {
        for (text, expected) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("-1", "'-1"),
            ("Ann = Bob", "Ann = Bob"),
            ("Ann;=1;@b", "Ann;'=1;'@b"),
            ("Ann\t=1", "Ann\t'=1"),
            ("Ann, =1", "Ann, '=1"),
            ("a\n=1\r\n+2\u{2028}-3", "a\n'=1\r\n'+2\u{2028}'-3"),
            (";\"=1\"", ";\"'=1\""),
            ("\u{feff} =1", "\u{feff} '=1"),
            ("＝1；＋2", "'＝1；'＋2"),
            ("a;＠b", "a;'＠b"),
            ("a;b=c", "a;b=c"),
            ("", ""),
        ] {
            assert_eq!(guarded(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_was_guarded_comes_back_the_same() {
        for text in [
            "=1+1", "-1", "Ann", "'Ann", "'=1", "''=1", "", "'", "a;=1", "a;'=1", "a;''=1",
            ";;=;=", "';=1", "\"'=1", "x\t'＝1", "'-'=1", "é;-1", "=;'",
        ] {
            let shown = guarded(text).into_owned();
            assert_eq!(guarded(&unguarded(&shown)), shown, "{text:?}");
            assert_eq!(unguarded(&shown), unguarded(text), "{text:?}");
        }
        assert_eq!(unguarded(&guarded("a;=1\t@x")), "a;=1\t@x");
    }

    #[test]
    fn json_keeps_its_value_and_begins_no_formula() {
        for (json, expected) in [
            (r#"{"a":"x;=1"}"#, r#"{"a":"x;\u003d1"}"#),
            (
                r#"{"a":["b","=1","-2"]}"#,
                r#"{"a":["b","\u003d1","\u002d2"]}"#,
            ),
            (
                r#"{"a":"=1","b":-1,"c":[1,-2]}"#,
                r#"{"a":"=1","b":-1,"c":[1,-2]}"#,
            ),
            (
                r#"{"a":"\";-1","b":"\\","c":";+"}"#,
                r#"{"a":"\";\u002d1","b":"\\","c":";\u002b"}"#,
            ),
            (r#"{"a":{"b":1,"=c":2}}"#, r#"{"a":{"b":1,"\u003dc":2}}"#),
            ("{\"a\":\";＝\u{2028}\"}", r#"{"a":";\uff1d\u2028"}"#),
            ("{\"a\":\"é;\u{3000}=1\"}", "{\"a\":\"é;\u{3000}\\u003d1\"}"),
            (
                r#"{"a":"Ann; Bob, and Eve"}"#,
                r#"{"a":"Ann; Bob, and Eve"}"#,
            ),
        ] {
            let guarded = guarded_json(json);
            assert_eq!(guarded, expected);
            let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(value(&guarded), value(json));
        }
    }

    #[test]
    fn ids_that_compute_are_told_from_honest_ones() {
        for id in [
            "=1",
            "＝1",
            "+cmd|' /C calc'!A0",
            "-cmd|a",
            "@SUM(1)",
            "@SUM（1）",
            "＠me",
            "a;=1",
            "a;-1",
            "a,@b",
            "\"=1\"",
            " =1",
            "a；＝1",
        ] {
            assert!(computes(id), "{id:?}");
        }
        for id in [
            "",
            "-1",
            "+49",
            "@me",
            "{a=b}",
            "a;b",
            "CN=Ann,OU=x",
            "a=",
            "x(1)",
            "é@b",
        ] {
            assert!(!computes(id), "{id:?}");
        }
    }

    #[test]
    fn every_character_that_becomes_a_sign_or_a_separator_is_known() {
        let nfkc = ComposingNormalizer::new_nfkc();
        for character in '\0'..=char::MAX {
            let normal = nfkc
                .normalize(character.encode_utf8(&mut [0; 4]))
                .into_owned();
            let signs = ['=', '+', '-', '@', '\u{2212}'];
            assert_eq!(
                is_sign(character),
                normal.starts_with(signs),
                "{character:?}"
            );
            assert_eq!(
                is_equals(character),
                normal.starts_with('='),
                "{character:?}"
            );
            let separators = [
                ';', ',', '\t', '\n', '\u{b}', '\u{c}', '\r', '\u{85}', '\u{2028}', '\u{2029}',
            ];
            assert_eq!(
                is_separator(character),
                normal.contains(separators),
                "{character:?}"
            );
        }
    }
}
