/* Bindings that end by themselves: their time is over, or the flow that they
 * are bound to. */
#include <stdlib.h>

#include "registrar/location_priv.h"

/* One that comes from a record never had a connection in this process: it waits
 * for its phone, or for its expiry. */
static bool has_lost_conn(const struct binding *b, const struct ending *e)
{
	return binding_is_by_conn(b) && !conn_ref_is_none(b->flow->conn) &&
	       !transport_is_live(e->location->flows.set, b->flow->conn);
}

bool binding_is_alive(const struct binding *b, uint64_t now_ms)
{
	return b->expires_ms > now_ms && !flow_has_ended(b);
}

static bool is_over(const struct binding *b, const struct ending *e)
{
	return !binding_is_alive(b, e->now_ms) || has_lost_conn(b, e);
}

bool has_ended(const struct bindings *b, const struct ending *e)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (is_over(&b->v[i], e))
			return true;
	return false;
}

/* Once, however often the store refuses. */
static void count_lost(struct ending *e, const struct bindings *b,
		       const struct binding *one)
{
	if (has_lost_conn(one, e))
		atomic_fetch_add_explicit(&e->location->n_lost,
					  flows_end(b, one->flow),
					  memory_order_relaxed);
}

int drop_ended(void *arg, const struct bindings *now, struct bindings **next)
{
	struct ending *e = arg;
	struct binding *alive;
	size_t n = 0;

	if (now == NULL || !has_ended(now, e))
		return VD_ENOENT;
	alive = malloc(now->n * sizeof(*alive));
	if (alive == NULL)
		return VD_ENOMEM;
	for (uint32_t i = 0; i < now->n; i++) {
		count_lost(e, now, &now->v[i]);
		if (!is_over(&now->v[i], e))
			alive[n++] = now->v[i];
	}
	*next = n > 0 ? bindings_new(alive, n) : NULL;
	free(alive);
	return n > 0 && *next == NULL ? VD_ENOMEM : 0;
}
