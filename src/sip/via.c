/* A Via value (RFC 3261 sections 20.42 and 25.1, RFC 3581, RFC 5118). */
#include "sip_priv.h"
#include "viaduct/util/err.h"

/* Token, then SLASH. */
static const char *protocol_part(const char *p, const char *end)
{
	const char *q = span(p, end, CT_TOKEN);

	if (q == p)
		return NULL;
	q = skip_lws(q, end);
	return at_char(q, end, '/') ? skip_lws(q + 1, end) : NULL;
}

/* sent-protocol and the LWS after it. */
static const char *via_protocol(const char *p, const char *end,
				struct sip_via *v)
{
	const char *q;

	if (str_starts(v->text, STR("SIP/2.0/"))) {
		p += 8;
	} else {
		p = protocol_part(p, end);
		if (p != NULL)
			p = protocol_part(p, end);
		if (p == NULL)
			return NULL;
	}
	q = span(p, end, CT_TOKEN);
	v->transport_name = slice(p, q);
	v->transport = sip_transport_parse(v->transport_name);
	p = skip_lws(q, end);
	return v->transport_name.len != 0 && p > q ? p : NULL;
}

/* host [ COLON port ] */
static const char *via_sent_by(const char *p, const char *end,
			       struct sip_via *v)
{
	bool is_ip;
	const char *q = sip_host_span(p, end, &is_ip);

	if (q == NULL)
		return NULL;
	v->host = slice(p, q);
	p = skip_lws(q, end);
	if (at_char(p, end, ':')) {
		p = sip_port_span(skip_lws(p + 1, end), end, &v->port);
		if (p == NULL)
			return NULL;
		p = skip_lws(p, end);
	}
	return p == end || *p == ';' ? p : NULL;
}

/* Where the value of a parameter is kept; NULL: nowhere. */
static struct str *via_slot(struct sip_via *v, struct str name)
{
	switch (name.len) {
	case 5:
		if (IS_NAME(name, "rport"))
			return &v->rport;
		return IS_NAME(name, "maddr") ? &v->maddr : NULL;
	case 6:
		return IS_NAME(name, "branch") ? &v->branch : NULL;
	case 8:
		return IS_NAME(name, "received") ? &v->received : NULL;
	}
	return NULL;
}

/* received may be an IPv6 address without brackets, or with them though the
 * grammar says no (RFC 5118 section 4.5). */
static bool is_received(struct str s)
{
	return sip_is_ipv6(s) || sip_is_host(s);
}

static bool via_slots_ok(const struct sip_via *v)
{
	uint16_t port;

	if (v->branch.p != NULL &&
	    (v->branch.len == 0 || v->branch.p[0] == '"'))
		return false;
	if (v->received.p != NULL && !is_received(v->received))
		return false;
	if (v->maddr.p != NULL && !sip_is_host(v->maddr))
		return false;
	return v->rport.len == 0 || sip_port_span(v->rport.p, str_end(v->rport),
						  &port) == str_end(v->rport);
}

static bool via_params(const char *p, const char *end, struct sip_via *v)
{
	v->params = slice(p < end ? p + 1 : p, end);
	while (p < end) {
		struct str name, value, *slot;

		p = sip_param_span(p + 1, end, CT_TOKEN, &name, &value);
		if (p == NULL)
			return false;
		v->has_empty_params |= name.len == 0;
		slot = via_slot(v, name);
		if (slot == NULL)
			continue;
		if (slot->p != NULL)
			return false; /* twice: which one counts? */
		*slot = value;
	}
	return via_slots_ok(v);
}

int sip_via_fill(struct str text, struct sip_via *out)
{
	const char *p = text.p, *end = str_end(text);

	if (text.len == 0)
		return VD_EINVAL;
	*out = (struct sip_via){.text = text};
	p = via_protocol(p, end, out);
	if (p != NULL)
		p = via_sent_by(p, end, out);
	return p != NULL && via_params(p, end, out) ? 0 : VD_EINVAL;
}

int sip_via_parse(struct str text, struct sip_via *out)
{
	struct sip_via v;
	int err = sip_via_fill(text, &v);

	if (err == 0)
		*out = v;
	return err;
}

/* From the semicolon of a parameter to its end, given its value. */
static struct str whole_param(struct str value)
{
	const char *p = value.p;

	while (*--p != ';')
		;
	return slice(p, value.p + value.len);
}

unsigned sip_via_cuts(const struct sip_via *v, struct str cuts[2])
{
	unsigned n = 0;

	if (v->received.p != NULL)
		cuts[n++] = whole_param(v->received);
	if (v->rport.p != NULL)
		cuts[n++] = whole_param(v->rport);
	if (n == 2 && cuts[0].p > cuts[1].p) {
		struct str first = cuts[1];

		cuts[1] = cuts[0];
		cuts[0] = first;
	}
	return n;
}

uint16_t sip_via_port(const struct sip_via *via, enum sip_transport t)
{
	return via->port != 0 ? via->port : sip_transport_port(t);
}
