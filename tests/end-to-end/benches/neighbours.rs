//! How much a hostile connector slows a good one beside it, in one process: a ratio, and the fair share of the processor
//! that it is held against.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use end_to_end::Case;
use end_to_end::attack::{Attack, well_behaved};
use fake_bitbucket::{Config, Sizes, World};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

/// Runs of each kind; their median counts.
const RUNS: usize = 5;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure());
    runtime.shutdown_background();
}

async fn measure() {
    let sizes = Sizes {
        users: 50,
        groups: 10,
        projects: 10,
        repositories: 300,
    };
    let case = Case::start(World::generate(5, sizes), Config::default()).await;
    let cores = std::thread::available_parallelism().unwrap().get();
    well_behaved(BINARY, &case.connection).await;
    println!("| spinners beside it | good run | ratio | fair share |");
    println!("|---|---|---|---|");
    let mut alone = Duration::ZERO;
    for spinners in [0, 1, 2, 4] {
        let mut times = Vec::new();
        for _ in 0..RUNS {
            times.push(beside(&case, spinners).await);
        }
        times.sort();
        let median = times[RUNS / 2];
        if spinners == 0 {
            alone = median;
        }
        let fair = ((spinners + 1) as f64 / cores as f64).max(1.0);
        println!(
            "| {spinners} | {median:.2?} | {:.2} | {fair:.2} |",
            median.as_secs_f64() / alone.as_secs_f64()
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
