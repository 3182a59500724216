//! A thread for each call into a guest, with a runtime of its own: what the guest asks for goes out and comes back on the
//! same thread, so that no answer has to wake another. The system shares the processor fairly among threads: a guest that
//! spins keeps its own network waiting, and nobody else's.

use crate::outcome::Outcome;
use std::convert::Infallible;
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(no_thread)?;
    let thread = std::thread::Builder::new().name("connector".to_owned());
    let spawned = thread.spawn(move || {
        let ran = runtime.block_on(async {
            tokio::select! {
                ran = start() => ran,
                _ = stopping => Err(Outcome::Cancelled),
            }
        });
        // What it still asked for ends with it. A name that is still looked up does not keep anyone waiting.
        runtime.shutdown_background();
        // Nobody waits any more where this fails.
        let _ = done.send(ran);
    });
    spawned.map_err(no_thread)?;
    let ran = tokio::select! {
        ran = &mut ended => ran,
        () = stopped => {
            drop(stop);
            // Whatever it says now: it was stopped.
            let _ = ended.await;
            return Err(Outcome::Cancelled);
        }
    };
    ran.unwrap_or_else(|_| {
        Err(Outcome::Trapped {
            message: "the host's own code failed under it; tell the maintainers".to_owned(),
        })
    })
}

fn no_thread(error: std::io::Error) -> Outcome {
    Outcome::Trapped {
        message: format!("this machine has no thread to run it on: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn what_was_stopped_is_cancelled_even_where_it_comes_to_its_end() {
        let (begin, begun) = oneshot::channel();
        let (stop, stopped) = mpsc::channel();
        let stopping = async move {
            begun.await.unwrap();
            stop.send(()).unwrap();
        };
        // It never pauses, so that it can't be dropped, and ends well when it was stopped.
        let ran = run(stopping, move || async move {
            begin.send(()).unwrap();
            stopped.recv().unwrap();
            Ok(())
        });
        assert_eq!(ran.await, Err(Outcome::Cancelled));
    }

    #[tokio::test]
    async fn what_pauses_is_dropped_before_this_returns() {
        let held = std::sync::Arc::new(());
        let inside = std::sync::Arc::clone(&held);
        let ran: Result<(), Outcome> = run(std::future::ready(()), move || async move {
            let _inside = inside;
            std::future::pending().await
        })
        .await;
        assert_eq!(ran, Err(Outcome::Cancelled));
        assert_eq!(std::sync::Arc::strong_count(&held), 1);
    }

    #[tokio::test]
    async fn a_panic_on_it_is_an_outcome() {
        let ran: Result<(), Outcome> =
            run(std::future::pending(), || async { panic!("a defect") }).await;
        assert!(matches!(ran, Err(Outcome::Trapped { .. })), "{ran:?}");
    }
}
