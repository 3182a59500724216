#!/usr/bin/env bash
# Checks the dependencies against the RustSec database of advisories, which is fetched for that.
# Exits with 1 where an advisory concerns one of them, and with 2 where the database can't be fetched.

. "$(dirname "$0")/toolchain.sh"

cargo_program cargo-deny 0.20.2
log=${TMPDIR:-/tmp}/portcullis-advisories.log
say "fetching the database of advisories"
if ! cargo deny --log-level error fetch db >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    say "NOT CHECKED: the database of advisories can't be fetched. Nothing is known about new advisories."
    exit 2
fi
if ! cargo deny --log-level error check --disable-fetch advisories; then
    say "an advisory concerns a dependency; SECURITY.md says how fast it is answered"
    exit 1
fi
say "no advisory concerns a dependency"
