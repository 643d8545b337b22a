/* MD5 and SHA-256 as Digest writes them: H(a:b:c) in hexadecimal. */
#include "auth/auth_priv.h"

#include "viaduct/util/err.h"
#include "viaduct/util/put.h"

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
	for (size_t i = 0; i < AUTH_ALGORITHM_COUNT; i++)
		d->last[i].len = 0;
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

/* The pieces are short, and a call of OpenSSL costs more than their bytes: they
 * are joined first. */
struct joined {
	EVP_MD_CTX *ctx;
	size_t len;
	bool has_failed;
	char text[256];
};

static void update(struct joined *j, struct str s)
{
	if (s.len > 0 && EVP_DigestUpdate(j->ctx, s.p, s.len) != 1)
		j->has_failed = true;
}

/* `text` is not cleared: it is large. */
static void join_start(struct joined *j, EVP_MD_CTX *ctx)
{
	j->ctx = ctx;
	j->len = 0;
	j->has_failed = EVP_DigestInit_ex2(ctx, NULL, NULL) != 1;
}

static void join_flush(struct joined *j)
{
	update(j, (struct str){j->text, j->len});
	j->len = 0;
}

static void join(struct joined *j, struct str s)
{
	if (s.len > sizeof(j->text) - j->len)
		join_flush(j);
	if (s.len > sizeof(j->text)) {
		update(j, s);
	} else if (s.len > 0) {
		memcpy(j->text + j->len, s.p, s.len);
		j->len += s.len;
	}
}

int digest_hex(struct digester *d, enum auth_algorithm a,
	       const struct str *pieces, size_t n, char *out)
{
	struct joined j;
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len;

	join_start(&j, d->ctx[a]);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			join(&j, STR(":"));
		join(&j, pieces[i]);
	}
	join_flush(&j);
	if (j.has_failed || EVP_DigestFinal_ex(j.ctx, hash, &len) != 1)
		return VD_ENOMEM;
	for (unsigned i = 0; i < len; i++) {
		out[2 * i] = "0123456789abcdef"[hash[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
	}
	return 0;
}

/* False: too long to be kept. */
static bool join_short(const struct str *pieces, size_t n, struct put *p)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			put_str(p, STR(":"));
		put_str(p, pieces[i]);
	}
	return !p->is_cut;
}

int digest_hex_repeated(struct digester *d, enum auth_algorithm a,
			const struct str *pieces, size_t n, char *out)
{
	struct digest_last *last = &d->last[a];
	char text[REPEATED_MAX];
	struct put p = put_into(text, sizeof(text));
	struct str joined;
	int err;

	if (!join_short(pieces, n, &p))
		return digest_hex(d, a, pieces, n, out);
	joined = put_done(&p);
	if (!str_eq(joined, (struct str){last->text, last->len})) {
		err = digest_hex(d, a, &joined, 1, last->hex);
		if (err != 0)
			return err;
		memcpy(last->text, text, joined.len);
		last->len = joined.len;
	}
	memcpy(out, last->hex, digest_hex_len(a));
	return 0;
}
