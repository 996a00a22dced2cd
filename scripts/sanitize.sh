#!/bin/bash
# Runs the tests under AddressSanitizer and under ThreadSanitizer, C and Swift: sanitize.sh [address|thread [FILTER]]
#
# Built in release mode, because numeric code is too slow without optimization, in separate folders. docs/reliability.md
# says what is excluded and why.
set -u
cd "$(dirname "$0")/.."
swift=${SWIFT:-swift}
jobs=${JOBS:-2}
kinds=${1:-address thread}
filter=${2:-}
# Otherwise the runtime would stop at a crash to print a backtrace.
export SWIFT_BACKTRACE=enable=no
# Swift does not free everything at exit, and libraries keep their allocations; a death test's child crashes on purpose.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:suppressions=$PWD/scripts/address-suppressions.txt
# OpenBLAS and Foundation are not instrumented; Foundation has threads of its own.
export TSAN_OPTIONS=ignore_noninstrumented_modules=1

# The first two need terabytes of address space. ThreadSanitizer cannot start under a file size limit; a time limit of a
# minute includes waiting for a turn; a batch this slow makes no progress between two kills; and testing the quality of
# models under it would take an hour on one thread and reveal nothing.
without_memory='littleMemory|BatchMemoryTests'
declare -A left_out=(
    [address]=$without_memory
    [thread]="$without_memory|filesThatMayNotGrow|refusesPipesDevicesAndSocketsWithoutWaiting|aFileOfManyKeysHasAnEnd\
|aBatchThatIsEndedAgainAndAgain|ShippedModelTests"
)

failures=0
for kind in $kinds; do
    folder=.build-$kind
    log=$folder/tests.log
    mkdir -p "$folder"
    "$swift" build -c release --build-tests -j "$jobs" --scratch-path "$folder" --sanitize="$kind" \
        >"$folder/build.log" 2>&1 || { tail -n 30 "$folder/build.log"; exit 1; }
    code=0
    "$swift" test -c release --skip-build --scratch-path "$folder" --sanitize="$kind" ${filter:+--filter "$filter"} \
        --skip "${left_out[$kind]}" >"$log" 2>&1 || code=$?
    reports=$(grep -cE '^ *(==[0-9]+==)?(ERROR|WARNING): (Address|Thread)Sanitizer' "$log")
    grep -E 'Test run with' "$log" | tail -n 1
    echo "$kind: $reports reports, exit code $code ($log)"
    if [ "$code" -ne 0 ] || [ "$reports" -ne 0 ]; then failures=1; fi
done
exit $failures
