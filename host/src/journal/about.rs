//! What a journal was made with: enough to run another component over it, without the connection.

use crate::app::App;
use crate::collect::printable;
use crate::connection::Connection;
use crate::digest::Digest;
use crate::manifest::Manifest;
use crate::settings::SettingValue;
use crate::slot::{SlotKind, SlotName};
use indexmap::IndexMap;
use rusqlite::{Connection as Database, params};
use serde::{Deserialize, Serialize};

/// No text that tells what a journal was made with is longer, in bytes: more is not read of a file that somebody else made.
const LONGEST: i64 = 4 << 20;

/// The longest word of one that is repeated.
const LONGEST_WORD: usize = 200;

/// What a journal was made with. No secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The connector's name.
    pub connector: String,
    /// The text of its manifest.
    pub manifest: String,
    /// The component that was run first.
    pub component: Digest,
    /// The setting that says where the API is: a journal can be replayed as if it were elsewhere.
    pub origin_setting: String,
    /// The settings.
    pub settings: IndexMap<String, SettingValue>,
    /// The credentials that were filled.
    pub slots: Vec<(SlotName, SlotKind)>,
    /// Requests at once, as the connector was told.
    pub in_flight: u32,
    /// Requests in an hour, as the connector was told.
    pub requests_per_hour: u32,
    /// App and Source System of the exports; the manifest's where it does not say.
    #[serde(default)]
    pub app: Option<App>,
}

impl About {
    /// What a run of this component is made with.
    pub fn of(manifest: &Manifest, connection: &Connection, component: Digest) -> Self {
        Self {
            connector: manifest.name.clone(),
            manifest: manifest.text.clone(),
            component,
            origin_setting: manifest.origin_setting.clone(),
            settings: connection.settings.clone(),
            slots: connection
                .vault
                .slots()
                .map(|(name, kind)| (name.clone(), kind))
                .collect(),
            in_flight: connection.pace.in_flight,
            requests_per_hour: connection.pace.requests_per_hour,
            app: Some(connection.app.clone()),
        }
    }

    pub(super) fn write(&self, database: &Database) -> rusqlite::Result<()> {
        let text = serde_json::to_string(self)
            .unwrap_or_else(|_| unreachable!("texts, flags and numbers are JSON"));
        database.execute("INSERT INTO about VALUES ('run', ?1)", params![text])?;
        Ok(())
    }

    pub(super) fn read(database: &Database) -> Result<Self, String> {
        if let Some(problem) = problem(database).map_err(|error| error.to_string())? {
            return Err(problem);
        }
        let text: String = database
            .query_row(
                "SELECT value FROM about WHERE key = 'run' AND octet_length(value) <= ?1",
                [LONGEST],
                |row| row.get(0),
            )
            .map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// What makes answers of one run wrong for another: a connector, its settings but for the place of the API, its
    /// credentials. And what it was.
    pub(super) fn differs(&self, now: &Self) -> Option<(String, String)> {
        if self.connector != now.connector {
            let was = printable(&self.connector, LONGEST_WORD);
            return Some(("connector".to_owned(), was));
        }
        let others = self.settings.iter();
        for (name, value) in others.filter(|(name, _)| **name != self.origin_setting) {
            if now.settings.get(name) != Some(value) {
                let was = serde_json::to_string(value).unwrap_or_default();
                let name = printable(name, LONGEST_WORD);
                return Some((format!("setting {name}"), printable(&was, LONGEST_WORD)));
            }
        }
        if self.slots != now.slots {
            let slots: Vec<&str> = self.slots.iter().map(|(name, _)| name.as_str()).collect();
            let was = printable(&slots.join(", "), LONGEST_WORD);
            return Some(("set of credentials".to_owned(), was));
        }
        None
    }
}

/// Whether nothing was written to it yet.
pub(super) fn is_blank(database: &Database) -> rusqlite::Result<bool> {
    Ok(number(database, "PRAGMA application_id")? == 0 && schema(database)?.is_empty())
}

/// Why a database is no journal, if it isn't. One that somebody made up could hold views and triggers, which do anything
/// that SQL can when it is read.
pub(super) fn problem(database: &Database) -> rusqlite::Result<Option<String>> {
    let form = form(database)?;
    if number(database, "PRAGMA application_id")? != super::MARK {
        return Ok(Some("it is another kind of database".to_owned()));
    }
    let (ours, old) = (super::FORM, super::OLD_FORM);
    if form != ours && form != old {
        return Ok(Some(format!(
            "it has the form {form}, and this host reads {old} and {ours}"
        )));
    }
    let ours = Database::open_in_memory()?;
    super::lay_out(&ours)?;
    let differs = schema(database)? != schema(&ours)?;
    Ok(differs.then(|| "it holds other things than a journal".to_owned()))
}

/// The version of its form.
pub(super) fn form(database: &Database) -> rusqlite::Result<i64> {
    number(database, "PRAGMA user_version")
}

fn number(database: &Database, pragma: &str) -> rusqlite::Result<i64> {
    database.query_row(pragma, [], |row| row.get(0))
}

/// What a database consists of: a type, a name and the SQL that made it each. No more of it than shows that it is another.
fn schema(database: &Database) -> rusqlite::Result<Vec<(String, String, Option<String>)>> {
    let sql = "SELECT substr(type, 1, 100), substr(name, 1, 100), substr(sql, 1, 10000) FROM sqlite_schema ORDER BY name LIMIT 20";
    let mut query = database.prepare(sql)?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}
