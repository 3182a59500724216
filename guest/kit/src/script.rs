//! An API that answers from a script, and a sink that remembers: for tests.

use crate::api::{Api, Request, Response, TransportError};
use crate::bindings::portcullis::connector::logging::Severity;
use crate::bindings::portcullis::connector::output::Item;
use crate::sink::Sink;
use futures::future::LocalBoxFuture;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::Poll;

type Answers<'a> = Box<dyn Fn(&Request) -> Result<Response, TransportError> + 'a>;

/// An API that answers from a script.
pub struct Script<'a> {
    answers: Answers<'a>,
    asked: RefCell<Vec<Request>>,
    watch: Box<dyn Fn() + 'a>,
    seed: Cell<u64>,
}

impl<'a> Script<'a> {
    /// Answers each request with what the function says, at once.
    #[must_use]
    pub fn new(answers: impl Fn(&Request) -> Result<Response, TransportError> + 'a) -> Self {
        Self {
            answers: Box::new(answers),
            asked: RefCell::default(),
            watch: Box::new(|| {}),
            seed: Cell::new(0),
        }
    }

    /// The same answers, but in an order that the seed decides. Nothing sleeps.
    #[must_use]
    pub fn shuffled(self, seed: u64) -> Self {
        self.seed.set(seed);
        self
    }

    /// Tells whenever a request is made, before it is answered.
    #[must_use]
    pub fn watched(mut self, watch: impl Fn() + 'a) -> Self {
        self.watch = Box::new(watch);
        self
    }

    /// All requests so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Request> {
        self.asked.borrow().clone()
    }

    /// How many times a request is passed over before it is answered.
    fn delay(&self) -> u64 {
        let seed = self.seed.get();
        if seed == 0 {
            return 0;
        }
        // A step of xorshift: any spread will do.
        let mut next = seed ^ (seed << 13);
        next ^= next >> 7;
        next ^= next << 17;
        self.seed.set(next);
        next % 40
    }
}

impl Api for Script<'_> {
    fn get(&self, request: Request) -> LocalBoxFuture<'_, Result<Response, TransportError>> {
        let mut delay = self.delay();
        self.asked.borrow_mut().push(request.clone());
        (self.watch)();
        Box::pin(async move {
            poll_fn(|context| {
                let Some(rest) = delay.checked_sub(1) else {
                    return Poll::Ready(());
                };
                delay = rest;
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            (self.answers)(&request)
        })
    }

    fn stream<'a>(
        &'a self,
        request: Request,
        piece: &'a mut dyn FnMut(&Response, &[u8]),
    ) -> LocalBoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(async move {
            let mut response = self.get(request).await?;
            if response.status == 200 {
                let body = std::mem::take(&mut response.body);
                body.chunks(7).for_each(|bytes| piece(&response, bytes));
            }
            Ok(response)
        })
    }
}

/// A JSON answer.
#[must_use]
pub fn json(status: u16, body: impl Into<String>) -> Response {
    let content_type = (
        "content-type".to_owned(),
        "application/json; charset=utf-8".to_owned(),
    );
    Response {
        status,
        headers: vec![content_type],
        body: body.into().into_bytes(),
    }
}

/// A page for a browser.
#[must_use]
pub fn html(status: u16) -> Response {
    let content_type = (
        "content-type".to_owned(),
        "text/html; charset=utf-8".to_owned(),
    );
    Response {
        status,
        headers: vec![content_type],
        body: b"<html><title>Sign in</title></html>".to_vec(),
    }
}

/// A redirect.
#[must_use]
pub fn redirect(location: &str) -> Response {
    Response {
        status: 301,
        headers: vec![("location".to_owned(), location.to_owned())],
        body: Vec::new(),
    }
}

/// A sink that remembers.
#[derive(Default)]
pub struct Heard {
    /// The items, in the order in which they came.
    pub items: RefCell<Vec<Item>>,
    /// The lines of the log.
    pub lines: RefCell<Vec<String>>,
}

impl Sink for Heard {
    fn emit_read(&self, item: Item, _read_at: Option<u64>) {
        self.items.borrow_mut().push(item);
    }

    fn progress(&self, _stage: &str, _done: u64, _total: Option<u64>) {}

    fn log(&self, _severity: Severity, line: &str) {
        self.lines.borrow_mut().push(line.to_owned());
    }
}
