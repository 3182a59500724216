//! Who is where, so that a large world is quickly answered for.

use std::collections::HashMap;

use crate::world::{Member, World};

/// Users and groups by id, and the groups that each of them is in.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) users: HashMap<String, usize>,
    pub(crate) groups: HashMap<String, usize>,
    of_user: Vec<Vec<usize>>,
    of_group: Vec<Vec<usize>>,
}

impl Index {
    pub(crate) fn new(world: &World) -> Self {
        let users = world.users.iter().enumerate();
        let groups = world.groups.iter().enumerate();
        let mut index = Self {
            users: users.map(|(n, user)| (user.id.clone(), n)).collect(),
            groups: groups.map(|(n, group)| (group.id.clone(), n)).collect(),
            of_user: vec![Vec::new(); world.users.len()],
            of_group: vec![Vec::new(); world.groups.len()],
        };
        for (n, group) in world.groups.iter().enumerate() {
            for member in &group.members {
                match member {
                    Member::User(user) => index.of_user[*user].push(n),
                    Member::Group(inner) => index.of_group[*inner].push(n),
                    Member::Gone(_) => {}
                }
            }
        }
        index
    }

    /// The groups that hold a user directly.
    pub(crate) fn groups_of(&self, user: usize) -> &[usize] {
        &self.of_user[user]
    }

    /// The groups that hold a user directly or through other groups, ascending.
    pub(crate) fn all_groups_of(&self, user: usize) -> Vec<usize> {
        let mut found = self.of_user[user].clone();
        let mut next = 0;
        while let Some(&group) = found.get(next) {
            next += 1;
            for &more in &self.of_group[group] {
                if !found.contains(&more) {
                    found.push(more);
                }
            }
        }
        found.sort_unstable();
        found
    }
}
