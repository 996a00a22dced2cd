#!/bin/bash
# Fuzzes every target, or those named, TIME seconds each: run.sh TIME [TARGET...]
#
# Coverage-guided (libFuzzer of the toolchain) under AddressSanitizer. Fails if a target does, and prints where the
# failing input is stored; minimize it with `TARGET -minimize_crash=1 -runs=100000 INPUT`, and add it to
# Fixtures/corrupt.
set -u
cd "$(dirname "$0")/.."
seconds=$1
shift
here=$PWD/Fuzz
build=$PWD/.build-fuzz
swift=${SWIFT:-swift}
clang=$(dirname "$(command -v "$swift")")/clang
[ -x "$clang" ] || clang=clang
# Otherwise the runtime would stop at a crash to print a backtrace, and libFuzzer would wait for it.
export SWIFT_BACKTRACE=enable=no
jobs=${JOBS:-2}

# Each target: its name, its language, and its seed files.
targets() {
    cat <<'LIST'
png c Fixtures/images/formats/*.png Fixtures/pngsuite/*.png Fixtures/metadata/*.png Fixtures/corrupt/*.png
jpeg c Fixtures/images/formats/*.jpg Fixtures/jpeg/*.jpg Fixtures/metadata/*.jpg Fixtures/corrupt/*.jpg
picture swift Fixtures/images/formats/*.png Fixtures/images/formats/*.jpg
header swift Fixtures/images/formats/*.png Fixtures/images/formats/*.jpg Fixtures/corrupt/*.png Fixtures/corrupt/*.jpg
metadata-png swift Fixtures/metadata/*.png Fixtures/pngsuite/*.png
metadata-jpeg swift Fixtures/metadata/*.jpg Fixtures/images/formats/*.jpg
exif swift Fuzz/seeds/*.exif Fixtures/corrupt/metadata/*.exif
xmp swift Fuzz/seeds/*.xmp Fixtures/corrupt/metadata/*.xmp
photoshop swift Fuzz/seeds/*.photoshop Fixtures/corrupt/metadata/*.photoshop
profile swift Fixtures/profiles/*.icc Fixtures/metadata/*.icc Fixtures/corrupt/metadata/*.icc
safetensors swift Fuzz/seeds/*.safetensors Fixtures/corrupt/*.safetensors
yaml swift Fuzz/seeds/*.yaml Fixtures/corrupt/*.yaml
dataset swift Fixtures/datasets/* Fixtures/corrupt/datasets/*
LIST
}

mkdir -p "$build"
shopt -s nullglob
for source in "$here"/codecs/*.c; do
    "$clang" -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -ISources/CImageCodecs/include \
        -fuse-ld=lld "$source" Sources/CImageCodecs/*.c $(pkg-config --cflags --libs libpng libjpeg zlib) \
        -o "$build/$(basename "$source" .c)" || exit 1
done
# swiftc honors only the last -sanitize: the two options alone would leave Swift without coverage.
"$swift" build -c release -j "$jobs" --package-path Fuzz --scratch-path "$build/swift" --sanitize=fuzzer \
    --sanitize=address -Xswiftc -sanitize=fuzzer,address >"$build/build.log" 2>&1 || { cat "$build/build.log"; exit 1; }
program=$build/swift/release/restore-fuzz

failures=0
while read -r name kind patterns; do
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
    # Each run starts from the findings of earlier ones.
    corpus=$build/corpus/$name
    mkdir -p "$corpus" "$build/findings"
    for file in $patterns; do
        [ -f "$file" ] && [ "$(stat -c %s "$file")" -le 65536 ] && cp -n "$file" "$corpus/$(basename "$file")" 2>/dev/null
    done
    command=("$build/$name")
    [ "$kind" = swift ] && command=(env RESTORE_FUZZ_TARGET="$name" "$program")
    [ -f "$here/dictionaries/$name.txt" ] && command+=(-dict="$here/dictionaries/$name.txt")
    log=$build/$name.log
    "${command[@]}" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=1024 -max_len=65536 \
        -print_final_stats=1 -artifact_prefix="$build/findings/$name-" "$corpus" >"$log" 2>&1
    code=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
    printf '%-13s %9s executions  %6s edges  %s\n' "$name" "${runs:-?}" "${coverage:-?}" \
        "$([ $code -eq 0 ] && echo clean || echo "FAILED: $log")"
    if [ $code -ne 0 ]; then
        failures=1
        grep -m 3 -E 'ERROR|SUMMARY|Fatal error|Test unit written' "$log"
    fi
done < <(targets)
exit $failures
