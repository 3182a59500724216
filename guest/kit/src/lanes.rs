//! Which credential may still be asked for which family of endpoints.
//!
//! A family whose objects are all refused would cost a refusal for each object. So a credential is given
//! up for a family after [`ENOUGH`] refusals without one success, or at once where the answer says that
//! the credential itself won't do. To keep this independent of the order in which answers come, no more
//! than [`ENOUGH`] objects are asked before the first success: then which objects are asked depends on
//! their order in the list alone.
//!
//! Each credential has an hour of its own. So in a family of many objects, once a credential has served, the others
//! may be asked in its place, whichever the host prefers; those that are refused for [`ENOUGH`] objects without one
//! success are not asked in its place any more, but still where it is refused itself.

use crate::client::Miss;
use futures::channel::oneshot;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

/// So many refusals without one success give a credential up for a family.
pub const ENOUGH: usize = 5;

/// From this object of a family on others may be asked in a credential's place: of fewer there is no hour's worth.
const SPREAD_FROM: usize = 50;

/// The state of every credential in every family.
#[derive(Debug)]
pub struct Lanes {
    slots: usize,
    families: RefCell<BTreeMap<&'static str, Family>>,
}

#[derive(Debug)]
struct Family {
    lanes: Vec<Lane>,
    /// How many objects came so far.
    entered: usize,
}

/// One credential in one family.
#[derive(Debug, Default)]
struct Lane {
    served: bool,
    asked: Asked,
    /// In another's place.
    lent: Asked,
    /// The first of the refusals in the alphabet, so that it doesn't depend on the order of answers.
    refusal: Option<String>,
    given_up: Option<String>,
    waiting: VecDeque<Turn>,
}

/// How asking goes.
#[derive(Debug, Default)]
struct Asked {
    refusals: usize,
    under_way: usize,
}

impl Asked {
    fn may_be_more(&self) -> bool {
        self.refusals.saturating_add(self.under_way) < ENOUGH
    }
}

/// One who waits to be told which credential may be asked, if any.
#[derive(Debug)]
struct Turn {
    tried: Vec<usize>,
    word: oneshot::Sender<Option<Pass>>,
}

/// Which credentials may be asked for one object. [`Lanes::settle`] must be told how it went.
#[derive(Debug, PartialEq, Eq)]
pub struct Pass {
    slot: usize,
    others: Vec<usize>,
}

impl Pass {
    /// The credentials of which any may be asked.
    #[must_use]
    pub fn slots(&self) -> Vec<usize> {
        let others = self.others.iter().copied();
        std::iter::once(self.slot).chain(others).collect()
    }
}

impl Lane {
    fn open(&self) -> bool {
        self.served || self.asked.may_be_more()
    }
}

impl Family {
    /// Lets in whoever may go. Who goes is counted here and not where the word arrives, so that nobody who
    /// comes later goes first.
    fn admit(&mut self, slot: usize) {
        while let Some(turn) = self
            .lanes
            .get_mut(slot)
            .filter(|lane| lane.open())
            .and_then(|lane| lane.waiting.pop_front())
        {
            self.entered = self.entered.saturating_add(1);
            let others = self.others(slot, &turn.tried);
            let pass = Pass { slot, others };
            self.count(&pass, |number| number.saturating_add(1));
            if let Err(Some(pass)) = turn.word.send(Some(pass)) {
                self.count(&pass, |number| number.saturating_sub(1));
            }
        }
    }

    /// Those that may be asked in a credential's place.
    fn others(&self, slot: usize, tried: &[usize]) -> Vec<usize> {
        let serves = self.lanes.get(slot).is_some_and(|lane| lane.served);
        if !serves || self.entered < SPREAD_FROM {
            return Vec::new();
        }
        let fit = |(other, lane): &(usize, &Lane)| {
            *other != slot
                && !tried.contains(other)
                && lane.given_up.is_none()
                && (lane.served || lane.lent.may_be_more())
        };
        let lanes = self.lanes.iter().enumerate().filter(fit);
        lanes.map(|(other, _)| other).collect()
    }

    fn count(&mut self, pass: &Pass, change: impl Fn(usize) -> usize) {
        for (slot, lane) in self.lanes.iter_mut().enumerate() {
            if slot == pass.slot {
                lane.asked.under_way = change(lane.asked.under_way);
            } else if pass.others.contains(&slot) {
                lane.lent.under_way = change(lane.lent.under_way);
            }
        }
    }

    fn queue(&mut self, turn: Turn) {
        let fit = |(slot, lane): &(usize, &mut Lane)| {
            lane.given_up.is_none() && !turn.tried.contains(slot)
        };
        if let Some((slot, lane)) = self.lanes.iter_mut().enumerate().find(fit) {
            lane.waiting.push_back(turn);
            return self.admit(slot);
        }
        // Whoever no longer listens needs no word.
        let _ = turn.word.send(None);
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

    /// Waits until a credential may be asked for an object of `family`: the first one that is not given up and not
    /// among those that were tried. None: there is none.
    pub async fn enter(&self, family: &'static str, tried: &[usize]) -> Option<Pass> {
        let (word, told) = oneshot::channel();
        let tried = tried.to_vec();
        self.with(family, |family| family.queue(Turn { tried, word }));
        // The word can't be lost: whoever waits is in a lane, and lanes live as long as this.
        told.await.ok().flatten()
    }

    /// Tells how asking went, with this one of the pass's credentials.
    pub fn settle(
        &self,
        family: &'static str,
        pass: &Pass,
        slot: usize,
        outcome: Result<(), &Miss>,
    ) {
        self.with(family, |family| {
            family.count(pass, |number| number.saturating_sub(1));
            let Some(lane) = family.lanes.get_mut(slot) else {
                return;
            };
            match outcome {
                Ok(()) => lane.served = true,
                Err(Miss::SlotRefused(why) | Miss::Withdrawn(why)) => {
                    lane.given_up.get_or_insert_with(|| why.clone());
                }
                Err(_) if slot != pass.slot => {
                    lane.lent.refusals = lane.lent.refusals.saturating_add(1);
                }
                Err(miss) => {
                    lane.asked.refusals = lane.asked.refusals.saturating_add(1);
                    let text = miss.to_string();
                    let first = match lane.refusal.take() {
                        Some(other) if other <= text => other,
                        _ => text,
                    };
                    if !lane.served && lane.asked.refusals >= ENOUGH {
                        lane.given_up.get_or_insert_with(|| {
                            format!("{ENOUGH} requests failed without one success: {first}")
                        });
                    }
                    lane.refusal = Some(first);
                }
            }
            if lane.given_up.is_none() {
                family.admit(pass.slot);
                return family.admit(slot);
            }
            // Those who wait go on at once and in their order, before anyone who comes later.
            for turn in std::mem::take(&mut lane.waiting) {
                family.queue(turn);
            }
            family.admit(pass.slot);
        });
    }

    /// Why a credential was given up for a family. None: it wasn't.
    #[must_use]
    pub fn why_given_up(&self, family: &'static str, slot: usize) -> Option<String> {
        self.with(family, |family| family.lanes.get(slot)?.given_up.clone())
    }

    fn with<T>(&self, family: &'static str, act: impl FnOnce(&mut Family) -> T) -> T {
        let mut families = self.families.borrow_mut();
        let family = families.entry(family).or_insert_with(|| Family {
            lanes: (0..self.slots).map(|_| Lane::default()).collect(),
            entered: 0,
        });
        act(family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use futures::future::{FutureExt, join, join_all};

    fn refusal() -> Miss {
        Miss::ObjectRefused("not an administrator".into())
    }

    /// The pass that is given at once, as the slot that may be asked.
    fn now(lanes: &Lanes, family: &'static str, tried: &[usize]) -> Option<Pass> {
        lanes.enter(family, tried).now_or_never().flatten()
    }

    /// Asks for so many objects with the first credential that may be asked.
    fn serve(lanes: &Lanes, number: usize) {
        for _ in 0..number {
            let pass = now(lanes, "grants", &[]).unwrap_or_else(|| panic!("no pass"));
            lanes.settle("grants", &pass, pass.slot, Ok(()));
        }
    }

    fn only(slot: usize) -> Pass {
        Pass {
            slot,
            others: Vec::new(),
        }
    }

    #[test]
    fn five_refusals_without_a_success_give_a_credential_up_for_the_family_alone() {
        let lanes = Lanes::new(2);
        for _ in 0..ENOUGH {
            assert_eq!(block_on(lanes.enter("grants", &[])), Some(only(0)));
            lanes.settle("grants", &only(0), 0, Err(&refusal()));
        }
        assert_eq!(block_on(lanes.enter("grants", &[])), Some(only(1)));
        assert_eq!(block_on(lanes.enter("keys", &[])), Some(only(0)));
    }

    #[test]
    fn one_success_keeps_a_credential() {
        let lanes = Lanes::new(1);
        for n in 0..50 {
            assert_eq!(block_on(lanes.enter("grants", &[])), Some(only(0)));
            let miss = refusal();
            lanes.settle(
                "grants",
                &only(0),
                0,
                if n == 3 { Ok(()) } else { Err(&miss) },
            );
        }
    }

    #[test]
    fn a_refused_credential_is_given_up_at_once_even_after_a_success() {
        let lanes = Lanes::new(1);
        assert_eq!(block_on(lanes.enter("grants", &[])), Some(only(0)));
        lanes.settle("grants", &only(0), 0, Ok(()));
        assert_eq!(block_on(lanes.enter("grants", &[])), Some(only(0)));
        lanes.settle("grants", &only(0), 0, Err(&Miss::SlotRefused("401".into())));
        assert_eq!(block_on(lanes.enter("grants", &[])), None);
        assert_eq!(lanes.why_given_up("grants", 0).as_deref(), Some("401"));
    }

    #[test]
    fn no_more_than_five_are_asked_before_the_first_success() {
        let lanes = Lanes::new(1);
        for _ in 0..ENOUGH {
            assert_eq!(now(&lanes, "grants", &[]), Some(only(0)));
        }
        let (sixth, ()) = block_on(join(lanes.enter("grants", &[]), async {
            lanes.settle("grants", &only(0), 0, Ok(()))
        }));
        assert_eq!(sixth, Some(only(0)));
    }

    #[test]
    fn those_who_wait_go_on_to_the_next_credential_before_anyone_who_comes_later() {
        let lanes = Lanes::new(2);
        for _ in 0..ENOUGH {
            assert_eq!(now(&lanes, "grants", &[]), Some(only(0)));
        }
        let waiting = join_all((0..ENOUGH).map(|_| lanes.enter("grants", &[])));
        let latecomer = async {
            for _ in 0..ENOUGH {
                lanes.settle("grants", &only(0), 0, Err(&refusal()));
            }
            lanes.enter("grants", &[]).now_or_never()
        };
        let (waited, late) = block_on(join(waiting, latecomer));
        assert!(waited.iter().all(|pass| *pass == Some(only(1))));
        assert_eq!(late, None, "it has to wait");
    }

    #[test]
    fn in_a_family_of_many_the_others_may_be_asked_too_once_one_has_served() {
        let lanes = Lanes::new(3);
        serve(&lanes, SPREAD_FROM - 1);
        let both = now(&lanes, "grants", &[]).unwrap_or_else(|| panic!("no pass"));
        assert_eq!(both.slots(), [0, 1, 2]);
        // The second won't do for this object: it is not asked for it again, and was not given up for that.
        lanes.settle("grants", &both, 1, Err(&refusal()));
        let again = now(&lanes, "grants", &[1]).unwrap_or_else(|| panic!("no pass"));
        assert_eq!(again.slots(), [0, 2]);
        lanes.settle("grants", &again, 0, Ok(()));
    }

    #[test]
    fn one_that_is_refused_in_anothers_place_five_times_is_not_asked_there_any_more() {
        let lanes = Lanes::new(2);
        serve(&lanes, SPREAD_FROM - 1);
        for _ in 0..ENOUGH {
            let pass = now(&lanes, "grants", &[]).unwrap_or_else(|| panic!("no pass"));
            assert_eq!(pass.slots(), [0, 1]);
            lanes.settle("grants", &pass, 1, Err(&refusal()));
        }
        assert_eq!(now(&lanes, "grants", &[]), Some(only(0)));
        // But where the first is refused, the second may do: it was given up for nothing yet.
        assert_eq!(now(&lanes, "grants", &[0]), Some(only(1)));
    }

    #[test]
    fn no_more_than_five_are_asked_in_anothers_place_before_the_first_success() {
        let lanes = Lanes::new(2);
        serve(&lanes, SPREAD_FROM - 1);
        let passes: Vec<Pass> = (0..ENOUGH)
            .filter_map(|_| now(&lanes, "grants", &[]))
            .collect();
        assert!(passes.iter().all(|pass| pass.slots() == [0, 1]));
        assert_eq!(now(&lanes, "grants", &[]), Some(only(0)));
        passes
            .iter()
            .for_each(|pass| lanes.settle("grants", pass, 1, Ok(())));
        let pass = now(&lanes, "grants", &[]).unwrap_or_else(|| panic!("no pass"));
        assert_eq!(pass.slots(), [0, 1]);
    }
}
