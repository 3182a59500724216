//! Attacks on what the host has to give.

use crate::ask;
use portcullis_kit::bindings::portcullis::connector::logging::{self, Severity};
use portcullis_kit::bindings::portcullis::connector::output::{
    self, CoverageStatus, Entity, EntityType, Finding, Item, Key, Metadatum, Relation,
    RelationKind, Stage,
};
use std::hint::black_box;
use std::mem::ManuallyDrop;
use wasip2::clocks::monotonic_clock;

pub(crate) fn spin() -> ! {
    loop {
        black_box(());
    }
}

/// Takes 64 MiB, if it gets them.
pub(crate) fn memory() {
    let held: Vec<Vec<u8>> = (0..64).map(|_| black_box(vec![1u8; 1 << 20])).collect();
    black_box(held);
}

pub(crate) fn recursion() {
    #[expect(unconditional_recursion, reason = "that is the attack")]
    fn down(depth: u64) -> u64 {
        let frame = black_box([depth; 64]);
        frame[0] + down(black_box(depth + 1)) + frame[63]
    }
    black_box(down(0));
}

pub(crate) fn request_handles() {
    let mut held = Vec::new();
    loop {
        held.push(wasip2::http::types::Fields::new());
    }
}

pub(crate) fn pollable_handles() {
    let mut held = Vec::new();
    loop {
        held.push(monotonic_clock::subscribe_duration(u64::MAX));
    }
}

/// Ten thousand at once, and waits for none.
pub(crate) fn requests_in_flight(lines: &[String]) {
    let mut held = Vec::new();
    for _ in 0..10_000 {
        held.extend(lines.iter().map(|line| ask::start(line)));
    }
    drop(held);
}

pub(crate) fn leave_requests(lines: &[String]) {
    let held: Vec<_> = lines.iter().map(|line| ask::start(line)).collect();
    std::mem::forget(held);
}

/// Gets the answer's head and never reads on.
pub(crate) fn unread_answer(lines: &[String]) {
    for line in lines {
        let answer = ask::start(line).and_then(ask::head);
        std::mem::forget(answer);
    }
}

pub(crate) fn endless_items() {
    for number in 0u64.. {
        output::emit(&[Item::Entity(Entity {
            key: Key {
                entity_type: EntityType::Identity,
                source_id: number.to_string(),
            },
            source_type: "user".to_owned(),
            name: String::new(),
            metadata: Vec::new(),
        })]);
    }
}

fn entity(name: String, metadata: Vec<(String, Metadatum)>) -> Item {
    Item::Entity(Entity {
        key: Key {
            entity_type: EntityType::Identity,
            source_id: "1".to_owned(),
        },
        source_type: "user".to_owned(),
        name,
        metadata,
    })
}

/// Three hundred requests that are never sent, each with a MiB in it.
pub(crate) fn fat_requests() {
    use wasip2::http::types::{Fields, OutgoingRequest};
    let large = "x".repeat(1 << 20);
    let held: Vec<_> = (0..300)
        .map(|_| {
            let request = OutgoingRequest::new(Fields::new());
            let _ = request.set_authority(Some(&large));
            request
        })
        .collect();
    spin_a_while();
    drop(held);
}

/// A million items as a connector emits them, half entities and half relations. For a benchmark.
pub(crate) fn steady_items() {
    let key = |entity_type, number: u32| Key {
        entity_type,
        source_id: format!("{{00000000-0000-4000-8000-{number:012}}}"),
    };
    for batch in 0..5000u32 {
        let items: Vec<Item> = (batch * 100..(batch + 1) * 100)
            .flat_map(|number| {
                [
                    Item::Entity(Entity {
                        key: key(EntityType::Resource, number),
                        source_type: "repository".to_owned(),
                        name: format!("acme/repository-{number}"),
                        metadata: vec![
                            (
                                "slug".to_owned(),
                                Metadatum::Text(format!("repository-{number}")),
                            ),
                            ("is_private".to_owned(), Metadatum::Flag(true)),
                        ],
                    }),
                    Item::Relation(Relation {
                        kind: RelationKind::Containment,
                        parent: key(EntityType::Resource, number / 100),
                        child: key(EntityType::Resource, number + 1),
                        privilege: "contains".to_owned(),
                        level: None,
                        metadata: vec![("project".to_owned(), Metadatum::Text("acme".to_owned()))],
                    }),
                ]
            })
            .collect();
        output::emit(&items);
    }
}

/// A thousand lists of headers that are never sent, each of four hundred short ones.
pub(crate) fn fat_fields() {
    let held: Vec<_> = (0..1000)
        .map(|_| {
            let fields = wasip2::http::types::Fields::new();
            for number in 0..400 {
                let _ = fields.append(&format!("x{number}"), b"1");
            }
            fields
        })
        .collect();
    spin_a_while();
    drop(held);
}

/// Long enough for the host to look.
pub(crate) fn spin_a_while() {
    let began = monotonic_clock::now();
    while monotonic_clock::now() - began < 200_000_000 {
        black_box(());
    }
}

/// Asks again and again, and reads and drops no answer.
pub(crate) fn hoard(lines: &[String]) {
    let mut held = Vec::new();
    for line in lines {
        held.push(ask::start(line).and_then(ask::head));
    }
    drop(held);
}

/// Asks everything at once, waits for each answer, and reads and drops none until all are there.
pub(crate) fn hoard_at_once(lines: &[String]) {
    let started: Vec<_> = lines.iter().map(|line| ask::start(line)).collect();
    let held: Vec<_> = started
        .into_iter()
        .map(|one| one.and_then(ask::head))
        .collect();
    for (number, answer) in held.iter().enumerate() {
        ask::tell(number, answer.as_ref().map(|answer| answer.status()));
    }
    drop(held);
}

/// Asks for one after the other, reads the first byte of each answer, and drops none.
pub(crate) fn hoard_first_bytes(lines: &[String]) {
    for (number, line) in lines.iter().enumerate() {
        let answer = ask::start(line).and_then(ask::head);
        ask::tell(number, answer.as_ref().map(|answer| answer.status()));
        let Ok(answer) = answer else { continue };
        if let Ok(body) = answer.consume() {
            if let Ok(stream) = body.stream() {
                let _ = stream.blocking_read(1);
                std::mem::forget(stream);
            }
            std::mem::forget(body);
        }
        std::mem::forget(answer);
    }
}

/// Asks everything at once and reads the answers in the order of the requests, as a simple connector does.
pub(crate) fn read_in_order(lines: &[String]) {
    let started: Vec<_> = lines.iter().map(|line| ask::start(line)).collect();
    for (number, one) in started.into_iter().enumerate() {
        let read = one.and_then(ask::head).and_then(ask::read);
        ask::tell(number, read.as_ref().map(|answer| answer.status));
    }
}

/// Five thousand requests that are handed over with a body that never ends, each with a path of 60,000 bytes.
pub(crate) fn open_bodies(lines: &[String]) {
    use wasip2::http::outgoing_handler::handle;
    use wasip2::http::types::{Fields, OutgoingRequest, Scheme};
    let path = format!("/api/{}", "x".repeat(60_000));
    let authority = lines.first().map(String::as_str);
    let held: Vec<_> = (0..5000)
        .map(|_| {
            let request = OutgoingRequest::new(Fields::new());
            let body = request.body();
            let _ = request.set_scheme(Some(&Scheme::Http));
            let _ = request.set_authority(authority);
            let _ = request.set_path_with_query(Some(&path));
            (handle(request, None), body)
        })
        .collect();
    spin_a_while();
    drop(held);
}

/// Drops the body of each answer and keeps its head.
pub(crate) fn keep_heads(lines: &[String]) {
    let mut held = Vec::new();
    for line in lines {
        if let Ok(answer) = ask::start(line).and_then(ask::head) {
            drop(answer.consume());
            held.push(answer);
        }
    }
    spin_a_while();
    drop(held);
}

/// Three hundred MiB of them, no two alike.
pub(crate) fn many_warnings() {
    for number in 0..1500 {
        output::emit(&[Item::Warning(format!("{number} {}", "x".repeat(200 << 10)))]);
    }
}

/// Each of a hundred and fifty thousand entities is of a type of its own, whose name takes a thousand bytes.
pub(crate) fn many_types() {
    let long = "x".repeat(1000);
    for batch in 0..1500 {
        let items: Vec<Item> = (0..100)
            .map(|number| {
                Item::Entity(Entity {
                    key: Key {
                        entity_type: EntityType::Identity,
                        source_id: format!("{batch} {number}"),
                    },
                    source_type: format!("{batch} {number} {long}"),
                    name: String::new(),
                    metadata: Vec::new(),
                })
            })
            .collect();
        output::emit(&items);
    }
}

/// Two hundred thousand resources, each in the next.
pub(crate) fn deep_containment() {
    let key = |number: u32| Key {
        entity_type: EntityType::Resource,
        source_id: number.to_string(),
    };
    for batch in 0..200 {
        let numbers = batch * 1000..(batch + 1) * 1000;
        let items: Vec<Item> = numbers
            .flat_map(|number| {
                [
                    Item::Entity(Entity {
                        key: key(number),
                        source_type: "box".to_owned(),
                        name: String::new(),
                        metadata: Vec::new(),
                    }),
                    Item::Relation(Relation {
                        kind: RelationKind::Containment,
                        parent: key(number),
                        child: key(number + 1),
                        privilege: "contains".to_owned(),
                        level: None,
                        metadata: Vec::new(),
                    }),
                ]
            })
            .collect();
        output::emit(&items);
    }
}

/// Forty that are each just allowed, of 200 KiB.
pub(crate) fn large_items() {
    for number in 0..40 {
        output::emit(&[Item::Warning(format!("{number} {}", "x".repeat(200 << 10)))]);
    }
}

/// One that is too large for an item and small enough for a call.
pub(crate) fn large_item() {
    output::emit(&[entity("x".repeat(10 << 20), Vec::new())]);
}

/// A million keys, of which as many as a call can carry.
pub(crate) fn wide_metadata() {
    let metadata = (0..1_000_000)
        .map(|number| (number.to_string(), Metadatum::Flag(true)))
        .collect();
    output::emit(&[entity(String::new(), metadata)]);
}

pub(crate) fn large_log() {
    logging::log(Severity::Info, &"x".repeat(10 << 20));
}

pub(crate) fn flood_of_logs() {
    for number in 0..200_000u64 {
        logging::log(Severity::Info, "line");
        output::progress(&Stage {
            name: format!("stage {number}"),
            done: number,
            total: None,
        });
    }
}

/// A thousand warnings that all lie in the same MiB.
#[allow(unsafe_code)]
pub(crate) fn shared_buffer() {
    let buffer = ManuallyDrop::new("x".repeat(1 << 20));
    let items: Vec<Item> = (0..1000)
        .map(|_| {
            // SAFETY: there is none, which is the attack: a thousand owners of one buffer. None is ever dropped.
            let text = unsafe {
                String::from_raw_parts(buffer.as_ptr().cast_mut(), buffer.len(), buffer.capacity())
            };
            Item::Warning(text)
        })
        .collect();
    let items = ManuallyDrop::new(items);
    output::emit(&items);
}

/// A thousand findings that all lie in the same MiB.
#[allow(unsafe_code)]
pub(crate) fn large_findings() -> Vec<Finding> {
    let buffer = ManuallyDrop::new("x".repeat(1 << 20));
    (0..1000)
        .map(|_| Finding {
            family: "f".to_owned(),
            status: CoverageStatus::Complete,
            slot: None,
            // SAFETY: as above.
            advice: unsafe {
                String::from_raw_parts(buffer.as_ptr().cast_mut(), buffer.len(), buffer.capacity())
            },
        })
        .collect()
}

pub(crate) fn sleep() {
    monotonic_clock::subscribe_duration(3_600_000_000_000).block();
}
