//! What no public endpoint shows to anyone. Said in every run, so that nobody takes it for absent.

use portcullis_kit::bindings::portcullis::connector::output::{CoverageStatus, Item};
use portcullis_kit::coverage::row;

const GAPS: [(&str, &str); 9] = [
    (
        "access-tokens",
        "Bitbucket lists the access tokens of workspaces, projects and repositories on its web pages alone (BCLOUD-23192)",
    ),
    ("api-tokens", "no API lists the API tokens of other users"),
    (
        "oauth-consumers",
        "no API lists OAuth consumers or what users granted them",
    ),
    (
        "apps",
        "no API lists the installed Connect and Forge apps; only what they are granted as accounts shows",
    ),
    ("user-keys", "other users' SSH and GPG keys can't be read"),
    (
        "project-branch-restrictions",
        "branch restrictions of projects are in no public API",
    ),
    ("ip-allow-lists", "IP allow-lists are in no public API"),
    (
        "audit-log",
        "the audit log is a matter of the Atlassian organisation's API",
    ),
    (
        "emails",
        "Bitbucket confirms e-mail addresses that are known already, but lists none",
    ),
];

/// A row for each gap.
pub(crate) fn rows() -> impl Iterator<Item = Item> {
    GAPS.iter().map(|(family, why)| {
        row(
            family,
            None,
            CoverageStatus::Unavailable,
            Some((*why).to_owned()),
            None,
        )
    })
}
