/* Who is at the other end: certificates of peers, RFC 5922 section 7. */
#include <openssl/err.h>

#include "transport/tls_conn.h"
#include "viaduct/util/err.h"
#include "viaduct/util/log.h"

/* --- why not --- */

/* The calls whose messages wait for this connection learn it from the trace. */
static void trace_refusal(const struct conn *c, const char *why)
{
	struct list *it, *tmp;

	if (!trace_is_on())
		return;
	LIST_FOREACH(it, tmp, &c->out) {
		struct trace_tag tag = {.call_id = conn_queued_call_id(it)};

		trace_step(&tag, "tls", "%s is not accepted: %s",
			   c->domain != NULL ? c->domain : "the next hop", why);
	}
}

static void refuse(const struct conn *c, const char *why)
{
	static struct log_class out = LOG_CLASS(20), in = LOG_CLASS(1);

	if (c->is_accepted) {
		if (log_class_allows(&in, "tls.handshake_failed"))
			log_info(STR_NONE, "tls.handshake_failed",
				 KV_ADDR("peer", &c->flow.remote),
				 KV_TEXT("why", why));
		return;
	}
	if (log_class_allows(&out, "tls.refused"))
		log_warning(
			STR_NONE, "tls.refused",
			KV_ADDR("peer", &c->flow.remote),
			KV_TEXT("domain", c->domain != NULL ? c->domain : ""),
			KV_TEXT("why", why));
	trace_refusal(c, why);
}

void tls_explain(struct conn *c)
{
	long verified = SSL_get_verify_result(c->ssl);
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	if (verified != X509_V_OK)
		reason = X509_verify_cert_error_string(verified);
	refuse(c, reason != NULL ? reason : "the peer closed the connection");
}

static bool refuse_name(const struct conn *c)
{
	char names[256], why[512];
	struct str list;

	if (c->names == NULL) {
		refuse(c, "it has shown no certificate");
		return false;
	}
	list = cert_names_print(c->names, names, sizeof(names));
	snprintf(why, sizeof(why), "its certificate is for %.*s",
		 STR_FMT(list));
	refuse(c, why);
	return false;
}

/* --- whether --- */

static bool learn_names(struct conn *c)
{
	X509 *cert = SSL_get0_peer_certificate(c->ssl);

	return cert == NULL || cert_names_of(cert, &c->names) == 0;
}

/* Section 7.3, for a resumed session too: the certificate may have expired
 * since. */
static bool accept_server(struct conn *c, const struct tls_info *info)
{
	const X509 *cert = SSL_get0_peer_certificate(c->ssl);

	if (info->verify_server == TLS_SERVER_NONE)
		return true;
	if (!learn_names(c))
		return false;
	if (cert == NULL ||
	    X509_cmp_current_time(X509_get0_notAfter(cert)) < 0) {
		refuse(c, "certificate has expired");
		return false;
	}
	if (info->verify_server == TLS_SERVER_CHAIN)
		return true;
	return (c->names != NULL && c->domain != NULL &&
		cert_names_have(c->names, str_from(c->domain))) ||
	       refuse_name(c);
}

/* Section 7.4. A session that began where nobody was asked for a certificate
 * cannot go on where everybody is. */
static bool accept_client(struct conn *c, const struct tls_info *info)
{
	if (info->verify_client == TLS_CLIENT_NONE)
		return true;
	if (SSL_session_reused(c->ssl)) {
		refuse(c, "a resumed session shows no certificate");
		return false;
	}
	if (!learn_names(c))
		return false;
	return c->names == NULL ||
	       identities_enter(c->t->set->identities, c->names,
				&c->flow.identity) == 0;
}

bool tls_accept_peer(struct conn *c)
{
	const struct tls_info *info = tls_info_of(SSL_get_SSL_CTX(c->ssl));
	bool is_good = c->is_accepted ? accept_client(c, info)
				      : accept_server(c, info);

	if (!is_good)
		return false;
	if (c->names != NULL && !c->is_accepted &&
	    identities_enter(c->t->set->identities, c->names,
			     &c->flow.identity) != 0)
		return false;
	directory_set_names(c->t->set->directory, &c->entry, c->names,
			    !c->is_accepted &&
				    info->verify_server != TLS_SERVER_NAME);
	return true;
}
