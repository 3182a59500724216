//! Where memberships are taken from.
//!
//! The list of groups may show all members, the first hundred of each, or none; a group asked for by its id
//! may show more; users may show their groups; and a filter may find the groups of a member. A few samples
//! tell which of these is so. What was decided, and why, is said in the coverage: memberships that could
//! not be read must never look like empty groups.

use crate::attributes::Attributes;
use crate::each::{Came, SAMPLES, ask_each, say};
use crate::family::{MEMBERSHIPS, NESTED_GROUPS};
use crate::groups;
use crate::list::{self, Depth, Rows};
use crate::members;
use crate::nested::Kind;
use crate::run::Run;
use crate::settings::Members;
use crate::users::{self, Purpose};
use portcullis_kit::client::Miss;
use portcullis_kit::id::Id;
use portcullis_kit::lanes::Lanes;
use portcullis_kit::reading::{Outcome, Reading};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};

/// From so many members on, and at multiples of it, a number that several groups share as the highest looks
/// like a limit.
const ROUND: usize = 50;

/// A member that no server has: a filter that finds groups for it is no filter.
const NOBODY: &str = "portcullis-no-such-member";

/// Reads the memberships that the lists of users and groups have not told yet, and says what could be read.
pub(crate) async fn read(run: &Run<'_>, users: &Reading, groups: &Reading) {
    let source = Source {
        run,
        users,
        groups,
        lanes: Lanes::new(run.slots().len()),
        hits: RefCell::default(),
    };
    if groups.outcome == Outcome::Unreadable {
        return source.without_groups().await;
    }
    if run.everyone.borrow().groups.is_empty() {
        return source.taken_from_groups();
    }
    match run.settings.members {
        Members::Auto => source.decide().await,
        Members::Group => source.group_by_group().await,
        Members::User => source.user_by_user().await,
        Members::Filter => source.by_filter().await,
    }
}

struct Source<'r> {
    run: &'r Run<'r>,
    users: &'r Reading,
    groups: &'r Reading,
    lanes: Lanes,
    /// The groups that a filter found for a member.
    hits: RefCell<HashSet<(String, String)>>,
}

/// How many members each group shows.
type Counts = BTreeMap<String, usize>;

fn learn(counts: &mut Counts, ids: &[String], answers: &[Came<usize>]) {
    for (id, answer) in ids.iter().zip(answers) {
        if let Came::Read(count) = answer {
            counts.insert(id.clone(), *count);
        }
    }
}

fn is_round(members: usize) -> bool {
    members >= ROUND && members.is_multiple_of(ROUND)
}

/// Some of them, spread evenly.
fn samples<T: Clone>(all: &[T]) -> Vec<T> {
    let step = all.len().div_ceil(SAMPLES).max(1);
    all.iter().step_by(step).cloned().collect()
}

/// Those that are no samples.
fn others(all: &[String], samples: &[String]) -> Vec<String> {
    let samples: HashSet<&String> = samples.iter().collect();
    all.iter()
        .filter(|id| !samples.contains(id))
        .cloned()
        .collect()
}

/// How many of them showed something.
fn showing(answers: &[Came<usize>]) -> usize {
    answers
        .iter()
        .filter(|answer| matches!(answer, Came::Read(count) if *count > 0))
        .count()
}

fn readable(answers: &[Came<usize>]) -> usize {
    answers
        .iter()
        .filter(|answer| matches!(answer, Came::Read(_)))
        .count()
}

impl Source<'_> {
    fn note(&self, what: String) {
        self.run.coverage.borrow_mut().note(MEMBERSHIPS, what);
    }

    fn doubt(&self, why: String) {
        self.run.coverage.borrow_mut().doubt(MEMBERSHIPS, why);
    }

    /// Of users in groups and of groups in groups.
    fn doubt_both(&self, why: &str) {
        let mut coverage = self.run.coverage.borrow_mut();
        for family in [MEMBERSHIPS, NESTED_GROUPS] {
            coverage.doubt(family, why.to_owned());
        }
    }

    /// How many members the list shows of each group.
    fn listed_counts(&self) -> Counts {
        let everyone = self.run.everyone.borrow();
        everyone
            .groups
            .iter()
            .map(|(id, listed)| (id.to_string(), listed.members))
            .collect()
    }

    fn user_ids(&self) -> Vec<String> {
        let everyone = self.run.everyone.borrow();
        let mut ids: Vec<String> = everyone.users.listed().map(str::to_owned).collect();
        ids.sort_unstable();
        ids
    }

    /// Memberships are as complete as the list of groups.
    fn taken_from_groups(&self) {
        let mut coverage = self.run.coverage.borrow_mut();
        for family in [MEMBERSHIPS, NESTED_GROUPS] {
            for slot in &self.groups.served {
                coverage.served(family, *slot);
            }
            if let Outcome::Partial(_) = self.groups.outcome {
                coverage.doubt(family, "perhaps not all groups were listed".to_owned());
            }
        }
    }

    /// Memberships are as complete as the list of users, which says nothing of groups in groups.
    fn taken_from_users(&self) {
        let mut coverage = self.run.coverage.borrow_mut();
        match self.users.outcome {
            Outcome::Complete => {}
            Outcome::Partial(_) => {
                coverage.doubt(MEMBERSHIPS, "perhaps not all users were listed".to_owned());
            }
            Outcome::Unreadable => {
                coverage.unreadable(MEMBERSHIPS, "users can't be listed".to_owned());
            }
        }
    }

    fn no_nested_groups(&self) {
        self.run.coverage.borrow_mut().unavailable(
            NESTED_GROUPS,
            "memberships were taken from users, who do not show which groups are in which"
                .to_owned(),
        );
    }

    async fn without_groups(&self) {
        if self.run.everyone.borrow().users_show_groups {
            self.note(
                "groups can't be listed, so they and their members are those that users show"
                    .to_owned(),
            );
            if self.run.settings.members != Members::User {
                self.walk_users().await;
            }
            self.taken_from_users();
            return self.no_nested_groups();
        }
        let missing = self.run.is_missing(self.groups);
        let mut coverage = self.run.coverage.borrow_mut();
        for family in [MEMBERSHIPS, NESTED_GROUPS] {
            if missing {
                coverage.unavailable(family, "the server has no groups".to_owned());
            } else {
                coverage.unreadable(
                    family,
                    "groups can't be listed, and users show none".to_owned(),
                );
            }
        }
    }

    /// Looks at what the lists told.
    async fn decide(&self) {
        let counts = self.listed_counts();
        if counts.values().any(|count| *count > 0) {
            self.by_list(counts).await;
        } else {
            self.elsewhere(counts).await;
        }
    }

    /// The list of groups shows members: whether all of them, is asked of some groups.
    async fn by_list(&self, mut counts: Counts) {
        self.taken_from_groups();
        let suspects = self.suspects(&counts);
        let (silent, full): (Vec<String>, Vec<String>) = suspects
            .into_iter()
            .partition(|id| counts.get(id) == Some(&0));
        for _ in 0..counts
            .len()
            .saturating_sub(silent.len())
            .saturating_sub(full.len())
        {
            self.run.coverage.borrow_mut().object_read(MEMBERSHIPS);
        }
        let short = self.compare(&silent, &mut counts).await;
        let cut = self.compare(&full, &mut counts).await;
        self.note(if short || cut {
            "the list of groups does not show all members, so groups that it shows none of, or as many as of no other, were asked for by their ids".to_owned()
        } else {
            "the list of groups shows their members".to_owned()
        });
        self.verify(&counts).await;
    }

    /// Groups of which a list may show too few members: fewer than users show, or else none at all, or a round
    /// number that no group exceeds.
    fn suspects(&self, counts: &Counts) -> Vec<String> {
        let everyone = self.run.everyone.borrow();
        let most = counts.values().copied().max().unwrap_or(0);
        let looks_cut = self.looks_cut(most);
        let users_tell = everyone.users_show_groups
            && !everyone.groups_without_id
            && self.users.outcome == Outcome::Complete;
        counts
            .iter()
            .filter(|(id, count)| {
                everyone.shown(id) > **count
                    || (!users_tell && (**count == 0 || (looks_cut && **count == most)))
            })
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// A group that has every user is not cut off, whatever their number.
    fn looks_cut(&self, most: usize) -> bool {
        is_round(most) && most != self.users.count
    }

    /// Asks some of the groups by their ids, and where one shows more than the list did, all of them. Whether
    /// one did.
    async fn compare(&self, ids: &[String], counts: &mut Counts) -> bool {
        let mut order = samples(ids);
        let mut answers = self.ask_groups(&order).await;
        let more = order.iter().zip(&answers).any(
            |(id, answer)| matches!(answer, Came::Read(count) if Some(count) > counts.get(id)),
        );
        if !more {
            for _ in ids {
                self.run.coverage.borrow_mut().object_read(MEMBERSHIPS);
            }
            return false;
        }
        if !self.run.brief {
            let rest = others(ids, &order);
            answers.extend(self.ask_groups(&rest).await);
            order.extend(rest);
        }
        self.say_groups(&order, &answers);
        learn(counts, &order, &answers);
        true
    }

    /// Looks whether the groups have more members than they show, themselves and in the list; takes
    /// memberships from elsewhere too where they have.
    async fn verify(&self, counts: &Counts) {
        if self.run.brief {
            return;
        }
        let suspects: Vec<String> = self
            .suspects(counts)
            .into_iter()
            .filter(|id| counts.get(id) != Some(&0) || self.run.everyone.borrow().shown(id) > 0)
            .collect();
        if suspects.is_empty() {
            return;
        }
        let (users_show, nested) = {
            let everyone = self.run.everyone.borrow();
            let shows = |id: &String| Some(&everyone.shown(id)) > counts.get(id);
            (suspects.iter().any(shows), everyone.nested)
        };
        let what = if users_show {
            format!(
                "users show more members of {} groups than those do",
                suspects.len()
            )
        } else {
            let most = counts.values().copied().max().unwrap_or(0);
            format!(
                "{} groups have exactly {most} members and none has more",
                suspects.len()
            )
        };
        let before = self.run.everyone.borrow().watched_ties().clone();
        let users: Vec<String> = self.run.everyone.borrow().watched().cloned().collect();
        if self.filter_works().await.is_ok() {
            let answers = self.ask_filter(&users, Kind::User).await;
            if showing(&answers) > 0 {
                let same = self.hits.borrow().iter().all(|tie| before.contains(tie));
                if same && !users_show && self.users.outcome == Outcome::Complete {
                    return self.note(format!(
                        "{what}; of {} users, a filter found the same groups",
                        readable(&answers)
                    ));
                }
                self.note(format!(
                    "{what}, so each user's groups were found by a filter"
                ));
                return self.all_by_filter(users, answers).await;
            }
        }
        if users_show && !nested {
            self.note(format!("{what}, so memberships were taken from users too"));
            self.run.coverage.borrow_mut().doubt(
                NESTED_GROUPS,
                format!("{what}, who do not show which groups are in which"),
            );
            self.walk_users().await;
            return self.taken_from_users();
        }
        self.doubt_both(&format!(
            "{what}: perhaps the server does not show all members of a group; members = \"user\" or \"filter\" may, if it offers these"
        ));
    }

    /// The list of groups shows no member at all.
    async fn elsewhere(&self, mut counts: Counts) {
        let ids: Vec<String> = counts.keys().cloned().collect();
        let first = samples(&ids);
        let answers = self.ask_groups(&first).await;
        let shown = showing(&answers);
        if shown > 0 {
            self.note(format!(
                "the list of groups shows no members, but {shown} of {} groups that were asked for by their ids do, so all were",
                first.len()
            ));
            self.taken_from_groups();
            self.rest_of_groups(&ids, first, answers, &mut counts).await;
            return self.verify(&counts).await;
        }
        if self.run.everyone.borrow().users_show_groups {
            self.note("groups show no members, but users show their groups, so memberships were taken from them".to_owned());
            self.walk_users().await;
            self.taken_from_users();
            return self.no_nested_groups();
        }
        let by_id = readable(&answers);
        let users = self.user_ids();
        let some_users = samples(&users);
        let of_users = self.ask_users(&some_users).await;
        if showing(&of_users) > 0 {
            self.note("groups show no members, but users asked for by their ids show their groups, so all were".to_owned());
            return self.rest_of_users(&users, some_users, of_users).await;
        }
        let filter = match self.filter_works().await {
            Ok(()) => {
                let answers = self.ask_filter(&some_users, Kind::User).await;
                if showing(&answers) > 0 {
                    self.note("neither groups nor users show memberships, but a filter finds the groups of a user, so all users' were asked for".to_owned());
                    return self.all_by_filter(some_users, answers).await;
                }
                format!("a filter found none for {} users", readable(&answers))
            }
            Err(why) => why,
        };
        let why = format!(
            "no group shows a member: the list of {} groups shows none, nor do {by_id} of {} that were asked for by their ids; \
             {} of {} users that were asked for show no group; {filter}. Either all groups are empty, or the credential may not see members",
            ids.len(),
            first.len(),
            readable(&of_users),
            some_users.len(),
        );
        self.taken_from_groups();
        if by_id > 0 {
            return self.doubt_both(&why);
        }
        let mut coverage = self.run.coverage.borrow_mut();
        for family in [MEMBERSHIPS, NESTED_GROUPS] {
            coverage.unreadable(family, why.clone());
        }
    }

    async fn group_by_group(&self) {
        self.note("each group was asked for its members, as the setting members says".to_owned());
        self.taken_from_groups();
        let mut counts: Counts = self.listed_counts();
        let ids: Vec<String> = counts.keys().cloned().collect();
        let first = samples(&ids);
        let answers = self.ask_groups(&first).await;
        self.rest_of_groups(&ids, first, answers, &mut counts).await;
        let most = counts.values().copied().max().unwrap_or(0);
        if most == 0 {
            self.doubt_both("no group shows a member: either all are empty, or the server shows members elsewhere; members = \"auto\" looks there");
        }
        if self.looks_cut(most) {
            self.doubt_both(&format!(
                "a group has exactly {most} members and none has more: perhaps the server shows no more; members = \"auto\" tries to find out"
            ));
        }
    }

    async fn rest_of_groups(
        &self,
        ids: &[String],
        first: Vec<String>,
        answers: Vec<Came<usize>>,
        counts: &mut Counts,
    ) {
        let (mut order, mut all) = (first, answers);
        if !self.run.brief {
            let rest = others(ids, &order);
            all.extend(self.ask_groups(&rest).await);
            order.extend(rest);
        }
        self.say_groups(&order, &all);
        learn(counts, &order, &all);
    }

    async fn user_by_user(&self) {
        self.note("memberships were taken from users, as the setting members says; a member that the list of users does not hold is not seen that way".to_owned());
        if self.run.everyone.borrow().users_show_groups {
            self.taken_from_users();
            return self.no_nested_groups();
        }
        let users = self.user_ids();
        let first = samples(&users);
        let answers = self.ask_users(&first).await;
        if showing(&answers) == 0 {
            self.doubt(format!(
                "no user shows a group: the list of users does not, nor do {} users that were asked for by their ids; members = \"auto\" looks elsewhere",
                readable(&answers)
            ));
            self.taken_from_users();
            return self.no_nested_groups();
        }
        self.rest_of_users(&users, first, answers).await;
    }

    async fn rest_of_users(&self, users: &[String], first: Vec<String>, answers: Vec<Came<usize>>) {
        let (mut order, mut all) = (first, answers);
        if !self.run.brief {
            let rest = others(users, &order);
            all.extend(self.ask_users(&rest).await);
            order.extend(rest);
        }
        say(self.run, &self.lanes, MEMBERSHIPS, order.into_iter(), &all);
        self.taken_from_users();
        self.no_nested_groups();
    }

    async fn by_filter(&self) {
        self.note(
            "each user's groups were found by a filter, as the setting members says; a member that the list of users does not hold is not seen that way".to_owned(),
        );
        if let Err(why) = self.filter_works().await {
            let mut coverage = self.run.coverage.borrow_mut();
            for family in [MEMBERSHIPS, NESTED_GROUPS] {
                coverage.unreadable(family, why.clone());
            }
            return;
        }
        let users = samples(&self.user_ids());
        let answers = self.ask_filter(&users, Kind::User).await;
        self.all_by_filter(users, answers).await;
    }

    async fn all_by_filter(&self, first: Vec<String>, answers: Vec<Came<usize>>) {
        let (mut order, mut all) = (first, answers);
        if !self.run.brief {
            let rest = others(&self.user_ids(), &order);
            all.extend(self.ask_filter(&rest, Kind::User).await);
            order.extend(rest);
        }
        if showing(&all) == 0 {
            self.doubt_both("the filter finds no group for any user: either all groups are empty, or the server does not understand it");
        }
        say(self.run, &self.lanes, MEMBERSHIPS, order.into_iter(), &all);
        self.taken_from_users();
        self.taken_from_groups();
        // Groups in groups, as far as the filter takes a group for a member.
        let groups: Vec<String> = self.listed_counts().into_keys().collect();
        let first = samples(&groups);
        let lanes = Lanes::new(self.run.slots().len());
        let ask = async |id: &str, slot| self.filtered(id, slot, Kind::Group).await;
        let mut all = ask_each(self.run, &lanes, NESTED_GROUPS, &first, ask).await;
        let mut order = first;
        if !self.run.brief {
            let rest = others(&groups, &order);
            all.extend(ask_each(self.run, &lanes, NESTED_GROUPS, &rest, ask).await);
            order.extend(rest);
        }
        if showing(&all) == 0 {
            self.run.coverage.borrow_mut().unavailable(
                NESTED_GROUPS,
                "the filter finds no group that is in another, and may find users alone".to_owned(),
            );
            return;
        }
        say(self.run, &lanes, NESTED_GROUPS, order.into_iter(), &all);
    }

    async fn ask_groups(&self, ids: &[String]) -> Vec<Came<usize>> {
        let ask = async |id: &str, slot| {
            let count = groups::members_of(self.run, id, slot).await?;
            self.served(slot);
            Ok(count)
        };
        ask_each(self.run, &self.lanes, MEMBERSHIPS, ids, ask).await
    }

    async fn ask_users(&self, ids: &[String]) -> Vec<Came<usize>> {
        let ask = async |id: &str, slot| {
            let count = users::groups_of(self.run, id, slot).await?;
            self.served(slot);
            Ok(count)
        };
        // Another question than groups: what was refused there may be answered here.
        ask_each(self.run, &self.lanes, "user-groups", ids, ask).await
    }

    async fn ask_filter(&self, ids: &[String], kind: Kind) -> Vec<Came<usize>> {
        let ask = async |id: &str, slot| {
            let count = self.filtered(id, slot, kind).await?;
            self.served(slot);
            Ok(count)
        };
        ask_each(self.run, &self.lanes, "group-filter", ids, ask).await
    }

    fn served(&self, slot: usize) {
        if self.run.client.slots().contains(&slot) {
            self.run.coverage.borrow_mut().served(MEMBERSHIPS, slot);
        }
    }

    fn say_groups(&self, ids: &[String], answers: &[Came<usize>]) {
        if readable(answers) < answers.len() {
            self.run.coverage.borrow_mut().doubt(
                NESTED_GROUPS,
                "the members of some groups could not be read".to_owned(),
            );
        }
        let names: Vec<String> = {
            let everyone = self.run.everyone.borrow();
            let name = |id: &String| {
                let listed = everyone.groups.get(id.as_str());
                listed.map_or_else(|| id.clone(), |listed| listed.name.clone())
            };
            ids.iter().map(name).collect()
        };
        say(
            self.run,
            &self.lanes,
            MEMBERSHIPS,
            names.into_iter(),
            answers,
        );
    }

    /// Reads the list of users again, for their groups.
    async fn walk_users(&self) {
        if self.run.brief {
            return;
        }
        let reading = users::read(self.run, Purpose::Groups).await;
        let mut coverage = self.run.coverage.borrow_mut();
        for slot in &reading.served {
            coverage.served(MEMBERSHIPS, *slot);
        }
        match &reading.outcome {
            Outcome::Complete => {}
            Outcome::Partial(problems) => {
                for why in problems {
                    coverage.doubt(MEMBERSHIPS, format!("reading users again: {why}"));
                }
            }
            Outcome::Unreadable => {
                let why = self.run.client.explain(&reading.misses);
                coverage.unreadable(MEMBERSHIPS, format!("reading users again: {why}"));
            }
        }
    }

    /// Whether a filter on members is one: it finds nothing for nobody.
    async fn filter_works(&self) -> Result<(), String> {
        let twins = self.run.everyone.borrow().twins();
        if twins > 0 {
            return Err(format!(
                "a filter on members can't be used: {twins} ids stand for a user and for a group"
            ));
        }
        let mut said = None;
        for slot in self.run.slots() {
            match self.find(NOBODY, slot, |_, _| {}).await {
                Ok(0) => return Ok(()),
                Ok(_) => {
                    return Err("the server ignores a filter on members: it finds groups for a member that does not exist".to_owned());
                }
                Err(miss) => {
                    said.get_or_insert(format!("a filter on members can't be used: {miss}"));
                }
            }
        }
        Err(said.unwrap_or_default())
    }

    /// The groups that a filter finds for a member.
    async fn filtered(&self, member: &str, slot: usize, kind: Kind) -> Result<usize, Miss> {
        self.find(member, slot, |group, read_at| {
            members::found(self.run, kind, member, group, read_at);
            if kind == Kind::User {
                let tie = (member.to_owned(), group.as_str().to_owned());
                if self.run.everyone.borrow().is_watched(member) {
                    self.hits.borrow_mut().insert(tie);
                }
            }
        })
        .await
    }

    async fn find(
        &self,
        member: &str,
        slot: usize,
        take: impl Fn(&Id, Option<u64>),
    ) -> Result<usize, Miss> {
        let quoted = serde_json::Value::from(member);
        let mut list = self
            .run
            .list(&self.run.discovery.groups, groups::SHAPE, MEMBERSHIPS);
        list.filter = Some(format!("members.value eq {quoted}"));
        list.wish = Some(groups::WITHOUT_MEMBERS);
        list.slots = self.run.client.slots().filter(|one| *one == slot).collect();
        list.depth = Depth::Short(self.run.groups_page.get());
        list.watched = None;
        let mut reading = list::read(&list, || Found {
            take: &take,
            read_at: None,
        })
        .await;
        match reading.outcome {
            Outcome::Complete => {}
            Outcome::Partial(problems) => {
                for why in problems {
                    self.doubt(format!("the groups of {member}: {why}"));
                }
            }
            Outcome::Unreadable => {
                let miss = reading.misses.pop().map(|(_, miss)| miss);
                return Err(miss.unwrap_or_else(|| Miss::Failed("nothing was answered".to_owned())));
            }
        }
        Ok(reading.count)
    }
}

struct Found<'t, T> {
    take: &'t T,
    read_at: Option<u64>,
}

impl<T: Fn(&Id, Option<u64>)> Rows for Found<'_, T> {
    fn anew(&mut self, read_at: Option<u64>) {
        self.read_at = read_at;
    }

    fn row(&mut self, id: &Id, _row: &Attributes<'_>) {
        (self.take)(id, self.read_at);
    }
}
