//! Each way in which an API pages badly, alone.

use super::*;
use crate::api::{Request, Response, TransportError};
use crate::client::Dialect;
use crate::origin::ApiOrigin;
use crate::script::{Heard, Script, html, json, redirect};
use futures::executor::block_on;
use proptest::prelude::*;
use serde_json::{Value, json as value};
use std::cell::Cell;

#[derive(Deserialize)]
struct Thing {
    id: u64,
}

impl Listed for Thing {
    fn id(&self) -> Cow<'_, str> {
        self.id.to_string().into()
    }
}

struct Plain;

impl Dialect for Plain {
    fn judge(&self, response: &Response) -> Result<(), Miss> {
        match response.status {
            200 if response
                .header("content-type")
                .is_none_or(|kind| kind.contains("json")) =>
            {
                Ok(())
            }
            401 => Err(Miss::SlotRefused("401".into())),
            404 => Err(Miss::NotFound("404".into())),
            status => Err(Miss::Failed(status.to_string())),
        }
    }

    fn trace(&self, _response: &Response) -> Option<String> {
        None
    }
}

/// What was read of a list whose pages are what `answers` gives for a path.
fn list(script: &Script<'_>) -> (Vec<u64>, Reading) {
    list_side_by_side(script, 0)
}

/// As [`list`], so many pages at once.
fn list_side_by_side(script: &Script<'_>, pages: usize) -> (Vec<u64>, Reading) {
    let origin = ApiOrigin::of("https://api.example.com").unwrap_or_else(|| unreachable!());
    let heard = Heard::default();
    let client = Client::new(
        script,
        &Plain,
        &heard,
        origin,
        vec!["token".into(), "account".into()],
    );
    let mut pager = Pager::new(
        &client,
        "/2.0/things?pagelen=100".into(),
        vec![0, 1],
        10_000,
    )
    .side_by_side(pages);
    let mut ids = Vec::new();
    while let Some(things) = block_on(pager.next::<Thing>()) {
        ids.extend(things.iter().map(|thing| thing.id));
    }
    (ids, pager.finish())
}

fn read(answers: impl Fn(&str) -> Response) -> (Vec<u64>, Reading) {
    list(&Script::new(|request: &Request| Ok(answers(&request.path))))
}

fn things(ids: impl IntoIterator<Item = u64>) -> Value {
    ids.into_iter().map(|id| value!({ "id": id })).collect()
}

fn page(body: Value) -> Response {
    json(200, body.to_string())
}

fn problems(reading: &Reading) -> String {
    match &reading.outcome {
        Outcome::Partial(problems) => problems.join("; "),
        other => panic!("{other:?}"),
    }
}

const FIRST: &str = "/2.0/things?pagelen=100";

#[test]
fn next_is_followed_as_given_even_where_it_is_a_hash() {
    let (ids, reading) = read(|path| match path {
        FIRST => page(
            value!({"values": things([1, 2]), "next": "https://api.example.com/2.0/things?ctx=a%2Bb%3D%3D&pagelen=100"}),
        ),
        "/2.0/things?ctx=a%2Bb%3D%3D&pagelen=100" => page(value!({"values": things([3])})),
        other => panic!("{other}"),
    });
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(reading.outcome, Outcome::Complete);
}

#[test]
fn next_on_another_origin_is_not_followed_but_replaced_where_size_and_page_tell_how() {
    let (ids, reading) = read(|path| match path {
        FIRST => page(
            value!({"values": things([1, 2]), "page": 1, "pagelen": 2, "size": 3, "next": "https://api.bitbucket.org/2.0/things?page=2"}),
        ),
        "/2.0/things?pagelen=100&page=2" => {
            page(value!({"values": things([3]), "page": 2, "pagelen": 2, "size": 3}))
        }
        other => panic!("{other}"),
    });
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(reading.outcome, Outcome::Complete);
}

#[test]
fn next_on_another_origin_without_size_makes_the_list_partial() {
    let (ids, reading) = read(|_| {
        page(value!({"values": things([1]), "next": "https://evil.example.org/2.0/things?page=2"}))
    });
    assert_eq!(ids, [1]);
    assert!(problems(&reading).contains("another origin"));
}

#[test]
fn next_on_another_path_is_not_followed() {
    for next in [
        "https://api.example.com/rest/1.0/accounts/x",
        "https://api.example.com/2.0/things-of-others?page=2",
    ] {
        let (_, reading) = read(|_| page(value!({"values": things([1]), "next": next})));
        assert!(problems(&reading).contains("another path"), "{next}");
    }
}

#[test]
fn where_next_is_missing_but_size_says_more_the_next_page_is_asked_for() {
    let (ids, reading) = read(|path| match path {
        FIRST => page(value!({"values": things(1..=10), "page": 1, "pagelen": 10, "size": 21})),
        "/2.0/things?pagelen=100&page=2" => {
            page(value!({"values": things(11..=20), "page": 2, "pagelen": 10, "size": 21}))
        }
        "/2.0/things?pagelen=100&page=3" => {
            page(value!({"values": things([21]), "page": 3, "pagelen": 10, "size": 21}))
        }
        other => panic!("{other}"),
    });
    assert_eq!(ids.len(), 21);
    assert_eq!(reading.outcome, Outcome::Complete);
}

#[test]
fn a_next_that_leads_to_its_own_page_is_not_followed_for_ever() {
    let (ids, reading) = read(|path| match path {
        FIRST => page(
            value!({"values": things([1]), "next": "https://api.example.com/2.0/things?pagelen=100"}),
        ),
        other => panic!("{other}"),
    });
    assert_eq!(ids, [1]);
    assert!(problems(&reading).contains("leads back"));
}

#[test]
fn a_next_that_leads_back_is_replaced_where_size_and_page_tell_how() {
    let (ids, reading) = read(|path| match path {
        FIRST => page(
            value!({"values": things([1]), "page": 1, "pagelen": 1, "size": 2, "next": "https://api.example.com/2.0/things?pagelen=100&page=1"}),
        ),
        "/2.0/things?pagelen=100&page=2" => page(
            value!({"values": things([2]), "page": 2, "pagelen": 1, "size": 2, "next": "https://api.example.com/2.0/things?pagelen=100"}),
        ),
        other => panic!("{other}"),
    });
    assert_eq!(ids, [1, 2]);
    assert_eq!(reading.outcome, Outcome::Complete);
}

#[test]
fn pages_that_bring_nothing_new_end_the_list_however_their_links_look() {
    let count = Cell::new(0);
    let (ids, reading) = read(|_| {
        count.set(count.get() + 1);
        page(
            value!({"values": things([1]), "next": format!("https://api.example.com/2.0/things?ctx={}", count.get())}),
        )
    });
    assert_eq!(ids, [1]);
    assert_eq!(count.get(), 2);
    assert!(problems(&reading).contains("came before"));
}

#[test]
fn an_empty_page_ends_the_list_even_where_it_has_a_next() {
    let (ids, reading) = read(|path| match path {
        FIRST => page(
            value!({"values": things([1]), "next": "https://api.example.com/2.0/things?page=2"}),
        ),
        "/2.0/things?page=2" => {
            page(value!({"values": [], "next": "https://api.example.com/2.0/things?page=3"}))
        }
        other => panic!("{other}"),
    });
    assert_eq!(ids, [1]);
    assert_eq!(reading.outcome, Outcome::Complete);
}

#[test]
fn a_list_without_end_is_cut_off_and_partial() {
    let count = Cell::new(0);
    let (ids, reading) = read(|_| {
        count.set(count.get() + 1);
        page(
            value!({"values": things([count.get()]), "next": format!("https://api.example.com/2.0/things?ctx={}", count.get())}),
        )
    });
    assert_eq!(ids.len(), MOST_PAGES);
    assert!(problems(&reading).contains("pages"));
}

#[test]
fn elements_that_come_twice_are_given_and_counted_once() {
    let (ids, reading) = read(|path| match path {
        FIRST => page(
            value!({"values": things([1, 2]), "size": 3, "next": "https://api.example.com/2.0/things?page=2"}),
        ),
        _ => page(value!({"values": things([2, 3]), "size": 3})),
    });
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(reading.outcome, Outcome::Complete);
}

#[test]
fn an_envelope_with_values_alone_is_enough() {
    let (ids, reading) = read(|_| page(value!({"values": things([1])})));
    assert_eq!(ids, [1]);
    assert_eq!(reading.outcome, Outcome::Complete);
}

#[test]
fn an_envelope_of_other_types_is_read_as_far_as_it_goes() {
    let (ids, _) = read(|_| {
        page(
            value!({"values": things([1]), "next": 5, "size": "many", "page": -1, "pagelen": null}),
        )
    });
    assert_eq!(ids, [1]);
}

#[test]
fn fewer_elements_than_size_make_the_list_partial() {
    let (_, reading) = read(|_| page(value!({"values": things([1]), "size": 2})));
    assert!(problems(&reading).contains("1 elements came, though the API counts 2"));
}

#[test]
fn more_elements_than_size_are_remarked_upon() {
    let (_, reading) = read(|_| page(value!({"values": things([1, 2]), "size": 1})));
    assert_eq!(reading.outcome, Outcome::Complete);
    assert_eq!(reading.remarks.len(), 1);
}

#[test]
fn a_text_among_the_values_is_reported_and_costs_no_other_element() {
    let (ids, reading) = read(|_| {
        page(value!({"values": ["A Free plan does not support this", {"id": 1}, {}, null]}))
    });
    assert_eq!(ids, [1]);
    assert!(problems(&reading).contains("A Free plan does not support this"));
    assert!(problems(&reading).contains("3 elements"));
}

#[test]
fn html_in_place_of_the_first_page_makes_the_list_unreadable() {
    let (_, reading) = read(|_| html(200));
    assert_eq!(reading.outcome, Outcome::Unreadable);
    assert_eq!(reading.misses.len(), 2);
}

#[test]
fn html_in_place_of_a_later_page_makes_the_list_partial() {
    let (ids, reading) = read(|path| match path {
        FIRST => page(
            value!({"values": things([1]), "next": "https://api.example.com/2.0/things?page=2"}),
        ),
        _ => html(200),
    });
    assert_eq!(ids, [1]);
    assert!(problems(&reading).contains("page 2"));
}

#[test]
fn an_object_without_values_is_no_empty_list() {
    assert_eq!(read(|_| page(value!({}))).1.outcome, Outcome::Unreadable);
    assert_eq!(
        read(|_| page(value!({"values": null}))).1.outcome,
        Outcome::Unreadable
    );
    assert_eq!(read(|_| json(200, "")).1.outcome, Outcome::Unreadable);
}

#[test]
fn the_other_credential_is_asked_where_one_is_refused_and_both_are_told() {
    let script = Script::new(|request: &Request| {
        Ok(if request.slot.as_deref() == Some("token") {
            json(401, "{}")
        } else {
            page(value!({"values": things([1])}))
        })
    });
    let (ids, reading) = list(&script);
    assert_eq!(ids, [1]);
    assert_eq!(reading.outcome, Outcome::Complete);
    assert_eq!((reading.served, reading.misses.len()), (vec![1], 1));
}

#[test]
fn a_credential_that_is_refused_halfway_leaves_a_doubt() {
    let script = Script::new(|request: &Request| {
        let second = request.path.contains("page=2");
        Ok(if second && request.slot.as_deref() == Some("token") {
            json(401, "{}")
        } else if second {
            page(value!({"values": things([2])}))
        } else {
            page(
                value!({"values": things([1]), "next": "https://api.example.com/2.0/things?page=2"}),
            )
        })
    });
    let (ids, reading) = list(&script);
    assert_eq!(ids, [1, 2]);
    assert_eq!(reading.served, [0, 1]);
    assert!(problems(&reading).contains("another credential"));
}

#[test]
fn an_answer_that_broke_off_is_asked_for_again() {
    let broken = Cell::new(2);
    let script = Script::new(|_: &Request| {
        if broken.get() > 0 {
            broken.set(broken.get() - 1);
            return Err(TransportError::Broken("half".into()));
        }
        Ok(page(value!({"values": things([1])})))
    });
    assert_eq!(list(&script).0, [1]);
    assert_eq!(script.asked().len(), 3);
}

#[test]
fn a_redirect_on_the_same_origin_is_followed_and_paging_goes_on_there() {
    let (ids, reading) = read(|path| match path {
        FIRST => redirect("/2.0/renamed?pagelen=100"),
        "/2.0/renamed?pagelen=100" => page(
            value!({"values": things([1]), "next": "https://api.example.com/2.0/renamed?page=2"}),
        ),
        "/2.0/renamed?page=2" => page(value!({"values": things([2])})),
        other => panic!("{other}"),
    });
    assert_eq!(ids, [1, 2]);
    assert_eq!(reading.path, "/2.0/renamed");
}

#[test]
fn a_redirect_to_another_origin_is_not_followed() {
    for location in [
        "https://evil.example.org/2.0/things",
        "//evil.example.org/",
        "",
    ] {
        assert_eq!(
            read(|_| redirect(location)).1.outcome,
            Outcome::Unreadable,
            "{location}"
        );
    }
}

#[test]
fn redirects_without_end_are_given_up() {
    let count = Cell::new(0);
    let (_, reading) = read(|_| {
        count.set(count.get() + 1);
        redirect(&format!("/2.0/things?{}", count.get()))
    });
    assert_eq!(reading.outcome, Outcome::Unreadable);
    assert!(count.get() < 20);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200), status in 100_u16..600) {
        let _ = read(|_| Response { status, headers: Vec::new(), body: body.clone() });
    }

    #[test]
    fn arbitrary_envelopes_never_panic(next in ".{0,40}", page_number in any::<i64>(), pagelen in any::<u64>(), size in any::<u64>()) {
        let count = Cell::new(0_u64);
        let _ = read(|_| {
            count.set(count.get() + 1);
            if count.get() > 20 {
                return html(500);
            }
            page(value!({"values": things([count.get()]), "next": next, "page": page_number, "pagelen": pagelen, "size": size}))
        });
    }
}

/// A list of 23 elements in pages of 5, by number, up to the page `end`; how many were asked for at once, and what was.
fn side_by_side(
    pages: usize,
    seed: u64,
    end: u64,
    link: impl Fn(u64) -> String,
) -> (Vec<u64>, Reading, usize, Vec<String>) {
    let (under_way, most) = (Cell::new(0_usize), Cell::new(0));
    let script = Script::new(|request: &Request| {
        under_way.set(under_way.get().saturating_sub(1));
        let told = |part: &str| {
            part.strip_prefix("page=")
                .or(part.strip_prefix("cursor=x"))?
                .parse()
                .ok()
        };
        let number: u64 = request.path.split('&').find_map(told).unwrap_or(1);
        let first = number * 5 - 4;
        let mut body = value!({
            "values": things(first..=(first + 4).min(23)), "page": number, "pagelen": 5, "size": 23,
        });
        if number < end {
            body["next"] = link(number + 1).into();
        }
        Ok(page(body))
    })
    .shuffled(seed)
    .watched(|| {
        under_way.set(under_way.get().saturating_add(1));
        most.set(under_way.get().max(most.get()));
    });
    let (ids, reading) = list_side_by_side(&script, pages);
    let asked = script.asked().into_iter().map(|request| request.path);
    (ids, reading, most.get(), asked.collect())
}

#[test]
fn pages_that_are_counted_are_asked_for_side_by_side_and_read_in_their_order() {
    let link = |number| format!("https://api.example.com{FIRST}&page={number}&x=y");
    for seed in 1..20 {
        let (ids, reading, most, asked) = side_by_side(3, seed, 5, link);
        assert_eq!(ids, (1..=23).collect::<Vec<_>>());
        assert_eq!(reading.outcome, Outcome::Complete);
        assert_eq!((most, asked.len()), (3, 5), "{asked:?}");
    }
    let (ids, _, most, _) = side_by_side(0, 7, 5, link);
    assert_eq!((ids.len(), most), (23, 1));
}

#[test]
fn pages_that_are_not_counted_are_asked_for_one_after_the_other() {
    // By a word that nobody can foretell.
    let link = |number: u64| format!("https://api.example.com{FIRST}&cursor=x{number}");
    let (ids, _, most, _) = side_by_side(3, 3, 5, link);
    assert_eq!((ids.len(), most), (23, 1));
}

#[test]
fn a_list_that_ends_before_its_count_is_not_taken_for_whole_by_what_was_asked_for_ahead() {
    let link = |number| format!("https://api.example.com{FIRST}&page={number}");
    let (ids, reading, ..) = side_by_side(3, 5, 2, link);
    // Where the link ends, the number of the page leads on, as it does one after the other.
    let (alone, alone_reading, ..) = side_by_side(0, 5, 2, link);
    assert_eq!((ids, reading.outcome), (alone, alone_reading.outcome));
}
