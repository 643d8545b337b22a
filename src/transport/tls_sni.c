/* Several certificates at one listener: the client says for whom it looks. */
#include "transport/tls_conn.h"

/* False when there is no such entry. */
static bool try_context(SSL *ssl, struct conn *c, size_t i, const char *name,
			bool *is_found)
{
	SSL_CTX *context = transport_tls(c->t->set, c->flow.listener, i);

	if (context == NULL)
		return false;
	*is_found = tls_context_is_for(context, name);
	if (*is_found && context != SSL_get_SSL_CTX(ssl)) {
		SSL_set_SSL_CTX(ssl, context);
		tls_ask_client(ssl, tls_info_of(context));
	}
	tls_context_unref(context);
	return true;
}

void tls_ask_client(SSL *ssl, const struct tls_info *info)
{
	int mode = SSL_VERIFY_NONE;

	if (info->verify_client != TLS_CLIENT_NONE)
		mode = SSL_VERIFY_PEER;
	if (info->verify_client == TLS_CLIENT_REQUIRE)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_set_verify(ssl, mode, NULL);
	if (mode == SSL_VERIFY_NONE)
		return;
	SSL_set_options(ssl, SSL_OP_NO_TICKET);
	SSL_set_num_tickets(ssl, 0);
}

/* The version was agreed on by the first context's rules. */
static bool is_new_enough(const SSL *ssl)
{
	return SSL_version(ssl) >=
	       SSL_CTX_get_min_proto_version(SSL_get_SSL_CTX(ssl));
}

/* Who asks for an unknown name, or for none, gets the first: many phones are
 * configured with an address. */
int tls_choose_context(SSL *ssl, int *alert, void *arg)
{
	struct conn *c = SSL_get_app_data(ssl);
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	bool is_found = false;

	(void)arg;
	if (name == NULL || c == NULL || !c->is_accepted)
		return SSL_TLSEXT_ERR_NOACK;
	for (size_t i = 0; !is_found && try_context(ssl, c, i, name, &is_found);
	     i++)
		;
	if (!is_new_enough(ssl)) {
		*alert = SSL_AD_PROTOCOL_VERSION;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	return is_found ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}
