/* Parsing URIs (RFC 3261 sections 19.1.1 and 25.1). */
#include "sip_priv.h"
#include "viaduct/util/err.h"

const char *sip_scheme_span(const char *p, const char *end)
{
	const char *q;

	if (end - p >= 4 && is_lower(p, "sip", 3) && p[3] == ':')
		return p + 4;
	q = span(p, end, CT_SCHEME);
	return q > p && is_class(*p, CT_ALPHA) && at_char(q, end, ':') ? q + 1
								       : NULL;
}

static enum sip_scheme scheme_parse(struct str name)
{
	if (IS_NAME(name, "sip"))
		return SIP_SCHEME_SIP;
	if (IS_NAME(name, "sips"))
		return SIP_SCHEME_SIPS;
	if (IS_NAME(name, "tel"))
		return SIP_SCHEME_TEL;
	return SIP_SCHEME_OTHER;
}

/* user [ ":" password ] "@". The first "@" ends it: in every part of a URI it
 * must be escaped, while ";" and "?" may stand in the user part. */
static const char *uri_userinfo(const char *p, const char *end,
				struct sip_uri *u)
{
	const char *at = memchr(p, '@', (size_t)(end - p)), *q;

	if (at == NULL)
		return p;
	q = sip_span_escaped(p, at, CT_USER);
	if (q == p)
		return NULL;
	u->has_user = true;
	u->user = slice(p, q);
	if (at_char(q, at, ':')) {
		p = q + 1;
		q = sip_span_escaped(p, at, CT_PASS);
		u->password = slice(p, q);
	}
	return q == at ? at + 1 : NULL;
}

static const char *uri_hostport(const char *p, const char *end,
				struct sip_uri *u)
{
	const char *q = sip_host_span(p, end, &u->is_host_ip);

	if (q == NULL)
		return NULL;
	u->host = slice(p, q);
	return at_char(q, end, ':') ? sip_port_span(q + 1, end, &u->port) : q;
}

/* Keeps what routing needs. False: given twice, and so ambiguous. */
static bool uri_param(struct sip_uri *u, struct str name, struct str value)
{
	if (IS_NAME(name, "lr")) {
		u->is_lr = true;
	} else if (IS_NAME(name, "method")) {
		u->has_method = true;
	} else if (IS_NAME(name, "maddr")) {
		bool is_ip;
		const char *end = str_end(value);

		if (u->maddr.p != NULL ||
		    sip_host_span(value.p, end, &is_ip) != end)
			return false;
		u->maddr = value;
	} else if (IS_NAME(name, "transport")) {
		if (u->transport != SIP_TRANSPORT_NONE)
			return false;
		u->transport = sip_transport_parse(value);
	}
	return true;
}

/* *( ";" pname [ "=" pvalue ] ) */
static const char *uri_params(const char *p, const char *end, struct sip_uri *u)
{
	const char *from = p;

	while (at_char(p, end, ';')) {
		struct str name, value;
		const char *q = sip_span_escaped(p + 1, end, CT_PARAM);

		name = slice(p + 1, q);
		value = slice(q, q);
		if (at_char(q, end, '=')) {
			p = q + 1;
			q = sip_span_escaped(p, end, CT_PARAM);
			value = slice(p, q);
			if (value.len == 0)
				return NULL;
		}
		if (name.len == 0 || !uri_param(u, name, value))
			return NULL;
		p = q;
	}
	u->params = slice(p > from ? from + 1 : p, p);
	return p;
}

/* "?" hname "=" hvalue *( "&" ... ) */
static const char *uri_headers(const char *p, const char *end,
			       struct sip_uri *u)
{
	const char *from = p + 1;

	do {
		const char *q = sip_span_escaped(p + 1, end, CT_HNV);

		if (q == p + 1 || !at_char(q, end, '='))
			return NULL;
		p = sip_span_escaped(q + 1, end, CT_HNV);
	} while (at_char(p, end, '&'));
	u->headers = slice(from, p);
	return p;
}

static const char *sip_uri_rest(const char *p, const char *end,
				struct sip_uri *u)
{
	p = uri_userinfo(p, end, u);
	if (p != NULL)
		p = uri_hostport(p, end, u);
	if (p != NULL)
		p = uri_params(p, end, u);
	if (p != NULL && at_char(p, end, '?'))
		p = uri_headers(p, end, u);
	return p;
}

/* Other schemes: characters only; what they mean is not for us to say. */
static const char *opaque_rest(const char *p, const char *end,
			       struct sip_uri *u)
{
	const char *q = sip_span_escaped(p, end, CT_URIC);

	u->opaque = slice(p, q);
	return q > p ? q : NULL;
}

int sip_uri_fill(struct str text, struct sip_uri *out)
{
	const char *end = str_end(text), *p;

	p = text.len != 0 ? sip_scheme_span(text.p, end) : NULL;
	if (p == NULL)
		return VD_EINVAL;
	*out = (struct sip_uri){.text = text};
	out->scheme_name = slice(text.p, p - 1);
	out->scheme = scheme_parse(out->scheme_name);
	if (out->scheme == SIP_SCHEME_SIP || out->scheme == SIP_SCHEME_SIPS)
		p = sip_uri_rest(p, end, out);
	else
		p = opaque_rest(p, end, out);
	return p == end ? 0 : VD_EINVAL;
}

int sip_uri_parse(struct str text, struct sip_uri *out)
{
	struct sip_uri u;
	int err = sip_uri_fill(text, &u);

	if (err == 0)
		*out = u;
	return err;
}

/* What a URI has too much ------------------------------------------------- */

static bool is_one_of(struct str name, const struct str *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(name, names[i]))
			return true;
	return false;
}

struct str sip_uri_without(struct arena *arena, struct str head,
			   struct str params, const struct str *names,
			   size_t n_names)
{
	char *text = arena_alloc(arena, head.len + params.len + 1);
	struct str name, value;
	char *at = text;

	if (text == NULL)
		return STR_NONE;
	at = mempcpy(at, head.p, head.len);
	while (sip_param_next(&params, &name, &value)) {
		if (is_one_of(name, names, n_names))
			continue;
		*at++ = ';';
		at = mempcpy(at, name.p, (size_t)(str_end(value) - name.p));
	}
	return slice(text, at);
}

struct str sip_uri_for_request(struct arena *arena, const struct sip_uri *uri)
{
	static const struct str method[] = {STR("method")};
	const char *end = str_end(uri->text);

	if (uri->headers.p != NULL)
		end = uri->headers.p - 1;
	if (!uri->has_method)
		return slice(uri->text.p, end);
	return sip_uri_without(arena, slice(uri->text.p, uri->params.p - 1),
			       uri->params, method, ARRAY_LEN(method));
}
