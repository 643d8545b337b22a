/* Character classes, from the rules of RFC 3261 section 25.1 as they stand. */
#include "sip_priv.h"

/* clang-format off */
#define IS_DIGIT(c) ((c) >= '0' && (c) <= '9')
#define IS_ALPHA(c) (((c) | 0x20) >= 'a' && ((c) | 0x20) <= 'z')
#define IS_HEX(c) (IS_DIGIT(c) || (((c) | 0x20) >= 'a' && ((c) | 0x20) <= 'f'))
#define IS_ALNUM(c) (IS_ALPHA(c) || IS_DIGIT(c))
#define IS_LWS(c) ((c) == ' ' || (c) == '\t' || (c) == '\r' || (c) == '\n')
#define IS_MARK(c) ((c) == '-' || (c) == '_' || (c) == '.' || (c) == '!' || \
	(c) == '~' || (c) == '*' || (c) == '\'' || (c) == '(' || (c) == ')')
#define IS_UNRESERVED(c) (IS_ALNUM(c) || IS_MARK(c))
#define IS_RESERVED(c) ((c) == ';' || (c) == '/' || (c) == '?' || \
	(c) == ':' || (c) == '@' || (c) == '&' || (c) == '=' || \
	(c) == '+' || (c) == '$' || (c) == ',')
#define IS_BRACKET(c) ((c) == '[' || (c) == ']')

#define IS_TOKEN(c) (IS_ALNUM(c) || (c) == '-' || (c) == '.' || \
	(c) == '!' || (c) == '%' || (c) == '*' || (c) == '_' || \
	(c) == '+' || (c) == '`' || (c) == '\'' || (c) == '~')
#define IS_LABEL(c) (IS_ALNUM(c) || (c) == '-' || (c) == '_')
#define IS_SCHEME(c) (IS_ALNUM(c) || (c) == '+' || (c) == '-' || (c) == '.')
#define IS_PASS(c) (IS_UNRESERVED(c) || (c) == '&' || (c) == '=' || \
	(c) == '+' || (c) == '$' || (c) == ',')
#define IS_USER(c) (IS_PASS(c) || (c) == ';' || (c) == '?' || (c) == '/')
#define IS_PARAM(c) (IS_UNRESERVED(c) || IS_BRACKET(c) || (c) == '/' || \
	(c) == ':' || (c) == '&' || (c) == '+' || (c) == '$')
#define IS_HNV(c) (IS_UNRESERVED(c) || IS_BRACKET(c) || (c) == '/' || \
	(c) == '?' || (c) == ':' || (c) == '+' || (c) == '$')
#define IS_URIC(c) (IS_RESERVED(c) || IS_UNRESERVED(c) || IS_BRACKET(c))
/* token / host, and what phones write that nobody can mistake */
#define IS_VALUE(c) (IS_TOKEN(c) || IS_PARAM(c) || (c) == '=' || (c) == '@')
#define IS_PHRASE(c) (IS_TOKEN(c) || IS_LWS(c) || (c) >= 0x80)
#define IS_CONTROL(c) ((c) < 0x20 || (c) == 0x7f)
#define IS_VISIBLE(c) ((c) > 0x20 && (c) < 0x7f)

#define BIT(is, bit) ((is) ? (bit) : 0)
#define CT(c) ( \
	BIT(IS_TOKEN(c), CT_TOKEN) | BIT(IS_DIGIT(c), CT_DIGIT) | \
	BIT(IS_HEX(c), CT_HEX) | BIT(IS_ALPHA(c), CT_ALPHA) | \
	BIT(IS_LWS(c), CT_LWS) | BIT(IS_LABEL(c), CT_LABEL) | \
	BIT(IS_SCHEME(c), CT_SCHEME) | BIT(IS_USER(c), CT_USER) | \
	BIT(IS_PASS(c), CT_PASS) | BIT(IS_PARAM(c), CT_PARAM) | \
	BIT(IS_HNV(c), CT_HNV) | BIT(IS_URIC(c), CT_URIC) | \
	BIT(IS_VALUE(c), CT_VALUE) | BIT(IS_PHRASE(c), CT_PHRASE) | \
	BIT(IS_CONTROL(c), CT_CONTROL) | BIT(IS_VISIBLE(c), CT_VISIBLE))
#define CT4(c) CT(c), CT((c) + 1), CT((c) + 2), CT((c) + 3)
#define CT16(c) CT4(c), CT4((c) + 4), CT4((c) + 8), CT4((c) + 12)
#define CT64(c) CT16(c), CT16((c) + 16), CT16((c) + 32), CT16((c) + 48)

const uint16_t sip_ctype[256] = { CT64(0), CT64(64), CT64(128), CT64(192) };
/* clang-format on */

static bool is_escaped(const char *p, const char *end)
{
	return end - p >= 3 && p[0] == '%' && is_class(p[1], CT_HEX) &&
	       is_class(p[2], CT_HEX);
}

const char *sip_span_escaped(const char *p, const char *end, unsigned classes)
{
	for (;;) {
		p = span_long(p, end, classes);
		if (p == end || *p != '%' || !is_escaped(p, end))
			return p;
		p += 3;
	}
}

const char *sip_quoted_span(const char *p, const char *end)
{
	const char *quote = memchr(p + 1, '"', (size_t)(end - p - 1));

	if (quote == NULL ||
	    memchr(p + 1, '\\', (size_t)(quote - p - 1)) == NULL)
		return quote != NULL ? quote + 1 : NULL;
	for (p++; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\')
			p++;
	}
	return NULL;
}

struct str sip_trim(const char *p, const char *end)
{
	p = skip_lws(p, end);
	while (end > p && is_class(end[-1], CT_LWS))
		end--;
	return slice(p, end);
}
