#!/bin/sh
# Every row of docs/compliance.md names a function that is defined in that file
# and tests that exist, or says why not.
#
#   tests/check-compliance.sh [TOP]        check a tree (default: this one)
#   tests/check-compliance.sh --self-test  check that each mistake is found
set -eu

# check TOP: a line for each mistake, then a sum. Each file is read once.
check() {
	cd "$1"
	awk -F'|' '
	# All of a file, behind a line feed; empty if there is none.
	function text(file, line) {
		if (file in texts)
			return texts[file]
		while ((getline line <file) > 0)
			texts[file] = texts[file] "\n" line
		close(file)
		return texts[file]
	}

	# A definition of that function or table begins a line.
	function defines(file, name) {
		return text(file) ~ "\n[a-z}][^\n]*[ *]" name "[([]"
	}

	function tests(file, name) {
		if (file ~ /\.py$/)
			return text(file) ~ "\ndef " name "[(]"
		if (file ~ /\.c$/)
			return text(file) ~ "[(]" name "[,)]|\nstatic void " \
				name "[(]|[{] *" name ","
		return 0
	}

	function complain(what) {
		print "check-compliance: row " n_rows ": " what
		n_bad++
	}

	# Splits what stands between backquotes and holds a colon into names[].
	function names_of(cell, n) {
		for (n = 0; match(cell, /`[^`]*:[^`]*`/);
		     cell = substr(cell, RSTART + RLENGTH))
			names[++n] = substr(cell, RSTART + 1, RLENGTH - 2)
		return n
	}

	function check_row(where, shown, i, n_where, n_shown, part) {
		n_where = names_of(where)
		for (i = 1; i <= n_where; i++) {
			split(names[i], part, /:+/)
			if (!defines(part[1], part[2]))
				complain("no function " names[i])
		}
		n_shown = names_of(shown)
		for (i = 1; i <= n_shown; i++) {
			split(names[i], part, /:+/)
			if (!tests(part[1], part[2]))
				complain("no test " names[i])
		}
		if (!index(shown, "**not**: ") && !(n_where && n_shown))
			complain("neither function and test nor a reason")
	}

	/^\|/ && $2 != " clause " && $2 !~ /^---/ {
		n_rows++
		check_row($4, $5)
	}

	END {
		if (n_rows == 0)
			complain("there are no rows")
		printf "check-compliance: %d rows, %d mistakes\n", n_rows, n_bad
		exit n_bad > 0
	}' docs/compliance.md
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
