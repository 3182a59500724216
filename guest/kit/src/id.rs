//! Texts that the contract bounds, checked once where they come in.

use serde::{Deserialize, Deserializer, de::Error as _};

/// Half of what the contract allows a source id, less a separator: some ids are made of two.
const LONGEST_ID: usize = 511;

/// Far beyond any word that an API uses for a role or a privilege.
const LONGEST_WORD: usize = 128;

/// A source's own id: 1 to 511 bytes, and else as the contract has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

impl Id {
    /// None where the text can't be an id.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        fits(text, LONGEST_ID).then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A source's own word for a type, a role or a privilege: 1 to 128 bytes, and else as the contract has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(String);

impl Word {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the contract says of ids and words.
fn fits(text: &str, most: usize) -> bool {
    let steers =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let computes = text.starts_with('=')
        || text.starts_with(['+', '-', '@']) && text.contains(['(', '|', '!']);
    !text.is_empty() && text.len() <= most && !text.contains(steers) && !computes
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).ok_or_else(|| {
            D::Error::custom(
                "an id that is empty, too long or holds characters that no id may hold",
            )
        })
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if fits(&text, LONGEST_WORD) {
            Ok(Self(text))
        } else {
            Err(D::Error::custom(
                "a word that is empty, too long or holds characters that no word may hold",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_the_host_would_refuse_is_none() {
        assert!(Id::new("").is_none());
        assert!(Id::new("a\nb").is_none());
        assert!(Id::new(&"x".repeat(512)).is_none());
        assert!(Id::new("=1+1").is_none());
        assert!(Id::new("@SUM(1)").is_none());
        assert!(Id::new("\u{202e}gpj").is_none());
        assert!(Id::new("@me").is_some());
        assert!(serde_json::from_str::<Word>("\"\"").is_err());
        assert!(serde_json::from_str::<Word>("\"create-repo\"").is_ok());
    }
}
