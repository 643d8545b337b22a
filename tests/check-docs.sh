#!/bin/sh
# The documentation must speak of what is there:
#  - every `dir/file.c` and `function()` in docs/architecture.md and HACKING.md,
#  - every relative link,
#  - every YAML block, those of the manual page included, passes `viaductd --check`
#    but for the files that it names (a fragment gets a listener);
#  - the manual page and --help name the same options.
# Run in the build directory.
set -eu

top=${srcdir:-$(dirname "$0")/..}
viaductd=${VIADUCTD:-./viaductd}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

complain() {
	echo "check-docs: $*"
	bad=1
}

# quoted FILE PATTERN: what stands between backquotes and matches as a whole.
quoted() {
	grep -o '`[^`]*`' "$1" | tr -d '`' | grep -xE "$2" | sort -u || true
}

# Lines that begin a definition or a declaration, of functions and macros.
find "$top/src" "$top/include" -name '*.[ch]' -exec cat {} + |
	grep -E '^[a-z#].*\(' >"$tmp/definitions"

check_names() {
	for name in $(quoted "$1" '[a-z0-9_]+(/[a-z0-9_]+)*\.[ch]'); do
		[ -f "$top/src/$name" ] || [ -f "$top/include/viaduct/$name" ] ||
			[ -f "$top/$name" ] || complain "$1: there is no $name"
	done
	for name in $(quoted "$1" '[A-Za-z0-9_]+\(\)'); do
		grep -qE "(^|[ *])${name%??}\(" "$tmp/definitions" ||
			complain "$1: there is no function $name"
	done
}

check_links() {
	dir=$(dirname "$1")
	for link in $(grep -o '](\([^)#:]*\))' "$1" | sed 's/](\(.*\))/\1/'); do
		[ -e "$dir/$link" ] || complain "$1: the link $link leads nowhere"
	done
}

# check_yaml FILE BEGIN END: what stands between such lines.
check_yaml() {
	rm -f "$tmp"/*.yaml
	awk -v to="$tmp" -v begin="$2" -v end="$3" '
		$0 ~ end { if (file) close(file); file = "" }
		file { print > file }
		$0 ~ begin { file = to "/" FNR ".yaml" }
	' "$1"
	for block in "$tmp"/*.yaml; do
		[ -f "$block" ] || continue
		grep -q '^listen:' "$block" ||
			echo 'listen: udp://127.0.0.1' >>"$block"
		"$viaductd" --check -c "$block" >"$tmp/said" 2>&1 && continue
		grep -q ': No such file or directory$' "$tmp/said" &&
			! grep -qv ': No such file or directory$' "$tmp/said" && continue
		cat "$tmp/said"
		complain "$1: a bad YAML block"
	done
}

check_options() {
	"$viaductd" --help | grep -o -e '--[a-z-]*' | sort -u >"$tmp/help"
	grep -o -e '\\-[a-z\-]*' "$1" | sed 's/\\-/-/; s/^/-/' | sort -u >"$tmp/manual"
	diff "$tmp/help" "$tmp/manual" || complain "$1: other options than --help"
}

check_names "$top/docs/architecture.md"
check_names "$top/HACKING.md"
for f in "$top"/*.md "$top"/docs/*.md; do
	check_links "$f"
	check_yaml "$f" '^```yaml$' '^```'
done
check_yaml "$top/docs/man/viaductd.8" '^\\.Bd -literal' '^\\.Ed'
check_options "$top/docs/man/viaductd.8"
exit $bad
