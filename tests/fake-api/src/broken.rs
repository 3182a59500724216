//! An answer that is cut off.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{Response, header};
use futures::stream::{self, StreamExt as _};

/// A response whose body breaks off after `start`; hyper then ends the connection. Where there is no
/// start, it does so before it has sent anything.
pub fn broken(start: Vec<u8>, length: Option<usize>) -> Response<Body> {
    let begun = !start.is_empty();
    let start = stream::iter(begun.then_some(Ok(start)));
    let end = stream::once(async move {
        if begun {
            // Lets what was written so far reach the wire.
            Pause::default().await;
        }
        Err::<Vec<u8>, _>(io::Error::other("cut off on purpose"))
    });
    let mut response = Response::new(Body::from_stream(start.chain(end)));
    if let Some(length) = length {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length.into());
    }
    response
}

/// Ready when polled for the second time.
#[derive(Default)]
struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
