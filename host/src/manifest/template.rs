//! Example rows in the words of a product, for people who write the files that can be imported.

use crate::collect::{
    Collector, Entity, EntityType, Format, Item, Key, Level, Metadatum, Origin, Relation,
    RelationKind, RunFile, export, metadata,
};
use crate::limits::Limits;
use crate::vault::Vault;
use serde::Deserialize;
use std::path::Path;

/// The rows of a manifest that has none.
const USUAL: &str = r#"
[[entities]]
type = "identity"
source_type = "user"
source_id = "u-1001"
name = "Ann Example"
metadata = { username = "ann", department = "IT" }
[[entities]]
type = "connection"
source_type = "group"
source_id = "g-developers"
name = "Developers"
[[entities]]
type = "resource"
source_type = "application"
source_id = "a-payroll"
name = "Payroll"
[[relations]]
kind = "membership"
parent = { type = "identity", id = "u-1001" }
child = { type = "connection", id = "g-developers" }
privilege = "member"
[[relations]]
kind = "grant"
parent = { type = "connection", id = "g-developers" }
child = { type = "resource", id = "a-payroll" }
privilege = "read"
level = "read"
"#;

/// Example rows that can be imported.
#[derive(Debug, Clone)]
pub struct Template {
    items: Vec<Item>,
}

/// `[template]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    entities: Vec<EntityDocument>,
    relations: Vec<RelationDocument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntityDocument {
    r#type: String,
    source_type: String,
    source_id: String,
    name: String,
    #[serde(default)]
    metadata: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RelationDocument {
    kind: String,
    parent: EndDocument,
    child: EndDocument,
    privilege: String,
    level: Option<String>,
    #[serde(default)]
    metadata: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndDocument {
    r#type: String,
    id: String,
}

impl Template {
    /// Checks the rows; without any, those that every product has in some form.
    pub(super) fn new(document: Option<Document>) -> Result<Self, String> {
        let usual = || toml::from_str(USUAL).map_err(|error| error.to_string());
        let document = document.map_or_else(usual, Ok)?;
        let entities = document.entities.into_iter().map(EntityDocument::item);
        let relations = document.relations.into_iter().map(RelationDocument::item);
        let items = entities
            .chain(relations)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|problem| format!("template: {problem}"))?;
        let template = Self { items };
        template
            .collected()
            .map_err(|error| format!("template: {error:#}"))?;
        Ok(template)
    }

    /// Writes the files into a directory that has none of them. `app` is App and Source System.
    ///
    /// # Errors
    /// Where they are there, or can't be written.
    pub fn write(&self, app: &str, directory: &Path) -> anyhow::Result<()> {
        for name in Format::Csv.files() {
            let path = directory.join(name);
            anyhow::ensure!(
                !path.exists(),
                "{} is there already; name another directory",
                path.display()
            );
        }
        export(&self.collected()?, app, Format::Csv, directory)
    }

    /// The rows as if they had been read.
    fn collected(&self) -> anyhow::Result<RunFile> {
        let file = RunFile::create(":memory:".as_ref())?;
        let redactor = Vault::new(Default::default()).redactor().clone();
        let mut collector = Collector::new(file, redactor, Limits::default(), Default::default());
        for item in &self.items {
            collector.take(item.clone(), Origin::Unknown)?;
        }
        let mut file = collector.into_file()?;
        let missing = file.set_missing_apart()?;
        let end = missing.examples.first();
        if let Some((entity_type, id)) = end {
            anyhow::bail!("a relation names {entity_type} {id:?}, which is no entity of it");
        }
        anyhow::ensure!(
            file.containment_circles()? == 0,
            "its containments form a circle"
        );
        Ok(file)
    }
}

impl EntityDocument {
    fn item(self) -> Result<Item, String> {
        Ok(Item::Entity(Entity {
            key: key(&self.r#type, self.source_id)?,
            source_type: self.source_type,
            name: self.name,
            metadata: pairs(self.metadata)?,
        }))
    }
}

impl RelationDocument {
    fn item(self) -> Result<Item, String> {
        let kind = word_of(&RelationKind::ALL, RelationKind::word, &self.kind)?;
        let level = self
            .level
            .map(|word| word_of(&Level::ALL, Level::word, &word))
            .transpose()?;
        Ok(Item::Relation(Relation {
            kind,
            parent: key(&self.parent.r#type, self.parent.id)?,
            child: key(&self.child.r#type, self.child.id)?,
            privilege: self.privilege,
            level,
            metadata: pairs(self.metadata)?,
        }))
    }
}

fn key(entity_type: &str, source_id: String) -> Result<Key, String> {
    Ok(Key {
        entity_type: word_of(&EntityType::ALL, EntityType::word, entity_type)?,
        source_id,
    })
}

/// The one of these that a word names.
fn word_of<T: Copy>(all: &[T], word: fn(T) -> &'static str, said: &str) -> Result<T, String> {
    let found = all.iter().find(|one| word(**one) == said);
    found.copied().ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|one| word(*one)).collect();
        format!("{said:?} is none of {}", known.join(", "))
    })
}

fn pairs(value: serde_json::Value) -> Result<Vec<(String, Metadatum)>, String> {
    if value.is_null() {
        return Ok(Vec::new());
    }
    metadata::read(&value.to_string()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Template::new(Some(toml::from_str(text).unwrap())).unwrap_err()
    }

    #[test]
    fn the_usual_rows_hold() {
        assert_eq!(Template::new(None).unwrap().items.len(), 5);
    }

    #[test]
    fn rows_that_could_not_be_imported_are_refused() {
        let with = |from: &str, to: &str| problem(&USUAL.replace(from, to));
        assert!(with("id = \"a-payroll\" }", "id = \"b\" }").contains("\"b\""));
        assert!(with("\"membership\"", "\"owns\"").contains("owns"));
        assert!(with("level = \"read\"", "level = \"high\"").contains("high"));
        assert!(with("kind = \"grant\"", "kind = \"membership\"").contains("membership"));
    }
}
