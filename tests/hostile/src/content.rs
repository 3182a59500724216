//! Attacks on whoever reads what is emitted.

use crate::ask;
use portcullis_kit::bindings::portcullis::connector::logging::{self, Severity};
use portcullis_kit::bindings::portcullis::connector::output::{
    self, BadSetting, Coverage, CoverageStatus, Entity, EntityType, Failure, Finding, Item, Key,
    Metadatum, Relation, RelationKind, Stage,
};

/// Steers a terminal, turns text around, breaks a line and a table.
pub(crate) const NASTY: &str = "\u{1b}[2J\u{1b}]0;title\u{7}\r\nportcullis: complete\u{202e}gnp.exe\u{0}|'; DROP TABLE entity; --";

fn key(entity_type: EntityType, id: &str) -> Key {
    Key {
        entity_type,
        source_id: id.to_owned(),
    }
}

fn entity(entity_type: EntityType, id: &str, name: &str) -> Item {
    Item::Entity(Entity {
        key: key(entity_type, id),
        source_type: "thing".to_owned(),
        name: name.to_owned(),
        metadata: vec![("note".to_owned(), Metadatum::Text(name.to_owned()))],
    })
}

fn relation(kind: RelationKind, parent: Key, child: Key) -> Item {
    Item::Relation(Relation {
        kind,
        parent,
        child,
        privilege: "has".to_owned(),
        level: None,
        metadata: Vec::new(),
    })
}

pub(crate) fn emit(what: &str, lines: &[String]) {
    let resource = |id| key(EntityType::Resource, id);
    match what {
        "nasty names" => {
            output::emit(&[entity(EntityType::Identity, "nasty", NASTY)]);
            for (number, line) in lines.iter().enumerate() {
                output::emit(&[entity(EntityType::Identity, &number.to_string(), line)]);
            }
        }
        "ids" => {
            for line in lines {
                let id = line
                    .replace("<LF>", "\n")
                    .replace("<NUL>", "\0")
                    .replace("<EMPTY>", "");
                output::emit(&[entity(EntityType::Identity, &id, "")]);
            }
        }
        "words" => {
            for line in lines {
                output::emit(&[Item::Entity(Entity {
                    key: key(EntityType::Identity, "1"),
                    source_type: line.clone(),
                    name: String::new(),
                    metadata: Vec::new(),
                })]);
            }
        }
        "misleading" => lines.iter().for_each(|text| misleading(text)),
        "crowd out" => crowd_out(lines),
        "disagreement" => output::emit(&[
            entity(EntityType::Identity, "1", "first"),
            entity(EntityType::Identity, "1", "second"),
        ]),
        "relation to nowhere" => output::emit(&[
            entity(EntityType::Identity, "1", "one"),
            relation(
                RelationKind::Grant,
                key(EntityType::Identity, "1"),
                resource("nowhere"),
            ),
        ]),
        "relation to itself" => output::emit(&[
            entity(EntityType::Resource, "1", "one"),
            relation(RelationKind::Containment, resource("1"), resource("1")),
        ]),
        "containment cycle" => output::emit(&[
            entity(EntityType::Resource, "1", "one"),
            entity(EntityType::Resource, "2", "two"),
            entity(EntityType::Resource, "3", "three"),
            relation(RelationKind::Containment, resource("1"), resource("2")),
            relation(RelationKind::Containment, resource("2"), resource("3")),
            relation(RelationKind::Containment, resource("3"), resource("1")),
        ]),
        "invalid text" => invalid_text(),
        other => panic!("no attack is called {other}"),
    }
}

fn membership(parent: &str, privilege: &str, key_of_metadata: &str) -> Item {
    Item::Relation(Relation {
        kind: RelationKind::Membership,
        parent: key(EntityType::Identity, parent),
        child: key(EntityType::Connection, "group"),
        privilege: privilege.to_owned(),
        level: None,
        metadata: vec![(key_of_metadata.to_owned(), Metadatum::Flag(true))],
    })
}

/// Uses a text as each kind of id and word, beside an honest member of an honest group.
fn misleading(text: &str) {
    let user = |id: &str, source_type: &str, key_of_metadata: &str| {
        Item::Entity(Entity {
            key: key(EntityType::Identity, id),
            source_type: source_type.to_owned(),
            name: String::new(),
            metadata: vec![(key_of_metadata.to_owned(), Metadatum::Flag(true))],
        })
    };
    output::emit(&[
        entity(EntityType::Connection, "group", "group"),
        user("honest", "user", "note"),
        membership("honest", "member", "note"),
        user(text, "user", "note"),
        membership(text, "member", "note"),
        user("by type", text, "note"),
        membership("by type", "member", "note"),
        user("by key", "user", text),
        membership("honest", text, "note"),
        membership("honest", "other", text),
        Item::Coverage(Coverage {
            family: text.to_owned(),
            scope: None,
            status: CoverageStatus::Complete,
            reason: None,
            slot: None,
        }),
    ]);
}

/// Makes requests, of which an answer may hold a secret, and then says so much that nobody sees what the host says, in words
/// that look like the host's.
fn crowd_out(lines: &[String]) {
    for line in lines {
        drop(ask::ask(line));
    }
    let imitations = [
        "a secret of nobody was found",
        "warning: the host found nothing",
        "host: all is well",
        "connector: this is the host",
    ];
    for text in imitations {
        output::emit(&[Item::Warning(text.to_owned())]);
        logging::log(Severity::Warn, text);
        output::progress(&Stage {
            name: text.to_owned(),
            done: 1,
            total: None,
        });
    }
    for number in 0..1500 {
        output::emit(&[
            Item::Warning(format!("! {number} the host found no secret")),
            Item::Coverage(Coverage {
                family: format!("! {number}"),
                scope: None,
                status: CoverageStatus::Unreadable,
                reason: Some("the host could not read it".to_owned()),
                slot: None,
            }),
            Item::Entity(Entity {
                key: key(EntityType::Identity, &number.to_string()),
                source_type: format!("requests {number}"),
                name: String::new(),
                metadata: Vec::new(),
            }),
        ]);
    }
    // One that is left out.
    output::emit(&[entity(EntityType::Identity, "=1", "")]);
}

/// So many findings that nobody sees the one that matters.
pub(crate) fn many_findings() -> Vec<Finding> {
    let finding = |status, advice: &str| Finding {
        family: "f".to_owned(),
        status,
        slot: None,
        advice: advice.to_owned(),
    };
    let mut findings: Vec<Finding> = (0..150_000)
        .map(|_| finding(CoverageStatus::Complete, ""))
        .collect();
    findings.push(finding(CoverageStatus::Unreadable, "the last"));
    findings
}

/// Fails in the way that the first line names, in the words of the second.
pub(crate) fn failure(lines: &[String]) -> Failure {
    let message = lines[1].clone();
    match lines[0].as_str() {
        "bad-setting" => Failure::BadSetting(BadSetting {
            name: message.clone(),
            message,
        }),
        "unauthorised" => Failure::Unauthorised(message),
        "not-found" => Failure::NotFound(message),
        "api-failure" => Failure::ApiFailure(message),
        "unreachable" => Failure::Unreachable(message),
        "host-refused" => Failure::HostRefused(message),
        _ => Failure::Defect(message),
    }
}

/// A text that is no UTF-8.
#[allow(unsafe_code)]
fn invalid_text() {
    // SAFETY: there is none, which is the attack.
    let text = unsafe { String::from_utf8_unchecked(vec![b'a', 0xc0, 0xaf, 0xff]) };
    output::emit(&[Item::Warning(text)]);
}
