/* Parameters of header field values: ;name, ;name=value, ;name="value". */
#include "sip_priv.h"

const char *sip_pair_span(const char *p, const char *end, unsigned name_class,
			  char separator, struct str *name, struct str *value)
{
	const char *from = skip_lws(p, end);

	p = span_long(from, end, name_class);
	*name = *value = slice(from, p);
	value->p = p;
	value->len = 0;
	p = skip_lws(p, end);
	if (name->len != 0 && at_char(p, end, '=')) {
		from = skip_lws(p + 1, end);
		if (at_char(from, end, '"'))
			p = sip_quoted_span(from, end);
		else
			p = span_long(from, end, CT_VALUE);
		if (p == NULL || p == from)
			return NULL;
		*value = slice(from, p);
		p = skip_lws(p, end);
	}
	return p == end || *p == separator ? p : NULL;
}

bool sip_param_next(struct str *rest, struct str *name, struct str *value)
{
	const char *p = rest->p, *end = str_end(*rest);

	while (p != NULL && p < end) {
		p = sip_param_span(at_char(p, end, ';') ? p + 1 : p, end,
				   CT_TOKEN | CT_PARAM, name, value);
		if (p != NULL && name->len != 0) {
			*rest = slice(p, end);
			return true;
		}
	}
	*rest = slice(end, end);
	return false;
}

bool sip_auth_param_next(struct str *rest, struct str *name, struct str *value)
{
	const char *p = rest->p, *end = str_end(*rest), *past;

	while (p < end && (*p == ',' || is_class(*p, CT_LWS)))
		p++; /* a list may have empty elements */
	if (p == end)
		return false;
	past = sip_pair_span(p, end, CT_TOKEN | CT_PARAM, ',', name, value);
	if (past == NULL || name->len == 0) {
		*name = *value = STR_NONE;
		past = sip_value_end(p, end);
	}
	*rest = slice(past, end);
	return true;
}

bool sip_param_find(struct str params, struct str name, struct str *value)
{
	struct str have, v;

	while (sip_param_next(&params, &have, &v))
		if (str_ieq(have, name)) {
			if (value != NULL)
				*value = v;
			return true;
		}
	return false;
}
