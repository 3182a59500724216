//! Groups and who is in them: `GET /1.0/groups/{workspace}`. There is no list of groups in 2.0.

use crate::account::Account;
use crate::family;
use crate::run::Run;
use portcullis_kit::array::read_array;
use portcullis_kit::bindings::portcullis::connector::output::{Level, RelationKind};
use portcullis_kit::id::Id;
use portcullis_kit::item::{EntityDraft, connection, entity, relation};
use portcullis_kit::origin::segment;
use portcullis_kit::roll::Description;
use portcullis_kit::told::told;
use serde::Deserialize;
use serde::de::IgnoredAny;

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

impl Description for Group {
    /// The one whose name comes first.
    fn better(self, other: Self) -> Self {
        match (&self.name, &other.name) {
            (Some(name), Some(others)) if others < name => other,
            (None, Some(_)) => other,
            _ => self,
        }
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
    #[serde(default)]
    members: Option<Vec<Member>>,
}

/// A member, or what is none: a bad one costs no other.
#[derive(Deserialize)]
#[serde(untagged)]
enum Member {
    Account(Account),
    Unreadable(IgnoredAny),
}

/// The path of the list. It takes the slug alone: a uuid is answered with 405 or 403.
pub(crate) fn path(workspace_slug: &str) -> String {
    format!("/1.0/groups/{}", segment(workspace_slug))
}

/// Reads the groups.
pub(crate) async fn read(run: &Run<'_>) {
    let mut bad = 0_u64;
    let mut element = |bytes: &[u8], read_at| match serde_json::from_slice(bytes) {
        Ok(group) => run.at(read_at, |run| take(run, group, read_at)),
        Err(_) => bad = bad.saturating_add(1),
    };
    let reading = read_array(run.client, &path(&run.workspace.slug), &mut element).await;
    let mut coverage = run.coverage.borrow_mut();
    let misses = run.client.explain(&reading.misses);
    if bad > 0 {
        coverage.doubt(
            family::GROUPS,
            format!("{bad} elements of the list can't be read"),
        );
    }
    match reading.served {
        Some(slot) => {
            coverage.served(family::GROUPS, slot);
            if !misses.is_empty() {
                coverage.note(family::GROUPS, misses);
            }
        }
        None if reading.begun => coverage.doubt(family::GROUPS, misses),
        None => coverage.unreadable(family::GROUPS, misses),
    }
}

fn take(run: &Run<'_>, group: ListedGroup, read_at: Option<u64>) {
    let slug = group.slug.as_str();
    let doubt = |why: String| run.coverage.borrow_mut().doubt(family::GROUPS, why);
    if group.members.is_none() {
        doubt(format!("the group {slug} came without its members"));
    }
    for member in group.members.into_iter().flatten() {
        let Member::Account(member) = member else {
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
    let group = Group {
        slug: slug.to_owned(),
        name: group.name,
        default_permission: group.permission,
        auto_add: group.auto_add,
    };
    run.holders.borrow_mut().group(group, read_at);
}
