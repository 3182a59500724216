//! Who is let in, and what for.
#![allow(clippy::unwrap_used, missing_docs, dead_code, unreachable_pub)]

mod client;

use client::{SIZES, basic, bearer, get, get_as, pair, send};
use fake_bitbucket::{
    Account, Behaviour, Config, Credential, PermissionsByToken, Presented, Server, Token, World,
};
use serde_json::json;

async fn start(token: Token, account: Account) -> Server {
    let config = Config {
        token: Some(token),
        account: Some(account),
        ..Config::default()
    };
    Server::start(World::generate(3, SIZES), config)
        .await
        .unwrap()
}

/// Path, the classic scopes, the scopes of API tokens. Retyped from the reference, not from the code.
fn table(server: &Server) -> Vec<(String, Vec<&'static str>, Vec<&'static str>)> {
    let project = format!(
        "/2.0/workspaces/acme/projects/{}",
        server.world().projects[0].key
    );
    let repository = format!(
        "/2.0/repositories/acme/{}",
        server.world().repositories[0].slug
    );
    vec![
        (
            "/2.0/user".into(),
            vec!["account"],
            vec!["read:user:bitbucket"],
        ),
        (
            "/2.0/workspaces/acme".into(),
            vec![],
            vec!["read:workspace:bitbucket"],
        ),
        (
            "/2.0/workspaces/acme/members".into(),
            vec!["account"],
            vec!["read:workspace:bitbucket"],
        ),
        (
            "/2.0/workspaces/acme/permissions".into(),
            vec!["account"],
            vec!["read:workspace:bitbucket"],
        ),
        (
            "/2.0/workspaces/acme/permissions/repositories".into(),
            vec!["account"],
            vec!["read:repository:bitbucket"],
        ),
        (
            "/2.0/workspaces/acme/projects".into(),
            vec!["project"],
            vec!["read:project:bitbucket"],
        ),
        (
            format!("{project}/permissions-config/users"),
            vec!["project:admin"],
            vec!["read:project:bitbucket"],
        ),
        (
            format!("{project}/permissions-config/groups"),
            vec!["project:admin"],
            vec!["read:project:bitbucket"],
        ),
        (
            format!("{project}/deploy-keys"),
            vec!["project", "project:admin"],
            vec!["admin:project:bitbucket"],
        ),
        (
            "/2.0/repositories/acme".into(),
            vec!["repository"],
            vec!["read:repository:bitbucket"],
        ),
        (
            format!("{repository}/permissions-config/users"),
            vec!["repository:admin"],
            vec!["read:repository:bitbucket"],
        ),
        (
            format!("{repository}/permissions-config/groups"),
            vec!["repository:admin"],
            vec!["read:repository:bitbucket"],
        ),
        (
            format!("{repository}/deploy-keys"),
            vec!["repository", "repository:admin"],
            vec!["admin:repository:bitbucket"],
        ),
        (
            "/1.0/groups/acme".into(),
            vec!["account"],
            vec!["read:permission:bitbucket"],
        ),
        (
            "/1.0/group-privileges/acme".into(),
            vec!["account"],
            vec!["read:permission:bitbucket"],
        ),
    ]
}

#[tokio::test]
async fn every_scope_is_needed_and_named() {
    let whole = start(Token::default(), Account::default()).await;
    for (path, classic, api) in table(&whole) {
        assert_eq!(get_as(&whole, bearer(), &path).await.status, 200, "{path}");
        assert_eq!(get_as(&whole, basic(), &path).await.status, 200, "{path}");

        for missing in &classic {
            let mut token = Token::default();
            token.scopes.retain(|scope| scope != missing);
            // It would imply `repository`.
            token.scopes.remove("pullrequest");
            let granted: Vec<String> = token.scopes.iter().cloned().collect();
            let server = start(token, Account::default()).await;
            let reply = get_as(&server, bearer(), &path).await;
            assert_eq!(reply.status, 403, "{path} without {missing}");
            let detail = reply.json()["error"]["detail"].clone();
            assert_eq!(
                detail,
                json!({"required": classic, "granted": granted}),
                "{path}"
            );
        }
        for missing in &api {
            let mut account = Account::default();
            account.scopes.retain(|scope| scope != missing);
            let server = start(Token::default(), account).await;
            let reply = get_as(&server, basic(), &path).await;
            assert_eq!(reply.status, 403, "{path} without {missing}");
            assert_eq!(
                reply.json()["error"]["detail"]["required"],
                json!(api),
                "{path}"
            );
        }

        // And no other scope is.
        let token = Token {
            scopes: classic.iter().map(|scope| (*scope).to_owned()).collect(),
            ..Token::default()
        };
        let account = Account {
            scopes: api.iter().map(|scope| (*scope).to_owned()).collect(),
            ..Account::default()
        };
        let server = start(token, account).await;
        assert_eq!(get_as(&server, bearer(), &path).await.status, 200, "{path}");
        assert_eq!(get_as(&server, basic(), &path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let server = client::server(Behaviour::default()).await;
    let account = Account::default();
    let token = Token::default();
    let path = "/2.0/workspaces/acme";
    for (header, why) in [
        (
            pair("acme-admin", &account.api_token),
            "a nickname in place of the e-mail",
        ),
        (pair(&account.email, "ATATT-other"), "another API token"),
        (
            pair(&account.email, &token.secret),
            "the access token as a password",
        ),
        (
            ("Authorization", format!("Bearer {}", account.api_token)),
            "the API token as bearer",
        ),
        (("Authorization", "Bearer nonsense".into()), "nonsense"),
        (("Authorization", "Basic !".into()), "no base64"),
        (("Authorization", "Digest x".into()), "another scheme"),
    ] {
        let reply = get_as(&server, header, path).await;
        assert_eq!(reply.status, 401, "{why}");
        assert!(reply.headers.contains_key("www-authenticate"), "{why}");
        let message = "Token is invalid, expired, or not supported for this endpoint.";
        assert_eq!(reply.message(), message, "{why}");
    }
    let reply = send(&server, "GET", path, &[]).await.unwrap();
    assert_eq!(reply.status, 401);
    let reply = send(&server, "GET", path, &[basic(), bearer()])
        .await
        .unwrap();
    assert_eq!(reply.status, 401, "two credentials at once");
}

#[tokio::test]
async fn an_app_password_is_gone() {
    let server = client::server(Behaviour::default()).await;
    let reply = get_as(&server, pair("acme", "ATBBxyz"), "/2.0/workspaces/acme").await;
    assert_eq!((reply.status, reply.body.len()), (401, 0));
    assert_eq!(server.requests().0[0].presented, Presented::AppPassword);
}

#[tokio::test]
async fn what_has_expired_is_refused() {
    let token = Token {
        expired: true,
        ..Token::default()
    };
    let account = Account {
        expired: true,
        ..Account::default()
    };
    let server = start(token, account).await;
    assert_eq!(
        get_as(&server, bearer(), "/2.0/workspaces/acme")
            .await
            .status,
        401
    );
    assert_eq!(
        get_as(&server, basic(), "/2.0/workspaces/acme")
            .await
            .status,
        401
    );
    let seen = server.requests();
    assert_eq!(
        seen.0[0].presented,
        Presented::Expired(Credential::WorkspaceToken)
    );
    assert_eq!(seen.0[1].presented, Presented::Expired(Credential::Account));
}

#[tokio::test]
async fn a_401_can_be_plain_text() {
    let server = client::server(Behaviour {
        plain_text_401: true,
        ..Behaviour::default()
    })
    .await;
    let reply = send(&server, "GET", "/2.0/workspaces/acme", &[])
        .await
        .unwrap();
    assert_eq!(reply.status, 401);
    assert!(reply.headers["content-type"].starts_with("text/plain"));
    assert!(reply.text().starts_with("Token is invalid"));
}

#[tokio::test]
async fn project_permissions_hide_from_the_unauthenticated() {
    let server = client::server(Behaviour::default()).await;
    let key = &server.world().projects[0].key;
    let path = format!("/2.0/workspaces/acme/projects/{key}/permissions-config/groups");
    assert_eq!(send(&server, "GET", &path, &[]).await.unwrap().status, 404);
}

#[tokio::test]
async fn a_token_may_be_refused_permissions_but_not_the_inventory() {
    for (permissions, message) in [
        (
            PermissionsByToken::WrongMechanism,
            "This API is not accessible by this authentication mechanism",
        ),
        (
            PermissionsByToken::AuthTypesOnly,
            "This API is only accessible with the following authentication types: apppassword, session, api_token",
        ),
    ] {
        let server = start(
            Token {
                permissions,
                ..Token::default()
            },
            Account::default(),
        )
        .await;
        for (path, _, _) in table(&server) {
            let reply = get_as(&server, bearer(), &path).await;
            let refused = path.contains("/permissions") || path.starts_with("/1.0/");
            assert_eq!(reply.status, if refused { 403 } else { 200 }, "{path}");
            if refused {
                assert_eq!(reply.message(), message);
            }
            assert_eq!(get_as(&server, basic(), &path).await.status, 200, "{path}");
        }
    }
}

#[tokio::test]
async fn only_an_administrator_sees_permissions_and_keys() {
    let server = start(
        Token::default(),
        Account {
            administrator: false,
            ..Account::default()
        },
    )
    .await;
    for (path, _, _) in table(&server) {
        let reply = get_as(&server, basic(), &path).await;
        let refused = path.contains("/permissions-config")
            || path.contains("/permissions/")
            || path.contains("/deploy-keys")
            || path.starts_with("/1.0/");
        assert_eq!(reply.status, if refused { 403 } else { 200 }, "{path}");
        if refused {
            assert!(reply.json()["error"].get("detail").is_none(), "{path}");
        }
    }
    let own = get(&server, "/2.0/user/workspaces").await.json();
    assert_eq!(own["values"][0]["administrator"], json!(false));
    let role = get(&server, "/2.0/user/workspaces/acme/permission")
        .await
        .json();
    assert_ne!(role["permission"], json!("owner"));
}

#[tokio::test]
async fn a_token_is_a_team_and_no_person() {
    let server = client::server(Behaviour::default()).await;
    assert_eq!(
        get_as(&server, bearer(), "/2.0/user").await.json()["type"],
        json!("team")
    );
    assert_eq!(
        get_as(&server, basic(), "/2.0/user").await.json()["type"],
        json!("user")
    );
    assert_eq!(
        get_as(&server, bearer(), "/2.0/user/workspaces")
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn an_answer_says_what_was_granted_and_needed() {
    let server = client::server(Behaviour::default()).await;
    let reply = get_as(&server, bearer(), "/2.0/workspaces/acme/projects").await;
    assert!(reply.headers["x-oauth-scopes"].contains("repository:admin"));
    assert_eq!(reply.headers["x-accepted-oauth-scopes"], "project");
    assert!(reply.headers.contains_key("x-b3-traceid"));
    let etag = reply.headers["etag"].clone();
    let known = [bearer(), ("If-None-Match", etag)];
    let reply = send(&server, "GET", "/2.0/workspaces/acme/projects", &known)
        .await
        .unwrap();
    assert_eq!((reply.status, reply.body.len()), (304, 0));
}
