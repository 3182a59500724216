//! Every way to differ from the RFCs that real servers were seen to have, by name.
//!
//! A test takes them one by one or several at once, and so does the program's command line.

use crate::answer::ErrorBody;
use crate::attributes::Attributes;
use crate::behaviour::Behaviour;
use crate::discovery::Endpoint;
use crate::family::Family;
use crate::family::Family::{
    Entitlements, Groups, ResourceTypes, Roles, Schemas, ServiceProviderConfig, Users,
};
use crate::faults::{Fault, FaultKind};
use crate::filter::Filters;
use crate::members::{Shown, UserGroups};
use crate::paging::{Form, ItemsPerPage, Sort, Total};
use crate::refuse::{Refusal, Refuse, What};
use crate::values::{Active, Letters, Meta};
use crate::world::Shape;

/// A way to differ.
#[derive(Clone, Copy, Debug)]
pub struct Deviation {
    /// Its name: small letters and hyphens.
    pub name: &'static str,
    /// What it is, and which server was seen to do it where that is known.
    pub about: &'static str,
    apply: fn(&mut Shape, &mut Behaviour),
}

impl Deviation {
    /// The deviation of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        DEVIATIONS.iter().find(|known| known.name == name)
    }

    /// Switches it on.
    pub fn apply(&self, shape: &mut Shape, behaviour: &mut Behaviour) {
        (self.apply)(shape, behaviour);
    }
}

const fn new(
    name: &'static str,
    about: &'static str,
    apply: fn(&mut Shape, &mut Behaviour),
) -> Deviation {
    Deviation { name, about, apply }
}

fn refuse(behaviour: &mut Behaviour, family: Family, how: Refusal) {
    behaviour.refuse.push(Refuse::family(family, how));
}

fn fault(behaviour: &mut Behaviour, kind: FaultKind) {
    behaviour.faults.push(Fault::once(kind));
}

/// All of them.
pub const DEVIATIONS: &[Deviation] = &[
    // How lists are cut into pages.
    new(
        "whole-lists",
        "no paging of either kind (Google Cloud Identity)",
        |_, b| b.paging.form = Form::Whole,
    ),
    new(
        "capped-pages",
        "at most 9 rows, whatever was asked for (Slack, at 1000)",
        |_, b| b.paging.cap = Some(9),
    ),
    new(
        "ten-without-count",
        "10 rows where no count is sent (Slack)",
        |_, b| b.paging.without_count = Some(10),
    ),
    new(
        "none-without-count",
        "no rows where no count is sent (Gluu)",
        |_, b| b.paging.without_count = Some(0),
    ),
    new(
        "items-per-page-as-asked",
        "itemsPerPage is what was asked for (SCIMMY)",
        |_, b| {
            b.paging.items_per_page = ItemsPerPage::Asked;
        },
    ),
    new(
        "items-per-page-missing",
        "no itemsPerPage and no startIndex (Canaille, Zscaler)",
        |_, b| {
            b.paging.items_per_page = ItemsPerPage::Missing;
        },
    ),
    new(
        "total-is-page-size",
        "totalResults is the size of the page (AWS)",
        |_, b| b.paging.total = Total::PageSize,
    ),
    new(
        "total-absent",
        "no totalResults (django-scim2, RFC 9865)",
        |_, b| b.paging.total = Total::Absent,
    ),
    new("total-zero", "totalResults is 0", |_, b| {
        b.paging.total = Total::Zero
    }),
    new(
        "total-zero-without-rows",
        "totalResults is 0 where count=0 (SCIMple)",
        |_, b| {
            b.paging.total = Total::ZeroWithoutRows;
        },
    ),
    new(
        "total-too-many",
        "totalResults counts 3 rows that never come",
        |_, b| b.paging.total = Total::TooMany(3),
    ),
    new(
        "total-half",
        "totalResults is half of what comes",
        |_, b| b.paging.total = Total::Half,
    ),
    new(
        "end-repeats-first-page",
        "a page past the end is page 1 (SCIMMY)",
        |_, b| b.paging.end_repeats = true,
    ),
    new(
        "first-page-only",
        "the paging parameters are ignored: page 1 of 20 rows for ever (SCIMMY)",
        |_, b| {
            b.paging.ignored = true;
            b.paging.without_count = Some(20);
        },
    ),
    new(
        "count-fails",
        "any count is answered 500 (Canaille)",
        |_, b| b.paging.count_fails = true,
    ),
    new(
        "zero-start-fails",
        "startIndex=0 is answered 400 (django-scim2)",
        |_, b| b.paging.zero_fails = true,
    ),
    new(
        "cursor-only",
        "startIndex is ignored, cursors lead on (RFC 9865)",
        |_, b| b.paging.form = Form::Cursor,
    ),
    new(
        "index-refused",
        "cursors lead on, startIndex is answered 501 (scim2-server)",
        |_, b| b.paging.form = Form::CursorOnly,
    ),
    new(
        "cursor-or-index",
        "both kinds of paging (RFC 9865)",
        |_, b| b.paging.form = Form::Both,
    ),
    new(
        "cursor-refused",
        "cursor is answered 501 (scim2-server)",
        |_, b| b.paging.form = Form::IndexOnly,
    ),
    new(
        "cursor-loops",
        "the last page's nextCursor leads to the first",
        |_, b| {
            b.paging.form = Form::Cursor;
            b.paging.cursor_loops = true;
        },
    ),
    new(
        "cursor-expires",
        "a cursor expires once in a walk (RFC 9865)",
        |_, b| {
            b.paging.form = Form::Cursor;
            b.paging.cursor_expires = true;
        },
    ),
    new(
        "sort-refused",
        "sortBy is answered 501 (scim2-server)",
        |_, b| b.paging.sort = Sort::Refused,
    ),
    new("sort-ignored", "sortBy is ignored (Keycloak)", |_, b| {
        b.paging.sort = Sort::Ignored
    }),
    new(
        "rows-move",
        "unsorted pages repeat and skip rows (scim-for-keycloak)",
        |_, b| b.paging.rows_move = true,
    ),
    new(
        "rows-move-though-sorted",
        "pages repeat and skip rows, and nothing helps (Keycloak)",
        |_, b| {
            b.paging.rows_move = true;
            b.paging.sort = Sort::Ignored;
        },
    ),
    // Members.
    new(
        "lists-without-members",
        "members are in single groups only (Databricks)",
        |_, b| {
            b.members.in_lists = Shown::Absent;
        },
    ),
    new(
        "lists-with-empty-members",
        "members are [] in lists, and there in single groups",
        |_, b| {
            b.members.in_lists = Shown::Empty;
        },
    ),
    new(
        "members-by-filter-only",
        "members are always [], users have no groups, a filter finds them (AWS)",
        |_, b| {
            b.members.in_lists = Shown::Empty;
            b.members.in_single = Shown::Empty;
            b.user_groups = UserGroups::Absent;
        },
    ),
    new(
        "members-by-user-only",
        "members are always [], users have their groups",
        |_, b| {
            b.members.in_lists = Shown::Empty;
            b.members.in_single = Shown::Empty;
        },
    ),
    new("members-nowhere", "nothing tells of members", |_, b| {
        b.members.in_lists = Shown::Absent;
        b.members.in_single = Shown::Absent;
        b.user_groups = UserGroups::Absent;
        b.filters = Filters::Refused;
    }),
    new(
        "members-cut",
        "members are cut at 100 without a sign (FusionAuth)",
        |s, b| {
            s.users = s.users.max(130);
            b.members.cut = Some(100);
        },
    ),
    new(
        "empty-group-has-list",
        "a group without members has members: []",
        |_, b| b.members.empty_list = true,
    ),
    new("members-without-type", "members have no type", |_, b| {
        b.members.without_type = true
    }),
    new(
        "members-without-ref",
        "members have no $ref (scim2-server)",
        |_, b| b.members.without_ref = true,
    ),
    new(
        "members-bare",
        "members have a value and nothing else",
        |_, b| {
            b.members.without_type = true;
            b.members.without_ref = true;
            b.members.without_display = true;
        },
    ),
    new(
        "members-repeated",
        "members come three times each",
        |_, b| b.members.times = 3,
    ),
    new(
        "user-groups-indirect",
        "User.groups has groups of groups too (RFC 7643)",
        |_, b| {
            b.user_groups = UserGroups::WithIndirect;
        },
    ),
    new(
        "user-groups-untyped",
        "User.groups has groups of groups too, without a sign",
        |_, b| {
            b.user_groups = UserGroups::Untyped;
        },
    ),
    new(
        "user-groups-with-members",
        "User.groups carries each group's members (scimgateway)",
        |_, b| {
            b.user_groups = UserGroups::WithMembers;
        },
    ),
    new(
        "user-groups-without-value",
        "User.groups has no value (WSO2)",
        |_, b| {
            b.user_groups = UserGroups::WithoutValue;
        },
    ),
    new(
        "user-groups-display-only",
        "User.groups has display alone",
        |_, b| b.user_groups = UserGroups::DisplayOnly,
    ),
    new(
        "user-groups-absent",
        "no User.groups (scim2-server, FusionAuth)",
        |_, b| b.user_groups = UserGroups::Absent,
    ),
    new("user-groups-empty", "User.groups is always []", |_, b| {
        b.user_groups = UserGroups::Empty
    }),
    // How values are written.
    new(
        "numeric-ids",
        "ids are numbers (laravel-scim-server)",
        |s, b| {
            s.numeric_ids = true;
            b.values.numbers = true;
        },
    ),
    new(
        "shared-ids",
        "a group has the id of a user (django-scim2)",
        |s, _| s.shared_ids = true,
    ),
    new(
        "active-as-text",
        "active is \"True\" or \"False\" (Entra ID)",
        |_, b| b.values.active = Active::Text,
    ),
    new("active-as-number", "active is 1 or 0 (snipe-it)", |_, b| {
        b.values.active = Active::Number
    }),
    new("active-absent", "no user has active", |_, b| {
        b.values.active = Active::Absent
    }),
    new(
        "meta-relative",
        "meta.location is relative (SCIMMY)",
        |_, b| b.values.meta = Meta::Relative,
    ),
    new(
        "meta-with-space",
        "meta.location has a space (Canaille)",
        |_, b| b.values.meta = Meta::Space,
    ),
    new(
        "meta-elsewhere",
        "meta.location names another origin",
        |_, b| b.values.meta = Meta::Elsewhere,
    ),
    new("meta-absent", "no meta", |_, b| {
        b.values.meta = Meta::Absent
    }),
    new(
        "null-for-unassigned",
        "what has no value is null",
        |_, b| b.values.null = true,
    ),
    new(
        "small-letters",
        "attributes are spelled in small letters",
        |_, b| b.values.names = Letters::Small,
    ),
    new(
        "large-letters",
        "attributes are spelled in capitals",
        |_, b| b.values.names = Letters::Large,
    ),
    new(
        "urns-in-small-letters",
        "schemas are spelled in small letters",
        |_, b| b.values.urns = Letters::Small,
    ),
    new(
        "urns-in-large-letters",
        "schemas are spelled in capitals",
        |_, b| b.values.urns = Letters::Large,
    ),
    // Parameters.
    new(
        "attributes-ignored",
        "attributes and excludedAttributes are ignored (django-scim2)",
        |_, b| {
            b.attributes = Attributes::Ignored;
        },
    ),
    new(
        "schemas-missing",
        "no schemas where attributes is sent (SCIMMY)",
        |_, b| {
            b.attributes = Attributes::WithoutSchemas;
        },
    ),
    new(
        "filters-ignored",
        "filters are ignored (Canaille)",
        |_, b| b.filters = Filters::Ignored,
    ),
    new(
        "filters-find-nothing",
        "filters find nothing, with 200 (Keycloak)",
        |_, b| b.filters = Filters::Nothing,
    ),
    new("filters-refused", "filters are answered 400", |_, b| {
        b.filters = Filters::Refused
    }),
    new(
        "filters-not-implemented",
        "filters are answered 501",
        |_, b| b.filters = Filters::NotImplemented,
    ),
    // Errors.
    new("html-errors", "errors are HTML (django-scim2)", |_, b| {
        b.errors.body = ErrorBody::Html
    }),
    new(
        "html-errors-as-scim",
        "errors are HTML under SCIM's header (Canaille)",
        |_, b| {
            b.errors.body = ErrorBody::HtmlAsScim;
        },
    ),
    new(
        "status-as-number",
        "an error's status is a number (django-scim2)",
        |_, b| b.errors.number = true,
    ),
    // What the server says of itself.
    new(
        "no-service-provider-config",
        "404 for /ServiceProviderConfig",
        |_, b| {
            refuse(b, ServiceProviderConfig, Refusal::NotFound);
        },
    ),
    new("no-resource-types", "404 for /ResourceTypes", |_, b| {
        refuse(b, ResourceTypes, Refusal::NotFound)
    }),
    new("no-schemas", "404 for /Schemas", |_, b| {
        refuse(b, Schemas, Refusal::NotFound)
    }),
    new(
        "no-discovery",
        "404 for all three, and no other list than Users and Groups",
        |_, b| {
            for family in [ServiceProviderConfig, ResourceTypes, Schemas] {
                refuse(b, family, Refusal::NotFound);
            }
            b.right_lists = false;
        },
    ),
    new("discovery-is-html", "200 and HTML for all three", |_, b| {
        for family in [ServiceProviderConfig, ResourceTypes, Schemas] {
            refuse(b, family, Refusal::Page);
        }
        b.right_lists = false;
    }),
    new(
        "discovery-closed",
        "/ServiceProviderConfig needs a credential",
        |_, b| b.discovery.closed = true,
    ),
    new(
        "silent-about-pages",
        "/ServiceProviderConfig says nothing of paging",
        |_, b| {
            b.discovery.silent_about_pages = true;
        },
    ),
    new(
        "endpoints-as-full-paths",
        "a resource type's endpoint is a full path (django-scim2)",
        |_, b| {
            b.discovery.endpoint = Endpoint::FullPath;
        },
    ),
    new(
        "endpoints-as-urls",
        "a resource type's endpoint is a URL (Canaille)",
        |_, b| {
            b.discovery.endpoint = Endpoint::Url;
        },
    ),
    new(
        "endpoints-elsewhere",
        "a resource type's endpoint is another server's",
        |_, b| {
            b.discovery.endpoint = Endpoint::Elsewhere;
        },
    ),
    // Families.
    new(
        "no-rights",
        "no lists of roles and entitlements, users have them",
        |_, b| b.right_lists = false,
    ),
    new(
        "rights-by-id",
        "roles and entitlements have an id and no value (Salesforce)",
        |_, b| b.rights_by_id = true,
    ),
    new(
        "rights-not-implemented",
        "501 for /Roles and /Entitlements",
        |_, b| {
            refuse(b, Roles, Refusal::NotImplemented);
            refuse(b, Entitlements, Refusal::NotImplemented);
        },
    ),
    new(
        "groups-not-found",
        "404 for /Groups (GitHub organizations)",
        |_, b| refuse(b, Groups, Refusal::NotFound),
    ),
    new(
        "groups-not-implemented",
        "501 for /Groups (WSO2)",
        |_, b| refuse(b, Groups, Refusal::NotImplemented),
    ),
    new("groups-forbidden", "403 for /Groups", |_, b| {
        refuse(b, Groups, Refusal::Forbidden)
    }),
    new("groups-too-many", "429 for /Groups, for ever", |_, b| {
        refuse(b, Groups, Refusal::TooMany)
    }),
    new("groups-broken", "500 for /Groups", |_, b| {
        refuse(b, Groups, Refusal::Broken)
    }),
    new(
        "groups-are-html",
        "200 and HTML for /Groups (Label Studio)",
        |_, b| refuse(b, Groups, Refusal::Page),
    ),
    new(
        "groups-are-html-as-scim",
        "200 and HTML under SCIM's header for /Groups",
        |_, b| {
            refuse(b, Groups, Refusal::PageAsScim);
        },
    ),
    new(
        "groups-are-an-error",
        "200 and an error of SCIM for /Groups",
        |_, b| refuse(b, Groups, Refusal::ErrorAs200),
    ),
    new(
        "groups-redirect",
        "302 to another server for /Groups",
        |_, b| refuse(b, Groups, Refusal::Redirect),
    ),
    new("users-not-found", "404 for /Users", |_, b| {
        refuse(b, Users, Refusal::NotFound)
    }),
    new("users-forbidden", "403 for /Users", |_, b| {
        refuse(b, Users, Refusal::Forbidden)
    }),
    new(
        "later-users-broken",
        "500 for every page of users but the first",
        |_, b| {
            let (what, how) = (What::LaterPages(Users), Refusal::Broken);
            b.refuse.push(Refuse { what, how });
        },
    ),
    new(
        "single-groups-broken",
        "members are in single groups only, and these are answered 500",
        |_, b| {
            b.members.in_lists = Shown::Absent;
            b.user_groups = UserGroups::Absent;
            b.filters = Filters::Refused;
            let (what, how) = (What::Single(Groups), Refusal::Broken);
            b.refuse.push(Refuse { what, how });
        },
    ),
    // What passes.
    new("too-many-at-first", "429 once for each URL", |_, b| {
        fault(b, FaultKind::TooMany(None))
    }),
    new(
        "too-many-with-seconds",
        "429 once for each URL, Retry-After: 7",
        |_, b| {
            fault(b, FaultKind::TooMany(Some("7".into())));
        },
    ),
    new(
        "too-many-with-date",
        "429 once for each URL, Retry-After: a date",
        |_, b| {
            fault(
                b,
                FaultKind::TooMany(Some("Fri, 15 Jan 2027 08:00:09 GMT".into())),
            );
        },
    ),
    new(
        "too-many-with-nonsense",
        "429 once for each URL, Retry-After: soon",
        |_, b| {
            fault(b, FaultKind::TooMany(Some("soon".into())));
        },
    ),
    new("unavailable-at-first", "503 once for each URL", |_, b| {
        fault(b, FaultKind::Status(503))
    }),
    new("bad-gateway-at-first", "502 once for each URL", |_, b| {
        fault(b, FaultKind::Status(502))
    }),
    new(
        "cut-off-at-first",
        "half a body once for each URL",
        |_, b| fault(b, FaultKind::CutOff),
    ),
    new("reset-at-first", "no answer once for each URL", |_, b| {
        fault(b, FaultKind::Reset)
    }),
    // Headers.
    new(
        "scim-or-nothing",
        "406 without Accept: application/scim+json (Zoom)",
        |_, b| b.accepts_scim_only = true,
    ),
    new(
        "json-or-nothing",
        "406 where Accept names application/scim+json (WSO2)",
        |_, b| b.accepts_json_only = true,
    ),
    // Whole servers.
    new(
        "atlassian",
        "Atlassian's directory: an extension with the account's id, no roles",
        |s, b| {
            s.atlassian = true;
            s.roles = 0;
            s.entitlements = 0;
            b.right_lists = false;
            b.paging.cap = Some(100);
            b.paging.sort = Sort::Ignored;
        },
    ),
    new(
        "aws",
        "AWS IAM Identity Center: unpaged without cursor, members by filter only",
        |s, b| {
            s.entitlements = 0;
            b.right_lists = false;
            b.paging.form = Form::Both;
            b.paging.cap = Some(100);
            b.paging.total = Total::PageSize;
            b.members.in_lists = Shown::Empty;
            b.members.in_single = Shown::Empty;
            b.user_groups = UserGroups::Absent;
        },
    ),
];
