//! What comes out of a workspace, and what is said of what doesn't.

#![allow(clippy::unwrap_used)]

mod scripted;

use portcullis_bitbucket::{Names, family};
use portcullis_kit::bindings::portcullis::connector::output::CoverageStatus;
use portcullis_kit::script::{html, redirect};
use scripted::*;
use serde_json::json as value;
use std::collections::BTreeSet;

#[test]
fn a_workspace_comes_out_whole() {
    let out = World::new(4).extract();
    assert_eq!(
        out.edges(),
        [
            "anyone > {r1}: read (read)",
            "acme/admins > {p1}: admin (admin)",
            "acme/admins > {p2}: admin (admin)",
            "acme/developers > {r1}: read (read)",
            "acme/ghosts > {r3}: read (read)",
            "{p1} > {r1}: contains (none)",
            "{p1} > {r3}: contains (none)",
            "{p2} > {r2}: contains (none)",
            "{p2} > {r4}: contains (none)",
            "{r1}/7 > {r1}: read (read)",
            "{u1} > acme/developers: member (member)",
            "{u1} > {r3}: write (write)",
            "{u1} > {w}: owner (admin)",
            "{u2} > acme/developers: member (member)",
            "{u2} > {p1}: create-repo (create)",
            "{u2} > {p2}: create-repo (create)",
            "{u2} > {r1}: write (write)",
            "{u2} > {r4}: write (write)",
            "{u2} > {w}: member (member)",
            "{u3} > acme/admins: member (member)",
            "{u3} > {w}: create-project (create)",
            "{u8} > {r2}: write (write)",
            "{u9} > acme/admins: member (member)",
            "{w} > {p1}: contains (none)",
            "{w} > {p2}: contains (none)",
        ]
        .map(str::to_owned)
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
    );
    for family in family::ALL {
        assert_eq!(
            out.status(family),
            CoverageStatus::Complete,
            "{family}: {}",
            out.reason(family)
        );
        assert!(
            out.family(family).slot.is_none() || out.family(family).slot.as_deref() == Some(TOKEN)
        );
    }
    assert!(out.warnings().is_empty());
}

#[test]
fn both_ends_of_every_relation_are_among_the_entities_and_each_entity_comes_once() {
    for world in [
        World::new(4),
        World::new(4).refuse(None, "/1.0/groups", not_admin()),
        World::new(4).refuse(None, "/projects?", not_admin()),
    ] {
        let out = world.extract();
        let mut keys = BTreeSet::new();
        for entity in out.entities() {
            assert!(
                keys.insert(format!("{:?}", entity.key)),
                "{:?} twice",
                entity.key
            );
        }
        for relation in out.relations() {
            assert!(
                keys.contains(&format!("{:?}", relation.parent)),
                "{relation:?}"
            );
            assert!(
                keys.contains(&format!("{:?}", relation.child)),
                "{relation:?}"
            );
            assert!(relation.metadata.iter().any(|(key, _)| key == "project"));
        }
    }
}

#[test]
fn the_order_of_answers_changes_nothing() {
    let worlds = [
        World::new(30),
        World::new(30).without_privileges(),
        World::new(30)
            .without_privileges()
            .refuse(Some(TOKEN), "r7/permissions-config", not_admin())
            .refuse(None, "r8/permissions-config", not_admin())
            .refuse(Some(ACCOUNT), "r9/", not_admin()),
        World::new(30).without_privileges().refuse(
            Some(TOKEN),
            "permissions-config/users",
            missing_scope("project:admin"),
        ),
        World::new(30)
            .without_privileges()
            .refuse(Some(TOKEN), "permissions-config", not_admin()),
        World::new(30)
            .without_privileges()
            .refuse(None, "permissions-config", not_admin()),
    ];
    for (n, mut world) in worlds.into_iter().enumerate() {
        world.page_length = 7;
        let said = world.extract().said();
        for seed in 1..12 {
            let other = world.extract_by(world.script().shuffled(seed)).unwrap();
            assert_eq!(other.said(), said, "world {n}, seed {seed}");
        }
    }
}

#[test]
fn metadata_is_what_was_seen_and_a_status_that_was_not_is_unknown() {
    let out = World::new(1).extract();
    assert_eq!(out.metadata("{u1}", "role").as_deref(), Some("owner"));
    assert_eq!(
        out.metadata("{u1}", "account_status").as_deref(),
        Some("unknown")
    );
    assert_eq!(
        out.metadata("{u1}", "added_on").as_deref(),
        Some("2021-04-02T14:20:48.179Z")
    );
    assert_eq!(out.metadata("{u1}", "last_accessed"), None);
    assert_eq!(
        out.metadata("acme/developers", "default_permission")
            .as_deref(),
        Some("write")
    );
    assert_eq!(
        out.metadata("acme/admins", "account_privilege").as_deref(),
        Some("admin")
    );
    assert_eq!(out.metadata("{r1}", "is_private").as_deref(), Some("false"));
}

#[test]
fn of_a_deploy_key_the_fingerprint_alone_is_kept() {
    let out = World::new(1).extract();
    assert!(
        out.metadata("{r1}/7", "fingerprint")
            .is_some_and(|text| text.starts_with("SHA256:"))
    );
    assert!(!out.said().concat().contains("AAAAC3NzaC1"));
}

#[test]
fn a_holder_outside_of_the_lists_is_kept_as_dangling() {
    let out = World::new(4).extract();
    for id in ["{u8}", "{u9}", "acme/ghosts"] {
        assert_eq!(
            out.metadata(id, "dangling").as_deref(),
            Some("true"),
            "{id}"
        );
    }
    assert_eq!(out.metadata("{u1}", "dangling"), None);
}

#[test]
fn a_plus_sign_in_a_query_is_encoded() {
    let out = World::new(1).extract();
    assert!(out.asked.iter().all(|request| !request.path.contains('+')));
    assert!(out.count("%2Bvalues.user.account_status") > 0);
}

#[test]
fn everyone_on_the_internet_is_an_entity_only_where_something_is_public() {
    let nobody = |world: &World| {
        let out = world.extract();
        let mut entities = out.entities().into_iter();
        entities.all(|entity| entity.key.source_id != "anyone")
    };
    let mut world = World::new(1);
    assert_eq!(world.extract().entity("anyone").source_type, "anonymous");
    world.lists.get_mut("/2.0/repositories/acme").unwrap()[0]["is_private"] = true.into();
    assert!(nobody(&world));
    // A repository of which nobody says that it is public is not.
    let first = &mut world.lists.get_mut("/2.0/repositories/acme").unwrap()[0];
    first.as_object_mut().unwrap().remove("is_private");
    assert!(nobody(&world));
}

#[test]
fn a_personal_workspace_and_its_owner_are_two_entities_with_one_uuid() {
    let mut world = World::new(1);
    world.objects.get_mut(WORKSPACE).unwrap()["uuid"] = "{u1}".into();
    let out = world.extract();
    assert_eq!(
        out.entities()
            .iter()
            .filter(|entity| entity.key.source_id == "{u1}")
            .count(),
        2
    );
    assert!(out.has_edge("{u1} > {u1}: owner (admin)"));
}

#[test]
fn an_unknown_privilege_is_kept_without_a_level() {
    let mut world = World::new(2);
    world.lists.insert(
        format!("{}/permissions-config/users", repo_path(1)),
        vec![
            value!({"permission": "maintain", "user": user(1)}),
            value!({"permission": "none", "user": user(2)}),
        ],
    );
    let out = world.extract();
    assert!(out.has_edge("{u1} > {r1}: maintain (none)"));
    assert!(!out.edges().iter().any(|edge| edge.contains("{u2} > {r1}")));
}

// Requests

#[test]
fn with_one_answer_for_all_group_grants_each_repository_costs_one_request() {
    let mut world = World::new(250);
    world.settings.deploy_keys = false;
    let out = world.extract();
    // workspace, members, groups, projects, three pages of repositories, privileges, five samples
    assert_eq!(out.asked.len(), 250 + 2 * 2 + 1 + 1 + 1 + 1 + 3 + 1 + 5);
    world.settings.deploy_keys = true;
    assert_eq!(world.extract().asked.len(), out.asked.len() + 250 + 2);
}

#[test]
fn without_it_each_repository_costs_two() {
    let mut world = World::new(250).without_privileges();
    world.settings.deploy_keys = false;
    let refusals = 2;
    assert_eq!(
        world.extract().asked.len(),
        2 * 250 + 2 * 2 + 1 + 1 + 1 + 1 + 3 + refusals
    );
}

#[test]
fn no_url_is_asked_for_twice() {
    for world in [
        World::new(120),
        World::new(120).without_privileges(),
        World::new(3),
    ] {
        let out = world.extract();
        let paths: BTreeSet<_> = out
            .asked
            .iter()
            .map(|request| (&request.path, &request.slot))
            .collect();
        assert_eq!(paths.len(), out.asked.len());
    }
}

#[test]
fn urls_are_built_from_the_slug_that_the_workspace_names() {
    let mut world = World::new(2);
    world.settings.workspace = "{w}".into();
    let own = world.objects[WORKSPACE].clone();
    world.objects.insert("/2.0/workspaces/%7Bw%7D".into(), own);
    let out = world.extract();
    assert_eq!(out.count("%7B"), 1);
}

// Group grants in one answer

#[test]
fn one_difference_sends_the_run_to_the_repositories_own_lists() {
    let mut world = World::new(20);
    world
        .objects
        .get_mut(PRIVILEGES)
        .unwrap()
        .as_array_mut()
        .unwrap()
        .remove(0);
    let out = world.extract();
    assert!(out.has_edge("acme/developers > {r1}: read (read)"));
    assert_eq!(out.count("/permissions-config/groups"), 20 + 2);
    assert_eq!(out.warnings().len(), 1);
    assert!(out.warnings()[0].contains("acme/r1"));
    assert!(
        out.reason(family::REPOSITORY_GROUP_GRANTS)
            .contains("acme/r1")
    );
}

#[test]
fn an_answer_for_all_that_is_empty_is_not_believed() {
    let mut world = World::new(20);
    world.objects.insert(PRIVILEGES.into(), value!([]));
    let out = world.extract();
    assert!(out.has_edge("acme/ghosts > {r3}: read (read)"));
    assert_eq!(out.count("/permissions-config/groups"), 20 + 2);
}

#[test]
fn an_element_that_can_not_be_read_costs_the_one_answer_its_credit() {
    let mut world = World::new(20);
    world
        .objects
        .get_mut(PRIVILEGES)
        .unwrap()
        .as_array_mut()
        .unwrap()
        .push(value!("oops"));
    assert_eq!(world.extract().count("/permissions-config/groups"), 20 + 2);
}

#[test]
fn where_a_list_of_users_is_refused_the_group_grants_are_unknown_too() {
    let out = World::new(20)
        .refuse(None, "/r11/permissions-config/users", not_admin())
        .extract();
    assert_eq!(out.objects(family::REPOSITORY_USER_GRANTS), ["acme/r11"]);
    assert_eq!(out.objects(family::REPOSITORY_GROUP_GRANTS), ["acme/r11"]);
    assert_eq!(
        out.status(family::REPOSITORY_GROUP_GRANTS),
        CoverageStatus::Partial
    );
    assert!(!out.has_edge("acme/developers > {r11}: read (read)"));
}

// Refusals

#[test]
fn a_refused_repository_has_a_row_and_costs_no_other() {
    let whole = World::new(20).without_privileges().extract();
    let out = World::new(20)
        .without_privileges()
        .refuse(None, "/r5/permissions-config", not_admin())
        .extract();
    let missing: Vec<String> = whole
        .edges()
        .into_iter()
        .filter(|edge| !out.has_edge(edge))
        .collect();
    assert_eq!(
        missing,
        [
            "acme/developers > {r5}: read (read)",
            "{u3} > {r5}: write (write)"
        ]
    );
    for family in [
        family::REPOSITORY_USER_GRANTS,
        family::REPOSITORY_GROUP_GRANTS,
    ] {
        assert_eq!(out.objects(family), ["acme/r5"]);
        assert_eq!(out.status(family), CoverageStatus::Partial);
    }
    assert_eq!(
        out.status(family::REPOSITORY_DEPLOY_KEYS),
        CoverageStatus::Complete
    );
}

#[test]
fn a_repository_that_one_credential_may_not_read_is_asked_for_once_more_with_the_other() {
    for refusal in [not_admin(), not_found()] {
        let out = World::new(20)
            .without_privileges()
            .refuse(Some(TOKEN), "/r5/", refusal)
            .extract();
        assert_eq!(
            out.status(family::REPOSITORY_USER_GRANTS),
            CoverageStatus::Complete
        );
        assert_eq!(
            out.family(family::REPOSITORY_USER_GRANTS).slot.as_deref(),
            Some("workspace-token+account")
        );
        assert_eq!(out.count("/r5/permissions-config/users"), 2);
        assert_eq!(out.count("/r6/permissions-config/users"), 1);
    }
}

#[test]
fn a_missing_scope_gives_a_credential_up_for_the_family_and_the_other_serves() {
    let out = World::new(40)
        .without_privileges()
        .refuse(
            Some(TOKEN),
            "permissions-config/users",
            missing_scope("repository:admin"),
        )
        .extract();
    assert_eq!(
        out.status(family::REPOSITORY_USER_GRANTS),
        CoverageStatus::Complete
    );
    assert_eq!(
        out.family(family::REPOSITORY_USER_GRANTS).slot.as_deref(),
        Some(ACCOUNT)
    );
    let refused = out.asked.iter().filter(|request| {
        request.slot.as_deref() == Some(TOKEN)
            && request.path.contains("/r")
            && request.path.contains("config/users")
    });
    assert!(refused.count() <= 5);
}

#[test]
fn five_refusals_without_a_success_give_a_credential_up_for_the_family() {
    let out = World::new(40)
        .without_privileges()
        .refuse(Some(TOKEN), "permissions-config/users", not_admin())
        .extract();
    assert_eq!(
        out.status(family::REPOSITORY_USER_GRANTS),
        CoverageStatus::Complete
    );
    let refused = out.asked.iter().filter(|request| {
        request.slot.as_deref() == Some(TOKEN)
            && request.path.starts_with("/2.0/repositories/acme/r")
            && request.path.contains("config/users")
    });
    assert_eq!(refused.count(), 5);
}

#[test]
fn a_family_that_is_refused_wholly_is_said_once_and_accounts_for_every_object() {
    let out = World::new(40)
        .without_privileges()
        .refuse(None, "deploy-keys", not_admin())
        .extract();
    assert_eq!(
        out.status(family::REPOSITORY_DEPLOY_KEYS),
        CoverageStatus::Unreadable
    );
    let rows = out.objects(family::REPOSITORY_DEPLOY_KEYS).len();
    assert!((5..=10).contains(&rows), "{rows}");
    assert!(
        out.reason(family::REPOSITORY_DEPLOY_KEYS)
            .contains(&format!("{} of 40 were not asked for", 40 - rows))
    );
    assert!(out.count("deploy-keys") <= 2 * 5 + 2 * 2);
}

#[test]
fn one_credential_alone_reads_everything_that_it_may() {
    for slot in [TOKEN, ACCOUNT] {
        let mut world = World::new(8);
        world.settings.slots = vec![slot.into()];
        let out = world.extract();
        assert_eq!(out.edges(), World::new(8).extract().edges());
        assert!(
            out.asked
                .iter()
                .all(|request| request.slot.as_deref() == Some(slot))
        );
    }
}

#[test]
fn refused_groups_are_unreadable_and_those_that_grants_name_dangle() {
    let out = World::new(4)
        .refuse(None, "/1.0/groups", missing_scope("account"))
        .extract();
    assert_eq!(out.status(family::GROUPS), CoverageStatus::Unreadable);
    assert!(out.reason(family::GROUPS).contains("account"));
    assert_eq!(
        out.metadata("acme/developers", "dangling").as_deref(),
        Some("true")
    );
}

#[test]
fn a_group_without_members_leaves_a_doubt() {
    let mut world = World::new(1);
    world.objects.insert("/1.0/groups/acme".into(), value!([{"slug": "developers", "unknown": {"x": []}}, {"slug": "admins", "members": [{"display_name": "nobody"}]}]));
    let out = world.extract();
    assert_eq!(out.status(family::GROUPS), CoverageStatus::Partial);
    assert_eq!(out.entity("acme/developers").name, "developers");
}

#[test]
fn where_roles_are_refused_members_come_without() {
    let out = World::new(1)
        .refuse(None, "/workspaces/acme/permissions", not_admin())
        .extract();
    assert!(out.has_edge("{u1} > {w}: unknown (none)"));
    assert_eq!(out.status(family::MEMBERS), CoverageStatus::Partial);
    assert!(out.reason(family::MEMBERS).contains("roles"));
}

#[test]
fn where_further_fields_are_not_understood_members_are_asked_for_without() {
    let out = World::new(1)
        .refuse(None, "account_status", error(400, "Invalid fields"))
        .extract();
    assert!(out.has_edge("{u1} > {w}: owner (admin)"));
    assert_eq!(out.status(family::MEMBERS), CoverageStatus::Complete);
}

#[test]
fn refused_projects_are_known_by_their_repositories() {
    let out = World::new(4)
        .refuse(None, "/projects?", not_admin())
        .extract();
    assert_eq!(out.metadata("{p1}", "dangling").as_deref(), Some("true"));
    assert!(out.has_edge("{w} > {p1}: contains (none)"));
    assert!(out.has_edge("{p1} > {r1}: contains (none)"));
    for family in [
        family::PROJECTS,
        family::PROJECT_USER_GRANTS,
        family::PROJECT_GROUP_GRANTS,
        family::PROJECT_DEPLOY_KEYS,
    ] {
        assert_eq!(out.status(family), CoverageStatus::Unreadable);
    }
}

#[test]
fn a_withdrawn_endpoint_ends_its_family_and_nothing_else() {
    let out = World::new(4)
        .refuse(
            None,
            "deploy-keys",
            error(410, "CHANGE-2770 - Functionality has been deprecated"),
        )
        .extract();
    assert_eq!(
        out.status(family::REPOSITORY_DEPLOY_KEYS),
        CoverageStatus::Unreadable
    );
    assert_eq!(
        out.status(family::REPOSITORY_USER_GRANTS),
        CoverageStatus::Complete
    );
}

#[test]
fn a_renamed_repository_is_followed_within_the_workspace_and_no_further() {
    let redirected = |to: &str| {
        World::new(4).without_privileges().refuse(
            None,
            "acme/r2/permissions-config/users",
            redirect(to),
        )
    };
    let mut world =
        redirected("/2.0/repositories/acme/renamed/permissions-config/users?pagelen=100");
    world.lists.insert(
        "/2.0/repositories/acme/renamed/permissions-config/users".into(),
        vec![value!({"permission": "admin", "user": user(1)})],
    );
    assert!(world.extract().has_edge("{u1} > {r2}: admin (admin)"));
    let mut world = redirected("/2.0/repositories/other/r2/permissions-config/users?pagelen=100");
    world.lists.insert(
        "/2.0/repositories/other/r2/permissions-config/users".into(),
        vec![value!({"permission": "admin", "user": user(1)})],
    );
    let out = world.extract();
    assert!(!out.has_edge("{u1} > {r2}: admin (admin)"));
    assert_eq!(out.objects(family::REPOSITORY_USER_GRANTS), ["acme/r2"]);
    let out =
        redirected("https://evil.example.org/2.0/repositories/acme/r2/permissions-config/users")
            .extract();
    assert_eq!(out.objects(family::REPOSITORY_USER_GRANTS), ["acme/r2"]);
}

#[test]
fn html_in_place_of_a_list_is_no_empty_list() {
    let out = World::new(4)
        .without_privileges()
        .refuse(None, "/r2/permissions-config/groups", html(200))
        .extract();
    assert_eq!(out.objects(family::REPOSITORY_GROUP_GRANTS), ["acme/r2"]);
}

#[test]
fn a_grant_that_can_not_be_read_makes_its_object_partial() {
    let mut world = World::new(4).without_privileges();
    world.lists.insert(
        format!("{}/permissions-config/users", repo_path(1)),
        vec![
            value!({"permission": "read", "user": null}),
            value!({"permission": "read", "user": user(1)}),
        ],
    );
    let out = world.extract();
    assert!(out.has_edge("{u1} > {r1}: read (read)"));
    assert_eq!(out.objects(family::REPOSITORY_USER_GRANTS), ["acme/r1"]);
    assert_eq!(
        out.status(family::REPOSITORY_USER_GRANTS),
        CoverageStatus::Partial
    );
}

#[test]
fn credentials_that_see_nothing_are_no_empty_success() {
    let mut world = World::new(0);
    world.lists.insert(format!("{WORKSPACE}/projects"), vec![]);
    let out = world.extract();
    for family in [
        family::PROJECTS,
        family::REPOSITORIES,
        family::REPOSITORY_USER_GRANTS,
    ] {
        assert_eq!(out.status(family), CoverageStatus::Partial);
        assert!(
            out.reason(family)
                .contains("see no project and no repository")
        );
    }
}

#[test]
fn a_workspace_without_repositories_but_with_projects_is_complete() {
    let out = World::new(0).extract();
    assert_eq!(out.status(family::REPOSITORIES), CoverageStatus::Complete);
}

#[test]
fn a_migrated_workspace_is_told_by_its_missing_activity() {
    let mut world = World::new(1);
    for member in world
        .lists
        .get_mut(&format!("{WORKSPACE}/permissions"))
        .unwrap()
    {
        let member = member.as_object_mut().unwrap();
        member.remove("added_on");
        member.remove("last_accessed");
    }
    let out = world.extract();
    assert_eq!(out.status("activity"), CoverageStatus::Unavailable);
    assert!(out.reason("activity").contains("admin.atlassian.com"));
    assert!(
        World::new(1)
            .extract()
            .coverage()
            .iter()
            .all(|row| row.family != "activity")
    );
    assert_eq!(World::new(1).extract().count("invitations"), 0);
}

#[test]
fn what_no_endpoint_shows_is_listed_as_a_gap() {
    let out = World::new(1).extract();
    for family in ["access-tokens", "api-tokens", "emails", "audit-log"] {
        assert_eq!(out.status(family), CoverageStatus::Unavailable);
    }
}

// Settings

fn names(texts: &[&str]) -> Names {
    Names::new(
        &texts
            .iter()
            .map(|&text| text.to_owned())
            .collect::<Vec<_>>(),
    )
}

#[test]
fn named_repositories_are_read_with_the_projects_that_hold_them() {
    let mut world = World::new(6);
    world.settings.repositories = names(&["R1", "r3"]);
    let out = world.extract();
    let edges = out.edges();
    assert!(
        edges
            .iter()
            .any(|edge| edge.contains("> {p1}: create-repo"))
    );
    assert!(
        !edges
            .iter()
            .any(|edge| edge.contains("{p2}") || edge.contains("{r2}"))
    );
    assert_eq!(out.status(family::REPOSITORIES), CoverageStatus::LeftOut);
    assert!(out.reason(family::REPOSITORIES).contains("4 of 6"));
    assert!(out.reason(family::PROJECTS).contains("1 of 2"));
    assert_eq!(out.count("/r2/"), 0);
}

#[test]
fn named_projects_are_read_with_the_repositories_that_they_hold() {
    let mut world = World::new(6);
    world.settings.projects = names(&["p2"]);
    let out = world.extract();
    assert!(out.edges().iter().any(|edge| edge.contains("{r2}")));
    assert!(
        !out.edges()
            .iter()
            .any(|edge| edge.contains("{r1}") || edge.contains("{p1}"))
    );
}

#[test]
fn with_both_named_both_must_match() {
    let mut world = World::new(6);
    world.settings.projects = names(&["P1"]);
    world.settings.repositories = names(&["r1", "r2"]);
    let out = world.extract();
    assert!(out.edges().iter().any(|edge| edge.contains("{r1}")));
    assert!(
        !out.edges()
            .iter()
            .any(|edge| edge.contains("{r2}") || edge.contains("{r3}"))
    );
}

#[test]
fn a_name_that_does_not_exist_is_said() {
    let mut world = World::new(6);
    world.settings.repositories = names(&["r1", "nosuch"]);
    let out = world.extract();
    assert_eq!(out.objects(family::REPOSITORIES), ["nosuch"]);
    assert_eq!(out.status(family::REPOSITORIES), CoverageStatus::Partial);
}

#[test]
fn deploy_keys_can_be_left_out() {
    let mut world = World::new(6);
    world.settings.deploy_keys = false;
    let out = world.extract();
    assert_eq!(out.count("deploy-keys"), 0);
    for family in [family::PROJECT_DEPLOY_KEYS, family::REPOSITORY_DEPLOY_KEYS] {
        assert_eq!(out.status(family), CoverageStatus::LeftOut);
    }
}
