//! A large directory over SCIM: memory that should not grow, and time against what the latency alone would take.

use crate::Table;
use crate::fake::Fake;
use crate::latency::{report, watched};
use end_to_end::Prepared;
use std::time::Duration;

const GROUPS: usize = 5_000;
const MEMBERS: usize = 200;

pub(crate) fn measure(table: &mut Table) {
    let mut first = None;
    for (users, millis) in [(1_000, 0), (100_000, 0), (100_000, 20), (100_000, 50)] {
        let groups = users * GROUPS / 100_000;
        let fake = Fake::directory(users, groups, MEMBERS, Duration::from_millis(millis));
        let prepared = Prepared::new(&fake.connection);
        let peak = watched(&prepared, &["run"]);
        let report = report(&prepared);
        assert_eq!(report["outcome"], "complete", "{report}");
        let took = report["duration_seconds"].as_f64().unwrap();
        let requests = report["requests_sent"].as_u64().unwrap();
        let limits = report["limits"].as_array().unwrap();
        let guest = limits
            .iter()
            .find(|row| row["limit"] == "memory_mib")
            .unwrap();
        let what = |of: &str| {
            format!(
                "{users} users, {groups} groups of {MEMBERS}, {requests} requests, {millis} ms: {of}"
            )
        };
        table.add("scim", what("time"), took, "s", "");
        if millis > 0 {
            let in_flight = f64::from(fake.connection.in_flight);
            let ideal = (requests as f64 / in_flight).ceil() * millis as f64 / 1000.0;
            table.add("scim", what("time / ideal"), took / ideal, "x", "");
        }
        let used = guest["used"].as_f64().unwrap();
        table.add(
            "scim",
            what("peak memory of the guest"),
            used,
            "MiB",
            "under 64",
        );
        table.add("scim", what("peak memory of the host"), peak, "MiB", "");
        let base = *first.get_or_insert(peak);
        table.add(
            "scim",
            what("growth of the host"),
            peak - base,
            "MiB",
            "under 64",
        );
    }
}
