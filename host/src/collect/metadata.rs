//! The metadata of an item, and its JSON.

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// The value of one piece of metadata.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Metadatum {
    /// Text.
    Text(String),
    /// True or false.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// A list of texts.
    Texts(Vec<String>),
    /// What no connector can say, but a file can: null, a fraction, another list, an object.
    Other(Value),
}

impl Metadatum {
    /// Its texts, keys of objects included.
    pub(super) fn each_text(&self, take: &mut impl FnMut(&str)) {
        match self {
            Self::Text(text) => take(text),
            Self::Flag(_) | Self::Integer(_) => {}
            Self::Texts(texts) => texts.iter().for_each(|text| take(text)),
            Self::Other(value) => each_text(value, take),
        }
    }

    /// The same with each text, keys of objects excepted, changed.
    pub(super) fn map(self, change: &impl Fn(String) -> String) -> Self {
        match self {
            Self::Text(text) => Self::Text(change(text)),
            Self::Texts(texts) => Self::Texts(texts.into_iter().map(change).collect()),
            Self::Other(value) => Self::Other(map(value, change)),
            other => other,
        }
    }

    /// What it takes, in bytes: as many as its texts, and some for each value.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Flag(_) | Self::Integer(_) => 8,
            Self::Texts(texts) => texts.iter().map(|text| 16 + text.len()).sum(),
            Self::Other(value) => size(value),
        }
    }
}

// serde_json goes at most 128 deep: so does this.
fn each_text(value: &Value, take: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => take(text),
        Value::Array(values) => values.iter().for_each(|value| each_text(value, take)),
        Value::Object(values) => {
            for (key, value) in values {
                take(key);
                each_text(value, take);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn map(value: Value, change: &impl Fn(String) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(values) => values
            .into_iter()
            .map(|value| map(value, change))
            .collect::<Vec<_>>()
            .into(),
        Value::Object(values) => values
            .into_iter()
            .map(|(key, value)| (key, map(value, change)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other,
    }
}

fn size(value: &Value) -> usize {
    16 + match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(size).sum(),
        Value::Object(values) => values
            .iter()
            .map(|(key, value)| key.len() + size(value))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// Metadata as a JSON object with its keys in order.
pub(super) fn json(metadata: &[(String, Metadatum)]) -> String {
    let sorted: BTreeMap<&str, &Metadatum> = metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    serde_json::to_string(&sorted)
        .unwrap_or_else(|_| unreachable!("texts, flags and numbers are JSON"))
}

/// Reads a JSON object. A key that is there twice comes twice.
///
/// # Errors
/// What is wrong with it, and where.
pub fn read(text: &str) -> Result<Vec<(String, Metadatum)>, serde_json::Error> {
    serde_json::from_str::<Pairs>(text).map(|pairs| pairs.0)
}

struct Pairs(Vec<(String, Metadatum)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl<'de> Deserialize<'de> for Metadatum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Metadatum;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Metadatum, E> {
                Ok(Metadatum::Text(text.to_owned()))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Metadatum, E> {
                Ok(Metadatum::Text(text))
            }

            fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Metadatum, E> {
                Ok(Metadatum::Flag(flag))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Metadatum, E> {
                Ok(Metadatum::Integer(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Metadatum, E> {
                Ok(i64::try_from(number)
                    .map_or_else(|_| Metadatum::Other(number.into()), Metadatum::Integer))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Metadatum, E> {
                Ok(Metadatum::Other(number.into()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Metadatum, E> {
                Ok(Metadatum::Other(Value::Null))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Metadatum, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element::<Value>()? {
                    values.push(value);
                }
                if values.iter().all(Value::is_string) {
                    let text = |value| match value {
                        Value::String(text) => Some(text),
                        _ => None,
                    };
                    return Ok(Metadatum::Texts(
                        values.into_iter().filter_map(text).collect(),
                    ));
                }
                Ok(Metadatum::Other(values.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Metadatum, A::Error> {
                Value::deserialize(de::value::MapAccessDeserializer::new(map)).map(Metadatum::Other)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        for text in [
            "{}",
            r#"{"a":"b","c":true,"d":-9223372036854775808,"e":["x","y"],"f":[]}"#,
            r#"{"a":null,"b":1.5,"c":[1,"x"],"d":{"e":{"f":[null]}},"g":18446744073709551615}"#,
        ] {
            assert_eq!(json(&read(text).unwrap()), text);
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "[]", "\"a\"", "{", "{\"a\":1}x", "{'a':1}", "1"] {
            assert!(read(text).is_err(), "{text}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        assert!(read(&deep).is_err());
    }

    #[test]
    fn a_key_that_is_there_twice_comes_twice() {
        assert_eq!(read(r#"{"a":1,"a":2}"#).unwrap().len(), 2);
    }
}
