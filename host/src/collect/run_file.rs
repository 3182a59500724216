//! The run file: one SQLite database per run. Exports and reports are views of it.

use super::item::{Coverage, Entity, Item, Key, Relation, Unfit};
use super::metadata::{Metadatum, json};
use super::quoted;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A run file that is being written. Items are written in one transaction and without a journal of SQLite's: the file lies
/// in a directory of its own that is thrown away where the run doesn't finish. Once it is sealed they stay, whatever becomes
/// of the work on them.
pub struct RunFile {
    database: Connection,
    stop: Stop,
    duplicates: u64,
    contradictions: u64,
}

/// Where an item came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said.
    Unknown,
    /// It was read at this time, in milliseconds since 1970.
    ReadAt(u64),
    /// It began in this line of a file, from 1.
    Line(u64),
}

impl Origin {
    /// It was read at this time, where that is known.
    pub fn read_at(at: Option<u64>) -> Self {
        at.map_or(Self::Unknown, Self::ReadAt)
    }

    /// What the columns `read_at` and `line` hold.
    fn columns(self) -> [Option<i64>; 2] {
        // Nothing was read later than SQLite can count, whatever a connector says.
        match self {
            Self::Unknown => [None, None],
            Self::ReadAt(at) => [i64::try_from(at).ok(), None],
            Self::Line(line) => [None, i64::try_from(line).ok()],
        }
    }
}

/// What a run file had of an item before it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// The same.
    Same,
    /// Something else, that began in this line. One of the two was kept, whatever their order.
    Other(Option<u64>),
    /// The item was left out: an id or a word in it can't be kept.
    LeftOut,
}

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The host. What it says is never cut.
    Host,
    /// The connector, which nobody has to believe.
    Connector,
}

impl Source {
    /// The word of the run file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Connector => "connector",
        }
    }
}

/// Asks the work on a run file to stop, from any thread.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// What is under way ends as soon as SQLite looks.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// After how many of SQLite's instructions it looks whether it shall stop: some tenth of a millisecond.
const STEPS: std::ffi::c_int = 10_000;

/// The most characters of a sentence that a report repeats.
const MOST_CHARACTERS: usize = 4000;

/// The most bytes of an id that a sentence repeats of what was left out.
const MOST_SHOWN: usize = 80;

// What `left_out.item` holds.
const ENTITY: &str = "entity";
const RELATION: &str = "relation";
const COVERAGE: &str = "coverage";

/// The most source types that are counted one by one.
const MOST_TYPES: usize = 100;

/// A relation with an end that no entity has.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing {
    /// How many such relations there are.
    pub relations: u64,
    /// The first few missing ends: type and id.
    pub examples: Vec<(String, String)>,
    /// How many relations more lack nothing but ends that were left out.
    pub with_left_out: u64,
}

/// Items of one kind that were left out, since an id or a word in them can't be kept.
#[derive(Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// How many.
    pub number: u64,
    /// The first few, in words fit for a terminal.
    pub examples: Vec<String>,
}

/// One of them, as far as a person needs it to find it.
#[derive(Debug)]
pub struct Loose {
    /// Where it began in its file.
    pub line: Option<u64>,
    /// The holder: type and id.
    pub parent: (String, String),
    /// What is held: type and id.
    pub child: (String, String),
    /// Whether the holder is an entity.
    pub has_parent: bool,
    /// Whether what is held is one.
    pub has_child: bool,
}

/// A row of the coverage.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CoverageRow {
    /// What kind of thing it is about.
    pub family: String,
    /// The one object that it is about; none: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// How much could be read.
    pub status: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The credential that served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// Who says so.
    pub source: Source,
}

/// How deep containments may lie: no product has more than a handful of layers.
pub const DEEPEST: usize = 64;

// `read_at` is for what a connector read, `line` for what came from a file: see `Origin`.
const SCHEMA: &str = "
    CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE entity (
        entity_type TEXT NOT NULL, source_id TEXT NOT NULL, source_type TEXT NOT NULL, name TEXT NOT NULL,
        metadata TEXT NOT NULL, dangling INTEGER NOT NULL, read_at INTEGER, line INTEGER,
        PRIMARY KEY (entity_type, source_id)) WITHOUT ROWID;
    CREATE TABLE relation (
        parent_type TEXT NOT NULL, parent_id TEXT NOT NULL, child_type TEXT NOT NULL, child_id TEXT NOT NULL,
        kind TEXT NOT NULL, privilege TEXT NOT NULL, level TEXT, metadata TEXT NOT NULL, read_at INTEGER, line INTEGER,
        PRIMARY KEY (parent_type, parent_id, child_type, child_id, kind, privilege)) WITHOUT ROWID;
    CREATE VIEW sound_relation AS SELECT * FROM relation;
    CREATE TABLE coverage (
        family TEXT NOT NULL, scope TEXT, status TEXT NOT NULL, reason TEXT, slot TEXT, source TEXT NOT NULL);
    CREATE TABLE warning (text TEXT NOT NULL, source TEXT NOT NULL);
    CREATE TABLE left_out (
        item TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL, rest TEXT NOT NULL, shown TEXT NOT NULL,
        PRIMARY KEY (item, type, id, rest)) WITHOUT ROWID;
    CREATE TABLE request (
        family TEXT NOT NULL, slot TEXT NOT NULL, verdict TEXT NOT NULL, count INTEGER NOT NULL);
    CREATE TABLE read (
        family TEXT NOT NULL, slot TEXT NOT NULL, answers INTEGER NOT NULL, oldest TEXT NOT NULL, newest TEXT NOT NULL);
";

impl RunFile {
    /// Creates a run file.
    ///
    /// # Errors
    /// Where the file exists or can't be written.
    pub fn create(path: &Path) -> rusqlite::Result<Self> {
        let mut database = Connection::open(path)?;
        database.execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
             PRAGMA temp_store = FILE;",
        )?;
        let stop = Stop::default();
        let asked = stop.clone();
        database.progress_handler(STEPS, Some(move || asked.is_asked()))?;
        database.execute_batch("BEGIN")?;
        database.execute_batch(SCHEMA)?;
        Ok(Self {
            database,
            stop,
            duplicates: 0,
            contradictions: 0,
        })
    }

    /// Keeps up to so many MiB of the file in memory.
    ///
    /// # Errors
    /// Where SQLite can't.
    pub fn cache(&self, mib: u32) -> rusqlite::Result<()> {
        let kib = i64::from(mib) * 1024;
        self.database.pragma_update(None, "cache_size", -kib)
    }

    /// Writes an item that was checked.
    ///
    /// # Errors
    /// Where the disk is full or broken.
    pub fn write(&mut self, item: Item, origin: Origin) -> rusqlite::Result<Before> {
        match item {
            Item::Entity(entity) => self.write_entity(entity, origin),
            Item::Relation(relation) => self.write_relation(&relation, origin),
            Item::Coverage(coverage) => {
                self.write_coverage(coverage, Source::Connector)?;
                Ok(Before::Nothing)
            }
            Item::Warning(text) => {
                self.write_warning(&text, Source::Connector)?;
                Ok(Before::Nothing)
            }
        }
    }

    /// Notes an item that is left out, and why.
    ///
    /// # Errors
    /// Where the disk is full or broken.
    pub fn leave_out(&mut self, item: &Item, unfit: &Unfit) -> rusqlite::Result<Before> {
        let end = |key: &Key| {
            let (kind, id) = (key.entity_type.word(), quoted(&key.source_id, MOST_SHOWN));
            format!("{kind} {id}")
        };
        let (kind, key, rest, mut shown) = match item {
            Item::Entity(entity) => {
                let key = (entity.key.entity_type.word(), &*entity.key.source_id);
                (ENTITY, key, String::new(), end(&entity.key))
            }
            Item::Relation(Relation {
                kind,
                parent,
                child,
                privilege,
                ..
            }) => (
                RELATION,
                (parent.entity_type.word(), &*parent.source_id),
                format!(
                    "{} {} {} {privilege}",
                    child.entity_type.word(),
                    child.source_id,
                    kind.word()
                ),
                format!("{} from {} to {}", kind.word(), end(parent), end(child)),
            ),
            Item::Coverage(coverage) => (
                COVERAGE,
                ("", &*coverage.family),
                coverage.scope.clone().unwrap_or_default(),
                quoted(&coverage.family, MOST_SHOWN),
            ),
            // A warning has neither ids nor words.
            Item::Warning(_) => return Ok(Before::LeftOut),
        };
        let text = quoted(&unfit.text, MOST_SHOWN);
        if !shown.contains(&text) {
            shown = format!("{shown}, whose {} is {text}", unfit.what);
        }
        self.database
            .prepare_cached(
                "INSERT INTO left_out VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            )?
            .execute(params![kind, key.0, key.1, rest, shown])?;
        Ok(Before::LeftOut)
    }

    /// The entities, relations and rows of coverage that were left out.
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn left_out(&self) -> rusqlite::Result<[LeftOut; 3]> {
        let of = |kind: &str| -> rusqlite::Result<LeftOut> {
            let number = self.database.query_row(
                "SELECT count(*) FROM left_out WHERE item = ?1",
                [kind],
                |row| row.get(0),
            )?;
            let examples = self
                .database
                .prepare(
                    "SELECT shown FROM left_out WHERE item = ?1 ORDER BY type, id, rest LIMIT 3",
                )?
                .query_map([kind], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(LeftOut { number, examples })
        };
        Ok([of(ENTITY)?, of(RELATION)?, of(COVERAGE)?])
    }

    fn write_entity(&mut self, entity: Entity, origin: Origin) -> rusqlite::Result<Before> {
        let [read_at, line] = origin.columns();
        let dangling = entity
            .metadata
            .iter()
            .any(|(key, value)| key == "dangling" && *value == Metadatum::Flag(true));
        let metadata = json(&entity.metadata);
        let (kind, id) = (entity.key.entity_type.word(), &entity.key.source_id);
        let inserted = self
            .database
            .prepare_cached(
                "INSERT INTO entity VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                kind,
                id,
                entity.source_type,
                entity.name,
                metadata,
                dangling,
                read_at,
                line
            ])?;
        if inserted == 1 {
            return Ok(Before::Nothing);
        }
        let new = (dangling, entity.name, entity.source_type, metadata);
        let (old, old_line): ((bool, String, String, String), Option<u64>) = self
            .database
            .prepare_cached(
                "SELECT dangling, name, source_type, metadata, line FROM entity WHERE entity_type = ?1 AND source_id = ?2",
            )?
            .query_row(params![kind, id], |row| {
                Ok(((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?), row.get(4)?))
            })?;
        self.duplicates += 1;
        if new == old {
            return Ok(Before::Same);
        }
        if new.0 == old.0 {
            self.contradictions += 1;
        }
        // The least of the two wins, whichever came first: false is less than true.
        if new < old {
            self.database
                .prepare_cached(
                    "UPDATE entity SET dangling = ?3, name = ?4, source_type = ?5, metadata = ?6, read_at = ?7, line = ?8
                     WHERE entity_type = ?1 AND source_id = ?2",
                )?
                .execute(params![kind, id, new.0, new.1, new.2, new.3, read_at, line])?;
        }
        Ok(Before::Other(old_line))
    }

    fn write_relation(&mut self, relation: &Relation, origin: Origin) -> rusqlite::Result<Before> {
        let [read_at, line] = origin.columns();
        let metadata = json(&relation.metadata);
        let level = relation.level.map(super::item::Level::word);
        let (parent, child) = (&relation.parent, &relation.child);
        let row = params![
            parent.entity_type.word(),
            parent.source_id,
            child.entity_type.word(),
            child.source_id,
            relation.kind.word(),
            relation.privilege,
            level,
            metadata,
            read_at,
            line
        ];
        let inserted = self
            .database
            .prepare_cached("INSERT INTO relation VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING")?
            .execute(row)?;
        if inserted == 1 {
            return Ok(Before::Nothing);
        }
        self.duplicates += 1;
        let (same, old_line): (bool, Option<u64>) = self
            .database
            .prepare_cached(
                "SELECT (ifnull(?7, ''), ?8) = (ifnull(level, ''), metadata), line FROM relation
                 WHERE parent_type = ?1 AND parent_id = ?2 AND child_type = ?3 AND child_id = ?4
                   AND kind = ?5 AND privilege = ?6",
            )?
            .query_row(&row[..8], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if same {
            return Ok(Before::Same);
        }
        self.contradictions += 1;
        self.database
            .prepare_cached(
                "UPDATE relation SET level = ?7, metadata = ?8, read_at = ?9, line = ?10
                 WHERE parent_type = ?1 AND parent_id = ?2 AND child_type = ?3 AND child_id = ?4 AND kind = ?5
                   AND privilege = ?6 AND (ifnull(?7, ''), ?8) < (ifnull(level, ''), metadata)",
            )?
            .execute(row)?;
        Ok(Before::Other(old_line))
    }

    /// Says what the host itself knows of what was read.
    ///
    /// # Errors
    /// As [`RunFile::warn`].
    pub fn cover(&mut self, coverage: Coverage) -> rusqlite::Result<()> {
        self.write_coverage(coverage, Source::Host)
    }

    fn write_coverage(&mut self, coverage: Coverage, source: Source) -> rusqlite::Result<()> {
        self.database
            .prepare_cached("INSERT INTO coverage VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![
                coverage.family,
                coverage.scope,
                coverage.status.word(),
                coverage.reason,
                coverage.slot,
                source.word()
            ])?;
        Ok(())
    }

    /// The items are all there: from here on they stay.
    ///
    /// # Errors
    /// As [`RunFile::warn`].
    pub fn seal(&mut self) -> rusqlite::Result<()> {
        self.database
            .execute_batch("COMMIT; PRAGMA journal_mode = DELETE;")
    }

    /// What stops the work on this file.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Works on the file, wholly or not at all: None where it was stopped, and the file is as before.
    ///
    /// # Errors
    /// Those of the work.
    pub fn wholly<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<Option<T>> {
        self.database.execute_batch("BEGIN")?;
        let worked = work(self);
        // From here on nothing takes long.
        let stopped = self.stop.0.swap(false, Ordering::Relaxed);
        match worked {
            Ok(done) => {
                self.database.execute_batch("COMMIT")?;
                Ok(Some(done))
            }
            Err(_) if stopped => {
                if !self.database.is_autocommit() {
                    self.database.execute_batch("ROLLBACK")?;
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Adds a sentence of the host's for the person who reads the result.
    ///
    /// # Errors
    /// Where the disk is full or broken.
    pub fn warn(&mut self, text: &str) -> rusqlite::Result<()> {
        self.write_warning(text, Source::Host)
    }

    fn write_warning(&mut self, text: &str, source: Source) -> rusqlite::Result<()> {
        self.database
            .prepare_cached("INSERT INTO warning VALUES (?1, ?2)")?
            .execute([text, source.word()])?;
        Ok(())
    }

    /// Notes a fact about the run.
    ///
    /// # Errors
    /// As [`RunFile::warn`].
    pub fn note(&mut self, key: &str, value: &str) -> rusqlite::Result<()> {
        self.database
            .prepare_cached("INSERT OR REPLACE INTO run VALUES (?1, ?2)")?
            .execute([key, value])?;
        Ok(())
    }

    /// Notes how often a kind of request was made.
    ///
    /// # Errors
    /// As [`RunFile::warn`].
    pub fn note_request(
        &mut self,
        family: &str,
        slot: &str,
        verdict: &str,
        count: u64,
    ) -> rusqlite::Result<()> {
        self.database
            .prepare_cached("INSERT INTO request VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![family, slot, verdict, count])?;
        Ok(())
    }

    /// Notes when what was read of a family was answered: how often, first and last, RFC 3339 in UTC.
    ///
    /// # Errors
    /// As [`RunFile::warn`].
    pub fn note_read(
        &mut self,
        family: &str,
        slot: &str,
        answers: u64,
        [oldest, newest]: [&str; 2],
    ) -> rusqlite::Result<()> {
        self.database
            .prepare_cached("INSERT INTO read VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![family, slot, answers, oldest, newest])?;
        Ok(())
    }

    /// How many items came more than once.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// How many of those said something else than before.
    pub fn contradictions(&self) -> u64 {
        self.contradictions
    }

    /// Finds the relations that have an end which no entity has: both must exist where the exports are read. They are in
    /// the table `loose_relation`, and not in the view `sound_relation`, which the exports are made of.
    ///
    /// # Errors
    /// As [`RunFile::warn`].
    pub fn set_missing_apart(&mut self) -> rusqlite::Result<Missing> {
        // Nothing that is there is changed: to stop here costs nothing.
        self.database.execute_batch(
            "CREATE TABLE loose_relation (
                parent_type TEXT NOT NULL, parent_id TEXT NOT NULL, child_type TEXT NOT NULL, child_id TEXT NOT NULL,
                kind TEXT NOT NULL, privilege TEXT NOT NULL, level TEXT, metadata TEXT NOT NULL, read_at INTEGER, line INTEGER,
                PRIMARY KEY (parent_type, parent_id, child_type, child_id, kind, privilege)) WITHOUT ROWID;
             INSERT INTO loose_relation SELECT * FROM relation AS r
             WHERE NOT EXISTS (SELECT 1 FROM entity WHERE entity_type = r.parent_type AND source_id = r.parent_id)
                OR NOT EXISTS (SELECT 1 FROM entity WHERE entity_type = r.child_type AND source_id = r.child_id)",
        )?;
        let loose: u64 =
            self.database
                .query_row("SELECT count(*) FROM loose_relation", [], |row| row.get(0))?;
        if loose == 0 {
            return Ok(Missing {
                relations: 0,
                examples: Vec::new(),
                with_left_out: 0,
            });
        }
        self.database.execute_batch(
            "DROP VIEW sound_relation;
             CREATE VIEW sound_relation AS SELECT * FROM relation AS r WHERE NOT EXISTS (
                SELECT 1 FROM loose_relation WHERE parent_type = r.parent_type AND parent_id = r.parent_id
                    AND child_type = r.child_type AND child_id = r.child_id AND kind = r.kind
                    AND privilege = r.privilege)",
        )?;
        // An entity that was left out is not missing: the connector told of it.
        let told = |kind: &str, id: &str| {
            format!(
                "(EXISTS (SELECT 1 FROM entity WHERE entity_type = {kind} AND source_id = {id})
                  OR EXISTS (SELECT 1 FROM left_out WHERE item = '{ENTITY}' AND type = {kind} AND id = {id}))"
            )
        };
        let with_left_out: u64 = self.database.query_row(
            &format!(
                "SELECT count(*) FROM loose_relation AS r WHERE {} AND {}",
                told("r.parent_type", "r.parent_id"),
                told("r.child_type", "r.child_id")
            ),
            [],
            |row| row.get(0),
        )?;
        let examples = self
            .database
            .prepare(&format!(
                "SELECT entity_type, source_id FROM
                   (SELECT parent_type AS entity_type, parent_id AS source_id FROM loose_relation
                    UNION SELECT child_type, child_id FROM loose_relation) AS ends
                 WHERE NOT {} ORDER BY 1, 2 LIMIT 5",
                told("ends.entity_type", "ends.source_id")
            ))?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Missing {
            relations: loose - with_left_out,
            examples,
            with_left_out,
        })
    }

    /// The relations that [`RunFile::set_missing_apart`] found, by the lines that they began in.
    ///
    /// # Errors
    /// As [`RunFile::counts`], or those of `take`.
    pub fn each_loose(
        &self,
        mut take: impl FnMut(&Loose) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut query = self.database.prepare(
            "SELECT line, parent_type, parent_id, child_type, child_id,
                EXISTS (SELECT 1 FROM entity WHERE entity_type = parent_type AND source_id = parent_id),
                EXISTS (SELECT 1 FROM entity WHERE entity_type = child_type AND source_id = child_id)
             FROM loose_relation ORDER BY line",
        )?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            take(&Loose {
                line: row.get(0)?,
                parent: (row.get(1)?, row.get(2)?),
                child: (row.get(3)?, row.get(4)?),
                has_parent: row.get(5)?,
                has_child: row.get(6)?,
            })?;
        }
        Ok(())
    }

    /// How many containments are in a circle, or lead to one, or lie more than [`DEEPEST`] deep.
    ///
    /// # Errors
    /// As [`RunFile::warn`].
    pub fn containment_circles(&self) -> rusqlite::Result<u64> {
        self.database.execute_batch(
            "CREATE TEMP TABLE inside AS SELECT parent_id AS parent, child_id AS child, line FROM sound_relation
                 WHERE kind = 'containment';
             CREATE INDEX temp.inside_parent ON inside (parent);",
        )?;
        // Whatever contains nothing can't be in a circle: what is innermost is taken away, layer by layer.
        self.peel("DELETE FROM inside WHERE child NOT IN (SELECT parent FROM inside)")?;
        self.database
            .query_row("SELECT count(*) FROM inside", [], |row| row.get(0))
    }

    fn peel(&self, sql: &str) -> rusqlite::Result<()> {
        let mut peel = self.database.prepare(sql)?;
        for _ in 0..DEEPEST {
            if peel.execute([])? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Takes out the containments that [`RunFile::containment_circles`] found, but for those that only lead to a circle,
    /// by the lines that they began in: container and content.
    ///
    /// # Errors
    /// As [`RunFile::warn`], or those of `take`.
    pub fn take_circles_out(
        &mut self,
        mut take: impl FnMut(Option<u64>, &str, &str) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.peel("DELETE FROM inside WHERE parent NOT IN (SELECT child FROM inside)")?;
        let mut query = self
            .database
            .prepare("SELECT line, parent, child FROM inside ORDER BY line, parent, child")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            take(
                row.get(0)?,
                row.get_ref(1)?.as_str()?,
                row.get_ref(2)?.as_str()?,
            )?;
        }
        drop(rows);
        drop(query);
        self.database.execute_batch(
            "DELETE FROM relation WHERE kind = 'containment' AND (parent_id, child_id) IN (SELECT parent, child FROM inside)",
        )?;
        Ok(())
    }

    /// How many entities there are of each source type, and relations of each kind. Beyond the hundred most frequent types
    /// they are counted together, as `(other)`.
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn counts(&self) -> rusqlite::Result<(BTreeMap<String, u64>, BTreeMap<String, u64>)> {
        let count = |sql: &str| -> rusqlite::Result<BTreeMap<String, u64>> {
            self.database
                .prepare(sql)?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        };
        let mut entities = count(&format!(
            "SELECT source_type, count(*) FROM entity GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_TYPES}"
        ))?;
        let all: u64 = self
            .database
            .query_row("SELECT count(*) FROM entity", [], |row| row.get(0))?;
        let other = all - entities.values().sum::<u64>();
        if other > 0 {
            *entities.entry("(other)".to_owned()).or_default() += other;
        }
        Ok((
            entities,
            count("SELECT kind, count(*) FROM sound_relation GROUP BY 1")?,
        ))
    }

    /// How many entities only a relation named.
    ///
    /// # Errors
    /// As [`RunFile::counts`].
    pub fn dangling(&self) -> rusqlite::Result<u64> {
        self.database
            .query_row("SELECT count(*) FROM entity WHERE dangling", [], |row| {
                row.get(0)
            })
    }

    /// The coverage: the host's rows, then families before their objects, what is missing before what is there, at most `most`
    /// rows, and how many there are.
    ///
    /// # Errors
    /// As [`RunFile::counts`].
    pub fn coverage(&self, most: usize) -> rusqlite::Result<(Vec<CoverageRow>, u64)> {
        let total = self
            .database
            .query_row("SELECT count(*) FROM coverage", [], |row| row.get(0))?;
        let rows = self
            .database
            .prepare(&format!(
                "SELECT family, substr(scope, 1, {MOST_CHARACTERS}), status, substr(reason, 1, {MOST_CHARACTERS}),
                    substr(slot, 1, {MOST_CHARACTERS}), source = 'host' FROM coverage
                 ORDER BY source <> 'host', scope IS NOT NULL,
                    CASE status WHEN 'unreadable' THEN 0 WHEN 'partial' THEN 1 WHEN 'complete' THEN 2
                        WHEN 'left-out' THEN 3 ELSE 4 END,
                    family, scope, reason LIMIT ?1"
            ))?
            .query_map([most as u64], |row| {
                Ok(CoverageRow {
                    family: row.get(0)?,
                    scope: row.get(1)?,
                    status: row.get(2)?,
                    reason: row.get(3)?,
                    slot: row.get(4)?,
                    source: if row.get(5)? {
                        Source::Host
                    } else {
                        Source::Connector
                    },
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok((rows, total))
    }

    /// How many rows of the coverage say that something asked for is missing.
    ///
    /// # Errors
    /// As [`RunFile::counts`].
    pub fn gaps(&self) -> rusqlite::Result<u64> {
        self.database.query_row(
            "SELECT count(*) FROM coverage WHERE status IN ('partial', 'unreadable')",
            [],
            |row| row.get(0),
        )
    }

    /// Whether the connector said what it could and could not read.
    ///
    /// # Errors
    /// As [`RunFile::counts`].
    pub fn has_coverage(&self) -> rusqlite::Result<bool> {
        self.database.query_row(
            "SELECT EXISTS (SELECT 1 FROM coverage WHERE source = 'connector')
                 OR EXISTS (SELECT 1 FROM left_out WHERE item = ?1)",
            [COVERAGE],
            |row| row.get(0),
        )
    }

    /// The host's warnings, all of them, in the order in which it gave them.
    ///
    /// # Errors
    /// As [`RunFile::counts`].
    pub fn host_warnings(&self) -> rusqlite::Result<Vec<String>> {
        self.database
            .prepare("SELECT text FROM warning WHERE source = 'host' ORDER BY rowid")?
            .query_map([], |row| row.get(0))?
            .collect()
    }

    /// The connector's warnings, at most `most` of them, each as far as a report repeats it, and how many there are.
    ///
    /// # Errors
    /// As [`RunFile::counts`].
    pub fn connector_warnings(&self, most: usize) -> rusqlite::Result<(Vec<String>, u64)> {
        let total = self.database.query_row(
            "SELECT count(*) FROM warning WHERE source = 'connector'",
            [],
            |row| row.get(0),
        )?;
        let warnings = self
            .database
            .prepare(&format!(
                "SELECT DISTINCT substr(text, 1, {MOST_CHARACTERS}) FROM warning WHERE source = 'connector'
                 ORDER BY 1 LIMIT ?1"
            ))?
            .query_map([most as u64], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        Ok((warnings, total))
    }

    /// The value of a run's fact.
    ///
    /// # Errors
    /// As [`RunFile::counts`].
    pub fn fact(&self, key: &str) -> rusqlite::Result<Option<String>> {
        self.database
            .query_row("SELECT value FROM run WHERE key = ?1", [key], |row| {
                row.get(0)
            })
            .optional()
    }

    pub(super) fn database(&self) -> &Connection {
        &self.database
    }

    /// Closes the file with all that was written.
    ///
    /// # Errors
    /// As [`RunFile::warn`].
    pub fn close(self) -> rusqlite::Result<()> {
        if !self.database.is_autocommit() {
            self.database.execute_batch("COMMIT")?;
        }
        self.database.close().map_err(|(_, error)| error)
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::{EntityType, Key, Level, RelationKind};
    use super::*;

    fn key(id: &str) -> Key {
        Key {
            entity_type: EntityType::Identity,
            source_id: id.into(),
        }
    }

    fn entity(id: &str, name: &str, dangling: bool) -> Item {
        let mark = ("dangling".to_owned(), Metadatum::Flag(true));
        Item::Entity(Entity {
            key: key(id),
            source_type: "user".into(),
            name: name.into(),
            metadata: if dangling { vec![mark] } else { vec![] },
        })
    }

    fn membership(parent: &str, child: &str, level: Option<Level>) -> Item {
        Item::Relation(Relation {
            kind: RelationKind::Membership,
            parent: key(parent),
            child: Key {
                entity_type: EntityType::Connection,
                source_id: child.into(),
            },
            privilege: "member".into(),
            level,
            metadata: vec![],
        })
    }

    /// Writes items and gives the file, with its directory.
    fn written(items: Vec<Item>) -> (RunFile, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let mut file = RunFile::create(&directory.path().join("run.db")).unwrap();
        for item in items {
            file.write(item, Origin::Unknown).unwrap();
        }
        (file, directory)
    }

    fn names(file: &RunFile) -> Vec<(String, bool)> {
        let mut query = file
            .database
            .prepare("SELECT name, dangling FROM entity ORDER BY source_id")
            .unwrap();
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn what_is_kept_of_two_does_not_depend_on_their_order() {
        let orders = [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]];
        for order in orders {
            let items = order.map(|n| match n {
                0 => entity("a", "from a grant", true),
                1 => entity("a", "Zoe", false),
                _ => entity("a", "Ann", false),
            });
            let (file, _directory) = written(items.into());
            assert_eq!(names(&file), [("Ann".to_owned(), false)], "{order:?}");
            assert_eq!(file.duplicates(), 2, "{order:?}");
            assert!(file.contradictions() >= 1, "{order:?}");
        }
    }

    #[test]
    fn the_same_twice_is_no_contradiction() {
        let (file, _directory) = written(vec![
            entity("a", "Ann", false),
            entity("a", "Ann", false),
            entity("a", "Ann", true),
            membership("a", "g", None),
            membership("a", "g", None),
        ]);
        assert_eq!((file.duplicates(), file.contradictions()), (3, 0));
    }

    #[test]
    fn a_relation_that_disagrees_is_counted_and_settled_the_same_way_round() {
        let levels = [Some(Level::Member), None];
        for levels in [levels, [levels[1], levels[0]]] {
            let (file, _directory) =
                written(levels.map(|level| membership("a", "g", level)).into());
            let level: Option<String> = file
                .database
                .query_row("SELECT level FROM relation", [], |row| row.get(0))
                .unwrap();
            assert_eq!(level, None);
            assert_eq!(file.contradictions(), 1);
        }
    }

    #[test]
    fn relations_without_both_ends_are_set_apart_and_named() {
        let group = Item::Entity(Entity {
            key: Key {
                entity_type: EntityType::Connection,
                source_id: "g".into(),
            },
            source_type: "group".into(),
            name: String::new(),
            metadata: vec![],
        });
        let (mut file, _directory) = written(vec![
            membership("a", "g", None),
            membership("nobody", "g", None),
            entity("a", "Ann", false),
            group,
        ]);
        let missing = file.set_missing_apart().unwrap();
        assert_eq!(missing.relations, 1);
        assert_eq!(
            missing.examples,
            [("identity".to_owned(), "nobody".to_owned())]
        );
        let (_, relations) = file.counts().unwrap();
        assert_eq!(relations["membership"], 1);
    }
}
