//! How well requests in flight hide the API's latency, from process start to exit with the component cached.

use crate::fake::Fake;
use crate::{BINARY, Table, memory, timed};
use end_to_end::Prepared;
use std::time::Duration;

/// What so many repositories take in requests, as the run's own report says.
pub(crate) fn measure(table: &mut Table) {
    for millis in [0, 20, 50, 200] {
        let fake = Fake::start(500, Duration::from_millis(millis));
        let prepared = Prepared::new(&fake.connection);
        let mut peak = 0.0;
        let mut run = || peak = watched(&prepared, &["run"]).max(peak);
        run();
        let took = timed(run);
        let requests = report(&prepared)["requests_sent"].as_u64().unwrap();
        let latency = millis as f64 / 1000.0;
        let in_flight = f64::from(fake.connection.in_flight);
        let ideal = (requests as f64 / in_flight).ceil() * latency;
        let what = |of: &str| {
            format!("500 repositories, {requests} requests, 32 in flight, {millis} ms: {of}")
        };
        if millis == 0 {
            table.add("latency", what("time"), took, "s", "");
            continue;
        }
        let aim = if millis == 50 {
            "at most 1.3"
        } else {
            "at most 1.2 to 1.3"
        };
        table.add("latency", what("time / ideal"), took / ideal, "x", aim);
        let sequential = requests as f64 * latency;
        table.add(
            "latency",
            what("one after another / time"),
            sequential / took,
            "x",
            "at least 15",
        );
        table.add(
            "latency",
            what("peak memory of the process"),
            peak,
            "MiB",
            "under 64",
        );
    }
}

/// Runs the binary and watches its peak memory, in MiB, every few milliseconds.
pub(crate) fn watched(prepared: &Prepared, words: &[&str]) -> f64 {
    let process = prepared.process(BINARY, words[0], &words[1..]);
    let mut child = process.into_std();
    child
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut child = child.spawn().unwrap();
    let mut peak = 0.0;
    loop {
        if let Some(now) = memory(&child.id().to_string(), "VmHWM") {
            peak = now;
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(matches!(status.code(), Some(0 | 3)), "{status}");
            return peak;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn report(prepared: &Prepared) -> serde_json::Value {
    let text = std::fs::read(prepared.directory().join("out/run.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}
