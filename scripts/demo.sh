#!/bin/sh
# Denoises a sample photograph and prints the PSNR before and after: demo.sh PROGRAM OUTPUT-FOLDER
set -eu

program=$1
folder=$2
name=mountains
clean=Fixtures/images/$name.png
noisy=Fixtures/noisy/$name.png

mkdir -p "$folder"
"$program" denoise "$noisy" --output "$folder/$name.png" --sigma 25 --overwrite

measured=$("$program" evaluate denoise --data "$clean" --noisy "$noisy" --sigma 25 | tail -n 1)
after=$(printf '%s\n' "$measured" | sed -n 's/.*pictures\{0,1\}  \([0-9.]*\) dB.*/\1/p')
before=$(printf '%s\n' "$measured" | sed -n 's/.*noisy: \([0-9.]*\) dB.*/\1/p')
printf '\nbefore  %s dB  %s\nafter   %s dB  %s\n' "$before" "$noisy" "$after" "$folder/$name.png"
