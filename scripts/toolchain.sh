# Sourced by the other scripts: finds a Rust toolchain and installs what is missing, quietly.
# Any rustup toolchain of 1.95 or later will do; a Debian without one gets Debian's own.

set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '== %s\n' "$*" >&2; }

# Installs Debian packages that are missing. Prints nothing unless it has to do something.
debian() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    say "installing ${missing[*]}"
    command -v apt-get >/dev/null || { say "this is no Debian: install the like of ${missing[*]} and try again"; return 1; }
    local root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo)
    local log=${TMPDIR:-/tmp}/portcullis-apt.log
    { "${root[@]}" apt-get update -q &&
        DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"; } \
        >"$log" 2>&1 </dev/null || { tail -n 20 "$log" >&2; say "could not install ${missing[*]}"; return 1; }
}

# Debian's own Rust with the sources of its library, which a guest can be built from.
debian_rust() { debian rustc-web cargo-web rust-web-src; }

[ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ] && PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
command -v cc >/dev/null || debian gcc libc6-dev
[ -e /etc/ssl/certs/ca-certificates.crt ] || debian ca-certificates
command -v cargo >/dev/null || debian_rust
PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
export PATH

host_triple=$(rustc -vV | sed -n 's/^host: //p')
sysroot=$(rustc --print sysroot)

# Installs a program from crates.io where it is missing: name, version.
cargo_program() {
    command -v "$1" >/dev/null && return 0
    say "installing $1 $2 (some minutes)"
    local log=${TMPDIR:-/tmp}/portcullis-$1.log
    cargo install --quiet --locked "$1" --version "$2" >"$log" 2>&1 ||
        { tail -n 20 "$log" >&2; say "could not install $1"; return 1; }
}
