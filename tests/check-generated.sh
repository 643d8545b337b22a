#!/bin/sh
# What `make docs` writes must be what is in the tree, and etc/viaduct.yaml must
# be a configuration. Run in the build directory.
set -eu

top=${srcdir:-$(dirname "$0")/..}
viaductd=${VIADUCTD:-./viaductd}
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

mkdir "$made/docs" "$made/etc"
"$top/docs/generate" "$viaductd" "$top" "$made"
for f in docs/configuration.md etc/viaduct.yaml etc/viaduct.schema.json; do
	diff -u "$top/$f" "$made/$f" || {
		echo "check-generated: $f is out of date; run \`make docs\`"
		exit 1
	}
done
"$viaductd" --check -c "$top/etc/viaduct.yaml"
