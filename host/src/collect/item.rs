//! Items, and what must hold for them.

use super::characters::{is_invisible, is_other_blank};
use super::formula::computes;
use super::metadata::Metadatum;
use crate::vault::Redactor;
use std::collections::BTreeSet;
use std::fmt;

/// The core node types of an access graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityType {
    /// Who has access.
    Identity,
    /// What links identities to resources.
    Connection,
    /// What can be accessed.
    Resource,
}

impl EntityType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Identity, Self::Connection, Self::Resource];

    /// The word of the exports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Connection => "connection",
            Self::Resource => "resource",
        }
    }
}

/// What names an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its type.
    pub entity_type: EntityType,
    /// The source's own id.
    pub source_id: String,
}

/// A node of the access graph.
#[derive(Debug, Clone)]
pub struct Entity {
    /// What names it.
    pub key: Key,
    /// The source's own word for what it is.
    pub source_type: String,
    /// The name that a person knows it by.
    pub name: String,
    /// What else is known.
    pub metadata: Vec<(String, Metadatum)>,
}

/// Why an entity is tied to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    /// A member of a connection.
    Membership,
    /// A role in a resource that contains others.
    Role,
    /// Access that was given.
    Grant,
    /// Access that was given to everyone.
    PublicGrant,
    /// A resource in a resource.
    Containment,
}

impl RelationKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Membership,
        Self::Role,
        Self::Grant,
        Self::PublicGrant,
        Self::Containment,
    ];

    /// The word of the run file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Membership => "membership",
            Self::Role => "role",
            Self::Grant => "grant",
            Self::PublicGrant => "public-grant",
            Self::Containment => "containment",
        }
    }

    /// The `connectionType` of the exports.
    pub fn connection_type(self) -> &'static str {
        match self {
            Self::Membership => "group",
            Self::Role => "role",
            Self::Grant => "direct",
            Self::PublicGrant => "public",
            Self::Containment => "containment",
        }
    }

    /// Whether this kind makes sense between entities of these types.
    pub fn fits(self, parent: EntityType, child: EntityType) -> bool {
        use EntityType::{Connection, Identity, Resource};
        match self {
            Self::Membership => matches!((parent, child), (Identity | Connection, Connection)),
            Self::Role => matches!(
                (parent, child),
                (Identity | Connection, Resource | Connection)
            ),
            Self::Grant => matches!((parent, child), (Identity | Connection, Resource)),
            Self::PublicGrant => matches!((parent, child), (Identity, Resource)),
            Self::Containment => matches!((parent, child), (Resource, Resource)),
        }
    }
}

/// The normalised strength of a privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Belongs.
    Member,
    /// May read.
    Read,
    /// May change contents.
    Write,
    /// May create further resources.
    Create,
    /// May do everything.
    Admin,
}

impl Level {
    /// All of them, weakest first.
    pub const ALL: [Self; 5] = [
        Self::Member,
        Self::Read,
        Self::Write,
        Self::Create,
        Self::Admin,
    ];

    /// The word of the exports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Read => "read",
            Self::Write => "write",
            Self::Create => "create",
            Self::Admin => "admin",
        }
    }
}

/// An edge of the access graph.
#[derive(Debug, Clone)]
pub struct Relation {
    /// Why the two are tied.
    pub kind: RelationKind,
    /// The holder.
    pub parent: Key,
    /// What is held.
    pub child: Key,
    /// The source's own word for the privilege.
    pub privilege: String,
    /// The privilege on the common scale.
    pub level: Option<Level>,
    /// What else is known.
    pub metadata: Vec<(String, Metadatum)>,
}

/// How much of something could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// All of it.
    Complete,
    /// Some of it.
    Partial,
    /// None of it.
    Unreadable,
    /// The API has no way to read it for anyone.
    Unavailable,
    /// The settings ask for it to be left out.
    LeftOut,
}

impl Status {
    /// The word of the run file and the reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Unreadable => "unreadable",
            Self::Unavailable => "unavailable",
            Self::LeftOut => "left-out",
        }
    }

    /// Whether something that was asked for is missing.
    pub fn is_gap(self) -> bool {
        matches!(self, Self::Partial | Self::Unreadable)
    }
}

/// What could and what could not be read.
#[derive(Debug, Clone)]
pub struct Coverage {
    /// What kind of thing it is about.
    pub family: String,
    /// The one object that it is about.
    pub scope: Option<String>,
    /// How much could be read.
    pub status: Status,
    /// Why it is so.
    pub reason: Option<String>,
    /// The credential that served.
    pub slot: Option<String>,
}

/// One thing that a connector says.
#[derive(Debug, Clone)]
pub enum Item {
    /// A node.
    Entity(Entity),
    /// An edge.
    Relation(Relation),
    /// What could be read.
    Coverage(Coverage),
    /// A sentence for a person.
    Warning(String),
}

/// An item breaks the contract.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadItem(pub String);

/// The longest id or word, in bytes, as `wit/` says.
const LONGEST_ID: usize = 1024;

/// Keys of a relation's metadata that are the host's own.
pub(crate) const OWN_KEYS: [&str; 4] =
    ["privilegeName", "privilegeValue", "connectionType", "level"];

impl Item {
    /// Checks what `wit/` says of items.
    ///
    /// # Errors
    /// [`BadItem`], which names what is wrong.
    pub fn check(&self, most_bytes: usize) -> Result<(), BadItem> {
        let size = self.size();
        if size > most_bytes {
            return Err(BadItem(format!(
                "an item of {size} bytes; the limit item_kib allows {most_bytes}"
            )));
        }
        match self {
            Self::Entity(entity) => {
                check_source_id(&entity.key.source_id)?;
                check_word("source type", &entity.source_type)?;
                check_metadata(&entity.metadata, &[])?;
            }
            Self::Relation(relation) => {
                check_source_id(&relation.parent.source_id)?;
                check_source_id(&relation.child.source_id)?;
                check_word("privilege", &relation.privilege)?;
                check_metadata(&relation.metadata, &OWN_KEYS)?;
                if !relation
                    .kind
                    .fits(relation.parent.entity_type, relation.child.entity_type)
                {
                    return Err(BadItem(format!(
                        "a {} from {} to {}",
                        relation.kind.word(),
                        relation.parent.entity_type.word(),
                        relation.child.entity_type.word()
                    )));
                }
                if relation.parent == relation.child {
                    return Err(BadItem(format!(
                        "a {} of an entity with itself",
                        relation.kind.word()
                    )));
                }
            }
            Self::Coverage(coverage) => {
                check_word("family", &coverage.family)?;
                if coverage.status != Status::Complete
                    && coverage.reason.as_ref().is_none_or(String::is_empty)
                {
                    return Err(BadItem(format!(
                        "coverage of {} that is {} without a reason",
                        super::quoted(&coverage.family, 80),
                        coverage.status.word()
                    )));
                }
            }
            Self::Warning(_) => {}
        }
        Ok(())
    }

    /// Whether its ids and words can be kept as they are: they are never changed on their way to a file.
    ///
    /// # Errors
    /// The first that can't.
    pub fn fit(&self) -> Result<(), Unfit> {
        match self {
            Self::Entity(entity) => {
                check_fit("source id", &entity.key.source_id)?;
                check_fit("source type", &entity.source_type)?;
                check_metadata_fit(&entity.metadata)
            }
            Self::Relation(relation) => {
                check_fit("source id", &relation.parent.source_id)?;
                check_fit("source id", &relation.child.source_id)?;
                check_fit("privilege", &relation.privilege)?;
                check_metadata_fit(&relation.metadata)
            }
            Self::Coverage(coverage) => check_fit("family", &coverage.family),
            Self::Warning(_) => Ok(()),
        }
    }

    /// The item without secrets, and without characters that a text can't hold.
    #[must_use]
    pub fn redacted(self, redactor: &Redactor) -> Self {
        // All texts are searched at once: one by one, most of the time would go into beginning anew.
        let holds_secret = redactor.is_in(|take| self.each_text(take));
        let clean = |text: String| {
            if holds_secret {
                redactor.text(&text).into_owned()
            } else {
                text
            }
        };
        let shown = |text: String| visible(clean(text), steers);
        // Line breaks and tabs are common in descriptions, and escaped where metadata is written.
        let written = |text: String| visible(clean(text), steers_in_metadata);
        let clean_key = |key: Key| Key {
            source_id: clean(key.source_id),
            ..key
        };
        let clean_metadata = |metadata: Vec<(String, Metadatum)>| {
            metadata
                .into_iter()
                .map(|(key, value)| (clean(key), value.map(&written)))
                .collect()
        };
        match self {
            Self::Entity(entity) => Self::Entity(Entity {
                key: clean_key(entity.key),
                source_type: clean(entity.source_type),
                name: shown(entity.name),
                metadata: clean_metadata(entity.metadata),
            }),
            Self::Relation(relation) => Self::Relation(Relation {
                parent: clean_key(relation.parent),
                child: clean_key(relation.child),
                privilege: clean(relation.privilege),
                metadata: clean_metadata(relation.metadata),
                ..relation
            }),
            Self::Coverage(coverage) => Self::Coverage(Coverage {
                family: clean(coverage.family),
                scope: coverage.scope.map(shown),
                status: coverage.status,
                reason: coverage.reason.map(shown),
                slot: coverage.slot.map(shown),
            }),
            Self::Warning(text) => Self::Warning(shown(text)),
        }
    }

    fn each_text(&self, take: &mut dyn FnMut(&str)) {
        let each_of = |metadata: &[(String, Metadatum)], take: &mut dyn FnMut(&str)| {
            for (key, value) in metadata {
                take(key);
                value.each_text(&mut |text| take(text));
            }
        };
        match self {
            Self::Entity(entity) => {
                take(&entity.key.source_id);
                take(&entity.source_type);
                take(&entity.name);
                each_of(&entity.metadata, take);
            }
            Self::Relation(relation) => {
                take(&relation.parent.source_id);
                take(&relation.child.source_id);
                take(&relation.privilege);
                each_of(&relation.metadata, take);
            }
            Self::Coverage(coverage) => {
                take(&coverage.family);
                let optional = [&coverage.scope, &coverage.reason, &coverage.slot];
                optional.into_iter().flatten().for_each(|text| take(text));
            }
            Self::Warning(text) => take(text),
        }
    }

    /// What it takes, in bytes, as the limit `item_kib` counts: its texts, and 16 bytes more for each piece of metadata.
    pub fn size(&self) -> usize {
        let metadata_size = |metadata: &[(String, Metadatum)]| {
            metadata
                .iter()
                .map(|(key, value)| 16 + key.len() + value.size())
                .sum::<usize>()
        };
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        match self {
            Self::Entity(entity) => {
                entity.key.source_id.len()
                    + entity.source_type.len()
                    + entity.name.len()
                    + metadata_size(&entity.metadata)
            }
            Self::Relation(relation) => {
                relation.parent.source_id.len()
                    + relation.child.source_id.len()
                    + relation.privilege.len()
                    + metadata_size(&relation.metadata)
            }
            Self::Coverage(coverage) => {
                coverage.family.len()
                    + optional(&coverage.scope)
                    + optional(&coverage.reason)
                    + optional(&coverage.slot)
            }
            Self::Warning(text) => text.len(),
        }
    }
}

/// A text that a person sees: what steers its display becomes U+FFFD.
fn visible(text: String, steers: impl Fn(char) -> bool) -> String {
    if text.contains(&steers) {
        text.replace(steers, "\u{fffd}")
    } else {
        text
    }
}

/// Characters by which a text is shown as something else than it is: control characters, and the embeddings,
/// overrides and isolates that turn the order of text around. The plain marks of right-to-left writing stay: honest
/// names have them.
pub(crate) fn steers(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a text holds one of them. Most texts are plain, and for these it is fast.
fn has_steering(text: &str) -> bool {
    let is_plain = |byte: u8| (b' '..0x7f).contains(&byte);
    let plain = text.bytes().fold(true, |all, byte| all & is_plain(byte));
    !plain && text.contains(steers)
}

/// As [`steers`], where line breaks and tabs are harmless.
fn steers_in_metadata(character: char) -> bool {
    steers(character) && !matches!(character, '\n' | '\r' | '\t')
}

/// Whether a text of this metadata would be changed on its way to the run file.
pub(crate) fn metadata_steers(metadata: &[(String, Metadatum)]) -> bool {
    let mut found = false;
    for (_, value) in metadata {
        value.each_text(&mut |text| found |= text.contains(steers_in_metadata));
    }
    found
}

/// Checks what `wit/` says of an entity's id.
///
/// # Errors
/// [`BadItem`].
pub(crate) fn check_source_id(id: &str) -> Result<(), BadItem> {
    if id.is_empty() || id.len() > LONGEST_ID {
        return Err(BadItem(format!(
            "a source id of {} bytes; it must be 1 to {LONGEST_ID}",
            id.len()
        )));
    }
    if has_steering(id) {
        return Err(BadItem(
            "a source id that holds a control character, or one that turns text around".to_owned(),
        ));
    }
    Ok(())
}

/// Why an id or a word can't be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misleads {
    /// A spreadsheet would take it for a formula.
    Computes,
    /// It holds a character that nobody sees, or a blank that looks like a space: two such ids look the same.
    Hides,
}

/// An id or a word that can't be kept. Its item is left out.
#[derive(Debug)]
pub struct Unfit {
    /// What it is: `source id`.
    pub what: &'static str,
    /// The id or word.
    pub text: String,
    /// Why.
    pub why: Misleads,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Misleads::Computes => "that a spreadsheet would take for a formula",
            Misleads::Hides => "that holds an invisible character or an unusual blank",
        };
        write!(f, "a {} {why}", self.what)
    }
}

/// Checks whether an id or a word can be kept as it is.
///
/// # Errors
/// [`Unfit`].
pub(crate) fn check_fit(what: &'static str, text: &str) -> Result<(), Unfit> {
    let hides = || text.contains(|character| is_invisible(character) || is_other_blank(character));
    let why = if computes(text) {
        Misleads::Computes
    } else if !text.is_ascii() && hides() {
        Misleads::Hides
    } else {
        return Ok(());
    };
    Err(Unfit {
        what,
        text: text.to_owned(),
        why,
    })
}

/// Checks whether the keys of metadata can be kept as they are.
///
/// # Errors
/// [`Unfit`].
pub(crate) fn check_metadata_fit(metadata: &[(String, Metadatum)]) -> Result<(), Unfit> {
    metadata
        .iter()
        .try_for_each(|(key, _)| check_fit("metadata key", key))
}

/// Checks what `wit/` says of a word.
///
/// # Errors
/// [`BadItem`].
pub(crate) fn check_word(what: &str, word: &str) -> Result<(), BadItem> {
    if word.is_empty() || word.len() > LONGEST_ID || has_steering(word) {
        return Err(BadItem(format!(
            "a {what} that is empty or over {LONGEST_ID} bytes, or holds a control character or one that turns text around"
        )));
    }
    Ok(())
}

/// Checks the keys of metadata, among which `own` may not be.
///
/// # Errors
/// [`BadItem`].
pub(crate) fn check_metadata(
    metadata: &[(String, Metadatum)],
    own: &[&str],
) -> Result<(), BadItem> {
    let mut seen = BTreeSet::new();
    for (key, _) in metadata {
        check_word("metadata key", key)?;
        if own.contains(&key.as_str()) {
            return Err(BadItem(format!(
                "the metadata key {key}, which is the host's own"
            )));
        }
        if !seen.insert(key) {
            return Err(BadItem(
                "the same metadata key twice in one item".to_owned(),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(entity_type: EntityType, id: &str) -> Key {
        Key {
            entity_type,
            source_id: id.into(),
        }
    }

    fn entity(id: &str) -> Item {
        Item::Entity(Entity {
            key: key(EntityType::Identity, id),
            source_type: "user".into(),
            name: "A\nB".into(),
            metadata: vec![],
        })
    }

    fn relation(kind: RelationKind, parent: Key, child: Key) -> Item {
        Item::Relation(Relation {
            kind,
            parent,
            child,
            privilege: "x".into(),
            level: None,
            metadata: vec![],
        })
    }

    fn refused(item: Item) -> bool {
        item.check(10_000).is_err()
    }

    #[test]
    fn ids_are_short_and_without_control_characters() {
        assert!(!refused(entity("{a}")));
        assert!(
            refused(entity("")) && refused(entity("a\tb")) && refused(entity(&"a".repeat(1025)))
        );
    }

    #[test]
    fn a_relation_must_make_sense_for_its_ends() {
        let user = || key(EntityType::Identity, "u");
        let group = || key(EntityType::Connection, "g");
        let repository = || key(EntityType::Resource, "r");
        assert!(!refused(relation(
            RelationKind::Grant,
            group(),
            repository()
        )));
        assert!(refused(relation(
            RelationKind::Grant,
            repository(),
            group()
        )));
        assert!(refused(relation(
            RelationKind::Membership,
            user(),
            repository()
        )));
        assert!(refused(relation(
            RelationKind::Containment,
            repository(),
            repository()
        )));
    }

    #[test]
    fn a_gap_needs_a_reason() {
        let coverage = |status, reason: Option<&str>| {
            Item::Coverage(Coverage {
                family: "members".into(),
                scope: None,
                status,
                reason: reason.map(Into::into),
                slot: None,
            })
        };
        assert!(
            refused(coverage(Status::Unreadable, None))
                && refused(coverage(Status::Partial, Some("")))
        );
        assert!(!refused(coverage(Status::Complete, None)));
    }

    #[test]
    fn metadata_keys_are_unique_and_not_the_hosts() {
        let with = |keys: &[&str]| {
            let mut item = relation(
                RelationKind::Grant,
                key(EntityType::Identity, "u"),
                key(EntityType::Resource, "r"),
            );
            if let Item::Relation(relation) = &mut item {
                relation.metadata = keys
                    .iter()
                    .map(|key| ((*key).to_owned(), Metadatum::Flag(true)))
                    .collect();
            }
            item
        };
        assert!(!refused(with(&["project"])));
        assert!(
            refused(with(&["a", "a"])) && refused(with(&["privilegeName"])) && refused(with(&[""]))
        );
    }

    #[test]
    fn an_item_is_bounded() {
        assert!(Item::Warning("a".repeat(101)).check(100).is_err());
        assert!(Item::Warning("a".repeat(100)).check(100).is_ok());
    }
}
