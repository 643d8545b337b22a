/*
 * The directory of connections: transport and real remote end to the
 * connection that reaches it, whichever worker owns it; with TLS also for whom
 * it was made or has a certificate. Shared by all workers; a lock per shard,
 * held for a look-up.
 */
#ifndef VIADUCT_TRANSPORT_DIRECTORY_H
#define VIADUCT_TRANSPORT_DIRECTORY_H

#include "transport/cert_names.h"
#include "viaduct/transport/hop.h"
#include "viaduct/util/hash.h"
#include "viaduct/util/mem.h"

struct directory;

/* In its connection. Read by others under the shard's lock. */
struct directory_entry {
	struct hash_node node;
	enum sip_transport transport;
	union addr remote;
	struct conn_ref ref;
	bool is_in;
	/* TLS. Owned by the connection. */
	bool is_made; /* by us, by the rules of `listener`, no other's */
	uint16_t listener;
	struct str domain; /* the connection was made for it */
	bool is_for_all;   /* nobody checks names on it */
	bool is_alias;     /* not its own remote end: names alone count */
	const struct cert_names *names; /* verified; NULL: none */
};

/* Returns 0 or VD_ENOMEM. */
int directory_new(struct mem *mem, struct directory **out);
void directory_free(struct directory *d); /* empty by then; NULL allowed */

/* Another connection to the same end stays beside it. */
void directory_add(struct directory *d, struct directory_entry *e);

/* Unless somebody has entered a connection to that end already: then nothing
 * is entered and that one's reference is returned. */
struct conn_ref directory_join(struct directory *d, struct directory_entry *e);

void directory_remove(struct directory *d, struct directory_entry *e);

/* The peer's certificate is good for these names; or nobody checks them. */
void directory_set_names(struct directory *d, struct directory_entry *e,
			 const struct cert_names *names, bool is_for_all);

/*
 * Any that there is; none when there is none. Over TLS only one that was made
 * for `domain`, or whose verified certificate is for it: what is meant for
 * b.com is not told to a.com, though both live at one address. A domain that
 * is written as that very address, or empty, is content with the address. One
 * that we made must have left from `listener`: each verifies as its `tls` says.
 */
struct conn_ref directory_find(struct directory *d, enum sip_transport t,
			       const union addr *remote, uint16_t listener,
			       struct str domain);

#endif
