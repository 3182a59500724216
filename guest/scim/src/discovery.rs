//! What the server says of itself: `ServiceProviderConfig`, `ResourceTypes` and `Schemas`.
//!
//! All of it is optional. Where it is missing, as with many servers, the usual endpoints are asked for.

use crate::attributes::{Attributes, Value, flag, number, text};
use crate::family;
use crate::run::Run;
use futures::join;
use portcullis_kit::client::Miss;
use portcullis_kit::cut::{Piece, Shape};

/// What is known of a server before its lists are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Discovery {
    pub(crate) users: String,
    pub(crate) groups: String,
    /// None: no resource type tells of roles.
    pub(crate) roles: Option<String>,
    /// None: no resource type tells of entitlements.
    pub(crate) entitlements: Option<String>,
    /// Whether the schema of users has roles and entitlements. None: there is no such schema.
    pub(crate) declared: Option<Declared>,
    /// Lists are paged by cursor, or should be.
    pub(crate) cursor: bool,
    /// The most rows that a page may have.
    pub(crate) most_rows: Option<usize>,
}

/// What the schema of users has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) roles: bool,
    pub(crate) entitlements: bool,
}

impl Default for Discovery {
    fn default() -> Self {
        Self {
            users: "Users".to_owned(),
            groups: "Groups".to_owned(),
            roles: None,
            entitlements: None,
            declared: None,
            cursor: false,
            most_rows: None,
        }
    }
}

impl Discovery {
    fn configured(&mut self, config: &Attributes<'_>) {
        let paging = |name: &str| config.within("pagination", name);
        let index = paging("index").and_then(flag);
        let by_default = paging("defaultPaginationMethod").and_then(text);
        self.cursor = paging("cursor").and_then(flag) == Some(true)
            && (index == Some(false)
                || by_default.is_some_and(|word| word.eq_ignore_ascii_case("cursor")));
        self.most_rows = paging("maxPageSize")
            .and_then(number)
            .filter(|rows| *rows > 0);
    }

    fn schema(&mut self, schema: &Attributes<'_>) {
        let id = schema.text("id").unwrap_or_default().to_ascii_lowercase();
        if !id.ends_with("core:2.0:user") {
            return;
        }
        let has = |name: &str| {
            schema
                .each("attributes")
                .iter()
                .filter_map(Value::object)
                .filter_map(|attribute| attribute.text("name"))
                .any(|attribute| attribute.eq_ignore_ascii_case(name))
        };
        self.declared = Some(Declared {
            roles: has("roles"),
            entitlements: has("entitlements"),
        });
    }

    fn resource_type(&mut self, kind: &Attributes<'_>) {
        let Some(endpoint) = kind.text("endpoint").as_deref().and_then(endpoint) else {
            return;
        };
        let schema = kind.text("schema").unwrap_or_default();
        let word = schema.rsplit(':').next().unwrap_or_default();
        let words = [Some(word.into()), kind.text("id"), kind.text("name")];
        let is = |name: &str| {
            words.iter().flatten().any(|word| {
                let word = word.to_ascii_lowercase();
                word == name || word.strip_suffix('s') == Some(name)
            })
        };
        if is("user") {
            self.users = endpoint;
        } else if is("group") {
            self.groups = endpoint;
        } else if is("role") {
            self.roles = Some(endpoint);
        } else if is("entitlement") {
            self.entitlements = Some(endpoint);
        }
    }
}

/// The endpoint's own name: servers give it alone, with the whole path, or as an absolute URL. Requests go
/// below the base URL whatever it is.
fn endpoint(text: &str) -> Option<String> {
    let last = text.trim_end_matches('/').rsplit('/').next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (!last.is_empty() && last.chars().all(plain)).then(|| last.to_owned())
}

/// Asks for it, and says in the coverage what there is.
pub(crate) async fn read(run: &Run<'_>) -> Discovery {
    let (config, types, schemas) =
        join!(config(run), ask(run, "ResourceTypes"), ask(run, "Schemas"));
    let mut discovery = Discovery::default();
    let mut missing = Vec::new();
    match &config {
        Ok(config) => discovery.configured(config),
        Err(why) => missing.push(format!("ServiceProviderConfig: {why}")),
    }
    match types.as_ref().map(|types| types.each("Resources")) {
        Ok([]) => missing.push("ResourceTypes: it is empty".to_owned()),
        Ok(types) => types
            .iter()
            .filter_map(Value::object)
            .for_each(|kind| discovery.resource_type(kind)),
        Err(why) => missing.push(format!("ResourceTypes: {why}")),
    }
    match &schemas {
        Ok(schemas) => schemas
            .each("Resources")
            .iter()
            .filter_map(Value::object)
            .for_each(|schema| discovery.schema(schema)),
        Err(why) => missing.push(format!("Schemas: {why}")),
    }
    let mut coverage = run.coverage.borrow_mut();
    if missing.len() == 3 {
        let why = format!(
            "the server tells nothing of itself, so the usual endpoints were asked for: {}",
            missing.join("; ")
        );
        coverage.unavailable(family::DISCOVERY, why);
    } else if !missing.is_empty() {
        let what = missing.join("; ");
        coverage.note(family::DISCOVERY, format!("done without {what}"));
    }
    discovery
}

/// Early versions of SCIM, which some servers still follow here, have the plural.
async fn config(run: &Run<'_>) -> Result<Attributes<'static>, String> {
    match ask(run, "ServiceProviderConfig").await {
        Ok(config) => Ok(config),
        Err(why) => ask(run, "ServiceProviderConfigs").await.map_err(|_| why),
    }
}

async fn ask(run: &Run<'_>, endpoint: &str) -> Result<Attributes<'static>, String> {
    let path = run.settings.path(endpoint, None);
    let mut said = None;
    for slot in run.slots() {
        let mut found = None;
        let mut give = |piece: Piece<'_>| {
            if let Piece::Whole { text, .. } = piece {
                found = Attributes::parse(text).map(Attributes::into_owned);
            }
        };
        let whole = Shape::Within(&[]);
        let outcome = run
            .client
            .get_cut(&path, Some(slot), whole, &mut give)
            .await;
        let miss = match (outcome, found) {
            (Ok(()), Some(found)) => {
                run.coverage.borrow_mut().served(family::DISCOVERY, slot);
                return Ok(found);
            }
            (Ok(()), None) => Miss::Failed("the answer is no JSON".to_owned()),
            (Err(miss), _) => miss,
        };
        let go_on = miss.another_slot_may_help();
        said.get_or_insert(miss.to_string());
        if !go_on {
            break;
        }
    }
    Err(said.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn discovered(types: &[serde_json::Value], config: &serde_json::Value) -> Discovery {
        let mut discovery = Discovery::default();
        discovery.configured(&config.into());
        types
            .iter()
            .for_each(|kind| discovery.resource_type(&kind.into()));
        discovery
    }

    #[test]
    fn an_endpoint_is_found_however_it_is_written() {
        for written in [
            "/Roles",
            "Roles",
            "/scim/v2/Roles",
            "https://elsewhere.example/scim/v2/Roles/",
        ] {
            let kind = json!({"name": "Role", "endpoint": written});
            assert_eq!(
                discovered(&[kind], &json!({})).roles.as_deref(),
                Some("Roles"),
                "{written}"
            );
        }
        for written in ["/Roles?x=1", "/..", "", "/%2e%2e"] {
            let kind = json!({"name": "Role", "endpoint": written});
            assert_eq!(discovered(&[kind], &json!({})).roles, None, "{written}");
        }
    }

    #[test]
    fn a_type_is_known_by_its_schema_or_name_in_any_case() {
        let types = [
            json!({"SCHEMA": "URN:ietf:params:scim:schemas:core:2.0:USER", "Endpoint": "/People"}),
            json!({"id": "Entitlement", "endpoint": "/Entitlements"}),
            json!({"name": "Device", "endpoint": "/Devices"}),
        ];
        let discovery = discovered(&types, &json!({}));
        assert_eq!(discovery.users, "People");
        assert_eq!(discovery.groups, "Groups");
        assert_eq!(discovery.entitlements.as_deref(), Some("Entitlements"));
    }

    #[test]
    fn the_schema_of_users_says_whether_there_are_roles() {
        let mut discovery = Discovery::default();
        let schema = json!({"id": "urn:ietf:params:scim:schemas:core:2.0:User", "attributes": [{"name": "userName"}, {"NAME": "Roles"}]});
        discovery.schema(&(&schema).into());
        assert_eq!(
            discovery.declared,
            Some(Declared {
                roles: true,
                entitlements: false
            })
        );
    }

    #[test]
    fn cursors_are_used_where_there_is_no_index_or_the_server_prefers_them() {
        let cursor =
            |paging: serde_json::Value| discovered(&[], &json!({"pagination": paging})).cursor;
        assert!(cursor(json!({"cursor": true, "index": false})));
        assert!(cursor(
            json!({"cursor": "True", "index": true, "defaultPaginationMethod": "CURSOR"})
        ));
        assert!(!cursor(json!({"cursor": true, "index": true})));
        assert!(!cursor(json!({"index": true})));
    }
}
