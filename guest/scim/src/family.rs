//! The kinds of things that are read, by the words of coverage.

/// What the server says of itself.
pub const DISCOVERY: &str = "discovery";
/// Users.
pub const USERS: &str = "users";
/// Groups, without who is in them.
pub const GROUPS: &str = "groups";
/// Which users are in which groups.
pub const MEMBERSHIPS: &str = "memberships";
/// Which groups are in which groups.
pub const NESTED_GROUPS: &str = "nested-groups";
/// Roles, and which users have them.
pub const ROLES: &str = "roles";
/// Entitlements, and which users have them.
pub const ENTITLEMENTS: &str = "entitlements";

/// All of them, in the order in which a person would read them.
pub const ALL: [&str; 7] = [
    DISCOVERY,
    USERS,
    GROUPS,
    MEMBERSHIPS,
    NESTED_GROUPS,
    ROLES,
    ENTITLEMENTS,
];
