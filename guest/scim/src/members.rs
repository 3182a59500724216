//! Who is in which group, and who was named without being listed.

use crate::family;
use crate::nested::{Kind, Reference};
use crate::run::Run;
use portcullis_kit::bindings::portcullis::connector::output::{Item, Key, Level, RelationKind};
use portcullis_kit::id::Id;
use portcullis_kit::item::{connection, entity, identity, relation};
use portcullis_kit::roll::{Description, Roll};
use portcullis_kit::sink::{At, Sink};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

/// Of so many users it is kept in which groups they were seen.
const MOST_WATCHED: usize = 200;

/// All users and groups of a run.
#[derive(Default)]
pub(crate) struct Everyone {
    pub(crate) users: Roll<Named>,
    pub(crate) groups: BTreeMap<Rc<str>, Listed>,
    strange_groups: Roll<Named>,
    /// In how many users each group was shown.
    shown_by_users: HashMap<Box<str>, usize>,
    /// Members without type that are no users: whether they are groups is known when all groups are.
    waiting: Waiting,
    /// Members without type that were taken for users, for such a user is listed.
    untyped: HashSet<Box<str>>,
    /// Groups by their names, where only one has the name.
    by_name: Option<HashMap<String, Option<Rc<str>>>>,
    unreadable: usize,
    indirect: usize,
    /// Users' groups that they may be in directly or by way of another.
    either: usize,
    own_members: BTreeSet<String>,
    /// Whether the list of users shows the groups of any.
    pub(crate) users_show_groups: bool,
    /// Some of them came without an id, so that users can't be counted by group.
    pub(crate) groups_without_id: bool,
    /// Whether a group is in another.
    pub(crate) nested: bool,
    /// A few users, and the groups that they were seen in.
    watched: BTreeSet<String>,
    watched_ties: HashSet<(String, String)>,
}

/// What a list told of a group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listed {
    pub(crate) name: String,
    /// The number of members that it showed.
    pub(crate) members: usize,
}

/// What a relation tells of one of its ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Named(Option<String>);

impl Description for Named {
    fn better(self, other: Self) -> Self {
        match (&self.0, &other.0) {
            (Some(name), Some(others)) if others < name => other,
            (None, Some(_)) => other,
            _ => self,
        }
    }
}

/// Pairs of member and group, each text kept once.
#[derive(Default)]
struct Waiting {
    numbers: HashMap<Rc<str>, u32>,
    texts: Vec<Rc<str>>,
    names: HashMap<u32, Named>,
    /// With the time at which each was read.
    pairs: Vec<(u32, u32, Option<u64>)>,
}

impl Waiting {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let text: Rc<str> = text.into();
        self.texts.push(Rc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    fn add(&mut self, member: &Id, group: &Id, display: Option<String>, read_at: Option<u64>) {
        let member = self.number(member.as_str());
        let group = self.number(group.as_str());
        self.pairs.push((member, group, read_at));
        let named = Named(display);
        let named = match self.names.remove(&member) {
            Some(known) => known.better(named),
            None => named,
        };
        self.names.insert(member, named);
    }
}

/// A group's key: one id may stand for a user and a group.
pub(crate) fn group_key(id: &str) -> Key {
    connection(["group/", id].concat())
}

/// Takes a value of a group's `members`.
pub(crate) fn of_group(run: &Run<'_>, group: &Id, member: Reference, read_at: Option<u64>) {
    let mut everyone = run.everyone.borrow_mut();
    let Some(id) = member.id else {
        everyone.unreadable = everyone.unreadable.saturating_add(1);
        return;
    };
    let kind = match member.kind {
        Some(kind) => kind,
        None if everyone.users.is_listed(id.as_str()) => {
            if !everyone.untyped.contains(id.as_str()) {
                everyone.untyped.insert(id.as_str().into());
            }
            Kind::User
        }
        None => return everyone.waiting.add(&id, group, member.display, read_at),
    };
    everyone.tie(
        &At::new(run.sink, read_at),
        &run.server,
        kind,
        id.as_str(),
        group.as_str(),
        Named(member.display),
    );
}

/// Takes a value of a user's `groups`.
pub(crate) fn of_user(run: &Run<'_>, user: &Id, group: Reference, read_at: Option<u64>) {
    let mut everyone = run.everyone.borrow_mut();
    if group.indirect {
        everyone.indirect = everyone.indirect.saturating_add(1);
        return;
    }
    let id: Option<Rc<str>> = match &group.id {
        Some(id) => Some(id.as_str().into()),
        None => everyone.group_named(group.display.as_deref()),
    };
    let Some(id) = id else {
        everyone.unreadable = everyone.unreadable.saturating_add(1);
        return;
    };
    if !group.direct {
        everyone.either = everyone.either.saturating_add(1);
    }
    everyone.strange_groups.name(&id, Named(group.display));
    everyone.tie(
        &At::new(run.sink, read_at),
        &run.server,
        Kind::User,
        user.as_str(),
        &id,
        Named::default(),
    );
}

/// Takes a group that was found for a member.
pub(crate) fn found(run: &Run<'_>, kind: Kind, member: &str, group: &Id, read_at: Option<u64>) {
    let mut everyone = run.everyone.borrow_mut();
    everyone
        .strange_groups
        .name(group.as_str(), Named::default());
    everyone.tie(
        &At::new(run.sink, read_at),
        &run.server,
        kind,
        member,
        group.as_str(),
        Named::default(),
    );
}

impl Everyone {
    /// A group of the list, whose entity was emitted.
    pub(crate) fn list_group(&mut self, id: &Id, listed: Listed) {
        self.strange_groups.list(id.as_str());
        let known = self.groups.entry(id.as_str().into()).or_default();
        // A row that came twice is the same group; the more members it showed the better.
        known.members = known.members.max(listed.members);
        if known.name.is_empty() || listed.name < known.name {
            known.name = listed.name;
        }
    }

    /// The one group of this name.
    fn group_named(&mut self, name: Option<&str>) -> Option<Rc<str>> {
        let groups = &self.groups;
        let by_name = self.by_name.get_or_insert_with(|| {
            let mut by_name = HashMap::new();
            for (id, group) in groups {
                by_name
                    .entry(group.name.clone())
                    .and_modify(|one| *one = None)
                    .or_insert_with(|| Some(Rc::clone(id)));
            }
            by_name
        });
        by_name.get(name?)?.clone()
    }

    /// Chooses the users of whom it is kept in which groups they are. Call it when all users are listed.
    pub(crate) fn watch(&mut self) {
        let mut ids: Vec<&str> = self.users.listed().collect();
        ids.sort_unstable();
        let step = ids.len().div_ceil(MOST_WATCHED).max(1);
        self.watched = ids.into_iter().step_by(step).map(str::to_owned).collect();
    }

    pub(crate) fn watched(&self) -> impl Iterator<Item = &String> {
        self.watched.iter()
    }

    pub(crate) fn is_watched(&self, user: &str) -> bool {
        self.watched.contains(user)
    }

    pub(crate) fn watched_ties(&self) -> &HashSet<(String, String)> {
        &self.watched_ties
    }

    /// How many ids stand for a user and for a group.
    pub(crate) fn twins(&self) -> usize {
        let groups = self.groups.keys();
        groups.filter(|id| self.users.is_listed(id)).count()
    }

    /// In how many users a group was shown.
    pub(crate) fn shown(&self, group: &str) -> usize {
        self.shown_by_users.get(group).copied().unwrap_or(0)
    }

    /// Counts a group that a user showed, unless the user came before.
    pub(crate) fn count_shown(&mut self, user: &Id, group: &Reference) {
        self.users_show_groups = true;
        self.groups_without_id |= group.id.is_none();
        if group.indirect || self.users.is_listed(user.as_str()) {
            return;
        }
        let Some(id) = group.id.as_ref().map(Id::as_str) else {
            return;
        };
        match self.shown_by_users.get_mut(id) {
            Some(count) => *count = count.saturating_add(1),
            None => {
                self.shown_by_users.insert(id.into(), 1);
            }
        }
    }

    fn tie(
        &mut self,
        sink: &dyn Sink,
        server: &str,
        kind: Kind,
        member: &str,
        group: &str,
        named: Named,
    ) {
        let member_key = match kind {
            Kind::User => {
                self.users.name(member, named);
                if self.watched.contains(member) {
                    let tie = (member.to_owned(), group.to_owned());
                    self.watched_ties.insert(tie);
                }
                identity(member)
            }
            // The contract knows no member of itself.
            Kind::Group if member == group => {
                self.own_members.insert(group.to_owned());
                return;
            }
            Kind::Group => {
                self.nested = true;
                self.strange_groups.name(member, named);
                group_key(member)
            }
        };
        sink.emit(relation(
            RelationKind::Membership,
            member_key,
            group_key(group),
            "member",
            Some(Level::Member),
            server,
        ));
    }
}

/// Settles who the members without type are, emits whom no list named, and says what was odd. Call it when
/// all was read.
pub(crate) fn settle(run: &Run<'_>) {
    let everyone = &mut *run.everyone.borrow_mut();
    let mut waiting = std::mem::take(&mut everyone.waiting);
    for (member, group, read_at) in std::mem::take(&mut waiting.pairs) {
        let text = |number: u32| {
            usize::try_from(number)
                .ok()
                .and_then(|number| waiting.texts.get(number))
                .cloned()
                .unwrap_or_default()
        };
        let (id, group) = (text(member), text(group));
        let kind = if everyone.groups.contains_key(&id) {
            Kind::Group
        } else {
            Kind::User
        };
        let named = waiting.names.get(&member).cloned().unwrap_or_default();
        everyone.tie(
            &At::new(run.sink, read_at),
            &run.server,
            kind,
            &id,
            &group,
            named,
        );
    }
    for (id, Named(name)) in everyone.users.strangers() {
        let name = name.as_deref().unwrap_or_default();
        run.sink
            .emit(entity(identity(id), "user", name).dangling().item());
    }
    for (id, Named(name)) in everyone.strange_groups.strangers() {
        let name = name.as_deref().unwrap_or(id);
        run.sink
            .emit(entity(group_key(id), "group", name).dangling().item());
    }
    let mut coverage = run.coverage.borrow_mut();
    let twins = everyone
        .untyped
        .iter()
        .filter(|id| everyone.groups.contains_key(id.as_ref()))
        .count();
    if twins > 0 {
        let why = format!(
            "{twins} members came without a type, and their ids are those of a user and of a group; they were taken for users"
        );
        coverage.doubt(family::MEMBERSHIPS, why.clone());
        coverage.doubt(family::NESTED_GROUPS, why);
    }
    if everyone.unreadable > 0 {
        coverage.doubt(
            family::MEMBERSHIPS,
            format!(
                "{} members can't be read: they have no id",
                everyone.unreadable
            ),
        );
    }
    if everyone.either > 0 {
        coverage.note(
            family::MEMBERSHIPS,
            format!(
                "of {} memberships users do not say whether they are direct or through another group",
                everyone.either
            ),
        );
    }
    if everyone.indirect > 0 {
        coverage.note(
            family::MEMBERSHIPS,
            format!(
                "{} memberships through another group were left out",
                everyone.indirect
            ),
        );
    }
    for group in &everyone.own_members {
        run.sink.emit(Item::Warning(format!(
            "The group {group} is a member of itself; that was left out"
        )));
    }
}
