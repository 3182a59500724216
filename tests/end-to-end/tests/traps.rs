//! The traps of the API, one test for each: the output is the truth all the same, or the coverage says what is
//! missing.
#![allow(clippy::unwrap_used)]

use end_to_end::{Case, Ended, inside, manifest, run};
use fake_bitbucket::{
    Behaviour, Config, Family, Fault, Features, Loop, Moved, PageTraps, RateLimit, Sizes,
    Transient, Visibility, World,
};
use std::collections::BTreeSet;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

/// Members, projects and repositories all have several pages.
const SIZES: Sizes = Sizes {
    users: 230,
    groups: 6,
    projects: 110,
    repositories: 210,
};

async fn run_with(behaviour: Behaviour) -> (Case, Ended) {
    let case = Case::start(
        World::generate(51, SIZES),
        Config {
            behaviour,
            ..Config::default()
        },
    )
    .await;
    let ended = run(BINARY, &case.connection).await;
    (case, ended)
}

async fn pages(pages: PageTraps) -> (Case, Ended) {
    run_with(Behaviour {
        pages,
        ..Behaviour::default()
    })
    .await
}

/// A run that nothing must hurt.
async fn survives(behaviour: Behaviour) {
    let (case, ended) = run_with(behaviour).await;
    ended.expect_code(0);
    case.expect_truth(&ended, &Visibility::default());
}

#[tokio::test]
async fn pages_smaller_than_asked_for() {
    survives(Behaviour {
        pages: PageTraps {
            largest: Some(37),
            ..PageTraps::default()
        },
        ..Behaviour::default()
    })
    .await;
}

#[tokio::test]
async fn cursors_in_place_of_page_numbers() {
    survives(Behaviour {
        pages: PageTraps {
            cursors: true,
            ..PageTraps::default()
        },
        ..Behaviour::default()
    })
    .await;
}

#[tokio::test]
async fn no_size() {
    survives(Behaviour {
        pages: PageTraps {
            without_size: true,
            ..PageTraps::default()
        },
        ..Behaviour::default()
    })
    .await;
}

#[tokio::test]
async fn only_values_and_next() {
    survives(Behaviour {
        pages: PageTraps {
            bare_envelope: true,
            ..PageTraps::default()
        },
        ..Behaviour::default()
    })
    .await;
}

#[tokio::test]
async fn a_next_after_the_last_page() {
    survives(Behaviour {
        pages: PageTraps {
            next_after_last: true,
            ..PageTraps::default()
        },
        ..Behaviour::default()
    })
    .await;
}

#[tokio::test]
async fn no_next_though_the_size_says_more() {
    survives(Behaviour {
        pages: PageTraps {
            without_next: true,
            ..PageTraps::default()
        },
        ..Behaviour::default()
    })
    .await;
}

#[tokio::test]
async fn the_same_element_on_two_pages() {
    let (case, ended) = pages(PageTraps {
        duplicates: true,
        ..PageTraps::default()
    })
    .await;
    assert!(matches!(ended.code, 0 | 3), "{}", ended.printed());
    case.expect_truth(&ended, &Visibility::default());
}

#[tokio::test]
async fn next_to_the_documented_origin_is_not_followed_but_made_up_for() {
    let next_origin = Some("https://api.bitbucket.org".to_owned());
    survives(Behaviour {
        pages: PageTraps {
            next_origin,
            ..PageTraps::default()
        },
        ..Behaviour::default()
    })
    .await;
}

#[tokio::test]
async fn next_to_another_origin_gets_no_request() {
    let other = fake_bitbucket::Server::start(World::generate(52, SIZES), Config::default())
        .await
        .unwrap();
    let next_origin = Some(other.origin().to_owned());
    let (case, ended) = pages(PageTraps {
        next_origin,
        without_size: true,
        ..PageTraps::default()
    })
    .await;
    assert_eq!(other.requests().count(), 0);
    ended.expect_code(3);
    assert_eq!(ended.family("repositories"), "partial");
    assert!(case.server.requests().count() > 0);
}

#[tokio::test]
async fn next_to_another_path_is_not_followed() {
    let next_path = Some("/rest/2.0/accounts/1".to_owned());
    let (case, ended) = pages(PageTraps {
        next_path,
        ..PageTraps::default()
    })
    .await;
    ended.expect_code(0);
    case.expect_truth(&ended, &Visibility::default());
    assert!(
        case.server
            .requests()
            .0
            .iter()
            .all(|seen| !seen.path.starts_with("/rest"))
    );
}

#[tokio::test]
async fn next_in_a_loop_ends() {
    for next_loops in [Loop::LastToFirst, Loop::FirstToItself] {
        let (_, ended) = pages(PageTraps {
            next_loops: Some(next_loops),
            without_size: true,
            ..PageTraps::default()
        })
        .await;
        ended.expect_code(3);
        assert_eq!(ended.family("repositories"), "partial", "{next_loops:?}");
    }
}

#[tokio::test]
async fn a_size_that_is_not_what_came_is_told() {
    let only: BTreeSet<Family> = [Family::Members].into();
    let (case, ended) = pages(PageTraps {
        size_off_by: 7,
        only,
        ..PageTraps::default()
    })
    .await;
    ended.expect_code(3);
    case.expect_truth(&ended, &Visibility::default());
    assert_eq!(ended.family("members"), "partial");
}

#[tokio::test]
async fn an_error_string_among_the_values_is_told() {
    for family in [Family::Members, Family::Repositories, Family::Projects] {
        let only: BTreeSet<Family> = [family].into();
        let (case, ended) = pages(PageTraps {
            text_in_values: true,
            only,
            ..PageTraps::default()
        })
        .await;
        ended.expect_code(3);
        case.expect_truth(&ended, &Visibility::default());
        assert_eq!(ended.family(family.word()), "partial");
    }
}

#[tokio::test]
async fn an_element_without_any_field_is_told() {
    let only: BTreeSet<Family> = [Family::Members].into();
    let (case, ended) = pages(PageTraps {
        empty_object_in_values: true,
        only,
        ..PageTraps::default()
    })
    .await;
    ended.expect_code(3);
    case.expect_truth(&ended, &Visibility::default());
    assert_eq!(ended.family("members"), "partial");
}

#[tokio::test]
async fn html_on_a_later_page_is_a_gap_and_not_the_end() {
    let only: BTreeSet<Family> = [Family::Members].into();
    let (_, ended) = pages(PageTraps {
        later_pages_html: true,
        only,
        ..PageTraps::default()
    })
    .await;
    ended.expect_code(3);
    assert_eq!(ended.family("members"), "partial");
    assert_eq!(ended.family("repositories"), "complete");
}

#[tokio::test]
async fn optional_fields_that_are_missing() {
    let (case, ended) = run_with(Behaviour {
        sparse: true,
        ..Behaviour::default()
    })
    .await;
    case.expect_truth(&ended, &Visibility::default());
    // A group without `members` may be empty or unread: nobody knows. Everything else is whole.
    ended.expect_code(3);
    let gaps: Vec<_> = ended
        .coverage()
        .into_iter()
        .filter(|row| row.2 == "partial" || row.2 == "unreadable")
        .collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(ended.family("groups"), "partial");
}

#[tokio::test]
async fn instants_without_an_offset() {
    let (case, ended) = run_with(Behaviour {
        without_offsets: true,
        ..Behaviour::default()
    })
    .await;
    ended.expect_code(0);
    case.expect_truth(&ended, &Visibility::default());
    let text = std::fs::read_to_string(ended.out.join("entities.jsonl")).unwrap();
    let mut instants = 0;
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        for (key, value) in row["Metadata"].as_object().unwrap() {
            if let (true, Some(instant)) = (
                key.ends_with("_on") || key == "last_accessed",
                value.as_str(),
            ) {
                assert!(instant.ends_with('Z'), "{key} is {instant}");
                instants += 1;
            }
        }
    }
    assert!(instants > 100, "{instants} instants were seen");
}

#[tokio::test]
async fn words_that_nobody_has_heard_of() {
    let world = World::generate_with(
        53,
        SIZES,
        &Features {
            unknown_words: true,
            ..Features::default()
        },
    );
    let case = Case::start(world, Config::default()).await;
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(0);
    case.expect_truth(&ended, &Visibility::default());
    assert!(
        ended
            .relations()
            .iter()
            .any(|row| row.connection_type == "direct" && row.level.is_none())
    );
}

#[tokio::test]
async fn holders_outside_the_lists_are_kept_as_dangling() {
    let world = World::generate_with(
        54,
        SIZES,
        &Features {
            dangling: true,
            ..Features::default()
        },
    );
    let case = Case::start(world, Config::default()).await;
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(0);
    case.expect_truth(&ended, &Visibility::default());
    let dangling = ended.entities().iter().filter(|row| row.dangling).count() as u64;
    assert!(dangling > 0);
    assert_eq!(ended.report()["dangling_entities"], dangling);
}

#[tokio::test]
async fn a_repository_that_moved_is_read_where_it_is_now() {
    let world = World::generate(51, SIZES);
    let moved = [(world.repositories[4].slug.clone(), Moved::SameOrigin)].into();
    survives(Behaviour {
        moved,
        ..Behaviour::default()
    })
    .await;
}

#[tokio::test]
async fn a_repository_that_moved_elsewhere_is_a_gap_and_gets_no_request_there() {
    let other = fake_bitbucket::Server::start(World::generate(52, SIZES), Config::default())
        .await
        .unwrap();
    let slug = World::generate(51, SIZES).repositories[4].slug.clone();
    let moved = [(slug.clone(), Moved::OtherOrigin(other.origin().to_owned()))].into();
    let (case, ended) = run_with(Behaviour {
        moved,
        ..Behaviour::default()
    })
    .await;
    ended.expect_code(3);
    assert_eq!(other.requests().count(), 0);
    case.expect_truth(
        &ended,
        &Visibility {
            refused_repositories: [slug].into(),
            ..Visibility::default()
        },
    );
}

#[tokio::test]
async fn a_repository_that_is_gone_meanwhile_is_a_gap() {
    let slug = World::generate(51, SIZES).repositories[7].slug.clone();
    let (case, ended) = run_with(Behaviour {
        deleted: [slug.clone()].into(),
        ..Behaviour::default()
    })
    .await;
    ended.expect_code(3);
    case.expect_truth(
        &ended,
        &Visibility {
            refused_repositories: [slug].into(),
            ..Visibility::default()
        },
    );
}

/// The connector's manifest with other words in it.
fn amended(case: &mut Case, changes: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let component = format!("{:?}", end_to_end::component());
    let mut text = std::fs::read_to_string(manifest()).unwrap();
    for (from, to) in changes.iter().chain(&[(
        "\"../../target/components/bitbucket.wasm\"",
        component.as_str(),
    )]) {
        assert!(text.contains(from), "the manifest says {from}");
        text = text.replace(from, to);
    }
    let path = directory.path().join("connector.toml");
    std::fs::write(&path, text).unwrap();
    case.connection.manifest = Some(path);
    directory
}

#[tokio::test]
async fn the_runs_budget_of_requests_is_kept_and_named() {
    let mut case = Case::start(World::generate(56, SIZES), Config::default()).await;
    let _directory = amended(&mut case, &[("requests = 1000000", "requests = 1")]);
    let ended = run(BINARY, &case.connection).await;
    assert_eq!(case.server.requests().count(), 1);
    assert_ne!(ended.code, 0);
    ended.expect_printed("budget");

    case.server.forget();
    let _directory = amended(&mut case, &[("requests = 1000000", "requests = 0")]);
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(5).expect_printed("requests = 0");
    assert_eq!(case.server.requests().count(), 0);
}

#[tokio::test]
async fn an_answer_beyond_the_cap_is_not_given_to_the_connector() {
    let mut case = Case::start(World::generate(57, SIZES), Config::default()).await;
    let _directory = amended(&mut case, &[("response_mib = 64", "response_mib = 0")]);
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(4).expect_printed("answer");
    assert!(case.server.requests().count() > 0);
}

async fn survives_patiently(behaviour: Behaviour) -> Case {
    const SMALL: Sizes = Sizes {
        users: 30,
        groups: 4,
        projects: 5,
        repositories: 30,
    };
    let case = Case::start(
        World::generate(55, SMALL),
        Config {
            behaviour,
            ..Config::default()
        },
    )
    .await;
    // Nobody waits on this clock.
    let machine = inside::machine_at(BINARY, &inside::JumpingClock::default());
    let ended = inside::run(&machine, &case.connection).await;
    ended.expect_code(0);
    case.expect_truth(&ended, &Visibility::default());
    case
}

#[tokio::test]
async fn what_fails_for_a_moment_is_asked_again() {
    let faults = [
        Fault::BadGateway,
        Fault::Unavailable,
        Fault::GatewayTimeout,
        Fault::TooMany,
        Fault::CutOff,
        Fault::Reset,
    ];
    for fault in faults {
        let transient = Some(Transient {
            fault,
            times: 2,
            only: None,
        });
        survives_patiently(Behaviour {
            transient,
            ..Behaviour::default()
        })
        .await;
    }
}

#[tokio::test]
async fn an_api_that_bears_few_requests_at_once_is_asked_with_fewer() {
    let behaviour = Behaviour {
        bears: Some(4),
        latency: std::time::Duration::from_millis(2),
        ..Behaviour::default()
    };
    let config = Config {
        behaviour,
        ..Config::default()
    };
    let mut case = Case::start(World::generate(58, SIZES), config).await;
    case.connection.in_flight = 32;
    let _directory = amended(&mut case, &[("attempts = 5", "attempts = 20")]);
    let machine = inside::machine_at(BINARY, &inside::JumpingClock::default());
    let ended = inside::run(&machine, &case.connection).await;
    ended.expect_code(0);
    case.expect_truth(&ended, &Visibility::default());
    let by_status = case.server.requests().by_status();
    let (well, busy) = (by_status[&200], by_status[&503]);
    // With 32 at once it would refuse most of what it is asked.
    assert!(busy < well / 2, "{busy} were too many beside {well}");
}

#[tokio::test]
async fn too_many_requests_in_every_form() {
    for (plain_text, retry_after, headers) in [
        (false, None, false),
        (true, None, true),
        (false, Some("0".to_owned()), true),
    ] {
        let rate_limit = Some(RateLimit {
            allow: 9,
            refuse: 3,
            plain_text,
            retry_after,
            headers,
        });
        let case = survives_patiently(Behaviour {
            rate_limit,
            ..Behaviour::default()
        })
        .await;
        assert!(case.server.requests().by_status()[&429] > 5);
    }
}
