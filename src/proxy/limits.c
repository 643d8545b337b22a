/* The step that keeps the house standing, and the rate of one source. */
#include "proxy/proxy_priv.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "viaduct/util/err.h"
#include "viaduct/util/hash.h"

enum {
	N_SOURCES = 4096,  /* slots; two sources in one slot share it */
	RETRY_AFTER_S = 5, /* what an overloaded proxy asks for */
};

/* By hashed address, the latest second and, in the lower half, the requests in
 * it: bounded by design, and a newcomer can at worst share a slot for one
 * second. */
struct source_limiter {
	_Atomic uint64_t slots[N_SOURCES];
};

int source_limiter_new(struct source_limiter **out)
{
	struct source_limiter *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return VD_ENOMEM;
	*out = l;
	return 0;
}

void source_limiter_free(struct source_limiter *l)
{
	free(l);
}

static uint64_t source_hash(const union addr *a)
{
	if (addr_family(a) == AF_INET6) /* one subscriber: a /64 */
		return hash_bytes(hash_process_key(), &a->in6.sin6_addr, 8);
	return hash_bytes(hash_process_key(), &a->in4.sin_addr, 4);
}

/* The clocks of two workers differ by as much as one is busy: a second that
 * another worker has begun is not begun again. */
bool source_limiter_allows(struct source_limiter *l, const union addr *a,
			   uint32_t per_second, uint64_t now_ms)
{
	_Atomic uint64_t *slot = &l->slots[source_hash(a) % N_SOURCES];
	uint64_t now = now_ms / 1000 << 32;
	uint64_t old = atomic_load_explicit(slot, memory_order_relaxed);
	uint64_t seen;

	do {
		seen = old < now ? now : old;
		if ((uint32_t)seen >= per_second)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(slot, &old, seen + 1,
							memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

static enum step_result refuse(struct request *r, enum stat counter,
			       enum limit limit)
{
	static struct log_class refused = LOG_CLASS(1);
	const char *why = stats_limit_name(limit);
	char extra[32];
	int len;

	stats_add(r->proxy->env.stats, counter, 1);
	stats_limit(r->proxy->env.stats, limit);
	if (log_class_allows(&refused, "limit.reached"))
		log_warning(r->tag.call_id, "limit.reached",
			    KV_TEXT("limit", why),
			    KV_ADDR("source", &r->flow.remote));
	len = snprintf(extra, sizeof(extra), "Retry-After: %d\r\n",
		       RETRY_AFTER_S);
	request_reject(r, 503, STR_NONE, (struct str){extra, (size_t)len}, why);
	return STEP_DONE;
}

/* This worker's share, rounded up. */
static size_t max_transactions(const struct request *r)
{
	unsigned n = r->proxy->env.n_workers;

	return (r->conf->limits.transactions + n - 1) / n;
}

/* An eighth of limits.memory is kept for what is in progress, and for saying
 * 503 to what is new. What is held but not used serves new work, too, except
 * the part that lies in the wrong places: at most a quarter. */
static bool is_memory_short(const struct request *r)
{
	uint64_t most = r->conf->limits.memory / r->proxy->env.n_workers;
	struct mem_usage usage;

	if (most == 0)
		return false;
	mem_usage(r->proxy->env.mem, &usage);
	return usage.held > most - most / 8 &&
	       usage.used > usage.held - usage.held / 4;
}

enum step_result step_limits(struct request *r)
{
	struct proxy *p = r->proxy;
	uint32_t rate = r->conf->limits.requests_per_second_per_source;

	if (p->is_draining)
		return refuse(r, STAT_refused_limit, LIMIT_drain);
	if (txn_n_open(p->txns) >= max_transactions(r))
		return refuse(r, STAT_refused_limit, LIMIT_transactions);
	if (is_memory_short(r))
		return refuse(r, STAT_refused_memory, LIMIT_memory);
	if (rate != 0 && r->caller == CALLER_ANONYMOUS &&
	    !source_limiter_allows(p->env.sources, &r->flow.remote, rate,
				   loop_now_ms(p->env.loop)))
		return refuse(r, STAT_refused_limit, LIMIT_requests_per_second);
	return STEP_NEXT;
}
