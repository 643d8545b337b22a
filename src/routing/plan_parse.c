/* Plans, from YAML: where a rule sends a request, and in which order. */
#include "routing/routing_priv.h"

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

bool rule_is_request_uri(const struct conf_node *n)
{
	return n->kind == CONF_SCALAR && str_eq(n->text, STR("request-uri"));
}

static void parse_leaf(struct conf_run *run, const struct conf_node *n,
		       bool is_hop, struct plan *out)
{
	out->kind = PLAN_LEAF;
	if (is_hop)
		sip_text(run, n, &out->next_hop);
	else if (!rule_is_request_uri(n))
		sip_text(run, n, &out->uri);
}

/* A list inside a list alternates parallel and sequential. */
void rule_parse_plan(struct conf_run *run, const struct conf_node *n,
		     bool is_parallel, bool is_hop, struct plan *out)
{
	struct plan *children;

	if (n->kind == CONF_SCALAR) {
		parse_leaf(run, n, is_hop, out);
		return;
	}
	if (n->kind == CONF_MAP || n->n == 0) {
		conf_run_wrong_kind(run, n, "a URI or a list of URIs");
		return;
	}
	children = rule_alloc(run, n->n * sizeof(*children));
	if (children == NULL)
		return;
	out->kind = is_parallel ? PLAN_PARALLEL : PLAN_SEQUENTIAL;
	out->children = children;
	out->n_children = n->n;
	for (size_t i = 0; i < n->n; i++) {
		conf_run_enter_index(run, i);
		rule_parse_plan(run, n->items[i], !is_parallel, is_hop,
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

/* clang-format off */
static const struct conf_option forward_options[] = {
	{ .name = "to", .type = CONF_CUSTOM, .offset = offsetof(struct forward, to), .def = "", .parse = rule_keep_node,
	  .help = "request-uri (the default), a URI, or a list of them: the new Request-URIs." },
	{ .name = "next_hop", .type = CONF_CUSTOM, .offset = offsetof(struct forward, next_hop), .def = "", .parse = rule_keep_node,
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

void rule_parse_forward_map(struct conf_run *run, const struct conf_node *n,
			    struct plan *out)
{
	struct forward f = {0};
	struct plan to = {0}, hop = {0};

	conf_run_fill(run, forward_options, n, &f);
	if (f.to != NULL) {
		conf_run_enter(run, "to");
		rule_parse_plan(run, f.to, f.fork == 0, false, &to);
		conf_run_leave(run);
	}
	if (f.next_hop != NULL) {
		conf_run_enter(run, "next_hop");
		rule_parse_plan(run, f.next_hop, f.fork == 0, true, &hop);
		conf_run_leave(run);
	}
	combine(run, n, &to, &hop, out);
	set_timeout(out, f.timeout);
	if (f.recurse)
		set_recurse(out);
}
