//! Who takes part in relations, and which of them no list named.
//!
//! Nothing is read in one moment: a relation may name what the lists don't hold (removed since, or
//! invisible). Such a one becomes an entity from what the relation says, marked as dangling. It is known
//! only at the end who those are, so until then they wait here; all others are ids alone.

use std::collections::{BTreeMap, HashSet};

/// What a relation says of one of its ends.
pub trait Description: Sized {
    /// The better of two descriptions of one thing. It must not matter which came first.
    #[must_use]
    fn better(self, other: Self) -> Self;
}

/// All of one kind.
#[derive(Debug)]
pub struct Roll<T> {
    listed: HashSet<Box<str>>,
    strangers: BTreeMap<String, T>,
}

impl<T> Default for Roll<T> {
    fn default() -> Self {
        Self {
            listed: HashSet::new(),
            strangers: BTreeMap::new(),
        }
    }
}

impl<T: Description> Roll<T> {
    /// A list names it: its entity was emitted, or will be.
    pub fn list(&mut self, id: &str) {
        self.strangers.remove(id);
        if !self.listed.contains(id) {
            self.listed.insert(id.into());
        }
    }

    /// A relation names it.
    pub fn name(&mut self, id: &str, description: T) {
        if self.listed.contains(id) {
            return;
        }
        let description = match self.strangers.remove(id) {
            Some(known) => known.better(description),
            None => description,
        };
        self.strangers.insert(id.to_owned(), description);
    }

    /// Whom no list named, in the order of their ids. Ask when all was read.
    pub fn strangers(&self) -> impl Iterator<Item = (&str, &T)> {
        self.strangers
            .iter()
            .map(|(id, description)| (id.as_str(), description))
    }

    /// Whether a list named it, so far.
    #[must_use]
    pub fn is_listed(&self, id: &str) -> bool {
        self.listed.contains(id)
    }

    /// Whom the lists named, in no order.
    pub fn listed(&self) -> impl Iterator<Item = &str> {
        self.listed.iter().map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Name(&'static str);

    impl Description for Name {
        fn better(self, other: Self) -> Self {
            if self.0 <= other.0 { self } else { other }
        }
    }

    #[test]
    fn one_that_a_list_names_is_no_stranger_whichever_came_first() {
        let mut roll = Roll::default();
        roll.name("1", Name("a"));
        roll.list("1");
        roll.list("2");
        roll.name("2", Name("b"));
        assert_eq!(roll.strangers().count(), 0);
        assert!(roll.is_listed("1") && roll.is_listed("2") && !roll.is_listed("3"));
        assert_eq!(roll.listed().count(), 2);
    }

    #[test]
    fn a_stranger_has_the_better_description_whichever_came_first() {
        for names in [["a", "b"], ["b", "a"]] {
            let mut roll = Roll::default();
            names
                .into_iter()
                .for_each(|name| roll.name("1", Name(name)));
            assert_eq!(roll.strangers().collect::<Vec<_>>(), [("1", &Name("a"))]);
        }
    }
}
