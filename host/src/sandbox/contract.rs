//! The contract of `wit/`, as the host implements it.

use super::Services;
use super::errors::{HasPlainErrors, PlainErrors};
use super::memory::MemoryCap;
use crate::collect::{self, BadItem};
use crate::egress::Egress;
use crate::manifest::{Limits, Pace};
use crate::outcome::Outcome;
use crate::settings::SettingValue;
use crate::slot::SlotKind;
use indexmap::IndexMap;
use std::sync::{Arc, PoisonError};
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttp, WasiHttpCtx, WasiHttpCtxView,
    WasiHttpHooks, WasiHttpView,
};

#[allow(missing_docs, unreachable_pub, clippy::all)]
mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "connector",
        imports: { default: trappable },
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

/// The state of one call into a guest.
pub struct Host {
    pub(super) memory: MemoryCap,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    services: Services,
    log_lines_left: u64,
    log_line_bytes: usize,
}

impl Host {
    /// The state of a call with these services under these limits.
    pub fn new(services: Services, limits: &Limits) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles as usize);
        Self {
            memory: MemoryCap::new(limits.memory_mib),
            table,
            // Grants nothing: no file, no environment, no socket, no standard stream.
            wasi: WasiCtx::builder().build(),
            http: WasiHttpCtx::new(),
            hooks: Hooks(Arc::clone(&services.egress)),
            services,
            log_lines_left: limits.log_lines,
            log_line_bytes: usize::try_from(limits.log_kib.saturating_mul(1024))
                .unwrap_or(usize::MAX),
        }
    }
}

/// Links what the contract names and nothing else: whatever a component imports beyond it is refused by name.
pub(super) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
    use wasmtime_wasi::p2::bindings::{clocks, io};
    use wasmtime_wasi_http::p2::bindings::http;

    io::error::add_to_linker::<_, HasPlainErrors>(linker, |host| PlainErrors(&mut host.table))?;
    io::poll::add_to_linker::<_, HasTable>(linker, |host| &mut host.table)?;
    io::streams::add_to_linker::<_, HasTable>(linker, |host| &mut host.table)?;
    clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(linker, Host::clocks)?;
    let options = wasmtime_wasi_http::p2::bindings::LinkOptions::default();
    http::types::add_to_linker::<_, WasiHttp>(linker, &(&options).into(), Host::http)?;
    http::outgoing_handler::add_to_linker::<_, WasiHttp>(linker, Host::http)?;
    settings::add_to_linker::<_, HasHost>(linker, |host| host)?;
    output::add_to_linker::<_, HasHost>(linker, |host| host)?;
    logging::add_to_linker::<_, HasHost>(linker, |host| host)
}

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

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let egress = Arc::clone(&self.0);
        Box::new(async move {
            let answer = egress.send(request).await?;
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
                SlotKind::Bearer => settings::SlotKind::Bearer,
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
    fn emit(&mut self, items: Vec<output::Item>) -> wasmtime::Result<()> {
        let Some(collector) = &self.services.collector else {
            return Err(BadItem("it emitted items during check".to_owned()).into());
        };
        let mut collector = collector.lock().unwrap_or_else(PoisonError::into_inner);
        for item in items {
            collector.take(item.into())?;
        }
        Ok(())
    }

    fn progress(&mut self, stage: output::Stage) -> wasmtime::Result<()> {
        let name = collect::printable(&self.services.redactor.text(&stage.name), 80);
        self.services
            .observer
            .progress(&name, stage.done, stage.total);
        Ok(())
    }
}

impl logging::Host for Host {
    fn log(&mut self, severity: logging::Severity, message: String) -> wasmtime::Result<()> {
        let Some(left) = self.log_lines_left.checked_sub(1) else {
            return Ok(());
        };
        self.log_lines_left = left;
        let line = collect::printable(&self.services.redactor.text(&message), self.log_line_bytes);
        match severity {
            logging::Severity::Debug => tracing::debug!(target: "connector", "{line}"),
            logging::Severity::Info => tracing::info!(target: "connector", "{line}"),
            logging::Severity::Warn => tracing::warn!(target: "connector", "{line}"),
            logging::Severity::Error => tracing::error!(target: "connector", "{line}"),
        }
        if left == 0 {
            tracing::warn!(target: "connector", "the limit log_lines is reached; further lines are dropped");
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

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::BadSetting(setting) => Self::BadSetting {
                name: setting.name,
                message: setting.message,
            },
            Failure::Unauthorised(message)
            | Failure::NotFound(message)
            | Failure::ApiFailure(message) => Self::NothingRead { message },
            Failure::Unreachable(message) => Self::Unreachable { message },
            Failure::HostRefused(message) => Self::ConnectorFailed {
                message: format!(
                    "it asked for something that its manifest doesn't allow: {message}"
                ),
            },
            Failure::Defect(message) => Self::ConnectorFailed { message },
        }
    }
}
