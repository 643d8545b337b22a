/* Rules as YAML, for --print-config. */
#include "routing/routing_priv.h"

static void put_texts(FILE *to, const struct str *texts, size_t n)
{
	fputs("[ ", to);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			fputs(", ", to);
		conf_print_str(to, texts[i]);
	}
	fputs(" ]", to);
}

static void put_match(FILE *to, const struct rule *rule)
{
	const char *sep = "match: { ";

	for (enum match_key key = 0; key < MATCH_KEY_COUNT; key++) {
		const struct match_values *v = &rule->match[key];

		if (v->n == 0)
			continue;
		fprintf(to, "%s%s: ", sep, match_key_names[key]);
		put_texts(to, v->texts, v->n);
		sep = ", ";
	}
	if (sep[0] == ',')
		fputs(" }, ", to);
}

static void put_plan(FILE *to, const struct plan *plan, bool is_hop)
{
	struct str text = is_hop ? plan->next_hop : plan->uri;

	if (plan->kind == PLAN_LEAF) {
		conf_print_str(to, text.len != 0 ? text : STR("request-uri"));
		return;
	}
	fputs("[ ", to);
	for (size_t i = 0; i < plan->n_children; i++) {
		if (i > 0)
			fputs(", ", to);
		put_plan(to, &plan->children[i], is_hop);
	}
	fputs(" ]", to);
}

static const struct plan *leaf_of(const struct plan *plan)
{
	while (plan->kind != PLAN_LEAF)
		plan = &plan->children[0];
	return plan;
}

/* Leaves with different URIs, or different next hops? */
static bool is_uniform(const struct plan *plan, struct str uri)
{
	if (plan->kind == PLAN_LEAF)
		return str_eq(plan->uri, uri);
	for (size_t i = 0; i < plan->n_children; i++)
		if (!is_uniform(&plan->children[i], uri))
			return false;
	return true;
}

static void put_limits(FILE *to, const struct plan *plan)
{
	const struct plan *set =
		plan->kind == PLAN_SEQUENTIAL ? &plan->children[0] : plan;

	if (set->timeout_ms != 0)
		fprintf(to, ", timeout: %ums", set->timeout_ms);
	if (leaf_of(plan)->recurse)
		fputs(", recurse: true", to);
}

static void put_forward(FILE *to, const struct plan *plan)
{
	const struct plan *leaf = leaf_of(plan);
	bool is_by_hop = plan->kind != PLAN_LEAF && leaf->next_hop.len != 0 &&
			 is_uniform(plan, leaf->uri);

	fputs("forward: { to: ", to);
	put_plan(to, is_by_hop ? leaf : plan, false);
	if (leaf->next_hop.len != 0) {
		fputs(", next_hop: ", to);
		put_plan(to, is_by_hop ? plan : leaf, true);
	}
	if (plan->kind != PLAN_LEAF)
		fprintf(to, ", fork: %s",
			plan->kind == PLAN_PARALLEL ? "parallel"
						    : "sequential");
	put_limits(to, plan);
	fputs(" }", to);
}

static void put_reject(FILE *to, const struct verdict *v)
{
	fprintf(to, "reject: { code: \"%u\"", v->status);
	if (v->reason.len != 0) {
		fputs(", reason: ", to);
		conf_print_str(to, v->reason);
	}
	if (v->retry_after_s != 0)
		fprintf(to, ", retry_after: %us", v->retry_after_s);
	fputs(" }", to);
}

static void put_action(FILE *to, const struct rule *rule)
{
	const struct verdict *v = &rule->verdict;

	if (rule->action == RULE_REGISTER) {
		fputs("register: true", to);
		return;
	}
	if (rule->action == RULE_REGISTERED) {
		fputs("forward: registered", to);
		return;
	}
	if (v->kind == VERDICT_FORWARD)
		put_forward(to, v->plan);
	else if (v->kind == VERDICT_REJECT)
		put_reject(to, v);
	else if (v->kind == VERDICT_DROP)
		fputs("drop: true", to);
	else {
		fprintf(to, "redirect: { code: \"%u\", to: ", v->status);
		put_plan(to, v->plan, false);
		fputs(" }", to);
	}
}

static void put_rule(FILE *to, const struct rule *rule)
{
	fputs("{ name: ", to);
	conf_print_str(to, rule->name);
	fputs(", ", to);
	put_match(to, rule);
	if (rule->auth != 0)
		fputs("auth: required, ", to);
	put_action(to, rule);
	fputs(" }", to);
}

void rules_print(FILE *to, const void *field)
{
	const struct rule_table *t = field;
	size_t n = 0;

	fputs("[", to);
	while (n < t->n && !t->v[n].is_built_in) {
		fputs(n > 0 ? ",\n  " : "\n  ", to);
		put_rule(to, &t->v[n++]);
	}
	fputs(n > 0 ? "\n]" : "]", to);
	fputs("\n# built in, after the routes above:", to);
	for (; n < t->n; n++) {
		fputs("\n#   - ", to);
		put_rule(to, &t->v[n]);
	}
}
