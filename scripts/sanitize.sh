#!/bin/bash
# The tests under AddressSanitizer and under ThreadSanitizer, C and Swift: sanitize.sh [address|thread [FILTER]]
#
# Built in release, as numeric code is too slow without optimization, in folders of their own. docs/reliability.md says what
# is left out and why.
set -u
cd "$(dirname "$0")/.."
swift=${SWIFT:-swift}
jobs=${JOBS:-2}
kinds=${1:-address thread}
filter=${2:-}
# The runtime would stop at a crash to print it.
export SWIFT_BACKTRACE=enable=no
# Swift frees nothing at the end, and libraries keep what they have; a death test's child dies on purpose.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:suppressions=$PWD/scripts/address-suppressions.txt
# OpenBLAS and Foundation are not instrumented, and have threads of their own.
export TSAN_OPTIONS=ignore_noninstrumented_modules=1

# Both need terabytes of addresses. ThreadSanitizer's own start fails where no file may grow; a limit of a minute counts how
# long a test waits for its turn; a batch so slow comes nowhere between two kills; and of the quality of models it learns nothing, in
# an hour of one thread.
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
