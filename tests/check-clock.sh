#!/bin/sh
# Fails when the code reads the wall clock: timers and expiry must not notice
# that somebody sets it. The log writes the time of day, and util/wall tells it
# to what outlives the process.
#
#   tests/check-clock.sh [TOP]   checks itself, then a tree (default: this one)
set -eu

readers='time|gettimeofday|ftime|timespec_get|evutil_gettimeofday|event_base_gettimeofday_cached'
words='CLOCK_REALTIME|CLOCK_REALTIME_COARSE|CLOCK_TAI|TFD_TIMER_CANCEL_ON_SET|TIME_UTC'

# uses TOP: FILE:LINE:TEXT of each place; comments do not count.
uses() {
	(cd "$1" && find src include -name '*.[ch]' | sort |
		grep -vE '^src/util/(log[a-z_]*|wall)\.[ch]$' |
		xargs -r awk '
			/^[[:space:]]*\*([[:space:]]|$)/ { next }
			{ sub(/\/\*.*/, ""); print FILENAME ":" FNR ":" $0 }' |
		grep -E "(^|[^A-Za-z0-9_.>])(($readers)[[:space:]]*\(|($words)([^A-Za-z0-9_]|\$))")
}

self_test() {
	made_up=$(mktemp -d)
	trap 'rm -rf "$made_up"' EXIT
	mkdir -p "$made_up/src/util" "$made_up/include"
	cat >"$made_up/src/util/good.c" <<-'C'
		/* in order of time (RFC 3261) */
		/*
		 * CLOCK_REALTIME is not for us.
		 */
		clock_gettime(CLOCK_MONOTONIC, &now);
		x = loop_time(l) + set_time (y); /* gettimeofday() would jump */
	C
	echo 'clock_gettime(CLOCK_REALTIME, &now);' >"$made_up/src/util/log_line.c"
	if uses "$made_up"; then
		echo "check-clock: self-test: the above is allowed"
		exit 1
	fi
	cat >"$made_up/src/util/bad.c" <<-'C'
		*now = time(NULL);
		return time (&t);
		gettimeofday(&tv, NULL);
		clock_gettime(CLOCK_REALTIME, &now);
		timerfd_create(CLOCK_REALTIME_COARSE, 0);
	C
	n=$(uses "$made_up" | wc -l)
	[ "$n" -eq 5 ] || {
		echo "check-clock: self-test: found $n of 5"
		exit 1
	}
}

self_test
if uses "${1:-$(dirname "$0")/..}"; then
	echo "check-clock: the wall clock is read outside of the log and util/wall"
	exit 1
fi
echo "check-clock: only the log and util/wall read the wall clock"
