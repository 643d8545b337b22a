/*
 * Globally routable URIs of an instance of a user: RFC 5627. Neither kind is
 * kept anywhere.
 *
 * A public one is the address of record with the instance-id as its parameter
 * `gr` (section 3.1.1). A temporary one hides both (3.1.2): its user part is
 * encrypted, and says whose it is and the epoch of the instance's temporary
 * GRUUs that it belongs to. It is good while a binding has that epoch.
 *
 *   8   random, so that two of an instance cannot be told from two of others
 *   4   epoch
 *   n   address of record, filled up with zeros to a multiple of 64
 *
 * AES in synthetic IV mode (RFC 5297): should the random part ever repeat, no
 * more shows than that the two are equal.
 */
#include "registrar_priv.h"

#include <endian.h>
#include <stdatomic.h>

#include <openssl/evp.h>

#include "viaduct/util/err.h"
#include "viaduct/util/mac.h"

enum {
	TAG_LEN = 16,
	NONCE_LEN = 8,
	HEAD_LEN = NONCE_LEN + 4,
	PAD = 64,
	PLAIN_MAX = HEAD_LEN + (AOR_MAX + PAD - 1) / PAD * PAD,
	RAW_MAX = TAG_LEN + PLAIN_MAX,
};

_Static_assert(GRUU_USER_MAX >= 6 + (RAW_MAX * 4 + 2) / 3, "a temporary GRUU");

static const struct str temp_start = {"tgruu.", 6};

/* The cipher --------------------------------------------------------------- */

static _Atomic(EVP_CIPHER *) siv; /* NULL: nobody had memory for it yet */

/* Of those who come at once, all but one have made it in vain. */
static EVP_CIPHER *cipher(void)
{
	EVP_CIPHER *it = atomic_load(&siv), *other = NULL;

	if (it != NULL)
		return it;
	it = EVP_CIPHER_fetch(NULL, "AES-128-SIV", NULL);
	if (it == NULL || atomic_compare_exchange_strong(&siv, &other, it))
		return it;
	EVP_CIPHER_free(it);
	return other;
}

static EVP_CIPHER_CTX *cipher_new(const uint8_t *key, bool is_to_seal)
{
	EVP_CIPHER *it = cipher();
	EVP_CIPHER_CTX *ctx = it != NULL ? EVP_CIPHER_CTX_new() : NULL;

	if (ctx == NULL ||
	    EVP_CipherInit_ex2(ctx, it, key, NULL, is_to_seal, NULL) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

/* raw: TAG_LEN more than `len`. */
static bool seal(const uint8_t *key, const uint8_t *plain, size_t len,
		 uint8_t *raw)
{
	EVP_CIPHER_CTX *ctx = cipher_new(key, true);
	int n, rest;
	bool is_good = ctx != NULL &&
		       EVP_CipherUpdate(ctx, raw + TAG_LEN, &n, plain,
					(int)len) == 1 &&
		       EVP_CipherFinal_ex(ctx, raw + TAG_LEN + n, &rest) == 1 &&
		       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN,
					   raw) == 1;

	EVP_CIPHER_CTX_free(ctx);
	return is_good;
}

/* 0, VD_EINVAL (it is not ours) or VD_ENOMEM. */
static int unseal(const uint8_t *key, uint8_t *raw, size_t len, uint8_t *plain)
{
	EVP_CIPHER_CTX *ctx = cipher_new(key, false);
	int n, err = VD_EINVAL;

	if (ctx == NULL)
		return VD_ENOMEM;
	if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, raw) ==
		    1 &&
	    EVP_CipherUpdate(ctx, plain, &n, raw + TAG_LEN,
			     (int)(len - TAG_LEN)) == 1)
		err = 0;
	EVP_CIPHER_CTX_free(ctx);
	return err;
}

/* Writing ------------------------------------------------------------------ */

void gruu_new_nonce(uint8_t nonce[GRUU_NONCE_LEN])
{
	_Static_assert((int)GRUU_NONCE_LEN == (int)NONCE_LEN, "one size");
	random_bytes(nonce, NONCE_LEN);
}

static struct str domain_of(struct str aor)
{
	return str_skip(aor, str_find(aor, '@') + 1);
}

static bool put_temp(struct put *p, const struct gruu_writer *w,
		     const struct binding *b, struct str scheme)
{
	uint8_t plain[PLAIN_MAX] = {0}, raw[RAW_MAX];
	size_t len = HEAD_LEN + (w->aor.len + PAD - 1) / PAD * PAD;
	char text[GRUU_USER_MAX];
	uint32_t epoch = htole32(b->gruu_epoch);

	memcpy(plain, w->nonce, NONCE_LEN);
	memcpy(plain + NONCE_LEN, &epoch, sizeof(epoch));
	memcpy(plain + HEAD_LEN, w->aor.p, w->aor.len);
	if (!seal(w->key, plain, len, raw))
		return false;
	put_str(p, STR(";temp-gruu=\""));
	put_str(p, scheme);
	put_str(p, temp_start);
	put_str(p,
		(struct str){text, base64url_encode(raw, TAG_LEN + len, text)});
	put_str(p, STR("@"));
	put_str(p, domain_of(w->aor));
	put_str(p, STR(";gr\""));
	return true;
}

/* pvalue of RFC 3261 section 25.1; a "%" stands for itself. */
static bool is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr("-_.!~*'()[]/:&+$", c) != NULL);
}

static void put_escaped(struct put *p, struct str s)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = (uint8_t)s.p[i];
		char escape[] = {'%', digits[c >> 4], digits[c & 0xf]};

		if (is_plain(s.p[i]))
			put_str(p, (struct str){&s.p[i], 1});
		else
			put_str(p, (struct str){escape, sizeof(escape)});
	}
}

/* RFC 5630 section 5.2.1: the scheme is that of the contact. */
static struct str scheme_of(const struct binding *b)
{
	struct sip_uri uri;

	return sip_uri_parse(b->contact, &uri) == 0 &&
			       uri.scheme == SIP_SCHEME_SIPS
		       ? STR("sips:")
		       : STR("sip:");
}

bool gruu_put(struct put *p, const struct gruu_writer *w,
	      const struct binding *b)
{
	struct str instance = instance_of(b->params), scheme = scheme_of(b);

	if (instance.len == 0)
		return true;
	put_str(p, STR(";pub-gruu=\""));
	put_str(p, scheme);
	put_str(p, w->aor);
	put_str(p, STR(";gr="));
	put_escaped(p, instance);
	put_str(p, STR("\""));
	return b->gruu_epoch == 0 || put_temp(p, w, b, scheme);
}

size_t gruu_room(struct str aor, const struct binding *b)
{
	return 64 + 2 * aor.len + 3 * instance_of(b->params).len +
	       GRUU_USER_MAX;
}

/* Reading ------------------------------------------------------------------ */

bool gruu_is(const struct sip_uri *uri)
{
	return sip_param_find(uri->params, STR("gr"), NULL);
}

static unsigned hex(char c)
{
	return c <= '9' ? (unsigned)(c - '0')
			: (unsigned)(ascii_lower(c) - 'a') + 10;
}

/* The parser has seen that each "%" begins an escape. */
static struct str unescape(struct arena *arena, struct str s)
{
	char *out = arena_alloc(arena, s.len);
	size_t len = 0;

	for (size_t i = 0; out != NULL && i < s.len; i++) {
		out[len++] = s.p[i];
		if (s.p[i] != '%')
			continue;
		out[len - 1] = (char)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2]));
		i += 2;
	}
	return (struct str){out, len};
}

/* An address that the temporary GRUU was made for is still one of this domain.
 */
static int check_aor(struct request *r, const struct sip_uri *uri,
		     struct gruu *g)
{
	struct str text = arena_printf(&r->arena, "sip:%.*s", STR_FMT(g->aor));
	const struct domain *d;
	struct sip_uri own;
	struct str aor;
	int err;

	if (text.p == NULL)
		return VD_ENOMEM;
	if (sip_uri_parse(text, &own) != 0)
		return VD_ENOENT;
	err = registrar_aor(r, &own, &d, &aor);
	if (err != 0)
		return err == VD_ENOMEM ? err : VD_ENOENT;
	g->domain = d;
	return str_eq(aor, g->aor) && d == request_domain(r, uri->host)
		       ? 0
		       : VD_ENOENT;
}

/* The raw bytes of the user part; 0: it is no temporary GRUU's. */
static size_t decode(struct str user, uint8_t raw[RAW_MAX])
{
	char text[GRUU_USER_MAX], spelt[GRUU_USER_MAX];
	struct str u = {text, 0}, again = {spelt, 0};
	int n;

	if (user.len > sizeof(text))
		return 0;
	u.len = sip_user_canonical(user, text);
	if (!str_starts(u, temp_start))
		return 0;
	u = str_skip(u, temp_start.len);
	n = base64url_decode(u, raw, RAW_MAX);
	if (n <= TAG_LEN + HEAD_LEN)
		return 0;
	/* no other spelling of it */
	again.len = base64url_encode(raw, (size_t)n, spelt);
	return str_eq(u, again) ? (size_t)n : 0;
}

static int read_temp(struct request *r, const struct sip_uri *uri,
		     struct gruu *g)
{
	uint8_t raw[RAW_MAX], plain[PLAIN_MAX];
	size_t len = decode(uri->user, raw), end;
	uint32_t epoch;
	int err;

	if (len == 0)
		return VD_ENOENT;
	err = unseal(registrar_of(r)->gruu_key, raw, len, plain);
	if (err != 0)
		return err == VD_ENOMEM ? err : VD_ENOENT;
	memcpy(&epoch, plain + NONCE_LEN, sizeof(epoch));
	g->epoch = le32toh(epoch);
	for (end = len - TAG_LEN; end > HEAD_LEN && plain[end - 1] == 0; end--)
		;
	g->aor = arena_str(
		&r->arena,
		(struct str){(const char *)plain + HEAD_LEN, end - HEAD_LEN});
	return g->aor.p != NULL ? check_aor(r, uri, g) : VD_ENOMEM;
}

static int read_public(struct request *r, const struct sip_uri *uri,
		       struct str value, struct gruu *g)
{
	g->instance = unescape(&r->arena, value);
	if (g->instance.p == NULL)
		return VD_ENOMEM;
	return registrar_aor(r, uri, &g->domain, &g->aor);
}

int gruu_read(struct request *r, const struct sip_uri *uri, struct gruu *g)
{
	struct str value;

	*g = (struct gruu){0};
	if (!registrar_of(r)->conf.gruu ||
	    !sip_param_find(uri->params, STR("gr"), &value))
		return VD_ENOENT;
	return value.len > 0 ? read_public(r, uri, value, g)
			     : read_temp(r, uri, g);
}

bool gruu_names(const struct gruu *g, const struct binding *b)
{
	if (g->epoch != 0)
		return b->gruu_epoch == g->epoch;
	return instance_eq(g->instance, instance_of(b->params));
}
