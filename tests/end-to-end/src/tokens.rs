//! A token endpoint of OAuth 2.0 that answers as a test wants, and remembers what it was asked.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// What each of its tokens begins with.
pub const TOKEN: &str = "fetched/t0ken+";

/// The token of this number.
pub fn token(number: usize) -> String {
    format!("{TOKEN}{number}-and-more")
}

/// A token, and how long it lives where that is said.
pub fn granted(token: &str, expires_in: Option<u64>) -> Response {
    let mut body =
        serde_json::json!({"access_token": token, "token_type": "bearer", "scopes": "a b"});
    if let Some(seconds) = expires_in {
        body["expires_in"] = seconds.into();
    }
    said(200, &body.to_string())
}

/// A refusal with this code.
pub fn refused(status: u16, code: &str) -> Response {
    let body = serde_json::json!({"error": code, "error_description": "find out yourself"});
    said(status, &body.to_string())
}

/// An answer with this status and body.
///
/// # Panics
/// Where the status is none.
pub fn said(status: u16, body: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let kind = [(header::CONTENT_TYPE, "application/json;charset=UTF-8")];
    (status, kind, body.to_owned()).into_response()
}

/// A request for a token.
#[derive(Debug, Clone)]
pub struct AskedForToken {
    /// Method, path and query.
    pub line: String,
    /// The header `Authorization`.
    pub authorization: String,
    /// The body.
    pub body: String,
}

/// The endpoint. It stops when the test's runtime does.
pub struct TokenEndpoint {
    port: u16,
    served: Arc<Served>,
}

struct Served {
    /// Whoever asks waits until it is opened.
    door: Arc<Semaphore>,
    asked: Mutex<Vec<AskedForToken>>,
    answer: Box<dyn Fn(usize) -> Response + Send + Sync>,
}

impl TokenEndpoint {
    /// Starts an endpoint on this machine. `answer` is told how many times it was asked, this one included.
    ///
    /// # Panics
    /// Where no port is free.
    pub async fn start(answer: impl Fn(usize) -> Response + Send + Sync + 'static) -> Self {
        Self::behind(Arc::new(Semaphore::new(1)), answer).await
    }

    /// As [`TokenEndpoint::start`]; it answers as soon as the door has a permit.
    ///
    /// # Panics
    /// As [`TokenEndpoint::start`].
    pub async fn behind(
        door: Arc<Semaphore>,
        answer: impl Fn(usize) -> Response + Send + Sync + 'static,
    ) -> Self {
        let served = Arc::new(Served {
            door,
            asked: Mutex::default(),
            answer: Box::new(answer),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let router = Router::new()
            .fallback(serve)
            .with_state(Arc::clone(&served));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { port, served }
    }

    /// An endpoint that gives one token after the other, each of which lives so many seconds.
    ///
    /// # Panics
    /// As [`TokenEndpoint::start`].
    pub async fn granting(expires_in: Option<u64>) -> Self {
        Self::start(move |number| granted(&token(number), expires_in)).await
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/oauth2/token?realm=one", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it was asked.
    pub fn asked(&self) -> Vec<AskedForToken> {
        self.served.asked().clone()
    }

    /// How often it was asked.
    pub fn count(&self) -> usize {
        self.served.asked().len()
    }
}

impl Served {
    fn asked(&self) -> MutexGuard<'_, Vec<AskedForToken>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(
    State(served): State<Arc<Served>>,
    method: axum::http::Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    let number = {
        let mut asked = served.asked();
        asked.push(AskedForToken {
            line: format!("{method} {uri}"),
            authorization: authorization.unwrap_or_default().to_owned(),
            body,
        });
        asked.len()
    };
    let _open = served.door.acquire().await;
    (served.answer)(number)
}
