/*
 * Slices: a pointer and a length into bytes that somebody else owns. They are
 * not terminated and may hold any byte.
 */
#ifndef VIADUCT_UTIL_STR_H
#define VIADUCT_UTIL_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t len;
};

#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
#define STR_NONE ((struct str){NULL, 0})

/* For printf: printf("%.*s", STR_FMT(s)). */
#define STR_FMT(s) (int)(s).len, (s).p

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member)                                        \
	((type *)((char *)(ptr)-offsetof(type, member)))

static inline struct str str_from(const char *z)
{
	return (struct str){z, z != NULL ? strlen(z) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* str_ieq() of two with one length. */
bool str_ieq_text(struct str a, struct str b);

/* Equal but for the case of ASCII letters; locale-free. */
static inline bool str_ieq(struct str a, struct str b)
{
	return a.len == b.len && str_ieq_text(a, b);
}

static inline bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(s.p, prefix.p, prefix.len) == 0);
}

/* The rest of `s` from byte `n` on; n at most s.len. */
static inline struct str str_skip(struct str s, size_t n)
{
	return (struct str){s.p + n, s.len - n};
}

/* Without the spaces and tabs (and folds: CR, LF) at both ends. */
struct str str_trim(struct str s);

/* Index of the first `c`, or s.len. */
size_t str_find(struct str s, char c);

/*
 * Decimal digits only, at least one, no sign, any number of leading zeros.
 *
 * Returns 0, VD_EINVAL (not a number) or VD_ETOOBIG (over `max`).
 */
int str_to_u32(struct str s, uint32_t max, uint32_t *out);

#endif
