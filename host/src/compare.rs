//! How what two runs read differs.

use rusqlite::Connection;
use std::fmt::Write as _;
use std::path::Path;

/// How many differences of a kind are shown one by one.
const SHOWN: u64 = 20;

/// The longest line of one, in bytes.
const LONGEST: usize = 500;

/// What is compared: a table, what names a row, and what is said of it.
struct Compared {
    /// In words.
    what: &'static str,
    table: &'static str,
    key: &'static str,
    value: &'static str,
}

const COMPARED: [Compared; 4] = [
    Compared {
        what: "entities",
        table: "entity",
        key: "entity_type || ' ' || source_id",
        value: "source_type || ' ' || json_quote(name) || ' ' || metadata",
    },
    Compared {
        what: "relations",
        table: "sound_relation",
        key: "kind || ' ' || privilege || ': ' || parent_type || ' ' || parent_id || ' -> ' || child_type || ' ' || child_id",
        value: "ifnull(level, 'no level') || ' ' || metadata",
    },
    Compared {
        what: "coverage",
        table: "coverage",
        key: "source || ': ' || family || ifnull(' ' || scope, '')",
        value: "status || ifnull(' ' || slot, '') || ifnull(': ' || reason, '')",
    },
    Compared {
        what: "warnings",
        table: "warning",
        key: "source || ': ' || text",
        value: "''",
    },
];

/// The differences of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs: `entities`, `relations`, `coverage` or `warnings`.
    pub what: &'static str,
    /// How many only the new run has.
    pub added: u64,
    /// How many only the old run has.
    pub removed: u64,
    /// How many both have, and say something else of.
    pub changed: u64,
    /// The first of them, a line each: `+`, `-`, or `~` and both.
    pub lines: Vec<String>,
}

/// Compares two run files. What does not differ is left out.
///
/// # Errors
/// Where one can't be read.
pub fn compare(old: &Path, new: &Path) -> rusqlite::Result<Vec<Difference>> {
    let database = Connection::open_in_memory()?;
    for (path, name) in [(old, "old"), (new, "new")] {
        database.execute(&format!("ATTACH ?1 AS {name}"), [path.to_string_lossy()])?;
    }
    let mut differences = Vec::new();
    for compared in &COMPARED {
        let difference = compared.differences(&database)?;
        if difference.added + difference.removed + difference.changed > 0 {
            differences.push(difference);
        }
    }
    Ok(differences)
}

impl Compared {
    fn differences(&self, database: &Connection) -> rusqlite::Result<Difference> {
        let Self {
            what,
            table,
            key,
            value,
        } = *self;
        let rows =
            |run: &str| format!("SELECT DISTINCT {key} AS k, {value} AS v FROM {run}.{table}");
        // What only one has is a difference; where its key is in the other too, it is a change, counted once.
        database.execute_batch(&format!(
            "CREATE TEMP TABLE gone AS {old} EXCEPT {new};
             CREATE TEMP TABLE come AS {new} EXCEPT {old};
             CREATE INDEX temp.gone_key ON gone (k); CREATE INDEX temp.come_key ON come (k);",
            old = rows("old"),
            new = rows("new")
        ))?;
        let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, u64>(0));
        let added = count("SELECT count(*) FROM come WHERE k NOT IN (SELECT k FROM gone)")?;
        let removed = count("SELECT count(*) FROM gone WHERE k NOT IN (SELECT k FROM come)")?;
        let changed = count("SELECT count(DISTINCT k) FROM come WHERE k IN (SELECT k FROM gone)")?;
        let mut lines = Vec::new();
        for (mark, sql) in [
            (
                "-",
                "SELECT k, v, NULL FROM gone WHERE k NOT IN (SELECT k FROM come) ORDER BY 1, 2 LIMIT ?1",
            ),
            (
                "+",
                "SELECT k, v, NULL FROM come WHERE k NOT IN (SELECT k FROM gone) ORDER BY 1, 2 LIMIT ?1",
            ),
            (
                "~",
                "SELECT k, gone.v, come.v FROM gone JOIN come USING (k) GROUP BY k ORDER BY 1 LIMIT ?1",
            ),
        ] {
            let mut query = database.prepare(sql)?;
            let mut rows = query.query([SHOWN])?;
            while let Some(row) = rows.next()? {
                let (key, was): (String, String) = (row.get(0)?, row.get(1)?);
                let mut line = format!("{mark} {key}");
                if !was.is_empty() {
                    let _ = write!(line, " | {was}");
                }
                if let Some(is) = row.get::<_, Option<String>>(2)? {
                    let _ = write!(line, " => {is}");
                }
                lines.push(crate::collect::printable(&line, LONGEST));
            }
        }
        database.execute_batch("DROP TABLE gone; DROP TABLE come;")?;
        Ok(Difference {
            what,
            added,
            removed,
            changed,
            lines,
        })
    }
}
