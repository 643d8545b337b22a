/*
 * Sessions that we may resume as a client, by address, domain and context. One
 * place per hash: a newer one takes the place of an older one.
 */
#include "transport/tls_conn.h"
#include "viaduct/util/err.h"
#include "viaduct/util/hash.h"

struct kept {
	SSL_SESSION *session; /* NULL: none */
	uint64_t hash; /* of the whole key; keyed, so nobody aims at it */
};

struct tls_sessions {
	struct kept v[TLS_SESSIONS];
};

int tls_sessions_new(struct mem *mem, struct tls_sessions **out)
{
	*out = mem_zalloc(mem, sizeof(**out));
	return *out != NULL ? 0 : VD_ENOMEM;
}

void tls_sessions_free(struct tls_sessions *s, struct mem *mem)
{
	for (size_t i = 0; s != NULL && i < TLS_SESSIONS; i++)
		SSL_SESSION_free(s->v[i].session);
	mem_free(mem, s, sizeof(*s));
}

static uint64_t session_hash(const struct conn *c)
{
	uint64_t serial = tls_info_of(SSL_get_SSL_CTX(c->ssl))->serial;
	char text[ADDR_TEXT_MAX];
	struct hash_state h;

	hash_start(&h, hash_process_key());
	hash_add(&h, (struct str){(const char *)&serial, sizeof(serial)});
	hash_add(&h, (struct str){text, addr_print(&c->flow.remote, text)});
	hash_add(&h, str_from(c->domain != NULL ? c->domain : ""));
	return hash_end(&h);
}

int tls_keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct conn *c = SSL_get_app_data(ssl);
	struct kept *k;
	uint64_t hash;

	if (c->is_accepted || c->t->sessions == NULL)
		return 0;
	hash = session_hash(c);
	k = &c->t->sessions->v[hash % TLS_SESSIONS];
	SSL_SESSION_free(k->session);
	k->session = session;
	k->hash = hash;
	return 1; /* ours now */
}

/* A ticket of TLS 1.3 is used once (RFC 8446 appendix C.4). */
void tls_sessions_offer(struct tls_sessions *s, struct conn *c)
{
	uint64_t hash = session_hash(c);
	struct kept *k = &s->v[hash % TLS_SESSIONS];

	if (k->session == NULL || k->hash != hash)
		return;
	SSL_set_session(c->ssl, k->session);
	if (SSL_SESSION_get_protocol_version(k->session) < TLS1_3_VERSION)
		return;
	SSL_SESSION_free(k->session);
	k->session = NULL;
}
