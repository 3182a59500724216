//! What a SCIM server says of something, read leniently: names in any case, values of the type next to the
//! right one.

use portcullis_kit::id::Id;
use serde_json::{Map, Value};

/// An object whose members have the same name in any case (RFC 7643, 2.1).
#[derive(Debug, Clone, Default)]
pub(crate) struct Attributes(Map<String, Value>);

impl Attributes {
    /// None where the text is no JSON object.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok().map(Self)
    }

    /// The object in a value, where it is one.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        value.as_object().cloned().map(Self)
    }

    /// Whether a member of this name is there, whatever its value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.keys().any(|key| key.eq_ignore_ascii_case(name))
    }

    /// A member that has a value: null is none (RFC 7643, 2.5).
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        member(&self.0, name)
    }

    /// A member of a member.
    pub(crate) fn within(&self, name: &str, inner: &str) -> Option<&Value> {
        member(self.get(name)?.as_object()?, inner)
    }

    /// A text, or a number as one.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        text(self.get(name)?)
    }

    /// The value of `id`, where it can be one.
    pub(crate) fn id(&self) -> Option<Id> {
        Id::new(&self.text("id")?)
    }

    /// The first value of this name in the object itself, or else in one of its extensions, whose names are
    /// URNs.
    pub(crate) fn anywhere(&self, name: &str) -> Option<&Value> {
        self.get(name).or_else(|| {
            self.0
                .iter()
                .filter(|(key, _)| key.to_ascii_lowercase().starts_with("urn:"))
                .find_map(|(_, extension)| member(extension.as_object()?, name))
        })
    }

    /// The values of an attribute that may have several, or one without brackets.
    pub(crate) fn each(&self, name: &str) -> &[Value] {
        self.get(name).map_or(&[], each)
    }
}

fn member<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    object
        .iter()
        .find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null())
        .map(|(_, value)| value)
}

/// The values of a list; anything else is a list of one.
pub(crate) fn each(value: &Value) -> &[Value] {
    value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// A text that is not empty, or a number as one.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// True or false, also as a text in any case or as 1 and 0.
pub(crate) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_f64()? {
            1.0 => Some(true),
            0.0 => Some(false),
            _ => None,
        },
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A whole number that is not negative, also as a text.
pub(crate) fn number(value: &Value) -> Option<usize> {
    match value {
        Value::Number(number) => usize::try_from(number.as_u64()?).ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn attributes(value: &Value) -> Attributes {
        Attributes::of(value).unwrap_or_else(|| panic!("an object"))
    }

    #[test]
    fn names_are_the_same_in_any_case_and_null_is_nothing() {
        let user =
            attributes(&json!({"USERNAME": "ann", "title": null, "Name": {"Formatted": "Ann"}}));
        assert_eq!(user.text("userName").as_deref(), Some("ann"));
        assert_eq!(user.get("title"), None);
        assert!(user.has("title"));
        assert_eq!(user.within("name", "formatted"), Some(&json!("Ann")));
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
            assert_eq!(flag(&value), Some(true), "{value}");
        }
        for value in [json!(false), json!("False"), json!(0)] {
            assert_eq!(flag(&value), Some(false), "{value}");
        }
        for value in [json!("yes?"), json!(2), json!([]), json!({})] {
            assert_eq!(flag(&value), None, "{value}");
        }
        assert_eq!(text(&json!(17)).as_deref(), Some("17"));
        assert_eq!(number(&json!("17")), Some(17));
        assert_eq!(number(&json!(-1)), None);
    }

    #[test]
    fn an_extension_is_looked_into_whatever_its_urn() {
        let user = attributes(
            &json!({"URN:ietf:x:User": {"Department": "R&D"}, "other": {"division": "x"}}),
        );
        assert_eq!(user.anywhere("department"), Some(&json!("R&D")));
        assert_eq!(user.anywhere("division"), None);
    }
}
