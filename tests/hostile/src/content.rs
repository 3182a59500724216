//! Attacks on whoever reads what is emitted.

use portcullis_kit::bindings::portcullis::connector::output::{
    self, Entity, EntityType, Item, Key, Metadatum, Relation, RelationKind,
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

/// A text that is no UTF-8.
#[allow(unsafe_code)]
fn invalid_text() {
    // SAFETY: there is none, which is the attack.
    let text = unsafe { String::from_utf8_unchecked(vec![b'a', 0xc0, 0xaf, 0xff]) };
    output::emit(&[Item::Warning(text)]);
}
