/* Answers by name and type, until their TTL is over; the longest unused goes
 * first. */
#include "resolver/resolver_priv.h"
#include "viaduct/util/err.h"

struct cache_entry {
	struct hash_node node;
	struct list used;
	struct dns_answer *answer;
	uint64_t until_ms;
	uint16_t type;
	uint16_t len;
	char name[];
};

int cache_init(struct cache *c, struct mem *mem, size_t max)
{
	c->mem = mem;
	c->max = max;
	list_init(&c->used);
	return hash_table_init(&c->table);
}

static void entry_free(struct cache *c, struct cache_entry *e)
{
	hash_table_remove(&c->table, &e->node);
	list_del(&e->used);
	dns_answer_unref(e->answer);
	mem_free(c->mem, e, sizeof(*e) + e->len);
}

void cache_fini(struct cache *c)
{
	struct list *it, *tmp;

	if (c->used.next == NULL)
		return;
	LIST_FOREACH(it, tmp, &c->used) {
		entry_free(c, LIST_ENTRY(it, struct cache_entry, used));
	}
	hash_table_fini(&c->table);
}

static struct cache_entry *entry_find(struct cache *c,
				      const struct dns_key *key)
{
	struct hash_node *n;

	for (n = hash_table_find(&c->table, key->hash); n != NULL;
	     n = hash_table_next(n)) {
		struct cache_entry *e =
			CONTAINER_OF(n, struct cache_entry, node);

		if (dns_key_eq(key, e->type, e->name, e->len))
			return e;
	}
	return NULL;
}

struct dns_answer *cache_find(struct cache *c, const struct dns_key *key,
			      uint64_t now_ms)
{
	struct cache_entry *e = entry_find(c, key);

	if (e == NULL)
		return NULL;
	if (e->until_ms <= now_ms) {
		entry_free(c, e);
		return NULL;
	}
	list_del(&e->used);
	list_add(&c->used, &e->used);
	return e->answer;
}

static struct cache_entry *entry_new(struct cache *c, const struct dns_key *key)
{
	struct cache_entry *e = mem_alloc(c->mem, sizeof(*e) + key->len);

	if (e == NULL)
		return NULL;
	e->type = key->type;
	e->len = key->len;
	memcpy(e->name, key->name, key->len);
	return e;
}

void cache_put(struct cache *c, const struct dns_key *key,
	       struct dns_answer *answer, uint64_t now_ms)
{
	struct cache_entry *e = entry_find(c, key);

	if (e != NULL)
		entry_free(c, e);
	if (answer->ttl_s == 0 || c->max == 0)
		return;
	if (c->table.count >= c->max)
		entry_free(c,
			   LIST_ENTRY(c->used.prev, struct cache_entry, used));
	e = entry_new(c, key);
	if (e == NULL)
		return;
	e->answer = dns_answer_ref(answer);
	e->until_ms = now_ms + answer->ttl_s * UINT64_C(1000);
	hash_table_insert(&c->table, &e->node, key->hash);
	list_add(&c->used, &e->used);
}
