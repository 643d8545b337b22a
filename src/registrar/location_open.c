/* Opening and closing the location service, and counting what is in it. */
#include <stdlib.h>

#include "viaduct/util/err.h"
#include "viaduct/util/log.h"
#include "viaduct/util/wall.h"
#include "registrar/location_priv.h"

void location_counts(struct location *l, struct location_counts *out)
{
	*out = (struct location_counts){0};
	for (unsigned i = 0; i < N_SHARDS; i++) {
		struct shard *s = &l->shards[i];

		pthread_mutex_lock(&s->lock);
		out->aors += s->n_aors;
		out->contacts += s->n_contacts;
		pthread_mutex_unlock(&s->lock);
	}
	out->lost = atomic_load_explicit(&l->n_lost, memory_order_relaxed);
	store_counts(l->store, &out->store);
}

void location_limit(struct location *l, uint32_t n_aors)
{
	atomic_store_explicit(&l->max_entries, n_aors, memory_order_relaxed);
}

bool location_is_well(const struct location *l)
{
	return store_is_well(l->store);
}

struct loading {
	struct location *location;
	struct record_clock clock;
	uint64_t n_expired, n_unreadable;
	int err;
};

static int load_bindings(struct location *l, struct str key, struct bindings *b)
{
	uint64_t hash = aor_hash(l, key);
	struct shard *s = shard_of(l, hash);
	struct aor *a = aor_new(l, s, hash, key);

	if (a == NULL) {
		bindings_unref(b);
		return VD_ENOMEM;
	}
	aor_publish(l, s, a, b); /* by no connection any more */
	return 0;
}

/* No memory is no reason to remove a record: it ends the start instead. */
static bool load_record(void *arg, struct str key, struct str value)
{
	struct loading *load = arg;
	struct bindings *b;
	int err = VD_EINVAL;

	if (key.len > 0 && key.len <= AOR_LEN_MAX)
		err = record_parse(value, &load->clock,
				   load->location->flows.set, &load->n_expired,
				   &b);
	if (err == 0)
		err = load_bindings(load->location, key, b);
	if (err == VD_ENOMEM)
		load->err = err;
	if (err == VD_EINVAL)
		load->n_unreadable++;
	return err == 0 || err == VD_ENOMEM;
}

static void log_loaded(struct location *l, const struct loading *load)
{
	struct location_counts n;

	location_counts(l, &n);
	log_info(STR_NONE, "location.loaded", KV_UINT("aors", n.aors),
		 KV_UINT("contacts", n.contacts),
		 KV_UINT("expired", load->n_expired));
	if (load->n_unreadable > 0)
		log_error(STR_NONE, "location.unreadable",
			  KV_UINT("records_removed", load->n_unreadable));
}

static int shards_init(struct location *l)
{
	for (unsigned i = 0; i < N_SHARDS; i++) {
		struct shard *s = &l->shards[i];

		list_init(&s->changes);
		pthread_mutex_init(&s->lock, NULL);
	}
	for (unsigned i = 0; i < N_SHARDS; i++) {
		if (hash_table_init(&l->shards[i].table) != 0)
			return VD_ENOMEM;
	}
	return 0;
}

int location_open(const struct store_conf *conf, struct post *post, unsigned me,
		  struct transport_set *set, uint64_t now_ms,
		  struct location **out, char why[512])
{
	struct location *l = aligned_alloc(CACHE_LINE, sizeof(*l));
	struct loading load = {.location = l,
			       .clock = {now_ms, wall_offset_ms()}};
	int err;

	strcpy(why, "the location service: no memory");
	if (l == NULL)
		return VD_ENOMEM;
	memset(l, 0, sizeof(*l));
	l->main_thread = me - 1;
	l->key = hash_process_key();
	location_limit(l, UINT32_MAX);
	err = shards_init(l);
	if (err == 0)
		err = flows_init(&l->flows, set);
	if (err == 0)
		err = store_open(conf, post, me, load_record, &load, &l->store,
				 why);
	if (err == 0)
		err = load.err;
	if (err != 0) {
		location_close(l);
		return err;
	}
	log_loaded(l, &load);
	*out = l;
	return 0;
}

static void chain_free(struct flows *f, struct hash_node *n)
{
	while (n != NULL) {
		struct aor *a = CONTAINER_OF(n, struct aor, node);

		n = n->next;
		flows_leave(f, a->committed);
		bindings_unref(a->committed);
		free(a);
	}
}

static void shard_fini(struct flows *f, struct shard *s)
{
	struct hash_table *t = &s->table;
	struct list *it, *tmp;

	LIST_FOREACH(it, tmp, &s->changes)
		change_free(LIST_ENTRY(it, struct change, all));
	for (size_t i = 0; i < t->n_buckets; i++)
		chain_free(f, t->buckets[i]);
	for (size_t i = t->moved; t->old != NULL && i < t->n_old; i++)
		chain_free(f, t->old[i]);
	hash_table_fini(t);
	pthread_mutex_destroy(&s->lock);
}

void location_close(struct location *l)
{
	if (l == NULL)
		return;
	store_close(l->store);
	for (unsigned i = 0; i < N_SHARDS; i++)
		shard_fini(&l->flows, &l->shards[i]);
	flows_fini(&l->flows);
	free(l);
}
