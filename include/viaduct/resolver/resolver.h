/*
 * Locating SIP servers (RFC 3263): what to reach in, next hops out, best first,
 * each resolved only when it is asked for. One resolver per worker; answers
 * come through the loop and nothing here blocks.
 */
#ifndef VIADUCT_RESOLVER_RESOLVER_H
#define VIADUCT_RESOLVER_RESOLVER_H

#include "viaduct/loop/loop.h"
#include "viaduct/sip/uri.h"
#include "viaduct/util/addr.h"
#include "viaduct/util/mem.h"
#include "viaduct/util/stats.h"

struct resolver_conf {
	const union addr *servers; /* none: the system's */
	size_t n_servers;
	const char *hosts_file; /* NULL: none. hosts(5), answers before DNS */
	uint32_t timeout_ms;    /* one query to one server */
	uint32_t search_timeout_ms; /* all queries for one next hop */
	uint32_t in_flight;         /* searches at once, this worker */
	uint32_t cache;             /* names */
	int families[2];            /* AF_INET6, AF_INET in order of preference;
				     * AF_UNSPEC: only one */
	uint32_t dead_ms; /* how long a failed hop is passed over: 30000 */
};

/* Whatever a name server says. */
enum {
	RESOLVER_TARGETS_MAX = 20,    /* of one name */
	RESOLVER_CNAMES_MAX = 8,      /* in a chain */
	RESOLVER_NEGATIVE_MAX_S = 10, /* that there is nothing, in the cache */
};

struct resolver;

/* conf is copied. Returns 0, VD_ENOMEM, VD_ESYS or VD_EINVAL with one sentence
 * in `why` (hosts file unreadable: file, line). */
int resolver_new(struct loop *loop, struct mem *mem, struct stats *stats,
		 const struct resolver_conf *conf, struct resolver **out,
		 char why[256]);

/* NULL allowed; not from within a locate_ready_fn. Open searches give no more
 * hops and tell nobody; each still wants its locate_end(). */
void resolver_free(struct resolver *r);

/* Sets the gauges of its stats. */
void resolver_gauge(const struct resolver *r);

/* What is to be reached: the relevant parts of a Route or Request-URI. */
struct locate_target {
	struct str host; /* maddr if there is one; name or numeric address,
			  * IPv6 with or without brackets */
	uint16_t port;   /* 0: none */
	enum sip_transport transport; /* as the URI says, or NONE */
	bool is_sips;
	/* What we can send with, by our listeners: bit (1 << SIP_UDP) etc.; a
	 * transport or family not in here is never returned. */
	uint32_t transports;
	bool has_inet, has_inet6;
};

struct locate_hop {
	enum sip_transport transport;
	union addr addr; /* with port */
	bool is_suspect; /* failed lately; returned after all others */
};

struct locate;

/* A hop may be ready now: call locate_next() again. Runs on the loop, once per
 * VD_EAGAIN, never from within locate_start() or locate_next(). */
typedef void locate_ready_fn(void *arg);

/*
 * Begin. target is copied. No query is sent yet.
 * Returns 0, VD_ENOMEM, VD_EINVAL (no host name) or VD_ELIMIT (as many searches
 * as resolver.in_flight wait, and this one needs the DNS).
 */
int locate_start(struct resolver *r, const struct locate_target *target,
		 locate_ready_fn *ready, void *arg, struct locate **out);

/*
 * The next hop to try. Numeric hosts answer at once.
 *
 * Returns 0 with *out, VD_EAGAIN (ready will be called), or at the end of the
 * list: VD_ENOENT when the name has no SIP service (or all hops were given),
 * VD_ETIMEOUT (no name server answered within search_timeout_ms), VD_ESERVFAIL,
 * VD_EUNSUP (a service is there, but over no transport of ours), VD_ELIMIT
 * (too many wait, or too many queries are in flight) or VD_ENOMEM. After an
 * error it stays at the end.
 */
int locate_next(struct locate *l, struct locate_hop *out);

void locate_end(struct locate *l); /* NULL allowed; ready never runs after */

/* The hop did not answer, refused or said 503: pass it over for a while when
 * there are others. / It answered. */
void resolver_hop_failed(struct resolver *r, const struct locate_hop *hop);
void resolver_hop_ok(struct resolver *r, const struct locate_hop *hop);
/* As failed, for as long as its Retry-After says, and whatever it answers to
 * others meanwhile. */
void resolver_hop_rests(struct resolver *r, const struct locate_hop *hop,
			uint32_t rest_ms);
/* It failed lately, and nothing has been heard from it since. */
bool resolver_hop_is_suspect(struct resolver *r, const struct locate_hop *hop);

#endif
