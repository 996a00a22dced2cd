#!/bin/bash
# Runs the packages in fresh systems that have no Swift: test-packages.sh FOLDER-WITH-PACKAGES
#
# The Debian package is installed in Debian 12 by the very lines of the Dockerfile, the archive unpacked in Debian 12 and
# in Ubuntu 22.04, whose C library is the oldest that it supports; Debian 11 must refuse it with a clear message. Needs
# root and debootstrap. ROOTS names a folder with minimal systems (bookworm, jammy, bullseye) made earlier.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 64; }
packages=$(realpath "$1")
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo "needs root, for chroot" >&2; exit 77; }
command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt-get install debootstrap" >&2; exit 69; }

work=$(mktemp -d)
cleanup() {
    for root in "$work"/*/; do
        ! mountpoint -q "${root}proc" || umount "${root}proc"
    done
    rm -rf --one-file-system "$work"
}
trap cleanup EXIT

say() { printf '%s\n' "test-packages: $*"; }

# A minimal system of this name and mirror, in $work/NAME.
system() {
    if [ -n "${ROOTS:-}" ] && [ -d "$ROOTS/$1" ]; then
        cp -a "$ROOTS/$1" "$work/$1"
    else
        say "installing $1"
        debootstrap --variant=minbase ${3:+$3} "$1" "$work/$1" "$2" >"$work/$1.log" || { tail "$work/$1.log"; exit 1; }
    fi
    mkdir -p "$work/$1/photos"
    cp Fixtures/noisy/mountains.png Fixtures/damaged/mountains.jpg Fixtures/damaged/mountains_mask.png "$work/$1/photos/"
    chmod 777 "$work/$1/photos"
    # The program reads its arguments from there.
    mount -t proc proc "$work/$1/proc"
    if chroot "$work/$1" sh -c 'command -v swift' >/dev/null; then say "$1 has Swift"; exit 1; fi
}

# Runs a command in a system as nobody, with an environment that names nothing.
run() {
    local root=$work/$1
    shift
    chroot --userspec=65534:65534 "$root" /usr/bin/env -i -C /photos PATH=/usr/bin:/bin "$@"
}

# Every task, with the models that the program finds by itself; and the same bits as wherever it ran before.
check() {
    local name=$1 program=$2 sum
    run "$name" "$program" --version >/dev/null
    # Not through a pipe that grep closes early.
    grep -q denoise-photo <<<"$(run "$name" "$program" models list)"
    run "$name" "$program" denoise --quiet --overwrite mountains.png denoised.png
    run "$name" "$program" colorize --quiet --overwrite mountains.png colorized.png
    run "$name" "$program" inpaint --quiet --overwrite --mask mountains_mask.png mountains.jpg inpainted.png
    sum=$(cd "$work/$name/photos" && cat denoised.png colorized.png inpainted.png | sha256sum)
    [ "${expected:=$sum}" = "$sum" ] || { say "$name: other pictures than elsewhere"; exit 1; }
    rm "$work/$name/photos/"{denoised,colorized,inpainted}.png
    say "$name: $program passed"
}

debian=http://deb.debian.org/debian
system bookworm $debian

archive=$(ls "$packages"/restore-*-linux.tar.xz)
mkdir -p "$work/bookworm/opt/somewhere else"
tar -xf "$archive" -C "$work/bookworm/opt/somewhere else" --strip-components=1
check bookworm "/opt/somewhere else/bin/restore"
rm -r "$work/bookworm/opt/somewhere else"

# The Dockerfile's lines, as the image's build would run them.
cp "$packages"/restore_*.deb "$work/bookworm/tmp/"
cp /etc/resolv.conf "$work/bookworm/etc/"
sed -n 's/^RUN //p' Dockerfile | while IFS= read -r line; do
    say "bookworm: $line"
    chroot "$work/bookworm" /usr/bin/env DEBIAN_FRONTEND=noninteractive sh -ec "$line" >"$work/line.log" 2>&1 </dev/null ||
        { cat "$work/line.log"; exit 1; }
done
check bookworm restore
run bookworm test -e /usr/share/man/man1/restore-denoise.1.gz -o -e /etc/dpkg/dpkg.cfg.d/docker
chroot "$work/bookworm" dpkg --purge restore >/dev/null
[ ! -e "$work/bookworm/usr/share/restore" ] || { say "purge leaves files"; exit 1; }

system jammy http://archive.ubuntu.com/ubuntu --no-check-gpg
mkdir "$work/jammy/opt/restore"
tar -xf "$archive" -C "$work/jammy/opt/restore" --strip-components=1
check jammy /opt/restore/bin/restore

system bullseye $debian
mkdir "$work/bullseye/opt/restore"
tar -xf "$archive" -C "$work/bullseye/opt/restore" --strip-components=1
if run bullseye /opt/restore/bin/restore --version 2>"$work/message"; then say "bullseye: runs, unexpectedly"; exit 1; fi
grep -q "GLIBC_2.* not found" "$work/message"
say "bullseye: refused as expected: $(head -n 1 "$work/message")"
say "passed"
