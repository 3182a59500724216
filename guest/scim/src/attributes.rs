//! What a SCIM server says of something, read leniently: names in any case, values of the type next to the
//! right one.
//!
//! Texts stay where the answer has them: a large directory has millions.

use portcullis_kit::id::Id;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use std::borrow::Cow;
use std::fmt;

/// A value, as far as it can borrow from its text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'t> {
    Null,
    Flag(bool),
    Number(Number),
    Text(Cow<'t, str>),
    List(Vec<Self>),
    Object(Attributes<'t>),
}

/// An object whose members have the same name in any case (RFC 7643, 2.1). They are ordered by name, and no two
/// have the same in the same case.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Attributes<'t>(Vec<(Cow<'t, str>, Value<'t>)>);

impl<'t> Attributes<'t> {
    /// None where the text is no JSON object.
    pub(crate) fn parse(text: &'t [u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// The same, where its text does not stay.
    pub(crate) fn into_owned(self) -> Attributes<'static> {
        let owned = |(name, value): (Cow<'_, str>, Value<'_>)| {
            (Cow::Owned(name.into_owned()), value.into_owned())
        };
        Attributes(self.0.into_iter().map(owned).collect())
    }

    /// Whether a member of this name is there, whatever its value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key.eq_ignore_ascii_case(name))
    }

    /// A member that has a value: null is none (RFC 7643, 2.5).
    pub(crate) fn get(&self, name: &str) -> Option<&Value<'t>> {
        self.0
            .iter()
            .find(|(key, value)| key.eq_ignore_ascii_case(name) && *value != Value::Null)
            .map(|(_, value)| value)
    }

    /// A member of a member.
    pub(crate) fn within(&self, name: &str, inner: &str) -> Option<&Value<'t>> {
        self.get(name)?.object()?.get(inner)
    }

    /// A text, or a number as one.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        text(self.get(name)?)
    }

    /// The value of `id`, where it can be one.
    pub(crate) fn id(&self) -> Option<Id> {
        Id::new(&self.text("id")?)
    }

    /// The first value of this name in the object itself, or else in one of its extensions, whose names are
    /// URNs.
    pub(crate) fn anywhere(&self, name: &str) -> Option<&Value<'t>> {
        let is_urn = |key: &str| {
            key.get(..4)
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case("urn:"))
        };
        self.get(name).or_else(|| {
            self.0
                .iter()
                .filter(|(key, _)| is_urn(key))
                .find_map(|(_, extension)| extension.object()?.get(name))
        })
    }

    /// The values of an attribute that may have several, or one without brackets.
    pub(crate) fn each(&self, name: &str) -> &[Value<'t>] {
        self.get(name).map_or(&[], each)
    }
}

impl<'t> Value<'t> {
    /// Null where the text is no JSON.
    pub(crate) fn parse(text: &'t [u8]) -> Self {
        serde_json::from_slice(text).unwrap_or(Self::Null)
    }

    fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Flag(flag) => Value::Flag(flag),
            Self::Number(number) => Value::Number(number),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::List(values) => Value::List(values.into_iter().map(Value::into_owned).collect()),
            Self::Object(attributes) => Value::Object(attributes.into_owned()),
        }
    }

    /// The object, where it is one.
    pub(crate) fn object(&self) -> Option<&Attributes<'t>> {
        match self {
            Self::Object(attributes) => Some(attributes),
            _ => None,
        }
    }
}

impl<'t> Deserialize<'t> for Attributes<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'t> Visitor<'t> for Members {
            type Value = Attributes<'t>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'t>>(self, map: A) -> Result<Self::Value, A::Error> {
                members(map)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl<'t> Deserialize<'t> for Value<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'t> Visitor<'t> for Any {
            type Value = Value<'t>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("any JSON")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
                Ok(Value::Flag(flag))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Value::Number(number.into()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Value::Number(number.into()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
            }

            fn visit_borrowed_str<E>(self, text: &'t str) -> Result<Self::Value, E> {
                Ok(Value::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Value::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'t>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(Value::List(values))
            }

            fn visit_map<A: MapAccess<'t>>(self, map: A) -> Result<Self::Value, A::Error> {
                members(map).map(Value::Object)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

fn members<'t, A: MapAccess<'t>>(mut map: A) -> Result<Attributes<'t>, A::Error> {
    #[derive(serde::Deserialize)]
    #[serde(transparent)]
    struct Name<'t>(#[serde(borrow)] Cow<'t, str>);

    let mut members = Vec::new();
    while let Some((Name(name), value)) = map.next_entry()? {
        members.push((name, value));
    }
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    // Of those with the same name the last counts, as in any reader of JSON.
    members.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            std::mem::swap(later, earlier);
        }
        same
    });
    Ok(Attributes(members))
}

/// The values of a list; anything else is a list of one.
pub(crate) fn each<'v, 't>(value: &'v Value<'t>) -> &'v [Value<'t>] {
    match value {
        Value::List(values) => values,
        one => std::slice::from_ref(one),
    }
}

/// A text that is not empty, or a number as one.
pub(crate) fn text<'v>(value: &'v Value<'_>) -> Option<Cow<'v, str>> {
    match value {
        Value::Text(text) if !text.trim().is_empty() => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// True or false, also as a text in any case or as 1 and 0.
pub(crate) fn flag(value: &Value<'_>) -> Option<bool> {
    match value {
        Value::Flag(flag) => Some(*flag),
        Value::Number(number) => match number.as_f64()? {
            1.0 => Some(true),
            0.0 => Some(false),
            _ => None,
        },
        Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A whole number that is not negative, also as a text.
pub(crate) fn number(value: &Value<'_>) -> Option<usize> {
    match value {
        Value::Number(number) => usize::try_from(number.as_u64()?).ok(),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
impl From<&serde_json::Value> for Value<'static> {
    fn from(value: &serde_json::Value) -> Self {
        Value::parse(value.to_string().as_bytes()).into_owned()
    }
}

#[cfg(test)]
impl From<&serde_json::Value> for Attributes<'static> {
    /// Empty where it is no object.
    fn from(value: &serde_json::Value) -> Self {
        match Value::from(value) {
            Value::Object(attributes) => attributes,
            _ => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_the_same_in_any_case_and_null_is_nothing() {
        let user = Attributes::from(
            &json!({"USERNAME": "ann", "title": null, "Name": {"Formatted": "Ann"}}),
        );
        assert_eq!(user.text("userName").as_deref(), Some("ann"));
        assert_eq!(user.get("title"), None);
        assert!(user.has("title"));
        assert_eq!(
            user.within("name", "formatted"),
            Some(&Value::Text("Ann".into()))
        );
    }

    #[test]
    fn values_of_the_type_next_to_the_right_one_are_understood() {
        for value in [
            json!(true),
            json!("True"),
            json!(1),
            json!("1"),
            json!("TRUE "),
        ] {
            assert_eq!(flag(&Value::from(&value)), Some(true), "{value}");
        }
        for value in [json!(false), json!("False"), json!(0)] {
            assert_eq!(flag(&Value::from(&value)), Some(false), "{value}");
        }
        for value in [json!("yes?"), json!(2), json!([]), json!({})] {
            assert_eq!(flag(&Value::from(&value)), None, "{value}");
        }
        assert_eq!(text(&Value::from(&json!(17))).as_deref(), Some("17"));
        assert_eq!(number(&Value::from(&json!("17"))), Some(17));
        assert_eq!(number(&Value::from(&json!(-1))), None);
    }

    #[test]
    fn an_extension_is_looked_into_whatever_its_urn() {
        let user = Attributes::from(
            &json!({"URN:ietf:x:User": {"Department": "R&D"}, "other": {"division": "x"}}),
        );
        assert_eq!(
            user.anywhere("department"),
            Some(&Value::Text("R&D".into()))
        );
        assert_eq!(user.anywhere("division"), None);
    }

    #[test]
    fn of_members_with_one_name_the_last_counts_and_of_names_that_differ_in_case_the_first_in_order()
     {
        for (text, expected) in [
            (r#"{"a":"1","a":"2"}"#, Some("2")),
            (r#"{"a":"1","A":"2"}"#, Some("2")),
            (r#"{"a":"1","A":null}"#, Some("1")),
            (r#"{"a":"1","a":null}"#, None),
            (r#"{"\u0041":"\u00e9\n"}"#, Some("é\n")),
        ] {
            let told = Attributes::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(told.text("a").as_deref(), expected, "{text}");
            assert_eq!(told.clone().into_owned(), told, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_to_its_end_and_to_its_depth_is_nothing() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(500), "}".repeat(500));
        for text in [
            r#"{"a":1"#,
            r#"{"a":1} x"#,
            r#"{"a":{"b":"\ud800"}}"#,
            r#"{"a":1e999}"#,
            "[1]",
            "null",
            &deep,
        ] {
            assert_eq!(Attributes::parse(text.as_bytes()), None, "{text}");
            let is_object = serde_json::from_str::<serde_json::Value>(text)
                .is_ok_and(|value| value.is_object());
            assert!(!is_object, "{text}");
        }
        assert_eq!(Attributes::parse(b"{\"a\":\"\xff\"}"), None);
    }
}
