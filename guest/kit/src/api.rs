//! One request and its answer: what lies below everything else.

use futures::future::LocalBoxFuture;

/// A GET to the API of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The path and query below the API's origin, beginning with `/`.
    pub path: String,
    /// The name of the credential to send, or several, separated by a comma and a space, of which any will do;
    /// None: the manifest's rule for the path decides.
    pub slot: Option<String>,
    /// The media types to ask for.
    pub accept: &'static str,
    /// The longest body that is read, in bytes.
    pub most_bytes: usize,
}

/// What came back, whatever its status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case, as often as they came.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        Some(value)
    }

    /// The name of the credential that was sent.
    #[must_use]
    pub fn slot(&self) -> Option<&str> {
        self.header("portcullis-slot")
    }

    /// When the answer came, in milliseconds since 1970; where a journal has it, that may be long ago.
    #[must_use]
    pub fn read_at(&self) -> Option<u64> {
        self.header("portcullis-read-at")?.parse().ok()
    }
}

/// Why there is no answer. The host has already tried again where that could help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The host does not allow this request.
    #[error("the host refused the request: {0}")]
    Refused(String),
    /// The name, the connection or TLS failed, or nothing came in time.
    #[error("no answer came: {0}")]
    Unreachable(String),
    /// The body is longer than the request allowed, or than the host does.
    #[error("the answer is too large")]
    TooLarge,
    /// The body broke off.
    #[error("the answer broke off: {0}")]
    Broken(String),
}

/// A way to send requests. In a component it is `wasi:http`, in a test a script.
pub trait Api {
    /// Sends one request.
    ///
    /// # Errors
    /// [`TransportError`] where there is no complete answer. An answer of any status is no error.
    fn get(&self, request: Request) -> LocalBoxFuture<'_, Result<Response, TransportError>>;

    /// Sends one request whose answer may be too long to be held. Where its status is 200, the body goes to
    /// `piece` as it comes, with the response that it is left out of; the bound on its length is the host's.
    ///
    /// # Errors
    /// As [`Api::get`].
    fn stream<'a>(
        &'a self,
        request: Request,
        piece: &'a mut dyn FnMut(&Response, &[u8]),
    ) -> LocalBoxFuture<'a, Result<Response, TransportError>>;
}
