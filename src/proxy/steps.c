/* The core's steps up to the decision: RFC 3261 sections 16.3 and 16.4. */
#include "proxy/proxy_priv.h"

#include "viaduct/util/err.h"

/* Validation (16.3) -------------------------------------------------------- */

/* sips: where we have TLS. */
static bool is_scheme_ours(const struct request *r, const struct sip_uri *uri)
{
	return uri->scheme == SIP_SCHEME_SIP ||
	       (uri->scheme == SIP_SCHEME_SIPS &&
		ours_has_tls(r->proxy->env.transports));
}

static bool is_scheme_known(struct request *r)
{
	const struct sip_uri *uri = sip_msg_uri(r->msg);

	if (uri != NULL && is_scheme_ours(r, uri))
		return true;
	request_reject(r, 416, STR_NONE, STR_NONE,
		       "16.3 step 2: no route for this URI scheme");
	return false;
}

/* Step 3. */
bool request_has_forwards_left(struct request *r)
{
	if (sip_msg_max_forwards(r->msg, 70) > 0)
		return true;
	request_reject(r, 483, STR_NONE, STR_NONE,
		       "16.3 step 3: Max-Forwards is 0");
	return false;
}

/* For the proxy or the registrar itself, so that nothing need be forwarded (11,
 * 10.3 step 1). step_forward() looks once more at what a route sends on. */
static bool is_for_us(struct request *r)
{
	const struct sip_uri *uri = sip_msg_uri(r->msg);

	return (request_is(r, SIP_OPTIONS) || request_is(r, SIP_REGISTER)) &&
	       !uri->has_user && ours_is_uri(r, uri) &&
	       r->msg->count[SIP_HDR_ROUTE] == 0;
}

/* The loop value in a Via value, if that is one of ours. The top one has been
 * parsed before. */
static bool has_loop_value(struct request *r, struct str text, uint64_t *loop)
{
	const struct sip_via *via = sip_msg_top_via(r->msg);
	struct sip_via other;

	if (text.p != via->text.p) {
		if (sip_via_parse(text, &other) != 0)
			return false;
		via = &other;
	}
	return via->branch.p != NULL &&
	       txn_branch_loop(r->proxy->txns, via->branch, loop);
}

/* Step 4 as RFC 5393 section 4.2.2 replaces it: one of our branches carries
 * the loop value that we would compute again; another one is a spiral. */
static bool is_loop_free(struct request *r)
{
	struct sip_values it;
	uint64_t loop;

	for (sip_values_start(&it, r->msg, SIP_HDR_VIA);
	     sip_values_next(&it);) {
		if (!has_loop_value(r, it.value, &loop) ||
		    loop != forward_loop_hash(r))
			continue;
		request_reject(r, 482, STR_NONE, STR_NONE,
			       "16.3 step 4: the same request was here before");
		return false;
	}
	return true;
}

/* Step 5, and 8.2.2.3 where we are the end: we support no extension. */
bool request_is_understood(struct request *r, enum sip_hdr_id id,
			   const char *why)
{
	struct str tags = sip_msg_value(r->msg, id);
	struct str extra = STR("");
	struct sip_values it;

	if (tags.p == NULL)
		return true;
	for (sip_values_start(&it, r->msg, id); sip_values_next(&it);) {
		if (it.value.len == 0)
			continue;
		extra = arena_printf(&r->arena, "%.*sUnsupported: %.*s\r\n",
				     STR_FMT(extra), STR_FMT(it.value));
		if (extra.p == NULL)
			extra = STR("");
	}
	if (extra.len == 0)
		return true;
	request_reject(r, 420, STR_NONE, extra, why);
	return false;
}

enum step_result step_validate(struct request *r)
{
	if (!is_scheme_known(r))
		return STEP_DONE;
	if (!is_for_us(r) && !request_has_forwards_left(r))
		return STEP_DONE;
	if (!request_is(r, SIP_ACK) && !is_loop_free(r))
		return STEP_DONE;
	if (request_is(r, SIP_ACK))
		return STEP_NEXT; /* nothing may be answered to it */
	if (!request_is_understood(
		    r, SIP_HDR_PROXY_REQUIRE,
		    "16.3 step 5: Proxy-Require names what is not supported"))
		return STEP_DONE;
	return STEP_NEXT;
}

/* Route preprocessing (16.4) ----------------------------------------------- */

/* The URI in From may change inside a dialog (RFC 4916), but a stranger does
 * not become one of ours, who would have been asked for his password. */
static bool is_impostor(const struct request *r, const struct dialog *d)
{
	return d->is_from_initiator && r->caller == CALLER_ANONYMOUS &&
	       d->caller == CALLER_ANONYMOUS && !d->was_from_ours &&
	       ours_is_from(r);
}

static bool keep_dialog(struct request *r, struct str token,
			struct dialog *found)
{
	if (!token_check(r->proxy, r->msg, token, found) ||
	    is_impostor(r, found))
		return false;
	r->dialog = arena_alloc(&r->arena, sizeof(*r->dialog));
	if (r->dialog == NULL)
		return false; /* less is permitted, nothing more */
	*r->dialog = *found;
	return true;
}

static void note_dialog(struct request *r, const struct sip_uri *uri)
{
	struct str token;
	struct dialog found;

	if (r->dialog != NULL ||
	    !sip_param_find(uri->params, token_param, &token))
		return;
	if (keep_dialog(r, token, &found))
		TRACE_STEP(&r->tag, "dialog",
			   "our Route carries a good token: from the %s side, "
			   "begun by %s",
			   found.is_from_initiator ? "caller's" : "called",
			   caller_name(found.caller));
	else
		TRACE_STEP(&r->tag, "dialog",
			   "the token in our Route is not for this dialog; it "
			   "counts as none");
}

/* Go on with another Request-URI than the one received. */
static bool set_uri(struct request *r, struct str text)
{
	struct sip_uri *uri = arena_alloc(&r->arena, sizeof(*uri));

	if (uri == NULL || sip_uri_parse(text, uri) != 0)
		return false;
	r->uri = uri;
	return true;
}

/* The last Route value, for a strict router before us. */
static struct str last_route(struct request *r)
{
	struct str last = STR_NONE;
	struct sip_values it;

	for (sip_values_start(&it, r->msg, SIP_HDR_ROUTE);
	     sip_values_next(&it);)
		last = it.value;
	return last;
}

/* The Request-URI is what we put into Record-Route: a strict router came
 * before us, the real target is the last Route value. */
static bool undo_strict_routing(struct request *r)
{
	const struct sip_uri *uri = sip_msg_uri(r->msg);
	struct sip_addr addr;
	struct str last;

	if (!uri->is_lr || uri->has_user || !ours_is_uri(r, uri))
		return true;
	last = last_route(r);
	if (last.p == NULL)
		return true;
	if (sip_addr_parse(last, &addr) != 0 || !set_uri(r, addr.uri)) {
		request_reject(r, 400, STR("Bad Route"), STR_NONE,
			       "16.4: the last Route value is no URI");
		return false;
	}
	if (!is_scheme_ours(r, r->uri)) {
		request_reject(r, 416, STR_NONE, STR_NONE,
			       "16.4: no route for the last Route's scheme");
		return false;
	}
	note_dialog(r, uri);
	r->n_routes_dropped_last = 1;
	TRACE_STEP(&r->tag, "preprocess",
		   "16.4: a strict router before us; the last Route value "
		   "becomes the Request-URI");
	return true;
}

/* The URI's text without maddr, transport and a port that is not the default
 * one. */
static struct str uri_without_maddr(struct request *r)
{
	static const struct str names[] = {STR("maddr"), STR("transport")};
	const struct sip_uri *u = r->uri;
	const char *end =
		u->port == 5060 ? u->params.p - 1 : u->host.p + u->host.len;
	struct str head = {u->text.p, (size_t)(end - u->text.p)};

	return sip_uri_without(&r->arena, head, u->params, names,
			       ARRAY_LEN(names));
}

/* maddr names us, and port and transport are those that were used: strip it
 * and any non-default port or transport. A port that is not ours belongs to
 * the host in the URI and stays. */
static bool strip_maddr(struct request *r)
{
	uint16_t port = r->uri->port != 0 ? r->uri->port : 5060;
	enum sip_transport t = r->uri->transport != SIP_TRANSPORT_NONE
				       ? r->uri->transport
				       : SIP_UDP;
	struct str text;

	if (r->uri->maddr.p == NULL ||
	    !request_host_is_local(r, r->uri->maddr, r->uri->port))
		return true;
	if (t != r->flow.transport || port != addr_port(&r->flow.local))
		return true;
	text = uri_without_maddr(r);
	if (text.p == NULL || !set_uri(r, text)) {
		request_reject(r, 503, STR_NONE, STR_NONE, "no memory");
		return false;
	}
	TRACE_STEP(&r->tag, "preprocess",
		   "16.4: maddr in the Request-URI is ours and goes away");
	return true;
}

/* The URI of a Route value; the top one has been parsed before. */
static const struct sip_uri *route_uri(struct request *r, struct str value,
				       struct sip_uri *other)
{
	const struct sip_route *top = r->msg->route;

	if (top != NULL && top->text.p == value.p)
		return &top->uri;
	return sip_route_parse(value, other) == 0 ? other : NULL;
}

/* Take our own values off the top of Route; both, where we put two. */
static bool pop_own_routes(struct request *r)
{
	struct sip_values it;
	struct sip_uri other;

	r->route = STR_NONE;
	for (sip_values_start(&it, r->msg, SIP_HDR_ROUTE);
	     sip_values_next(&it);) {
		const struct sip_uri *uri = route_uri(r, it.value, &other);

		if (uri == NULL) {
			request_reject(r, 400, STR("Bad Route"), STR_NONE,
				       "16.4: a Route value is no URI");
			return false;
		}
		if (!ours_is_uri(r, uri)) {
			r->route = it.value;
			break;
		}
		if (!edge_take_route(r, uri))
			return false;
		note_dialog(r, uri);
		r->n_routes_popped++;
	}
	if (r->n_routes_dropped_last != 0 && r->route.p != NULL &&
	    r->route.p == last_route(r).p)
		r->route = STR_NONE; /* it became the Request-URI */
	if (r->n_routes_popped > 0)
		TRACE_STEP(&r->tag, "preprocess",
			   "16.4: %u Route value%s naming us removed",
			   r->n_routes_popped,
			   r->n_routes_popped > 1 ? "s" : "");
	return true;
}

/* 16.5: maddr is the only target; one that is not ours is somebody else's host,
 * whatever the domain is. */
static bool is_uri_local(const struct request *r)
{
	const struct sip_uri *u = r->uri;

	return request_host_is_local(r, u->host, u->port) &&
	       (u->maddr.p == NULL ||
		request_host_is_local(r, u->maddr, u->port));
}

enum step_result step_preprocess(struct request *r)
{
	r->uri = sip_msg_uri(r->msg);
	if (!undo_strict_routing(r) || !strip_maddr(r) || !pop_own_routes(r))
		return STEP_DONE;
	r->is_local = is_uri_local(r);
	r->is_to_us = r->is_local && !r->uri->has_user;
	return STEP_NEXT;
}
