//! How many runs one process holds.

use crate::fake::Fake;
use crate::{BINARY, Table, memory, runtime};
use end_to_end::attack::Attack;
use end_to_end::inside::{self, machine};
use std::time::{Duration, Instant};

pub(crate) fn measure(table: &mut Table) {
    let runtime = runtime();
    let own = || memory("self", "VmRSS").unwrap();
    for runs in [1, 10, 100, 1000] {
        // They have begun, and wait for an hour.
        let machine = machine(BINARY);
        runtime.block_on(Attack::alone("nothing").on(&machine));
        let before = own();
        let began = Instant::now();
        let waiting: Vec<_> = (0..runs)
            .map(|_| {
                let machine = machine.clone();
                runtime.spawn(async move { Attack::alone("sleep").on(&machine).await })
            })
            .collect();
        // As many threads as there are runs: each has one while it is under way.
        while threads() < runs {
            std::thread::sleep(Duration::from_millis(5));
        }
        let started = began.elapsed().as_secs_f64();
        std::thread::sleep(Duration::from_millis(200));
        let each = (own() - before) / runs as f64;
        let what = |of: &str| format!("{runs} idle runs: {of}");
        table.add("density", what("memory for each"), each, "MiB", "under 2");
        table.add(
            "density",
            what("started in a second"),
            runs as f64 / started,
            "/s",
            "",
        );
        runtime.block_on(async {
            for run in waiting {
                run.abort();
                let _ = run.await;
            }
        });
        while threads() > 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let fake = Fake::start(50, Duration::from_millis(100));
    let machine = machine(BINARY);
    runtime.block_on(inside::run(&machine, &fake.connection));
    for runs in [10, 100] {
        let before = own();
        let began = Instant::now();
        let mut connection = fake.connection.clone();
        connection.in_flight = 4;
        let running: Vec<_> = (0..runs)
            .map(|_| {
                let (machine, connection) = (machine.clone(), connection.clone());
                runtime.spawn(async move { inside::run(&machine, &connection).await.code })
            })
            .collect();
        let mut peak = before;
        while running.iter().any(|run| !run.is_finished()) {
            peak = own().max(peak);
            std::thread::sleep(Duration::from_millis(5));
        }
        for run in running {
            assert!(matches!(runtime.block_on(run).unwrap(), 0 | 3));
        }
        let what = |of: &str| format!("{runs} active runs of 50 repositories: {of}");
        table.add(
            "density",
            what("memory for each"),
            (peak - before) / runs as f64,
            "MiB",
            "",
        );
        let seconds = began.elapsed().as_secs_f64();
        table.add(
            "density",
            what("runs a second"),
            runs as f64 / seconds,
            "/s",
            "",
        );
    }
}

/// How many guests are under way.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    tasks
        .filter(|task| {
            let name = std::fs::read_to_string(task.path().join("comm"));
            name.is_ok_and(|name| name.trim() == "connector")
        })
        .count()
}
