//! A directory that is held open, and the files in it.
//!
//! The path of a directory is followed once, links included: a person gave it. What lies in the directory may be somebody
//! else's doing. So no file is opened through a link, opening a file never waits (a FIFO would make it wait for ever), and
//! only regular files are used.

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, renameat, unlinkat,
};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

/// The directory.
pub(crate) struct Directory(OwnedFd);

/// What the last part of a path is opened with, whatever it is.
const SAFELY: OFlags = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

impl Directory {
    /// Opens the directory that the path leads to.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        let directory = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Self(directory))
    }

    /// Opens the directory that a file lies in, and tells the file's name in it.
    pub(crate) fn of(file: &Path) -> std::io::Result<(Self, &OsStr)> {
        let (parent, name) = split(file)?;
        Ok((Self::open(parent)?, name))
    }

    /// Opens a directory in it.
    pub(crate) fn enter(&self, name: &OsStr) -> std::io::Result<Self> {
        let flags = SAFELY | OFlags::DIRECTORY | OFlags::RDONLY;
        Ok(Self(openat(&self.0, name, flags, Mode::empty())?))
    }

    /// Makes a directory in it that its owner alone can use.
    pub(crate) fn make(&self, name: &OsStr) -> std::io::Result<Self> {
        mkdirat(&self.0, name, Mode::RWXU)?;
        self.enter(name)
    }

    /// What the system says of it.
    pub(crate) fn stat(&self) -> std::io::Result<Stat> {
        Ok(fstat(&self.0)?)
    }

    /// A file to read.
    pub(crate) fn read(&self, name: impl AsRef<OsStr>) -> std::io::Result<File> {
        self.file(name.as_ref(), OFlags::RDONLY)
            .map(|(file, _)| file)
    }

    /// A file to add to, created for its owner alone where it is missing. One that has another name too is refused: the
    /// other name may be somebody else's.
    pub(crate) fn append(&self, name: impl AsRef<OsStr>) -> std::io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
        let (file, stat) = self.file(name.as_ref(), flags)?;
        only_one_name(&stat)?;
        Ok(file)
    }

    /// A new file for its owner alone.
    pub(crate) fn create(&self, name: impl AsRef<OsStr>) -> std::io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        self.file(name.as_ref(), flags).map(|(file, _)| file)
    }

    /// Checks a file that somebody else opens by its path, to write to it. Whether there is one.
    pub(crate) fn check(&self, name: impl AsRef<OsStr>) -> std::io::Result<bool> {
        match self.file(name.as_ref(), OFlags::RDONLY) {
            Ok((_, stat)) => only_one_name(&stat).map(|()| true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gives a file another name, perhaps in another directory, in place of whatever has it.
    pub(crate) fn rename(
        &self,
        from: impl AsRef<OsStr>,
        to: &Self,
        name: impl AsRef<OsStr>,
    ) -> std::io::Result<()> {
        Ok(renameat(&self.0, from.as_ref(), &to.0, name.as_ref())?)
    }

    /// Removes a file.
    pub(crate) fn remove(&self, name: impl AsRef<OsStr>) -> std::io::Result<()> {
        Ok(unlinkat(&self.0, name.as_ref(), AtFlags::empty())?)
    }

    /// Removes a directory in it, and the files in that. One with directories in it stays.
    pub(crate) fn remove_directory(&self, name: &OsStr) -> std::io::Result<()> {
        let inner = self.enter(name)?;
        for file in inner.names("")? {
            inner.remove(&file)?;
        }
        Ok(unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    /// The names in it that begin like this.
    pub(crate) fn names(&self, beginning: &str) -> std::io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." && name.starts_with(beginning.as_bytes()) {
                names.push(OsString::from_vec(name));
            }
        }
        Ok(names)
    }

    fn file(&self, name: &OsStr, flags: OFlags) -> std::io::Result<(File, Stat)> {
        let opened = openat(&self.0, name, flags | SAFELY, Mode::RUSR | Mode::WUSR);
        let file = opened.map_err(|errno| match errno {
            Errno::LOOP => Error::new(
                ErrorKind::InvalidInput,
                "it is a symbolic link; name the file itself",
            ),
            // A FIFO that nobody reads, or a socket.
            Errno::NXIO => not_regular(),
            other => other.into(),
        })?;
        let stat = fstat(&file)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok((file.into(), stat)),
            _ => Err(not_regular()),
        }
    }
}

/// The directory that a file lies in, and the file's name in it.
pub(crate) fn split(file: &Path) -> std::io::Result<(&Path, &OsStr)> {
    let unnamed = || Error::new(ErrorKind::InvalidInput, "the path does not name a file");
    let name = file.file_name().ok_or_else(unnamed)?;
    let parent = file.parent().filter(|parent| *parent != Path::new(""));
    Ok((parent.unwrap_or(Path::new(".")), name))
}

fn only_one_name(stat: &Stat) -> std::io::Result<()> {
    if stat.st_nlink > 1 {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "it has another name too (a hard link); name a file of its own",
        ));
    }
    Ok(())
}

fn not_regular() -> Error {
    Error::new(ErrorKind::InvalidInput, "it is not a regular file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, mknodat};
    use std::os::unix::fs::symlink;

    /// What may lie where a file is expected.
    fn fifo(path: &Path) {
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }

    #[test]
    fn only_regular_files_are_opened_and_none_through_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("file"), "x").unwrap();
        symlink(path("file"), path("link")).unwrap();
        symlink(path("nothing"), path("dangling")).unwrap();
        std::fs::create_dir(path("directory")).unwrap();
        symlink(path("directory"), path("way")).unwrap();
        fifo(&path("fifo"));
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        let held = Directory::open(directory.path()).unwrap();
        for name in ["link", "dangling", "directory", "way", "fifo", "socket"] {
            assert!(held.read(name).is_err(), "{name}");
            assert!(held.append(name).is_err(), "{name}");
            assert!(held.check(name).is_err(), "{name}");
        }
        assert!(!path("nothing").exists(), "nothing was created by a link");
        assert!(held.enter("way".as_ref()).is_err());
        assert!(
            Directory::open(Path::new("/dev"))
                .unwrap()
                .append("null")
                .is_err()
        );
        held.append("file").unwrap();
        assert!(held.check("file").unwrap() && !held.check("nothing").unwrap());
        std::fs::hard_link(path("file"), path("second")).unwrap();
        assert!(held.append("second").is_err() && held.check("second").is_err());
        // The directory itself may be given by a link.
        let linked = Directory::open(&path("way")).unwrap();
        linked.create("new").unwrap();
        assert!(path("directory/new").exists());
    }

    #[test]
    fn a_directory_is_removed_with_its_files_and_not_what_its_links_lead_to() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::create_dir(path("other")).unwrap();
        std::fs::write(path("other/file"), "x").unwrap();
        std::fs::create_dir(path("gone")).unwrap();
        symlink(path("other"), path("gone/link")).unwrap();
        symlink(path("other"), path("link")).unwrap();
        let held = Directory::open(directory.path()).unwrap();
        held.remove_directory("gone".as_ref()).unwrap();
        assert!(!path("gone").exists() && path("other/file").exists());
        assert!(held.remove_directory("link".as_ref()).is_err());
        assert!(path("link").exists() && path("other/file").exists());
    }
}
