#!/usr/bin/env bash
# Builds the same connectors with cargo-component, and fails where a component differs in what it imports or exports.
# Usage: scripts/guest-cargo-component.sh NAME...

. "$(dirname "$0")/wasm.sh"
cargo_program cargo-component 0.21.1

[ $build_std = no ] || wasm_env+=(CARGO_UNSTABLE_BUILD_STD=std,panic_abort)
for name in "$@"; do
    env "${wasm_env[@]}" CARGO_TARGET_DIR=target/guest-cargo-component \
        cargo component build --release --locked -p "portcullis-$name" "${wasm_flags[@]}"
    other=target/guest-cargo-component/wasm32-unknown-unknown/release/portcullis_$name.wasm
    cargo build --quiet --release --locked --workspace --all-targets
    target/release/examples/same_surface "target/components/$name.wasm" "$other"
done
