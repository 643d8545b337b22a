#include "transport/stun.h"

#include <string.h>

enum {
	HEADER_LEN = 20,
	COOKIE_AT = 4, /* from here to its end the header goes back */
	ATTRIBUTE_LEN = 4,
	UNKNOWN_MAX = 6, /* that are named; each has cost the sender as much */

	BINDING_REQUEST = 0x0001,
	BINDING_SUCCESS = 0x0101,
	BINDING_ERROR = 0x0111,

	ERROR_CODE = 0x0009,
	UNKNOWN_ATTRIBUTES = 0x000a,
	XOR_MAPPED_ADDRESS = 0x0020,
	OPTIONAL = 0x8000, /* from here on they may be ignored */
};

static const uint8_t cookie[4] = {0x21, 0x12, 0xa4, 0x42};

struct reader {
	const uint8_t *p;
	size_t len;
};

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static bool is_binding_request(struct reader r)
{
	return r.len >= HEADER_LEN && get16(r.p) == BINDING_REQUEST &&
	       get16(r.p + 2) == r.len - HEADER_LEN && r.len % 4 == 0 &&
	       memcmp(r.p + COOKIE_AT, cookie, sizeof(cookie)) == 0;
}

/* Those of credentials (section 14) are understood, and not needed here. */
static bool is_known(unsigned type)
{
	switch (type) {
	case 0x0006: /* USERNAME */
	case 0x0008: /* MESSAGE-INTEGRITY */
	case 0x0014: /* REALM */
	case 0x0015: /* NONCE */
	case 0x001c: /* MESSAGE-INTEGRITY-SHA256 */
	case 0x001d: /* PASSWORD-ALGORITHM */
	case 0x001e: /* USERHASH */
		return true;
	default:
		return type >= OPTIONAL;
	}
}

/* False: the attributes do not fill the message exactly. */
static bool read_attributes(struct reader r, unsigned *unknown,
			    size_t *n_unknown)
{
	*n_unknown = 0;
	r.p += HEADER_LEN;
	r.len -= HEADER_LEN;
	while (r.len >= ATTRIBUTE_LEN) {
		unsigned type = get16(r.p);
		size_t size = ATTRIBUTE_LEN +
			      (((size_t)get16(r.p + 2) + 3) & ~(size_t)3);

		if (size > r.len)
			return false;
		if (!is_known(type) && *n_unknown < UNKNOWN_MAX)
			unknown[(*n_unknown)++] = type;
		r.p += size;
		r.len -= size;
	}
	return r.len == 0;
}

/* Section 14.2: hidden from NATs that change each address that they see. */
static size_t put_address(const uint8_t *key, const union addr *a, uint8_t *out)
{
	bool is_6 = addr_family(a) == AF_INET6;
	const void *ip = is_6 ? (const void *)&a->in6.sin6_addr
			      : (const void *)&a->in4.sin_addr;
	size_t ip_len = is_6 ? 16 : 4;

	put16(out, XOR_MAPPED_ADDRESS);
	put16(out + 2, (unsigned)(4 + ip_len));
	out[4] = 0;
	out[5] = is_6 ? 2 : 1;
	put16(out + 6, addr_port(a) ^ get16(cookie));
	memcpy(out + 8, ip, ip_len);
	for (size_t i = 0; i < ip_len; i++)
		out[8 + i] ^= key[i]; /* the cookie, then the transaction */
	return 8 + ip_len;
}

/* 420, without a phrase: the answer is to be no larger than it must. */
static size_t put_unknown(const unsigned *unknown, size_t n, uint8_t *out)
{
	static const uint8_t code[] = {0, 0, 4, 20};
	size_t size = (2 * n + 3) & ~(size_t)3;

	put16(out, ERROR_CODE);
	put16(out + 2, sizeof(code));
	memcpy(out + 4, code, sizeof(code));
	out += 8;
	put16(out, UNKNOWN_ATTRIBUTES);
	put16(out + 2, (unsigned)(2 * n));
	memset(out + 4, 0, size);
	for (size_t i = 0; i < n; i++)
		put16(out + 4 + 2 * i, unknown[i]);
	return 8 + ATTRIBUTE_LEN + size;
}

size_t stun_answer(struct str request, const union addr *from, uint8_t *out)
{
	struct reader r = {(const uint8_t *)request.p, request.len};
	unsigned unknown[UNKNOWN_MAX];
	size_t n, len;

	if (!is_binding_request(r) || !read_attributes(r, unknown, &n))
		return 0;
	put16(out, n == 0 ? BINDING_SUCCESS : BINDING_ERROR);
	memcpy(out + COOKIE_AT, r.p + COOKIE_AT, HEADER_LEN - COOKIE_AT);
	if (n == 0)
		len = put_address(r.p + COOKIE_AT, from, out + HEADER_LEN);
	else
		len = put_unknown(unknown, n, out + HEADER_LEN);
	put16(out + 2, (unsigned)len);
	return HEADER_LEN + len;
}
