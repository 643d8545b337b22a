/*
 * The framing layer of a stream: where messages begin and end among its bytes.
 * SIP on a stream (framing_sip.c, RFC 3261 section 18.3), or in WebSocket
 * messages (framing_ws.c, RFC 7118).
 */
#ifndef VIADUCT_TRANSPORT_FRAMING_H
#define VIADUCT_TRANSPORT_FRAMING_H

#include "viaduct/util/buf.h"

struct conn;

enum {
	FRAMING_HEAD_MAX = 14, /* what stands before one outgoing message */
};

struct conn_framing {
	/* An exchange of its own comes before the first message: the connection
	 * stays CONN_HANDSHAKING until conn_opened() is called. */
	bool has_upgrade;

	/* Who ends his side of the stream may still take answers. */
	bool may_half_close;

	/* Hand up what is whole in these bytes (which may be written to; they
	 * stay until it returns). Returns how many were used; the rest comes
	 * again, with more. Stops when conn_reads() is false: a callback may
	 * end the connection, or pause it. */
	size_t (*deliver)(struct conn *c, char *bytes, size_t len);

	/* Has something begun that must be whole by a deadline? `rest` is what
	 * deliver() did not use. */
	bool (*has_begun)(const struct conn *c, struct str rest);

	/* What goes out before `b`; returns its length. NULL: nothing. */
	size_t (*head)(struct conn *c, const struct buf *b,
		       char head[FRAMING_HEAD_MAX]);

	/* Ask for a sign of life: its answer is input. NULL: there is no such
	 * question. */
	void (*ping)(struct conn *c);

	/* The connection will be closed once its queue is empty: a last word,
	 * by conn_send_raw(). NULL: none. */
	void (*finish)(struct conn *c);

	/* With the connection, never while deliver() runs. NULL: nothing. */
	void (*free)(struct conn *c);
};

extern const struct conn_framing framing_sip;
extern const struct conn_framing framing_ws;

#endif
