/* From the files of an entry to an OpenSSL context. */
#include "transport/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "viaduct/util/err.h"

enum { TICKET_KEY_LEN = 80 };

static const unsigned char session_id_context[] = "viaduct";

/* --- what is kept with it --- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int info_index = -1;

static void info_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx,
		      long argl, void *argp)
{
	(void)parent;
	(void)ad;
	(void)idx;
	(void)argl;
	(void)argp;
	free(ptr);
}

static unsigned char ticket_key[TICKET_KEY_LEN];
static bool has_ticket_key;

static void prepare(void)
{
	info_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, info_free);
	tls_ticket_key_renew();
}

void tls_ticket_key_renew(void)
{
	has_ticket_key = RAND_bytes(ticket_key, sizeof(ticket_key)) == 1;
}

const struct tls_info *tls_info_of(const SSL_CTX *context)
{
	return SSL_CTX_get_ex_data(context, info_index);
}

static int info_add(SSL_CTX *context, const struct tls_entry *e)
{
	static _Atomic uint64_t n_contexts;
	struct tls_info *info = calloc(1, sizeof(*info));

	if (info == NULL)
		return VD_ENOMEM;
	info->serial = atomic_fetch_add(&n_contexts, 1);
	info->verify_server = e->verify_server;
	info->verify_client = e->verify_client;
	if (SSL_CTX_set_ex_data(context, info_index, info) == 1)
		return 0;
	free(info);
	return VD_ENOMEM;
}

/* --- what may be wrong --- */

static int blame(struct tls_fault *fault, const char *option, struct str path,
		 const char *why)
{
	fault->option = option;
	snprintf(fault->why, sizeof(fault->why), "%.*s: %s", STR_FMT(path),
		 why);
	ERR_clear_error();
	return VD_EINVAL;
}

/* The innermost error says what it was. */
static int blame_openssl(struct tls_fault *fault, const char *option,
			 struct str path, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	char why[256];

	snprintf(why, sizeof(why), "%s (%s)", what,
		 reason != NULL ? reason : "no reason given");
	return blame(fault, option, path, why);
}

static int check_readable(struct tls_fault *fault, const char *option,
			  struct str path)
{
	if (access(path.p, R_OK) == 0)
		return 0;
	return blame(fault, option, path, strerrordesc_np(errno));
}

/* --- the files --- */

/* A key under a passphrase: nobody is there to be asked. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return 0;
}

static int load_pair(SSL_CTX *ctx, const struct tls_entry *e,
		     struct tls_fault *fault)
{
	int err = check_readable(fault, "certificate", e->certificate);

	if (err != 0)
		return err;
	if (SSL_CTX_use_certificate_chain_file(ctx, e->certificate.p) != 1)
		return blame_openssl(fault, "certificate", e->certificate,
				     "no certificate in PEM form");
	err = check_readable(fault, "key", e->key);
	if (err != 0)
		return err;
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_use_PrivateKey_file(ctx, e->key.p, SSL_FILETYPE_PEM) == 1)
		return 0;
	if (ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH ||
	    ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_TYPE_MISMATCH)
		return blame(fault, "key", e->key,
			     "this key does not belong to the certificate");
	return blame_openssl(fault, "key", e->key,
			     "no key in PEM form without a passphrase");
}

static int load_ca(SSL_CTX *ctx, const struct tls_entry *e,
		   struct tls_fault *fault)
{
	int err;

	if (e->verify_server == TLS_SERVER_NONE &&
	    e->verify_client == TLS_CLIENT_NONE)
		return 0;
	err = check_readable(fault, "ca", e->ca);
	if (err != 0)
		return err;
	if (SSL_CTX_load_verify_file(ctx, e->ca.p) == 1)
		return 0;
	return blame_openssl(fault, "ca", e->ca, "no certificates in PEM form");
}

/* --- settings --- */

/* A client that was asked for a certificate shows it each time: a session that
 * is resumed would not. */
static void set_resumption(SSL_CTX *ctx, const struct tls_entry *e)
{
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
						    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, tls_keep_session);
	SSL_CTX_set_session_id_context(ctx, session_id_context,
				       sizeof(session_id_context) - 1);
	if (e->verify_client == TLS_CLIENT_NONE && has_ticket_key) {
		SSL_CTX_set_tlsext_ticket_keys(ctx, ticket_key,
					       sizeof(ticket_key));
		return;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, 0);
}

/* An idle connection holds no buffers, and what has arrived is read with one
 * call. */
static int set_up(SSL_CTX *ctx, const struct tls_entry *e)
{
	int least = e->min_version == TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;

	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
				      SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_options(ctx,
			    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_tlsext_servername_callback(ctx, tls_choose_context);
	set_resumption(ctx, e);
	if (SSL_CTX_set_min_proto_version(ctx, least) != 1)
		return VD_ENOMEM;
	return info_add(ctx, e);
}

int tls_context_load(const struct tls_entry *e, struct tls_fault *fault,
		     SSL_CTX **out)
{
	SSL_CTX *ctx;
	int err;

	pthread_once(&once, prepare);
	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_method());
	if (ctx == NULL || info_index < 0) {
		SSL_CTX_free(ctx);
		return VD_ENOMEM;
	}
	err = set_up(ctx, e);
	if (err == 0)
		err = load_pair(ctx, e, fault);
	if (err == 0)
		err = load_ca(ctx, e, fault);
	if (err != 0) {
		SSL_CTX_free(ctx);
		return err;
	}
	*out = ctx;
	return 0;
}

SSL_CTX *tls_context_ref(SSL_CTX *context)
{
	SSL_CTX_up_ref(context);
	return context;
}

void tls_context_unref(SSL_CTX *context)
{
	SSL_CTX_free(context);
}

bool tls_context_is_expired(const SSL_CTX *context)
{
	const X509 *cert = SSL_CTX_get0_certificate(context);

	return X509_cmp_current_time(X509_get0_notAfter(cert)) < 0;
}

bool tls_context_is_for(const SSL_CTX *context, const char *host)
{
	X509 *cert = SSL_CTX_get0_certificate(context);
	struct cert_names *names;
	bool has;

	if (X509_check_host(cert, host, 0, 0, NULL) == 1)
		return true;
	if (cert_names_of(cert, &names) != 0)
		return false;
	has = cert_names_have(names, str_from(host));
	cert_names_free(names);
	return has;
}
