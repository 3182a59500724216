//! The sandbox: compiles a component, links the few interfaces that the contract names, and runs one export
//! under limits.

mod contract;
mod cpu;
mod errors;
mod memory;

pub use contract::{CoverageStatus, Failure, Finding, Host, Settings};

use crate::collect::{BadItem, TooManyItems};
use crate::egress::Egress;
use crate::manifest::Limits;
use crate::outcome::Outcome;
use contract::ConnectorPre;
use cpu::{CpuBudget, CpuExhausted};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store, UpdateDeadline};

/// How often the processor time of a running guest is looked at.
const TICK: Duration = Duration::from_millis(10);

/// A component that may run here, ready to be instantiated. Cheap to share between runs.
pub struct Sandbox {
    engine: Engine,
    connector: ConnectorPre<Host>,
}

impl Sandbox {
    /// Compiles a component.
    ///
    /// # Errors
    /// [`Outcome::ComponentRefused`] where it is no component of this contract.
    pub fn compile(bytes: &[u8]) -> Result<Self, Outcome> {
        let engine =
            engine().map_err(|error| refused(format!("the engine can't be set up: {error}")))?;
        let component = Component::from_binary(&engine, bytes).map_err(|error| {
            refused(format!(
                "it is no WebAssembly component that this host can compile: {}",
                first_line(&error)
            ))
        })?;
        let mut linker = Linker::new(&engine);
        contract::link(&mut linker)
            .map_err(|error| refused(format!("the host's interfaces can't be linked: {error}")))?;
        let connector = linker
            .instantiate_pre(&component)
            .and_then(ConnectorPre::new)
            .map_err(|error| {
                refused(format!(
                    "it doesn't fit the contract portcullis:connector@0.1.0: {}",
                    first_line(&error)
                ))
            })?;
        start_ticking(&engine);
        Ok(Self { engine, connector })
    }

    /// What the component imports: its list of capabilities.
    pub fn imports(&self) -> Vec<String> {
        let component = self.connector.instance_pre().component().component_type();
        component
            .imports(&self.engine)
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// What the component exports.
    pub fn exports(&self) -> Vec<String> {
        let component = self.connector.instance_pre().component().component_type();
        component
            .exports(&self.engine)
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// Runs the component's `check`.
    ///
    /// # Errors
    /// How it ended, where it gave no findings.
    pub async fn check(&self, host: Host, limits: &Limits) -> Result<Vec<Finding>, Outcome> {
        let findings = self
            .call(host, limits, async |connector, store| {
                connector.call_check(store).await
            })
            .await?;
        findings.map_err(Outcome::from)
    }

    /// Runs the component's `extract`. What it emitted is in the host's collector, however it ended.
    ///
    /// # Errors
    /// How it ended, where that was not well.
    pub async fn extract(&self, host: Host, limits: &Limits) -> Result<(), Outcome> {
        let result = self
            .call(host, limits, async |connector, store| {
                connector.call_extract(store).await
            })
            .await?;
        result.map_err(Outcome::from)
    }

    async fn call<R>(
        &self,
        host: Host,
        limits: &Limits,
        export: impl AsyncFnOnce(&contract::Connector, &mut Store<Host>) -> wasmtime::Result<R>,
    ) -> Result<R, Outcome> {
        let budget = Arc::new(CpuBudget::new(Duration::from_secs(limits.cpu_seconds)));
        let mut store = Store::new(&self.engine, host);
        store.limiter(|host| &mut host.memory);
        store.set_hostcall_fuel(
            usize::try_from(limits.call_mib.saturating_mul(1 << 20)).unwrap_or(usize::MAX),
        );
        store.set_max_component_handles(limits.handles as usize);
        store.set_epoch_deadline(1);
        let watched = Arc::clone(&budget);
        store.epoch_deadline_callback(move |_| {
            watched.check()?;
            Ok(UpdateDeadline::YieldCustom(
                1,
                Box::pin(tokio::task::yield_now()),
            ))
        });

        let running = cpu::metered(&budget, async {
            let connector = self.connector.instantiate_async(&mut store).await?;
            export(&connector, &mut store).await
        });
        let wall = Duration::from_secs(limits.wall_seconds);
        match tokio::time::timeout(wall, running).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(ended(&error, store.data(), limits)),
            // The store goes with the call: an instance that was left in the middle is of no use.
            Err(_) => Err(exhausted("wall_seconds", limits.wall_seconds)),
        }
    }
}

fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.epoch_interruption(true);
    config.wasm_backtrace_max_frames(None);
    Engine::new(&config)
}

/// Makes the guests of one engine look at their processor time, as long as the engine lives.
///
/// A thread of its own: a task would not run while guests keep every worker of the runtime.
fn start_ticking(engine: &Engine) {
    let weak = engine.weak();
    std::thread::spawn(move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    });
}

/// Why a call into the guest failed.
fn ended(error: &wasmtime::Error, host: &Host, limits: &Limits) -> Outcome {
    if error.is::<CpuExhausted>() {
        return exhausted("cpu_seconds", limits.cpu_seconds);
    }
    if error.is::<TooManyItems>() {
        return exhausted("items", limits.items);
    }
    if let Some(bad) = error.downcast_ref::<BadItem>() {
        return Outcome::ConnectorFailed {
            message: format!("it emitted something that breaks the contract: {bad}"),
        };
    }
    if host.memory.was_refused() {
        return exhausted("memory_mib", limits.memory_mib);
    }
    let message = match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::UnreachableCodeReached) => {
            "it stopped itself (a panic in its code)".to_owned()
        }
        Some(trap) => trap.to_string(),
        None => first_line(error),
    };
    Outcome::Trapped {
        message: format!("{message}; its log may say more"),
    }
}

fn exhausted(limit: &str, allowed: u64) -> Outcome {
    Outcome::Exhausted {
        limit: limit.to_owned(),
        allowed,
    }
}

fn refused(message: String) -> Outcome {
    Outcome::ComponentRefused { message }
}

/// An error with its causes in one line, without a backtrace.
fn first_line(error: &wasmtime::Error) -> String {
    format!("{error:#}")
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Who watches a run.
pub trait Observer: Send + Sync {
    /// The connector says how far it has come. Called often.
    fn progress(&self, stage: &str, done: u64, total: Option<u64>);
}

/// What a run's `extract` or `check` needs of the host.
pub struct Services {
    /// The way out.
    pub egress: Arc<Egress>,
    /// The settings, as the guest may see them.
    pub settings: contract::Settings,
    /// Where items go; none while `check` runs.
    pub collector: Option<Arc<std::sync::Mutex<crate::collect::Collector>>>,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// What finds secrets in what the guest says.
    pub redactor: crate::vault::Redactor,
}
