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

const char *stats_name(enum stat i)
{
	return names[i];
}

const char *stats_help(enum stat i)
{
	return helps[i];
}
