use futures::executor::block_on;
use portcullis_bitbucket::{Settings, check, extract};
use portcullis_kit::api::Response;
use portcullis_kit::bindings::portcullis::connector::output::{Item, RelationKind};
use portcullis_kit::script::{Heard, Script};
use std::cell::Cell;

/// Bodies that Bitbucket might begin with, so that the fuzzer gets behind the first request.
const STATUSES: [u16; 8] = [200, 200, 200, 200, 403, 404, 301, 500];

/// The connector reads anything without a panic, asks a bounded number of times, and emits only relations that make
/// sense. The input: answers, separated by 0xff, given in turn; the first byte of each chooses its status.
///
/// # Panics
/// Where that does not hold.
pub fn guest(data: &[u8]) {
    let answers: Vec<&[u8]> = data.split(|byte| *byte == 0xff).collect();
    let mut settings = Settings::new("https://api.bitbucket.org", "acme").expect("settings");
    settings.slots = vec!["workspace-token".to_owned(), "account".to_owned()];
    settings.in_flight = 3;
    let number = Cell::new(0usize);
    let answer = |_: &_| {
        let answer = answers[number.get() % answers.len()];
        number.set(number.get() + 1);
        let (first, body) = answer.split_first().unwrap_or((&0, &[]));
        Ok(Response {
            status: STATUSES[usize::from(*first) % STATUSES.len()],
            headers: vec![("location".to_owned(), "/2.0/workspaces/acme".to_owned())],
            body: body.to_vec(),
        })
    };
    let api = Script::new(answer);
    let heard = Heard::default();
    let _ = block_on(extract(&api, &heard, &settings));
    assert!(api.asked().len() < 50_000, "{} requests", api.asked().len());
    for request in api.asked() {
        assert!(request.path.starts_with('/'), "{}", request.path);
    }
    for item in heard.items.borrow().iter() {
        if let Item::Relation(relation) = item {
            let same = relation.parent.entity_type == relation.child.entity_type
                && relation.parent.source_id == relation.child.source_id;
            assert!(!same || relation.kind != RelationKind::Containment);
            assert!(!relation.privilege.is_empty());
        }
    }
    number.set(0);
    let _ = block_on(check(&api, &Heard::default(), &settings));
}
