#include "viaduct/util/log.h"

#include <stdatomic.h>
#include <time.h>

#include "util/log_priv.h"

_Atomic enum log_level log_max_level = LOG_INFO;
_Atomic enum trace_level trace_max_level = TRACE_OFF;
_Atomic enum log_format log_format_now = LOG_FORMAT_TEXT;

void log_write(enum log_level level, struct str call_id, const char *event,
	       const struct log_kv *kv)
{
	struct log_line l;

	log_line_start(&l, level, event);
	if (call_id.len > 0)
		log_line_str(&l, "call_id", call_id);
	log_line_pairs(&l, kv);
	log_put(level, log_line_end(&l));
}

static uint64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec;
}

static void tell_suppressed(struct log_class *c, const char *event)
{
	uint64_t n = atomic_exchange(&c->n_suppressed, 0);

	if (n > 0)
		log_warning(STR_NONE, "log.suppressed", KV_TEXT("event", event),
			    KV_UINT("count", n));
}

bool log_class_allows(struct log_class *c, const char *event)
{
	uint64_t second = now_s() << 32;
	uint64_t seen = atomic_load(&c->window), next;
	bool is_new;

	do {
		is_new = seen < second;
		if (!is_new && (uint32_t)seen >= c->per_second) {
			atomic_fetch_add(&c->n_suppressed, 1);
			return false;
		}
		next = is_new ? second + 1 : seen + 1;
	} while (!atomic_compare_exchange_weak(&c->window, &seen, next));
	if (is_new)
		tell_suppressed(c, event);
	return true;
}
