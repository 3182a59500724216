//! What is served and what is said to be true are the same.
#![allow(clippy::unwrap_used, missing_docs, dead_code, unreachable_pub)]

mod client;

use std::collections::BTreeSet;

use client::{SIZES, all, get};
use fake_bitbucket::{
    Config, EntityRow, Family, Features, RelationRow, Server, Sizes, Truth, Visibility, World,
    guard,
};
use serde_json::Value;

/// Reads everything over the wire, one list after the other, and says what it saw.
struct Walk<'a> {
    server: &'a Server,
    truth: Truth,
}

impl Walk<'_> {
    async fn list(&self, target: &str) -> Vec<Value> {
        let separator = if target.contains('?') { '&' } else { '?' };
        all(self.server, &format!("{target}{separator}pagelen=100")).await
    }

    fn entity(
        &mut self,
        entity_type: &str,
        source_type: &str,
        id: &str,
        name: &Value,
        dangling: bool,
    ) {
        let known = |row: &EntityRow| row.entity_type == entity_type && row.source_id == id;
        if !self.truth.entities.iter().any(known) {
            self.truth.entities.insert(EntityRow {
                entity_type: entity_type.into(),
                source_type: source_type.into(),
                source_id: id.into(),
                name: name.as_str().unwrap().into(),
                dangling,
            });
        }
    }

    fn user(&mut self, user: &Value, dangling: bool) -> String {
        let source_type = if user["type"] == "app_user" {
            "app"
        } else {
            "user"
        };
        let id = user["uuid"].as_str().unwrap().to_owned();
        self.entity(
            "identity",
            source_type,
            &id,
            &user["display_name"],
            dangling,
        );
        id
    }

    fn relation(
        &mut self,
        parent: (&str, &str),
        child: (&str, &str),
        privilege: &str,
        connection_type: &str,
        levels: &[(&str, &str)],
    ) {
        let level = levels.iter().find(|(word, _)| *word == privilege);
        self.truth.relations.insert(RelationRow {
            parent_type: parent.0.into(),
            parent_id: parent.1.into(),
            entity_type: child.0.into(),
            entity_id: child.1.into(),
            privilege: privilege.into(),
            connection_type: connection_type.into(),
            level: level.map(|(_, level)| (*level).to_owned()),
        });
    }

    async fn grants(&mut self, base: &str, uuid: &str) {
        const LEVELS: [(&str, &str); 4] = [
            ("read", "read"),
            ("write", "write"),
            ("create-repo", "create"),
            ("admin", "admin"),
        ];
        let resource = ("resource", uuid);
        for grant in self.list(&format!("{base}/permissions-config/users")).await {
            let id = self.user(&grant["user"], true);
            let word = grant["permission"].as_str().unwrap();
            self.relation(("identity", &id), resource, word, "direct", &LEVELS);
        }
        for grant in self
            .list(&format!("{base}/permissions-config/groups"))
            .await
        {
            let id = format!("acme/{}", grant["group"]["slug"].as_str().unwrap());
            self.entity("connection", "group", &id, &grant["group"]["name"], true);
            let word = grant["permission"].as_str().unwrap();
            self.relation(("connection", &id), resource, word, "direct", &LEVELS);
        }
        for key in self.list(&format!("{base}/deploy-keys")).await {
            let id = format!("{uuid}/{}", key["id"]);
            self.entity("identity", "deploy-key", &id, &key["label"], false);
            self.relation(("identity", &id), resource, "read", "direct", &LEVELS);
        }
    }

    async fn walk(mut self) -> Truth {
        const ROLES: [(&str, &str); 3] = [
            ("owner", "admin"),
            ("create-project", "create"),
            ("member", "member"),
        ];
        let workspace = get(self.server, "/2.0/workspaces/acme").await.json();
        let top = workspace["uuid"].as_str().unwrap().to_owned();
        self.entity("resource", "workspace", &top, &workspace["name"], false);
        for member in self.list("/2.0/workspaces/acme/permissions").await {
            let id = self.user(&member["user"], false);
            let role = member["permission"].as_str().unwrap();
            self.relation(("identity", &id), ("resource", &top), role, "role", &ROLES);
        }
        for group in get(self.server, "/1.0/groups/acme")
            .await
            .json()
            .as_array()
            .unwrap()
        {
            let id = format!("acme/{}", group["slug"].as_str().unwrap());
            self.entity("connection", "group", &id, &group["name"], false);
            for member in group["members"].as_array().unwrap() {
                let user = self.user(member, true);
                self.relation(
                    ("identity", &user),
                    ("connection", &id),
                    "member",
                    "group",
                    &[],
                );
            }
        }
        for project in self.list("/2.0/workspaces/acme/projects").await {
            let id = project["uuid"].as_str().unwrap();
            self.entity("resource", "project", id, &project["name"], false);
            self.relation(
                ("resource", &top),
                ("resource", id),
                "contains",
                "containment",
                &[],
            );
            let key = project["key"].as_str().unwrap();
            self.grants(&format!("/2.0/workspaces/acme/projects/{key}"), id)
                .await;
        }
        for repository in self.list("/2.0/repositories/acme?sort=created_on").await {
            let id = repository["uuid"].as_str().unwrap();
            self.entity(
                "resource",
                "repository",
                id,
                &repository["full_name"],
                false,
            );
            let project = repository["project"]["uuid"].as_str().unwrap();
            self.relation(
                ("resource", project),
                ("resource", id),
                "contains",
                "containment",
                &[],
            );
            if repository["is_private"] == false {
                self.entity("identity", "anonymous", "anyone", &"Anyone".into(), false);
                let level = [("read", "read")];
                self.relation(
                    ("identity", "anyone"),
                    ("resource", id),
                    "read",
                    "public",
                    &level,
                );
            }
            let slug = repository["slug"].as_str().unwrap();
            self.grants(&format!("/2.0/repositories/acme/{slug}"), id)
                .await;
        }
        self.truth
    }
}

fn sound(truth: &Truth) {
    let mut known = BTreeSet::new();
    for row in &truth.entities {
        assert!(
            known.insert((&row.entity_type, &row.source_id)),
            "twice: {row:?}"
        );
    }
    for row in &truth.relations {
        assert!(
            known.contains(&(&row.parent_type, &row.parent_id)),
            "no parent: {row:?}"
        );
        assert!(
            known.contains(&(&row.entity_type, &row.entity_id)),
            "no entity: {row:?}"
        );
    }
}

#[tokio::test]
async fn walking_the_api_gives_the_truth() {
    let sizes = Sizes {
        users: 60,
        groups: 12,
        projects: 7,
        repositories: 120,
    };
    let usual = Features::default();
    for (seed, features) in [
        (1, usual.clone()),
        (
            2,
            Features {
                personal: true,
                ..usual.clone()
            },
        ),
        (
            3,
            Features {
                migrated: true,
                unknown_words: true,
                ..usual.clone()
            },
        ),
        (
            4,
            Features {
                dangling: false,
                ..usual.clone()
            },
        ),
    ] {
        let world = World::generate_with(seed, sizes, &features);
        let truth = world.truth(&Visibility::default());
        sound(&truth);
        assert_eq!(
            truth.entities.iter().any(|row| row.dangling),
            features.dangling
        );
        let unknown = truth
            .relations
            .iter()
            .any(|row| row.privilege == "maintain" && row.level.is_none());
        assert_eq!(unknown, features.unknown_words);
        let server = Server::start(world, Config::default()).await.unwrap();
        let walked = Walk {
            server: &server,
            truth: Truth::default(),
        }
        .walk()
        .await;
        assert_eq!(walked.entities, truth.entities, "seed {seed}");
        assert_eq!(walked.relations, truth.relations, "seed {seed}");
        assert!(server.requests().asked_again().is_empty());
    }
}

fn connections(truth: &Truth, uuid: &str, connection_type: &str) -> usize {
    let about =
        |row: &&RelationRow| row.entity_id == uuid && row.connection_type == connection_type;
    truth.relations.iter().filter(about).count()
}

#[test]
fn a_refused_repository_is_there_without_its_grants() {
    let world = World::generate(3, SIZES);
    let repository = &world.repositories[0];
    let visibility = Visibility {
        refused_repositories: [repository.slug.clone()].into(),
        ..Visibility::default()
    };
    let (whole, part) = (
        world.truth(&Visibility::default()),
        world.truth(&visibility),
    );
    sound(&part);
    let granted = connections(&whole, &repository.uuid, "direct");
    assert!(granted > 0);
    assert_eq!(connections(&part, &repository.uuid, "direct"), 0);
    assert_eq!(connections(&part, &repository.uuid, "containment"), 1);
    assert_eq!(part.relations.len(), whole.relations.len() - granted);
}

#[test]
fn a_refused_project_is_there_without_its_grants() {
    let world = World::generate(3, SIZES);
    let project = &world.projects[0];
    let visibility = Visibility {
        refused_projects: [project.key.clone()].into(),
        ..Visibility::default()
    };
    let (whole, part) = (
        world.truth(&Visibility::default()),
        world.truth(&visibility),
    );
    sound(&part);
    let granted = connections(&whole, &project.uuid, "direct");
    assert!(granted > 0);
    assert_eq!(connections(&part, &project.uuid, "direct"), 0);
    assert_eq!(part.relations.len(), whole.relations.len() - granted);
}

#[test]
fn a_refused_family_is_missing() {
    let world = World::generate(3, SIZES);
    let whole = world.truth(&Visibility::default());
    let without = |family: Family| {
        let visibility = Visibility {
            refused: [family].into(),
            ..Visibility::default()
        };
        let truth = world.truth(&visibility);
        sound(&truth);
        truth
    };
    let of = |truth: &Truth, kind: &str| {
        truth
            .relations
            .iter()
            .filter(|row| row.connection_type == kind)
            .count()
    };

    let truth = without(Family::Groups);
    assert_eq!(of(&truth, "group"), 0);
    assert_eq!(of(&truth, "direct"), of(&whole, "direct"));
    let groups = || {
        truth
            .entities
            .iter()
            .filter(|row| row.source_type == "group")
    };
    assert!(groups().count() > 0 && groups().all(|row| row.dangling));

    let truth = without(Family::Members);
    assert_eq!(of(&truth, "role"), 0);
    let users = || {
        truth
            .entities
            .iter()
            .filter(|row| ["user", "app"].contains(&&*row.source_type))
    };
    assert!(users().count() > 0 && users().all(|row| row.dangling));

    let truth = without(Family::Projects);
    let projects = || {
        truth
            .entities
            .iter()
            .filter(|row| row.source_type == "project")
    };
    assert!(projects().count() > 0 && projects().all(|row| row.dangling));
    let uuids: Vec<_> = world
        .projects
        .iter()
        .map(|project| project.uuid.as_str())
        .collect();
    assert!(
        uuids
            .iter()
            .all(|uuid| connections(&truth, uuid, "direct") == 0)
    );

    let truth = without(Family::Repositories);
    assert!(
        truth
            .entities
            .iter()
            .all(|row| !["repository", "anonymous"].contains(&&*row.source_type))
    );

    assert_eq!(without(Family::Workspace), Truth::default());

    let users = |access: &fake_bitbucket::Access| access.users.len();
    let groups = |access: &fake_bitbucket::Access| access.groups.len();
    let keys = |access: &fake_bitbucket::Access| access.deploy_keys.len();
    let p = || world.projects.iter().map(|project| &project.access);
    let r = || {
        world
            .repositories
            .iter()
            .map(|repository| &repository.access)
    };
    for (family, fewer) in [
        (Family::ProjectUserGrants, p().map(users).sum::<usize>()),
        (Family::ProjectGroupGrants, p().map(groups).sum()),
        (Family::ProjectDeployKeys, p().map(keys).sum()),
        (Family::RepositoryUserGrants, r().map(users).sum()),
        (Family::RepositoryGroupGrants, r().map(groups).sum()),
        (Family::RepositoryDeployKeys, r().map(keys).sum()),
    ] {
        assert!(fewer > 0, "{family}");
        let truth = without(family);
        assert_eq!(
            whole.relations.len() - truth.relations.len(),
            fewer,
            "{family}"
        );
    }

    let visibility = Visibility {
        refused: [Family::RepositoryUserGrants].into(),
        group_grants_need_user_grants: true,
        ..Visibility::default()
    };
    let fewer: usize = r().map(|access| users(access) + groups(access)).sum();
    assert_eq!(
        whole.relations.len() - world.truth(&visibility).relations.len(),
        fewer
    );
}

#[test]
fn settings_leave_out_what_they_do_not_name() {
    let world = World::generate(3, SIZES);
    let named = |truth: &Truth, source_type: &str| -> BTreeSet<String> {
        let rows = truth
            .entities
            .iter()
            .filter(|row| row.source_type == source_type);
        rows.map(|row| row.source_id.clone()).collect()
    };
    let repository = &world.repositories[3];
    let home = &world.projects[repository.project];
    let (other_n, other) = world
        .projects
        .iter()
        .enumerate()
        .find(|(n, _)| *n != repository.project)
        .unwrap();

    let by_slug = Visibility {
        repositories: [repository.slug.clone()].into(),
        ..Visibility::default()
    };
    let truth = world.truth(&by_slug);
    sound(&truth);
    assert_eq!(
        named(&truth, "repository"),
        [repository.uuid.clone()].into()
    );
    assert_eq!(named(&truth, "project"), [home.uuid.clone()].into());
    let granted =
        home.access.users.len() + home.access.groups.len() + home.access.deploy_keys.len();
    assert_eq!(connections(&truth, &home.uuid, "direct"), granted);

    let by_key = Visibility {
        projects: [other.key.clone()].into(),
        ..Visibility::default()
    };
    let truth = world.truth(&by_key);
    sound(&truth);
    assert_eq!(named(&truth, "project"), [other.uuid.clone()].into());
    let inside = world
        .repositories
        .iter()
        .filter(|r| r.project == other_n)
        .count();
    assert_eq!(named(&truth, "repository").len(), inside);

    let both = Visibility {
        projects: by_key.projects,
        repositories: by_slug.repositories,
        ..Visibility::default()
    };
    let truth = world.truth(&both);
    assert!(named(&truth, "repository").is_empty() && named(&truth, "project").is_empty());
    assert!(!named(&truth, "group").is_empty() && !named(&truth, "user").is_empty());

    let keyless = Visibility {
        deploy_keys: false,
        ..Visibility::default()
    };
    assert!(named(&world.truth(&keyless), "deploy-key").is_empty());

    let blind = Visibility {
        zero_visible: true,
        ..Visibility::default()
    };
    let truth = world.truth(&blind);
    sound(&truth);
    assert!(named(&truth, "repository").is_empty() && named(&truth, "project").is_empty());
    assert_eq!(named(&truth, "workspace").len(), 1);

    let roleless = Visibility {
        roles_unknown: true,
        ..Visibility::default()
    };
    let truth = world.truth(&roleless);
    let roles = || {
        truth
            .relations
            .iter()
            .filter(|row| row.connection_type == "role")
    };
    assert_eq!(roles().count(), SIZES.users);
    assert!(roles().all(|row| row.privilege == "unknown" && row.level.is_none()));
}

#[test]
fn a_formula_is_guarded() {
    for name in ["=1", "+1", "-1", "@x"] {
        assert_eq!(guard(name), format!("'{name}"));
    }
    assert_eq!(guard("a;=1, -2\t@x"), "a;'=1, '-2\t'@x");
    for name in ["", "a=1", "'=1", "a-b; c", "\tx", "Zoë"] {
        assert_eq!(guard(name), name);
    }
}
