//! Ways to differ from the RFCs, each of which can be switched on alone or with others.

use std::time::Duration;

use crate::answer::Errors;
use crate::attributes::Attributes;
use crate::discovery::Discovery;
use crate::faults::Fault;
use crate::filter::Filters;
use crate::members::{Members, UserGroups};
use crate::paging::Paging;
use crate::refuse::Refuse;
use crate::values::Values;

/// Everything that the fake can do beside answering as RFC 7643, 7644 and 9865 say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// How long every answer takes.
    pub latency: Duration,
    /// How lists are cut into pages.
    pub paging: Paging,
    /// How the list of groups is cut into pages, where it is otherwise than the others.
    pub groups_paging: Option<Paging>,
    /// What is said of members in groups.
    pub members: Members,
    /// What is said of groups in users.
    pub user_groups: UserGroups,
    /// How values are written.
    pub values: Values,
    /// What becomes of `attributes` and `excludedAttributes`.
    pub attributes: Attributes,
    /// What becomes of filters.
    pub filters: Filters,
    /// What the server says of itself.
    pub discovery: Discovery,
    /// There are lists of roles and entitlements; else only users tell of them.
    pub right_lists: bool,
    /// Users name roles and entitlements by their ids, and these have no `value` of their own.
    pub rights_by_id: bool,
    /// How errors look.
    pub errors: Errors,
    /// What is refused. The first that fits is taken.
    pub refuse: Vec<Refuse>,
    /// What goes wrong at first. The first that fits is taken.
    pub faults: Vec<Fault>,
    /// Only requests with `Accept: application/scim+json` are answered; 406 for others.
    pub accepts_scim_only: bool,
    /// Requests that would accept `application/scim+json`, among others even, get 406.
    pub accepts_json_only: bool,
    /// Errors repeat, in their detail, the credential that came with the request.
    pub echo_credentials: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            paging: Paging::default(),
            groups_paging: None,
            members: Members::default(),
            user_groups: UserGroups::default(),
            values: Values::default(),
            attributes: Attributes::default(),
            filters: Filters::default(),
            discovery: Discovery::default(),
            right_lists: true,
            rights_by_id: false,
            errors: Errors::default(),
            refuse: Vec::new(),
            faults: Vec::new(),
            accepts_scim_only: false,
            accepts_json_only: false,
            echo_credentials: false,
        }
    }
}
