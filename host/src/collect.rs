//! What a connector emits: checked, deduplicated and streamed to the run file.

mod characters;
mod export;
mod formula;
pub(crate) mod item;
pub mod metadata;
mod run_file;

pub(crate) use characters::is_invisible;
pub(crate) use export::{ENTITY_COLUMNS, METADATA_VERSION, RELATION_COLUMNS};
pub use export::{Format, export};
pub(crate) use formula::{guarded, unguarded};
pub use item::{
    BadItem, Coverage, Entity, EntityType, Item, Key, Level, Misleads, Relation, RelationKind,
    Status, Unfit,
};
pub use metadata::Metadatum;
pub use run_file::{
    Before, CoverageRow, DEEPEST, LeftOut, Loose, Missing, Origin, RunFile, Source, Stop,
};

use crate::limits::{Limit, Limits, Usage};
use crate::vault::Redactor;
use std::sync::Arc;

/// A limit of the run on what is emitted is used up.
#[derive(Debug, thiserror::Error)]
#[error("the limit {0} is used up")]
pub struct TooMuch(pub Limit);

/// Takes a run's items one by one, in any order.
pub struct Collector {
    file: RunFile,
    redactor: Redactor,
    limits: Limits,
    usage: Arc<Usage>,
    broken: Option<rusqlite::Error>,
}

/// What an item takes in the run file beside its texts, in bytes.
const OVERHEAD: u64 = 64;

/// The run file can't be written any more.
#[derive(Debug, thiserror::Error)]
#[error("the run file can't be written")]
pub struct Broken;

/// Why an item is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Untaken {
    /// It breaks the contract.
    #[error(transparent)]
    Bad(#[from] BadItem),
    /// A limit of the run is used up.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// The run file can't be written any more.
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl Collector {
    /// A collector that writes to `file`, under the limits `items` and `item_kib`.
    pub fn new(file: RunFile, redactor: Redactor, limits: Limits, usage: Arc<Usage>) -> Self {
        Self {
            file,
            redactor,
            limits,
            usage,
            broken: None,
        }
    }

    /// Checks an item, takes secrets out of it and writes it. One whose ids or words can't be kept as they are is left out
    /// and noted.
    ///
    /// # Errors
    /// [`Untaken`].
    pub fn take(&mut self, item: Item, origin: Origin) -> Result<Before, Untaken> {
        if !self.usage.take(Limit::Items, 1, &self.limits) {
            return Err(TooMuch(Limit::Items).into());
        }
        let size = item.size() as u64;
        self.usage.peak(Limit::ItemKib, size);
        let most = self.limits.size(Limit::ItemKib);
        let checked = item.check(most);
        let item = item.redacted(&self.redactor);
        if checked.is_err() {
            // Asked anew, since what it says of the item repeats a word of the connector's.
            let known = || BadItem("an item that breaks the contract, and a credential".to_owned());
            return Err(item.check(most).err().unwrap_or_else(known).into());
        }
        let taken = size.saturating_add(OVERHEAD);
        if !self.usage.take(Limit::OutputMib, taken, &self.limits) {
            return Err(TooMuch(Limit::OutputMib).into());
        }
        let written = match item.fit() {
            Ok(()) => self.file.write(item, origin),
            Err(unfit) => self.file.leave_out(&item, &unfit),
        };
        written.map_err(|error| {
            self.broken.get_or_insert(error);
            Broken.into()
        })
    }

    /// Hands the run file back when the run is over.
    ///
    /// # Errors
    /// Where an item could not be written: the disk is full or broken, and nothing is left of the file.
    pub fn into_file(self) -> rusqlite::Result<RunFile> {
        match self.broken {
            Some(error) => Err(error),
            None => Ok(self.file),
        }
    }
}

/// A guest's text for a terminal or a log: control characters, the marks that turn the direction of text around and
/// characters that nobody sees are shown as escapes, and what is beyond `most` bytes is cut off.
pub fn printable(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most));
    for character in text.chars() {
        if out.len() + character.len_utf8() > most {
            out.push('…');
            break;
        }
        if item::steers(character) || is_invisible(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// Somebody else's words within a sentence of the host's: [`printable`] and in quotes, which they can't close, since theirs
/// become single ones.
pub fn quoted(text: &str, most: usize) -> String {
    format!("\"{}\"", printable(text, most).replace('"', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_takes_as_many_items_as_its_limit_and_no_more() {
        let directory = tempfile::tempdir().unwrap();
        let file = RunFile::create(&directory.path().join("run.db")).unwrap();
        let limits = Limits {
            items: 2,
            ..Limits::default()
        };
        let nothing = crate::vault::Vault::new(Default::default());
        let mut collector =
            Collector::new(file, nothing.redactor().clone(), limits, Arc::default());
        let mut take = || collector.take(Item::Warning("w".into()), Origin::Unknown);
        assert!(take().is_ok() && take().is_ok());
        assert!(matches!(take().unwrap_err(), Untaken::TooMuch(_)));
    }

    #[test]
    fn a_secret_in_an_item_is_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run.db");
        let redactor = crate::vault::redactor_of("a-secret-token");
        let file = RunFile::create(&path).unwrap();
        let mut collector =
            Collector::new(file, redactor.clone(), Limits::default(), Arc::default());
        let text = |text: &str| Metadatum::Text(text.to_owned());
        collector
            .take(
                Item::Entity(Entity {
                    key: Key {
                        entity_type: EntityType::Identity,
                        source_id: "id a-secret-token".into(),
                    },
                    source_type: "a-secret-token".into(),
                    name: "a-secret-token".into(),
                    metadata: vec![
                        ("a-secret-token".into(), text("a-secret-token")),
                        (
                            "list".into(),
                            Metadatum::Texts(vec!["a-secret-token".into()]),
                        ),
                    ],
                }),
                Origin::Unknown,
            )
            .unwrap();
        collector
            .take(Item::Warning("a-secret-token".into()), Origin::Unknown)
            .unwrap();
        collector.into_file().unwrap().close().unwrap();
        let written = std::fs::read(path).unwrap();
        assert!(
            !written
                .windows(14)
                .any(|window| window == b"a-secret-token")
        );
        assert_eq!(redactor.found(), 7);
    }

    #[test]
    fn a_guests_text_can_not_steer_a_terminal() {
        assert_eq!(
            printable("\u{1b}[2Jgone\nnext \u{202e}txt", 80),
            "\\u{1b}[2Jgone\\u{a}next \\u{202e}txt"
        );
        assert_eq!(printable("abcdef", 4), "abcd…");
    }

    #[test]
    fn what_nobody_sees_is_shown() {
        assert_eq!(
            printable("a\u{200b}b\u{ad}\u{fe0f}\u{2028}é", 80),
            "a\\u{200b}b\\u{ad}\\u{fe0f}\\u{2028}é"
        );
    }

    #[test]
    fn what_is_quoted_can_not_close_the_quotes() {
        assert_eq!(quoted("a\" b\n", 80), "\"a' b\\u{a}\"");
    }
}
