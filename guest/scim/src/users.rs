//! Users: `GET /Users`.

use crate::attributes::{Attributes, Value, flag, text};
use crate::list::{self, Rows};
use crate::members;
use crate::nested::{self, Nested, Reference};
use crate::rights::{self, Right};
use crate::run::Run;
use portcullis_kit::bindings::portcullis::connector::output::Item;
use portcullis_kit::client::Miss;
use portcullis_kit::cut::Shape;
use portcullis_kit::id::Id;
use portcullis_kit::item::{entity, identity};
use portcullis_kit::reading::Reading;
use std::borrow::Cow;

/// A user's groups may be many, and some servers give each with all of its members.
const SHAPE: Shape = Shape::Within(&["Resources", "groups", "members"]);

/// A user alone.
const ONE: Shape = Shape::Within(&["groups", "members"]);

/// What is kept of a user, in the object itself or an extension.
const TEXTS: [&str; 13] = [
    "userName",
    "externalId",
    "title",
    "userType",
    "department",
    "organization",
    "division",
    "costCenter",
    "employeeNumber",
    "nickName",
    "locale",
    "timezone",
    "atlassianAccountId",
];

/// What users are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Their entities alone.
    Entities,
    /// Their entities, and the groups that they show.
    Both,
    /// The groups that they show.
    Groups,
}

type TakeGroup<'r> = Box<dyn FnMut(&Id, Reference, Option<u64>) + 'r>;

struct UserRows<'r> {
    run: &'r Run<'r>,
    purpose: Purpose,
    groups: Nested<TakeGroup<'r>>,
    read_at: Option<u64>,
}

/// Reads the users.
pub(crate) async fn read(run: &Run<'_>, purpose: Purpose) -> Reading {
    let list = run.list(&run.discovery.users, SHAPE, "users");
    list::read(&list, || {
        let take: TakeGroup<'_> = Box::new(move |user, group, read_at| {
            if purpose != Purpose::Groups {
                run.everyone.borrow_mut().count_shown(user, &group);
            }
            if purpose != Purpose::Entities {
                members::of_user(run, user, group, read_at);
            }
        });
        UserRows {
            run,
            purpose,
            groups: Nested::new("groups", None, take),
            read_at: None,
        }
    })
    .await
}

/// Reads one user's groups; their number.
///
/// # Errors
/// [`Miss`] where they did not come.
pub(crate) async fn groups_of(run: &Run<'_>, id: &str, slot: usize) -> Result<usize, Miss> {
    let path = run.settings.path(&run.discovery.users, Some(id));
    let take = |user: &Id, group, read_at| members::of_user(run, user, group, read_at);
    nested::read(
        run.client,
        &path,
        slot,
        ONE,
        Nested::new("groups", Some(id), take),
    )
    .await
}

impl Rows for UserRows<'_> {
    fn anew(&mut self, read_at: Option<u64>) {
        self.read_at = read_at;
        self.groups.anew(read_at);
    }

    fn opened(&mut self, user: &Attributes<'_>) {
        self.groups.opened(user);
    }

    fn part(&mut self, group: &[u8]) {
        self.groups.part(group);
    }

    fn row(&mut self, id: &Id, user: &Attributes<'_>) {
        self.groups.close(user);
        if self.purpose == Purpose::Groups {
            return;
        }
        self.run.everyone.borrow_mut().users.list(id.as_str());
        self.run.sink.emit_read(item(id, user), self.read_at);
        for right in Right::BOTH {
            rights::of_user(self.run, right, id, user, self.read_at);
        }
    }
}

/// A user's entity. A status that wasn't told is unknown, never a guess: taking it for inactive would disable
/// everyone.
fn item(id: &Id, user: &Attributes<'_>) -> Item {
    let name = name(user);
    let active = user.get("active").and_then(flag);
    let mut draft = entity(identity(id.as_str()), "user", &name);
    for key in TEXTS {
        draft = draft.text(key, user.anywhere(key).and_then(text).as_deref());
    }
    let manager = user.anywhere("manager");
    let of_manager = |inner: &str| match manager.and_then(Value::object) {
        Some(manager) => manager.text(inner),
        None if inner == "value" => manager.and_then(text),
        None => None,
    };
    draft
        .texts("emails", emails(user))
        .flag("active", active)
        .text("status", active.is_none().then_some("unknown"))
        .text("manager", of_manager("value").as_deref())
        .text("managerName", of_manager("displayName").as_deref())
        .instant("created", of_meta(user, "created").as_deref())
        .instant("lastModified", of_meta(user, "lastModified").as_deref())
        .item()
}

fn of_meta<'r>(resource: &'r Attributes<'_>, name: &str) -> Option<Cow<'r, str>> {
    resource.within("meta", name).and_then(text)
}

fn name<'u>(user: &'u Attributes<'_>) -> Cow<'u, str> {
    let part = |name: &str| user.within("name", name).and_then(text);
    let both = || {
        let parts: Vec<Cow<'_, str>> = ["givenName", "familyName"]
            .iter()
            .filter_map(|name| part(name))
            .collect();
        (!parts.is_empty()).then(|| Cow::Owned(parts.join(" ")))
    };
    user.text("displayName")
        .or_else(|| part("formatted"))
        .or_else(both)
        .or_else(|| user.text("userName"))
        .unwrap_or_default()
}

/// The e-mail addresses, the primary one first.
fn emails(user: &Attributes<'_>) -> Vec<String> {
    let mut emails: Vec<(bool, String)> = user
        .each("emails")
        .iter()
        .filter_map(|email| match email.object() {
            Some(email) => Some((
                !email.get("primary").and_then(flag).unwrap_or(false),
                email.text("value")?.into_owned(),
            )),
            None => Some((true, text(email)?.into_owned())),
        })
        .collect();
    emails.sort_by_key(|(secondary, _)| *secondary);
    let mut unique = Vec::new();
    for (_, email) in emails {
        if !unique.contains(&email) {
            unique.push(email);
        }
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_kit::bindings::portcullis::connector::output::Metadatum;
    use serde_json::json;

    fn told(value: serde_json::Value) -> (String, Vec<(String, String)>) {
        let user = Attributes::from(&value);
        let id = user.id().unwrap_or_else(|| panic!("an id"));
        let Item::Entity(entity) = item(&id, &user) else {
            panic!("an entity")
        };
        let shown = |value: Metadatum| match value {
            Metadatum::Text(text) => text,
            Metadatum::Texts(texts) => texts.join("+"),
            Metadatum::Flag(flag) => flag.to_string(),
            Metadatum::Integer(number) => number.to_string(),
        };
        let metadata = entity
            .metadata
            .into_iter()
            .map(|(key, value)| (key, shown(value)))
            .collect();
        (entity.name, metadata)
    }

    fn has(metadata: &[(String, String)], key: &str, value: &str) -> bool {
        metadata.iter().any(|(k, v)| k == key && v == value)
    }

    #[test]
    fn what_a_user_tells_is_kept_wherever_it_stands() {
        let (name, metadata) = told(json!({
            "id": 7, "userName": "ann", "name": {"givenName": "Ann", "familyName": "Lee"}, "active": "True",
            "emails": [{"value": "b@example.com"}, {"value": "a@example.com", "primary": true}, "a@example.com"],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "R&D", "manager": {"value": "9", "displayName": "Bo"}},
            "urn:scim:schemas:extension:atlassian-external:1.0": {"atlassianAccountId": "557058:1"},
            "meta": {"created": "2024-01-01T00:00:00Z"},
        }));
        assert_eq!(name, "Ann Lee");
        for (key, value) in [
            ("userName", "ann"),
            ("active", "true"),
            ("emails", "a@example.com+b@example.com"),
            ("department", "R&D"),
            ("manager", "9"),
            ("managerName", "Bo"),
            ("atlassianAccountId", "557058:1"),
            ("created", "2024-01-01T00:00:00Z"),
        ] {
            assert!(has(&metadata, key, value), "{key}: {metadata:?}");
        }
        assert!(!metadata.iter().any(|(key, _)| key == "status"));
    }

    #[test]
    fn a_status_that_was_not_told_is_unknown() {
        for user in [
            json!({"id": "1"}),
            json!({"id": "1", "active": null}),
            json!({"id": "1", "active": "perhaps"}),
        ] {
            let (_, metadata) = told(user);
            assert!(has(&metadata, "status", "unknown"));
            assert!(!metadata.iter().any(|(key, _)| key == "active"));
        }
    }

    #[test]
    fn a_user_without_names_goes_by_the_user_name() {
        assert_eq!(
            told(json!({"id": "1", "userName": "ann", "displayName": ""})).0,
            "ann"
        );
        assert_eq!(
            told(json!({"id": "1", "userName": "ann", "name": {"formatted": "Ann L."}})).0,
            "Ann L."
        );
    }
}
