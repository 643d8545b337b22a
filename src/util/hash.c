/* Hashing is SipHash-1-3. */
#include "viaduct/util/hash.h"

#include <pthread.h>

#include "viaduct/util/mac.h"
#include "util/siphash.h"

enum { C_ROUNDS = 1, D_ROUNDS = 3 };

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

static inline uint64_t finish(struct hash_state *h, uint64_t last)
{
	sip_word(h, C_ROUNDS, last);
	h->v2 ^= 0xff;
	sip_rounds(h, D_ROUNDS);
	return sip_value(h);
}

void hash_start(struct hash_state *h, const struct hash_key *key)
{
	sip_init(h, key->k0, key->k1);
}

uint64_t hash_bytes(const struct hash_key *key, const void *p, size_t len)
{
	const char *text = p;
	struct hash_state h;
	uint64_t rest = 0;

	sip_init(&h, key->k0, key->k1);
	if (len > 0) {
		sip_words(&h, C_ROUNDS, text, len);
		rest = sip_load_rest(text + len, len);
	}
	return finish(&h, rest | (uint64_t)len << 56);
}

void hash_add(struct hash_state *h, struct str piece)
{
	struct hash_state x = *h; /* in registers */

	sip_piece(&x, C_ROUNDS, piece);
	*h = x;
}

uint64_t hash_end(struct hash_state *h)
{
	return finish(h, h->n_pieces);
}
