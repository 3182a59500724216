//! Tokens that the host fetches itself: for each slot one at a time, whoever needs it. Kept for the run; renewed before it
//! expires, and where the API no longer takes it.
//!
//! Such a request goes to the connection's token URL and nowhere else, through the client that the API is asked with: the
//! same addresses, certificates and proxy, no redirects. It waits neither for a place among the requests in flight nor for
//! a turn of the pace, since whoever needs the token may hold both.

use super::failure::{self, Failure};
use super::tally::{Tally, Verdict};
use super::trail::{Attempt, Trail};
use crate::audit::Audit;
use crate::limits::{Limit, Limits, Usage};
use crate::manifest::Retry;
use crate::pace::Clock;
use crate::slot::SlotName;
use crate::vault::{self, Granted, Http, NotGranted, Redactor, TokenClient, Vault};
use futures::FutureExt as _;
use http::{HeaderMap, HeaderValue, StatusCode};
use oauth2::{HttpRequest, HttpResponse};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;
use tokio::task::AbortHandle;

/// The family by which requests for tokens are counted.
const FAMILY: &str = "oauth2-token";
/// How long a request for a token may take in all.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The largest answer that is taken, in bytes. A token has at most 8 KiB.
const LARGEST_ANSWER: usize = 64 * 1024;
/// A token is renewed so long before it expires, or a tenth of its life where that is less.
const MARGIN: Duration = Duration::from_secs(60);
/// No token is renewed more often than that for its age alone, however short a life its endpoint claims for it, nor is one
/// asked for again more often while the old one still lives.
const SHORTEST_LIFE: Duration = Duration::from_secs(10);
/// Where a new token was refused as the old one was, the API means something else by that: for so long it is not asked for
/// another.
const FRUITLESS: Duration = Duration::from_secs(300);

/// What a run's requests for tokens need of it.
pub(super) struct Office {
    pub(super) client: reqwest::Client,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) retry: Retry,
    pub(super) limits: Limits,
    pub(super) usage: Arc<Usage>,
    pub(super) sent: Arc<AtomicU64>,
    pub(super) audit: Arc<Audit>,
    pub(super) tally: Arc<Tally>,
    pub(super) redactor: Redactor,
}

/// A token as a request carries it.
pub(super) struct Key {
    /// The value of the `Authorization` header.
    pub(super) value: HeaderValue,
    number: u64,
    /// It was fetched while the request waited.
    fresh: bool,
}

/// Why there is none.
#[derive(Clone)]
pub(super) enum NoToken {
    /// The run has used up its requests.
    Budget,
    /// In words for a person. No secret is in them.
    Because(Arc<str>),
}

/// The slots of a run whose tokens are fetched.
pub(super) struct Tokens(HashMap<SlotName, Arc<Source>>);

impl Tokens {
    pub(super) fn new(vault: &Vault, office: Office) -> Self {
        let office = Arc::new(office);
        let source = |(slot, client): (&SlotName, &Arc<TokenClient>)| {
            let source = Source {
                trail: Trail::of_token(&office.audit, client.url(), FAMILY),
                slot: slot.clone(),
                client: Arc::clone(client),
                office: Arc::clone(&office),
                door: Arc::default(),
                state: Mutex::default(),
                task: Mutex::default(),
            };
            (slot.clone(), Arc::new(source))
        };
        Self(vault.token_clients().map(source).collect())
    }

    /// The source of a slot's tokens, where they are fetched.
    pub(super) fn of(&self, slot: &SlotName) -> Option<&Arc<Source>> {
        self.0.get(slot)
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        for source in self.0.values() {
            if let Some(task) = &*lock(&source.task) {
                task.abort();
            }
        }
    }
}

/// Where the tokens of one slot come from.
pub(super) struct Source {
    slot: SlotName,
    client: Arc<TokenClient>,
    office: Arc<Office>,
    trail: Arc<Trail>,
    /// Whoever fetches holds it; the others wait for it.
    door: Arc<tokio::sync::Mutex<()>>,
    state: Mutex<State>,
    task: Mutex<Option<AbortHandle>>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// How many tokens came so far: the number of the newest.
    number: u64,
    /// How many fetches ended so far.
    fetches: u64,
    /// Why the last one brought none.
    failed: Option<NoToken>,
    /// It never will: nobody asks again.
    is_final: bool,
    /// Until then a refusal by the API is no reason to renew.
    patient_until: Duration,
}

struct Held {
    value: HeaderValue,
    renew_at: Option<Duration>,
    expires_at: Option<Duration>,
}

impl State {
    fn key(&self, held: &Held, fresh: bool) -> Key {
        Key {
            value: held.value.clone(),
            number: self.number,
            fresh,
        }
    }

    /// The token that is kept, unless it is time to renew it.
    fn usable(&self, now: Duration) -> Option<Key> {
        let held = self.held.as_ref();
        let held = held.filter(|held| held.renew_at.is_none_or(|at| now < at))?;
        Some(self.key(held, false))
    }

    /// What the fetch that just ended means for those who waited for it. None: the API has refused its token since.
    fn outcome(&self) -> Option<Result<Key, NoToken>> {
        match &self.held {
            Some(held) => Some(Ok(self.key(held, true))),
            None => self.failed.clone().map(Err),
        }
    }
}

impl Source {
    /// A token: the one that is kept, else the one that is being fetched or is fetched now. It is fetched to the end even
    /// where nobody waits for it any more, so that no number of requests that come and go makes more than one fetch.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn key(self: &Arc<Self>) -> Result<Key, NoToken> {
        loop {
            let seen = {
                let state = lock(&self.state);
                if let Some(key) = state.usable(self.office.clock.now()) {
                    return Ok(key);
                }
                match (&state.failed, state.is_final) {
                    (Some(why), true) => return Err(why.clone()),
                    _ => state.fetches,
                }
            };
            let door = Arc::clone(&self.door).lock_owned().await;
            if lock(&self.state).fetches == seen {
                let task = tokio::spawn(Arc::clone(self).fetch(door));
                *lock(&self.task) = Some(task.abort_handle());
                if task.await.is_err() {
                    return Err(self.because("could not be asked: the run is over"));
                }
            }
            if let Some(outcome) = lock(&self.state).outcome() {
                return outcome;
            }
        }
    }

    /// The API refused a request with this token. Whether it is worth asking again, with another.
    pub(super) fn refused(&self, key: &Key) -> bool {
        let now = self.office.clock.now();
        let mut state = lock(&self.state);
        if key.number < state.number || state.held.is_none() {
            return true;
        }
        let renew = !key.fresh && !state.is_final && now >= state.patient_until;
        if renew {
            state.held = None;
            state.failed = None;
        }
        renew
    }

    /// It refused the new one as well.
    pub(super) fn renewed_in_vain(&self) {
        let until = self.office.clock.now().saturating_add(FRUITLESS);
        lock(&self.state).patient_until = until;
    }

    async fn fetch(self: Arc<Self>, _door: OwnedMutexGuard<()>) {
        let began = self.office.clock.now();
        let asked = self.ask().await;
        let value = match asked {
            Ok(Granted { token, lifetime }) => {
                // Before anyone can use it: an echo of it must be recognised.
                self.office.redactor.learn(&self.slot, &token);
                Ok((vault::bearer(&token), lifetime))
            }
            Err(why) => Err(why),
        };
        let now = self.office.clock.now();
        let mut state = lock(&self.state);
        state.fetches += 1;
        match value {
            Ok((value, lifetime)) => {
                state.number += 1;
                state.failed = None;
                state.held = Some(Held {
                    value,
                    renew_at: lifetime.map(|life| {
                        let early = life.saturating_sub(MARGIN.min(life / 10));
                        began.saturating_add(early.max(SHORTEST_LIFE))
                    }),
                    expires_at: lifetime.map(|life| began.saturating_add(life)),
                });
            }
            Err((why, passes)) => {
                state.is_final = !passes;
                let lives = |held: &Held| held.expires_at.is_none_or(|at| now < at);
                match state.held.as_mut().filter(|held| passes && lives(held)) {
                    // It is renewed before its time, so there is some left to try again.
                    Some(held) => held.renew_at = Some(now.saturating_add(SHORTEST_LIFE)),
                    None => {
                        state.held = None;
                        state.failed = Some(why);
                    }
                }
            }
        }
    }

    /// Asks until a token comes, or why none does is clear. Where that may pass, true stands beside it.
    async fn ask(&self) -> Result<Granted, (NoToken, bool)> {
        let office = &*self.office;
        for attempt in 1.. {
            if !office.usage.take(Limit::Requests, 1, &office.limits) {
                return Err((NoToken::Budget, false));
            }
            office.sent.fetch_add(1, Ordering::Relaxed);
            let mut noted = Attempt::begin(&self.trail, Some(&self.slot), attempt);
            let seen = Arc::new(Mutex::new(Seen::default()));
            let (client, noting) = (office.client.clone(), Arc::clone(&seen));
            let http = Http(Box::new(move |request| {
                send(client.clone(), request, Arc::clone(&noting)).boxed()
            }));
            let asked = self.client.ask(&http).await;
            let seen = std::mem::take(&mut *lock(&seen));
            noted.read(seen.bytes);
            let miss = match asked {
                Ok(granted) => {
                    self.note(&mut noted, &seen, None);
                    return Ok(granted);
                }
                Err(error) => self.miss(error, &seen),
            };
            self.note(&mut noted, &seen, Some(&miss.why));
            drop(noted);
            if !miss.passes || attempt >= office.retry.attempts {
                tracing::debug!(slot = %self.slot, attempt, "no token");
                return Err((self.because(&miss.why), miss.passes));
            }
            let now = office.clock.now();
            let wait = super::retry::wait(&office.retry, attempt + 1, seen.headers.as_ref(), now);
            office.clock.sleep(wait).await;
        }
        unreachable!("the attempts are counted, and end before the numbers do")
    }

    fn note(&self, noted: &mut Attempt, seen: &Seen, why: Option<&str>) {
        let verdict = match (seen.status, why) {
            (Some(status), _) => {
                noted.answered(status);
                Verdict::Status(status.as_u16())
            }
            (None, why) => {
                let why = why.unwrap_or_default();
                noted.failed(why);
                self.office.tally.failure(why.to_owned());
                Verdict::Failed
            }
        };
        self.office
            .tally
            .count(FAMILY, Some(self.slot.as_str()), verdict);
    }

    /// What went wrong with one request, and what to do.
    fn miss(&self, error: NotGranted<Lost>, seen: &Seen) -> Miss {
        let final_miss = |why: String| Miss { why, passes: false };
        match error {
            NotGranted::Refused(code) => {
                let (code, advice) = advice(&code);
                let code = self.office.redactor.text(code);
                final_miss(format!("refused the client with {code}; {advice}"))
            }
            NotGranted::NotUnderstood => final_miss(format!(
                "answered {} with something that is no token; check token_url",
                seen.status.map_or(0, |status| status.as_u16())
            )),
            NotGranted::Unusable(problem) => {
                final_miss(format!("gave a token that can't be used: it {problem}"))
            }
            NotGranted::NoAnswer(Lost::Status(status)) if status.is_redirection() => {
                final_miss(format!(
                    "answered {} and leads elsewhere, where no client secret is sent; give the URL of the token endpoint itself as token_url",
                    status.as_u16()
                ))
            }
            NotGranted::NoAnswer(Lost::Status(status)) => Miss {
                why: format!(
                    "answered {} in place of a token; try again later",
                    status.as_u16()
                ),
                passes: true,
            },
            NotGranted::NoAnswer(Lost::TooLarge) => final_miss(format!(
                "answered with more than {} KiB, which is no token; check token_url",
                LARGEST_ANSWER / 1024
            )),
            NotGranted::NoAnswer(Lost::Network(error)) => Miss {
                passes: !Failure::of(&error).is_final(),
                why: format!(
                    "could not be reached: {}",
                    failure::told(error, &self.office.redactor)
                ),
            },
        }
    }

    fn because(&self, why: &str) -> NoToken {
        let host = self.client.url().host_str().unwrap_or_default();
        let why = format!("no token for the credential {}: {host} {why}", self.slot);
        NoToken::Because(why.into())
    }
}

/// One request over the network.
async fn send(
    client: reqwest::Client,
    request: HttpRequest,
    seen: Arc<Mutex<Seen>>,
) -> Result<HttpResponse, Lost> {
    let mut request = reqwest::Request::try_from(request)?;
    *request.timeout_mut() = Some(TIMEOUT);
    if let Some(secret) = request.headers_mut().get_mut(http::header::AUTHORIZATION) {
        secret.set_sensitive(true);
    }
    let mut answer = client.execute(request).await?;
    let status = answer.status();
    {
        let mut seen = lock(&seen);
        seen.status = Some(status);
        seen.headers = Some(answer.headers().clone());
    }
    if status.is_redirection() || status.is_server_error() || super::retry::may_pass(status) {
        return Err(Lost::Status(status));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        lock(&seen).bytes += chunk.len();
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(Lost::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    // Its headers don't matter: what an answer is shows when it is read.
    let mut whole = HttpResponse::new(body);
    // The crate takes a token from 200 alone.
    *whole.status_mut() = if status.is_success() {
        StatusCode::OK
    } else {
        status
    };
    Ok(whole)
}

/// What was seen of an answer.
#[derive(Default)]
struct Seen {
    status: Option<StatusCode>,
    headers: Option<HeaderMap>,
    bytes: usize,
}

/// Why an answer did not come, or is not worth reading.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("no answer")]
    Network(#[from] reqwest::Error),
    #[error("another status")]
    Status(StatusCode),
    #[error("too large")]
    TooLarge,
}

struct Miss {
    why: String,
    /// Asking again may help.
    passes: bool,
}

/// An endpoint's code as it may be repeated, and what to do about it.
fn advice(code: &str) -> (&str, &'static str) {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let known = match code {
        "invalid_client" => {
            "check client_id and client_secret, and that they have not expired or been revoked"
        }
        "unauthorized_client" | "unsupported_grant_type" | "invalid_grant" => {
            "allow this client the grant client_credentials"
        }
        "invalid_scope" => "check scope",
        _ => "check token_url and what is set for this client there",
    };
    if (1..=40).contains(&code.len()) && code.bytes().all(plain) {
        (code, known)
    } else {
        ("a code that OAuth 2.0 doesn't know", known)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is done under the lock that could panic halfway.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
