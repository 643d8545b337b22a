/* Which contexts the listeners use now. */
#include "transport/tls_context.h"
#include "transport/transport_priv.h"
#include "viaduct/util/err.h"

int transport_tls_new(struct transport_set *s)
{
	int err = identities_new(s->mem, &s->identities);

	if (err == 0)
		err = tls_sessions_new(s->mem, &s->sessions);
	for (size_t i = 0; i < s->n_listeners && err == 0; i++) {
		struct listener *l = &s->listeners[i];
		size_t n = l->conf->tls.n;

		if (n == 0)
			continue;
		l->tls = mem_zalloc(s->mem, n * sizeof(*l->tls));
		if (l->tls == NULL)
			err = VD_ENOMEM;
	}
	return err;
}

void transport_tls_free(struct transport_set *s)
{
	for (size_t i = 0; s->listeners != NULL && i < s->n_listeners; i++) {
		struct listener *l = &s->listeners[i];

		if (l->tls == NULL)
			continue;
		for (size_t j = 0; j < l->conf->tls.n; j++)
			tls_context_unref(l->tls[j]);
		mem_free(s->mem, l->tls, l->conf->tls.n * sizeof(*l->tls));
	}
	identities_free(s->identities);
	tls_sessions_free(s->sessions, s->mem);
}

SSL_CTX *transport_tls(struct transport_set *s, unsigned listener, size_t i)
{
	struct listener *l = &s->listeners[listener];
	SSL_CTX *context = NULL;

	if (i >= l->conf->tls.n)
		return NULL;
	pthread_mutex_lock(&s->tls_lock);
	if (l->tls[i] != NULL)
		context = tls_context_ref(l->tls[i]);
	pthread_mutex_unlock(&s->tls_lock);
	return context;
}

static SSL_CTX *find_context(const struct conf_array *entries, struct str name)
{
	const struct tls_entry *e = entries->v;

	for (size_t i = 0; i < entries->n; i++)
		if (str_eq(e[i].name, name))
			return e[i].context;
	return NULL;
}

static void put_context(struct transport_set *s, SSL_CTX **place,
			SSL_CTX *context)
{
	SSL_CTX *old;

	if (context == NULL)
		return;
	pthread_mutex_lock(&s->tls_lock);
	old = *place;
	*place = tls_context_ref(context);
	pthread_mutex_unlock(&s->tls_lock);
	tls_context_unref(old);
}

void transport_set_tls(struct transport_set *s,
		       const struct conf_array *entries)
{
	for (size_t i = 0; i < s->n_listeners; i++) {
		struct listener *l = &s->listeners[i];
		const struct str *names = l->conf->tls.v;

		for (size_t j = 0; j < l->conf->tls.n; j++)
			put_context(s, &l->tls[j],
				    find_context(entries, names[j]));
	}
}

bool transport_uses_tls(const struct transport_set *s, struct str name)
{
	for (size_t i = 0; i < s->n_listeners; i++) {
		const struct conf_array *tls = &s->listeners[i].conf->tls;
		const struct str *names = tls->v;

		for (size_t j = 0; j < tls->n; j++)
			if (str_eq(names[j], name))
				return true;
	}
	return false;
}

bool transport_identity_is(struct transport_set *s, uint32_t identity,
			   struct str name)
{
	return identities_have(s->identities, identity, name);
}
