/*
 * The token in our Record-Route: what makes a later request "inside a dialog".
 *
 * version, flows and class | direction hint | near hop | far hop | MAC
 *
 * A side that is reached by its flow alone has that bit, and its hop then holds
 * what names the flow: a stream's connection, or the address of a wildcard
 * socket that datagrams leave from.
 *
 * The MAC covers the readable part, the Call-ID and the tag of the dialog's
 * initiator, so that a token is worth nothing in another dialog, and shows
 * which side a request comes from.
 */
#include "proxy/proxy_priv.h"

#include <endian.h>

#include "viaduct/util/err.h"

const struct str token_param = {"dlg", 3};

enum {
	TOKEN_VERSION = 1,
	FLOW_VERSION = 2,      /* a flow alone, of no dialog */
	HOP_MAX = 4 + 16 + 16, /* transport, listener, port, address, flow */
	CONN_LEN = 2 + 4 + 4,
	READABLE_MAX = 2 + 2 * HOP_MAX,
	FAMILY_6 = 0x80,  /* in the transport's byte */
	NEAR_FLOW = 0x04, /* in the first byte */
	FAR_FLOW = 0x08,
	CLASS_MASK = 0x03,
	ANONYMOUS_OURS = 3, /* a class: CALLER_ANONYMOUS, with a From of ours */
};

/* Tells the two tags of a dialog apart without a MAC; nothing relies on it. Of
 * long ones both ends count, since peers number them at either. */
static uint8_t tag_hint(struct str tag)
{
	size_t n = tag.len < 8 ? tag.len : 8;
	uint64_t first = 0, last = 0;

	if (n == 0)
		return 0;
	memcpy(&first, tag.p, n);
	memcpy(&last, tag.p + tag.len - n, n);
	first = le64toh(first); /* the nodes of a cluster agree */
	last = le64toh(last);
	return (uint8_t)((first * 3 ^ last) * 0x9e3779b97f4a7c15 >> 56);
}

static size_t ip_pack(const union addr *a, uint8_t *out)
{
	if (addr_family(a) == AF_INET6) {
		memcpy(out, &a->in6.sin6_addr, 16);
		return 16;
	}
	memcpy(out, &a->in4.sin_addr, 4);
	return 4;
}

static size_t ip_unpack(const uint8_t *in, int family, union addr *out)
{
	memset(out, 0, sizeof(*out));
	out->sa.sa_family = (sa_family_t)family;
	if (family == AF_INET6) {
		memcpy(&out->in6.sin6_addr, in, 16);
		return 16;
	}
	memcpy(&out->in4.sin_addr, in, 4);
	return 4;
}

static void put_be(uint8_t *out, size_t len, uint32_t n)
{
	while (len-- > 0) {
		out[len] = (uint8_t)n;
		n >>= 8;
	}
}

static uint32_t get_be(const uint8_t *in, size_t len)
{
	uint32_t n = 0;

	while (len-- > 0)
		n = n << 8 | *in++;
	return n;
}

/* What a flow adds to a hop. */
static size_t flow_len(const struct transport_set *s, const struct hop *h)
{
	if (sip_transport_is_stream(h->transport))
		return CONN_LEN;
	if (!addr_is_any(&transport_listener(s, h->listener)->addr))
		return 0;
	return addr_family(&h->addr) == AF_INET6 ? 16 : 4;
}

static size_t flow_pack(const struct transport_set *s, const struct hop *h,
			uint8_t *out)
{
	size_t len = flow_len(s, h);

	if (sip_transport_is_stream(h->transport)) {
		put_be(out, 2, h->conn.worker);
		put_be(out + 2, 4, h->conn.slot);
		put_be(out + 6, 4, h->conn.generation);
	} else if (len != 0) {
		ip_pack(&h->local, out);
	}
	return len;
}

static void flow_unpack(const uint8_t *in, struct hop *h)
{
	if (sip_transport_is_stream(h->transport)) {
		h->conn.worker = (uint16_t)get_be(in, 2);
		h->conn.slot = get_be(in + 2, 4);
		h->conn.generation = get_be(in + 6, 4);
		h->only_conn = true;
		h->is_recalled = true;
	} else {
		ip_unpack(in, addr_family(&h->addr), &h->local);
	}
}

static size_t hop_pack(const struct transport_set *s, const struct hop *h,
		       bool by_flow, uint8_t *out)
{
	bool is_6 = addr_family(&h->addr) == AF_INET6;
	size_t len = 4;

	out[0] = (uint8_t)(h->transport | (is_6 ? FAMILY_6 : 0));
	out[1] = (uint8_t)h->listener;
	put_be(out + 2, 2, addr_port(&h->addr));
	len += ip_pack(&h->addr, out + len);
	if (by_flow)
		len += flow_pack(s, h, out + len);
	return len;
}

/* Returns the bytes used, or 0. */
static size_t hop_unpack(const uint8_t *in, size_t len, bool by_flow,
			 const struct transport_set *s, struct hop *out)
{
	int family = len > 0 && (in[0] & FAMILY_6) != 0 ? AF_INET6 : AF_INET;
	size_t used = family == AF_INET6 ? 20 : 8, more;

	if (len < used || in[1] >= transport_n_listeners(s))
		return 0;
	memset(out, 0, sizeof(*out));
	out->transport = in[0] & 0x7f;
	out->listener = in[1];
	if (transport_listener(s, out->listener)->transport != out->transport)
		return 0; /* the listeners are others since a restart */
	ip_unpack(in + 4, family, &out->addr);
	addr_set_port(&out->addr, (uint16_t)get_be(in + 2, 2));
	if (!by_flow)
		return used;
	more = flow_len(s, out);
	if (len < used + more)
		return 0;
	if (more != 0)
		flow_unpack(in + used, out);
	return used + more;
}

static void sign(struct proxy *p, const uint8_t *readable, size_t len,
		 struct str call_id, struct str tag, uint8_t mac[MAC_LEN])
{
	struct str pieces[] = {
		{(const char *)readable, len},
		call_id,
		tag,
	};

	mac_tag(p->mac, pieces, ARRAY_LEN(pieces), mac);
}

static uint8_t class_of(const struct request *r)
{
	return r->caller == CALLER_ANONYMOUS && ours_is_from(r) ? ANONYMOUS_OURS
								: r->caller;
}

size_t token_make(struct proxy *p, const struct request *r,
		  const struct sides *sides, char *out)
{
	const struct transport_set *s = p->env.transports;
	uint8_t raw[READABLE_MAX + MAC_LEN];
	const struct sip_addr *from = sip_msg_from(r->msg);
	size_t len = 2;

	raw[0] = (uint8_t)(TOKEN_VERSION << 4 | class_of(r) |
			   (sides->near_by_flow ? NEAR_FLOW : 0) |
			   (sides->far_by_flow ? FAR_FLOW : 0));
	raw[1] = tag_hint(from->tag);
	len += hop_pack(s, sides->near, sides->near_by_flow, raw + len);
	len += hop_pack(s, sides->far, sides->far_by_flow, raw + len);
	sign(p, raw, len, r->tag.call_id, from->tag, raw + len);
	return base64url_encode(raw, len + MAC_LEN, out);
}

static bool is_signed_for(struct proxy *p, const uint8_t *raw, size_t len,
			  struct str call_id, struct str tag)
{
	uint8_t mac[MAC_LEN];

	if (tag.p == NULL || tag_hint(tag) != raw[1])
		return false;
	sign(p, raw, len, call_id, tag, mac);
	return mac_eq(mac, raw + len, MAC_LEN);
}

static bool readable_unpack(struct proxy *p, const uint8_t *raw, size_t len,
			    struct dialog *out)
{
	const struct transport_set *s = p->env.transports;
	uint8_t class = raw[0] & CLASS_MASK;
	size_t near, far;

	if (len < 2 || raw[0] >> 4 != TOKEN_VERSION)
		return false;
	out->was_from_ours = class == ANONYMOUS_OURS;
	out->caller = out->was_from_ours ? CALLER_ANONYMOUS : class;
	out->near_by_flow = (raw[0] & NEAR_FLOW) != 0;
	out->far_by_flow = (raw[0] & FAR_FLOW) != 0;
	near = hop_unpack(raw + 2, len - 2, out->near_by_flow, s, &out->near);
	if (near == 0)
		return false;
	far = hop_unpack(raw + 2 + near, len - 2 - near, out->far_by_flow, s,
			 &out->far);
	return far != 0 && 2 + near + far == len;
}

/* RFC 3261 section 12.2: what has no tag in To begins a dialog, whatever it
 * shows, and a REGISTER is never inside one (10.2). Both are for the rules and
 * for authentication. */
static bool is_inside_dialog(struct sip_msg *msg)
{
	const struct sip_addr *to = sip_msg_to(msg);

	return msg->method != SIP_REGISTER && to != NULL && to->tag.len != 0;
}

bool token_check(struct proxy *p, struct sip_msg *msg, struct str text,
		 struct dialog *out)
{
	uint8_t raw[READABLE_MAX + MAC_LEN];
	int n = base64url_decode(text, raw, sizeof(raw));
	const struct sip_addr *from = sip_msg_from(msg);
	const struct sip_addr *to = sip_msg_to(msg);
	struct str call_id = sip_msg_call_id(msg);
	struct dialog d = {0};
	size_t len;

	if (n <= MAC_LEN || !is_inside_dialog(msg))
		return false;
	len = (size_t)n - MAC_LEN;
	if (!readable_unpack(p, raw, len, &d))
		return false;
	if (from != NULL && is_signed_for(p, raw, len, call_id, from->tag))
		d.is_from_initiator = true;
	else if (!is_signed_for(p, raw, len, call_id, to->tag))
		return false;
	*out = d;
	return true;
}

/* version | hop | MAC */
size_t token_make_flow(struct proxy *p, const struct hop *flow, char *out)
{
	uint8_t raw[1 + HOP_MAX + MAC_LEN];
	size_t len = 1;

	raw[0] = FLOW_VERSION << 4;
	len += hop_pack(p->env.transports, flow, true, raw + len);
	sign(p, raw, len, STR(""), STR(""), raw + len);
	return base64url_encode(raw, len + MAC_LEN, out);
}

bool token_check_flow(struct proxy *p, struct str text, struct hop *out)
{
	uint8_t raw[1 + HOP_MAX + MAC_LEN], mac[MAC_LEN];
	int n = base64url_decode(text, raw, sizeof(raw));
	size_t len;

	if (n <= 1 + MAC_LEN || raw[0] != FLOW_VERSION << 4)
		return false;
	len = (size_t)n - MAC_LEN;
	sign(p, raw, len, STR(""), STR(""), mac);
	return mac_eq(mac, raw + len, MAC_LEN) &&
	       hop_unpack(raw + 1, len - 1, true, p->env.transports, out) ==
		       len - 1;
}
