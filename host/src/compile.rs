//! Compiling a component, in a process of its own.
//!
//! Compiling is where a component can attack before it runs: a function of a few hundred kilobytes can keep the
//! compiler busy for minutes, and a compiling thread can't be stopped. A process can: it is limited in time and
//! memory, has no environment, and dies with the host.

use crate::engine;
use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit,
};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The subcommand by which the program becomes the compiling process.
pub const SUBCOMMAND: &str = "compile-component";

/// The memory that a compiling process has where nobody says otherwise, in MiB. A component of 1 MiB takes some 100.
pub const MEMORY_MIB: u64 = 1024;

/// The most that a compiled component may take, in bytes; ours take four times their component's size.
const MOST_COMPILED: u64 = 256 << 20;

/// The most that is read of what the compiling process says about a failure, in bytes.
const MOST_SAID: u64 = 4096;

/// How components are compiled.
#[derive(Debug, Clone)]
pub struct Compiler {
    /// The program that is started with [`SUBCOMMAND`]: this one, or one with the same version of this library.
    pub program: PathBuf,
    /// How long one component may take.
    pub deadline: Duration,
    /// How much memory, in MiB.
    pub memory_mib: u64,
}

/// Why a component could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// It takes too long.
    #[error(
        "compiling it took longer than {0} seconds and was stopped; an operator who trusts it can allow more with --compile-seconds"
    )]
    Deadline(u64),
    /// It takes too much memory.
    #[error("compiling it took more than {0} MiB of memory and was stopped")]
    Memory(u64),
    /// It is larger than any honest one when compiled.
    #[error("compiled, it is larger than {} MiB", MOST_COMPILED >> 20)]
    TooLarge,
    /// It is not valid.
    #[error("it is no WebAssembly component that this host can compile: {0}")]
    Invalid(String),
    /// The process went away.
    #[error("the compiling process ended unexpectedly ({0}); the component may have crashed it")]
    Crashed(String),
    /// The process could not be started.
    #[error("the compiling process can't be started: {0}")]
    NoProcess(#[from] std::io::Error),
}

impl Compiler {
    /// Compiles with the program that runs now.
    ///
    /// # Errors
    /// Where its file can't be found.
    pub fn this_program(deadline: Duration) -> std::io::Result<Self> {
        let program = std::env::current_exe()?;
        Ok(Self {
            program,
            deadline,
            memory_mib: MEMORY_MIB,
        })
    }

    /// Compiles a component. The process is killed at its deadline, and when this future is dropped.
    ///
    /// # Errors
    /// [`CompileError`].
    pub async fn compile(&self, component: &[u8]) -> Result<Vec<u8>, CompileError> {
        let mut child = tokio::process::Command::new(&self.program)
            .arg(SUBCOMMAND)
            .arg(self.memory_mib.to_string())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let gone = || std::io::Error::other("its pipes are missing");
        let mut input = child.stdin.take().ok_or_else(gone)?;
        let mut output = child
            .stdout
            .take()
            .ok_or_else(gone)?
            .take(MOST_COMPILED + 1);
        let mut errors = child.stderr.take().ok_or_else(gone)?.take(MOST_SAID);
        let mut compiled = Vec::new();
        let mut said = Vec::new();
        let working = async {
            let write = async {
                // A process that failed early does not read on: its own words tell more.
                let _ = input.write_all(component).await;
                drop(input);
            };
            let (_, read, told) = tokio::join!(
                write,
                output.read_to_end(&mut compiled),
                errors.read_to_end(&mut said)
            );
            read.and(told)?;
            child.wait().await
        };
        let status = tokio::time::timeout(self.deadline, working)
            .await
            .map_err(|_| CompileError::Deadline(self.deadline.as_secs()))??;
        let said = String::from_utf8_lossy(&said);
        if status.success() {
            if compiled.len() as u64 > MOST_COMPILED {
                return Err(CompileError::TooLarge);
            }
            return Ok(compiled);
        }
        if status.code() == Some(INVALID.into()) {
            return Err(CompileError::Invalid(said.trim().to_owned()));
        }
        if said.contains("memory allocation") {
            return Err(CompileError::Memory(self.memory_mib));
        }
        Err(CompileError::Crashed(status.to_string()))
    }
}

/// The exit code of the compiling process where the component is not valid.
const INVALID: u8 = 3;

/// The compiling process: a component on standard input, compiled on standard output.
pub fn serve(memory_mib: u64) -> ExitCode {
    let limits = [
        (Resource::Data, memory_mib.saturating_mul(1 << 20)),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
    ];
    for (resource, value) in limits {
        // This process may have less already, and can't have more.
        let value = getrlimit(resource)
            .maximum
            .map_or(value, |most| most.min(value));
        let limit = Rlimit {
            current: Some(value),
            maximum: Some(value),
        };
        if setrlimit(resource, limit).is_err() {
            return say("its limits can't be set", 1);
        }
    }
    if set_parent_process_death_signal(Some(Signal::KILL)).is_err() {
        return say("it can't be tied to its parent", 1);
    }
    let mut component = Vec::new();
    if std::io::stdin().read_to_end(&mut component).is_err() {
        return say("the component can't be read", 1);
    }
    match engine::precompile(&component) {
        Ok(compiled) => match std::io::stdout().write_all(&compiled) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(problem) => say(&problem, INVALID),
    }
}

fn say(problem: &str, code: u8) -> ExitCode {
    // Nobody listens any more where this fails.
    let _ = writeln!(std::io::stderr(), "{problem}");
    ExitCode::from(code)
}
