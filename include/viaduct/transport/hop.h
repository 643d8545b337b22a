/* Where messages come from and where they go. */
#ifndef VIADUCT_TRANSPORT_HOP_H
#define VIADUCT_TRANSPORT_HOP_H

#include "viaduct/sip/uri.h"
#include "viaduct/util/addr.h"

/* Names a connection in the whole process. It may be gone: every use checks
 * the generation. generation 0: none. */
struct conn_ref {
	uint16_t worker; /* that owns it */
	uint32_t slot;
	uint32_t generation;
};

static inline bool conn_ref_is_none(struct conn_ref r)
{
	return r.generation == 0;
}

static inline bool conn_ref_eq(struct conn_ref a, struct conn_ref b)
{
	return a.worker == b.worker && a.slot == b.slot &&
	       a.generation == b.generation;
}

/* How a message reached us. */
struct flow {
	enum sip_transport transport;
	uint16_t listener;    /* index into the listeners; of an outgoing
			       * connection: the one it was opened for */
	union addr local;     /* the address that was asked; never a wildcard */
	union addr remote;    /* the real source */
	struct conn_ref conn; /* streams */
	uint32_t identity;    /* TLS: what transport_identity_is() knows of the
			       * peer's certificate; 0: nothing */
};

/* A place to send a message to. */
struct hop {
	enum sip_transport transport : 8;
	bool only_conn : 1; /* no other connection: VD_ECONN when it is gone */
	bool is_recalled : 1; /* conn comes from outside: it counts only if its
			       * real remote end is addr */
	uint16_t listener;    /* send from this one */
	union addr local;     /* source address on a wildcard listener; family
			       * AF_UNSPEC: the system's choice */
	union addr addr;
	struct conn_ref conn; /* streams: this connection while it lives */
	/* TLS: the host that was looked up, which the peer's certificate must
	 * name; NULL: nobody knows, or the host in Via for a response. Borrowed
	 * for the call of transport_send(). */
	const struct str *domain;
};

enum { FLOW_TEXT_MAX = 2 * ADDR_TEXT_MAX + 8 };

/* What sends to where a flow comes from, over its connection. */
struct hop hop_back(const struct flow *f);

/* "tcp:192.0.2.7:5060" into buf (ADDR_TEXT_MAX + 8 bytes). */
struct str hop_print(const struct hop *h, char *buf);
/* "udp:192.0.2.4:5060<192.0.2.9:5062", into FLOW_TEXT_MAX bytes. */
struct str flow_print(const struct flow *f, char *buf);
/* "udp:192.0.2.4:5060>192.0.2.9:5062", the way out, likewise. */
struct str hop_print_from(const struct hop *h, const union addr *local,
			  char *buf);

#endif
