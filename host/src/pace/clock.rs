//! What time it is. A test brings its own, and so waits for nothing.

use futures::future::BoxFuture;
use std::time::{Duration, SystemTime};

/// A clock.
pub trait Clock: Send + Sync {
    /// The time since 1970.
    fn now(&self) -> Duration;

    /// Comes when so much time has passed.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}
