/*
 * While a table is being resized it has two arrays. Old buckets below `moved`
 * are empty; a hash whose old bucket has not been moved lives there, new nodes
 * included, so that equal hashes are always in one chain.
 *
 * Behind the buckets stands a byte for each of them, in which every hash of its
 * chain has set one of eight bits. These bytes stay in the cache where the
 * buckets of a large table do not, and most of what is looked up and is not
 * there is not there by them: no bucket and no node is fetched for it.
 */
#include "viaduct/util/hash.h"

#include <assert.h>
#include <stdlib.h>

#include "viaduct/util/err.h"

enum {
	BUCKETS_MIN = 64,
	MOVE_ON_INSERT = 4, /* done after n/4 insertions, long before n */
	MOVE_ON_REMOVE =
		16,      /* done after n/16 removals, before n/16 are left */
	FETCH_AHEAD = 8, /* buckets before they are moved */
	HINT_SHIFT = 50, /* bits that neither tables nor their owners use */
};

static struct hash_node **buckets_new(size_t n)
{
	return calloc(n, sizeof(struct hash_node *) + 1);
}

int hash_table_init(struct hash_table *t)
{
	struct hash_node **buckets = buckets_new(BUCKETS_MIN);

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

struct bucket {
	struct hash_node **first;
	uint8_t *hints;
};

static inline struct bucket bucket_at(struct hash_node **buckets, size_t n,
				      size_t i)
{
	return (struct bucket){&buckets[i], (uint8_t *)&buckets[n] + i};
}

static inline struct bucket bucket_of(const struct hash_table *t, uint64_t hash)
{
	if (t->old != NULL && (hash & (t->n_old - 1)) >= t->moved)
		return bucket_at(t->old, t->n_old, hash & (t->n_old - 1));
	return bucket_at(t->buckets, t->n_buckets, hash & (t->n_buckets - 1));
}

static inline uint8_t hint_of(uint64_t hash)
{
	return (uint8_t)(1u << (hash >> HINT_SHIFT & 7));
}

static void bucket_put(const struct bucket *b, struct hash_node *n)
{
	n->next = *b->first;
	*b->first = n;
	*b->hints |= hint_of(n->hash);
}

/* Equal hashes go together, so no chain is ever split. */
static void bucket_move(struct hash_table *t)
{
	struct hash_node *n = t->old[t->moved], *next;

	if (t->moved + FETCH_AHEAD < t->n_old)
		__builtin_prefetch(t->old[t->moved + FETCH_AHEAD]);
	t->old[t->moved++] = NULL;
	for (; n != NULL; n = next) {
		struct bucket to = bucket_of(t, n->hash);

		next = n->next;
		bucket_put(&to, n);
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
	struct hash_node **buckets = buckets_new(n_buckets);

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
	struct bucket b;

	if (t->old == NULL && t->count >= t->n_buckets)
		resize_start(t, t->n_buckets * 2);
	move_some(t, MOVE_ON_INSERT);
	b = bucket_of(t, hash);
	n->hash = hash;
	bucket_put(&b, n);
	t->count++;
}

void hash_table_remove(struct hash_table *t, struct hash_node *n)
{
	struct bucket b = bucket_of(t, n->hash);
	struct hash_node **at = b.first;

	while (*at != n) {
		assert(*at != NULL);
		at = &(*at)->next;
	}
	*at = n->next;
	n->next = NULL;
	if (*b.first == NULL)
		*b.hints = 0;
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

void hash_table_fetch(const struct hash_table *t, uint64_t hash)
{
	struct bucket b = bucket_of(t, hash);

	__builtin_prefetch(b.hints);
	__builtin_prefetch(b.first);
}

struct hash_node *hash_table_find(struct hash_table *t, uint64_t hash)
{
	struct bucket b = bucket_of(t, hash);

	return (*b.hints & hint_of(hash)) != 0 ? chain_find(*b.first, hash)
					       : NULL;
}

struct hash_node *hash_table_next(struct hash_node *n)
{
	return chain_find(n->next, n->hash);
}
