//! What is left of API 1.0: bare arrays, no pages, no `fields`.

use serde_json::{Value, json};

use crate::endpoint::Kind;
use crate::errors::{self, Answer};
use crate::traps::LieKind;
use crate::v2::{Request, thin};
use crate::world::{Group, Repository, User, World};

impl Request<'_> {
    pub(crate) fn answer_v1(&self) -> Result<Value, Answer> {
        let world = &self.catalogue.world;
        // These endpoints know a workspace by its slug alone.
        if self.endpoint.workspace == world.workspace.uuid {
            return Err(Answer::empty(405));
        }
        let mut value = match self.endpoint.kind {
            Kind::Groups => {
                let listed = world.groups.iter().filter(|group| group.listed);
                listed.map(|group| self.v1_group(group)).collect()
            }
            Kind::Group => self.v1_group(self.the_group()?),
            Kind::GroupMembers => {
                let members = self.the_group()?.members.iter();
                members.map(|&user| v1_user(&world.users[user])).collect()
            }
            Kind::GroupPrivileges => self.group_privileges(),
            Kind::Invitations if world.features.migrated => {
                return Err(if self.behaviour.invitations_403 {
                    errors::not_admin()
                } else {
                    errors::no_api()
                });
            }
            Kind::Invitations => self.invitations(),
            _ => return Err(errors::no_api()),
        };
        if self.behaviour.sparse {
            thin(&mut value);
            without_empty_members(&mut value);
        }
        Ok(value)
    }

    fn the_group(&self) -> Result<&Group, Answer> {
        match self.catalogue.group(&self.endpoint.object) {
            Some(n) => Ok(&self.catalogue.world.groups[n]),
            None => Err(Answer::text(404, "Not Found")),
        }
    }

    fn v1_group(&self, group: &Group) -> Value {
        let world = &self.catalogue.world;
        let members = group
            .members
            .iter()
            .map(|&user| v1_user(&world.users[user]));
        json!({
            "name": group.name,
            "slug": group.slug,
            "permission": group.permission,
            "auto_add": group.auto_add,
            "email_forwarding_disabled": null,
            "members": members.collect::<Vec<_>>(),
            "owner": v1_owner(world),
        })
    }

    fn group_privileges(&self) -> Value {
        let world = &self.catalogue.world;
        if self.behaviour.zero_visible {
            return json!([]);
        }
        let slim = self
            .asked
            .parameter("exclude-members")
            .is_some_and(|value| value == "1");
        let filter = self.asked.parameter("filter");
        let mut all = Vec::new();
        for repository in &world.repositories {
            if self.behaviour.deleted.contains(&repository.slug) {
                continue;
            }
            for (group, privilege) in self.told_grants(repository) {
                if filter.as_ref().is_some_and(|filter| *filter != privilege) {
                    continue;
                }
                let group = &world.groups[group];
                let mut told = json!({
                    "name": group.name,
                    "slug": group.slug,
                    "owner": v1_owner(world),
                });
                if !slim {
                    let members = group
                        .members
                        .iter()
                        .map(|&user| v1_user(&world.users[user]));
                    told["members"] = members.collect();
                }
                all.push(json!({
                    "repo": world.full_name(repository),
                    "privilege": privilege,
                    "group": told,
                    "repository": {
                        "owner": v1_owner(world),
                        "name": repository.name,
                        "slug": repository.slug,
                    },
                }));
            }
        }
        Value::Array(all)
    }

    /// The group grants of a repository as this endpoint tells them: the truth, or a lie.
    fn told_grants(&self, repository: &Repository) -> Vec<(usize, String)> {
        let mut grants = repository.access.groups.clone();
        let Some(lie) = &self.behaviour.lie else {
            return grants;
        };
        if lie
            .about
            .as_ref()
            .is_some_and(|about| !about.contains(&repository.slug))
        {
            return grants;
        }
        match lie.kind {
            LieKind::Omits if !grants.is_empty() => {
                grants.remove(0);
            }
            LieKind::Adds => {
                let groups = self.catalogue.world.groups.iter().enumerate();
                let mut free = groups.filter(|(n, group)| {
                    group.listed && !grants.iter().any(|(granted, _)| granted == n)
                });
                if let Some((n, _)) = free.next() {
                    grants.push((n, "admin".into()));
                }
            }
            LieKind::Changes if !grants.is_empty() => {
                let word = if grants[0].1 == "admin" {
                    "read"
                } else {
                    "admin"
                };
                grants[0].1 = word.into();
            }
            LieKind::Omits | LieKind::Changes => {}
        }
        grants
    }

    fn invitations(&self) -> Value {
        let world = &self.catalogue.world;
        let all = world.invitations.iter().map(|invitation| {
            let groups = invitation.group.map(|n| {
                let group = &world.groups[n];
                json!({"name": group.name, "slug": group.slug, "owner": v1_owner(world)})
            });
            json!({
                "email": invitation.email,
                "groups": groups.into_iter().collect::<Vec<_>>(),
                "invited_by": v1_user(&world.users[0]),
                "utc_sent_on": format!("{} UTC", invitation.sent_on.replace('T', " ")),
            })
        });
        all.collect()
    }
}

fn v1_user(user: &User) -> Value {
    json!({
        "display_name": user.display_name,
        "uuid": user.uuid,
        "account_id": user.account_id,
        "nickname": user.nickname,
        "is_team": false,
        "is_staff": false,
        "is_active": true,
        "avatar": "https://secure.gravatar.com/avatar/0",
        "resource_uri": format!("/1.0/users/{}", user.uuid),
    })
}

fn v1_owner(world: &World) -> Value {
    json!({
        "display_name": world.workspace.name,
        "uuid": world.workspace.uuid,
        "account_id": null,
        "nickname": world.workspace.slug,
        "is_team": !world.features.personal,
        "avatar": "https://secure.gravatar.com/avatar/1",
        "resource_uri": format!("/1.0/users/{}", world.workspace.slug),
    })
}

fn without_empty_members(groups: &mut Value) {
    for group in groups.as_array_mut().into_iter().flatten() {
        let empty = group
            .get("members")
            .and_then(Value::as_array)
            .is_some_and(Vec::is_empty);
        if empty && let Some(group) = group.as_object_mut() {
            group.remove("members");
        }
    }
}
