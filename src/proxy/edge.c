/*
 * The proxy next to a phone that registers elsewhere (RFC 5626 section 5, RFC
 * 3327): it writes itself and the flow of the REGISTER into Path, and sends
 * what comes back with that value in Route down that flow.
 */
#include "proxy/proxy_priv.h"

/* What the user part of our Path URIs begins with; the token follows. */
static const struct str flow_user = {"flow-", 5};

static bool is_first_try(const struct request *r)
{
	return request_is(r, SIP_REGISTER) && request_is_first_hop(r) &&
	       (request_supports(r, STR("path")) ||
		request_supports(r, STR("outbound")));
}

/* RFC 5626 section 5.1: "ob" tells the registrar that the phone's first hop
 * does its part of Outbound. */
void edge_edit_path(struct request *r, const struct outgoing *o,
		    struct sip_edits *e, struct put *text)
{
	struct hop back = hop_back(&r->flow);
	char token[TOKEN_TEXT_MAX];

	if (!is_first_try(r))
		return;
	put_str(text, o->is_sips ? STR("Path: <sips:") : STR("Path: <sip:"));
	put_str(text, flow_user);
	put_str(text,
		(struct str){token, token_make_flow(r->proxy, &back, token)});
	put_str(text, STR("@"));
	forward_put_side(r, o->hop, o->is_sips, text);
	if (request_supports(r, STR("outbound")))
		put_str(text, STR(";ob"));
	put_str(text, STR(">\r\n"));
	sip_edit_push(e, r->msg, SIP_HDR_PATH, put_done(text));
}

/* Section 5.3: from the phone itself it is an "outgoing" request. */
static bool is_source(const struct request *r, const struct hop *flow)
{
	return flow->transport == r->flow.transport &&
	       addr_eq(&flow->addr, &r->flow.remote);
}

static bool keep(struct request *r, const struct hop *flow)
{
	struct hop *hop = arena_alloc(&r->arena, sizeof(*hop));
	struct plan *leaf = arena_zalloc(&r->arena, sizeof(*leaf));

	if (hop == NULL || leaf == NULL) {
		request_reject(r, 503, STR_NONE, STR_NONE, "no memory");
		return false;
	}
	*hop = *flow;
	leaf->kind = PLAN_LEAF;
	leaf->flow = hop;
	leaf->flow_only = true;
	r->edge = leaf;
	return true;
}

bool edge_take_route(struct request *r, const struct sip_uri *uri)
{
	struct hop flow;

	if (!str_starts(uri->user, flow_user) || r->edge != NULL)
		return true;
	if (!token_check_flow(r->proxy, str_skip(uri->user, flow_user.len),
			      &flow)) {
		request_reject(r, 403, STR("Bad Flow Token"), STR_NONE,
			       "RFC 5626 5.3.1: no flow token of ours");
		return false;
	}
	if (is_source(r, &flow))
		return true;
	TRACE_STEP(&r->tag, "preprocess",
		   "RFC 5626 5.3.1: our Route value names the flow to take");
	return keep(r, &flow);
}
