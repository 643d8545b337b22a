/* From YAML to rules. */
#include "routing/routing_priv.h"

#include "viaduct/util/err.h"

enum { STATUS_MIN = 300, STATUS_MAX = 699 };

/* Values of a match -------------------------------------------------------- */

static const char *const caller_names[] = {"anonymous", "trusted",
					   "authenticated", NULL};

static size_t node_count(const struct conf_node *n)
{
	return n->kind == CONF_LIST ? n->n : 1;
}

static const struct conf_node *node_item(const struct conf_node *n, size_t i)
{
	return n->kind == CONF_LIST ? n->items[i] : n;
}

static void *alloc(struct conf_run *run, size_t size)
{
	void *p = arena_zalloc(conf_run_arena(run), size);

	if (p == NULL)
		conf_run_no_memory(run);
	return p;
}

static unsigned parse_caller(struct conf_run *run, const struct conf_node *n,
			     struct str text)
{
	for (unsigned i = 0; caller_names[i] != NULL; i++)
		if (str_eq(text, str_from(caller_names[i])))
			return 1u << i;
	conf_run_error(run, n,
		       "\"%.*s\" is no kind of caller; authenticated, trusted "
		       "or anonymous%s",
		       STR_FMT(text),
		       conf_run_suggest(run, text, caller_names));
	return 0;
}

static void parse_source(struct conf_run *run, const struct conf_node *n,
			 struct str text, struct addr_net *out)
{
	if (addr_net_parse(text, out) != 0)
		conf_run_error(run, n,
			       "\"%.*s\" is no address or network; such as "
			       "192.0.2.4 or 192.0.2.0/24",
			       STR_FMT(text));
}

static void parse_uri(struct conf_run *run, const struct conf_node *n,
		      struct str text, struct sip_uri *out)
{
	if (sip_uri_parse(text, out) != 0)
		conf_run_error(run, n,
			       "\"%.*s\" is no URI; such as "
			       "sip:bob@biloxi.com",
			       STR_FMT(text));
}

static void parse_user(struct conf_run *run, struct str text, struct str *out)
{
	char *plain = alloc(run, text.len + 1);

	if (plain == NULL)
		return;
	out->len = sip_user_canonical(text, plain);
	out->p = plain;
}

/* Domains: a text, or a pattern with one star in front. */
static bool is_domain_pattern(struct str text)
{
	size_t star = str_find(text, '*');

	if (star == text.len)
		return true;
	return text.len > 2 && str_starts(text, STR("*.")) &&
	       str_find(str_skip(text, 1), '*') == text.len - 1;
}

static void check_domain(struct conf_run *run, const struct conf_node *n,
			 struct str text)
{
	if (!is_domain_pattern(text))
		conf_run_error(run, n,
			       "\"%.*s\" is no domain; a name, local, foreign, "
			       "or *.example.com",
			       STR_FMT(text));
}

static size_t parsed_size(enum match_key key)
{
	if (key == MATCH_SOURCE)
		return sizeof(struct addr_net);
	if (key == MATCH_REQUEST_URI)
		return sizeof(struct sip_uri);
	return sizeof(struct str);
}

static void parse_value(struct conf_run *run, const struct conf_node *n,
			enum match_key key, struct str text,
			struct match_values *v, void *parsed)
{
	switch (key) {
	case MATCH_CALLER:
		v->callers |= parse_caller(run, n, text);
		break;
	case MATCH_SOURCE:
		parse_source(run, n, text, parsed);
		break;
	case MATCH_REQUEST_URI:
		parse_uri(run, n, text, parsed);
		break;
	case MATCH_REQUEST_USER:
	case MATCH_FROM_USER:
	case MATCH_TO_USER:
		parse_user(run, text, parsed);
		break;
	case MATCH_REQUEST_DOMAIN:
	case MATCH_FROM_DOMAIN:
	case MATCH_TO_DOMAIN:
		check_domain(run, n, text);
		break;
	case MATCH_METHOD:
	case MATCH_KEY_COUNT:
		break;
	}
}

static void parse_values(struct conf_run *run, const struct conf_node *n,
			 enum match_key key, struct match_values *v)
{
	size_t count = node_count(n), size = parsed_size(key);
	struct str *texts;
	char *parsed;

	if (n->kind == CONF_MAP || count == 0) {
		conf_run_error(run, n, "a text or a list of texts");
		return;
	}
	texts = alloc(run, count * sizeof(*texts));
	parsed = alloc(run, count * size);
	if (texts == NULL || parsed == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		const struct conf_node *item = node_item(n, i);

		if (conf_run_text(run, item, &texts[i]))
			parse_value(run, item, key, texts[i], v,
				    parsed + i * size);
	}
	v->texts = texts;
	v->parsed = parsed;
	v->n = count;
}

static int find_key(struct str name)
{
	for (int i = 0; match_key_names[i] != NULL; i++)
		if (str_eq(name, str_from(match_key_names[i])))
			return i;
	return -1;
}

static void parse_match(struct conf_run *run, const struct conf_node *n,
			void *field)
{
	struct match_values *match = field;

	if (n->kind != CONF_MAP) {
		conf_run_error(run, n,
			       "a map of conditions, such as "
			       "{ method: INVITE }");
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		const struct conf_node *k = n->keys[i];
		int key = find_key(k->text);

		if (key < 0) {
			conf_run_error(run, k, "unknown key \"%.*s\"%s",
				       STR_FMT(k->text),
				       conf_run_suggest(run, k->text,
							match_key_names));
			continue;
		}
		conf_run_enter(run, match_key_names[key]);
		parse_values(run, n->items[i], key, &match[key]);
		conf_run_leave(run);
	}
}

/* Plans -------------------------------------------------------------------- */

static const char *const fork_names[] = {"parallel", "sequential", NULL};

static bool is_sip(struct str text)
{
	struct sip_uri uri;

	return sip_uri_parse(text, &uri) == 0 &&
	       (uri.scheme == SIP_SCHEME_SIP || uri.scheme == SIP_SCHEME_SIPS);
}

static void sip_text(struct conf_run *run, const struct conf_node *n,
		     struct str *out)
{
	if (!conf_run_text(run, n, out))
		return;
	if (!is_sip(*out))
		conf_run_error(run, n,
			       "\"%.*s\" is no SIP URI; such as "
			       "sip:10.0.0.9:5080;transport=tcp",
			       STR_FMT(*out));
}

static bool is_request_uri(const struct conf_node *n)
{
	return n->kind == CONF_SCALAR && str_eq(n->text, STR("request-uri"));
}

static void parse_leaf(struct conf_run *run, const struct conf_node *n,
		       bool is_hop, struct plan *out)
{
	out->kind = PLAN_LEAF;
	if (is_hop)
		sip_text(run, n, &out->next_hop);
	else if (!is_request_uri(n))
		sip_text(run, n, &out->uri);
}

/* A list inside a list alternates parallel and sequential. */
static void parse_plan(struct conf_run *run, const struct conf_node *n,
		       bool is_parallel, bool is_hop, struct plan *out)
{
	struct plan *children;

	if (n->kind == CONF_SCALAR) {
		parse_leaf(run, n, is_hop, out);
		return;
	}
	if (n->kind == CONF_MAP || n->n == 0) {
		conf_run_error(run, n, "a URI or a list of URIs");
		return;
	}
	children = alloc(run, n->n * sizeof(*children));
	if (children == NULL)
		return;
	out->kind = is_parallel ? PLAN_PARALLEL : PLAN_SEQUENTIAL;
	out->children = children;
	out->n_children = n->n;
	for (size_t i = 0; i < n->n; i++) {
		conf_run_enter_index(run, i);
		parse_plan(run, n->items[i], !is_parallel, is_hop,
			   &children[i]);
		conf_run_leave(run);
	}
}

static void set_next_hop(struct plan *plan, struct str next_hop)
{
	/* The children are ours to change while the rule is compiled. */
	struct plan *children = (struct plan *)plan->children;

	if (plan->kind == PLAN_LEAF)
		plan->next_hop = next_hop;
	for (size_t i = 0; i < plan->n_children; i++)
		set_next_hop(&children[i], next_hop);
}

static void set_uri(struct plan *plan, struct str uri)
{
	struct plan *children = (struct plan *)plan->children;

	if (plan->kind == PLAN_LEAF)
		plan->uri = uri;
	for (size_t i = 0; i < plan->n_children; i++)
		set_uri(&children[i], uri);
}

static void combine(struct conf_run *run, const struct conf_node *n,
		    struct plan *to, struct plan *hop, struct plan *out)
{
	if (hop->kind != PLAN_LEAF && to->kind != PLAN_LEAF) {
		conf_run_error(run, n,
			       "to and next_hop are both lists; one of "
			       "them may be");
		return;
	}
	if (hop->kind == PLAN_LEAF) {
		if (hop->next_hop.len != 0)
			set_next_hop(to, hop->next_hop);
		*out = *to;
		return;
	}
	set_uri(hop, to->uri);
	*out = *hop;
}

struct forward {
	const struct conf_node *to, *next_hop;
	int fork;
	uint32_t timeout; /* milliseconds */
	bool recurse;
};

static void keep_node(struct conf_run *run, const struct conf_node *n,
		      void *field)
{
	const struct conf_node **out = field;

	(void)run;
	*out = n;
}

/* clang-format off */
static const struct conf_option forward_options[] = {
	{ .name = "to", .type = CONF_CUSTOM, .offset = offsetof(struct forward, to), .def = "", .parse = keep_node,
	  .help = "request-uri (the default), a URI, or a list of them: the new Request-URIs." },
	{ .name = "next_hop", .type = CONF_CUSTOM, .offset = offsetof(struct forward, next_hop), .def = "", .parse = keep_node,
	  .help = "A URI or a list: where to send it, with the Request-URI as it is." },
	{ .name = "fork", .type = CONF_ENUM, .offset = offsetof(struct forward, fork), .def = "parallel", .names = fork_names,
	  .help = "How the outermost list is tried; a list inside a list alternates." },
	{ .name = "timeout", .type = CONF_DURATION, .offset = offsetof(struct forward, timeout), .def = "0ms", .min = 0, .max = 3600000,
	  .help = "How long each set may take: each element of a sequential list, or the whole of another; then it is cancelled and the next one tried. 0ms: until Timer C." },
	{ .name = "recurse", .type = CONF_BOOL, .offset = offsetof(struct forward, recurse), .def = "false",
	  .help = "Follow 3xx answers: try the Contact URIs they name, higher q first." },
	{ 0 },
};
/* clang-format on */

static void set_recurse(struct plan *plan)
{
	struct plan *children = (struct plan *)plan->children;

	plan->recurse = plan->kind == PLAN_LEAF;
	for (size_t i = 0; i < plan->n_children; i++)
		set_recurse(&children[i]);
}

static void set_timeout(struct plan *plan, uint32_t timeout_ms)
{
	struct plan *children = (struct plan *)plan->children;

	if (plan->kind != PLAN_SEQUENTIAL)
		plan->timeout_ms = timeout_ms;
	for (size_t i = 0;
	     plan->kind == PLAN_SEQUENTIAL && i < plan->n_children; i++)
		children[i].timeout_ms = timeout_ms;
}

static void parse_forward_map(struct conf_run *run, const struct conf_node *n,
			      struct plan *out)
{
	struct forward f = {0};
	struct plan to = {0}, hop = {0};

	conf_run_fill(run, forward_options, n, &f);
	if (f.to != NULL) {
		conf_run_enter(run, "to");
		parse_plan(run, f.to, f.fork == 0, false, &to);
		conf_run_leave(run);
	}
	if (f.next_hop != NULL) {
		conf_run_enter(run, "next_hop");
		parse_plan(run, f.next_hop, f.fork == 0, true, &hop);
		conf_run_leave(run);
	}
	combine(run, n, &to, &hop, out);
	set_timeout(out, f.timeout);
	if (f.recurse)
		set_recurse(out);
}

/* Actions ------------------------------------------------------------------ */

static struct plan *new_plan(struct conf_run *run, struct verdict *v)
{
	struct plan *plan = alloc(run, sizeof(*plan));

	v->plan = plan;
	return plan;
}

static void parse_forward(struct conf_run *run, const struct conf_node *n,
			  void *field)
{
	struct rule *rule = field;
	struct plan *plan = new_plan(run, &rule->verdict);

	rule->n_actions++;
	rule->verdict.kind = VERDICT_FORWARD;
	if (plan == NULL)
		return;
	if (n->kind == CONF_MAP)
		parse_forward_map(run, n, plan);
	else
		parse_plan(run, n, true, false, plan);
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
	{ .name = "to", .type = CONF_CUSTOM, .offset = offsetof(struct redirect, to), .parse = keep_node,
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
		is_flat = !is_request_uri(n);
	for (size_t i = 0; i < plan->n_children; i++)
		if (plan->children[i].kind != PLAN_LEAF ||
		    is_request_uri(n->items[i]))
			is_flat = false;
	if (!is_flat)
		conf_run_error(run, n, "a URI or a flat list of URIs");
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
	parse_plan(run, r.to, true, false, plan);
	check_contacts(run, r.to, plan);
}

static void parse_drop(struct conf_run *run, const struct conf_node *n,
		       void *field)
{
	struct rule *rule = field;
	bool is_on = false;

	rule->n_actions++;
	rule->verdict.kind = VERDICT_DROP;
	if (conf_run_bool(run, n, &is_on) && !is_on)
		conf_run_error(run, n, "true is the only value");
}

/* clang-format off */
static const struct conf_option rule_options[] = {
	{ .name = "name", .type = CONF_TEXT, .offset = offsetof(struct rule, name), .def = "",
	  .help = "For the trace; default: route-1, route-2 ..." },
	{ .name = "match", .type = CONF_CUSTOM, .offset = offsetof(struct rule, match), .def = "", .parse = parse_match,
	  .help = "Conditions that must all hold." },
	{ .name = "forward", .type = CONF_CUSTOM, .offset = 0, .def = "", .parse = parse_forward,
	  .help = "request-uri, a URI, a list of URIs (tried in parallel), or { to, next_hop, fork, timeout, recurse }." },
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
			       "%u actions; exactly one of forward, redirect, "
			       "reject, drop",
			       rule->n_actions);
}

void rules_parse(struct conf_run *run, const struct conf_node *n, void *field)
{
	struct rule_table *t = field;

	if (n->kind != CONF_LIST) {
		conf_run_error(run, n, "a list of routes");
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
