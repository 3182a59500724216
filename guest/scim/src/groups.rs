//! Groups: `GET /Groups`, with their members where the list shows them, or one by one.

use crate::attributes::Attributes;
use crate::list::{self, Rows};
use crate::members::{self, Listed, group_key};
use crate::nested::{self, Nested, Reference};
use crate::run::Run;
use portcullis_kit::client::Miss;
use portcullis_kit::cut::Shape;
use portcullis_kit::id::Id;
use portcullis_kit::item::entity;
use portcullis_kit::reading::{Outcome, Reading};

pub(crate) const SHAPE: Shape = Shape::Within(&["Resources", "members"]);

/// A group alone.
const ONE: Shape = Shape::Within(&["members"]);

/// What makes a list of groups short.
pub(crate) const WITHOUT_MEMBERS: (&str, &str) = ("excludedAttributes", "members");

type TakeMember<'r> = Box<dyn FnMut(&Id, Reference, Option<u64>) + 'r>;

struct GroupRows<'r> {
    run: &'r Run<'r>,
    members: Nested<TakeMember<'r>>,
    read_at: Option<u64>,
}

/// Reads the groups, and their members as far as the list shows them and they are `wanted`.
pub(crate) async fn read(run: &Run<'_>, wanted: bool) -> Reading {
    let mut list = run.list(&run.discovery.groups, SHAPE, "groups");
    list.wish = (!wanted).then_some(WITHOUT_MEMBERS);
    let rows = || {
        let take: TakeMember<'_> = Box::new(move |group, member, read_at| {
            if wanted {
                members::of_group(run, group, member, read_at);
            }
        });
        GroupRows {
            run,
            members: Nested::new("members", None, take),
            read_at: None,
        }
    };
    let reading = list::read(&list, rows).await;
    run.groups_page.set(list.page_rows.get());
    let failed =
        |(_, miss): &(usize, Miss)| matches!(miss, Miss::Failed(_) | Miss::NotUnderstood(_));
    if reading.outcome != Outcome::Unreadable || !wanted || !reading.misses.iter().any(failed) {
        return reading;
    }
    // A list with all members is too much for some servers.
    list.wish = Some(WITHOUT_MEMBERS);
    let mut shorter = list::read(&list, rows).await;
    run.groups_page.set(list.page_rows.get());
    if shorter.outcome != Outcome::Unreadable {
        shorter.remarks.push(format!(
            "the list of groups came only without members: {}",
            run.client.explain(&reading.misses)
        ));
        return shorter;
    }
    reading
}

impl Rows for GroupRows<'_> {
    fn anew(&mut self, read_at: Option<u64>) {
        self.read_at = read_at;
        self.members.anew(read_at);
    }

    fn opened(&mut self, group: &Attributes<'_>) {
        self.members.opened(group);
    }

    fn part(&mut self, member: &[u8]) {
        self.members.part(member);
    }

    fn row(&mut self, id: &Id, group: &Attributes<'_>) {
        let told = self.members.close(group);
        let name = group.text("displayName");
        let name = name.as_deref().unwrap_or(id.as_str());
        let meta = |name: &str| group.within("meta", name).and_then(crate::attributes::text);
        self.run.sink.emit_read(
            entity(group_key(id.as_str()), "group", name)
                .text("externalId", group.text("externalId").as_deref())
                .instant("created", meta("created").as_deref())
                .instant("lastModified", meta("lastModified").as_deref())
                .item(),
            self.read_at,
        );
        let listed = Listed {
            name: name.to_owned(),
            members: told.unwrap_or(0),
        };
        self.run.everyone.borrow_mut().list_group(id, listed);
    }
}

/// Reads one group's members; their number.
///
/// # Errors
/// [`Miss`] where they did not come.
pub(crate) async fn members_of(run: &Run<'_>, id: &str, slot: usize) -> Result<usize, Miss> {
    let path = run.settings.path(&run.discovery.groups, Some(id));
    let take = |group: &Id, member, read_at| members::of_group(run, group, member, read_at);
    nested::read(
        run.client,
        &path,
        slot,
        ONE,
        Nested::new("members", Some(id), take),
    )
    .await
}
