#!/usr/bin/env bash
# Runs all tests, and says at the end which could not run, and why.
# Usage: scripts/test.sh CARGO-ARGUMENT...

. "$(dirname "$0")/toolchain.sh"

scripts/scim2-server.sh
skipped=target/skipped.txt
rm -f "$skipped"
outcome=0
cargo test "$@" --no-fail-fast || outcome=$?
touch "$skipped"
echo "skipped: $(wc -l <"$skipped")"
sort "$skipped" | sed 's/^/  /'
exit $outcome
