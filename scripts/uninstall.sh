#!/bin/sh
# Removes what install.sh installed: uninstall.sh FOLDER
set -eu
[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 64; }
share=$1/share
rm -f "$1/bin/restore" "$share/bash-completion/completions/restore" "$share/zsh/site-functions/_restore" \
    "$share/fish/vendor_completions.d/restore.fish" "$share/man/man1/restore.1" "$share/man/man1/restore-"*.1 \
    "$share/applications/restore.desktop" "$share/icons/hicolor/scalable/apps/restore.svg" \
    "$share/doc/restore/copyright"
rm -rf "$share/doc/restore/examples"
# Models of other origins stay.
for model in "$(dirname "$0")"/../Models/*/; do
    rm -rf "$share/restore/models/$(basename "$model")"
done
for folder in "$share/restore/models" "$share/restore" "$share/doc/restore"; do
    [ ! -d "$folder" ] || rmdir --ignore-fail-on-non-empty "$folder"
done
