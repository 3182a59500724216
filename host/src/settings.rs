//! What a connection says to its connector, without secrets.

use serde::{Deserialize, Serialize};
use url::Url;

/// The type that a manifest declares for a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SettingType {
    /// Any text; not empty where the setting is required.
    Text,
    /// An absolute `http` or `https` URL without user name, password, query or fragment.
    Url,
    /// True or false.
    Flag,
    /// A whole number.
    Integer,
    /// A list of texts.
    List,
}

/// The value of a setting, already of the declared type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SettingValue {
    /// A [`SettingType::Text`] or a [`SettingType::Url`].
    Text(String),
    /// A [`SettingType::Flag`].
    Flag(bool),
    /// A [`SettingType::Integer`].
    Integer(i64),
    /// A [`SettingType::List`].
    List(Vec<String>),
}

impl SettingValue {
    /// The value as a person or a program may read it: without what steers a terminal.
    #[must_use]
    pub fn shown(&self) -> Self {
        let shown = |text: &String| crate::collect::printable(text, LONGEST_SHOWN);
        match self {
            Self::Text(text) => Self::Text(shown(text)),
            Self::List(texts) => Self::List(texts.iter().map(shown).collect()),
            Self::Flag(_) | Self::Integer(_) => self.clone(),
        }
    }
}

/// The longest text of a setting that is shown, in bytes.
const LONGEST_SHOWN: usize = 10_000;

impl SettingType {
    /// Takes a value from TOML. The error says what is wrong with it, without the setting's name.
    pub fn parse_toml(self, value: &toml::Value) -> Result<SettingValue, String> {
        match (self, value) {
            (Self::Text, toml::Value::String(text)) => {
                Ok(SettingValue::Text(text.trim().to_owned()))
            }
            (Self::Url, toml::Value::String(text)) => parse_url(text).map(SettingValue::Text),
            (Self::Flag, toml::Value::Boolean(flag)) => Ok(SettingValue::Flag(*flag)),
            (Self::Integer, toml::Value::Integer(number)) => Ok(SettingValue::Integer(*number)),
            (Self::List, toml::Value::Array(values)) => values
                .iter()
                .map(|value| match value {
                    toml::Value::String(text) if !text.trim().is_empty() => {
                        Ok(text.trim().to_owned())
                    }
                    toml::Value::String(_) => Err("holds an empty text".to_owned()),
                    other => Err(format!(
                        "must hold texts only, but holds {}",
                        article(other.type_str())
                    )),
                })
                .collect::<Result<_, _>>()
                .map(SettingValue::List),
            (expected, other) => Err(format!(
                "must be {}, but is {}",
                expected.describe(),
                article(other.type_str())
            )),
        }
    }

    /// Takes a value from the command line: `true` or `false` for a flag, a list separated by commas.
    pub fn parse_text(self, text: &str) -> Result<SettingValue, String> {
        match self {
            Self::Text => Ok(SettingValue::Text(text.trim().to_owned())),
            Self::Url => parse_url(text).map(SettingValue::Text),
            Self::Flag => text
                .trim()
                .parse()
                .map(SettingValue::Flag)
                .map_err(|_| "must be true or false".to_owned()),
            Self::Integer => text
                .trim()
                .parse()
                .map(SettingValue::Integer)
                .map_err(|_| "must be a whole number".to_owned()),
            Self::List => Ok(SettingValue::List(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(str::to_owned)
                    .collect(),
            )),
        }
    }

    /// Whether a value is of this type, wherever it came from.
    pub fn is_of(self, value: &SettingValue) -> bool {
        match (self, value) {
            (Self::Url, SettingValue::Text(text)) => parse_url(text).is_ok(),
            (Self::Text, SettingValue::Text(_))
            | (Self::Flag, SettingValue::Flag(_))
            | (Self::Integer, SettingValue::Integer(_))
            | (Self::List, SettingValue::List(_)) => true,
            _ => false,
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Url => "a URL in quotes",
            Self::Flag => "true or false",
            Self::Integer => "a whole number",
            Self::List => "a list of texts",
        }
    }
}

fn article(type_name: &str) -> String {
    let article = if type_name.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {type_name}")
}

fn parse_url(text: &str) -> Result<String, String> {
    let text = text.trim();
    let url = Url::parse(text)
        .map_err(|error| format!("is not a URL ({error}); write it as https://host.example"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("must begin with https://, not {}:", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "must not hold a user name or password; credentials have a table of their own"
                .to_owned(),
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must end with its path: no ? and no #".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_with_a_password_is_refused_without_repeating_it() {
        let error = SettingType::Url
            .parse_text("https://me:hunter2hunter2@api.example")
            .unwrap_err();
        assert!(error.contains("user name or password"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn what_is_shown_of_a_value_steers_no_terminal() {
        let list = SettingValue::List(vec!["a\u{1b}]0;x\u{7}".into()]);
        assert_eq!(
            list.shown(),
            SettingValue::List(vec!["a\\u{1b}]0;x\\u{7}".into()])
        );
        assert_eq!(SettingValue::Flag(true).shown(), SettingValue::Flag(true));
    }

    #[test]
    fn a_value_of_the_wrong_type_names_both_types() {
        let error = SettingType::Flag
            .parse_toml(&toml::Value::Integer(1))
            .unwrap_err();
        assert_eq!(error, "must be true or false, but is an integer");
    }

    #[test]
    fn a_list_on_the_command_line_is_separated_by_commas() {
        let value = SettingType::List.parse_text("A, B,,C ").unwrap();
        assert_eq!(
            value,
            SettingValue::List(vec!["A".into(), "B".into(), "C".into()])
        );
    }
}
