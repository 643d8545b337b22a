/*
 * Digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760): users,
 * nonces, and the step that says who is calling.
 *
 * Nonces verify themselves (time, realm, MAC); only the counts of those that
 * were used are kept, in a bounded table that all workers share.
 */
#ifndef VIADUCT_AUTH_AUTH_H
#define VIADUCT_AUTH_AUTH_H

#include "viaduct/proxy/request.h"

enum auth_algorithm { AUTH_SHA256, AUTH_MD5, AUTH_ALGORITHM_COUNT };

/* The users of one domain; immutable; part of a snapshot. */
struct users;

struct user {
	struct str name;
	struct str ha1[AUTH_ALGORITHM_COUNT]; /* hexadecimal; empty: none */
	struct conf_array aliases;            /* struct str */
	bool is_disabled;
};

/*
 * Read a users file. Mistakes are reported with file, line, column and path;
 * passwords become HA1 values at once. Everything comes from the arena.
 * Returns 0 or VD_EINVAL / VD_ENOMEM.
 */
int users_load(const char *path, struct str realm, struct arena *arena,
	       struct conf_errors *errors, struct users **out);
size_t users_count(const struct users *u);

/* By name or alias, after unescaping (sip_user_canonical). NULL: no such user
 * (or disabled, for users_find). */
const struct user *users_find(const struct users *u, struct str name);

struct auth_conf {
	enum auth_algorithm algorithms[AUTH_ALGORITHM_COUNT];
	size_t n_algorithms;
	uint32_t nonce_lifetime; /* milliseconds */
	/* limits.auth_failures */
	uint32_t failures, within, ban; /* count, milliseconds, milliseconds */
};

/* Shared by all workers: nonce key, nonce counts, failing sources. */
struct auth;
int auth_new(const uint8_t secret[32], struct auth **out);
void auth_free(struct auth *a);

/*
 * The step. Credentials for a realm of ours are checked whatever the method but
 * ACK and CANCEL; r->caller becomes CALLER_AUTHENTICATED. Who must show some
 * and does not is challenged (401 for REGISTER, 407 else), stateless where the
 * RFC allows. From must be the user, an alias, or anonymous: else 403.
 * Credentials for our realms are noted in r->consumed, and leave the message
 * when it is forwarded.
 */
enum step_result step_authenticate(struct request *r);

#endif
