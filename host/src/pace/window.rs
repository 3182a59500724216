//! The arithmetic of one credential's rolling window. It knows no clock: whoever asks says what time it is.

use super::told::{LONGEST, Told};
use std::collections::BTreeMap;
use std::time::Duration;

/// An API counts what came in the last hour, unless it says otherwise.
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// After a 429 that does not say how long, every request waits so long; doubled with each further one.
const FIRST_STRIKE: Duration = Duration::from_secs(1);
/// But not longer than this.
const LONGEST_STRIKE: Duration = Duration::from_secs(15 * 60);

/// How long an API that says it is near its limit, and not by our doing, is asked at the even pace that never reaches it.
const GENTLE: Duration = Duration::from_secs(60);

/// When a request may go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Free {
    Now,
    /// Then, if nothing else happens.
    At(Duration),
    /// When one that is under way has ended.
    WhenOneEnds,
}

/// What was sent in the last hour, and what the API said of it.
#[derive(Debug)]
pub(super) struct Window {
    /// So many are allowed; 0: any number.
    limit: u64,
    /// What the API says it allows can't raise the limit above `most`.
    fixed: bool,
    /// What connections say of an hour.
    most: u64,
    span: Duration,
    /// How many ended when. The API counts a request when it arrives, which is before: so none is sent too early.
    ended: BTreeMap<Duration, u64>,
    used: u64,
    under_way: u64,
    blocked: Duration,
    strikes: u32,
    struck: Duration,
    gentle: Duration,
    last: Duration,
}

impl Window {
    pub(super) fn new(limit: u64, fixed: bool) -> Self {
        Self {
            limit,
            fixed,
            most: limit,
            span: HOUR,
            ended: BTreeMap::new(),
            used: 0,
            under_way: 0,
            blocked: Duration::ZERO,
            strikes: 0,
            struck: Duration::ZERO,
            gentle: Duration::ZERO,
            last: Duration::ZERO,
        }
    }

    /// Another run uses the same credential: the lower limit holds for both.
    pub(super) fn join(&mut self, limit: u64, fixed: bool) {
        if limit != 0 && (self.most == 0 || fixed && (limit < self.most || !self.fixed)) {
            self.most = limit;
        }
        if limit != 0 && (self.limit == 0 || fixed && limit < in_an_hour(self.limit, self.span)) {
            (self.limit, self.span) = (limit, HOUR);
        }
        self.fixed |= fixed;
    }

    pub(super) fn free(&mut self, now: Duration) -> Free {
        self.forget(now);
        if now < self.blocked {
            return Free::At(self.blocked);
        }
        // Nobody knows how long: one tries, the others wait for what it learns.
        if self.strikes > 0 && self.under_way > 0 {
            return Free::WhenOneEnds;
        }
        if self.limit == 0 {
            return Free::Now;
        }
        if self.used.saturating_add(self.under_way) >= self.limit {
            return match self.ended.first_key_value() {
                Some((oldest, _)) => Free::At(oldest.saturating_add(self.span)),
                None => Free::WhenOneEnds,
            };
        }
        let even = self.last.saturating_add(self.even());
        if now < self.gentle && now < even {
            return Free::At(even);
        }
        Free::Now
    }

    pub(super) fn start(&mut self, now: Duration) {
        self.under_way = self.under_way.saturating_add(1);
        self.last = now;
    }

    /// One that was never sent.
    pub(super) fn take_back(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// One that was sent at `started` has ended, one way or the other.
    pub(super) fn end(&mut self, started: Duration, now: Duration, told: &Told) {
        self.under_way = self.under_way.saturating_sub(1);
        self.count(now, 1);
        self.learn(now, told);
        if told.too_many {
            // To be told to come back at once, or at a time that is over by our clock, is no word of how long.
            self.strike(started, now, told.wait.filter(|wait| !wait.is_zero()));
        } else {
            if let Some(wait) = told.wait {
                self.block(now.saturating_add(wait));
            }
            // One from before the last strike says nothing of what came after.
            if started > self.struck {
                self.strikes = 0;
            }
        }
    }

    /// So many ended then.
    pub(super) fn count(&mut self, when: Duration, number: u64) {
        if number > 0 {
            let count = self.ended.entry(when).or_default();
            *count = count.saturating_add(number);
            self.used = self.used.saturating_add(number);
        }
    }

    pub(super) fn block(&mut self, until: Duration) {
        self.blocked = self.blocked.max(until);
    }

    pub(super) fn blocked(&self) -> Duration {
        self.blocked
    }

    /// Those that still count, for the state that is kept.
    pub(super) fn ended(&self) -> impl Iterator<Item = (Duration, u64)> {
        self.ended.iter().map(|(when, count)| (*when, *count))
    }

    /// How many may still go within the window; none where there is no limit.
    pub(super) fn left(&mut self, now: Duration) -> Option<u64> {
        self.forget(now);
        (self.limit > 0).then(|| {
            self.limit
                .saturating_sub(self.used.saturating_add(self.under_way))
        })
    }

    fn learn(&mut self, now: Duration, told: &Told) {
        if let Some(limit) = told.limit.filter(|limit| *limit > 0)
            && (!self.fixed || self.most > 0)
        {
            let span = told.span.unwrap_or(HOUR).min(HOUR);
            let more = self.fixed && in_an_hour(limit, span) > self.most;
            (self.limit, self.span) = if more {
                (self.most, HOUR)
            } else {
                (limit, span)
            };
        }
        if self.limit == 0 {
            return;
        }
        self.forget(now);
        if let Some(remaining) = told.remaining {
            // Others use the same credential: what they took is gone for an hour at most.
            let known = self.used.saturating_add(self.under_way);
            let others = self.limit.saturating_sub(remaining).saturating_sub(known);
            self.count(now, others);
        }
        if told.near && self.used.saturating_mul(2) < self.limit {
            self.gentle = now.saturating_add(GENTLE);
        }
    }

    /// Requests that were under way together and all refused are one strike.
    fn strike(&mut self, started: Duration, now: Duration, wait: Option<Duration>) {
        if started <= self.struck && self.strikes > 0 && wait.is_none() {
            return;
        }
        let wait = wait.unwrap_or_else(|| {
            let doubled = FIRST_STRIKE.saturating_mul(1 << self.strikes.min(20));
            self.strikes = self.strikes.saturating_add(1);
            self.struck = now;
            doubled.min(LONGEST_STRIKE)
        });
        self.block(now.saturating_add(wait));
    }

    /// The time between two requests at the even pace.
    fn even(&self) -> Duration {
        let limit = u32::try_from(self.limit).unwrap_or(u32::MAX).max(1);
        self.span / limit
    }

    fn forget(&mut self, now: Duration) {
        // A clock that was set back: what seems to lie ahead is as good as now, and nobody was told to wait for longer.
        self.struck = self.struck.min(now);
        self.last = self.last.min(now);
        self.gentle = self.gentle.min(now.saturating_add(GENTLE));
        self.blocked = self.blocked.min(now.saturating_add(LONGEST));
        let ahead = self
            .ended
            .split_off(&now.saturating_add(Duration::from_nanos(1)));
        let ahead = ahead.into_values().fold(0, u64::saturating_add);
        self.used = self.used.saturating_sub(ahead);
        self.count(now, ahead);
        while let Some(oldest) = self.ended.first_entry()
            && oldest.key().saturating_add(self.span) <= now
        {
            self.used = self.used.saturating_sub(oldest.remove());
        }
    }
}

/// How many a limit within a span allows in an hour.
fn in_an_hour(limit: u64, span: Duration) -> u64 {
    limit.saturating_mul(HOUR.as_secs()) / span.as_secs().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000_000 + seconds)
    }

    fn go(window: &mut Window, now: Duration) {
        assert_eq!(window.free(now), Free::Now);
        window.start(now);
        window.end(now, now, &Told::default());
    }

    fn too_many(wait: Option<u64>) -> Told {
        Told {
            too_many: true,
            wait: wait.map(Duration::from_secs),
            ..Told::default()
        }
    }

    #[test]
    fn full_speed_until_the_allowance_is_used_then_as_the_hour_rolls() {
        let mut window = Window::new(3, false);
        for second in [0, 10, 20] {
            go(&mut window, at(second));
        }
        assert_eq!(window.free(at(30)), Free::At(at(3600)));
        assert_eq!(window.free(at(3599)), Free::At(at(3600)));
        go(&mut window, at(3600));
        assert_eq!(window.free(at(3600)), Free::At(at(3610)));
    }

    #[test]
    fn what_is_under_way_counts_and_what_ends_late_is_forgotten_late() {
        let mut window = Window::new(2, false);
        window.start(at(0));
        window.start(at(0));
        assert_eq!(window.free(at(1)), Free::WhenOneEnds);
        window.end(at(0), at(50), &Told::default());
        assert_eq!(window.free(at(50)), Free::At(at(3650)));
        window.take_back();
        assert_eq!(window.free(at(50)), Free::Now);
    }

    #[test]
    fn without_a_limit_nothing_waits_but_for_the_api() {
        let mut window = Window::new(0, false);
        for _ in 0..10_000 {
            go(&mut window, at(0));
        }
        window.start(at(0));
        window.end(at(0), at(1), &too_many(Some(60)));
        assert_eq!(window.free(at(2)), Free::At(at(61)));
    }

    #[test]
    fn a_429_without_a_word_waits_a_second_then_twice_as_long_up_to_a_quarter_of_an_hour() {
        let mut window = Window::new(0, false);
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..12 {
            window.start(now);
            let ended = now + Duration::from_millis(1);
            window.end(now, ended, &too_many(None));
            let Free::At(next) = window.free(ended) else {
                panic!("it must wait")
            };
            waits.push((next - ended).as_secs());
            now = next;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        go(&mut window, now + Duration::from_millis(1));
        window.start(now);
        window.end(
            now + Duration::from_secs(1),
            now + Duration::from_secs(1),
            &too_many(None),
        );
        assert_eq!(window.free(now), Free::At(now + Duration::from_secs(2)));
    }

    #[test]
    fn many_that_are_refused_together_are_one_strike() {
        let mut window = Window::new(0, false);
        for _ in 0..8 {
            window.start(at(0));
        }
        for _ in 0..8 {
            window.end(at(0), at(1), &too_many(None));
        }
        assert_eq!(window.free(at(1)), Free::At(at(2)));
        // Then one tries alone.
        assert_eq!(window.free(at(2)), Free::Now);
        window.start(at(2));
        assert_eq!(window.free(at(2)), Free::WhenOneEnds);
        window.end(at(2), at(3), &Told::default());
        assert_eq!(window.free(at(3)), Free::Now);
    }

    #[test]
    fn what_the_api_allows_is_learned_but_never_above_what_the_connection_says() {
        let told = |limit| Told {
            limit: Some(limit),
            ..Told::default()
        };
        for (fixed, expected) in [(false, 5), (true, 2)] {
            let mut window = Window::new(2, fixed);
            window.start(at(0));
            window.end(at(0), at(0), &told(5));
            assert_eq!(window.left(at(0)), Some(expected - 1), "{fixed}");
        }
        let mut window = Window::new(100, true);
        window.start(at(0));
        window.end(at(0), at(0), &told(5));
        assert_eq!(window.left(at(0)), Some(4));
        // What it allows later is learned too, up to what the connection says.
        window.start(at(1));
        window.end(at(1), at(1), &told(5000));
        assert_eq!(window.left(at(1)), Some(98));
    }

    #[test]
    fn a_short_window_of_the_api_does_not_lift_what_the_connection_says_of_an_hour() {
        let short = Told {
            limit: Some(50),
            span: Some(Duration::from_secs(1)),
            ..Told::default()
        };
        let mut window = Window::new(100, true);
        for second in 0..100 {
            assert_eq!(window.free(at(second)), Free::Now);
            window.start(at(second));
            window.end(at(second), at(second), &short);
        }
        assert_eq!(window.free(at(100)), Free::At(at(3600)));
    }

    #[test]
    fn what_others_use_is_taken_off() {
        let mut window = Window::new(1000, false);
        window.start(at(0));
        let told = Told {
            remaining: Some(10),
            ..Told::default()
        };
        window.end(at(0), at(0), &told);
        assert_eq!(window.left(at(0)), Some(10));
        assert_eq!(window.left(at(3600)), Some(1000));
    }

    #[test]
    fn an_api_that_is_near_its_limit_by_others_is_asked_evenly() {
        let near = Told {
            near: true,
            ..Told::default()
        };
        let mut window = Window::new(1000, false);
        window.start(at(0));
        window.end(at(0), at(0), &near);
        assert_eq!(
            window.free(at(0)),
            Free::At(at(0) + Duration::from_millis(3600))
        );
        assert_eq!(window.free(at(61)), Free::Now);
        // Where we are the ones who used it, the window knows best.
        let mut window = Window::new(10, false);
        for _ in 0..6 {
            go(&mut window, at(0));
        }
        window.start(at(0));
        window.end(at(0), at(0), &near);
        assert_eq!(window.free(at(0)), Free::Now);
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nothing_for_ever() {
        let mut window = Window::new(1, false);
        go(&mut window, at(100_000));
        assert_eq!(window.free(at(0)), Free::At(at(3600)));

        let mut window = Window::new(0, false);
        window.start(at(100_000));
        window.end(at(100_000), at(100_000), &too_many(Some(60)));
        let Free::At(next) = window.free(at(0)) else {
            panic!("it must wait")
        };
        assert!(next <= at(2 * 3600), "{next:?}");
        // Nor are refusals of that later time a reason to make light of one now.
        window.start(at(200_000));
        window.end(at(200_000), at(200_000), &too_many(None));
        let now = at(8 * 3600);
        assert!(matches!(window.free(now), Free::At(_)));
        let now = at(11 * 3600);
        window.start(now);
        window.end(now, now, &too_many(None));
        assert_ne!(window.free(now), Free::Now);
    }

    #[test]
    fn a_429_that_says_to_come_back_at_once_waits_as_one_without_a_word() {
        let mut window = Window::new(0, false);
        for (second, wait) in [(0, 1), (10, 2), (20, 4)] {
            window.start(at(second));
            window.end(at(second), at(second), &too_many(Some(0)));
            assert_eq!(window.free(at(second)), Free::At(at(second + wait)));
        }
    }
}
