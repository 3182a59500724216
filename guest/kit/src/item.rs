//! Items of the contract, built so that the host accepts them.

use crate::bindings::portcullis::connector::output::{
    Entity, EntityType, Item, Key, Level, Metadatum, Relation, RelationKind,
};
use crate::timestamp::utc;

/// The longest text of a metadatum or name, in bytes: far below the host's `item_kib` even for an item
/// with a dozen of them.
const LONGEST_TEXT: usize = 8 * 1024;

/// The key of an identity.
#[must_use]
pub fn identity(source_id: impl Into<String>) -> Key {
    Key {
        entity_type: EntityType::Identity,
        source_id: source_id.into(),
    }
}

/// The key of a connection.
#[must_use]
pub fn connection(source_id: impl Into<String>) -> Key {
    Key {
        entity_type: EntityType::Connection,
        source_id: source_id.into(),
    }
}

/// The key of a resource.
#[must_use]
pub fn resource(source_id: impl Into<String>) -> Key {
    Key {
        entity_type: EntityType::Resource,
        source_id: source_id.into(),
    }
}

/// An entity in the making. Metadata that is not known is left out.
#[derive(Debug)]
pub struct EntityDraft(Entity);

/// Begins an entity.
#[must_use]
pub fn entity(key: Key, source_type: &str, name: &str) -> EntityDraft {
    EntityDraft(Entity {
        key,
        source_type: source_type.to_owned(),
        name: cut(name),
        metadata: Vec::new(),
    })
}

impl EntityDraft {
    /// Adds a text, unless it is empty.
    #[must_use]
    pub fn text(mut self, key: &str, value: Option<&str>) -> Self {
        if let Some(text) = value.filter(|text| !text.is_empty()) {
            self.0
                .metadata
                .push((key.to_owned(), Metadatum::Text(cut(text))));
        }
        self
    }

    /// Adds texts, unless there are none.
    #[must_use]
    pub fn texts(mut self, key: &str, values: Vec<String>) -> Self {
        if !values.is_empty() {
            let texts = values.iter().map(|text| cut(text)).collect();
            self.0
                .metadata
                .push((key.to_owned(), Metadatum::Texts(texts)));
        }
        self
    }

    /// Adds an instant, as RFC 3339 in UTC, unless it can't be read as one.
    #[must_use]
    pub fn instant(self, key: &str, value: Option<&str>) -> Self {
        let instant = value.and_then(utc);
        self.text(key, instant.as_deref())
    }

    /// Adds a flag.
    #[must_use]
    pub fn flag(mut self, key: &str, value: Option<bool>) -> Self {
        if let Some(flag) = value {
            self.0
                .metadata
                .push((key.to_owned(), Metadatum::Flag(flag)));
        }
        self
    }

    /// Marks the entity as one that only a relation named.
    #[must_use]
    pub fn dangling(self) -> Self {
        self.flag("dangling", Some(true))
    }

    /// The item.
    #[must_use]
    pub fn item(self) -> Item {
        Item::Entity(self.0)
    }
}

/// An edge whose metadata names the `project`, the part of the source that it was read from.
#[must_use]
pub fn relation(
    kind: RelationKind,
    parent: Key,
    child: Key,
    privilege: &str,
    level: Option<Level>,
    project: &str,
) -> Item {
    Item::Relation(Relation {
        kind,
        parent,
        child,
        privilege: privilege.to_owned(),
        level,
        metadata: vec![("project".to_owned(), Metadatum::Text(project.to_owned()))],
    })
}

/// About how many bytes an item takes on its way to the host.
pub(crate) fn size(item: &Item) -> usize {
    let metadata_size = |metadata: &[(String, Metadatum)]| -> usize {
        metadata
            .iter()
            .map(|(key, value)| {
                key.len()
                    + match value {
                        Metadatum::Text(text) => text.len(),
                        Metadatum::Texts(texts) => texts.iter().map(String::len).sum(),
                        Metadatum::Flag(_) | Metadatum::Integer(_) => 8,
                    }
            })
            .sum()
    };
    match item {
        Item::Entity(entity) => {
            entity.key.source_id.len() + entity.name.len() + metadata_size(&entity.metadata)
        }
        Item::Relation(relation) => {
            relation.parent.source_id.len()
                + relation.child.source_id.len()
                + metadata_size(&relation.metadata)
        }
        Item::Coverage(coverage) => coverage.reason.as_ref().map_or(0, String::len),
        Item::Warning(text) => text.len(),
    }
}

fn cut(text: &str) -> String {
    if text.len() <= LONGEST_TEXT {
        return text.to_owned();
    }
    let mut end = LONGEST_TEXT;
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let mut short = text.get(..end).unwrap_or_default().to_owned();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_left_out() {
        let Item::Entity(entity) = entity(resource("{1}"), "repository", "acme/web")
            .text("description", Some(""))
            .text("slug", None)
            .instant("created_on", Some("not a time"))
            .flag("is_private", None)
            .item()
        else {
            panic!("an entity");
        };
        assert!(entity.metadata.is_empty());
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = cut(&"é".repeat(LONGEST_TEXT));
        assert!(text.len() < LONGEST_TEXT + 8);
        assert!(text.ends_with('…'));
    }
}
