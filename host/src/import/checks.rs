//! What must hold for a cell, of either file.

use super::Halt;
use super::header::Header;
use super::problems::{Problem, Problems, quoted};
use super::rows::Row;
use crate::collect::item::{
    check_fit, check_metadata, check_metadata_fit, check_source_id, check_word, metadata_steers,
};
use crate::collect::{BadItem, EntityType, METADATA_VERSION, Metadatum, Unfit, metadata};

/// What was mended or passed over in silence, and is told once.
#[derive(Default)]
pub(super) struct Notes {
    /// Rows whose App is another.
    pub(super) other_apps: u64,
    /// Names that went over several lines.
    pub(super) broken_names: u64,
    /// Levels that are not on the scale.
    pub(super) unknown_levels: u64,
}

/// The last metadata that was read without a problem: rows that follow each other mostly have the same.
#[derive(Default)]
pub(super) struct LastMetadata {
    cell: String,
    pairs: Vec<(String, Metadatum)>,
}

/// A row that is being checked. Everything that is wrong with it is told.
pub(super) struct Checks<'a> {
    pub(super) problems: &'a mut Problems,
    pub(super) notes: &'a mut Notes,
    pub(super) last: &'a mut LastMetadata,
    pub(super) file: &'a str,
    pub(super) line: u64,
    /// What App and Source System must be.
    pub(super) app: &'a str,
    pub(super) header: &'a Header,
    pub(super) row: &'a Row<'a>,
    /// Whether something was wrong.
    pub(super) is_bad: bool,
}

impl<'a> Checks<'a> {
    /// Tells a problem.
    pub(super) fn problem(&mut self, column: &str, what: &str, advice: &str) -> Result<(), Halt> {
        self.is_bad = true;
        self.problems.add(&Problem {
            file: self.file,
            line: self.line,
            column,
            what,
            advice,
        })
    }

    /// As many cells as columns; more are welcome where they are empty. Else no cell is where it belongs.
    pub(super) fn has_width(&mut self) -> Result<bool, Halt> {
        let is_full = |number: usize| self.row.cell(number).is_none_or(|cell| !cell.is_empty());
        if (self.header.width..self.row.len()).any(is_full) {
            let what = format!(
                "the row has {} cells, and the header {}",
                self.row.len(),
                self.header.width
            );
            self.problem(
                "",
                &what,
                "put a cell that holds the separator into double quotes, and double each quote in it",
            )?;
        }
        Ok(!self.is_bad)
    }

    /// A cell's text, and what stands in for it where it is none.
    pub(super) fn text(&mut self, number: usize, column: &str) -> Result<&'a str, Halt> {
        match self.header.cell(self.row, number) {
            Some(text) => Ok(text),
            None => {
                self.problem(column, "this is not UTF-8", "save the file as CSV UTF-8")?;
                Ok("?")
            }
        }
    }

    /// A type of entity.
    pub(super) fn entity_type(
        &mut self,
        number: usize,
        column: &str,
    ) -> Result<Option<EntityType>, Halt> {
        let cell = self.text(number, column)?.trim();
        let known = EntityType::ALL
            .into_iter()
            .find(|known| known.word().eq_ignore_ascii_case(cell));
        if known.is_some() {
            return Ok(known);
        }
        let advice = "write identity, connection or resource";
        if cell.is_empty() {
            self.problem(column, "it is empty", advice)?;
        } else if cell.eq_ignore_ascii_case("insight") {
            self.problem(
                column,
                "insights are computed where the files are read, and can't be uploaded",
                "leave the row out",
            )?;
        } else {
            self.problem(
                column,
                &format!("{} is no entity type", quoted(cell)),
                advice,
            )?;
        }
        Ok(None)
    }

    /// An id. It is not changed in any way.
    pub(super) fn source_id(&mut self, number: usize, column: &str) -> Result<String, Halt> {
        let cell = self.text(number, column)?;
        if cell.is_empty() {
            self.problem(
                column,
                "it is empty",
                "write the id that the source system has",
            )?;
        } else if let Err(bad) = kept(check_source_id(cell), || check_fit("source id", cell)) {
            let what = format!("{} is {bad}", quoted(cell));
            self.problem(
                column,
                &what,
                "ids are never changed on their way: write one that can be kept as it is",
            )?;
        }
        Ok(cell.to_owned())
    }

    /// A word of the source's own.
    pub(super) fn word(
        &mut self,
        what: &'static str,
        column: &str,
        word: &str,
    ) -> Result<(), Halt> {
        if word.is_empty() {
            return self.problem(column, "it is empty", "write the source system's own word");
        }
        match kept(check_word(what, word), || check_fit(what, word)) {
            Ok(()) => Ok(()),
            Err(bad) => {
                let what = format!("{} is {bad}", quoted(word));
                self.problem(column, &what, "write a plain word")
            }
        }
    }

    /// App and Source System.
    pub(super) fn app(
        &mut self,
        app: usize,
        (system, column): (usize, &str),
        is_required: bool,
    ) -> Result<(), Halt> {
        let said = self.text(system, column)?.trim();
        if said.is_empty() {
            if is_required {
                let advice = format!("write {}", quoted(self.app));
                self.problem(column, "it is empty", &advice)?;
            }
        } else if !said.eq_ignore_ascii_case(self.app) {
            let what = format!("{} is not {}", quoted(said), quoted(self.app));
            self.problem(
                column,
                &what,
                "leave the row out, or give --app where the whole file is of that system",
            )?;
        }
        let said = self.text(app, "App")?.trim();
        if !said.is_empty() && !said.eq_ignore_ascii_case(self.app) {
            self.notes.other_apps += 1;
        }
        Ok(())
    }

    /// Metadata and its version.
    pub(super) fn metadata(
        &mut self,
        version: usize,
        number: usize,
    ) -> Result<Vec<(String, Metadatum)>, Halt> {
        let said = self.text(version, "Metadata Version")?.trim();
        if !said.is_empty() && !said.eq_ignore_ascii_case(METADATA_VERSION) {
            let what = format!("{} is no version that is known", quoted(said));
            self.problem("Metadata Version", &what, "write v1, or nothing")?;
        }
        let cell = self.text(number, "Metadata")?;
        if cell.trim().is_empty() {
            return Ok(Vec::new());
        }
        if cell == self.last.cell {
            return Ok(self.last.pairs.clone());
        }
        let was_bad = std::mem::take(&mut self.is_bad);
        let pairs = self.parsed(cell)?;
        if !self.is_bad {
            cell.clone_into(&mut self.last.cell);
            self.last.pairs.clone_from(&pairs);
        }
        self.is_bad |= was_bad;
        Ok(pairs)
    }

    fn parsed(&mut self, cell: &str) -> Result<Vec<(String, Metadatum)>, Halt> {
        let pairs = match metadata::read(cell) {
            Ok(pairs) => pairs,
            Err(error) => {
                let what = format!("{} is no JSON object: {error}", quoted(cell));
                let what = crate::collect::printable(&what, 300);
                self.problem(
                    "Metadata",
                    &what,
                    "write one like {\"department\":\"IT\"}, with each quote doubled in the file, or nothing",
                )?;
                return Ok(Vec::new());
            }
        };
        if let Err(bad) = kept(check_metadata(&pairs, &[]), || check_metadata_fit(&pairs)) {
            let what = format!("it has {bad}");
            self.problem(
                "Metadata",
                &what,
                "give each piece of metadata a plain name of its own",
            )?;
        }
        if metadata_steers(&pairs) {
            self.problem(
                "Metadata",
                "a text in it holds a control character, or one that turns text around",
                "take the character out",
            )?;
        }
        Ok(pairs)
    }
}

/// Whether what was checked is within the contract, and can be kept as it is; else why not.
fn kept(
    checked: Result<(), BadItem>,
    fit: impl FnOnce() -> Result<(), Unfit>,
) -> Result<(), String> {
    checked.map_err(|bad| bad.to_string())?;
    fit().map_err(|unfit| unfit.to_string())
}
