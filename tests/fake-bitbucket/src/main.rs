//! Serves a fake Bitbucket workspace until it is interrupted.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use fake_bitbucket::{
    Account, Behaviour, Config, Fault, Features, PermissionsByToken, Product, RateLimit, Refuse,
    Server, Sizes, Token, Transient, World,
};

/// A deterministic Bitbucket Cloud workspace over HTTP.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The same seed gives the same workspace
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Members of the workspace
    #[arg(long, default_value_t = 60)]
    users: usize,
    /// Groups
    #[arg(long, default_value_t = 10)]
    groups: usize,
    /// Projects
    #[arg(long, default_value_t = 8)]
    projects: usize,
    /// Repositories
    #[arg(long, default_value_t = 120)]
    repositories: usize,
    /// The workspace's slug
    #[arg(long, default_value = "acme")]
    workspace: String,
    /// A personal workspace, whose uuid is its owner's
    #[arg(long)]
    personal: bool,
    /// A workspace that has moved to admin.atlassian.com
    #[arg(long)]
    migrated: bool,
    /// No grant names a user or group that no list holds
    #[arg(long)]
    without_dangling: bool,
    /// Some roles and grants use unknown words
    #[arg(long)]
    unknown_words: bool,
    /// The port to listen on, on 127.0.0.1; 0: any
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Write the URL to this file once it answers
    #[arg(long, value_name = "PATH")]
    port_file: Option<PathBuf>,
    /// The workspace access token that is right; empty: none is
    #[arg(long, env = "FAKE_BITBUCKET_TOKEN", default_value_t = Token::default().secret)]
    token: String,
    /// The classic scopes of the token, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "SCOPE")]
    token_scopes: Vec<String>,
    /// The token may not read permissions and groups
    #[arg(long)]
    token_without_permissions: bool,
    /// The account's e-mail address; empty: no account is right
    #[arg(long, env = "FAKE_BITBUCKET_EMAIL", default_value_t = Account::default().email)]
    email: String,
    /// The account's API token
    #[arg(long, env = "FAKE_BITBUCKET_API_TOKEN", default_value_t = Account::default().api_token)]
    api_token: String,
    /// The scopes of the API token, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "SCOPE")]
    account_scopes: Vec<String>,
    /// The account is no administrator
    #[arg(long)]
    account_is_member: bool,
    /// How long every answer takes
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Refuse WHAT[@workspace-token|@account][=HOW]; may be repeated. WHAT: a family (groups,
    /// repository-user-grants, ...), group-privileges, repository-group-lists,
    /// workspace-permissions, repository:SLUG or project:KEY. HOW: missing-scope, not-admin (the
    /// default), wrong-mechanism, auth-types-only, token-unsupported, unauthorised, not-found,
    /// withdrawn, html-page, bad-gateway or text-in-values
    #[arg(long, value_name = "REFUSAL")]
    refuse: Vec<Refuse>,
    /// Answer 429 after so many requests of a credential
    #[arg(long, value_name = "REQUESTS")]
    rate_limit_after: Option<u32>,
    /// How many requests are then answered 429
    #[arg(long, default_value_t = 1, value_name = "REQUESTS")]
    rate_limit_refuse: u32,
    /// Send this Retry-After with 429
    #[arg(long, value_name = "SECONDS|DATE")]
    retry_after: Option<String>,
    /// 429 comes as plain text
    #[arg(long)]
    rate_limit_plain_text: bool,
    /// Every URL fails like this at first: 429, 502, 503, 504, cut-off or reset
    #[arg(long, value_name = "FAULT")]
    fault: Option<Fault>,
    /// How many times it fails
    #[arg(long, default_value_t = 1, value_name = "TIMES")]
    fault_times: u32,
    /// The largest page there is
    #[arg(long, value_name = "ELEMENTS")]
    largest_page: Option<usize>,
    /// Pages have cursors instead of numbers
    #[arg(long)]
    cursors: bool,
    /// `next` names this origin
    #[arg(long, value_name = "ORIGIN")]
    next_origin: Option<String>,
    /// No project and no repository is visible
    #[arg(long)]
    zero_visible: bool,
    /// The workspace was deactivated
    #[arg(long)]
    deactivated: bool,
    /// Answer as a Bitbucket Data Center does
    #[arg(long, conflicts_with = "web_pages")]
    data_center: bool,
    /// Answer as bitbucket.org does
    #[arg(long)]
    web_pages: bool,
}

impl Arguments {
    fn world(&self) -> World {
        let sizes = Sizes {
            users: self.users,
            groups: self.groups,
            projects: self.projects,
            repositories: self.repositories,
        };
        let features = Features {
            workspace_slug: self.workspace.to_lowercase(),
            personal: self.personal,
            migrated: self.migrated,
            dangling: !self.without_dangling,
            unknown_words: self.unknown_words,
        };
        World::generate_with(self.seed, sizes, &features)
    }

    fn config(self) -> Config {
        let mut behaviour = Behaviour {
            latency: Duration::from_millis(self.latency_ms),
            refuse: self.refuse,
            rate_limit: self.rate_limit_after.map(|allow| RateLimit {
                allow,
                refuse: self.rate_limit_refuse,
                plain_text: self.rate_limit_plain_text,
                retry_after: self.retry_after,
                headers: true,
            }),
            transient: self.fault.map(|fault| Transient {
                fault,
                times: self.fault_times,
                only: None,
            }),
            zero_visible: self.zero_visible,
            deactivated: self.deactivated,
            product: match (self.data_center, self.web_pages) {
                (true, _) => Product::DataCenter,
                (_, true) => Product::WebPages,
                _ => Product::Cloud,
            },
            ..Behaviour::default()
        };
        behaviour.pages.largest = self.largest_page;
        behaviour.pages.cursors = self.cursors;
        behaviour.pages.next_origin = self.next_origin;
        let token = Token::default();
        let account = Account::default();
        Config {
            token: (!self.token.is_empty()).then_some(Token {
                secret: self.token,
                scopes: given(self.token_scopes, token.scopes),
                permissions: if self.token_without_permissions {
                    PermissionsByToken::WrongMechanism
                } else {
                    PermissionsByToken::Allowed
                },
                expired: false,
            }),
            account: (!self.email.is_empty()).then_some(Account {
                email: self.email,
                api_token: self.api_token,
                scopes: given(self.account_scopes, account.scopes),
                administrator: !self.account_is_member,
                expired: false,
            }),
            behaviour,
            port: self.port,
        }
    }
}

fn given(scopes: Vec<String>, otherwise: BTreeSet<String>) -> BTreeSet<String> {
    if scopes.is_empty() {
        otherwise
    } else {
        scopes.into_iter().collect()
    }
}

#[tokio::main]
#[expect(
    clippy::print_stdout,
    reason = "the URL is what this program has to say"
)]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let port_file = arguments.port_file.clone();
    let world = arguments.world();
    let server = Server::start(world, arguments.config())
        .await
        .context("cannot listen")?;
    if let Some(path) = port_file {
        // Renamed into place: whoever waits for the file never reads half of it.
        let draft = path.with_extension("draft");
        fs::write(&draft, server.origin()).context("cannot write the port file")?;
        fs::rename(&draft, &path).context("cannot write the port file")?;
    }
    println!("{}", server.origin());
    tokio::signal::ctrl_c()
        .await
        .context("cannot wait for an interrupt")
}
