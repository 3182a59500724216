//! A large directory over SCIM: memory that should not grow, and time against what the latency alone would take.

use crate::Table;
use crate::fake::Fake;
use crate::latency::{report, watched};
use end_to_end::Prepared;
use std::time::Duration;

const GROUPS: usize = 5_000;
const MEMBERS: usize = 200;

pub(crate) fn measure(table: &mut Table) {
    let (mut first, mut without_latency) = (None, 0.0);
    for (users, millis) in [(1_000, 0), (100_000, 0), (100_000, 20), (100_000, 50)] {
        let groups = users * GROUPS / 100_000;
        let fake = Fake::directory(users, groups, MEMBERS, Duration::from_millis(millis));
        let prepared = Prepared::new(&fake.connection);
        let peak = watched(&prepared, &["run"]);
        let report = report(&prepared);
        assert_eq!(report["exit_code"], 0, "{report}");
        let took = report["duration_seconds"].as_f64().unwrap();
        let requests = report["requests_sent"].as_u64().unwrap();
        let limits = report["limits"].as_array().unwrap();
        let used = |limit: &str| {
            let row = limits.iter().find(|row| row["limit"] == limit).unwrap();
            row["used"].as_f64().unwrap()
        };
        let what = |of: &str| {
            format!(
                "{users} users, {groups} groups of {MEMBERS}, {requests} requests, {millis} ms: {of}"
            )
        };
        let mut add =
            |of: &str, value: f64, unit, aim| table.add("scim", what(of), value, unit, aim);
        add("time", took, "s", "");
        add(
            "of it in the guest's processor",
            used("cpu_seconds"),
            "s",
            "",
        );
        add("emitted", used("items") / took, "items/s", "");
        if millis > 0 {
            let in_flight = f64::from(fake.connection.in_flight);
            let ideal = (requests as f64 / in_flight).ceil() * millis as f64 / 1000.0;
            add("time / ideal", took / ideal, "x", "");
            // Of so many members most of the time is work, on this machine and in the fake.
            add(
                "time beyond that without latency / ideal",
                (took - without_latency) / ideal,
                "x",
                "",
            );
        } else {
            without_latency = took;
        }
        add(
            "peak memory of the guest",
            used("memory_mib"),
            "MiB",
            "under 64",
        );
        add("peak memory of the host", peak, "MiB", "");
        let base = *first.get_or_insert(peak);
        add("growth of the host", peak - base, "MiB", "under 64");
    }
}
