//! A budget of processor time: what a run's thread uses, from the beginning of a call into the guest to its end. The guest runs
//! on that thread, and so does what the host does for it: requests, responses, items. Time that it waits is not charged.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// The budget of one call into a guest. It is made, and asked, on the thread that runs the guest.
#[derive(Debug, Clone, Copy)]
pub(super) struct CpuBudget {
    /// Nanoseconds.
    allowed: u64,
    /// The thread's clock at the beginning of the call.
    began: u64,
}

/// The budget is used up.
#[derive(Debug, thiserror::Error)]
#[error("the processor time is used up")]
pub(super) struct CpuExhausted;

impl CpuBudget {
    /// A budget of which this thread uses from now on.
    pub(super) fn begin(allowed: Duration) -> Self {
        Self {
            allowed: u64::try_from(allowed.as_nanos()).unwrap_or(u64::MAX),
            began: thread_nanos(),
        }
    }

    /// What was used so far, in nanoseconds.
    pub(super) fn used(&self) -> u64 {
        thread_nanos().saturating_sub(self.began)
    }

    /// Whether there is some left.
    pub(super) fn check(&self) -> Result<(), CpuExhausted> {
        if self.used() > self.allowed {
            Err(CpuExhausted)
        } else {
            Ok(())
        }
    }
}

/// The processor time of this thread, in nanoseconds.
fn thread_nanos() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}
