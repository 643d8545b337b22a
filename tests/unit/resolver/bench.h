/* A resolver with a real loop and a name server of its own. */
#ifndef VIADUCT_TEST_RESOLVER_BENCH_H
#define VIADUCT_TEST_RESOLVER_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "name_server.h"
#include "resolver/resolver_priv.h"
#include "viaduct/util/err.h"

enum {
	BIT_UDP = 1 << SIP_UDP,
	BIT_TCP = 1 << SIP_TCP,
	BIT_TLS = 1 << SIP_TLS,
	BIT_WS = 1 << SIP_WS,
	BIT_WSS = 1 << SIP_WSS,
	BIT_ALL = BIT_UDP | BIT_TCP | BIT_TLS,
};

struct bench {
	struct loop *loop;
	struct mem *mem;
	struct stats stats;
	struct name_server server;
	struct resolver_conf conf;
	struct resolver *resolver;
	struct locate *locate;
	struct timer patience; /* the test fails when it runs out */
	size_t n_ready;
};

/* Change `conf` and call bench_restart() for another resolver. */
int bench_setup(void **state);
int bench_teardown(void **state);
void bench_restart(struct bench *b);

/* Let the loop turn until *n is at least `at_least`. */
void bench_run_until(struct bench *b, const size_t *n, size_t at_least);
void bench_run_ms(struct bench *b, uint64_t ms);

/* A target by name: every transport of BIT_ALL, IPv4 only. */
struct locate_target bench_target(const char *host);

/* End the search before, begin this one. Returns locate_start()'s; the second
 * one must succeed. */
int bench_try_start(struct bench *b, const struct locate_target *target);
void bench_start(struct bench *b, const struct locate_target *target);
void bench_find(struct bench *b, const char *host); /* bench_target() */

/* The next hop, waiting for as long as it takes. Returns locate_next()'s. */
int bench_next(struct bench *b, struct locate_hop *hop);

/* "udp 192.0.2.1:5060"; a suspect has " ?" behind. */
void bench_expect(struct bench *b, const char *hop);
void bench_expect_end(struct bench *b, int err);

struct locate_hop bench_hop(enum sip_transport transport, const char *hostport);
uint64_t bench_stat(const struct bench *b, enum stat i);

#endif
