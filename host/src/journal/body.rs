//! Bodies: compressed piece by piece, so that neither keeping nor giving one takes more memory than a piece.

use super::{
    Asked, Head, Journal, LONGEST_HEAD, LONGEST_TEXT, MOST_PIECES, PIECE, Row, drop_pieces,
    headers_text, insert,
};
use bytes::Bytes;
use rusqlite::{Connection, params};
use std::io::{Error, Read as _};
use std::time::Duration;

/// zstd's usual level: faster than the network by far.
const LEVEL: i32 = 3;

/// What that level looks back at most, as a power of two of bytes: so much memory unpacking takes.
const LARGEST_WINDOW: u32 = 21;

/// An answer that is being kept. It is in the journal once it is finished, and not before.
pub struct Writer {
    key: [u8; 32],
    row: Row,
    waiting: Vec<u8>,
    broken: bool,
}

impl Writer {
    pub(super) fn new(asked: &Asked<'_>, head: Head<'_>, id: i64, now: Duration) -> Self {
        let (status, passing, headers) = match head {
            Head::Answer {
                status,
                headers,
                passing,
            } => (status.as_u16(), passing, headers_text(headers)),
            Head::Failure(word) => (0, true, word.to_owned()),
        };
        let row = Row {
            id,
            method: asked.method.to_owned(),
            path: asked.path.to_owned(),
            slot: asked.named(),
            family: asked.family.to_owned(),
            at: i64::try_from(now.as_millis()).unwrap_or(i64::MAX),
            status,
            passing,
            headers,
            pieces: 0,
            length: 0,
        };
        let head = row.headers.len();
        let fits = |bytes: usize, most: i64| i64::try_from(bytes).is_ok_and(|bytes| bytes <= most);
        Self {
            key: asked.key(),
            // What would not be read again is not kept.
            broken: !fits(head, LONGEST_HEAD) || !fits(row.size() - head, LONGEST_TEXT),
            row,
            waiting: Vec::new(),
        }
    }

    /// How much memory it takes.
    pub fn held(&self) -> usize {
        self.waiting.capacity() + self.row.size()
    }

    /// More of the body came.
    pub fn push(&mut self, journal: &Journal, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.broken {
            let fits = (PIECE - self.waiting.len()).min(bytes.len());
            self.waiting.extend_from_slice(&bytes[..fits]);
            bytes = &bytes[fits..];
            if self.waiting.len() == PIECE {
                let piece = std::mem::take(&mut self.waiting);
                self.put(journal, &piece);
            }
        }
    }

    /// The body has come to its end, with this as its last part, or as all of it.
    pub fn finish(mut self, journal: &Journal, last: &[u8]) {
        if self.waiting.is_empty() {
            // Most bodies come at once, and are not copied.
            for piece in last.chunks(PIECE) {
                self.put(journal, piece);
            }
        } else {
            self.push(journal, last);
            let waiting = std::mem::take(&mut self.waiting);
            if !waiting.is_empty() {
                self.put(journal, &waiting);
            }
        }
        if let Err(error) = self.end(journal) {
            journal.failed(error);
        }
    }

    /// Writes the row, where all of the body could be kept.
    fn end(&mut self, journal: &Journal) -> rusqlite::Result<()> {
        let mut database = journal.database();
        if self.broken || !journal.has_room(&database, self.row.size() + self.key.len())? {
            return drop_pieces(&database, self.row.id);
        }
        let transaction = database.transaction()?;
        insert(&transaction, &self.key, &self.row)?;
        transaction.commit()
    }

    fn put(&mut self, journal: &Journal, piece: &[u8]) {
        if self.broken {
            return;
        }
        let place = self.row.id * MOST_PIECES + self.row.pieces;
        let packed = pack(piece).ok();
        let packed = packed.filter(|_| self.row.pieces < MOST_PIECES);
        let Some(packed) = packed else {
            self.broken = true;
            return;
        };
        self.row.pieces += 1;
        self.row.length += i64::try_from(piece.len()).unwrap_or(i64::MAX / 2);
        let database = journal.database();
        let written = journal
            .has_room(&database, packed.len())
            .and_then(|has_room| {
                if has_room {
                    let mut insert =
                        database.prepare_cached("INSERT OR REPLACE INTO piece VALUES (?1, ?2)")?;
                    insert.execute(params![place, packed])?;
                }
                Ok(has_room)
            });
        drop(database);
        match written {
            Ok(has_room) => self.broken = !has_room,
            Err(error) => {
                self.broken = true;
                journal.failed(error);
            }
        }
    }
}

fn pack(piece: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::with_capacity(piece.len() / 4), LEVEL)?;
    encoder.include_checksum(true)?;
    std::io::Write::write_all(&mut encoder, piece)?;
    encoder.finish()
}

pub(super) fn unpack(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut piece = Vec::new();
    // No more than was put in, whoever changed the file.
    let mut decoder = zstd::Decoder::with_buffer(packed)?;
    decoder.window_log_max(LARGEST_WINDOW)?;
    decoder.take(PIECE as u64 + 1).read_to_end(&mut piece)?;
    Ok(piece)
}

/// A piece of a body.
pub(super) fn piece(database: &Connection, id: i64, number: i64) -> std::io::Result<Bytes> {
    let place = id.saturating_mul(MOST_PIECES).saturating_add(number);
    let packed: Vec<u8> = database
        .prepare_cached("SELECT body FROM piece WHERE place = ?1 AND octet_length(body) <= ?2")
        .and_then(|mut query| query.query_row(params![place, 2 * PIECE], |row| row.get(0)))
        .map_err(Error::other)?;
    Ok(unpack(&packed)?.into())
}

/// Whether all pieces of a body are there and undamaged.
pub(super) fn is_whole(database: &Connection, row: &Row) -> rusqlite::Result<bool> {
    let needed = u64::try_from(row.length).map(|length| length.div_ceil(PIECE as u64));
    // A writer makes no more than its length needs; somebody else could have any number unpacked.
    if u64::try_from(row.pieces) != needed || row.pieces > MOST_PIECES {
        return Ok(false);
    }
    let mut found = 0;
    for number in 0..row.pieces {
        match piece(database, row.id, number) {
            Ok(piece) => found += piece.len() as u64,
            Err(_) => return Ok(false),
        }
    }
    Ok(i64::try_from(found) == Ok(row.length))
}
