/* What the files of the location service share. */
#ifndef VIADUCT_REGISTRAR_LOCATION_PRIV_H
#define VIADUCT_REGISTRAR_LOCATION_PRIV_H

#include <pthread.h>

#include "viaduct/registrar/location.h"
#include "viaduct/util/err.h"
#include "viaduct/util/hash.h"
#include "viaduct/util/list.h"

/* --- location.c --- */

enum {
	CACHE_LINE = 64,
	N_SHARDS = 64,
	AOR_LEN_MAX = 4096,
	FLOW_BUCKETS = 64, /* of each of N_SHARDS groups */
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
	struct location *location;
	struct shard *shard;
	unsigned from;
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

/* A flow in a block of bindings. What comes after the hop is that of flows.c,
 * and nothing that a reader of the block may look at. */
struct bound_flow {
	struct hop hop;
	atomic_bool has_ended;
	struct list same; /* bindings by flows of one bucket */
	struct aor *aor;
};

static inline struct str flow_ip(const union addr *a)
{
	return addr_family(a) == AF_INET6
		       ? (struct str){(const char *)&a->in6.sin6_addr, 16}
		       : (struct str){(const char *)&a->in4.sin_addr, 4};
}

struct flow_group {
	_Alignas(CACHE_LINE) pthread_mutex_t lock;
	struct list buckets[FLOW_BUCKETS];
};

struct flows {
	struct transport_set *set;
	struct flow_group *groups; /* N_SHARDS */
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
	atomic_uint n_entries; /* struct aor, pending ones too */
	atomic_uint max_entries;
	struct flows flows;
	_Atomic uint64_t n_lost; /* bindings that ended with their flow */
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
struct aor *aor_new(struct location *l, struct shard *s, uint64_t hash,
		    struct str text);

/* Takes over the reference. False: a connection of the new bindings has ended.
 */
bool aor_publish(struct location *l, struct shard *s, struct aor *a,
		 struct bindings *b);

/* As location_change(). */
int aor_change(struct location *l, struct shard *s, struct aor *a,
	       const struct wish *w);
void change_free(struct change *c);

/* --- ending.c --- */

/* What a binding must have outlived; now_ms 0: only its flow. */
struct ending {
	struct location *location;
	uint64_t now_ms;
};

/* Has any of them expired, or lost the flow that it is bound to? */
bool has_ended(const struct bindings *b, const struct ending *e);
/* A location_change_fn that drops those; arg: struct ending. VD_ENOENT: there
 * are none. */
int drop_ended(void *arg, const struct bindings *now, struct bindings **next);

/* --- flows.c --- */

/* 0 or VD_ENOMEM. */
int flows_init(struct flows *f, struct transport_set *set);
void flows_fini(struct flows *f);

/* These two under the lock of the address' shard: a block is committed, and is
 * so no more. False: a connection of it has ended already. */
bool flows_join(struct flows *f, struct aor *a, const struct bindings *b);
void flows_leave(struct flows *f, const struct bindings *b);

/* Take one binding by this flow out and write its address into `text`
 * (AOR_LEN_MAX bytes). Its length; 0: none are left. */
size_t flows_take(struct flows *f, const struct hop *flow, char *text);

/* Under the lock of the address' shard: the bindings of a block that end with
 * this flow have ended, which stays so. How many had not yet; b NULL allowed.
 */
unsigned flows_end(const struct bindings *b, const struct hop *flow);
bool flow_has_ended(const struct binding *b); /* of a block */

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
 * Bindings of a record, of this version or an older one, that have not expired.
 * None lasts longer than it had left when it was written, whatever the time of
 * day has done since. A flow keeps its addresses but not its connection; with
 * the listener that it came by, the binding is gone.
 *
 * set:       NULL: any flow is of listener 0.
 * n_expired: added to.
 * Returns 0, VD_ENOENT (none are left), VD_EINVAL or VD_ENOMEM.
 */
int record_parse(struct str record, const struct record_clock *clock,
		 const struct transport_set *set, uint64_t *n_expired,
		 struct bindings **out);

#endif
