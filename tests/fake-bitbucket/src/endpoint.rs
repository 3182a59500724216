//! Which endpoint a path names, and what it takes to be answered there.

use percent_encoding::percent_decode_str;

use crate::family::Family;

/// An endpoint that the fake has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    CurrentUser,
    OwnWorkspaces,
    OwnRole,
    /// Withdrawn with CHANGE-2770.
    AcrossWorkspaces,
    Workspace,
    Members,
    Permissions,
    EffectiveRepositories,
    Projects,
    Project,
    ProjectUsers,
    ProjectGroups,
    ProjectKeys,
    Repositories,
    Repository,
    RepositoryUsers,
    RepositoryGroups,
    RepositoryKeys,
    Groups,
    Group,
    GroupMembers,
    GroupPrivileges,
    Invitations,
}

/// An endpoint with the names in its path, decoded.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) kind: Kind,
    pub(crate) workspace: String,
    /// Repository, project or group.
    pub(crate) object: String,
}

impl Endpoint {
    /// The endpoint at `path`; a slash at the end makes no difference.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let segments: Vec<String> = path
            .trim_matches('/')
            .split('/')
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (kind, workspace, object) = match segments[..] {
            ["2.0", "user"] => (Kind::CurrentUser, "", ""),
            ["2.0", "user", "workspaces"] => (Kind::OwnWorkspaces, "", ""),
            ["2.0", "user", "workspaces", ws, "permission"] => (Kind::OwnRole, ws, ""),
            ["2.0", "workspaces" | "repositories" | "snippets"]
            | ["2.0", "user", "permissions", "workspaces" | "repositories"] => {
                (Kind::AcrossWorkspaces, "", "")
            }
            ["2.0", "workspaces", ws] => (Kind::Workspace, ws, ""),
            ["2.0", "workspaces", ws, "members"] => (Kind::Members, ws, ""),
            ["2.0", "workspaces", ws, "permissions"] => (Kind::Permissions, ws, ""),
            ["2.0", "workspaces", ws, "permissions", "repositories"] => {
                (Kind::EffectiveRepositories, ws, "")
            }
            ["2.0", "workspaces", ws, "projects"] => (Kind::Projects, ws, ""),
            ["2.0", "workspaces", ws, "projects", key] => (Kind::Project, ws, key),
            [
                "2.0",
                "workspaces",
                ws,
                "projects",
                key,
                "permissions-config",
                "users",
            ] => (Kind::ProjectUsers, ws, key),
            [
                "2.0",
                "workspaces",
                ws,
                "projects",
                key,
                "permissions-config",
                "groups",
            ] => (Kind::ProjectGroups, ws, key),
            ["2.0", "workspaces", ws, "projects", key, "deploy-keys"] => {
                (Kind::ProjectKeys, ws, key)
            }
            ["2.0", "repositories", ws] => (Kind::Repositories, ws, ""),
            ["2.0", "repositories", ws, repo] => (Kind::Repository, ws, repo),
            [
                "2.0",
                "repositories",
                ws,
                repo,
                "permissions-config",
                "users",
            ] => (Kind::RepositoryUsers, ws, repo),
            [
                "2.0",
                "repositories",
                ws,
                repo,
                "permissions-config",
                "groups",
            ] => (Kind::RepositoryGroups, ws, repo),
            ["2.0", "repositories", ws, repo, "deploy-keys"] => (Kind::RepositoryKeys, ws, repo),
            ["1.0", "groups", ws] => (Kind::Groups, ws, ""),
            ["1.0", "groups", ws, group] => (Kind::Group, ws, group),
            ["1.0", "groups", ws, group, "members"] => (Kind::GroupMembers, ws, group),
            ["1.0", "group-privileges", ws] => (Kind::GroupPrivileges, ws, ""),
            ["1.0", "users", ws, "invitations"] => (Kind::Invitations, ws, ""),
            _ => return None,
        };
        Some(Self {
            kind,
            workspace: workspace.to_owned(),
            object: object.to_owned(),
        })
    }
}

impl Kind {
    pub(crate) fn family(self) -> Family {
        match self {
            Self::Workspace => Family::Workspace,
            Self::Members | Self::Permissions => Family::Members,
            Self::Projects => Family::Projects,
            Self::ProjectUsers => Family::ProjectUserGrants,
            Self::ProjectGroups => Family::ProjectGroupGrants,
            Self::ProjectKeys => Family::ProjectDeployKeys,
            Self::Repositories => Family::Repositories,
            Self::RepositoryUsers => Family::RepositoryUserGrants,
            Self::RepositoryGroups | Self::GroupPrivileges => Family::RepositoryGroupGrants,
            Self::RepositoryKeys => Family::RepositoryDeployKeys,
            Self::Groups | Self::Group | Self::GroupMembers => Family::Groups,
            Self::Invitations => Family::Invitations,
            Self::CurrentUser
            | Self::OwnWorkspaces
            | Self::OwnRole
            | Self::AcrossWorkspaces
            | Self::EffectiveRepositories
            | Self::Project
            | Self::Repository => Family::Other,
        }
    }

    /// The scopes that an access token needs.
    pub(crate) fn classic_scopes(self) -> &'static [&'static str] {
        match self {
            Self::Workspace | Self::AcrossWorkspaces => &[],
            Self::Projects | Self::Project => &["project"],
            Self::ProjectUsers | Self::ProjectGroups => &["project:admin"],
            Self::ProjectKeys => &["project", "project:admin"],
            Self::Repositories | Self::Repository => &["repository"],
            Self::RepositoryUsers | Self::RepositoryGroups => &["repository:admin"],
            Self::RepositoryKeys => &["repository", "repository:admin"],
            Self::CurrentUser
            | Self::OwnWorkspaces
            | Self::OwnRole
            | Self::Members
            | Self::Permissions
            | Self::EffectiveRepositories
            | Self::Groups
            | Self::Group
            | Self::GroupMembers
            | Self::GroupPrivileges
            | Self::Invitations => &["account"],
        }
    }

    /// The scopes that an API token needs.
    pub(crate) fn api_scopes(self) -> &'static [&'static str] {
        match self {
            Self::AcrossWorkspaces => &[],
            Self::CurrentUser => &["read:user:bitbucket"],
            Self::OwnWorkspaces
            | Self::OwnRole
            | Self::Workspace
            | Self::Members
            | Self::Permissions => &["read:workspace:bitbucket"],
            Self::Projects | Self::Project | Self::ProjectUsers | Self::ProjectGroups => {
                &["read:project:bitbucket"]
            }
            Self::EffectiveRepositories
            | Self::Repositories
            | Self::Repository
            | Self::RepositoryUsers
            | Self::RepositoryGroups => &["read:repository:bitbucket"],
            Self::ProjectKeys => &["admin:project:bitbucket"],
            Self::RepositoryKeys => &["admin:repository:bitbucket"],
            Self::Groups
            | Self::Group
            | Self::GroupMembers
            | Self::GroupPrivileges
            | Self::Invitations => &["read:permission:bitbucket"],
        }
    }

    /// Whether only an administrator of the workspace, project or repository is answered.
    pub(crate) fn for_admins(self) -> bool {
        self.is_about_permissions() && self != Self::Permissions
            || matches!(self, Self::ProjectKeys | Self::RepositoryKeys)
    }

    /// Whether an access token may be refused here for being one.
    pub(crate) fn is_about_permissions(self) -> bool {
        matches!(
            self,
            Self::Permissions
                | Self::EffectiveRepositories
                | Self::ProjectUsers
                | Self::ProjectGroups
                | Self::RepositoryUsers
                | Self::RepositoryGroups
                | Self::Groups
                | Self::Group
                | Self::GroupMembers
                | Self::GroupPrivileges
                | Self::Invitations
        )
    }

    /// Whether only a person is answered, not an access token.
    pub(crate) fn for_people(self) -> bool {
        matches!(self, Self::OwnWorkspaces | Self::OwnRole)
    }

    /// `X-View-Name`.
    pub(crate) fn view(self) -> String {
        format!("bitbucket.apps.fake.{self:?}").to_lowercase()
    }
}
