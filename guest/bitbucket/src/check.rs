//! Whether an extraction would work: one cheap request for each family.

use crate::dialect::Bitbucket;
use crate::run::PAGE_BYTES;
use crate::workspace::{self, Workspace};
use crate::{Settings, family, groups, members, projects, repositories};
use futures::future::join_all;
use futures::join;
use portcullis_kit::api::Api;
use portcullis_kit::array::read_array;
use portcullis_kit::bindings::portcullis::connector::output::{CoverageStatus, Failure, Finding};
use portcullis_kit::client::{Client, Miss};
use portcullis_kit::id::Id;
use portcullis_kit::pager::{Listed, Pager};
use portcullis_kit::reading::Outcome;
use portcullis_kit::sink::Sink;
use serde::Deserialize;
use std::borrow::Cow;

/// Asks for the first of everything.
///
/// # Errors
/// [`Failure`] where the workspace itself can't be read.
pub async fn check(
    api: &dyn Api,
    sink: &dyn Sink,
    settings: &Settings,
) -> Result<Vec<Finding>, Failure> {
    let client = Client::new(
        api,
        &Bitbucket,
        sink,
        settings.origin.clone(),
        settings.slots.clone(),
    );
    let workspace = workspace::find(&client, settings).await?;
    let probe = Probe { client: &client };
    let slug = &workspace.slug;
    let (projects_path, repositories_path) = (projects::path(slug), repositories::path(slug));
    let groups_path = groups::path(slug);
    let (members, groups, projects, repositories) = join!(
        probe.members(slug),
        probe.array(&groups_path),
        probe.first::<FirstProject>(&projects_path),
        probe.first::<FirstRepository>(&repositories_path),
    );
    let project = settings
        .projects
        .first()
        .map(str::to_owned)
        .or_else(|| Some(projects.1.as_ref()?.key.as_str().to_owned()));
    let repository = settings
        .repositories
        .first()
        .map(str::to_owned)
        .or_else(|| Some(repositories.1.as_ref()?.slug.as_str().to_owned()));
    let mut findings = vec![
        found_workspace(&client, &workspace),
        members,
        probe.finding(family::GROUPS, groups),
        probe.finding(family::PROJECTS, projects.0),
        probe.finding(family::REPOSITORIES, repositories.0),
    ];
    let project = project.map(|key| projects::path_of(slug, &key));
    let repository = repository.map(|name| repositories::path_of(slug, &name));
    findings.extend(
        join_all([
            probe.list(
                family::PROJECT_USER_GRANTS,
                project.as_deref(),
                "/permissions-config/users",
                true,
            ),
            probe.list(
                family::PROJECT_GROUP_GRANTS,
                project.as_deref(),
                "/permissions-config/groups",
                true,
            ),
            probe.list(
                family::PROJECT_DEPLOY_KEYS,
                project.as_deref(),
                "/deploy-keys",
                settings.deploy_keys,
            ),
            probe.list(
                family::REPOSITORY_USER_GRANTS,
                repository.as_deref(),
                "/permissions-config/users",
                true,
            ),
            probe.list(
                family::REPOSITORY_GROUP_GRANTS,
                repository.as_deref(),
                "/permissions-config/groups",
                true,
            ),
            probe.list(
                family::REPOSITORY_DEPLOY_KEYS,
                repository.as_deref(),
                "/deploy-keys",
                settings.deploy_keys,
            ),
        ])
        .await,
    );
    Ok(findings)
}

#[derive(Deserialize)]
struct FirstProject {
    key: Id,
}

impl Listed for FirstProject {
    fn id(&self) -> Cow<'_, str> {
        self.key.as_str().into()
    }
}

#[derive(Deserialize)]
struct FirstRepository {
    slug: Id,
}

impl Listed for FirstRepository {
    fn id(&self) -> Cow<'_, str> {
        self.slug.as_str().into()
    }
}

/// What a request came to: the credential that served, if any, and those that didn't.
struct Tried {
    served: Option<usize>,
    misses: Vec<(usize, Miss)>,
}

struct Probe<'a> {
    client: &'a Client<'a>,
}

fn found_workspace(client: &Client<'_>, workspace: &Workspace) -> Finding {
    let (status, advice) = match &workspace.withdrawn {
        Some(why) => (
            CoverageStatus::Partial,
            format!("another list had to name it: {why}"),
        ),
        None if workspace.misses.is_empty() => (
            CoverageStatus::Complete,
            format!("its slug is {}", workspace.slug),
        ),
        None => (
            CoverageStatus::Complete,
            format!(
                "its slug is {}; {}",
                workspace.slug,
                client.explain(&workspace.misses)
            ),
        ),
    };
    finding(
        family::WORKSPACE,
        status,
        Some(client.slot_name(workspace.slot).to_owned()),
        advice,
    )
}

fn finding(family: &str, status: CoverageStatus, slot: Option<String>, advice: String) -> Finding {
    Finding {
        family: family.to_owned(),
        status,
        slot,
        advice,
    }
}

impl Probe<'_> {
    /// Asks with one credential after the other until one serves.
    async fn ask(&self, path: &str) -> Tried {
        let mut misses = Vec::new();
        for slot in self.client.slots() {
            match self.client.get(path, Some(slot), PAGE_BYTES).await {
                Ok(_) => {
                    return Tried {
                        served: Some(slot),
                        misses,
                    };
                }
                Err(miss) => misses.push((slot, miss)),
            }
        }
        Tried {
            served: None,
            misses,
        }
    }

    /// Asks for a list that comes whole.
    async fn array(&self, path: &str) -> Tried {
        let reading = read_array(self.client, path, &mut |_, _| {}).await;
        Tried {
            served: reading.served,
            misses: reading.misses,
        }
    }

    async fn first<T: Listed>(&self, path: &str) -> (Tried, Option<T>) {
        let slots = self.client.slots().collect();
        let mut pager = Pager::new(self.client, format!("{path}?pagelen=1"), slots, PAGE_BYTES);
        let first = pager
            .next::<T>()
            .await
            .and_then(|page| page.into_iter().next());
        let reading = pager.finish();
        let served = reading
            .served
            .first()
            .copied()
            .filter(|_| reading.outcome != Outcome::Unreadable);
        (
            Tried {
                served,
                misses: reading.misses,
            },
            first,
        )
    }

    async fn members(&self, slug: &str) -> Finding {
        let roles = self
            .ask(&format!("{}?pagelen=1", members::permissions_path(slug)))
            .await;
        if roles.served.is_some() {
            return self.finding(family::MEMBERS, roles);
        }
        let members = self
            .ask(&format!("{}?pagelen=1", members::members_path(slug)))
            .await;
        let without = self.client.explain(&roles.misses);
        match members.served {
            Some(slot) => finding(
                family::MEMBERS,
                CoverageStatus::Partial,
                Some(self.client.slot_name(slot).to_owned()),
                format!("members can be read, their roles and last access can't: {without}"),
            ),
            None => self.finding(family::MEMBERS, members),
        }
    }

    /// Asks for one list of a project or repository.
    async fn list(
        &self,
        family: &'static str,
        object: Option<&str>,
        list: &str,
        wanted: bool,
    ) -> Finding {
        if !wanted {
            return finding(
                family,
                CoverageStatus::LeftOut,
                None,
                "the setting deploy_keys is false".to_owned(),
            );
        }
        let Some(object) = object else {
            return finding(
                family,
                CoverageStatus::Unreadable,
                None,
                "the credentials see nothing to try this on; give them access to the workspace's projects and repositories"
                    .to_owned(),
            );
        };
        let tried = self.ask(&format!("{object}{list}?pagelen=1")).await;
        self.finding(family, tried)
    }

    fn finding(&self, family: &'static str, tried: Tried) -> Finding {
        let refusals = self.client.explain(&tried.misses);
        match tried.served {
            Some(slot) => {
                let slot = self.client.slot_name(slot).to_owned();
                let advice = if refusals.is_empty() {
                    "can be read".to_owned()
                } else {
                    format!("{slot} can read it, so it serves; {refusals}")
                };
                finding(family, CoverageStatus::Complete, Some(slot), advice)
            }
            None => finding(
                family,
                CoverageStatus::Unreadable,
                None,
                format!("{refusals}. {}", needs(family)),
            ),
        }
    }
}

/// What a credential needs to read a family (developer.atlassian.com, scopes of each endpoint; for 1.0, the
/// documentation of the DrFaust92 Terraform provider).
fn needs(family: &str) -> &'static str {
    match family {
        family::WORKSPACE | family::MEMBERS => {
            "An API token needs the scope read:workspace:bitbucket, an access token account"
        }
        family::GROUPS => {
            "An API token needs the scopes read:permission:bitbucket and read:workspace:bitbucket, an access token account; \
             and the account must administer the workspace"
        }
        family::PROJECTS => {
            "An API token needs the scope read:project:bitbucket, an access token project"
        }
        family::REPOSITORIES => {
            "An API token needs the scope read:repository:bitbucket, an access token repository"
        }
        family::PROJECT_USER_GRANTS | family::PROJECT_GROUP_GRANTS => {
            "An API token needs the scope read:project:bitbucket, an access token project:admin; and the account must \
             administer the project"
        }
        family::PROJECT_DEPLOY_KEYS => {
            "An API token needs the scope admin:project:bitbucket, an access token project and project:admin; or set \
             deploy_keys to false"
        }
        family::REPOSITORY_DEPLOY_KEYS => {
            "An API token needs the scope admin:repository:bitbucket, an access token repository and repository:admin; or \
             set deploy_keys to false"
        }
        _ => {
            "An API token needs the scope read:repository:bitbucket, an access token repository:admin; and the account must \
             administer the repository"
        }
    }
}
