//! What every part of an extraction needs.

use crate::Settings;
use crate::discovery::Discovery;
use crate::family;
use crate::list::{Depth, List};
use crate::members::Everyone;
use crate::rights::Rights;
use portcullis_kit::client::{Client, Miss};
use portcullis_kit::coverage::Ledger;
use portcullis_kit::cut::Shape;
use portcullis_kit::reading::{Outcome, Reading};
use portcullis_kit::sink::Sink;
use std::cell::{Cell, RefCell};
use std::ops::Range;

/// One extraction.
pub(crate) struct Run<'a> {
    pub(crate) client: &'a Client<'a>,
    pub(crate) sink: &'a dyn Sink,
    pub(crate) settings: &'a Settings,
    pub(crate) discovery: Discovery,
    /// Only as much is read as tells whether the rest could be.
    pub(crate) brief: bool,
    /// Host and path of the server: the part of the source that relations name.
    pub(crate) server: String,
    /// The groups of a whole page.
    pub(crate) groups_page: Cell<usize>,
    pub(crate) everyone: RefCell<Everyone>,
    pub(crate) rights: RefCell<Rights>,
    pub(crate) coverage: RefCell<Ledger>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        client: &'a Client<'a>,
        sink: &'a dyn Sink,
        settings: &'a Settings,
        brief: bool,
    ) -> Self {
        Self {
            client,
            sink,
            settings,
            discovery: Discovery::default(),
            brief,
            server: settings.server(),
            groups_page: Cell::new(0),
            everyone: RefCell::default(),
            rights: RefCell::default(),
            coverage: RefCell::new(Ledger::new(&family::ALL)),
        }
    }

    /// The credentials; one that isn't there where there are none, so that the host says so.
    pub(crate) fn slots(&self) -> Range<usize> {
        0..self.client.slots().len().max(1)
    }

    /// Requests that are started side by side: somewhat more than the host lets through, so that it always
    /// has one to send when an answer came.
    pub(crate) fn at_once(&self) -> usize {
        let in_flight = self.settings.in_flight;
        in_flight.saturating_add(in_flight.div_ceil(4))
    }

    /// The list at an endpoint.
    pub(crate) fn list(&self, endpoint: &str, shape: Shape, stage: &'static str) -> List<'_> {
        let most = self.discovery.most_rows.unwrap_or(usize::MAX);
        List {
            client: self.client,
            path: self.settings.path(endpoint, None),
            shape,
            filter: None,
            wish: None,
            page_size: self.settings.page_size.min(most),
            cursor: self.discovery.cursor,
            slots: self.client.slots().collect(),
            in_flight: self.at_once(),
            depth: if self.brief {
                Depth::First
            } else {
                Depth::Full
            },
            watched: Some((self.sink, stage)),
            page_rows: Cell::new(0),
        }
    }

    /// Keeps what is to be said of the one list of a family.
    pub(crate) fn list_was_read(&self, family: &'static str, reading: &Reading) {
        self.coverage
            .borrow_mut()
            .list_was_read(family, reading, self.client, self.sink);
    }

    /// Whether the server has no such list for anyone.
    pub(crate) fn is_missing(&self, reading: &Reading) -> bool {
        reading.outcome == Outcome::Unreadable
            && !reading.misses.is_empty()
            && reading
                .misses
                .iter()
                .all(|(_, miss)| matches!(miss, Miss::NotFound(_) | Miss::Withdrawn(_)))
    }
}
