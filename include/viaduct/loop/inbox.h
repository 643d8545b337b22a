/*
 * Inboxes: how one worker hands something to another. A turn's parcels are
 * chained per destination and published with one compare-and-swap at its end;
 * the receiver is woken (eventfd) only if its inbox was empty. A parcel's
 * storage goes back, at the end of the receiver's turn, to the worker that it
 * came from.
 */
#ifndef VIADUCT_LOOP_INBOX_H
#define VIADUCT_LOOP_INBOX_H

#include <stdatomic.h>

#include "viaduct/loop/loop.h"

enum {
	PARCEL_SMALL = 2048, /* bytes; larger ones are allocated one by one */
};

struct parcel {
	struct parcel *next;
	uint16_t kind; /* meaning is the users' */
	uint16_t from; /* worker */
	uint32_t cap;  /* bytes of data */
	uint32_t len;
	_Alignas(8) char data[];
};

struct post; /* all inboxes of the process; its members are 0..n-1 */

/* Called on the receiver's loop, in order per sender. The parcel is valid
 * until it returns. */
typedef void inbox_fn(void *arg, struct parcel *p);

/* n: members (the workers, and one for the main thread).
 * max_queued: parcels that one member may have out; above, parcel_new()
 * returns NULL. Returns 0 or VD_ENOMEM. */
int post_new(unsigned n, unsigned max_queued, struct post **out);

/* When no loop runs any more, and before the loops are freed. */
void post_free(struct post *p);

/* Member `me` receives on this loop. Before any thread runs. Returns 0,
 * VD_ENOMEM or VD_ESYS. */
int post_join(struct post *p, unsigned me, struct loop *l, inbox_fn *fn,
	      void *arg);

/* On the sender's thread. NULL: its parcels are all out, or no memory. */
struct parcel *parcel_new(struct post *p, unsigned from, uint16_t kind,
			  size_t len);

/* Give it away; published at the end of the sender's turn (at once when the
 * sender is not running its loop). */
void parcel_send(struct post *p, unsigned to, struct parcel *parcel);

#endif
