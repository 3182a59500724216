//! The host's binary, as the tests run it.

use std::process::ExitCode;

fn main() -> ExitCode {
    portcullis::cli::main()
}
