//! The journal: what the API answered during a run, so that the run can be resumed, replayed without the API, or replayed
//! against another version of the connector.
//!
//! It lies above the credential step: requests are kept as the connector made them, answers as it got them, redacted. It is
//! one SQLite database that a killed process leaves whole; each row carries a sum, so that what is damaged is not used. The
//! sum is a checksum and not a signature: whoever can write the file can make one up. So nothing in a journal is trusted
//! beyond what an API may say.

mod about;
mod age;
mod body;
mod bound;
mod salvage;

pub use about::About;
pub use age::MaxAge;
pub use body::Writer;

use crate::collect::printable;
use crate::directory::{self, Directory};
use crate::pace::Clock;
use crate::slot::SlotName;
use bound::Bound;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The version of the file's form.
const FORM: i64 = 2;

/// The version before it: the same tables, with a sum that leaves out method, path, slot and family. What such a sum does not
/// cover is not used.
const OLD_FORM: i64 = 1;

/// `PRAGMA application_id`: tells a journal from other databases.
const MARK: i64 = 0x504f_5243;

/// A body is kept in pieces of at most so many bytes before compression.
const PIECE: usize = 512 * 1024;

/// Pieces of one body are numbered below this.
const MOST_PIECES: i64 = 1 << 16;

/// No head of an answer is longer, in bytes: more is neither kept nor read of a file that somebody else made.
const LONGEST_HEAD: i64 = 1 << 20;

/// Nor is any other text of an answer's row.
const LONGEST_TEXT: i64 = 64 << 10;

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

    /// How much memory giving its body takes.
    pub fn memory(&self) -> usize {
        usize::try_from(self.length).map_or(PIECE, |length| length.min(PIECE))
    }

    /// It can't have come later than now. Where it says so, nobody knows when it came: it counts as the oldest there is.
    fn known_by(mut self, now: Duration) -> Self {
        if self.at > now {
            self.at = Duration::ZERO;
        }
        self
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
    form: i64,
    next: AtomicI64,
    /// The number of this run's first answer.
    first: i64,
    /// Longer bodies are not given, in bytes.
    longest: u64,
    bound: Bound,
    failed: Mutex<Option<rusqlite::Error>>,
}

impl Journal {
    /// Starts a journal.
    ///
    /// # Errors
    /// Where there is one already, or the file can't be written.
    pub fn create(path: &Path, about: &About, clock: Arc<dyn Clock>) -> Result<Self, JournalError> {
        let path = &real_path(path)?;
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
        let path = &real_path(path)?;
        if !check_files(path)? {
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
        let path = &real_path(path)?;
        if !check_files(path)? {
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
        let form = about::form(&database).map_err(|error| no_journal(path, error.to_string()))?;
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
        let overdue =
            overdue(&database, &max_age, clock.now()).map_err(|error| unusable(path, &error))?;
        Ok(Self {
            database: Mutex::new(database),
            path: path.to_owned(),
            mode,
            max_age,
            overdue,
            clock,
            form,
            next: AtomicI64::new(last + 1),
            first: last + 1,
            longest: u64::MAX,
            bound: Bound::default(),
            failed: Mutex::default(),
        })
    }

    /// Bounds what a run may keep, in bytes of the file: a hostile connector and its API could fill the disk. Beyond it answers
    /// are given and not kept. No body is given that is longer than `longest`, so none is unpacked to see whether it is whole.
    #[must_use]
    pub fn bounded(mut self, bytes: u64, longest: u64) -> Self {
        if self.mode != Mode::Replay {
            let bound = Bound::of(&self.database(), bytes);
            match bound {
                Ok(bound) => self.bound = bound,
                Err(error) => self.failed(error),
            }
        }
        self.longest = longest;
        self
    }

    /// Whether there is room for so many bytes more; where there is none, that is said once.
    fn has_room(&self, database: &Connection, bytes: usize) -> rusqlite::Result<bool> {
        let had_room = !self.bound.is_reached();
        let has_room = self.bound.has_room(database, bytes)?;
        if had_room && !has_room {
            tracing::warn!(
                "the journal {} has reached the limit output_mib; further answers are not kept",
                self.path.display()
            );
        }
        Ok(has_room)
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
        let found = self.look_up(asked).unwrap_or_else(|error| {
            tracing::warn!("an answer of the journal is not used: {error}");
            None
        });
        let now = self.clock.now();
        let kept = found.filter(|(kept, passing)| match self.mode {
            Mode::Replay => true,
            // What failed may go well now.
            _ => {
                let fresh = self
                    .max_age
                    .permits(asked.family, kept.at, now, self.overdue);
                !passing && kept.status.is_some() && fresh
            }
        });
        kept.map(|(kept, _)| kept.known_by(now))
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

    fn look_up(&self, asked: &Asked<'_>) -> rusqlite::Result<Option<(Kept, bool)>> {
        let key = &asked.key();
        let database = self.database();
        let row = database
            .prepare_cached(
                "SELECT id, method, path, slot, family, at, status, passing, headers, pieces, length, sum FROM answer
                 WHERE key = ?1 AND octet_length(headers) <= ?2 AND octet_length(sum) <= ?3 AND octet_length(method)
                    + octet_length(path) + octet_length(slot) + octet_length(family) <= ?3",
            )?
            .query_row(params![key, LONGEST_HEAD, LONGEST_TEXT], |columns| {
                let row = Row {
                    id: columns.get(0)?,
                    method: columns.get(1)?,
                    path: columns.get(2)?,
                    slot: columns.get(3)?,
                    family: columns.get(4)?,
                    at: columns.get(5)?,
                    status: columns.get(6)?,
                    passing: columns.get(7)?,
                    headers: columns.get(8)?,
                    pieces: columns.get(9)?,
                    length: columns.get(10)?,
                };
                Ok((row, columns.get::<_, Vec<u8>>(11)?))
            })
            .optional()?;
        let Some((mut row, sum)) = row else {
            return Ok(None);
        };
        let too_long = u64::try_from(row.length).is_ok_and(|length| length > self.longest);
        if row.sum(key) != sum {
            if self.form != OLD_FORM || row.old_sum(key) != sum {
                tracing::warn!("an answer of the journal is damaged, and not used");
                return Ok(None);
            }
            // The key covers what was asked; which other credentials would have done, nothing does.
            asked.slot.clone_into(&mut row.slot);
        }
        let is_asked = row.method == asked.method
            && row.path == asked.path
            && row.slot.split(", ").next() == Some(asked.slot);
        if !is_asked || !too_long && !body::is_whole(&database, &row)? {
            tracing::warn!("an answer of the journal is damaged, and not used");
            return Ok(None);
        }
        Ok(row.kept())
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
        let mut gone = Vec::new();
        {
            let mut unused = database.prepare(
                "SELECT family, at, id FROM answer WHERE id < ?1 AND octet_length(family) <= ?2
                    AND id NOT IN (SELECT id FROM temp.used)",
            )?;
            let mut answers = unused.query(params![self.first, LONGEST_TEXT])?;
            while let Some(row) = answers.next()? {
                let (family, at): (String, i64) = (row.get(0)?, row.get(1)?);
                if !self.max_age.permits(&family, time(at), now, None) {
                    gone.push(row.get::<_, i64>(2)?);
                }
            }
        }
        // SQLite's log holds a whole transaction: several small ones take less of the disk.
        for some in gone.chunks(1000) {
            let transaction = database.transaction()?;
            for id in some {
                transaction
                    .prepare_cached("DELETE FROM answer WHERE id = ?1")?
                    .execute([id])?;
                drop_pieces(&transaction, *id)?;
            }
            transaction.commit()?;
        }
        Ok(())
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
fn overdue(
    database: &Connection,
    max_age: &MaxAge,
    now: Duration,
) -> rusqlite::Result<Option<Duration>> {
    let mut query = database.prepare(
        "SELECT family, at FROM answer WHERE passing = 0 AND octet_length(family) <= ?1",
    )?;
    let answers = query.query_map([LONGEST_TEXT], |row| Ok((row.get(0)?, time(row.get(1)?))))?;
    max_age.overdue(answers, now)
}

/// A time of the journal.
fn time(at: i64) -> Duration {
    Duration::from_millis(u64::try_from(at).unwrap_or_default())
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
    id: i64,
    method: String,
    path: String,
    /// The credential, and behind it the others that would have done.
    slot: String,
    family: String,
    at: i64,
    status: u16,
    passing: bool,
    headers: String,
    pieces: i64,
    length: i64,
}

impl Row {
    fn texts(&self) -> [&str; 5] {
        [
            &self.method,
            &self.path,
            &self.slot,
            &self.family,
            &self.headers,
        ]
    }

    /// Its numbers, but for its own.
    fn numbers(&self) -> [i64; 5] {
        let (status, passing) = (self.status.into(), self.passing.into());
        [self.at, status, passing, self.pieces, self.length]
    }

    /// A checksum of all of it.
    fn sum(&self, key: &[u8]) -> Vec<u8> {
        let mut hash = Sha256::new();
        for part in self.texts().map(str::as_bytes).into_iter().chain([key]) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        for number in std::iter::once(self.id).chain(self.numbers()) {
            hash.update(number.to_le_bytes());
        }
        hash.finalize()[..16].to_vec()
    }

    /// The checksum of [`OLD_FORM`].
    fn old_sum(&self, key: &[u8]) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(key);
        for number in self.numbers() {
            hash.update(number.to_le_bytes());
        }
        hash.update(self.headers.as_bytes());
        hash.finalize()[..16].to_vec()
    }

    /// How many bytes its texts have.
    fn size(&self) -> usize {
        self.texts().map(str::len).iter().sum()
    }

    fn kept(self) -> Option<(Kept, bool)> {
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
            slots: self.slot,
            id: self.id,
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

/// The path without links: its directory is given by a person, and a link to that is followed once.
fn real_path(path: &Path) -> Result<PathBuf, JournalError> {
    let (parent, name) = directory::split(path).map_err(|error| unusable(path, &error))?;
    let parent = std::fs::canonicalize(parent).map_err(|error| unusable(path, &error))?;
    Ok(parent.join(name))
}

/// Checks the files that SQLite opens by their names: the journal's and those beside it must be regular files of one name
/// each, or missing. Whether there is a journal.
fn check_files(path: &Path) -> Result<bool, JournalError> {
    let check = |path: &Path| {
        Directory::of(path)
            .and_then(|(directory, name)| directory.check(name))
            .map_err(|error| unusable(path, &error))
    };
    for ending in ["-wal", "-shm", "-journal"] {
        check(&beside(path, ending))?;
    }
    check(path)
}

/// A database that somebody else may have made: it decides neither how much memory SQLite takes nor what SQL does.
fn tame(database: &Connection) -> rusqlite::Result<()> {
    database.execute_batch(
        "PRAGMA cache_size = -4096; PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;",
    )
}

fn open(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let opened = Connection::open_with_flags(path, flags).and_then(|database| {
        database.busy_timeout(Duration::ZERO)?;
        // A killed process leaves it whole; a machine that loses its power may lose the last answers.
        database.execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             BEGIN IMMEDIATE; COMMIT;",
        )?;
        tame(&database)?;
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
    let mut uri = url::Url::from_file_path(path)
        .map_err(|()| no_journal(path, "its path is none".to_owned()))?;
    uri.set_query(Some("immutable=1"));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    Connection::open_with_flags(uri.as_str(), flags)
        .and_then(|database| tame(&database).map(|()| database))
        .map_err(|error| no_journal(path, error.to_string()))
}

/// Makes a file that is its owner's alone: answers are nobody else's business.
fn new_file(path: &Path) -> std::io::Result<()> {
    let (directory, name) = Directory::of(path)?;
    directory.create(name).map(drop)
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
        reason: printable(&reason.to_string(), LONGEST_REASON),
    }
}

/// What SQLite says may repeat what is in the file.
fn no_journal(path: &Path, reason: String) -> JournalError {
    JournalError::NoJournal {
        path: path.to_owned(),
        reason: printable(&reason, LONGEST_REASON),
    }
}

/// The longest reason that is told, in bytes.
const LONGEST_REASON: usize = 500;

/// Writes an answer's row, in place of an older one.
fn insert(database: &Connection, key: &[u8], row: &Row) -> rusqlite::Result<()> {
    let old = database
        .prepare_cached("SELECT id FROM answer WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    if let Some(old) = old {
        drop_pieces(database, old)?;
    }
    database
        .prepare_cached(
            "INSERT OR REPLACE INTO answer VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            row.id,
            key,
            row.method,
            row.path,
            row.slot,
            row.family,
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

/// Removes the pieces of an answer's body.
fn drop_pieces(database: &Connection, id: i64) -> rusqlite::Result<()> {
    let first = id.saturating_mul(MOST_PIECES);
    database
        .prepare_cached("DELETE FROM piece WHERE place BETWEEN ?1 AND ?2")?
        .execute([first, first.saturating_add(MOST_PIECES - 1)])?;
    Ok(())
}

#[cfg(test)]
mod tests;
