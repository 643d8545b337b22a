/*
 * A stored record: the bindings of one address. Numbers are little-endian.
 *
 *   1  version
 *   8  written: Unix time, seconds
 *   2  number of bindings, then for each
 *      8  expires: Unix time, seconds
 *      4  CSeq
 *      2  q
 *      2  length of contact, params, Call-ID, path: four times
 *         and these strings
 */
#include <stdlib.h>

#include "viaduct/util/err.h"
#include "registrar/location_priv.h"

enum {
	VERSION = 1,
	HEAD_LEN = 1 + 8 + 2,
	BINDING_LEN = 8 + 4 + 2 + 4 * 2,
	MAX_16 = 0xffff,
};

size_t record_size(const struct bindings *b)
{
	size_t strings = b->size - sizeof(*b) - b->n * sizeof(b->v[0]);

	return HEAD_LEN + b->n * (size_t)BINDING_LEN + strings;
}

static void put_number(char **at, uint64_t n, size_t len)
{
	for (; len > 0; len--, n >>= 8)
		*(*at)++ = (char)(n & 0xff);
}

static void put_bytes(char **at, struct str s)
{
	if (s.len > 0)
		memcpy(*at, s.p, s.len);
	*at += s.len;
}

static uint64_t unix_s(const struct record_clock *clock, uint64_t ms)
{
	return (uint64_t)((int64_t)ms + clock->offset_ms) / 1000;
}

static int binding_print(const struct binding *b,
			 const struct record_clock *clock, char **at)
{
	const struct str strings[] = {b->contact, b->params, b->call_id,
				      b->path};

	/* Rounded up: a restart must not end a binding early. */
	put_number(at, unix_s(clock, b->expires_ms + 999), 8);
	put_number(at, b->cseq, 4);
	put_number(at, b->q, 2);
	for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
		if (strings[i].len > MAX_16)
			return VD_ETOOBIG;
		put_number(at, strings[i].len, 2);
	}
	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		put_bytes(at, strings[i]);
	return 0;
}

int record_print(const struct bindings *b, const struct record_clock *clock,
		 char *out)
{
	int err = b->n > MAX_16 ? VD_ETOOBIG : 0;

	put_number(&out, VERSION, 1);
	put_number(&out, unix_s(clock, clock->now_ms), 8);
	put_number(&out, b->n, 2);
	for (uint32_t i = 0; err == 0 && i < b->n; i++)
		err = binding_print(&b->v[i], clock, &out);
	return err;
}

/* What is not there reads as zeros, and is_short stays. */
struct reader {
	struct str rest;
	bool is_short;
};

static struct str get_bytes(struct reader *r, size_t len)
{
	struct str s = {r->rest.p, len};

	if (len > r->rest.len) {
		r->is_short = true;
		return STR_NONE;
	}
	r->rest = str_skip(r->rest, len);
	return s;
}

static uint64_t get_number(struct reader *r, size_t len)
{
	struct str s = get_bytes(r, len);
	uint64_t n = 0;

	for (size_t i = s.len; i > 0; i--)
		n = n << 8 | (uint8_t)s.p[i - 1];
	return n;
}

/* Where an expiry lies now; 0: it is over. */
static uint64_t expires_ms(const struct record_clock *clock, uint64_t written_s,
			   uint64_t expires_s)
{
	uint64_t now_s = unix_s(clock, clock->now_ms);
	uint64_t left_s = expires_s > now_s ? expires_s - now_s : 0;
	uint64_t had_s = expires_s > written_s ? expires_s - written_s : 0;

	if (left_s > had_s)
		left_s = had_s;
	if (left_s == 0 || left_s > UINT32_MAX)
		return 0;
	return clock->now_ms + left_s * 1000;
}

static void binding_parse(struct reader *r, const struct record_clock *clock,
			  uint64_t written_s, struct binding *b)
{
	struct str *strings[] = {&b->contact, &b->params, &b->call_id,
				 &b->path};
	size_t len[ARRAY_LEN(strings)];

	b->expires_ms = expires_ms(clock, written_s, get_number(r, 8));
	b->cseq = (uint32_t)get_number(r, 4);
	b->q = (uint16_t)get_number(r, 2);
	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		len[i] = get_number(r, 2);
	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		*strings[i] = get_bytes(r, len[i]);
}

/* The bindings that are alive, at the start of `v`. */
static int bindings_parse(struct reader *r, const struct record_clock *clock,
			  uint64_t written_s, struct binding *v, size_t *n)
{
	size_t n_alive = 0;

	for (size_t i = 0; i < *n; i++) {
		struct binding b;

		binding_parse(r, clock, written_s, &b);
		if (r->is_short || b.contact.len == 0 ||
		    (b.q > 1000 && b.q != Q_NONE))
			return VD_EINVAL;
		if (b.expires_ms != 0)
			v[n_alive++] = b;
	}
	*n = n_alive;
	return r->rest.len == 0 ? 0 : VD_EINVAL;
}

int record_parse(struct str record, const struct record_clock *clock,
		 uint64_t *n_expired, struct bindings **out)
{
	struct reader r = {.rest = record};
	uint64_t version = get_number(&r, 1), written_s = get_number(&r, 8);
	size_t n = get_number(&r, 2), n_alive = n;
	struct bindings *b = NULL;
	struct binding *v;
	int err;

	if (version != VERSION || n == 0 || n > r.rest.len / BINDING_LEN)
		return VD_EINVAL;
	v = malloc(n * sizeof(*v));
	if (v == NULL)
		return VD_ENOMEM;
	err = bindings_parse(&r, clock, written_s, v, &n_alive);
	if (err == 0) {
		*n_expired += n - n_alive;
		b = n_alive > 0 ? bindings_new(v, n_alive) : NULL;
		err = n_alive == 0 ? VD_ENOENT : b == NULL ? VD_ENOMEM : 0;
	}
	free(v);
	if (err == 0)
		*out = b;
	return err;
}
