//! The workspace: the first call of a run, on which all others are built.

use crate::product;
use crate::run::PAGE_BYTES;
use crate::{Settings, settings};
use portcullis_kit::bindings::portcullis::connector::output::{BadSetting, Failure, Item, Key};
use portcullis_kit::client::{Client, Miss};
use portcullis_kit::id::Id;
use portcullis_kit::item::{entity, resource};
use portcullis_kit::origin::segment;
use portcullis_kit::told::told;
use serde::Deserialize;

/// The workspace, as it names itself.
pub(crate) struct Workspace {
    /// What URLs are built from: some calls answer 404, 405 or 403 to a uuid.
    pub(crate) slug: String,
    told: Told,
    /// The credential that served.
    pub(crate) slot: usize,
    /// What the other credential was told.
    pub(crate) misses: Vec<(usize, Miss)>,
    /// Why its own facts are unknown, where another list had to name it.
    pub(crate) withdrawn: Option<String>,
    /// When the answer came that told of it.
    pub(crate) read_at: Option<u64>,
}

#[derive(Deserialize)]
struct Told {
    uuid: Id,
    slug: Id,
    #[serde(default, deserialize_with = "told")]
    name: Option<String>,
    #[serde(default, deserialize_with = "told")]
    is_private: Option<bool>,
    #[serde(default, deserialize_with = "told")]
    is_privacy_enforced: Option<bool>,
    #[serde(default, deserialize_with = "told")]
    forking_mode: Option<String>,
    #[serde(default, deserialize_with = "told")]
    created_on: Option<String>,
}

impl Workspace {
    /// What names it. In a personal workspace the uuid is its owner's too: the type tells them apart.
    pub(crate) fn key(&self) -> Key {
        resource(self.told.uuid.as_str())
    }

    /// The entity.
    pub(crate) fn item(&self) -> Item {
        let told = &self.told;
        entity(
            self.key(),
            "workspace",
            told.name.as_deref().unwrap_or(&self.slug),
        )
        .text("slug", Some(&self.slug))
        .flag("is_private", told.is_private)
        .flag("is_privacy_enforced", told.is_privacy_enforced)
        .text("forking_mode", told.forking_mode.as_deref())
        .instant("created_on", told.created_on.as_deref())
        .item()
    }

    fn new(
        told: Told,
        slot: usize,
        misses: Vec<(usize, Miss)>,
        withdrawn: Option<String>,
        read_at: Option<u64>,
    ) -> Self {
        Self {
            slug: told.slug.as_str().to_owned(),
            told,
            slot,
            misses,
            withdrawn,
            read_at,
        }
    }
}

/// Finds the workspace that the settings name.
///
/// # Errors
/// [`Failure`] with what happened, why, and what to do.
pub(crate) async fn find(client: &Client<'_>, settings: &Settings) -> Result<Workspace, Failure> {
    if client.slots().is_empty() {
        return Err(Failure::Unauthorised(
            "The connection gives no credential. Give it a workspace access token (credential workspace-token), or an \
             Atlassian account's e-mail and API token (credential account)."
                .to_owned(),
        ));
    }
    let path = format!("/2.0/workspaces/{}", segment(&settings.workspace));
    let mut misses = Vec::new();
    for slot in client.slots() {
        let miss = match client
            .get(&path, Some(slot), PAGE_BYTES)
            .await
            .and_then(|answer| Ok((answer.json()?, answer.read_at)))
        {
            Ok((told, read_at)) => return Ok(Workspace::new(told, slot, misses, None, read_at)),
            Err(miss) => miss,
        };
        let go_on = miss.another_slot_may_help();
        misses.push((slot, miss));
        if !go_on {
            break;
        }
    }
    if let Some((_, Miss::Withdrawn(why))) = misses
        .iter()
        .find(|(_, miss)| matches!(miss, Miss::Withdrawn(_)))
    {
        let why = why.clone();
        if let Some(workspace) = named_elsewhere(client, settings, &why).await {
            return Ok(workspace);
        }
    }
    Err(failure(client, settings, &misses).await)
}

#[derive(Deserialize)]
struct Page {
    values: Vec<Element>,
}

#[derive(Deserialize)]
struct Element {
    workspace: Told,
}

/// Members, projects and repositories name the workspace that they are in. While Atlassian withdrew the
/// cross-workspace calls, this one was seen answering 410 now and then, too.
async fn named_elsewhere(client: &Client<'_>, settings: &Settings, why: &str) -> Option<Workspace> {
    let id = segment(&settings.workspace);
    for path in [
        format!("/2.0/workspaces/{id}/permissions?pagelen=1"),
        format!("/2.0/workspaces/{id}/projects?pagelen=1"),
        format!("/2.0/repositories/{id}?pagelen=1"),
    ] {
        for slot in client.slots() {
            let Ok(answer) = client.get(&path, Some(slot), PAGE_BYTES).await else {
                continue;
            };
            let read_at = answer.read_at;
            let element = answer
                .json::<Page>()
                .ok()
                .and_then(|page| page.values.into_iter().next());
            if let Some(element) = element {
                return Some(Workspace::new(
                    element.workspace,
                    slot,
                    Vec::new(),
                    Some(why.to_owned()),
                    read_at,
                ));
            }
        }
    }
    None
}

async fn failure(client: &Client<'_>, settings: &Settings, misses: &[(usize, Miss)]) -> Failure {
    let name = &settings.workspace;
    let said = client.explain(misses);
    let any = |test: fn(&Miss) -> bool| misses.iter().any(|(_, miss)| test(miss));
    if any(|miss| matches!(miss, Miss::HostRefused(_))) {
        return Failure::HostRefused(format!(
            "The host did not let the connector ask for the workspace \"{name}\". {said}"
        ));
    }
    if any(|miss| matches!(miss, Miss::Unreachable(_))) {
        return Failure::Unreachable(format!("{said}. Check api_url and the network."));
    }
    if let Some(product) = product::data_center(client).await {
        return Failure::BadSetting(BadSetting {
            name: "api_url".to_owned(),
            message: format!(
                "this is {product}, a Bitbucket Data Center; this connector reads Bitbucket Cloud alone \
                 (https://api.bitbucket.org)"
            ),
        });
    }
    if any(|miss| matches!(miss, Miss::ObjectRefused(text) if text.contains("deactivated"))) {
        return Failure::ApiFailure(format!(
            "The workspace \"{name}\" is deactivated: {said}. One of its administrators can reactivate it on \
             https://bitbucket.org."
        ));
    }
    if any(|miss| matches!(miss, Miss::NotFound(_))) {
        return Failure::NotFound(format!(
            "There is no workspace \"{name}\", or the credentials can't see it: {said}. The id is the part of \
             https://bitbucket.org/<workspace> that follows the host; a workspace access token sees its own workspace alone."
        ));
    }
    if any(|miss| matches!(miss, Miss::SlotRefused(_) | Miss::ObjectRefused(_))) {
        return Failure::Unauthorised(format!(
            "Bitbucket refused every credential for the workspace \"{name}\": {said}. {}",
            advice(settings)
        ));
    }
    Failure::ApiFailure(format!(
        "Bitbucket did not say what the workspace \"{name}\" is: {said}."
    ))
}

/// What is usually wrong with the credentials that the connection gives.
fn advice(settings: &Settings) -> String {
    let of = |slot: &str| match slot {
        settings::ACCOUNT => {
            "Of the credential account, the username must be the Atlassian account's e-mail (a Bitbucket nickname is \
             refused) and the password an API token with scopes for Bitbucket: app passwords were removed by Atlassian \
             on 2026-07-28, and API tokens expire after a year at most."
        }
        _ => {
            "The workspace token must be an access token of this very workspace that was neither revoked nor has expired \
             (Workspace settings > Access tokens)."
        }
    };
    settings
        .slots
        .iter()
        .map(|slot| of(slot))
        .collect::<Vec<_>>()
        .join(" ")
}
