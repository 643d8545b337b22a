/*
 * Counters. Each worker has one `struct stats`, writes it alone, and anybody
 * may read it and sum (relaxed atomics: a plain add on every machine we know).
 */
#ifndef VIADUCT_UTIL_STATS_H
#define VIADUCT_UTIL_STATS_H

#include <stdatomic.h>
#include <stdint.h>

/* name, what it counts. The names become metrics: viaduct_<name>_total. */
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
	X(auth_banned, "requests refused because their source had failed")     \
	X(dns_queries, "queries sent to name servers")                         \
	X(dns_failures, "searches that found no next hop")                     \
	X(dns_coalesced, "queries that joined an identical one in flight")     \
	X(dns_cache_hits, "names answered from the cache")                     \
	X(connections_opened, "connections made or accepted")                  \
	X(connections_refused, "connections refused by a limit")               \
	X(connections_failed, "connections that ended with an error")          \
	X(connections_slow, "connections closed by a deadline or full queue")  \
	X(handshakes_failed, "TLS and WebSocket handshakes that failed")       \
	X(hops_failed, "next hops that failed and were passed over")

enum stat {
#define X(name, help) STAT_##name,
	STATS_LIST(X)
#undef X
		STAT_COUNT,
};

struct stats {
	_Atomic uint64_t v[STAT_COUNT];
};

static inline void stats_add(struct stats *s, enum stat i, uint64_t n)
{
	uint64_t v = atomic_load_explicit(&s->v[i], memory_order_relaxed);

	atomic_store_explicit(&s->v[i], v + n, memory_order_relaxed);
}

static inline uint64_t stats_read(const struct stats *s, enum stat i)
{
	return atomic_load_explicit(&s->v[i], memory_order_relaxed);
}

const char *stats_name(enum stat i);
const char *stats_help(enum stat i);

#endif
