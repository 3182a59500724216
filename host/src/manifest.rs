//! `connector.toml`: the operator's reviewed statement of what a connector may do.
//!
//! It is trusted; the component is not. A new version of a component runs under the same manifest, so it
//! can't widen its own rights.

mod template;

pub use template::Template;

use crate::app::App;
use crate::digest::Digest;
use crate::egress::policy::{self, ApiOrigin, PathPattern, Rule};
use crate::limits::Limits;
use crate::settings::{SettingType, SettingValue};
use crate::slot::{SlotKind, SlotName};
use http::HeaderName;
use indexmap::IndexMap;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The contract between host and connector that this host speaks: major and minor version.
pub const CONTRACT: &str = "0.1";

/// A manifest that was read and checked.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The file that it came from.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// The connector's name; a connection names it.
    pub name: String,
    /// The component's file.
    pub component: PathBuf,
    /// The components that may run where a connection asks for a pinned one.
    pub digests: Vec<Digest>,
    /// App and Source System of the exports.
    pub app: App,
    /// The settings that a connection may give, by name.
    pub settings: IndexMap<String, SettingDeclaration>,
    /// The credentials that a connection may fill, by name.
    pub slots: IndexMap<SlotName, SlotDeclaration>,
    /// The setting whose URL says where requests may go.
    pub origin_setting: String,
    /// Only below that URL's path, and the rules' paths begin there; else at the URL's origin.
    pub below_path: bool,
    /// What may be asked there; the first rule that fits decides.
    pub rules: Vec<Rule>,
    /// The headers that a request may carry beside those that every request may.
    pub headers: Vec<HeaderName>,
    /// The API origins that a tenant's connection may name.
    pub tenant_origins: Vec<ApiOrigin>,
    /// The origins that the token URL of a tenant's connection may lie at.
    pub tenant_token_origins: Vec<ApiOrigin>,
    /// The query parameters whose values may be written to the audit log.
    pub safe_parameters: Vec<String>,
    /// What one run may use.
    pub limits: Limits,
    /// How fast the API is asked where the connection doesn't say, as far as its limits allow.
    pub pace: Pace,
    /// How often and when a request is asked again.
    pub retry: Retry,
    /// Example rows of the files that can be imported.
    pub template: Template,
}

/// A setting, as the manifest declares it.
#[derive(Debug, Clone)]
pub struct SettingDeclaration {
    /// Its type.
    pub kind: SettingType,
    /// Whether a connection must give it.
    pub required: bool,
    /// Its value where the connection gives none.
    pub default: Option<SettingValue>,
    /// What it is, for a person.
    pub help: String,
}

/// A credential, as the manifest declares it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotDeclaration {
    /// How it is sent.
    pub kind: SlotKind,
    /// What it is and where a person gets one.
    pub help: String,
    /// Other words that a connection may use for `password`.
    #[serde(default)]
    pub password_aliases: Vec<String>,
    /// What can be said about a value without asking the API.
    #[serde(default)]
    pub hints: Vec<SlotHint>,
}

/// Advice on a credential that has a certain look.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotHint {
    /// The field that is looked at, by its name in a connection.
    pub field: String,
    /// It begins with this text.
    pub starts_with: Option<String>,
    /// This text does not occur in it.
    pub lacks: Option<String>,
    /// The advice. It never repeats the value.
    pub says: String,
}

/// How fast the API is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pace {
    /// Requests that may be under way at once, at least 1.
    pub in_flight: u32,
    /// Requests that the API allows for each credential in a rolling hour; 0: no limit.
    pub requests_per_hour: u32,
    /// Where a request may be made with any of several credentials, the one with the largest allowance left is sent, so
    /// that each hour is used; else the first.
    pub spread_slots: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            in_flight: 4,
            requests_per_hour: 0,
            spread_slots: true,
        }
    }
}

/// How often and when a request is asked again after a failure that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// How often one request is sent at most, at least 1.
    pub attempts: u32,
    /// The upper end of the first wait, in milliseconds; it doubles with each attempt.
    pub first_wait_ms: u64,
    /// The most that is waited before one attempt, in milliseconds, whatever the API asks for.
    pub longest_wait_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_wait_ms: 500,
            longest_wait_ms: 60_000,
        }
    }
}

/// Why a manifest can't be used. The text names the file, the place in it and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ManifestError {
    place: String,
    problem: String,
}

/// `connector.toml` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    name: String,
    contract: String,
    component: PathBuf,
    #[serde(default)]
    digests: Vec<Digest>,
    app: App,
    #[serde(default)]
    settings: IndexMap<String, SettingDocument>,
    #[serde(default)]
    slots: IndexMap<SlotName, SlotDeclaration>,
    egress: EgressDocument,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    pace: Pace,
    #[serde(default)]
    retry: Retry,
    template: Option<template::Document>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingDocument {
    r#type: SettingType,
    #[serde(default)]
    required: bool,
    default: Option<toml::Value>,
    help: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EgressDocument {
    origin: String,
    #[serde(default)]
    below_path: bool,
    #[serde(default)]
    headers: Vec<String>,
    #[serde(default)]
    tenant_origins: Vec<String>,
    #[serde(default)]
    tenant_token_origins: Vec<String>,
    #[serde(default)]
    safe_parameters: Vec<String>,
    rules: Vec<RuleDocument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleDocument {
    family: String,
    methods: Vec<String>,
    path: String,
    slots: Vec<SlotName>,
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// Where the file can't be read, or something in it is missing, unknown, of the wrong type or
    /// contradicts the rest.
    pub fn load(path: &Path) -> Result<Self, ManifestError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            ManifestError::new(path, format!("the manifest can't be read: {error}"))
        })?;
        Self::parse(path, &text)
    }

    /// Checks the text of a manifest that came from `path`.
    ///
    /// # Errors
    /// As [`Manifest::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ManifestError> {
        let fail = |problem: String| ManifestError::new(path, problem);
        let document: Document = toml::from_str(text).map_err(|error| fail(error.to_string()))?;
        if document.contract != CONTRACT {
            return Err(fail(format!(
                "contract is {:?}, but this host speaks {CONTRACT:?}; use a host of that version",
                document.contract
            )));
        }
        let directory = path.parent().unwrap_or(Path::new("."));
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            component: directory.join(&document.component),
            settings: check_settings(document.settings).map_err(fail)?,
            headers: policy::allowed_headers(&document.egress.headers)
                .map_err(|problem| fail(format!("egress.headers: {problem}")))?,
            tenant_origins: origins(&document.egress.tenant_origins)
                .map_err(|problem| fail(format!("egress.tenant_origins: {problem}")))?,
            tenant_token_origins: origins(&document.egress.tenant_token_origins)
                .map_err(|problem| fail(format!("egress.tenant_token_origins: {problem}")))?,
            safe_parameters: document.egress.safe_parameters,
            rules: check_rules(document.egress.rules, &document.slots).map_err(fail)?,
            slots: check_slots(document.slots).map_err(fail)?,
            name: document.name,
            app: document.app,
            digests: document.digests,
            origin_setting: document.egress.origin,
            below_path: document.egress.below_path,
            limits: document.limits,
            pace: document.pace,
            retry: document.retry,
            template: Template::new(document.template).map_err(fail)?,
        })
        .and_then(|manifest: Self| manifest.check_whole().map_err(fail))
    }

    /// Takes limits from an operator's file in place of the manifest's own; see [`Limits::read_operators`].
    ///
    /// # Errors
    /// Where the file can't be read or something in it is wrong.
    pub fn with_operators_limits(mut self, path: &Path) -> Result<Self, ManifestError> {
        self.limits
            .read_operators(path)
            .map_err(|problem| ManifestError::new(path, problem))?;
        Ok(self)
    }

    fn check_whole(self) -> Result<Self, String> {
        match self.settings.get(&self.origin_setting) {
            Some(SettingDeclaration {
                kind: SettingType::Url,
                required,
                default,
                ..
            }) if *required || default.is_some() => {}
            _ => {
                return Err(format!(
                    "egress.origin names {:?}, which must be a setting of type \"url\" that is required or has a default",
                    self.origin_setting
                ));
            }
        }
        self.limits.check()?;
        if self.pace.in_flight == 0 || u64::from(self.pace.in_flight) > self.limits.in_flight {
            return Err(format!(
                "pace.in_flight must be 1 to limits.in_flight ({})",
                self.limits.in_flight
            ));
        }
        if self.retry.attempts == 0 {
            return Err("retry.attempts must be at least 1".to_owned());
        }
        Ok(self)
    }
}

fn origins(texts: &[String]) -> Result<Vec<ApiOrigin>, String> {
    texts.iter().map(|text| ApiOrigin::parse(text)).collect()
}

fn check_settings(
    settings: IndexMap<String, SettingDocument>,
) -> Result<IndexMap<String, SettingDeclaration>, String> {
    settings
        .into_iter()
        .map(|(name, setting)| {
            let default = setting
                .default
                .map(|value| setting.r#type.parse_toml(&value))
                .transpose()
                .map_err(|problem| format!("settings.{name}.default {problem}"))?;
            let declaration = SettingDeclaration {
                kind: setting.r#type,
                required: setting.required,
                default,
                help: setting.help,
            };
            Ok((name, declaration))
        })
        .collect()
}

fn check_slots(
    slots: IndexMap<SlotName, SlotDeclaration>,
) -> Result<IndexMap<SlotName, SlotDeclaration>, String> {
    for (name, slot) in &slots {
        for hint in &slot.hints {
            let known: Vec<&str> = slot.kind.fields().iter().map(|field| field.name).collect();
            if !known.contains(&hint.field.as_str()) {
                return Err(format!(
                    "slots.{name}.hints: field must be one of {known:?}, not {:?}",
                    hint.field
                ));
            }
            if hint.starts_with.is_some() == hint.lacks.is_some() {
                return Err(format!(
                    "slots.{name}.hints: give either starts_with or lacks"
                ));
            }
        }
    }
    Ok(slots)
}

fn check_rules(
    rules: Vec<RuleDocument>,
    slots: &IndexMap<SlotName, SlotDeclaration>,
) -> Result<Vec<Rule>, String> {
    rules
        .into_iter()
        .enumerate()
        .map(|(number, rule)| {
            let place = format!("egress.rules number {}", number + 1);
            if let Some(unknown) = rule.slots.iter().find(|slot| !slots.contains_key(*slot)) {
                return Err(format!(
                    "{place}: the slot {unknown} is not declared under [slots]"
                ));
            }
            let methods = rule
                .methods
                .iter()
                .map(|method| {
                    http::Method::from_bytes(method.as_bytes())
                        .map_err(|_| format!("{place}: {method:?} is not an HTTP method"))
                })
                .collect::<Result<_, _>>()?;
            let path =
                PathPattern::parse(&rule.path).map_err(|problem| format!("{place}: {problem}"))?;
            Ok(Rule {
                family: rule.family,
                methods,
                path,
                slots: rule.slots,
            })
        })
        .collect()
}

impl ManifestError {
    fn new(path: &Path, problem: String) -> Self {
        Self {
            place: path.display().to_string(),
            problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
name = "example"
contract = "0.1"
component = "example.wasm"
app = "example"
[settings.api_url]
type = "url"
required = true
help = "where"
[slots.token]
kind = "bearer"
help = "a token"
[egress]
origin = "api_url"
[[egress.rules]]
family = "all"
methods = ["GET"]
path = "/v1/**"
slots = ["token"]
"#;

    fn problem(text: &str) -> String {
        Manifest::parse(Path::new("dir/connector.toml"), text)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_good_manifest_is_taken_and_its_component_is_relative_to_it() {
        let manifest = Manifest::parse(Path::new("dir/connector.toml"), GOOD).unwrap();
        assert_eq!(manifest.component, Path::new("dir/example.wasm"));
        assert_eq!(manifest.limits, Limits::default());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_file() {
        let error = problem(&GOOD.replace("app = ", "colour = \"red\"\napp = "));
        assert!(
            error.starts_with("dir/connector.toml: ") && error.contains("colour"),
            "{error}"
        );
    }

    #[test]
    fn a_rule_with_an_undeclared_slot_is_refused() {
        let error = problem(&GOOD.replace("slots = [\"token\"]", "slots = [\"tokne\"]"));
        assert!(error.contains("tokne is not declared"), "{error}");
    }

    #[test]
    fn another_contract_is_refused_with_both_versions() {
        let error = problem(&GOOD.replace("contract = \"0.1\"", "contract = \"9.0\""));
        assert!(error.contains("9.0") && error.contains(CONTRACT), "{error}");
    }

    #[test]
    fn the_origin_must_be_a_url_setting() {
        let error = problem(&GOOD.replace("origin = \"api_url\"", "origin = \"elsewhere\""));
        assert!(error.contains("egress.origin"), "{error}");
    }

    #[test]
    fn headers_are_listed_by_name_and_never_the_hosts() {
        let with = |headers: &str| {
            GOOD.replace(
                "[[egress.rules]]",
                &format!("headers = {headers}\n[[egress.rules]]"),
            )
        };
        let text = with("[\"Prefer\", \"x-example-version\"]");
        let manifest = Manifest::parse(Path::new("dir/connector.toml"), &text).unwrap();
        assert_eq!(manifest.headers, ["prefer", "x-example-version"]);
        for name in ["authorization", "X_Forwarded_Host", "user-agent"] {
            let error = problem(&with(&format!("[{name:?}]")));
            let named = format!("header {}: ", name.to_lowercase());
            assert!(
                error.contains("egress.headers: ") && error.contains(&named),
                "{error}"
            );
        }
    }

    #[test]
    fn a_misspelt_limit_is_refused() {
        let error = problem(&format!("{GOOD}\n[limits]\nmemory_mb = 1\n"));
        assert!(error.contains("memory_mb"), "{error}");
    }
}
