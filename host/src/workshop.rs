//! Where a run's files are made, and how they take the place of an earlier run's.

use crate::collect::Format;
use crate::report;
use anyhow::{Context, anyhow};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A directory beside the results where a run's files are made; it goes when it is dropped. A run that was killed leaves
/// its own, which the next one removes: it knows it by a lock that nobody holds any more.
pub(crate) struct Workshop {
    directory: tempfile::TempDir,
    out: PathBuf,
    _lock: fs::File,
}

/// How a run's directory is called, before some random letters.
const PREFIX: &str = ".run-";

/// The file in it that its run holds locked.
const LOCK: &str = "lock";

/// Removes what runs left that were killed. What can't be removed stays.
fn remove_stale(out: &Path) {
    let entries = fs::read_dir(out).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        // One that has no lock file yet is being made.
        let is_free =
            fs::File::open(entry.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_free && fs::remove_dir_all(entry.path()).is_err() {
            tracing::debug!(
                "{} of a run that was killed can't be removed",
                entry.path().display()
            );
        }
    }
}

impl Workshop {
    pub(crate) fn new(out: &Path) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(out)
            .with_context(|| format!("nothing can be written to {}", out.display()))?;
        let lock = fs::File::create(directory.path().join(LOCK))?;
        lock.try_lock()
            .map_err(|error| anyhow!("the new directory can't be locked: {error}"))?;
        remove_stale(out);
        Ok(Self {
            directory,
            out: out.to_owned(),
            _lock: lock,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Creates an empty file that its owner alone can read.
    pub(crate) fn private_file(&self, name: &str) -> std::io::Result<(PathBuf, fs::File)> {
        let path = self.path().join(name);
        let file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok((path, file))
    }

    pub(crate) fn write_private(&self, name: &str, text: &str) -> std::io::Result<()> {
        self.private_file(name)?.1.write_all(text.as_bytes())
    }

    /// Puts a finished run in the place of an earlier one: its exports and its `records`.
    pub(crate) fn publish(&self, formats: &[Format], records: &[&str]) -> anyhow::Result<()> {
        // The report vouches for the other files: it goes first, and comes last.
        self.remove("run.json")?;
        let exports = formats.iter().flat_map(|format| format.files());
        let others = records.iter().copied().filter(|name| *name != "run.json");
        for name in exports.chain(others) {
            self.put(name, name)?;
        }
        for name in report::RECORDS.iter().chain([&report::PROBLEMS]) {
            if !records.contains(name) {
                self.remove(name)?;
            }
        }
        for format in [Format::Csv, Format::Jsonl] {
            if !formats.contains(&format) {
                format
                    .files()
                    .into_iter()
                    .try_for_each(|name| self.remove(name))?;
            }
        }
        self.put("run.json", "run.json")?;
        report::RECORDS
            .iter()
            .try_for_each(|name| self.remove(&format!("failed-{name}")))
    }

    /// Of a run that the host could not finish there is at least its audit log, as far as it could be written.
    pub(crate) fn publish_audit(&self) {
        if let Err(error) = self.put("audit.jsonl", "failed-audit.jsonl") {
            tracing::warn!("the audit log is lost too: {error:#}");
        }
    }

    pub(crate) fn publish_failure(&self) -> anyhow::Result<()> {
        report::RECORDS
            .iter()
            .try_for_each(|name| self.put(name, &format!("failed-{name}")))
    }

    fn put(&self, from: &str, to: &str) -> anyhow::Result<()> {
        let (from, to) = (self.path().join(from), self.out.join(to));
        // On disk before it has its name, so that a crash leaves the old file or the whole new one.
        fs::File::open(&from)?.sync_all()?;
        fs::rename(&from, &to).with_context(|| format!("{} can't be written", to.display()))
    }

    fn remove(&self, name: &str) -> anyhow::Result<()> {
        match fs::remove_file(self.out.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("the old {name} can't be removed"))
            }
            _ => Ok(()),
        }
    }
}
