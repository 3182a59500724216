//! The kinds of things that are read, by the words of coverage.

/// The workspace itself.
pub const WORKSPACE: &str = "workspace";
/// Its members and their roles.
pub const MEMBERS: &str = "members";
/// Its groups and who is in them.
pub const GROUPS: &str = "groups";
/// Its projects.
pub const PROJECTS: &str = "projects";
/// Its repositories.
pub const REPOSITORIES: &str = "repositories";
/// What users may do in a project.
pub const PROJECT_USER_GRANTS: &str = "project-user-grants";
/// What groups may do in a project.
pub const PROJECT_GROUP_GRANTS: &str = "project-group-grants";
/// A project's deploy keys.
pub const PROJECT_DEPLOY_KEYS: &str = "project-deploy-keys";
/// What users may do in a repository.
pub const REPOSITORY_USER_GRANTS: &str = "repository-user-grants";
/// What groups may do in a repository.
pub const REPOSITORY_GROUP_GRANTS: &str = "repository-group-grants";
/// A repository's deploy keys.
pub const REPOSITORY_DEPLOY_KEYS: &str = "repository-deploy-keys";

/// All of them, in the order in which a person would read them.
pub const ALL: [&str; 11] = [
    WORKSPACE,
    MEMBERS,
    GROUPS,
    PROJECTS,
    REPOSITORIES,
    PROJECT_USER_GRANTS,
    PROJECT_GROUP_GRANTS,
    PROJECT_DEPLOY_KEYS,
    REPOSITORY_USER_GRANTS,
    REPOSITORY_GROUP_GRANTS,
    REPOSITORY_DEPLOY_KEYS,
];
