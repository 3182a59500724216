//! A row of the entities' file.

use super::Halt;
use super::checks::Checks;
use super::problems::quoted;
use crate::collect::item::steers;
use crate::collect::{Entity, Item, Key, unguarded};

/// The columns that a file must have.
pub(super) const REQUIRED: [&str; 5] = [
    "Name",
    "Entity Type",
    "Source System",
    "Source ID",
    "Source Type",
];

// The columns, as `collect::ENTITY_COLUMNS` numbers them.
const APP: usize = 0;
const NAME: usize = 1;
const TYPE: usize = 2;
const SYSTEM: usize = 3;
const ID: usize = 4;
const SOURCE_TYPE: usize = 5;
const VERSION: usize = 6;
const METADATA: usize = 7;

/// The entity of a row; none where something is wrong with it.
pub(super) fn entity(checks: &mut Checks<'_>) -> Result<Option<Item>, Halt> {
    if !checks.has_width()? {
        return Ok(None);
    }
    let entity_type = checks.entity_type(TYPE, "Entity Type")?;
    let source_id = checks.source_id(ID, "Source ID")?;
    let name = name(checks)?;
    let source_type = checks.text(SOURCE_TYPE, "Source Type")?.trim();
    checks.word("source type", "Source Type", source_type)?;
    checks.app(APP, (SYSTEM, "Source System"), true)?;
    let metadata = checks.metadata(VERSION, METADATA)?;
    Ok(entity_type.filter(|_| !checks.is_bad).map(|entity_type| {
        Item::Entity(Entity {
            key: Key {
                entity_type,
                source_id,
            },
            source_type: source_type.to_owned(),
            name,
            metadata,
        })
    }))
}

/// The name, without the export's quote in front of a formula, and on one line.
fn name(checks: &mut Checks<'_>) -> Result<String, Halt> {
    let cell = checks.text(NAME, "Name")?;
    if cell.is_empty() {
        checks.problem(
            "Name",
            "it is empty",
            "write what a person knows it by, or its id",
        )?;
    }
    let mut name = unguarded(cell);
    if name.contains(['\n', '\r', '\t']) {
        checks.notes.broken_names += 1;
        name = name
            .replace("\r\n", " ")
            .replace(['\n', '\r', '\t'], " ")
            .into();
    }
    if name.contains(steers) {
        let what = format!(
            "{} holds a control character, or one that turns text around",
            quoted(&name)
        );
        checks.problem("Name", &what, "take the character out")?;
    }
    Ok(name.into_owned())
}
