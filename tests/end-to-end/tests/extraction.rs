//! What is extracted equals what is there, whatever credentials there are and whatever is refused.
#![allow(clippy::unwrap_used)]

use end_to_end::{Case, Ended, check, run};
use fake_bitbucket::{
    Behaviour, Config, Credential, Family, Features, Lie, LieKind, PermissionsByToken, Refusal,
    Refuse, Sizes, Token, Visibility, What, World,
};
use std::collections::BTreeSet;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

const SIZES: Sizes = Sizes {
    users: 40,
    groups: 7,
    projects: 6,
    repositories: 45,
};

fn world() -> World {
    World::generate(11, SIZES)
}

fn refusing(refuse: Vec<Refuse>) -> Config {
    Config {
        behaviour: Behaviour {
            refuse,
            ..Behaviour::default()
        },
        ..Config::default()
    }
}

/// Runs against a fake and compares with the truth.
async fn compare(world: World, config: Config, visibility: Visibility, code: i32) -> (Case, Ended) {
    let case = Case::start(world, config).await;
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(code);
    case.expect_truth(&ended, &visibility);
    (case, ended)
}

#[tokio::test]
async fn several_seeds_and_sizes() {
    let sizes = [
        (
            1,
            Sizes {
                users: 1,
                groups: 0,
                projects: 1,
                repositories: 1,
            },
        ),
        (
            2,
            Sizes {
                users: 3,
                groups: 1,
                projects: 2,
                repositories: 5,
            },
        ),
        (
            3,
            Sizes {
                users: 130,
                groups: 12,
                projects: 20,
                repositories: 120,
            },
        ),
        (
            4,
            Sizes {
                users: 60,
                groups: 30,
                projects: 105,
                repositories: 230,
            },
        ),
    ];
    for (seed, sizes) in sizes {
        compare(
            World::generate(seed, sizes),
            Config::default(),
            Visibility::default(),
            0,
        )
        .await;
    }
}

#[tokio::test]
async fn each_credential_alone() {
    let config = Config {
        account: None,
        ..Config::default()
    };
    let (_, ended) = compare(world(), config, Visibility::default(), 0).await;
    assert!(ended.coverage().len() > 8);
    let config = Config {
        token: None,
        ..Config::default()
    };
    compare(world(), config, Visibility::default(), 0).await;
}

#[tokio::test]
async fn a_token_that_may_not_read_permissions_is_replaced_by_the_account() {
    for permissions in [
        PermissionsByToken::WrongMechanism,
        PermissionsByToken::AuthTypesOnly,
    ] {
        let token = Token {
            permissions,
            ..Token::default()
        };
        let (_, ended) = compare(
            world(),
            Config {
                token: Some(token),
                ..Config::default()
            },
            Visibility::default(),
            0,
        )
        .await;
        let report = ended.report();
        let row = report["coverage"].as_array().unwrap().iter();
        let served = row
            .filter(|row| row["family"] == "repository-user-grants")
            .collect::<Vec<_>>();
        assert_eq!(served[0]["slot"], "account", "{served:?}");
    }
}

#[tokio::test]
async fn a_token_alone_that_may_not_read_permissions_leaves_gaps_not_empty_lists() {
    let token = Token {
        permissions: PermissionsByToken::WrongMechanism,
        ..Token::default()
    };
    let case = Case::start(
        world(),
        Config {
            token: Some(token),
            account: None,
            ..Config::default()
        },
    )
    .await;
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(3);
    for family in [
        "project-user-grants",
        "repository-user-grants",
        "repository-group-grants",
        "groups",
    ] {
        assert_eq!(ended.family(family), "unreadable", "{family}");
    }
    assert_eq!(ended.family("repositories"), "complete");
}

#[tokio::test]
async fn refused_repositories_and_projects_are_named_and_do_not_end_the_run() {
    let world = world();
    let repositories: BTreeSet<String> = [3, 17, 30]
        .map(|n: usize| world.repositories[n].slug.clone())
        .into();
    let projects: BTreeSet<String> = [1].map(|n: usize| world.projects[n].key.clone()).into();
    let refuse = repositories
        .iter()
        .map(|slug| What::Repository(slug.clone()))
        .chain(projects.iter().map(|key| What::Project(key.clone())))
        .map(|what| Refuse::all(what, Refusal::NotAdmin))
        .collect();
    let visibility = Visibility {
        refused_repositories: repositories.clone(),
        refused_projects: projects.clone(),
        ..Visibility::default()
    };
    let (_, ended) = compare(world, refusing(refuse), visibility, 3).await;
    for slug in &repositories {
        for family in [
            "repository-user-grants",
            "repository-group-grants",
            "repository-deploy-keys",
        ] {
            let told = ended
                .coverage()
                .into_iter()
                .any(|(name, scope, status, _)| {
                    name == family
                        && status == "unreadable"
                        && scope.is_some_and(|scope| scope.ends_with(slug))
                });
            assert!(told, "{family} of {slug} is told");
        }
    }
}

#[tokio::test]
async fn a_repository_that_one_credential_may_not_read_is_read_with_the_other() {
    let world = world();
    let refuse = world.repositories[..4]
        .iter()
        .map(|repository| {
            Refuse::to(
                Credential::WorkspaceToken,
                What::Repository(repository.slug.clone()),
                Refusal::NotAdmin,
            )
        })
        .collect();
    compare(world, refusing(refuse), Visibility::default(), 0).await;
}

#[tokio::test]
async fn refused_groups_are_a_gap_and_their_grants_dangle() {
    for how in [
        Refusal::NotAdmin,
        Refusal::Withdrawn,
        Refusal::NotFound,
        Refusal::HtmlPage,
    ] {
        let visibility = Visibility {
            refused: [Family::Groups].into(),
            ..Visibility::default()
        };
        let config = refusing(vec![Refuse::all(What::Family(Family::Groups), how)]);
        let (_, ended) = compare(world(), config, visibility, 3).await;
        assert_eq!(ended.family("groups"), "unreadable", "{how:?}");
        assert!(
            ended
                .entities()
                .iter()
                .any(|row| row.source_type == "group" && row.dangling)
        );
    }
}

#[tokio::test]
async fn refused_group_privileges_are_replaced_by_the_repositories_own_lists() {
    for how in [Refusal::NotAdmin, Refusal::Withdrawn, Refusal::HtmlPage] {
        let config = refusing(vec![Refuse::all(What::GroupPrivileges, how)]);
        let (case, _) = compare(world(), config, Visibility::default(), 0).await;
        let lists = case
            .server
            .requests()
            .0
            .iter()
            .filter(|seen| seen.path.ends_with("permissions-config/groups"))
            .count();
        assert!(lists >= SIZES.repositories, "{lists} lists");
    }
}

#[tokio::test]
async fn group_privileges_that_lie_are_found_out() {
    for kind in [LieKind::Omits, LieKind::Adds, LieKind::Changes] {
        let behaviour = Behaviour {
            lie: Some(Lie { kind, about: None }),
            ..Behaviour::default()
        };
        let (_, ended) = compare(
            world(),
            Config {
                behaviour,
                ..Config::default()
            },
            Visibility::default(),
            0,
        )
        .await;
        assert!(
            ended.printed().contains("differs from the own lists of"),
            "the difference is reported"
        );
    }
}

#[tokio::test]
async fn roles_are_unknown_where_only_the_plain_list_of_members_may_be_read() {
    let visibility = Visibility {
        roles_unknown: true,
        ..Visibility::default()
    };
    let config = refusing(vec![Refuse::all(
        What::WorkspacePermissions,
        Refusal::NotAdmin,
    )]);
    let (_, ended) = compare(world(), config, visibility, 3).await;
    assert_eq!(ended.family("members"), "partial");
}

#[tokio::test]
async fn each_family_refused_alone() {
    let families = [
        Family::ProjectUserGrants,
        Family::ProjectGroupGrants,
        Family::ProjectDeployKeys,
        Family::RepositoryDeployKeys,
        Family::Members,
        Family::Projects,
    ];
    for family in families {
        for how in [
            Refusal::MissingScope,
            Refusal::NotAdmin,
            Refusal::Unauthorised,
        ] {
            let visibility = Visibility {
                refused: [family].into(),
                ..Visibility::default()
            };
            let config = refusing(vec![Refuse::all(What::Family(family), how)]);
            let (_, ended) = compare(world(), config, visibility, 3).await;
            assert_eq!(
                ended.family(family.word()),
                "unreadable",
                "{family} {how:?}"
            );
        }
    }
}

#[tokio::test]
async fn group_grants_are_unknown_where_user_grants_are() {
    let visibility = Visibility {
        refused: [Family::RepositoryUserGrants].into(),
        group_grants_need_user_grants: true,
        ..Visibility::default()
    };
    let config = refusing(vec![Refuse::all(
        What::Family(Family::RepositoryUserGrants),
        Refusal::NotAdmin,
    )]);
    let (_, ended) = compare(world(), config, visibility, 3).await;
    assert_eq!(ended.family("repository-user-grants"), "unreadable");
    assert_ne!(ended.family("repository-group-grants"), "complete");
}

#[tokio::test]
async fn a_personal_workspace_shares_its_uuid_with_its_owner() {
    let world = World::generate_with(
        5,
        SIZES,
        &Features {
            personal: true,
            ..Features::default()
        },
    );
    let owner = world.workspace.uuid.clone();
    let (_, ended) = compare(world, Config::default(), Visibility::default(), 0).await;
    let types: BTreeSet<String> = ended
        .entities()
        .into_iter()
        .filter(|row| row.source_id == owner)
        .map(|row| row.entity_type)
        .collect();
    assert_eq!(types, ["identity".to_owned(), "resource".to_owned()].into());
}

#[tokio::test]
async fn a_migrated_workspace_says_where_activity_is_to_be_had() {
    let world = World::generate_with(
        6,
        SIZES,
        &Features {
            migrated: true,
            ..Features::default()
        },
    );
    let (_, ended) = compare(world, Config::default(), Visibility::default(), 0).await;
    ended.expect_printed("admin.atlassian.com");
}

#[tokio::test]
async fn only_the_projects_and_repositories_that_the_settings_name() {
    let world = world();
    let project = world.projects[world.repositories[2].project].key.clone();
    let slugs: BTreeSet<String> = [2, 9]
        .map(|n: usize| world.repositories[n].slug.clone())
        .into();
    let quoted = |names: &BTreeSet<String>| {
        names
            .iter()
            .map(|name| format!("{name:?}"))
            .collect::<Vec<_>>()
            .join(",")
    };
    let projects: BTreeSet<String> = [project].into();
    for (projects, repositories) in [
        (projects.clone(), BTreeSet::new()),
        (BTreeSet::new(), slugs.clone()),
        (projects, slugs),
    ] {
        let settings = format!(
            "projects = [{}]\nrepositories = [{}]",
            quoted(&projects),
            quoted(&repositories)
        );
        let mut case = Case::start(world.clone(), Config::default()).await;
        case.connection = case.connection.settings(&settings);
        let ended = run(BINARY, &case.connection).await;
        ended.expect_code(0);
        case.expect_truth(
            &ended,
            &Visibility {
                projects,
                repositories,
                ..Visibility::default()
            },
        );
        assert!(
            ended
                .coverage()
                .iter()
                .any(|row| row.2 == "left-out" && row.0 == "repositories")
        );
    }
}

#[tokio::test]
async fn deploy_keys_can_be_left_out() {
    let mut case = Case::start(world(), Config::default()).await;
    case.connection = case.connection.settings("deploy_keys = false");
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(0);
    case.expect_truth(
        &ended,
        &Visibility {
            deploy_keys: false,
            ..Visibility::default()
        },
    );
    assert_eq!(ended.family("repository-deploy-keys"), "left-out");
    assert!(
        !case
            .server
            .requests()
            .by_family()
            .contains_key(&Family::RepositoryDeployKeys)
    );
}

#[tokio::test]
async fn credentials_that_see_nothing_are_no_success() {
    let behaviour = Behaviour {
        zero_visible: true,
        ..Behaviour::default()
    };
    let visibility = Visibility {
        zero_visible: true,
        ..Visibility::default()
    };
    let (_, ended) = compare(
        world(),
        Config {
            behaviour,
            ..Config::default()
        },
        visibility,
        3,
    )
    .await;
    ended.expect_printed("no project and no repository");
}

#[tokio::test]
async fn what_no_endpoint_shows_is_told_and_does_not_make_a_run_partial() {
    let (_, ended) = compare(world(), Config::default(), Visibility::default(), 0).await;
    let gaps = ended
        .coverage()
        .into_iter()
        .filter(|row| row.2 == "unavailable")
        .count();
    assert!(gaps >= 5, "{gaps} gaps of the API are told");
}

#[tokio::test]
async fn check_tells_of_each_family_which_credential_serves() {
    let token = Token {
        permissions: PermissionsByToken::WrongMechanism,
        ..Token::default()
    };
    let case = Case::start(
        world(),
        Config {
            token: Some(token),
            ..Config::default()
        },
    )
    .await;
    let ended = check(BINARY, &case.connection).await;
    ended
        .expect_code(0)
        .expect_printed("repository-user-grants")
        .expect_printed("workspace-token");
    let row = ended
        .stdout
        .lines()
        .find(|line| line.contains("repository-user-grants"))
        .unwrap();
    assert!(row.contains("account"), "{row}");
    assert!(case.server.requests().count() < 40, "a check is cheap");
}

#[tokio::test]
async fn check_exits_with_3_where_some_and_4_where_nothing_is_readable() {
    let config = refusing(vec![Refuse::all(
        What::Family(Family::Groups),
        Refusal::NotAdmin,
    )]);
    let case = Case::start(world(), config).await;
    check(BINARY, &case.connection).await.expect_code(3);
    let mut case = Case::start(world(), Config::default()).await;
    case.connection.token = Some("ATCTT-not-the-right-one".into());
    case.connection.account = None;
    check(BINARY, &case.connection).await.expect_code(4);
}
