//! The name of the application that the output is about: App and Source System of the exports.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

/// The longest name, in bytes.
const LONGEST: usize = 64;

/// The name of an application: 1 to 64 ASCII letters, digits, spaces, hyphens, dots and underscores, a letter or digit
/// first and no space last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct App(String);

impl FromStr for App {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let inner = |c: char| c.is_ascii_alphanumeric() || " -._".contains(c);
        let good = name.len() <= LONGEST
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(inner)
            && !name.ends_with(' ');
        if good {
            Ok(Self(name.to_owned()))
        } else {
            Err(format!(
                "must be 1 to {LONGEST} letters, digits, spaces, hyphens, dots or underscores, a letter or digit first"
            ))
        }
    }
}

impl TryFrom<String> for App {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

impl Deref for App {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_compute_or_a_terminal_obey_is_no_app() {
        for good in ["example", "Example App 2.0", "a"] {
            assert_eq!(&*good.parse::<App>().unwrap(), good);
        }
        let long = "x".repeat(LONGEST + 1);
        for bad in [
            "",
            " a",
            "a ",
            "=1",
            "-a",
            "a\n",
            "a,b",
            "\u{e9}a",
            "a\u{1b}[2J",
            &long,
        ] {
            assert!(bad.parse::<App>().is_err(), "{bad:?}");
        }
    }
}
