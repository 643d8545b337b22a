/* The Contact values of a REGISTER (RFC 3261 sections 10.2.1 and 10.3). */
#include "registrar_priv.h"

#include "viaduct/util/err.h"

#define REFUSAL(name, code, phrase, cause)                                     \
	static const struct refusal name = {                                   \
		.status = (code),                                              \
		.reason = {phrase, sizeof(phrase) - 1},                        \
		.why = (cause)}

REFUSAL(bad_star, 400, "Invalid Request",
	"10.3 step 6: \"*\" stands alone, with Expires: 0");
REFUSAL(bad_contact, 400, "Bad Contact", "10.3: a contact is no URI");
REFUSAL(bad_path, 400, "Bad Path", "RFC 3327: a Path value is no sip URI");
REFUSAL(too_many, 403, "Too Many Contacts",
	"more Contact values than registrar.max_contacts could need");
REFUSAL(too_large, 403, "Contact Too Large",
	"Contact, Path or Call-ID is longer than what is stored");
REFUSAL(own_address, 403, "Contact Is This Address",
	"the contact is the address of record itself");
REFUSAL(own_gruu, 403, "Contact Is A GRUU Of This Address",
	"RFC 5627 5.1: the contact is a GRUU of the address of record");
REFUSAL(no_sip, 403, "Contact Is No SIP URI",
	"RFC 5627 5.1: a contact with an instance is no sip URI");
REFUSAL(no_outbound, 439, "First Hop Lacks Outbound Support",
	"RFC 5626 6: reg-id, and no Path of an edge proxy with ob");
REFUSAL(many_flows, 400, "One Flow At A Time",
	"RFC 5626 6: a contact with reg-id is registered alone");
REFUSAL(not_sips, 400, "SIPS Throughout",
	"RFC 5630 5.2: a sips contact, and another URI is sip");
REFUSAL(no_memory, 503, "", "no memory");

static const struct refusal too_brief = {
	.status = 423,
	.why = "10.3 step 7: shorter than registrar.min_expires",
	.is_too_brief = true,
};

enum { MALFORMED_MS = 3600 * 1000 };

/* What every value of the request shares. */
struct common {
	struct str path;
	struct str header; /* Expires; p NULL: none */
	struct str call_id;
	uint32_t cseq;
	enum outbound outbound;
};

/* Path ------------------------------------------------------------------- */

static const struct refusal *read_path(struct request *r, struct str *path)
{
	struct sip_values it;
	struct sip_uri uri;

	*path = STR("");
	for (sip_values_start(&it, r->msg, SIP_HDR_PATH);
	     sip_values_next(&it);) {
		if (sip_route_parse(it.value, &uri) != 0)
			return &bad_path;
		*path = path->len == 0 ? it.value
				       : arena_printf(&r->arena, "%.*s, %.*s",
						      STR_FMT(*path),
						      STR_FMT(it.value));
		if (path->p == NULL)
			return &no_memory;
		if (path->len > PATH_MAX_LEN)
			return &too_large;
	}
	return NULL;
}

/* Expiration ------------------------------------------------------------- */

/* Milliseconds. */
static uint64_t parse_expires(struct str text, uint64_t malformed_ms)
{
	uint32_t s;
	int err = str_to_u32(text, UINT32_MAX, &s);

	if (err == VD_ETOOBIG)
		return UINT64_MAX;
	return err == 0 ? (uint64_t)s * 1000 : malformed_ms;
}

/* 10.3 step 7: the parameter, else the header field, else the default. What is
 * malformed is an hour in the parameter (10.2), and nothing in the field. */
static const struct refusal *read_expires(struct request *r,
					  const struct common *common,
					  struct str params, uint64_t *at_ms)
{
	const struct registrar_conf *c = &registrar_of(r)->conf;
	struct str value;
	uint64_t ms = c->default_expires;

	if (sip_param_find(params, STR("expires"), &value))
		ms = parse_expires(value, MALFORMED_MS);
	else if (common->header.p != NULL)
		ms = parse_expires(common->header, c->default_expires);
	if (ms > 0 && ms < c->min_expires)
		return &too_brief;
	if (ms > c->max_expires)
		ms = c->max_expires;
	*at_ms = ms == 0 ? 0 : registrar_now_ms(r) + ms;
	return NULL;
}

/* One value -------------------------------------------------------------- */

static bool is_zeros(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != '0')
			return false;
	return true;
}

/* qvalue (section 25.1): "0" or "1", with up to three decimals, which after a 1
 * are zeros. What is malformed counts as not given. */
static uint16_t parse_q(struct str text)
{
	struct str decimals;
	uint32_t whole, n = 0;

	if (str_to_u32((struct str){text.p, text.len > 0}, 1, &whole) != 0)
		return Q_NONE;
	if (text.len == 1)
		return (uint16_t)(whole * Q_ONE);
	decimals = str_skip(text, 2);
	if (text.p[1] != '.' || decimals.len > 3 ||
	    (decimals.len > 0 && str_to_u32(decimals, 999, &n) != 0) ||
	    (whole == 1 && !is_zeros(decimals)))
		return Q_NONE;
	for (size_t i = decimals.len; i < 3; i++)
		n *= 10;
	return (uint16_t)(whole * Q_ONE + n);
}

/* These are the registrar's own (RFC 5627 5.1: a phone's GRUU is ignored). */
static bool is_kept(struct str name)
{
	static const struct str others[] = {STR("q"), STR("expires"),
					    STR("pub-gruu"), STR("temp-gruu")};

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (str_ieq(name, others[i]))
			return false;
	return true;
}

/* All other parameters, as they were given (RFC 3840). */
static bool keep_params(struct request *r, struct str params, struct binding *b)
{
	char *out = arena_alloc(&r->arena, params.len + 1);
	size_t len = 0;
	struct str name, value;

	if (out == NULL)
		return false;
	while (sip_param_next(&params, &name, &value)) {
		const char *end = value.p + value.len;

		if (str_ieq(name, STR("q")))
			b->q = parse_q(value);
		if (!is_kept(name))
			continue;
		if (len > 0)
			out[len++] = ';';
		memcpy(out + len, name.p, (size_t)(end - name.p));
		len += (size_t)(end - name.p);
	}
	b->params = (struct str){out, len};
	return true;
}

static bool is_aor_itself(struct request *r, const struct sip_uri *uri,
			  struct str aor)
{
	const struct domain *domain;
	struct str other;

	return registrar_aor(r, uri, &domain, &other) == 0 &&
	       str_eq(other, aor);
}

/* RFC 5627 section 5.1; a public one is the address itself as URIs compare. */
static bool is_own_gruu(struct request *r, const struct sip_uri *uri,
			struct str aor)
{
	struct gruu g;

	return gruu_is(uri) && gruu_read(r, uri, &g) == 0 && str_eq(g.aor, aor);
}

/* 10.2.1: a contact may be of any scheme; not one that has a GRUU. */
static bool is_usable(const struct sip_uri *uri, struct str params)
{
	return uri->scheme == SIP_SCHEME_SIP ||
	       uri->scheme == SIP_SCHEME_SIPS || instance_of(params).len == 0;
}

/* RFC 5626 section 6. */
static const struct refusal *read_reg_id(const struct common *common,
					 struct str params, uint32_t *reg_id)
{
	*reg_id = 0;
	if (common->outbound == OUTBOUND_NONE)
		return NULL;
	*reg_id = reg_id_of(params);
	return *reg_id != 0 && common->outbound == OUTBOUND_LACKING
		       ? &no_outbound
		       : NULL;
}

static const struct refusal *read_contact(struct request *r,
					  const struct common *common,
					  struct str aor, struct str value,
					  struct asked *out)
{
	struct binding *b = &out->binding;
	const struct refusal *bad;
	struct sip_addr addr;

	if (sip_addr_parse(value, &addr) != 0 ||
	    sip_uri_parse(addr.uri, &out->uri) != 0)
		return &bad_contact;
	*b = (struct binding){
		.contact = addr.uri,
		.call_id = common->call_id,
		.path = common->path,
		.cseq = common->cseq,
		.q = Q_NONE,
	};
	if (addr.uri.len > CONTACT_MAX || addr.params.len > CONTACT_MAX)
		return &too_large;
	bad = read_expires(r, common, addr.params, &b->expires_ms);
	if (bad == NULL)
		bad = read_reg_id(common, addr.params, &b->reg_id);
	if (bad != NULL)
		return bad;
	if (b->expires_ms != 0 && !is_usable(&out->uri, addr.params))
		return &no_sip;
	if (b->expires_ms != 0 && is_aor_itself(r, &out->uri, aor))
		return &own_address;
	if (b->expires_ms != 0 && is_own_gruu(r, &out->uri, aor))
		return &own_gruu;
	if (!keep_params(r, addr.params, b) || !registrar_set_flow(r, out))
		return &no_memory;
	return NULL;
}

/* All values ------------------------------------------------------------- */

static size_t count_contacts(const struct request *r, bool *has_star)
{
	struct sip_values it;
	size_t n = 0;

	*has_star = false;
	for (sip_values_start(&it, r->msg, SIP_HDR_CONTACT);
	     sip_values_next(&it); n++)
		*has_star |= str_eq(it.value, STR("*"));
	return n;
}

static const struct refusal *read_star(const struct common *common, size_t n,
				       struct asking *out)
{
	out->is_all = true;
	if (n == 1 && common->header.len > 0 && is_zeros(common->header))
		return NULL;
	return &bad_star;
}

/* RFC 5626 section 6: a flow is registered alone; others may be removed. */
static const struct refusal *check_flows(struct asking *a)
{
	size_t n_added = 0, n_flows = 0;

	for (size_t i = 0; i < a->n; i++) {
		const struct binding *b = &a->v[i].binding;

		a->is_outbound |= b->reg_id != 0;
		n_added += b->expires_ms != 0;
		n_flows += b->expires_ms != 0 && b->reg_id != 0;
	}
	a->has_flow = n_flows > 0;
	return n_flows > 0 && n_added > 1 ? &many_flows : NULL;
}

static bool is_path_sips(const struct request *r)
{
	struct sip_values it;
	struct sip_uri uri;

	for (sip_values_start(&it, r->msg, SIP_HDR_PATH); sip_values_next(&it);)
		if (sip_route_parse(it.value, &uri) != 0 ||
		    uri.scheme != SIP_SCHEME_SIPS)
			return false;
	return true;
}

/* RFC 5630 section 5.2: what is bound to sips must be so all the way. */
static const struct refusal *check_sips(const struct request *r,
					const struct asking *a)
{
	size_t n_sip = r->uri->scheme == SIP_SCHEME_SIPS ? 0 : 1, n_sips = 0;

	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i].binding.expires_ms == 0)
			continue;
		if (a->v[i].uri.scheme == SIP_SCHEME_SIPS)
			n_sips++;
		else
			n_sip++;
	}
	return n_sips > 0 && (n_sip > 0 || !is_path_sips(r)) ? &not_sips : NULL;
}

static const struct refusal *read_values(struct request *r,
					 const struct common *common,
					 struct str aor, struct asking *out)
{
	const struct refusal *bad;
	struct sip_values it;

	for (sip_values_start(&it, r->msg, SIP_HDR_CONTACT);
	     sip_values_next(&it);) {
		bad = read_contact(r, common, aor, it.value, &out->v[out->n]);
		if (bad != NULL)
			return bad;
		out->n++;
	}
	bad = check_sips(r, out);
	return bad != NULL ? bad : check_flows(out);
}

const struct refusal *contacts_read(struct request *r, struct str aor,
				    struct asking *out)
{
	const struct sip_cseq *cseq = sip_msg_cseq(r->msg);
	struct common common = {
		.header = sip_msg_value(r->msg, SIP_HDR_EXPIRES),
		.call_id = sip_msg_call_id(r->msg),
		.cseq = cseq->number,
		.outbound = outbound_of(r),
	};
	const struct refusal *bad = read_path(r, &common.path);
	bool has_star;
	size_t n = count_contacts(r, &has_star);

	*out = (struct asking){0};
	if (bad != NULL || n == 0)
		return bad;
	if (common.call_id.len > CALL_ID_MAX)
		return &too_large;
	if (has_star)
		return read_star(&common, n, out);
	/* every one that there is replaced by another */
	if (n > 2 * (size_t)registrar_of(r)->conf.max_contacts)
		return &too_many;
	out->v = arena_alloc(&r->arena, n * sizeof(*out->v));
	return out->v != NULL ? read_values(r, &common, aor, out) : &no_memory;
}
