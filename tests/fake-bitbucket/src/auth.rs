//! Who asks, and whether they may.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::endpoint::{Endpoint, Kind};
use crate::errors::{self, Answer};

/// One of the two credentials that the fake knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Credential {
    /// `Authorization: Bearer <workspace access token>`.
    WorkspaceToken,
    /// `Authorization: Basic <e-mail:API token>`.
    Account,
}

impl Credential {
    /// The name that the connector's manifest gives it.
    pub fn word(self) -> &'static str {
        match self {
            Self::WorkspaceToken => "workspace-token",
            Self::Account => "account",
        }
    }
}

/// How an access token fares where permissions are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionsByToken {
    /// It is answered.
    Allowed,
    /// 403 "not accessible by this authentication mechanism".
    WrongMechanism,
    /// 403 "only accessible with the following authentication types".
    AuthTypesOnly,
}

/// The workspace access token that the fake accepts.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token itself.
    pub secret: String,
    /// Classic scopes: `account`, `project:admin`.
    pub scopes: BTreeSet<String>,
    /// Whether it may read permissions (and groups, which are permissions too).
    pub permissions: PermissionsByToken,
    /// It was good once: 401.
    pub expired: bool,
}

impl Default for Token {
    /// With every scope that an extractor needs.
    fn default() -> Self {
        let scopes = [
            "account",
            "project",
            "project:admin",
            "repository",
            "repository:admin",
            "pullrequest",
            "webhook",
        ];
        Self {
            secret: "ATCTT3xFfGN0-fake-workspace-token".into(),
            scopes: scopes.into_iter().map(str::to_owned).collect(),
            permissions: PermissionsByToken::Allowed,
            expired: false,
        }
    }
}

/// The Atlassian account that the fake accepts.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user name that is right.
    pub email: String,
    /// The password that is right.
    pub api_token: String,
    /// Scopes of API tokens: `read:repository:bitbucket`.
    pub scopes: BTreeSet<String>,
    /// Whether the account administers the workspace. If not, permissions and keys are refused.
    pub administrator: bool,
    /// The API token was good once: 401.
    pub expired: bool,
}

impl Default for Account {
    /// An administrator with every scope that an extractor needs.
    fn default() -> Self {
        let scopes = [
            "read:user:bitbucket",
            "read:workspace:bitbucket",
            "read:project:bitbucket",
            "read:repository:bitbucket",
            "read:permission:bitbucket",
            "read:pullrequest:bitbucket",
            "read:webhook:bitbucket",
            "admin:repository:bitbucket",
            "admin:project:bitbucket",
        ];
        Self {
            email: "admin@example.com".into(),
            api_token: "ATATT3xFfGF0-fake-api-token".into(),
            scopes: scopes.into_iter().map(str::to_owned).collect(),
            administrator: true,
            expired: false,
        }
    }
}

/// What an `Authorization` header turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// No such header.
    Nothing,
    /// A credential that the fake accepts.
    Valid(Credential),
    /// One that was right once.
    Expired(Credential),
    /// An app password (`ATBB...`).
    AppPassword,
    /// Anything else.
    Wrong,
}

/// Both credentials; either may be missing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) token: Option<Token>,
    pub(crate) account: Option<Account>,
}

impl Credentials {
    /// Judges a request's `Authorization` headers. More than one is wrong.
    pub(crate) fn judge(&self, headers: &HeaderMap) -> Presented {
        let mut all = headers.get_all(AUTHORIZATION).iter();
        let Some(header) = all.next() else {
            return Presented::Nothing;
        };
        let (Ok(header), None) = (header.to_str(), all.next()) else {
            return Presented::Wrong;
        };
        match header.split_once(' ') {
            Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") => match &self.token {
                Some(token) if token.secret == secret => {
                    valid(token.expired, Credential::WorkspaceToken)
                }
                _ => Presented::Wrong,
            },
            Some((scheme, pair)) if scheme.eq_ignore_ascii_case("basic") => self.judge_pair(pair),
            _ => Presented::Wrong,
        }
    }

    fn judge_pair(&self, pair: &str) -> Presented {
        let Some(pair) = STANDARD
            .decode(pair)
            .ok()
            .and_then(|pair| String::from_utf8(pair).ok())
        else {
            return Presented::Wrong;
        };
        match (pair.split_once(':'), &self.account) {
            (Some((_, password)), _) if password.starts_with("ATBB") => Presented::AppPassword,
            (Some((email, password)), Some(account))
                if account.email == email && account.api_token == password =>
            {
                valid(account.expired, Credential::Account)
            }
            _ => Presented::Wrong,
        }
    }

    /// The scopes that this credential was given.
    pub(crate) fn granted(&self, credential: Credential) -> Vec<String> {
        match credential {
            Credential::WorkspaceToken => self.token.as_ref().map(|token| &token.scopes),
            Credential::Account => self.account.as_ref().map(|account| &account.scopes),
        }
        .map(|scopes| scopes.iter().cloned().collect())
        .unwrap_or_default()
    }

    /// Whether the caller is let through to the endpoint.
    pub(crate) fn admit(
        &self,
        presented: Presented,
        endpoint: &Endpoint,
        plain_401: bool,
    ) -> Result<Credential, Answer> {
        let kind = endpoint.kind;
        let credential = match presented {
            Presented::Valid(credential) => credential,
            Presented::Nothing if matches!(kind, Kind::ProjectUsers | Kind::ProjectGroups) => {
                return Err(errors::not_visible("The project"));
            }
            Presented::AppPassword => return Err(errors::app_password_removed()),
            Presented::Nothing | Presented::Expired(_) | Presented::Wrong => {
                return Err(errors::unauthorised(plain_401));
            }
        };
        let required = required(credential, kind);
        if !required.iter().all(|scope| self.has(credential, scope)) {
            return Err(errors::missing_scope(required, &self.granted(credential)));
        }
        match (credential, &self.token, &self.account) {
            (Credential::WorkspaceToken, Some(token), _) => {
                if kind.for_people() {
                    return Err(errors::wrong_mechanism());
                }
                match token.permissions {
                    PermissionsByToken::WrongMechanism if kind.is_about_permissions() => {
                        return Err(errors::wrong_mechanism());
                    }
                    PermissionsByToken::AuthTypesOnly if kind.is_about_permissions() => {
                        return Err(errors::authentication_types_only());
                    }
                    _ => {}
                }
            }
            (Credential::Account, _, Some(account))
                if !account.administrator && kind.for_admins() =>
            {
                return Err(errors::not_admin());
            }
            _ => {}
        }
        Ok(credential)
    }

    /// `x:write` implies `x`, `pullrequest` implies `repository`; nothing else implies anything.
    fn has(&self, credential: Credential, scope: &str) -> bool {
        self.granted(credential).iter().any(|granted| {
            granted == scope
                || credential == Credential::WorkspaceToken
                    && (granted.strip_suffix(":write") == Some(scope)
                        || granted == "pullrequest" && scope == "repository")
        })
    }
}

fn valid(expired: bool, credential: Credential) -> Presented {
    if expired {
        Presented::Expired(credential)
    } else {
        Presented::Valid(credential)
    }
}

/// The scopes that this credential needs there.
pub(crate) fn required(credential: Credential, kind: Kind) -> &'static [&'static str] {
    match credential {
        Credential::WorkspaceToken => kind.classic_scopes(),
        Credential::Account => kind.api_scopes(),
    }
}
