#!/bin/bash
# Tests the C kernels for ARM: compiles them for AArch64, runs Tests/CKernelsTests in an emulator, and compares the bits of
# every result with those of this processor. Skipped, with a message, where the cross compiler or the emulator is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

packages="gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
skip() {
    echo "test-arm: skipped: $1" >&2
    exit 0
}

command -v clang >/dev/null || skip "clang, which comes with Swift, is not in PATH"
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

# Compiles the tests, and all C that needs no libraries, with these options, into a folder of this name.
compile() {
    local folder=$build/$1
    shift
    mkdir "$folder"
    # The kernels with the options of the Swift package; what they are compared with without any fusion of its own.
    local options=(-O2 -Wall -Wextra -Werror "$@")
    for source in Sources/CKernels/*.c Sources/CProcess/*.c Sources/CCUDA/*.c; do
        clang "${options[@]}" -I"$(dirname "$source")/include" -c "$source" \
            -o "$folder/$(basename "$(dirname "$source")")-$(basename "$source" .c).o"
    done
    for source in Tests/CKernelsTests/*.c; do
        clang "${options[@]}" -ffp-contract=off -ISources/CKernels/include -c "$source" \
            -o "$folder/test-$(basename "$source" .c).o"
    done
    clang "${options[@]}" "$folder"/test-*.o "$folder/CKernels-kernels.o" -lm -o "$folder/kernel-tests"
}

if [ "$(uname -m)" = aarch64 ]; then
    compile native
    "$build/native/kernel-tests" >/dev/null
    exit
fi

emulator=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) || skip "no qemu-aarch64 (packages: $packages)"
command -v aarch64-linux-gnu-gcc >/dev/null || skip "no aarch64-linux-gnu-gcc (packages: $packages)"
compile arm --target=aarch64-linux-gnu -static
"$emulator" "$build/arm/kernel-tests" >"$build/arm/bits"

if grep -qw fma /proc/cpuinfo; then
    compile native -mfma
    "$build/native/kernel-tests" >"$build/native/bits"
    diff "$build/native/bits" "$build/arm/bits" >"$build/differences" || {
        echo "test-arm: results differ from this processor's:" >&2
        head -n 20 "$build/differences" >&2
        exit 1
    }
    echo "test-arm: all $(wc -l <"$build/arm/bits") results have the bits that this processor gives" >&2
else
    echo "test-arm: this processor has no fused multiply-add, so bits are not compared" >&2
fi
