# Sourced: how a guest is built on this machine. Sets wasm_env, what goes in front of a cargo command, and
# wasm_flags, what goes behind it.
#
# The normal case is a toolchain that has the wasm target. Where that can't be had, Debian's Rust builds the
# standard library from its sources.

. "$(dirname "${BASH_SOURCE[0]}")/toolchain.sh"

wasm_flags=(--target wasm32-unknown-unknown)
wasm_env=()
build_std=no

has_wasm() { [ -d "$sysroot/lib/rustlib/wasm32-unknown-unknown/lib" ]; }

# Asked once: without a network it can take its time to fail.
asked=target/guest/.asked-rustup-for-wasm
if ! has_wasm && command -v rustup >/dev/null && [ ! -e "$asked" ]; then
    timeout 60 rustup --quiet target add wasm32-unknown-unknown >/dev/null 2>&1 </dev/null || true
    mkdir -p target/guest
    : >"$asked"
fi
if ! has_wasm; then
    debian_rust
    build_std=yes
    wasm_env+=(RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1)
fi

# The linker makes a component directly. It ships with rustup's toolchains; Debian has its lower half only.
tools=$sysroot/lib/rustlib/$host_triple/bin
if [ -x "$tools/wasm-component-ld" ]; then
    wasm_env+=("PATH=$tools/gcc-ld:$PATH" "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$tools/wasm-component-ld")
else
    debian lld-19
    cargo_program wasm-component-ld 0.5.27
    wasm_env+=("PATH=/usr/lib/llvm-19/bin:$PATH" "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(command -v wasm-component-ld)")
fi
