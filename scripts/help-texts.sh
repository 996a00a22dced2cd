#!/bin/sh
# Writes what every command says with --help to Fixtures/help, with which HelpTests compares: help-texts.sh PROGRAM
set -eu
[ $# -eq 1 ] || { echo "usage: $0 PROGRAM" >&2; exit 64; }
program=$1
folder=$(dirname "$0")/../Fixtures/help
mkdir -p "$folder"
rm -f "$folder"/*.txt

# The command of these words, and those below it.
write() {
    file=$folder/$(echo "${1:-restore}" | tr ' ' '-').txt
    # Without quotes: each word is an argument.
    COLUMNS=80 "$program" $1 --help >"$file"
    for name in $(sed -n '/^SUBCOMMANDS:/,/^$/s/^  \([a-z][a-z-]*\).*/\1/p' "$file"); do
        write "${1:+$1 }$name"
    done
}

write ''
