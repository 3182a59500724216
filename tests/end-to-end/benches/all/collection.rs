//! How fast items go from the guest to the run file, and on to CSV.

use crate::{BINARY, Table, runtime};
use end_to_end::attack::Attack;

/// What the attack `steady items` emits.
const ITEMS: f64 = 1_000_000.0;

pub(crate) fn measure(table: &mut Table) {
    let runtime = runtime();
    for (what, csv) in [
        ("to the run file", false),
        ("to the run file and CSV", true),
    ] {
        let rates: Vec<f64> = (0..3)
            .map(|_| {
                let attack = Attack::alone("steady items").limits("cpu_seconds = 600");
                let attack = if csv { attack.csv() } else { attack };
                let attacked = runtime.block_on(attack.inside(BINARY));
                ITEMS / attacked.json()["duration_seconds"].as_f64().unwrap()
            })
            .collect();
        let mut rates = rates;
        rates.sort_by(f64::total_cmp);
        table.add(
            "collection",
            format!("items a second {what}"),
            rates[1],
            "/s",
            "at least 300,000",
        );
    }
}
