//! A small workspace that answers requests, and what was heard of it.

#![allow(dead_code, reason = "each test file uses its own part")]

use futures::executor::block_on;
use portcullis_bitbucket::{Settings, extract};
use portcullis_kit::api::{Request, Response};
use portcullis_kit::bindings::portcullis::connector::output::{
    Coverage, CoverageStatus, Entity, Failure, Item, Metadatum, Relation,
};
use portcullis_kit::script::{Heard, Script, json};
use serde_json::{Value, json as value};
use std::collections::BTreeMap;

pub(crate) const TOKEN: &str = "workspace-token";
pub(crate) const ACCOUNT: &str = "account";
pub(crate) const WORKSPACE: &str = "/2.0/workspaces/acme";
pub(crate) const PRIVILEGES: &str = "/1.0/group-privileges/acme";

type Rule = (Box<dyn Fn(&Request) -> bool>, Response);

/// A workspace with three members, two groups, two projects and some repositories.
pub(crate) struct World {
    /// One object, by its path.
    pub(crate) objects: BTreeMap<String, Value>,
    /// The elements of a list, by its path.
    pub(crate) lists: BTreeMap<String, Vec<Value>>,
    /// Answers that come first, for the requests that fit.
    rules: Vec<Rule>,
    /// The longest page.
    pub(crate) page_length: usize,
    pub(crate) settings: Settings,
}

pub(crate) fn user(n: usize) -> Value {
    value!({"type": "user", "uuid": format!("{{u{n}}}"), "display_name": format!("User {n}"), "nickname": format!("user{n}"), "account_id": format!("557058:{n}")})
}

pub(crate) fn repo_path(n: usize) -> String {
    format!("/2.0/repositories/acme/r{n}")
}

pub(crate) fn project_path(key: &str) -> String {
    format!("{WORKSPACE}/projects/{key}")
}

impl World {
    pub(crate) fn new(repositories: usize) -> Self {
        let mut settings = Settings::new("https://api.bitbucket.org", "acme")
            .unwrap_or_else(|failure| panic!("{failure:?}"));
        settings.slots = vec![TOKEN.into(), ACCOUNT.into()];
        settings.in_flight = 8;
        let mut world = Self {
            objects: BTreeMap::new(),
            lists: BTreeMap::new(),
            rules: Vec::new(),
            page_length: 100,
            settings,
        };
        world.objects.insert(WORKSPACE.into(), value!({"type": "workspace", "uuid": "{w}", "slug": "acme", "name": "Acme", "created_on": "2018-12-02T06:49:58.468988+00:00"}));
        let membership = |n: usize, role: &str| value!({"type": "workspace_membership", "permission": role, "user": user(n), "added_on": "2021-04-02T14:20:48.179", "last_accessed": null});
        world.list(
            format!("{WORKSPACE}/permissions"),
            vec![
                membership(1, "owner"),
                membership(2, "member"),
                membership(3, "create-project"),
            ],
        );
        world.list(
            format!("{WORKSPACE}/members"),
            (1..=3)
                .map(|n| value!({"type": "workspace_membership", "user": user(n)}))
                .collect(),
        );
        world.objects.insert("/1.0/groups/acme".into(), value!([
            {"name": "Developers", "slug": "developers", "permission": "write", "auto_add": true, "members": [user(1), user(2)]},
            {"name": "Admins", "slug": "admins", "permission": null, "members": [user(3), user(9)]},
        ]));
        let project = |n: usize| value!({"type": "project", "uuid": format!("{{p{n}}}"), "key": format!("P{n}"), "name": format!("Project {n}"), "is_private": true});
        world.list(
            format!("{WORKSPACE}/projects"),
            vec![project(1), project(2)],
        );
        for key in ["P1", "P2"] {
            let path = project_path(key);
            world.list(
                format!("{path}/permissions-config/users"),
                vec![value!({"permission": "create-repo", "user": user(2)})],
            );
            world.list(format!("{path}/permissions-config/groups"), vec![value!({"permission": "admin", "group": {"slug": "admins", "name": "Admins", "account_privilege": "admin"}})]);
            world.list(format!("{path}/deploy-keys"), vec![]);
        }
        let mut all = Vec::new();
        let mut privileges = Vec::new();
        for n in 1..=repositories {
            let home = if n % 2 == 1 { 1 } else { 2 };
            all.push(value!({"type": "repository", "uuid": format!("{{r{n}}}"), "slug": format!("r{n}"), "full_name": format!("acme/r{n}"), "name": format!("r{n}"), "is_private": n != 1, "project": {"uuid": format!("{{p{home}}}"), "key": format!("P{home}"), "name": format!("Project {home}")}}));
            let path = repo_path(n);
            let holder = if n == 2 { 8 } else { n % 3 + 1 };
            world.list(
                format!("{path}/permissions-config/users"),
                vec![value!({"permission": "write", "user": user(holder)})],
            );
            let group = if n == 3 { "ghosts" } else { "developers" };
            let granted = if n % 2 == 1 {
                vec![value!({"permission": "read", "group": {"slug": group, "name": group}})]
            } else {
                vec![]
            };
            if n % 2 == 1 {
                privileges.push(value!({"repo": format!("acme/r{n}"), "privilege": "read", "group": {"slug": group, "name": group}, "repository": {"slug": format!("r{n}")}}));
            }
            world.list(format!("{path}/permissions-config/groups"), granted);
            let keys = if n == 1 {
                vec![
                    value!({"id": 7, "label": "ci", "key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f someone@somewhere", "created_on": "2018-08-15T23:50:59.993890+00:00"}),
                ]
            } else {
                vec![]
            };
            world.list(format!("{path}/deploy-keys"), keys);
        }
        world.list("/2.0/repositories/acme".into(), all);
        world
            .objects
            .insert(PRIVILEGES.into(), Value::Array(privileges));
        world
    }

    fn list(&mut self, path: String, values: Vec<Value>) {
        self.lists.insert(path, values);
    }

    /// Answers requests for paths that contain `part` with `response`; only of one credential, where it is given.
    pub(crate) fn refuse(
        mut self,
        slot: Option<&'static str>,
        part: &str,
        response: Response,
    ) -> Self {
        let part = part.to_owned();
        let fits = move |request: &Request| {
            request.path.contains(&part)
                && slot.is_none_or(|slot| request.slot.as_deref() == Some(slot))
        };
        self.rules.push((Box::new(fits), response));
        self
    }

    /// Without the one answer for all group grants.
    pub(crate) fn without_privileges(self) -> Self {
        self.refuse(None, PRIVILEGES, not_found())
    }

    pub(crate) fn answer(&self, request: &Request) -> Response {
        if let Some((_, response)) = self.rules.iter().find(|(fits, _)| fits(request)) {
            return response.clone();
        }
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        if let Some(object) = self.objects.get(path) {
            return json(200, object.to_string());
        }
        let Some(values) = self.lists.get(path) else {
            return not_found();
        };
        let number = |name: &str| {
            query.split('&').find_map(|pair| {
                pair.strip_prefix(name)?
                    .strip_prefix('=')?
                    .parse::<usize>()
                    .ok()
            })
        };
        let (length, page) = (
            number("pagelen").unwrap_or(10).min(self.page_length),
            number("page").unwrap_or(1),
        );
        let start = (page - 1) * length;
        let mut body = value!({"pagelen": length, "page": page, "size": values.len(), "values": values.iter().skip(start).take(length).collect::<Vec<_>>()});
        if start + length < values.len() {
            body["next"] = format!(
                "https://api.bitbucket.org{path}?pagelen={length}&page={}",
                page + 1
            )
            .into();
        }
        json(200, body.to_string())
    }

    pub(crate) fn script(&self) -> Script<'_> {
        Script::new(|request: &Request| Ok(self.answer(request)))
    }

    pub(crate) fn extract(&self) -> Extracted {
        self.extract_by(self.script())
            .unwrap_or_else(|failure| panic!("{failure:?}"))
    }

    pub(crate) fn failure(&self) -> Failure {
        match self.extract_by(self.script()) {
            Err(failure) => failure,
            Ok(_) => panic!("it did not fail"),
        }
    }

    pub(crate) fn extract_by(&self, script: Script<'_>) -> Result<Extracted, Failure> {
        let heard = Heard::default();
        block_on(extract(&script, &heard, &self.settings))?;
        Ok(Extracted {
            items: heard.items.into_inner(),
            asked: script.asked(),
        })
    }
}

pub(crate) struct Extracted {
    pub(crate) items: Vec<Item>,
    pub(crate) asked: Vec<Request>,
}

impl Extracted {
    pub(crate) fn entities(&self) -> Vec<&Entity> {
        self.items
            .iter()
            .filter_map(|item| {
                if let Item::Entity(entity) = item {
                    Some(entity)
                } else {
                    None
                }
            })
            .collect()
    }

    pub(crate) fn entity(&self, id: &str) -> &Entity {
        let mut found = self
            .entities()
            .into_iter()
            .filter(|entity| entity.key.source_id == id);
        let entity = found.next().unwrap_or_else(|| panic!("no entity {id}"));
        assert!(found.next().is_none(), "{id} twice");
        entity
    }

    pub(crate) fn relations(&self) -> Vec<&Relation> {
        self.items
            .iter()
            .filter_map(|item| {
                if let Item::Relation(relation) = item {
                    Some(relation)
                } else {
                    None
                }
            })
            .collect()
    }

    /// `parent > child: privilege (level)` of every relation, sorted.
    pub(crate) fn edges(&self) -> Vec<String> {
        let mut edges: Vec<String> = self
            .relations()
            .iter()
            .map(|edge| {
                let level = edge.level.map_or_else(
                    || "none".to_owned(),
                    |level| format!("{level:?}").to_lowercase().replace("level::", ""),
                );
                format!(
                    "{} > {}: {} ({level})",
                    edge.parent.source_id, edge.child.source_id, edge.privilege
                )
            })
            .collect();
        edges.sort();
        edges
    }

    pub(crate) fn has_edge(&self, edge: &str) -> bool {
        self.edges().iter().any(|known| known == edge)
    }

    pub(crate) fn coverage(&self) -> Vec<&Coverage> {
        self.items
            .iter()
            .filter_map(|item| {
                if let Item::Coverage(row) = item {
                    Some(row)
                } else {
                    None
                }
            })
            .collect()
    }

    pub(crate) fn family(&self, family: &str) -> &Coverage {
        let mut rows = self
            .coverage()
            .into_iter()
            .filter(|row| row.family == family && row.scope.is_none());
        let row = rows.next().unwrap_or_else(|| panic!("no row of {family}"));
        assert!(rows.next().is_none(), "{family} twice");
        row
    }

    pub(crate) fn status(&self, family: &str) -> CoverageStatus {
        self.family(family).status
    }

    pub(crate) fn reason(&self, family: &str) -> &str {
        self.family(family).reason.as_deref().unwrap_or_default()
    }

    /// The rows of single objects.
    pub(crate) fn objects(&self, family: &str) -> Vec<&str> {
        let mut scopes: Vec<&str> = self
            .coverage()
            .into_iter()
            .filter(|row| row.family == family)
            .filter_map(|row| row.scope.as_deref())
            .collect();
        scopes.sort_unstable();
        scopes
    }

    pub(crate) fn warnings(&self) -> Vec<&str> {
        self.items
            .iter()
            .filter_map(|item| {
                if let Item::Warning(text) = item {
                    Some(text.as_str())
                } else {
                    None
                }
            })
            .collect()
    }

    /// Everything that was said, independent of the order.
    pub(crate) fn said(&self) -> Vec<String> {
        let mut said: Vec<String> = self.items.iter().map(|item| format!("{item:?}")).collect();
        said.sort();
        said
    }

    /// How many requests there were for paths that contain `part`.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.asked
            .iter()
            .filter(|request| request.path.contains(part))
            .count()
    }

    pub(crate) fn metadata(&self, id: &str, key: &str) -> Option<String> {
        let (_, value) = self
            .entity(id)
            .metadata
            .iter()
            .find(|(name, _)| name == key)?;
        Some(match value {
            Metadatum::Text(text) => text.clone(),
            Metadatum::Flag(flag) => flag.to_string(),
            Metadatum::Integer(number) => number.to_string(),
            Metadatum::Texts(texts) => texts.join(","),
        })
    }
}

pub(crate) fn error(status: u16, message: &str) -> Response {
    json(
        status,
        value!({"type": "error", "error": {"message": message}}).to_string(),
    )
}

pub(crate) fn not_found() -> Response {
    error(404, "It either does not exist or you do not have access")
}

pub(crate) fn not_admin() -> Response {
    error(403, "You must be an administrator")
}

pub(crate) fn missing_scope(scope: &str) -> Response {
    json(403, value!({"type": "error", "error": {"message": "Your credentials lack one or more required privilege scopes.", "detail": {"required": [scope], "granted": ["account"]}}}).to_string())
}
