#!/usr/bin/env bash
# Builds connectors, each to target/components/<name>.wasm, which is where their manifests look.
# Usage: scripts/guest.sh NAME...   (NAME is the package portcullis-NAME, under guest/ or tests/)

. "$(dirname "$0")/wasm.sh"

mkdir -p target/components
for name in "$@"; do
    flags=("${wasm_flags[@]}")
    [ $build_std = no ] || flags+=(-Z build-std=std,panic_abort)
    env "${wasm_env[@]}" CARGO_TARGET_DIR=target/guest \
        cargo build --quiet --locked -p "portcullis-$name" --profile guest "${flags[@]}"
    built=target/guest/wasm32-unknown-unknown/guest/portcullis_$name.wasm
    cmp -s "$built" "target/components/$name.wasm" || cp "$built" "target/components/$name.wasm"
done
