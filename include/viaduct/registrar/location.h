/*
 * The location service: which contacts an address of record has (RFC 3261
 * section 10). Shared by all workers; sharded, a lock per shard that is held
 * for microseconds and never across I/O.
 *
 * The bindings of an address are one immutable, counted block. A change makes a
 * new block; lookups see it once it is committed, later changes see it at once.
 */
#ifndef VIADUCT_REGISTRAR_LOCATION_H
#define VIADUCT_REGISTRAR_LOCATION_H

#include "viaduct/store/store.h"
#include "viaduct/transport/transport.h"
#include "viaduct/util/arena.h"

struct binding {
	struct str contact; /* the URI, as given */
	struct str params;  /* contact parameters but expires and q, as given */
	struct str call_id;
	struct str path; /* Path values, comma-separated; empty: none */
	uint32_t cseq;
	uint16_t q;          /* thousandths; Q_NONE: not given */
	bool flow_only;      /* `flow` is the only way to it */
	uint64_t expires_ms; /* monotonic, as loop_now_ms() */
	/* How its REGISTER came, where requests go back that way; NULL: they go
	 * where Path or the Contact say. Of a stream: by that connection, and
	 * by no other; without one since a restart. */
	const struct hop *flow;
	uint32_t reg_id; /* RFC 5626; 0: bound by its URI */
	/* The same number in a temporary GRUU says that it is a valid one of
	 * this instance (RFC 5627 5.1); 0: it has none. */
	uint32_t gruu_epoch;
};

enum { Q_NONE = 0xffff };

/* A block of bindings, the one refreshed last at the end; strings and flows
 * point into it. */
struct bindings {
	_Atomic uint32_t refs;
	uint32_t n;
	uint32_t size; /* bytes of the whole block */
	struct binding v[];
};
struct bindings *bindings_ref(struct bindings *b);
void bindings_unref(struct bindings *b); /* NULL allowed */
/* A block of copies; NULL: no memory. */
struct bindings *bindings_new(const struct binding *v, size_t n);

/* It is bound to a connection, and useless without it. */
static inline bool binding_is_by_conn(const struct binding *b)
{
	return b->flow_only && b->flow != NULL &&
	       sip_transport_is_stream(b->flow->transport);
}

/* Of a block: it has not expired, and its flow, if that is one of datagrams,
 * has not ended (location_flow_failed()). */
bool binding_is_alive(const struct binding *b, uint64_t now_ms);

struct location;

/*
 * Opens the store and loads its records. What had expired is removed; a binding
 * that has not lasts no longer than it had left when it was written, whatever
 * the time of day has done since.
 *
 * me:     the store's member of the inboxes; it only sends. Members below it
 *         may change bindings; me - 1 is the main thread.
 * set:    where the flows of bindings lead; borrowed. A connection with a
 *         binding is held: it is not idle.
 * now_ms: monotonic.
 *
 * Returns 0 or an error of store_open() with one sentence in `why`.
 */
int location_open(const struct store_conf *conf, struct post *post, unsigned me,
		  struct transport_set *set, uint64_t now_ms,
		  struct location **out, char why[512]);

/* When no worker runs any more, and before post_free(). Commits what is queued;
 * `done` of what had not been told never runs. NULL allowed. */
void location_close(struct location *l);
void location_parcel(struct location *l, struct parcel *p); /* store's kinds */

/* The committed bindings of an address, which need not all be alive. NULL:
 * none. A reference. */
struct bindings *location_find(struct location *l, struct str aor);

/*
 * Change the bindings of an address. `change` is called once, under the lock,
 * with what is there (pending changes included; NULL: none), and returns the
 * new block in *next (NULL: none left) or an error, which is handed back.
 *
 * from: the member of the inboxes on whose thread this is called.
 * aor:  canonical text, user@host; copied.
 * done: as store_done_fn, on worker `from`; at err 0 the change is visible. At
 *       VD_ESYS it is dropped, unless a later change was built on it and has
 *       been committed.
 *
 * Returns 0 (done will run), the error of `change`, VD_ELIMIT (too much is
 * queued, for this address or for all; or there are too many addresses),
 * VD_ETOOBIG (a string longer than 65535 bytes) or VD_ENOMEM.
 */
typedef int location_change_fn(void *arg, const struct bindings *now,
			       struct bindings **next);
int location_change(struct location *l, unsigned from, struct str aor,
		    location_change_fn *change, store_done_fn *done, void *arg);

/*
 * A connection is gone: the bindings that are reached by it alone end, in
 * memory and store. On the worker that owned it, `from`. What cannot be written
 * now (the store is full or broken) is left to the sweep.
 */
void location_conn_closed(struct location *l, unsigned from,
			  struct conn_ref conn);

/*
 * A datagram by this flow found nobody there: the Outbound bindings by it end
 * (RFC 5626 section 7). Others stay: their phones never heard that they should
 * watch their flow, and it may work again before they register anew.
 * At once in memory, whatever the store says; what it refuses is left to the
 * sweep. On worker `from`.
 */
void location_flow_failed(struct location *l, unsigned from,
			  const struct hop *flow);

/*
 * Drop what has expired or lost its flow, from memory and store: one
 * shard of 64 per call, and at most some 2000 addresses of it. On the main
 * thread (member me - 1 of the inboxes), which hands what it gets of the
 * store's kinds to location_parcel().
 */
void location_sweep(struct location *l, uint64_t now_ms);

/* Addresses of record that there may be; above, location_change() refuses new
 * ones. At first there is no limit; what was loaded stays. */
void location_limit(struct location *l, uint32_t n_aors);

struct location_counts {
	uint64_t aors, contacts; /* committed */
	uint64_t lost;           /* bindings that ended with their flow */
	struct store_counts store;
};
void location_counts(struct location *l, struct location_counts *out);
bool location_is_well(const struct location *l);

#endif
