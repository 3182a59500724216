//! A small SCIM server that deviates as it is told, and what was heard of it.

#![allow(dead_code, reason = "each test file uses its own part")]

use futures::executor::block_on;
use portcullis_kit::api::{Request, Response};
use portcullis_kit::bindings::portcullis::connector::output::{
    Coverage, CoverageStatus, Entity, Failure, Item, Metadatum, Relation, RelationKind,
};
use portcullis_kit::script::{Heard, Script, html, json};
use portcullis_scim::{Settings, extract};
use serde_json::{Value, json as value};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const BASE: &str = "https://scim.example/tenant/v2";
pub(crate) const PREFIX: &str = "/tenant/v2/";

/// How lists are paged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paging {
    Index,
    /// The first page, whatever is asked for.
    FirstForEver,
    /// Behind the end the first page comes again.
    WrapsAround,
    /// Behind the end there is an error.
    EndsWithError,
    /// `count` draws 500.
    NoCount,
    /// Everything at once, and 501 for any parameter.
    None,
    /// By cursor; `startIndex` and `count` alone are answered with the first page and a cursor.
    Cursor,
    /// By cursor; `startIndex` draws 400.
    CursorOnly,
}

/// What `totalResults` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Total {
    Right,
    PageRows,
    Absent,
}

/// What is shown of members, or of a user's groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    All,
    Absent,
    Empty,
    Cut(usize),
}

/// What a filter on members does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    Works,
    Ignored,
    FindsNothing,
    Refused,
}

type Rule = (Box<dyn Fn(&Request) -> bool>, Response);

pub(crate) struct Server {
    pub(crate) users: Vec<Value>,
    pub(crate) groups: Vec<Value>,
    pub(crate) roles: Vec<Value>,
    /// Members as (group, member), whatever is shown of them.
    pub(crate) discovery: BTreeMap<&'static str, Value>,
    pub(crate) cap: usize,
    pub(crate) paging: Paging,
    pub(crate) total: Total,
    pub(crate) in_list: Shown,
    pub(crate) by_id: Shown,
    pub(crate) of_user: Shown,
    pub(crate) of_one_user: Shown,
    pub(crate) filter: Filter,
    pub(crate) typed: bool,
    /// Parameters that draw 400.
    pub(crate) refused: Vec<&'static str>,
    rules: Vec<Rule>,
    pub(crate) settings: Settings,
    pub(crate) seed: u64,
}

pub(crate) fn user(n: usize) -> Value {
    value!({"id": format!("u{n}"), "userName": format!("user{n}"), "displayName": format!("User {n}"), "active": true})
}

impl Server {
    /// So many users, and groups of which each has the users whose number it divides. The last group is
    /// empty, and the first also has the second as a member.
    pub(crate) fn new(users: usize, groups: usize) -> Self {
        let mut settings = Settings::new(BASE).unwrap_or_else(|failure| panic!("{failure:?}"));
        settings.slots = vec!["bearer".into(), "basic".into()];
        settings.in_flight = 4;
        let members = |group: usize| -> Vec<Value> {
            if group == groups {
                return Vec::new();
            }
            let mut members: Vec<Value> = (1..=users)
                .filter(|user| user % group == 0)
                .map(|user| value!({"value": format!("u{user}"), "type": "User", "display": format!("User {user}")}))
                .collect();
            if group == 1 && groups > 2 {
                members.push(value!({"value": "g2", "type": "Group", "display": "Group 2"}));
            }
            members
        };
        Self {
            users: (1..=users).map(user).collect(),
            groups: (1..=groups)
                .map(|group| value!({"id": format!("g{group}"), "displayName": format!("Group {group}"), "members": members(group)}))
                .collect(),
            roles: Vec::new(),
            discovery: BTreeMap::new(),
            cap: 100,
            paging: Paging::Index,
            total: Total::Right,
            in_list: Shown::All,
            by_id: Shown::All,
            of_user: Shown::Absent,
            of_one_user: Shown::Absent,
            filter: Filter::Refused,
            typed: true,
            refused: Vec::new(),
            rules: Vec::new(),
            settings,
            seed: 0,
        }
    }

    /// Answers requests that fit with this, before anything else.
    pub(crate) fn answer(&mut self, fits: impl Fn(&Request) -> bool + 'static, response: Response) {
        self.rules.push((Box::new(fits), response));
    }

    /// What must be found: pairs of member and group.
    pub(crate) fn truth(&self) -> BTreeSet<(String, String)> {
        let mut ties = BTreeSet::new();
        for group in &self.groups {
            for member in group["members"].as_array().into_iter().flatten() {
                ties.insert((id(&member["value"]), id(&group["id"])));
            }
        }
        ties
    }

    fn respond(&self, request: &Request) -> Response {
        if let Some((_, response)) = self.rules.iter().find(|(fits, _)| fits(request)) {
            return response.clone();
        }
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let Some(rest) = path.strip_prefix(PREFIX) else {
            return html(404);
        };
        let parameters: BTreeMap<String, String> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), decoded(value)))
            .collect();
        if let Some(name) = self
            .refused
            .iter()
            .find(|name| parameters.contains_key(**name))
        {
            return error(400, &format!("{name} is not known"));
        }
        let (endpoint, one) = match rest.split_once('/') {
            Some((endpoint, one)) => (endpoint, Some(decoded(one))),
            None => (rest, None),
        };
        match (endpoint, one) {
            ("Users", None) => self.page(self.shown_users(self.of_user), &parameters),
            ("Users", Some(one)) => find(&self.shown_users(self.of_one_user), &one),
            ("Groups", None) => {
                let excluded = parameters
                    .get("excludedAttributes")
                    .is_some_and(|names| names == "members");
                let shown = if excluded {
                    Shown::Absent
                } else {
                    self.in_list
                };
                let groups = self.shown_groups(shown);
                match parameters.get("filter") {
                    None => self.page(groups, &parameters),
                    Some(filter) => self.filtered(groups, filter, &parameters),
                }
            }
            ("Groups", Some(one)) => find(&self.shown_groups(self.by_id), &one),
            ("Roles", None) if !self.roles.is_empty() => self.page(self.roles.clone(), &parameters),
            (name, None) => match self.discovery.get(name) {
                Some(document) => json(200, document.to_string()),
                None => html(404),
            },
            _ => html(404),
        }
    }

    fn shown_groups(&self, shown: Shown) -> Vec<Value> {
        let mut groups = self.groups.clone();
        for group in &mut groups {
            cut(group, "members", shown);
            if !self.typed {
                for member in group["members"].as_array_mut().into_iter().flatten() {
                    strip(member, "type");
                }
            }
        }
        groups
    }

    fn shown_users(&self, shown: Shown) -> Vec<Value> {
        let mut users = self.users.clone();
        let truth = self.truth();
        for user in &mut users {
            let own = id(&user["id"]);
            let groups: Vec<Value> = truth
                .iter()
                .filter(|(member, _)| *member == own)
                .map(|(_, group)| value!({"value": group}))
                .collect();
            user["groups"] = Value::from(groups);
            cut(user, "groups", shown);
        }
        users
    }

    fn filtered(
        &self,
        groups: Vec<Value>,
        filter: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Response {
        let member = filter
            .strip_prefix("members.value eq ")
            .map(|quoted| quoted.trim_matches('"'))
            .unwrap_or_else(|| panic!("the filter {filter}"));
        let truth = self.truth();
        let found = groups
            .iter()
            .filter(|group| truth.contains(&(member.to_owned(), id(&group["id"]))))
            .cloned()
            .collect();
        match self.filter {
            Filter::Works => self.page(found, parameters),
            Filter::Ignored => self.page(groups, parameters),
            Filter::FindsNothing => self.page(Vec::new(), parameters),
            Filter::Refused => error(400, "no such filter"),
        }
    }

    fn page(&self, rows: Vec<Value>, parameters: &BTreeMap<String, String>) -> Response {
        let number = |name: &str| {
            parameters
                .get(name)
                .and_then(|text| text.parse::<usize>().ok())
        };
        let count = number("count").unwrap_or(self.cap).min(self.cap);
        let start = number("startIndex").unwrap_or(1).max(1);
        let all = rows.len();
        let mut next = None;
        let from = match self.paging {
            Paging::Index => start,
            Paging::FirstForEver => 1,
            Paging::WrapsAround if start > all => 1,
            Paging::EndsWithError if start > all.max(1) => return error(400, "behind the end"),
            Paging::WrapsAround | Paging::EndsWithError => start,
            Paging::NoCount if parameters.contains_key("count") => return error(500, "boom"),
            Paging::NoCount => start,
            Paging::None if parameters.keys().any(|name| name != "filter") => {
                return error(501, "Pagination is not supported");
            }
            Paging::None => {
                return json(
                    200,
                    value!({"totalResults": all, "Resources": rows}).to_string(),
                );
            }
            Paging::CursorOnly if parameters.contains_key("startIndex") => {
                return error(400, "startIndex is not known");
            }
            Paging::Cursor | Paging::CursorOnly => {
                let cursor = parameters
                    .get("cursor")
                    .map(String::as_str)
                    .unwrap_or_default();
                let from = cursor
                    .strip_prefix("at/")
                    .map_or(1, |at| at.parse().unwrap_or(1));
                if from + count <= all {
                    next = Some(format!("at/{}", from + count));
                }
                from
            }
        };
        let rows: Vec<Value> = rows.into_iter().skip(from - 1).take(count).collect();
        let mut body = value!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]});
        match self.total {
            Total::Right => body["totalResults"] = all.into(),
            Total::PageRows => body["totalResults"] = rows.len().into(),
            Total::Absent => {}
        }
        if let Some(next) = next {
            body["nextCursor"] = next.into();
        }
        body["Resources"] = rows.into();
        json(200, body.to_string())
    }

    pub(crate) fn script(&self) -> Script<'_> {
        Script::new(|request: &Request| Ok(self.respond(request))).shuffled(self.seed)
    }

    pub(crate) fn read(&self) -> Output {
        let output = self.try_read();
        if let Err(failure) = &output.outcome {
            panic!("{failure:?}");
        }
        output
    }

    pub(crate) fn try_read(&self) -> Output {
        let (script, heard) = (self.script(), Heard::default());
        let outcome = block_on(extract(&script, &heard, &self.settings));
        Output {
            outcome,
            items: heard.items.take(),
            asked: script
                .asked()
                .into_iter()
                .map(|request| request.path)
                .collect(),
        }
    }
}

fn cut(resource: &mut Value, name: &str, shown: Shown) {
    match shown {
        Shown::All => {}
        Shown::Absent => strip(resource, name),
        Shown::Empty => resource[name] = value!([]),
        Shown::Cut(most) => {
            if let Some(values) = resource[name].as_array_mut() {
                values.truncate(most);
            }
        }
    }
}

pub(crate) fn strip(resource: &mut Value, name: &str) {
    if let Some(object) = resource.as_object_mut() {
        object.remove(name);
    }
}

fn find(all: &[Value], one: &str) -> Response {
    match all.iter().find(|resource| id(&resource["id"]) == one) {
        Some(resource) => json(200, resource.to_string()),
        None => error(404, "no such resource"),
    }
}

pub(crate) fn error(status: u16, detail: &str) -> Response {
    json(
        status,
        value!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": status.to_string(), "detail": detail}).to_string(),
    )
}

fn id(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits: Vec<u8> = rest.by_ref().take(2).collect();
        let hex = String::from_utf8(digits).unwrap_or_default();
        bytes.push(u8::from_str_radix(&hex, 16).unwrap_or_default());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What an extraction came to.
pub(crate) struct Output {
    pub(crate) outcome: Result<(), Failure>,
    pub(crate) items: Vec<Item>,
    pub(crate) asked: Vec<String>,
}

impl Output {
    pub(crate) fn entities(&self) -> BTreeMap<String, &Entity> {
        let entities = self.items.iter().filter_map(|item| match item {
            Item::Entity(entity) => Some((entity.key.source_id.clone(), entity)),
            _ => None,
        });
        entities.collect()
    }

    pub(crate) fn ids(&self, source_type: &str) -> BTreeSet<String> {
        self.entities()
            .into_values()
            .filter(|entity| entity.source_type == source_type && !is_dangling(entity))
            .map(|entity| entity.key.source_id.clone())
            .collect()
    }

    pub(crate) fn dangling(&self) -> BTreeSet<String> {
        self.entities()
            .into_values()
            .filter(|entity| is_dangling(entity))
            .map(|entity| entity.key.source_id.clone())
            .collect()
    }

    pub(crate) fn relations(&self) -> Vec<&Relation> {
        self.items
            .iter()
            .filter_map(|item| match item {
                Item::Relation(relation) => Some(relation),
                _ => None,
            })
            .collect()
    }

    /// Pairs of member and group, without the words before their ids.
    pub(crate) fn ties(&self) -> BTreeSet<(String, String)> {
        let plain = |id: &str| id.strip_prefix("group/").unwrap_or(id).to_owned();
        self.relations()
            .into_iter()
            .inspect(|relation| assert_eq!(relation.kind, RelationKind::Membership))
            .filter(|relation| relation.child.source_id.starts_with("group/"))
            .map(|relation| {
                (
                    plain(&relation.parent.source_id),
                    plain(&relation.child.source_id),
                )
            })
            .collect()
    }

    pub(crate) fn coverage(&self, family: &str) -> &Coverage {
        self.items
            .iter()
            .find_map(|item| match item {
                Item::Coverage(row) if row.family == family && row.scope.is_none() => Some(row),
                _ => None,
            })
            .unwrap_or_else(|| panic!("a row for {family}"))
    }

    pub(crate) fn status(&self, family: &str) -> CoverageStatus {
        self.coverage(family).status
    }

    pub(crate) fn reason(&self, family: &str) -> &str {
        self.coverage(family).reason.as_deref().unwrap_or_default()
    }

    pub(crate) fn is_complete(&self, family: &str) -> bool {
        self.status(family) == CoverageStatus::Complete
    }

    /// The items in an order of their own.
    pub(crate) fn sorted(&self) -> BTreeSet<String> {
        self.items.iter().map(|item| format!("{item:?}")).collect()
    }
}

pub(crate) fn is_dangling(entity: &Entity) -> bool {
    has(entity, "dangling", |value| {
        matches!(value, Metadatum::Flag(true))
    })
}

pub(crate) fn has(entity: &Entity, key: &str, test: impl Fn(&Metadatum) -> bool) -> bool {
    entity
        .metadata
        .iter()
        .any(|(name, value)| name == key && test(value))
}
