//! What every part of an extraction needs.

use crate::Settings;
use crate::holders::Holders;
use crate::workspace::Workspace;
use portcullis_kit::client::Client;
use portcullis_kit::coverage::Ledger;
use portcullis_kit::reading::Reading;
use portcullis_kit::sink::{At, Sink};
use std::cell::RefCell;

/// One page of at most 100 elements takes well below 1 MiB; this leaves room for long descriptions.
pub(crate) const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// One extraction.
pub(crate) struct Run<'a> {
    pub(crate) client: &'a Client<'a>,
    pub(crate) sink: &'a dyn Sink,
    pub(crate) settings: &'a Settings,
    pub(crate) workspace: &'a Workspace,
    pub(crate) holders: &'a RefCell<Holders>,
    pub(crate) coverage: &'a RefCell<Ledger>,
}

impl Run<'_> {
    /// Does something whose items are read from an answer that came then.
    pub(crate) fn at<T>(&self, read_at: Option<u64>, work: impl FnOnce(&Run<'_>) -> T) -> T {
        let sink = At::new(self.sink, read_at);
        work(&Run {
            sink: &sink,
            ..*self
        })
    }

    /// Keeps what is to be said of the one list of a family.
    pub(crate) fn list_was_read(&self, family: &'static str, reading: &Reading) {
        self.coverage
            .borrow_mut()
            .list_was_read(family, reading, self.client, self.sink);
    }
}
