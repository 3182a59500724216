//! The query parameter `fields`: trims an answer in one of three ways.

use serde_json::{Map, Value};

/// What `fields` asks for.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    select: Vec<Vec<String>>,
    add: Vec<Vec<String>>,
    remove: Vec<Vec<String>>,
}

impl Fields {
    /// A list of names with dots. One that begins with `-` is removed, one that begins with `+` is
    /// added to what is shown by itself, a bare one is selected: then nothing else is shown. A `+` that
    /// was not percent-encoded has become a space, and names nothing.
    pub(crate) fn parse(fields: &str) -> Self {
        let mut parsed = Self::default();
        for field in fields.split(',').filter(|field| !field.is_empty()) {
            let (list, name) = match (field.strip_prefix('-'), field.strip_prefix('+')) {
                (Some(name), _) => (&mut parsed.remove, name),
                (_, Some(name)) => (&mut parsed.add, name),
                _ => (&mut parsed.select, field),
            };
            list.push(name.split('.').map(str::to_owned).collect());
        }
        parsed
    }

    /// Applies it. `hidden` is what the answer holds only where it is asked for by name.
    pub(crate) fn apply(&self, value: &mut Value, hidden: &[&str]) {
        for path in hidden {
            let path: Vec<&str> = path.split('.').collect();
            if !self
                .add
                .iter()
                .chain(&self.select)
                .any(|wanted| covers(wanted, &path))
            {
                remove(value, &path);
            }
        }
        for path in &self.remove {
            remove(value, &path.iter().map(String::as_str).collect::<Vec<_>>());
        }
        if !self.select.is_empty() {
            let wanted: Vec<&[String]> = self
                .select
                .iter()
                .chain(&self.add)
                .map(Vec::as_slice)
                .collect();
            *value = select(value, &wanted);
        }
    }
}

fn covers(wanted: &[String], path: &[&str]) -> bool {
    wanted.len() <= path.len()
        && wanted.iter().zip(path).all(|(a, b)| a == "*" || a == b)
        && (wanted.len() == path.len() || wanted.last().is_some_and(|last| last == "*"))
}

fn remove(value: &mut Value, path: &[&str]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| remove(item, path)),
        Value::Object(map) => match path {
            ["*"] => map.clear(),
            [name] => {
                map.remove(*name);
            }
            ["*", rest @ ..] => map.values_mut().for_each(|inner| remove(inner, rest)),
            [name, rest @ ..] => {
                if let Some(inner) = map.get_mut(*name) {
                    remove(inner, rest);
                }
            }
            [] => {}
        },
        _ => {}
    }
}

fn select(value: &Value, wanted: &[&[String]]) -> Value {
    if wanted.iter().any(|path| path.is_empty()) {
        return value.clone();
    }
    match value {
        Value::Array(items) => items.iter().map(|item| select(item, wanted)).collect(),
        Value::Object(map) => {
            let mut out = Map::new();
            for (name, inner) in map {
                let deeper: Vec<&[String]> = wanted
                    .iter()
                    .filter(|path| path[0] == "*" || path[0] == *name)
                    .map(|path| &path[1..])
                    .collect();
                if !deeper.is_empty() {
                    out.insert(name.clone(), select(inner, &deeper));
                }
            }
            Value::Object(out)
        }
        other => other.clone(),
    }
}
