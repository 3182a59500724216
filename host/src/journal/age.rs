//! How old an answer may be.

use std::collections::{BTreeMap, BinaryHeap};
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

/// How old an answer may be where nobody says anything.
const USUAL: Duration = Duration::from_secs(24 * 3600);

/// How old an answer of the journal may be: in general, and by family; and how many of the older ones are asked for anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaxAge {
    general: Duration,
    families: BTreeMap<String, Duration>,
    refresh: Option<NonZeroUsize>,
}

impl Default for MaxAge {
    fn default() -> Self {
        Self {
            general: USUAL,
            families: BTreeMap::new(),
            refresh: None,
        }
    }
}

impl MaxAge {
    /// Of the answers that are too old so many are asked for anew, those that are longest overdue. So a workspace that takes
    /// more than an hour's requests is kept fresh by one hour's after the other.
    #[must_use]
    pub fn refresh(mut self, most: NonZeroUsize) -> Self {
        self.refresh = Some(most);
        self
    }

    /// When an answer becomes too old that came then. One that says that it came later than `now` was due long ago: nobody
    /// knows when it came.
    fn due(&self, family: &str, at: Duration, now: Duration) -> Duration {
        if at > now {
            Duration::ZERO
        } else {
            at.saturating_add(self.of(family))
        }
    }

    /// Whether an answer that came then may still be given, `now`, in a run that began with these [`MaxAge::overdue`].
    pub(super) fn permits(
        &self,
        family: &str,
        at: Duration,
        now: Duration,
        overdue: Option<Duration>,
    ) -> bool {
        let due = self.due(family, at, now);
        due >= now || overdue.is_some_and(|last| due > last)
    }

    /// When the last of those answers was due that are to be asked for anew, where not all are that are too old.
    ///
    /// # Errors
    /// The first of the answers that is one.
    pub(super) fn overdue<E>(
        &self,
        answers: impl Iterator<Item = Result<(String, Duration), E>>,
        now: Duration,
    ) -> Result<Option<Duration>, E> {
        let Some(most) = self.refresh else {
            return Ok(None);
        };
        let mut first = BinaryHeap::new();
        for answer in answers {
            let (family, at) = answer?;
            first.push(self.due(&family, at, now));
            if first.len() > most.get() {
                first.pop();
            }
        }
        Ok(first.pop())
    }

    /// How old an answer of this family may be.
    pub fn of(&self, family: &str) -> Duration {
        self.families.get(family).copied().unwrap_or(self.general)
    }

    /// The families that are named.
    pub fn families(&self) -> impl Iterator<Item = &str> {
        self.families.keys().map(String::as_str)
    }
}

impl FromStr for MaxAge {
    type Err = String;

    /// `24h`, or `members=1h,repository-user-grants=24h`, or both.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut ages = Self::default();
        for part in text.split(',') {
            let (family, age) = match part.split_once('=') {
                Some((family, age)) => (Some(family.trim()), age),
                None => (None, part),
            };
            let age = humantime::parse_duration(age.trim()).map_err(|_| {
                format!("{part:?} is no age: write 24h, or members=1h,repository-user-grants=24h")
            })?;
            match family {
                Some(family) => {
                    ages.families.insert(family.to_owned(), age);
                }
                None => ages.general = age,
            }
        }
        Ok(ages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_those_that_are_too_old_the_longest_overdue_come_first() {
        let hour = Duration::from_secs(3600);
        let ages: MaxAge = "members=1h,grants=5h".parse().unwrap();
        let answers = [
            ("members", hour * 9),
            ("grants", hour * 2),
            ("members", hour * 8),
        ];
        let all = |ages: &MaxAge, now: u32| {
            let told = answers.map(|(family, at)| Ok::<_, ()>((family.to_owned(), at)));
            let overdue = ages.overdue(told.into_iter(), hour * 12).unwrap();
            answers.map(|(family, at)| ages.permits(family, at, hour * now, overdue))
        };
        assert_eq!(all(&ages, 12), [false, false, false]);
        assert_eq!(all(&ages, 9), [true, false, true]);
        // Due at ten, seven and nine.
        for (most, permitted) in [
            (1, [true, false, true]),
            (2, [true, false, false]),
            (3, [false, false, false]),
        ] {
            let ages = ages.clone().refresh(NonZeroUsize::new(most).unwrap());
            assert_eq!(all(&ages, 12), permitted, "{most}");
        }
    }

    #[test]
    fn what_comes_from_the_future_is_too_old() {
        let second = Duration::from_secs(1);
        let ages: MaxAge = "1000000h".parse().unwrap();
        let now = second * 1_000_000;
        assert!(ages.permits("x", now, now, None));
        assert!(!ages.permits("x", now + second, now, None));
        assert!(!ages.permits("x", Duration::MAX, now, None));
        // And the longest overdue.
        let ages = "1s".parse::<MaxAge>().unwrap();
        let ages = ages.refresh(NonZeroUsize::MIN);
        let answers = [("x".to_owned(), second), ("x".to_owned(), now * 2)];
        let answers = answers.into_iter().map(Ok::<_, ()>);
        let overdue = ages.overdue(answers, now).unwrap();
        assert!(!ages.permits("x", now * 2, now, overdue));
        assert!(ages.permits("x", second, now, overdue));
    }

    #[test]
    fn ages_are_general_or_of_a_family() {
        let ages: MaxAge = "members=1h, 12h,grants=90m".parse().unwrap();
        let hours = |family| ages.of(family).as_secs_f64() / 3600.0;
        assert_eq!(
            (hours("members"), hours("grants"), hours("x")),
            (1.0, 1.5, 12.0)
        );
        assert_eq!(MaxAge::default().of("x"), USUAL);
        for wrong in ["", "soon", "members=", "members=1h;x"] {
            assert!(
                wrong.parse::<MaxAge>().unwrap_err().contains("24h"),
                "{wrong:?}"
            );
        }
    }
}
