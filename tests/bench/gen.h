/* What the parts of the load generator share: its ports, calls and state. */
#ifndef BENCH_GEN_H
#define BENCH_GEN_H

#include <netinet/in.h>
#include <time.h>

#include "message.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define NS_PER_S UINT64_C(1000000000)

enum {
	N_BATCH = 64,             /* datagrams in one system call */
	N_BURST = 32,             /* calls started in one loop turn */
	STREAM_IN = 256 * 1024,   /* bytes of a stream read at once */
	STREAM_OUT = 1024 * 1024, /* bytes that may wait for a slow proxy */
	SOCKET_BUF = 4 * 1024 * 1024,
	MAX_SETUP_US = 1000 * 1000, /* the histogram's last bucket */
	MAX_SHOWN = 10,             /* violations that are printed */
	ID_LEN = 18,                /* kind, number, dot, run */
};

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

enum side { CALLER, CALLEE };

struct address {
	bool stream; /* TCP or TLS, else UDP */
	bool tls;
	char text[32]; /* "127.0.0.1:5060" */
	struct sockaddr_in sin;
};

/* A descriptor in the epoll set. */
struct port {
	enum { PORT_UDP, PORT_STREAM, PORT_LISTEN, PORT_CONTROL } kind;
	enum side side;
	int fd;             /* -1: the proxy closed the stream */
	struct ssl_st *ssl; /* NULL: no TLS */
	bool dirty;         /* `out` waits to be flushed */
	struct port *next_dirty;
	char *in; /* stream: what is not yet a whole message */
	size_t in_len;
	char *out; /* UDP: N_BATCH slots; stream: bytes */
	size_t out_len;
	unsigned n_out;
	size_t out_lens[N_BATCH];
};

/* What has arrived. */
enum seen {
	SEEN_INVITE = 1, /* at the callee */
	SEEN_ACK = 2,
	SEEN_BYE = 4,
	SEEN_OPTIONS = 8,
	SEEN_100 = 16, /* at the caller */
	SEEN_180 = 32,
	SEEN_200 = 64,
	SEEN_BYE_200 = 128,
};

enum call_kind { HELD = 'h', MEASURED = 'm' };

struct call {
	uint32_t n, user;
	char kind;    /* enum call_kind; 0: a slot never used */
	uint8_t seen; /* enum seen */
	bool pending; /* the phase waits for it */
	bool bad;     /* a message of it was wrong */
	uint64_t start_ns;
	struct port *port;        /* borrowed: the caller's */
	struct port *answer_port; /* borrowed: the callee's, while held */
	struct str answer;        /* held: the 200 that ends it; owned */
};

struct options {
	struct address caller, callee, proxy;
	enum { CALL, OPTIONS, OPEN, REGISTER } scenario;
	double rate, hold_rate, seconds, progress_s;
	unsigned long calls, warmup, hold, mark;
	unsigned users, phones, connections, timeout_ms, in_flight;
	int record_routes; /* expected at the callee; -1: by transport */
	bool stateless, step, verbose;
	bool scatter;     /* users in no order */
	bool challenge;   /* REGISTER without credentials first, always */
	const char *ruri; /* with one '%' for the user's number */
	const char *domain;
	const char *pem; /* certificate and key of callees with TLS */
};

/* One stretch of the run: `count` things started at `rate`, all finished. */
struct phase {
	char kind;    /* enum call_kind */
	bool answers; /* ends held calls instead of starting some */
	bool measured;
	const char *pause; /* what --step reports when it is over */
	double rate;
	unsigned long base, count;
	unsigned long started, settled; /* counted from `base` */
	uint64_t t0_ns;
};

struct counters {
	unsigned long ok, messages_in, messages_out;
	unsigned long failed, violations, reordered, without_100, challenges;
	unsigned long retransmissions[2]; /* seen by enum side */
};

struct gen {
	struct options o;
	int epoll_fd;
	uint64_t now;
	char run[9]; /* hex: tells this run's calls from others' */
	char ruri_head[128], ruri_tail[128];
	char contact_tail[2][64]; /* by enum side: "@host:port..." */
	struct port *udp[2];
	struct port **streams; /* the caller's */
	struct port *dirty;
	struct call *held;
	struct call *ring; /* measured calls by number modulo its size */
	uint32_t ring_mask;
	struct phone *phones; /* REGISTER: `o.phones` of them */
	struct phase phases[5];
	size_t n_phases, at_phase;
	bool paused, has_settled;
	unsigned long pending; /* calls */
	uint64_t next_progress_ns, max_lag_ns;
	uint64_t run_start_ns, run_end_ns, run_cpu_us;
	struct counters n, at_run; /* all; when measuring began */
	uint32_t *setup_us;        /* histogram, a bucket per microsecond */
	unsigned long setups;
};

/* ---- loadgen.c --------------------------------------------------------- */

/* Of `o.phones` things the one whose turn is the n-th. */
uint32_t number_spread(const struct gen *g, uint32_t n);

/* What makes Call-ID, tags and branches of a call: "m0000002a.5f3a9c01". */
void put_id(struct gen *g, struct text *t, const struct call *c);
bool is_id(struct gen *g, struct str s, struct str prefix,
	   const struct call *c);

/* The number in a Call-ID, which may be none of ours; UINT32_MAX: too short. */
uint32_t id_number(struct str call_id);

void put_user(struct text *t, enum side side, const struct call *c);
void put_contact(struct gen *g, struct text *t, enum side side,
		 const struct call *c);
void put_body(struct text *t, struct str body);

/* "Via: SIP/2.0/UDP host:port;rport;branch=", as the callers have it. */
void put_via_head(struct gen *g, struct text *t);

/* Room for the next message; port_send() makes it part of the output. */
struct text port_text(struct gen *g, struct port *p);
void port_send(struct gen *g, struct port *p, const struct text *t);

/* A message is wrong. */
void violation(struct gen *g, const struct port *p, struct str s,
	       const char *what);

/* The call was answered; it is over. */
void call_setup_done(struct gen *g, const struct call *c);
void call_settle(struct gen *g, struct call *c, bool good);

/* ---- tls.c ------------------------------------------------------------- */

/* pem: a file with certificate and key, for the side of the callees. */
void tls_prepare(const char *pem);

/* A handshake on a connected socket. If it fails, NULL at the callees' side: a
 * proxy may begin several connections at once and keep one. */
struct ssl_st *tls_start(enum side side, int fd);

/* As send(2) and recv(2) without waiting. */
ssize_t tls_send(struct ssl_st *ssl, const char *p, size_t len);
ssize_t tls_recv(struct ssl_st *ssl, char *p, size_t len);

/* ---- register.c -------------------------------------------------------- */

void phones_prepare(struct gen *g);

/* That of the phone whose turn is the n-th. */
struct call *phone_call(struct gen *g, uint32_t n);

/* Sends its REGISTER. */
void phone_start(struct gen *g, struct call *c);

void phone_answered(struct gen *g, struct port *port, const struct msg *m);

#endif
