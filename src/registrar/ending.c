/* Bindings that end by themselves: their time is over, or the connection that
 * they are bound to. */
#include <stdlib.h>

#include "registrar/location_priv.h"

/* One that comes from a record never had a connection in this process: it waits
 * for its phone, or for its expiry. */
static bool has_lost_conn(const struct binding *b, const struct ending *e)
{
	return binding_is_by_conn(b) && !conn_ref_is_none(b->flow->conn) &&
	       !transport_is_live(e->location->flows.set, b->flow->conn);
}

static bool has_lost_flow(const struct binding *b, const struct ending *e)
{
	return has_lost_conn(b, e) ||
	       (e->failed != NULL && b->reg_id != 0 && b->flow_only &&
		b->flow != NULL && flow_eq(b->flow, e->failed));
}

static bool is_over(const struct binding *b, const struct ending *e)
{
	return b->expires_ms <= e->now_ms || has_lost_flow(b, e);
}

bool has_ended(const struct bindings *b, const struct ending *e)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (is_over(&b->v[i], e))
			return true;
	return false;
}

static void count_lost(struct ending *e, const struct binding *b)
{
	if (has_lost_flow(b, e))
		atomic_fetch_add_explicit(&e->location->n_lost, 1,
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
		count_lost(e, &now->v[i]);
		if (!is_over(&now->v[i], e))
			alive[n++] = now->v[i];
	}
	*next = n > 0 ? bindings_new(alive, n) : NULL;
	free(alive);
	return n > 0 && *next == NULL ? VD_ENOMEM : 0;
}
