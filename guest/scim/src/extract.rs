//! A whole extraction, and a brief one that tells whether it would work.

use crate::dialect::Scim;
use crate::run::Run;
use crate::settings::{Members, Settings};
use crate::users::Purpose;
use crate::{discovery, family, groups, members, rights, source, users};
use portcullis_kit::api::Api;
use portcullis_kit::bindings::portcullis::connector::logging::Severity;
use portcullis_kit::bindings::portcullis::connector::output::{Failure, Finding, Item};
use portcullis_kit::client::{Client, Miss};
use portcullis_kit::reading::{Outcome, Reading};
use portcullis_kit::sink::Sink;

/// Reads a server and emits it: users, groups, who is in them, and what could not be read.
///
/// # Errors
/// [`Failure`] where neither users nor groups can be read. Anything else that can't be is told as coverage.
pub async fn extract(api: &dyn Api, sink: &dyn Sink, settings: &Settings) -> Result<(), Failure> {
    read(api, sink, settings, false).await?;
    Ok(())
}

/// Asks whether the settings and the credentials are good enough: one finding for each family. It reads the
/// first page of each list, and asks for a few groups and users as an extraction would; nothing is emitted.
///
/// # Errors
/// As [`extract`].
pub async fn check(
    api: &dyn Api,
    sink: &dyn Sink,
    settings: &Settings,
) -> Result<Vec<Finding>, Failure> {
    let quiet = Quiet(sink);
    let rows = read(api, &quiet, settings, true).await?;
    let finding = |item| match item {
        Item::Coverage(row) => Some(Finding {
            family: row.family,
            status: row.status,
            slot: row.slot,
            advice: row.reason.unwrap_or_else(|| "can be read".to_owned()),
        }),
        _ => None,
    };
    Ok(rows.into_iter().filter_map(finding).collect())
}

/// Passes on what an operator reads, and no item.
struct Quiet<'a>(&'a dyn Sink);

impl Sink for Quiet<'_> {
    fn emit_read(&self, _item: Item, _read_at: Option<u64>) {}

    fn progress(&self, stage: &str, done: u64, total: Option<u64>) {
        self.0.progress(stage, done, total);
    }

    fn log(&self, severity: Severity, line: &str) {
        self.0.log(severity, line);
    }
}

/// Reads, and returns what was said of each family.
async fn read(
    api: &dyn Api,
    sink: &dyn Sink,
    settings: &Settings,
    brief: bool,
) -> Result<Vec<Item>, Failure> {
    let dialect = Scim::default();
    let client = Client::new(
        api,
        &dialect,
        sink,
        settings.origin.clone(),
        settings.slots.clone(),
    );
    let mut run = Run::new(&client, sink, settings, brief);
    sink.progress("discovery", 0, None);
    run.discovery = discovery::read(&run).await;
    rights::read_declared(&run).await;
    let (users, groups) = if settings.members == Members::User {
        // What users say of groups may need the groups' names.
        let groups = groups::read(&run, false).await;
        (users::read(&run, Purpose::Both).await, groups)
    } else {
        let users = users::read(&run, Purpose::Entities).await;
        run.everyone.borrow_mut().watch();
        let wanted = settings.members == Members::Auto;
        (users, groups::read(&run, wanted).await)
    };
    if users.outcome == Outcome::Unreadable && groups.outcome == Outcome::Unreadable {
        return Err(failure(&run, &users, &groups));
    }
    run.list_was_read(family::USERS, &users);
    if run.is_missing(&groups) {
        let why = client.explain(&groups.misses);
        run.coverage.borrow_mut().unavailable(family::GROUPS, why);
    } else {
        run.list_was_read(family::GROUPS, &groups);
    }
    source::read(&run, &users, &groups).await;
    members::settle(&run);
    rights::settle(&run, &users.outcome).await;
    let slot_name = |slot: usize| client.slot_name(slot).to_owned();
    let rows = run.coverage.borrow().rows(slot_name);
    rows.iter().cloned().for_each(|row| sink.emit(row));
    Ok(rows)
}

fn failure(run: &Run<'_>, users: &Reading, groups: &Reading) -> Failure {
    let server = &run.server;
    let said = format!(
        "users: {}; groups: {}",
        run.client.explain(&users.misses),
        run.client.explain(&groups.misses)
    );
    let misses = || users.misses.iter().chain(&groups.misses);
    let any = |test: fn(&Miss) -> bool| misses().any(|(_, miss)| test(miss));
    if any(|miss| matches!(miss, Miss::HostRefused(_))) {
        return Failure::HostRefused(format!(
            "The host did not let the connector ask {server}. {said}"
        ));
    }
    if any(|miss| matches!(miss, Miss::Unreachable(_))) {
        return Failure::Unreachable(format!("{said}. Check base_url and the network."));
    }
    if any(|miss| matches!(miss, Miss::SlotRefused(_) | Miss::ObjectRefused(_))) {
        return Failure::Unauthorised(format!(
            "{server} refused every credential: {said}. Make a new SCIM key or token where the product's administrators do, \
             with the right to read users and groups; most expire after a year at most."
        ));
    }
    if any(|miss| matches!(miss, Miss::NotFound(_))) {
        return Failure::NotFound(format!(
            "There are no users and no groups at {server}: {said}. base_url must be the address that Users and Groups lie \
             below, with its whole path."
        ));
    }
    Failure::ApiFailure(format!(
        "{server} answered, but not as a SCIM server: {said}. base_url must be the address that Users and Groups lie below, \
         with its whole path."
    ))
}
