#!/usr/bin/env bash
# Runs every attack of SECURITY.md against target/release/portcullis, or the binary that PORTCULLIS_BIN names, and prints
# PASS or FAIL by attack. Exits with 1 on any FAIL.

. "$(dirname "$0")/toolchain.sh"

exec target/release/examples/attack "${PORTCULLIS_BIN:-target/release/portcullis}"
