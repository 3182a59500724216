#!/usr/bin/env bash
# Installs the SCIM server of tests/scim2-server into a virtual environment of its own, target/scim2-server, where it is
# missing or another version. Where its packages can't be reached, target/scim2-server/unreachable says so and the tests
# that need it are skipped; any other failure is an error.

. "$(dirname "$0")/toolchain.sh"

wanted=tests/scim2-server/requirements.txt
here=target/scim2-server
cmp -s "$wanted" "$here/installed.txt" && exit 0

log=$PWD/target/scim2-server.log
rm -rf "$here"
mkdir -p "$here"

# Whether the last step failed for want of a network, as pip and apt say it. What answers, but wrongly, is another failure.
unreachable() {
    grep -Eq 'connection broken by .*(NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError)' "$1" ||
        grep -Eq 'Temporary failure resolving|Could not (connect|resolve)|Unable to connect|Network is unreachable' "$1"
}

# Ends this script, in the one way or the other.
failed() {
    if unreachable "$log"; then
        say "$1: the packages can't be reached; the tests that need them are skipped"
        rm -rf "$here"
        mkdir -p "$here"
        echo "$1: the packages can't be reached" >"$here/unreachable"
        exit 0
    fi
    tail -n 20 "$log" >&2
    say "$1 (all of it is in $log)"
    exit 1
}

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    (debian python3-venv) >"$log" 2>&1 || failed "could not install python3-venv"
fi
python3 -m venv "$here/venv" >"$log" 2>&1 || failed "could not make a virtual environment"
"$here/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --retries 2 -r "$wanted" \
    >"$log" 2>&1 </dev/null || failed "could not install scim2-server"
cp "$wanted" "$here/installed.txt"
