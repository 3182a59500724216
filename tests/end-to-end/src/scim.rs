//! The SCIM connector against the fake SCIM server, and how its runs are judged.

use crate::inside::{JumpingClock, machine_at};
use crate::{Connection, Connector, Ended, exported, inside};
use fake_api::{EntityRow, RelationRow, Truth};
use fake_scim::{Behaviour, Config, Deviation, Member, Server, Shape, Visibility, World};
use std::collections::BTreeSet;

/// A fake SCIM server and a connection to it.
pub struct ScimCase {
    /// The fake.
    pub server: Server,
    /// A connection to it with its credential, that asks for 15 rows at once.
    pub connection: Connection,
    /// What it shows.
    visibility: Visibility,
}

impl ScimCase {
    /// Starts a fake over a world.
    ///
    /// # Panics
    /// Where no port is free.
    pub async fn start(world: World, config: Config) -> Self {
        let (token, account) = (config.bearer.clone(), config.basic.clone());
        // Without lists of roles and entitlements nobody knows of those that no user has.
        let listed = config.behaviour.right_lists;
        let visibility = Visibility {
            roles: listed,
            entitlements: listed,
            ..Visibility::default()
        };
        let server = Server::start(world, config).await.expect("a free port");
        let mut connection = Connection::of(Connector::SCIM, server.base());
        connection.token = token;
        connection.account = account;
        // Small, so that lists have several pages.
        let connection = connection.settings("page_size = 15");
        Self {
            server,
            connection,
            visibility,
        }
    }

    /// Starts a fake that differs from the RFCs in these ways.
    ///
    /// # Panics
    /// Where a deviation is not known, or no port is free.
    pub async fn deviating<S: AsRef<str>>(seed: u64, deviations: &[S]) -> Self {
        let (mut shape, mut behaviour) = (Shape::default(), Behaviour::default());
        for name in deviations {
            let name = name.as_ref();
            Deviation::named(name)
                .unwrap_or_else(|| panic!("no deviation is called {name}"))
                .apply(&mut shape, &mut behaviour);
        }
        let config = Config {
            behaviour,
            ..Config::default()
        };
        Self::start(World::generate(seed, &shape), config).await
    }

    /// Runs the connector in this process, where nobody waits for what is to be tried again later.
    pub async fn run(&self, binary: &str) -> Ended {
        let machine = machine_at(binary, &JumpingClock::default());
        let ended = inside::run(&machine, &self.connection).await;
        ended.search_for_secrets(&self.connection.secrets());
        self.expect_no_strays();
        ended
    }

    /// Nothing was asked but `GET` below the prefix.
    ///
    /// # Panics
    /// Where something was.
    #[track_caller]
    pub fn expect_no_strays(&self) {
        let requests = self.server.requests();
        assert_eq!(requests.elsewhere(), Vec::<String>::new());
        assert!(requests.0.iter().all(|seen| seen.method == "GET"));
    }

    /// Everything that it shows.
    pub fn truth(&self) -> Truth {
        self.server.world().truth(&self.visibility)
    }

    /// What is wrong with a run that may have missed something: it must have said what, and have made nothing up.
    pub fn complaints(&self, ended: &Ended) -> Vec<String> {
        let mut complaints = Vec::new();
        if !matches!(ended.code, 0 | 3) {
            return vec![format!("exit code {}: {}", ended.code, ended.printed())];
        }
        let told = Told::of(ended);
        let truth = self.truth();
        let (entities, relations) = (ended.entities(), ended.relations());
        self.entities(&told, &entities, &exported(truth.entities), &mut complaints);
        for missing in truth.relations.difference(&relations) {
            if !self.is_gone(&missing.parent_id) && !told.relation(missing, self.server.world()) {
                complaints.push(format!("missing without a word: {missing:?}"));
            }
        }
        for invented in relations.difference(&truth.relations) {
            if !(told.says("memberships", "through another group") && self.is_nested(invented)) {
                complaints.push(format!("invented: {invented:?}"));
            }
        }
        if told.is_partial() != (ended.code == 3) {
            complaints.push(format!(
                "exit code {} with {:?}",
                ended.code, told.incomplete
            ));
        }
        complaints
    }

    /// Whether a user is in a group by way of another.
    fn is_nested(&self, relation: &RelationRow) -> bool {
        let world = self.server.world();
        let (mut users, mut groups) = (world.users.iter(), world.groups.iter());
        let user = users.position(|user| user.id == relation.parent_id);
        let group = groups.position(|group| fake_scim::group_key(&group.id) == relation.entity_id);
        match (user, group) {
            (Some(user), Some(group)) => world.holds(group, user),
            _ => false,
        }
    }

    /// Whether this is the id of a user whom no list has. Where memberships come from users nothing tells of it.
    fn is_gone(&self, id: &str) -> bool {
        let groups = self.server.world().groups.iter();
        let mut members = groups.flat_map(|group| &group.members);
        members.any(|member| *member == Member::Gone(id.to_owned()))
    }

    fn entities(
        &self,
        told: &Told,
        found: &BTreeSet<EntityRow>,
        truth: &BTreeSet<EntityRow>,
        complaints: &mut Vec<String>,
    ) {
        let find = |rows: &BTreeSet<EntityRow>, row: &EntityRow| {
            let same = |other: &&EntityRow| {
                (&other.entity_type, &other.source_id) == (&row.entity_type, &row.source_id)
            };
            rows.iter().find(same).cloned()
        };
        for missing in truth.difference(found) {
            match find(found, missing) {
                // Known by a relation alone, where its list could not be read whole, and so perhaps without a name.
                Some(other)
                    if other.dangling && (missing.dangling || told.family(family_of(missing))) => {}
                Some(other) => complaints.push(format!("{other:?} for {missing:?}")),
                None if told.family(family_of(missing)) => {}
                None if self.is_gone(&missing.source_id) => {}
                None => complaints.push(format!("missing without a word: {missing:?}")),
            }
        }
        for invented in found.difference(truth) {
            if find(truth, invented).is_none() {
                complaints.push(format!("invented: {invented:?}"));
            }
        }
    }
}

fn family_of(entity: &EntityRow) -> &'static str {
    match &*entity.source_type {
        "user" => "users",
        "group" => "groups",
        "role" => "roles",
        _ => "entitlements",
    }
}

/// What the coverage says is not complete, and why what is.
struct Told {
    incomplete: Vec<(String, Option<String>, String)>,
    reasons: Vec<(String, String)>,
}

impl Told {
    fn of(ended: &Ended) -> Self {
        let (mut incomplete, mut reasons) = (Vec::new(), Vec::new());
        for (family, scope, status, reason) in ended.coverage() {
            reasons.push((family.clone(), reason));
            if status != "complete" {
                incomplete.push((family, scope, status));
            }
        }
        Self {
            incomplete,
            reasons,
        }
    }

    /// Whether the coverage of a family says this.
    fn says(&self, wanted: &str, words: &str) -> bool {
        let mut reasons = self.reasons.iter();
        reasons.any(|(family, reason)| family == wanted && reason.contains(words))
    }

    /// Whether the run should count as partial.
    fn is_partial(&self) -> bool {
        let alone = ["unavailable", "left-out"];
        self.incomplete
            .iter()
            .any(|(.., status)| !alone.contains(&status.as_str()))
    }

    /// Of the whole family.
    fn family(&self, wanted: &str) -> bool {
        let mut rows = self.incomplete.iter();
        rows.any(|(family, scope, _)| family == wanted && scope.is_none())
    }

    fn relation(&self, missing: &RelationRow, world: &World) -> bool {
        if let Some(kind) = missing.entity_id.split_once('/').map(|(kind, _)| kind)
            && kind != "group"
        {
            let family = if kind == "role" {
                "roles"
            } else {
                "entitlements"
            };
            return self.family(family) || self.family("users");
        }
        let family = match &*missing.parent_type {
            "identity" => "memberships",
            _ => "nested-groups",
        };
        let group = world
            .groups
            .iter()
            .find(|group| fake_scim::group_key(&group.id) == missing.entity_id);
        let named = |scope: &String| {
            group.is_some_and(|group| {
                scope.contains(&group.display_name) || scope.contains(&group.id)
            })
        };
        self.family(family)
            || self
                .incomplete
                .iter()
                .any(|(of, scope, _)| of == family && scope.as_ref().is_some_and(named))
    }
}
