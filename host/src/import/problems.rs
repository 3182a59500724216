//! What is wrong with uploaded files: one line each for a person, and a table.

use super::{Halt, Watch};
use crate::collect::{TooMuch, guarded};
use crate::limits::{Limit, Limits, Usage};
use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;

/// How many problems are told one by one; the table has all.
pub(super) const MOST_TOLD: u64 = 100;

const COLUMNS: [&str; 5] = ["File", "Line", "Column", "Problem", "What to do"];

/// One problem. Nothing in it steers a terminal.
pub(super) struct Problem<'a> {
    pub(super) file: &'a str,
    /// Where the row begins, as an editor counts lines.
    pub(super) line: u64,
    /// The column; empty where it is about the whole row or file.
    pub(super) column: &'a str,
    pub(super) what: &'a str,
    pub(super) advice: &'a str,
}

/// All problems of an import.
pub(super) struct Problems {
    table: csv::Writer<BufWriter<File>>,
    watch: Arc<dyn Watch>,
    limits: Limits,
    usage: Arc<Usage>,
    count: u64,
}

impl Problems {
    /// Problems that are written to `file`.
    pub(super) fn new(
        file: File,
        watch: Arc<dyn Watch>,
        limits: Limits,
        usage: Arc<Usage>,
    ) -> anyhow::Result<Self> {
        let mut table = csv::Writer::from_writer(BufWriter::new(file));
        table.write_record(COLUMNS)?;
        Ok(Self {
            table,
            watch,
            limits,
            usage,
            count: 0,
        })
    }

    /// Tells and counts one.
    pub(super) fn add(&mut self, problem: &Problem<'_>) -> Result<(), Halt> {
        let line = problem.line.to_string();
        let cells = [
            problem.file,
            &line,
            problem.column,
            problem.what,
            problem.advice,
        ];
        let size: usize = cells.iter().map(|cell| cell.len() + 3).sum();
        if !self.usage.take(Limit::OutputMib, size as u64, &self.limits) {
            return Err(TooMuch(Limit::OutputMib).into());
        }
        self.count += 1;
        if self.count <= MOST_TOLD {
            let column = match problem.column {
                "" => String::new(),
                column => format!("{column}: "),
            };
            self.watch.problem(&format!(
                "{}:{}: {column}{}; {}",
                problem.file, problem.line, problem.what, problem.advice
            ));
        }
        let safe = cells.map(|cell| guarded(cell).into_owned());
        self.table
            .write_record(safe)
            .map_err(|error| Halt::Failed(error.into()))
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Ends the table.
    pub(super) fn finish(&mut self) -> std::io::Result<()> {
        self.table.flush()
    }
}

/// A value as a problem repeats it.
pub(super) fn quoted(value: &str) -> String {
    crate::collect::quoted(value, 80)
}
