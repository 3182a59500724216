//! JSON that is one line for every reader.

use std::fmt::Write as _;

/// Whether some readers take this character, which JSON does not escape, for the end of a line.
pub(crate) fn ends_line(character: char) -> bool {
    matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Adds a character up to U+FFFF to JSON as an escape.
pub(crate) fn push_escaped(json: &mut String, character: char) {
    // Writing to a text can't fail.
    let _ = write!(json, "\\u{:04x}", u32::from(character));
}

/// JSON of the same value in one line.
pub(crate) fn one_line(json: String) -> String {
    if json.is_ascii() || !json.contains(ends_line) {
        return json;
    }
    let mut line = String::with_capacity(json.len());
    for character in json.chars() {
        if ends_line(character) {
            push_escaped(&mut line, character);
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_line_somewhere_is_escaped() {
        let text = "é\u{85}a\u{2028}b\u{2029}";
        let json = one_line(serde_json::to_string(text).unwrap());
        assert_eq!(json, "\"é\\u0085a\\u2028b\\u2029\"");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
