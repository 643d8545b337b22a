/*
 * Which phone a contact is of, and when RFC 5626 applies to it (section 6).
 */
#include "registrar_priv.h"

enum { REG_ID_MAX = 0x7fffffff }; /* section 10 */

/* Instances ---------------------------------------------------------------- */

/* What stands between the brackets may stand in a URI, so that a GRUU can carry
 * it. */
static bool is_instance_char(char c)
{
	return c > ' ' && c < 0x7f && strchr("\"<>\\", c) == NULL;
}

struct str instance_of(struct str params)
{
	struct str v;

	if (!sip_param_find(params, STR("+sip.instance"), &v) || v.len < 5 ||
	    !str_starts(v, STR("\"<")) ||
	    !str_eq(str_skip(v, v.len - 2), STR(">\"")))
		return STR_NONE;
	v = (struct str){v.p + 2, v.len - 4};
	for (size_t i = 0; i < v.len; i++)
		if (!is_instance_char(v.p[i]))
			return STR_NONE;
	return v;
}

static bool is_uuid(struct str s)
{
	static const struct str start = {"urn:uuid:", 9};

	return s.len > start.len &&
	       str_ieq((struct str){s.p, start.len}, start);
}

/* RFC 5626 section 4.1: as their kind of URN compares, where we know it (RFC
 * 4122 section 3: a UUID in any case), else octet by octet. */
bool instance_eq(struct str a, struct str b)
{
	if (a.len == 0 || a.len != b.len)
		return false;
	return is_uuid(a) ? str_ieq(a, b) : str_eq(a, b);
}

/* Outbound ----------------------------------------------------------------- */

/* The phone's own proxy was the first to write a Path value: it is the last. */
static bool has_outbound_edge(const struct request *r)
{
	struct str last = STR_NONE;
	struct sip_values it;
	struct sip_uri uri;

	for (sip_values_start(&it, r->msg, SIP_HDR_PATH); sip_values_next(&it);)
		last = it.value;
	return last.len > 0 && sip_route_parse(last, &uri) == 0 &&
	       sip_param_find(uri.params, STR("ob"), NULL);
}

enum outbound outbound_of(const struct request *r)
{
	if (!registrar_of(r)->conf.outbound ||
	    !request_supports(r, STR("outbound")))
		return OUTBOUND_NONE;
	if (request_is_first_hop(r) || has_outbound_edge(r))
		return OUTBOUND_APPLIES;
	return OUTBOUND_LACKING;
}

uint32_t reg_id_of(struct str params)
{
	struct str value;
	uint32_t n;

	if (instance_of(params).len == 0 ||
	    !sip_param_find(params, STR("reg-id"), &value) ||
	    str_to_u32(value, REG_ID_MAX, &n) != 0)
		return 0;
	return n;
}
