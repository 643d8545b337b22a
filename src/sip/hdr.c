/* Names of header fields, and finding a field by its name. */
#include "sip_priv.h"

#define KEY(len, first) ((unsigned)(len) << 8 | (unsigned char)(first))
#define NAME(lit, id)                                                          \
	if (is_lower(s, lit, sizeof(lit) - 1))                                 \
	return id

enum sip_hdr_id sip_hdr_lookup(const char *s, size_t len)
{
	if (len == 0 || len > UINT8_MAX)
		return SIP_HDR_OTHER;
	/* clang-format off */
	switch (KEY(len, s[0] | 0x20)) {
	case KEY(1, 'c'): return SIP_HDR_CONTENT_TYPE;
	case KEY(1, 'f'): return SIP_HDR_FROM;
	case KEY(1, 'i'): return SIP_HDR_CALL_ID;
	case KEY(1, 'k'): return SIP_HDR_SUPPORTED;
	case KEY(1, 'l'): return SIP_HDR_CONTENT_LENGTH;
	case KEY(1, 'm'): return SIP_HDR_CONTACT;
	case KEY(1, 't'): return SIP_HDR_TO;
	case KEY(1, 'v'): return SIP_HDR_VIA;
	case KEY(2, 't'): NAME("to", SIP_HDR_TO); break;
	case KEY(3, 'v'): NAME("via", SIP_HDR_VIA); break;
	case KEY(4, 'c'): NAME("cseq", SIP_HDR_CSEQ); break;
	case KEY(4, 'f'): NAME("from", SIP_HDR_FROM); break;
	case KEY(4, 'p'): NAME("path", SIP_HDR_PATH); break;
	case KEY(5, 'r'): NAME("route", SIP_HDR_ROUTE); break;
	case KEY(6, 'r'): NAME("reason", SIP_HDR_REASON); break;
	case KEY(6, 's'): NAME("server", SIP_HDR_SERVER); break;
	case KEY(7, 'c'):
		NAME("call-id", SIP_HDR_CALL_ID);
		NAME("contact", SIP_HDR_CONTACT);
		break;
	case KEY(7, 'e'): NAME("expires", SIP_HDR_EXPIRES); break;
	case KEY(7, 'p'): NAME("privacy", SIP_HDR_PRIVACY); break;
	case KEY(7, 'r'): NAME("require", SIP_HDR_REQUIRE); break;
	case KEY(9, 's'): NAME("supported", SIP_HDR_SUPPORTED); break;
	case KEY(9, 't'): NAME("timestamp", SIP_HDR_TIMESTAMP); break;
	case KEY(11, 'm'):
		NAME("min-expires", SIP_HDR_MIN_EXPIRES);
		NAME("max-breadth", SIP_HDR_MAX_BREADTH);
		break;
	case KEY(11, 'r'): NAME("retry-after", SIP_HDR_RETRY_AFTER); break;
	case KEY(11, 'u'): NAME("unsupported", SIP_HDR_UNSUPPORTED); break;
	case KEY(12, 'c'): NAME("content-type", SIP_HDR_CONTENT_TYPE); break;
	case KEY(12, 'm'): NAME("max-forwards", SIP_HDR_MAX_FORWARDS); break;
	case KEY(12, 'r'): NAME("record-route", SIP_HDR_RECORD_ROUTE); break;
	case KEY(13, 'a'): NAME("authorization", SIP_HDR_AUTHORIZATION); break;
	case KEY(13, 'p'): NAME("proxy-require", SIP_HDR_PROXY_REQUIRE); break;
	case KEY(14, 'c'):
		NAME("content-length", SIP_HDR_CONTENT_LENGTH);
		break;
	case KEY(16, 'w'):
		NAME("www-authenticate", SIP_HDR_WWW_AUTHENTICATE);
		break;
	case KEY(18, 'p'):
		NAME("proxy-authenticate", SIP_HDR_PROXY_AUTHENTICATE);
		break;
	case KEY(19, 'p'):
		NAME("proxy-authorization", SIP_HDR_PROXY_AUTHORIZATION);
		NAME("p-asserted-identity", SIP_HDR_P_ASSERTED_IDENTITY);
		break;
	case KEY(20, 'p'):
		NAME("p-preferred-identity", SIP_HDR_P_PREFERRED_IDENTITY);
		break;
	}
	/* clang-format on */
	return SIP_HDR_OTHER;
}

/* Compact forms of fields that have no id here. */
static const struct {
	struct str compact, full;
} compacts[] = {
	/* clang-format off */
	{ STR("a"), STR("accept-contact") },
	{ STR("b"), STR("referred-by") },
	{ STR("d"), STR("request-disposition") },
	{ STR("e"), STR("content-encoding") },
	{ STR("j"), STR("reject-contact") },
	{ STR("n"), STR("identity-info") },
	{ STR("o"), STR("event") },
	{ STR("r"), STR("refer-to") },
	{ STR("s"), STR("subject") },
	{ STR("u"), STR("allow-events") },
	{ STR("x"), STR("session-expires") },
	{ STR("y"), STR("identity") },
	/* clang-format on */
};

/* The other name of a field, full for compact and back; STR_NONE: none. */
static struct str other_name(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(compacts); i++) {
		if (str_ieq(name, compacts[i].full))
			return compacts[i].compact;
		if (str_ieq(name, compacts[i].compact))
			return compacts[i].full;
	}
	return STR_NONE;
}

const struct sip_hdr *sip_msg_next(const struct sip_msg *m,
				   const struct sip_hdr *h)
{
	const struct sip_hdr *end = m->hdrs + m->n_hdrs;
	uint8_t id = h->id;

	if (h->next == 0)
		return NULL;
	if (h->next < UINT8_MAX)
		return h + h->next;
	for (h += UINT8_MAX; h < end; h++)
		if (h->id == id)
			return h;
	return NULL;
}

const struct sip_hdr *sip_msg_find(const struct sip_msg *m, struct str name)
{
	enum sip_hdr_id id = sip_hdr_lookup(name.p, name.len);
	struct str other;

	if (id != SIP_HDR_OTHER)
		return sip_msg_first(m, id);
	other = other_name(name);
	for (unsigned i = 0; i < m->n_hdrs; i++) {
		struct str have = sip_hdr_name(m, &m->hdrs[i]);

		if (str_ieq(have, name) ||
		    (other.len != 0 && str_ieq(have, other)))
			return &m->hdrs[i];
	}
	return NULL;
}
