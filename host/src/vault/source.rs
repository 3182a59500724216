//! Where a secret comes from.

use super::Secret;
use std::path::{Path, PathBuf};
use std::process::Command;
use zeroize::Zeroizing;

/// Where a value of a credential comes from.
pub enum SecretSource {
    /// A variable of the host's environment.
    Env(String),
    /// A file's whole content.
    File(PathBuf),
    /// The standard output of a program, started without a shell.
    Command {
        /// The program and its arguments.
        words: Vec<String>,
        /// Where it is started; none: where the connection file lies.
        directory: Option<PathBuf>,
    },
    /// The value itself, which has to be allowed.
    Inline(Zeroizing<String>),
}

/// Why a secret could not be had. Names the source, never the value.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The variable is missing.
    #[error("the environment variable {0} is not set; export it before you start")]
    NoVariable(String),
    /// The file can't be read.
    #[error("the file {} can't be read: {reason}", path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// The program can't be started.
    #[error("the command {program} can't be started: {reason}")]
    NoCommand {
        /// The program.
        program: String,
        /// Why.
        reason: std::io::Error,
    },
    /// The program failed.
    #[error("the command {program} failed ({status})")]
    CommandFailed {
        /// The program.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// The value that came is no secret.
    #[error("the value from {origin} {problem}")]
    Unusable {
        /// The source, in words.
        origin: String,
        /// What is wrong.
        problem: String,
    },
}

impl SecretSource {
    /// Reads the source as a secret. Relative paths and programs are seen from `directory`.
    ///
    /// # Errors
    /// Where there is no value or it is no credential; see [`SourceError`].
    pub fn secret(&self, directory: &Path) -> Result<Secret, SourceError> {
        let value = self.read(directory)?;
        Secret::new(value).map_err(|problem| SourceError::Unusable {
            origin: self.describe(),
            problem,
        })
    }

    /// Reads the source as a plain text, such as a URL: at most 2 KiB, no control character.
    ///
    /// # Errors
    /// As [`SecretSource::secret`].
    pub fn text(&self, directory: &Path) -> Result<String, SourceError> {
        let value = self.read(directory)?;
        let text = std::str::from_utf8(&value)
            .map_err(|_| self.unusable("is not UTF-8"))?
            .trim();
        if text.is_empty() {
            return Err(self.unusable("is empty"));
        }
        if text.len() > 2048 || text.contains(char::is_control) {
            return Err(self.unusable("is over 2 KiB long, or holds a control character"));
        }
        Ok(text.to_owned())
    }

    /// Reads the source as a user name: at most 320 bytes, no colon, no control character.
    ///
    /// # Errors
    /// As [`SecretSource::secret`].
    pub fn user_name(&self, directory: &Path) -> Result<String, SourceError> {
        let name = self.text(directory)?;
        if name.len() > 320 || name.contains(':') {
            return Err(self.unusable(
                "is no user name: it is over 320 bytes long, or holds a colon or control character",
            ));
        }
        Ok(name)
    }

    fn unusable(&self, problem: &str) -> SourceError {
        SourceError::Unusable {
            origin: self.describe(),
            problem: problem.to_owned(),
        }
    }

    fn read(&self, directory: &Path) -> Result<Zeroizing<Vec<u8>>, SourceError> {
        match self {
            Self::Env(name) => std::env::var(name)
                .map(|value| Zeroizing::new(value.into_bytes()))
                .map_err(|_| SourceError::NoVariable(name.clone())),
            Self::File(path) => {
                let path = directory.join(path);
                std::fs::read(&path)
                    .map(Zeroizing::new)
                    .map_err(|reason| SourceError::NoFile { path, reason })
            }
            Self::Command {
                words,
                directory: own,
            } => {
                let directory = own.as_deref().unwrap_or(directory);
                let (program, arguments) = words
                    .split_first()
                    .map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
                let output = Command::new(program)
                    .args(arguments)
                    .current_dir(if directory.as_os_str().is_empty() {
                        Path::new(".")
                    } else {
                        directory
                    })
                    .stdin(std::process::Stdio::null())
                    .stderr(std::process::Stdio::inherit())
                    .output()
                    .map_err(|reason| SourceError::NoCommand {
                        program: program.to_owned(),
                        reason,
                    })?;
                let value = Zeroizing::new(output.stdout);
                if output.status.success() {
                    Ok(value)
                } else {
                    Err(SourceError::CommandFailed {
                        program: program.to_owned(),
                        status: output.status,
                    })
                }
            }
            Self::Inline(value) => Ok(Zeroizing::new(value.as_bytes().to_vec())),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Env(name) => format!("the environment variable {name}"),
            Self::File(path) => format!("the file {}", path.display()),
            Self::Command { words, .. } => {
                format!("the command {}", words.first().map_or("", String::as_str))
            }
            Self::Inline(_) => "the connection itself".to_owned(),
        }
    }
}
