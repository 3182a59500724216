//! The way of a request from the guest to the API and back, top to bottom:
//! policy, journal, retry, and for each attempt pace, credential and client; then the answer's way home. A credential may be
//! a token that is fetched first, on a way of its own.

pub mod address;
mod answer;
mod client;
mod failure;
mod gate;
pub mod policy;
pub mod retry;
mod room;
mod tally;
mod token;
mod trail;

pub use answer::headers as returned_headers;
pub use client::ClientError;
pub use tally::{Entry, Read, Tally, Verdict};

use crate::audit::Audit;
use crate::connection::{Connection, Network};
use crate::journal::{Asked as AskedFor, Head as KeptHead, Journal, Kept};
use crate::limits::{Limit, Limits, Usage};
use crate::machine::Machine;
use crate::manifest::{Manifest, Retry};
use crate::pace::{Clock, Pace, Told, Turn};
use crate::sandbox::Observer;
use crate::settings::SettingValue;
use crate::slot::{SlotKind, SlotName};
use crate::vault::{Redactor, Vault};
use failure::Failure;
use futures::future::select_all;
use gate::{Borne, Gate, Place};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use policy::{ApiOrigin, BasePath, Permit, Policy, READ_AT_HEADER, Refusal, SLOT_HEADER};
use room::Room;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use token::{Key, NoToken, Office, Source, Tokens};
use trail::{Attempt, Trail};
use url::{Position, Url};
use wasmtime_wasi_http::{Error, WasiBody};

/// How long a request is asked again where the API says that there are too many: two of its hours.
const PATIENCE: Duration = Duration::from_secs(2 * 3600);

/// Why a connection's API can't be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The API URL is plain http.
    #[error(
        "{0} is plain http, over which credentials can be read by others; use https, or set allow_plain_http = true under [network] in the connection for a test"
    )]
    PlainHttp(ApiOrigin),
    /// A token URL may not be asked.
    #[error("credentials.{slot}.token_url: {problem}")]
    Token {
        /// The credential.
        slot: SlotName,
        /// Why.
        problem: Box<EgressError>,
    },
    /// The API URL names a forbidden address.
    #[error(transparent)]
    Address(#[from] address::AddressError),
    /// The client can't be built.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The API URL holds more than a place, or an unclear one.
    #[error("the setting {setting} {problem}")]
    Base {
        /// The setting.
        setting: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The API URL is missing or no URL.
    #[error("the setting {0} holds no http or https URL")]
    NoOrigin(String),
}

/// Everything that a run's requests go through. One per run.
pub struct Egress {
    policy: Policy,
    vault: Vault,
    /// Finds secrets in responses.
    redactor: Redactor,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    paces: HashMap<Option<SlotName>, Arc<Pace>>,
    observer: Mutex<Option<Arc<dyn Observer>>>,
    journal: Option<Arc<Journal>>,
    gate: Arc<Gate>,
    /// The places of answers that the journal gives: they do not wait for the API.
    kept: Arc<Gate>,
    spread_slots: bool,
    tokens: Tokens,
    retry: Retry,
    limits: Limits,
    usage: Arc<Usage>,
    audit: Arc<Audit>,
    sent: Arc<AtomicU64>,
    budget_told: AtomicBool,
    tally: Arc<Tally>,
}

impl Egress {
    /// Prepares the requests of one run.
    ///
    /// # Errors
    /// Where the connection's API URL may not be asked.
    pub fn new(
        manifest: &Manifest,
        connection: &mut Connection,
        machine: &Machine,
        journal: Option<Journal>,
    ) -> Result<Self, EgressError> {
        let no_origin = || EgressError::NoOrigin(manifest.origin_setting.clone());
        let url = match connection.settings.get(&manifest.origin_setting) {
            Some(SettingValue::Text(text)) => Url::parse(text).ok(),
            _ => None,
        };
        let url = url.ok_or_else(no_origin)?;
        let origin = ApiOrigin::of(&url).ok_or_else(no_origin)?;
        let base = if manifest.below_path {
            BasePath::of(&url).map_err(|problem| EgressError::Base {
                setting: manifest.origin_setting.clone(),
                problem,
            })?
        } else {
            BasePath::default()
        };
        check_origin(&origin, &connection.network)?;
        let vault = std::mem::replace(&mut connection.vault, Vault::new(Default::default()));
        for (slot, client) in vault.token_clients() {
            let wrong = |problem| EgressError::Token {
                slot: slot.clone(),
                problem: Box::new(problem),
            };
            let origin = ApiOrigin::of(client.url()).ok_or_else(no_origin)?;
            check_origin(&origin, &connection.network).map_err(wrong)?;
        }
        let filled: Vec<SlotName> = vault.slots().map(|(slot, _)| slot.clone()).collect();
        let is_replay = journal.as_ref().is_some_and(Journal::is_replay);
        let mut paces = HashMap::from([(None, machine.paces.alone())]);
        for slot in &filled {
            let credential = vault.identity(slot);
            let (rate, is_own) = (connection.pace.requests_per_hour, connection.rate_is_own);
            let pace = if is_replay {
                // Nothing is sent, and what a journal says of the pace is not kept for those who do send.
                machine.paces.alone()
            } else {
                machine.paces.of(&origin, &credential, rate, is_own)
            };
            paces.insert(Some(slot.clone()), pace);
        }
        let audit = Audit::new(vault.redactor().clone(), manifest.safe_parameters.clone())
            .bounded(connection.limits.amount(Limit::OutputMib));
        let office = Office {
            client: client::build(&connection.network, Arc::clone(&machine.names))?,
            clock: Arc::clone(machine.paces.clock()),
            retry: manifest.retry,
            limits: connection.limits,
            usage: Arc::default(),
            sent: Arc::default(),
            audit: Arc::new(audit),
            tally: Arc::default(),
            redactor: vault.redactor().clone(),
        };
        // Half of what the connector's own memory may be, for its responses in the host; what the client holds beside it for
        // each request is bounded by their number.
        let memory = connection.limits.size(Limit::MemoryMib);
        let room = Room::new(memory / 2);
        let places = (connection.pace.in_flight as usize).clamp(1, (memory / room::BESIDE).max(1));
        let token_urls = vault.token_clients().map(|(_, client)| client.url());
        Ok(Self {
            policy: Policy::new(origin, manifest.rules.clone(), filled)
                .below(base)
                .with_headers(manifest.headers.clone())
                .closed_to(token_urls),
            client: office.client.clone(),
            clock: Arc::clone(&office.clock),
            paces,
            observer: Mutex::default(),
            journal: journal
                .map(|journal| {
                    let amount = |limit| connection.limits.amount(limit);
                    journal.bounded(amount(Limit::OutputMib), amount(Limit::ResponseMib))
                })
                .map(Arc::new),
            gate: Gate::new(places, &room),
            kept: Gate::new(places, &room),
            spread_slots: connection.pace.spread_slots,
            retry: manifest.retry,
            limits: connection.limits,
            usage: Arc::clone(&office.usage),
            audit: Arc::clone(&office.audit),
            sent: Arc::clone(&office.sent),
            budget_told: AtomicBool::new(false),
            tally: Arc::clone(&office.tally),
            tokens: Tokens::new(&vault, office),
            redactor: vault.redactor().of_api(),
            vault,
        })
    }

    /// What was asked and what came back.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// What the run used so far.
    pub fn usage(&self) -> &Arc<Usage> {
        &self.usage
    }

    /// Who is told when requests have to wait.
    pub fn watched_by(&self, observer: Arc<dyn Observer>) {
        *self.observer.lock().unwrap_or_else(PoisonError::into_inner) = Some(observer);
    }

    /// The journal, where there is one.
    pub fn journal(&self) -> Option<&Journal> {
        self.journal.as_deref()
    }

    /// The audit log.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// The credentials that may be named, and how each is sent.
    pub fn slots(&self) -> Vec<(String, SlotKind)> {
        self.vault
            .slots()
            .map(|(slot, kind)| (slot.to_string(), kind))
            .collect()
    }

    /// How many requests were sent, retries and those for tokens included.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Policy: may this be asked? Told at once, so that a request which waits, for its body or its turn, holds no more than
    /// the policy's bounds on a URL and headers.
    ///
    /// # Errors
    /// [`Error::HttpRequestDenied`]: it is refused, and nothing is sent.
    pub fn judge(&self, parts: Parts) -> Result<Permitted, Error> {
        let trail = Trail::new(&self.audit, &parts);
        match self.policy.judge(&parts.method, &parts.uri, &parts.headers) {
            Ok(permit) => {
                let headers = policy::sent_on(parts.headers);
                self.redactor.note_sent(permit.url.as_str().as_bytes());
                for value in headers.values() {
                    self.redactor.note_sent(value.as_bytes());
                }
                Ok(Permitted {
                    trail: trail.permitted(&permit),
                    permit,
                    method: parts.method,
                    headers,
                })
            }
            Err(refusal) => {
                // The connector chose the name of a header.
                let clean = |name: String| self.audit.shown(&name, 100);
                let refusal = match refusal {
                    Refusal::Header(name) => Refusal::Header(clean(name)),
                    Refusal::HostsHeader(name, why) => Refusal::HostsHeader(clean(name), why),
                    other => other,
                };
                let trail = match refusal {
                    Refusal::Origin => trail.to(&parts.uri),
                    _ => trail,
                };
                Err(self.refuse(refusal, &trail))
            }
        }
    }

    /// Takes a request of the guest the rest of the way.
    ///
    /// # Errors
    /// [`Error::HttpRequestDenied`] where it is refused and nothing was sent; else what became of it.
    pub async fn send(
        &self,
        judged: Result<Permitted, Error>,
        body: WasiBody,
    ) -> Result<http::Response<WasiBody>, Error> {
        // The guest's body is drained before anything is said: one that is dropped early reaches the guest as a broken
        // connection in place of the refusal.
        let has_body = drain(body).await;
        let permitted = judged?;
        if has_body {
            return Err(self.refuse(Refusal::Body, &permitted.trail));
        }

        // Journal: what was answered before need not be asked.
        if let Some(journal) = &self.journal {
            let place = self.kept.enter().await;
            // Any of the credentials will do: what one was answered need not be asked with another.
            for slot in permitted.slots() {
                if let Some(kept) = journal.find(&permitted.asked(slot)) {
                    return self.answer_from(journal, kept, &permitted, slot, place);
                }
            }
            // Which of the credentials were named depends on when answers came; what one was answered that might have been asked
            // in this one's place need not be asked again.
            for slot in permitted.other_slots() {
                let kept = journal.find(&permitted.asked(Some(slot)));
                let serves = |kept: &Kept| {
                    let mut named = permitted.permit.slots.iter();
                    named.any(|slot| kept.serves(slot.as_str()))
                };
                if let Some(kept) = kept.filter(serves) {
                    return self.answer_from(journal, kept, &permitted, Some(slot), place);
                }
            }
            if journal.is_replay() {
                let what = format!("{} {}", permitted.method, permitted.asked(None).path);
                self.tally.not_kept(self.redactor.text(&what).into_owned());
                return Err(self.refuse(Refusal::Journal, &permitted.trail));
            }
        }

        let Answered {
            head,
            spooled,
            mut held,
            slot,
        } = match self.ask(&permitted).await {
            Ok(answered) => answered,
            Err(Unanswered::WithoutToken(slot, reason)) => {
                return Ok(self.without_token(&permitted, slot, &reason));
            }
            Err(Unanswered::Failed(error)) => return Err(error),
        };
        if answer::is_encoded(&head.headers) {
            let reason = "the response is compressed with something other than gzip, which the host can't search for secrets";
            held.1.failed(reason);
            self.tally.failure(reason.to_owned());
            return Err(Failure::Encoded.into());
        }
        let redactor = &self.redactor;
        let mut headers = answer::headers(&head.headers, redactor);
        if let Some(slot) = slot {
            headers.insert(SLOT_HEADER, slot.header());
        }
        let keeping = self.journal.as_ref().map(|journal| {
            let head = KeptHead::Answer {
                status: head.status,
                headers: &headers,
                passing: retry::may_pass_later(head.status),
            };
            answer::Keeping {
                journal: Arc::clone(journal),
                writer: journal.writer(&permitted.asked(slot), head),
            }
        });
        let read_at = self.note_read(&permitted, slot, self.clock.now());
        headers.insert(READ_AT_HEADER, read_at);
        let mut answer = http::Response::new(answer::body(
            spooled,
            self.limits.amount(Limit::ResponseMib),
            redactor,
            &self.usage,
            held,
            keeping,
        ));
        *answer.status_mut() = head.status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }

    /// Answers in the API's stead. No journal keeps that: the API did not say so.
    fn without_token(
        &self,
        permitted: &Permitted,
        slot: &SlotName,
        reason: &str,
    ) -> http::Response<WasiBody> {
        let name = Some(slot.as_str());
        self.tally.count(permitted.family(), name, Verdict::NoToken);
        self.tally.without_token(reason);
        permitted.trail.without_token(reason, name);
        let mut answer = answer::without_token(reason);
        answer.headers_mut().insert(SLOT_HEADER, slot.header());
        answer
    }

    fn answer_from(
        &self,
        journal: &Arc<Journal>,
        mut kept: Kept,
        permitted: &Permitted,
        slot: Option<&SlotName>,
        mut place: Place,
    ) -> Result<http::Response<WasiBody>, Error> {
        let name = slot.map(SlotName::as_str);
        self.tally.count(permitted.family(), name, Verdict::Kept);
        permitted.trail.kept(&kept, name);
        let Some(status) = kept.status else {
            return Err(Failure::by_word(&kept.failure).into());
        };
        let read_at = self.note_read(permitted, slot, kept.at);
        // A journal may come from elsewhere: what no API may say, none of its answers says either.
        let mut headers =
            answer::headers(&std::mem::take(&mut kept.headers), self.vault.redactor());
        if let Some(slot) = slot {
            headers.insert(SLOT_HEADER, slot.header());
        }
        place.share.head(size_of_head(&headers));
        headers.insert(READ_AT_HEADER, read_at);
        let most = self.limits.amount(Limit::ResponseMib);
        let body = answer::kept(Arc::clone(journal), kept, most, &self.usage, place);
        let mut answer = http::Response::new(body);
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }

    /// Notes when an answer came, and puts it into words for the guest.
    fn note_read(
        &self,
        permitted: &Permitted,
        slot: Option<&SlotName>,
        at: Duration,
    ) -> HeaderValue {
        let slot = slot.map(SlotName::as_str);
        self.tally.read(permitted.family(), slot, at);
        HeaderValue::from(crate::audit::millis(at))
    }

    /// Retry: asks until there is an answer that will not pass, or the attempts are used up.
    async fn ask<'a>(&self, permitted: &'a Permitted) -> Result<Answered<'a>, Unanswered<'a>> {
        let family = permitted.family();
        let mut renewed = Vec::new();
        let idempotent = permitted.method.is_idempotent();
        let patient_until = self.clock.now().saturating_add(PATIENCE);
        let mut failures = 0;
        for attempt in 1.. {
            let (turn, mut place, slot) = self.turn(permitted).await;
            let name = slot.map(SlotName::as_str);
            if !self.usage.take(Limit::Requests, 1, &self.limits) {
                turn.give_back();
                return Err(Unanswered::Failed(self.out_of_budget(&permitted.trail)));
            }
            let (authorization, fetched) = match self.credential(permitted, slot).await {
                Ok(credential) => credential,
                Err(unanswered) => {
                    turn.give_back();
                    return Err(unanswered);
                }
            };
            self.sent.fetch_add(1, Ordering::Relaxed);
            let mut noted = Attempt::begin(&permitted.trail, slot, attempt);
            let once = self.once(permitted, authorization, turn, &mut noted, &mut place);
            let wait = match once.await {
                Ok((head, spooled)) => {
                    noted.answered(head.status);
                    self.tally
                        .count(family, name, Verdict::Status(head.status.as_u16()));
                    if head.status == StatusCode::UNAUTHORIZED
                        && let Some((source, key)) = &fetched
                    {
                        if renewed.contains(&slot) {
                            source.renewed_in_vain();
                        } else if source.refused(key) {
                            renewed.push(slot);
                            continue;
                        }
                    }
                    let too_many = head.status == StatusCode::TOO_MANY_REQUESTS;
                    failures += u32::from(!too_many);
                    let last = if too_many {
                        self.clock.now() >= patient_until
                    } else {
                        failures >= self.retry.attempts
                    };
                    if last || !idempotent || !retry::may_pass(head.status) {
                        return Ok(Answered {
                            head,
                            spooled,
                            held: (place, noted),
                            slot,
                        });
                    }
                    tracing::debug!(
                        family,
                        status = head.status.as_u16(),
                        attempt,
                        "asking again"
                    );
                    if too_many {
                        // The pace makes it wait, and everyone else with the same credential.
                        Duration::ZERO
                    } else {
                        let now = self.clock.now();
                        retry::wait(&self.retry, failures + 1, Some(&head.headers), now)
                    }
                }
                Err(error) => {
                    failures += 1;
                    self.tally.count(family, name, Verdict::Failed);
                    let failure = Failure::of(&error);
                    if failure == Failure::TimedOut {
                        let now = self.clock.now();
                        self.gate.learn(now, now, Borne::Not);
                    }
                    let reason = failure::told(error, &self.redactor);
                    noted.failed(&reason);
                    self.tally.failure(reason.clone());
                    if failures >= self.retry.attempts || !idempotent || failure.is_final() {
                        tracing::debug!(family, attempt, reason, "no answer");
                        if let Some(journal) = &self.journal {
                            let head = KeptHead::Failure(failure.word());
                            journal.keep(&permitted.asked(slot), head, &[]);
                        }
                        return Err(Unanswered::Failed(failure.into()));
                    }
                    tracing::debug!(family, attempt, reason, "asking again");
                    retry::wait(&self.retry, failures + 1, None, self.clock.now())
                }
            };
            drop((noted, place));
            self.clock.sleep(wait).await;
        }
        unreachable!("the attempts are counted, and end before the numbers do")
    }

    /// Pace: waits until one of the credentials may be used, and there is a place among the requests under way. Of several
    /// that may, it is the one with the largest allowance left.
    async fn turn<'a>(&self, permitted: &'a Permitted) -> (Turn, Place, Option<&'a SlotName>) {
        let most = if self.spread_slots { usize::MAX } else { 1 };
        let mut paces: Vec<(Option<&SlotName>, &Arc<Pace>)> = permitted
            .slots()
            .take(most)
            .filter_map(|slot| Some((slot, self.paces.get(&slot.cloned())?)))
            .collect();
        loop {
            let place = self.gate.enter().await;
            if paces.len() > 1 {
                paces.sort_by_cached_key(|(_, pace)| Reverse(pace.left().unwrap_or(u64::MAX)));
            }
            let free = paces
                .iter()
                .find_map(|(slot, pace)| Some((pace.turn()?, *slot)));
            if let Some((turn, slot)) = free {
                self.usage
                    .peak(Limit::InFlight, self.gate.under_way() as u64);
                return (turn, place, slot);
            }
            // Whoever waits for an hour to roll keeps no place from requests with another credential.
            drop(place);
            let ready = paces.iter().map(|(slot, pace)| {
                Box::pin(pace.ready(|wait| {
                    let observer = self.observer.lock();
                    if let Some(observer) = &*observer.unwrap_or_else(PoisonError::into_inner) {
                        observer.waiting(slot.map_or("", SlotName::as_str), wait);
                    }
                }))
            });
            select_all(ready).await;
        }
    }

    /// Credential: what the request carries, and where it comes from if it is a token that is fetched first.
    async fn credential<'a>(
        &self,
        permitted: &Permitted,
        slot: Option<&'a SlotName>,
    ) -> Result<(Option<HeaderValue>, Option<(&Arc<Source>, Key)>), Unanswered<'a>> {
        let Some(slot) = slot else {
            return Ok((None, None));
        };
        let Some(source) = self.tokens.of(slot) else {
            return Ok((self.vault.authorization(slot), None));
        };
        let key = source.key().await.map_err(|why| match why {
            NoToken::Budget => Unanswered::Failed(self.out_of_budget(&permitted.trail)),
            NoToken::Because(reason) => Unanswered::WithoutToken(slot, reason),
        })?;
        Ok((Some(key.value.clone()), Some((source, key))))
    }

    /// The client: from here on the request holds a secret.
    async fn once(
        &self,
        permitted: &Permitted,
        authorization: Option<HeaderValue>,
        turn: Turn,
        noted: &mut Attempt,
        place: &mut Place,
    ) -> Result<(Head, answer::Spooled), reqwest::Error> {
        let mut request = self
            .client
            .request(permitted.method.clone(), permitted.permit.url.clone())
            .headers(permitted.headers.clone());
        let started = self.clock.now();
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        let mut response = request.send().await?;
        let head = Head {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
        };
        place.share.head(size_of_head(&head.headers));
        let now = self.clock.now();
        turn.answered(&Told::by(head.status, &head.headers, now));
        let borne = match head.status {
            // A 429 is about an hour, not about this moment: the pace's affair.
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Borne::Not,
            _ => Borne::After(now.saturating_sub(started)),
        };
        self.gate.learn(started, now, borne);
        Ok((
            head,
            answer::spool(response, noted, &mut place.share).await?,
        ))
    }

    /// Refuses a request. Tried requests count too: trying for ever must come to an end, and so must the log of it.
    fn refuse(&self, refusal: Refusal, trail: &Trail) -> Error {
        if !self.usage.take(Limit::Requests, 1, &self.limits) {
            return self.out_of_budget(trail);
        }
        trail.refused(&refusal);
        self.denied(&refusal, "")
    }

    /// Refuses a request since the run has used up its requests. The first is noted in the log, all are counted.
    fn out_of_budget(&self, trail: &Trail) -> Error {
        if !self.budget_told.swap(true, Ordering::Relaxed) {
            trail.refused(&Refusal::Budget);
        }
        self.denied(&Refusal::Budget, trail.family())
    }

    fn denied(&self, refusal: &Refusal, family: &str) -> Error {
        tracing::debug!(rule = refusal.word(), "a request was refused: {refusal}");
        self.tally
            .count(family, None, Verdict::Refused(refusal.word()));
        Error::HttpRequestDenied
    }
}

/// Whether a connection may ask there at all; names are judged when they are looked up.
fn check_origin(origin: &ApiOrigin, network: &Network) -> Result<(), EgressError> {
    if origin.is_plain() && !network.allow_plain_http {
        return Err(EgressError::PlainHttp(origin.clone()));
    }
    address::check_literal(origin.host(), network.allow_private_networks)?;
    Ok(())
}

/// A request that the policy permits.
pub struct Permitted {
    permit: Permit,
    method: Method,
    headers: HeaderMap,
    trail: Arc<Trail>,
}

impl Permitted {
    fn family(&self) -> &str {
        &self.permit.rule.family
    }

    /// The credentials of which one is sent; None where none ever is.
    fn slots(&self) -> impl Iterator<Item = Option<&SlotName>> {
        let slots = &self.permit.slots;
        let none = slots.is_empty().then_some(None);
        slots.iter().map(Some).chain(none)
    }

    /// The credentials that the rule allows too.
    fn other_slots(&self) -> impl Iterator<Item = &SlotName> {
        let named = &self.permit.slots;
        let all = self.permit.rule.slots.iter();
        all.filter(|slot| !named.is_empty() && !named.contains(slot))
    }

    /// As the journal knows it, with this credential.
    fn asked<'a>(&'a self, slot: Option<&'a SlotName>) -> AskedFor<'a> {
        AskedFor {
            method: self.method.as_str(),
            path: &self.permit.url[Position::BeforePath..Position::AfterQuery],
            slot: slot.map_or("", SlotName::as_str),
            slots: &self.permit.slots,
            family: self.family(),
            headers: &self.headers,
        }
    }
}

/// A request that was answered.
struct Answered<'a> {
    head: Head,
    spooled: answer::Spooled,
    held: (Place, Attempt),
    /// The credential that was sent.
    slot: Option<&'a SlotName>,
}

/// Why a request was not answered by the API.
enum Unanswered<'a> {
    /// It was refused, or no answer came.
    Failed(Error),
    /// There is no token of this credential to ask with, for this reason.
    WithoutToken(&'a SlotName, Arc<str>),
}

/// Status and headers of an answer.
struct Head {
    status: StatusCode,
    headers: HeaderMap,
}

/// What headers take in memory, about, in bytes: their texts, and what the map takes for each.
pub(crate) fn size_of_head(headers: &HeaderMap) -> usize {
    const EACH: usize = 100;
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + EACH)
        .sum()
}

/// Reads a request's body to its end or its first byte: a connector may not send one.
async fn drain(mut body: WasiBody) -> bool {
    while !body.is_end_stream() {
        match body.frame().await {
            Some(Ok(frame)) if frame.data_ref().is_some_and(|data| !data.is_empty()) => {
                return true;
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => break,
        }
    }
    false
}
