//! How long a journal of 20,000 answers takes to be replayed.

use crate::fake::Fake;
use crate::latency::{report, watched};
use crate::{Table, timed};
use end_to_end::Prepared;
use std::time::Duration;

pub(crate) fn measure(table: &mut Table) {
    let fake = Fake::start(6_700, Duration::ZERO);
    let prepared = Prepared::new(&fake.connection);
    watched(&prepared, &["run", "--journal", "journal"]);
    let answers = report(&prepared)["requests_sent"].as_u64().unwrap();
    let journal = std::fs::metadata(prepared.directory().join("journal"))
        .unwrap()
        .len();
    let live = report(&prepared)["duration_seconds"].as_f64().unwrap();
    drop(fake);
    let took = timed(|| {
        watched(&prepared, &["run", "--replay", "journal"]);
    });
    let what = |of: &str| format!("{answers} answers: {of}");
    table.add("resume", what("replay"), took, "s", "under 20");
    table.add(
        "resume",
        what("replay / the live run over loopback"),
        took / live,
        "x",
        "",
    );
    table.add(
        "resume",
        what("journal"),
        journal as f64 / f64::from(1 << 20),
        "MiB",
        "",
    );
}
