#!/bin/sh
# Reads the #include lines of src/ and include/viaduct/ and fails when
#  - a directory includes one that is not on a row above its own,
#  - a library's header is included outside of the directory that owns it,
#  - a header under src/ is included from another directory than its own.
#
#   tests/check-layers.sh [TOP]        check a tree (default: this one)
#   tests/check-layers.sh --self-test  check that each rule finds a violation
set -eu

check() {
	cd "$1"
	find src include/viaduct -name '*.[ch]' 2>/dev/null | sort |
		xargs -r grep -nE '^[[:space:]]*#[[:space:]]*include' /dev/null |
		awk -f "$rules"
}

rules=$(mktemp)
trap 'rm -rf "$rules" "${made_up:-}"' EXIT
cat >"$rules" <<'AWK'
BEGIN {
	FS = ":"
	# The rows, lowest first. Directories of one row do not know each other.
	n = split("util conf loop sip transport resolver store txn proxy " \
		  "auth,registrar,routing trace admin daemon ctl", rows, " ")
	for (i = 1; i <= n; i++) {
		m = split(rows[i], names, ",")
		for (j = 1; j <= m; j++)
			row[names[j]] = i
	}
	# Who alone may touch a library, by a pattern of its headers.
	# admin has evhttp on the loop's base, which loop_event_base() lends it.
	owner["^event2/http"] = "admin"
	owner["^(event\\.h|event2/(event|buffer|util|thread|listener))"] = "loop admin"
	owner["^ares"] = "resolver"
	owner["^openssl/ssl\\.h"] = "transport"
	owner["^wslay/"] = "transport"
	owner["^yaml\\.h"] = "conf"
	owner["^sqlite3"] = "store"
	owner["^wslay/"] = "transport"
	owner["^hiredis/"] = "store"
	owner["^pcre2"] = "routing"
	owner["^jansson"] = "admin ctl"
	owner["^(syslog|malloc)\\.h"] = "util"
	# sip is pure: no sockets, no clock, no logging.
	banned["sip"] = "^(sys/socket\\.h|time\\.h|sys/time\\.h|viaduct/util/log\\.h)"
}

function fail(why)
{
	printf "%s:%d: %s\n", file, line, why
	bad++
}

{
	file = $1
	line = $2
	text = $3
	if (!match(text, /[<"][^>"]+[>"]/))
		next
	header = substr(text, RSTART + 1, RLENGTH - 2)
	here = file
	sub(/^(src|include\/viaduct)\//, "", here)
	sub(/\/.*/, "", here)
	seen++

	public = header
	is_public = sub(/^viaduct\//, "", public)
	there = public
	sub(/\/.*/, "", there)

	if (!(here in row))
		fail("directory " here " has no row in this script")
	else if (is_public && !(there in row))
		fail("directory " there " has no row in this script")
	else if (there in row && public ~ /\// && there != here) {
		if (row[there] >= row[here])
			fail(here " includes " there ", which is not on a row above it")
		if (!is_public)
			fail(header " is private to src/" there)
	}
	if (file ~ /^include\// && header ~ /_priv\.h$/)
		fail("a public header includes the private " header)
	for (pattern in owner)
		if (header ~ pattern && !(" " owner[pattern] " " ~ " " here " "))
			fail(header " belongs to " owner[pattern] " alone")
	if (here in banned && header ~ banned[here])
		fail(here " is pure and must not include " header)
}

END {
	printf "check-layers: %d includes, %d violations\n", seen, bad
	exit bad > 0
}
AWK

# put FILE LINE...: one file of the made-up tree.
put() {
	mkdir -p "$made_up/$(dirname "$1")"
	file=$made_up/$1
	shift
	printf '%s\n' "$@" >"$file"
}

# expect TEXT: the check must have said so.
expect() {
	printf '%s\n' "$said" | grep -qF -- "$1" || {
		printf 'check-layers: self-test: missing "%s" in\n%s\n' "$1" "$said"
		exit 1
	}
}

self_test() {
	made_up=$(mktemp -d)
	put src/txn/txn.c '#include "viaduct/txn/txn.h"' '#include "txn/txn_priv.h"' \
		'#include "viaduct/util/str.h"' '#include <stdio.h>'
	put src/loop/loop.c '#include <event2/event.h>' '#include "loop_priv.h"'
	said=$(check "$made_up") || { echo "check-layers: self-test: $said"; exit 1; }
	expect "6 includes, 0 violations"

	put src/txn/txn.c '' '#include "viaduct/proxy/proxy.h"'
	put src/auth/auth.c '#include "viaduct/routing/routing.h"'
	put src/sip/uri.c '#include <event2/event.h>' '#include "viaduct/util/log.h"'
	put src/daemon/main.c '#include <yaml.h>' '#include "sip/sip_priv.h"'
	put include/viaduct/sip/uri.h '  # include "sip_priv.h"'
	put src/novel/novel.c '#include "viaduct/util/str.h"'
	if said=$(check "$made_up"); then
		echo "check-layers: self-test: violations passed"
		exit 1
	fi
	expect "src/txn/txn.c:2: txn includes proxy, which is not on a row above it"
	expect "src/auth/auth.c:1: auth includes routing, which is not on a row above"
	expect "src/sip/uri.c:1: event2/event.h belongs to loop admin alone"
	expect "src/sip/uri.c:2: sip is pure and must not include viaduct/util/log.h"
	expect "src/daemon/main.c:1: yaml.h belongs to conf alone"
	expect "src/daemon/main.c:2: sip/sip_priv.h is private to src/sip"
	expect "include/viaduct/sip/uri.h:1: a public header includes the private"
	expect "src/novel/novel.c:1: directory novel has no row in this script"
	expect " 8 violations"
	echo "check-layers: self-test passed"
}

case ${1:-} in
--self-test) self_test ;;
*) check "${1:-$(dirname "$0")/..}" ;;
esac
