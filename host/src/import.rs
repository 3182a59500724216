//! Two uploaded CSV files in place of a connector: read, checked row by row, and left as a run leaves what it read.
//!
//! The files may be a tenant's: whatever they hold, the host's memory stays flat, and nothing in them steers a terminal or a
//! spreadsheet.

mod checks;
mod entities;
mod header;
mod problems;
mod relations;
mod rows;
mod text;

pub use text::Source;

use crate::app::App;
use crate::collect::{
    Before, Collector, Coverage, ENTITY_COLUMNS, Format, Item, Loose, Origin, RELATION_COLUMNS,
    RunFile, Status, Stop, TooMuch, Untaken,
};
use crate::limits::{Limit, Limits, Usage};
use crate::manifest::Manifest;
use crate::outcome::Outcome;
use crate::report::{self, Asked, Counts, Facts, ImportedFile, PROBLEMS, Report};
use crate::settle::{Exports, Settled};
use crate::vault::Vault;
use crate::workshop::Workshop;
use anyhow::{Context, anyhow};
use checks::{Checks, LastMetadata, Notes};
use header::Header;
use problems::{Problem, Problems, quoted};
use rows::{LONGEST_ROW, MOST_CELLS, Next, Rows};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use text::{NoText, Stopped, Text, TooLong};
use time::OffsetDateTime;

/// How much of a file is looked at to find out what separates its cells, in bytes.
const BEGINNING: usize = 64 * 1024;

/// What is kept in memory of the run file, in MiB: rows come in any order.
const CACHE_MIB: u32 = 16;

/// The families of the coverage.
const FAMILIES: [&str; 2] = ["entities", "relations"];

/// What is imported, and how.
#[derive(Debug, Clone)]
pub struct Import {
    /// The name of the connector whose product the files are about.
    pub connector: String,
    /// App and Source System.
    pub app: App,
    /// What it may use: `items`, `item_kib`, `output_mib` and `wall_seconds` bound it. The same number of MiB bounds each
    /// file, as unpacked.
    pub limits: Limits,
    /// Whether rows without problems are taken where others have some.
    pub keep_going: bool,
    /// The forms of the exports.
    pub formats: Vec<Format>,
    /// Where all problems are written to, whether or not something is kept.
    pub problems: Option<PathBuf>,
}

/// Watches an import.
pub trait Watch: Send + Sync {
    /// So many bytes of a file were read, of so many.
    fn read(&self, file: &str, done: u64, total: Option<u64>);
    /// Everything was read, and is checked as a whole and exported.
    fn settling(&self);
    /// One of the first problems, as a line for a person.
    fn problem(&self, line: &str);
}

/// Why an import does not go on.
#[derive(Debug, thiserror::Error)]
enum Halt {
    /// A limit is used up.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// A file can't be read at all, or not to its end; a problem says why.
    #[error("a file can't be read")]
    Unreadable,
    /// It was stopped from outside.
    #[error("stopped")]
    Stopped,
    /// The host can't go on.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

impl From<rusqlite::Error> for Halt {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(anyhow!(error).context("the run file can't be written"))
    }
}

impl Import {
    /// An import for a connector's product, with the manifest's app and limits.
    pub fn new(manifest: &Manifest) -> Self {
        Self {
            connector: manifest.name.clone(),
            app: manifest.app.clone(),
            limits: manifest.limits,
            keep_going: false,
            formats: vec![Format::Csv],
            problems: None,
        }
    }

    /// Imports entities and relations, and leaves run file, exports and report in `out`. Where the files have problems, or
    /// it is stopped by `cancelled` or by a limit, nothing is left there, and an earlier run's files stay.
    ///
    /// # Errors
    /// Where the disk is full or broken.
    pub async fn import(
        self,
        sources: [Source; 2],
        out: &Path,
        watch: Arc<dyn Watch>,
        cancelled: impl Future<Output = ()>,
    ) -> anyhow::Result<Report> {
        let was_there = out.exists();
        fs::create_dir_all(out).with_context(|| format!("{} can't be created", out.display()))?;
        let workshop = Workshop::new(out)?;
        let imported = self.import_in(&workshop, sources, watch, cancelled).await;
        drop(workshop);
        let is_kept = imported
            .as_ref()
            .is_ok_and(|report| report.outcome.finished());
        if !was_there && !is_kept {
            // Empty, or somebody else has put something there.
            let _ = fs::remove_dir(out);
        }
        imported
    }

    async fn import_in(
        self,
        workshop: &Workshop,
        sources: [Source; 2],
        watch: Arc<dyn Watch>,
        cancelled: impl Future<Output = ()>,
    ) -> anyhow::Result<Report> {
        let started = (Instant::now(), OffsetDateTime::now_utc());
        let (path, _) = workshop.private_file("run.db")?;
        let file = RunFile::create(&path).context("the run file can't be written")?;
        file.cache(CACHE_MIB)
            .context("the run file can't be written")?;
        let (problems_path, problems) = workshop.private_file(PROBLEMS)?;
        let stop = file.stop();
        let usage = Arc::new(Usage::default());
        let problems = Problems::new(
            problems,
            Arc::clone(&watch),
            self.limits,
            Arc::clone(&usage),
        )?;
        let work = Work {
            import: self.clone(),
            problems,
            notes: Notes::default(),
            files: Vec::new(),
            usage: Arc::clone(&usage),
            stop: stop.clone(),
            watch,
        };
        let directory = workshop.path().to_owned();
        // What stops it is in place before it begins.
        let mut cancelled = std::pin::pin!(cancelled);
        let is_cancelled = futures::poll!(cancelled.as_mut()).is_ready();
        let mut working = tokio::task::spawn_blocking(move || work.work(file, sources, directory));
        let wall = Duration::from_secs(self.limits.wall_seconds);
        let stopped = tokio::select! {
            biased;
            () = std::future::ready(()), if is_cancelled => Err(Outcome::Cancelled),
            worked = &mut working => Ok(worked),
            () = cancelled => Err(Outcome::Cancelled),
            () = tokio::time::sleep(wall) => Err(Outcome::exhausted(Limit::WallSeconds, &self.limits)),
        };
        let duration = started.0.elapsed();
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        usage.peak(Limit::WallSeconds, nanos);
        let bounding = [
            Limit::WallSeconds,
            Limit::Items,
            Limit::ItemKib,
            Limit::OutputMib,
        ];
        let facts = |files| Facts {
            connector: self.connector.clone(),
            digest: None,
            files,
            limits: usage
                .against(&self.limits)
                .into_iter()
                .filter(|row| bounding.contains(&row.limit))
                .collect(),
            settings: Default::default(),
            started: started.1,
            duration,
            secrets_redacted: 0,
        };
        let worked = match stopped {
            Ok(worked) => worked.context("the import could not be finished")??,
            // Nobody waits for what may be waiting for standard input; what it writes to is gone.
            Err(outcome) => {
                stop.ask();
                let counts = Counts::default();
                return Ok(Report::new(
                    facts(Vec::new()),
                    outcome,
                    counts,
                    Asked::default(),
                ));
            }
        };
        if let Some(path) = &self.problems {
            fs::copy(problems_path, path)
                .with_context(|| format!("the problems can't be written to {}", path.display()))?;
        }
        let Settled { outcome, counts } = worked.settled;
        let report = Report::new(facts(worked.files), outcome, counts, Asked::default());
        if report.outcome.finished() {
            workshop.write_private("run.json", &report::json(&report)?)?;
            workshop.publish(&self.formats, &report.records())?;
        }
        Ok(report)
    }
}

/// An import under way.
struct Work {
    import: Import,
    problems: Problems,
    notes: Notes,
    files: Vec<ImportedFile>,
    usage: Arc<Usage>,
    stop: Stop,
    watch: Arc<dyn Watch>,
}

/// What came of it.
struct Worked {
    settled: Settled,
    files: Vec<ImportedFile>,
}

/// Turns a row into an item; none where something is wrong with it, which was told.
type Convert = fn(&mut Checks<'_>) -> Result<Option<Item>, Halt>;

impl Work {
    fn work(
        mut self,
        file: RunFile,
        sources: [Source; 2],
        directory: PathBuf,
    ) -> anyhow::Result<Worked> {
        let done = self.read_and_settle(file, sources, directory);
        self.problems
            .finish()
            .context("the problems can't be written")?;
        let settled = match done {
            Ok(settled) => settled,
            Err(halt) => Settled {
                outcome: match halt {
                    Halt::TooMuch(TooMuch(limit)) => Outcome::exhausted(limit, &self.import.limits),
                    Halt::Unreadable => self.refused("mend that and import again"),
                    Halt::Stopped => Outcome::Cancelled,
                    Halt::Failed(error) => return Err(error),
                },
                counts: Counts::default(),
            },
        };
        Ok(Worked {
            settled,
            files: self.files,
        })
    }

    fn refused(&self, message: &str) -> Outcome {
        Outcome::BadFiles {
            problems: self.problems.count(),
            message: message.to_owned(),
        }
    }

    fn read_and_settle(
        &mut self,
        file: RunFile,
        [entities, relations]: [Source; 2],
        directory: PathBuf,
    ) -> Result<Settled, Halt> {
        // There is no secret to be redacted.
        let redactor = Vault::new(Default::default()).redactor().clone();
        let limits = self.import.limits;
        let mut collector = Collector::new(file, redactor, limits, Arc::clone(&self.usage));
        let relations_file = relations.name().to_owned();
        let required: [&[&str]; 2] = [&entities::REQUIRED, &relations::REQUIRED];
        self.read(
            entities,
            &ENTITY_COLUMNS,
            required[0],
            entities::entity,
            &mut collector,
        )?;
        self.expect_entities()?;
        let entity_problems = self.problems.count();
        self.read(
            relations,
            &RELATION_COLUMNS,
            required[1],
            relations::relation,
            &mut collector,
        )?;
        self.watch.settling();
        let mut file = collector.into_file()?;
        file.seal()?;
        let settled = file.wholly(|file| {
            self.settle(file, entity_problems, &relations_file, directory)
                .map_err(anyhow::Error::from)
        });
        let settled = settled.map_err(|error| match error.downcast::<Halt>() {
            Ok(halt) => halt,
            Err(error) => Halt::Failed(error),
        })?;
        file.close()?;
        settled.ok_or(Halt::Stopped)
    }

    /// Reads one file to its end.
    fn read(
        &mut self,
        source: Source,
        columns: &[&'static str; 8],
        required: &[&'static str],
        convert: Convert,
        collector: &mut Collector,
    ) -> Result<(), Halt> {
        let name = source.name().to_owned();
        let most = self.import.limits.amount(Limit::OutputMib);
        let text = Text::of(source, most, self.stop.clone(), Arc::clone(&self.watch));
        let text = text.map_err(|error| self.unreadable(&name, 1, &error))?;
        let (encoding, gzip) = (text.encoding, text.gzip);
        let peeked = text::peeked(text.reader, BEGINNING);
        let (head, mut reader) = peeked.map_err(|error| self.unreadable(&name, 1, &error))?;
        let (separator, said_in) = header::separator(&head, columns);
        std::io::Read::read_exact(&mut reader, &mut vec![0; said_in])
            .map_err(|error| self.unreadable(&name, 1, &error))?;
        let mut rows = Rows::new(reader, separator, if said_in > 0 { 2 } else { 1 });
        let mut file = ImportedFile {
            name,
            encoding,
            separator: separator.into(),
            gzip,
            ignored_columns: Vec::new(),
            rows: 0,
            bad_rows: 0,
        };
        let header = self.header(&mut rows, &mut file, columns, required)?;
        let read = self.rows(&mut rows, &header, &mut file, convert, collector);
        self.files.push(file);
        read
    }

    fn header(
        &mut self,
        rows: &mut Rows<impl std::io::Read>,
        file: &mut ImportedFile,
        columns: &[&'static str; 8],
        required: &[&'static str],
    ) -> Result<Header, Halt> {
        let mut fault = |line, column: &str, what: &str| {
            let problem = Problem {
                file: &file.name,
                line,
                column,
                what,
                advice: "the first row must name the columns; `portcullis template` writes an example",
            };
            self.problems.add(&problem)
        };
        loop {
            let row = match rows.next() {
                Ok(Next::Row(row)) if row.is_blank() => continue,
                Ok(Next::Row(row)) => row,
                Ok(Next::TooLong(line) | Next::Unclosed(line)) => {
                    fault(line, "", "the first row is no header")?;
                    return Err(Halt::Unreadable);
                }
                Ok(Next::End) => {
                    fault(1, "", "the file is empty")?;
                    return Err(Halt::Unreadable);
                }
                Err(error) => return Err(self.unreadable(&file.name, 1, &error)),
            };
            match Header::read(&row, columns, required) {
                Ok(header) => {
                    file.ignored_columns.clone_from(&header.ignored);
                    return Ok(header);
                }
                Err(faults) => {
                    for (column, what) in faults {
                        fault(row.line, column, what)?;
                    }
                    return Err(Halt::Unreadable);
                }
            }
        }
    }

    fn rows(
        &mut self,
        rows: &mut Rows<impl std::io::Read>,
        header: &Header,
        file: &mut ImportedFile,
        convert: Convert,
        collector: &mut Collector,
    ) -> Result<(), Halt> {
        let mut last = 1;
        let mut metadata = LastMetadata::default();
        loop {
            let row = match rows.next() {
                Ok(Next::Row(row)) => row,
                Ok(Next::TooLong(line)) => {
                    let what = format!(
                        "a row of more than {} KiB or {MOST_CELLS} cells begins here",
                        LONGEST_ROW >> 10
                    );
                    last = line;
                    self.lost(file, line, &what)?;
                    continue;
                }
                Ok(Next::Unclosed(line)) => {
                    last = line;
                    let what = "a row begins here that goes on to the end of the file";
                    self.lost(file, line, what)?;
                    continue;
                }
                Ok(Next::End) => return Ok(()),
                Err(error) => return Err(self.unreadable(&file.name, last, &error)),
            };
            last = row.line;
            if row.is_blank() || (0..row.len()).all(|cell| row.cell(cell) == Some("")) {
                continue;
            }
            file.rows += 1;
            let mut checks = Checks {
                problems: &mut self.problems,
                notes: &mut self.notes,
                last: &mut metadata,
                file: &file.name,
                line: row.line,
                app: &self.import.app,
                header,
                row: &row,
                is_bad: false,
            };
            if let Some(item) = convert(&mut checks)? {
                write(collector, item, &mut checks)?;
            }
            file.bad_rows += u64::from(checks.is_bad);
        }
    }

    /// A row whose end was not found where it should be, so that rows behind it may be in its cells.
    fn lost(&mut self, file: &mut ImportedFile, line: u64, what: &str) -> Result<(), Halt> {
        file.rows += 1;
        file.bad_rows += 1;
        self.problems.add(&Problem {
            file: &file.name,
            line,
            column: "",
            what,
            advice: "look for a double quote that is not closed",
        })
    }

    /// Files without any entity are an upload that went wrong: they would take the place of what is known.
    fn expect_entities(&mut self) -> Result<(), Halt> {
        match self.files.first() {
            Some(file) if file.rows == 0 => {
                self.problems.add(&Problem {
                    file: &file.name,
                    line: 1,
                    column: "",
                    what: "there is no row below the header",
                    advice: "upload the file with its rows",
                })?;
                Err(Halt::Unreadable)
            }
            _ => Ok(()),
        }
    }

    /// A file that can't be read, or not to its end.
    fn unreadable(&mut self, name: &str, line: u64, error: &std::io::Error) -> Halt {
        let inner = error.get_ref();
        if inner.is_some_and(|inner| inner.is::<Stopped>()) {
            return Halt::Stopped;
        }
        if inner.is_some_and(|inner| inner.is::<TooLong>()) {
            return TooMuch(Limit::OutputMib).into();
        }
        let advice = match inner.and_then(|inner| inner.downcast_ref::<NoText>()) {
            Some(_) => "save it as CSV UTF-8",
            None => "it may be damaged or cut off: upload it again",
        };
        let problem = Problem {
            file: name,
            line,
            column: "",
            what: &format!("the file can't be read beyond here: {error}"),
            advice,
        };
        match self.problems.add(&problem) {
            Ok(()) => Halt::Unreadable,
            Err(halt) => halt,
        }
    }

    /// Checks what was read as a whole, and exports it.
    fn settle(
        &mut self,
        file: &mut RunFile,
        entity_problems: u64,
        relations_file: &str,
        directory: PathBuf,
    ) -> Result<Settled, Halt> {
        self.check_ends(file, relations_file)?;
        let problems = self.problems.count();
        if problems > 0 && !self.import.keep_going {
            let outcome = self.refused(
                "mend them and import again; --problems FILE writes all of them down, and --keep-going takes the rows that have none",
            );
            let counts = Counts::default();
            return Ok(Settled { outcome, counts });
        }
        let left_out = [entity_problems, problems - entity_problems];
        for (family, problems) in FAMILIES.into_iter().zip(left_out) {
            file.cover(covered(family, problems))?;
        }
        self.warn(file)?;
        let outcome = match file.gaps()? {
            0 => Outcome::Complete,
            gaps => Outcome::Partial { gaps },
        };
        file.note("way", "import")?;
        file.note("connector", &self.import.connector)?;
        file.note("outcome", &outcome.to_string())?;
        let counts = Counts::of(file)?;
        let exports = Exports {
            app: self.import.app.clone(),
            formats: self.import.formats.clone(),
            directory,
        };
        exports.write(file)?;
        Ok(Settled { outcome, counts })
    }

    /// Tells the relations whose ends are missing, and the containments in circles, which are taken out.
    fn check_ends(&mut self, file: &mut RunFile, relations_file: &str) -> Result<(), Halt> {
        let problems = &mut self.problems;
        let mut tell = |line: Option<u64>, column: &str, what: &str, advice: &str| {
            problems
                .add(&Problem {
                    file: relations_file,
                    line: line.unwrap_or_default(),
                    column,
                    what,
                    advice,
                })
                .map_err(anyhow::Error::from)
        };
        if file.set_missing_apart()?.relations > 0 {
            file.each_loose(|loose: &Loose| {
                let ends = [
                    ("Parent Entity Source ID", &loose.parent, loose.has_parent),
                    ("Entity Source ID", &loose.child, loose.has_child),
                ];
                for (column, (entity_type, id), is_there) in ends {
                    if !is_there {
                        tell(
                            loose.line,
                            column,
                            &format!("there is no {entity_type} {}", quoted(id)),
                            "add it to the entities, or leave the row out",
                        )?;
                    }
                }
                Ok(())
            })?;
        }
        if file.containment_circles()? > 0 {
            file.take_circles_out(|line, parent, child| {
                tell(
                    line,
                    "",
                    &format!(
                        "{} contains {}, and lies in it: containments form a circle, or lie too deep",
                        quoted(parent),
                        quoted(child)
                    ),
                    "leave out the containment that is wrong",
                )
            })?;
        }
        Ok(())
    }

    fn warn(&self, file: &mut RunFile) -> Result<(), Halt> {
        let notes = &self.notes;
        let counted = [
            (
                notes.other_apps,
                "rows name another App, which is not kept: App is that of the import",
            ),
            (
                notes.broken_names,
                "names held a line break or a tab, which became a space",
            ),
            (
                notes.unknown_levels,
                "rows have a level that is not on the scale, and so have none",
            ),
        ];
        for (count, what) in counted {
            if count > 0 {
                file.warn(&format!("{count} {what}"))?;
            }
        }
        for read in &self.files {
            if !read.ignored_columns.is_empty() {
                let columns = read.ignored_columns.join(", ");
                file.warn(&format!(
                    "{}: columns that are not of the format were not read: {columns}",
                    read.name
                ))?;
            }
        }
        if file.duplicates() > 0 {
            file.warn(&format!(
                "{} rows came more than once; one of each was kept",
                file.duplicates()
            ))?;
        }
        Ok(())
    }
}

/// Writes a row's item, and tells where another row said something else of the same.
fn write(collector: &mut Collector, item: Item, checks: &mut Checks<'_>) -> Result<(), Halt> {
    let (column, same) = match &item {
        Item::Entity(_) => ("Source ID", "has the same Entity Type and Source ID"),
        _ => ("", "ties the same two with the same privilege"),
    };
    match collector.take(item, Origin::Line(checks.line)) {
        Ok(Before::Nothing | Before::Same) => Ok(()),
        Ok(Before::Other(line)) => {
            let line = line.unwrap_or_default();
            let what = format!("line {line} {same}, and says something else");
            checks.problem(column, &what, "leave out the one that is wrong")
        }
        Ok(Before::LeftOut) => checks.problem(
            "",
            "an id or a word of it can't be kept",
            "write one that can be kept as it is",
        ),
        Err(Untaken::Bad(bad)) => checks.problem("", &format!("this is {bad}"), "make it shorter"),
        Err(Untaken::TooMuch(limit)) => Err(limit.into()),
        Err(Untaken::Broken(broken)) => Err(Halt::Failed(broken.into())),
    }
}

/// How much of a file was taken.
fn covered(family: &str, problems: u64) -> Coverage {
    Coverage {
        family: family.to_owned(),
        scope: None,
        status: if problems == 0 {
            Status::Complete
        } else {
            Status::Partial
        },
        reason: (problems > 0).then(|| {
            format!("{problems} problems; the rows that have them were left out, and {PROBLEMS} tells each")
        }),
        slot: None,
    }
}
