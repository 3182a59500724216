//! A server on this machine.

use std::io;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A port that is taken, but does not answer yet.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    origin: String,
}

impl Listener {
    /// Takes a port of 127.0.0.1; 0: one that is free.
    ///
    /// # Errors
    /// Where it is taken.
    pub async fn bind(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        Ok(Self { listener, origin })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Answers from the current tokio runtime.
    pub fn serve(self, router: Router) -> Listening {
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(async move {
            // Ends when asked to, or when the sender is dropped; there is nobody to tell of an error.
            let _ = axum::serve(self.listener, router)
                .with_graceful_shutdown(async {
                    let _ = stopped.await;
                })
                .await;
        });
        Listening { stop: Some(stop) }
    }
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Listening {
    stop: Option<oneshot::Sender<()>>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Nobody listens any more where the runtime is gone already.
            let _ = stop.send(());
        }
    }
}
