//! What more repositories cost: time for each, and memory that should not grow.

use crate::Table;
use crate::fake::Fake;
use crate::latency::{report, watched};
use end_to_end::Prepared;
use std::time::Duration;

pub(crate) fn measure(table: &mut Table) {
    let mut first = None;
    for repositories in [1_000, 10_000, 100_000] {
        let fake = Fake::start(repositories, Duration::ZERO);
        let prepared = Prepared::new(&fake.connection);
        let peak = watched(&prepared, &["run"]);
        let report = report(&prepared);
        let seconds = report["duration_seconds"].as_f64().unwrap();
        let limits = report["limits"].as_array().unwrap();
        let guest = limits
            .iter()
            .find(|row| row["limit"] == "memory_mib")
            .unwrap();
        let out = std::fs::read_dir(prepared.directory().join("out")).unwrap();
        let bytes: u64 = out
            .flatten()
            .map(|file| file.metadata().unwrap().len())
            .sum();
        let what = |of: &str| format!("{repositories} repositories: {of}");
        let each = seconds * 1000.0 / repositories as f64;
        table.add("growth", what("time for each"), each, "ms", "");
        table.add(
            "growth",
            what("peak memory of the guest"),
            guest["used"].as_f64().unwrap(),
            "MiB",
            "under 64",
        );
        let base = *first.get_or_insert(peak);
        table.add("growth", what("peak memory of the host"), peak, "MiB", "");
        table.add(
            "growth",
            what("growth of the host"),
            peak - base,
            "MiB",
            "under 64",
        );
        table.add(
            "growth",
            what("on disk"),
            bytes as f64 / f64::from(1 << 20),
            "MiB",
            "",
        );
    }
}
