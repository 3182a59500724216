//! What could be read and what not, kept until the end and said once for each family.

use crate::bindings::portcullis::connector::output::{Coverage, CoverageStatus, Item};
use crate::client::Client;
use crate::reading::{Outcome, Reading};
use crate::sink::Sink;
use std::collections::{BTreeMap, BTreeSet};

/// So many reasons are spelled out for a family; of more, only the number is told.
const MOST_REASONS: usize = 8;

/// The coverage of a run.
#[derive(Debug)]
pub struct Ledger {
    words: &'static [&'static str],
    families: BTreeMap<&'static str, Family>,
}

#[derive(Debug, Default)]
struct Family {
    /// Objects whose list was read.
    read: u64,
    /// Objects whose list was read in part.
    partial: u64,
    /// Objects that were refused or failed. Each has a row of its own.
    unread: u64,
    /// Objects that weren't asked for any more, by the reason.
    not_asked: BTreeMap<String, u64>,
    unreadable: Option<String>,
    unavailable: Option<String>,
    doubts: BTreeSet<String>,
    left_out: BTreeSet<String>,
    notes: BTreeSet<String>,
    slots: BTreeSet<usize>,
}

impl Ledger {
    /// The coverage of the families of these words, in this order.
    #[must_use]
    pub fn new(words: &'static [&'static str]) -> Self {
        Self {
            words,
            families: BTreeMap::new(),
        }
    }

    /// Keeps what is to be said of the one list of a family.
    pub fn list_was_read(
        &mut self,
        family: &'static str,
        reading: &Reading,
        client: &Client<'_>,
        sink: &dyn Sink,
    ) {
        for slot in &reading.served {
            self.served(family, *slot);
        }
        match &reading.outcome {
            Outcome::Complete if reading.misses.is_empty() => {}
            Outcome::Complete => self.note(family, client.explain(&reading.misses)),
            Outcome::Partial(problems) => problems
                .iter()
                .for_each(|why| self.doubt(family, why.clone())),
            Outcome::Unreadable => self.unreadable(family, client.explain(&reading.misses)),
        }
        for remark in &reading.remarks {
            sink.emit(Item::Warning(format!("{family}: {remark}")));
        }
    }

    fn family(&mut self, family: &'static str) -> &mut Family {
        self.families.entry(family).or_default()
    }

    /// A credential served the family.
    pub fn served(&mut self, family: &'static str, slot: usize) {
        self.family(family).slots.insert(slot);
    }

    /// One object of the family was read.
    pub fn object_read(&mut self, family: &'static str) {
        let family = self.family(family);
        family.read = family.read.saturating_add(1);
    }

    /// One object of the family was read in part. It has a row of its own.
    pub fn object_partial(&mut self, family: &'static str) {
        let family = self.family(family);
        family.partial = family.partial.saturating_add(1);
    }

    /// One object of the family could not be read. It has a row of its own.
    pub fn object_unread(&mut self, family: &'static str) {
        let family = self.family(family);
        family.unread = family.unread.saturating_add(1);
    }

    /// One object of the family wasn't asked for, since no credential was left.
    pub fn object_not_asked(&mut self, family: &'static str, why: String) {
        let count = self.family(family).not_asked.entry(why).or_default();
        *count = count.saturating_add(1);
    }

    /// Nothing of the family could be read.
    pub fn unreadable(&mut self, family: &'static str, why: String) {
        self.family(family).unreadable.get_or_insert(why);
    }

    /// The API has no way to read the family for anyone.
    pub fn unavailable(&mut self, family: &'static str, why: String) {
        self.family(family).unavailable.get_or_insert(why);
    }

    /// One can't be sure that all of the family was read.
    pub fn doubt(&mut self, family: &'static str, why: String) {
        self.family(family).doubts.insert(why);
    }

    /// The settings leave something out.
    pub fn left_out(&mut self, family: &'static str, why: String) {
        self.family(family).left_out.insert(why);
    }

    /// Something worth knowing that cost nothing.
    pub fn note(&mut self, family: &'static str, what: String) {
        self.family(family).notes.insert(what);
    }

    /// One row for each family, with the names of its credentials given by `slot_name`.
    #[must_use]
    pub fn rows(&self, slot_name: impl Fn(usize) -> String) -> Vec<Item> {
        let nothing = Family::default();
        let row = |word: &'static str| {
            let family = self.families.get(word).unwrap_or(&nothing);
            let (status, reasons) = family.verdict();
            let names: Vec<String> = family.slots.iter().map(|slot| slot_name(*slot)).collect();
            row(
                word,
                None,
                status,
                reasons,
                (!names.is_empty()).then(|| names.join("+")),
            )
        };
        self.words.iter().map(|word| row(word)).collect()
    }
}

impl Family {
    fn verdict(&self) -> (CoverageStatus, Option<String>) {
        let not_asked = self
            .not_asked
            .values()
            .fold(0, |sum: u64, count| sum.saturating_add(*count));
        let missing = self
            .unread
            .saturating_add(self.partial)
            .saturating_add(not_asked);
        let all = missing.saturating_add(self.read);
        let mut reasons: Vec<String> = self
            .unreadable
            .iter()
            .chain(&self.unavailable)
            .cloned()
            .collect();
        if self.unread > 0 || self.partial > 0 {
            let count = self.unread.saturating_add(self.partial);
            reasons.push(format!(
                "{count} of {all} could not be read or not wholly; each has a row of its own"
            ));
        }
        reasons.extend(
            self.not_asked
                .iter()
                .map(|(why, count)| format!("{count} of {all} were not asked for: {why}")),
        );
        reasons.extend(self.doubts.iter().cloned());
        let status =
            if self.unreadable.is_some() || (missing > 0 && self.read == 0 && self.partial == 0) {
                CoverageStatus::Unreadable
            } else if missing > 0 || !self.doubts.is_empty() {
                CoverageStatus::Partial
            } else if self.unavailable.is_some() {
                CoverageStatus::Unavailable
            } else if self.left_out.is_empty() {
                CoverageStatus::Complete
            } else {
                CoverageStatus::LeftOut
            };
        reasons.extend(self.left_out.iter().chain(&self.notes).cloned());
        let more = reasons.len().saturating_sub(MOST_REASONS);
        reasons.truncate(MOST_REASONS);
        if more > 0 {
            reasons.push(format!("and {more} more reasons"));
        }
        (status, (!reasons.is_empty()).then(|| reasons.join("; ")))
    }
}

/// One row.
#[must_use]
pub fn row(
    family: &str,
    scope: Option<&str>,
    status: CoverageStatus,
    reason: Option<String>,
    slot: Option<String>,
) -> Item {
    Item::Coverage(Coverage {
        family: family.to_owned(),
        scope: scope.map(str::to_owned),
        status,
        reason,
        slot,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: &str = "groups";

    fn status(fill: impl Fn(&mut Ledger)) -> CoverageStatus {
        let mut ledger = Ledger::new(&[GROUPS, "users"]);
        fill(&mut ledger);
        let rows = ledger.rows(|slot| slot.to_string());
        let row = rows.into_iter().find_map(|item| match item {
            Item::Coverage(row) if row.family == GROUPS => Some(row),
            _ => None,
        });
        let row = row.unwrap_or_else(|| panic!("a row for each family"));
        assert!(row.reason.is_some() || row.status == CoverageStatus::Complete);
        row.status
    }

    #[test]
    fn every_family_has_one_row() {
        assert_eq!(
            Ledger::new(&[GROUPS, "users"])
                .rows(|_| String::new())
                .len(),
            2
        );
    }

    #[test]
    fn one_object_that_is_missing_makes_a_family_partial_and_all_make_it_unreadable() {
        assert_eq!(
            status(|ledger| ledger.object_read(GROUPS)),
            CoverageStatus::Complete
        );
        assert_eq!(
            status(|ledger| ledger.object_unread(GROUPS)),
            CoverageStatus::Unreadable
        );
        assert_eq!(
            status(|ledger| ledger.object_not_asked(GROUPS, "x".into())),
            CoverageStatus::Unreadable
        );
        assert_eq!(
            status(|ledger| {
                ledger.object_read(GROUPS);
                ledger.object_not_asked(GROUPS, "x".into());
            }),
            CoverageStatus::Partial
        );
    }

    #[test]
    fn what_no_one_can_read_is_unavailable_unless_something_of_it_is_in_doubt() {
        assert_eq!(
            status(|ledger| ledger.unavailable(GROUPS, "x".into())),
            CoverageStatus::Unavailable
        );
        assert_eq!(
            status(|ledger| {
                ledger.unavailable(GROUPS, "x".into());
                ledger.doubt(GROUPS, "y".into());
            }),
            CoverageStatus::Partial
        );
    }

    #[test]
    fn what_the_settings_leave_out_hides_no_doubt() {
        assert_eq!(
            status(|ledger| ledger.left_out(GROUPS, "x".into())),
            CoverageStatus::LeftOut
        );
        assert_eq!(
            status(|ledger| {
                ledger.left_out(GROUPS, "x".into());
                ledger.doubt(GROUPS, "y".into());
            }),
            CoverageStatus::Partial
        );
    }
}
