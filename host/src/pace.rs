//! Step 2: the pace. Each credential has an hour of its own at each API, shared by all runs of the process that use it: full
//! speed until what is allowed is used, then exactly as fast as the hour rolls. What the API says of its limits is learned;
//! a refusal makes everyone who uses the credential wait.

mod clock;
mod kept;
mod told;
mod window;

pub use clock::{Clock, SystemClock};
pub use told::{Told, retry_after};

use crate::digest::Digest;
use crate::egress::policy::ApiOrigin;
use crate::private::PrivateDirectory;
use hmac::{Hmac, Mac as _};
use kept::Kept;
use sha2::Sha256;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use window::{Free, Window};
use zeroize::Zeroizing;

/// The paces of a process, by credential.
pub struct Paces {
    clock: Arc<dyn Clock>,
    key: Zeroizing<[u8; 32]>,
    directory: Option<PrivateDirectory>,
    known: Mutex<HashMap<Digest, Weak<Pace>>>,
}

impl Paces {
    /// Paces that end with the process.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        // Without random numbers credentials are told apart all the same: the key only hides them in a directory.
        let _ = getrandom::fill(&mut *key);
        Self {
            clock,
            key,
            directory: None,
            known: Mutex::default(),
        }
    }

    /// Paces that survive a restart: what was sent in the last hour is kept in this directory.
    ///
    /// # Errors
    /// Where the directory's key can't be read or made.
    pub fn kept_in(directory: PrivateDirectory, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        Ok(Self {
            key: kept::key(&directory)?,
            directory: Some(directory),
            ..Self::new(clock)
        })
    }

    /// What time it is for them.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The pace of a credential at an API. It may be asked for `per_hour` requests in an hour, 0 for any number; `fixed` where
    /// the API can't raise that.
    pub fn of(
        &self,
        origin: &ApiOrigin,
        credential: &[u8],
        per_hour: u32,
        fixed: bool,
    ) -> Arc<Pace> {
        let name = self.name(origin, credential);
        let mut known = lock(&self.known);
        if let Some(pace) = known.get(&name).and_then(Weak::upgrade) {
            lock(&pace.window).join(per_hour.into(), fixed);
            return pace;
        }
        let mut window = Window::new(per_hour.into(), fixed);
        let kept = self.directory.as_ref().and_then(|directory| {
            let kept = Kept::open(directory, &name, &mut window, self.clock.now());
            kept.inspect_err(|error| {
                tracing::warn!(
                    "what was sent in the last hour is not kept in {}: {error}",
                    directory.path().display()
                );
            })
            .ok()
        });
        let pace = self.pace(window, kept);
        known.retain(|_, pace| pace.strong_count() > 0);
        known.insert(name, Arc::downgrade(&pace));
        pace
    }

    /// A pace of requests without a credential: one run's alone, so that no tenant can slow another.
    pub fn alone(&self) -> Arc<Pace> {
        self.pace(Window::new(0, false), None)
    }

    fn pace(&self, window: Window, kept: Option<Kept>) -> Arc<Pace> {
        Arc::new(Pace {
            clock: Arc::clone(&self.clock),
            window: Mutex::new(window),
            changed: Notify::new(),
            door: tokio::sync::Mutex::new(()),
            kept: Mutex::new(kept),
        })
    }

    /// A keyed hash: who reads the directory learns nothing of the credential.
    fn name(&self, origin: &ApiOrigin, credential: &[u8]) -> Digest {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.key)
            .unwrap_or_else(|_| unreachable!("a key of any length will do"));
        mac.update(origin.to_string().as_bytes());
        mac.update(&[0]);
        mac.update(credential);
        Digest::from(<[u8; 32]>::from(mac.finalize().into_bytes()))
    }
}

/// The pace of one credential.
pub struct Pace {
    clock: Arc<dyn Clock>,
    window: Mutex<Window>,
    changed: Notify,
    /// Whoever is next waits behind it; the others wait for it, first come, first served.
    door: tokio::sync::Mutex<()>,
    kept: Mutex<Option<Kept>>,
}

impl Pace {
    /// The turn of a request that may go at once; none where it has to wait.
    pub fn turn(self: &Arc<Self>) -> Option<Turn> {
        let now = self.clock.now();
        let mut window = lock(&self.window);
        if window.free(now) != Free::Now {
            return None;
        }
        window.start(now);
        Some(Turn {
            pace: Arc::clone(self),
            started: now,
            over: false,
        })
    }

    /// Waits until a request may go, as it seems: another may be quicker. `waiting` is told how long that takes.
    pub async fn ready(&self, waiting: impl Fn(Duration)) {
        let _door = self.door.lock().await;
        loop {
            let changed = self.changed.notified();
            let now = self.clock.now();
            let free = lock(&self.window).free(now);
            match free {
                Free::Now => return,
                Free::At(when) => {
                    let wait = when.saturating_sub(now);
                    waiting(wait);
                    tokio::select! {
                        () = self.clock.sleep(wait) => {}
                        () = changed => {}
                    }
                }
                Free::WhenOneEnds => changed.await,
            }
        }
    }

    /// How many requests may still go within the hour; none where any number may.
    pub fn left(&self) -> Option<u64> {
        lock(&self.window).left(self.clock.now())
    }

    fn end(&self, started: Duration, told: &Told) {
        let now = self.clock.now();
        let blocked = {
            let mut window = lock(&self.window);
            let before = window.blocked();
            window.end(started, now, told);
            (window.blocked() > before).then(|| window.blocked())
        };
        if let Some(kept) = &mut *lock(&self.kept) {
            kept.note(now, blocked, || lock(&self.window).ended().collect());
        }
        self.changed.notify_waiters();
    }
}

/// A request's turn. It counts as under way until it is ended or dropped.
pub struct Turn {
    pace: Arc<Pace>,
    started: Duration,
    over: bool,
}

impl Turn {
    /// It was not used: nothing was sent.
    pub fn give_back(mut self) {
        self.over = true;
        lock(&self.pace.window).take_back();
        self.pace.changed.notify_waiters();
    }

    /// The answer came.
    pub fn answered(mut self, told: &Told) {
        self.over = true;
        self.pace.end(self.started, told);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.over {
            self.pace.end(self.started, &Told::default());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while counting leaves a count that is one off at worst.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use futures::future::BoxFuture;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A clock on which whoever sleeps moves the time on.
    #[derive(Default)]
    struct Jumping(Arc<AtomicU64>);

    impl Clock for Jumping {
        fn now(&self) -> Duration {
            Duration::from_secs(1_000_000) + Duration::from_millis(self.0.load(Ordering::SeqCst))
        }

        fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
            let millis = u64::try_from(time.as_millis()).unwrap();
            let now = Arc::clone(&self.0);
            Box::pin(async move {
                now.fetch_add(millis, Ordering::SeqCst);
            })
        }
    }

    fn origin() -> ApiOrigin {
        ApiOrigin::parse("https://api.example").unwrap()
    }

    async fn turn(pace: &Arc<Pace>) -> Turn {
        loop {
            if let Some(turn) = pace.turn() {
                return turn;
            }
            pace.ready(|_| {}).await;
        }
    }

    async fn one(pace: &Arc<Pace>) {
        turn(pace).await.answered(&Told::default());
    }

    #[tokio::test]
    async fn a_credential_has_one_hour_whoever_uses_it_and_another_has_its_own() {
        let clock = Arc::new(Jumping::default());
        let paces = Paces::new(Arc::clone(&clock) as Arc<dyn Clock>);
        let ones = paces.of(&origin(), b"one", 3, false);
        let again = paces.of(&origin(), b"one", 3, false);
        let other = paces.of(&origin(), b"other", 3, false);
        one(&ones).await;
        one(&again).await;
        assert_eq!((ones.left(), other.left()), (Some(1), Some(3)));
        one(&ones).await;
        assert_eq!(clock.0.load(Ordering::SeqCst), 0);
        one(&again).await;
        assert_eq!(clock.0.load(Ordering::SeqCst), 3_600_000);
    }

    #[tokio::test]
    async fn a_refusal_makes_everyone_wait() {
        let clock = Arc::new(Jumping::default());
        let paces = Paces::new(Arc::clone(&clock) as Arc<dyn Clock>);
        let pace = paces.alone();
        turn(&pace).await.answered(&Told {
            too_many: true,
            wait: Some(Duration::from_secs(60)),
            ..Told::default()
        });
        assert!(pace.turn().is_none());
        let waited = AtomicU64::new(0);
        pace.ready(|wait| waited.store(wait.as_secs(), Ordering::SeqCst))
            .await;
        assert_eq!(waited.into_inner(), 60);
        assert!(pace.turn().is_some());
    }

    #[tokio::test]
    async fn who_waits_for_one_under_way_goes_when_it_ends_or_is_given_back() {
        let paces = Paces::new(Arc::new(Jumping::default()));
        let pace = paces.of(&origin(), b"one", 2, false);
        let (first, second) = (turn(&pace).await, turn(&pace).await);
        let mut third = Box::pin(turn(&pace));
        assert!((&mut third).now_or_never().is_none());
        second.give_back();
        drop(third.await);
        drop(first);
    }

    #[tokio::test]
    async fn the_hour_survives_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(Jumping::default());
        let start = || {
            let kept = PrivateDirectory::open(&directory.path().join("pace")).unwrap();
            Paces::kept_in(kept, Arc::clone(&clock) as Arc<dyn Clock>).unwrap()
        };
        let pace = start().of(&origin(), b"one", 3, false);
        one(&pace).await;
        one(&pace).await;
        drop(pace);
        let pace = start().of(&origin(), b"one", 3, false);
        assert_eq!(pace.left(), Some(1));
        turn(&pace).await.answered(&Told {
            too_many: true,
            wait: Some(Duration::from_secs(7000)),
            ..Told::default()
        });
        drop(pace);
        let pace = start().of(&origin(), b"one", 3, false);
        drop(turn(&pace).await);
        assert_eq!(clock.0.load(Ordering::SeqCst), 7_000_000);
        // Nobody who reads the directory learns the credential.
        for entry in std::fs::read_dir(directory.path().join("pace")).unwrap() {
            let entry = entry.unwrap();
            let content = std::fs::read(entry.path()).unwrap();
            assert!(!content.windows(3).any(|window| window == b"one"));
        }
    }
}
