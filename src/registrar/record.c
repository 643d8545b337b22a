/*
 * A stored record: the bindings of one address. Numbers are little-endian.
 *
 *   1  version
 *   8  written: Unix time, seconds
 *   2  number of bindings, then for each
 *      8  expires: Unix time, seconds
 *      4  CSeq
 *      2  q
 *      4  reg-id                                     (from version 2 on)
 *      4  epoch of its temporary GRUUs               (from version 2 on)
 *      1  flow: transport, +128 for IPv6; 0: none    (from version 2 on)
 *      2  length of contact, params, Call-ID, path: four times
 *         and these strings
 *         with a flow: its local address, its remote one; of each
 *         2   port
 *         4   address; 16 for IPv6
 *
 * A flow that is not the only way is not written: after a restart there is
 * nothing to it. Whoever changes this gives the file of the store a new version
 * too, so that an older viaductd refuses it.
 */
#include <stdlib.h>

#include "viaduct/util/err.h"
#include "registrar/location_priv.h"

enum {
	VERSION = 2,
	HEAD_LEN = 1 + 8 + 2,
	BINDING_MIN = 8 + 4 + 2 + 4 * 2, /* version 1 */
	BINDING_LEN = BINDING_MIN + 4 + 4 + 1,
	FAMILY_6 = 0x80,
	MAX_16 = 0xffff,
};

/* The flow that is written; NULL: none. */
static const struct hop *flow_of(const struct binding *b)
{
	return b->flow_only ? b->flow : NULL;
}

static size_t addr_size(const union addr *a)
{
	return 2 + (addr_family(a) == AF_INET6 ? 16 : 4);
}

size_t record_size(const struct bindings *b)
{
	size_t size = HEAD_LEN + b->n * (size_t)BINDING_LEN;

	for (uint32_t i = 0; i < b->n; i++) {
		const struct binding *v = &b->v[i];

		size += v->contact.len + v->params.len + v->call_id.len +
			v->path.len;
		if (flow_of(v) != NULL)
			size += 2 * addr_size(&v->flow->addr);
	}
	return size;
}

static void put_number(char **at, uint64_t n, size_t len)
{
	for (; len > 0; len--, n >>= 8)
		*(*at)++ = (char)(n & 0xff);
}

static void put_bytes(char **at, struct str s)
{
	if (s.len > 0)
		memcpy(*at, s.p, s.len);
	*at += s.len;
}

static void put_addr(char **at, const union addr *a)
{
	put_number(at, addr_port(a), 2);
	put_bytes(at, flow_ip(a));
}

static void put_way(char **at, const struct hop *flow)
{
	bool is_6 = flow != NULL && addr_family(&flow->addr) == AF_INET6;

	put_number(at,
		   flow == NULL ? 0 : flow->transport | (is_6 ? FAMILY_6 : 0),
		   1);
}

static uint64_t unix_s(const struct record_clock *clock, uint64_t ms)
{
	return (uint64_t)((int64_t)ms + clock->offset_ms) / 1000;
}

static int binding_print(const struct binding *b,
			 const struct record_clock *clock, char **at)
{
	const struct str strings[] = {b->contact, b->params, b->call_id,
				      b->path};

	/* Rounded up: a restart must not end a binding early. */
	put_number(at, unix_s(clock, b->expires_ms + 999), 8);
	put_number(at, b->cseq, 4);
	put_number(at, b->q, 2);
	put_number(at, b->reg_id, 4);
	put_number(at, b->gruu_epoch, 4);
	put_way(at, flow_of(b));
	for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
		if (strings[i].len > MAX_16)
			return VD_ETOOBIG;
		put_number(at, strings[i].len, 2);
	}
	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		put_bytes(at, strings[i]);
	if (flow_of(b) != NULL) {
		put_addr(at, &b->flow->local);
		put_addr(at, &b->flow->addr);
	}
	return 0;
}

int record_print(const struct bindings *b, const struct record_clock *clock,
		 char *out)
{
	int err = b->n > MAX_16 ? VD_ETOOBIG : 0;

	put_number(&out, VERSION, 1);
	put_number(&out, unix_s(clock, clock->now_ms), 8);
	put_number(&out, b->n, 2);
	for (uint32_t i = 0; err == 0 && i < b->n; i++)
		err = binding_print(&b->v[i], clock, &out);
	return err;
}

/* What is not there reads as zeros, and is_short stays. */
struct reader {
	struct str rest;
	bool is_short;
};

static struct str get_bytes(struct reader *r, size_t len)
{
	struct str s = {r->rest.p, len};

	if (len > r->rest.len) {
		r->is_short = true;
		return STR_NONE;
	}
	r->rest = str_skip(r->rest, len);
	return s;
}

static uint64_t get_number(struct reader *r, size_t len)
{
	struct str s = get_bytes(r, len);
	uint64_t n = 0;

	for (size_t i = s.len; i > 0; i--)
		n = n << 8 | (uint8_t)s.p[i - 1];
	return n;
}

/* Where an expiry lies now; 0: it is over. */
static uint64_t expires_ms(const struct record_clock *clock, uint64_t written_s,
			   uint64_t expires_s)
{
	uint64_t now_s = unix_s(clock, clock->now_ms);
	uint64_t left_s = expires_s > now_s ? expires_s - now_s : 0;
	uint64_t had_s = expires_s > written_s ? expires_s - written_s : 0;

	if (left_s > had_s)
		left_s = had_s;
	if (left_s == 0 || left_s > UINT32_MAX)
		return 0;
	return clock->now_ms + left_s * 1000;
}

/* What parsing knows besides the bytes. */
struct parsing {
	struct reader r;
	const struct record_clock *clock;
	const struct transport_set *set;
	uint64_t version, written_s;
};

static void get_addr(struct reader *r, bool is_6, union addr *a)
{
	uint16_t port = (uint16_t)get_number(r, 2);
	struct str bytes = get_bytes(r, is_6 ? 16 : 4);

	memset(a, 0, sizeof(*a));
	a->sa.sa_family = is_6 ? AF_INET6 : AF_INET;
	addr_set_port(a, port);
	if (bytes.len > 0)
		memcpy(is_6 ? (void *)&a->in6.sin6_addr
			    : (void *)&a->in4.sin_addr,
		       bytes.p, bytes.len);
}

/* The listener of this transport that is, or hears, this address. */
static bool find_listener(const struct transport_set *set, struct hop *flow)
{
	for (unsigned i = 0; i < transport_n_listeners(set); i++) {
		const struct listener_conf *l = transport_listener(set, i);

		if (l->transport != flow->transport ||
		    addr_family(&l->addr) != addr_family(&flow->local) ||
		    addr_port(&l->addr) != addr_port(&flow->local))
			continue;
		if (!addr_is_any(&l->addr) &&
		    !addr_ip_eq(&l->addr, &flow->local))
			continue;
		flow->listener = (uint16_t)i;
		return true;
	}
	return false;
}

/* False: no such transport. */
static bool flow_parse(struct parsing *p, unsigned way, struct hop *flow,
		       struct binding *b)
{
	unsigned transport = way & ~(unsigned)FAMILY_6;
	bool is_6 = (way & FAMILY_6) != 0;

	memset(flow, 0, sizeof(*flow));
	if (way == 0)
		return true;
	if (transport == SIP_TRANSPORT_NONE || transport >= SIP_TRANSPORT_OTHER)
		return false;
	flow->transport = (enum sip_transport)transport;
	flow->only_conn = sip_transport_is_stream(flow->transport);
	get_addr(&p->r, is_6, &flow->local);
	get_addr(&p->r, is_6, &flow->addr);
	b->flow = flow;
	b->flow_only = true;
	if (p->set != NULL && !find_listener(p->set, flow))
		b->expires_ms = 0;
	return true;
}

/* expires_ms 0: it is over. */
static int binding_parse(struct parsing *p, struct binding *b, struct hop *flow)
{
	struct str *strings[] = {&b->contact, &b->params, &b->call_id,
				 &b->path};
	struct reader *r = &p->r;
	size_t len[ARRAY_LEN(strings)];
	unsigned way = 0;

	*b = (struct binding){0};
	b->expires_ms = expires_ms(p->clock, p->written_s, get_number(r, 8));
	b->cseq = (uint32_t)get_number(r, 4);
	b->q = (uint16_t)get_number(r, 2);
	if (p->version > 1) {
		b->reg_id = (uint32_t)get_number(r, 4);
		b->gruu_epoch = (uint32_t)get_number(r, 4);
		way = (unsigned)get_number(r, 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		len[i] = get_number(r, 2);
	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		*strings[i] = get_bytes(r, len[i]);
	if (!flow_parse(p, way, flow, b) || r->is_short ||
	    b->contact.len == 0 || (b->q > 1000 && b->q != Q_NONE))
		return VD_EINVAL;
	return 0;
}

/* The bindings that are alive, at the start of `v`. */
static int bindings_parse(struct parsing *p, struct binding *v,
			  struct hop *flows, size_t *n)
{
	size_t n_alive = 0;

	for (size_t i = 0; i < *n; i++) {
		int err = binding_parse(p, &v[n_alive], &flows[n_alive]);

		if (err != 0)
			return err;
		n_alive += v[n_alive].expires_ms != 0;
	}
	*n = n_alive;
	return p->r.rest.len == 0 ? 0 : VD_EINVAL;
}

static int parse_all(struct parsing *p, size_t *n, struct bindings **out)
{
	struct binding *v = malloc(*n * sizeof(*v));
	struct hop *flows = malloc(*n * sizeof(*flows));
	int err = VD_ENOMEM;

	if (v != NULL && flows != NULL)
		err = bindings_parse(p, v, flows, n);
	if (err == 0 && *n == 0)
		err = VD_ENOENT;
	if (err == 0) {
		*out = bindings_new(v, *n);
		err = *out != NULL ? 0 : VD_ENOMEM;
	}
	free(v);
	free(flows);
	return err;
}

int record_parse(struct str record, const struct record_clock *clock,
		 const struct transport_set *set, uint64_t *n_expired,
		 struct bindings **out)
{
	struct parsing p = {.r = {.rest = record}, .clock = clock, .set = set};
	struct bindings *b = NULL;
	size_t n, n_alive;
	int err;

	p.version = get_number(&p.r, 1);
	p.written_s = get_number(&p.r, 8);
	n = n_alive = get_number(&p.r, 2);
	if (p.version < 1 || p.version > VERSION || n == 0 ||
	    n > p.r.rest.len / BINDING_MIN)
		return VD_EINVAL;
	err = parse_all(&p, &n_alive, &b);
	if (err == 0 || err == VD_ENOENT)
		*n_expired += n - n_alive;
	if (err == 0)
		*out = b;
	return err;
}
