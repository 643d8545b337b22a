/*
 * What an operator's tools ask, over HTTP on a Unix socket and on a TCP
 * address: /metrics (Prometheus text), /livez, /readyz. On the main thread's
 * loop, with evhttp; a worker is never asked, what it counts is read.
 */
#ifndef VIADUCT_ADMIN_ADMIN_H
#define VIADUCT_ADMIN_ADMIN_H

#include <sys/types.h>

#include "viaduct/admin/conf.h"
#include "viaduct/loop/loop.h"
#include "viaduct/registrar/location.h"
#include "viaduct/util/stats.h"

struct admin_worker {
	const struct stats *stats;
	uint64_t asked_ms; /* since when it owes a sign of life; 0: it does
			    * not */
};

/* The process as it is; the main thread keeps it up to date. */
struct admin_view {
	const struct admin_worker *workers;
	unsigned n_workers;
	struct location *location;
	uint32_t deadline_ms; /* for a request: limits.message_timeout */
	bool is_ready, is_draining;
	bool is_reload_good; /* the last one; the start counts as one */
	uint64_t reload_s;   /* Unix time of the last good one */
	uint64_t start_s;    /* Unix time */
	uint64_t start_ms;   /* monotonic */
};

enum {
	ADMIN_SILENCE_MS = 5000, /* after this a worker counts as stuck */
};

struct admin;

/*
 * Bind what the section names; it is served once the loop runs. loop, view:
 * borrowed.
 *
 * is_asked: the operator wrote admin.socket himself. If he did not, a
 * socket that cannot be made is one line in the log.
 *
 * Returns 0, VD_ENOMEM, or VD_ESYS with `why` holding one sentence that names
 * the address.
 */
int admin_open(const struct admin_section *s, bool is_asked, struct loop *loop,
	       const struct admin_view *view, struct admin **out,
	       char why[256]);

/* The socket, and the directory if it was made for it, become this user's.
 * Returns 0 or VD_ESYS, errno set. */
int admin_chown(struct admin *a, uid_t uid, gid_t gid);

/* Ends all connections and removes the socket. NULL allowed. */
void admin_close(struct admin *a);

#endif
