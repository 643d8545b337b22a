/* Addresses of record. */
#include "registrar_priv.h"

#include "viaduct/util/err.h"

static bool is_sip(const struct sip_uri *uri)
{
	return uri->scheme == SIP_SCHEME_SIP || uri->scheme == SIP_SCHEME_SIPS;
}

/* The user's own name; false: the domain has users, and he is none. */
static bool find_user(const struct request *r, const struct domain *d,
		      struct str *user)
{
	const struct registrar_use *use = registrar_of(r);

	if (d->users == NULL || use == NULL || use->knows_user == NULL)
		return true;
	return use->knows_user(d, *user, user);
}

static int print_aor(struct request *r, struct str user, struct str domain,
		     struct str *aor)
{
	size_t len = user.len + 1 + domain.len;
	char *text = arena_alloc(&r->arena, len);

	if (text == NULL)
		return VD_ENOMEM;
	if (user.len > 0)
		memcpy(text, user.p, user.len);
	text[user.len] = '@';
	for (size_t i = 0; i < domain.len; i++)
		text[user.len + 1 + i] = ascii_lower(domain.p[i]);
	*aor = (struct str){text, len};
	return 0;
}

int registrar_aor(struct request *r, const struct sip_uri *uri,
		  const struct domain **domain, struct str *aor)
{
	char text[AOR_MAX];
	struct str user = {text, 0};

	if (!is_sip(uri))
		return VD_EINVAL;
	*domain = NULL;
	if (!request_host_is_local(r, uri->host, uri->port))
		return VD_ENOENT;
	*domain = request_domain(r, uri->host);
	if (*domain == NULL || uri->user.len == 0 ||
	    uri->user.len + 1 + (*domain)->name.len > AOR_MAX)
		return VD_ENOENT;
	user.len = sip_user_canonical(uri->user, text);
	if (!find_user(r, *domain, &user) || /* by his own name, if an alias */
	    user.len + 1 + (*domain)->name.len > AOR_MAX)
		return VD_ENOENT;
	return print_aor(r, user, (*domain)->name, aor);
}
