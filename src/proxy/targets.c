/* The core's steps around the rules: what they never decide, and what becomes
 * of their verdict (RFC 3261 16.5). */
#include "proxy/proxy_priv.h"

static const struct plan plan_request_uri = {.kind = PLAN_LEAF};

static void set_in_dialog(struct request *r)
{
	r->verdict.kind = VERDICT_FORWARD;
	r->verdict.route = STR("in-dialog");
	r->verdict.plan = &plan_request_uri;
	TRACE_STEP(&r->tag, "route",
		   "in-dialog: the rules do not apply inside a dialog of ours");
}

/* RFC 5626 section 5.3.1: nobody's rules, the flow is what its Path said. */
static void set_flow(struct request *r)
{
	r->verdict.kind = VERDICT_FORWARD;
	r->verdict.route = STR("flow");
	r->verdict.plan = r->edge;
	TRACE_STEP(&r->tag, "route", "flow: a phone that we are the edge of");
}

/*
 * OPTIONS to the proxy itself (11.2, 16.3), and requests inside a dialog whose
 * way is known: neither is subject to the rules. A dialog's request that ends
 * at one of our own users is looked up like any other.
 */
enum step_result step_self(struct request *r)
{
	bool ends_here = r->is_to_us && r->route.p == NULL;

	if (r->edge != NULL) {
		set_flow(r);
		return STEP_NEXT;
	}
	if (request_is(r, SIP_OPTIONS) && ends_here) {
		if (!request_is_understood(
			    r, SIP_HDR_REQUIRE,
			    "8.2.2.3: Require names what is not supported"))
			return STEP_DONE;
		request_reject(r, 200, STR_NONE,
			       STR("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, "
				   "REGISTER, SUBSCRIBE, NOTIFY, REFER, "
				   "MESSAGE, PUBLISH, INFO, UPDATE, PRACK\r\n"
				   "Accept: */*\r\n"
				   "Accept-Encoding: identity\r\n"
				   "Accept-Language: en\r\n"
				   "Supported:\r\n"),
			       "OPTIONS to the proxy itself");
		return STEP_DONE;
	}
	if (request_is(r, SIP_ACK) && ends_here) {
		request_drop(r, "an ACK that ends at the proxy itself");
		return STEP_DONE;
	}
	if (r->dialog != NULL && (!r->is_local || r->route.p != NULL))
		set_in_dialog(r);
	if (r->dialog != NULL && r->is_local && r->route.p != NULL &&
	    sip_param_find(r->uri->params, STR("gr"), NULL))
		r->verdict.kind = VERDICT_REGISTERED; /* RFC 5627 6.1 */
	return STEP_NEXT;
}

/* A 3xx of our own with its Contact values. */
static void redirect(struct request *r)
{
	const struct plan *plan = r->verdict.plan;
	size_t n = plan->kind == PLAN_LEAF ? 1 : plan->n_children;
	struct str extra = STR("");

	for (size_t i = 0; i < n; i++) {
		const struct plan *leaf =
			plan->kind == PLAN_LEAF ? plan : &plan->children[i];

		extra = arena_printf(&r->arena, "%.*sContact: <%.*s>\r\n",
				     STR_FMT(extra), STR_FMT(leaf->uri));
		if (extra.p == NULL)
			break;
	}
	if (extra.p == NULL)
		request_reject(r, 503, STR_NONE, STR_NONE, "no memory");
	else
		request_reject(r, r->verdict.status, r->verdict.reason, extra,
			       "redirected by a route");
}

static void reject(struct request *r)
{
	struct str extra = STR_NONE;

	if (r->verdict.retry_after_s != 0)
		extra = arena_printf(&r->arena, "Retry-After: %u\r\n",
				     r->verdict.retry_after_s);
	request_reject(r, r->verdict.status, r->verdict.reason, extra,
		       "rejected by a route");
}

enum step_result step_targets(struct request *r)
{
	switch (r->verdict.kind) {
	case VERDICT_FORWARD:
		return STEP_NEXT;
	case VERDICT_REDIRECT:
		redirect(r);
		return STEP_DONE;
	case VERDICT_DROP:
		request_drop(r, "dropped by a route");
		return STEP_DONE;
	case VERDICT_REJECT:
		reject(r);
		return STEP_DONE;
	case VERDICT_REGISTER: /* the registrar's step has answered these */
	case VERDICT_REGISTERED:
	case VERDICT_NONE:
		break;
	}
	request_reject(r, 403, STR_NONE, STR_NONE, "no route matched");
	return STEP_DONE;
}

/* Max-Breadth as received, at most our own maximum (RFC 5393 5.3.3). */
static uint32_t incoming_breadth(struct request *r)
{
	struct str text = sip_msg_value(r->msg, SIP_HDR_MAX_BREADTH);
	uint32_t most = r->conf->limits.max_breadth;
	uint32_t breadth;

	if (text.p == NULL || str_to_u32(text, most, &breadth) != 0)
		return most;
	return breadth;
}

enum step_result step_forward(struct request *r)
{
	if (!request_has_forwards_left(r))
		return STEP_DONE;
	r->breadth = incoming_breadth(r);
	if (request_is(r, SIP_ACK))
		ack_forward(r);
	else
		context_start(r, r->verdict.plan);
	return STEP_DONE;
}
