//! What people, groups and departments are called, some of it hard to write down.

use fastrand::Rng;

const GIVEN: &[&str] = &[
    "Ada", "Åsa", "Bob", "=Cmd", "Dörte", "Eve", "José", "Łukasz", "Mia", "太郎", "+Nils", "O'Neil",
];
const FAMILY: &[&str] = &[
    "Lovelace",
    "Öberg",
    "\"The\" Builder",
    "Smith",
    "Müller",
    "Nguyễn",
    "山田",
    "A, B; C",
    "Doe",
    "Smith-Jones",
];
const DEPARTMENTS: &[&str] = &["Finance", "R&D", "Ops, night", "Право"];
const GROUPS: &[&str] = &[
    "Nobody here",
    "Everyone",
    "Nested",
    "Admins",
    "Читатели",
    "=SUM(A1)",
    "a, b; c",
    "Tab\"quoted\"",
    "Platform",
];

/// What roles are called.
pub(crate) const ROLES: &[&str] = &["Owner", "Auditor", "Viewer", "Billing"];
/// What entitlements are called.
pub(crate) const ENTITLEMENTS: &[&str] = &["Pro seat", "Export", "API access"];

pub(crate) fn given(rng: &mut Rng) -> &'static str {
    GIVEN[rng.usize(0..GIVEN.len())]
}

pub(crate) fn family(rng: &mut Rng) -> &'static str {
    FAMILY[rng.usize(0..FAMILY.len())]
}

pub(crate) fn department(rng: &mut Rng) -> &'static str {
    DEPARTMENTS[rng.usize(0..DEPARTMENTS.len())]
}

pub(crate) fn group(n: usize) -> String {
    format!("{} {n}", GROUPS[n % GROUPS.len()])
}

/// The ASCII letters of a name, small.
pub(crate) fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphabetic);
    format!("u{}", letters.collect::<String>().to_lowercase())
}
