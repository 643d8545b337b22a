/* Who must show credentials, which of them count, and what is answered (RFC
 * 3261 sections 22.2 and 22.3). */
#include "auth/auth_priv.h"

#include "viaduct/loop/loop.h"
#include "viaduct/proxy/proxy.h"

enum { URI_FROM, URI_TO };

/* Domains ------------------------------------------------------------------ */

/* Its realm can be asked for. */
static bool has_realm(const struct domain *d)
{
	return d->users != NULL && d->authenticate != AUTHENTICATE_NONE;
}

/* Whoever calls out as one of its users must show credentials. */
static bool guards_calls(const struct domain *d)
{
	return d->users != NULL && d->authenticate == AUTHENTICATE_ALL;
}

static const struct domain *find_realm(const struct request *r,
				       struct str realm)
{
	const struct domain *d = r->conf->domains.v;

	for (size_t i = 0; i < r->conf->domains.n; i++)
		if (has_realm(&d[i]) && str_eq(d[i].realm, realm))
			return &d[i];
	return NULL;
}

/* The domain of a From or To; NULL: a foreign one. A port does not make one of
 * our domains foreign. */
static const struct domain *domain_of(const struct request *r,
				      const struct sip_uri *uri)
{
	if (uri->scheme != SIP_SCHEME_SIP && uri->scheme != SIP_SCHEME_SIPS)
		return NULL;
	if (!request_host_is_local(r, uri->host, 0) &&
	    !request_host_is_local(r, uri->host, uri->port))
		return NULL;
	return request_domain(r, uri->host);
}

static bool parse_addr(struct request *r, int which, struct sip_uri *out)
{
	const struct sip_addr *a =
		which == URI_FROM ? sip_msg_from(r->msg) : sip_msg_to(r->msg);

	return a != NULL && sip_uri_parse(a->uri, out) == 0;
}

/* Credentials -------------------------------------------------------------- */

struct shown {
	struct credentials v[CONSUMED_MAX];
	size_t n;
};

/* False: more than can be remembered. */
static bool add_field(struct request *r, const struct sip_hdr *h,
		      struct shown *s)
{
	struct credentials c;

	if (!credentials_parse(sip_hdr_value(r->msg, h), &c))
		return true;
	c.domain = find_realm(r, c.realm);
	if (c.domain == NULL)
		return true; /* for somebody behind us */
	if (s->n == CONSUMED_MAX)
		return false;
	c.is_proxy = h->id == SIP_HDR_PROXY_AUTHORIZATION;
	r->consumed[s->n] = (uint16_t)(1 + (h - r->msg->hdrs));
	s->v[s->n++] = c;
	return true;
}

/* All for realms of ours, which go no further. */
static bool collect(struct request *r, struct shown *s)
{
	static const enum sip_hdr_id ids[] = {SIP_HDR_AUTHORIZATION,
					      SIP_HDR_PROXY_AUTHORIZATION};
	const struct sip_hdr *h;

	s->n = 0;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		for (h = sip_msg_first(r->msg, ids[i]); h != NULL;
		     h = sip_msg_next(r->msg, h))
			if (!add_field(r, h, s))
				return false;
	return true;
}

/* The better answer to a challenge of ours. */
static int rank(const struct request *r, const struct credentials *c)
{
	const struct auth_use *use = r->conf->auth;
	enum auth_algorithm unused;
	struct nonce nonce;

	if (!check_algorithm(&use->conf, c->algorithm, &unused))
		return 0;
	return nonce_read(use->auth, c->nonce, c->realm,
			  loop_now_ms(request_env(r)->loop),
			  use->conf.nonce_lifetime, &nonce)
		       ? 2
		       : 1;
}

/*
 * Those for the realm of this domain; of several the first with an algorithm
 * and a nonce of ours: there may be one for each algorithm, and for each proxy
 * of one realm (22.3). Two domains may have one realm.
 */
static struct credentials *find_for(const struct request *r, struct shown *s,
				    bool is_proxy, const struct domain *d)
{
	struct credentials *found = NULL;
	int best = -1;

	for (size_t i = 0; i < s->n; i++) {
		struct credentials *c = &s->v[i];
		int at;

		if (c->is_proxy != is_proxy || !str_eq(c->realm, d->realm))
			continue;
		at = rank(r, c);
		if (at > best)
			found = c;
		best = at > best ? at : best;
	}
	if (found != NULL)
		found->domain = d;
	return found;
}

/* Answers ------------------------------------------------------------------ */

static enum step_result no_memory(struct request *r)
{
	stats_add(request_env(r)->stats, STAT_refused_memory, 1);
	request_reject(r, 503, STR_NONE, STR("Retry-After: 5\r\n"),
		       "no memory to authenticate");
	return STEP_DONE;
}

static enum step_result ask(struct request *r, const struct domain *d,
			    bool is_registrar, bool is_stale, const char *why)
{
	struct str extra =
		challenge_print(r, d,
				is_registrar ? STR("WWW-Authenticate")
					     : STR("Proxy-Authenticate"),
				is_stale);

	if (extra.p == NULL)
		return no_memory(r);
	stats_add(request_env(r)->stats, STAT_auth_challenges, 1);
	request_reject(r, is_registrar ? 401 : 407, STR_NONE, extra, why);
	return STEP_DONE;
}

static enum step_result refuse_banned(struct request *r)
{
	stats_add(request_env(r)->stats, STAT_auth_banned, 1);
	stats_limit(request_env(r)->stats, LIMIT_auth_failures);
	request_reject(r, 403, STR_NONE, STR_NONE,
		       "limits.auth_failures: too many wrong credentials from "
		       "this source");
	return STEP_DONE;
}

static enum step_result refuse(struct request *r, unsigned status,
			       const char *why)
{
	request_reject(r, status, STR_NONE, STR_NONE, why);
	return STEP_DONE;
}

/* Identity ----------------------------------------------------------------- */

static bool is_user(struct request *r, int which, const struct domain *d,
		    const struct user *u)
{
	struct sip_uri uri;

	return parse_addr(r, which, &uri) && domain_of(r, &uri) == d &&
	       (str_eq(uri.user, u->login) || /* as most write it */
		users_find(d->users, uri.user) == u);
}

/* RFC 3261 section 8.1.1.3, RFC 3323 section 4.1.1.3. */
static bool is_anonymous(struct request *r)
{
	struct sip_uri uri;

	return parse_addr(r, URI_FROM, &uri) &&
	       str_eq(uri.user, STR("anonymous")) &&
	       sip_host_eq(uri.host, STR("anonymous.invalid"));
}

/* As in nearly every REGISTER. */
static bool is_to_as_from(struct request *r)
{
	return str_eq(sip_msg_to(r->msg)->uri, sip_msg_from(r->msg)->uri);
}

static enum step_result identify(struct request *r, const struct domain *d,
				 const struct user *u, bool is_registrar)
{
	const struct auth_use *use = r->conf->auth;
	bool is_from = is_user(r, URI_FROM, d, u);

	r->caller = CALLER_AUTHENTICATED;
	TRACE_STEP(&r->tag, "authenticate", "good credentials of %.*s in %.*s",
		   STR_FMT(u->login), STR_FMT(d->realm));
	if (!is_from && !is_anonymous(r))
		return refuse(r, 403, "From is not the user who authenticated");
	if (is_registrar && !use->conf.third_party &&
	    !(is_from && is_to_as_from(r)) && !is_user(r, URI_TO, d, u))
		return refuse(r, 403,
			      "the address of record is another user's");
	return STEP_NEXT;
}

/* The step ----------------------------------------------------------------- */

static enum step_result check(struct request *r, const struct credentials *c,
			      bool is_registrar)
{
	const struct domain *d = c->domain;
	const struct user *u = NULL;

	switch (check_credentials(r, c, nonce_holder(&r->flow.remote), &u)) {
	case CHECK_GOOD:
		return identify(r, d, u, is_registrar);
	case CHECK_OTHER:
		return ask(r, d, is_registrar, false,
			   "another algorithm or qop than was offered, or no "
			   "nonce yet");
	case CHECK_STALE:
		stats_add(request_env(r)->stats, STAT_auth_stale, 1);
		return ask(r, d, is_registrar, true,
			   "the nonce is old, or its count was used before");
	case CHECK_WRONG:
		return ask(r, d, is_registrar, false, "wrong credentials");
	case CHECK_BAD:
		stats_add(request_env(r)->stats, STAT_auth_malformed, 1);
		return refuse(r, 400,
			      "credentials that are malformed or not for this "
			      "Request-URI");
	case CHECK_BANNED:
		return refuse_banned(r);
	case CHECK_NO_MEMORY:
		break;
	}
	return no_memory(r);
}

static enum step_result demand(struct request *r, const struct domain *d,
			       bool is_registrar)
{
	if (check_is_banned(r, nonce_holder(&r->flow.remote)))
		return refuse_banned(r);
	return ask(r, d, is_registrar, false, "no credentials");
}

static enum step_result check_register(struct request *r, struct shown *s)
{
	const struct domain *d = request_domain(r, r->uri->host);
	const struct credentials *c;

	if (d == NULL || !has_realm(d))
		return STEP_NEXT;
	c = find_for(r, s, false, d);
	return c != NULL ? check(r, c, true) : demand(r, d, true);
}

/* Those for the domain of From, or the first for any. */
static const struct credentials *
choose(const struct request *r, struct shown *s, const struct domain *from)
{
	const struct credentials *c = NULL;

	if (from != NULL && guards_calls(from))
		c = find_for(r, s, true, from);
	for (size_t i = 0; i < s->n && c == NULL; i++)
		if (s->v[i].is_proxy && guards_calls(s->v[i].domain))
			c = find_for(r, s, true, s->v[i].domain);
	return c;
}

/*
 * 22.3: he has shown his credentials, and we have kept them; to ask again would
 * make him believe that they were wrong. It was his call that led here, but not
 * he who sends it now: he stays anonymous, and reaches users of ours alone.
 */
static bool was_checked_before(const struct request *r)
{
	const struct request *before = request_before(r);

	if (before == NULL)
		return false;
	TRACE_STEP(&r->tag, "authenticate",
		   "its sender was %s when it passed here before (a spiral)",
		   caller_name(before->caller));
	return true;
}

/* A phone could read what we cannot as one of our users. */
static enum step_result refuse_from(struct request *r)
{
	request_reject(r, 400, STR("Malformed From"), STR_NONE,
		       "From is no URI: it cannot be told whose it is");
	return STEP_DONE;
}

static enum step_result check_call(struct request *r, struct shown *s)
{
	const struct domain *from;
	const struct credentials *c;
	struct sip_uri uri;

	if (!parse_addr(r, URI_FROM, &uri))
		return refuse_from(r);
	from = domain_of(r, &uri);
	c = choose(r, s, from);
	if (c != NULL)
		return check(r, c, false);
	if (from != NULL && guards_calls(from) && !was_checked_before(r))
		return demand(r, from, false);
	return STEP_NEXT;
}

enum step_result step_authenticate(struct request *r)
{
	struct shown s;

	if (r->conf->auth == NULL)
		return STEP_NEXT;
	if (!collect(r, &s))
		return refuse(r, 400, "too many credentials for our realms");
	if (r->msg->method == SIP_ACK || r->msg->method == SIP_CANCEL ||
	    r->caller != CALLER_ANONYMOUS || r->dialog != NULL)
		return STEP_NEXT;
	if (r->msg->method == SIP_REGISTER && r->is_local)
		return check_register(r, &s);
	return check_call(r, &s);
}

/* A route's `auth: required` ----------------------------------------------- */

/* Whose users may show who they are: those of the domain of From, else of the
 * Request-URI, else of the first one that has any. */
static const struct domain *domain_to_ask(struct request *r)
{
	const struct domain *all = r->conf->domains.v, *d = NULL;
	struct sip_uri uri;

	if (parse_addr(r, URI_FROM, &uri))
		d = domain_of(r, &uri);
	if (d != NULL && has_realm(d))
		return d;
	d = r->is_local ? request_domain(r, r->uri->host) : NULL;
	if (d != NULL && has_realm(d))
		return d;
	for (size_t i = 0; i < r->conf->domains.n; i++)
		if (has_realm(&all[i]))
			return &all[i];
	return NULL;
}

static enum step_result require_user(struct request *r)
{
	bool is_registrar = r->msg->method == SIP_REGISTER && r->is_local;
	const struct domain *d = domain_to_ask(r);
	const struct credentials *c;
	struct shown s;

	if (r->msg->method == SIP_ACK) { /* 22.1: it cannot be challenged */
		request_drop(r, "its route wants credentials");
		return STEP_DONE;
	}
	if (d == NULL)
		return refuse(r, 403,
			      "its route wants credentials, and no "
			      "domain has users");
	if (!collect(r, &s))
		return refuse(r, 400, "too many credentials for our realms");
	c = find_for(r, &s, !is_registrar, d);
	return c != NULL ? check(r, c, is_registrar)
			 : demand(r, d, is_registrar);
}

/* A spiral may have been led anywhere: elsewhere than to users of ours its
 * sender would call on another's account. */
static bool may_pass(const struct request *r)
{
	return r->caller != CALLER_ANONYMOUS ||
	       (r->verdict.kind == VERDICT_REGISTERED && was_checked_before(r));
}

enum step_result step_require(struct request *r)
{
	if (r->conf->auth == NULL || !r->verdict.needs_user || may_pass(r))
		return STEP_NEXT;
	return require_user(r);
}
