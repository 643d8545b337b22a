/*
 * A whole proxy core on a bench: a real loop, real sockets on loopback, a
 * resolver that knows a hosts file and a name server that never answers. A step
 * of the bench stands in for the rules and takes its verdict from the test.
 * Peers are plain sockets, driven on the same thread: everything waits for a
 * condition. Time goes on by bench_pass() alone.
 *
 * A program defines NET, "127.85.N.", before it includes this: its addresses.
 */
#ifndef VIADUCT_TESTS_PROXY_BENCH_H
#define VIADUCT_TESTS_PROXY_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proxy/proxy_priv.h"
#include "viaduct/util/err.h"

extern const char *const bench_net; /* NET of the program */

enum {
	BENCH_TEXT = 16384,
	BENCH_PEERS = 12,
	BENCH_WAIT_MS = 10000, /* for what must happen */
	BENCH_T1_MS = 5000,    /* long: no retransmission by the real clock */
	BENCH_C_MS = 900000,
};

struct bench;

struct peer {
	struct bench *bench;
	int fd;
	bool is_stream;
	struct peer *listener;    /* of an accepted stream */
	char text[BENCH_TEXT];    /* the message read last, terminated */
	char request[BENCH_TEXT]; /* the same, but no ACK or CANCEL */
};

/* A snapshot that counts how often it was freed. */
struct bench_conf {
	struct snapshot snapshot;
	unsigned n_freed;
};

struct bench {
	struct loop *loop;
	struct mem *mem;
	struct stats stats;
	struct post *post;
	struct listener_conf listeners[4];
	size_t n_listeners;
	struct transport_set *set;
	struct transport *transport;
	struct resolver_conf resolver_conf;
	struct resolver *resolver;
	char hosts[64]; /* a file's path */
	struct bench_conf conf;
	struct domain domain;
	struct addr_net trust;
	struct proxy_env env;
	struct proxy *proxy;
	struct peer *peers[BENCH_PEERS];
	unsigned n_peers;
	struct peer *caller;     /* NET "9", port 5060 */
	struct flow flow;        /* of the message received last */
	const struct plan *plan; /* what every request is forwarded to */
	/* Takes parcels that are not the transport's; NULL: there are none. The
	 * inboxes have a second place, 1, for who sends them. */
	bool (*on_parcel)(struct bench *b, struct parcel *p);
	void *user; /* of the test */
};

/* For cmocka. Listeners: UDP and TCP on NET "1:5060", UDP on NET "11:5080". */
int bench_setup(void **state);
int bench_teardown(void **state); /* checks that nothing leaks */

#define BENCH_TEST(fn)                                                         \
	cmocka_unit_test_setup_teardown(fn, bench_setup, bench_teardown)

/* The parts of it. */
struct bench *bench_new(void);
void bench_open(struct bench *b); /* with what was set until now */
void bench_conf_init(struct bench *b, struct bench_conf *c);
int bench_proxy_new(struct bench *b);

void bench_turn(struct bench *b);
void bench_settle(struct bench *b); /* what is on its way has arrived */
void bench_pass(struct bench *b, uint64_t ms); /* and a tick or two */
uint64_t bench_now_ms(void);

#define bench_until(b, condition)                                              \
	do {                                                                   \
		uint64_t end_ms_ = bench_now_ms() + BENCH_WAIT_MS;             \
		while (!(condition)) {                                         \
			if (bench_now_ms() > end_ms_)                          \
				fail_msg("never: %s", #condition);             \
			bench_turn(b);                                         \
		}                                                              \
	} while (0)

union addr bench_addr(const char *hostport);
struct flow bench_flow(enum sip_transport t, unsigned listener,
		       const char *remote);

/* A request of the caller's; `fields` are whole header fields. Static. */
const char *bench_request(const char *method, const char *uri,
			  const char *branch, const char *fields);
struct str bench_format(const char *fmt, ...)
	__attribute__((format(printf, 1, 2))); /* static, eight of them */

/* Peers. */
struct peer *peer_open(struct bench *b, const char *hostport);
struct peer *peer_connect(struct bench *b, const char *hostport);
struct peer *peer_listen(struct bench *b, const char *hostport);
void peer_close(struct peer *p);
void peer_send(struct peer *p, const char *text); /* to the proxy */
bool peer_poll(struct peer *p); /* one message into p->text, if there is one */
/* The next message; fails unless it begins so. */
void peer_expect(struct peer *p, const char *start);
/* The same, `start` being the response status. */
void peer_expect_status(struct peer *p, unsigned status);
void peer_expect_nothing(struct peer *p);
bool peer_has(const struct peer *p, const char *text);
/* Answer p->request, or the CANCEL in p->text; fields may be "". */
void peer_answer(struct peer *p, unsigned status, const char *fields);
void peer_answer_cancel(struct peer *p);

static inline uint64_t bench_stat(const struct bench *b, enum stat s)
{
	return stats_read(&b->stats, s);
}

#define assert_str(s, z)                                                       \
	do {                                                                   \
		struct str s_ = (s);                                           \
		assert_non_null(s_.p);                                         \
		assert_string_equal(bench_format("%.*s", STR_FMT(s_)).p, (z)); \
	} while (0)

#define LEAF(z)                                                                \
	{                                                                      \
		.kind = PLAN_LEAF, .uri = {(z), sizeof(z) - 1 }                \
	}
#define FORK(how, list)                                                        \
	{                                                                      \
		.kind = (how), .children = (list),                             \
		.n_children = ARRAY_LEN(list)                                  \
	}

#endif
