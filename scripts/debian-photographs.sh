#!/bin/sh
# Photographs under free licenses that Debian distributes as desktop backgrounds, for training: downloads the packages,
# extracts the photographs (no drawings) and downscales them to half or less, which removes compression artifacts.
#
#   scripts/debian-photographs.sh FOLDER
#
# The license of each is in its package's copyright file, which is kept with them. Needs apt-get, dpkg-deb and Pillow.
set -eu
[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 64; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -q plasma-workspace-wallpapers mate-backgrounds lomiri-wallpapers-16.04 lomiri-wallpapers-20.04
for package in *.deb; do dpkg-deb -x "$package" tree; done
mkdir -p "$folder/copyright"
for file in tree/usr/share/doc/*/copyright; do
    cp "$file" "$folder/copyright/$(basename "$(dirname "$file")").txt"
done
python3 "$here/reduce-photographs.py" tree "$folder"
