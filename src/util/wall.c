#include "viaduct/util/wall.h"

#include <time.h>

static int64_t clock_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t wall_now_s(void)
{
	return (uint64_t)clock_ms(CLOCK_REALTIME) / 1000;
}

int64_t wall_offset_ms(void)
{
	return clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_MONOTONIC);
}
