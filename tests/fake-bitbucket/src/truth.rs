//! What a perfect extractor would say about a world, given what it may see.
//!
//! Written from the description of the export formats alone, so that it can judge an extractor.

use std::collections::{BTreeMap, BTreeSet};

use fake_api::{EntityRow, RelationRow, Truth};

use crate::family::Family;
use crate::world::{Access, User, World};

/// What an extractor may see, and what its settings ask for.
///
/// Something counts as refused here where *no* credential may read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visibility {
    /// Families that are refused altogether. A refused `Members` leaves the users that grants and
    /// groups name, as dangling; a refused `Groups` likewise; refused `Projects` leave those that
    /// repositories name, as dangling and without grants; without `Workspace` nothing is read.
    pub refused: BTreeSet<Family>,
    /// The roles are hidden: members come from a list without them.
    pub roles_unknown: bool,
    /// Slugs of repositories whose grants and keys are refused, or that are gone since the list.
    pub refused_repositories: BTreeSet<String>,
    /// Keys of projects whose grants and keys are refused.
    pub refused_projects: BTreeSet<String>,
    /// Group grants of repositories are unknown where their user grants are refused as a family.
    /// (For a single refused repository they always are.) Leave it false where the fake serves each
    /// repository's own list of group grants and the extractor asks for those.
    pub group_grants_need_user_grants: bool,
    /// No project and no repository is visible.
    pub zero_visible: bool,
    /// The setting `deploy_keys`.
    pub deploy_keys: bool,
    /// The setting `projects`: keys. Empty means all.
    pub projects: BTreeSet<String>,
    /// The setting `repositories`: slugs. Empty means all.
    pub repositories: BTreeSet<String>,
}

impl Default for Visibility {
    /// Everything.
    fn default() -> Self {
        Self {
            refused: BTreeSet::new(),
            roles_unknown: false,
            refused_repositories: BTreeSet::new(),
            refused_projects: BTreeSet::new(),
            group_grants_need_user_grants: false,
            zero_visible: false,
            deploy_keys: true,
            projects: BTreeSet::new(),
            repositories: BTreeSet::new(),
        }
    }
}

impl Visibility {
    fn sees(&self, family: Family) -> bool {
        !self.refused.contains(&family)
    }
}

impl World {
    /// What a perfect extractor emits.
    pub fn truth(&self, visibility: &Visibility) -> Truth {
        if !visibility.sees(Family::Workspace) {
            return Truth::default();
        }
        let mut telling = Telling {
            world: self,
            visibility,
            entities: BTreeMap::new(),
            relations: BTreeSet::new(),
        };
        telling.entity(
            "resource",
            "workspace",
            &self.workspace.uuid,
            &self.workspace.name,
            false,
        );
        telling.members();
        telling.groups();
        if !visibility.zero_visible {
            telling.projects();
            telling.repositories();
        }
        Truth {
            entities: telling.entities.into_values().collect(),
            relations: telling.relations,
        }
    }
}

struct Telling<'a> {
    world: &'a World,
    visibility: &'a Visibility,
    entities: BTreeMap<(&'static str, String), EntityRow>,
    relations: BTreeSet<RelationRow>,
}

impl Telling<'_> {
    /// The first word about an entity stands: call with what lists say before what grants say.
    fn entity(
        &mut self,
        entity_type: &'static str,
        source_type: &str,
        id: &str,
        name: &str,
        dangling: bool,
    ) {
        self.entities
            .entry((entity_type, id.to_owned()))
            .or_insert_with(|| EntityRow {
                entity_type: entity_type.into(),
                source_type: source_type.into(),
                source_id: id.into(),
                name: name.into(),
                dangling,
            });
    }

    fn relation(
        &mut self,
        parent: (&str, &str),
        child: (&str, &str),
        privilege: &str,
        connection_type: &str,
        level: Option<&str>,
    ) {
        self.relations.insert(RelationRow {
            parent_type: parent.0.into(),
            parent_id: parent.1.into(),
            entity_type: child.0.into(),
            entity_id: child.1.into(),
            privilege: privilege.into(),
            connection_type: connection_type.into(),
            level: level.map(str::to_owned),
        });
    }

    fn group_id(&self, group: usize) -> String {
        format!(
            "{}/{}",
            self.world.workspace.slug, self.world.groups[group].slug
        )
    }

    fn user(&mut self, user: &User, dangling: bool) {
        let source_type = if user.app { "app" } else { "user" };
        self.entity(
            "identity",
            source_type,
            &user.uuid,
            &user.display_name,
            dangling,
        );
    }

    fn members(&mut self) {
        if !self.visibility.sees(Family::Members) {
            return;
        }
        let world = self.world;
        for (user, membership) in world.members() {
            self.user(user, false);
            let (role, level) = if self.visibility.roles_unknown {
                ("unknown", None)
            } else {
                (
                    membership.role.as_str(),
                    match membership.role.as_str() {
                        "owner" => Some("admin"),
                        "create-project" => Some("create"),
                        "member" => Some("member"),
                        _ => None,
                    },
                )
            };
            self.relation(
                ("identity", &user.uuid),
                ("resource", &world.workspace.uuid),
                role,
                "role",
                level,
            );
        }
    }

    fn groups(&mut self) {
        if !self.visibility.sees(Family::Groups) {
            return;
        }
        let world = self.world;
        for (n, group) in world
            .groups
            .iter()
            .enumerate()
            .filter(|(_, group)| group.listed)
        {
            let id = self.group_id(n);
            self.entity("connection", "group", &id, &group.name, false);
            for &member in &group.members {
                let user = &world.users[member];
                self.user(user, true);
                self.relation(
                    ("identity", &user.uuid),
                    ("connection", &id),
                    "member",
                    "group",
                    None,
                );
            }
        }
    }

    /// Whether the settings ask for this repository.
    fn wanted(&self, repository: usize) -> bool {
        let repository = &self.world.repositories[repository];
        let key = &self.world.projects[repository.project].key;
        let (projects, repositories) = (&self.visibility.projects, &self.visibility.repositories);
        (projects.is_empty() || projects.contains(key))
            && (repositories.is_empty() || repositories.contains(&repository.slug))
    }

    fn projects(&mut self) {
        if !self.visibility.sees(Family::Projects) {
            return;
        }
        let world = self.world;
        // Whether a project holds a wanted repository is only known where repositories are read.
        let inhabited: BTreeSet<usize> = (0..world.repositories.len())
            .filter(|&n| self.visibility.sees(Family::Repositories) && self.wanted(n))
            .map(|n| world.repositories[n].project)
            .collect();
        for (n, project) in world.projects.iter().enumerate() {
            let (keys, slugs) = (&self.visibility.projects, &self.visibility.repositories);
            let named = keys.is_empty() || keys.contains(&project.key);
            if !named || (!slugs.is_empty() && !inhabited.contains(&n)) {
                continue;
            }
            self.entity("resource", "project", &project.uuid, &project.name, false);
            self.contains(&world.workspace.uuid, &project.uuid);
            if !self.visibility.refused_projects.contains(&project.key) {
                let (users, groups, keys) = (
                    self.visibility.sees(Family::ProjectUserGrants),
                    self.visibility.sees(Family::ProjectGroupGrants),
                    self.visibility.sees(Family::ProjectDeployKeys),
                );
                self.access(&project.uuid, &project.access, users, groups, keys);
            }
        }
    }

    fn repositories(&mut self) {
        if !self.visibility.sees(Family::Repositories) {
            return;
        }
        let world = self.world;
        for (n, repository) in world.repositories.iter().enumerate() {
            if !self.wanted(n) {
                continue;
            }
            self.entity(
                "resource",
                "repository",
                &repository.uuid,
                &world.full_name(repository),
                false,
            );
            let project = &world.projects[repository.project];
            self.entity("resource", "project", &project.uuid, &project.name, true);
            self.contains(&world.workspace.uuid, &project.uuid);
            self.contains(&project.uuid, &repository.uuid);
            if !repository.is_private {
                self.entity("identity", "anonymous", "anyone", "Anyone", false);
                self.relation(
                    ("identity", "anyone"),
                    ("resource", &repository.uuid),
                    "read",
                    "public",
                    Some("read"),
                );
            }
            if !self
                .visibility
                .refused_repositories
                .contains(&repository.slug)
            {
                let users = self.visibility.sees(Family::RepositoryUserGrants);
                let groups = self.visibility.sees(Family::RepositoryGroupGrants)
                    && (users || !self.visibility.group_grants_need_user_grants);
                let keys = self.visibility.sees(Family::RepositoryDeployKeys);
                self.access(&repository.uuid, &repository.access, users, groups, keys);
            }
        }
    }

    fn contains(&mut self, parent: &str, child: &str) {
        self.relation(
            ("resource", parent),
            ("resource", child),
            "contains",
            "containment",
            None,
        );
    }

    fn access(&mut self, uuid: &str, access: &Access, users: bool, groups: bool, keys: bool) {
        let world = self.world;
        for (user, word) in access.users.iter().filter(|_| users) {
            let user = &world.users[*user];
            self.user(user, true);
            self.grant(("identity", &user.uuid), uuid, word);
        }
        for (group, word) in access.groups.iter().filter(|_| groups) {
            let id = self.group_id(*group);
            self.entity("connection", "group", &id, &world.groups[*group].name, true);
            self.grant(("connection", &id), uuid, word);
        }
        for key in access
            .deploy_keys
            .iter()
            .filter(|_| keys && self.visibility.deploy_keys)
        {
            let id = format!("{uuid}/{}", key.id);
            self.entity("identity", "deploy-key", &id, &key.label, false);
            self.grant(("identity", &id), uuid, "read");
        }
    }

    fn grant(&mut self, holder: (&str, &str), uuid: &str, word: &str) {
        let level = match word {
            "read" => Some("read"),
            "write" => Some("write"),
            "create-repo" => Some("create"),
            "admin" => Some("admin"),
            _ => None,
        };
        self.relation(holder, ("resource", uuid), word, "direct", level);
    }
}
