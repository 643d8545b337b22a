#include "viaduct/util/mac.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "viaduct/util/err.h"

enum {
	KEY_LEN = 16,  /* of SipHash */
	FULL_LEN = 16, /* its tag */
	HMAC_LEN = 32,
	GATHER = 256, /* bytes: one update costs more than copying these */
};

struct mac {
	EVP_MAC_CTX *ctx;
};

int mac_new(const uint8_t key[MAC_KEY_LEN], struct mac **out)
{
	size_t size = FULL_LEN;
	OSSL_PARAM params[] = {
		OSSL_PARAM_size_t(OSSL_MAC_PARAM_SIZE, &size),
		OSSL_PARAM_END,
	};
	EVP_MAC *siphash = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	struct mac *m = calloc(1, sizeof(*m));

	if (siphash != NULL && m != NULL)
		m->ctx = EVP_MAC_CTX_new(siphash);
	EVP_MAC_free(siphash); /* the context holds its own */
	if (m == NULL || m->ctx == NULL ||
	    EVP_MAC_init(m->ctx, key, KEY_LEN, params) != 1) {
		mac_free(m);
		return VD_ENOMEM;
	}
	*out = m;
	return 0;
}

void mac_free(struct mac *m)
{
	if (m == NULL)
		return;
	EVP_MAC_CTX_free(m->ctx);
	free(m);
}

/* The context was set up with its key in mac_new() and allocates nothing here,
 * so a failure is a broken library, and going on would sign with garbage. */
static void must(int ok)
{
	if (ok != 1)
		abort();
}

static void mac_update(struct mac *m, const void *p, size_t len)
{
	if (len > 0)
		must(EVP_MAC_update(m->ctx, p, len));
}

struct gather {
	struct mac *m;
	size_t n;
	uint8_t bytes[GATHER];
};

static void gather_flush(struct gather *g)
{
	mac_update(g->m, g->bytes, g->n);
	g->n = 0;
}

static void gather_add(struct gather *g, const void *p, size_t len)
{
	if (len > sizeof(g->bytes) - g->n)
		gather_flush(g);
	if (len > sizeof(g->bytes)) {
		mac_update(g->m, p, len);
		return;
	}
	if (len > 0)
		memcpy(g->bytes + g->n, p, len);
	g->n += len;
}

static void gather_add_len(struct gather *g, uint64_t len)
{
	uint8_t be[8];

	for (int i = 0; i < 8; i++)
		be[i] = (uint8_t)(len >> (56 - 8 * i));
	gather_add(g, be, sizeof(be));
}

void mac_tag(struct mac *m, const struct str *pieces, size_t n,
	     uint8_t tag[MAC_LEN])
{
	struct gather g = {.m = m, .n = 0};
	uint8_t full[FULL_LEN];
	size_t len;

	must(EVP_MAC_init(m->ctx, NULL, 0, NULL));
	for (size_t i = 0; i < n; i++) {
		gather_add_len(&g, pieces[i].len);
		gather_add(&g, pieces[i].p, pieces[i].len);
	}
	gather_flush(&g);
	must(EVP_MAC_final(m->ctx, full, &len, sizeof(full)));
	memcpy(tag, full, MAC_LEN);
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
