//! How often the API is asked, and with what.
#![allow(clippy::unwrap_used)]

use end_to_end::{Case, run};
use fake_bitbucket::{Behaviour, Config, Presented, Refusal, Refuse, Sizes, What, World};
use std::collections::BTreeSet;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

const SIZES: Sizes = Sizes {
    users: 150,
    groups: 10,
    projects: 12,
    repositories: 240,
};

fn pages() -> usize {
    // Members, projects, repositories, by a hundred.
    2 + 1 + 3
}

#[tokio::test]
async fn with_group_privileges_one_request_for_each_repository() {
    let (r, p) = (SIZES.repositories, SIZES.projects);
    for (deploy_keys, most) in [
        (false, r + 2 * p + pages() + 10),
        (true, 2 * r + 3 * p + pages() + 10),
    ] {
        let mut case = Case::start(World::generate(21, SIZES), Config::default()).await;
        case.connection = case
            .connection
            .settings(&format!("deploy_keys = {deploy_keys}"));
        run(BINARY, &case.connection).await.expect_code(0);
        let requests = case.server.requests();
        assert!(
            requests.count() <= most,
            "{} requests, {most} allowed: {:?}",
            requests.count(),
            requests.by_family()
        );
        assert_eq!(requests.asked_again(), BTreeSet::new());
    }
}

#[tokio::test]
async fn without_group_privileges_two_requests_for_each_repository() {
    let (r, p) = (SIZES.repositories, SIZES.projects);
    let refuse = vec![Refuse::all(What::GroupPrivileges, Refusal::NotFound)];
    let behaviour = Behaviour {
        refuse,
        ..Behaviour::default()
    };
    let mut case = Case::start(
        World::generate(22, SIZES),
        Config {
            behaviour,
            ..Config::default()
        },
    )
    .await;
    case.connection = case.connection.settings("deploy_keys = false");
    run(BINARY, &case.connection).await.expect_code(0);
    let requests = case.server.requests();
    // The refusals, one for each credential, come on top.
    let most = 2 * r + 2 * p + pages() + 10 + 2;
    assert!(
        requests.count() <= most,
        "{} requests, {most} allowed: {:?}",
        requests.count(),
        requests.by_family()
    );
    assert_eq!(requests.asked_again(), BTreeSet::new());
}

#[tokio::test]
async fn nothing_of_the_hosts_own_leaves_it_and_every_request_is_a_get() {
    let case = Case::start(World::generate(23, SIZES), Config::default()).await;
    run(BINARY, &case.connection).await.expect_code(0);
    let requests = case.server.requests();
    assert!(requests.0.iter().all(|seen| seen.method == "GET"));
    assert!(!requests.header_names().contains("portcullis-slot"));
    assert!(
        requests
            .0
            .iter()
            .all(|seen| matches!(seen.presented, Presented::Valid(_))),
        "every request was authorised"
    );
}

#[tokio::test]
async fn as_many_requests_at_once_as_the_pace_allows_and_no_more() {
    for in_flight in [1, 5] {
        let mut case = Case::start(
            World::generate(24, SIZES),
            Config {
                // Long enough for requests to meet.
                behaviour: Behaviour {
                    latency: std::time::Duration::from_millis(5),
                    ..Behaviour::default()
                },
                ..Config::default()
            },
        )
        .await;
        case.connection.in_flight = in_flight;
        run(BINARY, &case.connection).await.expect_code(0);
        let most = case.server.most_under_way();
        assert_eq!(most, in_flight as usize, "as many as are allowed");
    }
}
