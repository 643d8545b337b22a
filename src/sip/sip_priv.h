/*
 * What the sources of sip share: character classes of RFC 3261 section 25.1 and
 * the small scanners that everything else is made of. They take the place to
 * start and the end, and return the place where they stopped.
 */
#ifndef VIADUCT_SIP_PRIV_H
#define VIADUCT_SIP_PRIV_H

#include "scan.h"
#include "viaduct/sip/msg.h"

/* Classes; "escaped" and quoted strings are not characters of any. */
enum {
	CT_TOKEN = 1 << 0,
	CT_DIGIT = 1 << 1,
	CT_HEX = 1 << 2,
	CT_ALPHA = 1 << 3,
	CT_LWS = 1 << 4,     /* SP, HTAB, and CR LF of a fold */
	CT_LABEL = 1 << 5,   /* of a host name, and "_" */
	CT_SCHEME = 1 << 6,  /* after its first letter */
	CT_USER = 1 << 7,    /* unreserved, user-unreserved */
	CT_PASS = 1 << 8,    /* password */
	CT_PARAM = 1 << 9,   /* unreserved, param-unreserved */
	CT_HNV = 1 << 10,    /* unreserved, hnv-unreserved */
	CT_URIC = 1 << 11,   /* reserved, unreserved, "[", "]" */
	CT_VALUE = 1 << 12,  /* unquoted value of a header parameter */
	CT_PHRASE = 1 << 13, /* display name: token, LWS, UTF-8 */
	CT_CONTROL = 1 << 14,
	CT_VISIBLE = 1 << 15, /* ASCII, not SP */

	/* these have all of common_mask16() among theirs */
	CT_WIDE = CT_PARAM | CT_HNV | CT_URIC | CT_VALUE | CT_VISIBLE,
};

extern const uint16_t sip_ctype[256];

static inline bool is_class(char c, unsigned classes)
{
	return (sip_ctype[(unsigned char)c] & classes) != 0;
}

static inline bool at_char(const char *p, const char *end, char c)
{
	return p < end && *p == c;
}

static inline const char *span(const char *p, const char *end, unsigned classes)
{
	while (p < end && is_class(*p, classes))
		p++;
	return p;
}

/* Past what is common in sixteen bytes; more of the class may follow. The last
 * bytes are looked at together with some before them. */
static inline const char *span_common(const char *p, const char *end,
				      unsigned wide_class)
{
	if (end - p < 16)
		return p;
	while (end - p >= 16) {
		unsigned others = ~common_mask16(p) & 0xffff;

		if (others == 0) {
			p += 16;
			continue;
		}
		p += __builtin_ctz(others);
		if (!is_class(*p, wide_class))
			return p;
		p++;
	}
	return common_mask16(end - 16) == 0xffff ? end : p;
}

/* The same for what is usually long. The loop wants four characters that have
 * one class in common, the last step goes on where they do not. */
static inline const char *span_long(const char *p, const char *end,
				    unsigned classes)
{
	const unsigned char *u;

	if ((classes & CT_WIDE) != 0)
		p = span_common(p, end, classes);
	u = (const unsigned char *)p;
	while (end - p >= 4 && (sip_ctype[u[0]] & sip_ctype[u[1]] &
				sip_ctype[u[2]] & sip_ctype[u[3]] & classes)) {
		u += 4;
		p += 4;
	}
	return span(p, end, classes);
}

static inline const char *skip_lws(const char *p, const char *end)
{
	while (p < end && (unsigned char)*p <= ' ')
		p++;
	return p;
}

static inline struct str slice(const char *p, const char *end)
{
	return (struct str){p, (size_t)(end - p)};
}

/* p may be NULL. */
static inline const char *str_end(struct str s)
{
	return s.len != 0 ? s.p + s.len : s.p;
}

/* The same with %XX allowed between the characters. */
const char *sip_span_escaped(const char *p, const char *end, unsigned classes);

/* Past a quoted string that starts at p; NULL when it does not end. */
const char *sip_quoted_span(const char *p, const char *end);

/* Without white space at both ends; the second is for where little of it is
 * to be expected. */
struct str sip_trim(const char *p, const char *end);

static inline struct str trim(const char *p, const char *end)
{
	if (p < end && *p == ' ') /* one is usual */
		p++;
	if (p < end && (unsigned char)*p > ' ' && (unsigned char)end[-1] > ' ')
		return slice(p, end);
	return sip_trim(p, end);
}

/* Past a host (name, IPv4, or IPv6 in brackets); NULL: malformed. */
const char *sip_host_span(const char *p, const char *end, bool *is_ip);

/* An IPv6 address, with or without brackets. */
bool sip_is_ipv6(struct str s);

/* Past the digits of a port, 1 to 65535; NULL: malformed. */
const char *sip_port_span(const char *p, const char *end, uint16_t *port);

/* Past "scheme:"; NULL: there is none. */
const char *sip_scheme_span(const char *p, const char *end);

/*
 * One parameter, p standing after the separator before it. Returns where it
 * ends (the next separator or `end`), NULL when it is malformed. name->len is 0
 * when there is nothing between two separators.
 */
const char *sip_pair_span(const char *p, const char *end, unsigned name_class,
			  char separator, struct str *name, struct str *value);

/* The same for a header parameter. */
static inline const char *sip_param_span(const char *p, const char *end,
					 unsigned name_class, struct str *name,
					 struct str *value)
{
	return sip_pair_span(p, end, name_class, ';', name, value);
}

/* The comma that ends the value at p, or `end`. */
const char *sip_value_end(const char *p, const char *end);

/* What goes when received and rport are set anew: from the semicolon on, in
 * order of place. Returns how many there are. */
unsigned sip_via_cuts(const struct sip_via *v, struct str cuts[2]);

/*
 * Equal to a lower-case literal of letters, digits and -./, in any case. Both
 * have `len` bytes; with `len` constant a call is a handful of instructions.
 * Setting 0x20 makes letters small and leaves those others alone; of the bytes
 * that it turns into one of these, CR and the like, none stands in a name.
 */
static inline __attribute__((always_inline)) bool
is_lower(const char *s, const char *lower, size_t len)
{
	const uint64_t blank = 0x2020202020202020;
	uint64_t x, y;
	uint32_t v, w;

	if (len < 4)
		return (s[0] | 0x20) == lower[0] &&
		       (s[len / 2] | 0x20) == lower[len / 2] &&
		       (s[len - 1] | 0x20) == lower[len - 1];
	if (len < 8) {
		memcpy(&v, s, 4);
		memcpy(&w, lower, 4);
		if ((v | (uint32_t)blank) != w)
			return false;
		memcpy(&v, s + len - 4, 4);
		memcpy(&w, lower + len - 4, 4);
		return (v | (uint32_t)blank) == w;
	}
	for (size_t i = 0; i < len; i += 8) {
		size_t at = i + 8 < len ? i : len - 8;

		memcpy(&x, s + at, 8);
		memcpy(&y, lower + at, 8);
		if ((x | blank) != y)
			return false;
	}
	return true;
}

#define IS_NAME(s, lit)                                                        \
	((s).len == sizeof(lit) - 1 && is_lower((s).p, lit, sizeof(lit) - 1))

/* The parsers of single values; on error they may leave `out` half filled. */
int sip_via_fill(struct str text, struct sip_via *out);
int sip_addr_fill(struct str text, struct sip_addr *out);
int sip_uri_fill(struct str text, struct sip_uri *out);

/* The same as sip_addr_fill() without a look at the URI. */
bool sip_addr_split(struct str text, struct sip_addr *out);

enum sip_hdr_id sip_hdr_lookup(const char *name, size_t len);

/* The end of the field (or start line) that starts at p, folded lines included:
 * after an LF. */
const char *sip_field_after(const char *p, const char *end);

/*
 * Steps over the fields of a head that was not indexed; `rest` starts at a
 * line. Tolerant: every line with a colon counts. False at the empty line.
 */
bool sip_field_next(struct str *rest, struct str *name, struct str *value);

/* Understand the start line, without its CRLF. */
void sip_start_line(struct sip_msg *m, struct str line);

/* Remember what is wrong, the first thing only. Returns VD_EINVAL. */
int sip_msg_blame(struct sip_msg *m, unsigned status, const char *phrase);

#endif
