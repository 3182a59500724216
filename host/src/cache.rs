//! Compiled components, kept so that a second start takes milliseconds.
//!
//! A compiled component is machine code that the host runs outside of any sandbox, so the cache is used only
//! where nobody else can write: directory and file must belong to the host's user and be closed to others, and the
//! content must have the digest that it was written with. Whatever is not as it should be is compiled anew.

use crate::digest::Digest;
use crate::private::{PrivateDirectory, PrivateError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// A directory of compiled components.
pub struct Cache(PrivateDirectory);

/// Why a directory or an entry is not used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// It is not as private as it must be, or can't be opened.
    #[error(transparent)]
    Private(#[from] PrivateError),
    /// It can't be read.
    #[error("{0}")]
    Unreadable(#[from] std::io::Error),
    /// It was changed since it was written.
    #[error("its content is not what was written")]
    Content,
}

/// What a compiled component is found by.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The component.
    pub component: Digest,
    /// The engine: its version, settings and processor.
    pub engine: Digest,
}

impl Key {
    fn file(&self) -> String {
        format!("{}-{}", self.component, &self.engine.to_string()[..16])
    }
}

impl Cache {
    /// The directory for the user that runs this: `portcullis` in `XDG_CACHE_HOME` or in `~/.cache`.
    pub fn usual_path() -> Option<PathBuf> {
        PrivateDirectory::usual_path("XDG_CACHE_HOME", ".cache")
    }

    /// Opens the directory, and creates it where it is missing.
    ///
    /// # Errors
    /// Where somebody else owns it or may write to it, or it can't be opened.
    pub fn open(path: &Path) -> Result<Self, PrivateError> {
        PrivateDirectory::open(path).map(Self)
    }

    /// The compiled component, where it is here and nobody touched it.
    pub fn get(&self, key: &Key) -> Option<Vec<u8>> {
        match self.read(&key.file()) {
            Ok(compiled) => compiled,
            Err(error) => {
                tracing::warn!(
                    "the compiled component {} is not used: {error}; it is compiled anew",
                    self.0.path().join(key.file()).display()
                );
                None
            }
        }
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, CacheError> {
        let Some(file) = self.0.read(name)? else {
            return Ok(None);
        };
        let (mut digest, mut compiled) = (Vec::new(), Vec::new());
        (&file).take(32).read_to_end(&mut digest)?;
        (&file).read_to_end(&mut compiled)?;
        if digest != Digest::of(&compiled).bytes() {
            return Err(CacheError::Content);
        }
        Ok(Some(compiled))
    }

    /// Keeps a compiled component. Where that fails, it is compiled again next time.
    pub fn put(&self, key: &Key, compiled: &[u8]) {
        if let Err(error) = self.write(&key.file(), compiled) {
            tracing::warn!(
                "the compiled component can't be kept in {}: {error}",
                self.0.path().display()
            );
        }
    }

    fn write(&self, name: &str, compiled: &[u8]) -> Result<(), CacheError> {
        let draft = format!(".{name}-{:016x}", fastrand::u64(..));
        let mut file = self.0.create(&draft)?;
        let written = file
            .write_all(Digest::of(compiled).bytes())
            .and_then(|()| file.write_all(compiled))
            .and_then(|()| self.0.rename(&draft, name));
        if written.is_err() {
            let _ = self.0.remove(&draft);
        }
        Ok(written?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn key() -> Key {
        Key {
            component: Digest::of(b"component"),
            engine: Digest::of(b"engine"),
        }
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_was_put_is_got_until_somebody_changes_it() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(&directory.path().join("deep/cache")).unwrap();
        assert!(cache.get(&key()).is_none());
        cache.put(&key(), b"machine code");
        assert_eq!(cache.get(&key()).unwrap(), b"machine code");

        let file = directory.path().join("deep/cache").join(key().file());
        let whole = std::fs::read(&file).unwrap();
        for position in [0, 31, 32, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[position] ^= 1;
            std::fs::write(&file, &flipped).unwrap();
            assert!(cache.get(&key()).is_none(), "byte {position}");
        }
        std::fs::write(&file, &whole[..20]).unwrap();
        assert!(cache.get(&key()).is_none());
        cache.put(&key(), b"machine code");
        assert_eq!(cache.get(&key()).unwrap(), b"machine code");
    }

    #[test]
    fn what_others_may_write_to_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cache");
        let cache = Cache::open(&path).unwrap();
        cache.put(&key(), b"machine code");
        set_mode(&path.join(key().file()), 0o620);
        assert!(matches!(
            cache.read(&key().file()),
            Err(CacheError::Private(PrivateError::Mode))
        ));
        set_mode(&path, 0o770);
        assert!(matches!(Cache::open(&path), Err(PrivateError::Mode)));
    }

    #[test]
    fn what_is_no_regular_file_is_not_waited_for() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(directory.path()).unwrap();
        let file = directory.path().join(key().file());
        mknodat(CWD, &file, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert!(cache.read(&key().file()).is_err());
        cache.put(&key(), b"machine code");
        assert_eq!(cache.get(&key()).unwrap(), b"machine code");
    }

    #[test]
    fn a_link_to_a_file_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let real = directory.path().join("real");
        let cache = Cache::open(&real).unwrap();
        cache.put(&key(), b"machine code");
        std::os::unix::fs::symlink(&real, directory.path().join("link")).unwrap();
        // The directory may be given by a link: whose it is and who may write to it counts for what it leads to.
        let linked = Cache::open(&directory.path().join("link")).unwrap();
        assert_eq!(linked.get(&key()).unwrap(), b"machine code");
        let file = real.join(key().file());
        std::fs::rename(&file, real.join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(real.join("elsewhere"), &file).unwrap();
        assert!(cache.get(&key()).is_none());
    }
}
