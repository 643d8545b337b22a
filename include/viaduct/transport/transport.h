/*
 * Listeners and flows: UDP, TCP, TLS and WebSocket. `struct transport_set` is
 * what all workers share: the listeners with one socket per worker, the
 * directory of connections, the limits. `struct transport` is one worker's
 * part: it alone reads its sockets and owns its connections.
 *
 * Nothing here knows what a message means; bytes go up and come down.
 */
#ifndef VIADUCT_TRANSPORT_TRANSPORT_H
#define VIADUCT_TRANSPORT_TRANSPORT_H

#include "viaduct/conf/option.h"
#include "viaduct/loop/inbox.h"
#include "viaduct/transport/hop.h"
#include "viaduct/transport/tls.h"
#include "viaduct/util/buf.h"
#include "viaduct/util/stats.h"

struct listener_conf {
	enum sip_transport
		transport; /* SIP_UDP, SIP_TCP, SIP_TLS, SIP_WS, SIP_WSS */
	union addr addr;   /* with port; may be a wildcard */
	struct str url;    /* as written, for messages and names */
	struct str advertise_host; /* empty: none */
	uint16_t advertise_port;   /* 0: the transport's default port */
	struct conf_array tls;     /* struct str: entries of `tls`, for TLS */
	struct conf_array origins; /* struct str; none: any (WebSocket) */
};

struct transport_limits {
	uint32_t connections;
	uint32_t connections_per_source;
	uint64_t message_size;
	uint64_t output_queue;
	uint32_t idle_timeout_ms;
	uint32_t message_timeout_ms;
	uint32_t handshake_timeout_ms;
};

struct transport_set;
struct transport;

/*
 * Bind every listener, once per worker (SO_REUSEPORT; an address in use by
 * somebody else is found all the same). Called before privileges are dropped.
 * listeners: borrowed, must outlive the set.
 *
 * Returns 0, VD_ENOMEM or VD_ESYS with `why` holding one sentence that names
 * the address ("udp://192.0.2.4:5060: address already in use").
 */
int transport_set_open(const struct listener_conf *listeners,
		       size_t n_listeners, unsigned n_workers,
		       const struct transport_limits *limits, struct post *post,
		       struct transport_set **out, char why[256]);
void transport_set_close(struct transport_set *s); /* after the transports */

/* What the names in listeners' `tls` stand for: before the first
 * transport_new(), and whenever entries were loaded again. Connections that
 * come use it; a name that is not there keeps what it had. Main thread. */
void transport_set_tls(struct transport_set *s,
		       const struct conf_array *entries);

/* Is it one of the names in listeners' `tls`? */
bool transport_uses_tls(const struct transport_set *s, struct str name);

/* Did the peer of this connection show a certificate for `name`, one that was
 * verified? False once the connection is gone. Any thread. */
bool transport_identity_is(struct transport_set *s, uint32_t identity,
			   struct str name);

/* RFC 5923: the peer of this connection asks for requests at this port of its
 * address over it. Granted for the domains of its verified certificate. */
void transport_alias(struct transport *t, const struct flow *from,
		     uint16_t port);

/* A reload: new limits for what comes. Any thread. */
void transport_set_limits(struct transport_set *s,
			  const struct transport_limits *limits);

size_t transport_n_listeners(const struct transport_set *s);
const struct listener_conf *transport_listener(const struct transport_set *s,
					       unsigned i);

/* Does address and port belong to one of our listeners of this transport (any
 * transport: SIP_TRANSPORT_NONE)? A wildcard listener stands for each address
 * of the machine's interfaces (as they were at most 10 s ago). */
bool transport_is_ours(struct transport_set *s, enum sip_transport t,
		       const union addr *a);

struct transport_ops {
	/* One whole message. bytes are valid until it returns. */
	void (*on_message)(void *arg, const struct flow *from,
			   struct str bytes);
	/* A stream that cannot be framed any more: answer if you can (the
	 * answer is flushed), it is closed after this returns. `status` is 400
	 * or 513. Also a datagram over limits.message_size (513). */
	void (*on_broken)(void *arg, const struct flow *from, struct str bytes,
			  unsigned status);
	/* ICMP says that a datagram of ours did not arrive, or the system
	 * refused to send it; payload is the start of that datagram. err:
	 * VD_ECONN (port) or VD_EUNREACH. */
	void (*on_udp_error)(void *arg, const union addr *remote, int err,
			     struct str payload);
	/* A connection is gone, or could not be made, or its peer writes no
	 * more (answers to what it asked still go there): called on every
	 * worker. Or a message that was passed on to the connection's worker
	 * came too late: called on the sender. Never from inside a
	 * transport_...(). */
	void (*on_conn_closed)(void *arg, struct conn_ref conn);
};

/* One worker's part; on its thread. Reading starts with the loop. */
int transport_new(struct transport_set *s, unsigned worker, struct loop *loop,
		  struct mem *mem, struct stats *stats,
		  const struct transport_ops *ops, void *arg,
		  struct transport **out);
void transport_free(struct transport *t); /* closes its connections */

/* Drain: accept no more connections, read on. */
void transport_stop_accepting(struct transport *t);

/* Parcels of these kinds belong to transport_parcel(). */
enum {
	PARCEL_TRANSPORT_FIRST = 32,
	PARCEL_TRANSPORT_LAST = 47,
};
void transport_parcel(struct transport *t, struct parcel *p);

/*
 * The listener to send from (RFC 3261 18.1.1): of this transport and address
 * family, `prefer` if it fits. Returns its index or VD_EUNREACH.
 */
int transport_choose(const struct transport_set *s, enum sip_transport t,
		     int family, int prefer);

/* The address that a message to `to` leaves from: the listener's, or on a
 * wildcard the one that routing picks (cached for 10 s). 0 or VD_EUNREACH. */
int transport_source(struct transport *t, const struct hop *to,
		     union addr *out);

/*
 * Queue a message; it leaves at the end of the turn. Streams: over to->conn, or
 * a connection whose real remote end is to->addr (the directory knows it,
 * whichever worker owns it), or a new one. Takes a reference to b of its own.
 *
 * used: the connection, for streams (may be NULL).
 *
 * Returns 0, VD_ECONN (only_conn and gone; or refused at once), VD_EUNREACH,
 * VD_ETOOBIG (UDP over 65,507 bytes), VD_ELIMIT (too many connections or
 * datagrams in the queue, no parcel; or that connection's output queue is full:
 * it is closed), VD_ENOMEM or VD_ESYS. Later failures come through
 * on_conn_closed and on_udp_error.
 */
int transport_send(struct transport *t, const struct hop *to, struct buf *b,
		   struct conn_ref *used);

/* A connection that carries an open transaction is not idle, nor is one to
 * which somebody is bound; for the answers of a transaction it stays when its
 * peer writes no more. Any thread, counted; a reference that is stale does no
 * harm. */
void transport_hold(struct transport_set *s, struct conn_ref conn);
void transport_release(struct transport_set *s, struct conn_ref conn);
void transport_bind(struct transport_set *s, struct conn_ref conn);
void transport_unbind(struct transport_set *s, struct conn_ref conn);

/* Is there such a connection, and may its peer still say something? Any thread;
 * it may be gone a moment later. */
bool transport_is_live(struct transport_set *s, struct conn_ref conn);

/* From now on something must come in on this connection every `within_ms`, a
 * keep-alive at least, or it is closed (RFC 5626 section 5.4); 0: no more so.
 * Any worker's transport; when no parcel is free, nothing changes. */
void transport_expect_input(struct transport *t, struct conn_ref conn,
			    uint32_t within_ms);

/* Close once the queue is empty. For the owner of the connection's worker. */
void transport_conn_close(struct transport *t, struct conn_ref conn);

/* Nobody wants to wait for it any longer: close it, unless it is open by now or
 * another worker's. Who sent something is told, as ever. */
void transport_conn_give_up(struct transport *t, struct conn_ref conn);

/* Open connections, all workers. */
size_t transport_n_connections(const struct transport_set *s);

#endif
