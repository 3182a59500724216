//! How ids, booleans, names and places are written.

use serde_json::{Map, Value, json};

/// How values are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// Ids that are decimal numbers come as numbers.
    pub numbers: bool,
    /// `active`.
    pub active: Active,
    /// `meta`.
    pub meta: Meta,
    /// What has no value is null; else it is not there.
    pub null: bool,
    /// How attributes are spelled.
    pub names: Letters,
    /// How the URNs of schemas are spelled.
    pub urns: Letters,
}

/// How `active` is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Active {
    /// true and false.
    #[default]
    Boolean,
    /// "True" and "False".
    Text,
    /// 1 and 0.
    Number,
    /// Never there.
    Absent,
}

/// What `meta.location` looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Meta {
    /// An absolute URL.
    #[default]
    Absolute,
    /// A path.
    Relative,
    /// An absolute URL with a space in it.
    Space,
    /// A URL of another origin.
    Elsewhere,
    /// There is no `meta`.
    Absent,
}

/// Large and small letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Letters {
    /// As in the RFC.
    #[default]
    AsDefined,
    /// Small.
    Small,
    /// Large.
    Large,
}

impl Values {
    pub(crate) fn id(&self, id: &str) -> Value {
        match id.parse::<u64>() {
            Ok(number) if self.numbers => number.into(),
            _ => id.into(),
        }
    }

    pub(crate) fn active(&self, active: Option<bool>) -> Option<Value> {
        let active = active?;
        Some(match self.active {
            Active::Boolean => active.into(),
            Active::Text => if active { "True" } else { "False" }.into(),
            Active::Number => u8::from(active).into(),
            Active::Absent => return None,
        })
    }

    pub(crate) fn meta(&self, base: &str, kind: &str, id: &str) -> Option<Value> {
        let location = match self.meta {
            Meta::Absolute => format!("{base}/{kind}s/{id}"),
            Meta::Relative => format!("/{kind}s/{id}"),
            Meta::Space => format!("{base}/{kind}s/ {id}"),
            Meta::Elsewhere => format!("https://elsewhere.example/{kind}s/{id}"),
            Meta::Absent => return None,
        };
        Some(json!({
            "resourceType": kind,
            "location": location,
            "created": "2026-03-01T08:00:00Z",
            "lastModified": "2026-11-20T17:30:00Z",
        }))
    }

    /// The same with attributes and URNs in other letters.
    pub(crate) fn respelled(&self, value: Value) -> Value {
        if self.names == Letters::AsDefined && self.urns == Letters::AsDefined {
            return value;
        }
        self.respell(value, false)
    }

    fn respell(&self, value: Value, urns: bool) -> Value {
        match value {
            Value::Object(object) => {
                let mut respelled = Map::new();
                for (name, value) in object {
                    let holds_urns = name == "schemas" || name == "schema";
                    let name = match name.starts_with("urn:") {
                        true => self.urns.write(name),
                        false => self.names.write(name),
                    };
                    respelled.insert(name, self.respell(value, holds_urns));
                }
                respelled.into()
            }
            Value::Array(values) => values
                .into_iter()
                .map(|value| self.respell(value, urns))
                .collect(),
            Value::String(text) if urns => self.urns.write(text).into(),
            other => other,
        }
    }
}

impl Letters {
    fn write(self, text: String) -> String {
        match self {
            Self::AsDefined => text,
            Self::Small => text.to_lowercase(),
            Self::Large => text.to_uppercase(),
        }
    }
}
