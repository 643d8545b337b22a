/* From, To, Contact, Route ...: name-addr or addr-spec, then parameters (RFC
 * 3261 sections 20.10 and 25.1). */
#include "sip_priv.h"
#include "viaduct/util/err.h"

/* Any URI: a scheme, and characters that may stand in URIs. */
static bool is_uri_like(struct str uri)
{
	const char *end = str_end(uri);
	const char *p = sip_scheme_span(uri.p, end);

	return p != NULL && p < end && sip_span_escaped(p, end, CT_URIC) == end;
}

static const char *bracketed_uri(const char *p, const char *end,
				 struct sip_addr *a)
{
	const char *close = memchr(p, '>', (size_t)(end - p));

	if (close == NULL)
		return NULL;
	a->uri = slice(p + 1, close);
	return close + 1;
}

/*
 * addr-spec: what follows its first ";" are header parameters, and a URI with
 * a comma or a question mark needs the brackets (section 20).
 */
static const char *bare_uri(const char *p, const char *end, struct sip_addr *a)
{
	const char *q = p;

	while (q < end && *q != ';' && !is_class(*q, CT_LWS)) {
		if (*q == ',' || *q == '?')
			return NULL;
		q++;
	}
	a->uri = slice(p, q);
	return q;
}

/*
 * [ display-name ] "<" URI ">", or a URI. No white space need stand before the
 * "<" (RFC 4475 section 3.1.1.6). A display name without quotes may hold
 * UTF-8, which the grammar keeps for quoted ones.
 */
static const char *addr_head(const char *p, const char *end, struct sip_addr *a)
{
	const char *from = p;

	a->display = slice(p, p);
	if (at_char(p, end, '"')) {
		p = sip_quoted_span(p, end);
		if (p == NULL)
			return NULL;
		a->display = slice(from, p);
		p = skip_lws(p, end);
		return at_char(p, end, '<') ? bracketed_uri(p, end, a) : NULL;
	}
	if (!at_char(p, end, '<'))
		p = span(p, end, CT_PHRASE);
	if (at_char(p, end, '<')) {
		a->display = sip_trim(from, p);
		return bracketed_uri(p, end, a);
	}
	return bare_uri(from, end, a);
}

static bool addr_params(const char *p, const char *end, struct sip_addr *a)
{
	a->params = slice(p < end ? p + 1 : p, end);
	while (p < end) {
		struct str name, value;

		p = sip_param_span(p + 1, end, CT_TOKEN, &name, &value);
		if (p == NULL || name.len == 0)
			return false;
		if (!IS_NAME(name, "tag"))
			continue;
		if (a->tag.p != NULL || value.len == 0 || *value.p == '"')
			return false;
		a->tag = value;
	}
	return true;
}

bool sip_addr_split(struct str text, struct sip_addr *out)
{
	const char *end = str_end(text), *p;

	*out = (struct sip_addr){.text = text};
	p = addr_head(text.p, end, out);
	if (p == NULL)
		return false;
	p = skip_lws(p, end);
	return (p == end || *p == ';') && addr_params(p, end, out);
}

int sip_addr_fill(struct str text, struct sip_addr *out)
{
	if (text.len == 0 || !sip_addr_split(text, out) ||
	    !is_uri_like(out->uri))
		return VD_EINVAL;
	return 0;
}

int sip_addr_parse(struct str text, struct sip_addr *out)
{
	struct sip_addr a;
	int err = sip_addr_fill(text, &a);

	if (err == 0)
		*out = a;
	return err;
}

int sip_route_parse(struct str text, struct sip_uri *uri)
{
	struct sip_addr addr;

	if (text.len == 0 || !sip_addr_split(text, &addr) ||
	    addr.uri.p[-1] != '<')
		return VD_EINVAL;
	return sip_uri_fill(addr.uri, uri);
}
