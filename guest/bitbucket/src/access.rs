//! Projects and repositories, and who was given access to them: nearly all requests of a run.
//!
//! One loop keeps requests under way all the time: the lists of the first repositories are asked for while
//! further pages of repositories are still to come, and a page is only asked for when the lists run short,
//! so that what waits here stays small however many repositories there are.
//!
//! What is emitted does not depend on the order of answers. An object that a credential was refused for is
//! asked for with the other one only when everything else is done, in the order of the lists: which
//! objects a credential is asked for until it is given up (see [`portcullis_kit::lanes`]) is decided by
//! that order alone.

use crate::deploy_keys::{self, DeployKey};
use crate::family;
use crate::grants::{self, GroupGrant, UserGrant};
use crate::group_privileges::{SAMPLES, Table};
use crate::projects::{self, Project};
use crate::repositories::{self, Home, Repository};
use crate::run::{PAGE_BYTES, Run};
use crate::settings::Names;
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use portcullis_kit::bindings::portcullis::connector::output::{
    CoverageStatus, Item, Key, Level, RelationKind,
};
use portcullis_kit::client::Miss;
use portcullis_kit::coverage::row;
use portcullis_kit::id::Id;
use portcullis_kit::item::{entity, identity, relation, resource};
use portcullis_kit::lanes::Lanes;
use portcullis_kit::pager::{Listed, Pager};
use portcullis_kit::reading::{Outcome, Reading};
use portcullis_kit::sink::{At, Sink};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::rc::Rc;

/// The identity that stands for everyone on the internet.
const ANYONE: &str = "anyone";

/// A project or a repository.
struct Object {
    what: What,
    uuid: Id,
    /// The key or slug.
    name: String,
    /// What its owner calls it.
    label: String,
    path: String,
    order: usize,
    users: Cell<UserList>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Project,
    Repository,
}

/// How far an object's list of users is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UserList {
    Pending,
    Read,
    Unread,
    NotAsked,
}

/// One of an object's lists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum List {
    Users,
    Groups,
    Keys,
}

fn family_of(what: What, list: List) -> &'static str {
    match (what, list) {
        (What::Project, List::Users) => family::PROJECT_USER_GRANTS,
        (What::Project, List::Groups) => family::PROJECT_GROUP_GRANTS,
        (What::Project, List::Keys) => family::PROJECT_DEPLOY_KEYS,
        (What::Repository, List::Users) => family::REPOSITORY_USER_GRANTS,
        (What::Repository, List::Groups) => family::REPOSITORY_GROUP_GRANTS,
        (What::Repository, List::Keys) => family::REPOSITORY_DEPLOY_KEYS,
    }
}

/// A list to be read.
struct Job {
    object: Rc<Object>,
    list: List,
    /// Of a sample, all credentials are asked at once: everything else waits for what it says.
    sample: bool,
    misses: Vec<(usize, Miss)>,
}

impl Job {
    fn new(object: &Rc<Object>, list: List) -> Self {
        Self {
            object: Rc::clone(object),
            list,
            sample: false,
            misses: Vec::new(),
        }
    }

    fn family(&self) -> &'static str {
        family_of(self.object.what, self.list)
    }
}

/// What a list held.
enum Found {
    Users(Vec<UserGrant>),
    Groups(Vec<GroupGrant>),
    Keys(Vec<DeployKey>),
}

/// What came of a job.
enum Answer {
    Read(Found, Reading),
    /// Refused; another credential may be asked later.
    Later,
    /// Nobody may read it: see the job's misses.
    Unread,
    /// No credential was left to ask.
    NotAsked,
}

enum Event<'a> {
    Projects(Pager<'a>, Option<Vec<Project>>),
    Repositories(Pager<'a>, Option<Vec<Repository>>),
    Table(Result<Table, String>),
    Job(Job, Answer),
}

/// A list of objects while it is read.
#[derive(Default)]
struct Inventory {
    listed: usize,
    selected: usize,
    /// Those that the settings name, and that were seen.
    found: BTreeSet<String>,
    reading: Option<Reading>,
}

/// Where repositories' group grants come from.
enum GroupSource {
    /// One answer for all is asked for, or is being compared.
    Undecided(Option<Table>),
    /// Each repository's own list.
    Lists,
    /// The one answer.
    Table(Table),
}

/// Repositories whose group grants wait for a decision.
struct GroupGrants {
    source: GroupSource,
    waiting: Vec<Rc<Object>>,
    samples: Vec<(Job, Answer)>,
    samples_due: usize,
}

struct Access<'a> {
    run: &'a Run<'a>,
    lanes: &'a Lanes,
    running: FuturesUnordered<LocalBoxFuture<'a, Event<'a>>>,
    jobs_running: usize,
    most_jobs: usize,
    queue: VecDeque<Job>,
    later: Vec<Job>,
    next_projects: Option<Pager<'a>>,
    next_repositories: Option<Pager<'a>>,
    projects: Inventory,
    repositories: Inventory,
    orders: usize,
    /// Projects that wait until it is known which of them hold a wanted repository, and when they were read.
    held: Vec<(Project, Option<u64>)>,
    inhabited: HashSet<String>,
    listed_projects: HashSet<String>,
    homes: BTreeMap<String, Home>,
    groups: GroupGrants,
    anyone: bool,
    repositories_done: u64,
    repositories_total: Option<u64>,
}

/// Reads projects and repositories with everything that was given on them.
pub(crate) async fn read(run: &Run<'_>) {
    let lanes = Lanes::new(run.client.slots().len());
    let slug = &run.workspace.slug;
    let pager =
        |path: String| Pager::new(run.client, path, run.client.slots().collect(), PAGE_BYTES);
    let mut access = Access {
        run,
        lanes: &lanes,
        running: FuturesUnordered::new(),
        jobs_running: 0,
        // Twice what the host lets through, so that it always has one to send when an answer came.
        most_jobs: run
            .settings
            .in_flight
            .saturating_add(run.settings.in_flight.div_ceil(4)),
        queue: VecDeque::new(),
        later: Vec::new(),
        next_projects: Some(pager(format!("{}?pagelen=100", projects::path(slug)))),
        next_repositories: Some(pager(format!(
            "{}?{}",
            repositories::path(slug),
            repositories::QUERY
        ))),
        projects: Inventory::default(),
        repositories: Inventory::default(),
        orders: 0,
        held: Vec::new(),
        inhabited: HashSet::new(),
        listed_projects: HashSet::new(),
        homes: BTreeMap::new(),
        groups: GroupGrants {
            source: GroupSource::Undecided(None),
            waiting: Vec::new(),
            samples: Vec::new(),
            samples_due: 0,
        },
        anyone: false,
        repositories_done: 0,
        repositories_total: None,
    };
    access.running.push(Box::pin(
        async move { Event::Table(Table::read(run).await) },
    ));
    access.start();
    while let Some(event) = access.running.next().await {
        match event {
            Event::Projects(pager, page) => access.project_page(pager, page),
            Event::Repositories(pager, page) => access.repository_page(pager, page),
            Event::Table(table) => access.table_came(table),
            Event::Job(job, answer) => {
                access.jobs_running = access.jobs_running.saturating_sub(1);
                access.job_done(job, answer);
            }
        }
        access.start();
    }
    access.finish();
}

impl<'a> Access<'a> {
    /// Starts what may be started.
    fn start(&mut self) {
        if self.queue.len() < self.most_jobs {
            if let Some(mut pager) = self.next_projects.take() {
                self.running.push(Box::pin(async move {
                    let page = pager.next().await;
                    Event::Projects(pager, page)
                }));
            }
            if let Some(mut pager) = self.next_repositories.take() {
                self.running.push(Box::pin(async move {
                    let page = pager.next().await;
                    Event::Repositories(pager, page)
                }));
            }
        }
        if self.queue.is_empty() && self.running.is_empty() {
            self.later.sort_by_key(|job| {
                (
                    job.object.what == What::Repository,
                    job.object.order,
                    job.list,
                )
            });
            self.queue.extend(self.later.drain(..));
        }
        while self.jobs_running < self.most_jobs {
            let Some(job) = self.queue.pop_front() else {
                return;
            };
            let (run, lanes) = (self.run, self.lanes);
            self.jobs_running = self.jobs_running.saturating_add(1);
            self.running.push(Box::pin(async move {
                let (job, answer) = ask(run, lanes, job).await;
                Event::Job(job, answer)
            }));
        }
    }

    fn project_page(&mut self, pager: Pager<'a>, page: Option<Vec<Project>>) {
        let Some(page) = page else {
            self.projects.reading = Some(pager.finish());
            return self.release_held();
        };
        let read_at = pager.read_at();
        self.next_projects = Some(pager);
        for project in page {
            self.projects.listed = self.projects.listed.saturating_add(1);
            let key = project.key.as_str().to_lowercase();
            if !self.run.settings.projects.want(&key) {
                continue;
            }
            self.projects.found.insert(key);
            if self.run.settings.repositories.is_empty() {
                self.take_project(&project, read_at);
            } else {
                self.held.push((project, read_at));
            }
        }
    }

    /// Where the settings name repositories, only those projects are read that hold one of them.
    fn release_held(&mut self) {
        if self.projects.reading.is_none() || self.repositories.reading.is_none() {
            return;
        }
        for (project, read_at) in std::mem::take(&mut self.held) {
            if self.inhabited.contains(project.uuid.as_str()) {
                self.take_project(&project, read_at);
            }
        }
    }

    fn take_project(&mut self, project: &Project, read_at: Option<u64>) {
        let (sink, workspace) = (At::new(self.run.sink, read_at), self.run.workspace);
        self.projects.selected = self.projects.selected.saturating_add(1);
        self.listed_projects
            .insert(project.uuid.as_str().to_owned());
        self.homes.remove(project.uuid.as_str());
        sink.emit(project.item());
        self.contains(&sink, workspace.key(), resource(project.uuid.as_str()));
        let key = project.key.as_str();
        let label = format!("{}/{key}", workspace.slug);
        let path = projects::path_of(&workspace.slug, key);
        let object = self.object(What::Project, &project.uuid, key, label, path);
        self.queue.push_back(Job::new(&object, List::Users));
        self.queue.push_back(Job::new(&object, List::Groups));
        self.ask_for_keys(&object);
    }

    fn repository_page(&mut self, pager: Pager<'a>, page: Option<Vec<Repository>>) {
        let Some(page) = page else {
            self.repositories.reading = Some(pager.finish());
            self.release_held();
            return self.choose_samples();
        };
        let settings = self.run.settings;
        if settings.projects.is_empty() && settings.repositories.is_empty() {
            self.repositories_total = pager.size().and_then(|size| u64::try_from(size).ok());
        }
        let read_at = pager.read_at();
        self.next_repositories = Some(pager);
        for repository in page {
            self.repositories.listed = self.repositories.listed.saturating_add(1);
            let slug = repository.slug().to_lowercase();
            let wanted = settings.repositories.want(&slug);
            if wanted {
                self.repositories.found.insert(slug);
            }
            let key = repository
                .project
                .as_ref()
                .and_then(|home| home.key.as_deref());
            let in_wanted_project = settings.projects.is_empty()
                || key.is_some_and(|key| settings.projects.want(&key.to_lowercase()));
            if wanted && in_wanted_project {
                self.take_repository(repository, read_at);
            }
        }
        self.choose_samples();
    }

    fn take_repository(&mut self, repository: Repository, read_at: Option<u64>) {
        let (sink, workspace) = (At::new(self.run.sink, read_at), self.run.workspace);
        self.repositories.selected = self.repositories.selected.saturating_add(1);
        sink.emit(repository.item(&workspace.slug));
        match &repository.project {
            Some(home) => {
                self.contains(&sink, resource(home.uuid.as_str()), repository.key());
                self.inhabited.insert(home.uuid.as_str().to_owned());
                if !self.listed_projects.contains(home.uuid.as_str()) {
                    let known = self
                        .homes
                        .entry(home.uuid.as_str().to_owned())
                        .or_insert_with(|| home.clone());
                    if home < known {
                        home.clone_into(known);
                    }
                }
            }
            None => self.contains(&sink, workspace.key(), repository.key()),
        }
        if repository.is_public() {
            self.anyone = true;
            sink.emit(relation(
                RelationKind::PublicGrant,
                identity(ANYONE),
                repository.key(),
                "read",
                Some(Level::Read),
                &workspace.slug,
            ));
        }
        let slug = repository.slug();
        let path = repositories::path_of(&workspace.slug, slug);
        let object = self.object(
            What::Repository,
            &repository.uuid,
            slug,
            repository.label(&workspace.slug),
            path,
        );
        self.queue.push_back(Job::new(&object, List::Users));
        if matches!(self.groups.source, GroupSource::Lists) {
            self.queue.push_back(Job::new(&object, List::Groups));
        } else if !matches!(self.groups.source, GroupSource::Table(_)) {
            self.groups.waiting.push(Rc::clone(&object));
        }
        self.ask_for_keys(&object);
    }

    fn object(
        &mut self,
        what: What,
        uuid: &Id,
        name: &str,
        label: String,
        path: String,
    ) -> Rc<Object> {
        self.orders = self.orders.saturating_add(1);
        Rc::new(Object {
            what,
            uuid: uuid.clone(),
            name: name.to_owned(),
            label,
            path,
            order: self.orders,
            users: Cell::new(UserList::Pending),
        })
    }

    fn ask_for_keys(&mut self, object: &Rc<Object>) {
        if self.run.settings.deploy_keys {
            self.queue.push_back(Job::new(object, List::Keys));
        }
    }

    fn contains(&self, sink: &dyn Sink, parent: Key, child: Key) {
        let slug = &self.run.workspace.slug;
        // The API's mistake, not a reason to lose the run.
        if parent.source_id == child.source_id {
            sink.emit(Item::Warning(format!(
                "{} is the uuid of two objects of which one lies in the other; that it does was left out",
                child.source_id
            )));
            return;
        }
        sink.emit(relation(
            RelationKind::Containment,
            parent,
            child,
            "contains",
            None,
            slug,
        ));
    }

    fn job_done(&mut self, job: Job, answer: Answer) {
        if matches!(answer, Answer::Later) {
            return self.later.push(job);
        }
        if job.sample {
            self.groups.samples.push((job, answer));
            self.groups.samples_due = self.groups.samples_due.saturating_sub(1);
            if self.groups.samples_due == 0 {
                self.compare_samples();
            }
            return;
        }
        self.take_list(job, answer);
    }

    fn take_list(&mut self, job: Job, answer: Answer) {
        let users = match answer {
            Answer::Read(found, reading) => {
                self.list_was_read(&job, &reading);
                let uuid = &job.object.uuid;
                self.run.at(reading.read_at, |run| match found {
                    Found::Users(grants) => grants::take_users(run, uuid, grants),
                    Found::Groups(grants) => {
                        let take = |grant| grants::take_group(run, uuid, grant);
                        grants.iter().for_each(take);
                    }
                    Found::Keys(keys) => deploy_keys::take(run, uuid, &keys),
                });
                UserList::Read
            }
            Answer::NotAsked => {
                self.not_asked(job.object.what, job.list);
                UserList::NotAsked
            }
            Answer::Unread | Answer::Later => {
                self.unread(&job.object, job.list, self.run.client.explain(&job.misses));
                UserList::Unread
            }
        };
        if job.list == List::Users {
            job.object.users.set(users);
            self.groups_by_table(&job.object);
            if job.object.what == What::Repository {
                self.repositories_done = self.repositories_done.saturating_add(1);
                self.run.sink.progress(
                    "repositories",
                    self.repositories_done,
                    self.repositories_total,
                );
            }
        }
    }

    fn list_was_read(&self, job: &Job, reading: &Reading) {
        let mut coverage = self.run.coverage.borrow_mut();
        let (family, client) = (job.family(), self.run.client);
        reading
            .served
            .iter()
            .for_each(|slot| coverage.served(family, *slot));
        let Outcome::Partial(problems) = &reading.outcome else {
            return coverage.object_read(family);
        };
        coverage.object_partial(family);
        let slot = reading
            .served
            .first()
            .map(|slot| client.slot_name(*slot).to_owned());
        let (label, why) = (&job.object.label, problems.join("; "));
        self.run.sink.emit(row(
            family,
            Some(label),
            CoverageStatus::Partial,
            Some(why),
            slot,
        ));
    }

    fn unread(&self, object: &Object, list: List, why: String) {
        let family = family_of(object.what, list);
        self.run.coverage.borrow_mut().object_unread(family);
        self.run.sink.emit(row(
            family,
            Some(&object.label),
            CoverageStatus::Unreadable,
            Some(why),
            None,
        ));
    }

    fn not_asked(&self, what: What, list: List) {
        let family = family_of(what, list);
        let client = self.run.client;
        let why: Vec<String> = client
            .slots()
            .filter_map(|slot| {
                Some(format!(
                    "{}: {}",
                    client.slot_name(slot),
                    self.lanes.why_given_up(family, slot)?
                ))
            })
            .collect();
        self.run
            .coverage
            .borrow_mut()
            .object_not_asked(family, why.join("; "));
    }

    /// One answer for all repositories came, or didn't.
    fn table_came(&mut self, table: Result<Table, String>) {
        match table {
            Ok(table) => {
                self.groups.source = GroupSource::Undecided(Some(table));
                self.choose_samples();
            }
            Err(why) => {
                let why = format!(
                    "each repository was asked for its own list, since the one answer for all can't be had: {why}"
                );
                self.run
                    .coverage
                    .borrow_mut()
                    .note(family::REPOSITORY_GROUP_GRANTS, why);
                self.use_lists();
            }
        }
    }

    /// Asks a few repositories for their own lists, some that have group grants by the one answer and some
    /// that have none: it may lie by leaving out, too.
    fn choose_samples(&mut self) {
        let GroupSource::Undecided(Some(table)) = &self.groups.source else {
            return;
        };
        let all_listed = self.repositories.reading.is_some();
        let chosen_already = self.groups.samples_due > 0 || !self.groups.samples.is_empty();
        if chosen_already || (self.groups.waiting.len() < SAMPLES && !all_listed) {
            return;
        }
        if self.groups.waiting.is_empty() {
            return self.use_lists();
        }
        let (with, without): (Vec<_>, Vec<_>) = self
            .groups
            .waiting
            .iter()
            .partition(|object| table.knows(&object.name));
        let most_with = SAMPLES.saturating_sub(without.len().min(2));
        let mut samples: Vec<&Rc<Object>> = with.into_iter().take(most_with).collect();
        samples.extend(
            without
                .into_iter()
                .take(SAMPLES.saturating_sub(samples.len())),
        );
        self.groups.samples_due = samples.len();
        for object in samples.into_iter().rev() {
            self.queue.push_front(Job {
                sample: true,
                ..Job::new(object, List::Groups)
            });
        }
    }

    fn compare_samples(&mut self) {
        let GroupSource::Undecided(Some(table)) = &self.groups.source else {
            return;
        };
        let mut compared = 0_usize;
        let mut differing = BTreeSet::new();
        for (job, answer) in &self.groups.samples {
            let Answer::Read(Found::Groups(own), reading) = answer else {
                continue;
            };
            if reading.outcome != Outcome::Complete {
                continue;
            }
            compared = compared.saturating_add(1);
            if !table.agrees(&job.object.name, own) {
                differing.insert(job.object.label.clone());
            }
        }
        if compared > 0 && differing.is_empty() {
            return self.use_table();
        }
        let why = if compared == 0 {
            "no repository's own list of group grants could be compared with the one answer for all"
                .to_owned()
        } else {
            let names: Vec<String> = differing.into_iter().collect();
            let why = format!(
                "Bitbucket's one answer for all group grants (1.0) differs from the own lists of {}",
                names.join(", ")
            );
            self.run.sink.emit(Item::Warning(format!(
                "{why}; each repository was asked for its own list."
            )));
            why
        };
        self.run
            .coverage
            .borrow_mut()
            .note(family::REPOSITORY_GROUP_GRANTS, why);
        self.use_lists();
    }

    fn use_lists(&mut self) {
        self.groups.source = GroupSource::Lists;
        let samples = std::mem::take(&mut self.groups.samples);
        let sampled: HashSet<usize> = samples.iter().map(|(job, _)| job.object.order).collect();
        for object in std::mem::take(&mut self.groups.waiting) {
            if !sampled.contains(&object.order) {
                self.queue.push_back(Job::new(&object, List::Groups));
            }
        }
        for (job, answer) in samples {
            self.take_list(job, answer);
        }
    }

    fn use_table(&mut self) {
        let GroupSource::Undecided(Some(table)) = &mut self.groups.source else {
            return;
        };
        let table = std::mem::take(table);
        {
            let mut coverage = self.run.coverage.borrow_mut();
            table
                .served
                .iter()
                .for_each(|slot| coverage.served(family::REPOSITORY_GROUP_GRANTS, *slot));
        }
        self.groups.source = GroupSource::Table(table);
        self.groups.samples.clear();
        for object in std::mem::take(&mut self.groups.waiting) {
            self.groups_by_table(&object);
        }
    }

    /// Emits a repository's group grants from the one answer, once its list of users is there. Where that is
    /// refused, the group grants are unknown too: the one answer then can't be told from one that leaves out
    /// what the credential may not see.
    fn groups_by_table(&self, object: &Object) {
        let GroupSource::Table(table) = &self.groups.source else {
            return;
        };
        if object.what != What::Repository {
            return;
        }
        match object.users.get() {
            UserList::Pending => {}
            UserList::Read => {
                table.give(self.run, &object.name, &object.uuid);
                self.run
                    .coverage
                    .borrow_mut()
                    .object_read(family::REPOSITORY_GROUP_GRANTS);
            }
            UserList::Unread => {
                let why = "its list of users can't be read, so what groups may do is unknown too"
                    .to_owned();
                self.unread(object, List::Groups, why);
            }
            UserList::NotAsked => self.run.coverage.borrow_mut().object_not_asked(
                family::REPOSITORY_GROUP_GRANTS,
                "their lists of users can't be read, so what groups may do is unknown too"
                    .to_owned(),
            ),
        }
    }

    /// Says what is to be said when everything was read.
    fn finish(self) {
        let (run, workspace) = (self.run, self.run.workspace);
        for home in self.homes.values() {
            run.sink.emit(home.dangling());
            self.contains(run.sink, workspace.key(), resource(home.uuid.as_str()));
        }
        if self.anyone {
            run.sink
                .emit(entity(identity(ANYONE), "anonymous", "Anyone").item());
        }
        let settings = run.settings;
        let what = [
            (
                What::Project,
                family::PROJECTS,
                "projects",
                &self.projects,
                &settings.projects,
            ),
            (
                What::Repository,
                family::REPOSITORIES,
                "repositories",
                &self.repositories,
                &settings.repositories,
            ),
        ];
        for (what, family, word, inventory, named) in what {
            let Some(reading) = &inventory.reading else {
                continue;
            };
            run.list_was_read(family, reading);
            self.say_selection(family, word, inventory, named);
            let lists = [List::Users, List::Groups, List::Keys].map(|list| family_of(what, list));
            let mut coverage = run.coverage.borrow_mut();
            for list in lists
                .into_iter()
                .take(if settings.deploy_keys { 3 } else { 2 })
            {
                match reading.outcome {
                    Outcome::Complete => {}
                    Outcome::Partial(_) => {
                        coverage.doubt(list, format!("perhaps not all {word} were listed"))
                    }
                    Outcome::Unreadable => {
                        coverage.unreadable(list, format!("the {word} can't be listed"))
                    }
                }
            }
            if !settings.deploy_keys {
                coverage.left_out(
                    family_of(what, List::Keys),
                    "the setting deploy_keys is false".to_owned(),
                );
            }
        }
        self.say_nothing_visible();
    }

    fn say_selection(
        &self,
        family: &'static str,
        word: &str,
        inventory: &Inventory,
        named: &Names,
    ) {
        let mut coverage = self.run.coverage.borrow_mut();
        let left_out = inventory.listed.saturating_sub(inventory.selected);
        if left_out > 0 {
            let all = inventory.listed;
            coverage.left_out(
                family,
                format!(
                    "the settings projects and repositories leave out {left_out} of {all} {word}"
                ),
            );
        }
        for name in named.missing(&inventory.found) {
            let why = format!(
                "the setting {word} names it, but the list that the credentials see does not hold it"
            );
            coverage.doubt(family, format!("\"{name}\" was not found"));
            self.run.sink.emit(row(
                family,
                Some(name),
                CoverageStatus::Unreadable,
                Some(why),
                None,
            ));
        }
    }

    /// A credential that sees nothing gets an empty list, not a refusal.
    fn say_nothing_visible(&self) {
        let empty = |inventory: &Inventory| {
            inventory.listed == 0
                && inventory
                    .reading
                    .as_ref()
                    .is_some_and(|reading| reading.outcome != Outcome::Unreadable)
        };
        if !empty(&self.projects) || !empty(&self.repositories) {
            return;
        }
        let why = "the credentials see no project and no repository of the workspace: it is empty, or they were given no \
                   access to any";
        let mut coverage = self.run.coverage.borrow_mut();
        for family in family::ALL {
            if !matches!(family, family::WORKSPACE | family::MEMBERS | family::GROUPS) {
                coverage.doubt(family, why.to_owned());
            }
        }
    }
}

async fn ask(run: &Run<'_>, lanes: &Lanes, mut job: Job) -> (Job, Answer) {
    let family = job.family();
    loop {
        let tried: Vec<usize> = job.misses.iter().map(|(slot, _)| *slot).collect();
        let Some(pass) = lanes.enter(family, &tried).await else {
            break;
        };
        let slots = pass.slots();
        let object = &job.object;
        let (slot, read) = match job.list {
            List::Users => {
                let path = "/permissions-config/users";
                read_list(run, object, path, slots, Found::Users).await
            }
            List::Groups => {
                let path = "/permissions-config/groups";
                read_list(run, object, path, slots, Found::Groups).await
            }
            List::Keys => read_list(run, object, "/deploy-keys", slots, Found::Keys).await,
        };
        lanes.settle(family, &pass, slot, read.as_ref().map(|_| ()));
        let miss = match read {
            Ok((found, reading)) => return (job, Answer::Read(found, reading)),
            Err(miss) => miss,
        };
        // One that was not asked for was not tried: the journal answered with it.
        let slot = Some(slot).filter(|slot| pass.slots().contains(slot));
        let slot = slot.unwrap_or(pass.slots()[0]);
        let go_on = miss.another_slot_may_help();
        job.misses.push((slot, miss));
        if !go_on {
            return (job, Answer::Unread);
        }
        if !job.sample && job.misses.len() < run.client.slots().len() {
            return (job, Answer::Later);
        }
    }
    let answer = if job.misses.is_empty() {
        Answer::NotAsked
    } else {
        Answer::Unread
    };
    (job, answer)
}

async fn read_list<T: Listed>(
    run: &Run<'_>,
    object: &Object,
    list: &str,
    slots: Vec<usize>,
    found: impl Fn(Vec<T>) -> Found,
) -> (usize, Result<(Found, Reading), Miss>) {
    let first = slots.first().copied().unwrap_or_default();
    let path = format!("{}{list}?pagelen=100", object.path);
    let mut pager = Pager::with_any(run.client, path, slots, PAGE_BYTES);
    let mut all = Vec::new();
    while let Some(page) = pager.next::<T>().await {
        all.extend(page);
    }
    let mut reading = pager.finish();
    if reading.outcome == Outcome::Unreadable {
        let nothing = || (first, Miss::Failed("nothing was answered".to_owned()));
        let (slot, miss) = reading.misses.pop().unwrap_or_else(nothing);
        return (slot, Err(miss));
    }
    let slot = reading.served.first().copied().unwrap_or(first);
    if moved_away(object, &reading.path) {
        let path = &reading.path;
        return (
            slot,
            Err(Miss::Failed(format!("it has moved away, to {path}"))),
        );
    }
    (slot, Ok((found(all), reading)))
}

/// Whether a redirect led to another workspace. A renamed repository redirects within its own, perhaps by
/// uuid; one that was given away has other groups and members, which must not be taken for this one's.
fn moved_away(object: &Object, path: &str) -> bool {
    let workspace = |path: &str| {
        path.split('/')
            .take(4)
            .map(str::to_lowercase)
            .collect::<Vec<_>>()
    };
    workspace(path) != workspace(&object.path)
}
