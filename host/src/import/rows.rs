//! The rows of a CSV text, each with the line that it begins in.

use super::text::PIECE;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use std::io::{ErrorKind, Read, Result};

/// The longest row that is looked at, in bytes without its quotes: a quote that nobody closes must not take the host's memory.
pub(super) const LONGEST_ROW: usize = 1 << 20;

/// The most cells of one.
pub(super) const MOST_CELLS: usize = 1000;

/// Rows of any text, in memory that does not grow with it.
pub(super) struct Rows<R> {
    reader: R,
    piece: Vec<u8>,
    at: usize,
    length: usize,
    core: Reader,
    cells: Vec<u8>,
    ends: Vec<usize>,
    line: u64,
    after_return: bool,
}

/// What comes next.
pub(super) enum Next<'a> {
    /// A row.
    Row(Row<'a>),
    /// One that is longer than [`LONGEST_ROW`], or has more cells than [`MOST_CELLS`]. It begins in this line.
    TooLong(u64),
    /// One that begins in this line and has a quote that nobody closes: it takes all that follows for its cell.
    Unclosed(u64),
    /// Nothing.
    End,
}

/// A row. Its cells may hold any bytes.
pub(super) struct Row<'a> {
    /// The line that it begins in, from 1.
    pub(super) line: u64,
    cells: &'a [u8],
    ends: &'a [usize],
    text: Option<&'a str>,
}

impl<'a> Row<'a> {
    /// How many cells it has.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A cell; empty beyond the last. None where it is no UTF-8.
    pub(super) fn cell(&self, number: usize) -> Option<&'a str> {
        let Some(end) = self.ends.get(number) else {
            return Some("");
        };
        let begin = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        match self.text.and_then(|text| text.get(begin..*end)) {
            Some(cell) => Some(cell),
            None => std::str::from_utf8(&self.cells[begin..*end]).ok(),
        }
    }

    /// Whether there is nothing in it, as in the rows that spreadsheets leave at the end.
    pub(super) fn is_blank(&self) -> bool {
        self.cells.iter().all(u8::is_ascii_whitespace)
    }
}

impl<R: Read> Rows<R> {
    /// Rows of cells that this byte separates. `line` is the first line's number.
    pub(super) fn new(reader: R, separator: u8, line: u64) -> Self {
        Self {
            reader,
            piece: vec![0; PIECE],
            at: 0,
            length: 0,
            core: ReaderBuilder::new().delimiter(separator).build(),
            cells: vec![0; LONGEST_ROW],
            ends: vec![0; MOST_CELLS],
            line,
            after_return: false,
        }
    }

    /// The next row.
    ///
    /// # Errors
    /// Those of the reader.
    pub(super) fn next(&mut self) -> Result<Next<'_>> {
        let (mut length, mut count) = (0, 0);
        let mut begin = None;
        let (mut is_too_long, mut is_unclosed) = (false, false);
        loop {
            if self.at == self.length {
                self.fill()?;
            }
            // The end of a line stands in for the file's: it ends every row but one whose quote is open.
            let is_last = self.length == 0 && begin.is_some() && !is_unclosed;
            let input = if is_last {
                b"\n"
            } else {
                &self.piece[self.at..self.length]
            };
            let (result, read, written, ended) =
                self.core
                    .read_record(input, &mut self.cells[length..], &mut self.ends[count..]);
            length += written;
            count += ended;
            if !is_last {
                let (from, to) = (self.at, self.at + read);
                self.at = to;
                self.count_lines(from, to, &mut begin);
            }
            match result {
                ReadRecordResult::InputEmpty => is_unclosed = is_last,
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    is_too_long = true;
                    (length, count) = (0, 0);
                }
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(Next::End),
            }
        }
        let line = begin.unwrap_or(self.line);
        if is_too_long {
            return Ok(Next::TooLong(line));
        }
        if is_unclosed {
            return Ok(Next::Unclosed(line));
        }
        let cells = &self.cells[..length];
        Ok(Next::Row(Row {
            line,
            cells,
            ends: &self.ends[..count],
            text: std::str::from_utf8(cells).ok(),
        }))
    }

    fn fill(&mut self) -> Result<()> {
        self.at = 0;
        self.length = 0;
        self.length = loop {
            match self.reader.read(&mut self.piece) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        Ok(())
    }

    /// Counts the ends of lines as an editor does: LF, CR LF and CR are one each. Those before a row's first byte are blank
    /// lines, or belong to the row before.
    fn count_lines(&mut self, from: usize, to: usize, begin: &mut Option<u64>) {
        let read = &self.piece[from..to];
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let lead = match begin {
            Some(_) => 0,
            None => read.iter().take_while(|byte| is_end(byte)).count(),
        };
        let mut counted = 0;
        let mut before = self.after_return;
        for at in memchr::memchr2_iter(b'\r', b'\n', read) {
            if begin.is_none() && at >= lead {
                *begin = Some(self.line + counted);
            }
            before = if at == 0 {
                before
            } else {
                read[at - 1] == b'\r'
            };
            counted += u64::from(!(read[at] == b'\n' && before));
        }
        if begin.is_none() && lead < read.len() {
            *begin = Some(self.line + counted);
        }
        self.line += counted;
        if let Some(last) = read.last() {
            self.after_return = *last == b'\r';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row's line and cells; a row that is too long or not closed has none.
    fn rows(text: &str) -> Vec<(u64, Vec<String>)> {
        let mut rows = Rows::new(text.as_bytes(), b',', 1);
        let mut all = Vec::new();
        loop {
            match rows.next().unwrap() {
                Next::Row(row) => {
                    let cell = |number| row.cell(number).unwrap().to_owned();
                    all.push((row.line, (0..row.len()).map(cell).collect()));
                }
                Next::TooLong(line) | Next::Unclosed(line) => all.push((line, vec![])),
                Next::End => return all,
            }
        }
    }

    #[test]
    fn lines_are_those_of_an_editor() {
        for end in ["\n", "\r\n", "\r"] {
            let text = "a,b|\"c|d\",e|||f,g|".replace('|', end);
            let lines: Vec<u64> = rows(&text).iter().map(|row| row.0).collect();
            assert_eq!(lines, [1, 2, 6], "{end:?}");
        }
        assert_eq!(rows("\n\na"), [(3, vec!["a".to_owned()])]);
    }

    #[test]
    fn lines_are_right_across_pieces() {
        for end in ["\n", "\r\n"] {
            let row = format!("{}{end}", "a".repeat(1009));
            let text = row.repeat(1000);
            let lines: Vec<u64> = rows(&text).iter().map(|row| row.0).collect();
            assert_eq!(lines, (1..=1000).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_row_that_is_too_long_is_passed_over() {
        let text = format!("a\n\"{}\nb", "x\n".repeat(LONGEST_ROW));
        assert_eq!(rows(&text).last().unwrap(), &(2, vec![]));
        let text = format!("a\n{}\nb", "x".repeat(3 * LONGEST_ROW));
        assert_eq!(rows(&text)[1..], [(2, vec![]), (3, vec!["b".to_owned()])]);
        let text = format!("a\n{}\nb", ",".repeat(2 * MOST_CELLS));
        assert_eq!(rows(&text)[1..], [(2, vec![]), (3, vec!["b".to_owned()])]);
    }
    #[test]
    fn a_quote_that_nobody_closes_is_told_and_one_that_is_closed_at_the_end_is_not() {
        for (text, expected) in [
            ("a\nb,\"c\nd,e\n", (2, vec![])),
            ("a\n\"", (2, vec![])),
            ("a\nb,\"c\"\"", (2, vec![])),
            ("a\n\"c\nd\"", (2, vec!["c\nd"])),
            ("a\n\"\"", (2, vec![""])),
            ("a\nb\"c", (2, vec!["b\"c"])),
            ("a\nb,", (2, vec!["b", ""])),
        ] {
            let (line, cells) = rows(text).pop().unwrap();
            assert_eq!(
                (line, cells.iter().map(String::as_str).collect()),
                expected,
                "{text:?}"
            );
        }
    }
}
