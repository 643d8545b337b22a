/* The step that walks the rules. */
#include "routing/routing_priv.h"

static void reject(struct request *r, unsigned status, struct str reason)
{
	r->verdict.kind = VERDICT_REJECT;
	r->verdict.status = status;
	r->verdict.reason = reason;
}

/* To the contacts of the Request-URI. A dialog that we do not know is no reason
 * to look a user up for a stranger; a GRUU is, being a phone's own name of
 * itself in its dialogs (RFC 5627 section 4.4). */
static void look_up_user(struct request *r)
{
	const struct sip_addr *to = sip_msg_to(r->msg);
	bool is_in_dialog = to != NULL && to->tag.p != NULL &&
			    !sip_param_find(r->uri->params, STR("gr"), NULL);

	if (!is_in_dialog || r->caller != CALLER_ANONYMOUS)
		r->verdict.kind = VERDICT_REGISTERED;
	else if (r->msg->method == SIP_ACK)
		r->verdict.kind = VERDICT_DROP;
	else
		reject(r, 481, STR_NONE);
}

static void decide(struct request *r, const struct rule *rule)
{
	r->verdict = rule->verdict;
	r->verdict.route = rule->name;
	r->verdict.needs_user = rule->auth != 0;
	if (rule->action == RULE_REGISTER)
		r->verdict.kind = VERDICT_REGISTER;
	else if (rule->action == RULE_REGISTERED)
		look_up_user(r);
}

/* A plan with a leaf whose Request-URI the operator wrote, but not the next
 * hop. */
static bool has_bare_uri(const struct plan *plan)
{
	if (plan->kind == PLAN_LEAF)
		return plan->uri.len != 0 && plan->next_hop.len == 0;
	for (size_t i = 0; i < plan->n_children; i++)
		if (has_bare_uri(&plan->children[i]))
			return true;
	return false;
}

/*
 * With Route values left, the destination is the topmost Route, not a user of
 * ours (16.6 step 6). Nor may a stranger's Route lead elsewhere what the
 * operator wanted at the URIs that he wrote.
 */
static bool applies(const struct rule *rule, const struct request *r)
{
	if (r->route.p == NULL)
		return true;
	if (rule->action == RULE_REGISTERED)
		return false;
	return r->caller != CALLER_ANONYMOUS ||
	       rule->verdict.kind != VERDICT_FORWARD ||
	       !has_bare_uri(rule->verdict.plan);
}

enum step_result step_rules(struct request *r)
{
	const struct rule_table *t = r->conf->rules;

	for (size_t i = 0; r->verdict.kind == VERDICT_NONE && i < t->n; i++) {
		const struct rule *rule = &t->v[i];
		const char *differs =
			applies(rule, r) ? rule_differs(rule, r) : "route";

		if (differs != NULL) {
			TRACE_STEP(&r->tag, "route", "%.*s: no, by %s",
				   STR_FMT(rule->name), differs);
			continue;
		}
		TRACE_STEP(&r->tag, "route", "%.*s: yes, caller is %s",
			   STR_FMT(rule->name), caller_name(r->caller));
		decide(r, rule);
	}
	return STEP_NEXT;
}
