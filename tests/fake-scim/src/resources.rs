//! Users, groups, roles and entitlements as JSON.

use serde_json::{Value, json};

use crate::behaviour::Behaviour;
use crate::family::Family;
use crate::index::Index;
use crate::world::{Right, World};

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ROLE: &str = "urn:ietf:params:scim:schemas:core:2.0:Role";
pub(crate) const ENTITLEMENT: &str = "urn:ietf:params:scim:schemas:core:2.0:Entitlement";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(crate) const ATLASSIAN: &str = "urn:scim:schemas:extension:atlassian-external:1.0";

/// What resources are made of.
pub(crate) struct Showing<'a> {
    pub(crate) world: &'a World,
    pub(crate) index: &'a Index,
    pub(crate) behaviour: &'a Behaviour,
    /// The URL that paths are below.
    pub(crate) base: &'a str,
}

impl Showing<'_> {
    pub(crate) fn user(&self, n: usize) -> Value {
        let (world, behaviour) = (self.world, self.behaviour);
        let (user, values) = (&world.users[n], &behaviour.values);
        let mut schemas = vec![USER];
        let mut shown = json!({
            "id": values.id(&user.id),
            "userName": user.user_name,
            "name": {"formatted": user.name()},
            "emails": [{"value": user.email, "type": "work", "primary": true}],
        });
        let mut set = |name: &str, value: Option<Value>| match value {
            Some(value) => shown[name] = value,
            None if values.null => shown[name] = Value::Null,
            None => {}
        };
        let text = |text: &Option<String>| text.clone().map(Value::from);
        set("externalId", text(&user.external_id));
        set("displayName", text(&user.display_name));
        set("title", text(&user.title));
        set("active", values.active(user.active));
        set("roles", self.rights(&world.roles, &user.roles));
        set(
            "entitlements",
            self.rights(&world.entitlements, &user.entitlements),
        );
        set("groups", behaviour.user_groups.of(n, self));
        set("meta", values.meta(self.base, "User", &user.id));
        let mut enterprise = json!({});
        if let Some(department) = &user.department {
            enterprise["department"] = department.as_str().into();
        }
        if let Some(manager) = user.manager {
            let manager = &world.users[manager];
            enterprise["manager"] = json!({
                "value": values.id(&manager.id),
                "displayName": manager.name(),
                "$ref": format!("{}/Users/{}", self.base, manager.id),
            });
        }
        if enterprise != json!({}) {
            schemas.push(ENTERPRISE);
            shown[ENTERPRISE] = enterprise;
        }
        if let Some(account) = &user.account_id {
            schemas.push(ATLASSIAN);
            shown[ATLASSIAN] = json!({"atlassianAccountId": account});
            // Atlassian has it at the top too.
            if let Some(department) = &user.department {
                shown["department"] = department.as_str().into();
            }
        }
        shown["schemas"] = schemas.into();
        shown
    }

    fn rights(&self, rights: &[Right], held: &[usize]) -> Option<Value> {
        let one = |&n: &usize| json!({"value": rights[n].value, "display": rights[n].display});
        let shown: Vec<Value> = held.iter().map(one).collect();
        (!shown.is_empty()).then(|| shown.into())
    }

    pub(crate) fn group(&self, n: usize, single: bool) -> Value {
        let (group, values) = (&self.world.groups[n], &self.behaviour.values);
        let mut shown = json!({
            "schemas": [GROUP],
            "id": values.id(&group.id),
            "displayName": group.display_name,
        });
        let mut set = |name: &str, value: Option<Value>| match value {
            Some(value) => shown[name] = value,
            None if values.null => shown[name] = Value::Null,
            None => {}
        };
        set("externalId", group.external_id.clone().map(Value::from));
        set("meta", values.meta(self.base, "Group", &group.id));
        if let Some(members) = self.behaviour.members.of(group, single, self) {
            shown["members"] = members;
        }
        shown
    }

    /// A role or an entitlement; its `value` is what users' attributes hold.
    pub(crate) fn right(&self, family: Family, n: usize) -> Value {
        let (schema, right) = match family {
            Family::Roles => (ROLE, &self.world.roles[n]),
            _ => (ENTITLEMENT, &self.world.entitlements[n]),
        };
        let values = &self.behaviour.values;
        let id = right_id(family, right, self.behaviour);
        let mut shown = json!({
            "schemas": [schema],
            "id": id,
            "displayName": right.display,
        });
        if !self.behaviour.rights_by_id {
            shown["value"] = right.value.as_str().into();
            shown["display"] = right.display.as_str().into();
        }
        if let Some(meta) = values.meta(self.base, family.resource_type(), &id) {
            shown["meta"] = meta;
        }
        shown
    }
}

/// The id of a role or an entitlement: users name it by its value.
pub(crate) fn right_id(family: Family, right: &Right, behaviour: &Behaviour) -> String {
    if behaviour.rights_by_id {
        return right.value.clone();
    }
    format!("{}:{}", family.resource_type(), right.value)
}
