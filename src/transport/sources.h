/* How many accepted connections each address has. Shared by all workers;
 * entries exist while there are connections. */
#ifndef VIADUCT_TRANSPORT_SOURCES_H
#define VIADUCT_TRANSPORT_SOURCES_H

#include "viaduct/util/addr.h"
#include "viaduct/util/mem.h"

struct sources;

/* Returns 0 or VD_ENOMEM. */
int sources_new(struct mem *mem, struct sources **out);
void sources_free(struct sources *s); /* NULL allowed */

/* One more from this address, at most `max`. 0, VD_ELIMIT or VD_ENOMEM. */
int sources_enter(struct sources *s, const union addr *a, uint32_t max);
void sources_leave(struct sources *s, const union addr *a);

#endif
