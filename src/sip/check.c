/*
 * What every hop must understand (RFC 3261 sections 16.3 step 1 and 8.1.1).
 * Everything else in a message is somebody else's to judge.
 */
#include "sip_priv.h"
#include "viaduct/util/err.h"

/* Fields that may stand once; those with a second phrase must. */
static const struct {
	enum sip_hdr_id id;
	const char *repeated, *missing;
} singletons[] = {
	/* clang-format off */
	{ SIP_HDR_FROM,         "Repeated From",         "Missing From" },
	{ SIP_HDR_TO,           "Repeated To",           "Missing To" },
	{ SIP_HDR_CALL_ID,      "Repeated Call-ID",      "Missing Call-ID" },
	{ SIP_HDR_CSEQ,         "Repeated CSeq",         "Missing CSeq" },
	{ SIP_HDR_MAX_FORWARDS, "Repeated Max-Forwards", NULL },
	{ SIP_HDR_CONTENT_TYPE, "Repeated Content-Type", NULL },
	{ SIP_HDR_EXPIRES,      "Repeated Expires",      NULL },
	{ SIP_HDR_MIN_EXPIRES,  "Repeated Min-Expires",  NULL },
	{ SIP_HDR_RETRY_AFTER,  "Repeated Retry-After",  NULL },
	{ SIP_HDR_MAX_BREADTH,  "Repeated Max-Breadth",  NULL },
	{ SIP_HDR_TIMESTAMP,    "Repeated Timestamp",    NULL },
	/* clang-format on */
};

/* As most of the time: the four are there, and nothing stands twice. */
static bool is_each_once(const uint16_t n[])
{
	unsigned must = n[SIP_HDR_FROM] & n[SIP_HDR_TO] & n[SIP_HDR_CALL_ID] &
			n[SIP_HDR_CSEQ];
	unsigned may = n[SIP_HDR_FROM] | n[SIP_HDR_TO] | n[SIP_HDR_CALL_ID] |
		       n[SIP_HDR_CSEQ] | n[SIP_HDR_MAX_FORWARDS] |
		       n[SIP_HDR_CONTENT_TYPE] | n[SIP_HDR_EXPIRES] |
		       n[SIP_HDR_MIN_EXPIRES] | n[SIP_HDR_RETRY_AFTER] |
		       n[SIP_HDR_MAX_BREADTH] | n[SIP_HDR_TIMESTAMP];

	return must == 1 && may == 1;
}

/* What stands twice in a response and is not ours to read is no reason to lose
 * it: whoever waits for it would get nothing. */
static int check_counts(struct sip_msg *m)
{
	if (is_each_once(m->count))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(singletons); i++) {
		unsigned n = m->count[singletons[i].id];

		if (n == 1 || (!m->is_request && singletons[i].missing == NULL))
			continue;
		if (n > 1)
			return sip_msg_blame(m, 400, singletons[i].repeated);
		if (singletons[i].missing != NULL)
			return sip_msg_blame(m, 400, singletons[i].missing);
	}
	return 0;
}

/* An unknown scheme is well-formed here; the proxy answers 416. */
static int check_uri(struct sip_msg *m, const struct sip_limits *limits)
{
	const struct sip_uri *uri;

	if (m->uri_text.len > limits->uri_size)
		return sip_msg_blame(m, 414, "Request-URI Too Long");
	uri = sip_msg_uri(m);
	if (uri == NULL)
		return sip_msg_blame(m, 400, "Malformed Request-URI");
	/* 19.1.1: no headers there; what they ask for must not get through */
	if (uri->headers.p != NULL)
		return sip_msg_blame(m, 400, "Header Fields in Request-URI");
	return 0;
}

static unsigned count_values(struct str rest)
{
	struct str value;
	unsigned n = 0;

	if (memchr(rest.p, ',', rest.len) == NULL)
		return rest.len != 0;
	while (sip_value_split(&rest, &value))
		n++;
	return n;
}

static bool has_many_vias(const struct sip_msg *m, unsigned max)
{
	const struct sip_hdr *h = sip_msg_first(m, SIP_HDR_VIA);
	unsigned n = 0;

	for (; h != NULL && n <= max; h = sip_msg_next(m, h))
		n += count_values(sip_hdr_value(m, h));
	return n > max;
}

/* The top value is ours to understand; the others are only counted. */
static int check_vias(struct sip_msg *m, const struct sip_limits *limits)
{
	const struct sip_via *via = sip_msg_top_via(m);

	if (m->count[SIP_HDR_VIA] == 0)
		return sip_msg_blame(m, 400, "Missing Via");
	if (via == NULL || via->has_empty_params)
		return sip_msg_blame(m, 400, "Malformed Via");
	/* RFC 4475 section 3.2.1: it promises an identifier and has none */
	if (m->is_request && str_eq(via->branch, STR("z9hG4bK")))
		return sip_msg_blame(m, 400, "Via Branch Without Identifier");
	if (has_many_vias(m, limits->vias))
		return sip_msg_blame(m, 483, "Too Many Via Values");
	return 0;
}

/* Any run of visible characters. The grammar has fewer, but nobody looks
 * inside, and phones are not that careful. */
static bool is_call_id(struct str s)
{
	const char *end = str_end(s);

	return s.len != 0 && span_long(s.p, end, CT_VISIBLE) == end;
}

/* A response goes back along the Via values, whatever From and To hold. */
static int check_dialog(struct sip_msg *m)
{
	const struct sip_cseq *cseq = sip_msg_cseq(m);

	if (m->is_request && sip_msg_from(m) == NULL)
		return sip_msg_blame(m, 400, "Malformed From");
	if (m->is_request && sip_msg_to(m) == NULL)
		return sip_msg_blame(m, 400, "Malformed To");
	if (!is_call_id(sip_msg_call_id(m)))
		return sip_msg_blame(m, 400, "Malformed Call-ID");
	if (cseq == NULL)
		return sip_msg_blame(m, 400, "Malformed CSeq");
	if (m->is_request && !str_eq(cseq->method, m->method_name))
		return sip_msg_blame(m, 400, "CSeq Method Does Not Match");
	return 0;
}

/* name-addr, with the brackets, and a good URI in it; without headers, which
 * have no place there (19.1.1) and would come into the Request-URI (16.6 step
 * 6). The topmost one is remembered. */
static bool are_routes(const struct sip_msg *m)
{
	struct sip_uri unused, *uri = &unused;
	struct sip_values it;

	sip_values_start(&it, m, SIP_HDR_ROUTE);
	if (m->route != NULL)
		uri = &m->route->uri;
	for (; sip_values_next(&it); uri = &unused) {
		if (sip_route_parse(it.value, uri) != 0 ||
		    uri->headers.p != NULL)
			return false;
		if (uri != &unused)
			m->route->text = it.value;
	}
	return true;
}

/* Of interest to a registrar; in other requests Contact is the far end's. */
static int check_contacts(struct sip_msg *m)
{
	struct sip_values it;
	struct sip_addr addr;

	for (sip_values_start(&it, m, SIP_HDR_CONTACT); sip_values_next(&it);)
		if (!str_eq(it.value, STR("*")) &&
		    sip_addr_parse(it.value, &addr) != 0)
			return sip_msg_blame(m, 400, "Malformed Contact");
	return 0;
}

static int check_routing(struct sip_msg *m)
{
	if (!are_routes(m))
		return sip_msg_blame(m, 400, "Malformed Route");
	if (m->count[SIP_HDR_MAX_FORWARDS] != 0 &&
	    sip_msg_max_forwards(m, UINT32_MAX) == UINT32_MAX)
		return sip_msg_blame(m, 400, "Malformed Max-Forwards");
	return m->method == SIP_REGISTER ? check_contacts(m) : 0;
}

int sip_msg_check(struct sip_msg *m, const struct sip_limits *limits)
{
	int err = m->bad != NULL ? VD_EINVAL : check_counts(m);

	if (err == 0 && m->is_request)
		err = check_uri(m, limits);
	if (err == 0)
		err = check_vias(m, limits);
	if (err == 0)
		err = check_dialog(m);
	if (err == 0 && m->is_request)
		err = check_routing(m);
	return err;
}

bool sip_msg_can_answer(struct sip_msg *m)
{
	static const enum sip_hdr_id copied[] = {SIP_HDR_FROM, SIP_HDR_TO,
						 SIP_HDR_CALL_ID, SIP_HDR_CSEQ};
	struct str cseq = sip_msg_value(m, SIP_HDR_CSEQ);

	if (!m->is_request || m->method == SIP_ACK ||
	    sip_msg_top_via(m) == NULL)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(copied); i++)
		if (sip_msg_value(m, copied[i]).len == 0)
			return false;
	/* whatever the start line says, nothing that calls itself an ACK */
	return cseq.len < 3 ||
	       !str_eq((struct str){str_end(cseq) - 3, 3}, STR("ACK"));
}
