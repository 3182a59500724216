//! Serves a fake directory over SCIM until it is interrupted.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Parser;
use fake_scim::{Behaviour, Config, DEVIATIONS, Deviation, Server, Shape, TOKEN, World};

/// A deterministic SCIM 2.0 server.
#[derive(Parser)]
#[command(version, after_help = deviations())]
struct Arguments {
    /// The same seed gives the same directory
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Users
    #[arg(long, default_value_t = Shape::default().users)]
    users: usize,
    /// Groups
    #[arg(long, default_value_t = Shape::default().groups)]
    groups: usize,
    /// Every group holds so many users and nothing else
    #[arg(long, value_name = "USERS")]
    members_each: Option<usize>,
    /// Roles
    #[arg(long, default_value_t = Shape::default().roles)]
    roles: usize,
    /// Entitlements
    #[arg(long, default_value_t = Shape::default().entitlements)]
    entitlements: usize,
    /// The path that everything is below
    #[arg(long, default_value_t = Config::default().prefix)]
    prefix: String,
    /// The bearer token that is right; empty: everyone is let in
    #[arg(long, env = "FAKE_SCIM_TOKEN", default_value = TOKEN)]
    token: String,
    /// The port to listen on, on 127.0.0.1; 0: any
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Write the base URL to this file once it answers
    #[arg(long, value_name = "PATH")]
    port_file: Option<PathBuf>,
    /// How long every answer takes
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Differ from the RFCs in this way; may be repeated
    #[arg(long, value_name = "NAME")]
    deviation: Vec<String>,
}

fn deviations() -> String {
    let lines = DEVIATIONS
        .iter()
        .map(|one| format!("  {:<28} {}\n", one.name, one.about));
    format!("Deviations:\n{}", lines.collect::<String>())
}

#[tokio::main]
#[expect(
    clippy::print_stdout,
    reason = "the URL is what this program has to say"
)]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut shape = Shape {
        users: arguments.users,
        groups: arguments.groups,
        members_each: arguments.members_each,
        roles: arguments.roles,
        entitlements: arguments.entitlements,
        ..Shape::default()
    };
    let mut behaviour = Behaviour {
        latency: Duration::from_millis(arguments.latency_ms),
        ..Behaviour::default()
    };
    for name in &arguments.deviation {
        Deviation::named(name)
            .ok_or_else(|| anyhow!("no deviation is called {name}; --help lists them"))?
            .apply(&mut shape, &mut behaviour);
    }
    let config = Config {
        prefix: arguments.prefix,
        bearer: (!arguments.token.is_empty()).then_some(arguments.token),
        basic: None,
        behaviour,
        port: arguments.port,
    };
    let server = Server::start(World::generate(arguments.seed, &shape), config)
        .await
        .context("cannot listen")?;
    if let Some(path) = arguments.port_file {
        // Renamed into place: whoever waits for the file never reads half of it.
        let draft = path.with_extension("draft");
        fs::write(&draft, server.base()).context("cannot write the port file")?;
        fs::rename(&draft, &path).context("cannot write the port file")?;
    }
    println!("{}", server.base());
    tokio::signal::ctrl_c()
        .await
        .context("cannot wait for an interrupt")
}
