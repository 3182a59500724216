//! Projects: `GET /2.0/workspaces/{workspace}/projects`.

use portcullis_kit::bindings::portcullis::connector::output::Item;
use portcullis_kit::id::Id;
use portcullis_kit::item::{entity, resource};
use portcullis_kit::origin::segment;
use portcullis_kit::pager::Listed;
use portcullis_kit::told::told;
use serde::Deserialize;
use std::borrow::Cow;

/// A project of the list.
#[derive(Debug, Deserialize)]
pub(crate) struct Project {
    pub(crate) uuid: Id,
    pub(crate) key: Id,
    #[serde(default, deserialize_with = "told")]
    name: Option<String>,
    #[serde(default, deserialize_with = "told")]
    description: Option<String>,
    #[serde(default, deserialize_with = "told")]
    is_private: Option<bool>,
    #[serde(default, deserialize_with = "told")]
    has_publicly_visible_repos: Option<bool>,
    #[serde(default, deserialize_with = "told")]
    created_on: Option<String>,
    #[serde(default, deserialize_with = "told")]
    updated_on: Option<String>,
}

impl Listed for Project {
    fn id(&self) -> Cow<'_, str> {
        self.uuid.as_str().into()
    }
}

impl Project {
    /// The entity.
    pub(crate) fn item(&self) -> Item {
        let key = self.key.as_str();
        entity(
            resource(self.uuid.as_str()),
            "project",
            self.name.as_deref().unwrap_or(key),
        )
        .text("key", Some(key))
        .text("description", self.description.as_deref())
        .flag("is_private", self.is_private)
        .flag(
            "has_publicly_visible_repos",
            self.has_publicly_visible_repos,
        )
        .instant("created_on", self.created_on.as_deref())
        .instant("updated_on", self.updated_on.as_deref())
        .item()
    }
}

/// The path of the list.
pub(crate) fn path(workspace_slug: &str) -> String {
    format!("/2.0/workspaces/{}/projects", segment(workspace_slug))
}

/// The path of one project.
pub(crate) fn path_of(workspace_slug: &str, key: &str) -> String {
    format!("{}/{}", path(workspace_slug), segment(key))
}
