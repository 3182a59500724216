//! How a run ended. The exit code, the message and the report derive from it.

use crate::limits::{Limit, Limits};
use serde::Serialize;
use std::fmt;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything that the settings ask for was read.
    Complete,
    /// It finished, but something that was asked for could not be read.
    Partial {
        /// How many families or objects could not be read whole.
        gaps: u64,
    },
    /// A setting is wrong, as the connector found out.
    BadSetting {
        /// Its name.
        name: String,
        /// What is wrong and what to write.
        message: String,
    },
    /// Files that were imported have problems, and nothing of them was kept.
    BadFiles {
        /// How many problems.
        problems: u64,
        /// What to do.
        message: String,
    },
    /// Nothing could be read: credentials refused, not found, not visible, or answers that make no sense.
    NothingRead {
        /// What happened and what to do.
        message: String,
    },
    /// The API could not be reached.
    Unreachable {
        /// What happened and what to do.
        message: String,
    },
    /// The connector gave up by its own fault, or broke the contract.
    ConnectorFailed {
        /// What happened.
        message: String,
    },
    /// The connector crashed.
    Trapped {
        /// What happened.
        message: String,
    },
    /// The connector exhausted a limit.
    Exhausted {
        /// The limit.
        limit: Limit,
        /// What it allows, in the limit's unit.
        allowed: u64,
    },
    /// The connector gave up since the policy refused what it asked for.
    Refused {
        /// The policy's rules that refused something, as the audit log names them.
        rules: Vec<String>,
        /// What the connector says of it.
        message: String,
    },
    /// The component may not run here.
    ComponentRefused {
        /// Why, and what to do.
        message: String,
    },
    /// The host could not go on: the disk is full or broken. It ends without a report.
    HostFailed {
        /// What happened.
        message: String,
    },
    /// Somebody stopped it.
    Cancelled,
}

impl Outcome {
    /// This limit of these is used up.
    pub fn exhausted(limit: Limit, limits: &Limits) -> Self {
        Self::Exhausted {
            limit,
            allowed: limits.get(limit),
        }
    }

    /// The exit code of the program, as `--help` lists them.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Unreachable { .. } | Self::HostFailed { .. } => 1,
            Self::BadSetting { .. } | Self::BadFiles { .. } => 2,
            Self::Partial { .. } => 3,
            Self::NothingRead { .. } | Self::ComponentRefused { .. } => 4,
            Self::ConnectorFailed { .. }
            | Self::Trapped { .. }
            | Self::Exhausted { .. }
            | Self::Refused { .. } => 5,
            Self::Cancelled => 130,
        }
    }

    /// Whether the run came to its end, so that what it read replaces what an earlier run left.
    pub fn finished(&self) -> bool {
        matches!(self, Self::Complete | Self::Partial { .. })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("complete: everything that was asked for was read"),
            Self::Partial { gaps: 1 } => f.write_str(
                "partial: one thing that was asked for could not be read whole; see the coverage",
            ),
            Self::Partial { gaps } => write!(
                f,
                "partial: {gaps} things that were asked for could not be read whole; see the coverage"
            ),
            Self::BadSetting { name, message } => {
                write!(f, "the setting \"{name}\" is wrong: {message}")
            }
            Self::BadFiles { problems, message } => {
                let s = if *problems == 1 { "" } else { "s" };
                write!(
                    f,
                    "refused: {problems} problem{s} in the files, and nothing of them was kept; {message}"
                )
            }
            Self::NothingRead { message } => write!(f, "nothing could be read: {message}"),
            Self::Unreachable { message } => write!(f, "the API could not be reached: {message}"),
            Self::ConnectorFailed { message } => write!(f, "the connector failed: {message}"),
            Self::Trapped { message } => write!(f, "the connector crashed: {message}"),
            Self::Exhausted { limit, allowed } => write!(
                f,
                "the run was stopped: it exhausted the limit {limit} = {allowed}; an operator can raise it with --limits"
            ),
            Self::Refused { rules, message } => write!(
                f,
                "the connector gave up: it asked for something that its manifest doesn't allow (refused by: {}): {message}",
                rules.join(", ")
            ),
            Self::ComponentRefused { message } => {
                write!(f, "the component may not run here: {message}")
            }
            Self::HostFailed { message } => f.write_str(message),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}
