//! What it costs. Ratios within one run, medians of several; a Markdown table on standard output and `target/bench.json`.
//! The words of the command line choose: `cargo bench ... --bench all -- overhead growth`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss
)]

mod collection;
mod density;
mod fake;
mod growth;
mod import;
mod latency;
mod neighbours;
mod overhead;
mod redaction;
mod resume;
mod scim;
mod start;

use serde::Serialize;
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

/// Runs of each kind; their median counts.
const RUNS: usize = 5;

/// One number.
#[derive(Serialize)]
struct Row {
    bench: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
    /// What it should be at most, or at least.
    aim: &'static str,
}

/// One bench.
type Measure = fn(&mut Table);

/// All numbers so far.
#[derive(Default)]
struct Table(Vec<Row>);

impl Table {
    fn add(
        &mut self,
        bench: &'static str,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        aim: &'static str,
    ) {
        let what = what.into();
        println!("| {bench} | {what} | {value:.3} {unit} | {aim} |");
        self.0.push(Row {
            bench,
            what,
            value,
            unit,
            aim,
        });
    }
}

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| word == name);
    let mut table = Table::default();
    println!("| bench | what | value | aim |");
    println!("|---|---|---|---|");
    let benches: [(&str, Measure); 11] = [
        ("overhead", overhead::measure),
        ("latency", latency::measure),
        ("redaction", redaction::measure),
        ("growth", growth::measure),
        ("collection", collection::measure),
        ("import", import::measure),
        ("start", start::measure),
        ("density", density::measure),
        ("resume", resume::measure),
        ("neighbours", neighbours::measure),
        ("scim", scim::measure),
    ];
    for (name, measure) in benches {
        if wanted(name) {
            measure(&mut table);
        }
    }
    let path = end_to_end::root().join("target/bench.json");
    std::fs::write(path, serde_json::to_string_pretty(&table.0).unwrap()).unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().build().unwrap()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

/// The median time of some runs.
fn timed(mut run: impl FnMut()) -> f64 {
    let once = |run: &mut dyn FnMut()| {
        let began = Instant::now();
        run();
        began.elapsed()
    };
    median((0..RUNS).map(|_| once(&mut run)).collect())
}

/// What this process has used of the processors so far.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap(),
        time.tv_nsec.try_into().unwrap(),
    )
}

/// A line of `/proc/PID/status`, in MiB.
fn memory(process: &str, line: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|row| row.strip_prefix(line))?;
    let kib: f64 = line.trim_matches([':', ' ', '\t', 'k', 'B']).parse().ok()?;
    Some(kib / 1024.0)
}
