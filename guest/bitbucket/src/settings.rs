//! The connection's settings, checked before the first request.

use portcullis_kit::bindings::portcullis::connector::output::{BadSetting, Failure};
#[cfg(target_family = "wasm")]
use portcullis_kit::bindings::portcullis::connector::settings::{Value, get, pace, slots};
use portcullis_kit::origin::ApiOrigin;
use std::collections::{BTreeMap, BTreeSet};

/// The credential that is an Atlassian account's e-mail and API token.
pub(crate) const ACCOUNT: &str = "account";

/// Settings that can't be wrong in themselves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the API is.
    pub origin: ApiOrigin,
    /// The workspace's slug, or its uuid in braces, as the connection names it.
    pub workspace: String,
    /// Whether deploy keys are read.
    pub deploy_keys: bool,
    /// The keys of the projects to read; empty means all.
    pub projects: Names,
    /// The slugs of the repositories to read; empty means all.
    pub repositories: Names,
    /// The credentials, the preferred one first.
    pub slots: Vec<String>,
    /// So many requests may be under way at once.
    pub in_flight: usize,
}

impl Settings {
    /// Settings with their defaults, for an API and a workspace.
    ///
    /// # Errors
    /// [`Failure::BadSetting`] where one of them can't be right.
    pub fn new(api_url: &str, workspace: &str) -> Result<Self, Failure> {
        Ok(Self {
            origin: origin(api_url)?,
            workspace: workspace_id(workspace)?,
            deploy_keys: true,
            projects: Names::default(),
            repositories: Names::default(),
            slots: Vec::new(),
            in_flight: 1,
        })
    }

    /// The settings of the connection that the host runs.
    #[cfg(target_family = "wasm")]
    pub(crate) fn of_connection() -> Result<Self, Failure> {
        let text = |name: &str| match get(name) {
            Some(Value::Text(text)) => text,
            _ => String::new(),
        };
        let texts = |name: &str| match get(name) {
            Some(Value::Texts(texts)) => Names::new(&texts),
            _ => Names::default(),
        };
        Ok(Self {
            deploy_keys: !matches!(get("deploy_keys"), Some(Value::Flag(false))),
            projects: texts("projects"),
            repositories: texts("repositories"),
            slots: slots().into_iter().map(|slot| slot.name).collect(),
            in_flight: usize::try_from(pace().in_flight).unwrap_or(1).max(1),
            ..Self::new(&text("api_url"), &text("workspace"))?
        })
    }
}

/// Names that a setting lists. Bitbucket's keys and slugs are the same in any case.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// As they were written, by their lower case.
    written: BTreeMap<String, String>,
}

impl Names {
    /// The names in these texts.
    #[must_use]
    pub fn new(texts: &[String]) -> Self {
        let names = texts
            .iter()
            .map(|text| text.trim())
            .filter(|text| !text.is_empty());
        Self {
            written: names
                .map(|name| (name.to_lowercase(), name.to_owned()))
                .collect(),
        }
    }

    /// Whether nothing is named, which means everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// Whether an object is asked for: it is named, or nothing is.
    pub(crate) fn want(&self, lower_case: &str) -> bool {
        self.written.is_empty() || self.written.contains_key(lower_case)
    }

    /// One of the names.
    pub(crate) fn first(&self) -> Option<&str> {
        self.written.values().next().map(String::as_str)
    }

    /// The names that aren't among those that were `found`, in lower case.
    pub(crate) fn missing<'a>(
        &'a self,
        found: &'a BTreeSet<String>,
    ) -> impl Iterator<Item = &'a str> {
        self.written
            .iter()
            .filter(|(lower_case, _)| !found.contains(*lower_case))
            .map(|(_, name)| name.as_str())
    }
}

fn bad(name: &str, message: String) -> Failure {
    Failure::BadSetting(BadSetting {
        name: name.to_owned(),
        message,
    })
}

fn origin(api_url: &str) -> Result<ApiOrigin, Failure> {
    let api_url = api_url.trim();
    let Some(origin) = ApiOrigin::of(api_url) else {
        return Err(bad(
            "api_url",
            format!("\"{api_url}\" is no URL; write https://api.bitbucket.org"),
        ));
    };
    if matches!(origin.host(), "bitbucket.org" | "www.bitbucket.org") {
        return Err(bad(
            "api_url",
            "this is the address of Bitbucket's web pages, not of its API; write https://api.bitbucket.org".to_owned(),
        ));
    }
    // What people write after the host. Paths of requests begin at the root in any case.
    let path = api_url
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or("", |(_, path)| path);
    let path = path.trim_end_matches('/');
    if !matches!(path, "" | "2.0" | "1.0") {
        return Err(bad(
            "api_url",
            format!(
                "the API's URL ends with its host, but here \"/{path}\" follows; write https://{}",
                origin.host()
            ),
        ));
    }
    Ok(origin)
}

fn workspace_id(workspace: &str) -> Result<String, Failure> {
    let workspace = workspace.trim();
    // Asking for an empty id would be asking for all workspaces, which Bitbucket answers with 410 since
    // CHANGE-2770: a riddle.
    if workspace.is_empty() {
        return Err(bad(
            "workspace",
            "it is empty; write the workspace's id, as in https://bitbucket.org/<workspace>"
                .to_owned(),
        ));
    }
    if workspace.contains('/') || matches!(workspace, "." | "..") {
        let id = workspace
            .split_once("bitbucket.org/")
            .and_then(|(_, path)| path.split('/').find(|part| !part.is_empty()))
            .map_or_else(String::new, |id| format!(": {id}"));
        return Err(bad(
            "workspace",
            format!("write the workspace's id alone, without address or slashes{id}"),
        ));
    }
    Ok(workspace.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(api_url: &str, workspace: &str) -> (String, String) {
        match Settings::new(api_url, workspace) {
            Err(Failure::BadSetting(bad)) => (bad.name, bad.message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_empty_workspace_id_is_caught_before_the_first_request() {
        assert_eq!(complaint("https://api.bitbucket.org", " ").0, "workspace");
    }

    #[test]
    fn an_address_in_place_of_a_workspace_id_is_answered_with_the_id() {
        let (name, message) = complaint(
            "https://api.bitbucket.org",
            "https://bitbucket.org/acme/website",
        );
        assert_eq!(name, "workspace");
        assert!(message.ends_with(": acme"), "{message}");
    }

    #[test]
    fn the_address_of_the_web_pages_is_no_api_url() {
        for url in [
            "https://bitbucket.org",
            "https://bitbucket.org/acme/",
            "https://www.bitbucket.org/api",
        ] {
            let (name, message) = complaint(url, "acme");
            assert_eq!(name, "api_url");
            assert!(message.contains("https://api.bitbucket.org"));
        }
    }

    #[test]
    fn an_api_url_may_end_with_the_version() {
        for url in [
            "https://api.bitbucket.org",
            "https://api.bitbucket.org/",
            "https://api.bitbucket.org/2.0/",
        ] {
            assert!(Settings::new(url, "acme").is_ok(), "{url}");
        }
        assert_eq!(
            complaint("https://git.example.com/rest/api", "acme").0,
            "api_url"
        );
        assert_eq!(complaint("api.bitbucket.org", "acme").0, "api_url");
    }
}
