/* Whom the peers of connections have proved to be: a process-wide table, since
 * a flow is asked for it by other workers than the connection's. One entry per
 * connection with a verified certificate, so limits.connections bounds it. */
#ifndef VIADUCT_TRANSPORT_IDENTITIES_H
#define VIADUCT_TRANSPORT_IDENTITIES_H

#include "transport/cert_names.h"
#include "viaduct/util/mem.h"

struct identities;

/* Returns 0 or VD_ENOMEM. */
int identities_new(struct mem *mem, struct identities **out);
void identities_free(struct identities *t); /* empty by then; NULL allowed */

/* names: borrowed until identities_leave(). Returns 0, VD_ENOMEM or VD_ELIMIT;
 * *id is never 0. */
int identities_enter(struct identities *t, const struct cert_names *names,
		     uint32_t *id);
void identities_leave(struct identities *t, uint32_t id); /* 0 allowed */

/* False when the connection is gone. */
bool identities_have(struct identities *t, uint32_t id, struct str name);

#endif
