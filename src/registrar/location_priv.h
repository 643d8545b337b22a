/* What location.c, bindings.c and record.c share. */
#ifndef VIADUCT_REGISTRAR_LOCATION_PRIV_H
#define VIADUCT_REGISTRAR_LOCATION_PRIV_H

#include "viaduct/registrar/location.h"

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
