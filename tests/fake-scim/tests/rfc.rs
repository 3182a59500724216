//! Without a deviation the fake answers as RFC 7643, 7644 and 9865 say.
#![allow(clippy::unwrap_used, missing_docs, dead_code, unreachable_pub)]

mod client;

use client::{ask, get, server};
use fake_scim::{Config, DEVIATIONS, Server, Shape, TOKEN, World};
use std::collections::BTreeSet;

const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

#[tokio::test]
async fn an_index_is_one_based_and_bounded() {
    let server = server(&[]).await;
    let all = get(&server, "/Users").await.ids();
    assert_eq!(all.len(), 40);
    for (query, first, count) in [
        ("startIndex=1&count=7", 0, 7),
        ("startIndex=8&count=7", 7, 7),
        ("startIndex=0&count=7", 0, 7),
        ("startIndex=-5&count=7", 0, 7),
        ("startIndex=38&count=7", 37, 3),
        ("startIndex=41&count=7", 40, 0),
        ("count=0", 0, 0),
        ("count=-1", 0, 0),
    ] {
        let reply = get(&server, &format!("/Users?{query}")).await;
        assert_eq!(reply.ids(), all[first..first + count], "{query}");
        let list = reply.json();
        assert_eq!(list["totalResults"], 40, "{query}");
        assert_eq!(list["itemsPerPage"], count, "{query}");
        assert_eq!(list["startIndex"], first + 1, "{query}");
        assert_eq!(list["schemas"][0], LIST);
    }
    assert_eq!(get(&server, "/Users?count=abc").await.status, 400);
}

#[tokio::test]
async fn a_cursor_leads_to_the_end_and_every_other_parameter_must_stay() {
    for form in ["cursor-only", "cursor-or-index"] {
        let server = server(&[form]).await;
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let encoded: String = url::form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
            let reply = get(&server, &format!("/Users?cursor={encoded}&count=9")).await;
            found.extend(reply.ids());
            assert!(reply.json().get("startIndex").is_none());
            match reply.json()["nextCursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
            let other = get(&server, &format!("/Users?cursor={encoded}&count=8")).await;
            let kind = if encoded.is_empty() {
                None
            } else {
                Some("invalidCount")
            };
            assert_eq!(other.json()["scimType"].as_str(), kind);
        }
        assert_eq!(found.len(), 40);
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 40);
        let wrong = get(&server, "/Users?cursor=nonsense&count=9").await;
        assert_eq!(
            (wrong.status, &wrong.json()["scimType"]),
            (400, &"invalidCursor".into())
        );
    }
}

#[tokio::test]
async fn an_error_has_a_schema_and_its_status_as_text() {
    let server = server(&[]).await;
    let missing = get(&server, "/Users/nobody").await;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.headers["content-type"], "application/scim+json");
    let error = missing.json();
    assert_eq!(error["status"], "404");
    assert_eq!(
        error["schemas"][0],
        "urn:ietf:params:scim:api:messages:2.0:Error"
    );
    let filter = get(&server, "/Users?filter=title%20pr").await;
    assert_eq!(
        (filter.status, &filter.json()["scimType"]),
        (400, &"invalidFilter".into())
    );
    assert_eq!(get(&server, "/Nothing").await.status, 404);
    assert_eq!(ask(&server, "DELETE", "/Users", &[]).await.status, 401);
    let token = format!("Bearer {TOKEN}");
    let delete = ask(&server, "DELETE", "/Users", &[("authorization", &token)]).await;
    assert_eq!(delete.status, 405);
}

#[tokio::test]
async fn only_the_configuration_is_open() {
    let server = server(&[]).await;
    for (path, status) in [
        ("/ServiceProviderConfig", 200),
        ("/ResourceTypes", 401),
        ("/Schemas", 401),
        ("/Users", 401),
        ("/Groups", 401),
    ] {
        assert_eq!(
            ask(&server, "GET", path, &[]).await.status,
            status,
            "{path}"
        );
        let wrong = ask(&server, "GET", path, &[("authorization", "Bearer wrong")]).await;
        assert_eq!(wrong.status, status, "{path}");
        assert_eq!(
            wrong.headers.contains_key("www-authenticate"),
            status == 401
        );
        assert_eq!(get(&server, path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_user_name_and_password_are_let_in() {
    let config = Config {
        bearer: None,
        basic: Some(("reader".into(), "pa55".into())),
        ..Config::default()
    };
    let world = World::generate(1, &Shape::default());
    let server = Server::start(world, config).await.unwrap();
    for (header, status) in [
        ("Basic cmVhZGVyOnBhNTU=", 200),
        ("Basic cmVhZGVyOnBhNTY=", 401),
    ] {
        let reply = ask(&server, "GET", "/Users", &[("authorization", header)]).await;
        assert_eq!(reply.status, status);
    }
}

#[tokio::test]
async fn what_the_server_says_of_itself_leads_to_what_it_has() {
    let server = server(&[]).await;
    let types = get(&server, "/ResourceTypes").await.json();
    let types = types["Resources"].as_array().unwrap().clone();
    assert_eq!(types.len(), 4);
    for one in types {
        let list = get(&server, one["endpoint"].as_str().unwrap()).await.json();
        assert_ne!(list["totalResults"], 0);
        let row = &list["Resources"][0];
        let schemas = row["schemas"].as_array().unwrap();
        assert!(schemas.contains(&one["schema"]));
        let path = format!(
            "{}/{}",
            one["endpoint"].as_str().unwrap(),
            row["id"].as_str().unwrap()
        );
        assert_eq!(get(&server, &path).await.json()["id"], row["id"]);
        let schema = format!("/Schemas/{}", one["schema"].as_str().unwrap());
        assert_eq!(get(&server, &schema).await.json()["id"], one["schema"]);
    }
    assert_eq!(get(&server, "/Schemas?filter=id%20pr").await.status, 403);
}

#[tokio::test]
async fn attributes_choose_and_id_always_comes() {
    let server = server(&[]).await;
    let names = |reply: client::Reply| -> BTreeSet<String> {
        let rows = reply.json()["Resources"].as_array().unwrap().clone();
        let keys =
            |row: serde_json::Value| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        rows.into_iter().flat_map(keys).collect()
    };
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    let chosen = names(get(&server, "/Groups?attributes=DisplayName").await);
    assert_eq!(chosen, set(&["displayName", "id", "schemas"]));
    let left = names(get(&server, "/Groups?excludedAttributes=members,meta,id").await);
    assert_eq!(left, set(&["displayName", "externalId", "id", "schemas"]));
    let parts = get(&server, "/Groups?attributes=members.value")
        .await
        .json();
    let member = &parts["Resources"][1]["members"][0];
    assert_eq!(member.as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn members_and_the_groups_of_users_agree() {
    let server = server(&[]).await;
    let groups = get(&server, "/Groups").await.json();
    let groups = groups["Resources"].as_array().unwrap().clone();
    assert!(groups[0].get("members").is_none(), "the first holds nobody");
    assert_eq!(groups[1]["members"].as_array().unwrap().len(), 40);
    assert!(
        groups[2]["members"]
            .as_array()
            .unwrap()
            .iter()
            .any(|member| member["type"] == "Group")
    );
    let mut by_group = BTreeSet::new();
    for group in &groups {
        for member in group["members"].as_array().into_iter().flatten() {
            if member["type"] == "User" && member["value"] != "gone-but-named" {
                by_group.insert((member["value"].to_string(), group["id"].to_string()));
            }
        }
    }
    let users = get(&server, "/Users").await.json();
    let mut by_user = BTreeSet::new();
    for user in users["Resources"].as_array().unwrap() {
        for group in user["groups"].as_array().into_iter().flatten() {
            by_user.insert((user["id"].to_string(), group["value"].to_string()));
        }
        let id = user["id"].as_str().unwrap();
        let filter = format!("/Groups?filter=members.value%20eq%20%22{id}%22");
        assert_eq!(
            get(&server, &filter).await.ids().len(),
            user["groups"].as_array().map_or(0, Vec::len)
        );
    }
    assert_eq!(by_group, by_user);
}

#[tokio::test]
async fn one_seed_gives_one_answer() {
    let (one, other) = (server(&[]).await, server(&[]).await);
    for path in ["/Users", "/Groups", "/Roles", "/Entitlements"] {
        let text = |server: &Server, body: Vec<u8>| {
            String::from_utf8(body).unwrap().replace(server.base(), "")
        };
        let (a, b) = (get(&one, path).await, get(&other, path).await);
        assert_eq!(text(&one, a.body), text(&other, b.body));
    }
    assert_ne!(
        World::generate(1, &Shape::default()),
        World::generate(2, &Shape::default())
    );
}

#[test]
fn every_deviation_has_a_name_of_its_own() {
    let names: BTreeSet<_> = DEVIATIONS.iter().map(|one| one.name).collect();
    assert_eq!(names.len(), DEVIATIONS.len());
    for name in names {
        assert!(
            name.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
            "{name}"
        );
    }
}
