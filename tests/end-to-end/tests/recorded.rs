//! Answers that were recorded from the real API, fed to the extractor through the real host over a socket. The
//! recordings are not part of this repository: where they are missing, these tests say so and pass.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use end_to_end::{Connection, Ended, run, shared};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

type Answers = BTreeMap<String, (u16, &'static str, String)>;

/// Serves each path's answer, and Bitbucket's own 404 elsewhere.
async fn serve(answers: Answers) -> String {
    let answers = Arc::new(answers);
    let handler = move |request: Request| {
        let answers = Arc::clone(&answers);
        async move {
            let missing =
                json!({"type": "error", "error": {"message": "Resource not found"}}).to_string();
            let (status, kind, body) = answers.get(request.uri().path()).cloned().unwrap_or((
                404,
                "application/json",
                missing,
            ));
            Response::builder()
                .status(StatusCode::from_u16(status).unwrap())
                .header("content-type", kind)
                .body(Body::from(body))
                .unwrap()
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handler)).await });
    origin
}

fn read(folder: &Path, file: &str) -> Value {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn list(values: Vec<Value>) -> Value {
    json!({"pagelen": 100, "page": 1, "size": values.len(), "values": values})
}

fn ok(body: &Value) -> (u16, &'static str, String) {
    (200, "application/json; charset=utf-8", body.to_string())
}

async fn extract(answers: Answers) -> Ended {
    let connection =
        Connection::to(&serve(answers).await, "myworkspace").token("ATCTT-recorded-token");
    run(BINARY, &connection).await
}

/// The whole of what was recorded, put together into one workspace.
fn workspace(folder: &Path) -> Answers {
    let api = |path: &str| format!("/2.0/{path}");
    let repositories: Vec<Value> = read(
        folder,
        "faros-ai__airbyte-connectors/repositories.values.json",
    )
    .as_array()
    .unwrap()
    .iter()
    .cloned()
    .chain([read(folder, "gildas__bitbucket-cli/repository.json")])
    .chain(
        read(folder, "apache__devlake/repositories.json")
            .as_array()
            .unwrap()
            .iter()
            .cloned(),
    )
    .collect();
    let mut projects: BTreeMap<String, Value> = BTreeMap::new();
    for repository in &repositories {
        let project = repository["project"].clone();
        projects.insert(project["key"].as_str().unwrap().to_owned(), project);
    }
    let empty = ok(&list(vec![]));
    let mut answers = Answers::from([
        (
            api("workspaces/myworkspace"),
            ok(&read(folder, "gildas__bitbucket-cli/workspace.json")),
        ),
        (
            api("workspaces/myworkspace/permissions"),
            ok(&list(
                read(
                    folder,
                    "faros-ai__airbyte-connectors/workspace_members.values.json",
                )
                .as_array()
                .unwrap()
                .clone(),
            )),
        ),
        (
            api("workspaces/myworkspace/projects"),
            ok(&list(projects.values().cloned().collect())),
        ),
        (
            api("repositories/myworkspace"),
            ok(&list(repositories.clone())),
        ),
        (
            "/1.0/groups/myworkspace".to_owned(),
            ok(&read(folder, "v1-groups/groups.json")),
        ),
    ]);
    for repository in &repositories {
        let slug = repository["slug"].as_str().unwrap();
        let below = |what: &str| api(&format!("repositories/myworkspace/{slug}/{what}"));
        let users =
            read(folder, "v1-groups/permissions_config_users_real_2023.json")["body"].clone();
        let groups =
            read(folder, "v1-groups/permissions_config_groups_real_2023.json")["body"].clone();
        answers.insert(below("permissions-config/users"), ok(&users));
        answers.insert(below("permissions-config/groups"), ok(&groups));
        answers.insert(
            below("deploy-keys"),
            ok(&read(
                folder,
                "openapi-examples/GET_repositories_workspace_repo_slug_deploy_keys200.json",
            )),
        );
    }
    for key in projects.keys() {
        let below = |what: &str| api(&format!("workspaces/myworkspace/projects/{key}/{what}"));
        let example = |file: &str| ok(&read(folder, &format!("openapi-examples/{file}")));
        answers.insert(
            below("permissions-config/users"),
            example(
                "GET_workspaces_workspace_projects_project_key_permissions_config_users200.json",
            ),
        );
        answers.insert(
            below("permissions-config/groups"),
            example(
                "GET_workspaces_workspace_projects_project_key_permissions_config_groups200.json",
            ),
        );
        answers.insert(below("deploy-keys"), empty.clone());
    }
    answers
}

#[tokio::test]
async fn a_workspace_made_of_recorded_answers() {
    let Some(folder) = shared("bitbucket/recorded") else {
        return;
    };
    let answers = workspace(&folder);
    let repositories = answers
        .keys()
        .filter(|path| path.ends_with("deploy-keys") && path.contains("/repositories/"))
        .count();
    let ended = extract(answers).await;
    assert!(matches!(ended.code, 0 | 3), "{}", ended.printed());
    ended.expect_closed();

    let entities = ended.entities();
    let of = |source_type: &str| {
        entities
            .iter()
            .filter(|row| row.source_type == source_type)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("repository").len(), repositories);
    assert_eq!(of("workspace").len(), 1);
    assert_eq!(
        of("deploy-key").len(),
        repositories,
        "one key for each repository"
    );
    let names: BTreeSet<&str> = of("user").iter().map(|row| row.name.as_str()).collect();
    for name in ["John Doe", "Justen Stepka", "Colin Cameron", "Sean Conaty"] {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
    // The real list of group grants names groups that the list of groups doesn't: kept, as dangling.
    let group = |slug: &str| {
        entities
            .iter()
            .find(|row| row.source_id == format!("myworkspace/{slug}"))
            .unwrap()
    };
    assert!(group("administrator").dangling && group("developer").dangling);
    assert!(!group("administrators").dangling && !group("external").dangling);

    let relations = ended.relations();
    let admins = relations
        .iter()
        .filter(|row| row.parent_id == "myworkspace/administrator" && row.privilege == "admin")
        .count();
    assert!(
        admins >= repositories,
        "the group administers every repository: {admins}"
    );
    let public = relations
        .iter()
        .filter(|row| row.connection_type == "public")
        .count();
    assert!(public >= 1, "the recorded public repository is public");
    assert!(
        relations
            .iter()
            .any(|row| row.connection_type == "group" && row.privilege == "member")
    );

    // No public key is stored, only its fingerprint.
    let text = std::fs::read_to_string(ended.out.join("entities.csv")).unwrap();
    assert!(!text.contains("AAAAB3NzaC1yc2E") && text.contains("SHA256:"));
}

#[tokio::test]
async fn every_recorded_error_of_the_workspace_call_is_explained() {
    let Some(folder) = shared("bitbucket/recorded/observed-errors") else {
        return;
    };
    let mut tried = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let recorded: Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let Some(status) = recorded["status"]
            .as_u64()
            .filter(|status| *status >= 400 && *status != 429)
        else {
            continue;
        };
        let body = if recorded["body"].is_null() {
            String::new()
        } else {
            recorded["body"].to_string()
        };
        let answer = (u16::try_from(status).unwrap(), "application/json", body);
        let ended = extract([("/2.0/workspaces/myworkspace".to_owned(), answer)].into()).await;
        assert_eq!(ended.code, 4, "{}: {}", path.display(), ended.printed());
        assert!(
            ended.stderr.contains("portcullis: nothing could be read: "),
            "{}",
            ended.stderr
        );
        tried += 1;
    }
    assert!(tried >= 8, "{tried} recorded errors were tried");
}

#[tokio::test]
async fn a_recorded_missing_scope_is_named_for_its_family() {
    let Some(folder) = shared("bitbucket/recorded") else {
        return;
    };
    let mut answers = workspace(&folder);
    let recorded = read(&folder, "observed-errors/scope_missing_403.json");
    answers.insert(
        "/2.0/workspaces/myworkspace/projects".to_owned(),
        (403, "application/json", recorded["body"].to_string()),
    );
    let ended = extract(answers).await;
    ended.expect_code(3);
    assert_eq!(ended.family("projects"), "unreadable");
    let reason = ended
        .coverage()
        .into_iter()
        .find(|row| row.0 == "projects")
        .unwrap()
        .3;
    assert!(
        reason.contains("scope") && reason.contains("project"),
        "{reason}"
    );
}
