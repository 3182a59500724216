//! Finds things in a world by what paths call them.

use std::collections::HashMap;

use crate::world::World;

/// A world, indexed.
pub(crate) struct Catalogue {
    pub(crate) world: World,
    projects: HashMap<String, usize>,
    repositories: HashMap<String, usize>,
    groups: HashMap<String, usize>,
}

impl Catalogue {
    pub(crate) fn new(world: World) -> Self {
        let mut repositories = HashMap::new();
        for (n, repository) in world.repositories.iter().enumerate() {
            repositories.insert(repository.slug.clone(), n);
            repositories.insert(repository.uuid.clone(), n);
        }
        let projects = world.projects.iter().enumerate();
        let groups = world
            .groups
            .iter()
            .enumerate()
            .filter(|(_, group)| group.listed);
        Self {
            projects: projects
                .map(|(n, project)| (project.key.clone(), n))
                .collect(),
            groups: groups.map(|(n, group)| (group.slug.clone(), n)).collect(),
            repositories,
            world,
        }
    }

    /// Whether this names the workspace: the slug in any case, or the uuid in braces.
    pub(crate) fn is_workspace(&self, identifier: &str) -> bool {
        identifier.eq_ignore_ascii_case(&self.world.workspace.slug)
            || identifier == self.world.workspace.uuid
    }

    pub(crate) fn project(&self, key: &str) -> Option<usize> {
        self.projects.get(key).copied()
    }

    pub(crate) fn repository(&self, slug_or_uuid: &str) -> Option<usize> {
        self.repositories.get(&slug_or_uuid.to_lowercase()).copied()
    }

    pub(crate) fn group(&self, slug: &str) -> Option<usize> {
        self.groups.get(slug).copied()
    }

    /// The order of the repositories by a field, if lists can be sorted by it; `-` in front turns it.
    pub(crate) fn sorted(&self, by: &str) -> Option<Vec<usize>> {
        let (field, descending) = match by.strip_prefix('-') {
            Some(field) => (field, true),
            None => (by, false),
        };
        let repositories = &self.world.repositories;
        let mut order: Vec<usize> = (0..repositories.len()).collect();
        let key = |n: usize| {
            let repository = &repositories[n];
            Some(match field {
                "created_on" => repository.created_on.as_str(),
                "updated_on" => &repository.updated_on,
                "name" => &repository.name,
                "slug" | "full_name" => &repository.slug,
                "uuid" => &repository.uuid,
                _ => return None,
            })
        };
        if !order.is_empty() {
            key(0)?;
        }
        order.sort_by_key(|&n| (key(n), n));
        if descending {
            order.reverse();
        }
        Some(order)
    }
}
