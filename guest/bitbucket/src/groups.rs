//! Groups and who is in them: `GET /1.0/groups/{workspace}`. There is no list of groups in 2.0.

use crate::account::Account;
use crate::family;
use crate::run::{Run, WHOLE_LIST_BYTES};
use portcullis_kit::bindings::portcullis::connector::output::{Level, RelationKind};
use portcullis_kit::id::Id;
use portcullis_kit::item::{EntityDraft, connection, entity, relation};
use portcullis_kit::origin::segment;
use portcullis_kit::pager::{Listed, Pager};
use portcullis_kit::told::told;
use serde::Deserialize;
use std::borrow::Cow;

/// What is kept of a group until the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) slug: String,
    pub(crate) name: Option<String>,
    default_permission: Option<String>,
    auto_add: Option<bool>,
}

impl Group {
    /// A group of which no more is known.
    pub(crate) fn named(slug: &str, name: Option<&str>) -> Self {
        Self {
            slug: slug.to_owned(),
            name: name.map(str::to_owned),
            default_permission: None,
            auto_add: None,
        }
    }

    /// The entity. `account_privilege` is the group's own right in the workspace.
    pub(crate) fn draft(
        &self,
        workspace_slug: &str,
        account_privilege: Option<&str>,
    ) -> EntityDraft {
        let key = connection(source_id(workspace_slug, &self.slug));
        entity(key, "group", self.name.as_deref().unwrap_or(&self.slug))
            .text("slug", Some(&self.slug))
            .text("default_permission", self.default_permission.as_deref())
            .flag("auto_add", self.auto_add)
            .text("account_privilege", account_privilege)
    }
}

/// A group has no uuid: its slug is unique in the workspace alone.
pub(crate) fn source_id(workspace_slug: &str, group_slug: &str) -> String {
    format!("{workspace_slug}/{group_slug}")
}

#[derive(Deserialize)]
struct ListedGroup {
    slug: Id,
    #[serde(default, deserialize_with = "told")]
    name: Option<String>,
    #[serde(default, deserialize_with = "told")]
    permission: Option<String>,
    #[serde(default, deserialize_with = "told")]
    auto_add: Option<bool>,
    /// Decoded one by one, so that a bad one costs no other.
    #[serde(default, deserialize_with = "told")]
    members: Option<Vec<serde_json::Value>>,
}

impl Listed for ListedGroup {
    fn id(&self) -> Cow<'_, str> {
        self.slug.as_str().into()
    }
}

/// The path of the list. It takes the slug alone: a uuid is answered with 405 or 403.
pub(crate) fn path(workspace_slug: &str) -> String {
    format!("/1.0/groups/{}", segment(workspace_slug))
}

/// Reads the groups.
pub(crate) async fn read(run: &Run<'_>) {
    let path = path(&run.workspace.slug);
    let mut pager = Pager::new(
        run.client,
        path,
        run.client.slots().collect(),
        WHOLE_LIST_BYTES,
    );
    while let Some(groups) = pager.next::<ListedGroup>().await {
        for group in groups {
            take(run, group);
        }
    }
    run.list_was_read(family::GROUPS, &pager.finish());
}

fn take(run: &Run<'_>, group: ListedGroup) {
    let slug = group.slug.as_str();
    let doubt = |why: String| run.coverage.borrow_mut().doubt(family::GROUPS, why);
    if group.members.is_none() {
        doubt(format!("the group {slug} came without its members"));
    }
    for member in group.members.into_iter().flatten() {
        let Ok(member) = serde_json::from_value::<Account>(member) else {
            doubt(format!(
                "a member of the group {slug} can't be read: it has no uuid"
            ));
            continue;
        };
        run.sink.emit(relation(
            RelationKind::Membership,
            member.key(),
            connection(source_id(&run.workspace.slug, slug)),
            "member",
            Some(Level::Member),
            &run.workspace.slug,
        ));
        run.holders.borrow_mut().account(member);
    }
    run.holders.borrow_mut().group(Group {
        slug: slug.to_owned(),
        name: group.name,
        default_permission: group.permission,
        auto_add: group.auto_add,
    });
}
