/*
 * The section `tls`: certificates and what is asked of peers, each entry under
 * a name that listeners refer to. An entry becomes an OpenSSL context, shared
 * by all workers and counted: connections keep the one they began with.
 */
#ifndef VIADUCT_TRANSPORT_TLS_H
#define VIADUCT_TRANSPORT_TLS_H

#include "viaduct/conf/option.h"

struct ssl_ctx_st;

enum tls_verify_server {
	TLS_SERVER_NONE,  /* anybody */
	TLS_SERVER_CHAIN, /* whom the CA knows */
	TLS_SERVER_NAME,  /* and whose certificate is for the domain */
};

enum tls_verify_client {
	TLS_CLIENT_NONE, /* not asked for a certificate */
	TLS_CLIENT_OPTIONAL,
	TLS_CLIENT_REQUIRE,
};

struct tls_entry {
	struct str name;
	struct str certificate, key, ca; /* paths; key: none written */
	int verify_server, verify_client;
	int min_version;            /* enum tls_version */
	struct ssl_ctx_st *context; /* one reference; NULL: not loaded */
	uint64_t loaded_stamp;      /* of the files as they were loaded ... */
	uint64_t seen_stamp;        /* ... and as they were seen last */
	uint64_t told;              /* hash of the last failure that was told */
};

enum tls_version { TLS_1_2, TLS_1_3 };

extern const struct conf_option tls_options[];

/* What is wrong with an entry: the option that is at fault, and one clause. */
struct tls_fault {
	const char *option; /* "key" */
	char why[512];
};

/*
 * Read the files of an entry into a new context. 0, VD_EINVAL with *fault set,
 * or VD_ENOMEM.
 */
int tls_context_load(const struct tls_entry *e, struct tls_fault *fault,
		     struct ssl_ctx_st **out);
/* Changes whenever one of the files becomes another one, or changes. */
uint64_t tls_entry_stamp(const struct tls_entry *e);
struct ssl_ctx_st *tls_context_ref(struct ssl_ctx_st *context);
void tls_context_unref(struct ssl_ctx_st *context); /* NULL allowed */

/* Its certificate's last second has passed. */
bool tls_context_is_expired(const struct ssl_ctx_st *context);

/* Session tickets are encrypted under a key that all contexts of the process
 * share, so that they stay good when files are loaded again. Make a new one,
 * for contexts loaded from now on. Main thread. */
void tls_ticket_key_renew(void);

/* All entries, as tls_context_load(); mistakes are reported where the file has
 * them (`section`: the node of `tls`, or NULL). Returns 0 or VD_ENOMEM. */
int tls_load_all(struct conf_array *entries, const struct conf_node *section,
		 struct conf_errors *errors);
void tls_unload_all(struct conf_array *entries);

/* Do the names in `tls` of listeners stand for entries? */
void tls_check_listeners(const struct conf_array *listeners,
			 const struct conf_array *entries,
			 const struct conf_node *listen,
			 struct conf_errors *errors);

#endif
