//! What was sent in the last hour, on disk: a line for each request, so that a process which is killed loses none. A line
//! is the time in milliseconds since 1970, with their number where it stands for several, or `blocked` and such a time.

use super::told::LONGEST;
use super::window::{HOUR, Window};
use crate::digest::Digest;
use crate::private::{PrivateDirectory, PrivateError};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::time::Duration;
use zeroize::Zeroizing;

/// The file of the key by which credentials are hashed.
const KEY: &str = "key";

/// After so many lines the file is written anew, without what is long past.
const MOST_LINES: u32 = 50_000;

/// More is not read of a file that somebody else filled.
const MOST_BYTES: u64 = 16 << 20;

/// The file of one credential.
pub(super) struct Kept {
    file: File,
    lines: u32,
}

impl Kept {
    /// Opens the file, and tells the window what is in it.
    pub(super) fn open(
        directory: &PrivateDirectory,
        name: &Digest,
        window: &mut Window,
        now: Duration,
    ) -> Result<Self, PrivateError> {
        let file_name = name.to_string();
        if let Some(file) = directory.read(&file_name)? {
            let mut text = Vec::new();
            file.take(MOST_BYTES).read_to_end(&mut text)?;
            read(&String::from_utf8_lossy(&text), window, now);
        }
        let mut kept = Self {
            file: directory.append(&file_name)?,
            lines: 0,
        };
        let blocked = (window.blocked() > now).then(|| window.blocked());
        kept.rewrite(window.ended().collect(), blocked)?;
        Ok(kept)
    }

    /// Notes that a request ended, and how long everyone has to wait where that is new. `ended` tells what counts still.
    pub(super) fn note(
        &mut self,
        now: Duration,
        blocked: Option<Duration>,
        ended: impl FnOnce() -> Vec<(Duration, u64)>,
    ) {
        self.lines = self.lines.saturating_add(1);
        let written = if self.lines > MOST_LINES {
            self.rewrite(ended(), blocked)
        } else {
            self.add(&[(now, 1)], blocked)
        };
        if let Err(error) = written {
            tracing::debug!("a request is not noted: {error}");
        }
    }

    fn rewrite(
        &mut self,
        ended: Vec<(Duration, u64)>,
        blocked: Option<Duration>,
    ) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.lines = 0;
        self.add(&ended, blocked)
    }

    fn add(&mut self, ended: &[(Duration, u64)], blocked: Option<Duration>) -> std::io::Result<()> {
        let mut text = String::new();
        for (when, number) in ended {
            let when = when.as_millis();
            let _ = match number {
                1 => writeln!(text, "{when}"),
                _ => writeln!(text, "{when} {number}"),
            };
        }
        if let Some(blocked) = blocked {
            let _ = writeln!(text, "blocked {}", blocked.as_millis());
        }
        // One write, to the end of the file, whoever else writes there.
        self.file.write_all(text.as_bytes())
    }
}

fn read(text: &str, window: &mut Window, now: Duration) {
    let time = |digits: &str| digits.parse().ok().map(Duration::from_millis);
    for line in text.lines() {
        match line.strip_prefix("blocked ") {
            // Not longer than anyone would have been told to wait.
            Some(until) => {
                let until = time(until).filter(|until| *until <= now.saturating_add(LONGEST));
                window.block(until.unwrap_or_default());
            }
            None => {
                let past = |when: &Duration| *when <= now && when.saturating_add(HOUR) > now;
                let (when, number) = line.split_once(' ').unwrap_or((line, "1"));
                if let Some(when) = time(when).filter(past) {
                    window.count(when, number.parse().unwrap_or(1));
                }
            }
        }
    }
}

/// The directory's key, made where there is none.
pub(super) fn key(directory: &PrivateDirectory) -> std::io::Result<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    for _ in 0..2 {
        if let Some(mut file) = directory.read(KEY).map_err(std::io::Error::other)? {
            file.read_exact(&mut *key)?;
            return Ok(key);
        }
        getrandom::fill(&mut *key).map_err(std::io::Error::other)?;
        // Under its name only when it is whole; somebody else's that was first is as good.
        let draft = format!(".{KEY}-{:016x}", fastrand::u64(..));
        let mut file = directory.create(&draft).map_err(std::io::Error::other)?;
        file.write_all(&*key)?;
        directory.rename(&draft, KEY)?;
    }
    Err(std::io::Error::other("the key can't be made"))
}
