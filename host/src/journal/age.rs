//! How old an answer may be.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

/// How old an answer may be where nobody says anything.
const USUAL: Duration = Duration::from_secs(24 * 3600);

/// How old an answer of the journal may be: in general, and by family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaxAge {
    general: Duration,
    families: BTreeMap<String, Duration>,
}

impl Default for MaxAge {
    fn default() -> Self {
        Self {
            general: USUAL,
            families: BTreeMap::new(),
        }
    }
}

impl MaxAge {
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
