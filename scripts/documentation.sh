#!/bin/sh
# Writes the documentation of the public modules as a web site, and fails if a page names what does not exist:
# documentation.sh BUILD FOLDER, where BUILD holds a build of the modules (.build/release).
set -eu
[ $# -eq 2 ] || { echo "usage: $0 BUILD FOLDER" >&2; exit 64; }
build=$1
folder=$2
cd "$(dirname "$0")/.."
target=$(swift -print-target-info | sed -n 's/.*"unversionedTriple": "\(.*\)".*/\1/p')
for module in RestoreConcurrency RestoreImage RestoreNN RestoreModels RestoreTraining; do
    graphs=$folder/$module.graphs
    rm -rf "$graphs"
    mkdir -p "$graphs"
    includes=""
    for map in "$build"/*.build/module.modulemap Sources/C*/module.modulemap Sources/C*/include; do
        case $map in
        *.modulemap) [ ! -e "$map" ] || includes="$includes -Xcc -fmodule-map-file=$map" ;;
        *) [ ! -d "$map" ] || includes="$includes -I $map" ;;
        esac
    done
    # shellcheck disable=SC2086  # the list is meant to be split
    swift-symbolgraph-extract -module-name "$module" -target "$target" -I "$build/Modules" $includes \
        -minimum-access-level public -output-dir "$graphs"
    docc convert "Sources/$module/$module.docc" --additional-symbol-graph-dir "$graphs" \
        --fallback-display-name "$module" --fallback-bundle-identifier "$module" --analyze \
        --output-path "$folder/$module.doccarchive" >"$folder/$module.log" 2>&1 || { cat "$folder/$module.log"; exit 1; }
    # Doc comments may name internal symbols; the pages may not name what is missing.
    if grep -A1 -E "^(warning|error):" "$folder/$module.log" | grep -q -- "--> $module.md"; then
        grep -B1 -- "--> $module.md" "$folder/$module.log"
        exit 1
    fi
    echo "$folder/$module.doccarchive"
done
