//! Every answer of API 2.0 that an extractor consumes is valid by Atlassian's own description.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    dead_code,
    unreachable_pub
)]

mod client;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use client::{all, bearer, get, get_as, server};
use fake_bitbucket::{Behaviour, Server};
use jsonschema::Validator;
use serde_json::{Value, json};

/// Where the description is wrong, by what was seen live.
struct Exception {
    name: &'static str,
    /// Where in the description.
    at: &'static str,
    /// What stands there instead.
    instead: fn(&Value) -> Value,
}

const EXCEPTIONS: [Exception; 10] = [
    Exception {
        name: "a workspace has links that the description lacks (hooks, html_overview)",
        at: "/components/schemas/workspace/allOf/1/properties/links/additionalProperties",
        instead: |_| json!(true),
    },
    Exception {
        name: "a project has a link to itself",
        at: "/components/schemas/project/allOf/1/properties/links/additionalProperties",
        instead: |_| json!(true),
    },
    Exception {
        name: "a repository has links that the description lacks (branches, tags, source)",
        at: "/components/schemas/repository/allOf/1/properties/links/additionalProperties",
        instead: |_| json!(true),
    },
    Exception {
        name: "a clone link for SSH is no URI",
        at: "/components/schemas/repository/allOf/1/properties/links/properties/clone/items/properties/href",
        instead: |_| json!({"type": "string"}),
    },
    Exception {
        name: "a repository that is no fork has a parent of null",
        at: "/components/schemas/repository/allOf/1/properties/parent",
        instead: nullable,
    },
    Exception {
        name: "an empty repository has a main branch of null",
        at: "/components/schemas/repository/allOf/1/properties/mainbranch",
        instead: nullable,
    },
    Exception {
        name: "a deploy key that was never used says null",
        at: "/components/schemas/deploy_key/allOf/1/properties/last_used",
        instead: nullable,
    },
    Exception {
        name: "a project's deploy key that was never used says null",
        at: "/components/schemas/project_deploy_key/allOf/1/properties/last_used",
        instead: nullable,
    },
    Exception {
        name: "has_2fa_enabled of the caller is null",
        at: "/components/schemas/user/allOf/1/properties/has_2fa_enabled",
        instead: nullable,
    },
    Exception {
        name: "the detail of a missing scope is an object",
        at: "/components/schemas/error/properties/error/properties/detail",
        instead: |_| json!({"type": ["string", "object"]}),
    },
];

fn nullable(schema: &Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

fn description() -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/bitbucket/openapi.json");
    match std::fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(_) => {
            skipped::skipped(format!("there is no {}", path.display()));
            None
        }
    }
}

/// JSON Schema where OpenAPI 3.0 says `nullable`.
fn translate(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(translate),
        Value::Object(map) => {
            map.values_mut().for_each(translate);
            if map.remove("nullable") == Some(json!(true)) {
                *value = nullable(value);
            }
        }
        _ => {}
    }
}

struct Rules {
    description: Value,
    validators: BTreeMap<String, Validator>,
}

impl Rules {
    fn new(description: &Value, without: Option<&str>) -> Self {
        let mut description = description.clone();
        for exception in EXCEPTIONS
            .iter()
            .filter(|exception| Some(exception.name) != without)
        {
            let place = description.pointer_mut(exception.at).expect(exception.name);
            *place = (exception.instead)(place);
        }
        translate(&mut description["components"]);
        Self {
            description,
            validators: BTreeMap::new(),
        }
    }

    fn validator(&mut self, schema: &str) -> &Validator {
        let description = &self.description;
        self.validators.entry(schema.to_owned()).or_insert_with(|| {
            let root = json!({
                "$ref": format!("#/components/schemas/{schema}"),
                "components": {"schemas": description["components"]["schemas"]},
            });
            jsonschema::options()
                .should_validate_formats(true)
                .build(&root)
                .unwrap()
        })
    }

    /// What is wrong with an answer. The discriminator `type` is followed: whatever says what it is
    /// must be that.
    fn judge(&mut self, schema: &str, value: &Value, wrong: &mut BTreeSet<String>) {
        for error in self.validator(schema).iter_errors(value) {
            wrong.insert(format!("{schema}{}: {error}", error.instance_path()));
        }
        self.discriminate(value, wrong);
    }

    fn discriminate(&mut self, value: &Value, wrong: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.discriminate(item, wrong)),
            Value::Object(map) => {
                if let Some(Value::String(name)) = map.get("type") {
                    let known = &self.description["components"]["schemas"][name];
                    if !known.is_null() {
                        for error in self.validator(&name.clone()).iter_errors(value) {
                            wrong.insert(format!("{name}{}: {error}", error.instance_path()));
                        }
                    }
                }
                map.values()
                    .for_each(|inner| self.discriminate(inner, wrong));
            }
            _ => {}
        }
    }
}

/// The name of the schema that the description gives for `GET path`.
fn schema_of(description: &Value, path: &str) -> String {
    let answer = &description["paths"][path]["get"]["responses"]["200"];
    let name = answer["content"]["application/json"]["schema"]["$ref"].as_str();
    name.unwrap_or_else(|| panic!("{path} is not described"))
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned()
}

/// Every kind of answer, with its path in the description.
async fn answers(server: &Server) -> Vec<(&'static str, Value)> {
    let world = server.world().clone();
    let ws = "/2.0/workspaces/acme";
    let mut answers = Vec::new();
    for (path, target) in [
        ("/user", "/2.0/user".to_owned()),
        ("/user/workspaces", "/2.0/user/workspaces".to_owned()),
        (
            "/user/workspaces/{workspace}/permission",
            "/2.0/user/workspaces/acme/permission".to_owned(),
        ),
        ("/workspaces/{workspace}", ws.to_owned()),
        (
            "/workspaces/{workspace}/members",
            format!("{ws}/members?pagelen=100"),
        ),
        (
            "/workspaces/{workspace}/members",
            format!(
                "{ws}/members?fields=%2Bvalues.user.account_status,%2Bvalues.user.has_2fa_enabled,%2Bvalues.user.created_on"
            ),
        ),
        (
            "/workspaces/{workspace}/permissions",
            format!("{ws}/permissions?pagelen=100"),
        ),
        (
            "/workspaces/{workspace}/permissions",
            format!("{ws}/permissions?pagelen=100&page=2"),
        ),
        (
            "/workspaces/{workspace}/permissions/repositories",
            format!("{ws}/permissions/repositories"),
        ),
        (
            "/workspaces/{workspace}/projects",
            format!("{ws}/projects?pagelen=100"),
        ),
        (
            "/repositories/{workspace}",
            "/2.0/repositories/acme?pagelen=100&sort=created_on".to_owned(),
        ),
        (
            "/repositories/{workspace}",
            "/2.0/repositories/acme?pagelen=100&sort=created_on&page=3".to_owned(),
        ),
    ] {
        let reply = get(server, &target).await;
        assert_eq!(reply.status, 200, "{target}");
        answers.push((path, reply.json()));
    }
    for project in &world.projects {
        for (path, below) in [
            ("/workspaces/{workspace}/projects/{project_key}", ""),
            (
                "/workspaces/{workspace}/projects/{project_key}/permissions-config/users",
                "/permissions-config/users",
            ),
            (
                "/workspaces/{workspace}/projects/{project_key}/permissions-config/groups",
                "/permissions-config/groups",
            ),
            (
                "/workspaces/{workspace}/projects/{project_key}/deploy-keys",
                "/deploy-keys",
            ),
        ] {
            let reply = get(server, &format!("{ws}/projects/{}{below}", project.key)).await;
            answers.push((path, reply.json()));
        }
    }
    for repository in &world.repositories {
        for (path, below) in [
            ("/repositories/{workspace}/{repo_slug}", ""),
            (
                "/repositories/{workspace}/{repo_slug}/permissions-config/users",
                "/permissions-config/users",
            ),
            (
                "/repositories/{workspace}/{repo_slug}/permissions-config/groups",
                "/permissions-config/groups",
            ),
            (
                "/repositories/{workspace}/{repo_slug}/deploy-keys",
                "/deploy-keys",
            ),
        ] {
            let reply = get(
                server,
                &format!("/2.0/repositories/acme/{}{below}", repository.slug),
            )
            .await;
            answers.push((path, reply.json()));
        }
    }
    answers
}

fn judge_all(
    description: &Value,
    answers: &[(&str, Value)],
    errors: &[Value],
    without: Option<&str>,
) -> BTreeSet<String> {
    let mut rules = Rules::new(description, without);
    let mut wrong = BTreeSet::new();
    for (path, value) in answers {
        rules.judge(&schema_of(description, path), value, &mut wrong);
    }
    for error in errors {
        rules.judge("error", error, &mut wrong);
    }
    wrong
}

async fn errors(server: &Server) -> Vec<Value> {
    let mut errors = Vec::new();
    for target in [
        "/2.0/nothing",
        "/2.0/workspaces/nobody",
        "/2.0/workspaces",
        "/2.0/repositories/acme/no",
    ] {
        errors.push(get(server, target).await.json());
    }
    errors.push(
        get_as(server, bearer(), "/2.0/user/workspaces")
            .await
            .json(),
    );
    errors
}

#[tokio::test]
async fn answers_are_as_atlassian_describes_them() {
    let Some(description) = description() else {
        return;
    };
    let server = server(Behaviour::default()).await;
    let mut answers = answers(&server).await;
    let repositories = all(&server, "/2.0/repositories/acme?pagelen=100").await;
    assert!(
        repositories
            .iter()
            .any(|repository| repository["parent"].is_object())
    );
    let mut errors = errors(&server).await;
    errors.push(missing_scope().await);
    let wrong = judge_all(&description, &answers, &errors, None);
    assert!(wrong.is_empty(), "{wrong:#?}");

    // Each exception is still needed.
    for exception in &EXCEPTIONS {
        let wrong = judge_all(&description, &answers, &errors, Some(exception.name));
        assert!(!wrong.is_empty(), "no longer needed: {}", exception.name);
    }

    // And the rules bite.
    let (_, repositories) = answers
        .iter_mut()
        .find(|(path, _)| *path == "/repositories/{workspace}")
        .unwrap();
    repositories["values"][7]["project"]["owner"] = json!({"type": "team", "uuid": 7});
    repositories["values"][8]["created_on"] = json!("yesterday");
    let wrong = judge_all(&description, &answers, &errors, None);
    assert!(
        wrong.iter().any(|line| line.contains("yesterday")),
        "{wrong:#?}"
    );
    assert!(
        wrong.iter().any(|line| line.starts_with("team/uuid")),
        "{wrong:#?}"
    );
}

async fn missing_scope() -> Value {
    use fake_bitbucket::{Config, Token, World};
    let token = Token {
        scopes: BTreeSet::new(),
        ..Token::default()
    };
    let config = Config {
        token: Some(token),
        ..Config::default()
    };
    let server = Server::start(World::generate(1, client::SIZES), config)
        .await
        .unwrap();
    get_as(&server, bearer(), "/2.0/workspaces/acme/projects")
        .await
        .json()
}
