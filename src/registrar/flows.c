/*
 * Which flows the committed bindings are bound to. A binding by a connection
 * holds it; one that ends with its connection, or with the flow of its
 * datagrams (Outbound), stands in the list of a bucket, from where it is found
 * when that has ended.
 *
 * The lock of a bucket's group is taken while that of an address' shard is
 * held, never the other way round.
 */
#include <stdlib.h>

#include "registrar/location_priv.h"

static bool is_stream(const struct hop *flow)
{
	return sip_transport_is_stream(flow->transport);
}

/* The same connection, or datagrams between the same ends. */
static bool flow_eq(const struct hop *a, const struct hop *b)
{
	if (is_stream(a) || is_stream(b))
		return conn_ref_eq(a->conn, b->conn);
	return a->listener == b->listener && addr_eq(&a->addr, &b->addr);
}

static uint64_t flow_hash(const struct hop *flow)
{
	struct hash_state h;
	uint16_t port = addr_port(&flow->addr);

	hash_start(&h, hash_process_key());
	if (is_stream(flow)) {
		hash_add(&h, (struct str){(const char *)&flow->conn.slot, 4});
		hash_add(&h, (struct str){(const char *)&flow->conn.worker, 2});
	} else {
		hash_add(&h, flow_ip(&flow->addr));
		hash_add(&h, (struct str){(const char *)&port, 2});
	}
	return hash_end(&h);
}

static struct list *bucket_of(struct flow_group *groups, const struct hop *flow,
			      struct flow_group **group)
{
	uint64_t hash = flow_hash(flow);

	*group = &groups[hash >> 58];
	return &(*group)->buckets[hash & (FLOW_BUCKETS - 1)];
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

/* Does it end with its flow? */
static bool is_bound(const struct binding *b)
{
	return b->flow_only &&
	       (has_conn(b) ||
		(b->reg_id != 0 && b->flow != NULL && !is_stream(b->flow)));
}

static void join(struct flows *f, struct bound_flow *b, struct aor *a)
{
	struct flow_group *g;
	struct list *bucket = bucket_of(f->groups, &b->hop, &g);

	pthread_mutex_lock(&g->lock);
	b->aor = a;
	list_add_tail(bucket, &b->same);
	pthread_mutex_unlock(&g->lock);
}

bool flows_join(struct flows *f, struct aor *a, const struct bindings *b)
{
	bool is_live = true;

	for (uint32_t i = 0; b != NULL && i < b->n; i++) {
		const struct binding *v = &b->v[i];

		if (has_conn(v))
			transport_bind(f->set, v->flow->conn);
		if (!is_bound(v))
			continue;
		join(f, bound_of(v), a);
		/* in this order: it may end in between, and then who hears of
		 * it finds the binding */
		if (has_conn(v))
			is_live &= transport_is_live(f->set, v->flow->conn);
	}
	return is_live;
}

static void leave(struct flows *f, struct bound_flow *b)
{
	struct flow_group *g;

	bucket_of(f->groups, &b->hop, &g);
	pthread_mutex_lock(&g->lock);
	list_del(&b->same);
	pthread_mutex_unlock(&g->lock);
}

void flows_leave(struct flows *f, const struct bindings *b)
{
	for (uint32_t i = 0; b != NULL && i < b->n; i++) {
		if (has_conn(&b->v[i]))
			transport_unbind(f->set, b->v[i].flow->conn);
		if (is_bound(&b->v[i]))
			leave(f, bound_of(&b->v[i]));
	}
}

size_t flows_take(struct flows *f, const struct hop *flow, char *text)
{
	struct flow_group *g;
	struct list *bucket = bucket_of(f->groups, flow, &g);
	struct list *it, *tmp;
	size_t len = 0;

	pthread_mutex_lock(&g->lock);
	LIST_FOREACH(it, tmp, bucket) {
		struct bound_flow *b = LIST_ENTRY(it, struct bound_flow, same);

		if (!flow_eq(&b->hop, flow))
			continue;
		len = b->aor->len;
		memcpy(text, b->aor->text, len);
		list_del(&b->same);
		break;
	}
	pthread_mutex_unlock(&g->lock);
	return len;
}

unsigned flows_end(const struct bindings *b, const struct hop *flow)
{
	unsigned n = 0;

	for (uint32_t i = 0; b != NULL && i < b->n; i++)
		if (is_bound(&b->v[i]) && flow_eq(b->v[i].flow, flow))
			n += !atomic_exchange_explicit(
				&bound_of(&b->v[i])->has_ended, true,
				memory_order_relaxed);
	return n;
}

bool flow_has_ended(const struct binding *b)
{
	return b->flow != NULL && atomic_load_explicit(&bound_of(b)->has_ended,
						       memory_order_relaxed);
}
