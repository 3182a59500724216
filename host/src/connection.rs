//! A connection: one tenant's configuration of one connector.
//!
//! It is read by hand rather than by serde: an error of serde repeats the offending value, which here may
//! be a secret.

mod key;

pub use key::{Key, TenantMay};

use crate::app::App;
use crate::egress::policy::ApiOrigin;
use crate::journal::About;
use crate::limits::{Limit, Limits};
use crate::manifest::{Manifest, Pace, SlotDeclaration};
use crate::settings::SettingValue;
use crate::slot::{SlotField, SlotKind, SlotName};
use crate::vault::{self, Credential, SecretSource, SourceError, TokenClient, Vault};
use indexmap::IndexMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use url::Url;
use zeroize::Zeroizing;

/// A connection that was read, checked against its manifest, and whose secrets were fetched.
pub struct Connection {
    /// The settings, defaults included, in the order of the manifest.
    pub settings: IndexMap<String, SettingValue>,
    /// The credentials.
    pub vault: Vault,
    /// Where requests may go.
    pub network: Network,
    /// How fast the API is asked.
    pub pace: Pace,
    /// The number of requests in an hour is the connection's own: an API that allows more can't raise it.
    pub rate_is_own: bool,
    /// App and Source System of the exports.
    pub app: App,
    /// What a run may use: the manifest's limits, lowered by the connection.
    pub limits: Limits,
    /// Only a component that the manifest pins may run.
    pub require_pinned: bool,
    /// What the manifest says about credentials of this look.
    pub hints: Vec<String>,
}

impl Connection {
    /// What a journal was made with, for a replay: no credential has a value, and nothing is sent. Somebody else may have made
    /// the journal, so it says no more than a connection of this manifest could: settings and credentials that the manifest
    /// declares, and how fast the connector may believe that it asks. The rest is the manifest's.
    ///
    /// # Errors
    /// A sentence, where a setting or a credential is of another type than the manifest declares.
    pub fn recorded(manifest: &Manifest, about: &About) -> Result<Self, String> {
        let mut settings = IndexMap::new();
        for (name, declared) in &manifest.settings {
            let value = about.settings.get(name).or(declared.default.as_ref());
            let Some(value) = value else { continue };
            if !declared.kind.is_of(value) {
                return Err(format!(
                    "the journal's setting {name} is not of the type that the manifest declares; replay it with the manifest that it was made with"
                ));
            }
            settings.insert(name.clone(), value.clone());
        }
        let mut slots = Vec::new();
        for (name, kind) in &about.slots {
            match manifest.slots.get(name) {
                Some(declared) if declared.kind == *kind => slots.push((name.clone(), *kind)),
                Some(_) => {
                    return Err(format!(
                        "the journal's credential {name} is of another kind than the manifest declares; replay it with the manifest that it was made with"
                    ));
                }
                None => {}
            }
        }
        let most = u32::try_from(manifest.limits.in_flight).unwrap_or(u32::MAX);
        Ok(Self {
            settings,
            vault: Vault::of_names(slots),
            network: Network {
                allow_private_networks: true,
                allow_plain_http: true,
                ..Network::default()
            },
            pace: Pace {
                in_flight: about.in_flight.clamp(1, most.max(1)),
                requests_per_hour: about.requests_per_hour,
                ..Pace::default()
            },
            rate_is_own: true,
            app: manifest.app.clone(),
            limits: manifest.limits,
            require_pinned: false,
            hints: Vec::new(),
        })
    }
}

/// What a connection allows on the way to its API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Private, loopback and link-local addresses may be connected to.
    pub allow_private_networks: bool,
    /// The API URL may be plain `http`.
    pub allow_plain_http: bool,
    /// PEM certificates that are trusted beside the usual roots.
    pub ca_file: Option<PathBuf>,
    /// The only way to a proxy: the environment's proxy variables are ignored.
    pub proxy: Option<Url>,
}

/// Whose a connection file is, and so what it may say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ConnectionPolicy {
    /// The operator's: it can name commands, files and variables as sources of secrets, and any API URL.
    #[default]
    Operator,
    /// A tenant's: secrets stand in the file or come from the command line, the API URL is https, public and
    /// one of the listed origins, and each key may say no more than [`Key::tenant`] allows.
    Tenant,
}

/// What the command line says beside a connection file, or in place of one.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `name=value` for settings.
    pub settings: Vec<String>,
    /// `slot.field=env:NAME`, `=file:PATH` or `=command:PROGRAM ARGUMENTS`.
    pub secrets: Vec<String>,
    /// As in `[network]`.
    pub allow_private_networks: bool,
    /// As in `[network]`.
    pub allow_plain_http: bool,
    /// As in `[network]`; seen from where the command runs.
    pub ca_file: Option<PathBuf>,
    /// As in `[network]`.
    pub proxy: Option<String>,
    /// As in `[pace]`. A tenant's connection can't exceed it.
    pub in_flight: Option<u32>,
    /// As in `[pace]`. A tenant's connection can't exceed it.
    pub requests_per_hour: Option<u32>,
    /// Secrets may stand in the connection file itself.
    pub allow_inline_secrets: bool,
    /// As in the connection.
    pub app: Option<App>,
    /// As in the connection.
    pub require_pinned: bool,
    /// Whose file it is.
    pub policy: ConnectionPolicy,
    /// API origins that a tenant's connection may name beside the manifest's `tenant_origins`.
    pub tenant_origins: Vec<ApiOrigin>,
    /// Origins of token URLs that it may name beside the manifest's `tenant_token_origins`.
    pub tenant_token_origins: Vec<ApiOrigin>,
}

/// Why a connection can't be used. The text names where, what and how to mend it, and never a value.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ConnectionError {
    place: String,
    problem: String,
}

impl Connection {
    /// Reads a connection file, where there is one, then what the command line says, checks both against
    /// the manifest and fetches the secrets. Relative paths are seen from the file's directory.
    ///
    /// # Errors
    /// Where something is missing, unknown or of the wrong type, or a secret can't be had.
    pub fn load(
        manifest: &Manifest,
        file: Option<&Path>,
        overrides: &Overrides,
    ) -> Result<Self, ConnectionError> {
        let mut draft = Draft {
            limits: manifest.limits,
            ..Draft::default()
        };
        if let Some(path) = file {
            let text = read(path)?;
            draft.read_file(manifest, path, &text, overrides)?;
        }
        draft.read_command_line(manifest, overrides)?;
        let directory = file.and_then(Path::parent).unwrap_or(Path::new(""));
        let place = file.map_or("the command line".to_owned(), |path| {
            path.display().to_string()
        });
        draft.finish(manifest, directory, &place, overrides)
    }
}

/// The largest connection file that is read, in bytes: it may be a tenant's.
const MOST_BYTES: u64 = 1 << 20;

fn read(path: &Path) -> Result<Zeroizing<String>, ConnectionError> {
    let unreadable = |error| at(path, format!("the connection can't be read: {error}"));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = Zeroizing::new(String::new());
    file.take(MOST_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(at(
            path,
            "the connection is larger than 1 MiB; settings and credentials take some hundred bytes"
                .to_owned(),
        ));
    }
    Ok(text)
}

/// A connection while it is put together.
#[derive(Default)]
struct Draft {
    settings: IndexMap<String, SettingValue>,
    secrets: IndexMap<SlotName, IndexMap<&'static str, SecretSource>>,
    network: Network,
    in_flight: Option<u32>,
    requests_per_hour: Option<u32>,
    spread_slots: Option<bool>,
    app: Option<App>,
    require_pinned: bool,
    /// The manifest's, as far as they were not lowered.
    limits: Limits,
}

impl Draft {
    fn read_file(
        &mut self,
        manifest: &Manifest,
        path: &Path,
        text: &str,
        overrides: &Overrides,
    ) -> Result<(), ConnectionError> {
        let document: toml::Table = toml::from_str(text).map_err(|error| {
            // The error's own text shows the line, and a line may hold a secret.
            let line = error.span().map_or(1, |span| {
                text[..span.start.min(text.len())].matches('\n').count() + 1
            });
            at(
                path,
                format!(
                    "line {line} is not TOML: check quotes, brackets and repeated keys near it"
                ),
            )
        })?;
        let mut top = Table {
            path,
            prefix: String::new(),
            table: document,
            policy: overrides.policy,
        };
        let connector = top.text(Key::Connector)?.ok_or_else(|| {
            at(
                path,
                format!(
                    "connector is missing; write connector = {:?}",
                    manifest.name
                ),
            )
        })?;
        if connector != manifest.name {
            return Err(at(
                path,
                format!(
                    "connector is {connector:?}, but {} is the manifest of {:?}; give the manifest that belongs to this connection",
                    manifest.path.display(),
                    manifest.name
                ),
            ));
        }
        self.read_settings(manifest, top.table("settings")?)?;
        self.read_credentials(manifest, top.table("credentials")?, overrides)?;
        self.read_network(path, top.table("network")?)?;
        self.read_pace(top.table("pace")?)?;
        self.read_limits(top.table("limits")?)?;
        self.require_pinned = top.flag(Key::RequirePinned)?.unwrap_or(false);
        self.app = top
            .text(Key::App)?
            .map(|name| name.parse())
            .transpose()
            .map_err(|problem: String| top.error(Key::App.name(), &problem))?;
        let tables = ["settings", "credentials", "network", "pace", "limits"];
        top.finish(&[&keys_of("")[..], &tables].concat())
    }

    fn read_settings(
        &mut self,
        manifest: &Manifest,
        mut table: Table,
    ) -> Result<(), ConnectionError> {
        for (name, declaration) in &manifest.settings {
            if let Some(value) = table.take(name) {
                let value = declaration.kind.parse_toml(&value).map_err(|problem| {
                    table.error(name, &format!("{problem} ({})", declaration.help))
                })?;
                self.settings.insert(name.clone(), value);
            }
        }
        table.finish(
            &manifest
                .settings
                .keys()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        )
    }

    fn read_credentials(
        &mut self,
        manifest: &Manifest,
        mut table: Table,
        overrides: &Overrides,
    ) -> Result<(), ConnectionError> {
        for (slot, declaration) in &manifest.slots {
            let Some(mut fields) = table.optional_table(slot.as_str())? else {
                continue;
            };
            let mut known = Vec::new();
            for (field, aliases) in declared_fields(declaration) {
                for name in std::iter::once(field.name).chain(aliases.iter().map(String::as_str)) {
                    known.push(name);
                    let Some(value) = fields.take(name) else {
                        continue;
                    };
                    let source =
                        secret_source(&value, overrides.allow_inline_secrets || !field.secret)
                            .map_err(|problem| fields.error(name, &problem))?;
                    if overrides.policy == ConnectionPolicy::Tenant
                        && !matches!(source, SecretSource::Inline(_))
                    {
                        return Err(fields.error(
                            name,
                            "names a variable, file or command, which a tenant's connection may not: they are this machine's; write the value itself, or let the operator give it with --secret",
                        ));
                    }
                    if self
                        .secrets
                        .entry(slot.clone())
                        .or_default()
                        .insert(field.name, source)
                        .is_some()
                    {
                        return Err(fields.error(
                            name,
                            &format!("is given twice; it is another word for {}", field.name),
                        ));
                    }
                }
            }
            fields.finish(&known)?;
        }
        table.finish(
            &manifest
                .slots
                .keys()
                .map(SlotName::as_str)
                .collect::<Vec<_>>(),
        )
    }

    fn read_network(&mut self, path: &Path, mut table: Table) -> Result<(), ConnectionError> {
        let directory = path.parent().unwrap_or(Path::new(""));
        self.network = Network {
            allow_private_networks: table.flag(Key::AllowPrivateNetworks)?.unwrap_or(false),
            allow_plain_http: table.flag(Key::AllowPlainHttp)?.unwrap_or(false),
            ca_file: table.text(Key::CaFile)?.map(|file| directory.join(file)),
            proxy: table
                .text(Key::Proxy)?
                .map(|text| parse_proxy(&text))
                .transpose()
                .map_err(|problem| table.error(Key::Proxy.name(), &problem))?,
        };
        table.finish(&keys_of("network"))
    }

    fn read_pace(&mut self, mut table: Table) -> Result<(), ConnectionError> {
        self.in_flight = table.count(Key::InFlight)?;
        self.requests_per_hour = table.count(Key::RequestsPerHour)?;
        self.spread_slots = table.flag(Key::SpreadSlots)?;
        table.finish(&keys_of("pace"))
    }

    fn read_limits(&mut self, mut table: Table) -> Result<(), ConnectionError> {
        for limit in Limit::ALL {
            if let Some(value) = table.count(Key::Limit(limit))? {
                self.limits
                    .lower(limit, value)
                    .map_err(|problem| table.error(limit.name(), &problem))?;
            }
        }
        table.finish(&keys_of("limits"))
    }

    fn read_command_line(
        &mut self,
        manifest: &Manifest,
        overrides: &Overrides,
    ) -> Result<(), ConnectionError> {
        let fail = |problem: String| ConnectionError {
            place: "the command line".to_owned(),
            problem,
        };
        for pair in &overrides.settings {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| fail("--set must be given as name=value".to_owned()))?;
            let declaration = manifest
                .settings
                .get(name)
                .ok_or_else(|| fail(unknown(name, manifest.settings.keys().map(String::as_str))))?;
            let value = declaration.kind.parse_text(value).map_err(|problem| {
                fail(format!("--set {name} {problem} ({})", declaration.help))
            })?;
            self.settings.insert(name.to_owned(), value);
        }
        for pair in &overrides.secrets {
            let usage = "--secret must be given as slot.field=env:NAME, =file:PATH or =command:PROGRAM ARGUMENTS";
            let (place, source) = pair.split_once('=').ok_or_else(|| fail(usage.to_owned()))?;
            let (slot, field) = place
                .split_once('.')
                .ok_or_else(|| fail(usage.to_owned()))?;
            let (slot, declaration) = manifest
                .slots
                .iter()
                .find(|(name, _)| name.as_str() == slot)
                .ok_or_else(|| fail(unknown(slot, manifest.slots.keys().map(SlotName::as_str))))?;
            let (field, _) = declared_fields(declaration)
                .find(|(known, aliases)| {
                    known.name == field || aliases.iter().any(|alias| alias == field)
                })
                .ok_or_else(|| {
                    let known = declaration.kind.fields().iter().map(|field| field.name);
                    fail(unknown(field, known))
                })?;
            let source = match source.split_once(':') {
                Some(("env", name)) => SecretSource::Env(name.to_owned()),
                Some(("file", path)) => SecretSource::File(
                    // Said on the command line, so seen from where the command runs.
                    std::path::absolute(path).map_err(|error| fail(error.to_string()))?,
                ),
                Some(("command", words)) => SecretSource::Command {
                    words: words.split_whitespace().map(str::to_owned).collect(),
                    directory: Some(
                        std::env::current_dir().map_err(|error| fail(error.to_string()))?,
                    ),
                },
                _ => return Err(fail(usage.to_owned())),
            };
            self.secrets
                .entry(slot.clone())
                .or_default()
                .insert(field.name, source);
        }
        self.network.allow_private_networks |= overrides.allow_private_networks;
        self.network.allow_plain_http |= overrides.allow_plain_http;
        if let Some(file) = &overrides.ca_file {
            self.network.ca_file = Some(file.clone());
        }
        if let Some(proxy) = &overrides.proxy {
            let proxy = parse_proxy(proxy).map_err(|problem| fail(format!("--proxy {problem}")))?;
            self.network.proxy = Some(proxy);
        }
        Ok(())
    }

    /// How fast the API is asked: as the command line says, else as the file does, else as the manifest does.
    fn pace(&self, manifest: &Manifest, overrides: &Overrides) -> Result<Pace, String> {
        let most = u32::try_from(self.limits.in_flight).unwrap_or(u32::MAX);
        let default = manifest.pace;
        let pace = match overrides.policy {
            ConnectionPolicy::Operator => {
                let in_flight = overrides.in_flight.or(self.in_flight);
                let requests_per_hour = overrides.requests_per_hour.or(self.requests_per_hour);
                Pace {
                    in_flight: in_flight.unwrap_or(default.in_flight.min(most)),
                    requests_per_hour: requests_per_hour.unwrap_or(default.requests_per_hour),
                    spread_slots: self.spread_slots.unwrap_or(default.spread_slots),
                }
            }
            ConnectionPolicy::Tenant => self.tenants_pace(manifest, overrides)?,
        };
        if pace.in_flight == 0 || pace.in_flight > most {
            return Err(format!(
                "pace.in_flight is {}, but must be 1 to {most} (limits.in_flight)",
                pace.in_flight
            ));
        }
        Ok(pace)
    }

    /// A tenant's pace only lowers the operator's: the manifest's, or what the command line says in its place.
    fn tenants_pace(&self, manifest: &Manifest, overrides: &Overrides) -> Result<Pace, String> {
        let most = u32::try_from(self.limits.in_flight).unwrap_or(u32::MAX);
        let default = manifest.pace;
        if self.spread_slots == Some(true) && !default.spread_slots {
            return Err("pace.spread_slots is true, but the manifest's is false, and a tenant's connection may only switch it off; remove it".to_owned());
        }
        let any_number = |number: u32| match number {
            0 => u64::MAX,
            number => number.into(),
        };
        Ok(Pace {
            in_flight: narrowed(
                Key::InFlight,
                self.in_flight,
                overrides.in_flight.map(|number| number.min(most)),
                default.in_flight.min(most),
                u64::from,
            )?,
            requests_per_hour: narrowed(
                Key::RequestsPerHour,
                self.requests_per_hour,
                overrides.requests_per_hour,
                default.requests_per_hour,
                any_number,
            )?,
            spread_slots: self.spread_slots.unwrap_or(default.spread_slots),
        })
    }

    /// Whether the number of requests in an hour is fixed, so that the API can't raise it. A tenant who says 0 where any
    /// number is allowed fixes nothing: what the API says of its limits holds.
    fn rate_is_own(&self, overrides: &Overrides) -> bool {
        match overrides.policy {
            ConnectionPolicy::Operator => overrides
                .requests_per_hour
                .or(self.requests_per_hour)
                .is_some(),
            ConnectionPolicy::Tenant => {
                overrides.requests_per_hour.is_some()
                    || self.requests_per_hour.is_some_and(|number| number > 0)
            }
        }
    }

    fn finish(
        mut self,
        manifest: &Manifest,
        directory: &Path,
        place: &str,
        overrides: &Overrides,
    ) -> Result<Connection, ConnectionError> {
        let fail = |problem: String| ConnectionError {
            place: place.to_owned(),
            problem,
        };
        let mut settings = IndexMap::new();
        for (name, declaration) in &manifest.settings {
            let value = self
                .settings
                .swap_remove(name)
                .or_else(|| declaration.default.clone());
            let empty = matches!(&value, Some(SettingValue::Text(text)) if text.is_empty());
            if declaration.required && (value.is_none() || empty) {
                let what = if empty { "is empty" } else { "is missing" };
                return Err(fail(format!(
                    "settings.{name} {what}: give {}",
                    declaration.help
                )));
            }
            if let Some(value) = value {
                settings.insert(name.clone(), value);
            }
        }
        if overrides.policy == ConnectionPolicy::Tenant {
            check_tenants_origin(manifest, &settings, &overrides.tenant_origins).map_err(fail)?;
        }
        let pace = self.pace(manifest, overrides).map_err(fail)?;
        let rate_is_own = self.rate_is_own(overrides);
        let (vault, hints) = open_vault(manifest, self.secrets, directory).map_err(fail)?;
        if overrides.policy == ConnectionPolicy::Tenant {
            check_tenants_tokens(manifest, &vault, &overrides.tenant_token_origins)
                .map_err(fail)?;
        }
        Ok(Connection {
            settings,
            vault,
            network: self.network,
            pace,
            rate_is_own,
            limits: self.limits,
            app: overrides
                .app
                .clone()
                .or(self.app)
                .unwrap_or_else(|| manifest.app.clone()),
            require_pinned: self.require_pinned || overrides.require_pinned,
            hints,
        })
    }
}

/// What a tenant's connection makes of a number that the operator bounds: the command line's cuts it, the manifest's refuses
/// a larger one. `size` says how large a number is.
fn narrowed(
    key: Key,
    tenants: Option<u32>,
    command_lines: Option<u32>,
    manifests: u32,
    size: impl Fn(u32) -> u64,
) -> Result<u32, String> {
    let most = command_lines.unwrap_or(manifests);
    match tenants {
        Some(number) if size(number) <= size(most) => Ok(number),
        Some(number) if command_lines.is_none() => Err(format!(
            "{}.{} is {number}, but a tenant's connection may only lower it from {most}; an operator can raise it with --{}",
            key.table(),
            key.name(),
            key.name().replace('_', "-")
        )),
        _ => Ok(most),
    }
}

/// A tenant chooses among the API origins that are listed, all of them https unless the operator says so.
fn check_tenants_origin(
    manifest: &Manifest,
    settings: &IndexMap<String, SettingValue>,
    more: &[ApiOrigin],
) -> Result<(), String> {
    let name = &manifest.origin_setting;
    let origin = match settings.get(name) {
        Some(SettingValue::Text(text)) => Url::parse(text).ok().as_ref().and_then(ApiOrigin::of),
        _ => None,
    };
    check_listed(origin, &manifest.tenant_origins, more).map_err(|listed| {
        format!(
            "settings.{name} is not one of the API origins that a tenant's connection may name: {listed}; the operator lists them in the manifest under egress.tenant_origins or with --tenant-origin"
        )
    })
}

/// A tenant chooses among the token endpoints at listed origins too: a request with a body of the tenant's making goes there.
fn check_tenants_tokens(
    manifest: &Manifest,
    vault: &Vault,
    more: &[ApiOrigin],
) -> Result<(), String> {
    for (slot, client) in vault.token_clients() {
        let origin = ApiOrigin::of(client.url());
        check_listed(origin, &manifest.tenant_token_origins, more).map_err(|listed| {
            let listed = if listed.is_empty() { "none" } else { &listed };
            format!(
                "credentials.{slot}.token_url is not at one of the origins where a tenant's connection may get tokens: {listed}; the operator lists them in the manifest under egress.tenant_token_origins or with --tenant-token-origin"
            )
        })?;
    }
    Ok(())
}

/// Whether an origin is listed, else the list in words.
fn check_listed(
    origin: Option<ApiOrigin>,
    manifests: &[ApiOrigin],
    operators: &[ApiOrigin],
) -> Result<(), String> {
    let listed = || manifests.iter().chain(operators);
    if origin.is_some_and(|origin| listed().any(|listed| *listed == origin)) {
        return Ok(());
    }
    let listed: Vec<String> = listed().map(ToString::to_string).collect();
    Err(listed.join(", "))
}

fn open_vault(
    manifest: &Manifest,
    mut secrets: IndexMap<SlotName, IndexMap<&'static str, SecretSource>>,
    directory: &Path,
) -> Result<(Vault, Vec<String>), String> {
    let mut credentials = IndexMap::new();
    let mut hints = Vec::new();
    for (slot, declaration) in &manifest.slots {
        let Some(mut fields) = secrets.swap_remove(slot) else {
            continue;
        };
        let scope = fields.swap_remove("scope");
        let mut take = |field: &str| {
            fields.swap_remove(field).ok_or_else(|| {
                format!(
                    "credentials.{slot}.{field} is missing: this credential is {}",
                    declaration.help
                )
            })
        };
        let unusable = |field: &str| {
            let place = format!("credentials.{slot}.{field}");
            move |error: SourceError| format!("{place}: {error}")
        };
        let credential = match declaration.kind {
            SlotKind::Bearer => Credential::Bearer {
                token: take("token")?
                    .secret(directory)
                    .map_err(unusable("token"))?,
            },
            SlotKind::Basic => Credential::Basic {
                username: take("username")?
                    .user_name(directory)
                    .map_err(unusable("username"))?,
                password: take("password")?
                    .secret(directory)
                    .map_err(unusable("password"))?,
            },
            SlotKind::OAuth2 => {
                let mut text = |field: &str| take(field)?.text(directory).map_err(unusable(field));
                let (url, id) = (text("token_url")?, text("client_id")?);
                let secret = take("client_secret")?
                    .secret(directory)
                    .map_err(unusable("client_secret"))?;
                let scope = scope.map(|scope| scope.text(directory)).transpose();
                let scope = scope.map_err(unusable("scope"))?;
                let client = TokenClient::new(&url, id, secret, scope.as_deref());
                Credential::OAuth2(
                    client.map_err(|(field, problem)| {
                        format!("credentials.{slot}.{field} {problem}")
                    })?,
                )
            }
        };
        hints.extend(vault::hints(slot, declaration, &credential));
        credentials.insert(slot.clone(), credential);
    }
    if credentials.is_empty() && !manifest.slots.is_empty() {
        let known: Vec<String> = manifest
            .slots
            .iter()
            .map(|(name, declaration)| format!("[credentials.{name}]: {}", declaration.help))
            .collect();
        return Err(format!(
            "no credential is given; give at least one of {}",
            known.join("; ")
        ));
    }
    Ok((Vault::new(credentials), hints))
}

/// The fields of a slot and other words for them.
fn declared_fields(
    declaration: &SlotDeclaration,
) -> impl Iterator<Item = (&'static SlotField, &[String])> {
    declaration.kind.fields().iter().map(|field| {
        let aliases: &[String] = match field.name {
            "password" => &declaration.password_aliases,
            _ => &[],
        };
        (field, aliases)
    })
}

fn secret_source(value: &toml::Value, allow_inline: bool) -> Result<SecretSource, String> {
    const FORMS: &str =
        "{ env = \"NAME\" }, { file = \"path\" } or { command = [\"program\", \"argument\"] }";
    match value {
        toml::Value::String(text) if allow_inline => {
            Ok(SecretSource::Inline(Zeroizing::new(text.clone())))
        }
        toml::Value::String(_) => Err(format!(
            "is written into the file itself; move it out and write {FORMS}, or allow it with --allow-inline-secrets"
        )),
        toml::Value::Table(table) if table.len() == 1 => match table.iter().next() {
            Some((key, toml::Value::String(name))) if key == "env" => {
                Ok(SecretSource::Env(name.clone()))
            }
            Some((key, toml::Value::String(path))) if key == "file" => {
                Ok(SecretSource::File(path.into()))
            }
            Some((key, toml::Value::Array(words))) if key == "command" && !words.is_empty() => {
                words
                    .iter()
                    .map(|word| word.as_str().map(str::to_owned))
                    .collect::<Option<_>>()
                    .map(|words| SecretSource::Command {
                        words,
                        directory: None,
                    })
                    .ok_or_else(|| {
                        "command must be a list of texts: the program, then its arguments"
                            .to_owned()
                    })
            }
            _ => Err(format!("must be one of {FORMS}")),
        },
        _ => Err(format!("must be one of {FORMS}")),
    }
}

fn parse_proxy(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => Err(
            "must not hold a user name or password; only proxies without them are supported"
                .to_owned(),
        ),
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err("must be the URL of an HTTP proxy, such as http://proxy:3128".to_owned()),
    }
}

/// What is said of a name that nobody knows.
pub(crate) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    format!(
        "{name:?} is not known; known are: {}",
        known.collect::<Vec<_>>().join(", ")
    )
}

fn at(path: &Path, problem: String) -> ConnectionError {
    ConnectionError {
        place: path.display().to_string(),
        problem,
    }
}

/// The names of the keys of a table.
fn keys_of(table: &str) -> Vec<&'static str> {
    let keys = Key::all().filter(|key| key.table() == table);
    keys.map(Key::name).collect()
}

/// A table of the connection file: its keys are taken one by one, and what is left is an error.
struct Table<'a> {
    path: &'a Path,
    prefix: String,
    table: toml::Table,
    policy: ConnectionPolicy,
}

impl<'a> Table<'a> {
    fn error(&self, key: &str, problem: &str) -> ConnectionError {
        // The key may be a stranger's.
        let key = key.escape_debug();
        at(self.path, format!("{}{key} {problem}", self.prefix))
    }

    fn take(&mut self, key: &str) -> Option<toml::Value> {
        self.table.remove(key)
    }

    fn typed<T>(
        &mut self,
        key: &str,
        expected: &str,
        convert: impl Fn(toml::Value) -> Option<T>,
    ) -> Result<Option<T>, ConnectionError> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let found = value.type_str();
        match convert(value) {
            Some(value) => Ok(Some(value)),
            None => Err(self.error(key, &format!("must be {expected}, but is of type {found}"))),
        }
    }

    fn text(&mut self, key: Key) -> Result<Option<String>, ConnectionError> {
        self.known(key, "a text", |value| match value {
            toml::Value::String(text) => Some(text),
            _ => None,
        })
    }

    fn flag(&mut self, key: Key) -> Result<Option<bool>, ConnectionError> {
        self.known(key, "true or false", |value| value.as_bool())
    }

    fn count<N: TryFrom<i64>>(&mut self, key: Key) -> Result<Option<N>, ConnectionError> {
        self.known(key, "a whole number from 0 on", |value| {
            N::try_from(value.as_integer()?).ok()
        })
    }

    /// The value of a key that every connection file knows, where whoever wrote it may say something with it.
    fn known<T>(
        &mut self,
        key: Key,
        expected: &str,
        convert: impl Fn(toml::Value) -> Option<T>,
    ) -> Result<Option<T>, ConnectionError> {
        let is_tenants = self.policy == ConnectionPolicy::Tenant;
        if is_tenants
            && key.tenant() == TenantMay::SayNothing
            && self.table.contains_key(key.name())
        {
            return Err(self.error(
                key.name(),
                "is not a tenant's to say; remove it, the operator has command-line arguments for it",
            ));
        }
        self.typed(key.name(), expected, convert)
    }

    fn optional_table(&mut self, key: &str) -> Result<Option<Table<'a>>, ConnectionError> {
        let prefix = format!("{}{key}.", self.prefix);
        let table =
            self.typed(
                key,
                &format!("a table: [{}{key}]", self.prefix),
                |value| match value {
                    toml::Value::Table(table) => Some(table),
                    _ => None,
                },
            )?;
        Ok(table.map(|table| Table {
            path: self.path,
            prefix,
            table,
            policy: self.policy,
        }))
    }

    fn table(&mut self, key: &str) -> Result<Table<'a>, ConnectionError> {
        let empty = Table {
            path: self.path,
            prefix: format!("{}{key}.", self.prefix),
            table: toml::Table::new(),
            policy: self.policy,
        };
        Ok(self.optional_table(key)?.unwrap_or(empty))
    }

    fn finish(self, known: &[&str]) -> Result<(), ConnectionError> {
        match self.table.keys().next() {
            None => Ok(()),
            Some(key) => Err(at(
                self.path,
                format!(
                    "{}{} is not known; known here are: {}",
                    self.prefix,
                    key.escape_debug(),
                    known.join(", ")
                ),
            )),
        }
    }
}
