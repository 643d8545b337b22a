/* The files of `tls`, watched: what has changed is loaded again. On the main
 * thread. */
#ifndef VIADUCT_DAEMON_TLS_WATCH_H
#define VIADUCT_DAEMON_TLS_WATCH_H

#include "viaduct/loop/loop.h"
#include "viaduct/transport/transport.h"
#include "viaduct/util/list.h"

struct tls_watch {
	struct timer timer;
	struct loop *loop; /* borrowed, as are the next two */
	struct transport_set *set;
	struct conf_array *entries; /* struct tls_entry */
	uint64_t renew_ms;          /* when the ticket key is too old */
	struct list kept; /* entries that a reload dropped, and listeners of
			   * the start still show */
};

/* Look once a second from now on. */
void tls_watch_start(struct tls_watch *w, struct loop *loop,
		     struct transport_set *set, struct conf_array *entries);
/* A reload: these from now on, loaded already. Those before are still there. */
void tls_watch_set(struct tls_watch *w, struct conf_array *entries);
void tls_watch_stop(struct tls_watch *w);

#endif
