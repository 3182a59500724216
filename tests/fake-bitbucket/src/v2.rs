//! What API 2.0 answers.

use serde_json::{Value, json};

use crate::auth::Credential;
use crate::catalogue::Catalogue;
use crate::endpoint::{Endpoint, Kind};
use crate::errors::{self, Answer};
use crate::family::Family;
use crate::fields::Fields;
use crate::paging::{self, Asked};
use crate::traps::{Behaviour, PageTraps};
use crate::world::{Access, Group, Membership, Project, Repository, User, Workspace, World};

/// Where links point to, whatever the address of the fake.
const API: &str = "https://api.bitbucket.org/2.0";
const SITE: &str = "https://bitbucket.org";

/// What an answer holds only where `fields` asks for it.
const HIDDEN: [&str; 6] = [
    "values.user.account_status",
    "values.user.has_2fa_enabled",
    "values.user.created_on",
    "user.account_status",
    "user.has_2fa_enabled",
    "user.created_on",
];

/// One request, on its way to an answer.
pub(crate) struct Request<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) behaviour: &'a Behaviour,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) asked: &'a Asked<'a>,
    pub(crate) credential: Credential,
    pub(crate) administrator: bool,
}

impl Request<'_> {
    pub(crate) fn answer(&self) -> Result<Value, Answer> {
        let mut value = self.whole()?;
        if self.behaviour.sparse {
            match value.get_mut("values") {
                Some(values) => thin(values),
                None => thin(&mut value),
            }
        }
        let fields = self.asked.parameter("fields").unwrap_or_default();
        Fields::parse(&fields).apply(&mut value, &HIDDEN);
        Ok(value)
    }

    fn world(&self) -> &World {
        &self.catalogue.world
    }

    fn whole(&self) -> Result<Value, Answer> {
        let world = self.world();
        match self.endpoint.kind {
            Kind::CurrentUser => self.current_user(),
            Kind::OwnWorkspaces => self.page(1, 25, |_| self.own_workspace()),
            Kind::OwnRole => {
                let (user, membership) = self.own_membership()?;
                Ok(self.membership(user, Some(membership)))
            }
            Kind::Workspace => Ok(self.workspace(&world.workspace)),
            Kind::Members | Kind::Permissions => self.members(),
            Kind::EffectiveRepositories => self.effective(),
            Kind::Projects => {
                let total = if self.behaviour.zero_visible {
                    0
                } else {
                    world.projects.len()
                };
                self.page(total, 50, |n| self.project(&world.projects[n]))
            }
            Kind::Project => Ok(self.project(self.the_project()?)),
            Kind::ProjectUsers => {
                let project = self.the_project()?;
                let to = format!(
                    "{API}/workspaces/{}/projects/{}",
                    world.workspace.slug, project.key
                );
                self.user_grants(&project.access, "project_user_permission", &to)
            }
            Kind::ProjectGroups => {
                let project = self.the_project()?;
                let to = format!(
                    "{API}/workspaces/{}/projects/{}",
                    world.workspace.slug, project.key
                );
                self.group_grants(&project.access, "project_group_permission", &to)
            }
            Kind::ProjectKeys => {
                let project = self.the_project()?;
                let to = format!(
                    "{API}/workspaces/{}/projects/{}",
                    world.workspace.slug, project.key
                );
                let of = ("project", self.project_summary(project));
                self.deploy_keys(&project.access, "project_deploy_key", of, &to)
            }
            Kind::Repositories => {
                let sort = self.asked.parameter("sort").unwrap_or_default();
                let order = if sort.is_empty() {
                    (0..world.repositories.len()).collect()
                } else {
                    let order = self.catalogue.sorted(&sort);
                    order.ok_or_else(|| errors::error(400, &format!("Invalid field: {sort}")))?
                };
                let total = if self.behaviour.zero_visible {
                    0
                } else {
                    order.len()
                };
                self.page(total, 10, |n| {
                    self.repository(&world.repositories[order[n]])
                })
            }
            Kind::Repository => Ok(self.repository(self.the_repository()?)),
            Kind::RepositoryUsers => {
                let repository = self.the_repository()?;
                let to = format!("{API}/repositories/{}", world.full_name(repository));
                self.user_grants(&repository.access, "repository_user_permission", &to)
            }
            Kind::RepositoryGroups => {
                let repository = self.the_repository()?;
                let to = format!("{API}/repositories/{}", world.full_name(repository));
                self.group_grants(&repository.access, "repository_group_permission", &to)
            }
            Kind::RepositoryKeys => {
                let repository = self.the_repository()?;
                let to = format!("{API}/repositories/{}", world.full_name(repository));
                let of = ("repository", self.repository_summary(repository));
                self.deploy_keys(&repository.access, "deploy_key", of, &to)
            }
            Kind::AcrossWorkspaces => Err(errors::withdrawn("CHANGE-2770")),
            Kind::Groups
            | Kind::Group
            | Kind::GroupMembers
            | Kind::GroupPrivileges
            | Kind::Invitations => Err(errors::no_api()),
        }
    }

    fn page(
        &self,
        total: usize,
        default_length: usize,
        element: impl Fn(usize) -> Value,
    ) -> Result<Value, Answer> {
        let family: Family = self.endpoint.kind.family();
        let none = PageTraps::default();
        let traps = &self.behaviour.pages;
        let set = traps.only.is_empty() || traps.only.contains(&family);
        paging::page(
            self.asked,
            total,
            default_length,
            if set { traps } else { &none },
            element,
        )
    }

    fn the_project(&self) -> Result<&Project, Answer> {
        let found = self.catalogue.project(&self.endpoint.object);
        match found.filter(|_| !self.behaviour.zero_visible) {
            Some(n) => Ok(&self.world().projects[n]),
            None => Err(errors::not_visible(&format!(
                "Project {}",
                self.endpoint.object
            ))),
        }
    }

    fn the_repository(&self) -> Result<&Repository, Answer> {
        let found = self.catalogue.repository(&self.endpoint.object);
        let found = found.filter(|&n| {
            !self.behaviour.zero_visible
                && !self
                    .behaviour
                    .deleted
                    .contains(&self.world().repositories[n].slug)
        });
        match found {
            Some(n) => Ok(&self.world().repositories[n]),
            None => Err(errors::not_visible(&format!(
                "Repository {}",
                self.endpoint.object
            ))),
        }
    }

    /// `instant` with an offset, unless that is switched off.
    fn instant(&self, instant: &str) -> String {
        if self.behaviour.without_offsets {
            instant.into()
        } else {
            format!("{instant}+00:00")
        }
    }

    /// The member whom the account belongs to.
    fn own_membership(&self) -> Result<(&User, &Membership), Answer> {
        let fits = |(user, membership): &(&User, &Membership)| {
            (membership.role == "owner") == self.administrator && !user.app
        };
        let members = || self.world().members();
        let own = members().find(fits).or_else(|| members().next());
        own.ok_or_else(|| errors::not_visible("The user"))
    }

    fn current_user(&self) -> Result<Value, Answer> {
        if self.credential == Credential::WorkspaceToken {
            return Ok(self.owner());
        }
        let (user, _) = self.own_membership()?;
        let mut value = self.user(user);
        value["username"] = user.nickname.clone().into();
        value["account_status"] = "active".into();
        value["has_2fa_enabled"] = Value::Null;
        value["created_on"] = self.instant(&user.created_on).into();
        value["is_staff"] = false.into();
        value["location"] = Value::Null;
        Ok(value)
    }

    fn own_workspace(&self) -> Value {
        let workspace = &self.world().workspace;
        json!({
            "type": "workspace_access",
            "administrator": self.administrator,
            "workspace": {
                "type": "workspace_base",
                "uuid": workspace.uuid,
                "slug": workspace.slug,
                "links": {
                    "avatar": href(format!("{SITE}/workspaces/{}/avatar/", workspace.slug)),
                    "self": href(format!("{API}/workspaces/{}", workspace.slug)),
                },
            },
        })
    }

    fn workspace(&self, workspace: &Workspace) -> Value {
        let slug = &workspace.slug;
        json!({
            "type": "workspace",
            "uuid": workspace.uuid,
            "name": workspace.name,
            "slug": slug,
            "is_private": false,
            "is_privacy_enforced": false,
            "forking_mode": "allow_forks",
            "created_on": self.instant(&workspace.created_on),
            "links": {
                "avatar": href(format!("{SITE}/workspaces/{slug}/avatar/?ts=1543733398")),
                "hooks": href(format!("{API}/workspaces/{slug}/hooks")),
                "html": href(format!("{SITE}/{slug}/")),
                "html_overview": href(format!("{SITE}/{slug}/workspace/overview/")),
                "members": href(format!("{API}/workspaces/{slug}/members")),
                "owners": href(format!("{API}/workspaces/{slug}/members?q=permission%3D%22owner%22")),
                "projects": href(format!("{API}/workspaces/{slug}/projects")),
                "repositories": href(format!("{API}/repositories/{slug}")),
                "snippets": href(format!("{API}/snippets/{slug}")),
                "self": href(format!("{API}/workspaces/{slug}")),
            },
        })
    }

    fn workspace_summary(&self) -> Value {
        let workspace = &self.world().workspace;
        let slug = &workspace.slug;
        json!({
            "type": "workspace",
            "uuid": workspace.uuid,
            "name": workspace.name,
            "slug": slug,
            "links": {
                "avatar": href(format!("{SITE}/workspaces/{slug}/avatar/?ts=1543733398")),
                "html": href(format!("{SITE}/{slug}/")),
                "self": href(format!("{API}/workspaces/{slug}")),
            },
        })
    }

    /// Who owns the projects and repositories: the workspace, as a team or as a person.
    fn owner(&self) -> Value {
        let world = self.world();
        if world.features.personal {
            return self.user(&world.users[0]);
        }
        let slug = &world.workspace.slug;
        json!({
            "type": "team",
            "uuid": world.workspace.uuid,
            "username": slug,
            "display_name": world.workspace.name,
            "links": {
                "self": href(format!("{API}/workspaces/{}", escape(&world.workspace.uuid))),
                "html": href(format!("{SITE}/{}/", escape(&world.workspace.uuid))),
                "avatar": href(format!("{SITE}/account/{slug}/avatar/")),
            },
        })
    }

    fn user(&self, user: &User) -> Value {
        let uuid = escape(&user.uuid);
        let mut value = json!({
            "type": if user.app { "app_user" } else { "user" },
            "uuid": user.uuid,
            "display_name": user.display_name,
            "nickname": user.nickname,
            "links": {
                "self": href(format!("{API}/users/{uuid}")),
                "html": href(format!("{SITE}/{uuid}/")),
                "avatar": href(format!("https://secure.gravatar.com/avatar/{}?d=x", &uuid[3..11])),
            },
        });
        if let Some(account_id) = &user.account_id {
            value["account_id"] = account_id.clone().into();
        }
        if user.app {
            value["kind"] = "repository_access_token".into();
        }
        value
    }

    fn membership(&self, user: &User, shown: Option<&Membership>) -> Value {
        let slug = &self.world().workspace.slug;
        let mut account = self.user(user);
        account["account_status"] = "active".into();
        account["has_2fa_enabled"] = user.has_2fa_enabled.into();
        account["created_on"] = self.instant(&user.created_on).into();
        let mut value = json!({
            "type": "workspace_membership",
            "user": account,
            "workspace": self.workspace_summary(),
            "links": {
                "self": href(format!("{API}/workspaces/{slug}/members/{}", escape(&user.uuid))),
            },
        });
        if let Some(membership) = shown {
            value["permission"] = membership.role.clone().into();
            if !self.world().features.migrated {
                // Milliseconds, and never an offset.
                value["added_on"] = membership.added_on.get(..23).into();
                let last = membership
                    .last_accessed
                    .as_deref()
                    .map(|instant| self.instant(instant));
                value["last_accessed"] = last.into();
            }
        }
        value
    }

    fn members(&self) -> Result<Value, Answer> {
        let q = self.asked.parameter("q").unwrap_or_default();
        if q.matches('@').count() > 90 {
            return Err(errors::error(400, "Too many e-mail addresses: at most 90"));
        }
        let role = q
            .strip_prefix("permission=\"")
            .and_then(|rest| rest.strip_suffix('"'));
        let listed: Vec<(&User, &Membership)> = self
            .world()
            .members()
            .filter(|(_, membership)| role.is_none_or(|role| membership.role == role))
            .collect();
        let (shown, length) = if self.endpoint.kind == Kind::Permissions {
            (true, 10)
        } else {
            (false, 50)
        };
        self.page(listed.len(), length, |n| {
            let (user, membership) = listed[n];
            self.membership(user, shown.then_some(membership))
        })
    }

    fn project_summary(&self, project: &Project) -> Value {
        let slug = &self.world().workspace.slug;
        json!({
            "type": "project",
            "uuid": project.uuid,
            "key": project.key,
            "name": project.name,
            "links": {
                "self": href(format!("{API}/workspaces/{slug}/projects/{}", project.key)),
                "html": href(format!("{SITE}/{slug}/workspace/projects/{}", project.key)),
                "avatar": href(format!("{SITE}/account/user/{slug}/projects/{}/avatar/32", project.key)),
            },
        })
    }

    fn project(&self, project: &Project) -> Value {
        let mut value = self.project_summary(project);
        value["description"] = project.description.clone().into();
        value["is_private"] = project.is_private.into();
        value["has_publicly_visible_repos"] = project.has_publicly_visible_repos.into();
        value["owner"] = self.owner();
        value["workspace"] = self.workspace_summary();
        value["created_on"] = self.instant(&project.created_on).into();
        value["updated_on"] = self.instant(&project.created_on).into();
        value
    }

    fn repository_summary(&self, repository: &Repository) -> Value {
        let full_name = self.world().full_name(repository);
        json!({
            "type": "repository",
            "uuid": repository.uuid,
            "name": repository.name,
            "full_name": full_name,
            "links": {
                "self": href(format!("{API}/repositories/{full_name}")),
                "html": href(format!("{SITE}/{full_name}")),
                "avatar": href(format!("https://bytebucket.org/ravatar/{}?ts=go", escape(&repository.uuid))),
            },
        })
    }

    fn repository(&self, repository: &Repository) -> Value {
        let world = self.world();
        let full_name = world.full_name(repository);
        let below = |what: &str| href(format!("{API}/repositories/{full_name}/{what}"));
        let mut value = self.repository_summary(repository);
        for what in [
            "pullrequests",
            "commits",
            "forks",
            "watchers",
            "downloads",
            "hooks",
        ] {
            value["links"][what] = below(what);
        }
        value["links"]["branches"] = below("refs/branches");
        value["links"]["tags"] = below("refs/tags");
        value["links"]["source"] = below("src");
        value["links"]["clone"] = json!([
            {"name": "https", "href": format!("{SITE}/{full_name}.git")},
            {"name": "ssh", "href": format!("git@bitbucket.org:{full_name}.git")},
        ]);
        value["slug"] = repository.slug.clone().into();
        value["description"] = repository.description.clone().into();
        value["scm"] = "git".into();
        value["website"] = Value::Null;
        value["owner"] = self.owner();
        value["workspace"] = self.workspace_summary();
        value["is_private"] = repository.is_private.into();
        value["project"] = self.project_summary(&world.projects[repository.project]);
        value["fork_policy"] = repository.fork_policy.clone().into();
        value["created_on"] = self.instant(&repository.created_on).into();
        value["updated_on"] = self.instant(&repository.updated_on).into();
        value["size"] = repository.size.into();
        value["language"] = repository.language.clone().into();
        value["has_issues"] = false.into();
        value["has_wiki"] = false.into();
        value["mainbranch"] = match &repository.mainbranch {
            Some(name) => json!({"type": "branch", "name": name}),
            None => Value::Null,
        };
        value["parent"] = match repository.parent {
            Some(parent) => self.repository_summary(&world.repositories[parent]),
            None => Value::Null,
        };
        value["override_settings"] = json!({
            "default_merge_strategy": false,
            "branching_model": false,
            "branch_restrictions": false,
        });
        value
    }

    fn group(&self, group: &Group) -> Value {
        let slug = &self.world().workspace.slug;
        json!({
            "type": "group",
            "name": group.name,
            "slug": group.slug,
            "full_slug": format!("{slug}:{}", group.slug),
            "default_permission": group.permission,
            "email_forwarding_disabled": false,
            "account_privilege": group.account_privilege,
            "owner": self.owner(),
            "workspace": self.workspace_summary(),
            "links": {
                "html": href(format!("{SITE}/{slug}/workspace/settings/groups/{}", group.slug)),
            },
        })
    }

    fn user_grants(&self, access: &Access, kind: &str, to: &str) -> Result<Value, Answer> {
        self.page(access.users.len(), 10, |n| {
            let (user, permission) = &access.users[n];
            let user = &self.world().users[*user];
            let id = user
                .account_id
                .clone()
                .unwrap_or_else(|| escape(&user.uuid));
            json!({
                "type": kind,
                "permission": permission,
                "user": self.user(user),
                "links": {"self": href(format!("{to}/permissions-config/users/{id}"))},
            })
        })
    }

    fn group_grants(&self, access: &Access, kind: &str, to: &str) -> Result<Value, Answer> {
        self.page(access.groups.len(), 10, |n| {
            let (group, permission) = &access.groups[n];
            let group = &self.world().groups[*group];
            json!({
                "type": kind,
                "permission": permission,
                "group": self.group(group),
                "links": {"self": href(format!("{to}/permissions-config/groups/{}", group.slug))},
            })
        })
    }

    fn deploy_keys(
        &self,
        access: &Access,
        kind: &str,
        of: (&str, Value),
        to: &str,
    ) -> Result<Value, Answer> {
        self.page(access.deploy_keys.len(), 10, |n| {
            let key = &access.deploy_keys[n];
            // The documentation says `added_on`, its samples say `created_on`.
            let date = if key.id.is_multiple_of(2) {
                "created_on"
            } else {
                "added_on"
            };
            let mut value = json!({
                "type": kind,
                "id": key.id,
                "key": key.key,
                "label": key.label,
                "comment": key.comment,
                "last_used": key.last_used.as_deref().map(|instant| self.instant(instant)),
                "links": {"self": href(format!("{to}/deploy-keys/{}", key.id))},
            });
            value[date] = self.instant(&key.created_on).into();
            value[of.0] = of.1.clone();
            value
        })
    }

    /// The highest right of every user on every repository, without saying where it comes from.
    fn effective(&self) -> Result<Value, Answer> {
        let world = self.world();
        let mut rights: Vec<(usize, usize, &str)> = Vec::new();
        for (n, repository) in world.repositories.iter().enumerate() {
            let inherited = &world.projects[repository.project].access;
            for (u, user) in world.users.iter().enumerate() {
                let Some(membership) = &user.membership else {
                    continue;
                };
                let granted = [&repository.access, inherited]
                    .into_iter()
                    .flat_map(|access| {
                        let own = access.users.iter().filter(|(user, _)| *user == u);
                        let groups = &access.groups;
                        let shared = groups
                            .iter()
                            .filter(|(g, _)| world.groups[*g].members.contains(&u));
                        own.chain(shared).map(|(_, word)| word.as_str())
                    });
                let owner = (membership.role == "owner").then_some("admin");
                let highest = granted.chain(owner).map(strength).max().unwrap_or(0);
                if highest > 0 {
                    rights.push((n, u, ["", "read", "write", "admin"][highest]));
                }
            }
        }
        self.page(rights.len(), 10, |at| {
            let (repository, user, permission) = rights[at];
            json!({
                "type": "repository_permission",
                "permission": permission,
                "user": self.user(&world.users[user]),
                "repository": self.repository_summary(&world.repositories[repository]),
            })
        })
    }
}

fn strength(word: &str) -> usize {
    match word {
        "read" => 1,
        "write" | "create-repo" => 2,
        "admin" => 3,
        _ => 0,
    }
}

fn href(href: String) -> Value {
    json!({"href": href})
}

/// A uuid in braces as a path holds it.
fn escape(uuid: &str) -> String {
    uuid.replace('{', "%7B").replace('}', "%7D")
}

/// Takes away what an extractor can do without.
pub(crate) fn thin(value: &mut Value) {
    const OPTIONAL: [&str; 21] = [
        "links",
        "account_id",
        "nickname",
        "description",
        "mainbranch",
        "parent",
        "created_on",
        "updated_on",
        "added_on",
        "last_accessed",
        "language",
        "size",
        "owner",
        "fork_policy",
        "comment",
        "last_used",
        "override_settings",
        "auto_add",
        "email_forwarding_disabled",
        "account_privilege",
        "default_permission",
    ];
    match value {
        Value::Array(items) => items.iter_mut().for_each(thin),
        Value::Object(map) => {
            map.retain(|name, _| !OPTIONAL.contains(&name.as_str()));
            map.values_mut().for_each(thin);
        }
        _ => {}
    }
}
