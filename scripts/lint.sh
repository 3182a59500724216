#!/usr/bin/env bash
# Formatting, clippy, rustdoc, and what the dependencies may be. Every warning is an error.

. "$(dirname "$0")/toolchain.sh"

# Part of rustup's toolchain; with Debian's Rust they are packages of their own.
cargo fmt --version >/dev/null 2>&1 || debian rustfmt-web
cargo clippy --version >/dev/null 2>&1 || debian rust-web-clippy
say "cargo fmt"
cargo fmt --all --check
say "cargo clippy"
cargo clippy --quiet --release --workspace --all-targets --locked -- -D warnings
say "cargo doc"
RUSTDOCFLAGS="-D warnings" cargo doc --quiet --release --no-deps --workspace --locked
say "cargo deny"
cargo_program cargo-deny 0.20.2
# Its database of advisories is not asked: where it can't be reached, nothing could be built.
cargo deny --log-level error check licenses bans sources
