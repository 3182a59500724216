//! What a perfect extractor would say about a world, given what it may read.
//!
//! Written from the description of the exports alone, so that it can judge an extractor.

use std::collections::{BTreeMap, BTreeSet};

use fake_api::{EntityRow, RelationRow, Truth};

use crate::members::GONE;
use crate::world::{Member, Right, World};

/// What can be read. Something counts as unreadable here where no way to ask for it leads to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visibility {
    /// The list of users.
    pub users: bool,
    /// The list of groups.
    pub groups: bool,
    /// Who is in which group.
    pub memberships: bool,
    /// The list of roles: without it those that users have are known by their users alone.
    pub roles: bool,
    /// The list of entitlements, likewise.
    pub entitlements: bool,
    /// The groups, by id, whose members can't be read.
    pub closed_groups: BTreeSet<String>,
}

impl Default for Visibility {
    /// Everything.
    fn default() -> Self {
        Self {
            users: true,
            groups: true,
            memberships: true,
            roles: true,
            entitlements: true,
            closed_groups: BTreeSet::new(),
        }
    }
}

const IDENTITY: &str = "identity";
const CONNECTION: &str = "connection";

#[derive(Default)]
struct Telling {
    entities: BTreeMap<(&'static str, String), EntityRow>,
    relations: BTreeSet<RelationRow>,
}

impl World {
    /// What a perfect extractor emits.
    pub fn truth(&self, visibility: &Visibility) -> Truth {
        let mut telling = Telling::default();
        if visibility.users {
            for user in &self.users {
                telling.entity(IDENTITY, "user", &user.id, user.name(), false);
            }
        }
        if visibility.groups {
            for group in &self.groups {
                let id = group_key(&group.id);
                telling.entity(CONNECTION, "group", &id, &group.display_name, false);
            }
        }
        if visibility.memberships {
            self.memberships(&mut telling, visibility);
        }
        self.rights(&mut telling, visibility);
        Truth {
            entities: telling.entities.into_values().collect(),
            relations: telling.relations,
        }
    }

    fn memberships(&self, telling: &mut Telling, visibility: &Visibility) {
        for group in &self.groups {
            if visibility.closed_groups.contains(&group.id) {
                continue;
            }
            let id = group_key(&group.id);
            telling.entity(CONNECTION, "group", &id, &group.display_name, true);
            for member in &group.members {
                let (entity_type, member) = match member {
                    Member::User(n) => (IDENTITY, self.users[*n].id.clone()),
                    Member::Group(n) => (CONNECTION, group_key(&self.groups[*n].id)),
                    Member::Gone(id) => (IDENTITY, id.clone()),
                };
                let source_type = if entity_type == IDENTITY {
                    "user"
                } else {
                    "group"
                };
                telling.entity(entity_type, source_type, &member, GONE, true);
                telling.relation((entity_type, &member), &id, "member", "group");
            }
        }
    }

    fn rights(&self, telling: &mut Telling, visibility: &Visibility) {
        let kinds = [
            ("role", &self.roles, visibility.roles),
            ("entitlement", &self.entitlements, visibility.entitlements),
        ];
        for (kind, rights, listed) in kinds {
            let key = |right: &Right| format!("{kind}/{}", right.value);
            for right in rights.iter().filter(|_| listed) {
                telling.entity(CONNECTION, kind, &key(right), &right.display, false);
            }
            for user in self.users.iter().filter(|_| visibility.users) {
                let held = if kind == "role" {
                    &user.roles
                } else {
                    &user.entitlements
                };
                for right in held.iter().map(|&n| &rights[n]) {
                    // Where there is no list, a user's word is all that there is.
                    telling.entity(CONNECTION, kind, &key(right), &right.display, listed);
                    telling.relation((IDENTITY, &user.id), &key(right), "member", "group");
                }
            }
        }
    }
}

/// The source id of a group.
pub fn group_key(id: &str) -> String {
    format!("group/{id}")
}

impl Telling {
    /// The first word about an entity stands: call with what lists say before what relations say.
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

    fn relation(&mut self, parent: (&str, &str), child: &str, privilege: &str, connection: &str) {
        self.relations.insert(RelationRow {
            parent_type: parent.0.into(),
            parent_id: parent.1.into(),
            entity_type: CONNECTION.into(),
            entity_id: child.into(),
            privilege: privilege.into(),
            connection_type: connection.into(),
            level: None,
        });
    }
}
