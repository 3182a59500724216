//! Answers that were recorded from real workspaces, where they lie beside the repository. They are not part
//! of it, so without them the test says so and ends.

#![allow(clippy::unwrap_used)]

mod scripted;

use scripted::*;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn recorded(file: &str) -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/bitbucket/recorded")
        .join(file);
    let Ok(text) = fs::read_to_string(&path) else {
        skipped::skipped(format!("there is no recording {}", path.display()));
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

fn list(value: &Value) -> Vec<Value> {
    value
        .as_array()
        .or_else(|| value["values"].as_array())
        .unwrap()
        .clone()
}

#[test]
fn a_real_workspace_keeps_its_names_and_dates() {
    let Some(workspace) = recorded("gildas__bitbucket-cli/workspace.json") else {
        return;
    };
    let mut world = World::new(0);
    world.settings.workspace = "myworkspace".into();
    world
        .objects
        .insert("/2.0/workspaces/myworkspace".into(), workspace);
    let out = world.extract();
    let id = "{12345678-9abc-def0-1234-56789abcdef0}";
    assert_eq!(out.entity(id).name, "My Workspace");
    assert_eq!(
        out.metadata(id, "created_on").as_deref(),
        Some("2018-12-02T06:49:58.468988Z")
    );
    assert_eq!(out.metadata(id, "slug").as_deref(), Some("myworkspace"));
}

#[test]
fn real_members_become_identities_of_unknown_status() {
    let Some(members) = recorded("faros-ai__airbyte-connectors/workspace_members.values.json")
    else {
        return;
    };
    let mut world = World::new(0).refuse(None, "/permissions?", not_admin());
    let members = list(&members);
    world
        .lists
        .insert(format!("{WORKSPACE}/members"), members.clone());
    let out = world.extract();
    for member in members {
        let id = member["user"]["uuid"].as_str().unwrap();
        assert_eq!(
            out.entity(id).name,
            member["user"]["display_name"].as_str().unwrap()
        );
        assert_eq!(
            out.metadata(id, "account_status").as_deref(),
            Some("unknown")
        );
    }
}

#[test]
fn real_repositories_become_resources_in_their_projects() {
    for file in [
        "drone__go-scm/repos.json",
        "apache__devlake/repositories.json",
        "faros-ai__airbyte-connectors/repositories.values.json",
    ] {
        let Some(repositories) = recorded(file) else {
            return;
        };
        let repositories = list(&repositories);
        assert!(!repositories.is_empty());
        let mut world = World::new(0);
        world
            .lists
            .insert("/2.0/repositories/acme".into(), repositories.clone());
        let out = world.extract();
        for repository in repositories {
            let id = repository["uuid"].as_str().unwrap();
            assert_eq!(
                out.entity(id).name,
                repository["full_name"].as_str().unwrap()
            );
            assert_eq!(
                out.has_edge(&format!("anyone > {id}: read (read)")),
                repository["is_private"] == false
            );
            if let Some(project) = repository["project"]["uuid"].as_str() {
                assert!(
                    out.has_edge(&format!("{project} > {id}: contains (none)")),
                    "{file}"
                );
            }
        }
    }
}

#[test]
fn real_grants_and_groups_become_relations() {
    let (Some(users), Some(granted), Some(groups)) = (
        recorded("v1-groups/permissions_config_users_real_2023.json"),
        recorded("v1-groups/permissions_config_groups_real_2023.json"),
        recorded("v1-groups/groups.json"),
    ) else {
        return;
    };
    let mut world = World::new(1).without_privileges();
    world.objects.insert(
        format!("{}/permissions-config/users", repo_path(1)),
        users["body"].clone(),
    );
    world.objects.insert(
        format!("{}/permissions-config/groups", repo_path(1)),
        granted["body"].clone(),
    );
    world.objects.insert("/1.0/groups/acme".into(), groups);
    let out = world.extract();
    for edge in [
        "{77777777-8888-4333-aaaa-bbbbbbbbbbbb} > {r1}: admin (admin)",
        "acme/administrator > {r1}: admin (admin)",
        "acme/developer > {r1}: read (read)",
        "{c423e13e-b541-4e77-b363-3e0b458a8226} > acme/administrators: member (member)",
    ] {
        assert!(out.has_edge(edge), "{edge}");
    }
    assert_eq!(
        out.metadata("acme/administrator", "account_privilege")
            .as_deref(),
        Some("admin")
    );
    assert_eq!(
        out.metadata("acme/administrators", "auto_add").as_deref(),
        Some("true")
    );
}

#[test]
fn real_deploy_keys_become_identities() {
    let (Some(of_repository), Some(of_project)) = (
        recorded("openapi-examples/GET_repositories_workspace_repo_slug_deploy_keys200.json"),
        recorded(
            "openapi-examples/GET_workspaces_workspace_projects_project_key_deploy_keys200.json",
        ),
    ) else {
        return;
    };
    let mut world = World::new(1);
    world
        .objects
        .insert(format!("{}/deploy-keys", repo_path(1)), of_repository);
    world
        .objects
        .insert(format!("{}/deploy-keys", project_path("P1")), of_project);
    let out = world.extract();
    assert_eq!(out.entity("{r1}/123").name, "mykey");
    assert_eq!(
        out.metadata("{p1}/1234", "added_on").as_deref(),
        Some("2021-07-28T21:20:19.491721Z")
    );
    assert!(out.has_edge("{p1}/1234 > {p1}: read (read)"));
}

#[test]
fn every_recorded_error_body_is_a_refusal_and_no_empty_list() {
    for name in [
        "api_token_unsupported_403",
        "auth_types_only_403",
        "deprecated_410",
        "not_found_404",
        "pipelines_bad_next_401",
        "scope_missing_403",
        "token_invalid_401",
        "workspace_deactivated_403",
        "wrong_auth_mechanism_403",
        "free_plan_200_with_string_values",
        "rate_limited_429_json",
    ] {
        let Some(seen) = recorded(&format!("observed-errors/{name}.json")) else {
            return;
        };
        let status = u16::try_from(seen["status"].as_u64().unwrap()).unwrap();
        let answer = portcullis_kit::script::json(status, seen["body"].to_string());
        let out = World::new(2)
            .without_privileges()
            .refuse(None, "/r1/permissions-config/users", answer)
            .extract();
        assert_eq!(out.objects("repository-user-grants"), ["acme/r1"], "{name}");
    }
}
