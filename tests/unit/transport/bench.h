/*
 * A bench for the transport layer: real sockets on loopback, one or more
 * workers whose loops are driven in turns on one thread, and notes of what the
 * layer told. The peers are plain sockets.
 */
#ifndef VIADUCT_TESTS_TRANSPORT_BENCH_H
#define VIADUCT_TESTS_TRANSPORT_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "viaduct/loop/inbox.h"
#include "viaduct/transport/transport.h"
#include "viaduct/util/err.h"

enum {
	BENCH_WORKERS = 2,
	BENCH_LISTENERS = 4,
	BENCH_TEXT = 1 << 17,
	BENCH_WAIT_MS = 5000, /* for what must happen */
};

/* A whole one, without a body. */
#define MESSAGE "OPTIONS sip:a@b SIP/2.0\r\nl: 0\r\n\r\n"

struct bench;

struct bench_worker {
	struct bench *bench;
	unsigned index;
	struct loop *loop;
	struct mem *mem;
	struct stats stats;
	struct transport *transport;

	unsigned n_messages, n_broken, n_errors, n_closed;
	struct flow from; /* of the last message, whole or broken */
	unsigned status;
	char text[BENCH_TEXT]; /* the last message, or an error's payload */
	size_t len;
	union addr error_remote;
	int err;
	struct conn_ref closed;
};

struct bench {
	struct listener_conf listeners[BENCH_LISTENERS];
	size_t n_listeners;
	unsigned n_workers;
	unsigned max_parcels;
	struct transport_limits limits;
	struct post *post;
	struct transport_set *set;
	struct bench_worker w[BENCH_WORKERS];
	struct str answer; /* to every message and broken stream; or none */
};

/* Generous limits, one worker, no listener; then bench_listen(), then
 * bench_start(). */
struct bench *bench_new(void);
void bench_listen(struct bench *b, enum sip_transport t, const char *hostport);
void bench_start(struct bench *b);
void bench_free(struct bench *b);

/* All three, for one listener. */
struct bench *bench_listening(enum sip_transport t, const char *hostport);

/* Of cmocka: the state is a bench. */
int bench_teardown(void **state);

/* b->limits as they are now. */
void bench_set_limits(struct bench *b);

/* The parts of bench_start(), for those that expect failures: everything but
 * the workers, of it the listeners alone, and one worker. */
void bench_prepare(struct bench *b);
int bench_open(struct bench *b, char why[256]);
int bench_start_worker(struct bench *b, unsigned w);
void bench_stop_worker(struct bench *b, unsigned w);

/* One turn of each loop. */
void bench_turn(struct bench *b);

/* Turn until it holds; fails the test after BENCH_WAIT_MS. */
#define bench_until(b, condition)                                              \
	do {                                                                   \
		uint64_t end_ms_ = bench_now_ms() + BENCH_WAIT_MS;             \
		while (!(condition)) {                                         \
			if (bench_now_ms() > end_ms_)                          \
				fail_msg("never: %s", #condition);             \
			bench_turn(b);                                         \
		}                                                              \
	} while (0)

/* Turn until what other threads and the kernel had queued was handled. */
void bench_settle(struct bench *b);
uint64_t bench_now_ms(void);

union addr bench_addr(const char *hostport);
struct buf *bench_buf(struct bench_worker *w, struct str s);

/* Send text from worker w; port and transport of `to` as written. */
int bench_send(struct bench *b, unsigned w, const struct hop *to,
	       struct str text, struct conn_ref *used);
struct hop bench_hop(enum sip_transport t, unsigned listener,
		     const char *hostport);

/* Peers. All are non-blocking and fail the test when they fail. */
int peer_udp(const char *hostport);
int peer_listen(const char *hostport);
int peer_connect(const char *from, const char *to);
/* Turn until it is accepted. */
int peer_accepted(struct bench *b, const char *from, const char *to);
void peer_send_to(int fd, const char *hostport, struct str s);
void peer_write(int fd, struct str s);
/* Turn until `len` bytes have come (at most BENCH_TEXT); returns them. */
const char *peer_read(struct bench *b, int fd, size_t len);
/* Turn until the peer sees the end of the stream, and no byte before it.
 * Returns the errno, 0 for an orderly end. */
int peer_read_end(struct bench *b, int fd);
int peer_accept(struct bench *b, int listen_fd);
/* One datagram; its length, the sender in *from. */
size_t peer_receive(struct bench *b, int fd, char *text, size_t cap,
		    union addr *from);

uint64_t bench_stat(const struct bench *b, enum stat s);

#endif
