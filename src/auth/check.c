/* Whether credentials are good (RFC 3261 section 22.4, RFC 7616 section 3.4).
 * What an outsider can tell apart must not depend on whether a user exists: the
 * same hashes are made and the same answer given. */
#include "auth/auth_priv.h"

#include "viaduct/auth/conf.h"
#include "viaduct/loop/loop.h"
#include "viaduct/proxy/proxy.h"
#include "viaduct/util/hash.h"

struct attempt {
	struct request *r;
	const struct auth_use *use;
	const struct credentials *c;
	enum auth_algorithm algorithm;
	struct nonce nonce;
	uint32_t nc;
	uint64_t now_ms;
};

/* What they ask for -------------------------------------------------------- */

bool check_algorithm(const struct auth_conf *conf, struct str name,
		     enum auth_algorithm *out)
{
	if (name.p == NULL)
		name = str_from(auth_algorithm_names[AUTH_MD5]); /* RFC 2617 */
	for (size_t i = 0; i < conf->n_algorithms; i++) {
		enum auth_algorithm a = conf->algorithms[i];

		if (str_ieq(name, str_from(auth_algorithm_names[a]))) {
			*out = a;
			return true;
		}
	}
	return false;
}

/* RFC 3261 section 22.4 item 6: the digest is over what the client calls the
 * Request-URI; that must be what he asks for. */
static bool is_same_uri(struct request *r, struct str text)
{
	struct sip_uri uri;

	return str_eq(text, r->msg->uri_text) ||
	       (sip_uri_parse(text, &uri) == 0 &&
		sip_uri_eq(&uri, sip_msg_uri(r->msg)));
}

/* Who fails ---------------------------------------------------------------- */

static uint64_t source_key(uint32_t source)
{
	return hash_bytes(hash_process_key(), &source, sizeof(source));
}

/* One user from one source: his mistakes are not those of his neighbours
 * behind the same NAT. */
static uint64_t user_key(const struct credentials *c, uint32_t source)
{
	struct hash_state h;

	hash_start(&h, hash_process_key());
	hash_add(&h, (struct str){(const char *)&source, sizeof(source)});
	hash_add(&h, c->realm);
	hash_add(&h, c->username);
	return hash_end(&h);
}

bool check_is_banned(struct request *r, uint32_t source)
{
	const struct auth_use *use = r->conf->auth;
	struct failures *f = use->auth->failures;

	return failures_exist(f) &&
	       failures_is_banned(f, source_key(source),
				  loop_now_ms(request_env(r)->loop));
}

static bool is_banned(const struct attempt *t)
{
	struct failures *f = t->use->auth->failures;
	uint32_t holder = t->nonce.holder;

	return failures_exist(f) &&
	       (failures_is_banned(f, source_key(holder), t->now_ms) ||
		failures_is_banned(f, user_key(t->c, holder), t->now_ms));
}

static void note_failure(const struct attempt *t)
{
	static struct log_class banned = LOG_CLASS(1);
	struct failures *f = t->use->auth->failures;
	const struct auth_conf *conf = &t->use->conf;
	uint32_t holder = t->nonce.holder;
	bool begins;

	stats_add(request_env(t->r)->stats, STAT_auth_failures, 1);
	begins = failures_add(f, source_key(holder), conf, t->now_ms);
	begins |= failures_add(f, user_key(t->c, holder), conf, t->now_ms);
	if (begins)
		stats_add(request_env(t->r)->stats, STAT_auth_bans, 1);
	if (begins && log_class_allows(&banned, "auth.banned"))
		log_warning(t->r->tag.call_id, "auth.banned",
			    KV_ADDR("source", &t->r->flow.remote),
			    KV_STR("realm", t->c->domain->realm),
			    KV_UINT("for_ms", conf->ban));
}

static void note_success(const struct attempt *t)
{
	struct failures *f = t->use->auth->failures;

	stats_add(request_env(t->r)->stats, STAT_auth_good, 1);
	if (!failures_exist(f))
		return;
	failures_clear(f, source_key(t->nonce.holder));
	failures_clear(f, user_key(t->c, t->nonce.holder));
}

/* The digest --------------------------------------------------------------- */

/* Only by the very name: an alias has no HA1 of its own. */
static const struct user *find_user(const struct attempt *t)
{
	const struct user *u = users_find(t->c->domain->users, t->c->username);

	if (u == NULL || !str_eq(u->login, t->c->username) ||
	    u->ha1[t->algorithm].len == 0)
		return NULL;
	return u;
}

/* H(method:uri). Phones register at one URI, that of their domain. */
static int hash_a2(const struct attempt *t, struct digester *d, char *out)
{
	const struct str a2[] = {t->r->msg->method_name, t->c->uri};

	if (t->r->msg->method == SIP_REGISTER)
		return digest_hex_repeated(d, t->algorithm, a2, ARRAY_LEN(a2),
					   out);
	return digest_hex(d, t->algorithm, a2, ARRAY_LEN(a2), out);
}

/* What the response must be: H(HA1:nonce:nc:cnonce:qop:H(method:uri)), or
 * without the middle as in RFC 2069. */
static int expect(const struct attempt *t, struct digester *d, struct str ha1,
		  char *out)
{
	const struct credentials *c = t->c;
	char hex[DIGEST_HEX_MAX];
	struct str ha2 = {hex, digest_hex_len(t->algorithm)};
	const struct str with_qop[] = {ha1,       c->nonce, c->nc,
				       c->cnonce, c->qop,   ha2};
	const struct str without[] = {ha1, c->nonce, ha2};
	int err = hash_a2(t, d, hex);

	if (err != 0)
		return err;
	if (c->qop.p != NULL)
		return digest_hex(d, t->algorithm, with_qop,
				  ARRAY_LEN(with_qop), out);
	return digest_hex(d, t->algorithm, without, ARRAY_LEN(without), out);
}

static bool is_response(const struct attempt *t, const char *expected)
{
	size_t len = digest_hex_len(t->algorithm);
	char given[DIGEST_HEX_MAX];

	if (t->c->response.len != len)
		return false;
	for (size_t i = 0; i < len; i++)
		given[i] = ascii_lower(t->c->response.p[i]);
	return mac_eq((const uint8_t *)given, (const uint8_t *)expected, len);
}

static enum check check_digest(const struct attempt *t,
			       const struct user **user)
{
	struct auth *a = t->use->auth;
	struct digester *d = auth_digester(a);
	const struct user *u = find_user(t);
	struct str ha1 = {a->nobody, digest_hex_len(t->algorithm)};
	char expected[DIGEST_HEX_MAX];

	if (u != NULL)
		ha1 = u->ha1[t->algorithm];
	if (d == NULL || expect(t, d, ha1, expected) != 0)
		return CHECK_NO_MEMORY;
	if (!is_response(t, expected) || u == NULL)
		return CHECK_WRONG;
	*user = u;
	return CHECK_GOOD;
}

/* All of it ---------------------------------------------------------------- */

/* The order matters: what needs no hash comes first, and nothing is said about
 * a password to whom no nonce was given. */
static enum check check_all(struct attempt *t, const struct user **user)
{
	const struct credentials *c = t->c;
	enum check result;

	if (credentials_are_early(c))
		return CHECK_OTHER;
	if (!credentials_are_whole(c, &t->nc))
		return CHECK_BAD;
	if (!check_algorithm(&t->use->conf, c->algorithm, &t->algorithm) ||
	    (c->qop.p != NULL && !str_ieq(c->qop, STR("auth"))))
		return CHECK_OTHER;
	if (!is_same_uri(t->r, c->uri))
		return CHECK_BAD;
	if (!nonce_read(t->use->auth, c->nonce, c->domain->realm, t->now_ms,
			t->use->conf.nonce_lifetime, &t->nonce))
		return CHECK_STALE;
	if (is_banned(t))
		return CHECK_BANNED;
	result = check_digest(t, user);
	if (result == CHECK_GOOD &&
	    !counts_take(t->use->auth->counts, &t->nonce, t->nc))
		return CHECK_STALE;
	return result;
}

enum check check_credentials(struct request *r, const struct credentials *c,
			     uint32_t source, const struct user **user)
{
	struct attempt t = {
		.r = r,
		.use = r->conf->auth,
		.c = c,
		.now_ms = loop_now_ms(request_env(r)->loop),
	};
	enum check result;

	if (check_is_banned(r, source))
		return CHECK_BANNED;
	result = check_all(&t, user);
	if (result == CHECK_WRONG)
		note_failure(&t);
	else if (result == CHECK_GOOD)
		note_success(&t);
	return result;
}
