/* What workers tell each other about connections. */
#include "transport/conn.h"
#include "viaduct/sip/msg.h"
#include "viaduct/util/err.h"

enum {
	PARCEL_MESSAGE = PARCEL_TRANSPORT_FIRST, /* struct message, bytes */
	PARCEL_CLOSED,                           /* struct conn_ref */
	PARCEL_ALIAS,                            /* struct alias */
	PARCEL_EXPECTED,                         /* struct expected */
};

struct alias {
	struct conn_ref conn;
	uint16_t port;
};

struct expected {
	struct conn_ref conn; /* the receiver's */
	uint32_t within_ms;
};

/* `hop` names the receiver's connection. */
struct message {
	struct hop hop;
};

/* May it go another way when the connection has ended meanwhile? A response
 * must (RFC 3261 18.2.2). A request whose sender learns of the end must not: it
 * is over by then, and nobody would follow the copy. Over TLS, nor may one that
 * does not say here for whom it is. */
static bool needs_conn(const struct hop *to, struct str bytes, bool is_watched)
{
	if (to->only_conn)
		return true;
	if (sip_bytes_are_response(bytes))
		return false;
	return sip_transport_is_tls(to->transport) ||
	       (is_watched && !str_starts(bytes, STR("ACK ")));
}

int parcel_send_message(struct transport *t, const struct hop *to,
			struct conn_ref via, struct buf *b, bool is_watched)
{
	struct message m = {*to};
	struct parcel *p = parcel_new(t->set->post, t->worker, PARCEL_MESSAGE,
				      sizeof(m) + b->len);

	if (p == NULL) {
		stats_add(t->stats, STAT_handovers_dropped, 1);
		return VD_ELIMIT;
	}
	m.hop.conn = via;
	m.hop.domain = NULL; /* borrowed */
	m.hop.only_conn = needs_conn(to, buf_str(b), is_watched);
	memcpy(p->data, &m, sizeof(m));
	memcpy(p->data + sizeof(m), b->data, b->len);
	transport_hold(t->set, via); /* it has something to wait for */
	parcel_send(t->set->post, via.worker, p);
	stats_add(t->stats, STAT_handovers, 1);
	return 0;
}

/* False: no parcel is free. */
bool parcel_tell_closed(struct transport *t, unsigned worker,
			struct conn_ref ref)
{
	struct parcel *p =
		parcel_new(t->set->post, t->worker, PARCEL_CLOSED, sizeof(ref));

	if (p == NULL)
		return false;
	memcpy(p->data, &ref, sizeof(ref));
	parcel_send(t->set->post, worker, p);
	return true;
}

void parcel_tell_expected(struct transport *t, struct conn_ref ref,
			  uint32_t within_ms)
{
	const struct expected e = {ref, within_ms};
	struct parcel *p =
		parcel_new(t->set->post, t->worker, PARCEL_EXPECTED, sizeof(e));

	if (p == NULL)
		return;
	memcpy(p->data, &e, sizeof(e));
	parcel_send(t->set->post, ref.worker, p);
}

/* The connection may have ended on the way: then transport_send() looks for
 * another, and only when there is none the sender must know. */
static void message_arrived(struct transport *t, const struct parcel *p)
{
	struct buf *b;
	struct message m;
	int err = VD_ENOMEM;

	memcpy(&m, p->data, sizeof(m));
	transport_release(t->set, m.hop.conn);
	b = buf_new(t->mem, p->len - sizeof(m));
	if (b != NULL) {
		b->len = (uint32_t)(p->len - sizeof(m));
		memcpy(b->data, p->data + sizeof(m), b->len);
		err = transport_send(t, &m.hop, b, NULL);
		buf_unref(b);
	}
	if (err == 0)
		return;
	stats_add(t->stats, STAT_send_errors, 1);
	parcel_tell_closed(t, p->from, m.hop.conn);
}

static void closed_arrived(struct transport *t, const struct parcel *p)
{
	struct conn_ref ref;

	memcpy(&ref, p->data, sizeof(ref));
	t->ops->on_conn_closed(t->arg, ref);
}

static void alias_add(struct transport *t, struct conn_ref ref, uint16_t port)
{
	struct conn *c = slots_find(&t->set->slots[t->worker], ref);

	if (c != NULL)
		conn_alias(c, port);
}

/* By way of the connection's worker. When no parcel is free, the next request
 * brings it. */
void transport_alias(struct transport *t, const struct flow *from,
		     uint16_t port)
{
	struct alias a = {.conn = from->conn, .port = port};
	struct parcel *p;

	if (from->conn.worker == t->worker) {
		alias_add(t, from->conn, port);
		return;
	}
	p = parcel_new(t->set->post, t->worker, PARCEL_ALIAS, sizeof(a));
	if (p == NULL)
		return;
	memcpy(p->data, &a, sizeof(a));
	parcel_send(t->set->post, from->conn.worker, p);
}

static void alias_arrived(struct transport *t, const struct parcel *p)
{
	struct alias a;

	memcpy(&a, p->data, sizeof(a));
	alias_add(t, a.conn, a.port);
}

static void expected_arrived(struct transport *t, const struct parcel *p)
{
	struct expected e;

	memcpy(&e, p->data, sizeof(e));
	transport_expect_input(t, e.conn, e.within_ms);
}

void transport_parcel(struct transport *t, struct parcel *p)
{
	if (p->kind == PARCEL_MESSAGE)
		message_arrived(t, p);
	else if (p->kind == PARCEL_CLOSED)
		closed_arrived(t, p);
	else if (p->kind == PARCEL_ALIAS)
		alias_arrived(t, p);
	else if (p->kind == PARCEL_EXPECTED)
		expected_arrived(t, p);
}
