/* base64url (RFC 4648 section 5) without padding. */
#include "viaduct/util/mac.h"

#include "viaduct/util/err.h"

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz0123456789-_";

/* clang-format off */
#define VALUE(c) ((c) >= 'A' && (c) <= 'Z' ? (c) - 'A' : \
	(c) >= 'a' && (c) <= 'z' ? (c) - 'a' + 26 : \
	(c) >= '0' && (c) <= '9' ? (c) - '0' + 52 : \
	(c) == '-' ? 62 : (c) == '_' ? 63 : -1)
#define VALUE4(c) VALUE(c), VALUE((c) + 1), VALUE((c) + 2), VALUE((c) + 3)
#define VALUE16(c) VALUE4(c), VALUE4((c) + 4), VALUE4((c) + 8), VALUE4((c) + 12)
#define VALUE64(c) \
	VALUE16(c), VALUE16((c) + 16), VALUE16((c) + 32), VALUE16((c) + 48)

static const int8_t values[256] = {
	VALUE64(0), VALUE64(64), VALUE64(128), VALUE64(192)
};
/* clang-format on */

/* The first n of the four digits of 24 bits. */
static char *digits_put(char *out, uint32_t bits, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		*out++ = alphabet[bits >> (18 - 6 * i) & 63];
	return out;
}

size_t base64url_encode(const void *p, size_t len, char *out)
{
	const uint8_t *b = p;
	char *at = out;

	for (; len >= 3; len -= 3, b += 3)
		at = digits_put(at, (uint32_t)(b[0] << 16 | b[1] << 8 | b[2]),
				4);
	if (len == 2)
		at = digits_put(at, (uint32_t)(b[0] << 16 | b[1] << 8), 3);
	else if (len == 1)
		at = digits_put(at, (uint32_t)(b[0] << 16), 2);
	return (size_t)(at - out);
}

/* Up to four digits as 24 bits; negative when one is none. */
static int32_t digits_get(const char *p, size_t n)
{
	int32_t bits = 0, all = 0;

	for (size_t i = 0; i < n; i++) {
		int32_t v = values[(uint8_t)p[i]];

		all |= v;
		bits |= (v & 63) << (18 - 6 * i);
	}
	return all < 0 ? -1 : bits;
}

/* One text for one value: left-over bits must be zero. */
int base64url_decode(struct str text, void *out, size_t cap)
{
	size_t rest = text.len % 4;
	size_t n = text.len / 4 * 3 + rest * 3 / 4;
	const char *p = text.p, *whole = p + (text.len - rest);
	uint8_t *b = out;
	int32_t bits;

	if (rest == 1)
		return VD_EINVAL;
	if (n > cap)
		return VD_ETOOBIG;
	for (; p < whole; p += 4, b += 3) {
		bits = digits_get(p, 4);
		if (bits < 0)
			return VD_EINVAL;
		b[0] = (uint8_t)(bits >> 16);
		b[1] = (uint8_t)(bits >> 8);
		b[2] = (uint8_t)bits;
	}
	if (rest == 0)
		return (int)n;
	bits = digits_get(p, rest);
	if (bits < 0 || (bits & (rest == 2 ? 0xffff : 0xff)) != 0)
		return VD_EINVAL;
	b[0] = (uint8_t)(bits >> 16);
	if (rest == 3)
		b[1] = (uint8_t)(bits >> 8);
	return (int)n;
}
