/* base64url (RFC 4648 section 5) without padding. */
#include "viaduct/util/mac.h"

#include "viaduct/util/err.h"

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz0123456789-_";

/* clang-format off */
#define VALUE(c) (int8_t)( \
	(c) >= 'A' && (c) <= 'Z' ? (c) - 'A' : \
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

static inline void digits_put(char out[4], uint32_t bits)
{
	out[0] = alphabet[bits >> 18];
	out[1] = alphabet[bits >> 12 & 63];
	out[2] = alphabet[bits >> 6 & 63];
	out[3] = alphabet[bits & 63];
}

size_t base64url_encode(const void *p, size_t len, char *out)
{
	const uint8_t *b = p;
	uint8_t rest[3] = {0};
	char *at = out, last[4];

	for (; len >= 3; len -= 3, b += 3, at += 4)
		digits_put(at, (uint32_t)(b[0] << 16 | b[1] << 8 | b[2]));
	if (len > 0) {
		memcpy(rest, b, len);
		digits_put(last, (uint32_t)(rest[0] << 16 | rest[1] << 8));
		memcpy(at, last, len + 1);
		at += len + 1;
	}
	return (size_t)(at - out);
}

/* Four digits as 24 bits; negative when one is none. */
static inline int32_t digits_get(const char *p)
{
	int32_t a = values[(uint8_t)p[0]], b = values[(uint8_t)p[1]];
	int32_t c = values[(uint8_t)p[2]], d = values[(uint8_t)p[3]];

	if ((a | b | c | d) < 0)
		return -1;
	return a << 18 | b << 12 | c << 6 | d;
}

/* One text for one value: left-over bits must be zero. */
int base64url_decode(struct str text, void *out, size_t cap)
{
	size_t rest = text.len % 4;
	size_t n = text.len / 4 * 3 + rest * 3 / 4;
	const char *p = text.p, *whole = p + (text.len - rest);
	char last[4] = "AAAA";
	uint8_t *b = out;
	int32_t bits;

	if (rest == 1)
		return VD_EINVAL;
	if (n > cap)
		return VD_ETOOBIG;
	for (; p < whole; p += 4, b += 3) {
		bits = digits_get(p);
		if (bits < 0)
			return VD_EINVAL;
		b[0] = (uint8_t)(bits >> 16);
		b[1] = (uint8_t)(bits >> 8);
		b[2] = (uint8_t)bits;
	}
	if (rest == 0)
		return (int)n;
	memcpy(last, p, rest);
	bits = digits_get(last);
	if (bits < 0 || (bits & (rest == 2 ? 0xffff : 0xff)) != 0)
		return VD_EINVAL;
	b[0] = (uint8_t)(bits >> 16);
	if (rest == 3)
		b[1] = (uint8_t)(bits >> 8);
	return (int)n;
}
