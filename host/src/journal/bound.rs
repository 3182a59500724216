//! What a run may add to its journal, in pages of the database: rows, heads, bodies and indexes alike.

use rusqlite::Connection;
use std::sync::atomic::{AtomicBool, Ordering};

/// Pages that writing one row may take beside those that its bytes fill: where trees of pages are split.
const SPLIT: u64 = 8;

/// SQLite moves its log into the database after so many pages, or fewer where less may be added in all.
const LOG_PAGES: u64 = 1000;

/// The bound. By default there is none.
#[derive(Default)]
pub(super) struct Bound {
    page: u64,
    /// How many pages may be in use.
    most: Option<u64>,
    reached: AtomicBool,
}

impl Bound {
    /// So many bytes more than the database has now, its log among them.
    pub(super) fn of(database: &Connection, bytes: u64) -> rusqlite::Result<Self> {
        let page: u64 = database.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let pages = bytes / page.max(1);
        let log = (pages / 4).clamp(1, LOG_PAGES);
        database.execute_batch(&format!("PRAGMA wal_autocheckpoint = {log};"))?;
        Ok(Self {
            page,
            most: Some(used(database)?.saturating_add(pages.saturating_sub(log))),
            reached: AtomicBool::new(false),
        })
    }

    /// Whether something was refused already. Nothing is added after that.
    pub(super) fn is_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    /// Whether so many bytes may be added.
    pub(super) fn has_room(&self, database: &Connection, bytes: usize) -> rusqlite::Result<bool> {
        let Some(most) = self.most else {
            return Ok(true);
        };
        if self.is_reached() {
            return Ok(false);
        }
        // A page of what does not fit into one begins with the number of the next.
        let pages = (bytes as u64).div_ceil(self.page.saturating_sub(4).max(1));
        let has_room = used(database)?.saturating_add(pages).saturating_add(SPLIT) <= most;
        self.reached.store(!has_room, Ordering::Relaxed);
        Ok(has_room)
    }
}

/// The pages in use. Free ones are used first, so the file grows no further than these.
fn used(database: &Connection) -> rusqlite::Result<u64> {
    let number = |pragma: &str| {
        let mut query = database.prepare_cached(pragma)?;
        query.query_row([], |row| row.get::<_, u64>(0))
    };
    Ok(number("PRAGMA page_count")?.saturating_sub(number("PRAGMA freelist_count")?))
}
