//! `GET /1.0/group-privileges/{workspace}`: the group grants of all repositories in one answer.
//!
//! It saves a request for each repository, but hardly anyone has described it lately. So it is believed
//! only where a few repositories' own lists say the same.

use crate::grants::GroupGrant;
use crate::run::{Run, WHOLE_LIST_BYTES};
use portcullis_kit::id::Id;
use portcullis_kit::origin::segment;
use portcullis_kit::pager::{Listed, Outcome, Pager};
use portcullis_kit::told::told;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

/// So many repositories are asked by their own lists as well.
pub(crate) const SAMPLES: usize = 5;

/// The group grants of all repositories, by slug in lower case.
#[derive(Default)]
pub(crate) struct Table {
    grants: HashMap<String, Vec<GroupGrant>>,
    /// The credentials that served.
    pub(crate) served: Vec<usize>,
}

#[derive(Deserialize)]
struct Privilege {
    #[serde(default, deserialize_with = "told")]
    repo: Option<String>,
    #[serde(default, deserialize_with = "told")]
    repository: Option<Named>,
    #[serde(flatten)]
    grant: GroupGrant,
}

#[derive(Deserialize)]
struct Named {
    slug: Id,
}

impl Privilege {
    fn repository(&self) -> Option<String> {
        let of_full_name = || self.repo.as_deref()?.rsplit('/').next();
        let slug = self
            .repository
            .as_ref()
            .map(|repository| repository.slug.as_str())
            .or_else(of_full_name)?;
        Some(slug.to_lowercase())
    }
}

impl Listed for Privilege {
    fn id(&self) -> Cow<'_, str> {
        let repository = self.repository().unwrap_or_default();
        format!(
            "{repository}\n{}\n{}",
            self.grant.group.slug.as_str(),
            self.grant.permission.as_str()
        )
        .into()
    }
}

impl Table {
    /// Asks for it. Members of groups are known already, and would be most of the answer.
    ///
    /// # Errors
    /// Why the answer can't be used.
    pub(crate) async fn read(run: &Run<'_>) -> Result<Self, String> {
        let path = format!(
            "/1.0/group-privileges/{}?exclude-members=1",
            segment(&run.workspace.slug)
        );
        let mut pager = Pager::new(
            run.client,
            path,
            run.client.slots().collect(),
            WHOLE_LIST_BYTES,
        );
        let mut table = Self::default();
        while let Some(privileges) = pager.next::<Privilege>().await {
            for privilege in privileges {
                let repository = privilege
                    .repository()
                    .ok_or_else(|| "a group's privilege names no repository".to_owned())?;
                table
                    .grants
                    .entry(repository)
                    .or_default()
                    .push(privilege.grant);
            }
        }
        let reading = pager.finish();
        match reading.outcome {
            Outcome::Complete => {
                table.served = reading.served;
                Ok(table)
            }
            Outcome::Partial(problems) => Err(problems.join("; ")),
            Outcome::Unreadable => Err(run.client.explain(&reading.misses)),
        }
    }

    /// The grants of a repository.
    pub(crate) fn of(&self, slug: &str) -> &[GroupGrant] {
        self.grants
            .get(&slug.to_lowercase())
            .map_or(&[], Vec::as_slice)
    }

    /// Whether a repository's own list says the same.
    pub(crate) fn agrees(&self, slug: &str, own: &[GroupGrant]) -> bool {
        let facts = |grants: &[GroupGrant]| {
            grants
                .iter()
                .map(GroupGrant::facts)
                .collect::<BTreeSet<_>>()
        };
        facts(self.of(slug)) == facts(own)
    }
}
