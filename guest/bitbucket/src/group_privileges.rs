//! `GET /1.0/group-privileges/{workspace}`: the group grants of all repositories in one answer.
//!
//! It saves a request for each repository, but hardly anyone has described it lately. So it is believed
//! only where a few repositories' own lists say the same.

use crate::grants::{self, GroupGrant};
use crate::run::Run;
use portcullis_kit::array::read_array;
use portcullis_kit::id::Id;
use portcullis_kit::origin::segment;
use portcullis_kit::told::told;
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap};

/// So many repositories are asked by their own lists as well.
pub(crate) const SAMPLES: usize = 5;

/// The group grants of all repositories. A workspace of 100,000 repositories has several times as many, so
/// each is kept as the number of a distinct one: most differ in the repository alone.
#[derive(Default)]
pub(crate) struct Table {
    /// By the repository's slug in lower case.
    repositories: HashMap<String, Vec<usize>>,
    distinct: Vec<GroupGrant>,
    numbers: HashMap<(String, String), usize>,
    /// The credential that served.
    pub(crate) served: Option<usize>,
    /// When the answer came.
    read_at: Option<u64>,
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
        let mut table = Self::default();
        let mut bad = 0_u64;
        let mut element = |bytes: &[u8], read_at| {
            table.read_at = read_at;
            if table.add(bytes).is_none() {
                bad = bad.saturating_add(1);
            }
        };
        let reading = read_array(run.client, &path, &mut element).await;
        if reading.served.is_none() {
            return Err(run.client.explain(&reading.misses));
        }
        if bad > 0 {
            return Err(format!("{bad} of its elements can't be read"));
        }
        table.served = reading.served;
        Ok(table)
    }

    /// Takes one element; None where it can't be read. One that came before changes nothing.
    fn add(&mut self, bytes: &[u8]) -> Option<()> {
        let privilege: Privilege = serde_json::from_slice(bytes).ok()?;
        let repository = privilege.repository()?;
        let next = self.distinct.len();
        let number = *self.numbers.entry(privilege.grant.facts()).or_insert(next);
        if number == next {
            self.distinct.push(privilege.grant);
        }
        let numbers = self.repositories.entry(repository).or_default();
        if !numbers.contains(&number) {
            numbers.push(number);
        }
        Some(())
    }

    fn of(&self, slug: &str) -> impl Iterator<Item = &GroupGrant> {
        let numbers = self
            .repositories
            .get(&slug.to_lowercase())
            .map_or(&[][..], Vec::as_slice);
        numbers
            .iter()
            .filter_map(|number| self.distinct.get(*number))
    }

    /// Whether a repository has group grants by this answer.
    pub(crate) fn knows(&self, slug: &str) -> bool {
        self.of(slug).next().is_some()
    }

    /// Whether a repository's own list says the same.
    pub(crate) fn agrees(&self, slug: &str, own: &[GroupGrant]) -> bool {
        let own: BTreeSet<_> = own.iter().map(GroupGrant::facts).collect();
        self.of(slug)
            .map(GroupGrant::facts)
            .collect::<BTreeSet<_>>()
            == own
    }

    /// Emits a repository's group grants.
    pub(crate) fn give(&self, run: &Run<'_>, slug: &str, uuid: &Id) {
        run.at(self.read_at, |run| {
            self.of(slug)
                .for_each(|grant| grants::take_group(run, uuid, grant));
        });
    }
}
