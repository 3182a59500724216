//! Each misbehaviour shows on the wire as what it promises.
#![allow(clippy::unwrap_used, missing_docs, dead_code, unreachable_pub)]

mod client;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use client::{all, basic, bearer, get, get_as, send, server, target};
use fake_bitbucket::{
    Behaviour, Config, Credential, Family, Fault, Features, Lie, LieKind, Loop, Moved, PageTraps,
    Product, RateLimit, Refusal, Refuse, Server, Transient, What, World,
};
use serde_json::{Value, json};

const REPOSITORIES: &str = "/2.0/repositories/acme?pagelen=100";

async fn pages(pages: PageTraps) -> Server {
    server(Behaviour {
        pages,
        ..Behaviour::default()
    })
    .await
}

fn count(page: &Value) -> usize {
    page["values"].as_array().unwrap().len()
}

fn uuids(values: &[Value]) -> BTreeSet<String> {
    values
        .iter()
        .map(|value| value["uuid"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn pages_are_as_documented() {
    let server = pages(PageTraps::default()).await;
    let first = get(&server, REPOSITORIES).await.json();
    assert_eq!(
        (count(&first), &first["size"], &first["page"]),
        (100, &json!(230), &json!(1))
    );
    assert_eq!(first["pagelen"], json!(100));
    let third = get(&server, &format!("{REPOSITORIES}&page=3")).await.json();
    assert_eq!(count(&third), 30);
    assert!(third.get("next").is_none() && third["previous"].is_string());
    let beyond = get(&server, &format!("{REPOSITORIES}&page=4")).await.json();
    assert_eq!(count(&beyond), 0);
    assert_eq!(uuids(&all(&server, REPOSITORIES).await).len(), 230);

    // Nobody gets more than 100; the defaults differ.
    for (target, length) in [
        ("/2.0/repositories/acme?pagelen=1000", 100),
        ("/2.0/repositories/acme", 10),
        ("/2.0/workspaces/acme/members", 50),
        ("/2.0/workspaces/acme/permissions", 10),
        ("/2.0/workspaces/acme/projects", 50),
    ] {
        assert_eq!(
            get(&server, target).await.json()["pagelen"],
            json!(length),
            "{target}"
        );
    }
    for bad in ["pagelen=0", "pagelen=x", "page=0"] {
        assert_eq!(
            get(&server, &format!("/2.0/repositories/acme?{bad}"))
                .await
                .status,
            400
        );
    }
}

#[tokio::test]
async fn repositories_can_be_sorted() {
    let server = pages(PageTraps::default()).await;
    let sorted = all(&server, &format!("{REPOSITORIES}&sort=created_on")).await;
    let dates: Vec<&str> = sorted
        .iter()
        .map(|r| r["created_on"].as_str().unwrap())
        .collect();
    assert!(dates.is_sorted());
    let unsorted = all(&server, REPOSITORIES).await;
    assert!(
        !unsorted
            .iter()
            .map(|r| r["created_on"].as_str().unwrap())
            .is_sorted()
    );
    assert_eq!(
        get(&server, "/2.0/repositories/acme?sort=nonsense")
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn fields_select_add_and_remove() {
    let server = pages(PageTraps::default()).await;
    let members = "/2.0/workspaces/acme/members";
    let plain = get(&server, members).await.json();
    assert!(plain["values"][0]["user"].get("has_2fa_enabled").is_none());

    let added = get(
        &server,
        &format!("{members}?fields=%2Bvalues.user.has_2fa_enabled"),
    )
    .await;
    let added = added.json();
    assert!(added["values"][0]["user"]["has_2fa_enabled"].is_boolean());
    assert!(added["values"][0]["user"].get("account_status").is_none());
    assert!(added["next"].is_string());

    let removed = get(&server, &format!("{members}?fields=-values.*.links,-size"))
        .await
        .json();
    assert!(removed["values"][0]["user"].get("links").is_none());
    assert!(removed["values"][0].get("links").is_some() && removed.get("size").is_none());

    // Whoever selects and doesn't name `next` gets none.
    let selected = get(&server, &format!("{members}?fields=values.user.uuid"))
        .await
        .json();
    assert_eq!(selected.as_object().unwrap().len(), 1);
    assert_eq!(selected["values"][0]["user"].as_object().unwrap().len(), 1);
    let selected = get(&server, &format!("{members}?fields=values.user.uuid,next"))
        .await
        .json();
    assert!(selected["next"].is_string());

    // A plus that isn't percent-encoded is a space, and selects nothing.
    let wrong = get(
        &server,
        &format!("{members}?fields=+values.user.has_2fa_enabled"),
    )
    .await;
    assert_eq!(wrong.json(), json!({}));
}

#[tokio::test]
async fn pages_can_be_smaller_than_asked() {
    let server = pages(PageTraps {
        largest: Some(37),
        ..PageTraps::default()
    })
    .await;
    let first = get(&server, REPOSITORIES).await.json();
    assert_eq!((count(&first), &first["pagelen"]), (37, &json!(37)));
    assert_eq!(uuids(&all(&server, REPOSITORIES).await).len(), 230);
}

#[tokio::test]
async fn cursors_take_the_place_of_page_numbers() {
    let server = pages(PageTraps {
        cursors: true,
        ..PageTraps::default()
    })
    .await;
    let first = get(&server, REPOSITORIES).await.json();
    assert!(first.get("page").is_none());
    assert!(first["next"].as_str().unwrap().contains("ctx="));
    assert_eq!(uuids(&all(&server, REPOSITORIES).await).len(), 230);
    // A page number changes nothing.
    assert_eq!(
        get(&server, &format!("{REPOSITORIES}&page=2")).await.json()["values"],
        first["values"]
    );
    assert_eq!(
        get(&server, &format!("{REPOSITORIES}&ctx=made-up"))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn next_can_name_another_origin_or_path() {
    let traps = PageTraps {
        next_origin: Some("https://api.bitbucket.org".into()),
        ..PageTraps::default()
    };
    let first = get(&pages(traps).await, REPOSITORIES).await.json();
    let next = first["next"].as_str().unwrap();
    assert_eq!(
        next,
        "https://api.bitbucket.org/2.0/repositories/acme?pagelen=100&page=2"
    );

    let traps = PageTraps {
        next_path: Some("/rest/1.0/accounts/x".into()),
        ..PageTraps::default()
    };
    let server = pages(traps).await;
    let first = get(&server, REPOSITORIES).await.json();
    assert!(
        target(&server, &first["next"])
            .unwrap()
            .starts_with("/rest/1.0/accounts/x?")
    );
}

#[tokio::test]
async fn next_can_lead_back() {
    let server = pages(PageTraps {
        next_loops: Some(Loop::LastToFirst),
        ..PageTraps::default()
    })
    .await;
    let last = get(&server, &format!("{REPOSITORIES}&page=3")).await.json();
    assert_eq!(target(&server, &last["next"]).unwrap(), REPOSITORIES);

    let server = pages(PageTraps {
        next_loops: Some(Loop::FirstToItself),
        ..PageTraps::default()
    })
    .await;
    let first = get(&server, REPOSITORIES).await.json();
    assert_eq!(target(&server, &first["next"]).unwrap(), REPOSITORIES);
    assert_eq!(
        count(&get(&server, &format!("{REPOSITORIES}&page=2")).await.json()),
        100
    );
}

#[tokio::test]
async fn the_last_page_can_have_a_next() {
    let server = pages(PageTraps {
        next_after_last: true,
        ..PageTraps::default()
    })
    .await;
    let last = get(&server, &format!("{REPOSITORIES}&page=3")).await.json();
    let empty = get(&server, &target(&server, &last["next"]).unwrap())
        .await
        .json();
    assert_eq!(count(&empty), 0);
    assert!(empty.get("next").is_none());
}

#[tokio::test]
async fn next_can_be_missing() {
    let server = pages(PageTraps {
        without_next: true,
        ..PageTraps::default()
    })
    .await;
    let first = get(&server, REPOSITORIES).await.json();
    assert!(first.get("next").is_none());
    assert_eq!((count(&first), &first["size"]), (100, &json!(230)));
}

#[tokio::test]
async fn size_can_be_missing_or_wrong() {
    let server = pages(PageTraps {
        without_size: true,
        ..PageTraps::default()
    })
    .await;
    let first = get(&server, REPOSITORIES).await.json();
    assert!(first.get("size").is_none() && first["page"].is_number());
    let server = pages(PageTraps {
        size_off_by: -3,
        ..PageTraps::default()
    })
    .await;
    assert_eq!(get(&server, REPOSITORIES).await.json()["size"], json!(227));
    let server = pages(PageTraps {
        bare_envelope: true,
        ..PageTraps::default()
    })
    .await;
    let first = get(&server, REPOSITORIES).await.json();
    assert_eq!(
        first.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["next", "values"]
    );
}

#[tokio::test]
async fn elements_can_come_twice() {
    let server = pages(PageTraps {
        duplicates: true,
        ..PageTraps::default()
    })
    .await;
    let values = all(&server, REPOSITORIES).await;
    assert_eq!((values.len(), uuids(&values).len()), (232, 230));
}

#[tokio::test]
async fn values_can_hold_what_is_no_element() {
    let server = pages(PageTraps {
        text_in_values: true,
        ..PageTraps::default()
    })
    .await;
    let first = get(&server, REPOSITORIES).await.json();
    assert!(first["values"][100].is_string());
    let server = pages(PageTraps {
        empty_object_in_values: true,
        ..PageTraps::default()
    })
    .await;
    let first = get(&server, REPOSITORIES).await.json();
    assert_eq!(first["values"][100], json!({}));
}

#[tokio::test]
async fn later_pages_can_be_html() {
    let server = pages(PageTraps {
        later_pages_html: true,
        ..PageTraps::default()
    })
    .await;
    assert_eq!(count(&get(&server, REPOSITORIES).await.json()), 100);
    let second = get(&server, &format!("{REPOSITORIES}&page=2")).await;
    assert_eq!(second.status, 200);
    assert!(second.headers["content-type"].starts_with("text/html"));
}

#[tokio::test]
async fn page_traps_can_be_kept_to_a_family() {
    let traps = PageTraps {
        only: [Family::Projects].into(),
        text_in_values: true,
        ..PageTraps::default()
    };
    let server = pages(traps).await;
    assert_eq!(count(&get(&server, REPOSITORIES).await.json()), 100);
    assert_eq!(
        count(&get(&server, "/2.0/workspaces/acme/projects").await.json()),
        7
    );
}

#[tokio::test]
async fn each_refusal_has_its_own_answer() {
    for (how, status, says) in [
        (
            Refusal::MissingScope,
            403,
            "lack one or more required privilege scopes",
        ),
        (Refusal::NotAdmin, 403, "must be an administrator"),
        (
            Refusal::WrongMechanism,
            403,
            "not accessible by this authentication mechanism",
        ),
        (
            Refusal::AuthTypesOnly,
            403,
            "following authentication types",
        ),
        (Refusal::TokenUnsupported, 403, "using the provided token"),
        (Refusal::Unauthorised, 401, "Token is invalid"),
        (
            Refusal::NotFound,
            404,
            "either does not exist or you do not have access",
        ),
        (Refusal::Withdrawn, 410, "CHANGE-2770 - "),
        (Refusal::HtmlPage, 200, "<!DOCTYPE html>"),
        (Refusal::BadGateway, 502, "<!DOCTYPE html>"),
        (
            Refusal::TextInValues,
            200,
            "\"values\":[\"A workspace on a Free plan",
        ),
    ] {
        let refuse = vec![Refuse::all(What::Family(Family::Projects), how)];
        let server = server(Behaviour {
            refuse,
            ..Behaviour::default()
        })
        .await;
        let reply = get(&server, "/2.0/workspaces/acme/projects").await;
        assert_eq!(reply.status, status, "{how:?}");
        assert!(reply.text().contains(says), "{how:?}: {}", reply.text());
        if how == Refusal::MissingScope {
            let detail = &reply.json()["error"]["detail"];
            assert_eq!(detail["required"], json!(["read:project:bitbucket"]));
            assert!(
                !detail["granted"]
                    .as_array()
                    .unwrap()
                    .contains(&detail["required"][0])
            );
        }
        assert_eq!(get(&server, "/2.0/workspaces/acme").await.status, 200);
        assert!(!server.requests().0[0].served, "{how:?}");
        assert!(server.requests().0[1].served);
    }
}

#[tokio::test]
async fn what_is_refused_to_one_is_answered_to_the_other() {
    for who in [Credential::WorkspaceToken, Credential::Account] {
        let refuse = vec![Refuse::to(
            who,
            What::Family(Family::Groups),
            Refusal::NotAdmin,
        )];
        let server = server(Behaviour {
            refuse,
            ..Behaviour::default()
        })
        .await;
        let by_token = get_as(&server, bearer(), "/1.0/groups/acme").await.status;
        let by_account = get_as(&server, basic(), "/1.0/groups/acme").await.status;
        let expected = if who == Credential::Account {
            (200, 403)
        } else {
            (403, 200)
        };
        assert_eq!((by_token, by_account), expected);
    }
}

/// Every target with the refusals that hit it.
#[tokio::test]
async fn a_refusal_hits_what_it_names_and_nothing_else() {
    let world = World::generate(3, client::SIZES);
    let (slug, key) = (
        world.repositories[1].slug.clone(),
        world.projects[1].key.clone(),
    );
    let project = format!("/2.0/workspaces/acme/projects/{key}");
    let repository = format!("/2.0/repositories/acme/{slug}");
    let by_uuid = format!(
        "/2.0/repositories/acme/{}",
        world.repositories[1]
            .uuid
            .replace('{', "%7B")
            .replace('}', "%7D")
    );
    let whole = |family| What::Family(family);
    let this = || What::Repository(slug.clone());
    let that = || What::Project(key.clone());
    let targets: Vec<(String, Vec<What>)> = vec![
        (
            "/2.0/workspaces/acme".into(),
            vec![whole(Family::Workspace)],
        ),
        (
            "/2.0/workspaces/acme/members".into(),
            vec![whole(Family::Members)],
        ),
        (
            "/2.0/workspaces/acme/permissions".into(),
            vec![whole(Family::Members), What::WorkspacePermissions],
        ),
        ("/1.0/groups/acme".into(), vec![whole(Family::Groups)]),
        (
            "/2.0/workspaces/acme/projects".into(),
            vec![whole(Family::Projects)],
        ),
        (
            format!("{project}/permissions-config/users"),
            vec![whole(Family::ProjectUserGrants), that()],
        ),
        (
            format!("{project}/permissions-config/groups"),
            vec![whole(Family::ProjectGroupGrants), that()],
        ),
        (
            format!("{project}/deploy-keys"),
            vec![whole(Family::ProjectDeployKeys), that()],
        ),
        (
            "/2.0/repositories/acme".into(),
            vec![whole(Family::Repositories)],
        ),
        (
            format!("{repository}/permissions-config/users"),
            vec![whole(Family::RepositoryUserGrants), this()],
        ),
        (
            format!("{by_uuid}/permissions-config/users"),
            vec![whole(Family::RepositoryUserGrants), this()],
        ),
        (
            format!("{repository}/permissions-config/groups"),
            vec![
                whole(Family::RepositoryGroupGrants),
                What::RepositoryGroupLists,
                this(),
            ],
        ),
        (
            "/1.0/group-privileges/acme".into(),
            vec![whole(Family::RepositoryGroupGrants), What::GroupPrivileges],
        ),
        (
            format!("{repository}/deploy-keys"),
            vec![whole(Family::RepositoryDeployKeys), this()],
        ),
    ];
    let every: Vec<What> = targets.iter().flat_map(|(_, what)| what.clone()).collect();
    for what in every {
        let refuse = vec![Refuse::all(what.clone(), Refusal::NotAdmin)];
        let server = server(Behaviour {
            refuse,
            ..Behaviour::default()
        })
        .await;
        for (path, hit_by) in &targets {
            let expected = if hit_by.contains(&what) { 403 } else { 200 };
            assert_eq!(get(&server, path).await.status, expected, "{what:?} {path}");
        }
    }
}

#[test]
fn a_refusal_can_be_written_in_one_word() {
    let parsed: Refuse = "repository:my-repo@workspace-token=not-found"
        .parse()
        .unwrap();
    let expected = Refuse::to(
        Credential::WorkspaceToken,
        What::Repository("my-repo".into()),
        Refusal::NotFound,
    );
    assert_eq!(parsed, expected);
    let parsed: Refuse = "group-privileges".parse().unwrap();
    assert_eq!(
        parsed,
        Refuse::all(What::GroupPrivileges, Refusal::NotAdmin)
    );
    for family in Family::ALL {
        let parsed: Refuse = family.word().parse().unwrap();
        assert_eq!(parsed.what, What::Family(family));
    }
    for wrong in ["nothing", "groups@nobody", "groups=kindly"] {
        assert!(wrong.parse::<Refuse>().is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn too_many_requests_are_refused_for_a_while() {
    let limit = RateLimit {
        allow: 2,
        refuse: 2,
        retry_after: Some("7".into()),
        headers: true,
        ..RateLimit::default()
    };
    let server = server(Behaviour {
        rate_limit: Some(limit),
        ..Behaviour::default()
    })
    .await;
    let path = "/2.0/repositories/acme";
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let reply = get_as(&server, bearer(), path).await;
        statuses.push(reply.status);
        if reply.status == 429 {
            assert_eq!(reply.headers["retry-after"], "7");
            assert_eq!(reply.headers["x-ratelimit-remaining"], "0");
            assert_eq!(
                reply.message(),
                "Rate limit for this resource has been exceeded"
            );
        } else {
            assert_eq!(reply.headers["x-ratelimit-resource"], "api");
        }
    }
    assert_eq!(statuses, [200, 200, 429, 429, 200, 200]);
    // The other credential has its own count, and API tokens get no such headers.
    let reply = get(&server, path).await;
    assert_eq!(reply.status, 200);
    assert!(!reply.headers.contains_key("x-ratelimit-limit"));
}

#[tokio::test]
async fn too_many_requests_can_be_plain_text_and_for_ever() {
    let limit = RateLimit {
        allow: 1,
        refuse: u32::MAX,
        plain_text: true,
        ..RateLimit::default()
    };
    let server = server(Behaviour {
        rate_limit: Some(limit),
        ..Behaviour::default()
    })
    .await;
    assert_eq!(get(&server, "/2.0/workspaces/acme").await.status, 200);
    for _ in 0..5 {
        let reply = get(&server, "/2.0/workspaces/acme").await;
        assert_eq!(reply.status, 429);
        assert_eq!(
            reply.text(),
            "Rate limit for this resource has been exceeded"
        );
        assert!(!reply.headers.contains_key("retry-after"));
    }
}

#[tokio::test]
async fn a_url_can_fail_before_it_succeeds() {
    for (fault, status) in [
        (Fault::BadGateway, 502),
        (Fault::Unavailable, 503),
        (Fault::GatewayTimeout, 504),
        (Fault::TooMany, 429),
    ] {
        let transient = Transient {
            fault,
            times: 2,
            only: None,
        };
        let server = server(Behaviour {
            transient: Some(transient),
            ..Behaviour::default()
        })
        .await;
        for path in ["/2.0/workspaces/acme", "/2.0/repositories/acme"] {
            let mut statuses = Vec::new();
            for _ in 0..4 {
                statuses.push(get(&server, path).await.status);
            }
            assert_eq!(statuses, [status, status, 200, 200], "{fault:?} {path}");
        }
    }
    let transient = Transient {
        fault: Fault::Unavailable,
        times: 9,
        only: Some(Family::Groups),
    };
    let server = server(Behaviour {
        transient: Some(transient),
        ..Behaviour::default()
    })
    .await;
    assert_eq!(get(&server, "/2.0/workspaces/acme").await.status, 200);
    assert_eq!(get(&server, "/1.0/groups/acme").await.status, 503);
}

#[tokio::test]
async fn a_connection_can_end_in_the_middle() {
    let transient = Transient {
        fault: Fault::CutOff,
        times: 1,
        only: None,
    };
    let server = server(Behaviour {
        transient: Some(transient),
        ..Behaviour::default()
    })
    .await;
    let path = "/2.0/workspaces/acme/projects";
    let cut = get(&server, path).await;
    assert_eq!(cut.status, 200);
    assert!(!cut.whole && !cut.body.is_empty());
    let whole = get(&server, path).await;
    assert!(whole.whole && whole.body.starts_with(&cut.body));
    let seen = server.requests();
    assert_eq!((seen.0[0].served, seen.0[1].served), (false, true));
    assert!(seen.asked_again().is_empty());
}

#[tokio::test]
async fn a_connection_can_end_before_the_answer() {
    let transient = Transient {
        fault: Fault::Reset,
        times: 1,
        only: None,
    };
    let server = server(Behaviour {
        transient: Some(transient),
        ..Behaviour::default()
    })
    .await;
    let path = "/2.0/workspaces/acme";
    assert!(send(&server, "GET", path, &[basic()]).await.is_none());
    assert_eq!(get(&server, path).await.status, 200);
    assert_eq!(server.requests().0[0].status, 0);
}

#[tokio::test]
async fn a_repository_can_have_moved() {
    let slug = World::generate(3, client::SIZES).repositories[5]
        .slug
        .clone();
    let list = format!("/2.0/repositories/acme/{slug}/permissions-config/users?pagelen=100");
    let moved = [(slug.clone(), Moved::SameOrigin)].into();
    let near = server(Behaviour {
        moved,
        ..Behaviour::default()
    })
    .await;
    let reply = get(&near, &list).await;
    assert_eq!(reply.status, 301);
    let there = reply.headers["location"]
        .strip_prefix(near.origin())
        .unwrap();
    assert!(there.contains("%7B") && there.ends_with("?pagelen=100"));
    assert_eq!(get(&near, there).await.status, 200);

    let moved = [(slug, Moved::OtherOrigin("https://elsewhere.example".into()))].into();
    let far = server(Behaviour {
        moved,
        ..Behaviour::default()
    })
    .await;
    let reply = get(&far, &list).await;
    assert_eq!(
        reply.headers["location"],
        format!("https://elsewhere.example{list}")
    );
}

#[tokio::test]
async fn a_repository_can_be_gone_since_the_list() {
    let slug = World::generate(3, client::SIZES).repositories[5]
        .slug
        .clone();
    let server = server(Behaviour {
        deleted: [slug.clone()].into(),
        ..Behaviour::default()
    })
    .await;
    let listed = all(&server, REPOSITORIES).await;
    assert!(
        listed
            .iter()
            .any(|repository| repository["slug"] == json!(slug))
    );
    for below in [
        "",
        "/permissions-config/users",
        "/permissions-config/groups",
        "/deploy-keys",
    ] {
        let reply = get(&server, &format!("/2.0/repositories/acme/{slug}{below}")).await;
        assert_eq!(reply.status, 404, "{below}");
    }
}

#[tokio::test]
async fn nothing_can_be_visible() {
    let server = server(Behaviour {
        zero_visible: true,
        ..Behaviour::default()
    })
    .await;
    assert_eq!(count(&get(&server, REPOSITORIES).await.json()), 0);
    assert_eq!(
        count(&get(&server, "/2.0/workspaces/acme/projects").await.json()),
        0
    );
    assert_eq!(
        get(&server, "/1.0/group-privileges/acme").await.json(),
        json!([])
    );
    assert_eq!(
        count(&get(&server, "/2.0/workspaces/acme/members").await.json()),
        50
    );
}

#[tokio::test]
async fn a_workspace_can_be_deactivated_or_unknown() {
    let gone = server(Behaviour {
        deactivated: true,
        ..Behaviour::default()
    })
    .await;
    let reply = get(&gone, "/2.0/workspaces/acme").await;
    assert_eq!(reply.status, 403);
    assert!(reply.message().contains("deactivated due to inactivity"));

    let server = server(Behaviour::default()).await;
    let reply = get(&server, "/2.0/workspaces/nobody").await;
    assert_eq!(reply.status, 404);
    assert_eq!(reply.message(), "No workspace with identifier 'nobody'.");
    // An empty name is another endpoint, and a withdrawn one.
    let reply = get(&server, "/2.0/workspaces/").await;
    assert_eq!(reply.status, 410);
    assert_eq!(reply.json()["data"], reply.json()["error"]["data"]);
}

#[tokio::test]
async fn a_workspace_has_several_names() {
    let server = server(Behaviour::default()).await;
    let uuid = server
        .world()
        .workspace
        .uuid
        .replace('{', "%7B")
        .replace('}', "%7D");
    for name in ["acme", "ACME", &uuid] {
        let reply = get(&server, &format!("/2.0/workspaces/{name}")).await;
        assert_eq!(reply.json()["slug"], json!("acme"), "{name}");
    }
    assert_eq!(
        get(&server, &format!("/2.0/workspaces/{uuid}/members"))
            .await
            .status,
        200
    );
    assert_eq!(
        get(&server, &format!("/2.0/workspaces/{uuid}/permissions"))
            .await
            .status,
        404
    );
    let reply = get(&server, &format!("/1.0/groups/{uuid}")).await;
    assert_eq!((reply.status, reply.body.len()), (405, 0));
}

#[tokio::test]
async fn only_what_exists_can_be_read() {
    let server = server(Behaviour::default()).await;
    let reply = get(&server, "/2.0/workspaces/acme/secrets").await;
    assert_eq!(reply.status, 404);
    assert_eq!(
        reply.json()["error"]["detail"],
        json!("There is no API hosted at this URL")
    );
    for method in ["POST", "PUT", "DELETE"] {
        let reply = send(&server, method, "/2.0/workspaces/acme", &[basic()])
            .await
            .unwrap();
        assert_eq!(reply.status, 405, "{method}");
    }
}

#[tokio::test]
async fn group_privileges_can_lie() {
    let honest = server(Behaviour::default()).await;
    let path = "/1.0/group-privileges/acme?exclude-members=1";
    let truth = get(&honest, path).await.json();
    let truth = truth.as_array().unwrap();
    let grants = |world: &World| {
        world
            .repositories
            .iter()
            .map(|r| r.access.groups.len())
            .sum()
    };
    let total: usize = grants(honest.world());
    assert_eq!(truth.len(), total);
    let slug = truth[0]["repository"]["slug"].as_str().unwrap().to_owned();
    let told = |lies: &[Value]| lies.iter().filter(|lie| !truth.contains(lie)).count();
    for (kind, length, new) in [
        (LieKind::Omits, total - 1, 0),
        (LieKind::Adds, total + 1, 1),
        (LieKind::Changes, total, 1),
    ] {
        let lie = Lie {
            kind,
            about: Some([slug.clone()].into()),
        };
        let liar = server(Behaviour {
            lie: Some(lie),
            ..Behaviour::default()
        })
        .await;
        let lies = get(&liar, path).await.json();
        let lies = lies.as_array().unwrap();
        assert_eq!((lies.len(), told(lies)), (length, new), "{kind:?}");
        // The repository's own list stays honest.
        let list = format!("/2.0/repositories/acme/{slug}/permissions-config/groups");
        assert_eq!(
            get(&liar, &list).await.json(),
            get(&honest, &list).await.json()
        );
    }
    let lie = Lie {
        kind: LieKind::Omits,
        about: None,
    };
    let liar = server(Behaviour {
        lie: Some(lie),
        ..Behaviour::default()
    })
    .await;
    let with = liar
        .world()
        .repositories
        .iter()
        .filter(|r| !r.access.groups.is_empty())
        .count();
    assert_eq!(
        get(&liar, path).await.json().as_array().unwrap().len(),
        total - with
    );
}

#[tokio::test]
async fn objects_can_lack_what_is_optional() {
    let server = server(Behaviour {
        sparse: true,
        ..Behaviour::default()
    })
    .await;
    let repositories = all(&server, REPOSITORIES).await;
    assert_eq!(uuids(&repositories).len(), 230);
    for name in ["links", "owner", "mainbranch", "created_on", "description"] {
        assert!(repositories[0].get(name).is_none(), "{name}");
    }
    assert!(repositories[0]["is_private"].is_boolean());
    let groups = get(&server, "/1.0/groups/acme").await.json();
    let groups = groups.as_array().unwrap();
    assert!(groups.iter().any(|group| group.get("members").is_none()));
}

#[tokio::test]
async fn instants_can_lack_their_offset() {
    let usual = get(&server(Behaviour::default()).await, "/2.0/workspaces/acme")
        .await
        .json();
    assert!(usual["created_on"].as_str().unwrap().ends_with("+00:00"));
    let behaviour = Behaviour {
        without_offsets: true,
        ..Behaviour::default()
    };
    let bare = get(&server(behaviour).await, "/2.0/workspaces/acme")
        .await
        .json();
    assert!(!bare["created_on"].as_str().unwrap().contains('+'));
}

#[tokio::test]
async fn a_migrated_workspace_tells_less() {
    let features = Features {
        migrated: true,
        ..Features::default()
    };
    for (invitations_403, status) in [(false, 404), (true, 403)] {
        let world = World::generate_with(3, client::SIZES, &features);
        let behaviour = Behaviour {
            invitations_403,
            ..Behaviour::default()
        };
        let config = Config {
            behaviour,
            ..Config::default()
        };
        let server = Server::start(world, config).await.unwrap();
        for member in all(&server, "/2.0/workspaces/acme/permissions?pagelen=100").await {
            assert!(member.get("added_on").is_none() && member.get("last_accessed").is_none());
            assert!(member["permission"].is_string());
        }
        assert_eq!(
            get(&server, "/1.0/users/acme/invitations").await.status,
            status
        );
    }
    let usual = server(Behaviour::default()).await;
    let members = all(&usual, "/2.0/workspaces/acme/permissions?pagelen=100").await;
    assert!(
        members
            .iter()
            .all(|member| member["added_on"].as_str().unwrap().len() == 23)
    );
    assert_eq!(get(&usual, "/1.0/users/acme/invitations").await.status, 200);
}

#[tokio::test]
async fn another_product_can_answer() {
    let properties = "/rest/api/1.0/application-properties";
    let cloud = server(Behaviour::default()).await;
    assert_eq!(get(&cloud, properties).await.status, 404);

    let server_product = Behaviour {
        product: Product::DataCenter,
        ..Behaviour::default()
    };
    let data_center = server(server_product).await;
    let reply = send(&data_center, "GET", properties, &[]).await.unwrap();
    assert_eq!(reply.json()["displayName"], json!("Bitbucket"));
    let reply = get(&data_center, "/2.0/workspaces/acme").await;
    assert_eq!(reply.status, 404);
    assert!(reply.text().contains("<html>"));
    assert_eq!(data_center.requests().by_family()[&Family::Product], 1);

    let pages = server(Behaviour {
        product: Product::WebPages,
        ..Behaviour::default()
    })
    .await;
    let reply = get(&pages, "/2.0/workspaces/acme").await;
    assert_eq!(reply.status, 200);
    assert!(reply.text().contains("Log in"));
    let reply = get(&pages, "/2.0/repositories/acme").await;
    assert_eq!(reply.status, 302);
    assert!(reply.headers["location"].contains("signin"));
}

#[tokio::test]
async fn errors_can_repeat_the_credential() {
    let server = server(Behaviour {
        echo_credentials: true,
        ..Behaviour::default()
    })
    .await;
    let account = fake_bitbucket::Account::default();
    let token = fake_bitbucket::Token::default();
    let reply = get(&server, "/2.0/workspaces/nobody").await;
    assert!(reply.message().contains(&account.api_token));
    let reply = get_as(&server, bearer(), "/2.0/workspaces/nobody").await;
    assert!(reply.message().contains(&token.secret));
    let reply = get(&server, "/2.0/workspaces/acme").await;
    assert!(!reply.text().contains(&account.api_token));
}

#[tokio::test]
async fn answers_can_be_compressed() {
    let zipping = server(Behaviour::default()).await;
    let ask = [basic(), ("Accept-Encoding", "gzip".to_owned())];
    let path = "/2.0/workspaces/acme/projects";
    let zipped = send(&zipping, "GET", path, &ask).await.unwrap();
    assert_eq!(zipped.headers["content-encoding"], "gzip");
    assert_eq!(zipped.unzipped(), get(&zipping, path).await.body);
    let plain = server(Behaviour {
        gzip: false,
        ..Behaviour::default()
    })
    .await;
    let reply = send(&plain, "GET", path, &ask).await.unwrap();
    assert!(!reply.headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn answers_can_take_their_time_side_by_side() {
    let latency = Duration::from_millis(120);
    let server = server(Behaviour {
        latency,
        ..Behaviour::default()
    })
    .await;
    let before = Instant::now();
    let path = "/2.0/workspaces/acme";
    tokio::join!(get(&server, path), get(&server, path), get(&server, path));
    assert!(before.elapsed() >= latency);
    assert_eq!(server.most_under_way(), 3);
}

#[tokio::test]
async fn everything_that_is_asked_is_remembered() {
    let server = server(Behaviour::default()).await;
    let members = "/2.0/workspaces/acme/members?pagelen=7";
    send(
        &server,
        "GET",
        members,
        &[basic(), ("Portcullis-Slot", "account".into())],
    )
    .await;
    get_as(&server, bearer(), members).await;
    get(&server, "/2.0/workspaces/nobody").await;
    get(&server, "/2.0/workspaces/nobody").await;
    let seen = server.requests();
    assert_eq!(seen.count(), 4);
    assert_eq!(seen.0[0].url(), members);
    assert_eq!(seen.by_family()[&Family::Members], 2);
    assert_eq!(seen.by_status()[&404], 2);
    assert_eq!(seen.served(), [members, members]);
    // Only what was served counts as asked again.
    assert_eq!(seen.asked_again(), [members.to_owned()].into());
    assert!(seen.header_names().contains("portcullis-slot"));
    assert!(
        !seen.0[1]
            .header_names
            .contains(&"portcullis-slot".to_owned())
    );
    server.forget();
    assert_eq!(server.requests().count(), 0);
}

#[tokio::test]
async fn cookies_come_now_and_then() {
    let server = server(Behaviour::default()).await;
    let mut with = 0;
    for repository in &server.world().repositories[..60] {
        let reply = get(
            &server,
            &format!("/2.0/repositories/acme/{}", repository.slug),
        )
        .await;
        with += usize::from(reply.headers.contains_key("set-cookie"));
    }
    assert!((1..60).contains(&with));
}

#[tokio::test]
async fn a_server_that_is_dropped_listens_no_more() {
    let server = server(Behaviour::default()).await;
    let authority = server.origin().strip_prefix("http://").unwrap().to_owned();
    drop(server);
    // The listener closes as soon as its task has run.
    let mut refused = false;
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
        refused = tokio::net::TcpStream::connect(&authority).await.is_err();
        if refused {
            break;
        }
    }
    assert!(refused);
}
