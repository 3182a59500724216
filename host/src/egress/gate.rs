//! How many requests may be under way at once: as many as the connection's pace says, and fewer where the API bears fewer.
//! Where it refuses for being busy the number is halved; with each answer it grows again, by one for a round of answers.

use super::room::{Room, Share};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// An API that takes so many times as long as at its best, and longer than [`SLOW`], is asked with less at once.
const STRAINED: u32 = 5;
const SLOW: Duration = Duration::from_secs(1);

/// The places of one run.
pub(super) struct Gate {
    places: Arc<Semaphore>,
    most: usize,
    room: Arc<Room>,
    state: Mutex<State>,
}

struct State {
    /// How many are allowed now, from 1 to `most`.
    allowed: f64,
    /// How many places are taken out of the semaphore, or will be when they come back.
    withheld: usize,
    /// Of those, the ones that are still in use.
    owed: usize,
    /// The shortest time to an answer so far.
    best: Option<Duration>,
    /// When the number was last lowered: what was sent before says nothing of what is allowed since.
    lowered: Duration,
}

/// How an API took a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Borne {
    /// It answered, after so long.
    After(Duration),
    /// It was too busy.
    Not,
}

impl Gate {
    /// So many places; what is held at them is counted in `room`.
    pub(super) fn new(most: usize, room: &Arc<Room>) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(most)),
            most,
            room: Arc::clone(room),
            state: Mutex::new(State {
                allowed: places(most),
                withheld: 0,
                owed: 0,
                best: None,
                lowered: Duration::ZERO,
            }),
        })
    }

    /// Waits for a place.
    pub(super) async fn enter(self: &Arc<Self>) -> Place {
        let permit = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .unwrap_or_else(|_| unreachable!("the semaphore is never closed"));
        Place {
            gate: Arc::clone(self),
            permit: Some(permit),
            share: self.room.share(),
        }
    }

    /// How many are under way.
    pub(super) fn under_way(&self) -> usize {
        let state = self.lock();
        let here = self.most - state.withheld + state.owed;
        here.saturating_sub(self.places.available_permits())
    }

    /// Learns from a request that was sent at `started`.
    pub(super) fn learn(&self, started: Duration, now: Duration, borne: Borne) {
        let mut state = self.lock();
        let strained = match borne {
            Borne::Not => true,
            Borne::After(took) => {
                let best = state.best.map_or(took, |best| best.min(took));
                state.best = Some(best);
                took > SLOW && took > best.saturating_mul(STRAINED)
            }
        };
        if !strained {
            state.allowed = (state.allowed + 1.0 / state.allowed).min(places(self.most));
        } else if started >= state.lowered {
            let factor = if borne == Borne::Not { 0.5 } else { 0.9 };
            state.allowed = (state.allowed * factor).max(1.0);
            state.lowered = now;
        }
        self.adjust(&mut state);
    }

    /// Makes the number of places the one that is allowed.
    fn adjust(&self, state: &mut State) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 1 to a number of places"
        )]
        let allowed = state.allowed as usize;
        let withhold = self.most - allowed.clamp(1, self.most);
        while state.withheld < withhold {
            state.withheld += 1;
            if self.places.forget_permits(1) == 0 {
                state.owed += 1;
            }
        }
        while state.withheld > withhold {
            state.withheld -= 1;
            if state.owed > 0 {
                state.owed -= 1;
            } else {
                self.places.add_permits(1);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are never so many places")]
fn places(number: usize) -> f64 {
    number as f64
}

/// A place among the requests under way, until it is dropped.
pub(super) struct Place {
    gate: Arc<Gate>,
    permit: Option<OwnedSemaphorePermit>,
    /// The bytes of its response that the host holds.
    pub(super) share: Share,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        if state.owed > 0
            && let Some(permit) = self.permit.take()
        {
            state.owed -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// How many places can be had.
    fn free(gate: &Arc<Gate>) -> usize {
        let mut held = Vec::new();
        while let Some(place) = gate.enter().now_or_never() {
            held.push(place);
        }
        held.len()
    }

    #[test]
    fn an_api_that_is_too_busy_is_asked_with_half_as_much_and_then_with_more_again() {
        let gate = Gate::new(8, &Room::new(0));
        assert_eq!(free(&gate), 8);
        gate.learn(at(0), at(10), Borne::Not);
        assert_eq!(free(&gate), 4);
        // Sent before, told later: the same news.
        gate.learn(at(5), at(11), Borne::Not);
        assert_eq!(free(&gate), 4);
        for _ in 0..20 {
            gate.learn(at(20), at(21), Borne::Not);
        }
        assert_eq!(free(&gate), 2);
        for time in 1..10 {
            gate.learn(at(100 * time), at(100 * time + 1), Borne::Not);
        }
        assert_eq!(free(&gate), 1, "one is always allowed");
        for _ in 0..100 {
            gate.learn(at(5000), at(5001), Borne::After(at(1)));
        }
        assert_eq!(free(&gate), 8, "and never more than the pace says");
    }

    #[test]
    fn places_that_are_in_use_are_taken_away_when_they_come_back() {
        let gate = Gate::new(4, &Room::new(0));
        let held: Vec<Place> = (0..4).filter_map(|_| gate.enter().now_or_never()).collect();
        assert_eq!((held.len(), gate.under_way()), (4, 4));
        gate.learn(at(0), at(1), Borne::Not);
        assert_eq!(gate.under_way(), 4);
        assert!(gate.enter().now_or_never().is_none());
        drop(held);
        assert_eq!((free(&gate), gate.under_way()), (2, 0));
        for _ in 0..100 {
            gate.learn(at(2), at(2), Borne::After(at(1)));
        }
        assert_eq!(free(&gate), 4);
    }

    #[test]
    fn an_api_that_takes_far_longer_than_at_its_best_is_asked_with_a_little_less() {
        let gate = Gate::new(10, &Room::new(0));
        gate.learn(at(0), at(100), Borne::After(at(100)));
        // Slow for this API, but nothing that anyone would call slow.
        gate.learn(at(200), at(900), Borne::After(at(700)));
        assert_eq!(free(&gate), 10);
        gate.learn(at(1000), at(3000), Borne::After(at(2000)));
        assert_eq!(free(&gate), 9);
    }
}
