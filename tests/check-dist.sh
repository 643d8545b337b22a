#!/bin/sh
# Each file that git knows is named in Makefile.am or a module.mk, or the program
# of that name is, or a directory above it: else a release would lack it.
set -eu

cd "${srcdir:-$(dirname "$0")/..}"
[ -e .git ] || exit 0 # a release: nothing to compare with

git ls-files | awk '
	FILENAME != "-" {
		gsub(/[^A-Za-z0-9_.\/-]+/, " ")
		for (i = 1; i <= NF; i++)
			is_named[$i] = 1
		next
	}
	/^(\.gitignore|Makefile\.am|configure\.ac)$/ { next } # automake knows
	{
		path = program = $0
		sub(/\.c$/, "", program)
		if (program in is_named)
			next
		while (!(path in is_named) && path ~ /\/.*\//)
			sub(/\/[^\/]*$/, "", path)
		if (path in is_named)
			next
		print "check-dist: " $0 " is named in no module.mk"
		n_bad++
	}
	END { exit n_bad > 0 }
' Makefile.am */module.mk */*/module.mk -
