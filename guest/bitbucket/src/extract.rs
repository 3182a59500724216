//! A whole extraction.

use crate::dialect::Bitbucket;
use crate::run::Run;
use crate::{Settings, access, family, gaps, groups, members, workspace};
use futures::join;
use portcullis_kit::api::Api;
use portcullis_kit::bindings::portcullis::connector::output::Failure;
use portcullis_kit::client::Client;
use portcullis_kit::coverage::Ledger;
use portcullis_kit::sink::Sink;
use std::cell::RefCell;

/// Reads a workspace and emits it: what it holds, who has access to what, and what could not be read.
///
/// # Errors
/// [`Failure`] where the workspace itself can't be read. Anything else that can't be is told as coverage.
pub async fn extract(api: &dyn Api, sink: &dyn Sink, settings: &Settings) -> Result<(), Failure> {
    let client = Client::new(
        api,
        &Bitbucket,
        sink,
        settings.origin.clone(),
        settings.slots.clone(),
    );
    sink.progress("workspace", 0, None);
    let workspace = workspace::find(&client, settings).await?;
    sink.emit_read(workspace.item(), workspace.read_at);
    let holders = RefCell::default();
    let coverage = RefCell::new(Ledger::new(&family::ALL));
    let run = Run {
        client: &client,
        sink,
        settings,
        workspace: &workspace,
        holders: &holders,
        coverage: &coverage,
    };
    {
        let mut coverage = run.coverage.borrow_mut();
        coverage.served(family::WORKSPACE, workspace.slot);
        if !workspace.misses.is_empty() {
            coverage.note(family::WORKSPACE, client.explain(&workspace.misses));
        }
        if let Some(why) = &workspace.withdrawn {
            coverage.doubt(
                family::WORKSPACE,
                format!("another list had to name it: {why}"),
            );
        }
    }
    join!(members::read(&run), groups::read(&run), access::read(&run));
    run.holders
        .borrow()
        .items(&workspace.slug)
        .into_iter()
        .for_each(|(item, read_at)| sink.emit_read(item, read_at));
    let slot_name = |slot: usize| client.slot_name(slot).to_owned();
    run.coverage
        .borrow()
        .rows(slot_name)
        .into_iter()
        .for_each(|item| sink.emit(item));
    gaps::rows().for_each(|item| sink.emit(item));
    Ok(())
}
