//! Where a run's files are made, and how they take the place of an earlier run's.

use crate::collect::Format;
use crate::report;
use anyhow::Context;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A directory beside the results where a run's files are made; it goes when it is dropped.
pub(super) struct Workshop {
    directory: tempfile::TempDir,
    out: PathBuf,
}

impl Workshop {
    pub(super) fn new(out: &Path) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix(".run-")
            .tempdir_in(out)
            .with_context(|| format!("nothing can be written to {}", out.display()))?;
        Ok(Self {
            directory,
            out: out.to_owned(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Creates an empty file that its owner alone can read.
    pub(super) fn private_file(&self, name: &str) -> std::io::Result<(PathBuf, fs::File)> {
        let path = self.path().join(name);
        let file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok((path, file))
    }

    pub(super) fn write_private(&self, name: &str, text: &str) -> std::io::Result<()> {
        self.private_file(name)?.1.write_all(text.as_bytes())
    }

    /// Puts a finished run in the place of an earlier one.
    pub(super) fn publish(&self, formats: &[Format]) -> anyhow::Result<()> {
        let exports = formats.iter().flat_map(|format| format.files());
        for name in exports.chain(report::RECORDS) {
            self.put(name, name)?;
        }
        for format in [Format::Csv, Format::Jsonl] {
            if !formats.contains(&format) {
                format
                    .files()
                    .into_iter()
                    .try_for_each(|name| self.remove(name))?;
            }
        }
        report::RECORDS
            .iter()
            .try_for_each(|name| self.remove(&format!("failed-{name}")))
    }

    pub(super) fn publish_failure(&self) -> anyhow::Result<()> {
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
