//! Whatever the API answers, the extractor ends, and does not panic.

mod scripted;

use portcullis_kit::api::{Request, Response};
use portcullis_kit::script::{Script, json};
use proptest::prelude::*;
use scripted::World;
use std::cell::Cell;

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
        prop::sample::select(vec!["{u1}", "read", "../..", "a/b", "\u{0}", "P1"])
            .prop_map(Into::into),
    ];
    let names = prop::sample::select(vec![
        "values",
        "next",
        "page",
        "size",
        "uuid",
        "slug",
        "key",
        "user",
        "group",
        "permission",
        "project",
        "members",
        "id",
        "name",
        "error",
        "type",
    ]);
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec((names.clone(), inner), 0..6).prop_map(|pairs| pairs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn bytes_in_place_of_one_answer_never_panic(body in prop::collection::vec(any::<u8>(), 0..120), status in prop_oneof![Just(200_u16), 100_u16..600], at in 0_usize..30) {
        let world = World::new(6);
        let count = Cell::new(0);
        let script = Script::new(|request: &Request| {
            count.set(count.get() + 1);
            Ok(if count.get() == at + 1 { Response { status, headers: vec![], body: body.clone() } } else { world.answer(request) })
        });
        let _ = world.extract_by(script);
    }

    #[test]
    fn json_in_place_of_every_answer_never_panics(body in any_json(), from in 1_usize..8) {
        let world = World::new(3);
        let count = Cell::new(0);
        let script = Script::new(|request: &Request| {
            count.set(count.get() + 1);
            Ok(if count.get() > from { json(200, body.to_string()) } else { world.answer(request) })
        });
        let _ = world.extract_by(script);
    }
}
