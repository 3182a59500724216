//! How a test says that it could not run.
//!
//! What a passed test prints is not shown, so each skip is a line of a file too, which `make test` clears, counts and
//! prints.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// Says that the current test is skipped, and why. The caller returns then.
///
/// # Panics
/// Where the line can't be written: a skip that nobody sees would look like a test that passed.
#[expect(clippy::print_stdout, reason = "a skipped test must say so")]
pub fn skipped(why: impl Display) {
    println!("skipped: {why}");
    let test = std::thread::current();
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let line = format!("{}: {why}\n", test.name().unwrap_or("a test"));
    // One write of a line that is short, at the end: tests of several processes may skip at once.
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(target.join("skipped.txt"));
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .expect("a line about a skipped test");
}
