//! `attributes` and `excludedAttributes`.

use serde_json::{Map, Value};

use crate::asked::Asked;

/// What becomes of `attributes` and `excludedAttributes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attributes {
    /// They are honoured.
    #[default]
    Honoured,
    /// They are ignored.
    Ignored,
    /// They are honoured, and `schemas` is missing wherever one was sent.
    WithoutSchemas,
}

/// What always comes.
const ALWAYS: [&str; 2] = ["id", "schemas"];

impl Attributes {
    /// What is left of a resource.
    pub(crate) fn select(self, resource: Value, asked: &Asked) -> Value {
        let Value::Object(mut object) = resource else {
            return resource;
        };
        if self == Self::Ignored || (asked.attributes.is_empty() && asked.excluded.is_empty()) {
            return object.into();
        }
        if asked.attributes.is_empty() {
            object.retain(|name, _| {
                let name = name.to_lowercase();
                ALWAYS.contains(&&*name) || !asked.excluded.contains(&name)
            });
        } else {
            object = object
                .into_iter()
                .filter_map(|(name, value)| Some((name.clone(), wanted(&name, value, asked)?)))
                .collect();
        }
        if self == Self::WithoutSchemas {
            object.remove("schemas");
        }
        object.into()
    }
}

/// As much of an attribute as was asked for.
fn wanted(name: &str, value: Value, asked: &Asked) -> Option<Value> {
    let name = name.to_lowercase();
    if ALWAYS.contains(&&*name) || asked.attributes.contains(&name) {
        return Some(value);
    }
    // `members.value`, or `urn:...:User:department`.
    let part = |asked: &String| {
        let rest = asked.strip_prefix(&name)?;
        rest.strip_prefix(['.', ':']).map(str::to_owned)
    };
    let parts: Vec<String> = asked.attributes.iter().filter_map(part).collect();
    (!parts.is_empty()).then(|| pick(value, &parts))
}

fn pick(value: Value, parts: &[String]) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(|value| pick(value, parts)).collect(),
        Value::Object(object) => {
            let named = |name: &String| parts.contains(&name.to_lowercase());
            let object = object.into_iter().filter(|(name, _)| named(name));
            object.collect::<Map<_, _>>().into()
        }
        other => other,
    }
}
