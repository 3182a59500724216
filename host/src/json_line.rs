//! JSON that is one line for every reader.

/// JSON of the same value, without the characters that some readers take for the end of a line: U+0085, U+2028 and U+2029
/// stand in texts as they are, and are escaped here.
pub(crate) fn one_line(json: String) -> String {
    const ENDS: [(char, &str); 3] = [
        ('\u{85}', "\\u0085"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ];
    if json.is_ascii() {
        return json;
    }
    let mut json = json;
    for (end, escape) in ENDS {
        if json.contains(end) {
            json = json.replace(end, escape);
        }
    }
    json
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
