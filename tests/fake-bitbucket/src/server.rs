//! The fake, listening.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use fake_api::{Listener, Listening, broken};
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::auth::{self, Account, Credential, Credentials, Presented, Token};
use crate::catalogue::Catalogue;
use crate::endpoint::{Endpoint, Kind};
use crate::errors::{self, Answer};
use crate::family::Family;
use crate::paging::Asked;
use crate::requests::{Requests, Seen};
use crate::traps::{Behaviour, Fault, Moved, Product};
use crate::v2;
use crate::world::World;

/// How the fake is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The workspace access token that is right; None: none is.
    pub token: Option<Token>,
    /// The account that is right; None: none is.
    pub account: Option<Account>,
    /// What it does beside answering well.
    pub behaviour: Behaviour,
    /// 0: one that is free.
    pub port: u16,
}

impl Default for Config {
    /// Both credentials, all scopes, no misbehaviour, any port.
    fn default() -> Self {
        Self {
            token: Some(Token::default()),
            account: Some(Account::default()),
            behaviour: Behaviour::default(),
            port: 0,
        }
    }
}

/// A fake that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    origin: String,
    served: Arc<Served>,
    _listening: Listening,
}

struct Served {
    origin: String,
    catalogue: Catalogue,
    credentials: Credentials,
    behaviour: Behaviour,
    seen: Mutex<Vec<Seen>>,
    /// How often each URL has failed, where it fails at first.
    failed: Mutex<HashMap<String, u32>>,
    /// Where each credential stands in the rate limit's cycle.
    counted: Mutex<HashMap<Option<Credential>, u32>>,
    /// When each credential was answered within the rolling hour.
    hours: Mutex<HashMap<Option<Credential>, VecDeque<u64>>>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Served")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Listens on 127.0.0.1 and serves `world` from the current tokio runtime.
    pub async fn start(world: World, config: Config) -> io::Result<Self> {
        let listener = Listener::bind(config.port).await?;
        let origin = listener.origin().to_owned();
        let served = Arc::new(Served {
            origin: origin.clone(),
            catalogue: Catalogue::new(world),
            credentials: Credentials {
                token: config.token,
                account: config.account,
            },
            behaviour: config.behaviour,
            seen: Mutex::default(),
            failed: Mutex::default(),
            counted: Mutex::default(),
            hours: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
        });
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&served));
        Ok(Self {
            origin,
            served,
            _listening: listener.serve(router),
        })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Everything that was asked so far.
    pub fn requests(&self) -> Requests {
        Requests(lock(&self.served.seen).clone())
    }

    /// Forgets what was asked so far, and what has failed or was counted.
    pub fn forget(&self) {
        lock(&self.served.seen).clear();
        lock(&self.served.failed).clear();
        lock(&self.served.counted).clear();
        lock(&self.served.hours).clear();
        self.served.most_under_way.store(0, Ordering::SeqCst);
    }

    /// The most requests that were under way at once.
    pub fn most_under_way(&self) -> usize {
        self.served.most_under_way.load(Ordering::SeqCst)
    }

    /// What it serves.
    pub fn world(&self) -> &World {
        &self.served.catalogue.world
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is sent, beside the answer itself.
enum Sent {
    Whole,
    /// Half of the body, then the connection ends.
    CutOff,
    /// Nothing, the connection ends.
    Reset,
}

async fn handle(State(served): State<Arc<Served>>, request: Request) -> Response<Body> {
    let now = served.under_way.fetch_add(1, Ordering::SeqCst) + 1;
    served.most_under_way.fetch_max(now, Ordering::SeqCst);
    let _leaving = Leaving(&served.under_way);
    if !served.behaviour.latency.is_zero() {
        tokio::time::sleep(served.behaviour.latency).await;
    }

    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let headers = request.headers();
    let presented = served.credentials.judge(headers);
    let endpoint = Endpoint::at(&path);
    let family = match &endpoint {
        Some(endpoint) => endpoint.kind.family(),
        None if path == APPLICATION_PROPERTIES => Family::Product,
        None => Family::Other,
    };
    let asking = Asking {
        method: request.method(),
        path: &path,
        query: &query,
        presented,
        endpoint,
        family,
    };
    let (answer, sent) = match served.behaviour.bears {
        Some(most) if now > most => (errors::edge(503), Sent::Whole),
        _ => served.react(&asking),
    };
    let answer = served.dress(answer, &asking, headers);

    let mut header_names: Vec<String> = headers
        .keys()
        .map(|name| name.as_str().to_owned())
        .collect();
    header_names.sort();
    lock(&served.seen).push(Seen {
        method: request.method().to_string(),
        path: path.clone(),
        query: query.clone(),
        family,
        presented,
        status: if matches!(sent, Sent::Reset) {
            0
        } else {
            answer.status
        },
        served: answer.served && matches!(sent, Sent::Whole),
        header_names,
    });
    into_response(answer, &sent, headers, served.behaviour.gzip)
}

struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

const APPLICATION_PROPERTIES: &str = "/rest/api/1.0/application-properties";

struct Asking<'a> {
    method: &'a Method,
    path: &'a str,
    query: &'a str,
    presented: Presented,
    endpoint: Option<Endpoint>,
    family: Family,
}

impl Asking<'_> {
    fn credential(&self) -> Option<Credential> {
        match self.presented {
            Presented::Valid(credential) => Some(credential),
            _ => None,
        }
    }
}

impl Served {
    fn react(&self, asking: &Asking<'_>) -> (Answer, Sent) {
        match self.behaviour.product {
            Product::Cloud => {}
            Product::DataCenter => return (data_center(asking.path), Sent::Whole),
            Product::WebPages => return (web_page(asking.path), Sent::Whole),
        }
        if let Some(answer) = self
            .beyond_the_hour(asking)
            .or_else(|| self.too_many(asking))
        {
            return (answer, Sent::Whole);
        }
        match self.fault(asking) {
            Some(Fault::BadGateway) => return (errors::edge(502), Sent::Whole),
            Some(Fault::Unavailable) => return (errors::edge(503), Sent::Whole),
            Some(Fault::GatewayTimeout) => return (errors::edge(504), Sent::Whole),
            Some(Fault::TooMany) => return (errors::rate_limited(false), Sent::Whole),
            Some(Fault::Reset) => return (Answer::empty(200), Sent::Reset),
            Some(Fault::CutOff) => {
                let answer = self.answer(asking).unwrap_or_else(|answer| answer);
                return (answer, Sent::CutOff);
            }
            None => {}
        }
        (
            self.answer(asking).unwrap_or_else(|answer| answer),
            Sent::Whole,
        )
    }

    /// 429, where the rolling hour is used up.
    fn beyond_the_hour(&self, asking: &Asking<'_>) -> Option<Answer> {
        let hour = self.behaviour.hour.as_ref()?;
        let now = hour.clock.load(Ordering::SeqCst);
        let span = u64::try_from(hour.span.as_millis()).unwrap_or(u64::MAX);
        let mut hours = lock(&self.hours);
        let answered = hours.entry(asking.credential()).or_default();
        while answered
            .front()
            .is_some_and(|when| when.saturating_add(span) <= now)
        {
            answered.pop_front();
        }
        if answered.len() >= hour.allow {
            return Some(errors::rate_limited(false));
        }
        answered.push_back(now);
        None
    }

    /// 429, if it is time for one.
    fn too_many(&self, asking: &Asking<'_>) -> Option<Answer> {
        let limit = self.behaviour.rate_limit.as_ref()?;
        let mut counted = lock(&self.counted);
        let count = counted.entry(asking.credential()).or_insert(0);
        let refused = *count >= limit.allow;
        *count = count.saturating_add(1);
        if *count >= limit.allow.saturating_add(limit.refuse) && limit.refuse < u32::MAX {
            *count = 0;
        }
        if !refused {
            return None;
        }
        let mut answer = errors::rate_limited(limit.plain_text);
        if let Some(when) = &limit.retry_after {
            answer = answer.with("retry-after", when.clone());
        }
        if limit.headers {
            answer = answer
                .with("x-ratelimit-limit", "60, 60;w=3600")
                .with("x-ratelimit-remaining", "0")
                .with("x-ratelimit-reset", "1");
        }
        Some(answer)
    }

    /// What goes wrong with this request, if it is still time for that.
    fn fault(&self, asking: &Asking<'_>) -> Option<Fault> {
        let transient = self.behaviour.transient?;
        if transient.only.is_some_and(|only| only != asking.family) {
            return None;
        }
        let mut failed = lock(&self.failed);
        let count = failed
            .entry(format!("{}?{}", asking.path, asking.query))
            .or_insert(0);
        if *count >= transient.times {
            return None;
        }
        *count += 1;
        Some(transient.fault)
    }

    fn answer(&self, asking: &Asking<'_>) -> Result<Answer, Answer> {
        let Some(endpoint) = &asking.endpoint else {
            return Err(errors::no_api());
        };
        if asking.method != Method::GET {
            return Err(errors::error(405, "Method not allowed").with("allow", "GET"));
        }
        // Withdrawn for everyone, whatever the credential.
        if endpoint.kind == Kind::AcrossWorkspaces {
            return Err(errors::withdrawn("CHANGE-2770"));
        }
        let plain = self.behaviour.plain_text_401;
        let credential = self.credentials.admit(asking.presented, endpoint, plain)?;
        self.check_workspace(endpoint)?;
        self.check_refused(endpoint, credential)?;
        if let Some(answer) = self.moved(endpoint, asking) {
            return Err(answer);
        }
        let asked = Asked {
            origin: &self.origin,
            path: asking.path,
            raw_query: asking.query,
        };
        let request = v2::Request {
            catalogue: &self.catalogue,
            behaviour: &self.behaviour,
            endpoint,
            asked: &asked,
            credential,
            administrator: self
                .credentials
                .account
                .as_ref()
                .is_some_and(|a| a.administrator),
        };
        let value = match asking.path.starts_with("/1.0/") {
            true => request.answer_v1()?,
            false => request.answer()?,
        };
        Ok(Answer::served(&value))
    }

    fn check_workspace(&self, endpoint: &Endpoint) -> Result<(), Answer> {
        let workspace = &endpoint.workspace;
        if workspace.is_empty() {
            return Ok(());
        }
        // Seen live: this one endpoint doesn't know a workspace by its uuid.
        let by_uuid = *workspace == self.catalogue.world.workspace.uuid;
        if !self.catalogue.is_workspace(workspace)
            || (by_uuid && endpoint.kind == Kind::Permissions)
        {
            return Err(errors::no_workspace(workspace));
        }
        if self.behaviour.deactivated {
            Err(errors::deactivated())
        } else {
            Ok(())
        }
    }

    fn check_refused(&self, endpoint: &Endpoint, credential: Credential) -> Result<(), Answer> {
        let world = &self.catalogue.world;
        let object = match self.catalogue.repository(&endpoint.object) {
            Some(n) => &world.repositories[n].slug,
            None => &endpoint.object,
        };
        let refusals = &self.behaviour.refuse;
        let mut refusals = refusals
            .iter()
            .filter(|refuse| refuse.who.is_none_or(|who| who == credential))
            .filter(|refuse| refuse.what.fits(endpoint, object));
        match refusals.next() {
            Some(refuse) => {
                let required = auth::required(credential, endpoint.kind);
                let granted = self.credentials.granted(credential);
                Err(refuse
                    .how
                    .answer(required, &granted, self.behaviour.plain_text_401))
            }
            None => Ok(()),
        }
    }

    fn moved(&self, endpoint: &Endpoint, asking: &Asking<'_>) -> Option<Answer> {
        // Found by its old name alone: by its uuid it answers.
        let moved = self.behaviour.moved.get(&endpoint.object)?;
        let repository =
            &self.catalogue.world.repositories[self.catalogue.repository(&endpoint.object)?];
        let mark = if asking.query.is_empty() { "" } else { "?" };
        let location = match moved {
            Moved::SameOrigin => {
                let uuid = repository.uuid.replace('{', "%7B").replace('}', "%7D");
                let path =
                    asking
                        .path
                        .replacen(&format!("/{}", endpoint.object), &format!("/{uuid}"), 1);
                format!("{}{path}{mark}{}", self.origin, asking.query)
            }
            Moved::OtherOrigin(origin) => format!("{origin}{}{mark}{}", asking.path, asking.query),
        };
        Some(Answer::empty(301).with("location", location))
    }

    /// The headers that Bitbucket sends with most answers.
    fn dress(&self, mut answer: Answer, asking: &Asking<'_>, headers: &HeaderMap) -> Answer {
        if self.behaviour.echo_credentials && !answer.served {
            answer.body = echoing(answer.body, headers);
        }
        let digest = hex(&Sha256::digest(&answer.body)[..8]);
        let trace = hex(&Sha256::digest(format!("{}?{}", asking.path, asking.query))[..8]);
        if let (Some(endpoint), Some(credential)) = (&asking.endpoint, asking.credential()) {
            let kind = match credential {
                Credential::WorkspaceToken => "workspace_access_token",
                Credential::Account => "api_token",
            };
            let accepted = auth::required(credential, endpoint.kind).join(", ");
            let granted = self.credentials.granted(credential).join(", ");
            answer = answer
                .with("x-credential-type", kind)
                .with("x-oauth-scopes", granted)
                .with("x-accepted-oauth-scopes", accepted)
                .with("x-view-name", endpoint.kind.view());
            let limited = self
                .behaviour
                .rate_limit
                .as_ref()
                .is_some_and(|limit| limit.headers);
            if limited
                && credential == Credential::WorkspaceToken
                && asking.path.starts_with("/2.0/repositories/")
                && answer.status != 429
            {
                answer = answer
                    .with("x-ratelimit-limit", "1000")
                    .with("x-ratelimit-resource", "api")
                    .with("x-ratelimit-nearlimit", "false");
            }
        }
        // Now and then, and always for the same URL.
        if trace.starts_with(['0', '1', '2']) {
            answer = answer.with("set-cookie", "csrftoken=fake; Path=/; HttpOnly; Secure");
        }
        if answer.served {
            let etag = format!("\"{digest}\"");
            let known = headers
                .get(header::IF_NONE_MATCH)
                .and_then(|value| value.to_str().ok());
            if known == Some(&etag) {
                answer = Answer {
                    status: 304,
                    body: Vec::new(),
                    content_type: None,
                    ..answer
                };
            }
            answer = answer.with("etag", etag).with("cache-control", "private");
        }
        answer
            .with("x-b3-traceid", trace)
            .with("vary", "Accept-Encoding")
    }
}

/// The error with the credential in its message, as it came and decoded.
fn echoing(body: Vec<u8>, headers: &HeaderMap) -> Vec<u8> {
    let presented = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let (Some(presented), Ok(mut error)) = (presented, serde_json::from_slice::<Value>(&body))
    else {
        return body;
    };
    let Some(message) = error["error"]["message"].as_str() else {
        return body;
    };
    let pair = presented
        .rsplit(' ')
        .next()
        .and_then(|pair| STANDARD.decode(pair).ok());
    let pair = pair
        .and_then(|pair| String::from_utf8(pair).ok())
        .unwrap_or_default();
    error["error"]["message"] = format!("{message} You sent {presented} {pair}").into();
    error.to_string().into_bytes()
}

fn data_center(path: &str) -> Answer {
    if path == APPLICATION_PROPERTIES {
        let properties = serde_json::json!({
            "version": "9.2.0",
            "buildNumber": "9002000",
            "buildDate": "1732000000000",
            "displayName": "Bitbucket",
        });
        return Answer::served(&properties);
    }
    Answer::html(
        404,
        "<!DOCTYPE html><html><body><h1>Page not found</h1></body></html>",
    )
}

fn web_page(path: &str) -> Answer {
    if path.starts_with("/2.0/workspaces/") {
        return errors::sign_in_page();
    }
    Answer::empty(302).with(
        "location",
        format!("https://bitbucket.org/account/signin/?next={path}"),
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn into_response(answer: Answer, sent: &Sent, headers: &HeaderMap, gzip: bool) -> Response<Body> {
    if matches!(sent, Sent::Reset) {
        return broken(Vec::new(), None);
    }
    let mut response = Response::builder()
        .status(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    if let Some(content_type) = answer.content_type {
        response = response.header(header::CONTENT_TYPE, content_type);
    }
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    let accepts = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .any(|value| value.to_str().is_ok_and(|value| value.contains("gzip")));
    let mut body = answer.body;
    if gzip
        && accepts
        && body.len() > 512
        && let Ok(compressed) = compress(&body)
    {
        body = compressed;
        response = response.header(header::CONTENT_ENCODING, "gzip");
    }
    if matches!(sent, Sent::CutOff) {
        let length = body.len();
        body.truncate(length / 2);
        let (parts, broken) = broken(body, Some(length)).into_parts();
        if let Some(headers) = response.headers_mut() {
            headers.extend(parts.headers);
        }
        return response.body(broken).unwrap_or_default();
    }
    response.body(Body::from(body)).unwrap_or_default()
}

fn compress(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
