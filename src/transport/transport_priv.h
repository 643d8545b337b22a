/* What the parts of the transport layer share. */
#ifndef VIADUCT_TRANSPORT_PRIV_H
#define VIADUCT_TRANSPORT_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "transport/directory.h"
#include "transport/identities.h"
#include "transport/slots.h"
#include "transport/sources.h"
#include "viaduct/sip/frame.h"
#include "viaduct/transport/transport.h"
#include "viaduct/util/list.h"

enum {
	/* A hop that does not answer a SYN, or the hello of TLS: two SYN
	 * retransmissions fit (after 1 and 3 s), and seven more hops before
	 * Timer B (RFC 3263 4.3). */
	CONNECT_TIMEOUT_MS = 4000,
	/* Bytes that the peer's system does not acknowledge or take, unless
	 * message_timeout is longer: 64*T1 of RFC 3261 17.1.1.1. The kernel
	 * itself would send them for a quarter of an hour, and so long whoever
	 * is gone without a word, a phone in another network, would keep his
	 * connection and binding. */
	UNACKNOWLEDGED_MS = 32000,
	/* After our last byte: time for the peer to read it and close. Closing
	 * at once would reset the connection if input is unread, and the reset
	 * destroys what the peer has not read yet. */
	LINGER_MS = 1000,
	LINGER_BYTES = 1 << 20, /* input thrown away meanwhile */
	/* A peer that writes no more: is it gone, or is nothing left to tell
	 * it? The time between two looks doubles. */
	HALF_LOOK_MS = 10,
	HALF_LOOK_MAX_MS = 1280,
	/* One read: what a flood of one peer may cost others in a turn. */
	SCRATCH_SIZE = 16384,
	RECORD_SIZE = 16384, /* one record of TLS */
	READS_PER_TURN = 4,  /* of a TLS connection, each about a record */
	OUT_COST = 96,       /* what a queued message costs besides its bytes */
	OUT_IOV = 64,        /* messages per write */
	ACCEPT_BATCH = 16,
	HANDSHAKES_PER_TURN = 8, /* steps of them; a few milliseconds */
	ACCEPT_PAUSE_MS = 100,   /* without descriptors; doubles ... */
	ACCEPT_PAUSE_MAX_MS = 1600,
	SOURCE_CACHE = 64,
	ROUTES_TTL_MS = 10000, /* addresses of interfaces, choices of routing */
};

/* The limits in force; written by a reload on any thread. */
struct limits {
	_Atomic uint32_t connections, connections_per_source;
	_Atomic uint64_t message_size, output_queue;
	_Atomic uint32_t idle_timeout_ms, message_timeout_ms;
	_Atomic uint32_t handshake_timeout_ms;
};

struct listener {
	const struct listener_conf *conf; /* borrowed */
	bool is_any;                      /* a wildcard */
	int *fds; /* one per worker; -1: closed. Each belongs to its worker. */
	struct ssl_ctx_st **tls; /* conf->tls.n of them, under tls_lock */
};

/* The addresses of the machine's interfaces. */
struct ifaces {
	pthread_mutex_t lock;
	struct ifaddrs *list; /* NULL: never read */
	uint64_t until_ms;
};

struct transport_set {
	struct mem *mem; /* of the thread that opens and closes the set */
	struct post *post;
	unsigned n_workers;
	size_t n_listeners;
	struct listener *listeners;
	struct limits limits;
	_Atomic size_t n_connections;
	struct slots *slots; /* one per worker */
	struct directory *directory;
	struct sources *sources;
	struct identities *identities;
	struct tls_sessions *sessions;
	pthread_mutex_t tls_lock; /* for what connections begin with */
	struct ifaces ifaces;
};

struct source_choice {
	union addr to, from;
	uint64_t until_ms;
};

struct transport {
	struct transport_set *set; /* borrowed, as are the next four */
	struct loop *loop;
	struct mem *mem;
	struct stats *stats;
	const struct transport_ops *ops;
	void *arg;
	uint16_t worker;

	struct udp *udp; /* sockets and scratch space */
	struct acceptor *acceptors;
	size_t n_acceptors;
	int reserve_fd; /* given up to refuse a connection politely */
	char *scratch;  /* SCRATCH_SIZE bytes, for one read of a stream */
	char *record;   /* RECORD_SIZE bytes, for what leaves together */
	struct buf *pong;
	struct ws_decoder *ws; /* NULL: no WebSocket listener */

	struct list conns; /* all of ours */
	struct list dirty; /* have output to write at the end of this turn */
	struct list more;  /* have input that no descriptor will announce */
	struct list news;  /* gone, and not everybody knows */
	struct list lost;  /* datagrams that could not be sent */
	unsigned n_handshakes;   /* steps made in this turn */
	struct timer tell_timer; /* no parcel was free to tell others */

	struct source_choice choices[SOURCE_CACHE];
};

/* --- socket.c --- */
/* Bind for listener `conf`; is_probe: without SO_REUSEPORT. Returns the
 * descriptor or VD_ESYS. */
int socket_bind(const struct listener_conf *conf, bool is_any, bool is_probe);
/* A non-blocking stream socket bound to `local`, but not to its port. The
 * descriptor, or VD_ESYS, VD_EUNREACH. */
int socket_open_stream(const union addr *local);
/* Starts to connect. Returns 0, VD_ECONN, VD_EUNREACH or VD_ESYS. */
int socket_connect(int fd, const union addr *to);
void socket_tune_stream(int fd);
/* How long what the peer does not acknowledge, or does not take, is sent. */
void socket_set_patience(int fd, uint32_t ms);
void socket_close(int fd); /* -1 allowed */
int socket_error_to_vd(int errno_value);

/* --- udp.c --- */
int udp_new(struct transport *t, struct udp **out);
void udp_free(struct udp *u);
int udp_send(struct udp *u, const struct hop *to, struct buf *b);
void udp_flush(struct udp *u);
void udp_tell_lost(struct udp *u);

/* --- tcp.c --- */
int tcp_start(struct transport *t);
void tcp_stop_accepting(struct transport *t);
void tcp_stop(struct transport *t);
int tcp_send(struct transport *t, const struct hop *to, struct buf *b,
	     struct conn_ref *used);

/* --- tls_sessions.c --- */
/* Returns 0 or VD_ENOMEM. */
int tls_sessions_new(struct mem *mem, struct tls_sessions **out);
void tls_sessions_free(struct tls_sessions *s, struct mem *mem);

/* --- tls_set.c --- */
/* The context of a listener's i-th name, with a reference; NULL when there is
 * none (any more). Any thread. */
struct ssl_ctx_st *transport_tls(struct transport_set *s, unsigned listener,
				 size_t i);
int transport_tls_new(struct transport_set *s);
void transport_tls_free(struct transport_set *s);

/* --- parcel.c --- */
/* is_watched: the sender waits on this connection, and will learn its end. */
int parcel_send_message(struct transport *t, const struct hop *to,
			struct conn_ref via, struct buf *b, bool is_watched);
void parcel_tell_expected(struct transport *t, struct conn_ref ref,
			  uint32_t within_ms);
bool parcel_tell_closed(struct transport *t, unsigned worker,
			struct conn_ref ref);

#endif
