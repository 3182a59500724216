//! What one run may use, and what it did use.

use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// What one run may use. Each is a bound on one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The component's linear memories together, in MiB.
    pub memory_mib: u64,
    /// Seconds of processor time of the component and of what the host does for it: requests, responses, items. Time that it
    /// waits is not charged.
    pub cpu_seconds: u64,
    /// Seconds from the start of the run to its end.
    pub wall_seconds: u64,
    /// Requests sent, retries included, and requests that were refused.
    pub requests: u64,
    /// The most requests at once that a connection's pace may ask for.
    pub in_flight: u64,
    /// One answer's body after decompression, in MiB.
    pub response_mib: u64,
    /// Entities, relations, coverage and warnings together.
    pub items: u64,
    /// One of them, in KiB.
    pub item_kib: u64,
    /// All of them together, in MiB: the run file and each export take some two times that on disk.
    pub output_mib: u64,
    /// Lines that the connector logs; beyond, they are counted and dropped.
    pub log_lines: u64,
    /// One such line, in KiB; beyond, it is cut off.
    pub log_kib: u64,
    /// Requests, streams and pollables that the component may hold at once.
    pub handles: u64,
    /// What one call may carry across the boundary, in MiB.
    pub call_mib: u64,
}

impl Default for Limits {
    /// Enough for a workspace of 100,000 repositories that takes days at 1,000 requests an hour.
    fn default() -> Self {
        Self {
            memory_mib: 64,
            cpu_seconds: 3600,
            wall_seconds: 7 * 24 * 3600,
            requests: 1_000_000,
            in_flight: 64,
            response_mib: 64,
            items: 50_000_000,
            item_kib: 256,
            output_mib: 16 * 1024,
            log_lines: 10_000,
            log_kib: 8,
            handles: 2_000,
            call_mib: 16,
        }
    }
}

/// The name of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is described in Limits")]
pub enum Limit {
    MemoryMib,
    CpuSeconds,
    WallSeconds,
    Requests,
    InFlight,
    ResponseMib,
    Items,
    ItemKib,
    OutputMib,
    LogLines,
    LogKib,
    Handles,
    CallMib,
}

impl Limit {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 13] = [
        Self::MemoryMib,
        Self::CpuSeconds,
        Self::WallSeconds,
        Self::Requests,
        Self::InFlight,
        Self::ResponseMib,
        Self::Items,
        Self::ItemKib,
        Self::OutputMib,
        Self::LogLines,
        Self::LogKib,
        Self::Handles,
        Self::CallMib,
    ];

    /// Its name in manifests, connections and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::MemoryMib => "memory_mib",
            Self::CpuSeconds => "cpu_seconds",
            Self::WallSeconds => "wall_seconds",
            Self::Requests => "requests",
            Self::InFlight => "in_flight",
            Self::ResponseMib => "response_mib",
            Self::Items => "items",
            Self::ItemKib => "item_kib",
            Self::OutputMib => "output_mib",
            Self::LogLines => "log_lines",
            Self::LogKib => "log_kib",
            Self::Handles => "handles",
            Self::CallMib => "call_mib",
        }
    }

    /// How many bytes, nanoseconds or pieces make one of the limit's unit.
    fn unit(self) -> u64 {
        match self {
            Self::MemoryMib | Self::ResponseMib | Self::OutputMib | Self::CallMib => 1 << 20,
            Self::ItemKib | Self::LogKib => 1 << 10,
            Self::CpuSeconds | Self::WallSeconds => 1_000_000_000,
            Self::Requests | Self::InFlight | Self::Items | Self::LogLines | Self::Handles => 1,
        }
    }

    /// Whether 0 makes sense: a run without requests, bodies, items or log lines is one.
    fn may_be_zero(self) -> bool {
        matches!(
            self,
            Self::Requests | Self::ResponseMib | Self::Items | Self::LogLines
        )
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Limits {
    /// The value of one limit, in its unit.
    pub fn get(&self, limit: Limit) -> u64 {
        let mut copy = *self;
        *copy.slot(limit)
    }

    fn slot(&mut self, limit: Limit) -> &mut u64 {
        match limit {
            Limit::MemoryMib => &mut self.memory_mib,
            Limit::CpuSeconds => &mut self.cpu_seconds,
            Limit::WallSeconds => &mut self.wall_seconds,
            Limit::Requests => &mut self.requests,
            Limit::InFlight => &mut self.in_flight,
            Limit::ResponseMib => &mut self.response_mib,
            Limit::Items => &mut self.items,
            Limit::ItemKib => &mut self.item_kib,
            Limit::OutputMib => &mut self.output_mib,
            Limit::LogLines => &mut self.log_lines,
            Limit::LogKib => &mut self.log_kib,
            Limit::Handles => &mut self.handles,
            Limit::CallMib => &mut self.call_mib,
        }
    }

    /// The value of one limit in bytes, nanoseconds or pieces.
    pub fn amount(&self, limit: Limit) -> u64 {
        self.get(limit).saturating_mul(limit.unit())
    }

    /// As [`Limits::amount`], for what is counted in memory.
    pub fn size(&self, limit: Limit) -> usize {
        usize::try_from(self.amount(limit)).unwrap_or(usize::MAX)
    }

    /// Checks that each limit leaves a run possible.
    ///
    /// # Errors
    /// A sentence that names the limit.
    pub fn check(&self) -> Result<(), String> {
        let zero = |limit: &Limit| self.get(*limit) == 0 && !limit.may_be_zero();
        match Limit::ALL.into_iter().find(zero) {
            Some(limit) => Err(format!("limits.{limit} must be at least 1")),
            None => Ok(()),
        }
    }

    /// The lower of each of these and those.
    #[must_use]
    pub fn at_most(mut self, most: &Self) -> Self {
        for limit in Limit::ALL {
            let most = most.get(limit);
            let value = self.slot(limit);
            *value = most.min(*value);
        }
        self
    }

    /// Lowers one limit, as a connection may.
    ///
    /// # Errors
    /// A sentence, where that would raise it.
    pub fn lower(&mut self, limit: Limit, value: u64) -> Result<(), String> {
        let allowed = self.get(limit);
        if value > allowed {
            return Err(format!(
                "is {value}, but a connection may only lower it from {allowed}; an operator can raise it with --limits"
            ));
        }
        if value == 0 && !limit.may_be_zero() {
            return Err("must be at least 1".to_owned());
        }
        *self.slot(limit) = value;
        Ok(())
    }

    /// Replaces limits by what an operator's file says: a table `[limits]`, of which any part may be missing.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn read_operators(&mut self, path: &Path) -> Result<(), String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Document {
            limits: toml::Table,
        }
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("the limits can't be read: {error}"))?;
        let document: Document = toml::from_str(&text).map_err(|error| error.to_string())?;
        for (name, value) in document.limits {
            let limit = Limit::ALL
                .into_iter()
                .find(|limit| limit.name() == name)
                .ok_or_else(|| {
                    let known = Limit::ALL.map(Limit::name).join(", ");
                    format!("limits.{name} is not known; known are: {known}")
                })?;
            *self.slot(limit) = value
                .as_integer()
                .and_then(|number| u64::try_from(number).ok())
                .ok_or_else(|| format!("limits.{name} must be a whole number from 0 on"))?;
        }
        self.check()
    }
}

/// What a run used so far, in bytes, nanoseconds or pieces. Shared by everyone who uses something.
#[derive(Debug, Default)]
pub struct Usage([AtomicU64; Limit::ALL.len()]);

impl Usage {
    /// Adds to what is summed over the run.
    pub fn add(&self, limit: Limit, amount: u64) {
        self.0[limit as usize].fetch_add(amount, Ordering::Relaxed);
    }

    /// Notes an amount, of which the largest counts.
    pub fn peak(&self, limit: Limit, amount: u64) {
        self.0[limit as usize].fetch_max(amount, Ordering::Relaxed);
    }

    /// What was used, in bytes, nanoseconds or pieces.
    pub fn of(&self, limit: Limit) -> u64 {
        self.0[limit as usize].load(Ordering::Relaxed)
    }

    /// Takes `amount` of what is allowed in sum, or nothing where that is too much.
    pub fn take(&self, limit: Limit, amount: u64, limits: &Limits) -> bool {
        let allowed = limits.amount(limit);
        self.0[limit as usize]
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(amount).filter(|sum| *sum <= allowed)
            })
            .is_ok()
    }

    /// Each limit with what was used of it.
    pub fn against(&self, limits: &Limits) -> Vec<LimitUse> {
        let row = |limit: Limit| LimitUse {
            limit,
            allowed: limits.get(limit),
            used: in_unit(self.of(limit), limit.unit()),
        };
        Limit::ALL.map(row).to_vec()
    }
}

/// To the third decimal, which is enough for a person and for a graph.
#[expect(
    clippy::cast_precision_loss,
    reason = "what is shown has three decimals"
)]
fn in_unit(amount: u64, unit: u64) -> f64 {
    (amount as f64 / unit as f64 * 1000.0).round() / 1000.0
}

/// A limit and what was used of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LimitUse {
    /// Its name.
    pub limit: Limit,
    /// What it allows, in the unit of its name.
    pub allowed: u64,
    /// What was used: the sum over the run, or the largest of what the limit bounds one by one.
    pub used: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_manifest() {
        for limit in Limit::ALL {
            let mut limits = Limits::default();
            let text = format!("{limit} = 12345");
            *limits.slot(limit) = 12345;
            assert_eq!(toml::from_str::<Limits>(&text).unwrap(), limits);
            assert_eq!(limits.get(limit), 12345);
            assert_eq!(serde_json::to_value(limit).unwrap(), limit.name());
        }
    }

    #[test]
    fn a_limit_can_be_lowered_and_not_raised() {
        let mut limits = Limits::default();
        limits.lower(Limit::MemoryMib, 32).unwrap();
        assert_eq!(limits.memory_mib, 32);
        let error = limits.lower(Limit::MemoryMib, 33).unwrap_err();
        assert!(
            error.contains("from 32") && error.contains("--limits"),
            "{error}"
        );
        assert!(limits.lower(Limit::MemoryMib, 0).is_err());
        assert!(limits.lower(Limit::LogLines, 0).is_ok());
    }

    #[test]
    fn an_operators_file_raises_limits_and_its_mistakes_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("limits.toml");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let mut limits = Limits::default();
            limits.read_operators(&path).map(|()| limits)
        };
        assert_eq!(read("[limits]\nmemory_mib = 512").unwrap().memory_mib, 512);
        for (text, word) in [
            ("[limits]\nmemory_mb = 1", "memory_mb"),
            ("[limits]\nmemory_mib = 0", "at least 1"),
            ("[limits]\nmemory_mib = -1", "from 0 on"),
            ("memory_mib = 1", "memory_mib"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn what_is_allowed_in_sum_can_be_taken_once() {
        let limits = Limits {
            requests: 3,
            ..Limits::default()
        };
        let usage = Usage::default();
        assert!(usage.take(Limit::Requests, 2, &limits));
        assert!(!usage.take(Limit::Requests, 2, &limits));
        assert!(usage.take(Limit::Requests, 1, &limits));
        assert_eq!(usage.of(Limit::Requests), 3);
    }
}
