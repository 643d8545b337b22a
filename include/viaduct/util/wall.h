/*
 * The time of day, for what outlives the process: it may jump, so timers and
 * expiry never follow it.
 */
#ifndef VIADUCT_UTIL_WALL_H
#define VIADUCT_UTIL_WALL_H

#include <stdint.h>

uint64_t wall_now_s(void); /* Unix time */

/* What added to a time of CLOCK_MONOTONIC gives the Unix time, as of now. */
int64_t wall_offset_ms(void);

#endif
