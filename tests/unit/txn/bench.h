/* A transaction table on a bench: a virtual clock, a list of what was sent, an
 * owner who writes down what he is told. */
#ifndef TESTS_TXN_BENCH_H
#define TESTS_TXN_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "txn/txn_priv.h"

enum {
	BENCH_SENT_MAX = 64,
	BENCH_DEFERRED_MAX = 16,
	BENCH_HDRS = 32,
	BENCH_START_MS = 1000,
};

struct sent {
	uint64_t at_ms; /* since the bench was made */
	struct hop hop;
	struct buf *buf;
	int n_held; /* connections, meanwhile */
};

/* What an owner was told. */
struct owner {
	unsigned n_responses, last_status;
	unsigned n_failed, n_ended;
	int err;
	/* done inside on_response and on_failed, if set */
	void (*react)(struct owner *o);
	struct bench *bench;
	struct client_txn *ct;
	struct server_txn *st;
};

struct bench {
	struct timer_wheel *wheel;
	struct mem *mem;
	struct stats stats;
	struct txn_timers timers; /* of what is made from now on */
	struct txn_table *table;
	struct sent sent[BENCH_SENT_MAX];
	size_t n_sent;
	int send_err;         /* what send() returns */
	struct conn_ref used; /* and says it has used, on streams */
	int n_held;
	struct {
		void (*fn)(void *what);
		void *what;
	} deferred[BENCH_DEFERRED_MAX];
	size_t n_deferred;
	struct owner owner;
	struct client_txn *ct;
	struct server_txn *st;
	struct txn_key key;              /* of the last request looked up */
	char branch[TXN_BRANCH_MAX + 1]; /* of ct */
};

extern const struct txn_timers bench_timers; /* the RFC's */
extern const uint8_t bench_secret[16];
extern const struct client_txn_ops bench_client_ops;
extern const struct server_txn_ops bench_server_ops;

int bench_setup(void **state);    /* cmocka; mem without a ceiling */
int bench_teardown(void **state); /* and checks that nothing leaks */

void bench_env(struct bench *b, struct txn_env *env);
void bench_table(struct bench *b, uint16_t worker, const uint8_t *secret,
		 struct txn_table **out);

void bench_turn(struct bench *b); /* what was deferred */
void bench_forget_sent(struct bench *b);
/* To this many ms after the start, a turn at every tick. */
void bench_advance_to(struct bench *b, uint64_t ms);

struct hop bench_hop(enum sip_transport transport, const char *addr);
struct buf *bench_buf(struct bench *b, const char *text);
struct flow bench_flow(const char *remote);

/* A message from text; lives until the next but seven of these. */
struct sip_msg *bench_msg(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
struct sip_msg *bench_request(const char *method, const char *branch);

/* b->ct, started (new) with a request of this method. */
void bench_client_new(struct bench *b, const char *method);
struct buf *bench_client_request(struct bench *b, const char *method);
void bench_client_start(struct bench *b, const char *method,
			enum sip_transport transport);
/* A response to b->ct; returns what txn_receive_response() says. */
bool bench_answer(struct bench *b, unsigned status, const char *method,
		  const char *to_tag);

/* Look a request up; its key stays in b->key. */
struct server_txn *bench_find(struct bench *b, struct sip_msg *req);
struct server_txn *bench_find_cancelled(struct bench *b, struct sip_msg *req);
const struct txn_key *bench_key(struct bench *b, struct sip_msg *req);

/* b->st, new, for a request with branch z9hG4bKpeer. */
void bench_server_new(struct bench *b, const char *method,
		      enum sip_transport transport);
void bench_respond(struct bench *b, unsigned status);

/* Does the n-th message sent begin so? */
bool bench_sent_starts(const struct bench *b, size_t n, const char *text);
bool bench_sent_has(const struct bench *b, size_t n, const char *text);

static inline uint64_t bench_stat(const struct bench *b, enum stat i)
{
	return stats_read(&b->stats, i);
}

#endif
