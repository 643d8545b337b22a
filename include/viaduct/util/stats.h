/*
 * Counters. Each worker has one `struct stats`, writes it alone, and anybody
 * may read it and sum (relaxed atomics: a plain add on every machine we know).
 */
#ifndef VIADUCT_UTIL_STATS_H
#define VIADUCT_UTIL_STATS_H

#include <stdatomic.h>
#include <stdint.h>

/* name, what it counts. The names are those of the log; src/admin/metrics.c
 * makes metrics of them. */
#define STATS_LIST(X)                                                          \
	X(messages_in, "messages received")                                    \
	X(messages_out, "messages sent")                                       \
	X(messages_malformed, "messages dropped or refused as malformed")      \
	X(keepalives, "datagrams too short for a message: keep-alives")        \
	X(stun_requests, "STUN messages on a SIP port (RFC 5626)")             \
	X(messages_stray, "responses and ACKs that matched nothing")           \
	X(handovers, "messages passed on to the worker that owns them")        \
	X(handovers_dropped, "messages dropped because an inbox was full")     \
	X(send_errors, "sends that failed at once")                            \
	X(requests_new, "requests that made a server transaction")             \
	X(requests_retransmitted, "requests absorbed as retransmissions")      \
	X(responses_forwarded, "responses passed upstream")                    \
	X(retransmissions, "messages that we sent again")                      \
	X(txn_timeouts, "client transactions that ended by Timer B or F")      \
	X(refused_limit, "requests refused because a limit was reached")       \
	X(refused_memory, "requests refused because memory was short")         \
	X(auth_challenges, "requests answered with a challenge")               \
	X(auth_good, "requests with good credentials")                         \
	X(auth_failures, "requests with wrong credentials")                    \
	X(auth_stale, "requests with an old nonce or a count used before")     \
	X(auth_malformed, "requests with credentials that make no sense")      \
	X(auth_banned, "requests refused because their source had failed")     \
	X(auth_bans, "bans begun")                                             \
	X(register_accepted, "REGISTERs whose change was committed")           \
	X(register_queried, "REGISTERs that only asked")                       \
	X(register_bad, "REGISTERs refused as malformed or not supported")     \
	X(register_forbidden, "REGISTERs refused with 403")                    \
	X(register_unknown, "REGISTERs for nobody of ours")                    \
	X(register_brief, "REGISTERs refused with 423")                        \
	X(register_order, "REGISTERs with a CSeq that was passed")             \
	X(register_limit, "REGISTERs refused because there was no room")       \
	X(register_store, "REGISTERs whose change could not be stored")        \
	X(dns_queries, "queries sent to name servers")                         \
	X(dns_timeouts, "queries that no name server answered")                \
	X(dns_failures, "searches that found no next hop")                     \
	X(dns_coalesced, "queries that joined an identical one in flight")     \
	X(dns_cache_hits, "names answered from the cache")                     \
	X(dns_cache_misses, "names that were not in the cache")                \
	X(connections_opened, "connections made or accepted")                  \
	X(connections_refused, "connections refused by a limit")               \
	X(connections_failed, "connections that ended with an error")          \
	X(connections_reset, "connections that peers reset between messages")  \
	X(connections_silent, "connections closed for want of keep-alives")    \
	X(connections_slow, "connections closed by a deadline or full queue")  \
	X(handshakes_failed, "TLS and WebSocket handshakes that failed")       \
	X(hops_failed, "next hops that failed and were passed over")

enum stat {
#define X(name, help) STAT_##name,
	STATS_LIST(X)
#undef X
		STAT_COUNT,
};

/* Ceilings, and where each is set. Not in here: what counts as malformed. */
#define STATS_LIMITS(X)                                                        \
	X(drain, "server.drain")                                               \
	X(transactions, "limits.transactions")                                 \
	X(requests_per_second, "limits.requests_per_second_per_source")        \
	X(memory, "limits.memory")                                             \
	X(connections, "limits.connections")                                   \
	X(connections_per_source, "limits.connections_per_source")             \
	X(output_queue, "limits.output_queue")                                 \
	X(message_timeout, "limits.message_timeout")                           \
	X(handshake_timeout, "limits.handshake_timeout")                       \
	X(max_branches, "limits.max_branches")                                 \
	X(max_breadth, "limits.max_breadth")                                   \
	X(auth_failures, "limits.auth_failures")                               \
	X(in_flight, "resolver.in_flight")                                     \
	X(descriptors, "descriptors")                                          \
	X(store_queue, "store queue")

enum limit {
#define X(name, key) LIMIT_##name,
	STATS_LIMITS(X)
#undef X
		LIMIT_COUNT,
};

/* What is there now, as a worker saw it when it was last asked. */
#define STATS_GAUGES(X)                                                        \
	X(open_requests,                                                       \
	  "requests without a final response, or with branches "               \
	  "that wait for one")                                                 \
	X(open_transactions, "transactions without a final response")          \
	X(lingering_transactions, "transactions that wait for their last "     \
				  "timer")                                     \
	X(dns_queries_in_flight, "queries sent and not answered")              \
	X(memory_used, "bytes in use")                                         \
	X(memory_held, "bytes taken from the system")

enum gauge {
#define X(name, help) GAUGE_##name,
	STATS_GAUGES(X)
#undef X
		GAUGE_COUNT,
};

/* util knows no SIP; admin checks that these suffice. */
enum {
	STATS_TRANSPORTS = 8, /* enum sip_transport */
	STATS_METHODS = 15,   /* enum sip_method */
	STATS_CLASSES = 5,    /* 2xx to 6xx */
	STATS_BUCKETS = 16,
};

/* How many took how long; n[STATS_BUCKETS]: longer than any bound. Not
 * cumulative. */
struct stats_histogram {
	_Atomic uint64_t n[STATS_BUCKETS + 1];
	_Atomic uint64_t sum_ms;
};

struct stats {
	_Atomic uint64_t v[STAT_COUNT];
	_Atomic uint64_t limits[LIMIT_COUNT];
	_Atomic uint64_t gauges[GAUGE_COUNT];
	/* By transport. */
	_Atomic uint64_t in[STATS_TRANSPORTS], out[STATS_TRANSPORTS];
	_Atomic uint64_t connections[STATS_TRANSPORTS]; /* open ones */
	/* By method. */
	_Atomic uint64_t requests[STATS_METHODS];
	_Atomic uint64_t finals[STATS_METHODS][STATS_CLASSES];
	/* From the request to its final response; an INVITE to its 2xx. */
	struct stats_histogram setup, invite, other;
};

static inline uint64_t stats_get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline void stats_set(_Atomic uint64_t *counter, uint64_t value)
{
	atomic_store_explicit(counter, value, memory_order_relaxed);
}

static inline void stats_bump(_Atomic uint64_t *counter, uint64_t n)
{
	stats_set(counter, stats_get(counter) + n);
}

static inline void stats_add(struct stats *s, enum stat i, uint64_t n)
{
	stats_bump(&s->v[i], n);
}

static inline uint64_t stats_read(const struct stats *s, enum stat i)
{
	return stats_get(&s->v[i]);
}

static inline void stats_limit(struct stats *s, enum limit i)
{
	stats_bump(&s->limits[i], 1);
}

/* transport: enum sip_transport. */
static inline void stats_received(struct stats *s, unsigned transport)
{
	stats_add(s, STAT_messages_in, 1);
	stats_bump(&s->in[transport], 1);
}

static inline void stats_sent(struct stats *s, unsigned transport, uint64_t n)
{
	stats_add(s, STAT_messages_out, n);
	stats_bump(&s->out[transport], n);
}

/* A final response to a request of this method (enum sip_method). */
static inline void stats_final(struct stats *s, unsigned method,
			       unsigned status)
{
	if (status >= 200 && status < 700)
		stats_bump(&s->finals[method][status / 100 - 2], 1);
}

/* Upper bounds, ascending. */
extern const uint32_t stats_bounds_ms[STATS_BUCKETS];
void stats_observe(struct stats_histogram *h, uint64_t ms);

const char *stats_name(enum stat i);
const char *stats_help(enum stat i);
const char *stats_limit_name(enum limit i);
const char *stats_gauge_name(enum gauge i);
const char *stats_gauge_help(enum gauge i);

#endif
