//! The contract of `wit/`, as the host implements it.

use super::Services;
use super::cpu::CpuBudget;
use super::errors::{HasPlainErrors, PlainErrors};
use super::memory::MemoryCap;
use crate::collect::{self, BadItem, Origin, Untaken};
use crate::egress::{Egress, size_of_head};
use crate::limits::{Limit, Limits, Usage};
use crate::manifest::{CONTRACT, Pace};
use crate::outcome::Outcome;
use crate::settings::SettingValue;
use crate::slot::SlotKind;
use crate::vault::Redactor;
use indexmap::IndexMap;
use std::sync::{Arc, PoisonError};
use wasmtime::Engine;
use wasmtime::component::{Component, HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Method, Scheme};
use wasmtime_wasi_http::p2::body::HostOutgoingBody;
use wasmtime_wasi_http::p2::types::{
    HostIncomingResponse, HostOutgoingRequest, HostOutgoingResponse,
};
use wasmtime_wasi_http::{
    FieldMap, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttp, WasiHttpCtx,
    WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

#[allow(missing_docs, unreachable_pub, clippy::all)]
mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "connector",
        imports: {
            // A call carries up to `call_mib` of items: the host gives way in between.
            "portcullis:connector/output.emit": async | trappable,
            "portcullis:connector/output.emit-read": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        require_store_data_send: true,
        with: {
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:http": wasmtime_wasi_http::p2::bindings::http,
        },
    });
}

pub use generated::portcullis::connector::output::{CoverageStatus, Failure, Finding};
use generated::portcullis::connector::{logging, output, settings};
pub(super) use generated::{Connector, ConnectorPre};

/// The settings as a guest may see them.
pub struct Settings {
    /// By name.
    pub values: IndexMap<String, SettingValue>,
    /// The credentials that are filled.
    pub slots: Vec<(String, SlotKind)>,
    /// The pace.
    pub pace: Pace,
}

/// The guest makes the host remember more than it may.
#[derive(Debug, thiserror::Error)]
#[error("the component's unsent requests and unread answers are too large")]
pub(super) struct HeldTooMuch;

/// The connector says a credential, or sends it and has it sent back.
#[derive(Debug, thiserror::Error)]
#[error(
    "it said a credential of this connection {0} times, in what it emits or in requests whose responses repeat it (each time it was redacted); it guesses, or has found a way to learn the credential, or the credential is a word that occurs in the data: replace it by one that nobody guesses, and find out which before you run this component again"
)]
pub(super) struct Guessed(u64);

/// So often a connector may say a credential. That it was redacted can be seen by a connector, in a response or in how long a
/// call takes, so each time confirms a guess.
const MOST_GUESSES: u64 = 3;

/// After so many bytes of items the host looks whether the run is to go on. Some milliseconds of work.
const STEP: usize = 256 * 1024;

/// The headers of one request, in bytes as wasi:http counts them, overhead included. The policy refuses far less; beyond
/// this the guest is stopped.
const MOST_FIELD_BYTES: usize = 64 * 1024;

/// The state of one call into a guest.
pub struct Host {
    pub(super) memory: MemoryCap,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    services: Services,
    limits: Limits,
    /// The stage that was told last: another one counts as a line of the log.
    stage: String,
    budget: Option<CpuBudget>,
}

impl Host {
    /// The state of a call with these services under these limits.
    pub fn new(services: Services, limits: Limits) -> Self {
        let mut table = ResourceTable::new();
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MOST_FIELD_BYTES);
        table.set_max_capacity(limits.size(Limit::Handles));
        Self {
            memory: MemoryCap::new(&limits, Arc::clone(services.egress.usage())),
            table,
            // Grants nothing: no file, no environment, no socket, no standard stream.
            wasi: WasiCtx::builder().build(),
            http,
            hooks: Hooks(Arc::clone(&services.egress)),
            services,
            limits,
            stage: String::new(),
            budget: None,
        }
    }

    /// The same, for a call that may use so much processor time.
    pub(super) fn with_budget(self, budget: CpuBudget) -> Self {
        Self {
            budget: Some(budget),
            ..self
        }
    }

    /// Whether the call may go on.
    ///
    /// # Errors
    /// [`HeldTooMuch`], [`CpuExhausted`](super::cpu::CpuExhausted), [`Guessed`].
    pub(super) fn check(&mut self) -> wasmtime::Result<()> {
        self.count_held()?;
        self.budget.as_ref().map_or(Ok(()), CpuBudget::check)?;
        Ok(self.check_guesses()?)
    }

    fn check_guesses(&self) -> Result<(), Guessed> {
        match self.services.redactor.guessed() {
            0..=MOST_GUESSES => Ok(()),
            guesses => Err(Guessed(guesses)),
        }
    }

    /// What the guest says, for the operator's screen: at most so many bytes. No more is searched than could be shown.
    ///
    /// # Errors
    /// [`Guessed`].
    fn shown(&self, text: &str, most: usize) -> Result<String, Guessed> {
        let beginning = self.services.redactor.beginning(text, most);
        let shown = collect::printable(&beginning, most);
        self.check_guesses().map(|()| shown)
    }

    /// What finds secrets in what the guest says.
    pub(super) fn redactor(&self) -> &Redactor {
        &self.services.redactor
    }

    /// Counts a line for the operator's screen, and tells whether it may be shown.
    fn may_show_a_line(&self) -> bool {
        self.usage().add(Limit::LogLines, 1);
        let lines = self.usage().of(Limit::LogLines);
        if lines == self.limits.log_lines.saturating_add(1) {
            tracing::warn!(target: "connector", "the limit log_lines is reached; further lines are dropped");
        }
        lines <= self.limits.log_lines
    }

    /// What the run used so far.
    pub(super) fn usage(&self) -> &Usage {
        self.services.egress.usage()
    }

    /// Notes how many handles the guest holds now, and how much it makes the host remember by them: a request that is
    /// not sent yet may hold megabytes of authority and path, and an answer its headers.
    ///
    /// # Errors
    /// [`HeldTooMuch`] where that is more than the guest's own memory may be.
    fn count_held(&mut self) -> Result<(), HeldTooMuch> {
        let (mut handles, mut bytes) = (0, 0);
        for entry in self.table.iter_mut() {
            handles += 1;
            if let Some(fields) = entry.downcast_ref::<FieldMap>() {
                bytes += size_of_head(fields);
            }
            if let Some(answer) = entry.downcast_ref::<HostIncomingResponse>() {
                bytes += size_of_head(&answer.headers);
            }
            // A connector serves nobody, but may make such a response.
            if let Some(response) = entry.downcast_ref::<HostOutgoingResponse>() {
                bytes += size_of_head(&response.headers);
            }
            if let Some(request) = entry.downcast_ref::<HostOutgoingRequest>() {
                bytes += size_of_head(&request.headers);
                let texts = [&request.authority, &request.path_with_query];
                bytes += texts.into_iter().flatten().map(String::len).sum::<usize>();
                if let Method::Other(method) = &request.method {
                    bytes += method.len();
                }
                if let Some(Scheme::Other(scheme)) = &request.scheme {
                    bytes += scheme.len();
                }
            }
        }
        self.usage().peak(Limit::Handles, handles);
        if bytes > self.limits.size(Limit::MemoryMib) {
            return Err(HeldTooMuch);
        }
        Ok(())
    }
}

/// The interfaces that a connector may import, whatever their patch version.
const ALLOWED: [&str; 9] = [
    "portcullis:connector/settings",
    "portcullis:connector/output",
    "portcullis:connector/logging",
    "wasi:http/types",
    "wasi:http/outgoing-handler",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:clocks/monotonic-clock",
];

/// Links a component to the contract.
///
/// # Errors
/// A sentence that says what it imports beyond the contract, or lacks.
pub(super) fn fit(engine: &Engine, component: &Component) -> Result<ConnectorPre<Host>, String> {
    let types = component.component_type();
    let forbidden: Vec<String> = types
        .imports(engine)
        .map(|(name, _)| name.to_owned())
        .filter(|name| {
            let interface = name.split_once('@').map_or(name.as_str(), |(name, _)| name);
            !ALLOWED.contains(&interface)
        })
        .collect();
    if !forbidden.is_empty() {
        return Err(format!(
            "it imports what no connector may have: {}",
            forbidden.join(", ")
        ));
    }
    let other = types.imports(engine).find_map(|(name, _)| {
        let (interface, version) = name.split_once('@')?;
        let own = interface.starts_with("portcullis:connector/");
        (own && !version.starts_with(&format!("{CONTRACT}."))).then(|| version.to_owned())
    });
    if let Some(version) = other {
        return Err(format!(
            "it was built for version {version} of the contract portcullis:connector, and this host speaks {CONTRACT}; use a host of that version, or build it against this one's wit/"
        ));
    }
    let mut linker = Linker::new(engine);
    link(&mut linker).map_err(|error| format!("the host's interfaces can't be linked: {error}"))?;
    linker
        .instantiate_pre(component)
        .and_then(ConnectorPre::new)
        .map_err(|error| {
            format!(
                "it doesn't fit the contract portcullis:connector@{CONTRACT}: {}",
                crate::engine::first_line(&error)
            )
        })
}

/// Links what the contract names and nothing else: whatever a component imports beyond it is refused by name.
fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
    use wasmtime_wasi::p2::bindings::{clocks, io};
    use wasmtime_wasi_http::p2::bindings::http;

    io::error::add_to_linker::<_, HasPlainErrors>(linker, |host| PlainErrors(&mut host.table))?;
    io::poll::add_to_linker::<_, HasTable>(linker, |host| &mut host.table)?;
    io::streams::add_to_linker::<_, HasTable>(linker, |host| &mut host.table)?;
    clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(linker, Host::clocks)?;
    let options = wasmtime_wasi_http::p2::bindings::LinkOptions::default();
    http::types::add_to_linker::<_, WasiHttp>(linker, &(&options).into(), Host::http)?;
    refuse_trailers(linker)?;
    http::outgoing_handler::add_to_linker::<_, WasiHttp>(linker, Host::http)?;
    settings::add_to_linker::<_, HasHost>(linker, |host| host)?;
    output::add_to_linker::<_, HasHost>(linker, |host| host)?;
    logging::add_to_linker::<_, HasHost>(linker, |host| host)
}

/// Replaces the end of a request's body by one that takes no trailers. A connector's requests have none, and those of a request
/// that is never sent would lie where [`Host::count_held`] can't see them.
fn refuse_trailers(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    type Parameters = (Resource<HostOutgoingBody>, Option<Resource<FieldMap>>);
    linker.allow_shadowing(true);
    linker.instance(HTTP_TYPES)?.func_wrap(
        "[static]outgoing-body.finish",
        |mut store, (body, trailers): Parameters| {
            let table = &mut store.data_mut().table;
            let body = table.delete(body)?;
            let Some(trailers) = trailers else {
                return Ok((body.finish(None),));
            };
            table.delete(trailers)?;
            body.abort();
            Ok((Err(ErrorCode::HttpRequestTrailerSectionSize(Some(0))),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The interface by the name that wasmtime links it under.
const HTTP_TYPES: &str = "wasi:http/types@0.2.12";

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

struct HasHost;

impl HasData for HasHost {
    type Data<'a> = &'a mut Host;
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// Leads wasi:http's requests to the run's egress.
struct Hooks(Arc<Egress>);

type Sent = Result<
    (
        http::Response<WasiBody>,
        Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
    ),
    wasmtime_wasi_http::Error,
>;

impl WasiHttpHooks for Hooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(crate::egress::policy::is_forbidden)
    }

    /// A request has no body: the least that can be buffered of one before it is refused.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        1024
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let egress = Arc::clone(&self.0);
        let (parts, body) = request.into_parts();
        let judged = egress.judge(parts);
        Box::new(async move {
            let answer = egress.send(judged, body).await?;
            let nothing_left: Box<dyn Future<Output = _> + Send> =
                Box::new(std::future::ready(Ok(())));
            Ok((answer, nothing_left))
        })
    }
}

impl settings::Host for Host {
    fn get(&mut self, name: String) -> wasmtime::Result<Option<settings::Value>> {
        Ok(self
            .services
            .settings
            .values
            .get(&name)
            .map(|value| match value.clone() {
                SettingValue::Text(text) => settings::Value::Text(text),
                SettingValue::Flag(flag) => settings::Value::Flag(flag),
                SettingValue::Integer(number) => settings::Value::Integer(number),
                SettingValue::List(texts) => settings::Value::Texts(texts),
            }))
    }

    fn slots(&mut self) -> wasmtime::Result<Vec<settings::Slot>> {
        let slot = |(name, kind): &(String, SlotKind)| settings::Slot {
            name: name.clone(),
            kind: match kind {
                // Where the token comes from is the host's affair.
                SlotKind::Bearer | SlotKind::OAuth2 => settings::SlotKind::Bearer,
                SlotKind::Basic => settings::SlotKind::Basic,
            },
        };
        Ok(self.services.settings.slots.iter().map(slot).collect())
    }

    fn pace(&mut self) -> wasmtime::Result<settings::Rate> {
        let pace = self.services.settings.pace;
        Ok(settings::Rate {
            in_flight: pace.in_flight,
            requests_per_hour: pace.requests_per_hour,
        })
    }
}

impl output::Host for Host {
    async fn emit(&mut self, items: Vec<output::Item>) -> wasmtime::Result<()> {
        let items = items.into_iter();
        self.collect(items.map(|item| (item, None))).await
    }

    async fn emit_read(&mut self, items: Vec<output::ReadItem>) -> wasmtime::Result<()> {
        let items = items.into_iter();
        self.collect(items.map(|read| (read.item, read.read_at)))
            .await
    }

    fn progress(&mut self, stage: output::Stage) -> wasmtime::Result<()> {
        let name = self.shown(&stage.name, 80)?;
        if self.stage != name {
            if !self.may_show_a_line() {
                return Ok(());
            }
            self.stage.clone_from(&name);
        }
        self.services
            .observer
            .progress(&name, stage.done, stage.total);
        Ok(())
    }
}

impl Host {
    /// Takes items, each with the time at which the guest says it was read. Gives way in between, so that deadline, Ctrl-C and
    /// the budget of processor time hold.
    async fn collect(
        &mut self,
        mut items: impl Iterator<Item = (output::Item, Option<u64>)> + Send,
    ) -> wasmtime::Result<()> {
        let mut carried = 0;
        while let size @ 1.. = self.collect_step(&mut items)? {
            carried += size as u64;
            if size >= STEP {
                self.check()?;
                tokio::task::yield_now().await;
            }
        }
        self.usage().peak(Limit::CallMib, carried);
        Ok(())
    }

    /// Takes items until they are [`STEP`] bytes together or there are no more, and tells how many bytes they were: 0 where
    /// there were none.
    fn collect_step(
        &self,
        items: &mut impl Iterator<Item = (output::Item, Option<u64>)>,
    ) -> wasmtime::Result<usize> {
        let Some(collector) = &self.services.collector else {
            return Err(BadItem("it emitted items during check".to_owned()).into());
        };
        let mut collector = collector.lock().unwrap_or_else(PoisonError::into_inner);
        let mut carried = 0;
        for (item, read_at) in items {
            let item = collect::Item::from(item);
            // An item without any text is one too.
            carried += item.size().max(1);
            let origin = Origin::read_at(read_at);
            // `sandbox::ended` tells one from another.
            collector
                .take(item, origin)
                .map_err(|untaken| match untaken {
                    Untaken::Bad(bad) => wasmtime::Error::from(bad),
                    Untaken::TooMuch(limit) => limit.into(),
                    Untaken::Broken(broken) => broken.into(),
                })?;
            self.check_guesses()?;
            if carried >= STEP {
                break;
            }
        }
        Ok(carried)
    }
}

impl logging::Host for Host {
    fn log(&mut self, severity: logging::Severity, message: String) -> wasmtime::Result<()> {
        if !self.may_show_a_line() {
            return Ok(());
        }
        self.usage().peak(Limit::LogKib, message.len() as u64);
        let most = self.limits.size(Limit::LogKib);
        // The log has the host's lines too.
        let line = format!("connector: {}", self.shown(&message, most)?);
        match severity {
            logging::Severity::Debug => tracing::debug!(target: "connector", "{line}"),
            logging::Severity::Info => tracing::info!(target: "connector", "{line}"),
            logging::Severity::Warn => tracing::warn!(target: "connector", "{line}"),
            logging::Severity::Error => tracing::error!(target: "connector", "{line}"),
        }
        Ok(())
    }
}

impl From<output::Item> for collect::Item {
    fn from(item: output::Item) -> Self {
        match item {
            output::Item::Entity(entity) => Self::Entity(collect::Entity {
                key: entity.key.into(),
                source_type: entity.source_type,
                name: entity.name,
                metadata: metadata(entity.metadata),
            }),
            output::Item::Relation(relation) => Self::Relation(collect::Relation {
                kind: relation.kind.into(),
                parent: relation.parent.into(),
                child: relation.child.into(),
                privilege: relation.privilege,
                level: relation.level.map(Into::into),
                metadata: metadata(relation.metadata),
            }),
            output::Item::Coverage(coverage) => Self::Coverage(collect::Coverage {
                family: coverage.family,
                scope: coverage.scope,
                status: coverage.status.into(),
                reason: coverage.reason,
                slot: coverage.slot,
            }),
            output::Item::Warning(text) => Self::Warning(text),
        }
    }
}

fn metadata(pairs: Vec<(String, output::Metadatum)>) -> Vec<(String, collect::Metadatum)> {
    pairs
        .into_iter()
        .map(|(key, value)| {
            let value = match value {
                output::Metadatum::Text(text) => collect::Metadatum::Text(text),
                output::Metadatum::Flag(flag) => collect::Metadatum::Flag(flag),
                output::Metadatum::Integer(number) => collect::Metadatum::Integer(number),
                output::Metadatum::Texts(texts) => collect::Metadatum::Texts(texts),
            };
            (key, value)
        })
        .collect()
}

impl From<output::Key> for collect::Key {
    fn from(key: output::Key) -> Self {
        let entity_type = match key.entity_type {
            output::EntityType::Identity => collect::EntityType::Identity,
            output::EntityType::Connection => collect::EntityType::Connection,
            output::EntityType::Resource => collect::EntityType::Resource,
        };
        Self {
            entity_type,
            source_id: key.source_id,
        }
    }
}

impl From<output::RelationKind> for collect::RelationKind {
    fn from(kind: output::RelationKind) -> Self {
        match kind {
            output::RelationKind::Membership => Self::Membership,
            output::RelationKind::Role => Self::Role,
            output::RelationKind::Grant => Self::Grant,
            output::RelationKind::PublicGrant => Self::PublicGrant,
            output::RelationKind::Containment => Self::Containment,
        }
    }
}

impl From<output::Level> for collect::Level {
    fn from(level: output::Level) -> Self {
        match level {
            output::Level::Member => Self::Member,
            output::Level::Read => Self::Read,
            output::Level::Write => Self::Write,
            output::Level::Create => Self::Create,
            output::Level::Admin => Self::Admin,
        }
    }
}

impl From<CoverageStatus> for collect::Status {
    fn from(status: CoverageStatus) -> Self {
        match status {
            CoverageStatus::Complete => Self::Complete,
            CoverageStatus::Partial => Self::Partial,
            CoverageStatus::Unreadable => Self::Unreadable,
            CoverageStatus::Unavailable => Self::Unavailable,
            CoverageStatus::LeftOut => Self::LeftOut,
        }
    }
}

/// What a connector says of its failure: without secrets and what steers a terminal, and marked as the connector's words.
pub(super) fn failed(failure: Failure, redactor: &Redactor) -> Outcome {
    let quote =
        |text: String| collect::quoted(&redactor.beginning(&text, MOST_FAILURE), MOST_FAILURE);
    let says = |text: String| format!("the connector says {}", quote(text));
    match failure {
        Failure::BadSetting(setting) => Outcome::BadSetting {
            // The quotes are where it is shown.
            name: quote(setting.name).trim_matches('"').to_owned(),
            message: says(setting.message),
        },
        Failure::Unauthorised(message)
        | Failure::NotFound(message)
        | Failure::ApiFailure(message) => Outcome::NothingRead {
            message: says(message),
        },
        Failure::Unreachable(message) => Outcome::Unreachable {
            message: says(message),
        },
        Failure::HostRefused(message) => Outcome::Refused {
            rules: Vec::new(),
            message: says(message),
        },
        Failure::Defect(message) => Outcome::ConnectorFailed {
            message: says(message),
        },
    }
}

/// A connector's last words, in bytes.
const MOST_FAILURE: usize = 4000;
