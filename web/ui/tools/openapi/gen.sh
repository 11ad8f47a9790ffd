#!/bin/sh
# Writes src/api/schema.d.ts anew from the committed OpenAPI document, whose hash is its last line.
set -eu
cd "$(dirname "$0")"
test -d node_modules || npm ci
types=../../src/api/schema.d.ts
npx openapi-typescript ../../../openapi.json --output "$types" --root-types --root-types-no-schema-prefix
echo "// $(sha256sum < ../../../openapi.json | cut -d' ' -f1)" >> "$types"
