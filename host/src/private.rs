//! A directory that only the host's user can write to: for what another user must not be able to put there.

use crate::directory::Directory;
use rustix::fs::{Stat, fstat};
use rustix::process::geteuid;
use std::fs::File;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The directory. Everything is opened below it, so that a directory that is exchanged later gains nothing.
pub struct PrivateDirectory {
    directory: Directory,
    path: PathBuf,
}

/// Why a directory or a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// It can't be opened.
    #[error("{0}")]
    Unusable(#[from] std::io::Error),
    /// It is somebody else's.
    #[error("it belongs to another user")]
    Owner,
    /// Others may write to it.
    #[error("others than its owner may write to it; take that right away with chmod go-w")]
    Mode,
}

impl PrivateDirectory {
    /// `portcullis` below the directory that this variable names, or below `fallback` in the user's home.
    pub fn usual_path(variable: &str, fallback: &str) -> Option<PathBuf> {
        let absolute = |name: &str| {
            let path = PathBuf::from(std::env::var_os(name)?);
            path.is_absolute().then_some(path)
        };
        let base = absolute(variable).or_else(|| Some(absolute("HOME")?.join(fallback)))?;
        Some(base.join("portcullis"))
    }

    /// Opens the directory, and creates it where it is missing. A link to it is followed once.
    ///
    /// # Errors
    /// Where somebody else owns it or may write to it, or it can't be opened.
    pub fn open(path: &Path) -> Result<Self, PrivateError> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)?;
        let directory = Directory::open(path)?;
        check(&directory.stat()?)?;
        Ok(Self {
            directory,
            path: path.to_owned(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file to read; none where there is none.
    ///
    /// # Errors
    /// Where somebody else owns it or may write to it, or it can't be opened.
    pub fn read(&self, name: &str) -> Result<Option<File>, PrivateError> {
        match self.directory.read(name) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            opened => checked(opened?).map(Some),
        }
    }

    /// A file to add to, its owner's alone; created where it is missing.
    ///
    /// # Errors
    /// As [`PrivateDirectory::read`].
    pub fn append(&self, name: &str) -> Result<File, PrivateError> {
        checked(self.directory.append(name)?)
    }

    /// A new file, its owner's alone.
    ///
    /// # Errors
    /// Where it exists or can't be created.
    pub fn create(&self, name: &str) -> Result<File, PrivateError> {
        checked(self.directory.create(name)?)
    }

    /// Gives a file another name, in place of whatever has it.
    ///
    /// # Errors
    /// The system's.
    pub fn rename(&self, from: &str, to: &str) -> std::io::Result<()> {
        self.directory.rename(from, &self.directory, to)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// The system's.
    pub fn remove(&self, name: &str) -> std::io::Result<()> {
        self.directory.remove(name)
    }
}

fn checked(file: File) -> Result<File, PrivateError> {
    check(&fstat(&file).map_err(std::io::Error::from)?)?;
    Ok(file)
}

/// Whether the host's user owns it and nobody else may write to it.
fn check(stat: &Stat) -> Result<(), PrivateError> {
    if stat.st_uid != geteuid().as_raw() {
        return Err(PrivateError::Owner);
    }
    if stat.st_mode & 0o022 != 0 {
        return Err(PrivateError::Mode);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_users_directory_is_not_used() {
        // Whoever runs this owns neither, or is root and owns both; then there is nothing to see.
        for path in ["/proc/1", "/"] {
            if let Ok(stat) = rustix::fs::stat(path)
                && stat.st_uid != geteuid().as_raw()
            {
                assert!(matches!(check(&stat), Err(PrivateError::Owner)), "{path}");
            }
        }
        let mut stat = rustix::fs::stat("/").unwrap();
        stat.st_uid = geteuid().as_raw().wrapping_add(1);
        assert!(matches!(check(&stat), Err(PrivateError::Owner)));
    }
}
