/* The core of SipHash ("SipHash: a fast short-input PRF", Aumasson and
 * Bernstein): its state, its round, and words from bytes. */
#ifndef VIADUCT_UTIL_SIPHASH_H
#define VIADUCT_UTIL_SIPHASH_H

#include <endian.h>

#include "viaduct/util/hash.h"

static inline uint64_t sip_rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_init(struct hash_state *h, uint64_t k0, uint64_t k1)
{
	h->v0 = k0 ^ 0x736f6d6570736575;
	h->v1 = k1 ^ 0x646f72616e646f6d;
	h->v2 = k0 ^ 0x6c7967656e657261;
	h->v3 = k1 ^ 0x7465646279746573;
	h->n_pieces = 0;
}

static inline void sip_round(struct hash_state *h)
{
	h->v0 += h->v1;
	h->v1 = sip_rotl(h->v1, 13) ^ h->v0;
	h->v0 = sip_rotl(h->v0, 32);
	h->v2 += h->v3;
	h->v3 = sip_rotl(h->v3, 16) ^ h->v2;
	h->v0 += h->v3;
	h->v3 = sip_rotl(h->v3, 21) ^ h->v0;
	h->v2 += h->v1;
	h->v1 = sip_rotl(h->v1, 17) ^ h->v2;
	h->v2 = sip_rotl(h->v2, 32);
}

static inline void sip_rounds(struct hash_state *h, unsigned n)
{
	while (n-- > 0)
		sip_round(h);
}

/* `c` as in SipHash-c-d, 1 or 2. */
static inline void sip_word(struct hash_state *h, unsigned c, uint64_t m)
{
	h->v3 ^= m;
	sip_round(h);
	if (c > 1)
		sip_round(h);
	h->v0 ^= m;
}

static inline uint64_t sip_load(const char *p)
{
	uint64_t m;

	memcpy(&m, p, sizeof(m));
	return le64toh(m);
}

/* The 0 to 7 bytes after the last whole word of a text that ends at `end`; the
 * missing ones are zero. */
static inline uint64_t sip_load_rest(const char *end, size_t len)
{
	unsigned n = len & 7;
	uint64_t m = 0;

	if (n == 0)
		return 0;
	if (len > 8) /* from a word that has bytes before them, too */
		return sip_load(end - 8) >> (64 - 8 * n);
	for (unsigned i = 0; i < n; i++)
		m |= (uint64_t)(uint8_t)end[(int)i - (int)n] << (8 * i);
	return m;
}

/* All whole words of a text. */
static inline void sip_words(struct hash_state *h, unsigned c, const char *p,
			     size_t len)
{
	const char *end = p + (len & ~(size_t)7);

	for (; p != end; p += 8)
		sip_word(h, c, sip_load(p));
}

/* A piece of several: its length goes first, so the words of a piece cannot be
 * taken for those of another split, and the last one may be padded. */
static inline void sip_piece(struct hash_state *h, unsigned c, struct str piece)
{
	sip_word(h, c, piece.len);
	h->n_pieces++;
	if (piece.len == 0)
		return;
	sip_words(h, c, piece.p, piece.len);
	if ((piece.len & 7) != 0)
		sip_word(h, c, sip_load_rest(piece.p + piece.len, piece.len));
}

static inline uint64_t sip_value(const struct hash_state *h)
{
	return h->v0 ^ h->v1 ^ h->v2 ^ h->v3;
}

#endif
