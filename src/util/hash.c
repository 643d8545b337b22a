/* SipHash-1-3: "SipHash: a fast short-input PRF", Aumasson and Bernstein. */
#include "viaduct/util/hash.h"

#include <endian.h>
#include <pthread.h>

#include "viaduct/util/mac.h"

static struct hash_key process_key;

static void process_key_make(void)
{
	random_bytes(&process_key, sizeof(process_key));
}

const struct hash_key *hash_process_key(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, process_key_make);
	return &process_key;
}

static inline uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_round(struct hash_state *h)
{
	h->v0 += h->v1;
	h->v1 = rotl(h->v1, 13) ^ h->v0;
	h->v0 = rotl(h->v0, 32);
	h->v2 += h->v3;
	h->v3 = rotl(h->v3, 16) ^ h->v2;
	h->v0 += h->v3;
	h->v3 = rotl(h->v3, 21) ^ h->v0;
	h->v2 += h->v1;
	h->v1 = rotl(h->v1, 17) ^ h->v2;
	h->v2 = rotl(h->v2, 32);
}

static inline void sip_word(struct hash_state *h, uint64_t m)
{
	h->v3 ^= m;
	sip_round(h);
	h->v0 ^= m;
}

static inline uint64_t load_word(const char *p)
{
	uint64_t m;

	memcpy(&m, p, sizeof(m));
	return le64toh(m);
}

/* The last 0 to 7 bytes, the missing ones zero. */
static inline uint64_t load_rest(const char *p, size_t len)
{
	uint64_t m = 0;

	for (size_t i = 0; i < len; i++)
		m |= (uint64_t)(uint8_t)p[i] << (8 * i);
	return m;
}

static inline uint64_t sip_end(struct hash_state *h, uint64_t last)
{
	sip_word(h, last);
	h->v2 ^= 0xff;
	sip_round(h);
	sip_round(h);
	sip_round(h);
	return h->v0 ^ h->v1 ^ h->v2 ^ h->v3;
}

void hash_start(struct hash_state *h, const struct hash_key *key)
{
	h->v0 = key->k0 ^ 0x736f6d6570736575;
	h->v1 = key->k1 ^ 0x646f72616e646f6d;
	h->v2 = key->k0 ^ 0x6c7967656e657261;
	h->v3 = key->k1 ^ 0x7465646279746573;
	h->n_pieces = 0;
}

static inline const char *sip_words(struct hash_state *h, const char *p,
				    size_t len)
{
	const char *end = p + (len & ~(size_t)7);

	for (; p != end; p += 8)
		sip_word(h, load_word(p));
	return p;
}

uint64_t hash_bytes(const struct hash_key *key, const void *p, size_t len)
{
	struct hash_state h;
	const char *rest = p;

	hash_start(&h, key);
	if (len > 0)
		rest = sip_words(&h, p, len);
	return sip_end(&h, load_rest(rest, len & 7) | (uint64_t)len << 56);
}

/* The length goes first, so the words of a piece cannot be taken for those of
 * another split, and the last word may be padded with zeros. */
void hash_add(struct hash_state *h, struct str piece)
{
	const char *rest;

	sip_word(h, piece.len);
	h->n_pieces++;
	if (piece.len == 0)
		return;
	rest = sip_words(h, piece.p, piece.len);
	if ((piece.len & 7) != 0)
		sip_word(h, load_rest(rest, piece.len & 7));
}

uint64_t hash_end(struct hash_state *h)
{
	return sip_end(h, h->n_pieces);
}
