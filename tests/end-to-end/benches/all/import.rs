//! How fast two CSV files are imported, and in how much memory. `IMPORT_RELATIONS` says how many relations there are.

use crate::{BINARY, Table, memory};
use end_to_end::manifest;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// The relations, unless said otherwise.
const RELATIONS: u64 = 1_000_000;

/// Relations of one group.
const EACH: u64 = 100;

const ENTITY_HEADER: &str =
    "App,Name,Entity Type,Source System,Source ID,Source Type,Metadata Version,Metadata";

const RELATION_HEADER: &str = "App,Parent Entity Source ID,Parent Entity Type,Entity Source ID,Entity Type,Source System,Metadata Version,Metadata";

pub(crate) fn measure(table: &mut Table) {
    let relations = std::env::var("IMPORT_RELATIONS")
        .map_or(RELATIONS, |number| number.parse().expect("a number"));
    let directory = tempfile::tempdir().unwrap();
    // As an export has them, and as a file that nobody sorted.
    for (order, step) in [("sorted", 1), ("in any order", 7_368_787)] {
        write(directory.path(), relations, step);
        let began = Instant::now();
        let mut child = Command::new(BINARY)
            .args(["import", "--connector"])
            .arg(manifest())
            .args([
                "--entities",
                "e.csv",
                "--relations",
                "r.csv",
                "--out",
                "out",
            ])
            .current_dir(directory.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let (mut peak, mut used) = (0.0_f64, 0.0_f64);
        let status = loop {
            // Neither can be asked for any more when it has ended.
            let process = child.id().to_string();
            peak = peak.max(memory(&process, "VmHWM").unwrap_or_default());
            used = used.max(processor_seconds(&process).unwrap_or_default());
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        let seconds = began.elapsed().as_secs_f64();
        assert!(status.success());
        table.add(
            "import",
            format!("relations a second, of {relations}, {order}: read, checked, exported"),
            relations as f64 / seconds,
            "/s",
            "at least 300,000",
        );
        table.add(
            "import",
            format!("the same, a second of processor time, {order}"),
            relations as f64 / used,
            "/s",
            "",
        );
        table.add(
            "import",
            format!("the same: peak memory of the process, of {relations}, {order}"),
            peak,
            "MiB",
            "64",
        );
    }
}

/// What a process has used of the processors, from `/proc/PID/stat`: in the system's hundredths of a second.
fn processor_seconds(process: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name, in brackets, may hold anything.
    let (_, rest) = text.rsplit_once(')')?;
    let mut ticks = rest.split_whitespace().skip(11).map(str::parse::<f64>);
    Some((ticks.next()?.ok()? + ticks.next()?.ok()?) / 100.0)
}

/// Writes both files. The step is a prime, so that each relation comes once.
fn write(directory: &Path, relations: u64, step: u64) {
    let file = |name: &str| BufWriter::new(File::create(directory.join(name)).unwrap());
    let holders = relations.div_ceil(EACH);
    let mut entities = file("e.csv");
    writeln!(entities, "{ENTITY_HEADER}").unwrap();
    for n in 0..holders {
        writeln!(
            entities,
            "bitbucket,Group {n},connection,bitbucket,acme/group-{n:08},group,v1,\"{{\"\"slug\"\":\"\"group-{n}\"\"}}\""
        )
        .unwrap();
    }
    for n in 0..EACH {
        writeln!(
            entities,
            "bitbucket,acme/repository-{n},resource,bitbucket,{{00000000-0000-4000-8000-{n:012}}},repository,v1,{{}}"
        )
        .unwrap();
    }
    let mut file = file("r.csv");
    writeln!(file, "{RELATION_HEADER}").unwrap();
    for n in 0..relations {
        let n = n * step % relations;
        let (holder, held) = (n / EACH, n % EACH);
        writeln!(
            file,
            "bitbucket,acme/group-{holder:08},connection,{{00000000-0000-4000-8000-{held:012}}},resource,bitbucket,v1,\"{{\"\"connectionType\"\":\"\"direct\"\",\"\"level\"\":\"\"write\"\",\"\"privilegeName\"\":\"\"write\"\",\"\"privilegeValue\"\":true,\"\"project\"\":\"\"acme\"\"}}\""
        )
        .unwrap();
    }
    entities.flush().unwrap();
    file.flush().unwrap();
}
