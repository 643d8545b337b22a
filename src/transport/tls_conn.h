/* TLS on a connection: what its byte layer (bytes_tls.c) is made of. */
#ifndef VIADUCT_TRANSPORT_TLS_CONN_H
#define VIADUCT_TRANSPORT_TLS_CONN_H

#include "transport/conn.h"
#include "transport/tls_context.h"

/* Handshake is done: may the peer be who it is? Notes its names and identity.
 * False: no; the reason is logged. */
bool tls_accept_peer(struct conn *c);
/* What this context wants of clients. */
void tls_ask_client(SSL *ssl, const struct tls_info *info);
/* The handshake has failed: say why, in the log and to the calls that wait. */
void tls_explain(struct conn *c);

/* --- tls_sessions.c: sessions that we may resume as a client --- */
/* Offer one to the server, if there is one for it. */
void tls_sessions_offer(struct conn *c);

#endif
