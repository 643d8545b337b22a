#include "viaduct/util/str.h"

#include "viaduct/util/err.h"
#include "util/util_priv.h"

bool str_ieq_text(struct str a, struct str b)
{
	if (str_eq(a, b)) /* what peers write nearly always */
		return true;
	for (size_t i = 0; i < a.len; i++) {
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	}
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.len > 0 && is_blank(s.p[0]))
		s = str_skip(s, 1);
	while (s.len > 0 && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

size_t str_find(struct str s, char c)
{
	const char *hit = s.len > 0 ? memchr(s.p, c, s.len) : NULL;

	return hit != NULL ? (size_t)(hit - s.p) : s.len;
}

int str_to_u32(struct str s, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;

	if (s.len == 0)
		return VD_EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return VD_EINVAL;
		/* Sticks above every max, and cannot overflow. */
		if (v <= UINT32_MAX)
			v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	if (v > max)
		return VD_ETOOBIG;
	*out = (uint32_t)v;
	return 0;
}

size_t u64_print(uint64_t v, char *out)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	for (size_t i = 0; i < n; i++)
		out[i] = digits[n - 1 - i];
	return n;
}
