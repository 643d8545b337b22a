/* Rules, from YAML: their actions, and the table as a whole. */
#include "routing/routing_priv.h"

#include "viaduct/util/err.h"

enum { STATUS_MIN = 300, STATUS_MAX = 699 };

void *rule_alloc(struct conf_run *run, size_t size)
{
	void *p = arena_zalloc(conf_run_arena(run), size);

	if (p == NULL)
		conf_run_no_memory(run);
	return p;
}

void rule_keep_node(struct conf_run *run, const struct conf_node *n,
		    void *field)
{
	const struct conf_node **out = field;

	(void)run;
	*out = n;
}

/* Actions ------------------------------------------------------------------ */

static struct plan *new_plan(struct conf_run *run, struct verdict *v)
{
	struct plan *plan = rule_alloc(run, sizeof(*plan));

	v->plan = plan;
	return plan;
}

/* `forward: registered`: the contacts are known when the request is. */
static bool is_registered(const struct conf_node *n)
{
	return n->kind == CONF_SCALAR && str_eq(n->text, STR("registered"));
}

static void parse_forward(struct conf_run *run, const struct conf_node *n,
			  void *field)
{
	struct rule *rule = field;
	struct plan *plan = new_plan(run, &rule->verdict);

	rule->n_actions++;
	if (is_registered(n)) {
		rule->action = RULE_REGISTERED;
		return;
	}
	rule->verdict.kind = VERDICT_FORWARD;
	if (plan == NULL)
		return;
	if (n->kind == CONF_MAP)
		rule_parse_forward_map(run, n, plan);
	else
		rule_parse_plan(run, n, true, false, plan);
}

static bool parse_status(struct conf_run *run, const struct conf_node *n,
			 struct str text, unsigned min, unsigned max,
			 unsigned *out)
{
	uint32_t status;

	if (text.len == 3 && str_to_u32(text, max, &status) == 0 &&
	    status >= min) {
		*out = status;
		return true;
	}
	conf_run_error(run, n, "\"%.*s\" is no status; a number from %u to %u",
		       STR_FMT(text), min, max);
	return false;
}

/* A reason phrase goes into a status line: one line of printable text. */
static void check_reason(struct conf_run *run, const struct conf_node *n,
			 struct str reason)
{
	for (size_t i = 0; i < reason.len; i++)
		if ((unsigned char)reason.p[i] < 0x20 || reason.p[i] == 0x7f) {
			conf_run_error(run, n,
				       "the reason holds a control character");
			return;
		}
}

struct reject {
	struct str code, reason;
	uint32_t retry_after;
};

/* clang-format off */
static const struct conf_option reject_options[] = {
	{ .name = "code", .type = CONF_TEXT, .offset = offsetof(struct reject, code),
	  .help = "The status, 300 to 699." },
	{ .name = "reason", .type = CONF_TEXT, .offset = offsetof(struct reject, reason), .def = "",
	  .help = "The reason phrase; default: the standard one." },
	{ .name = "retry_after", .type = CONF_DURATION, .offset = offsetof(struct reject, retry_after), .def = "0ms", .min = 0, .max = 86400000,
	  .help = "Adds Retry-After, in whole seconds. 0ms: none." },
	{ 0 },
};
/* clang-format on */

static void parse_reject(struct conf_run *run, const struct conf_node *n,
			 void *field)
{
	struct rule *rule = field;
	struct verdict *v = &rule->verdict;
	struct reject r = {0};

	rule->n_actions++;
	v->kind = VERDICT_REJECT;
	if (n->kind == CONF_MAP) {
		conf_run_fill(run, reject_options, n, &r);
	} else if (conf_run_text(run, n, &r.code)) {
		size_t space = str_find(r.code, ' ');

		if (space < r.code.len)
			r.reason = str_trim(str_skip(r.code, space));
		r.code.len = space;
	}
	if (r.code.p != NULL)
		parse_status(run, n, r.code, STATUS_MIN, STATUS_MAX,
			     &v->status);
	check_reason(run, n, r.reason);
	v->reason = r.reason;
	v->retry_after_s = (r.retry_after + 999) / 1000;
}

struct redirect {
	struct str code;
	const struct conf_node *to;
};

/* clang-format off */
static const struct conf_option redirect_options[] = {
	{ .name = "code", .type = CONF_TEXT, .offset = offsetof(struct redirect, code), .def = "302",
	  .help = "The status, 300 to 399." },
	{ .name = "to", .type = CONF_CUSTOM, .offset = offsetof(struct redirect, to), .parse = rule_keep_node,
	  .help = "A URI or a list: the Contact values." },
	{ 0 },
};
/* clang-format on */

/* Each becomes a Contact: no lists inside, no request-uri. */
static void check_contacts(struct conf_run *run, const struct conf_node *n,
			   const struct plan *plan)
{
	bool is_flat = true;

	if (plan->kind == PLAN_LEAF)
		is_flat = !rule_is_request_uri(n);
	for (size_t i = 0; i < plan->n_children; i++)
		if (plan->children[i].kind != PLAN_LEAF ||
		    rule_is_request_uri(n->items[i]))
			is_flat = false;
	if (!is_flat)
		conf_run_error(run, n,
			       "names no contacts; a URI or a flat list of "
			       "URIs");
}

static void parse_redirect(struct conf_run *run, const struct conf_node *n,
			   void *field)
{
	struct rule *rule = field;
	struct redirect r = {.code = STR("302"), .to = n};
	struct plan *plan = new_plan(run, &rule->verdict);

	rule->n_actions++;
	rule->verdict.kind = VERDICT_REDIRECT;
	if (n->kind == CONF_MAP) {
		r.to = NULL;
		conf_run_fill(run, redirect_options, n, &r);
	}
	if (r.code.p != NULL)
		parse_status(run, n, r.code, 300, 399, &rule->verdict.status);
	if (r.to == NULL || plan == NULL)
		return;
	rule_parse_plan(run, r.to, true, false, plan);
	check_contacts(run, r.to, plan);
}

static void parse_register(struct conf_run *run, const struct conf_node *n,
			   void *field)
{
	struct rule *rule = field;
	bool is_on = false;

	rule->n_actions++;
	rule->action = RULE_REGISTER;
	if (conf_run_bool(run, n, &is_on) && !is_on)
		conf_run_error(run, n, "false means nothing here; true");
}

static void parse_drop(struct conf_run *run, const struct conf_node *n,
		       void *field)
{
	struct rule *rule = field;
	bool is_on = false;

	rule->n_actions++;
	rule->verdict.kind = VERDICT_DROP;
	if (conf_run_bool(run, n, &is_on) && !is_on)
		conf_run_error(run, n, "false means nothing here; true");
}

static const char *const auth_names[] = {"none", "required", NULL};

/* clang-format off */
static const struct conf_option rule_options[] = {
	{ .name = "name", .type = CONF_TEXT, .offset = offsetof(struct rule, name), .def = "",
	  .help = "For the trace; default: route-1, route-2 ..." },
	{ .name = "match", .type = CONF_CUSTOM, .offset = offsetof(struct rule, match), .def = "", .parse = rule_parse_match,
	  .help = "Conditions that must all hold." },
	{ .name = "auth", .type = CONF_ENUM, .offset = offsetof(struct rule, auth), .def = "none", .names = auth_names,
	  .help = "required: an anonymous caller is challenged (401 or 407) before the action." },
	{ .name = "register", .type = CONF_CUSTOM, .offset = 0, .def = "", .parse = parse_register,
	  .help = "true: handle it as registrar." },
	{ .name = "forward", .type = CONF_CUSTOM, .offset = 0, .def = "", .parse = parse_forward,
	  .help = "registered (the contacts of the Request-URI, by q), request-uri, a URI, a list of URIs (tried in parallel), or { to, next_hop, fork, timeout, recurse }." },
	{ .name = "redirect", .type = CONF_CUSTOM, .offset = 0, .def = "", .parse = parse_redirect,
	  .help = "A URI or a list (302), or { code, to }." },
	{ .name = "reject", .type = CONF_CUSTOM, .offset = 0, .def = "", .parse = parse_reject,
	  .help = "403 Any reason, or { code, reason, retry_after }." },
	{ .name = "drop", .type = CONF_CUSTOM, .offset = 0, .def = "", .parse = parse_drop,
	  .help = "true: say nothing." },
	{ 0 },
};
/* clang-format on */

/* Built-in rules ----------------------------------------------------------- */

static const struct str local_text[] = {{"local", 5}};
static const struct str register_text[] = {{"REGISTER", 8}};
static const struct str known_text[] = {{"authenticated", 13}, {"trusted", 7}};
static const struct plan to_request_uri = {.kind = PLAN_LEAF};

/* clang-format off */
static const struct rule built_in[] = {
	{ .name = {"default-register", 16}, .is_built_in = true, .action = RULE_REGISTER,
	  .match = { [MATCH_METHOD] = { .texts = register_text, .n = 1 },
		     [MATCH_REQUEST_DOMAIN] = { .texts = local_text, .n = 1 } } },
	{ .name = {"default-local", 13}, .is_built_in = true, .action = RULE_REGISTERED,
	  .match = { [MATCH_REQUEST_DOMAIN] = { .texts = local_text, .n = 1 } } },
	{ .name = {"default-out", 11}, .is_built_in = true,
	  .match = { [MATCH_CALLER] = { .texts = known_text, .n = 2,
					.callers = 1u << CALLER_AUTHENTICATED | 1u << CALLER_TRUSTED } },
	  .verdict = { .kind = VERDICT_FORWARD, .plan = &to_request_uri } },
	{ .name = {"default-deny", 12}, .is_built_in = true,
	  .verdict = { .kind = VERDICT_REJECT, .status = 403, .reason = {"Relaying denied", 15} } },
};
/* clang-format on */

static int append_built_in(struct arena *arena, struct rule_table *t, size_t n)
{
	t->v = arena_zalloc(arena, (n + ARRAY_LEN(built_in)) * sizeof(*t->v));
	if (t->v == NULL)
		return VD_ENOMEM;
	memcpy(t->v + n, built_in, sizeof(built_in));
	t->n = n + ARRAY_LEN(built_in);
	return 0;
}

int rules_default(struct arena *arena, struct rule_table *out)
{
	return append_built_in(arena, out, 0);
}

static void check_rule(struct conf_run *run, const struct conf_node *n,
		       struct rule *rule, size_t i)
{
	if (rule->name.len == 0)
		rule->name =
			arena_printf(conf_run_arena(run), "route-%zu", i + 1);
	if (rule->n_actions != 1)
		conf_run_error(run, n,
			       "%u actions; exactly one of register, forward, "
			       "redirect, "
			       "reject, drop",
			       rule->n_actions);
}

bool rules_need_users(const struct rule_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].auth != 0)
			return true;
	return false;
}

void rules_parse(struct conf_run *run, const struct conf_node *n, void *field)
{
	struct rule_table *t = field;

	if (n->kind != CONF_LIST) {
		conf_run_wrong_kind(run, n, "a list of routes");
		return;
	}
	if (append_built_in(conf_run_arena(run), t, n->n) != 0) {
		conf_run_no_memory(run);
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		conf_run_enter_index(run, i);
		conf_run_fill(run, rule_options, n->items[i], &t->v[i]);
		check_rule(run, n->items[i], &t->v[i], i);
		conf_run_leave(run);
	}
}
