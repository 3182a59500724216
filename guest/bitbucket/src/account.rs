//! Accounts: people and apps.

use portcullis_kit::bindings::portcullis::connector::output::{Item, Key};
use portcullis_kit::id::{Id, Word};
use portcullis_kit::item::{EntityDraft, entity, identity};
use portcullis_kit::roll::Description;
use portcullis_kit::told::told;
use serde::Deserialize;
use std::cmp::Reverse;

/// An account, as members, groups (1.0) and grants embed it; each tells something else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Account {
    pub(crate) uuid: Id,
    /// `user`, `app_user` or `team`; 1.0 has none.
    #[serde(default, rename = "type", deserialize_with = "told")]
    kind: Option<Word>,
    #[serde(default, deserialize_with = "told")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "told")]
    nickname: Option<String>,
    #[serde(default, deserialize_with = "told")]
    account_id: Option<String>,
    #[serde(default, deserialize_with = "told")]
    account_status: Option<String>,
    #[serde(default, deserialize_with = "told")]
    has_2fa_enabled: Option<bool>,
    #[serde(default, deserialize_with = "told")]
    created_on: Option<String>,
}

impl Account {
    /// What names it.
    pub(crate) fn key(&self) -> Key {
        identity(self.uuid.as_str())
    }

    /// The word of the exports for what it is.
    fn source_type(&self) -> &str {
        match self.kind.as_ref().map(Word::as_str) {
            None => "user",
            Some("app_user") => "app",
            Some(word) => word,
        }
    }

    /// What is known of it. A status that wasn't told is `unknown`, never a guess: taking it for inactive
    /// would disable everyone.
    pub(crate) fn draft(&self) -> EntityDraft {
        let name = self
            .display_name
            .as_deref()
            .or(self.nickname.as_deref())
            .unwrap_or_default();
        entity(self.key(), self.source_type(), name)
            .text("account_id", self.account_id.as_deref())
            .text("nickname", self.nickname.as_deref())
            .text(
                "account_status",
                Some(self.account_status.as_deref().unwrap_or("unknown")),
            )
            .flag("has_2fa_enabled", self.has_2fa_enabled)
            .instant("created_on", self.created_on.as_deref())
    }

    /// The entity of an account that isn't among the members.
    pub(crate) fn dangling(&self) -> Item {
        self.draft().dangling().item()
    }

    fn told(&self) -> usize {
        [
            self.kind.is_some(),
            self.display_name.is_some(),
            self.nickname.is_some(),
            self.account_id.is_some(),
            self.account_status.is_some(),
            self.has_2fa_enabled.is_some(),
            self.created_on.is_some(),
        ]
        .iter()
        .filter(|told| **told)
        .count()
    }
}

impl Description for Account {
    /// The one that tells more, else the first in order.
    fn better(self, other: Self) -> Self {
        if (Reverse(self.told()), &self) <= (Reverse(other.told()), &other) {
            self
        } else {
            other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_kit::bindings::portcullis::connector::output::Metadatum;

    fn account(json: &str) -> Account {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}"))
    }

    fn metadata(account: &Account) -> Vec<(String, Metadatum)> {
        let Item::Entity(entity) = account.draft().item() else {
            panic!("an entity")
        };
        entity.metadata
    }

    #[test]
    fn a_status_that_was_not_told_is_unknown() {
        let metadata = metadata(&account(r#"{"uuid":"{1}"}"#));
        assert!(metadata.iter().any(|(key, value)| key == "account_status"
            && matches!(value, Metadatum::Text(text) if text == "unknown")));
    }

    #[test]
    fn an_app_is_no_user() {
        assert_eq!(
            account(r#"{"uuid":"{1}","type":"app_user"}"#).source_type(),
            "app"
        );
        assert_eq!(account(r#"{"uuid":"{1}"}"#).source_type(), "user");
    }

    #[test]
    fn of_two_descriptions_the_same_one_is_better_whatever_their_order() {
        let (short, long) = (
            account(r#"{"uuid":"{1}","nickname":"a"}"#),
            account(r#"{"uuid":"{1}","nickname":"b","account_id":"x"}"#),
        );
        assert_eq!(short.clone().better(long.clone()), long);
        assert_eq!(long.clone().better(short), long);
        let other = account(r#"{"uuid":"{1}","nickname":"c","account_id":"x"}"#);
        assert_eq!(long.clone().better(other.clone()), other.better(long));
    }

    #[test]
    fn an_account_without_uuid_is_no_account() {
        assert!(serde_json::from_str::<Account>(r#"{"display_name":"x"}"#).is_err());
        assert!(serde_json::from_str::<Account>(r#"{"uuid":null}"#).is_err());
    }
}
