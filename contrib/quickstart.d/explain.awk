# Prints the trace lines of a proxy's log for people: what came in, what was
# decided and why, what went out.

# The value of key=value or key="value" in the line, escapes as they stand.
function value(key,    rest, end)
{
	if (!match($0, "[ ]" key "="))
		return ""
	rest = substr($0, RSTART + RLENGTH)
	if (substr(rest, 1, 1) != "\"") {
		sub(/ .*/, "", rest)
		return rest
	}
	match(rest, /^"([^"\\]|\\.)*"/)
	return substr(rest, 2, RLENGTH - 2)
}

$3 == "trace" {
	dir = value("dir")
	line = value("message")
	sub(/\\r.*|\\n.*/, "", line)
	if (dir == "in")
		printf "\n  from %-22s %s\n", value("peer"), line
	else if (dir == "out")
		printf "    to %-22s %s\n", value("peer"), line
	else
		printf "       %-22s %s\n", value("step"), value("why")
}
