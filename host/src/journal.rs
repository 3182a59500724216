//! The journal: what the API answered during a run, so that the run can be resumed, replayed without the API, or replayed
//! against another version of the connector.
//!
//! It lies above the credential step: requests are kept as the connector made them, answers as it got them, redacted. It is
//! one SQLite database that a killed process leaves whole; each row carries a sum, so that what is damaged is not used.

mod about;
mod age;
mod body;
mod salvage;

pub use about::About;
pub use age::MaxAge;
pub use body::Writer;

use crate::pace::Clock;
use crate::slot::SlotName;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The version of the file's form.
const FORM: i64 = 1;

/// `PRAGMA application_id`: tells a journal from other databases.
const MARK: i64 = 0x504f_5243;

/// A body is kept in pieces of at most so many bytes before compression.
const PIECE: usize = 512 * 1024;

/// Pieces of one body are numbered below this.
const MOST_PIECES: i64 = 1 << 16;

/// No text of a journal is longer, in bytes: more is not read of a file that somebody else made.
const LONGEST_TEXT: i64 = 16 << 20;

const SCHEMA: &str = "
    CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE answer (
        id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, method TEXT NOT NULL, path TEXT NOT NULL, slot TEXT NOT NULL,
        family TEXT NOT NULL, at INTEGER NOT NULL, status INTEGER NOT NULL, passing INTEGER NOT NULL, headers TEXT NOT NULL,
        pieces INTEGER NOT NULL, length INTEGER NOT NULL, sum BLOB NOT NULL);
    CREATE TABLE piece (place INTEGER PRIMARY KEY, body BLOB NOT NULL);
";

/// The answers that a run was given.
const USED: &str = "CREATE TEMP TABLE used (id INTEGER PRIMARY KEY);";

/// Why a journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There is one already.
    #[error("the journal {} exists; add --resume to go on with it, or name another file", .0.display())]
    Exists(PathBuf),
    /// Another run writes to it.
    #[error("the journal {} is in use by another run; wait for it, or name another file", .0.display())]
    InUse(PathBuf),
    /// It is something else, or nothing of it is left.
    #[error("{} is no journal of this host, or too damaged to be one: {reason}; move it away to start anew", path.display())]
    NoJournal {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// It was made by a run of something else.
    #[error("the journal {} was made with another {what} ({was}); name another file, or give what it was made with", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: String,
        /// What it was.
        was: String,
    },
    /// It can't be read or written.
    #[error("the journal {} can't be used: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A request, as far as an answer depends on it.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a str,
    /// Path and query. Not the origin: a journal can be replayed as if another had answered.
    pub path: &'a str,
    /// The credential, by name; empty for none.
    pub slot: &'a str,
    /// The credentials of which any will do.
    pub slots: &'a [SlotName],
    /// The family of the rule that allows it.
    pub family: &'a str,
    /// The connector's own headers.
    pub headers: &'a HeaderMap,
}

impl Asked<'_> {
    /// The credential, and behind it the others that would have done.
    fn named(&self) -> String {
        let others = self.slots.iter().map(SlotName::as_str);
        let others = others.filter(|name| *name != self.slot);
        let all: Vec<&str> = std::iter::once(self.slot).chain(others).collect();
        all.join(", ")
    }

    fn key(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        for part in [self.method, self.path, self.slot] {
            add(part.as_bytes());
        }
        let mut headers: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        headers.sort_unstable();
        for (name, value) in headers {
            add(name.as_bytes());
            add(value);
        }
        hash.finalize().into()
    }
}

/// An answer of the journal.
pub struct Kept {
    /// Its status; none where the API gave no answer.
    pub status: Option<StatusCode>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Why there was no answer; empty where there was.
    pub failure: String,
    /// When it came, since 1970.
    pub at: Duration,
    /// How long its body is.
    pub length: u64,
    /// The credentials of which any would have done, by name.
    slots: String,
    id: i64,
    pieces: i64,
}

impl Kept {
    /// Whether it was asked for with any of several credentials, of which this is one, and none had to be asked after it.
    pub fn serves(&self, slot: &str) -> bool {
        self.status.is_some_and(|status| status.as_u16() < 400)
            && self.slots.split(", ").any(|name| name == slot)
    }
}

/// What becomes of a run's answers.
#[derive(Default)]
pub enum Recording {
    /// Nothing.
    #[default]
    Off,
    /// They are kept in a new journal.
    Start(PathBuf),
    /// They are taken from a journal as far as it has them, no older than this, and kept in it.
    Resume(PathBuf, MaxAge),
    /// They all come from this journal.
    Replay(Box<Journal>),
}

impl Recording {
    /// The journal, opened.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(
        self,
        about: &About,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Journal>, JournalError> {
        match self {
            Self::Off => Ok(None),
            Self::Start(path) => Journal::create(&path, about, clock).map(Some),
            Self::Resume(path, max_age) => Journal::resume(&path, about, max_age, clock).map(Some),
            Self::Replay(journal) => Ok(Some(*journal)),
        }
    }
}

/// What a journal is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Answers are kept, and none is given.
    Record,
    /// Answers are given where they are fresh, and kept.
    Resume,
    /// Answers are given, and nothing is asked.
    Replay,
}

/// A journal that is open.
pub struct Journal {
    database: Mutex<Connection>,
    path: PathBuf,
    mode: Mode,
    max_age: MaxAge,
    /// Of the answers that are too old, when the last one was due that is asked for anew.
    overdue: Option<Duration>,
    clock: Arc<dyn Clock>,
    next: AtomicI64,
    /// The number of this run's first answer.
    first: i64,
    /// Longer bodies are not given, in bytes.
    longest: u64,
    /// How many bytes of bodies may still be kept.
    room: AtomicU64,
    failed: Mutex<Option<rusqlite::Error>>,
}

impl Journal {
    /// Starts a journal.
    ///
    /// # Errors
    /// Where there is one already, or the file can't be written.
    pub fn create(path: &Path, about: &About, clock: Arc<dyn Clock>) -> Result<Self, JournalError> {
        match new_file(path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(JournalError::Exists(path.to_owned()));
            }
            Err(error) => return Err(unusable(path, &error)),
            Ok(()) => {}
        }
        let mut database = open(path)?;
        begin(&mut database, about).map_err(|error| unusable(path, &error))?;
        Self::new(path, database, Mode::Record, MaxAge::default(), clock)
    }

    /// Goes on with a journal; starts one where there is none. Answers older than `max_age` are asked for anew.
    ///
    /// # Errors
    /// Where it was made with other settings, is in use, or nothing of it can be read.
    pub fn resume(
        path: &Path,
        about: &About,
        max_age: MaxAge,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, JournalError> {
        if !path.exists() {
            return Self::create(path, about, clock);
        }
        salvage::if_damaged(path)?;
        let mut database = open(path)?;
        // Of a run that was killed before it wrote anything.
        if about::is_blank(&database).map_err(|error| unusable(path, &error))? {
            begin(&mut database, about).map_err(|error| unusable(path, &error))?;
        }
        let was = About::read(&database).map_err(|reason| no_journal(path, reason))?;
        if let Some((what, was)) = was.differs(about) {
            return Err(JournalError::Other {
                path: path.to_owned(),
                what,
                was,
            });
        }
        Self::new(path, database, Mode::Resume, max_age, clock)
    }

    /// Opens a journal to answer from it alone.
    ///
    /// # Errors
    /// Where nothing of it can be read.
    pub fn replay(path: &Path, clock: Arc<dyn Clock>) -> Result<(Self, About), JournalError> {
        if !path.exists() {
            let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(unusable(path, &missing));
        }
        salvage::if_damaged(path)?;
        let database = open_to_read(path)?;
        let about = About::read(&database).map_err(|reason| no_journal(path, reason))?;
        let journal = Self::new(path, database, Mode::Replay, MaxAge::default(), clock)?;
        Ok((journal, about))
    }

    fn new(
        path: &Path,
        database: Connection,
        mode: Mode,
        max_age: MaxAge,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, JournalError> {
        let last: i64 = database
            .query_row("SELECT ifnull(max(id), 0) FROM answer", [], |row| {
                row.get(0)
            })
            .map_err(|error| no_journal(path, error.to_string()))?;
        if last >= i64::MAX / MOST_PIECES {
            return Err(no_journal(path, "its numbers are used up".to_owned()));
        }
        if mode != Mode::Replay {
            // Pieces of an answer that did not come to its end.
            database
                .execute(
                    "DELETE FROM piece WHERE place / ?1 NOT IN (SELECT id FROM answer)",
                    [MOST_PIECES],
                )
                .and_then(|_| database.execute_batch(USED))
                .map_err(|error| unusable(path, &error))?;
        }
        let overdue = overdue(&database, &max_age).map_err(|error| unusable(path, &error))?;
        Ok(Self {
            database: Mutex::new(database),
            path: path.to_owned(),
            mode,
            max_age,
            overdue,
            clock,
            next: AtomicI64::new(last + 1),
            first: last + 1,
            longest: u64::MAX,
            room: AtomicU64::new(u64::MAX),
            failed: Mutex::default(),
        })
    }

    /// Bounds what a run may keep, in bytes: a hostile connector and its API could fill the disk. Beyond it answers are given
    /// and not kept. No body is given that is longer than `longest`, so none is unpacked to see whether it is whole.
    #[must_use]
    pub fn bounded(mut self, bytes: u64, longest: u64) -> Self {
        *self.room.get_mut() = bytes;
        self.longest = longest;
        self
    }

    /// Takes room for so many bytes, or tells once that there is none.
    fn take_room(&self, bytes: u64) -> bool {
        let taken = self
            .room
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| {
                room.checked_sub(bytes)
            });
        if taken.is_err() && self.room.swap(0, Ordering::Relaxed) > 0 {
            tracing::warn!(
                "the journal {} has reached the limit output_mib; further answers are not kept",
                self.path.display()
            );
        }
        taken.is_ok()
    }

    /// Whether nothing may be asked that is not here.
    pub fn is_replay(&self) -> bool {
        self.mode == Mode::Replay
    }

    /// The answer to a request, where there is one that may be given.
    pub fn find(&self, asked: &Asked<'_>) -> Option<Kept> {
        if self.mode == Mode::Record {
            return None;
        }
        let found = self.look_up(&asked.key()).unwrap_or_else(|error| {
            tracing::warn!("an answer of the journal is not used: {error}");
            None
        });
        let kept = found.filter(|(kept, passing)| match self.mode {
            Mode::Replay => true,
            // What failed may go well now.
            _ => {
                let now = self.clock.now();
                let fresh = self
                    .max_age
                    .permits(asked.family, kept.at, now, self.overdue);
                !passing && kept.status.is_some() && fresh
            }
        });
        kept.map(|(kept, _)| kept)
            .inspect(|kept| self.note_use(kept))
    }

    fn note_use(&self, kept: &Kept) {
        if self.mode == Mode::Resume {
            let noted = self
                .database()
                .prepare_cached("INSERT OR IGNORE INTO temp.used VALUES (?1)")
                .and_then(|mut insert| insert.execute([kept.id]));
            if let Err(error) = noted {
                self.failed(error);
            }
        }
    }

    fn look_up(&self, key: &[u8; 32]) -> rusqlite::Result<Option<(Kept, bool)>> {
        let database = self.database();
        let row = database
            .prepare_cached(
                "SELECT id, at, status, passing, headers, pieces, length, sum, slot FROM answer
                 WHERE key = ?1 AND octet_length(headers) <= ?2 AND octet_length(slot) <= ?2",
            )?
            .query_row(params![key, LONGEST_TEXT], |columns| {
                let row = Row {
                    at: columns.get(1)?,
                    status: columns.get(2)?,
                    passing: columns.get(3)?,
                    headers: columns.get(4)?,
                    pieces: columns.get(5)?,
                    length: columns.get(6)?,
                };
                let (id, sum): (i64, Vec<u8>) = (columns.get(0)?, columns.get(7)?);
                let slots: String = columns.get(8)?;
                Ok((row, id, sum, slots))
            })
            .optional()?;
        let Some((row, id, sum, slots)) = row else {
            return Ok(None);
        };
        let too_long = u64::try_from(row.length).is_ok_and(|length| length > self.longest);
        let sound = row.sum(key) == sum
            && (too_long || body::is_whole(&database, id, row.pieces, row.length)?);
        if !sound {
            tracing::warn!("an answer of the journal is damaged, and not used");
            return Ok(None);
        }
        Ok(row.kept(id, slots))
    }

    /// Keeps an answer that came at once, or the word for why none came.
    pub fn keep(&self, asked: &Asked<'_>, head: Head<'_>, body: &[u8]) {
        self.writer(asked, head).finish(self, body);
    }

    /// Keeps an answer whose body comes in pieces, when it has come to its end.
    pub fn writer(&self, asked: &Asked<'_>, head: Head<'_>) -> Writer {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        Writer::new(asked, head, id, self.clock.now())
    }

    /// The piece of a body; none behind the last.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn piece(&self, kept: &Kept, number: i64) -> std::io::Result<Option<Bytes>> {
        if number >= kept.pieces {
            return Ok(None);
        }
        body::piece(&self.database(), kept.id, number).map(Some)
    }

    /// The run that used it has come to its end: what it did not ask for, and is too old to be given, goes. Nobody asks for it
    /// any more, and as long as it is there it is the stalest.
    pub fn finished(&self) {
        if self.mode != Mode::Resume {
            return;
        }
        if let Err(error) = self.drop_unused() {
            self.failed(error);
        }
    }

    fn drop_unused(&self) -> rusqlite::Result<()> {
        let now = self.clock.now();
        let mut database = self.database();
        let transaction = database.transaction()?;
        {
            let mut unused = transaction.prepare(
                "SELECT family, at, id FROM answer WHERE id < ?1 AND id NOT IN (SELECT id FROM temp.used)",
            )?;
            let mut answers = unused.query([self.first])?;
            let mut drop = transaction.prepare("DELETE FROM answer WHERE id = ?1")?;
            let mut drop_pieces = transaction
                .prepare("DELETE FROM piece WHERE place BETWEEN ?1 * ?2 AND ?1 * ?2 + ?2 - 1")?;
            let mut gone = Vec::new();
            while let Some(row) = answers.next()? {
                let (family, at): (String, i64) = (row.get(0)?, row.get(1)?);
                let at = Duration::from_millis(u64::try_from(at).unwrap_or_default());
                if !self.max_age.permits(&family, at, now, None) {
                    gone.push(row.get::<_, i64>(2)?);
                }
            }
            for id in gone {
                drop.execute([id])?;
                drop_pieces.execute([id, MOST_PIECES])?;
            }
        }
        transaction.commit()
    }

    /// Whether everything could be kept so far.
    ///
    /// # Errors
    /// The first that went wrong.
    pub fn check(&self) -> Result<(), JournalError> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match &*failed {
            Some(error) => Err(unusable(&self.path, error)),
            None => Ok(()),
        }
    }

    fn database(&self) -> MutexGuard<'_, Connection> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, error: rusqlite::Error) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get_or_insert(error);
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if self.mode != Mode::Replay {
            // One file that can be copied. Where this fails, SQLite's log beside it holds the rest.
            let _ = self
                .database()
                .execute_batch("PRAGMA journal_mode = DELETE;");
        }
    }
}

/// See [`MaxAge::overdue`].
fn overdue(database: &Connection, max_age: &MaxAge) -> rusqlite::Result<Option<Duration>> {
    let mut query = database.prepare("SELECT family, at FROM answer WHERE passing = 0")?;
    max_age.overdue(query.query_map([], |row| {
        let at: i64 = row.get(1)?;
        let at = u64::try_from(at).unwrap_or_default();
        Ok((row.get(0)?, Duration::from_millis(at)))
    })?)
}

/// Status and headers of an answer, or why there was none.
#[derive(Clone, Copy)]
pub enum Head<'a> {
    /// An answer; `passing` where asking again may give another.
    Answer {
        /// Its status.
        status: StatusCode,
        /// Its headers.
        headers: &'a HeaderMap,
        /// It was a failure that may pass.
        passing: bool,
    },
    /// No answer, by this word.
    Failure(&'static str),
}

/// What is kept of an answer beside its body.
#[derive(Clone)]
struct Row {
    at: i64,
    status: u16,
    passing: bool,
    headers: String,
    pieces: i64,
    length: i64,
}

impl Row {
    fn sum(&self, key: &[u8]) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(key);
        for number in [
            self.at,
            self.status.into(),
            self.passing.into(),
            self.pieces,
            self.length,
        ] {
            hash.update(number.to_le_bytes());
        }
        hash.update(self.headers.as_bytes());
        hash.finalize()[..16].to_vec()
    }

    fn kept(self, id: i64, slots: String) -> Option<(Kept, bool)> {
        let (headers, failure) = if self.status == 0 {
            (HeaderMap::new(), self.headers)
        } else {
            (headers_of(&self.headers)?, String::new())
        };
        let kept = Kept {
            status: StatusCode::from_u16(self.status).ok(),
            headers,
            failure,
            at: Duration::from_millis(u64::try_from(self.at).ok()?),
            length: u64::try_from(self.length).ok()?,
            slots,
            id,
            pieces: self.pieces,
        };
        Some((kept, self.passing))
    }
}

/// Headers as JSON: pairs of name and value, the value's bytes as characters of the same number.
fn headers_text(headers: &HeaderMap) -> String {
    let pairs: Vec<(&str, String)> = headers
        .iter()
        .map(|(name, value)| {
            let value = value.as_bytes().iter().copied().map(char::from).collect();
            (name.as_str(), value)
        })
        .collect();
    serde_json::to_string(&pairs).unwrap_or_else(|_| unreachable!("pairs of texts are JSON"))
}

fn headers_of(text: &str) -> Option<HeaderMap> {
    let pairs: Vec<(String, String)> = serde_json::from_str(text).ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let value: Option<Vec<u8>> = value
            .chars()
            .map(|character| u8::try_from(u32::from(character)).ok())
            .collect();
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = HeaderValue::from_bytes(&value?).ok()?;
        headers.try_append(name, value).ok()?;
    }
    Some(headers)
}

fn open(path: &Path) -> Result<Connection, JournalError> {
    let opened = Connection::open(path).and_then(|database| {
        database.busy_timeout(Duration::ZERO)?;
        // A killed process leaves it whole; a machine that loses its power may lose the last answers.
        database.execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             BEGIN IMMEDIATE; COMMIT;",
        )?;
        Ok(database)
    });
    opened.map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            JournalError::InUse(path.to_owned())
        }
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
            no_journal(path, error.to_string())
        }
        _ => unusable(path, &error),
    })
}

/// A journal that is read only may lie where nothing can be written; one whose process was killed needs its log read.
fn open_to_read(path: &Path) -> Result<Connection, JournalError> {
    if beside(path, "-wal").exists() {
        return open(path);
    }
    let mut uri = url::Url::from_file_path(std::path::absolute(path).unwrap_or_default())
        .map_err(|()| no_journal(path, "its path is none".to_owned()))?;
    uri.set_query(Some("immutable=1"));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri.as_str(), flags)
        .map_err(|error| no_journal(path, error.to_string()))
}

/// Makes a file that is its owner's alone: answers are nobody else's business.
fn new_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path).map(drop)
}

/// Makes an empty database the journal of a run, all at once: a process may be killed at any time.
fn begin(database: &mut Connection, about: &About) -> rusqlite::Result<()> {
    let transaction = database.transaction()?;
    lay_out(&transaction)?;
    about.write(&transaction)?;
    transaction.commit()
}

/// Makes an empty database a journal.
fn lay_out(database: &Connection) -> rusqlite::Result<()> {
    database.execute_batch(&format!(
        "PRAGMA application_id = {MARK}; PRAGMA user_version = {FORM}; {SCHEMA}"
    ))
}

/// A file that belongs to a journal: its name, and this behind it.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> JournalError {
    JournalError::Unusable {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

fn no_journal(path: &Path, reason: String) -> JournalError {
    JournalError::NoJournal {
        path: path.to_owned(),
        reason,
    }
}

/// Writes an answer's row, in place of an older one.
fn insert(
    database: &Connection,
    key: &[u8],
    id: i64,
    asked: [&str; 4],
    row: &Row,
) -> rusqlite::Result<()> {
    database
        .prepare_cached(
            "DELETE FROM piece WHERE place BETWEEN (SELECT id * ?2 FROM answer WHERE key = ?1)
                AND (SELECT id * ?2 + ?2 - 1 FROM answer WHERE key = ?1)",
        )?
        .execute(params![key, MOST_PIECES])?;
    let [method, path, slot, family] = asked;
    database
        .prepare_cached(
            "INSERT OR REPLACE INTO answer VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            id,
            key,
            method,
            path,
            slot,
            family,
            row.at,
            row.status,
            row.passing,
            row.headers,
            row.pieces,
            row.length,
            row.sum(key)
        ])?;
    Ok(())
}

#[cfg(test)]
mod tests;
