/*
 * Digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760): users,
 * nonces, and the step that says who is calling.
 *
 * Nonces verify themselves (time, holder, realm, MAC); only the counts of those
 * that were used are kept, in a bounded table that all workers share.
 */
#ifndef VIADUCT_AUTH_AUTH_H
#define VIADUCT_AUTH_AUTH_H

#include "viaduct/proxy/request.h"

enum auth_algorithm { AUTH_SHA256, AUTH_MD5, AUTH_ALGORITHM_COUNT };

/* The users of one domain; immutable; part of a snapshot. */
struct users;

struct user {
	struct str name;  /* as sip_user_canonical() writes it */
	struct str login; /* as the file has it: what Digest calls username */
	struct str ha1[AUTH_ALGORITHM_COUNT]; /* hexadecimal, lower case; empty:
					       * none */
	struct conf_array aliases;            /* struct str, canonical */
	bool is_disabled;
};

/* A users file, and what names it: there its absence is reported. Borrowed for
 * the call. */
struct users_file {
	const char *path;
	struct str realm; /* of the domain: not empty, and nothing that would
			   * need an escape in quotes */
	const struct conf_node *named_by; /* NULL: no configuration */
	const char *key;                  /* "path.to.key" of that node */
};

/*
 * Read a users file. Mistakes are reported with file, line, column and path;
 * passwords become HA1 values at once and are not kept. Everything comes from
 * the arena.
 *
 * Returns 0 or VD_EINVAL / VD_ENOMEM.
 */
int users_load(const struct users_file *file, struct arena *arena,
	       struct conf_errors *errors, struct users **out);
size_t users_count(const struct users *u); /* disabled ones too; u may be NULL
					    */

/* Those, but for disabled ones, who have no HA1 for it. */
size_t users_without(const struct users *u, enum auth_algorithm a);

/* By name or alias; escapes in `name` are undone as sip_user_canonical() does.
 * NULL: no such user, or a disabled one. u may be NULL. */
const struct user *users_find(const struct users *u, struct str name);

struct auth_conf {
	enum auth_algorithm algorithms[AUTH_ALGORITHM_COUNT]; /* best first */
	size_t n_algorithms;
	uint32_t nonce_lifetime; /* milliseconds */
	bool third_party;        /* registrar.third_party */
	/* limits.auth_failures */
	uint32_t failures, within, ban; /* count, milliseconds, milliseconds */
};

/* Shared by all workers: nonce key, nonce counts, failing sources. */
struct auth;

/* secret: of any purpose; a key is derived from it. Nonces of an earlier
 * process are stale. Returns 0 or VD_ENOMEM. */
int auth_new(const uint8_t secret[32], struct auth **out);
void auth_free(struct auth *a); /* after the workers' threads; NULL allowed */

/* What proxy_conf.auth points to; part of a snapshot. NULL: nobody is asked. */
struct auth_use {
	struct auth *auth; /* borrowed */
	struct auth_conf conf;
};

/*
 * The step, between step_self and step_rules. Credentials for a realm of ours
 * are checked whatever the method but ACK and CANCEL; r->caller becomes
 * CALLER_AUTHENTICATED. Who must show some and does not is challenged: 401 for
 * a REGISTER in a domain of ours, 407 for the rest. From must be the user, an
 * alias, or anonymous, and the To of a REGISTER the user (with third_party a
 * user of the domain is enough for the registrar): else 403.
 * Credentials for our realms are noted in r->consumed, and leave the message
 * when it is forwarded.
 *
 * Answers are stateless when the transaction has not begun (n_stateless of
 * struct proxy_conf).
 */
enum step_result step_authenticate(struct request *r);

/* The step after step_rules: a verdict that needs_user lets nobody pass who is
 * anonymous. He is challenged, an ACK is dropped. Stateless like the other. */
enum step_result step_require(struct request *r);

#endif
