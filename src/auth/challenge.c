/* What is asked for (RFC 7616 section 3.3, RFC 8760 section 2.4). */
#include "auth/auth_priv.h"

#include "viaduct/auth/conf.h"
#include "viaduct/loop/loop.h"
#include "viaduct/proxy/proxy.h"
#include "viaduct/util/put.h"

enum { CHALLENGE_EXTRA = 160 }; /* around realm, nonce included */

/*
 * Everybody must be able to answer what is offered, and nobody may learn from
 * it who is a user: so it is what all users of the domain can, or, where there
 * is no such algorithm, all of them.
 */
static bool is_offered(const struct auth_conf *conf, const struct domain *d,
		       enum auth_algorithm a)
{
	if (users_without(d->users, a) == 0)
		return true;
	for (size_t i = 0; i < conf->n_algorithms; i++)
		if (users_without(d->users, conf->algorithms[i]) == 0)
			return false;
	return true;
}

static void put_challenge(struct put *p, struct str field, struct str realm,
			  struct str nonce, enum auth_algorithm a,
			  bool is_stale)
{
	put_str(p, field);
	put_str(p, STR(": Digest realm=\""));
	put_str(p, realm);
	put_str(p, STR("\", nonce=\""));
	put_str(p, nonce);
	put_str(p, STR("\", algorithm="));
	put_str(p, str_from(auth_algorithm_names[a]));
	put_str(p, STR(", qop=\"auth\""));
	put_str(p, is_stale ? STR(", stale=true\r\n") : STR("\r\n"));
}

struct str challenge_print(struct request *r, const struct domain *d,
			   struct str field, bool is_stale)
{
	const struct auth_use *use = r->conf->auth;
	size_t n = use->conf.n_algorithms;
	size_t size = n * (d->realm.len + CHALLENGE_EXTRA);
	char *room = arena_alloc(&r->arena, size), nonce[NONCE_LEN];
	struct put p = put_into(room, room != NULL ? size : 0);

	if (room == NULL)
		return STR_NONE;
	nonce_make(use->auth, d->realm, nonce_holder(&r->flow.remote),
		   loop_now_ms(request_env(r)->loop), nonce);
	for (size_t i = 0; i < n; i++) {
		enum auth_algorithm a = use->conf.algorithms[i];

		if (is_offered(&use->conf, d, a))
			put_challenge(&p, field, d->realm,
				      (struct str){nonce, NONCE_LEN}, a,
				      is_stale);
	}
	return put_done(&p);
}
