//! A journal that is damaged: what is intact is put into a new file, the old one is kept beside it.

use super::about;
use super::{
    JournalError, LONGEST_HEAD, LONGEST_TEXT, MOST_PIECES, PIECE, beside, lay_out, new_file,
    no_journal, open, tame, unusable,
};
use rusqlite::{Connection, OpenFlags, params_from_iter, types::Value};
use std::path::Path;

/// So many numbers in a row that nothing has end the search.
const GIVE_UP: i64 = 20_000;

/// Looks through a journal, and mends it where it is damaged.
pub(super) fn if_damaged(path: &Path) -> Result<(), JournalError> {
    if is_sound(path)? {
        return Ok(());
    }
    let draft = beside(path, ".salvaged");
    let _ = std::fs::remove_file(&draft);
    let kept =
        copy(path, &draft, size_of(path)).map_err(|error| no_journal(path, error.to_string()))?;
    let damaged = beside(path, ".damaged");
    for (from, to) in [(path, damaged.as_path()), (draft.as_path(), path)] {
        std::fs::rename(from, to).map_err(|error| unusable(path, &error))?;
    }
    for log in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(beside(path, log));
    }
    tracing::warn!(
        "the journal {} is damaged; {kept} answers are intact and used, and the old file is now {}",
        path.display(),
        damaged.display()
    );
    Ok(())
}

/// Whether SQLite can read all of it. A file that is something else is an error.
fn is_sound(path: &Path) -> Result<bool, JournalError> {
    let opened = |flags| Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NOFOLLOW);
    let checked = opened(OpenFlags::SQLITE_OPEN_READ_WRITE)
        .or_else(|_| opened(OpenFlags::SQLITE_OPEN_READ_ONLY))
        .and_then(|database| {
            tame(&database)?;
            let blank = about::is_blank(&database)?;
            if let Some(problem) = about::problem(&database)?.filter(|_| !blank) {
                return Ok(Err(problem));
            }
            database
                .query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
                .map(Ok)
        });
    match checked {
        Ok(Ok(text)) => Ok(text == "ok"),
        Ok(Err(problem)) => Err(no_journal(path, problem)),
        Err(error) => match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt) => Ok(false),
            Some(rusqlite::ErrorCode::NotADatabase) => Err(no_journal(path, error.to_string())),
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                Err(JournalError::InUse(path.to_owned()))
            }
            // Read without its directory being writable: whoever opens it sees.
            _ => Ok(true),
        },
    }
}

/// Copies what can be read, row by row, and tells how many answers there are. Each carries its own sum, which is looked at
/// when it is used. In a damaged file any number of rows may claim the same bytes, so no more than `left` are copied.
pub(super) fn copy(path: &Path, draft: &Path, mut left: u64) -> rusqlite::Result<i64> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let old = Connection::open_with_flags(path, flags)?;
    // Otherwise SQLite reads nothing of a file that is shorter than its first page says.
    old.execute_batch("PRAGMA writable_schema = ON; PRAGMA cache_size = -4096;")?;
    if let Some(problem) = about::problem(&old)? {
        return Err(other(problem));
    }
    new_file(draft).map_err(other)?;
    let new = open(draft).map_err(|error| other(error.to_string()))?;
    lay_out(&new)?;
    // The sums of an older form stay what they are.
    let form = about::form(&old)?;
    new.execute_batch(&format!("PRAGMA user_version = {form};"))?;
    new.execute_batch("BEGIN")?;
    let about: (String, String) = old.query_row("SELECT key, value FROM about", [], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    new.execute("INSERT INTO about VALUES (?1, ?2)", [about.0, about.1])?;
    let mut kept = 0;
    let (mut id, mut missed) = (1, 0);
    while missed < GIVE_UP && left > 0 {
        match row(&old, ANSWER, id, LONGEST_HEAD + LONGEST_TEXT, 13) {
            Some(answer) => {
                missed = 0;
                left = left.saturating_sub(size(&answer));
                let marks = vec!["?"; answer.len()].join(", ");
                let pieces = match answer.get(10) {
                    Some(Value::Integer(pieces)) => (*pieces).clamp(0, MOST_PIECES),
                    _ => 0,
                };
                let sql = format!("INSERT OR IGNORE INTO answer VALUES ({marks})");
                kept += i64::try_from(new.execute(&sql, params_from_iter(answer))?).unwrap_or(0);
                for number in 0..pieces {
                    let place = id * MOST_PIECES + number;
                    if let Some(piece) = row(&old, BODY, place, 2 * PIECE as i64, 2) {
                        left = left.saturating_sub(size(&piece));
                        new.execute(
                            "INSERT OR REPLACE INTO piece VALUES (?1, ?2)",
                            params_from_iter(piece),
                        )?;
                    }
                }
            }
            None => missed += 1,
        }
        id += 1;
    }
    new.execute_batch("COMMIT; PRAGMA journal_mode = DELETE;")?;
    Ok(kept)
}

const ANSWER: &str = "SELECT * FROM answer WHERE id = ?1
    AND octet_length(method) + octet_length(path) + octet_length(slot) + octet_length(family) + octet_length(headers) <= ?2
    AND octet_length(key) + octet_length(sum) <= 1000";

const BODY: &str = "SELECT * FROM piece WHERE place = ?1 AND octet_length(body) <= ?2";

fn other(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(problem.into())
}

/// How many bytes a journal and its log have.
pub(super) fn size_of(path: &Path) -> u64 {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    size(path).saturating_add(size(&beside(path, "-wal")))
}

/// How many bytes of a file a row takes at least.
fn size(row: &[Value]) -> u64 {
    let value = |value: &Value| match value {
        Value::Text(text) => text.len() as u64,
        Value::Blob(bytes) => bytes.len() as u64,
        _ => 1,
    };
    row.iter().map(value).sum()
}

/// A row, where it can be read and is not longer than a journal's may be.
fn row(
    database: &Connection,
    sql: &str,
    key: i64,
    longest: i64,
    columns: usize,
) -> Option<Vec<Value>> {
    let mut query = database.prepare_cached(sql).ok()?;
    query
        .query_row([key, longest], |row| {
            (0..columns).map(|column| row.get(column)).collect()
        })
        .ok()
}
