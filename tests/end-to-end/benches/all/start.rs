//! What a start costs.

use crate::fake::Fake;
use crate::{BINARY, Table, runtime, timed};
use end_to_end::inside::{self, machine};
use portcullis::component::ComponentFile;
use portcullis::machine::Machine;
use portcullis::sandbox::Sandbox;
use std::time::Duration;

pub(crate) fn measure(table: &mut Table) {
    let runtime = runtime();
    let file = ComponentFile::read(&end_to_end::component()).unwrap();
    let load = |machine: Machine| {
        runtime
            .block_on(Sandbox::load(&file, &machine))
            .unwrap_or_else(|outcome| panic!("{outcome}"));
    };
    let compile = timed(|| {
        load(Machine {
            cache: None,
            ..machine(BINARY)
        });
    });
    let cached = timed(|| load(machine(BINARY)));
    table.add("start", "compile the component", compile * 1000.0, "ms", "");
    table.add(
        "start",
        "load it from the cache",
        cached * 1000.0,
        "ms",
        "under 10, with the next",
    );
    let fake = Fake::start(1, Duration::ZERO);
    let shared = machine(BINARY);
    runtime.block_on(inside::run(&shared, &fake.connection));
    let small = timed(|| {
        runtime.block_on(inside::run(&shared, &fake.connection));
    });
    table.add(
        "start",
        "a whole run of one repository, component loaded",
        small * 1000.0,
        "ms",
        "",
    );
}
