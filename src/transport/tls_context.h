/* What is kept with an OpenSSL context. */
#ifndef VIADUCT_TRANSPORT_TLS_CONTEXT_H
#define VIADUCT_TRANSPORT_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "transport/cert_names.h"
#include "viaduct/transport/tls.h"

struct conn;

/* Immutable; lives as long as its context. */
struct tls_info {
	uint64_t serial; /* each context has its own */
	int verify_server, verify_client;
};

const struct tls_info *tls_info_of(const SSL_CTX *context);

/* Is its certificate for this host? Wildcards count: it is the client who
 * decides whether he believes them. */
bool tls_context_is_for(const SSL_CTX *context, const char *host);

/* In tls_sni.c: the certificate that the client asks for by name. */
int tls_choose_context(SSL *ssl, int *alert, void *arg);
/* In tls_sessions.c: the server has sent a ticket. */
int tls_keep_session(SSL *ssl, SSL_SESSION *session);

#endif
