//! The truth about a world, in rows that compare with the exports.

use std::collections::BTreeSet;

/// One line of the entities, without what is the same in all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntityRow {
    /// `identity`, `connection` or `resource`.
    pub entity_type: String,
    /// The source's own word: `user`, `group`, `repository`.
    pub source_type: String,
    /// The source's id.
    pub source_id: String,
    /// As the source says it; an export writes [`guard`] of it.
    pub name: String,
    /// Only a relation named it.
    pub dangling: bool,
}

/// One line of the relations, without what is the same in all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RelationRow {
    /// The holder's entity type.
    pub parent_type: String,
    /// The holder's source id.
    pub parent_id: String,
    /// The entity type of what is held.
    pub entity_type: String,
    /// The source id of what is held.
    pub entity_id: String,
    /// `privilegeName`.
    pub privilege: String,
    /// `connectionType`: `group`, `direct`, `public`, `role` or `containment`.
    pub connection_type: String,
    /// `level`, where there is one.
    pub level: Option<String>,
}

/// The whole truth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Every entity, once.
    pub entities: BTreeSet<EntityRow>,
    /// Every relation, once.
    pub relations: BTreeSet<RelationRow>,
}

/// A name as the CSV exports write it: a spreadsheet must not take it, or what stands behind a separator in it, for a formula.
pub fn guard(name: &str) -> String {
    let mut guarded = String::new();
    let mut cell_begins = true;
    for character in name.chars() {
        if cell_begins && matches!(character, '=' | '+' | '-' | '@') {
            guarded.push('\'');
        }
        cell_begins = matches!(character, ';' | ',' | '\t' | '\n' | '\r')
            || cell_begins && (character.is_whitespace() || character == '"');
        guarded.push(character);
    }
    guarded
}
