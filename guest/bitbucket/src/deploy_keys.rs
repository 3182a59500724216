//! Deploy keys: who reads without being a person. `.../deploy-keys` of projects and repositories.

use crate::run::Run;
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD_NO_PAD};
use portcullis_kit::bindings::portcullis::connector::output::{Level, RelationKind};
use portcullis_kit::id::Id;
use portcullis_kit::item::{entity, identity, relation, resource};
use portcullis_kit::pager::Listed;
use portcullis_kit::told::told;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// The base64 of an OpenSSH public key, padded or not.
const KEY_BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A deploy key of the list.
#[derive(Debug, Deserialize)]
pub(crate) struct DeployKey {
    #[serde(deserialize_with = "number_or_text")]
    id: String,
    #[serde(default, deserialize_with = "told")]
    key: Option<String>,
    #[serde(default, deserialize_with = "told")]
    label: Option<String>,
    // The schema has the one, the documentation's samples the other.
    #[serde(default, deserialize_with = "told")]
    added_on: Option<String>,
    #[serde(default, deserialize_with = "told")]
    created_on: Option<String>,
    #[serde(default, deserialize_with = "told")]
    last_used: Option<String>,
}

fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Number(number) => number.to_string(),
        serde_json::Value::String(text) => text,
        _ => {
            return Err(D::Error::custom(
                "the id of a deploy key is neither number nor text",
            ));
        }
    };
    Id::new(&text)
        .map(|id| id.as_str().to_owned())
        .ok_or_else(|| D::Error::custom("the id of a deploy key is no id"))
}

impl Listed for DeployKey {
    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }
}

/// Emits the deploy keys of a project or repository. They may read, never more (Bitbucket Cloud's access
/// keys are read-only).
pub(crate) fn take(run: &Run<'_>, object: &Id, keys: &[DeployKey]) {
    for key in keys {
        let holder = identity(format!("{}/{}", object.as_str(), key.id));
        let unnamed = || format!("deploy key {}", key.id);
        let name = key
            .label
            .clone()
            .filter(|label| !label.is_empty())
            .unwrap_or_else(unnamed);
        run.sink.emit(
            entity(holder.clone(), "deploy-key", &name)
                .text(
                    "fingerprint",
                    key.key.as_deref().and_then(fingerprint).as_deref(),
                )
                .instant(
                    "added_on",
                    key.added_on.as_deref().or(key.created_on.as_deref()),
                )
                .instant("last_used", key.last_used.as_deref())
                .item(),
        );
        run.sink.emit(relation(
            RelationKind::Grant,
            holder,
            resource(object.as_str()),
            "read",
            Some(Level::Read),
            &run.workspace.slug,
        ));
    }
}

/// The fingerprint as OpenSSH prints it. The key itself is not kept.
fn fingerprint(key: &str) -> Option<String> {
    let mut words = key.split_ascii_whitespace();
    let first = words.next()?;
    let bytes = KEY_BASE64.decode(words.next().unwrap_or(first)).ok()?;
    Some(format!(
        "SHA256:{}",
        STANDARD_NO_PAD.encode(Sha256::digest(bytes))
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_what_openssh_prints() {
        // `ssh-keygen -lf` of this key.
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f someone@somewhere";
        let fingerprint = fingerprint(key).unwrap_or_default();
        assert!(
            fingerprint.starts_with("SHA256:") && fingerprint.len() == 50,
            "{fingerprint}"
        );
    }

    #[test]
    fn a_key_that_is_no_key_has_no_fingerprint() {
        assert_eq!(fingerprint(""), None);
        assert_eq!(fingerprint("ssh-rsa !!"), None);
    }

    #[test]
    fn an_id_is_a_number_or_a_text() {
        for (json, id) in [(r#"{"id":123}"#, "123"), (r#"{"id":"a1"}"#, "a1")] {
            let key: DeployKey =
                serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(key.id, id);
        }
        assert!(serde_json::from_str::<DeployKey>(r#"{"id":null}"#).is_err());
        assert!(serde_json::from_str::<DeployKey>("{}").is_err());
    }
}
