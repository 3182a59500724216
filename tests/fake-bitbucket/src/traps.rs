//! Ways to misbehave, each of which can be switched on alone.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::auth::Credential;
use crate::endpoint::{Endpoint, Kind};
use crate::errors::{self, Answer};
use crate::family::Family;

/// Everything that the fake can do beside answering well. The default is to do nothing of it.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// How long every answer takes.
    pub latency: Duration,
    /// Too many requests.
    pub rate_limit: Option<RateLimit>,
    /// How many requests at once are borne; 503 for those beyond.
    pub bears: Option<usize>,
    /// Too many requests in an hour.
    pub hour: Option<Hour>,
    /// What is refused, to whom, and how. The first that fits is taken.
    pub refuse: Vec<Refuse>,
    /// How `/1.0/group-privileges` differs from the repositories' own lists.
    pub lie: Option<Lie>,
    /// What is wrong with pages.
    pub pages: PageTraps,
    /// What goes wrong a few times before it goes well.
    pub transient: Option<Transient>,
    /// Repositories, by slug, that have moved: everything below them redirects.
    pub moved: BTreeMap<String, Moved>,
    /// Repositories, by slug, that are listed, but gone when asked about: 404.
    pub deleted: BTreeSet<String>,
    /// The credentials see no project and no repository.
    pub zero_visible: bool,
    /// The workspace was deactivated: 403 wherever it is named.
    pub deactivated: bool,
    /// Optional members of objects are missing (`links`, `account_id`, `nickname`, `mainbranch`, dates).
    pub sparse: bool,
    /// Every instant comes without its offset.
    pub without_offsets: bool,
    /// 401 comes as text/plain.
    pub plain_text_401: bool,
    /// What invitations answer in a migrated workspace: 403 instead of 404.
    pub invitations_403: bool,
    /// Errors in JSON repeat, in their message, the credential that came with the request.
    pub echo_credentials: bool,
    /// Bodies are compressed for those who accept that.
    pub gzip: bool,
    /// Which product answers.
    pub product: Product,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            rate_limit: None,
            bears: None,
            hour: None,
            refuse: Vec::new(),
            lie: None,
            pages: PageTraps::default(),
            transient: None,
            moved: BTreeMap::new(),
            deleted: BTreeSet::new(),
            zero_visible: false,
            deactivated: false,
            sparse: false,
            without_offsets: false,
            plain_text_401: false,
            invitations_403: false,
            echo_credentials: false,
            gzip: true,
            product: Product::Cloud,
        }
    }
}

/// Which product answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// Bitbucket Cloud's API.
    Cloud,
    /// A Bitbucket Data Center: only `/rest/api/1.0/application-properties` answers, to anyone.
    DataCenter,
    /// Bitbucket's web pages: `/2.0/workspaces/...` is an HTML page, everything else redirects to
    /// the sign-in.
    WebPages,
}

/// So many requests are answered, then so many are not, and so on. Every credential has its own count.
#[derive(Clone, Debug)]
pub struct RateLimit {
    /// How many are answered before one is refused.
    pub allow: u32,
    /// How many are refused before one is answered; `u32::MAX` for ever.
    pub refuse: u32,
    /// The refusal is a bare sentence, not JSON.
    pub plain_text: bool,
    /// `Retry-After`: seconds, or a date as HTTP writes it.
    pub retry_after: Option<String>,
    /// `X-RateLimit-*`: on what an access token gets below `/2.0/repositories`, and on refusals.
    pub headers: bool,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            allow: 10,
            refuse: 1,
            plain_text: false,
            retry_after: None,
            headers: false,
        }
    }
}

/// A rolling hour, as the real API counts: so many answers to each credential within any span of this length, by this
/// clock.
#[derive(Clone, Debug)]
pub struct Hour {
    /// How many are answered.
    pub allow: usize,
    /// How long they count.
    pub span: Duration,
    /// What time it is, in milliseconds.
    pub clock: Arc<AtomicU64>,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refuse {
    /// What is refused.
    pub what: What,
    /// To which credential; None: to both.
    pub who: Option<Credential>,
    /// With which answer.
    pub how: Refusal,
}

impl Refuse {
    /// To both credentials.
    pub fn all(what: What, how: Refusal) -> Self {
        Self {
            what,
            who: None,
            how,
        }
    }

    /// To one credential.
    pub fn to(who: Credential, what: What, how: Refusal) -> Self {
        Self {
            what,
            who: Some(who),
            how,
        }
    }
}

/// What can be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// All of a family.
    Family(Family),
    /// `/1.0/group-privileges` alone.
    GroupPrivileges,
    /// Repositories' own lists of group grants, not `/1.0/group-privileges`.
    RepositoryGroupLists,
    /// `/2.0/workspaces/{ws}/permissions` alone: `/members` still answers.
    WorkspacePermissions,
    /// The grants and keys of the repository of this slug; it is still listed.
    Repository(String),
    /// The grants and keys of the project of this key; it is still listed.
    Project(String),
}

impl What {
    /// `object` is the slug or key in the path, whichever way the path spelled it.
    pub(crate) fn fits(&self, endpoint: &Endpoint, object: &str) -> bool {
        let kind = endpoint.kind;
        match self {
            Self::Family(family) => kind.family() == *family,
            Self::GroupPrivileges => kind == Kind::GroupPrivileges,
            Self::RepositoryGroupLists => kind == Kind::RepositoryGroups,
            Self::WorkspacePermissions => kind == Kind::Permissions,
            Self::Repository(slug) => {
                object == slug
                    && matches!(
                        kind,
                        Kind::RepositoryUsers | Kind::RepositoryGroups | Kind::RepositoryKeys
                    )
            }
            Self::Project(key) => {
                object == key
                    && matches!(
                        kind,
                        Kind::ProjectUsers | Kind::ProjectGroups | Kind::ProjectKeys
                    )
            }
        }
    }
}

/// How something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 403 that names the scopes required and granted.
    MissingScope,
    /// 403: not an administrator of the object.
    NotAdmin,
    /// 403: not by this authentication mechanism.
    WrongMechanism,
    /// 403: only with other authentication types.
    AuthTypesOnly,
    /// 403: the token isn't supported here.
    TokenUnsupported,
    /// 401.
    Unauthorised,
    /// 404: missing or invisible.
    NotFound,
    /// 410 with CHANGE-2770.
    Withdrawn,
    /// 200 with an HTML page.
    HtmlPage,
    /// 502 with an HTML page, for ever.
    BadGateway,
    /// 200 with the error as a string inside `values`.
    TextInValues,
}

impl Refusal {
    const WORDS: [(&'static str, Self); 11] = [
        ("missing-scope", Self::MissingScope),
        ("not-admin", Self::NotAdmin),
        ("wrong-mechanism", Self::WrongMechanism),
        ("auth-types-only", Self::AuthTypesOnly),
        ("token-unsupported", Self::TokenUnsupported),
        ("unauthorised", Self::Unauthorised),
        ("not-found", Self::NotFound),
        ("withdrawn", Self::Withdrawn),
        ("html-page", Self::HtmlPage),
        ("bad-gateway", Self::BadGateway),
        ("text-in-values", Self::TextInValues),
    ];

    pub(crate) fn answer(self, required: &[&str], granted: &[String], plain_401: bool) -> Answer {
        match self {
            Self::MissingScope => {
                // What is said to be granted must not hold what is said to be missing.
                let granted: Vec<String> = granted
                    .iter()
                    .filter(|scope| !required.contains(&scope.as_str()))
                    .cloned()
                    .collect();
                errors::missing_scope(required, &granted)
            }
            Self::NotAdmin => errors::not_admin(),
            Self::WrongMechanism => errors::wrong_mechanism(),
            Self::AuthTypesOnly => errors::authentication_types_only(),
            Self::TokenUnsupported => errors::token_unsupported(),
            Self::Unauthorised => errors::unauthorised(plain_401),
            Self::NotFound => errors::not_visible("The resource"),
            Self::Withdrawn => errors::withdrawn("CHANGE-2770"),
            Self::HtmlPage => errors::sign_in_page(),
            Self::BadGateway => errors::edge(502),
            Self::TextInValues => errors::text_in_values(),
        }
    }
}

impl FromStr for Refuse {
    type Err = String;

    /// `WHAT[@CREDENTIAL][=HOW]`, as in `groups`, `repository:website@workspace-token` or
    /// `group-privileges=not-found`. Without `=HOW` it is `not-admin`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (text, how) = match text.split_once('=') {
            Some((text, how)) => {
                let known = Refusal::WORDS.into_iter().find(|(word, _)| *word == how);
                (
                    text,
                    known
                        .ok_or_else(|| format!("no refusal is called {how}"))?
                        .1,
                )
            }
            None => (text, Refusal::NotAdmin),
        };
        let (what, who) = match text.split_once('@') {
            Some((what, "workspace-token")) => (what, Some(Credential::WorkspaceToken)),
            Some((what, "account")) => (what, Some(Credential::Account)),
            Some((_, other)) => return Err(format!("no credential is called {other}")),
            None => (text, None),
        };
        let what = match what.split_once(':') {
            Some(("repository", slug)) => What::Repository(slug.to_owned()),
            Some(("project", key)) => What::Project(key.to_owned()),
            _ => match what {
                "group-privileges" => What::GroupPrivileges,
                "repository-group-lists" => What::RepositoryGroupLists,
                "workspace-permissions" => What::WorkspacePermissions,
                family => What::Family(family.parse()?),
            },
        };
        Ok(Self { what, who, how })
    }
}

/// How `/1.0/group-privileges` differs from the repositories' own lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lie {
    /// What it does.
    pub kind: LieKind,
    /// About which repositories, by slug; None: about all.
    pub about: Option<BTreeSet<String>>,
}

/// What a lie does to a repository's group grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LieKind {
    /// Leaves out the first, where there is one.
    Omits,
    /// Adds one for a group that has none, where there is such a group.
    Adds,
    /// Says another privilege for the first, where there is one.
    Changes,
}

/// What is wrong with the pages of lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageTraps {
    /// In which families; empty: in all.
    pub only: BTreeSet<Family>,
    /// The largest page there is, however many were asked for.
    pub largest: Option<usize>,
    /// `next` holds a hash instead of a page number, and page numbers are ignored.
    pub cursors: bool,
    /// `next` names this origin.
    pub next_origin: Option<String>,
    /// `next` names this path.
    pub next_path: Option<String>,
    /// `next` leads back.
    pub next_loops: Option<Loop>,
    /// The last page has a `next` too, to a page without values.
    pub next_after_last: bool,
    /// There is never a `next`, though `size` says more.
    pub without_next: bool,
    /// There is no `size`.
    pub without_size: bool,
    /// There is only `values` and `next`.
    pub bare_envelope: bool,
    /// `size` is wrong by so much (never below 0).
    pub size_off_by: i64,
    /// Every page but the first begins with the last element of the page before.
    pub duplicates: bool,
    /// An error string is the last of `values`.
    pub text_in_values: bool,
    /// An object without any member is the last of `values`.
    pub empty_object_in_values: bool,
    /// All pages but the first are HTML.
    pub later_pages_html: bool,
}

/// Where a `next` leads back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// From the last page to the first.
    LastToFirst,
    /// From the first page to itself.
    FirstToItself,
}

/// What goes wrong with each URL a few times before it goes well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transient {
    /// What goes wrong.
    pub fault: Fault,
    /// How many times for each URL.
    pub times: u32,
    /// In which family; None: in all.
    pub only: Option<Family>,
}

/// What can go wrong on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 502 with an HTML page.
    BadGateway,
    /// 503 with an HTML page.
    Unavailable,
    /// 504 with an HTML page.
    GatewayTimeout,
    /// 429 as JSON, without `Retry-After`.
    TooMany,
    /// The connection ends in the middle of the body.
    CutOff,
    /// The connection ends before the answer begins.
    Reset,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Ok(match word {
            "502" => Self::BadGateway,
            "503" => Self::Unavailable,
            "504" => Self::GatewayTimeout,
            "429" => Self::TooMany,
            "cut-off" => Self::CutOff,
            "reset" => Self::Reset,
            _ => return Err("one of 429, 502, 503, 504, cut-off, reset".into()),
        })
    }
}

/// Where a repository has moved to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// To its uuid's path on this server, where it answers.
    SameOrigin,
    /// To the same path on this origin.
    OtherOrigin(String),
}
