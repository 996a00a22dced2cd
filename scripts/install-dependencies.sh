#!/bin/sh
# Installs the Debian packages required to build restore, if any are missing, and lists them. Prints nothing if all are
# installed.
set -eu

say() { printf '%s\n' "$*" >&2; }

if ! command -v swift >/dev/null 2>&1; then
    say "No Swift toolchain: 'swift' is not in PATH. Get version 6.1 or later from https://www.swift.org/install/linux/"
    exit 1
fi

# Each package, and the name by which pkg-config knows its library. Without pkg-config the check is impossible; apt
# skips packages that are already installed.
missing=""
command -v pkg-config >/dev/null 2>&1 || missing=" pkg-config"
for pair in libpng-dev:libpng zlib1g-dev:zlib libjpeg-dev:libjpeg libmd-dev:libmd libyaml-dev:yaml-0.1 liblcms2-dev:lcms2; do
    pkg-config --exists "${pair##*:}" 2>/dev/null || missing="$missing ${pair%%:*}"
done
# Nothing links OpenBLAS, so no development files are needed. The tests, the benchmark's sgemm, RESTORE_GEMM=openblas and
# principal components load it.
PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null | grep -q 'libopenblas\.so\.0' || missing="$missing libopenblas0"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    say "Missing:$missing (names of Debian packages). apt-get is not available: install the development files"
    say "of libpng, zlib, libjpeg(-turbo), libmd, libyaml and Little CMS 2, the library OpenBLAS (for the tests and the"
    say "benchmark), and pkg-config, by other means."
    exit 1
fi

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        say "Missing Debian packages:$missing. Install them as root: apt-get install$missing"
        exit 1
    fi
    as_root="sudo"
fi

say "Installing Debian packages:$missing"
# shellcheck disable=SC2086  # the list is meant to be split
$as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing >&2
