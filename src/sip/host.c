/* Hosts and ports (RFC 3261 section 25.1, RFC 5954 for IPv6). */
#include <limits.h>

#include "sip_priv.h"
#include "viaduct/util/addr.h"
#include "viaduct/util/err.h"

enum {
	IPV6_TEXT_MAX = 64, /* with room for brackets and zeros */
};

static inline unsigned digit_at(const char *p, const char *end)
{
	return p < end ? (unsigned)(unsigned char)*p - '0' : UINT_MAX;
}

/* Past up to three digits with a value up to 255; NULL: something else. */
static inline const char *octet_span(const char *p, const char *end)
{
	unsigned value = digit_at(p, end), digit;

	if (value > 9)
		return NULL;
	digit = digit_at(++p, end);
	if (digit > 9)
		return p;
	value = value * 10 + digit;
	digit = digit_at(++p, end);
	if (digit > 9)
		return p;
	return value * 10 + digit <= 255 ? p + 1 : NULL;
}

/* Past four numbers, each 0 to 255, with dots between; NULL: something else. */
static const char *ipv4_span(const char *p, const char *end)
{
	for (int i = 0; i < 3; i++) {
		p = octet_span(p, end);
		if (p == NULL || !at_char(p, end, '.'))
			return NULL;
		p++;
	}
	return octet_span(p, end);
}

/*
 * An address with or without brackets. RFC 5118 section 4.10: the grammar of
 * RFC 3261 lets ":::" stand before an embedded IPv4 address; read it as "::".
 */
static bool ipv6_parse(struct str s, union addr *out)
{
	char text[IPV6_TEXT_MAX];
	size_t len = 0;
	bool repaired = false;

	if (s.len > sizeof(text))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!repaired && str_starts(str_skip(s, i), STR(":::")))
			repaired = true;
		else
			text[len++] = s.p[i];
	}
	return addr_parse((struct str){text, len}, 0, out) == 0 &&
	       addr_family(out) == AF_INET6;
}

bool sip_is_ipv6(struct str s)
{
	union addr unused;

	/* no zone: "%" does not belong into a SIP host */
	return s.len != 0 && memchr(s.p, ':', s.len) != NULL &&
	       memchr(s.p, '%', s.len) == NULL && ipv6_parse(s, &unused);
}

static const char *ipv6_span(const char *p, const char *end)
{
	const char *close = memchr(p, ']', (size_t)(end - p));

	return close != NULL && sip_is_ipv6(slice(p, close + 1)) ? close + 1
								 : NULL;
}

static bool is_number(const char *p, const char *end)
{
	return span(p, end, CT_DIGIT) == end;
}

/*
 * Labels with dots between them, one may be last. More is let through than
 * "domainlabel" has ("_", labels that begin with a digit or "-": such names are
 * in use), but no name whose last label is a number: that would be an address.
 */
static const char *hostname_span(const char *p, const char *end)
{
	const char *label, *q;

	do {
		label = p;
		q = span(p, end, CT_LABEL);
		if (q == label)
			return NULL;
		p = at_char(q, end, '.') ? q + 1 : q;
	} while (p > q && p < end && is_class(*p, CT_LABEL));
	return is_number(label, q) ? NULL : p;
}

const char *sip_host_span(const char *p, const char *end, bool *is_ip)
{
	const char *q;

	*is_ip = true;
	if (at_char(p, end, '['))
		return ipv6_span(p, end);
	q = p < end && is_class(*p, CT_DIGIT) ? ipv4_span(p, end) : NULL;
	if (q != NULL && (q == end || !is_class(*q, CT_LABEL | CT_SCHEME)))
		return q;
	*is_ip = false;
	return hostname_span(p, end);
}

bool sip_is_host(struct str s)
{
	const char *end = str_end(s);
	bool is_ip;

	return sip_host_span(s.p, end, &is_ip) == end;
}

const char *sip_port_span(const char *p, const char *end, uint16_t *port)
{
	unsigned n = 0, digit;

	for (; p < end; p++) {
		digit = (unsigned char)*p - '0';
		if (digit > 9)
			break;
		n = n * 10 + digit;
		if (n > UINT16_MAX)
			return NULL;
	}
	if (n == 0) /* none, or nothing but zeros */
		return NULL;
	*port = (uint16_t)n;
	return p;
}

static struct str without_last_dot(struct str s)
{
	if (s.len > 1 && s.p[s.len - 1] == '.')
		s.len--;
	return s;
}

bool sip_host_eq(struct str a, struct str b)
{
	union addr x, y;

	a = without_last_dot(a);
	b = without_last_dot(b);
	if (str_ieq(a, b))
		return true;
	if (a.len == 0 || b.len == 0) /* a URI of another scheme has none */
		return false;
	if (memchr(a.p, ':', a.len) == NULL || memchr(b.p, ':', b.len) == NULL)
		return false;
	return ipv6_parse(a, &x) && ipv6_parse(b, &y) && addr_ip_eq(&x, &y);
}
