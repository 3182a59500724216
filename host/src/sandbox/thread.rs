//! A thread for each call into a guest. The system shares the processor fairly among threads; the runtime's own workers stay
//! free for the network, whatever guests do.

use crate::outcome::Outcome;
use std::convert::Infallible;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Runs a future that need not leave its thread on a thread of its own, until it is over or `stopped` comes: then it is
/// dropped, at its next pause, before this returns. Where this is dropped itself, the future is soon after.
///
/// # Errors
/// The future's, or [`Outcome::Cancelled`].
pub(super) async fn run<R, F>(
    stopped: impl Future<Output = ()>,
    start: impl FnOnce() -> F + Send + 'static,
) -> Result<R, Outcome>
where
    R: Send + 'static,
    F: Future<Output = Result<R, Outcome>>,
{
    let (done, mut ended) = oneshot::channel();
    // Nothing is ever sent: that the sender goes is the message.
    let (stop, stopping) = oneshot::channel::<Infallible>();
    let runtime = Handle::current();
    let thread = std::thread::Builder::new().name("connector".to_owned());
    let spawned = thread.spawn(move || {
        let ran = runtime.block_on(async {
            tokio::select! {
                ran = start() => ran,
                _ = stopping => Err(Outcome::Cancelled),
            }
        });
        // Nobody waits any more where this fails.
        let _ = done.send(ran);
    });
    if let Err(error) = spawned {
        return Err(Outcome::Trapped {
            message: format!("this machine has no thread to run it on: {error}"),
        });
    }
    let ran = tokio::select! {
        ran = &mut ended => ran,
        () = stopped => {
            drop(stop);
            ended.await
        }
    };
    ran.unwrap_or_else(|_| {
        Err(Outcome::Trapped {
            message: "the host's own code failed under it; tell the maintainers".to_owned(),
        })
    })
}
