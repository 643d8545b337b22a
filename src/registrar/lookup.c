/* From one of our users to his contacts: RFC 3261 sections 16.5 and 16.6. */
#include "registrar_priv.h"

#include <stdlib.h>

#include "viaduct/util/err.h"

/* 16.6 step 2; the binding may go before the branch does. */
static struct str request_uri(struct arena *arena, struct str contact)
{
	struct sip_uri uri;

	if (sip_uri_parse(contact, &uri) == 0)
		contact = sip_uri_for_request(arena, &uri);
	return contact.p != NULL ? arena_str(arena, contact) : STR_NONE;
}

/* A contact may be of any scheme (10.2.1); nothing else can be forwarded to. */
static bool is_target(const struct binding *b)
{
	struct str scheme = {b->contact.p, str_find(b->contact, ':')};

	return str_ieq(scheme, STR("sip")) || str_ieq(scheme, STR("sips"));
}

/* Order ------------------------------------------------------------------- */

/* A binding that is alive. */
struct live {
	const struct binding *b;
	struct str instance; /* empty: it stands for itself */
	size_t at;           /* its place: the later, the more recent */
	size_t lead;         /* that of the last binding of its instance */
	unsigned q;          /* of that binding */
};

static unsigned q_of(const struct binding *b)
{
	return b->q == Q_NONE ? Q_ONE : b->q;
}

static int descending(size_t x, size_t y)
{
	return x < y ? 1 : x > y ? -1 : 0;
}

/* Highest q first; of one q, the one refreshed last; those of one instance stay
 * together, the most recent first (RFC 5626 section 7, RFC 5627 section 6.1).
 */
static int by_order(const void *a, const void *b)
{
	const struct live *x = a, *y = b;

	if (x->q != y->q)
		return descending(x->q, y->q);
	if (x->lead != y->lead)
		return descending(x->lead, y->lead);
	return descending(x->at, y->at);
}

static void find_lead(struct live *v, size_t n, struct live *l)
{
	l->lead = l->at;
	l->q = q_of(l->b);
	for (size_t i = 0; i < n; i++) {
		if (v[i].at <= l->lead ||
		    !instance_eq(v[i].instance, l->instance))
			continue;
		l->lead = v[i].at;
		l->q = q_of(v[i].b);
	}
}

/* Those that are alive, that the GRUU (NULL: none) names and that a request can
 * go to, in order; NULL: no memory. */
static struct live *sorted(struct request *r, const struct bindings *b,
			   const struct gruu *g, size_t *n)
{
	struct live *v = arena_alloc(&r->arena, b->n * sizeof(*v));
	uint64_t now_ms = registrar_now_ms(r);

	*n = 0;
	if (v == NULL)
		return NULL;
	for (size_t i = 0; i < b->n; i++)
		if (binding_is_alive(&b->v[i], now_ms) && is_target(&b->v[i]) &&
		    (g == NULL || gruu_names(g, &b->v[i])))
			v[(*n)++] = (struct live){
				.b = &b->v[i],
				.instance = instance_of(b->v[i].params),
				.at = i,
			};
	for (size_t i = 0; i < *n; i++)
		find_lead(v, *n, &v[i]);
	qsort(v, *n, sizeof(*v), by_order);
	return v;
}

/* The plan ---------------------------------------------------------------- */

static bool fill_flow(struct arena *arena, const struct hop *flow,
		      struct plan *leaf)
{
	struct hop *copy;

	if (flow == NULL)
		return true;
	copy = arena_alloc(arena, sizeof(*copy));
	if (copy == NULL)
		return false;
	*copy = *flow;
	leaf->flow = copy;
	return true;
}

/* RFC 5627 section 6.1: inside a dialog the Route values that are left lead to
 * the phone, whatever its Path was. */
static bool fill_leaf(struct request *r, const struct binding *b,
		      struct plan *leaf)
{
	leaf->kind = PLAN_LEAF;
	leaf->uri = request_uri(&r->arena, b->contact);
	if (r->route.p != NULL)
		return leaf->uri.p != NULL;
	leaf->path = arena_str(&r->arena, b->path);
	leaf->flow_only = b->flow_only;
	return leaf->uri.p != NULL && leaf->path.p != NULL &&
	       fill_flow(&r->arena, b->flow, leaf);
}

/* One phone with the n bindings at v: a leaf, or the ways to it in turn. */
static bool fill_phone(struct request *r, const struct live *v, size_t n,
		       struct plan *phone, struct plan *leaves)
{
	if (n == 1)
		return fill_leaf(r, v->b, phone);
	phone->kind = PLAN_SEQUENTIAL;
	phone->is_one_phone = true;
	phone->children = leaves;
	phone->n_children = n;
	for (size_t i = 0; i < n; i++)
		if (!fill_leaf(r, v[i].b, &leaves[i]))
			return false;
	return true;
}

static size_t n_of_phone(const struct live *v, size_t n)
{
	size_t i = 1;

	while (i < n && v[i].lead == v[0].lead)
		i++;
	return i;
}

/* One set per q, of phones in parallel, and a sequence of the sets. */
static const struct plan *plan_new(struct request *r, const struct live *v,
				   size_t n)
{
	struct plan *all = arena_zalloc(&r->arena, (3 * n + 1) * sizeof(*all));
	struct plan *set = all, *phones = all + 1 + n, *leaves = phones + n;
	size_t n_phone;

	if (all == NULL)
		return NULL;
	all->kind = PLAN_SEQUENTIAL;
	all->children = all + 1;
	for (size_t i = 0; i < n; i += n_phone, phones++, leaves += n_phone) {
		if (i == 0 || v[i].q != v[i - 1].q) {
			set = &all[1 + all->n_children++];
			set->kind = PLAN_PARALLEL;
			set->children = phones;
			set->timeout_ms = registrar_of(r)->conf.ring_timeout;
		}
		set->n_children++;
		n_phone = n_of_phone(&v[i], n - i);
		if (!fill_phone(r, &v[i], n_phone, phones, leaves))
			return NULL;
	}
	set->timeout_ms = 0; /* after the last there is nothing to hurry to */
	return all->n_children == 1 ? set : all;
}

/* The step ---------------------------------------------------------------- */

static enum step_result reject(struct request *r, unsigned status,
			       const char *why)
{
	struct str extra = status == 503 ? STR("Retry-After: 5\r\n") : STR_NONE;

	request_reject(r, status, STR_NONE, extra, why);
	return STEP_DONE;
}

/* A temporary GRUU that no binding keeps alive is none (RFC 5627 section 5.3).
 */
static enum step_result reject_absent(struct request *r, const struct gruu *g)
{
	if (g != NULL && g->epoch != 0)
		return reject(r, 404,
			      "RFC 5627 5.3: no registration keeps "
			      "this temporary GRUU alive");
	return reject(r, 480, "the user has no such registration");
}

static enum step_result forward(struct request *r, const struct bindings *b,
				const struct gruu *g)
{
	size_t n;
	struct live *v = sorted(r, b, g, &n);

	if (v != NULL && n == 0)
		return reject_absent(r, g);
	r->verdict.plan = v != NULL ? plan_new(r, v, n) : NULL;
	if (r->verdict.plan == NULL)
		return reject(r, 503, "no memory");
	r->verdict.kind = VERDICT_FORWARD;
	r->verdict.is_registered = true;
	TRACE_STEP(&r->tag, "lookup", "%zu contact%s%s", n, n == 1 ? "" : "s",
		   g != NULL ? " of this GRUU" : "");
	return STEP_NEXT;
}

static enum step_result look_up(struct request *r)
{
	const struct registrar_use *use = registrar_of(r);
	struct gruu who = {0}, *g = gruu_is(r->uri) ? &who : NULL;
	enum step_result result;
	struct bindings *b;
	int err;

	if (use == NULL)
		return reject(r, 404, "there is no registrar");
	err = g != NULL ? gruu_read(r, r->uri, &who)
			: registrar_aor(r, r->uri, &who.domain, &who.aor);
	if (err == VD_ENOMEM)
		return reject(r, 503, "no memory");
	if (err != 0)
		return reject(r, 404, "no user of ours");
	if (!who.domain->registrar)
		return reject(r, 404, "the domain has no registrar");
	b = location_find(use->location, who.aor);
	if (b == NULL)
		return reject_absent(r, g);
	result = forward(r, b, g);
	bindings_unref(b);
	return result;
}

enum step_result step_lookup(struct request *r)
{
	return r->verdict.kind == VERDICT_REGISTERED ? look_up(r) : STEP_NEXT;
}
