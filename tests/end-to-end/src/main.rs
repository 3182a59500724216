//! The host's binary, as the tests run it. Where `PORTCULLIS_BIN` names another binary, it becomes that one: so that the
//! tests attack a binary that was built elsewhere.

use end_to_end::table::{BINARY_VARIABLE, MARK_VARIABLE};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

#[expect(clippy::print_stderr, reason = "the tests' own word")]
fn main() -> ExitCode {
    let Some(binary) = std::env::var_os(BINARY_VARIABLE) else {
        return portcullis::cli::main();
    };
    if let Some(mark) = std::env::var_os(MARK_VARIABLE) {
        // Where there is no mark, the test is shown as one that did not use the binary.
        let _ = std::fs::File::create(mark);
    }
    let error = Command::new(&binary)
        .args(std::env::args_os().skip(1))
        .env_remove(BINARY_VARIABLE)
        .exec();
    eprintln!("{} can't be started: {error}", binary.display());
    ExitCode::FAILURE
}
