#include "viaduct/util/mac.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "util/siphash.h"
#include "viaduct/util/err.h"

enum {
	C_ROUNDS = 2,
	D_ROUNDS = 4,
	HMAC_LEN = 32,
};

struct mac {
	uint64_t k0, k1;
};

int mac_new(const uint8_t key[MAC_KEY_LEN], struct mac **out)
{
	struct mac *m = malloc(sizeof(*m));

	if (m == NULL)
		return VD_ENOMEM;
	m->k0 = sip_load((const char *)key);
	m->k1 = sip_load((const char *)key + 8);
	*out = m;
	return 0;
}

void mac_free(struct mac *m)
{
	if (m == NULL)
		return;
	OPENSSL_cleanse(m, sizeof(*m));
	free(m);
}

/* The pieces as sip_piece() writes them are the text, whole words, and this is
 * SipHash-2-4 with a tag of 128 bits over it. */
void mac_tag(struct mac *m, const struct str *pieces, size_t n,
	     uint8_t tag[MAC_LEN])
{
	struct hash_state h;
	uint64_t len = 0, halves[2];

	sip_init(&h, m->k0, m->k1);
	h.v1 ^= 0xee;
	for (size_t i = 0; i < n; i++) {
		sip_piece(&h, C_ROUNDS, pieces[i]);
		len += 8 + ((pieces[i].len + 7) & ~(size_t)7);
	}
	sip_word(&h, C_ROUNDS, len << 56);
	h.v2 ^= 0xee;
	sip_rounds(&h, D_ROUNDS);
	halves[0] = htole64(sip_value(&h));
	h.v1 ^= 0xdd;
	sip_rounds(&h, D_ROUNDS);
	halves[1] = htole64(sip_value(&h));
	memcpy(tag, halves, MAC_LEN);
}

bool mac_eq(const uint8_t *a, const uint8_t *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

int mac_derive_key(struct str secret, const char *purpose,
		   uint8_t key[MAC_KEY_LEN])
{
	uint8_t full[HMAC_LEN];
	size_t len;

	_Static_assert((int)HMAC_LEN == (int)MAC_KEY_LEN, "one block is a key");
	if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL,
		      secret.len > 0 ? secret.p : "", secret.len,
		      (const uint8_t *)purpose, strlen(purpose), full,
		      sizeof(full), &len) == NULL)
		return VD_ENOMEM;
	memcpy(key, full, MAC_KEY_LEN);
	OPENSSL_cleanse(full, sizeof(full));
	return 0;
}

void random_bytes(void *p, size_t len)
{
	char *at = p;

	while (len > 0) {
		ssize_t n = getrandom(at, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			abort();
		at += n;
		len -= (size_t)n;
	}
}
