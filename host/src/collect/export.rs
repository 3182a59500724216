//! The exports: the product's CSV formats, and the same as JSON lines. Sorted by ids, so that two runs over
//! the same data give the same bytes.

use super::formula::{guarded, guarded_json};
use super::item::RelationKind;
use super::run_file::RunFile;
use crate::json_line::one_line;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The version of the metadata that the exports carry.
pub(crate) const METADATA_VERSION: &str = "v1";

/// A form of the exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Format {
    /// `entities.csv` and `entity_relations.csv`.
    Csv,
    /// `entities.jsonl` and `entity_relations.jsonl`.
    Jsonl,
}

impl Format {
    /// The files that it consists of: entities, relations.
    pub fn files(self) -> [&'static str; 2] {
        match self {
            Self::Csv => ["entities.csv", "entity_relations.csv"],
            Self::Jsonl => ["entities.jsonl", "entity_relations.jsonl"],
        }
    }
}

pub(crate) const ENTITY_COLUMNS: [&str; 8] = [
    "App",
    "Name",
    "Entity Type",
    "Source System",
    "Source ID",
    "Source Type",
    "Metadata Version",
    "Metadata",
];

pub(crate) const RELATION_COLUMNS: [&str; 8] = [
    "App",
    "Parent Entity Source ID",
    "Parent Entity Type",
    "Entity Source ID",
    "Entity Type",
    "Source System",
    "Metadata Version",
    "Metadata",
];

/// Writes the exports of a run file into a directory. `app` is App and Source System.
///
/// # Errors
/// Where the disk is full or broken.
pub fn export(file: &RunFile, app: &str, format: Format, directory: &Path) -> anyhow::Result<()> {
    let [entities, relations] = format.files().map(|name| directory.join(name));
    match format {
        Format::Csv => {
            let mut writer = csv_writer(&entities, ENTITY_COLUMNS)?;
            each_entity(file, app, |row| {
                Ok(writer.write_record(row.iter().map(|cell| cell.as_bytes()))?)
            })?;
            writer.flush()?;
            let mut writer = csv_writer(&relations, RELATION_COLUMNS)?;
            each_relation(file, app, |row| {
                Ok(writer.write_record(row.iter().map(|cell| cell.as_bytes()))?)
            })?;
            writer.flush()?;
        }
        Format::Jsonl => {
            let mut writer = create(&entities)?;
            each_entity(file, app, |row| json_line(&mut writer, ENTITY_COLUMNS, row))?;
            writer.flush()?;
            let mut writer = create(&relations)?;
            each_relation(file, app, |row| {
                json_line(&mut writer, RELATION_COLUMNS, row)
            })?;
            writer.flush()?;
        }
    }
    Ok(())
}

type Row<'a> = [Cow<'a, str>; 8];

fn each_entity(
    file: &RunFile,
    app: &str,
    mut take: impl FnMut(Row<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut query = file.database().prepare(
        "SELECT name, entity_type, source_id, source_type, metadata FROM entity ORDER BY entity_type, source_id",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let text = |column| row.get_ref(column)?.as_str().map_err(anyhow::Error::from);
        // Where the files are read, Name is required: what has none goes by its id.
        let name = match text(0)? {
            "" => text(2)?,
            name => name,
        };
        take([
            app.into(),
            guarded(name),
            text(1)?.into(),
            app.into(),
            text(2)?.into(),
            text(3)?.into(),
            METADATA_VERSION.into(),
            guarded_json(text(4)?),
        ])?;
    }
    Ok(())
}

fn each_relation(
    file: &RunFile,
    app: &str,
    mut take: impl FnMut(Row<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut query = file.database().prepare(
        "SELECT parent_id, parent_type, child_id, child_type, kind, privilege, level, metadata FROM sound_relation
         ORDER BY parent_type, parent_id, child_type, child_id, kind, privilege",
    )?;
    let mut rows = query.query([])?;
    // Relations that follow each other mostly have the same metadata.
    let mut last: Option<([String; 3], Option<String>)> = None;
    let mut metadata = String::new();
    while let Some(row) = rows.next()? {
        let text = |column| row.get_ref(column)?.as_str().map_err(anyhow::Error::from);
        let said = [text(4)?, text(5)?, text(7)?];
        let level = row.get_ref(6)?.as_str_or_null()?;
        let is_same = last.as_ref().is_some_and(|(before, before_level)| {
            *before == said && before_level.as_deref() == level
        });
        if !is_same {
            metadata = relation_metadata(said[0], said[1], level, said[2])?;
            last = Some((said.map(str::to_owned), level.map(str::to_owned)));
        }
        take([
            app.into(),
            text(0)?.into(),
            text(1)?.into(),
            text(2)?.into(),
            text(3)?.into(),
            app.into(),
            METADATA_VERSION.into(),
            metadata.as_str().into(),
        ])?;
    }
    Ok(())
}

/// The connector's metadata and the host's own keys, in order.
fn relation_metadata(
    kind: &str,
    privilege: &str,
    level: Option<&str>,
    metadata: &str,
) -> anyhow::Result<String> {
    let connection_type = RelationKind::ALL
        .iter()
        .find(|known| known.word() == kind)
        .map_or(kind, |known| known.connection_type());
    let mut all: std::collections::BTreeMap<String, Value> = serde_json::from_str(metadata)?;
    all.insert("privilegeName".to_owned(), privilege.into());
    all.insert("privilegeValue".to_owned(), true.into());
    all.insert("connectionType".to_owned(), connection_type.into());
    // Grants and roles have a level; what a membership or a containment gives is said where it leads.
    let leveled = matches!(connection_type, "direct" | "public" | "role");
    if let Some(level) = level.filter(|_| leveled) {
        all.insert("level".to_owned(), level.into());
    }
    let json = serde_json::to_string(&all)?;
    Ok(match guarded_json(&json) {
        Cow::Borrowed(_) => json,
        Cow::Owned(guarded) => guarded,
    })
}

fn csv_writer(path: &Path, columns: [&str; 8]) -> anyhow::Result<csv::Writer<impl Write>> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::Any(b'\n'))
        .from_writer(create(path)?);
    writer.write_record(columns)?;
    Ok(writer)
}

fn json_line(writer: &mut impl Write, columns: [&str; 8], row: Row<'_>) -> anyhow::Result<()> {
    let mut object = Map::new();
    for (column, cell) in columns.into_iter().zip(row) {
        let value = if column == "Metadata" {
            serde_json::from_str(&cell)?
        } else {
            Value::from(cell.into_owned())
        };
        object.insert(column.to_owned(), value);
    }
    let line = one_line(serde_json::to_string(&object)?);
    writer.write_all(line.as_bytes())?;
    Ok(writer.write_all(b"\n")?)
}

/// A file that its owner alone can read: who has access to what is nobody else's business.
fn create(path: &Path) -> std::io::Result<BufWriter<std::fs::File>> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    Ok(BufWriter::with_capacity(256 * 1024, file))
}

#[cfg(test)]
mod tests {
    use super::super::item::Level;
    use super::*;

    #[test]
    fn levels_are_for_grants_and_roles() {
        let of =
            |kind| relation_metadata(kind, "p", Some(Level::Read.word()), "{\"z\":1}").unwrap();
        assert_eq!(
            of("grant"),
            r#"{"connectionType":"direct","level":"read","privilegeName":"p","privilegeValue":true,"z":1}"#
        );
        assert_eq!(
            of("membership"),
            r#"{"connectionType":"group","privilegeName":"p","privilegeValue":true,"z":1}"#
        );
    }
}
