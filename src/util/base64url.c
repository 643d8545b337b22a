/* base64url (RFC 4648 section 5) without padding. */
#include "viaduct/util/mac.h"

#include "viaduct/util/err.h"

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz0123456789-_";

size_t base64url_encode(const void *p, size_t len, char *out)
{
	const uint8_t *b = p;
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | b[i];
		for (n_bits += 8; n_bits >= 6; n_bits -= 6)
			out[n++] = alphabet[bits >> (n_bits - 6) & 63];
	}
	if (n_bits > 0)
		out[n++] = alphabet[bits << (6 - n_bits) & 63];
	return n;
}

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

/* One text for one value: left-over bits must be zero. */
int base64url_decode(struct str text, void *out, size_t cap)
{
	uint8_t *b = out;
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t n = 0;

	if (text.len % 4 == 1)
		return VD_EINVAL;
	if (text.len / 4 * 3 + text.len % 4 * 3 / 4 > cap)
		return VD_ETOOBIG;
	for (size_t i = 0; i < text.len; i++) {
		int v = digit_value(text.p[i]);

		if (v < 0)
			return VD_EINVAL;
		bits = bits << 6 | (uint32_t)v;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			b[n++] = (uint8_t)(bits >> n_bits);
		}
	}
	if ((bits & ((1u << n_bits) - 1)) != 0)
		return VD_EINVAL;
	return (int)n;
}
