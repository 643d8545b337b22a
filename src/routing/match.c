#include "routing/routing_priv.h"

#include "viaduct/proxy/proxy.h"

const char *const match_key_names[] = {
	[MATCH_METHOD] = "method",
	[MATCH_CALLER] = "caller",
	[MATCH_SOURCE] = "source",
	[MATCH_REQUEST_DOMAIN] = "request.domain",
	[MATCH_REQUEST_USER] = "request.user",
	[MATCH_REQUEST_URI] = "request.uri",
	[MATCH_FROM_DOMAIN] = "from.domain",
	[MATCH_FROM_USER] = "from.user",
	[MATCH_TO_DOMAIN] = "to.domain",
	[MATCH_TO_USER] = "to.user",
	[MATCH_KEY_COUNT] = NULL,
};

enum { USER_MAX = 512 }; /* a longer user part matches no text */

static bool is_method(const struct match_values *v, struct request *r)
{
	for (size_t i = 0; i < v->n; i++)
		if (str_eq(v->texts[i], r->msg->method_name))
			return true;
	return false;
}

static bool is_source(const struct match_values *v, struct request *r)
{
	const struct addr_net *nets = v->parsed;

	for (size_t i = 0; i < v->n; i++)
		if (addr_net_contains(&nets[i], &r->flow.remote))
			return true;
	return false;
}

static bool is_uri(const struct match_values *v, struct request *r)
{
	const struct sip_uri *uris = v->parsed;

	for (size_t i = 0; i < v->n; i++)
		if (sip_uri_eq(&uris[i], r->uri))
			return true;
	return false;
}

/* "*.example.com": any name below it, not itself. */
static bool is_below(struct str pattern, struct str host)
{
	struct str tail = str_skip(pattern, 1);

	if (host.len > 0 && host.p[host.len - 1] == '.')
		host.len--; /* as sip_host_eq() does */
	return host.len > tail.len &&
	       str_ieq(str_skip(host, host.len - tail.len), tail);
}

static bool is_domain(const struct match_values *v, struct str host,
		      bool is_local)
{
	for (size_t i = 0; i < v->n; i++) {
		struct str want = v->texts[i];

		if (str_eq(want, STR("local"))     ? is_local
		    : str_eq(want, STR("foreign")) ? !is_local
		    : want.len > 2 && want.p[0] == '*'
			    ? is_below(want, host)
			    : sip_host_eq(want, host))
			return true;
	}
	return false;
}

static bool is_user(const struct match_values *v, struct str user)
{
	const struct str *wanted = v->parsed;
	char plain[USER_MAX];
	struct str u = {plain, 0};

	if (user.len > sizeof(plain))
		return false;
	u.len = sip_user_canonical(user, plain);
	for (size_t i = 0; i < v->n; i++)
		if (str_eq(wanted[i], u))
			return true;
	return false;
}

/* The URI of From or To; an empty one when it is no sip URI. */
static struct sip_uri uri_of(const struct sip_addr *addr)
{
	struct sip_uri uri;

	if (addr == NULL || sip_uri_parse(addr->uri, &uri) != 0)
		memset(&uri, 0, sizeof(uri));
	return uri;
}

static bool is_match(const struct rule *rule, enum match_key key,
		     struct request *r)
{
	const struct match_values *v = &rule->match[key];
	struct sip_uri uri;

	switch (key) {
	case MATCH_METHOD:
		return is_method(v, r);
	case MATCH_CALLER:
		return (v->callers & 1u << r->caller) != 0;
	case MATCH_SOURCE:
		return is_source(v, r);
	case MATCH_REQUEST_DOMAIN:
		return is_domain(v, r->uri->host, r->is_local);
	case MATCH_REQUEST_USER:
		return is_user(v, r->uri->user);
	case MATCH_REQUEST_URI:
		return is_uri(v, r);
	case MATCH_FROM_DOMAIN:
	case MATCH_FROM_USER:
		uri = uri_of(sip_msg_from(r->msg));
		break;
	case MATCH_TO_DOMAIN:
	case MATCH_TO_USER:
		uri = uri_of(sip_msg_to(r->msg));
		break;
	case MATCH_KEY_COUNT:
		return false;
	}
	if (key == MATCH_FROM_USER || key == MATCH_TO_USER)
		return is_user(v, uri.user);
	return is_domain(v, uri.host,
			 request_host_is_local(r, uri.host, uri.port));
}

const char *rule_differs(const struct rule *rule, struct request *r)
{
	for (enum match_key key = 0; key < MATCH_KEY_COUNT; key++)
		if (rule->match[key].n != 0 && !is_match(rule, key, r))
			return match_key_names[key];
	return NULL;
}
