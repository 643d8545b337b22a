/*
 * The token in our Record-Route: what makes a later request "inside a dialog".
 *
 * version and class | direction hint | near hop | far hop | MAC
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
	HOP_MAX = 4 + 16, /* transport, listener, port, address */
	READABLE_MAX = 2 + 2 * HOP_MAX,
	FAMILY_6 = 0x80, /* in the transport's byte */
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

static size_t hop_pack(enum sip_transport t, uint16_t listener,
		       const union addr *a, uint8_t *out)
{
	bool is_6 = addr_family(a) == AF_INET6;
	uint16_t port = addr_port(a);

	out[0] = (uint8_t)(t | (is_6 ? FAMILY_6 : 0));
	out[1] = (uint8_t)listener;
	out[2] = (uint8_t)(port >> 8);
	out[3] = (uint8_t)port;
	if (is_6) {
		memcpy(out + 4, &a->in6.sin6_addr, 16);
		return 20;
	}
	memcpy(out + 4, &a->in4.sin_addr, 4);
	return 8;
}

/* Returns the bytes used, or 0. */
static size_t hop_unpack(const uint8_t *in, size_t len,
			 const struct transport_set *s, struct hop *out)
{
	bool is_6 = len > 0 && (in[0] & FAMILY_6) != 0;
	size_t need = is_6 ? 20 : 8;
	const struct listener_conf *l;

	if (len < need || in[1] >= transport_n_listeners(s))
		return 0;
	memset(out, 0, sizeof(*out));
	out->transport = in[0] & 0x7f;
	out->listener = in[1];
	l = transport_listener(s, out->listener);
	if (l->transport != out->transport)
		return 0; /* the listeners are others since a restart */
	if (is_6) {
		out->addr.in6.sin6_family = AF_INET6;
		memcpy(&out->addr.in6.sin6_addr, in + 4, 16);
	} else {
		out->addr.in4.sin_family = AF_INET;
		memcpy(&out->addr.in4.sin_addr, in + 4, 4);
	}
	addr_set_port(&out->addr, (uint16_t)(in[2] << 8 | in[3]));
	return need;
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

size_t token_make(struct proxy *p, const struct request *r,
		  const struct hop *far, char *out)
{
	uint8_t raw[READABLE_MAX + MAC_LEN];
	const struct sip_addr *from = sip_msg_from(r->msg);
	struct str tag = from->tag;
	size_t len = 2;

	raw[0] = (uint8_t)(TOKEN_VERSION << 4 | r->caller);
	raw[1] = tag_hint(tag);
	len += hop_pack(r->flow.transport, r->flow.listener, &r->flow.remote,
			raw + len);
	len += hop_pack(far->transport, far->listener, &far->addr, raw + len);
	sign(p, raw, len, r->tag.call_id, tag, raw + len);
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
	size_t near, far;

	if (len < 2 || raw[0] >> 4 != TOKEN_VERSION ||
	    (raw[0] & 0xf) > CALLER_AUTHENTICATED)
		return false;
	out->caller = raw[0] & 0xf;
	near = hop_unpack(raw + 2, len - 2, s, &out->near);
	if (near == 0)
		return false;
	far = hop_unpack(raw + 2 + near, len - 2 - near, s, &out->far);
	return far != 0 && 2 + near + far == len;
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

	if (n <= MAC_LEN)
		return false;
	len = (size_t)n - MAC_LEN;
	if (!readable_unpack(p, raw, len, &d))
		return false;
	if (from != NULL && is_signed_for(p, raw, len, call_id, from->tag))
		d.is_from_initiator = true;
	else if (to == NULL || !is_signed_for(p, raw, len, call_id, to->tag))
		return false;
	*out = d;
	return true;
}
