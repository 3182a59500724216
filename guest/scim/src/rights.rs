//! Roles and entitlements: what users show of them, and the lists of them where the server has such.

use crate::attributes::{Attributes, text};
use crate::family;
use crate::list::{self, Rows};
use crate::run::Run;
use portcullis_kit::bindings::portcullis::connector::output::{Key, Level, RelationKind};
use portcullis_kit::cut::Shape;
use portcullis_kit::id::Id;
use portcullis_kit::item::{connection, entity, identity, relation};
use portcullis_kit::reading::{Outcome, Reading};
use portcullis_kit::roll::{Description, Roll};
use std::borrow::Cow;
use std::collections::HashMap;

/// What a user may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    Role,
    Entitlement,
}

impl Right {
    pub(crate) const BOTH: [Self; 2] = [Self::Role, Self::Entitlement];

    /// The word of the exports.
    fn word(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Entitlement => "entitlement",
        }
    }

    /// The attribute of a user, and the word of coverage.
    pub(crate) fn family(self) -> &'static str {
        match self {
            Self::Role => family::ROLES,
            Self::Entitlement => family::ENTITLEMENTS,
        }
    }

    /// The usual endpoint.
    fn endpoint(self) -> &'static str {
        match self {
            Self::Role => "Roles",
            Self::Entitlement => "Entitlements",
        }
    }

    fn key(self, value: &str) -> Key {
        connection(format!("{}/{value}", self.word()))
    }
}

/// All roles and entitlements of a run.
#[derive(Default)]
pub(crate) struct Rights {
    roles: Known,
    entitlements: Known,
}

impl Rights {
    fn of(&mut self, right: Right) -> &mut Known {
        match right {
            Right::Role => &mut self.roles,
            Right::Entitlement => &mut self.entitlements,
        }
    }
}

/// All of one kind.
#[derive(Default)]
struct Known {
    values: Roll<Shown>,
    /// The values of listed ones that users may name by their id.
    by_id: HashMap<String, String>,
    shown: bool,
    listed: bool,
    unreadable: usize,
}

/// What a user shows of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Shown {
    display: Option<String>,
    kind: Option<String>,
}

impl Description for Shown {
    fn better(self, other: Self) -> Self {
        let told = |shown: &Self| (shown.display.is_none(), shown.kind.is_none(), shown.clone());
        if told(&self) <= told(&other) {
            self
        } else {
            other
        }
    }
}

/// Takes what a user has.
pub(crate) fn of_user(
    run: &Run<'_>,
    right: Right,
    user: &Id,
    row: &Attributes<'_>,
    read_at: Option<u64>,
) {
    for value in row.each(right.family()) {
        let object = value.object();
        let told = |name: &str| object.and_then(|object| object.text(name));
        let word = text(value)
            .or_else(|| told("value"))
            .or_else(|| told("display"));
        let mut rights = run.rights.borrow_mut();
        let known = rights.of(right);
        known.shown = true;
        let Some(word) = word.as_deref().and_then(Id::new) else {
            known.unreadable = known.unreadable.saturating_add(1);
            continue;
        };
        let word = match known.by_id.get(word.as_str()) {
            Some(value) => value.clone(),
            None => word.as_str().to_owned(),
        };
        known.values.name(
            &word,
            Shown {
                display: told("display").map(Cow::into_owned),
                kind: told("type").map(Cow::into_owned),
            },
        );
        let held = relation(
            RelationKind::Membership,
            identity(user.as_str()),
            right.key(&word),
            "member",
            Some(Level::Member),
            &run.server,
        );
        run.sink.emit_read(held, read_at);
    }
}

struct RightRows<'r> {
    run: &'r Run<'r>,
    right: Right,
    read_at: Option<u64>,
}

impl Rows for RightRows<'_> {
    fn anew(&mut self, read_at: Option<u64>) {
        self.read_at = read_at;
    }

    fn row(&mut self, id: &Id, row: &Attributes<'_>) {
        let value = row.text("value").as_deref().and_then(Id::new);
        let value = value.as_ref().unwrap_or(id).as_str();
        let name = ["displayName", "display", "name"]
            .iter()
            .find_map(|name| row.text(name));
        self.run.sink.emit_read(
            entity(
                self.right.key(value),
                self.right.word(),
                name.as_deref().unwrap_or(value),
            )
            .text("id", (value != id.as_str()).then_some(id.as_str()))
            .text("type", row.text("type").as_deref())
            .text("description", row.text("description").as_deref())
            .item(),
            self.read_at,
        );
        let mut rights = self.run.rights.borrow_mut();
        let known = rights.of(self.right);
        known.values.list(value);
        if value != id.as_str() {
            known.by_id.insert(id.as_str().to_owned(), value.to_owned());
        }
    }
}

async fn read_list(run: &Run<'_>, right: Right, endpoint: &str) -> Reading {
    let list = run.list(endpoint, Shape::Within(&["Resources"]), right.family());
    let reading = list::read(&list, || RightRows {
        run,
        right,
        read_at: None,
    })
    .await;
    if reading.outcome != Outcome::Unreadable {
        run.rights.borrow_mut().of(right).listed = true;
    }
    reading
}

/// Reads the lists that a resource type tells of. Before the users, who may name a role by its id.
pub(crate) async fn read_declared(run: &Run<'_>) {
    for (right, endpoint) in [
        (Right::Role, &run.discovery.roles),
        (Right::Entitlement, &run.discovery.entitlements),
    ] {
        if let Some(endpoint) = endpoint {
            let reading = read_list(run, right, endpoint).await;
            run.list_was_read(right.family(), &reading);
        }
    }
}

/// Reads the lists that users alone tell of, emits what no list named, and says what could be read. After
/// the users.
pub(crate) async fn settle(run: &Run<'_>, users: &Outcome) {
    for right in Right::BOTH {
        let declared = match right {
            Right::Role => &run.discovery.roles,
            Right::Entitlement => &run.discovery.entitlements,
        };
        let shown = run.rights.borrow_mut().of(right).shown;
        if declared.is_none() && shown {
            let reading = read_list(run, right, right.endpoint()).await;
            if run.is_missing(&reading) {
                let what = format!(
                    "the server has no list of {}, so they are those that users have",
                    right.family()
                );
                run.coverage.borrow_mut().note(right.family(), what);
            } else {
                run.list_was_read(right.family(), &reading);
            }
        }
        say(run, right, users, declared.is_some());
        let mut rights = run.rights.borrow_mut();
        let known = rights.of(right);
        for (value, shown) in known.values.strangers() {
            let name = shown.display.as_deref().unwrap_or(value);
            let draft =
                entity(right.key(value), right.word(), name).text("type", shown.kind.as_deref());
            // Where there is no list, a user's word is all that there is.
            let draft = if known.listed {
                draft.dangling()
            } else {
                draft
            };
            run.sink.emit(draft.item());
        }
    }
}

fn say(run: &Run<'_>, right: Right, users: &Outcome, declared: bool) {
    let mut rights = run.rights.borrow_mut();
    let known = rights.of(right);
    let family = right.family();
    let mut coverage = run.coverage.borrow_mut();
    if known.unreadable > 0 {
        coverage.doubt(
            family,
            format!(
                "{} of those that users have can't be read: they have no value",
                known.unreadable
            ),
        );
    }
    let in_schema = run.discovery.declared.map(|declared| match right {
        Right::Role => declared.roles,
        Right::Entitlement => declared.entitlements,
    });
    match users {
        Outcome::Unreadable => {
            let why = format!("users can't be read, so which of them have {family} is unknown");
            if known.listed {
                coverage.doubt(family, why);
            } else {
                coverage.unreadable(family, why);
            }
        }
        Outcome::Partial(_) => {
            coverage.doubt(family, "perhaps not all users were listed".to_owned());
        }
        Outcome::Complete if known.shown || declared => {}
        Outcome::Complete if in_schema == Some(true) => {
            coverage.note(family, format!("no user has {family}"));
        }
        Outcome::Complete => coverage.unavailable(
            family,
            format!("no resource type and no user of this server tells of {family}"),
        ),
    }
}
