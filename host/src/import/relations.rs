//! A row of the relations' file: what ties two entities is told by their types and by the row's metadata.

use super::Halt;
use super::checks::Checks;
use super::problems::quoted;
use crate::collect::item::OWN_KEYS;
use crate::collect::{EntityType, Item, Key, Level, Metadatum, Relation, RelationKind};

/// The columns that a file must have.
pub(super) const REQUIRED: [&str; 4] = [
    "Parent Entity Source ID",
    "Parent Entity Type",
    "Entity Source ID",
    "Entity Type",
];

// The columns, as `collect::RELATION_COLUMNS` numbers them.
const APP: usize = 0;
const PARENT_ID: usize = 1;
const PARENT_TYPE: usize = 2;
const CHILD_ID: usize = 3;
const CHILD_TYPE: usize = 4;
const SYSTEM: usize = 5;
const VERSION: usize = 6;
const METADATA: usize = 7;

/// The relation of a row; none where something is wrong with it.
pub(super) fn relation(checks: &mut Checks<'_>) -> Result<Option<Item>, Halt> {
    if !checks.has_width()? {
        return Ok(None);
    }
    let parent_type = checks.entity_type(PARENT_TYPE, "Parent Entity Type")?;
    let parent_id = checks.source_id(PARENT_ID, "Parent Entity Source ID")?;
    let child_type = checks.entity_type(CHILD_TYPE, "Entity Type")?;
    let child_id = checks.source_id(CHILD_ID, "Entity Source ID")?;
    checks.app(APP, (SYSTEM, "Source System"), false)?;
    let metadata = checks.metadata(VERSION, METADATA)?;
    let (own, metadata) = metadata
        .into_iter()
        .partition::<Vec<_>, _>(|(key, _)| OWN_KEYS.contains(&key.as_str()));
    let said = Said::of(own, checks)?;
    let (Some(parent_type), Some(child_type)) = (parent_type, child_type) else {
        return Ok(None);
    };
    let Some(kind) = kind(said.connection_type, parent_type, child_type, checks)? else {
        return Ok(None);
    };
    let privilege = said
        .privilege
        .unwrap_or_else(|| usual_privilege(kind).to_owned());
    checks.word("privilege", "Metadata privilegeName", &privilege)?;
    let parent = Key {
        entity_type: parent_type,
        source_id: parent_id,
    };
    let child = Key {
        entity_type: child_type,
        source_id: child_id,
    };
    if parent == child {
        let what = format!(
            "{} {} is tied to itself",
            child_type.word(),
            quoted(&child.source_id)
        );
        checks.problem("", &what, "leave the row out")?;
    }
    if checks.is_bad {
        return Ok(None);
    }
    Ok(Some(Item::Relation(Relation {
        kind,
        parent,
        child,
        privilege,
        // What belongs to a group is its member, whatever else is said of it; nobody knows more of the rest.
        level: said
            .level
            .or((kind == RelationKind::Membership).then_some(Level::Member)),
        metadata,
    })))
}

/// What the metadata says in the export's own words.
#[derive(Default)]
struct Said {
    connection_type: Option<RelationKind>,
    privilege: Option<String>,
    level: Option<Level>,
}

impl Said {
    fn of(own: Vec<(String, Metadatum)>, checks: &mut Checks<'_>) -> Result<Self, Halt> {
        let mut said = Self::default();
        for (key, value) in own {
            match (key.as_str(), value) {
                ("privilegeName", Metadatum::Text(name)) => said.privilege = Some(name),
                ("privilegeName", _) => checks.problem(
                    "Metadata privilegeName",
                    "it is no text",
                    "write the source system's own word for the privilege",
                )?,
                ("privilegeValue", value) => {
                    let is_held = match value {
                        Metadatum::Flag(flag) => flag,
                        Metadatum::Text(text) => text.eq_ignore_ascii_case("true"),
                        _ => false,
                    };
                    if !is_held {
                        checks.problem(
                            "Metadata privilegeValue",
                            "it is not true, so that the row says that nothing is given",
                            "write true, or leave the row out",
                        )?;
                    }
                }
                ("connectionType", Metadatum::Text(word)) => {
                    said.connection_type = RelationKind::ALL
                        .into_iter()
                        .find(|kind| kind.connection_type().eq_ignore_ascii_case(word.trim()));
                    if said.connection_type.is_none() {
                        let what = format!("{} is no type that is known", quoted(&word));
                        unknown_type(checks, &what)?;
                    }
                }
                ("connectionType", _) => unknown_type(checks, "it is no text")?,
                (_, Metadatum::Text(word)) => {
                    said.level = Level::ALL
                        .into_iter()
                        .find(|level| level.word().eq_ignore_ascii_case(word.trim()));
                    checks.notes.unknown_levels += u64::from(said.level.is_none());
                }
                _ => checks.notes.unknown_levels += 1,
            }
        }
        Ok(said)
    }
}

fn unknown_type(checks: &mut Checks<'_>, what: &str) -> Result<(), Halt> {
    checks.problem(
        "Metadata connectionType",
        what,
        "write group, role, direct, public or containment, or leave it out",
    )
}

/// Why the two are tied: as the metadata says, else as is usual between such two.
fn kind(
    said: Option<RelationKind>,
    parent: EntityType,
    child: EntityType,
    checks: &mut Checks<'_>,
) -> Result<Option<RelationKind>, Halt> {
    use RelationKind::{Containment, Grant, Membership};
    let usual = [Membership, Grant, Containment]
        .into_iter()
        .find(|kind| kind.fits(parent, child));
    let kind = said.or(usual).filter(|kind| kind.fits(parent, child));
    if kind.is_none() && !checks.is_bad {
        let (parent, child) = (parent.word(), child.word());
        let (column, what) = match said {
            Some(said) => (
                "Metadata connectionType",
                format!(
                    "{} makes no sense from {parent} to {child}",
                    quoted(said.connection_type())
                ),
            ),
            None => (
                "Entity Type",
                format!("no relation leads from {parent} to {child}"),
            ),
        };
        checks.problem(
            column,
            &what,
            "the parent holds: identity to connection or resource, connection to connection or resource, resource to resource",
        )?;
    }
    Ok(kind)
}

/// The privilege of a row that names none.
fn usual_privilege(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Membership | RelationKind::Role => "member",
        RelationKind::Containment => "contains",
        RelationKind::Grant | RelationKind::PublicGrant => "access",
    }
}
