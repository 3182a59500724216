//! How many bytes of responses one run may hold in the host: heads and bodies that the connector has not read yet.
//!
//! The number of requests in flight bounds how many responses there are, not how large they are. A response that finds no
//! room is not read ahead: the connector gets it as a stream, so that nobody waits for a connector to read another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What one request in flight may take beside the room, in bytes: what the HTTP client has read of a response and nobody
/// has taken yet (hyper keeps at most 408 KiB, HTTP/2 the window that the client sets).
pub(super) const BESIDE: usize = 512 * 1024;

/// The bytes of one run.
pub(super) struct Room {
    most: usize,
    held: AtomicUsize,
}

impl Room {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            held: AtomicUsize::new(0),
        })
    }

    /// The part of one response: nothing yet.
    pub(super) fn share(self: &Arc<Self>) -> Share {
        Share {
            room: Arc::clone(self),
            head: 0,
            body: 0,
        }
    }
}

/// What one response holds, until it is dropped.
pub(super) struct Share {
    room: Arc<Room>,
    head: usize,
    body: usize,
}

impl Share {
    /// The head has so many bytes. It is there already, so it is counted whether there is room or not.
    pub(super) fn head(&mut self, bytes: usize) {
        self.grow(self.head, bytes, usize::MAX);
        self.head = bytes;
    }

    /// Of the body so many bytes are held now; counted whether there is room or not.
    pub(super) fn body(&mut self, bytes: usize) {
        self.grow(self.body, bytes, usize::MAX);
        self.body = bytes;
    }

    /// Whether there is room to hold so many bytes of the body. They are counted only then.
    pub(super) fn fits(&mut self, bytes: usize) -> bool {
        let fits = self.grow(self.body, bytes, self.room.most);
        if fits {
            self.body = bytes;
        }
        fits
    }

    fn grow(&self, from: usize, to: usize, most: usize) -> bool {
        let held = &self.room.held;
        let changed = held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            let sum = held.saturating_sub(from).saturating_add(to);
            (to <= from || sum <= most).then_some(sum)
        });
        changed.is_ok()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.head(0);
        self.body(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_share_the_room_and_give_it_back() {
        let room = Room::new(100);
        let (mut one, mut other) = (room.share(), room.share());
        assert!(one.fits(60) && !other.fits(41) && other.fits(40));
        assert!(!one.fits(61), "it holds what it held");
        assert!(one.fits(10) && other.fits(90));
        // What is there is counted, and whoever comes later finds no room.
        one.head(50);
        assert!(!one.fits(11) && other.fits(1));
        drop((one, other));
        assert!(room.share().fits(100));
    }
}
