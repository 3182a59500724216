//! Each deviation is seen on the wire, and nothing but itself.
#![allow(clippy::unwrap_used, missing_docs, dead_code, unreachable_pub)]

mod client;

use client::{ask, get, server};
use fake_scim::TOKEN;
use serde_json::{Value, json};

async fn first_page(deviation: &str, query: &str) -> Value {
    let server = server(&[deviation]).await;
    get(&server, &format!("/Users?{query}")).await.json()
}

#[tokio::test]
async fn what_a_page_says_of_itself() {
    for (deviation, query, field, value) in [
        (
            "items-per-page-as-asked",
            "startIndex=38&count=7",
            "itemsPerPage",
            json!(7),
        ),
        (
            "items-per-page-missing",
            "count=7",
            "itemsPerPage",
            Value::Null,
        ),
        (
            "items-per-page-missing",
            "count=7",
            "startIndex",
            Value::Null,
        ),
        ("total-is-page-size", "count=7", "totalResults", json!(7)),
        ("total-absent", "count=7", "totalResults", Value::Null),
        ("total-zero", "count=7", "totalResults", json!(0)),
        (
            "total-zero-without-rows",
            "count=0",
            "totalResults",
            json!(0),
        ),
        (
            "total-zero-without-rows",
            "count=7",
            "totalResults",
            json!(40),
        ),
        ("total-too-many", "count=7", "totalResults", json!(43)),
        ("total-half", "count=7", "totalResults", json!(20)),
    ] {
        assert_eq!(
            first_page(deviation, query).await[field],
            value,
            "{deviation} {query}"
        );
    }
}

#[tokio::test]
async fn which_rows_a_page_has() {
    for (deviation, query, first, count) in [
        ("whole-lists", "startIndex=8&count=7", 0, 40),
        ("capped-pages", "startIndex=8&count=30", 7, 9),
        ("ten-without-count", "", 0, 10),
        ("none-without-count", "", 0, 0),
        ("end-repeats-first-page", "startIndex=41&count=7", 0, 7),
        ("first-page-only", "startIndex=21&count=7", 0, 20),
        ("cursor-only", "startIndex=8&count=7", 0, 7),
        ("cursor-or-index", "startIndex=8&count=7", 7, 7),
        ("rows-move", "startIndex=8&count=7&sortBy=id", 7, 7),
    ] {
        let server = server(&[deviation]).await;
        let sort = if query.contains("sortBy") {
            "&sortBy=id"
        } else {
            ""
        };
        let whole = server.world().users.len();
        let mut all: Vec<String> = server
            .world()
            .users
            .iter()
            .map(|user| user.id.clone())
            .collect();
        if !sort.is_empty() {
            all.sort();
        }
        let rows = get(&server, &format!("/Users?{query}")).await.ids();
        assert_eq!(
            rows,
            all[first..(first + count).min(whole)],
            "{deviation} {query}"
        );
    }
}

#[tokio::test]
async fn rows_repeat_and_skip_at_the_border_of_pages() {
    for (deviation, sort) in [("rows-move", ""), ("rows-move-though-sorted", "&sortBy=id")] {
        let server = server(&[deviation]).await;
        let page = |start: usize| format!("/Users?startIndex={start}&count=7{sort}");
        let (one, two) = (
            get(&server, &page(1)).await.ids(),
            get(&server, &page(8)).await.ids(),
        );
        assert_eq!(one[6], two[0]);
        assert_eq!(two.len(), 7);
        assert!(!two.contains(&server.world().users[7].id), "{deviation}");
    }
}

#[tokio::test]
async fn what_is_answered_with_an_error() {
    for (deviation, path, status) in [
        ("count-fails", "/Users?count=7", 500),
        ("zero-start-fails", "/Users?startIndex=0", 400),
        ("cursor-refused", "/Users?cursor=", 501),
        ("index-refused", "/Users?startIndex=1", 501),
        ("sort-refused", "/Users?sortBy=id", 501),
        (
            "filters-refused",
            "/Groups?filter=displayName%20eq%20%22x%22",
            400,
        ),
        (
            "filters-not-implemented",
            "/Groups?filter=displayName%20eq%20%22x%22",
            501,
        ),
        ("no-service-provider-config", "/ServiceProviderConfig", 404),
        ("no-resource-types", "/ResourceTypes", 404),
        ("no-schemas", "/Schemas", 404),
        ("no-rights", "/Roles", 404),
        ("rights-not-implemented", "/Entitlements", 501),
        ("groups-not-found", "/Groups", 404),
        ("groups-not-implemented", "/Groups", 501),
        ("groups-forbidden", "/Groups", 403),
        ("groups-too-many", "/Groups", 429),
        ("groups-broken", "/Groups", 500),
        ("groups-redirect", "/Groups", 302),
        ("users-not-found", "/Users", 404),
        ("users-forbidden", "/Users", 403),
        ("later-users-broken", "/Users?startIndex=8", 500),
    ] {
        let server = server(&[deviation]).await;
        assert_eq!(get(&server, path).await.status, status, "{deviation}");
        let first = if path.starts_with("/Users") {
            "/Groups"
        } else {
            "/Users"
        };
        let reply = get(&server, first).await;
        assert_eq!(reply.status, 200, "{deviation}");
    }
}

#[tokio::test]
async fn what_may_be_accepted() {
    for (deviation, accept, status) in [
        ("scim-or-nothing", "application/json", 406),
        (
            "scim-or-nothing",
            "application/scim+json, application/json",
            200,
        ),
        (
            "json-or-nothing",
            "application/scim+json, application/json",
            406,
        ),
        ("json-or-nothing", "application/json", 200),
    ] {
        let server = server(&[deviation]).await;
        let token = format!("Bearer {TOKEN}");
        let headers = [("authorization", &*token), ("accept", accept)];
        let reply = ask(&server, "GET", "/Users", &headers).await;
        assert_eq!(reply.status, status, "{deviation} {accept}");
    }
}

#[tokio::test]
async fn what_an_error_looks_like() {
    let errors = |deviation: &'static str| async move {
        let server = server(&[deviation]).await;
        let reply = get(&server, "/Users/nobody").await;
        (
            reply.headers["content-type"].clone(),
            String::from_utf8(reply.body).unwrap(),
        )
    };
    let (kind, body) = errors("html-errors").await;
    assert!(kind.starts_with("text/html") && body.starts_with("<!DOCTYPE"));
    let (kind, body) = errors("html-errors-as-scim").await;
    assert!(kind == "application/scim+json" && body.starts_with("<!DOCTYPE"));
    let (_, body) = errors("status-as-number").await;
    assert!(body.contains("\"status\":404"), "{body}");
    for (deviation, kind) in [
        ("groups-are-html", "text/html"),
        ("groups-are-html-as-scim", "application/scim+json"),
    ] {
        let server = server(&[deviation]).await;
        let reply = get(&server, "/Groups").await;
        assert_eq!(reply.status, 200);
        assert!(reply.headers["content-type"].starts_with(kind));
        assert!(reply.body.starts_with(b"<!DOCTYPE"));
    }
    let server = server(&["groups-are-an-error"]).await;
    let reply = get(&server, "/Groups").await;
    assert_eq!(
        (reply.status, &reply.json()["status"]),
        (200, &json!("403"))
    );
}

/// Group 1 holds everybody, group 2 holds groups too, group 0 nobody.
#[tokio::test]
async fn what_is_said_of_members() {
    let group = |deviation: &'static str, n: usize, single: bool| async move {
        let server = server(&[deviation]).await;
        if single {
            let id = server.world().groups[n].id.clone();
            return get(&server, &format!("/Groups/{id}")).await.json();
        }
        get(&server, "/Groups").await.json()["Resources"][n].clone()
    };
    let count = |group: &Value| group["members"].as_array().map(Vec::len);
    for (deviation, in_lists, in_single) in [
        ("lists-without-members", None, Some(40)),
        ("lists-with-empty-members", Some(0), Some(40)),
        ("members-by-filter-only", Some(0), Some(0)),
        ("members-by-user-only", Some(0), Some(0)),
        ("members-nowhere", None, None),
        ("members-cut", Some(100), Some(100)),
        ("members-repeated", Some(120), Some(120)),
        ("aws", Some(0), Some(0)),
    ] {
        assert_eq!(
            count(&group(deviation, 1, false).await),
            in_lists,
            "{deviation}"
        );
        assert_eq!(
            count(&group(deviation, 1, true).await),
            in_single,
            "{deviation}"
        );
    }
    assert_eq!(
        count(&group("empty-group-has-list", 0, false).await),
        Some(0)
    );
    assert_eq!(count(&group("html-errors", 0, false).await), None);
    for (deviation, absent) in [
        ("members-without-type", &["type"][..]),
        ("members-without-ref", &["$ref"]),
        ("members-bare", &["type", "$ref", "display"]),
    ] {
        let group = group(deviation, 1, true).await;
        for name in ["type", "$ref", "display", "value"] {
            let there = group["members"][0].get(name).is_some();
            assert_eq!(there, !absent.contains(&name), "{deviation} {name}");
        }
    }
}

#[tokio::test]
async fn what_is_said_of_the_groups_of_a_user() {
    let groups = |deviation: &'static str| async move {
        let server = server(&[deviation]).await;
        let users = get(&server, "/Users").await.json();
        let rows = users["Resources"].as_array().unwrap().clone();
        rows.into_iter()
            .map(|user| user["groups"].clone())
            .collect::<Vec<_>>()
    };
    let some = |groups: &[Value], fits: fn(&Value) -> bool| {
        groups
            .iter()
            .flat_map(|of| of.as_array().unwrap())
            .any(fits)
    };
    let right = groups("html-errors").await;
    assert!(!some(&right, |group| group["type"] != "direct"));
    let indirect = groups("user-groups-indirect").await;
    assert!(some(&indirect, |group| group["type"] == "indirect"));
    let untyped = groups("user-groups-untyped").await;
    assert!(!some(&untyped, |group| group.get("type").is_some()));
    assert!(
        untyped
            .iter()
            .zip(&right)
            .any(|(a, b)| a.as_array().unwrap().len() > b.as_array().unwrap().len())
    );
    assert!(some(&groups("user-groups-with-members").await, |group| {
        group["members"][39].is_object()
    }));
    let valueless = groups("user-groups-without-value").await;
    assert!(!some(&valueless, |group| group.get("value").is_some()
        || group.get("$ref").is_none()));
    let display = groups("user-groups-display-only").await;
    assert!(!some(&display, |group| group.as_object().unwrap().len() != 1));
    assert!(
        groups("user-groups-absent")
            .await
            .iter()
            .all(Value::is_null)
    );
    assert!(
        groups("user-groups-empty")
            .await
            .iter()
            .all(|groups| *groups == json!([]))
    );
}

#[tokio::test]
async fn how_values_are_written() {
    let user = |deviation: &'static str, n: usize| async move {
        let server = server(&[deviation]).await;
        get(&server, "/Users").await.json()["Resources"][n].clone()
    };
    assert_eq!(user("numeric-ids", 0).await["id"], 1000);
    assert_eq!(user("active-as-text", 0).await["active"], "True");
    assert_eq!(user("active-as-text", 5).await["active"], "False");
    assert_eq!(user("active-as-number", 5).await["active"], 0);
    assert!(user("active-absent", 0).await.get("active").is_none());
    let location = |user: Value| user["meta"]["location"].as_str().unwrap().to_owned();
    assert!(location(user("meta-relative", 0).await).starts_with("/Users/"));
    assert!(location(user("meta-with-space", 0).await).contains(' '));
    assert!(location(user("meta-elsewhere", 0).await).starts_with("https://elsewhere"));
    assert!(user("meta-absent", 0).await.get("meta").is_none());
    assert_eq!(
        user("null-for-unassigned", 6).await.get("active"),
        Some(&Value::Null)
    );
    assert!(user("html-errors", 6).await.get("active").is_none());
    let server = server(&["shared-ids"]).await;
    assert_eq!(server.world().users[3].id, server.world().groups[3].id);
}

#[tokio::test]
async fn how_names_are_spelled() {
    for (deviation, list, name, urn) in [
        (
            "small-letters",
            "resources",
            "username",
            "urn:ietf:params:scim:schemas:core:2.0:User",
        ),
        (
            "large-letters",
            "RESOURCES",
            "USERNAME",
            "urn:ietf:params:scim:schemas:core:2.0:User",
        ),
        (
            "urns-in-small-letters",
            "Resources",
            "userName",
            "urn:ietf:params:scim:schemas:core:2.0:user",
        ),
        (
            "urns-in-large-letters",
            "Resources",
            "userName",
            "URN:IETF:PARAMS:SCIM:SCHEMAS:CORE:2.0:USER",
        ),
    ] {
        let server = server(&[deviation]).await;
        let users = get(&server, "/Users").await.json();
        let user = &users[list][0];
        assert_eq!(
            user[name],
            server.world().users[0].user_name.as_str(),
            "{deviation}"
        );
        let schemas = if list == "RESOURCES" {
            "SCHEMAS"
        } else {
            "schemas"
        };
        assert_eq!(user[schemas][0], urn, "{deviation}");
    }
}

#[tokio::test]
async fn what_becomes_of_parameters() {
    let server_with = |deviation: &'static str| async move { server(&[deviation]).await };
    let ignoring = server_with("attributes-ignored").await;
    let row = get(&ignoring, "/Users?attributes=userName").await.json()["Resources"][0].clone();
    assert!(row.get("emails").is_some());
    let without = server_with("schemas-missing").await;
    let row = get(&without, "/Users?attributes=userName").await.json()["Resources"][0].clone();
    assert!(row.get("schemas").is_none() && row.get("userName").is_some());
    assert!(
        get(&without, "/Users").await.json()["Resources"][0]
            .get("schemas")
            .is_some()
    );
    let nobody = "/Groups?filter=displayName%20eq%20%22Everyone%201%22";
    for (deviation, found) in [
        ("filters-ignored", 12),
        ("filters-find-nothing", 0),
        ("html-errors", 1),
    ] {
        let server = server_with(deviation).await;
        assert_eq!(get(&server, nobody).await.ids().len(), found, "{deviation}");
    }
}

#[tokio::test]
async fn what_the_server_says_of_itself() {
    let endpoint = |deviation: &'static str| async move {
        let server = server(&[deviation]).await;
        let types = get(&server, "/ResourceTypes").await.json();
        (
            types["Resources"][0]["endpoint"]
                .as_str()
                .unwrap()
                .to_owned(),
            server.base().to_owned(),
        )
    };
    assert_eq!(
        endpoint("endpoints-as-full-paths").await.0,
        "/scim/v2/Users"
    );
    let (url, base) = endpoint("endpoints-as-urls").await;
    assert_eq!(url, format!("{base}/Users"));
    assert_eq!(
        endpoint("endpoints-elsewhere").await.0,
        "https://elsewhere.example/Users"
    );
    let closed = server(&["discovery-closed"]).await;
    assert_eq!(
        ask(&closed, "GET", "/ServiceProviderConfig", &[])
            .await
            .status,
        401
    );
    let silent = server(&["silent-about-pages"]).await;
    assert!(
        get(&silent, "/ServiceProviderConfig")
            .await
            .json()
            .get("pagination")
            .is_none()
    );
    let none = server(&["no-discovery"]).await;
    let html = server(&["discovery-is-html"]).await;
    for path in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"] {
        assert_eq!(get(&none, path).await.status, 404);
        let page = get(&html, path).await;
        assert!(page.status == 200 && page.body.starts_with(b"<!DOCTYPE"));
    }
    let by_id = server(&["rights-by-id"]).await;
    let role = get(&by_id, "/Roles").await.json()["Resources"][0].clone();
    assert_eq!(
        (role["id"].as_str(), role.get("value")),
        (Some("role-0"), None)
    );
    let atlassian = server(&["atlassian"]).await;
    let user = get(&atlassian, "/Users").await.json()["Resources"][0].clone();
    let extension = &user["urn:scim:schemas:extension:atlassian-external:1.0"];
    assert!(
        extension["atlassianAccountId"]
            .as_str()
            .unwrap()
            .starts_with("712020:")
    );
    assert!(user.get("roles").is_none());
}

#[tokio::test]
async fn single_groups_fail_while_their_list_answers() {
    let server = server(&["single-groups-broken"]).await;
    let id = get(&server, "/Groups").await.ids()[1].clone();
    assert_eq!(get(&server, &format!("/Groups/{id}")).await.status, 500);
}

#[tokio::test]
async fn what_goes_wrong_once_goes_well_then() {
    for (deviation, status, after) in [
        ("too-many-at-first", 429, None),
        ("too-many-with-seconds", 429, Some("7")),
        (
            "too-many-with-date",
            429,
            Some("Fri, 15 Jan 2027 08:00:09 GMT"),
        ),
        ("too-many-with-nonsense", 429, Some("soon")),
        ("unavailable-at-first", 503, None),
        ("bad-gateway-at-first", 502, None),
        ("cut-off-at-first", 200, None),
        ("reset-at-first", 0, None),
    ] {
        let server = server(&[deviation]).await;
        for path in ["/Users", "/Users?startIndex=8"] {
            let first = get(&server, path).await;
            assert_eq!(first.status, status, "{deviation}");
            assert_eq!(first.headers.get("retry-after").map(String::as_str), after);
            assert_eq!(first.whole, status >= 400, "{deviation}");
            let second = get(&server, path).await;
            assert!(second.status == 200 && second.whole, "{deviation}");
        }
    }
}

#[tokio::test]
async fn cursors_that_loop_and_expire() {
    let looping = server(&["cursor-loops"]).await;
    assert!(get(&looping, "/Users?cursor=").await.json()["nextCursor"].is_string());
    let expiring = server(&["cursor-expires"]).await;
    let next = get(&expiring, "/Users?cursor=&count=30").await.json()["nextCursor"].clone();
    let next: String =
        url::form_urlencoded::byte_serialize(next.as_str().unwrap().as_bytes()).collect();
    let path = format!("/Users?cursor={next}&count=30");
    assert_eq!(
        get(&expiring, &path).await.json()["scimType"],
        "expiredCursor"
    );
    assert_eq!(get(&expiring, &path).await.ids().len(), 10);
}

#[tokio::test]
async fn what_was_asked_is_remembered() {
    let server = server(&[]).await;
    get(&server, "/Users?count=1").await;
    let outside = ask(
        &server,
        "GET",
        "/../../elsewhere",
        &[("authorization", "Bearer wrong")],
    )
    .await;
    assert_eq!(outside.status, 404);
    let seen = server.requests();
    assert_eq!(seen.0[0].url(), "/scim/v2/Users?count=1");
    assert!(seen.0[0].with_credential && seen.0[0].status == 200);
    assert_eq!(seen.elsewhere(), ["/scim/v2/../../elsewhere"]);
    let text = format!("{:?}", server.requests());
    assert!(!text.contains(TOKEN));
}
