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
#[derive(Debug, Default)]
pub struct Lanes {
    lanes: RefCell<BTreeMap<(&'static str, usize), Lane>>,
}

#[derive(Debug, Default)]
struct Lane {
    served: bool,
    refusals: usize,
    asking: usize,
    /// The first of the refusals in the alphabet, so that it doesn't depend on the order of answers.
    refusal: Option<String>,
    given_up: Option<String>,
    waiting: VecDeque<oneshot::Sender<()>>,
}

impl Lane {
    fn open(&self) -> bool {
        self.served || self.refusals.saturating_add(self.asking) < ENOUGH
    }

    /// Lets in whoever may go. A permit is counted here and not where it is received, so that nobody who
    /// comes later takes it.
    fn admit(&mut self) {
        while self.given_up.is_some() || self.open() {
            let Some(first) = self.waiting.pop_front() else {
                return;
            };
            if self.given_up.is_none() {
                self.asking = self.asking.saturating_add(1);
            }
            if first.send(()).is_err() && self.given_up.is_none() {
                self.asking = self.asking.saturating_sub(1);
            }
        }
    }
}

impl Lanes {
    /// Waits until the credential `slot` may be asked for an object of `family`. False: it is given up.
    /// After true, [`Lanes::settle`] must be told how it went.
    pub async fn enter(&self, family: &'static str, slot: usize) -> bool {
        let turn = {
            let mut lanes = self.lanes.borrow_mut();
            let lane = lanes.entry((family, slot)).or_default();
            if lane.given_up.is_some() {
                return false;
            }
            if lane.open() && lane.waiting.is_empty() {
                lane.asking = lane.asking.saturating_add(1);
                return true;
            }
            let (permit, turn) = oneshot::channel();
            lane.waiting.push_back(permit);
            turn
        };
        // A permit can't be dropped: its lane lives as long as these lanes.
        turn.await.is_ok() && self.why_given_up(family, slot).is_none()
    }

    /// Tells how asking went.
    pub fn settle(&self, family: &'static str, slot: usize, outcome: Result<(), &Miss>) {
        let mut lanes = self.lanes.borrow_mut();
        let lane = lanes.entry((family, slot)).or_default();
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
        lane.admit();
    }

    /// Why a credential was given up for a family. None: it wasn't.
    #[must_use]
    pub fn why_given_up(&self, family: &'static str, slot: usize) -> Option<String> {
        self.lanes.borrow().get(&(family, slot))?.given_up.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use futures::future::{FutureExt, join};

    fn refusal() -> Miss {
        Miss::ObjectRefused("not an administrator".into())
    }

    #[test]
    fn five_refusals_without_a_success_give_a_credential_up_for_the_family_alone() {
        let lanes = Lanes::default();
        for _ in 0..ENOUGH {
            assert!(block_on(lanes.enter("grants", 0)));
            lanes.settle("grants", 0, Err(&refusal()));
        }
        assert!(!block_on(lanes.enter("grants", 0)));
        assert!(block_on(lanes.enter("grants", 1)));
        assert!(block_on(lanes.enter("keys", 0)));
    }

    #[test]
    fn one_success_keeps_a_credential() {
        let lanes = Lanes::default();
        for n in 0..50 {
            assert!(block_on(lanes.enter("grants", 0)));
            let miss = refusal();
            lanes.settle("grants", 0, if n == 3 { Ok(()) } else { Err(&miss) });
        }
    }

    #[test]
    fn a_refused_credential_is_given_up_at_once_even_after_a_success() {
        let lanes = Lanes::default();
        assert!(block_on(lanes.enter("grants", 0)));
        lanes.settle("grants", 0, Ok(()));
        assert!(block_on(lanes.enter("grants", 0)));
        lanes.settle("grants", 0, Err(&Miss::SlotRefused("401".into())));
        assert!(!block_on(lanes.enter("grants", 0)));
    }

    #[test]
    fn no_more_than_five_are_asked_before_the_first_success() {
        let lanes = Lanes::default();
        for _ in 0..ENOUGH {
            assert_eq!(lanes.enter("grants", 0).now_or_never(), Some(true));
        }
        let sixth = async {
            let entered = lanes.enter("grants", 0).await;
            assert!(entered);
        };
        let success = async { lanes.settle("grants", 0, Ok(())) };
        block_on(join(sixth, success));
    }

    #[test]
    fn those_who_wait_learn_that_the_credential_was_given_up() {
        let lanes = Lanes::default();
        for _ in 0..ENOUGH {
            assert_eq!(lanes.enter("grants", 0).now_or_never(), Some(true));
        }
        let (waited, ()) = block_on(join(lanes.enter("grants", 0), async {
            for _ in 0..ENOUGH {
                lanes.settle("grants", 0, Err(&refusal()));
            }
        }));
        assert!(!waited);
    }
}
