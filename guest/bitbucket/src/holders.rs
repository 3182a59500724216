//! Who holds access, and which of them no list named.
//!
//! Nothing is read in one moment: a grant may name an account or group that the lists don't hold (removed
//! since, or invisible). Such a holder becomes an entity from what the grant says, marked as dangling. It
//! is known only at the end who those are, so until then they wait here; all others are ids alone.

use crate::account::Account;
use crate::groups::Group;
use portcullis_kit::bindings::portcullis::connector::output::Item;
use std::collections::{BTreeMap, HashSet};

/// All holders of a run.
#[derive(Default)]
pub(crate) struct Holders {
    members: HashSet<String>,
    strangers: BTreeMap<String, Account>,
    groups: BTreeMap<String, Group>,
    strange_groups: BTreeMap<String, Group>,
    /// What grants tell of a group beside its name: its right in the workspace.
    account_privileges: BTreeMap<String, String>,
}

impl Holders {
    /// A member of the workspace, whose entity was emitted.
    pub(crate) fn member(&mut self, account: &Account) {
        let uuid = account.uuid.as_str();
        self.strangers.remove(uuid);
        self.members.insert(uuid.to_owned());
    }

    /// An account that a grant or a group names.
    pub(crate) fn account(&mut self, account: Account) {
        let uuid = account.uuid.as_str();
        if self.members.contains(uuid) {
            return;
        }
        let account = match self.strangers.remove(uuid) {
            Some(known) => known.better(account),
            None => account,
        };
        self.strangers
            .insert(account.uuid.as_str().to_owned(), account);
    }

    /// A group of the workspace's list.
    pub(crate) fn group(&mut self, group: Group) {
        self.strange_groups.remove(&group.slug);
        self.groups.insert(group.slug.clone(), group);
    }

    /// A group that a grant names.
    pub(crate) fn granted_group(
        &mut self,
        slug: &str,
        name: Option<&str>,
        account_privilege: Option<&str>,
    ) {
        if let Some(privilege) = account_privilege {
            let known = self
                .account_privileges
                .entry(slug.to_owned())
                .or_insert_with(|| privilege.to_owned());
            if privilege < known.as_str() {
                privilege.clone_into(known);
            }
        }
        if self.groups.contains_key(slug) {
            return;
        }
        let known = self
            .strange_groups
            .entry(slug.to_owned())
            .or_insert_with(|| Group::named(slug, name));
        if let Some(name) =
            name.filter(|name| known.name.as_deref().is_none_or(|known| *name < known))
        {
            known.name = Some(name.to_owned());
        }
    }

    /// The groups, and everyone whom no list named. Call it when all was read.
    pub(crate) fn items(&self, workspace_slug: &str) -> Vec<Item> {
        let privilege =
            |group: &Group| self.account_privileges.get(&group.slug).map(String::as_str);
        let groups = self
            .groups
            .values()
            .map(|group| group.draft(workspace_slug, privilege(group)).item());
        let strange = self.strange_groups.values().map(|group| {
            group
                .draft(workspace_slug, privilege(group))
                .dangling()
                .item()
        });
        groups
            .chain(strange)
            .chain(self.strangers.values().map(Account::dangling))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(json: &str) -> Account {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_holder_whom_no_list_named_is_dangling_once_whatever_the_order() {
        let (a, b) = (
            account(r#"{"uuid":"{1}","nickname":"a"}"#),
            account(r#"{"uuid":"{1}","nickname":"b"}"#),
        );
        let told = |accounts: [&Account; 2]| {
            let mut holders = Holders::default();
            accounts
                .into_iter()
                .for_each(|account| holders.account(account.clone()));
            format!("{:?}", holders.items("acme"))
        };
        assert_eq!(told([&a, &b]), told([&b, &a]));
        let mut holders = Holders::default();
        holders.account(a);
        assert_eq!(holders.items("acme").len(), 1);
    }

    #[test]
    fn a_member_is_not_dangling_even_where_a_grant_named_it_first() {
        let member = account(r#"{"uuid":"{1}"}"#);
        let mut holders = Holders::default();
        holders.account(member.clone());
        holders.member(&member);
        holders.account(member);
        assert!(holders.items("acme").is_empty());
    }

    #[test]
    fn a_group_learns_its_right_in_the_workspace_from_a_grant() {
        let mut holders = Holders::default();
        holders.granted_group("admins", Some("Admins"), Some("admin"));
        holders.group(Group::named("admins", Some("Administrators")));
        let items = holders.items("acme");
        assert_eq!(items.len(), 1);
        assert!(format!("{items:?}").contains("account_privilege"));
        assert!(!format!("{items:?}").contains("dangling"));
    }
}
