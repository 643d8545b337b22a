/*
 * While a table is being resized it has two arrays. Old buckets below `moved`
 * are empty; a hash whose old bucket has not been moved lives there, new nodes
 * included, so that equal hashes are always in one chain.
 */
#include "viaduct/util/hash.h"

#include <assert.h>
#include <stdlib.h>

#include "viaduct/util/err.h"

enum {
	BUCKETS_MIN = 64,
	MOVE_ON_INSERT = 4, /* done after n/4 insertions, long before n */
	MOVE_ON_REMOVE =
		16, /* done after n/16 removals, before n/16 are left */
};

int hash_table_init(struct hash_table *t)
{
	struct hash_node **buckets = calloc(BUCKETS_MIN, sizeof(*buckets));

	if (buckets == NULL)
		return VD_ENOMEM;
	*t = (struct hash_table){.buckets = buckets, .n_buckets = BUCKETS_MIN};
	return 0;
}

void hash_table_fini(struct hash_table *t)
{
	free(t->buckets);
	free(t->old);
	*t = (struct hash_table){0};
}

static struct hash_node **bucket_of(const struct hash_table *t, uint64_t hash)
{
	if (t->old != NULL && (hash & (t->n_old - 1)) >= t->moved)
		return &t->old[hash & (t->n_old - 1)];
	return &t->buckets[hash & (t->n_buckets - 1)];
}

/* Equal hashes go together, so no chain is ever split. */
static void bucket_move(struct hash_table *t)
{
	struct hash_node *n = t->old[t->moved], *next;

	t->old[t->moved++] = NULL;
	for (; n != NULL; n = next) {
		struct hash_node **to = bucket_of(t, n->hash);

		next = n->next;
		n->next = *to;
		*to = n;
	}
}

static void move_some(struct hash_table *t, unsigned n)
{
	if (t->old == NULL)
		return;
	while (n-- > 0 && t->moved < t->n_old)
		bucket_move(t);
	if (t->moved == t->n_old) {
		free(t->old);
		t->old = NULL;
	}
}

static void resize_start(struct hash_table *t, size_t n_buckets)
{
	struct hash_node **buckets = calloc(n_buckets, sizeof(*buckets));

	if (buckets == NULL)
		return;
	t->old = t->buckets;
	t->n_old = t->n_buckets;
	t->moved = 0;
	t->buckets = buckets;
	t->n_buckets = n_buckets;
}

void hash_table_insert(struct hash_table *t, struct hash_node *n, uint64_t hash)
{
	struct hash_node **b;

	if (t->old == NULL && t->count >= t->n_buckets)
		resize_start(t, t->n_buckets * 2);
	move_some(t, MOVE_ON_INSERT);
	b = bucket_of(t, hash);
	n->hash = hash;
	n->next = *b;
	*b = n;
	t->count++;
}

void hash_table_remove(struct hash_table *t, struct hash_node *n)
{
	struct hash_node **at = bucket_of(t, n->hash);

	while (*at != n) {
		assert(*at != NULL);
		at = &(*at)->next;
	}
	*at = n->next;
	n->next = NULL;
	t->count--;
	if (t->old == NULL && t->count < t->n_buckets / 8 &&
	    t->n_buckets > BUCKETS_MIN)
		resize_start(t, t->n_buckets / 2);
	move_some(t, MOVE_ON_REMOVE);
}

static struct hash_node *chain_find(struct hash_node *n, uint64_t hash)
{
	while (n != NULL && n->hash != hash)
		n = n->next;
	return n;
}

struct hash_node *hash_table_find(struct hash_table *t, uint64_t hash)
{
	return chain_find(*bucket_of(t, hash), hash);
}

struct hash_node *hash_table_next(struct hash_node *n)
{
	return chain_find(n->next, n->hash);
}
