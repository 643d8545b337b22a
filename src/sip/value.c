/* Values of header fields: lists, CSeq, and the ones that a message caches. */
#include "sip_priv.h"
#include "viaduct/util/err.h"

const char *sip_value_end(const char *p, const char *end)
{
	while (p < end && *p != ',') {
		const char *past = p + 1;

		if (*p == '"')
			past = sip_quoted_span(p, end);
		else if (*p == '<')
			past = memchr(p, '>', (size_t)(end - p));
		if (past == NULL)
			return end;
		p = past;
	}
	return p;
}

bool sip_value_split(struct str *rest, struct str *value)
{
	const char *end = str_end(*rest), *comma;

	if (rest->p == NULL)
		return false;
	comma = memchr(rest->p, ',', rest->len);
	if (comma != NULL)
		comma = sip_value_end(rest->p, end);
	if (comma == NULL || comma == end) {
		*value = trim(rest->p, end);
		*rest = STR_NONE;
		return value->len != 0;
	}
	*value = trim(rest->p, comma);
	*rest = skip_lws(comma + 1, end) < end ? slice(comma + 1, end)
					       : STR_NONE;
	return true;
}

void sip_values_start(struct sip_values *it, const struct sip_msg *m,
		      enum sip_hdr_id id)
{
	it->msg = m;
	it->hdr = sip_msg_first(m, id);
	it->rest = it->hdr != NULL ? sip_hdr_value(m, it->hdr) : STR_NONE;
	it->value = STR_NONE;
	it->is_first_in_hdr = it->is_last_in_hdr = false;
}

bool sip_values_next(struct sip_values *it)
{
	while (it->hdr != NULL) {
		it->is_first_in_hdr =
			it->rest.p == it->msg->bytes.p + it->hdr->value_at;
		if (sip_value_split(&it->rest, &it->value)) {
			it->is_last_in_hdr = it->rest.p == NULL;
			return true;
		}
		it->hdr = sip_msg_next(it->msg, it->hdr);
		if (it->hdr != NULL)
			it->rest = sip_hdr_value(it->msg, it->hdr);
	}
	return false;
}

/* 1*DIGIT LWS Method, the number below 2^31 (RFC 3261 section 8.1.1.5). */
int sip_cseq_parse(struct str text, struct sip_cseq *out)
{
	const char *p = text.p, *end = str_end(text), *method;
	uint64_t number = 0;

	for (; p < end && is_class(*p, CT_DIGIT); p++) {
		number = number * 10 + (uint64_t)(*p - '0');
		if (number > INT32_MAX)
			return VD_EINVAL;
	}
	method = skip_lws(p, end);
	if (p == text.p || method == p || method == end ||
	    span_long(method, end, CT_TOKEN) < end)
		return VD_EINVAL;
	out->number = (uint32_t)number;
	out->method = slice(method, end);
	return 0;
}

/* True when `bit` has been judged before; otherwise notes that it is now. */
static bool is_seen(struct sip_msg *m, uint32_t bit)
{
	bool before = (m->seen & bit) != 0;

	m->seen |= bit;
	return before;
}

static void note(struct sip_msg *m, uint32_t bit, int err)
{
	if (err != 0)
		m->seen_bad |= bit;
}

const struct sip_via *sip_msg_top_via(struct sip_msg *m)
{
	if (!is_seen(m, SIP_SEEN_VIA)) {
		struct str rest = sip_msg_value(m, SIP_HDR_VIA);
		struct str value;

		note(m, SIP_SEEN_VIA,
		     sip_value_split(&rest, &value)
			     ? sip_via_fill(value, &m->via)
			     : VD_ENOENT);
	}
	return (m->seen_bad & SIP_SEEN_VIA) == 0 ? &m->via : NULL;
}

static const struct sip_addr *cached_addr(struct sip_msg *m, uint32_t bit,
					  enum sip_hdr_id id,
					  struct sip_addr *addr)
{
	if (!is_seen(m, bit))
		note(m, bit, sip_addr_fill(sip_msg_value(m, id), addr));
	return (m->seen_bad & bit) == 0 ? addr : NULL;
}

const struct sip_addr *sip_msg_from(struct sip_msg *m)
{
	return cached_addr(m, SIP_SEEN_FROM, SIP_HDR_FROM, &m->from);
}

const struct sip_addr *sip_msg_to(struct sip_msg *m)
{
	return cached_addr(m, SIP_SEEN_TO, SIP_HDR_TO, &m->to);
}

const struct sip_cseq *sip_msg_cseq(struct sip_msg *m)
{
	if (!is_seen(m, SIP_SEEN_CSEQ))
		note(m, SIP_SEEN_CSEQ,
		     sip_cseq_parse(sip_msg_value(m, SIP_HDR_CSEQ), &m->cseq));
	return (m->seen_bad & SIP_SEEN_CSEQ) == 0 ? &m->cseq : NULL;
}

const struct sip_uri *sip_msg_uri(struct sip_msg *m)
{
	if (!is_seen(m, SIP_SEEN_URI))
		note(m, SIP_SEEN_URI, sip_uri_fill(m->uri_text, &m->uri));
	return (m->seen_bad & SIP_SEEN_URI) == 0 ? &m->uri : NULL;
}

uint32_t sip_msg_max_forwards(const struct sip_msg *m, uint32_t absent)
{
	uint32_t n;

	if (str_to_u32(sip_msg_value(m, SIP_HDR_MAX_FORWARDS), UINT8_MAX, &n) !=
	    0)
		return absent;
	return n;
}
