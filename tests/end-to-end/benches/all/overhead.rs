//! What the sandbox costs: the same extractor compiled natively, with the same HTTP client, requests in flight and run file.

use crate::fake::Fake;
use crate::{BINARY, RUNS, Table, median, processor_time, runtime};
use end_to_end::Connection;
use end_to_end::inside::{machine, run};
use futures::future::LocalBoxFuture;
use portcullis::collect::{self, Collector, Format, Origin, RunFile, export};
use portcullis_bitbucket::{Settings, extract};
use portcullis_kit::api::{Api, Request, Response, TransportError};
use portcullis_kit::bindings::portcullis::connector::logging::Severity;
use portcullis_kit::bindings::portcullis::connector::output::{self, Item};
use portcullis_kit::sink::Sink;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

pub(crate) fn measure(table: &mut Table) {
    for repositories in [500, 3_000] {
        ratios(table, repositories);
    }
}

fn ratios(table: &mut Table, repositories: usize) {
    let fake = Fake::start(repositories, Duration::ZERO);
    let runtime = runtime();
    let machine = machine(BINARY);
    let mut component = Times::default();
    let mut compiled = Times::default();
    for turn in 0..=RUNS {
        let (one, other) = (
            Times::of(|| {
                let ended = runtime.block_on(run(&machine, &fake.connection));
                assert!(matches!(ended.code, 0 | 3), "{}", ended.stdout);
            }),
            Times::of(|| native(&runtime, &fake.connection)),
        );
        // The first warms both up.
        if turn > 0 {
            component.add(one);
            compiled.add(other);
        }
    }
    let wall = median(component.wall) / median(compiled.wall);
    let processor = median(component.processor) / median(compiled.processor);
    let what = |of: &str| format!("{repositories} repositories: {of}, component / native");
    table.add("overhead", what("wall time"), wall, "x", "at most 1.15");
    table.add("overhead", what("processor time"), processor, "x", "");
}

#[derive(Default)]
struct Times {
    wall: Vec<Duration>,
    processor: Vec<Duration>,
}

impl Times {
    fn of(run: impl FnOnce()) -> (Duration, Duration) {
        let began = (Instant::now(), processor_time());
        run();
        (began.0.elapsed(), processor_time() - began.1)
    }

    fn add(&mut self, (wall, processor): (Duration, Duration)) {
        self.wall.push(wall);
        self.processor.push(processor);
    }
}

/// The extractor without a sandbox.
fn native(runtime: &tokio::runtime::Runtime, connection: &Connection) {
    let directory = tempfile::tempdir().unwrap();
    let file = RunFile::create(&directory.path().join("run.db")).unwrap();
    let redactor = portcullis::vault::Vault::new(Default::default())
        .redactor()
        .clone();
    let collector = Collector::new(file, redactor, Default::default(), Arc::default());
    let api = Native {
        client: reqwest::Client::builder().no_proxy().build().unwrap(),
        origin: connection.api_url.clone(),
        token: connection.token.clone().unwrap(),
        in_flight: Semaphore::new(connection.in_flight as usize),
    };
    let sink = Collected(RefCell::new(collector));
    let mut settings =
        Settings::new(&connection.api_url, "acme").unwrap_or_else(|failure| panic!("{failure:?}"));
    settings.slots = vec!["workspace-token".to_owned()];
    settings.in_flight = connection.in_flight as usize;
    let done = runtime.block_on(extract(&api, &sink, &settings));
    done.unwrap_or_else(|failure| panic!("{failure:?}"));
    let mut file = sink.0.into_inner().into_file().unwrap();
    file.seal().unwrap();
    file.set_missing_apart().unwrap();
    file.containment_circles().unwrap();
    for format in [Format::Csv, Format::Jsonl] {
        export(&file, "bitbucket", format, directory.path()).unwrap();
    }
    file.close().unwrap();
}

struct Native {
    client: reqwest::Client,
    origin: String,
    token: String,
    in_flight: Semaphore,
}

impl Api for Native {
    fn get(&self, request: Request) -> LocalBoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let _place = self.in_flight.acquire().await.unwrap();
            let broken = |error: reqwest::Error| TransportError::Broken(error.to_string());
            let sent = self
                .client
                .get(format!("{}{}", self.origin, request.path))
                .header("accept", "application/json")
                .bearer_auth(&self.token);
            let answer = sent.send().await.map_err(broken)?;
            let status = answer.status().as_u16();
            let headers = answer
                .headers()
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned()))
                .collect();
            let body = answer.bytes().await.map_err(broken)?.to_vec();
            Ok(Response {
                status,
                headers,
                body,
            })
        })
    }

    fn stream<'a>(
        &'a self,
        request: Request,
        piece: &'a mut dyn FnMut(&Response, &[u8]),
    ) -> LocalBoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(async move {
            let mut response = self.get(request).await?;
            if response.status == 200 {
                let body = std::mem::take(&mut response.body);
                piece(&response, &body);
            }
            Ok(response)
        })
    }
}

struct Collected(RefCell<Collector>);

impl Sink for Collected {
    fn emit_read(&self, item: Item, read_at: Option<u64>) {
        self.0
            .borrow_mut()
            .take(of(item), Origin::read_at(read_at))
            .unwrap();
    }

    fn progress(&self, _stage: &str, _done: u64, _total: Option<u64>) {}

    fn log(&self, _severity: Severity, _line: &str) {}
}

/// The connector's item as the host's.
fn of(item: Item) -> collect::Item {
    match item {
        Item::Entity(entity) => collect::Item::Entity(collect::Entity {
            key: key(entity.key),
            source_type: entity.source_type,
            name: entity.name,
            metadata: metadata(entity.metadata),
        }),
        Item::Relation(relation) => collect::Item::Relation(collect::Relation {
            kind: match relation.kind {
                output::RelationKind::Membership => collect::RelationKind::Membership,
                output::RelationKind::Role => collect::RelationKind::Role,
                output::RelationKind::Grant => collect::RelationKind::Grant,
                output::RelationKind::PublicGrant => collect::RelationKind::PublicGrant,
                output::RelationKind::Containment => collect::RelationKind::Containment,
            },
            parent: key(relation.parent),
            child: key(relation.child),
            privilege: relation.privilege,
            level: relation.level.map(|level| match level {
                output::Level::Member => collect::Level::Member,
                output::Level::Read => collect::Level::Read,
                output::Level::Write => collect::Level::Write,
                output::Level::Create => collect::Level::Create,
                output::Level::Admin => collect::Level::Admin,
            }),
            metadata: metadata(relation.metadata),
        }),
        Item::Coverage(coverage) => collect::Item::Coverage(collect::Coverage {
            family: coverage.family,
            scope: coverage.scope,
            status: match coverage.status {
                output::CoverageStatus::Complete => collect::Status::Complete,
                output::CoverageStatus::Partial => collect::Status::Partial,
                output::CoverageStatus::Unreadable => collect::Status::Unreadable,
                output::CoverageStatus::Unavailable => collect::Status::Unavailable,
                output::CoverageStatus::LeftOut => collect::Status::LeftOut,
            },
            reason: coverage.reason,
            slot: coverage.slot,
        }),
        Item::Warning(text) => collect::Item::Warning(text),
    }
}

fn key(key: output::Key) -> collect::Key {
    collect::Key {
        entity_type: match key.entity_type {
            output::EntityType::Identity => collect::EntityType::Identity,
            output::EntityType::Connection => collect::EntityType::Connection,
            output::EntityType::Resource => collect::EntityType::Resource,
        },
        source_id: key.source_id,
    }
}

fn metadata(pairs: Vec<(String, output::Metadatum)>) -> Vec<(String, collect::Metadatum)> {
    let value = |value| match value {
        output::Metadatum::Text(text) => collect::Metadatum::Text(text),
        output::Metadatum::Flag(flag) => collect::Metadatum::Flag(flag),
        output::Metadatum::Integer(number) => collect::Metadatum::Integer(number),
        output::Metadatum::Texts(texts) => collect::Metadatum::Texts(texts),
    };
    pairs
        .into_iter()
        .map(|(key, told)| (key, value(told)))
        .collect()
}
