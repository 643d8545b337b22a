/*
 * Writing text into a place of known size, without printf: for what is written
 * once per message. What does not fit is left out and `is_cut` says so.
 */
#ifndef VIADUCT_UTIL_PUT_H
#define VIADUCT_UTIL_PUT_H

#include "viaduct/util/str.h"

struct put {
	char *start, *at, *end;
	bool is_cut;
};

static inline struct put put_into(char *out, size_t size)
{
	return (struct put){.start = out, .at = out, .end = out + size};
}

static inline void put_str(struct put *p, struct str s)
{
	if (s.len > (size_t)(p->end - p->at)) {
		p->is_cut = true;
		return;
	}
	if (s.len > 0)
		memcpy(p->at, s.p, s.len);
	p->at += s.len;
}

static inline void put_uint(struct put *p, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	put_str(p, (struct str){digits + i, sizeof(digits) - i});
}

/* Sixteen lower-case hexadecimal digits. */
static inline void put_hex64(struct put *p, uint64_t n)
{
	char digits[16];

	for (int i = 0; i < 16; i++)
		digits[i] = "0123456789abcdef"[n >> (60 - 4 * i) & 0xf];
	put_str(p, (struct str){digits, sizeof(digits)});
}

static inline struct str put_done(const struct put *p)
{
	return (struct str){p->start, (size_t)(p->at - p->start)};
}

#endif
