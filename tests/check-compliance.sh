#!/bin/sh
# Every row of docs/compliance.md names a function that is defined in that file
# and tests that exist, or says why not.
#
#   tests/check-compliance.sh [TOP]        check a tree (default: this one)
#   tests/check-compliance.sh --self-test  check that each mistake is found
set -eu

# defines FILE NAME: a definition of that function or table begins a line.
defines() {
	[ -f "$1" ] && grep -qE "^[a-z}].*[ *]$2(\(|\[)" "$1"
}

# tests FILE NAME: a test function of that name.
tests() {
	case $1 in
	*.py) grep -qE "^def $2\(" "$1" 2>/dev/null ;;
	*.c) grep -qE "\($2[,)]|^static void $2\(|\{ *$2," "$1" 2>/dev/null ;;
	*) false ;;
	esac
}

complain() {
	echo "check-compliance: row $n_rows: $*"
	n_bad=$((n_bad + 1))
}

# names CELL: what stands between backquotes and holds a colon.
names() {
	printf '%s\n' "$1" | grep -o '`[^`]*:[^`]*`' | tr -d '`' || true
}

check_row() {
	where=$(names "$1")
	shown=$(names "$2")
	for name in $where; do
		defines "${name%%:*}" "${name##*:}" || complain "no function $name"
	done
	for name in $shown; do
		tests "${name%%::*}" "${name##*::}" || complain "no test $name"
	done
	case $2 in
	*'**not**: '*) ;;
	*) [ -n "$where" ] && [ -n "$shown" ] ||
		complain "neither function and test nor a reason" ;;
	esac
}

check() {
	cd "$1"
	n_rows=0
	n_bad=0
	while IFS='|' read -r _ clause _ where shown _; do
		case $clause in
		'' | ' clause ' | ---*) continue ;;
		esac
		n_rows=$((n_rows + 1))
		check_row "$where" "$shown"
	done <docs/compliance.md
	[ "$n_rows" -gt 0 ] || complain "there are no rows"
	echo "check-compliance: $n_rows rows, $n_bad mistakes"
	[ "$n_bad" -eq 0 ]
}

# expect TEXT: the check must have said so.
expect() {
	printf '%s\n' "$said" | grep -qF -- "$1" || {
		printf 'check-compliance: self-test: missing "%s" in\n%s\n' "$1" "$said"
		exit 1
	}
}

self_test() {
	tree=$(mktemp -d)
	trap 'rm -rf "$tree"' EXIT
	mkdir "$tree/docs"
	echo 'static bool is_good(int x)' >"$tree/a.c"
	echo 'def test_good(x):' >"$tree/t.py"
	cat >"$tree/docs/compliance.md" <<'ROWS'
| clause | what | where | shown by |
|---|---|---|---|
| 1 | good | `a.c:is_good` | `t.py::test_good` |
| 2 | reason | - | **not**: no need |
ROWS
	said=$(check "$tree") || { echo "check-compliance: self-test: $said"; exit 1; }
	expect "2 rows, 0 mistakes"
	cat >>"$tree/docs/compliance.md" <<'ROWS'
| 3 | bad | `a.c:is_bad` | `t.py::test_good` |
| 4 | bad | `a.c:is_good` | `t.py::test_bad` |
| 5 | bad | `a.c:is_good` | |
| 6 | bad | `b.c:is_good` | `u.py::test_good` |
ROWS
	if said=$(check "$tree"); then
		echo "check-compliance: self-test: mistakes passed"
		exit 1
	fi
	expect "row 3: no function a.c:is_bad"
	expect "row 4: no test t.py::test_bad"
	expect "row 5: neither function and test nor a reason"
	expect "row 6: no function b.c:is_good"
	expect "row 6: no test u.py::test_good"
	echo "check-compliance: self-test passed"
}

case ${1:-} in
--self-test) self_test ;;
*) check "${1:-${srcdir:-$(dirname "$0")/..}}" ;;
esac
