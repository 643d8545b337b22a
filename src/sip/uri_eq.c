/* When two URIs name the same thing (RFC 3261 section 19.1.4). */
#include "sip_priv.h"

enum {
	PAIRS_MAX = 32, /* with more parameters or headers: octets decide */
	ESCAPED = 0x100,
};

static unsigned hex_value(char c)
{
	return is_class(c, CT_DIGIT) ? (unsigned)(c - '0')
				     : (unsigned)(ascii_lower(c) - 'a') + 10;
}

static bool is_reserved(char c)
{
	return c != '\0' && strchr(";/?:@&=+$,", c) != NULL;
}

static bool is_unreserved(char c)
{
	return is_class(c, CT_USER) && !is_reserved(c);
}

/* The next character, an escape counting as one. A reserved character and its
 * escape are different, every other equals its escape. */
static unsigned next_char(const char **p, const char *end)
{
	const char *at = *p;
	char c;

	if (sip_span_escaped(at, end - at >= 3 ? at + 3 : at, 0) == at) {
		*p = at + 1;
		return (unsigned char)*at;
	}
	*p = at + 3;
	c = (char)(hex_value(at[1]) << 4 | hex_value(at[2]));
	return (unsigned char)c | (is_reserved(c) ? ESCAPED : 0);
}

static unsigned fold(unsigned c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool text_eq(struct str a, struct str b, bool any_case)
{
	const char *p = a.p, *q = b.p, *p_end = str_end(a), *q_end = str_end(b);

	if (str_eq(a, b))
		return true;
	while (p < p_end && q < q_end) {
		unsigned x = next_char(&p, p_end), y = next_char(&q, q_end);

		if (x != y && !(any_case && fold(x) == fold(y)))
			return false;
	}
	return p == p_end && q == q_end;
}

/* A step through name=value pairs with `sep` between them. */
static bool next_pair(struct str *rest, char sep, struct str *name,
		      struct str *value)
{
	struct str pair;
	size_t len, eq;

	if (rest->len == 0)
		return false;
	len = str_find(*rest, sep);
	pair = (struct str){rest->p, len};
	eq = str_find(pair, '=');
	*name = (struct str){pair.p, eq};
	*value = str_skip(pair, eq < len ? eq + 1 : eq);
	*rest = str_skip(*rest, len < rest->len ? len + 1 : len);
	return true;
}

static bool find_pair(struct str pairs, char sep, struct str name,
		      struct str *value)
{
	struct str have;

	while (next_pair(&pairs, sep, &have, value))
		if (text_eq(have, name, true))
			return true;
	return false;
}

static bool has_many(struct str pairs, char sep)
{
	unsigned n = 0;

	for (size_t i = 0; i < pairs.len; i++)
		n += pairs.p[i] == sep;
	return n >= PAIRS_MAX;
}

/* In one of both only, these make URIs different. */
static bool is_decisive(struct str name)
{
	static const struct str names[] = {STR("user"), STR("ttl"),
					   STR("method"), STR("maddr"),
					   STR("transport")};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (text_eq(name, names[i], true))
			return true;
	return false;
}

/* Every pair of `a` agrees with `b`; all_count: none may be missing there. */
static bool pairs_agree(struct str a, struct str b, char sep, bool all_count)
{
	struct str name, x, y;

	while (next_pair(&a, sep, &name, &x)) {
		if (find_pair(b, sep, name, &y)) {
			if (!text_eq(x, y, true))
				return false;
		} else if (all_count || is_decisive(name)) {
			return false;
		}
	}
	return true;
}

static bool pairs_eq(struct str a, struct str b, char sep, bool all_count)
{
	if (str_eq(a, b))
		return true;
	if (has_many(a, sep) || has_many(b, sep))
		return false;
	return pairs_agree(a, b, sep, all_count) &&
	       pairs_agree(b, a, sep, all_count);
}

bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b)
{
	if (a->scheme != b->scheme)
		return false;
	if (a->scheme != SIP_SCHEME_SIP && a->scheme != SIP_SCHEME_SIPS)
		return str_eq(a->text, b->text);
	return a->has_user == b->has_user && a->port == b->port &&
	       (a->password.p != NULL) == (b->password.p != NULL) &&
	       text_eq(a->user, b->user, false) &&
	       text_eq(a->password, b->password, false) &&
	       sip_host_eq(a->host, b->host) &&
	       pairs_eq(a->params, b->params, ';', false) &&
	       pairs_eq(a->headers, b->headers, '&', true);
}

static char *put_escape(char *o, char c)
{
	static const char digits[] = "0123456789ABCDEF";

	*o++ = '%';
	*o++ = digits[(uint8_t)c >> 4];
	*o++ = digits[(uint8_t)c & 0xf];
	return o;
}

size_t sip_user_canonical(struct str text, char *out)
{
	const char *p = text.p, *end = str_end(text);
	char *o = out;

	if (text.len > 0 && span_long(p, end, CT_USER) == end) {
		memcpy(out, text.p, text.len);
		return text.len;
	}
	while (p < end) {
		const char *from = p;
		char c = (char)next_char(&p, end);
		bool is_plain =
			p == from + 1 ? is_class(c, CT_USER) : is_unreserved(c);

		if (is_plain)
			*o++ = c;
		else
			o = put_escape(o, c);
	}
	return (size_t)(o - out);
}
