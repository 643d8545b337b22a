/* MD5 and SHA-256 as Digest writes them: H(a:b:c) in hexadecimal. */
#include "auth/auth_priv.h"

#include "viaduct/util/err.h"

/* The method is fetched once: a look-up by name for each hash takes longer
 * than the hash. */
static EVP_MD_CTX *ctx_new(const char *name)
{
	EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (md == NULL || ctx == NULL ||
	    EVP_DigestInit_ex2(ctx, md, NULL) != 1) {
		EVP_MD_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_MD_free(md); /* the context has its own reference */
	return ctx;
}

int digester_init(struct digester *d)
{
	d->ctx[AUTH_SHA256] = ctx_new("SHA256");
	d->ctx[AUTH_MD5] = ctx_new("MD5");
	if (d->ctx[AUTH_SHA256] != NULL && d->ctx[AUTH_MD5] != NULL)
		return 0;
	digester_fini(d);
	return VD_ENOMEM;
}

void digester_fini(struct digester *d)
{
	EVP_MD_CTX_free(d->ctx[AUTH_SHA256]);
	EVP_MD_CTX_free(d->ctx[AUTH_MD5]);
}

size_t digest_hex_len(enum auth_algorithm a)
{
	return a == AUTH_SHA256 ? 64 : 32;
}

static bool update(EVP_MD_CTX *ctx, struct str s)
{
	return s.len == 0 || EVP_DigestUpdate(ctx, s.p, s.len) == 1;
}

int digest_hex(struct digester *d, enum auth_algorithm a,
	       const struct str *pieces, size_t n, char *out)
{
	EVP_MD_CTX *ctx = d->ctx[a];
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len;
	bool ok = EVP_DigestInit_ex2(ctx, NULL, NULL) == 1;

	for (size_t i = 0; i < n; i++) {
		ok = ok && (i == 0 || update(ctx, STR(":")));
		ok = ok && update(ctx, pieces[i]);
	}
	if (!ok || EVP_DigestFinal_ex(ctx, hash, &len) != 1)
		return VD_ENOMEM;
	for (unsigned i = 0; i < len; i++) {
		out[2 * i] = "0123456789abcdef"[hash[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
	}
	return 0;
}
