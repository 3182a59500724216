//! How well requests in flight hide the API's latency: 500 repositories at 50 ms with 32 in flight, against one
//! request after another. Prints ratios; asserts none.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use end_to_end::{Case, run};
use fake_bitbucket::{Behaviour, Config, Sizes, World};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

#[tokio::main]
async fn main() {
    const LATENCY: Duration = Duration::from_millis(50);
    const IN_FLIGHT: u32 = 32;
    let sizes = Sizes {
        users: 200,
        groups: 20,
        projects: 10,
        repositories: 500,
    };
    let mut times = Vec::new();
    let mut requests = 0;
    for seed in 0..5 {
        let behaviour = Behaviour {
            latency: LATENCY,
            ..Behaviour::default()
        };
        let mut case = Case::start(
            World::generate(seed, sizes),
            Config {
                behaviour,
                ..Config::default()
            },
        )
        .await;
        case.connection.in_flight = IN_FLIGHT;
        let started = Instant::now();
        run(BINARY, &case.connection).await.expect_code(0);
        times.push(started.elapsed());
        requests = case.server.requests().count();
    }
    times.sort();
    let median = times[times.len() / 2].as_secs_f64();
    let sequential = requests as f64 * LATENCY.as_secs_f64();
    let ideal = (requests as f64 / f64::from(IN_FLIGHT)).ceil() * LATENCY.as_secs_f64();
    println!(
        "latency hiding: {requests} requests, {LATENCY:?} each, {IN_FLIGHT} in flight, whole process, median of 5"
    );
    println!(
        "  {:.1} times faster than one request after another (aim: 15)",
        sequential / median
    );
    println!(
        "  {:.2} times the ideal of ceil(requests / in flight) x latency",
        median / ideal
    );
}
