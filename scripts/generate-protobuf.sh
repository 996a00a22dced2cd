#!/bin/sh
# Regenerates the Swift code of the protocol buffers, which is committed: only necessary when a .proto file changes.
# Needs protoc (Debian: protobuf-compiler); the plug-in is built from the version of swift-protobuf in Package.swift.
set -eu
cd "$(dirname "$0")/.."

protos=Sources/RestoreTraining/Reports/Protos
generated=Sources/RestoreTraining/Reports/Generated

if ! command -v protoc >/dev/null 2>&1; then
    echo "protoc is not in PATH; on Debian: apt-get install protobuf-compiler" >&2
    exit 1
fi

swift build -c release --product protoc-gen-swift
plugin=$(swift build -c release --show-bin-path)/protoc-gen-swift

mkdir -p "$generated"
protoc --plugin=protoc-gen-swift="$plugin" --proto_path="$protos" \
    --swift_opt=Visibility=Internal --swift_out="$generated" "$protos"/*.proto

# Keeps the formatter from changing generated code.
for file in "$generated"/*.pb.swift; do
    grep -q '^// swift-format-ignore-file' "$file" || sed -i '1i // swift-format-ignore-file' "$file"
done
