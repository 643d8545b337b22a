/*
 * Keyed hashing (SipHash-1-3) and an intrusive hash table. Tables that the
 * network can fill are keyed with a secret of the process, so that nobody can
 * aim at one bucket.
 */
#ifndef VIADUCT_UTIL_HASH_H
#define VIADUCT_UTIL_HASH_H

#include "viaduct/util/str.h"

struct hash_key {
	uint64_t k0, k1;
};

/* The key of this process: random, made at first use, the same afterwards. */
const struct hash_key *hash_process_key(void);

uint64_t hash_bytes(const struct hash_key *key, const void *p, size_t len);

/* A hash over several pieces; {"ab","c"} and {"a","bc"} differ. */
struct hash_state {
	uint64_t v0, v1, v2, v3;
	uint64_t n_pieces;
};
void hash_start(struct hash_state *h, const struct hash_key *key);
void hash_add(struct hash_state *h, struct str piece);
uint64_t hash_end(struct hash_state *h);

struct hash_node {
	struct hash_node *next;
	uint64_t hash;
};

/* Grows and shrinks by itself (a power of two of buckets, a few buckets moved
 * at each insertion, so that no single call pays for all). */
struct hash_table {
	struct hash_node **buckets, **old;
	size_t n_buckets, n_old,
		moved; /* old buckets below `moved` are empty */
	size_t count;
};

/* Returns 0 or VD_ENOMEM. */
int hash_table_init(struct hash_table *t);
void hash_table_fini(struct hash_table *t); /* nodes are the caller's */

/* Never fails: when no memory is left the table stays as large as it is. */
void hash_table_insert(struct hash_table *t, struct hash_node *n,
		       uint64_t hash);
void hash_table_remove(struct hash_table *t, struct hash_node *n);

/*
 * First node with this hash; then the next after `n`. Walk and compare keys:
 *   for (n = hash_table_find(t, h); n != NULL; n = hash_table_next(n))
 */
struct hash_node *hash_table_find(struct hash_table *t, uint64_t hash);
struct hash_node *hash_table_next(struct hash_node *n);

/* This will be looked for soon: bring what that takes into the cache. */
void hash_table_fetch(const struct hash_table *t, uint64_t hash);

#endif
