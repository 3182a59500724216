//! Which credential may still be asked for which family of endpoints.
//!
//! A family whose objects are all refused would cost a refusal for each object. So a credential is given
//! up for a family after [`ENOUGH`] refusals without one success, or at once where the answer says that
//! the credential itself won't do. To keep this independent of the order in which answers come, no more
//! than [`ENOUGH`] objects are asked before the first success: then which objects are asked depends on
//! their order in the list alone.

use crate::client::Miss;
use futures::channel::oneshot;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

/// So many refusals without one success give a credential up for a family.
pub const ENOUGH: usize = 5;

/// The state of every credential in every family.
#[derive(Debug)]
pub struct Lanes {
    slots: usize,
    families: RefCell<BTreeMap<&'static str, Vec<Lane>>>,
}

/// One credential in one family.
#[derive(Debug, Default)]
struct Lane {
    served: bool,
    refusals: usize,
    asking: usize,
    /// The first of the refusals in the alphabet, so that it doesn't depend on the order of answers.
    refusal: Option<String>,
    given_up: Option<String>,
    waiting: VecDeque<Turn>,
}

/// Tells one who waits which credential may be asked, if any.
type Turn = oneshot::Sender<Option<usize>>;

impl Lane {
    fn open(&self) -> bool {
        self.served || self.refusals.saturating_add(self.asking) < ENOUGH
    }

    /// Lets in whoever may go. Who goes is counted here and not where the word arrives, so that nobody who
    /// comes later goes first.
    fn admit(&mut self, slot: usize) {
        while self.open() {
            let Some(turn) = self.waiting.pop_front() else {
                return;
            };
            if turn.send(Some(slot)).is_ok() {
                self.asking = self.asking.saturating_add(1);
            }
        }
    }
}

impl Lanes {
    /// Lanes for so many credentials.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            slots,
            families: RefCell::default(),
        }
    }

    /// Waits until a credential may be asked for an object of `family`: the first one from `slot` on that
    /// isn't given up. None: there is none. Otherwise [`Lanes::settle`] must be told how it went.
    pub async fn enter(&self, family: &'static str, slot: usize) -> Option<usize> {
        let (turn, word) = oneshot::channel();
        self.with(family, |lanes| queue(lanes, slot, turn));
        // The word can't be lost: whoever waits is in a lane, and lanes live as long as this.
        word.await.ok().flatten()
    }

    /// Tells how asking went.
    pub fn settle(&self, family: &'static str, slot: usize, outcome: Result<(), &Miss>) {
        self.with(family, |lanes| {
            let Some(lane) = lanes.get_mut(slot) else {
                return;
            };
            lane.asking = lane.asking.saturating_sub(1);
            match outcome {
                Ok(()) => lane.served = true,
                Err(Miss::SlotRefused(why) | Miss::Withdrawn(why)) => {
                    lane.given_up.get_or_insert_with(|| why.clone());
                }
                Err(miss) => {
                    lane.refusals = lane.refusals.saturating_add(1);
                    let text = miss.to_string();
                    let first = match lane.refusal.take() {
                        Some(other) if other <= text => other,
                        _ => text,
                    };
                    if !lane.served && lane.refusals >= ENOUGH {
                        lane.given_up.get_or_insert_with(|| {
                            format!("{ENOUGH} requests failed without one success: {first}")
                        });
                    }
                    lane.refusal = Some(first);
                }
            }
            if lane.given_up.is_none() {
                return lane.admit(slot);
            }
            // Those who wait go on at once and in their order, before anyone who comes later.
            for turn in std::mem::take(&mut lane.waiting) {
                queue(lanes, slot.saturating_add(1), turn);
            }
        });
    }

    /// Why a credential was given up for a family. None: it wasn't.
    #[must_use]
    pub fn why_given_up(&self, family: &'static str, slot: usize) -> Option<String> {
        self.with(family, |lanes| lanes.get(slot)?.given_up.clone())
    }

    fn with<T>(&self, family: &'static str, act: impl FnOnce(&mut Vec<Lane>) -> T) -> T {
        let mut families = self.families.borrow_mut();
        let lanes = families
            .entry(family)
            .or_insert_with(|| (0..self.slots).map(|_| Lane::default()).collect());
        act(lanes)
    }
}

fn queue(lanes: &mut [Lane], from: usize, turn: Turn) {
    for (slot, lane) in lanes.iter_mut().enumerate().skip(from) {
        if lane.given_up.is_none() {
            lane.waiting.push_back(turn);
            return lane.admit(slot);
        }
    }
    // Whoever no longer listens needs no word.
    let _ = turn.send(None);
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use futures::future::{FutureExt, join, join_all};

    fn refusal() -> Miss {
        Miss::ObjectRefused("not an administrator".into())
    }

    #[test]
    fn five_refusals_without_a_success_give_a_credential_up_for_the_family_alone() {
        let lanes = Lanes::new(2);
        for _ in 0..ENOUGH {
            assert_eq!(block_on(lanes.enter("grants", 0)), Some(0));
            lanes.settle("grants", 0, Err(&refusal()));
        }
        assert_eq!(block_on(lanes.enter("grants", 0)), Some(1));
        assert_eq!(block_on(lanes.enter("keys", 0)), Some(0));
    }

    #[test]
    fn one_success_keeps_a_credential() {
        let lanes = Lanes::new(1);
        for n in 0..50 {
            assert_eq!(block_on(lanes.enter("grants", 0)), Some(0));
            let miss = refusal();
            lanes.settle("grants", 0, if n == 3 { Ok(()) } else { Err(&miss) });
        }
    }

    #[test]
    fn a_refused_credential_is_given_up_at_once_even_after_a_success() {
        let lanes = Lanes::new(1);
        assert_eq!(block_on(lanes.enter("grants", 0)), Some(0));
        lanes.settle("grants", 0, Ok(()));
        assert_eq!(block_on(lanes.enter("grants", 0)), Some(0));
        lanes.settle("grants", 0, Err(&Miss::SlotRefused("401".into())));
        assert_eq!(block_on(lanes.enter("grants", 0)), None);
        assert_eq!(lanes.why_given_up("grants", 0).as_deref(), Some("401"));
    }

    #[test]
    fn no_more_than_five_are_asked_before_the_first_success() {
        let lanes = Lanes::new(1);
        for _ in 0..ENOUGH {
            assert_eq!(lanes.enter("grants", 0).now_or_never(), Some(Some(0)));
        }
        let (sixth, ()) = block_on(join(lanes.enter("grants", 0), async {
            lanes.settle("grants", 0, Ok(()))
        }));
        assert_eq!(sixth, Some(0));
    }

    #[test]
    fn those_who_wait_go_on_to_the_next_credential_before_anyone_who_comes_later() {
        let lanes = Lanes::new(2);
        for _ in 0..ENOUGH {
            assert_eq!(lanes.enter("grants", 0).now_or_never(), Some(Some(0)));
        }
        let waiting = join_all((0..ENOUGH).map(|_| lanes.enter("grants", 0)));
        let latecomer = async {
            for _ in 0..ENOUGH {
                lanes.settle("grants", 0, Err(&refusal()));
            }
            lanes.enter("grants", 0).now_or_never()
        };
        let (waited, late) = block_on(join(waiting, latecomer));
        assert_eq!(waited, vec![Some(1); ENOUGH]);
        assert_eq!(late, None, "it has to wait");
    }
}
