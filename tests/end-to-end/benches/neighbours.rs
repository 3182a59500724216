//! How much hostile connectors slow a good one beside them, in one process: a ratio, and the one that would be fair.
//!
//! A good run keeps more than one processor busy where it can: its connector, the network, and here the API too, which is
//! served by the same process. That is measured first. Fair is that every run gets as much of the processors as the others,
//! and what others leave.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use end_to_end::Case;
use end_to_end::attack::Attack;
use end_to_end::inside::well_behaved;
use fake_bitbucket::{Config, Sizes, World};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

/// Runs of each kind; their median counts.
const RUNS: usize = 9;

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
    let mut alone = Duration::ZERO;
    let mut demand = 0.0;
    for spinners in [0, 1, 2, 4] {
        let mut times = Vec::new();
        let before = (Instant::now(), processor_time());
        for _ in 0..RUNS {
            times.push(beside(&case, spinners).await);
        }
        times.sort();
        let median = times[RUNS / 2];
        if spinners == 0 {
            alone = median;
            let busy = (processor_time() - before.1).as_secs_f64();
            demand = busy / before.0.elapsed().as_secs_f64();
            println!("A good run alone keeps {demand:.2} of {cores} processors busy.\n");
            println!("| spinners beside it | good run | ratio | fair ratio |");
            println!("|---|---|---|---|");
        }
        let left = (cores as f64 - spinners as f64).max(cores as f64 / (spinners + 1) as f64);
        println!(
            "| {spinners} | {median:.2?} | {:.2} | {:.2} |",
            median.as_secs_f64() / alone.as_secs_f64(),
            (demand / left).max(1.0)
        );
    }
}

/// What this process has used of the processors so far.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap(),
        time.tv_nsec.try_into().unwrap(),
    )
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
