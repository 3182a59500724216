//! What a person sees when something about the API, the workspace or the credentials is wrong: what happened, why,
//! what to do next. That no secret is in any of it is asserted by every run.
#![allow(clippy::unwrap_used)]

use end_to_end::{Case, Connection, run};
use fake_bitbucket::{
    Account, Behaviour, Config, Product, Refusal, Refuse, Sizes, Token, What, World,
};

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

const SIZES: Sizes = Sizes {
    users: 10,
    groups: 2,
    projects: 2,
    repositories: 6,
};

fn world() -> World {
    World::generate(41, SIZES)
}

async fn case(config: Config) -> Case {
    Case::start(world(), config).await
}

#[tokio::test]
async fn a_wrong_workspace_id() {
    let mut case = case(Config::default()).await;
    case.connection.workspace = "no-such-workspace".into();
    run(BINARY, &case.connection)
        .await
        .expect_code(4)
        .expect_printed("no-such-workspace")
        .expect_printed("workspace");
}

#[tokio::test]
async fn a_wrong_token_and_a_plain_text_401() {
    for plain_text_401 in [false, true] {
        let behaviour = Behaviour {
            plain_text_401,
            ..Behaviour::default()
        };
        let mut case = case(Config {
            behaviour,
            ..Config::default()
        })
        .await;
        case.connection = Connection {
            account: None,
            ..case.connection
        }
        .token("ATCTT-some-other-token");
        run(BINARY, &case.connection)
            .await
            .expect_code(4)
            .expect_printed("workspace-token")
            .expect_printed("401");
    }
}

#[tokio::test]
async fn an_expired_token() {
    let token = Token {
        expired: true,
        ..Token::default()
    };
    let case = case(Config {
        token: Some(token),
        account: None,
        ..Config::default()
    })
    .await;
    run(BINARY, &case.connection)
        .await
        .expect_code(4)
        .expect_printed("expired");
}

#[tokio::test]
async fn a_nickname_where_an_e_mail_is_due() {
    let mut case = case(Config {
        token: None,
        ..Config::default()
    })
    .await;
    let password = Account::default().api_token;
    case.connection = case.connection.account("jdoe", &password);
    run(BINARY, &case.connection)
        .await
        .expect_code(4)
        .expect_printed("e-mail")
        .expect_printed("nickname");
}

#[tokio::test]
async fn an_app_password() {
    let mut case = case(Config {
        token: None,
        ..Config::default()
    })
    .await;
    let email = Account::default().email;
    case.connection = case.connection.account(&email, "ATBBsomeapppassword");
    run(BINARY, &case.connection)
        .await
        .expect_code(4)
        .expect_printed("app password")
        .expect_printed("2026-07-28");
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let mut account = Account::default();
    assert!(
        account.scopes.remove("read:permission:bitbucket"),
        "{:?}",
        account.scopes
    );
    let case = case(Config {
        token: None,
        account: Some(account),
        ..Config::default()
    })
    .await;
    let ended = run(BINARY, &case.connection).await;
    ended
        .expect_code(3)
        .expect_printed("read:permission:bitbucket");
    assert_eq!(ended.family("groups"), "unreadable");

    let mut token = Token::default();
    assert!(token.scopes.remove("repository:admin"));
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
    ended.expect_code(3).expect_printed("repository:admin");
    assert_eq!(ended.family("repository-user-grants"), "unreadable");
}

#[tokio::test]
async fn a_data_center() {
    let behaviour = Behaviour {
        product: Product::DataCenter,
        ..Behaviour::default()
    };
    let case = case(Config {
        behaviour,
        ..Config::default()
    })
    .await;
    run(BINARY, &case.connection)
        .await
        .expect_code(2)
        .expect_printed("Data Center")
        .expect_printed("api_url");
    let asked = case.server.requests();
    let product = asked
        .0
        .iter()
        .find(|seen| seen.path == "/rest/api/1.0/application-properties")
        .unwrap();
    assert!(
        !product.header_names.contains(&"authorization".to_owned()),
        "asked without any credential"
    );
}

#[tokio::test]
async fn the_data_center_question_is_not_asked_of_bitbucket_cloud() {
    let case = case(Config::default()).await;
    run(BINARY, &case.connection).await.expect_code(0);
    assert!(
        case.server
            .requests()
            .0
            .iter()
            .all(|seen| !seen.path.starts_with("/rest"))
    );
}

#[tokio::test]
async fn web_pages_in_place_of_the_api() {
    let behaviour = Behaviour {
        product: Product::WebPages,
        ..Behaviour::default()
    };
    let case = case(Config {
        behaviour,
        ..Config::default()
    })
    .await;
    let ended = run(BINARY, &case.connection).await;
    assert!(matches!(ended.code, 2 | 4), "{}", ended.printed());
    ended
        .expect_printed("api_url")
        .expect_printed("https://api.bitbucket.org");
}

#[tokio::test]
async fn the_web_address_of_bitbucket() {
    // Judged by its name alone: no request is made, so none of this needs a network.
    for url in [
        "https://bitbucket.org",
        "https://bitbucket.org/acme",
        "https://www.bitbucket.org/",
    ] {
        let connection = Connection::to(url, "acme").token("ATCTT-some-token");
        run(BINARY, &connection)
            .await
            .expect_code(2)
            .expect_printed("api_url")
            .expect_printed("https://api.bitbucket.org");
    }
}

#[tokio::test]
async fn a_deactivated_workspace() {
    let behaviour = Behaviour {
        deactivated: true,
        ..Behaviour::default()
    };
    let case = case(Config {
        behaviour,
        ..Config::default()
    })
    .await;
    run(BINARY, &case.connection)
        .await
        .expect_code(4)
        .expect_printed("deactivated");
}

#[tokio::test]
async fn an_api_that_is_not_there() {
    let connection = Connection::to("http://127.0.0.1:9", "acme").token("ATCTT-some-token");
    run(BINARY, &connection)
        .await
        .expect_code(1)
        .expect_printed("could not be reached")
        .expect_printed("refused");
}

#[tokio::test]
async fn an_api_that_only_speaks_html() {
    let refuse = vec![Refuse::all(
        What::Family(fake_bitbucket::Family::Workspace),
        Refusal::HtmlPage,
    )];
    let behaviour = Behaviour {
        refuse,
        ..Behaviour::default()
    };
    let case = case(Config {
        behaviour,
        ..Config::default()
    })
    .await;
    let ended = run(BINARY, &case.connection).await;
    assert!(matches!(ended.code, 2 | 4), "{}", ended.printed());
    ended.expect_printed("text/html");
}

#[tokio::test]
async fn a_url_with_a_version_at_its_end_is_taken_for_what_it_means() {
    for tail in ["/", "/2.0", "/2.0/", "/1.0"] {
        let mut case = case(Config::default()).await;
        case.connection.api_url += tail;
        run(BINARY, &case.connection).await.expect_code(0);
    }
}

#[tokio::test]
async fn a_workspace_in_another_case_is_the_same() {
    let mut case = case(Config::default()).await;
    case.connection.workspace = case.connection.workspace.to_uppercase();
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(0);
    case.expect_truth(&ended, &fake_bitbucket::Visibility::default());
}
