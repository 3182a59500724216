//! Explicit grants: `.../permissions-config/users` and `.../permissions-config/groups` of projects and
//! repositories. They hold what was given on the object itself, nothing inherited.

use crate::account::Account;
use crate::groups;
use crate::level;
use crate::run::Run;
use portcullis_kit::bindings::portcullis::connector::output::{Key, RelationKind};
use portcullis_kit::id::{Id, Word};
use portcullis_kit::item::{connection, relation, resource};
use portcullis_kit::pager::Listed;
use portcullis_kit::told::told;
use serde::Deserialize;
use std::borrow::Cow;

/// The word for no grant at all; lists should not hold it.
const NONE: &str = "none";

/// What a user was given.
#[derive(Debug, Deserialize)]
pub(crate) struct UserGrant {
    user: Account,
    permission: Word,
}

/// What a group was given.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct GroupGrant {
    pub(crate) group: GrantedGroup,
    #[serde(alias = "privilege")]
    pub(crate) permission: Word,
}

/// A group, as a grant names it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct GrantedGroup {
    pub(crate) slug: Id,
    #[serde(default, deserialize_with = "told")]
    pub(crate) name: Option<String>,
    /// The group's own right in the workspace. Not documented, but seen in 2023.
    #[serde(default, deserialize_with = "told")]
    pub(crate) account_privilege: Option<String>,
}

impl Listed for UserGrant {
    fn id(&self) -> Cow<'_, str> {
        self.user.uuid.as_str().into()
    }
}

impl Listed for GroupGrant {
    fn id(&self) -> Cow<'_, str> {
        self.group.slug.as_str().into()
    }
}

impl GroupGrant {
    /// What is compared where two answers tell of the same grant.
    pub(crate) fn facts(&self) -> (String, String) {
        (
            self.group.slug.as_str().to_owned(),
            self.permission.as_str().to_owned(),
        )
    }
}

/// Emits what users were given on a project or repository.
pub(crate) fn take_users(run: &Run<'_>, object: &Id, grants: Vec<UserGrant>) {
    for grant in grants {
        if give(run, grant.user.key(), object, grant.permission.as_str()) {
            run.holders.borrow_mut().account(grant.user);
        }
    }
}

/// Emits what a group was given on a project or repository.
pub(crate) fn take_group(run: &Run<'_>, object: &Id, grant: &GroupGrant) {
    let group = &grant.group;
    let slug = group.slug.as_str();
    let holder = connection(groups::source_id(&run.workspace.slug, slug));
    if give(run, holder, object, grant.permission.as_str()) {
        run.holders.borrow_mut().granted_group(
            slug,
            group.name.as_deref(),
            group.account_privilege.as_deref(),
        );
    }
}

fn give(run: &Run<'_>, holder: Key, object: &Id, permission: &str) -> bool {
    if permission == NONE {
        return false;
    }
    run.sink.emit(relation(
        RelationKind::Grant,
        holder,
        resource(object.as_str()),
        permission,
        level::of_grant(permission),
        &run.workspace.slug,
    ));
    true
}
