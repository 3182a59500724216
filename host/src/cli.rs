//! The command line.

mod compare;
mod import;
mod inspect;
mod journal;
mod machine;
mod progress;
mod summary;
mod template;

use crate::app::App;
use crate::audit::{self, Audit, Event};
use crate::collect::Format;
use crate::compile;
use crate::connection::{Connection, ConnectionPolicy, Overrides};
use crate::egress::policy::ApiOrigin;
use crate::journal::Recording;
use crate::manifest::Manifest;
use crate::outcome::Outcome;
use crate::run::{Run, StartError};
use clap::{Args, Parser, Subcommand};
use journal::{JournalArguments, Operators};
use machine::MachineArguments;
use progress::Screen;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

const EXIT_CODES: &str = "\
Exit codes of run:
  0    complete: everything that the settings ask for was read
  2    usage, a bad connection or manifest, or a setting that is wrong
  3    finished, but something that was asked for could not be read
  4    nothing could be read (credentials refused, not found, not visible), or the component was refused
  5    the component failed, crashed or exhausted a limit
  130  cancelled
  1    anything else: the disk is full, the network is down
Exit codes of check:
  0 all families are readable, 3 some, 4 none; else as for run";

/// Usage, a bad connection or manifest.
const USAGE: u8 = 2;

/// A component that may not run here.
const REFUSED: u8 = 4;

#[derive(Parser)]
#[command(version, about = "Runs integration connectors as sandboxed WebAssembly components", after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Ask whether settings and credentials are good enough: one row for each family of endpoints
    #[command(after_help = EXIT_CODES)]
    Check(Source),
    /// Read everything and leave run.db, run.json and the exports in a directory
    #[command(after_help = EXIT_CODES)]
    Run {
        #[command(flatten)]
        source: Source,
        /// The directory for run.db, run.json, entities.csv and entity_relations.csv
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// A form of the exports beside CSV; may be given more than once
        #[arg(long, value_enum)]
        format: Vec<Format>,
        #[command(flatten)]
        journal: JournalArguments,
    },
    /// Check two CSV files of entities and relations, and leave what a run leaves
    #[command(
        after_help = "Exit codes: 0 all rows were taken, 2 usage or files with problems (nothing is left behind), 3 --keep-going left rows out, 5 a limit is used up, 130 cancelled, 1 anything else"
    )]
    Import(import::Arguments),
    /// Write two example files that can be imported
    Template(template::Arguments),
    /// Run two versions of a component over the same journal, and show how what they read differs; nothing is asked
    #[command(
        after_help = "Exit codes: 0 no difference, 6 they differ, 2 usage or no journal, else how the one that fails ended"
    )]
    Compare(compare::Arguments),
    /// Tell what a component is and whether it may run here, without running it
    #[command(
        after_help = "Exit codes: 0 it may run here, 4 it may not, 2 usage or a bad manifest"
    )]
    Inspect {
        /// The component
        #[arg(value_name = "FILE.wasm")]
        file: PathBuf,
        /// The manifest whose pinned digests it is held against
        #[arg(long, value_name = "MANIFEST")]
        connector: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        machine: MachineArguments,
    },
    /// The compiling process: a component on standard input, compiled on standard output
    #[command(name = compile::SUBCOMMAND, hide = true)]
    CompileComponent {
        /// The memory that it may take
        memory_mib: u64,
    },
}

/// Which connector with which connection.
#[derive(Args)]
struct Source {
    /// The connector's manifest, connector.toml
    #[arg(long, value_name = "MANIFEST")]
    connector: PathBuf,
    /// The connection's file; without it everything is given by --set and --secret
    #[arg(long, value_name = "FILE")]
    connection: Option<PathBuf>,
    /// A setting; a list is separated by commas
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// A credential: SLOT.FIELD=env:NAME, =file:PATH or =command:PROGRAM ARGUMENTS
    #[arg(long, value_name = "SLOT.FIELD=SOURCE")]
    secret: Vec<String>,
    /// Let secrets stand in the connection file itself
    #[arg(long)]
    allow_inline_secrets: bool,
    /// Let the API URL lead to private, loopback and link-local addresses
    #[arg(long)]
    allow_private_networks: bool,
    /// Let the API URL be plain http
    #[arg(long)]
    allow_plain_http: bool,
    /// PEM certificates that are trusted beside the usual roots
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The HTTP proxy to go through; the environment's proxy variables are ignored
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Requests that may be under way at once; the most that a tenant's connection can set
    #[arg(long, value_name = "NUMBER")]
    in_flight: Option<u32>,
    /// Requests that the API allows for each credential in a rolling hour; 0: no limit. The most that a tenant's
    /// connection can set
    #[arg(long, value_name = "NUMBER")]
    requests_per_hour: Option<u32>,
    /// Limits in place of the manifest's, raised or lowered: a TOML file with a table [limits]
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// App and Source System of the exports, where they are not the manifest's
    #[arg(long, value_name = "NAME")]
    app: Option<App>,
    /// Run only a component whose digest the manifest pins
    #[arg(long)]
    require_pinned: bool,
    /// Whose the connection file is: a tenant's can't name this machine's variables, files and commands, settings of the
    /// network or the app, can only lower pace and limits, and can only use an API origin that is listed
    #[arg(long, value_enum, default_value_t)]
    connection_policy: ConnectionPolicy,
    /// An API origin that a tenant's connection may name, beside the manifest's; may be given more than once
    #[arg(long, value_name = "ORIGIN", value_parser = ApiOrigin::parse)]
    tenant_origin: Vec<ApiOrigin>,
    /// An origin where a tenant's connection may get tokens, beside the manifest's; may be given more than once
    #[arg(long, value_name = "ORIGIN", value_parser = ApiOrigin::parse)]
    tenant_token_origin: Vec<ApiOrigin>,
    /// Add the audit log's lines to this file too
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    #[command(flatten)]
    machine: MachineArguments,
    /// Log more: once for requests that were asked again, twice for everything
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let screen = Screen::new();
    let (source, action) = match cli.command {
        Command::Check(source) => (source, Action::Check),
        Command::Run {
            source,
            out,
            mut format,
            journal,
        } => {
            format.push(Format::Csv);
            format.sort_unstable();
            format.dedup();
            (
                source,
                Action::Run {
                    out,
                    format,
                    journal,
                },
            )
        }
        Command::Import(arguments) => {
            start_log(&screen, 0);
            return in_runtime(&screen, import::import(arguments, &screen));
        }
        Command::Template(arguments) => return template::template(&arguments, &screen),
        Command::Compare(arguments) => {
            start_log(&screen, 0);
            return in_runtime(&screen, compare::compare(&arguments, &screen));
        }
        Command::Inspect {
            file,
            connector,
            json,
            machine,
        } => {
            start_log(&screen, 0);
            return in_runtime(
                &screen,
                inspect::inspect(&file, connector, json, &machine, &screen),
            );
        }
        Command::CompileComponent { memory_mib } => return compile::serve(memory_mib),
    };
    start_log(&screen, source.verbose);
    in_runtime(&screen, perform(source, action, &screen))
}

fn in_runtime(screen: &Screen, work: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return screen.fail(1, &format!("the runtime can't be started: {error}")),
    };
    let code = runtime.block_on(work);
    // Requests that are still under way are nobody's any more.
    runtime.shutdown_background();
    code
}

enum Action {
    Check,
    Run {
        out: PathBuf,
        format: Vec<Format>,
        journal: JournalArguments,
    },
}

async fn perform(source: Source, action: Action, screen: &Screen) -> ExitCode {
    let overrides = Overrides {
        settings: source.set,
        secrets: source.secret,
        allow_private_networks: source.allow_private_networks,
        allow_plain_http: source.allow_plain_http,
        ca_file: source.ca_file,
        proxy: source.proxy,
        in_flight: source.in_flight,
        requests_per_hour: source.requests_per_hour,
        allow_inline_secrets: source.allow_inline_secrets,
        app: source.app,
        require_pinned: source.require_pinned,
        policy: source.connection_policy,
        tenant_origins: source.tenant_origin,
        tenant_token_origins: source.tenant_token_origin,
    };
    let manifest = Manifest::load(&source.connector);
    let manifest = match (manifest, &source.limits) {
        (Ok(manifest), Some(limits)) => manifest.with_operators_limits(limits),
        (manifest, _) => manifest,
    };
    let manifest = match manifest {
        Ok(manifest) => manifest,
        Err(error) => return screen.fail(USAGE, &error.to_string()),
    };
    let machine = match source.machine.machine() {
        Ok(machine) => machine,
        Err(problem) => return screen.fail(1, &problem),
    };
    let journal = match &action {
        Action::Run { journal, .. } => Some(journal),
        Action::Check => None,
    };
    let loaded = match journal.and_then(|journal| journal.replay.as_deref()) {
        Some(path) => {
            let operators = Operators {
                manifest: Some(manifest),
                app: overrides.app,
                require_pinned: overrides.require_pinned,
                limits: None,
            };
            journal::open_replay(path, operators, &machine)
        }
        None => journal
            .map_or(Ok(Recording::Off), |journal| journal.recording(&manifest))
            .and_then(|recording| {
                Connection::load(&manifest, source.connection.as_deref(), &overrides)
                    .map(|connection| (manifest, connection, recording))
                    .map_err(|error| error.to_string())
            }),
    };
    let (manifest, connection, recording) = match loaded {
        Ok(loaded) => loaded,
        Err(problem) => return screen.fail(USAGE, &problem),
    };
    let audit = match source.audit.as_deref().map(audit::append_to).transpose() {
        Ok(audit) => audit,
        Err(error) => {
            let path = source.audit.unwrap_or_default();
            return screen.fail(USAGE, &format!("--audit {}: {error}", path.display()));
        }
    };
    let redactor = connection.vault.redactor().clone();
    let prepared = tokio::select! {
        prepared = Run::prepare(manifest, connection, &machine, recording) => prepared,
        () = cancelled() => Err(StartError::Refused(Outcome::Cancelled)),
    };
    let run = match prepared {
        Ok(run) => run,
        Err(error @ (StartError::Egress(_) | StartError::Journal(_))) => {
            return screen.fail(USAGE, &error.to_string());
        }
        Err(StartError::Refused(outcome)) => {
            if let Some(file) = audit {
                let audit = Audit::new(redactor, Vec::new());
                audit.write_to(file);
                audit.note(&Event::Ended { outcome: &outcome });
            }
            return screen.fail(outcome.exit_code(), &outcome.to_string());
        }
    };
    if let Some(file) = audit {
        run.audit_to(file);
    }
    match action {
        Action::Check => check(&run, screen).await,
        Action::Run { out, format, .. } => extract(&run, &out, &format, screen).await,
    }
}

async fn check(run: &Run, screen: &Screen) -> ExitCode {
    // A run has them among its warnings.
    for hint in run.hints() {
        tracing::warn!("{hint}");
    }
    let checked = run.check(screen.observer(), cancelled()).await;
    screen.clear();
    for warning in run.token_warnings() {
        tracing::warn!("{warning}");
    }
    match checked {
        Ok(checked) => {
            screen.show(&summary::findings(&checked));
            ExitCode::from(checked.exit_code)
        }
        Err(outcome) => screen.fail(outcome.exit_code(), &outcome.to_string()),
    }
}

async fn extract(run: &Arc<Run>, out: &Path, formats: &[Format], screen: &Screen) -> ExitCode {
    let report = run
        .extract(out, formats, screen.observer(), cancelled())
        .await;
    screen.clear();
    match report {
        Ok(report) => {
            screen.show(&summary::report(&report, out, formats));
            if report.outcome.finished() {
                ExitCode::from(report.exit_code)
            } else {
                screen.fail(report.exit_code, &report.message)
            }
        }
        Err(error) => screen.fail(1, &format!("{error:#}")),
    }
}

/// Comes when somebody presses Ctrl-C or asks the process to end.
async fn cancelled() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

/// Logs to standard error, and only what this project says: a library's trace may show a header.
fn start_log(screen: &Screen, verbose: u8) {
    let (own, connector) = match verbose {
        0 => (LevelFilter::WARN, LevelFilter::INFO),
        1 => (LevelFilter::DEBUG, LevelFilter::INFO),
        _ => (LevelFilter::TRACE, LevelFilter::DEBUG),
    };
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(screen.log())
        .with_ansi(screen.is_terminal())
        .with_target(false);
    let targets = Targets::new()
        .with_target("portcullis", own)
        .with_target("connector", connector);
    // A second subscriber in one process (a test's) leaves the first in place.
    let _ = tracing_subscriber::registry()
        .with(layer)
        .with(targets)
        .try_init();
}

impl Screen {
    fn show(&self, text: &str) {
        // Nobody listens any more where this fails.
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    fn fail(&self, code: u8, message: &str) -> ExitCode {
        self.clear();
        let _ = writeln!(std::io::stderr(), "portcullis: {message}");
        ExitCode::from(code)
    }

    fn observer(&self) -> Arc<dyn crate::sandbox::Observer> {
        Arc::new(self.clone())
    }
}
