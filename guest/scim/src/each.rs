//! Many objects of one family, each by a request of its own, side by side.
//!
//! What comes out does not depend on the order of answers: an object that a credential was refused for is
//! asked for with the next one only when all others are done, in the order of the list.

use crate::run::Run;
use futures::stream::{self, StreamExt};
use portcullis_kit::bindings::portcullis::connector::output::CoverageStatus;
use portcullis_kit::client::Miss;
use portcullis_kit::coverage::row;
use portcullis_kit::lanes::Lanes;

/// So many objects are asked for before it is decided whether to ask for all.
pub(crate) const SAMPLES: usize = 20;

/// What came of an object.
pub(crate) enum Came<T> {
    Read(T),
    /// Nobody may read it: why.
    Unread(Vec<(usize, Miss)>),
    /// No credential was left to ask.
    NotAsked,
}

struct Job {
    place: usize,
    /// The credentials that were asked.
    tried: Vec<usize>,
    misses: Vec<(usize, Miss)>,
}

/// Asks for each of the objects of these ids; what came of each, in their order.
pub(crate) async fn ask_each<T>(
    run: &Run<'_>,
    lanes: &Lanes,
    family: &'static str,
    ids: &[String],
    ask: impl AsyncFn(&str, usize) -> Result<T, Miss>,
) -> Vec<Came<T>> {
    let mut answers: Vec<Came<T>> = ids.iter().map(|_| Came::NotAsked).collect();
    let slots = run.slots();
    let mut jobs: Vec<Job> = (0..ids.len())
        .map(|place| Job {
            place,
            tried: Vec::new(),
            misses: Vec::new(),
        })
        .collect();
    let mut done = 0_u64;
    let all = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    while !jobs.is_empty() {
        let mut later = Vec::new();
        let (ask, slots) = (&ask, &slots);
        let mut running = stream::iter(jobs)
            .map(|mut job| async move {
                let id = ids.get(job.place).map_or("", String::as_str);
                let Some(pass) = lanes.enter(family, &job.tried).await else {
                    return (job, None, false);
                };
                let slot = pass.slots().first().copied().unwrap_or_default();
                let outcome = ask(id, slot).await;
                lanes.settle(family, &pass, slot, outcome.as_ref().map(|_| ()));
                match outcome {
                    Ok(read) => (job, Some(read), false),
                    Err(miss) => {
                        let go_on = miss.another_slot_may_help();
                        job.misses.push((slot, miss));
                        job.tried.push(slot);
                        let again = go_on && job.tried.len() < slots.len();
                        (job, None, again)
                    }
                }
            })
            .buffer_unordered(run.at_once())
            .boxed_local();
        while let Some((job, read, again)) = running.next().await {
            if again {
                later.push(job);
                continue;
            }
            done = done.saturating_add(1);
            if done.is_multiple_of(64) {
                run.sink.progress(family, done, Some(all));
            }
            if let Some(answer) = answers.get_mut(job.place) {
                *answer = match read {
                    Some(read) => Came::Read(read),
                    None if job.misses.is_empty() => Came::NotAsked,
                    None => Came::Unread(job.misses),
                };
            }
        }
        drop(running);
        later.sort_by_key(|job: &Job| job.place);
        jobs = later;
    }
    answers
}

/// Says in the coverage what came of each object, by the names of those that could not be read.
pub(crate) fn say<T>(
    run: &Run<'_>,
    lanes: &Lanes,
    family: &'static str,
    labels: impl Iterator<Item = String>,
    answers: &[Came<T>],
) {
    let mut coverage = run.coverage.borrow_mut();
    let given_up: Vec<String> = run
        .slots()
        .filter_map(|slot| {
            let why = lanes.why_given_up(family, slot)?;
            Some(format!("{}: {why}", run.client.slot_name(slot)))
        })
        .collect();
    for (label, answer) in labels.zip(answers) {
        match answer {
            Came::Read(_) => coverage.object_read(family),
            Came::NotAsked => coverage.object_not_asked(family, given_up.join("; ")),
            Came::Unread(misses) => {
                coverage.object_unread(family);
                run.sink.emit(row(
                    family,
                    Some(&label),
                    CoverageStatus::Unreadable,
                    Some(run.client.explain(misses)),
                    None,
                ));
            }
        }
    }
}
