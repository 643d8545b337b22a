/* Hops that failed lately. The table is bounded; the oldest failure is
 * forgotten first. */
#include "resolver/resolver_priv.h"
#include "viaduct/util/err.h"

struct health_key {
	uint8_t ip[16];
	uint16_t port;
	uint8_t family;
	uint8_t transport;
};

struct health_entry {
	struct hash_node node;
	struct list by_age;
	struct health_key key;
	uint64_t until_ms;
	bool is_told; /* by the hop: it rests, though it answers meanwhile */
};

int health_init(struct health *h, struct mem *mem)
{
	h->mem = mem;
	list_init(&h->by_age);
	return hash_table_init(&h->table);
}

static void entry_free(struct health *h, struct health_entry *e)
{
	hash_table_remove(&h->table, &e->node);
	list_del(&e->by_age);
	mem_free(h->mem, e, sizeof(*e));
}

void health_fini(struct health *h)
{
	struct list *it, *tmp;

	if (h->by_age.next == NULL)
		return;
	LIST_FOREACH(it, tmp, &h->by_age) {
		entry_free(h, LIST_ENTRY(it, struct health_entry, by_age));
	}
	hash_table_fini(&h->table);
}

static uint64_t key_init(struct health_key *k, const struct locate_hop *hop)
{
	memset(k, 0, sizeof(*k));
	if (addr_family(&hop->addr) == AF_INET6)
		memcpy(k->ip, &hop->addr.in6.sin6_addr, 16);
	else
		memcpy(k->ip, &hop->addr.in4.sin_addr, 4);
	k->port = addr_port(&hop->addr);
	k->family = (uint8_t)addr_family(&hop->addr);
	k->transport = (uint8_t)hop->transport;
	return hash_bytes(hash_process_key(), k, sizeof(*k));
}

static struct health_entry *
entry_find(struct health *h, const struct health_key *key, uint64_t hash)
{
	struct hash_node *n;

	for (n = hash_table_find(&h->table, hash); n != NULL;
	     n = hash_table_next(n)) {
		struct health_entry *e =
			CONTAINER_OF(n, struct health_entry, node);

		if (memcmp(&e->key, key, sizeof(*key)) == 0)
			return e;
	}
	return NULL;
}

static void note(struct health *h, const struct locate_hop *hop,
		 uint64_t until_ms, bool is_told)
{
	struct health_key key;
	uint64_t hash = key_init(&key, hop);
	struct health_entry *e = entry_find(h, &key, hash);

	if (e != NULL && e->is_told && e->until_ms > until_ms)
		return;
	if (e != NULL)
		entry_free(h, e);
	if (h->table.count >= HEALTH_MAX)
		entry_free(h,
			   LIST_FIRST(&h->by_age, struct health_entry, by_age));
	e = mem_alloc(h->mem, sizeof(*e));
	if (e == NULL)
		return; /* it will be tried, and fail, once more */
	e->key = key;
	e->until_ms = until_ms;
	e->is_told = is_told;
	hash_table_insert(&h->table, &e->node, hash);
	list_add_tail(&h->by_age, &e->by_age);
}

void health_failed(struct health *h, const struct locate_hop *hop,
		   uint64_t until_ms)
{
	note(h, hop, until_ms, false);
}

void health_rests(struct health *h, const struct locate_hop *hop,
		  uint64_t until_ms)
{
	note(h, hop, until_ms, true);
}

void health_ok(struct health *h, const struct locate_hop *hop)
{
	struct health_key key;
	uint64_t hash;
	struct health_entry *e;

	if (h->table.count == 0)
		return;
	hash = key_init(&key, hop);
	e = entry_find(h, &key, hash);
	if (e != NULL && !e->is_told)
		entry_free(h, e);
}

bool health_is_suspect(struct health *h, const struct locate_hop *hop,
		       uint64_t now_ms)
{
	struct health_key key;
	uint64_t hash;
	struct health_entry *e;

	if (h->table.count == 0)
		return false;
	hash = key_init(&key, hop);
	e = entry_find(h, &key, hash);
	if (e == NULL)
		return false;
	if (e->until_ms > now_ms)
		return true;
	entry_free(h, e);
	return false;
}
