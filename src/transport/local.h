/* Which addresses are ours, and which one routing would send from. */
#ifndef VIADUCT_TRANSPORT_LOCAL_H
#define VIADUCT_TRANSPORT_LOCAL_H

#include "transport/transport_priv.h"

void ifaces_init(struct ifaces *f);
void ifaces_fini(struct ifaces *f);

/* Is it an address of an interface, port aside? */
bool ifaces_have(struct ifaces *f, const union addr *a);

#endif
