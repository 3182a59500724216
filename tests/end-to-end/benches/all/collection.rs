//! How fast items go from the guest to the run file, and until the run is settled and exported.

use crate::{BINARY, Table, runtime};
use end_to_end::attack::{Attack, Attacked};

/// What the attack `steady items` emits.
const ITEMS: f64 = 1_000_000.0;

pub(crate) fn measure(table: &mut Table) {
    let runtime = runtime();
    let runs: Vec<Attacked> = (0..3)
        .map(|_| {
            let attack = Attack::alone("steady items").limits("cpu_seconds = 600");
            runtime.block_on(attack.csv().inside(BINARY))
        })
        .collect();
    // The thread of the guest does nothing else, and never waits.
    let emitted = median(&runs, |run| ITEMS / run.used("cpu_seconds"));
    let exported = median(&runs, |run| ITEMS / run.used("wall_seconds"));
    let what = |of: &str| format!("items a second: {of}");
    table.add(
        "collection",
        what("from the guest to the run file"),
        emitted,
        "/s",
        "at least 300,000",
    );
    table.add(
        "collection",
        what("settled and exported to CSV too"),
        exported,
        "/s",
        "",
    );
}

fn median(runs: &[Attacked], of: impl Fn(&Attacked) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
