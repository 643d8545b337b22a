/*
 * Sessions that we may resume as a client, by address, domain and context;
 * whichever worker connects next. One place per hash: a newer session takes the
 * place of an older one.
 */
#include <pthread.h>

#include "transport/tls_conn.h"
#include "viaduct/util/err.h"
#include "viaduct/util/hash.h"

struct kept {
	SSL_SESSION *session; /* NULL: none */
	uint64_t hash; /* of the whole key; keyed, so nobody aims at it */
};

enum { TLS_SESSIONS = 1024 };

struct tls_sessions {
	pthread_mutex_t lock;
	struct kept v[TLS_SESSIONS];
};

int tls_sessions_new(struct mem *mem, struct tls_sessions **out)
{
	struct tls_sessions *s = mem_zalloc(mem, sizeof(*s));

	if (s == NULL)
		return VD_ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	*out = s;
	return 0;
}

void tls_sessions_free(struct tls_sessions *s, struct mem *mem)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < TLS_SESSIONS; i++)
		SSL_SESSION_free(s->v[i].session);
	pthread_mutex_destroy(&s->lock);
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

/* Put in its place, or take out; returns what was there. */
static SSL_SESSION *session_swap(struct tls_sessions *s, uint64_t hash,
				 SSL_SESSION *session)
{
	struct kept *k = &s->v[hash % TLS_SESSIONS];
	SSL_SESSION *old = NULL;

	pthread_mutex_lock(&s->lock);
	if (session != NULL || k->hash == hash) {
		old = k->session;
		k->session = session;
		k->hash = hash;
	}
	pthread_mutex_unlock(&s->lock);
	return old;
}

int tls_keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct conn *c = SSL_get_app_data(ssl);

	if (c->is_accepted)
		return 0;
	SSL_SESSION_free(
		session_swap(c->t->set->sessions, session_hash(c), session));
	return 1; /* ours now */
}

/* A ticket of TLS 1.3 is used once (RFC 8446 appendix C.4). */
void tls_sessions_offer(struct conn *c)
{
	struct tls_sessions *s = c->t->set->sessions;
	uint64_t hash = session_hash(c);
	SSL_SESSION *session = session_swap(s, hash, NULL);

	if (session == NULL)
		return;
	SSL_set_session(c->ssl, session);
	if (SSL_SESSION_get_protocol_version(session) < TLS1_3_VERSION) {
		SSL_SESSION_up_ref(session);
		SSL_SESSION_free(session_swap(s, hash, session));
	}
	SSL_SESSION_free(session);
}
