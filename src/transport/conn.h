/*
 * A stream: accepted, or opened by us. Its worker alone touches it; others
 * know its reference, its slot and its entry in the directory.
 */
#ifndef VIADUCT_TRANSPORT_CONN_H
#define VIADUCT_TRANSPORT_CONN_H

#include "transport/bytes.h"
#include "transport/framing.h"
#include "transport/transport_priv.h"
#include "transport/ws_frames.h"

enum conn_state {
	CONN_CONNECTING,  /* what is sent waits in the queue */
	CONN_HANDSHAKING, /* of the byte layer, then of the framing layer; what
			   * is sent waits too */
	CONN_OPEN,
	CONN_HALF_CLOSED, /* the peer writes no more; answers still leave */
	CONN_FLUSHING,    /* nothing is read; what is queued still leaves */
	CONN_LINGERING,   /* our end is shut down, the peer's input discarded */
	CONN_CLOSED,      /* no descriptor; freed when everybody was told */
};

/* Of framing_ws. */
struct ws_state {
	size_t scanned; /* of the upgrade */
	struct ws_partial partial;
	bool is_closing; /* our close frame is in the queue */
};

/*
 * While FLUSHING and later the reference is stale and the connection is in no
 * directory: to all others it is gone.
 */
struct conn {
	struct transport *t;
	struct ssl_st *ssl;       /* TLS, once a handshake has begun */
	char *domain;             /* it is made for it; NULL: for none */
	struct cert_names *names; /* the peer's, verified; NULL: none */
	struct list link;         /* in t->conns */
	struct list dirty;        /* in t->dirty */
	struct list news;         /* in t->news */
	struct list more;         /* in t->more */
	struct directory_entry entry;
	struct directory_entry *alias; /* a second one; NULL: none */
	struct flow flow;
	struct loop_io *io;
	int fd;
	const struct conn_bytes *bytes;
	const struct conn_framing *framing;
	unsigned events;                  /* watched */
	unsigned read_wants, write_wants; /* which one lets it go on */
	enum conn_state state;
	bool is_accepted;
	bool is_ready;   /* the byte layer has done its handshake */
	bool is_blocked; /* writing waits for write_wants */
	bool is_paused;  /* not read: its answers pile up */
	bool is_asked;   /* for a sign of life; nothing has come since */
	bool has_more;   /* input that the descriptor will not announce */
	uint8_t n_reads; /* TLS: of the descriptor, in this call */
	uint16_t n_told; /* workers that know that it is gone */
	bool is_told;    /* this one does */

	/* One timer for the earliest of the deadlines, moved lazily: it may
	 * run early and then looks again. 0: no deadline. */
	struct timer timer;
	uint64_t active_ms;  /* last traffic */
	uint64_t heard_ms;   /* last input */
	uint32_t silence_ms; /* how long it may say nothing; 0: as it likes */
	uint64_t message_ms; /* the message that is arriving must be whole */
	uint64_t stall_ms;   /* the peer must have read something */
	uint64_t state_ms;   /* end of CONNECTING, HANDSHAKING, LINGERING;
			      * HALF_CLOSED: the next look */

	/* The start of a message, if there is one. */
	char *in;
	size_t in_len, in_cap;
	union {
		struct sip_framer framer; /* of framing_sip */
		struct ws_state ws;
	};

	struct list out;    /* of struct out */
	size_t out_cost;    /* bytes, and OUT_COST for each */
	size_t out_sent;    /* bytes of the first that have left */
	struct list sent;   /* HALF_CLOSED: of what left, not arrived yet */
	size_t sent_bytes;  /* of those; output_queue at most */
	size_t n_discarded; /* while LINGERING */
	uint32_t look_ms;   /* HALF_CLOSED: until the next look */
};

/* Takes over fd (also on failure) and the count in t->set->n_connections and,
 * when accepted, the one of its source. `flow` without conn.
 * Returns 0, VD_ENOMEM or VD_ELIMIT. */
int conn_new(struct transport *t, int fd, const struct flow *flow,
	     bool is_accepted, struct conn **out);
void conn_free(struct conn *c); /* closed or not */

/* As transport_expect_input(), of its own worker. */
void conn_expect_input(struct conn *c, uint32_t within_ms);

/* TLS that we begin: whom the peer's certificate must name. 0 or VD_ENOMEM. */
int conn_set_domain(struct conn *c, struct str domain);

/* The peer is reached at this port of its address, too (RFC 5923): for those
 * whom its verified certificate names. */
void conn_alias(struct conn *c, uint16_t port);

/* One that was accepted: on to the handshake, or to its messages. */
void conn_begin(struct conn *c);

/* Returns 0, VD_ECONN, VD_ELIMIT (queue full: it is closed) or VD_ENOMEM. */
int conn_send(struct conn *c, struct buf *b);
void conn_flush(struct conn *c);

/* Send what is queued, then close; nothing more is read. */
void conn_finish(struct conn *c);
void conn_close(struct conn *c);

/* Close and count under `why`. */
void conn_abort(struct conn *c, enum stat why);

/* --- for the framing layers --- */

/* May messages be delivered, the upgrade's included? */
bool conn_reads(const struct conn *c);
/* After the framing layer's upgrade. */
void conn_opened(struct conn *c);
/* As conn_send(), but without the framing layer's head. */
int conn_send_raw(struct conn *c, struct buf *b);
/* Hand up a message, or what cannot be framed: that ends the connection. */
void conn_message(struct conn *c, struct str bytes);
void conn_broken(struct conn *c, struct str bytes, unsigned status);
size_t conn_message_max(const struct conn *c);

/* --- conn_half.c --- */
/* The peer writes no more. */
void conn_input_ended(struct conn *c);
/* HALF_CLOSED: is anything left to wait for? Closes it if not. */
void conn_half_look(struct conn *c);
/* HALF_CLOSED: what was queued has left. */
void conn_half_sent(struct conn *c);
/* HALF_CLOSED: forget what the peer's system has. */
void conn_half_confirm(struct conn *c);

/* --- between conn.c, conn_in.c, conn_out.c and conn_half.c --- */
void conn_watch(struct conn *c);
void conn_expect(struct conn *c, uint64_t deadline_ms);
uint32_t conn_idle_timeout(const struct conn *c);
void conn_leave_directory(struct conn *c);
void conn_tell(struct conn *c); /* all workers, at the end of the turn */
void conn_read(struct conn *c);
void conn_read_rest(struct conn *c);
void conn_resume(struct conn *c);
void conn_discard(struct conn *c);
void conn_drop_input(struct conn *c);
void conn_drop_output(struct conn *c);
/* Of what has left, all but the last so many bytes, and what they are part of.
 */
void conn_drop_sent(struct conn *c, size_t keep);
/* Close it; answers that have not arrived take another connection. */
void conn_answer_anew(struct conn *c);
void conn_blocked(struct conn *c, int want);
void conn_sent_all(struct conn *c);
/* Of one element of c->out, if it is a SIP message. */
struct str conn_queued_call_id(const struct list *out);
/* A byte layer's BYTES_WANT_... as an event of the loop. */
unsigned conn_event_of(int want);

#endif
