#include "viaduct/util/stats.h"

static const char *const names[STAT_COUNT] = {
#define X(name, help) [STAT_##name] = #name,
	STATS_LIST(X)
#undef X
};

static const char *const helps[STAT_COUNT] = {
#define X(name, help) [STAT_##name] = (help),
	STATS_LIST(X)
#undef X
};

static const char *const limits[LIMIT_COUNT] = {
#define X(name, key) [LIMIT_##name] = (key),
	STATS_LIMITS(X)
#undef X
};

static const char *const gauge_names[GAUGE_COUNT] = {
#define X(name, help) [GAUGE_##name] = #name,
	STATS_GAUGES(X)
#undef X
};

static const char *const gauge_helps[GAUGE_COUNT] = {
#define X(name, help) [GAUGE_##name] = (help),
	STATS_GAUGES(X)
#undef X
};

/* A proxy's own work takes no time; what others take runs from a round trip to
 * a phone that rings until Timer C. */
const uint32_t stats_bounds_ms[STATS_BUCKETS] = {
	5,    10,   25,    50,    100,   250,   500,    1000,
	2500, 5000, 10000, 20000, 32000, 60000, 120000, 185000,
};

/* Bisects; a value that equals a bound belongs to it. */
void stats_observe(struct stats_histogram *h, uint64_t ms)
{
	unsigned low = 0, high = STATS_BUCKETS;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (ms <= stats_bounds_ms[middle])
			high = middle;
		else
			low = middle + 1;
	}
	stats_bump(&h->n[low], 1);
	stats_bump(&h->sum_ms, ms);
}

const char *stats_name(enum stat i)
{
	return names[i];
}

const char *stats_help(enum stat i)
{
	return helps[i];
}

const char *stats_limit_name(enum limit i)
{
	return limits[i];
}

const char *stats_gauge_name(enum gauge i)
{
	return gauge_names[i];
}

const char *stats_gauge_help(enum gauge i)
{
	return gauge_helps[i];
}
