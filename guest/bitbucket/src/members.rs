//! Members and their roles: `GET /2.0/workspaces/{workspace}/permissions`, or `.../members`, which knows no
//! roles.

use crate::account::Account;
use crate::activity;
use crate::family;
use crate::level;
use crate::run::{PAGE_BYTES, Run};
use portcullis_kit::bindings::portcullis::connector::output::RelationKind;
use portcullis_kit::client::Miss;
use portcullis_kit::id::Word;
use portcullis_kit::item::relation;
use portcullis_kit::origin::segment;
use portcullis_kit::pager::{Listed, Pager};
use portcullis_kit::reading::{Outcome, Reading};
use portcullis_kit::told::told;
use serde::Deserialize;
use std::borrow::Cow;

/// What is shown only where it is asked for. A plus sign in a query must be encoded.
const MORE_FIELDS: &str =
    "fields=%2Bvalues.user.account_status,%2Bvalues.user.has_2fa_enabled,%2Bvalues.user.created_on";

/// So many pages are asked for at once: other lists want their turn, too.
const PAGES_AT_ONCE: usize = 4;

/// The privilege of a member whose role can't be read.
const ROLE_UNKNOWN: &str = "unknown";

#[derive(Deserialize)]
struct Membership {
    user: Account,
    #[serde(default, deserialize_with = "told")]
    permission: Option<Word>,
    // In a workspace that moved to admin.atlassian.com both are absent; elsewhere someone who never came has
    // a `last_accessed` of null.
    #[serde(default, deserialize_with = "nullable")]
    added_on: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    last_accessed: Option<Option<String>>,
}

/// None: the member is absent. Some(None): it is null, or no text.
fn nullable<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<String>>, D::Error> {
    told(deserializer).map(Some)
}

impl Membership {
    fn tells_activity(&self) -> bool {
        self.added_on.is_some() || self.last_accessed.is_some()
    }
}

impl Listed for Membership {
    fn id(&self) -> Cow<'_, str> {
        self.user.uuid.as_str().into()
    }
}

/// The path of the list with roles.
pub(crate) fn permissions_path(workspace_slug: &str) -> String {
    format!("/2.0/workspaces/{}/permissions", segment(workspace_slug))
}

/// The path of the list without.
pub(crate) fn members_path(workspace_slug: &str) -> String {
    format!("/2.0/workspaces/{}/members", segment(workspace_slug))
}

/// Reads the members, and asks whether Bitbucket still knows what they do.
pub(crate) async fn read(run: &Run<'_>) {
    let roles = list(run, &permissions_path(&run.workspace.slug)).await;
    if roles.reading.outcome != Outcome::Unreadable {
        run.list_was_read(family::MEMBERS, &roles.reading);
        if roles.reading.count > 0 && !roles.activity {
            activity::explain(run).await;
        }
        return;
    }
    let members = list(run, &members_path(&run.workspace.slug)).await;
    run.list_was_read(family::MEMBERS, &members.reading);
    let why = run.client.explain(&roles.reading.misses);
    run.coverage.borrow_mut().doubt(
        family::MEMBERS,
        format!(
            "roles and last access are unknown, for the list that tells them is unreadable: {why}"
        ),
    );
}

/// What came of one list.
struct Members {
    reading: Reading,
    /// Whether anyone's activity was told.
    activity: bool,
}

async fn list(run: &Run<'_>, path: &str) -> Members {
    let mut members = read_list(run, format!("{path}?pagelen=100&{MORE_FIELDS}")).await;
    if matches!(
        members.reading.misses.last(),
        Some((_, Miss::NotUnderstood(_)))
    ) {
        members = read_list(run, format!("{path}?pagelen=100")).await;
    }
    members
}

async fn read_list(run: &Run<'_>, path: String) -> Members {
    let mut pager = Pager::new(run.client, path, run.client.slots().collect(), PAGE_BYTES)
        .side_by_side(PAGES_AT_ONCE);
    let (mut activity, mut done) = (false, 0_u64);
    while let Some(members) = pager.next::<Membership>().await {
        for member in &members {
            activity |= member.tells_activity();
            run.at(pager.read_at(), |run| take(run, member));
            done = done.saturating_add(1);
        }
        run.sink.progress(
            "members",
            done,
            pager.size().and_then(|size| u64::try_from(size).ok()),
        );
    }
    Members {
        reading: pager.finish(),
        activity,
    }
}

fn take(run: &Run<'_>, member: &Membership) {
    let account = &member.user;
    let role = member.permission.as_ref().map(Word::as_str);
    run.holders.borrow_mut().member(account);
    run.sink.emit(
        account
            .draft()
            .text("role", role)
            .instant(
                "last_accessed",
                member
                    .last_accessed
                    .iter()
                    .flatten()
                    .next()
                    .map(String::as_str),
            )
            .instant(
                "added_on",
                member.added_on.iter().flatten().next().map(String::as_str),
            )
            .item(),
    );
    run.sink.emit(relation(
        RelationKind::Role,
        account.key(),
        run.workspace.key(),
        role.unwrap_or(ROLE_UNKNOWN),
        role.and_then(level::of_role),
        &run.workspace.slug,
    ));
}
