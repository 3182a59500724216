//! Where a run's files are made, and how they take the place of an earlier run's.

use crate::collect::Format;
use crate::directory::Directory;
use crate::report;
use anyhow::{Context, anyhow};
use rustix::process::geteuid;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A directory beside the results where a run's files are made; it goes when it is dropped. A run that was killed leaves
/// its own, which the next one removes: it knows it by a lock that nobody holds any more.
pub(crate) struct Workshop {
    /// Where the results go.
    out: Directory,
    out_path: PathBuf,
    /// The directory beside them, and its name.
    inside: Directory,
    name: OsString,
    path: PathBuf,
    _lock: fs::File,
}

/// How a run's directory is called, before some random letters.
const PREFIX: &str = ".run-";

/// The file in it that its run holds locked.
const LOCK: &str = "lock";

/// Removes what runs left that were killed. What can't be removed stays.
fn remove_stale(out: &Directory) {
    for name in out.names(PREFIX).unwrap_or_default() {
        if let Ok(true) = is_stale(out, &name)
            && out.remove_directory(&name).is_err()
        {
            tracing::debug!("{name:?} of a run that was killed can't be removed");
        }
    }
}

/// Whether a run that was killed left it: it is this user's, and nobody holds its lock. One that has no lock yet is being
/// made.
fn is_stale(out: &Directory, name: &OsString) -> std::io::Result<bool> {
    let directory = out.enter(name)?;
    let is_own = directory.stat()?.st_uid == geteuid().as_raw();
    Ok(is_own && directory.read(LOCK)?.try_lock().is_ok())
}

impl Workshop {
    pub(crate) fn new(path: &Path) -> anyhow::Result<Self> {
        let failed = || format!("nothing can be written to {}", path.display());
        let out = Directory::open(path).with_context(failed)?;
        let name: OsString = format!("{PREFIX}{:016x}", fastrand::u64(..)).into();
        let inside = out.make(&name).with_context(failed)?;
        // SQLite and the exports open their files by name.
        let real = fs::canonicalize(path).with_context(failed)?;
        let lock = inside.create(LOCK)?;
        lock.try_lock()
            .map_err(|error| anyhow!("the new directory can't be locked: {error}"))?;
        remove_stale(&out);
        Ok(Self {
            path: real.join(&name),
            out_path: path.to_owned(),
            out,
            inside,
            name,
            _lock: lock,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates an empty file that its owner alone can read.
    pub(crate) fn private_file(&self, name: &str) -> std::io::Result<(PathBuf, fs::File)> {
        let file = self.inside.create(name)?;
        Ok((self.path.join(name), file))
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
        // On disk before it has its name, so that a crash leaves the old file or the whole new one.
        self.inside.read(from)?.sync_all()?;
        self.inside
            .rename(from, &self.out, to)
            .with_context(|| format!("{} can't be written", self.out_path.join(to).display()))
    }

    fn remove(&self, name: &str) -> anyhow::Result<()> {
        match self.out.remove(name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("the old {name} can't be removed"))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        if let Err(error) = self.out.remove_directory(&self.name) {
            tracing::debug!("{} can't be removed: {error}", self.path.display());
        }
    }
}
