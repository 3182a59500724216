//! A budget of processor time. Only time inside the guest and the host's calls for it is charged: time that
//! it waits for an answer is not.

use rustix::time::{ClockId, clock_gettime};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

/// The budget of one call into a guest.
pub(super) struct CpuBudget {
    allowed: u64,
    /// Nanoseconds used by polls that are over.
    used: AtomicU64,
    /// The thread's clock when the poll under way began.
    poll_began: AtomicU64,
}

/// The budget is used up.
#[derive(Debug, thiserror::Error)]
#[error("the processor time is used up")]
pub(super) struct CpuExhausted;

impl CpuBudget {
    pub(super) fn new(allowed: Duration) -> Self {
        Self {
            allowed: u64::try_from(allowed.as_nanos()).unwrap_or(u64::MAX),
            used: AtomicU64::new(0),
            poll_began: AtomicU64::new(0),
        }
    }

    /// What was used by polls that are over, in nanoseconds.
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Asked from within a poll, on the thread that runs the guest.
    pub(super) fn check(&self) -> Result<(), CpuExhausted> {
        let now = thread_nanos().saturating_sub(self.poll_began.load(Ordering::Relaxed));
        if self.used.load(Ordering::Relaxed).saturating_add(now) > self.allowed {
            Err(CpuExhausted)
        } else {
            Ok(())
        }
    }
}

/// Charges the processor time of each poll of `future` to `budget`.
pub(super) async fn metered<F: Future>(budget: &CpuBudget, future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        let began = thread_nanos();
        budget.poll_began.store(began, Ordering::Relaxed);
        let polled: Poll<F::Output> = future.as_mut().poll(context);
        budget
            .used
            .fetch_add(thread_nanos().saturating_sub(began), Ordering::Relaxed);
        polled
    })
    .await
}

/// The processor time of this thread, in nanoseconds.
fn thread_nanos() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}
