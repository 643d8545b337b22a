/*
 * The slots of one worker's connections. A slot outlives its connections: its
 * words (a generation and a number of holders in each) may be read and counted
 * by any thread at any time; the rest belongs to the worker.
 */
#ifndef VIADUCT_TRANSPORT_SLOTS_H
#define VIADUCT_TRANSPORT_SLOTS_H

#include <stdatomic.h>

#include "viaduct/transport/hop.h"
#include "viaduct/util/mem.h"

enum {
	SLOTS_PER_CHUNK = 256,
	SLOT_CHUNKS = 4096,
};

struct conn;
struct slot_chunk;

struct slots {
	struct mem *mem; /* of chunks; only the worker allocates */
	_Atomic(struct slot_chunk *) chunks[SLOT_CHUNKS];
	uint32_t n;    /* slots there are */
	uint32_t free; /* head of the list of free ones, or SLOT_NONE */
};

/* Returns 0 or VD_ENOMEM. */
int slots_init(struct slots *s);
void slots_fini(struct slots *s);

/* By the worker. Fills slot and generation of `ref`. Returns 0, VD_ENOMEM or
 * VD_ELIMIT. */
int slots_take(struct slots *s, struct conn *c, struct conn_ref *ref);
/* The reference is stale from here on. */
void slots_give(struct slots *s, struct conn_ref ref);
/* NULL when it is stale. */
struct conn *slots_find(struct slots *s, struct conn_ref ref);

/* The peer writes no more; slots_is_whole() is false from here on. */
void slots_end_input(struct slots *s, struct conn_ref ref);

/* By any thread. */
bool slots_is_live(struct slots *s, struct conn_ref ref);
bool slots_is_whole(struct slots *s, struct conn_ref ref);
/* Holders that wait for something to come or go by it; bindings. */
void slots_count(struct slots *s, struct conn_ref ref, int by);
void slots_count_binding(struct slots *s, struct conn_ref ref, int by);
bool slots_is_awaited(struct slots *s, struct conn_ref ref);
bool slots_is_held(struct slots *s, struct conn_ref ref); /* by either */

#endif
