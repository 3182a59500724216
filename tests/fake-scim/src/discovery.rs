//! What the server says of itself.

use serde_json::{Value, json};

use crate::behaviour::Behaviour;
use crate::family::Family;
use crate::filter::Filters;
use crate::paging::{Form, Sort};
use crate::resources::{ATLASSIAN, ENTERPRISE, ENTITLEMENT, GROUP, ROLE, USER};

/// What is odd about what the server says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    /// `endpoint` of resource types.
    pub endpoint: Endpoint,
    /// ServiceProviderConfig needs a credential too.
    pub closed: bool,
    /// ServiceProviderConfig says nothing of pages.
    pub silent_about_pages: bool,
}

/// How a resource type names its endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endpoint {
    /// A path below the base URL.
    #[default]
    BelowBase,
    /// A path below the origin.
    FullPath,
    /// A URL.
    Url,
    /// A URL of another origin.
    Elsewhere,
}

/// The resource types that there are, by family.
pub(crate) fn families(behaviour: &Behaviour) -> Vec<Family> {
    let mut families = vec![Family::Users, Family::Groups];
    if behaviour.right_lists {
        families.extend([Family::Roles, Family::Entitlements]);
    }
    families
}

pub(crate) fn service_provider_config(behaviour: &Behaviour, base: &str) -> Value {
    let paging = &behaviour.paging;
    let supported = |yes: bool| json!({"supported": yes});
    let filters = behaviour.filters == Filters::Known;
    let most = paging.cap.unwrap_or(1000);
    let mut config = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": supported(false),
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": filters, "maxResults": most},
        "changePassword": supported(false),
        "sort": supported(paging.sort == Sort::Honoured),
        "etag": supported(false),
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token in the Authorization header",
        }],
        "meta": {"resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig")},
    });
    let pages = !behaviour.discovery.silent_about_pages;
    if let (true, Some((index, cursor))) = (pages, forms(paging.form)) {
        config["pagination"] = json!({
            "index": index,
            "cursor": cursor,
            "defaultPaginationMethod": if index { "index" } else { "cursor" },
            "maxPageSize": most,
        });
    }
    config
}

/// Whether index and cursor lead on.
fn forms(form: Form) -> Option<(bool, bool)> {
    match form {
        Form::Index | Form::IndexOnly => Some((true, false)),
        Form::Both => Some((true, true)),
        Form::Cursor | Form::CursorOnly => Some((false, true)),
        Form::Whole => None,
    }
}

pub(crate) fn resource_types(behaviour: &Behaviour, base: &str, prefix: &str) -> Vec<Value> {
    let one = |family: Family| {
        let (name, word) = (family.resource_type(), family.word());
        let endpoint = match behaviour.discovery.endpoint {
            Endpoint::BelowBase => format!("/{word}"),
            Endpoint::FullPath => format!("{prefix}/{word}"),
            Endpoint::Url => format!("{base}/{word}"),
            Endpoint::Elsewhere => format!("https://elsewhere.example/{word}"),
        };
        let mut shown = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": name,
            "name": name,
            "endpoint": endpoint,
            "schema": schema_of(family),
            "meta": {"resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{name}")},
        });
        if family == Family::Users {
            shown["schemaExtensions"] = json!([{"schema": ENTERPRISE, "required": false}]);
        }
        shown
    };
    families(behaviour).into_iter().map(one).collect()
}

fn schema_of(family: Family) -> &'static str {
    match family {
        Family::Users => USER,
        Family::Groups => GROUP,
        Family::Roles => ROLE,
        _ => ENTITLEMENT,
    }
}

pub(crate) fn schemas(behaviour: &Behaviour, base: &str, atlassian: bool) -> Vec<Value> {
    let text = |name: &str| {
        json!({
            "name": name, "type": "string", "multiValued": false, "required": false, "caseExact": false,
            "mutability": "readOnly", "returned": "default", "uniqueness": "none", "description": name,
        })
    };
    let many = |name: &str, parts: &[&str]| {
        let parts: Vec<Value> = parts.iter().map(|name| text(name)).collect();
        json!({
            "name": name, "type": "complex", "multiValued": true, "required": false, "mutability": "readOnly",
            "returned": "default", "subAttributes": parts, "description": name,
        })
    };
    let one = |id: &str, attributes: Vec<Value>| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": id,
            "name": id.rsplit(':').next(),
            "attributes": attributes,
            "meta": {"resourceType": "Schema", "location": format!("{base}/Schemas/{id}")},
        })
    };
    let parts = ["value", "display", "type", "$ref"];
    let user = ["userName", "displayName", "title"].map(text).into_iter();
    let user =
        user.chain(["emails", "groups", "roles", "entitlements"].map(|name| many(name, &parts)));
    let mut schemas = vec![
        one(USER, user.collect()),
        one(GROUP, vec![text("displayName"), many("members", &parts)]),
        one(ENTERPRISE, vec![text("department")]),
    ];
    if atlassian {
        schemas.push(one(ATLASSIAN, vec![text("atlassianAccountId")]));
    }
    if behaviour.right_lists {
        let attributes = || ["value", "display", "displayName"].map(text).to_vec();
        schemas.extend([one(ROLE, attributes()), one(ENTITLEMENT, attributes())]);
    }
    schemas
}
