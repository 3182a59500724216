//! How much hostile connectors slow a good one beside them, in one process: a ratio, and the one that would be fair.
//!
//! A good run keeps more than one processor busy where it can: its connector, the network, and here the API too, which is
//! served by the same process. That is measured first. Fair is that every run gets as much of the processors as the others,
//! and what others leave.

use crate::{BINARY, Table, median, processor_time, runtime};
use end_to_end::Case;
use end_to_end::attack::Attack;
use end_to_end::inside::well_behaved;
use fake_bitbucket::{Config, Sizes, World};
use std::time::{Duration, Instant};

/// Runs of each kind; their median counts.
const RUNS: usize = 9;

pub(crate) fn measure(table: &mut Table) {
    let runtime = runtime();
    runtime.block_on(ratios(table));
    runtime.shutdown_background();
}

async fn ratios(table: &mut Table) {
    let sizes = Sizes {
        users: 50,
        groups: 10,
        projects: 10,
        repositories: 300,
    };
    let case = Case::start(World::generate(5, sizes), Config::default()).await;
    let cores = std::thread::available_parallelism().unwrap().get();
    well_behaved(BINARY, &case.connection).await;
    let mut alone = 0.0;
    let mut demand = 0.0;
    for spinners in [0, 1, 2, 4] {
        let mut times = Vec::new();
        let before = (Instant::now(), processor_time());
        for _ in 0..RUNS {
            times.push(beside(&case, spinners).await);
        }
        let median = median(times);
        if spinners == 0 {
            alone = median;
            let busy = (processor_time() - before.1).as_secs_f64();
            demand = busy / before.0.elapsed().as_secs_f64();
            let what = format!("processors of {cores} that a good run alone keeps busy");
            table.add("neighbours", what, demand, "", "");
            continue;
        }
        let left = (cores as f64 - spinners as f64).max(cores as f64 / (spinners + 1) as f64);
        let what = |of: &str| format!("a good run beside {spinners} that spin: {of}");
        table.add(
            "neighbours",
            what("time / alone"),
            median / alone,
            "x",
            "the next",
        );
        table.add(
            "neighbours",
            what("fair"),
            (demand / left).max(1.0),
            "x",
            "",
        );
    }
}

/// The time of a good run while so many spin.
async fn beside(case: &Case, spinners: usize) -> Duration {
    let hostile: Vec<_> = (0..spinners)
        .map(|_| {
            tokio::spawn(
                Attack::alone("spin")
                    .limits("cpu_seconds = 1000")
                    .inside(BINARY),
            )
        })
        .collect();
    let began = Instant::now();
    well_behaved(BINARY, &case.connection).await;
    let took = began.elapsed();
    for task in hostile {
        task.abort();
        let _ = task.await;
    }
    took
}
