//! What is read from a SCIM server equals what is there, whichever way its lists are cut into pages, and nothing else
//! is asked.
#![allow(clippy::unwrap_used)]

use end_to_end::scim::ScimCase;
use end_to_end::{check, run};
use fake_scim::{Behaviour, Config, Form, Paging, Shape, World};
use std::collections::BTreeSet;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

async fn case(seed: u64, shape: Shape, paging: Paging) -> ScimCase {
    let behaviour = Behaviour {
        paging,
        ..Behaviour::default()
    };
    let config = Config {
        behaviour,
        ..Config::default()
    };
    ScimCase::start(World::generate(seed, &shape), config).await
}

async fn usual() -> ScimCase {
    case(5, Shape::default(), Paging::default()).await
}

#[tokio::test]
async fn several_seeds_sizes_and_kinds_of_paging() {
    let sizes = [(0, 0), (1, 2), (15, 15), (16, 31), (70, 40)];
    let forms = [
        Form::Index,
        Form::Both,
        Form::Cursor,
        Form::CursorOnly,
        Form::IndexOnly,
        Form::Whole,
    ];
    for (seed, (users, groups)) in (1..).zip(sizes) {
        let shape = Shape {
            users,
            groups,
            ..Shape::default()
        };
        for form in forms {
            let paging = Paging {
                form,
                ..Paging::default()
            };
            let case = case(seed, shape, paging).await;
            let ended = run(BINARY, &case.connection).await;
            ended.expect_code(0);
            ended.expect_truth(case.truth());
            case.expect_no_strays();
        }
    }
}

#[tokio::test]
async fn groups_that_are_all_empty_are_doubted() {
    let shape = Shape {
        users: 3,
        groups: 1,
        ..Shape::default()
    };
    let case = case(4, shape, Paging::default()).await;
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(3);
    ended.expect_truth(case.truth());
    assert_eq!(ended.family("memberships"), "partial");
    assert_eq!(ended.family("groups"), "complete");
}

#[tokio::test]
async fn each_way_to_the_memberships() {
    for members in ["auto", "group", "user", "filter"] {
        let shape = Shape {
            // What only a group's own list of members tells.
            gone_member: matches!(members, "auto" | "group"),
            ..Shape::default()
        };
        let mut case = case(6, shape, Paging::default()).await;
        case.connection = case
            .connection
            .settings(&format!("page_size = 15\nmembers = \"{members}\""));
        let ended = run(BINARY, &case.connection).await;
        assert_eq!(case.complaints(&ended), Vec::<String>::new(), "{members}");
        let truth = case.truth().relations;
        let of_users = |relation: &&fake_api::RelationRow| relation.parent_type == "identity";
        let missing: Vec<_> = truth
            .difference(&ended.relations())
            .filter(of_users)
            .cloned()
            .collect();
        assert_eq!(missing, [], "{members}: users are in the same groups");
    }
}

#[tokio::test]
async fn either_credential_and_none() {
    let shape = Shape::default();
    let basic = Some(("reader".to_owned(), "pa55-of-the-reader".to_owned()));
    for (bearer, basic, code) in [
        (Some("a-t0ken-of-the-tests".to_owned()), None, 0),
        (None, basic, 0),
    ] {
        let config = Config {
            bearer,
            basic,
            ..Config::default()
        };
        let case = ScimCase::start(World::generate(7, &shape), config).await;
        let ended = run(BINARY, &case.connection).await;
        ended.expect_code(code);
        ended.expect_truth(case.truth());
        assert!(
            case.server
                .requests()
                .0
                .iter()
                .any(|seen| seen.with_credential)
        );
    }
}

#[tokio::test]
async fn a_wrong_credential_is_told_and_nothing_is_left_that_looks_like_a_result() {
    let mut case = usual().await;
    case.connection = case.connection.token("wr0ng-token-of-the-tests");
    let ended = run(BINARY, &case.connection).await;
    assert!(!matches!(ended.code, 0 | 3), "{}", ended.printed());
    ended.expect_printed("bearer");
    assert!(!ended.out.join("run.json").exists());
}

#[tokio::test]
async fn an_error_that_repeats_the_credential_shows_it_to_nobody() {
    let behaviour = Behaviour {
        echo_credentials: true,
        ..Behaviour::default()
    };
    let config = Config {
        behaviour,
        ..Config::default()
    };
    let mut case = ScimCase::start(World::generate(8, &Shape::default()), config).await;
    case.connection = case.connection.token("wr0ng-token-of-the-tests");
    // Every run is searched for its secrets.
    let ended = run(BINARY, &case.connection).await;
    assert!(!matches!(ended.code, 0 | 3), "{}", ended.printed());
    check(BINARY, &case.connection).await;
}

#[tokio::test]
async fn the_connection_says_whose_access_it_is() {
    let mut case = usual().await;
    case.connection.app = Some("bitbucket".to_owned());
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(0);
    for file in ["entities.csv", "entity_relations.csv"] {
        let mut reader = csv::Reader::from_path(ended.out.join(file)).unwrap();
        let headers = reader.headers().unwrap().clone();
        let columns: Vec<usize> = (0..headers.len())
            .filter(|&n| {
                headers[n].contains("Source System") || headers[n].trim_end_matches('*') == "App"
            })
            .collect();
        assert!(!columns.is_empty(), "{headers:?}");
        for record in reader.records() {
            let record = record.unwrap();
            assert!(
                columns.iter().all(|&n| &record[n] == "bitbucket"),
                "{record:?}"
            );
        }
    }
}

#[tokio::test]
async fn users_keep_what_is_known_of_them() {
    let case = ScimCase::deviating(9, &["atlassian"]).await;
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(0);
    ended.expect_truth(case.truth());
    let mut reader = csv::Reader::from_path(ended.out.join("entities.csv")).unwrap();
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| {
        headers
            .iter()
            .position(|header| header.trim_end_matches('*') == name)
            .unwrap()
    };
    let (id, metadata) = (column("Source ID"), column("Metadata"));
    let rows: Vec<(String, serde_json::Value)> = reader
        .records()
        .map(|record| {
            let record = record.unwrap();
            (
                record[id].to_owned(),
                serde_json::from_str(&record[metadata]).unwrap(),
            )
        })
        .collect();
    let world = case.server.world();
    for user in &world.users {
        let (_, metadata) = rows.iter().find(|(id, _)| *id == user.id).unwrap();
        let text = |key: &str| metadata[key].as_str().map(str::to_owned);
        assert_eq!(
            text("userName").as_ref(),
            Some(&user.user_name),
            "{metadata}"
        );
        assert_eq!(text("externalId"), user.external_id, "{metadata}");
        assert_eq!(text("atlassianAccountId"), user.account_id, "{metadata}");
        assert_eq!(text("title"), user.title, "{metadata}");
        assert_eq!(text("department"), user.department, "{metadata}");
        let manager = user.manager.map(|n| world.users[n].id.clone());
        assert_eq!(text("manager"), manager, "{metadata}");
        assert!(metadata.to_string().contains(&user.email), "{metadata}");
        assert_eq!(metadata["active"].as_bool(), user.active, "{metadata}");
        let status = user.active.is_none().then_some("unknown");
        assert_eq!(text("status").as_deref(), status, "{metadata}");
    }
}

#[tokio::test]
async fn two_runs_leave_the_same_files() {
    let case = usual().await;
    let (one, two) = (
        run(BINARY, &case.connection).await,
        run(BINARY, &case.connection).await,
    );
    for file in ["entities.csv", "entity_relations.csv"] {
        let read = |ended: &end_to_end::Ended| std::fs::read(ended.out.join(file)).unwrap();
        assert_eq!(read(&one), read(&two), "{file}");
    }
}

#[tokio::test]
async fn check_finds_each_family() {
    let case = usual().await;
    let checked = check(BINARY, &case.connection).await;
    checked.expect_code(0);
    for family in ["users", "groups", "memberships", "roles", "entitlements"] {
        checked.expect_printed(family);
    }
    case.expect_no_strays();
}

#[tokio::test]
async fn requests_are_few() {
    let case = usual().await;
    run(BINARY, &case.connection).await.expect_code(0);
    let asked: Vec<String> = case
        .server
        .requests()
        .0
        .iter()
        .map(fake_scim::Seen::url)
        .collect();
    let different: BTreeSet<_> = asked.iter().collect();
    assert_eq!(
        different.len(),
        asked.len(),
        "nothing is asked twice: {asked:#?}"
    );
    // Three of users, one of each other list, discovery, and what finds out where members are told.
    assert!(asked.len() <= 20, "{asked:#?}");
}
