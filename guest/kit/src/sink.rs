//! Where items go.

use crate::bindings::portcullis::connector::output::{Item, Stage, emit, progress};
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
    /// Takes an item.
    fn emit(&self, item: Item);
    /// Tells how far a stage has come; `total` where it is known.
    fn progress(&self, stage: &str, done: u64, total: Option<u64>);
    /// Writes a line to the operator's log.
    fn log(&self, severity: Severity, line: &str);
}

/// The host, which takes items in batches.
#[derive(Debug, Default)]
pub struct HostSink {
    batch: RefCell<Batch>,
}

#[derive(Debug, Default)]
struct Batch {
    items: Vec<Item>,
    bytes: usize,
}

impl HostSink {
    /// Hands over what is waiting.
    pub fn flush(&self) {
        let batch = std::mem::take(&mut *self.batch.borrow_mut());
        if !batch.items.is_empty() {
            emit(&batch.items);
        }
    }
}

impl Sink for HostSink {
    fn emit(&self, item: Item) {
        let full = {
            let mut batch = self.batch.borrow_mut();
            batch.bytes = batch.bytes.saturating_add(item::size(&item));
            batch.items.push(item);
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
