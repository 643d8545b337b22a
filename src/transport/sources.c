#include "transport/sources.h"

#include <assert.h>
#include <pthread.h>

#include "viaduct/util/err.h"
#include "viaduct/util/hash.h"

enum {
	N_SHARDS = 16,
};

struct source {
	struct hash_node node;
	union addr addr;
	uint32_t n;
};

struct shard {
	pthread_mutex_t lock;
	struct mem *mem; /* of the entries, under the lock */
	struct hash_table table;
};

struct sources {
	struct mem *mem; /* borrowed */
	size_t n_ready;
	struct shard shards[N_SHARDS];
};

static int shard_init(struct shard *s)
{
	int err;

	err = mem_new(0, &s->mem);
	if (err != 0)
		return err;
	err = hash_table_init(&s->table);
	if (err != 0) {
		mem_free_all(s->mem);
		return err;
	}
	pthread_mutex_init(&s->lock, NULL);
	return 0;
}

static void shard_fini(struct shard *s)
{
	assert(s->table.count == 0);
	hash_table_fini(&s->table);
	mem_free_all(s->mem);
	pthread_mutex_destroy(&s->lock);
}

int sources_new(struct mem *mem, struct sources **out)
{
	struct sources *s = mem_zalloc(mem, sizeof(*s));
	int err;

	if (s == NULL)
		return VD_ENOMEM;
	s->mem = mem;
	for (; s->n_ready < N_SHARDS; s->n_ready++) {
		err = shard_init(&s->shards[s->n_ready]);
		if (err != 0) {
			sources_free(s);
			return err;
		}
	}
	*out = s;
	return 0;
}

void sources_free(struct sources *s)
{
	if (s == NULL)
		return;
	while (s->n_ready > 0)
		shard_fini(&s->shards[--s->n_ready]);
	mem_free(s->mem, s, sizeof(*s));
}

static uint64_t source_hash(const union addr *a)
{
	if (addr_family(a) == AF_INET6)
		return hash_bytes(hash_process_key(), &a->in6.sin6_addr,
				  sizeof(a->in6.sin6_addr));
	return hash_bytes(hash_process_key(), &a->in4.sin_addr,
			  sizeof(a->in4.sin_addr));
}

static struct source *shard_find(struct shard *s, uint64_t hash,
				 const union addr *a)
{
	struct source *src;
	struct hash_node *n;

	for (n = hash_table_find(&s->table, hash); n != NULL;
	     n = hash_table_next(n)) {
		src = CONTAINER_OF(n, struct source, node);
		if (addr_ip_eq(&src->addr, a))
			return src;
	}
	return NULL;
}

static int shard_enter(struct shard *s, uint64_t hash, const union addr *a,
		       uint32_t max)
{
	struct source *src = shard_find(s, hash, a);

	if (src == NULL && max > 0) {
		src = mem_zalloc(s->mem, sizeof(*src));
		if (src == NULL)
			return VD_ENOMEM;
		src->addr = *a;
		hash_table_insert(&s->table, &src->node, hash);
	}
	if (src == NULL || src->n >= max)
		return VD_ELIMIT;
	src->n++;
	return 0;
}

int sources_enter(struct sources *s, const union addr *a, uint32_t max)
{
	uint64_t hash = source_hash(a);
	struct shard *shard = &s->shards[hash >> 60];
	int err;

	pthread_mutex_lock(&shard->lock);
	err = shard_enter(shard, hash, a, max);
	pthread_mutex_unlock(&shard->lock);
	return err;
}

void sources_leave(struct sources *s, const union addr *a)
{
	uint64_t hash = source_hash(a);
	struct shard *shard = &s->shards[hash >> 60];
	struct source *src;

	pthread_mutex_lock(&shard->lock);
	src = shard_find(shard, hash, a);
	assert(src != NULL && src->n > 0);
	if (--src->n == 0) {
		hash_table_remove(&shard->table, &src->node);
		mem_free(shard->mem, src, sizeof(*src));
	}
	pthread_mutex_unlock(&shard->lock);
}
