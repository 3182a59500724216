//! What every part of an extraction needs.

use crate::Settings;
use crate::coverage::Ledger;
use crate::holders::Holders;
use crate::workspace::Workspace;
use portcullis_kit::bindings::portcullis::connector::output::Item;
use portcullis_kit::client::Client;
use portcullis_kit::pager::{Outcome, Reading};
use portcullis_kit::sink::Sink;
use std::cell::RefCell;

/// One page of at most 100 elements takes well below 1 MiB; this leaves room for long descriptions.
pub(crate) const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// One extraction.
pub(crate) struct Run<'a> {
    pub(crate) client: &'a Client<'a>,
    pub(crate) sink: &'a dyn Sink,
    pub(crate) settings: &'a Settings,
    pub(crate) workspace: &'a Workspace,
    pub(crate) holders: RefCell<Holders>,
    pub(crate) coverage: RefCell<Ledger>,
}

impl Run<'_> {
    /// Keeps what is to be said of the one list of a family.
    pub(crate) fn list_was_read(&self, family: &'static str, reading: &Reading) {
        let mut coverage = self.coverage.borrow_mut();
        for slot in &reading.served {
            coverage.served(family, *slot);
        }
        match &reading.outcome {
            Outcome::Complete if reading.misses.is_empty() => {}
            Outcome::Complete => coverage.note(family, self.client.explain(&reading.misses)),
            Outcome::Partial(problems) => problems
                .iter()
                .for_each(|why| coverage.doubt(family, why.clone())),
            Outcome::Unreadable => {
                coverage.unreadable(family, self.client.explain(&reading.misses))
            }
        }
        for remark in &reading.remarks {
            self.sink.emit(Item::Warning(format!("{family}: {remark}")));
        }
    }
}
