//! Who holds access: accounts and groups, and which of them no list named.

use crate::account::Account;
use crate::groups::Group;
use portcullis_kit::bindings::portcullis::connector::output::Item;
use portcullis_kit::roll::Roll;
use std::collections::BTreeMap;

/// All holders of a run.
#[derive(Default)]
pub(crate) struct Holders {
    accounts: Roll<Account>,
    /// With the time at which each was read.
    listed_groups: BTreeMap<String, (Group, Option<u64>)>,
    groups: Roll<Group>,
    /// What grants tell of a group beside its name: its right in the workspace.
    account_privileges: BTreeMap<String, String>,
}

impl Holders {
    /// A member of the workspace, whose entity was emitted.
    pub(crate) fn member(&mut self, account: &Account) {
        self.accounts.list(account.uuid.as_str());
    }

    /// An account that a grant or a group names.
    pub(crate) fn account(&mut self, account: Account) {
        let uuid = account.uuid.clone();
        self.accounts.name(uuid.as_str(), account);
    }

    /// A group of the workspace's list.
    pub(crate) fn group(&mut self, group: Group, read_at: Option<u64>) {
        self.groups.list(&group.slug);
        let slug = group.slug.clone();
        self.listed_groups.insert(slug, (group, read_at));
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
        self.groups.name(slug, Group::named(slug, name));
    }

    /// The groups, each with the time at which it was read, and everyone whom no list named. Call it when all was read.
    pub(crate) fn items(&self, workspace_slug: &str) -> Vec<(Item, Option<u64>)> {
        let privilege =
            |group: &Group| self.account_privileges.get(&group.slug).map(String::as_str);
        let listed = self.listed_groups.values();
        let groups = listed.map(|(group, read_at)| {
            let draft = group.draft(workspace_slug, privilege(group));
            (draft.item(), *read_at)
        });
        let strange_groups = self.groups.strangers().map(|(_, group)| {
            let draft = group.draft(workspace_slug, privilege(group));
            draft.dangling().item()
        });
        let strangers = self.accounts.strangers();
        let strangers = strangers.map(|(_, account)| account.dangling());
        groups
            .chain(strange_groups.chain(strangers).map(|item| (item, None)))
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
        holders.group(Group::named("admins", Some("Administrators")), None);
        let items = holders.items("acme");
        assert_eq!(items.len(), 1);
        assert!(format!("{items:?}").contains("account_privilege"));
        assert!(!format!("{items:?}").contains("dangling"));
    }
}
