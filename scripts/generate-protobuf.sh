#!/bin/sh
# Makes the Swift code of the protocol buffers anew, which is committed: only a change of a .proto file needs this.
# Needs protoc (Debian: protobuf-compiler); the plug-in is built from the swift-protobuf that Package.swift names.
set -eu
cd "$(dirname "$0")/.."

protos=Sources/RestoreTraining/Reports/Protos
generated=Sources/RestoreTraining/Reports/Generated

if ! command -v protoc >/dev/null 2>&1; then
    echo "No protoc in PATH; on Debian: apt-get install protobuf-compiler" >&2
    exit 1
fi

swift build -c release --product protoc-gen-swift
plugin=$(swift build -c release --show-bin-path)/protoc-gen-swift

mkdir -p "$generated"
protoc --plugin=protoc-gen-swift="$plugin" --proto_path="$protos" \
    --swift_opt=Visibility=Internal --swift_out="$generated" "$protos"/*.proto

# The formatter keeps its hands off what it would only undo.
for file in "$generated"/*.pb.swift; do
    grep -q '^// swift-format-ignore-file' "$file" || sed -i '1i // swift-format-ignore-file' "$file"
done
