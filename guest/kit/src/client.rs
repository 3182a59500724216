//! One question to the API, asked until it is answered or it is clear why it isn't.

use crate::api::{Api, Request, Response, TransportError};
use crate::bindings::portcullis::connector::logging::Severity;
use crate::cut::{Cutter, Piece, Shape};
use crate::origin::{ApiOrigin, path_and_query};
use crate::sink::Sink;
use serde::de::DeserializeOwned;

/// So many times a GET is sent whose answer broke off. The host does this itself for answers that it
/// holds back until they are complete; a long one streams, and can break after we began to read it.
const TRIES: usize = 3;

/// So many redirects are followed. A renamed object needs one.
const HOPS: usize = 5;

/// What an API says in place of a list is short.
const LONGEST_REFUSAL: usize = 64 * 1024;

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Miss {
    /// The credential won't do for this family of endpoints, whichever object is asked for.
    #[error("{0}")]
    SlotRefused(String),
    /// The credential may not read this one object.
    #[error("{0}")]
    ObjectRefused(String),
    /// The object does not exist, or is invisible to the credential.
    #[error("{0}")]
    NotFound(String),
    /// The API no longer offers this, to anyone.
    #[error("{0}")]
    Withdrawn(String),
    /// The API did not understand the request.
    #[error("{0}")]
    NotUnderstood(String),
    /// The host did not send the request.
    #[error("{0}")]
    HostRefused(String),
    /// The API could not be reached.
    #[error("{0}")]
    Unreachable(String),
    /// The API answered, but not with what was asked for.
    #[error("{0}")]
    Failed(String),
}

impl Miss {
    /// Whether another credential may fare better.
    #[must_use]
    pub fn another_slot_may_help(&self) -> bool {
        !matches!(
            self,
            Self::Withdrawn(_)
                | Self::NotUnderstood(_)
                | Self::HostRefused(_)
                | Self::Unreachable(_)
        )
    }
}

impl From<TransportError> for Miss {
    fn from(error: TransportError) -> Self {
        let text = error.to_string();
        match error {
            TransportError::Refused(_) => Self::HostRefused(text),
            TransportError::Unreachable(_) => Self::Unreachable(text),
            TransportError::TooLarge | TransportError::Broken(_) => Self::Failed(text),
        }
    }
}

/// What a product means by its answers.
pub trait Dialect {
    /// Whether an answer holds what was asked for.
    ///
    /// # Errors
    /// [`Miss`] where it doesn't.
    fn judge(&self, response: &Response) -> Result<(), Miss>;

    /// What to tell a product's own support about an answer, such as the id of its trace.
    fn trace(&self, response: &Response) -> Option<String>;

    /// The media types to ask for.
    fn accept(&self) -> &'static str {
        "application/json"
    }
}

/// An answer that holds what was asked for.
#[derive(Debug)]
pub struct Answer {
    /// The body.
    pub body: Vec<u8>,
    /// The path and query that gave it: another than was asked for after a redirect.
    pub path: String,
    /// When it came; see [`Response::read_at`].
    pub read_at: Option<u64>,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// [`Miss::Failed`] where it isn't what was expected.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Miss> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Miss::Failed(format!("the answer is not what was expected: {error}")))
    }
}

/// Asks the API of the connection.
pub struct Client<'a> {
    api: &'a dyn Api,
    dialect: &'a dyn Dialect,
    sink: &'a dyn Sink,
    origin: ApiOrigin,
    slots: Vec<String>,
}

impl<'a> Client<'a> {
    /// A client that may use the credentials `slots`, the preferred one first.
    #[must_use]
    pub fn new(
        api: &'a dyn Api,
        dialect: &'a dyn Dialect,
        sink: &'a dyn Sink,
        origin: ApiOrigin,
        slots: Vec<String>,
    ) -> Self {
        Self {
            api,
            dialect,
            sink,
            origin,
            slots,
        }
    }

    /// The origin of the API.
    #[must_use]
    pub fn origin(&self) -> &ApiOrigin {
        &self.origin
    }

    /// The credentials, by their place in the order of preference.
    pub fn slots(&self) -> std::ops::Range<usize> {
        0..self.slots.len()
    }

    /// The name of a credential.
    #[must_use]
    pub fn slot_name(&self, slot: usize) -> &str {
        self.slots.get(slot).map_or("no credential", String::as_str)
    }

    /// Each miss in a sentence of its own, with the credential that was sent.
    #[must_use]
    pub fn explain(&self, misses: &[(usize, Miss)]) -> String {
        let each: Vec<String> = misses
            .iter()
            .map(|(slot, miss)| format!("{}: {miss}", self.slot_name(*slot)))
            .collect();
        each.join("; ")
    }

    /// Asks for `path` with a credential, or with none. Redirects on the same origin are followed.
    ///
    /// # Errors
    /// [`Miss`] where what was asked for did not come.
    pub async fn get(
        &self,
        path: &str,
        slot: Option<usize>,
        most_bytes: usize,
    ) -> Result<Answer, Miss> {
        let slots = slot.as_slice();
        self.get_with_any(path, slots, most_bytes).await.1
    }

    /// Asks for `path` with one of several credentials, whichever the host prefers; with none where there is none. Tells
    /// which it was.
    pub(crate) async fn get_with_any(
        &self,
        path: &str,
        slots: &[usize],
        most_bytes: usize,
    ) -> (Option<usize>, Result<Answer, Miss>) {
        let mut path = path.to_owned();
        let mut slots = slots.to_vec();
        for _ in 0..=HOPS {
            let response = match self.send(&path, &slots, most_bytes).await {
                Ok(response) => response,
                Err(error) => return (slots.first().copied(), Err(error.into())),
            };
            let sent = self.sent(&slots, &response);
            if matches!(response.status, 301 | 302 | 303 | 307 | 308) {
                path = match self.redirected(&path, &response) {
                    Ok(path) => path,
                    Err(miss) => return (sent, Err(miss)),
                };
                // What one was told of is for it to follow.
                slots = sent.into_iter().collect();
                continue;
            }
            let judged = self.dialect.judge(&response);
            let answer = judged
                .inspect_err(|miss| self.log(&path, sent, &response, miss))
                .map(|()| Answer {
                    read_at: response.read_at(),
                    body: response.body,
                    path,
                });
            return (sent, answer);
        }
        let miss = format!("the API redirected more than {HOPS} times");
        (slots.first().copied(), Err(Miss::Failed(miss)))
    }

    /// Which of the credentials was sent, by the host's word: from a journal it may be one that was asked in another's place.
    fn sent(&self, slots: &[usize], response: &Response) -> Option<usize> {
        let by_name = |slot: &usize| Some(self.slot_name(*slot)) == response.slot();
        let first = slots.first().copied();
        first.map(|first| self.slots().find(by_name).unwrap_or(first))
    }

    /// Asks for a document that may be too long to be held, and gives it away in pieces. Redirects are not
    /// followed.
    ///
    /// # Errors
    /// [`Miss`] where the document did not come, or not to its end. Pieces may have been given away all the
    /// same.
    pub async fn get_cut(
        &self,
        path: &str,
        slot: Option<usize>,
        shape: Shape,
        give: &mut dyn FnMut(Piece<'_>),
    ) -> Result<(), Miss> {
        let mut tries = TRIES;
        loop {
            tries = tries.saturating_sub(1);
            let request = self.request(path, slot.as_slice(), LONGEST_REFUSAL);
            let mut cutter = Cutter::new(shape);
            let mut begun = false;
            let mut piece = |response: &Response, bytes: &[u8]| {
                if !begun {
                    begun = true;
                    let read_at = response.read_at();
                    give(Piece::Anew { read_at });
                }
                cutter.take(bytes, give);
            };
            let sent = self.api.stream(request, &mut piece).await;
            let response = match sent {
                Err(TransportError::Broken(_)) if tries > 0 => continue,
                sent => sent?,
            };
            let judged = self.dialect.judge(&response).and_then(|()| {
                cutter
                    .finish()
                    .map_err(|why| Miss::Failed(format!("the answer is no list: {why}")))
            });
            return judged.inspect_err(|miss| self.log(path, slot, &response, miss));
        }
    }

    fn request(&self, path: &str, slots: &[usize], most_bytes: usize) -> Request {
        let names: Vec<&str> = slots.iter().map(|slot| self.slot_name(*slot)).collect();
        Request {
            path: path.to_owned(),
            slot: (!names.is_empty()).then(|| names.join(", ")),
            accept: self.dialect.accept(),
            most_bytes,
        }
    }

    async fn send(
        &self,
        path: &str,
        slots: &[usize],
        most_bytes: usize,
    ) -> Result<Response, TransportError> {
        let mut tries = TRIES;
        loop {
            tries = tries.saturating_sub(1);
            match self.api.get(self.request(path, slots, most_bytes)).await {
                Err(TransportError::Broken(_)) if tries > 0 => {}
                outcome => return outcome,
            }
        }
    }

    fn redirected(&self, path: &str, response: &Response) -> Result<String, Miss> {
        let link = response.header("location").unwrap_or_default();
        match self.origin.follow(path, link) {
            Some(url) if !link.is_empty() => Ok(path_and_query(&url)),
            _ => Err(Miss::Failed(format!(
                "the API redirected ({}) away from its own origin, which is not followed",
                response.status
            ))),
        }
    }

    /// What a product's support would ask for. A refusal is an outcome like any other and is told as
    /// coverage; a failure is for the operator to see.
    fn log(&self, path: &str, slot: Option<usize>, response: &Response, miss: &Miss) {
        let severity = match miss {
            Miss::Failed(_) | Miss::NotUnderstood(_) => Severity::Warn,
            _ => Severity::Debug,
        };
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let slot = slot.map_or("no credential", |slot| self.slot_name(slot));
        let trace = self
            .dialect
            .trace(response)
            .map_or_else(String::new, |trace| format!(" ({trace})"));
        self.sink
            .log(severity, &format!("GET {path} with {slot}: {miss}{trace}"));
    }
}
