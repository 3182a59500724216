//! What is said of the members of groups, in groups and in users.

use serde_json::{Value, json};

use crate::resources::Showing;
use crate::world::{Group, Member};

/// What a user is called whom no list has.
pub(crate) const GONE: &str = "Gone";

/// What is said of members, in groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// In lists of groups.
    pub in_lists: Shown,
    /// In a single group.
    pub in_single: Shown,
    /// No group shows more members than so many.
    pub cut: Option<usize>,
    /// A group without members has `[]`; else it has no members at all.
    pub empty_list: bool,
    /// Members have no `type`.
    pub without_type: bool,
    /// Members have no `$ref`.
    pub without_ref: bool,
    /// Members have no `display`.
    pub without_display: bool,
    /// Every member comes so many times; 0 counts as 1.
    pub times: usize,
}

/// Whether members are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// They are.
    #[default]
    Yes,
    /// There is no such attribute.
    Absent,
    /// The attribute is always `[]`.
    Empty,
}

/// What is said of groups, in users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserGroups {
    /// Groups that hold the user themselves.
    #[default]
    Direct,
    /// Groups that hold the user themselves or by way of others, each with its `type`.
    WithIndirect,
    /// As [`UserGroups::WithIndirect`], without `type`.
    Untyped,
    /// Each with all of its members.
    WithMembers,
    /// Each without `value`, but with `display` and `$ref`.
    WithoutValue,
    /// Each with `display` alone.
    DisplayOnly,
    /// There is no such attribute.
    Absent,
    /// The attribute is always `[]`.
    Empty,
}

impl Members {
    /// The attribute `members` of a group, where it has one.
    pub(crate) fn of(&self, group: &Group, single: bool, showing: &Showing<'_>) -> Option<Value> {
        match if single {
            self.in_single
        } else {
            self.in_lists
        } {
            Shown::Absent => return None,
            Shown::Empty => return Some(json!([])),
            Shown::Yes if group.members.is_empty() => return self.empty_list.then(|| json!([])),
            Shown::Yes => {}
        }
        let most = self.cut.unwrap_or(usize::MAX);
        let mut shown = Vec::new();
        for _ in 0..self.times.max(1) {
            let members = group.members.iter().take(most);
            shown.extend(members.map(|member| self.one(member, showing)));
        }
        Some(shown.into())
    }

    fn one(&self, member: &Member, showing: &Showing<'_>) -> Value {
        let (world, base) = (showing.world, showing.base);
        let (kind, id, display) = match member {
            Member::User(n) => ("User", &world.users[*n].id, world.users[*n].name()),
            Member::Group(n) => (
                "Group",
                &world.groups[*n].id,
                &*world.groups[*n].display_name,
            ),
            Member::Gone(id) => ("User", id, GONE),
        };
        let mut shown = json!({"value": showing.behaviour.values.id(id)});
        if !self.without_type {
            shown["type"] = kind.into();
        }
        if !self.without_ref {
            shown["$ref"] = format!("{base}/{kind}s/{id}").into();
        }
        if !self.without_display {
            shown["display"] = display.into();
        }
        shown
    }
}

impl UserGroups {
    /// The attribute `groups` of a user, where it has one.
    pub(crate) fn of(self, user: usize, showing: &Showing<'_>) -> Option<Value> {
        let (world, index) = (showing.world, showing.index);
        if matches!(self, Self::Absent) {
            return None;
        }
        if matches!(self, Self::Empty) {
            return Some(json!([]));
        }
        let direct = index.groups_of(user);
        let all = match self {
            Self::WithIndirect | Self::Untyped => index.all_groups_of(user),
            _ => direct.to_vec(),
        };
        let (base, values) = (showing.base, &showing.behaviour.values);
        let one = |&n: &usize| {
            let group = &world.groups[n];
            let mut shown = json!({"display": group.display_name});
            if matches!(self, Self::DisplayOnly) {
                return shown;
            }
            shown["$ref"] = format!("{base}/Groups/{}", group.id).into();
            if !matches!(self, Self::WithoutValue) {
                shown["value"] = values.id(&group.id);
            }
            if !matches!(self, Self::Untyped) {
                let kind = if direct.contains(&n) {
                    "direct"
                } else {
                    "indirect"
                };
                shown["type"] = kind.into();
            }
            if matches!(self, Self::WithMembers) {
                shown["members"] = Members::default()
                    .of(group, true, showing)
                    .unwrap_or_default();
            }
            shown
        };
        // Unassigned attributes are absent.
        let shown: Vec<Value> = all.iter().map(one).collect();
        (!shown.is_empty()).then(|| shown.into())
    }
}
