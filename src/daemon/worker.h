/* One worker: a thread with its loop, transports, resolver and proxy. */
#ifndef VIADUCT_DAEMON_WORKER_H
#define VIADUCT_DAEMON_WORKER_H

#include "daemon/settings.h"

struct worker;

/* Parcels between the main thread and the workers. */
enum parcel_kind {
	PARCEL_MESSAGE = 1, /* a SIP message for its owner */
	PARCEL_UDP_ERROR,   /* ICMP for the owner of a transaction */
	PARCEL_SNAPSHOT,    /* main: new configuration; the reference moves */
	PARCEL_DRAIN,       /* main: finish what is open */
	PARCEL_STOP,        /* main: end the thread */
	PARCEL_DRAINED,     /* worker to main */
	PARCEL_PING,        /* main: bring the gauges up to date, and answer */
	PARCEL_PONG,        /* worker to main */
};

struct worker_env { /* shared; borrowed */
	struct post *post;
	struct transport_set *transports;
	struct location *location;
	struct source_limiter *sources;
	unsigned n_workers;
	const uint8_t *secret;
};

/* Make everything it needs; the thread does not run yet. Returns 0, or an
 * error with one sentence in `why`; *out may be set even then, and is to be
 * closed and freed. */
int worker_new(const struct worker_env *env, unsigned index,
	       struct config *config, struct worker **out, char why[256]);
int worker_start(struct worker *w); /* 0 or VD_ESYS, errno set */
void worker_join(struct worker *w); /* after PARCEL_STOP */

/* The end comes in two parts: all workers are closed, the inboxes freed, then
 * the workers with their loops. */
void worker_close(struct worker *w);
void worker_free(struct worker *w); /* NULL allowed */

const struct stats *worker_stats(const struct worker *w);

#endif
