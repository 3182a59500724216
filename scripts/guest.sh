#!/usr/bin/env bash
# Builds connectors, each to target/components/<name>.wasm, which is where their manifests look.
# Usage: scripts/guest.sh NAME...   (NAME is the package portcullis-NAME, under guest/ or tests/)
# With PROFILE=guest-small they are built for size, to <name>-small.wasm: the same source, and other bytes.

. "$(dirname "$0")/wasm.sh"

mkdir -p target/components
profile=${PROFILE:-guest}
for name in "$@"; do
    flags=("${wasm_flags[@]}")
    [ $build_std = no ] || flags+=(-Z build-std=std,panic_abort)
    env "${wasm_env[@]}" CARGO_TARGET_DIR=target/guest \
        cargo build --quiet --locked -p "portcullis-$name" --profile "$profile" "${flags[@]}"
    built=target/guest/wasm32-unknown-unknown/$profile/portcullis_$name.wasm
    component=target/components/$name${profile#guest}.wasm
    cmp -s "$built" "$component" || cp "$built" "$component"
done
