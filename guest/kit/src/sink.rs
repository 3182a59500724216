//! Where items go.

use crate::bindings::portcullis::connector::output::{Item, ReadItem, Stage, emit_read, progress};
use crate::bindings::portcullis::connector::{logging, logging::Severity};
use crate::item;
use std::cell::RefCell;

/// A batch is handed over when it holds so many items: enough that crossing the boundary costs little,
/// few enough that a run that is cut short loses little.
const BATCH_ITEMS: usize = 256;

/// A batch is handed over when it holds about so many bytes, well below the host's `call_mib`.
const BATCH_BYTES: usize = 256 * 1024;

/// What a connector says while it reads.
pub trait Sink {
    /// Takes an item that was read from an answer, and when that came; see [`crate::api::Response::read_at`].
    fn emit_read(&self, item: Item, read_at: Option<u64>);
    /// Takes an item that was not read from any one answer.
    fn emit(&self, item: Item) {
        self.emit_read(item, None);
    }
    /// Tells how far a stage has come; `total` where it is known.
    fn progress(&self, stage: &str, done: u64, total: Option<u64>);
    /// Writes a line to the operator's log.
    fn log(&self, severity: Severity, line: &str);
}

/// A sink whose items are all read from one answer.
pub struct At<'a> {
    sink: &'a dyn Sink,
    read_at: Option<u64>,
}

impl<'a> At<'a> {
    /// What goes to `sink`, read then.
    #[must_use]
    pub fn new(sink: &'a dyn Sink, read_at: Option<u64>) -> Self {
        Self { sink, read_at }
    }
}

impl Sink for At<'_> {
    fn emit_read(&self, item: Item, read_at: Option<u64>) {
        self.sink.emit_read(item, read_at.or(self.read_at));
    }

    fn progress(&self, stage: &str, done: u64, total: Option<u64>) {
        self.sink.progress(stage, done, total);
    }

    fn log(&self, severity: Severity, line: &str) {
        self.sink.log(severity, line);
    }
}

/// The host, which takes items in batches.
#[derive(Debug, Default)]
pub struct HostSink {
    batch: RefCell<Batch>,
}

#[derive(Debug, Default)]
struct Batch {
    items: Vec<ReadItem>,
    bytes: usize,
}

impl HostSink {
    /// Hands over what is waiting.
    pub fn flush(&self) {
        let batch = std::mem::take(&mut *self.batch.borrow_mut());
        if !batch.items.is_empty() {
            emit_read(&batch.items);
        }
    }
}

impl Sink for HostSink {
    fn emit_read(&self, item: Item, read_at: Option<u64>) {
        let full = {
            let mut batch = self.batch.borrow_mut();
            batch.bytes = batch.bytes.saturating_add(item::size(&item));
            batch.items.push(ReadItem { item, read_at });
            batch.items.len() >= BATCH_ITEMS || batch.bytes >= BATCH_BYTES
        };
        if full {
            self.flush();
        }
    }

    fn progress(&self, stage: &str, done: u64, total: Option<u64>) {
        self.flush();
        progress(&Stage {
            name: stage.to_owned(),
            done,
            total,
        });
    }

    fn log(&self, severity: Severity, line: &str) {
        logging::log(severity, line);
    }
}
