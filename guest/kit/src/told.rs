//! Optional members of an answer, read so that a surprise in one of them costs that one alone.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// For `#[serde(default, deserialize_with = "told")]`: the value, or None where it is null or of another
/// type than expected. An API's document is no contract: a number where a text was due must not cost the
/// element around it.
///
/// # Errors
/// Only where the answer is no JSON.
pub fn told<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Element {
        #[serde(default, deserialize_with = "told")]
        name: Option<String>,
    }

    #[test]
    fn a_member_of_the_wrong_type_counts_as_missing() {
        for text in [
            "{}",
            r#"{"name":null}"#,
            r#"{"name":5}"#,
            r#"{"name":{"a":[]}}"#,
        ] {
            let element: Element =
                serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(element.name, None, "{text}");
        }
    }
}
