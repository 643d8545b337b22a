/* What the files of the location service share. */
#ifndef VIADUCT_REGISTRAR_LOCATION_PRIV_H
#define VIADUCT_REGISTRAR_LOCATION_PRIV_H

#include <pthread.h>

#include "viaduct/registrar/location.h"
#include "viaduct/util/hash.h"
#include "viaduct/util/list.h"

/* --- location.c --- */

enum {
	CACHE_LINE = 64,
	N_SHARDS = 64,
	AOR_LEN_MAX = 4096,
};

struct aor {
	struct hash_node node;
	struct bindings *committed; /* NULL: none */
	struct change *newest;      /* NULL: none pending */
	uint16_t n_pending;
	uint16_t len;
	char text[];
};

struct change {
	struct list all; /* of the shard */
	struct shard *shard;
	struct aor *aor;       /* NULL: a later change is visible already */
	struct change *older;  /* of this address */
	struct bindings *next; /* NULL: none left */
	store_done_fn *done;
	void *arg;
};

struct shard {
	_Alignas(CACHE_LINE) pthread_mutex_t lock;
	struct hash_table table; /* of struct aor */
	struct list changes;
	uint64_t n_aors, n_contacts; /* committed */
};

/* Where location_sweep() goes on. */
struct sweep {
	unsigned shard;
	size_t bucket;
};

struct location {
	struct store *store;
	unsigned main_thread; /* a member of the inboxes */
	const struct hash_key *key;
	struct sweep sweep;
	struct shard shards[N_SHARDS];
};

/* How a change is asked for. */
struct wish {
	unsigned from;
	location_change_fn *change;
	void *change_arg;
	store_done_fn *done;
	void *arg;
};

uint64_t aor_hash(const struct location *l, struct str aor);
struct shard *shard_of(struct location *l, uint64_t hash);

/* These under the lock of the shard. aor_new(): NULL: no memory. */
struct aor *aor_new(struct shard *s, uint64_t hash, struct str text);

/* Takes over the reference. */
void aor_publish(struct shard *s, struct aor *a, struct bindings *b);

/* As location_change(). */
int aor_change(struct location *l, struct shard *s, struct aor *a,
	       const struct wish *w);
void change_free(struct change *c);

/* --- record.c --- */

/* The two clocks at one moment: a record says when a binding ends by the time
 * of day, everything else by the monotonic clock. */
struct record_clock {
	uint64_t now_ms;   /* monotonic */
	int64_t offset_ms; /* what makes it Unix time */
};

/* Bytes that record_print() needs. */
size_t record_size(const struct bindings *b);

/* Returns 0, or VD_ETOOBIG: more than 65535 bindings, or a string longer than
 * 65535 bytes. */
int record_print(const struct bindings *b, const struct record_clock *clock,
		 char *out);

/*
 * Bindings of a record that have not expired. None lasts longer than it had
 * left when it was written, whatever the time of day has done since.
 *
 * n_expired: added to.
 * Returns 0, VD_ENOENT (all have expired), VD_EINVAL or VD_ENOMEM.
 */
int record_parse(struct str record, const struct record_clock *clock,
		 uint64_t *n_expired, struct bindings **out);

#endif
