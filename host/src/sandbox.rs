//! The sandbox: compiles a component, links the few interfaces that the contract names, and runs one export
//! under limits.

mod contract;
mod cpu;
mod errors;
mod memory;
mod thread;

pub use contract::{CoverageStatus, Failure, Finding, Host, Settings};

use crate::cache::Key;
use crate::collect::{BadItem, TooMuch};
use crate::component::ComponentFile;
use crate::digest::Digest;
use crate::egress::Egress;
use crate::engine;
use crate::limits::{Limit, Limits};
use crate::machine::Machine;
use crate::outcome::Outcome;
use contract::{ConnectorPre, Guessed, HeldTooMuch};
use cpu::{CpuBudget, CpuExhausted};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use wasmtime::component::ResourceTableError;
use wasmtime::{Engine, Store, UpdateDeadline};

/// How often the processor time of a running guest is looked at.
const TICK: Duration = Duration::from_millis(10);

/// The components that a process has loaded, by digest: runs of the same one share it, and all share one engine.
#[derive(Default)]
pub struct Loaded {
    engine: Mutex<Option<Engine>>,
    sandboxes: Mutex<HashMap<Digest, Arc<Place>>>,
    /// The last ones that were asked for, which stay loaded while nobody runs them.
    recent: Mutex<VecDeque<Arc<Sandbox>>>,
}

/// So many components stay loaded while nobody runs them.
const MOST_RECENT: usize = 8;

/// Where one component is, or will be: whoever comes first loads it, the others wait for that.
type Place = tokio::sync::Mutex<Weak<Sandbox>>;

impl Loaded {
    /// The engine, which ticks as long as anybody uses it.
    fn engine(&self) -> wasmtime::Result<Engine> {
        let mut kept = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some(engine) => Ok(engine.clone()),
            None => {
                let engine = engine::engine()?;
                start_ticking(&engine);
                *kept = Some(engine.clone());
                Ok(engine)
            }
        }
    }

    fn keep(&self, sandbox: &Arc<Sandbox>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|other| !Arc::ptr_eq(other, sandbox));
        recent.push_back(Arc::clone(sandbox));
        if recent.len() > MOST_RECENT {
            recent.pop_front();
        }
    }

    fn place(&self, digest: Digest) -> Arc<Place> {
        let mut sandboxes = self
            .sandboxes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Nobody else waits at a place that is held here alone, and nobody uses what is gone.
        sandboxes.retain(|_, place| {
            Arc::strong_count(place) > 1
                || place.try_lock().is_ok_and(|place| place.strong_count() > 0)
        });
        Arc::clone(sandboxes.entry(digest).or_default())
    }
}

/// A component that may run here, ready to be instantiated.
pub struct Sandbox {
    engine: Engine,
    connector: ConnectorPre<Host>,
}

impl Sandbox {
    /// A component that is loaded already, or is now.
    ///
    /// # Errors
    /// [`Outcome::ComponentRefused`] where it is no component of this contract, or can't be compiled within bounds.
    pub async fn load(file: &ComponentFile, machine: &Machine) -> Result<Arc<Self>, Outcome> {
        let place = machine.loaded.place(file.digest);
        let mut loaded = place.lock().await;
        let sandbox = match loaded.upgrade() {
            Some(sandbox) => sandbox,
            None => Arc::new(Self::new(file, machine).await?),
        };
        *loaded = Arc::downgrade(&sandbox);
        machine.loaded.keep(&sandbox);
        Ok(sandbox)
    }

    /// Compiles a component, or takes it from the cache, and links it.
    async fn new(file: &ComponentFile, machine: &Machine) -> Result<Self, Outcome> {
        if let Some(excess) = file.excess() {
            return Err(refused(excess));
        }
        let engine = machine
            .loaded
            .engine()
            .map_err(|error| refused(format!("the engine can't be set up: {error}")))?;
        let key = Key {
            component: file.digest,
            engine: engine::compatibility(&engine),
        };
        let kept = machine.cache.as_ref().and_then(|cache| {
            // An entry of another engine can't be told from a broken one: either is compiled anew.
            engine::load(&engine, &cache.get(&key)?).ok()
        });
        let component = match kept {
            Some(component) => component,
            None => {
                let compiled = machine
                    .compiler
                    .compile(&file.bytes)
                    .await
                    .map_err(|error| refused(error.to_string()))?;
                let component = engine::load(&engine, &compiled)
                    .map_err(|error| refused(engine::first_line(&error)))?;
                if let Some(cache) = &machine.cache {
                    cache.put(&key, &compiled);
                }
                component
            }
        };
        let connector = contract::fit(&engine, &component).map_err(refused)?;
        Ok(Self { engine, connector })
    }

    /// Runs the component's `check`, until `stopped` comes.
    ///
    /// # Errors
    /// How it ended, where it gave no findings.
    pub async fn check(
        &self,
        host: Host,
        limits: &Limits,
        stopped: impl Future<Output = ()>,
    ) -> Result<Vec<Finding>, Outcome> {
        let redactor = host.redactor().clone();
        let call = self.call(host, limits);
        let findings = thread::run(stopped, move || {
            call.run(async |connector, store| connector.call_check(store).await)
        })
        .await?;
        findings.map_err(|failure| contract::failed(failure, &redactor))
    }

    /// Runs the component's `extract`, until `stopped` comes. What it emitted is in the host's collector, however it ended.
    ///
    /// # Errors
    /// How it ended, where that was not well.
    pub async fn extract(
        &self,
        host: Host,
        limits: &Limits,
        stopped: impl Future<Output = ()>,
    ) -> Result<(), Outcome> {
        let redactor = host.redactor().clone();
        let call = self.call(host, limits);
        let result = thread::run(stopped, move || {
            call.run(async |connector, store| connector.call_extract(store).await)
        })
        .await?;
        result.map_err(|failure| contract::failed(failure, &redactor))
    }

    fn call(&self, host: Host, limits: &Limits) -> Call {
        Call {
            engine: self.engine.clone(),
            connector: self.connector.clone(),
            host,
            limits: *limits,
        }
    }
}

/// One call into a guest.
struct Call {
    engine: Engine,
    connector: ConnectorPre<Host>,
    host: Host,
    limits: Limits,
}

impl Call {
    async fn run<R>(
        self,
        export: impl AsyncFnOnce(&contract::Connector, &mut Store<Host>) -> wasmtime::Result<R>,
    ) -> Result<R, Outcome> {
        let limits = &self.limits;
        let budget = CpuBudget::begin(Duration::from_secs(limits.cpu_seconds));
        let mut store = Store::new(&self.engine, self.host.with_budget(budget));
        store.limiter(|host| &mut host.memory);
        store.set_hostcall_fuel(limits.size(Limit::CallMib));
        store.set_max_component_handles(limits.size(Limit::Handles));
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |mut store| {
            store.data_mut().check()?;
            Ok(UpdateDeadline::YieldCustom(
                1,
                Box::pin(tokio::task::yield_now()),
            ))
        });

        let running = async {
            let connector = self.connector.instantiate_async(&mut store).await?;
            export(&connector, &mut store).await
        };
        let wall = Duration::from_secs(limits.wall_seconds);
        let ran = tokio::time::timeout(wall, running).await;
        let last = store.data_mut().check();
        store.data().usage().add(Limit::CpuSeconds, budget.used());
        match ran {
            Ok(ran) => ran
                .and_then(|result| last.map(|()| result))
                .map_err(|error| ended(&error, store.data(), limits)),
            // The store goes with the call: an instance that was left in the middle is of no use.
            Err(_) => Err(Outcome::exhausted(Limit::WallSeconds, limits)),
        }
    }
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
        return Outcome::exhausted(Limit::CpuSeconds, limits);
    }
    if let Some(TooMuch(limit)) = error.downcast_ref() {
        return Outcome::exhausted(*limit, limits);
    }
    if error.is::<HeldTooMuch>() {
        return Outcome::exhausted(Limit::MemoryMib, limits);
    }
    if let Some(guessed) = error.downcast_ref::<Guessed>() {
        return Outcome::ConnectorFailed {
            message: guessed.to_string(),
        };
    }
    if let Some(bad) = error.downcast_ref::<BadItem>() {
        return Outcome::ConnectorFailed {
            message: format!("it emitted something that breaks the contract: {bad}"),
        };
    }
    if host.memory.was_refused() {
        return Outcome::exhausted(Limit::MemoryMib, limits);
    }
    // wasmtime has no types for these.
    let text = format!("{error:#}");
    if error.is::<ResourceTableError>() && text.contains("no free keys")
        || text.contains("handle limit exceeded")
    {
        return Outcome::exhausted(Limit::Handles, limits);
    }
    if text.contains("resource limit exceeded") {
        return refused(memory::too_many());
    }
    if text.contains("fuel allocated for hostcalls") {
        return Outcome::exhausted(Limit::CallMib, limits);
    }
    let message = match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::UnreachableCodeReached) => {
            "it stopped itself (a panic in its code)".to_owned()
        }
        Some(trap) => trap.to_string(),
        None => engine::first_line(error),
    };
    Outcome::Trapped {
        message: format!("{message}; its log may say more"),
    }
}

/// What the compiler and the engine say may repeat a name of the component.
fn refused(message: String) -> Outcome {
    Outcome::ComponentRefused {
        message: crate::collect::printable(&message, 4000),
    }
}

/// Who watches a run.
pub trait Observer: Send + Sync {
    /// The connector says how far it has come. Called often.
    fn progress(&self, stage: &str, done: u64, total: Option<u64>);

    /// Requests wait so long, since this credential has used up what the API allows; empty: requests without one.
    fn waiting(&self, slot: &str, wait: std::time::Duration) {
        let _ = (slot, wait);
    }
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
