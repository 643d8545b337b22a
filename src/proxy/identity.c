/*
 * Asserted identities (RFC 3325): P-Asserted-Identity is worth something inside
 * a domain of trust alone, which is `trust`. What comes from outside is taken
 * out, and what its owner wants to be kept private does not leave.
 */
#include "proxy/proxy_priv.h"

enum {
	ASSERTED = 1 << 0,
	PREFERRED = 1 << 1,
};

static const enum sip_hdr_id fields[] = {SIP_HDR_P_ASSERTED_IDENTITY,
					 SIP_HDR_P_PREFERRED_IDENTITY};

static bool has_any(const struct sip_msg *msg)
{
	return (msg->first[SIP_HDR_P_ASSERTED_IDENTITY] |
		msg->first[SIP_HDR_P_PREFERRED_IDENTITY]) != 0;
}

/* RFC 3323 section 4.2 has semicolons between the values; a comma, as most
 * fields have it, is read as meant. */
static bool names_id(struct str value)
{
	while (value.len != 0) {
		size_t n = 0;

		while (n < value.len && value.p[n] != ';' && value.p[n] != ',')
			n++;
		if (str_ieq(str_trim((struct str){value.p, n}), STR("id")))
			return true;
		value = str_skip(value, n < value.len ? n + 1 : n);
	}
	return false;
}

static bool is_private(const struct sip_msg *msg)
{
	const struct sip_hdr *h;

	for (h = sip_msg_first(msg, SIP_HDR_PRIVACY); h != NULL;
	     h = sip_msg_next(msg, h))
		if (names_id(sip_hdr_value(msg, h)))
			return true;
	return false;
}

unsigned identity_forbidden(const struct proxy_conf *c,
			    const struct sip_msg *msg, bool is_from_trusted,
			    const union addr *to)
{
	if (!has_any(msg))
		return 0;
	if (!is_from_trusted)
		return ASSERTED | PREFERRED;
	/* a hop has shown no certificate yet: its address must do */
	return is_private(msg) && !proxy_trusts_addr(c, to) ? ASSERTED : 0;
}

unsigned identity_forbidden_back(const struct proxy *p,
				 const struct proxy_conf *c,
				 const struct sip_msg *msg,
				 const struct flow *from, bool is_to_trusted)
{
	if (!has_any(msg))
		return 0;
	if (!proxy_trusts(p, c, from))
		return ASSERTED | PREFERRED;
	return is_private(msg) && !is_to_trusted ? ASSERTED : 0;
}

void identity_edit(struct sip_edits *e, const struct sip_msg *msg,
		   unsigned forbidden)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct sip_hdr *h;

		if ((forbidden & 1u << i) == 0)
			continue;
		for (h = sip_msg_first(msg, fields[i]); h != NULL;
		     h = sip_msg_next(msg, h))
			sip_edit_remove(e, h);
	}
}
