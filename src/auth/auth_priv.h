/* What the sources of digest authentication share. */
#ifndef VIADUCT_AUTH_AUTH_PRIV_H
#define VIADUCT_AUTH_AUTH_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include <openssl/evp.h>

#include "viaduct/auth/auth.h"
#include "viaduct/util/mac.h"

/* digest.c: hashes as hexadecimal text ------------------------------------- */

enum { DIGEST_HEX_MAX = 64 };

enum { REPEATED_MAX = 128 };

struct digester { /* of one thread */
	EVP_MD_CTX *ctx[AUTH_ALGORITHM_COUNT];
	struct digest_last { /* of digest_hex_repeated() */
		size_t len;  /* 0: none */
		char text[REPEATED_MAX], hex[DIGEST_HEX_MAX];
	} last[AUTH_ALGORITHM_COUNT];
};

/* Returns 0 or VD_ENOMEM, and then there is nothing to end. */
int digester_init(struct digester *d);
void digester_fini(struct digester *d);

size_t digest_hex_len(enum auth_algorithm a);

/* The hash over the pieces with colons between them, in lower case, as out
 * (DIGEST_HEX_MAX bytes). Returns 0 or VD_ENOMEM. */
int digest_hex(struct digester *d, enum auth_algorithm a,
	       const struct str *pieces, size_t n, char *out);

/* The same for what is mostly what it was the last time, and is no secret: who
 * measures time can tell that it was. */
int digest_hex_repeated(struct digester *d, enum auth_algorithm a,
			const struct str *pieces, size_t n, char *out);

/* credentials.c: what a client shows --------------------------------------- */

struct credentials { /* slices of the message, without quotes */
	struct str username, realm, nonce, uri, response;
	struct str algorithm, cnonce, qop, nc; /* p NULL: not there */
	bool is_bad;   /* not as RFC 7616 section 3.4 has it */
	bool is_proxy; /* of Proxy-Authorization; set by the reader */
	const struct domain *domain; /* whose realm it is; likewise */
};

/* False: of another scheme than Digest. */
bool credentials_parse(struct str value, struct credentials *out);

/* Nonce and response are empty: of who has not been challenged yet (RFC 8760
 * section 2.7). */
bool credentials_are_early(const struct credentials *c);

/* Everything is there that a check needs, nc a number above 0. */
bool credentials_are_whole(const struct credentials *c, uint32_t *nc);

/* nonce.c ------------------------------------------------------------------ */

enum { NONCE_LEN = 32 };

struct nonce {
	uint64_t made_ms;
	uint64_t id;     /* nobody can choose it */
	uint32_t holder; /* whom it was given to */
};

/* A name for a source: an IPv4 address, or an IPv6 network of 64 bits. */
uint32_t nonce_holder(const union addr *a);

void nonce_make(struct auth *a, struct str realm, uint32_t holder,
		uint64_t now_ms, char out[NONCE_LEN]);

/* False: not one of this process for this realm, or older than that. */
bool nonce_read(struct auth *a, struct str text, struct str realm,
		uint64_t now_ms, uint32_t lifetime_ms, struct nonce *out);

/* counts.c: which nonce counts were seen ----------------------------------- */

enum { COUNTS_MAX = 65536 }; /* nonces that are remembered */

struct counts;
int counts_new(struct counts **out); /* 0 or VD_ENOMEM */
void counts_free(struct counts *c);

/*
 * True once for each count of a nonce. Counts may overtake each other by up to
 * 32. When a place is full the oldest nonce there is forgotten, and from then
 * on none as old as that is accepted there.
 */
bool counts_take(struct counts *c, const struct nonce *n, uint32_t nc);

/* failures.c: who guesses -------------------------------------------------- */

enum { FAILURES_MAX = 8192 };

struct failures;
int failures_new(struct failures **out); /* 0 or VD_ENOMEM */
void failures_free(struct failures *f);

/* False: nobody has ever failed, there is nothing to look up. */
bool failures_exist(const struct failures *f);

bool failures_is_banned(struct failures *f, uint64_t key, uint64_t now_ms);
/* True: this one begins a ban. */
bool failures_add(struct failures *f, uint64_t key,
		  const struct auth_conf *conf, uint64_t now_ms);
void failures_clear(struct failures *f, uint64_t key);

/* auth.c ------------------------------------------------------------------- */

struct auth {
	struct mac *mac;  /* of nonces; read only */
	uint64_t process; /* part of what the MAC covers */
	atomic_uint next; /* nonce in this millisecond */
	struct counts *counts;
	struct failures *failures;
	pthread_key_t digesters;
	bool has_digesters;
	char nobody[DIGEST_HEX_MAX]; /* stands in for an unknown user's HA1 */
};

/* This thread's own; NULL: no memory. */
struct digester *auth_digester(struct auth *a);

/* challenge.c -------------------------------------------------------------- */

/* The fields of that name, one per algorithm, in the request's arena; p NULL:
 * no memory. */
struct str challenge_print(struct request *r, const struct domain *d,
			   struct str field, bool is_stale);

/* check.c ------------------------------------------------------------------ */

enum check {
	CHECK_GOOD,
	CHECK_OTHER, /* an algorithm, qop or nonce that was not offered */
	CHECK_BAD,   /* malformed, or of another request */
	CHECK_STALE, /* a nonce that is no longer good */
	CHECK_BANNED,
	CHECK_WRONG, /* no such user, or another password */
	CHECK_NO_MEMORY,
};

/* Credentials for c->domain; source: the sender's nonce_holder(). user is set
 * when they are good. */
enum check check_credentials(struct request *r, const struct credentials *c,
			     uint32_t source, const struct user **user);
/* The algorithm is one that we offer. */
bool check_algorithm(const struct auth_conf *conf, struct str name,
		     enum auth_algorithm *out);
/* Whether the sender, whatever he shows, failed too often. */
bool check_is_banned(struct request *r, uint32_t source);

#endif
