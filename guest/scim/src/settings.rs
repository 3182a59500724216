//! The connection's settings, checked before the first request.

use portcullis_kit::bindings::portcullis::connector::output::{BadSetting, Failure};
#[cfg(target_family = "wasm")]
use portcullis_kit::bindings::portcullis::connector::settings::{Value, get, pace, slots};
use portcullis_kit::origin::{ApiOrigin, segment};
use url::Url;

/// So many rows are asked for at once where the settings don't say.
const PAGE_SIZE: usize = 100;

/// The most that a page may be asked for: no known server gives more.
const LARGEST_PAGE: i64 = 10_000;

/// What people copy behind the base URL.
const ENDPOINTS: [&str; 5] = [
    "users",
    "groups",
    "schemas",
    "resourcetypes",
    "serviceproviderconfig",
];

/// Where memberships are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Members {
    /// Whatever shows them, by what a few samples say.
    Auto,
    /// Each group is asked for by its id.
    Group,
    /// What users say of their groups.
    User,
    /// For each user, the groups that have it as a member, by a filter.
    Filter,
}

/// Settings that can't be wrong in themselves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the server is.
    pub origin: ApiOrigin,
    /// The path before each endpoint, without a slash at its end.
    prefix: String,
    /// Rows that are asked for at once, 1 to 10,000.
    pub page_size: usize,
    /// Where memberships are taken from.
    pub members: Members,
    /// The credentials, the preferred one first.
    pub slots: Vec<String>,
    /// So many requests may be under way at once.
    pub in_flight: usize,
}

impl Settings {
    /// Settings with their defaults, for a server.
    ///
    /// # Errors
    /// [`Failure::BadSetting`] where the URL can't be right.
    pub fn new(base_url: &str) -> Result<Self, Failure> {
        let (origin, prefix) = base(base_url)?;
        Ok(Self {
            origin,
            prefix,
            page_size: PAGE_SIZE,
            members: Members::Auto,
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
        let mut settings = Self::new(&text("base_url"))?;
        if let Some(Value::Integer(rows)) = get("page_size") {
            settings.page_size = page_size(rows)?;
        }
        settings.members = members(&text("members"))?;
        settings.slots = slots().into_iter().map(|slot| slot.name).collect();
        settings.in_flight = usize::try_from(pace().in_flight).unwrap_or(1).max(1);
        Ok(settings)
    }

    /// The path of an endpoint, such as `Users`, or of one of its resources.
    pub(crate) fn path(&self, endpoint: &str, id: Option<&str>) -> String {
        let endpoint = segment(endpoint);
        match id {
            Some(id) => format!("{}/{endpoint}/{}", self.prefix, segment(id)),
            None => format!("{}/{endpoint}", self.prefix),
        }
    }

    /// Host and path of the server, as a person would name it.
    pub(crate) fn server(&self) -> String {
        format!("{}{}", self.origin.host(), self.prefix)
    }
}

fn bad(name: &str, message: String) -> Failure {
    Failure::BadSetting(BadSetting {
        name: name.to_owned(),
        message,
    })
}

fn base(base_url: &str) -> Result<(ApiOrigin, String), Failure> {
    let base_url = base_url.trim();
    let fail = |message: String| Err(bad("base_url", message));
    let (Some(origin), Ok(url)) = (ApiOrigin::of(base_url), Url::parse(base_url)) else {
        return fail(format!(
            "\"{base_url}\" is no URL; write the address that the server's Users and Groups lie below, such as https://example.com/scim/v2"
        ));
    };
    if url.query().is_some() || url.fragment().is_some() {
        return fail("the URL must end with its path: no ? and no #".to_owned());
    }
    let prefix = url.path().trim_end_matches('/').to_owned();
    let last = prefix
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    if ENDPOINTS.contains(&last.as_str()) {
        return fail(format!(
            "write the URL without its end /{last}: the endpoints are added to it"
        ));
    }
    Ok((origin, prefix))
}

#[cfg_attr(
    not(target_family = "wasm"),
    allow(dead_code, reason = "the host's settings come to a component alone")
)]
fn page_size(rows: i64) -> Result<usize, Failure> {
    match usize::try_from(rows) {
        Ok(rows @ 1..) if rows <= usize::try_from(LARGEST_PAGE).unwrap_or(usize::MAX) => Ok(rows),
        _ => Err(bad(
            "page_size",
            format!("{rows} is no number of rows from 1 to {LARGEST_PAGE}; most servers take 100"),
        )),
    }
}

#[cfg_attr(
    not(target_family = "wasm"),
    allow(dead_code, reason = "the host's settings come to a component alone")
)]
fn members(word: &str) -> Result<Members, Failure> {
    match word.trim() {
        "auto" | "" => Ok(Members::Auto),
        "group" => Ok(Members::Group),
        "user" => Ok(Members::User),
        "filter" => Ok(Members::Filter),
        other => Err(bad(
            "members",
            format!("\"{other}\" is none of auto, group, user and filter"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint<T>(outcome: Result<T, Failure>) -> (String, String) {
        match outcome {
            Err(Failure::BadSetting(bad)) => (bad.name, bad.message),
            _ => panic!("it was taken"),
        }
    }

    #[test]
    fn endpoints_lie_below_the_base_url_whether_it_ends_with_a_slash_or_not() {
        for (base, path) in [
            ("https://example.com/scim/v2", "/scim/v2/Users"),
            ("https://example.com/scim/v2/", "/scim/v2/Users"),
            ("https://example.com", "/Users"),
            ("https://example.com/", "/Users"),
        ] {
            let settings = Settings::new(base).unwrap_or_else(|failure| panic!("{failure:?}"));
            assert_eq!(settings.path("Users", None), path, "{base}");
        }
        let settings =
            Settings::new("https://example.com/v2").unwrap_or_else(|failure| panic!("{failure:?}"));
        assert_eq!(settings.path("Groups", Some("a/b")), "/v2/Groups/a%2Fb");
        assert_eq!(settings.server(), "example.com/v2");
    }

    #[test]
    fn an_endpoint_in_place_of_the_base_url_is_told() {
        let (name, message) = complaint(Settings::new("https://example.com/scim/v2/Users/"));
        assert_eq!(name, "base_url");
        assert!(message.contains("/users"), "{message}");
        assert_eq!(complaint(Settings::new("scim")).0, "base_url");
        assert_eq!(
            complaint(Settings::new("https://example.com/?x=1")).0,
            "base_url"
        );
    }

    #[test]
    fn a_number_or_word_out_of_range_is_told_with_what_is_in_range() {
        assert_eq!(page_size(100).ok(), Some(100));
        for rows in [0, -1, 10_001] {
            assert_eq!(complaint(page_size(rows)).0, "page_size");
        }
        assert_eq!(members("filter").ok(), Some(Members::Filter));
        assert!(complaint(members("both")).1.contains("auto"));
    }
}
