//! Repositories: `GET /2.0/repositories/{workspace}`.

use portcullis_kit::bindings::portcullis::connector::output::{Item, Key};
use portcullis_kit::id::Id;
use portcullis_kit::item::{entity, resource};
use portcullis_kit::origin::segment;
use portcullis_kit::pager::Listed;
use portcullis_kit::told::told;
use serde::Deserialize;
use std::borrow::Cow;

/// Oldest first, so that one that is created meanwhile moves none from page to page; and only what is used,
/// a tenth of it all. A selection must name `next` and its like, or paging ends with the first page.
pub(crate) const QUERY: &str = "pagelen=100&sort=created_on&fields=next,page,pagelen,size,values.type,values.uuid,\
values.slug,values.name,values.full_name,values.description,values.is_private,values.fork_policy,values.created_on,\
values.updated_on,values.project.uuid,values.project.key,values.project.name";

/// A repository of the list.
#[derive(Debug, Deserialize)]
pub(crate) struct Repository {
    pub(crate) uuid: Id,
    #[serde(default, deserialize_with = "told")]
    slug: Option<String>,
    #[serde(default, deserialize_with = "told")]
    name: Option<String>,
    #[serde(default, deserialize_with = "told")]
    full_name: Option<String>,
    #[serde(default, deserialize_with = "told")]
    description: Option<String>,
    #[serde(default, deserialize_with = "told")]
    is_private: Option<bool>,
    #[serde(default, deserialize_with = "told")]
    fork_policy: Option<String>,
    #[serde(default, deserialize_with = "told")]
    created_on: Option<String>,
    #[serde(default, deserialize_with = "told")]
    updated_on: Option<String>,
    /// The project that it lies in.
    #[serde(default, deserialize_with = "told")]
    pub(crate) project: Option<Home>,
}

/// A repository's project, as the repository names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Home {
    pub(crate) uuid: Id,
    #[serde(default, deserialize_with = "told")]
    pub(crate) key: Option<String>,
    #[serde(default, deserialize_with = "told")]
    name: Option<String>,
}

impl Home {
    /// The entity of a project that isn't in the list of projects.
    pub(crate) fn dangling(&self) -> Item {
        let name = self
            .name
            .as_deref()
            .or(self.key.as_deref())
            .unwrap_or_default();
        entity(resource(self.uuid.as_str()), "project", name)
            .text("key", self.key.as_deref())
            .dangling()
            .item()
    }
}

impl Listed for Repository {
    fn id(&self) -> Cow<'_, str> {
        self.uuid.as_str().into()
    }
}

impl Repository {
    /// What names it.
    pub(crate) fn key(&self) -> Key {
        resource(self.uuid.as_str())
    }

    /// The slug, or where it isn't told what URLs take in its place: the uuid.
    pub(crate) fn slug(&self) -> &str {
        let of_full_name = || self.full_name.as_deref()?.rsplit('/').next();
        let slug = self
            .slug
            .as_deref()
            .or_else(of_full_name)
            .filter(|slug| !slug.is_empty());
        slug.unwrap_or(self.uuid.as_str())
    }

    /// `workspace/slug`, as its owner knows it.
    pub(crate) fn label(&self, workspace_slug: &str) -> String {
        self.full_name
            .clone()
            .unwrap_or_else(|| format!("{workspace_slug}/{}", self.slug()))
    }

    /// Whether the whole internet may read it. Not told: not known to be so.
    pub(crate) fn is_public(&self) -> bool {
        self.is_private == Some(false)
    }

    /// The entity.
    pub(crate) fn item(&self, workspace_slug: &str) -> Item {
        entity(self.key(), "repository", &self.label(workspace_slug))
            .text("slug", Some(self.slug()))
            .text("name", self.name.as_deref())
            .text("full_name", self.full_name.as_deref())
            .text("description", self.description.as_deref())
            .flag("is_private", self.is_private)
            .text("fork_policy", self.fork_policy.as_deref())
            .instant("created_on", self.created_on.as_deref())
            .instant("updated_on", self.updated_on.as_deref())
            .item()
    }
}

/// The path of the list.
pub(crate) fn path(workspace_slug: &str) -> String {
    format!("/2.0/repositories/{}", segment(workspace_slug))
}

/// The path of one repository.
pub(crate) fn path_of(workspace_slug: &str, slug: &str) -> String {
    format!("{}/{}", path(workspace_slug), segment(slug))
}
