#!/usr/bin/env bash
# Runs each fuzz target for FUZZ_SECONDS (60). What it finds is left in tests/fuzz/artifacts, new inputs in target/fuzz.
# Coverage needs flags of an unstable compiler, which RUSTC_BOOTSTRAP gives where there is no nightly. No sanitizer: there
# is next to no unsafe code to sanitise; panics and broken properties are what is looked for.

. "$(dirname "$0")/toolchain.sh"

command -v c++ >/dev/null || debian g++
cargo_program cargo-fuzz 0.13.2
export RUSTC_BOOTSTRAP=1
for corpus in tests/fuzz/corpus/*; do
    target=${corpus##*/}
    say "fuzzing $target"
    mkdir -p "target/fuzz/corpus/$target"
    cargo fuzz run --fuzz-dir tests/fuzz --target-dir target/fuzz --sanitizer none "$target" \
        "target/fuzz/corpus/$target" "$corpus" -- \
        -max_total_time="${FUZZ_SECONDS:-60}" -max_len=4096 -print_final_stats=1
done
