/*
 * The proxy core of one worker (RFC 3261 section 16): takes messages from the
 * transports, runs new requests through the steps, forks, chooses responses.
 *
 *   transport -> index -> transaction match -> steps -> branches -> transport
 */
#ifndef VIADUCT_PROXY_PROXY_H
#define VIADUCT_PROXY_PROXY_H

#include <stdatomic.h>

#include "viaduct/loop/loop.h"
#include "viaduct/proxy/request.h"
#include "viaduct/resolver/resolver.h"
#include "viaduct/transport/transport.h"
#include "viaduct/txn/txn.h"

/* A checked configuration, counted: by its maker, by each worker that uses it
 * for new requests or still has requests that began under it. */
struct snapshot {
	atomic_uint refs;
	struct proxy_conf proxy;
	void (*free)(struct snapshot *s);
};

struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s);

/* How many requests each source has sent in this second
 * (limits.requests_per_second_per_source), whichever worker had them. */
struct source_limiter;
int source_limiter_new(struct source_limiter **out); /* 0 or VD_ENOMEM */
void source_limiter_free(struct source_limiter *l);  /* NULL allowed */

struct proxy_env { /* all borrowed, of one worker but for `sources` */
	struct loop *loop;
	struct mem *mem;
	struct stats *stats;
	struct transport_set *transports;
	struct transport *transport;
	struct resolver *resolver;
	struct source_limiter *sources; /* shared by all */
	unsigned worker, n_workers;
	const uint8_t *secret; /* MAC_KEY_LEN bytes: tokens and branches */
	/* Nobody is at the other end of this contact's flow of datagrams; NULL:
	 * nobody wants to know. */
	void (*flow_failed)(void *arg, const struct hop *flow);
	void *flow_arg;
};

/* conf: a reference is taken. Returns 0 or VD_ENOMEM. */
int proxy_new(const struct proxy_env *env, struct snapshot *conf,
	      struct proxy **out);
void proxy_free(struct proxy *p);

/* New requests follow this snapshot from now on. */
void proxy_set_conf(struct proxy *p, struct snapshot *conf);

/* One message, whole, from its start line on; this worker owns it. */
void proxy_receive(struct proxy *p, const struct flow *from, struct str bytes);

/* A stream that cannot be framed: answer `status` if that is possible. */
void proxy_broken(struct proxy *p, const struct flow *from, struct str bytes,
		  unsigned status);

/* What transport_ops tells. */
void proxy_udp_error(struct proxy *p, const union addr *remote, int err,
		     struct str payload);
void proxy_conn_closed(struct proxy *p, struct conn_ref conn);

/* Refuse new requests with 503 from now on (dialogs included). */
void proxy_drain(struct proxy *p);

/* Requests without a final response, or with branches that wait for one. */
size_t proxy_n_open(const struct proxy *p);
void proxy_gauge(const struct proxy *p); /* sets those of its stats */

/* Which worker owns a datagram that ICMP returned; false: nobody. */
bool proxy_payload_owner(struct str payload, unsigned n_workers,
			 unsigned *worker);

#endif
