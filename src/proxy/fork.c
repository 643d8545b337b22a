/*
 * The tree of targets: which part of it runs, how long, and what a redirection
 * adds to it (RFC 3261 section 16.5, RFC 5393 section 5.3.3).
 */
#include "proxy/proxy_priv.h"

/* Measures ----------------------------------------------------------------- */

unsigned plan_leaves(const struct plan *plan)
{
	unsigned n = 0;

	if (plan->kind == PLAN_LEAF)
		return 1;
	for (size_t i = 0; i < plan->n_children; i++)
		n += plan_leaves(&plan->children[i]);
	return n;
}

unsigned plan_width(const struct plan *plan)
{
	unsigned n = 0;

	if (plan->kind == PLAN_LEAF)
		return 1;
	for (size_t i = 0; i < plan->n_children; i++) {
		unsigned w = plan_width(&plan->children[i]);

		if (plan->kind == PLAN_PARALLEL)
			n += w;
		else if (w > n)
			n = w;
	}
	return n;
}

/* Building ----------------------------------------------------------------- */

bool fork_build(struct request *r, struct fork *f, const struct plan *plan)
{
	f->plan = plan;
	if (plan->kind == PLAN_LEAF)
		return true;
	f->children = arena_zalloc(&r->arena,
				   plan->n_children * sizeof(*f->children));
	if (f->children == NULL)
		return false;
	f->n_children = plan->n_children;
	for (size_t i = 0; i < f->n_children; i++) {
		f->children[i].parent = f;
		if (!fork_build(r, &f->children[i], &plan->children[i]))
			return false;
	}
	return true;
}

/* Time-out of a set -------------------------------------------------------- */

struct fork_timer {
	struct timer timer;
	struct request *r;
	struct fork *f;
};

static void stop_timer(struct request *r, struct fork *f)
{
	if (f->timer != NULL)
		timer_cancel(loop_wheel(r->proxy->env.loop), &f->timer->timer);
}

/* From here on nothing below starts, and nothing below is waited for. */
static void set_over(struct request *r, struct fork *f)
{
	f->is_over = true;
	stop_timer(r, f);
	for (size_t i = 0; i < f->n_children; i++)
		set_over(r, &f->children[i]);
}

static bool is_below(const struct fork *f, const struct fork *top)
{
	while (f != NULL && f != top)
		f = f->parent;
	return f == top;
}

static void cancel_below(struct request *r, const struct fork *top)
{
	struct list *it, *tmp;

	LIST_FOREACH(it, tmp, &r->branches) {
		struct branch *b = LIST_ENTRY(it, struct branch, link);

		if (!b->is_ended && is_below(b->fork, top))
			branch_cancel(b, STR_NONE);
	}
}

static void child_ended(struct request *r, struct fork *f);

/* The set has had its time: its branches are cancelled and the next set starts
 * without waiting for what they say. */
static void on_timer(struct timer *t)
{
	struct fork_timer *ft = CONTAINER_OF(t, struct fork_timer, timer);
	struct request *r = ft->r;
	struct fork *f = ft->f;

	TRACE_STEP(&r->tag, "branch", "a set of targets has had its time");
	context_offer(r, NULL, 408, "Request Timeout");
	r->n_pending++; /* hold it while the next one starts */
	set_over(r, f);
	cancel_below(r, f);
	if (f->parent != NULL)
		child_ended(r, f->parent);
	r->n_pending--;
	context_settle(r);
}

static void start_timer(struct request *r, struct fork *f)
{
	if (f->plan->timeout_ms == 0)
		return;
	f->timer = arena_zalloc(&r->arena, sizeof(*f->timer));
	if (f->timer == NULL)
		return; /* Timer C is still there */
	f->timer->r = r;
	f->timer->f = f;
	timer_init(&f->timer->timer, on_timer);
	timer_arm(loop_wheel(r->proxy->env.loop), &f->timer->timer,
		  f->plan->timeout_ms);
}

void fork_stop(struct request *r, struct fork *f)
{
	stop_timer(r, f);
	for (size_t i = 0; i < f->n_children; i++)
		fork_stop(r, &f->children[i]);
}

/* Running ------------------------------------------------------------------ */

/* RFC 5393 section 5.3.3: the breadth is divided among what runs in parallel,
 * by the width of each part; what remains goes to the first. */
static void start_parallel(struct request *r, struct fork *f)
{
	unsigned width = plan_width(f->plan);
	uint32_t each = f->breadth / width;
	uint32_t rest = f->breadth - each * width;

	f->n_pending = f->n_children;
	for (size_t i = 0; i < f->n_children; i++) {
		struct fork *child = &f->children[i];
		uint32_t share = each * plan_width(child->plan);

		fork_start(r, child, i == 0 ? share + rest : share);
	}
}

/* 16.5: no URI twice in one target set, but the same one over another flow or
 * Path is another way to it. The Request-URI of a branch to a strict
 * router is the router's. */
static bool was_tried(const struct request *r, const struct sip_uri *uri)
{
	struct list *it, *tmp;

	LIST_FOREACH(it, tmp, &r->branches) {
		const struct branch *b = LIST_ENTRY(it, struct branch, link);
		struct str text = b->displaced.len != 0 ? b->displaced : b->uri;
		struct sip_uri tried;

		if (sip_uri_parse(text, &tried) == 0 && sip_uri_eq(&tried, uri))
			return true;
	}
	return false;
}

static bool is_repeated(const struct request *r, const struct plan *leaf)
{
	struct sip_uri uri;

	return leaf->uri.len != 0 && leaf->next_hop.len == 0 &&
	       leaf->flow == NULL && leaf->path.len == 0 &&
	       sip_uri_parse(leaf->uri, &uri) == 0 && was_tried(r, &uri);
}

void fork_start(struct request *r, struct fork *f, uint32_t breadth)
{
	f->breadth = breadth;
	start_timer(r, f);
	switch (f->plan->kind) {
	case PLAN_LEAF:
		if (is_repeated(r, f->plan))
			context_branch_ended(r, f);
		else
			branch_start(r, f);
		break;
	case PLAN_PARALLEL:
		start_parallel(r, f);
		break;
	case PLAN_SEQUENTIAL:
		f->next = 1;
		f->n_pending = 1;
		fork_start(r, &f->children[0], breadth);
		break;
	}
}

static bool goes_on(const struct request *r, const struct fork *f)
{
	return f->plan->kind == PLAN_SEQUENTIAL && f->next < f->n_children &&
	       !r->is_ended && !(f->plan->is_one_phone && f->has_answered);
}

static void child_ended(struct request *r, struct fork *f)
{
	if (f->is_over)
		return;
	f->n_pending--;
	if (goes_on(r, f)) {
		f->n_pending++;
		fork_start(r, &f->children[f->next++], f->breadth);
		return;
	}
	if (f->n_pending == 0)
		fork_ended(r, f);
}

void fork_ended(struct request *r, struct fork *f)
{
	if (f->is_over)
		return;
	f->is_over = true;
	stop_timer(r, f);
	if (f->parent == NULL)
		return;
	f->parent->has_answered = f->has_answered;
	child_ended(r, f->parent);
}

/* Redirection (16.5: a 3xx may add to the target set) ---------------------- */

enum { Q_MAX = 1000 };

struct contact {
	struct str uri;
	unsigned q; /* thousandths */
};

/* "0.5", "1", ".25": at most three digits count (section 25.1). */
static unsigned parse_q(struct str params)
{
	unsigned q = 0, unit = Q_MAX;
	struct str text;

	if (!sip_param_find(params, STR("q"), &text) || text.len == 0)
		return Q_MAX;
	if (text.p[0] == '1')
		return Q_MAX;
	for (size_t i = str_find(text, '.') + 1; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			break;
		unit /= 10;
		q += unit * (unsigned)(text.p[i] - '0');
	}
	return q;
}

static bool read_contact(struct request *r, struct str value,
			 struct contact *out)
{
	struct sip_addr addr;
	struct sip_uri uri;

	if (sip_addr_parse(value, &addr) != 0 ||
	    sip_uri_parse(addr.uri, &uri) != 0 || uri.headers.p != NULL ||
	    uri.has_method)
		return false; /* what no Request-URI may have (16.6 step 2) */
	if (uri.scheme != SIP_SCHEME_SIP && uri.scheme != SIP_SCHEME_SIPS)
		return false;
	if ((uri.scheme == SIP_SCHEME_SIPS) !=
	    (r->uri->scheme == SIP_SCHEME_SIPS))
		return false; /* RFC 5630 section 5.3: only the caller may */
	if (was_tried(r, &uri))
		return false;
	out->uri = arena_str(&r->arena, addr.uri);
	out->q = parse_q(addr.params);
	return out->uri.p != NULL;
}

/* Sorted by q, the highest first; equal ones in their order. */
static size_t read_contacts(struct request *r, struct sip_msg *msg,
			    struct contact *out, size_t room)
{
	struct sip_values it;
	size_t n = 0;

	for (sip_values_start(&it, msg, SIP_HDR_CONTACT);
	     n < room && sip_values_next(&it);) {
		struct contact c;
		size_t at = n;

		if (!read_contact(r, it.value, &c))
			continue;
		for (; at > 0 && out[at - 1].q < c.q; at--)
			out[at] = out[at - 1];
		out[at] = c;
		n++;
	}
	return n;
}

static struct plan *new_plans(struct request *r, size_t n)
{
	return arena_zalloc(&r->arena, n * sizeof(struct plan));
}

/* Equal q in parallel, then the next (16.6, 20.10); one after the other where
 * Max-Breadth is too small for that. */
static const struct plan *plan_contacts(struct request *r,
					const struct contact *c, size_t n,
					uint32_t breadth)
{
	struct plan *top = new_plans(r, 1), *sets = new_plans(r, n);
	struct plan *leaves = new_plans(r, n), *set = sets;

	if (top == NULL || sets == NULL || leaves == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		leaves[i] = (struct plan){
			.kind = PLAN_LEAF, .uri = c[i].uri, .recurse = true};
		if (i > 0 &&
		    (c[i].q != c[i - 1].q || set->n_children == breadth))
			set++;
		if (set->n_children == 0)
			set->children = &leaves[i];
		set->kind = PLAN_PARALLEL;
		set->n_children++;
	}
	*top = (struct plan){.kind = PLAN_SEQUENTIAL,
			     .children = sets,
			     .n_children = (size_t)(set - sets) + 1};
	return top;
}

bool fork_redirect(struct request *r, struct fork *f, struct sip_msg *msg)
{
	uint32_t most = r->conf->limits.max_branches;
	struct contact *contacts;
	const struct plan *plan;
	size_t n;

	if (!f->plan->recurse || r->is_ended || r->n_branches >= most)
		return false;
	contacts = arena_alloc(&r->arena,
			       (most - r->n_branches) * sizeof(*contacts));
	if (contacts == NULL)
		return false;
	n = read_contacts(r, msg, contacts, most - r->n_branches);
	if (n == 0)
		return false;
	plan = plan_contacts(r, contacts, n, f->breadth);
	if (plan == NULL || !fork_build(r, f, plan))
		return false;
	TRACE_STEP(&r->tag, "branch", "%u: %zu target%s of this redirection",
		   msg->status, n, n > 1 ? "s" : "");
	return true;
}
