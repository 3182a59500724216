//! What kinds of things are read, by the words that the connector's coverage uses.

use std::fmt;
use std::str::FromStr;

/// A family of endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// The workspace itself.
    Workspace,
    /// Its members, with or without their roles.
    Members,
    /// Its groups and their members (1.0).
    Groups,
    /// Its projects.
    Projects,
    /// What users may do in a project.
    ProjectUserGrants,
    /// What groups may do in a project.
    ProjectGroupGrants,
    /// The access keys of a project.
    ProjectDeployKeys,
    /// Its repositories.
    Repositories,
    /// What users may do in a repository.
    RepositoryUserGrants,
    /// What groups may do in a repository, one by one or (1.0) all at once.
    RepositoryGroupGrants,
    /// The access keys of a repository.
    RepositoryDeployKeys,
    /// Invitations (1.0).
    Invitations,
    /// Which product answers.
    Product,
    /// Everything else.
    Other,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Workspace,
        Self::Members,
        Self::Groups,
        Self::Projects,
        Self::ProjectUserGrants,
        Self::ProjectGroupGrants,
        Self::ProjectDeployKeys,
        Self::Repositories,
        Self::RepositoryUserGrants,
        Self::RepositoryGroupGrants,
        Self::RepositoryDeployKeys,
        Self::Invitations,
        Self::Product,
        Self::Other,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Members => "members",
            Self::Groups => "groups",
            Self::Projects => "projects",
            Self::ProjectUserGrants => "project-user-grants",
            Self::ProjectGroupGrants => "project-group-grants",
            Self::ProjectDeployKeys => "project-deploy-keys",
            Self::Repositories => "repositories",
            Self::RepositoryUserGrants => "repository-user-grants",
            Self::RepositoryGroupGrants => "repository-group-grants",
            Self::RepositoryDeployKeys => "repository-deploy-keys",
            Self::Invitations => "invitations",
            Self::Product => "product",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Family {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|family| family.word() == word)
            .ok_or_else(|| format!("no family is called {word}"))
    }
}
