//! The header of a file: which of its columns is which.

use super::rows::{Next, Row, Rows};
use crate::collect::printable;

/// What may separate cells.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// The most columns that are named as ignored.
const MOST_IGNORED: usize = 20;

/// A file's columns.
pub(super) struct Header {
    /// Where each column of the format is.
    places: [Option<usize>; 8],
    /// How many columns the file has.
    pub(super) width: usize,
    /// Columns that are not of the format, fit for a terminal; the first of them.
    pub(super) ignored: Vec<String>,
}

/// What is wrong with a header: the column, and in words.
pub(super) type Fault = (&'static str, &'static str);

impl Header {
    /// Finds the columns. They may come in any order and spelling of case, with the template's `*`, and with others between.
    pub(super) fn read(
        row: &Row<'_>,
        columns: &[&'static str; 8],
        required: &[&'static str],
    ) -> Result<Self, Vec<Fault>> {
        let mut header = Self {
            places: [None; 8],
            width: row.len(),
            ignored: Vec::new(),
        };
        let mut faults = Vec::new();
        for number in 0..row.len() {
            let cell = row.cell(number).unwrap_or("\u{fffd}");
            let name = plain(cell);
            let Some(column) = columns.iter().position(|column| plain(column) == name) else {
                if !name.is_empty() && header.ignored.len() < MOST_IGNORED {
                    header.ignored.push(printable(cell.trim(), 60));
                }
                continue;
            };
            // The download form puts an App of its own in front.
            if header.places[column].replace(number).is_some() && columns[column] != "App" {
                faults.push((columns[column], "two columns have this name"));
            }
        }
        for name in required {
            let place = columns.iter().position(|column| column == name);
            if place.is_none_or(|place| header.places[place].is_none()) {
                faults.push((*name, "there is no such column"));
            }
        }
        if faults.is_empty() {
            Ok(header)
        } else {
            Err(faults)
        }
    }

    /// A row's cell of a column, by the column's number in the format; empty where the file has none. None where it is no
    /// UTF-8.
    pub(super) fn cell<'a>(&self, row: &Row<'a>, column: usize) -> Option<&'a str> {
        self.places[column].map_or(Some(""), |place| row.cell(place))
    }
}

/// A column's name without what people and spreadsheets change in it.
fn plain(name: &str) -> String {
    let name = name
        .replace('*', "")
        .replace(['_', '-'], " ")
        .to_lowercase();
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What separates the cells of a file that begins so, and how many bytes a first line takes that says so (`sep=;`).
pub(super) fn separator(head: &[u8], columns: &[&'static str; 8]) -> (u8, usize) {
    if let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', said, rest @ ..] = head {
        let end = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let length = match rest {
            [b'\r', b'\n', ..] => 2,
            _ => end.count().min(1),
        };
        if length > 0 && SEPARATORS.contains(said) {
            return (*said, 5 + length);
        }
    }
    let found = |separator: u8| {
        let mut rows = Rows::new(head, separator, 1);
        match rows.next() {
            Ok(Next::Row(row)) => {
                let is_known = |number: &usize| {
                    let name = row.cell(*number).map(plain).unwrap_or_default();
                    columns.iter().any(|column| plain(column) == name)
                };
                (0..row.len()).filter(is_known).count()
            }
            _ => 0,
        }
    };
    // Of equals the last counts for `max_by_key`: the comma.
    let best = SEPARATORS.into_iter().rev().max_by_key(|one| found(*one));
    (best.unwrap_or(b','), 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::ENTITY_COLUMNS;

    fn places(text: &str, separator: u8) -> Result<[Option<usize>; 8], Vec<Fault>> {
        let mut rows = Rows::new(text.as_bytes(), separator, 1);
        let Next::Row(row) = rows.next().unwrap() else {
            panic!("a row");
        };
        Header::read(&row, &ENTITY_COLUMNS, &["Source ID"]).map(|header| header.places)
    }

    #[test]
    fn names_are_found_in_any_spelling() {
        let all = places(
            "brn,Timestamp,app,Integration,APP,*Name,entity type *,Source_System,source-id,Source  Type,Metadata Version,METADATA",
            b',',
        );
        assert_eq!(all.unwrap(), [4, 5, 6, 7, 8, 9, 10, 11].map(Some));
    }

    #[test]
    fn what_is_missing_or_doubled_is_named() {
        let faults = places("Name,name", b',').unwrap_err();
        assert_eq!(faults.map_names(), ["Name", "Source ID"]);
    }

    trait Names {
        fn map_names(self) -> Vec<&'static str>;
    }
    impl Names for Vec<Fault> {
        fn map_names(self) -> Vec<&'static str> {
            self.into_iter().map(|fault| fault.0).collect()
        }
    }

    #[test]
    fn the_separator_is_the_one_that_makes_columns() {
        for (text, expected) in [
            ("App,Name", (b',', 0)),
            ("App;Name;Source ID", (b';', 0)),
            ("App\tName\n", (b'\t', 0)),
            ("\"App\";\"Name, first; and last\";Source ID", (b';', 0)),
            ("sep=;\r\nApp;Name", (b';', 7)),
            ("SEP=\t\nApp", (b'\t', 6)),
            ("sep=|\nApp,Name", (b',', 0)),
            ("nothing", (b',', 0)),
            ("", (b',', 0)),
        ] {
            let found = separator(text.as_bytes(), &ENTITY_COLUMNS);
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
