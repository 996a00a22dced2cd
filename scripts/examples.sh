#!/bin/sh
# Runs the built examples, and compares what they make with what the program makes: examples.sh EXAMPLES PROGRAM
set -eu
[ $# -eq 2 ] || { echo "usage: $0 EXAMPLES PROGRAM" >&2; exit 64; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
model=Models/denoise-color/model.safetensors
noisy=Fixtures/noisy/mountains.png
"$1/denoise-example" "$model" "$noisy" "$work/example.png"
"$2" denoise --quiet --model denoise-color "$noisy" "$work/program.png"
cmp "$work/example.png" "$work/program.png"
echo "examples: passed"
