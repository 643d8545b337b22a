/*
 * Which connections the committed bindings are bound to. Each such binding
 * holds its connection, and stands in the list of a bucket, from where it is
 * found when the connection ends.
 *
 * The lock of a bucket's group is taken while that of an address' shard is
 * held, never the other way round.
 */
#include <stdlib.h>

#include "registrar/location_priv.h"

static struct list *bucket_of(struct flow_group *groups, struct conn_ref conn,
			      struct flow_group **group)
{
	uint64_t n = (uint64_t)conn.generation << 32 | conn.slot;

	n = (n ^ (uint64_t)conn.worker << 16) * UINT64_C(0x9e3779b97f4a7c15);
	*group = &groups[n >> 58];
	return &(*group)->buckets[n >> 52 & (FLOW_BUCKETS - 1)];
}

int flows_init(struct flows *f, struct transport_set *set)
{
	f->set = set;
	f->groups =
		aligned_alloc(CACHE_LINE, N_SHARDS * sizeof(struct flow_group));
	if (f->groups == NULL)
		return VD_ENOMEM;
	for (unsigned i = 0; i < N_SHARDS; i++) {
		pthread_mutex_init(&f->groups[i].lock, NULL);
		for (unsigned k = 0; k < FLOW_BUCKETS; k++)
			list_init(&f->groups[i].buckets[k]);
	}
	return 0;
}

void flows_fini(struct flows *f)
{
	for (unsigned i = 0; f->groups != NULL && i < N_SHARDS; i++)
		pthread_mutex_destroy(&f->groups[i].lock);
	free(f->groups);
}

/* A flow in a block is written by whoever has it committed, under the lock of
 * its address' shard and of its bucket; nobody else looks at these fields. */
static struct bound_flow *bound_of(const struct binding *b)
{
	return (struct bound_flow *)CONTAINER_OF((struct hop *)b->flow,
						 struct bound_flow, hop);
}

static bool has_conn(const struct binding *b)
{
	return b->flow != NULL && !conn_ref_is_none(b->flow->conn);
}

static void join(struct flows *f, struct bound_flow *b, struct aor *a)
{
	struct flow_group *g;
	struct list *bucket = bucket_of(f->groups, b->hop.conn, &g);

	pthread_mutex_lock(&g->lock);
	b->aor = a;
	list_add_tail(bucket, &b->of_conn);
	pthread_mutex_unlock(&g->lock);
}

bool flows_join(struct flows *f, struct aor *a, const struct bindings *b)
{
	bool is_live = true;

	for (uint32_t i = 0; b != NULL && i < b->n; i++) {
		const struct binding *v = &b->v[i];

		if (!has_conn(v))
			continue;
		transport_hold(f->set, v->flow->conn);
		if (!v->flow_only)
			continue;
		join(f, bound_of(v), a);
		/* in this order: it may end in between, and then who hears of
		 * it finds the binding */
		is_live &= transport_is_live(f->set, v->flow->conn);
	}
	return is_live;
}

void flows_leave(struct flows *f, const struct bindings *b)
{
	for (uint32_t i = 0; b != NULL && i < b->n; i++) {
		struct flow_group *g;

		if (!has_conn(&b->v[i]))
			continue;
		transport_release(f->set, b->v[i].flow->conn);
		bucket_of(f->groups, b->v[i].flow->conn, &g);
		pthread_mutex_lock(&g->lock);
		list_del(&bound_of(&b->v[i])->of_conn);
		pthread_mutex_unlock(&g->lock);
	}
}

size_t flows_take(struct flows *f, struct conn_ref conn, char *text)
{
	struct flow_group *g;
	struct list *bucket = bucket_of(f->groups, conn, &g);
	struct list *it, *tmp;
	size_t len = 0;

	pthread_mutex_lock(&g->lock);
	LIST_FOREACH(it, tmp, bucket)
	{
		struct bound_flow *b =
			LIST_ENTRY(it, struct bound_flow, of_conn);

		if (!conn_ref_eq(b->hop.conn, conn))
			continue;
		len = b->aor->len;
		memcpy(text, b->aor->text, len);
		list_del(&b->of_conn);
		break;
	}
	pthread_mutex_unlock(&g->lock);
	return len;
}
