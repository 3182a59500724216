//! Runs every attack of SECURITY.md against a built binary and prints PASS or FAIL by attack. Exits with 1 on any FAIL.
//! Usage: attack BINARY
#![allow(clippy::print_stdout)]

use anyhow::{Context as _, bail, ensure};
use end_to_end::table;
use portcullis::digest::Digest;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [binary] = arguments.as_slice() else {
        bail!("give the binary to attack")
    };
    let began = Instant::now();
    let path = std::fs::canonicalize(binary)
        .with_context(|| format!("{binary} can't be read; run `make build` first"))?;
    let digest = Digest::of(&std::fs::read(&path)?).to_string();
    let version = Command::new(&path).arg("--version").output()?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    println!("Attacking {binary}: {version}, SHA-256 {digest}");
    println!("lib: the test runs the library of this source tree inside itself, not the binary.\n");

    let root = end_to_end::root();
    let compiled = Command::new("cargo")
        .args(["test", "--quiet", "--release", "--locked", "--workspace"])
        .args(["--no-run", "--message-format=json-render-diagnostics"])
        .current_dir(&root)
        .stderr(Stdio::inherit())
        .output()
        .context("cargo can't be started")?;
    ensure!(compiled.status.success(), "the tests don't compile");
    let targets = table::targets(&String::from_utf8_lossy(&compiled.stdout));
    let page = std::fs::read_to_string(root.join("SECURITY.md")).context("SECURITY.md")?;
    let rows = table::rows(&page);
    let summary = table::run(&rows, &targets, &path, &mut std::io::stdout()).await?;

    let seconds = began.elapsed().as_secs();
    println!(
        "\n{} attacks: {} PASS, {} FAIL ({} min {} s)",
        rows.len(),
        summary.passed,
        summary.failed,
        seconds / 60,
        seconds % 60
    );
    let stopped_all = summary.failed == 0 && summary.passed > 0;
    Ok(ExitCode::from(u8::from(!stopped_all)))
}
