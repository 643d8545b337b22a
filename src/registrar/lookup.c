/* From one of our users to his contacts: RFC 3261 sections 16.5 and 16.6. */
#include "registrar_priv.h"

#include <stdlib.h>

#include "viaduct/util/err.h"

enum {
	/* How long contacts with a higher q may take before the next ones are
	 * tried: a phone has rung five times by then. */
	GROUP_TIMEOUT_MS = 20000,
};

/* A contact as a Request-URI ---------------------------------------------- */

/* 16.6 step 2: what may not stand in a Request-URI goes: header fields and the
 * method parameter (19.1.1). p NULL: no memory. */
static struct str request_uri(struct arena *arena, struct str contact)
{
	struct str rest, name, value, out;
	struct sip_uri u;
	const char *end;

	if (sip_uri_parse(contact, &u) != 0)
		return arena_str(arena, contact);
	if (u.headers.p != NULL)
		contact.len = (size_t)(u.headers.p - 1 - contact.p);
	if (!sip_param_find(u.params, STR("method"), NULL))
		return arena_str(arena, contact);
	end = u.params.p - 1;
	out = arena_str(arena,
			(struct str){contact.p, (size_t)(end - contact.p)});
	for (rest = u.params;
	     out.p != NULL && sip_param_next(&rest, &name, &value);)
		if (!str_ieq(name, STR("method")))
			out = arena_printf(arena, "%.*s;%.*s", STR_FMT(out),
					   (int)(value.p + value.len - name.p),
					   name.p);
	return out;
}

/* Groups ------------------------------------------------------------------ */

static unsigned q_of(const struct binding *b)
{
	return b->q == Q_NONE ? Q_ONE : b->q;
}

/* Highest q first; of one q, the one refreshed last. */
static int by_q(const void *a, const void *b)
{
	const struct binding *const *x = a, *const *y = b;

	if (q_of(*x) != q_of(*y))
		return q_of(*x) < q_of(*y) ? 1 : -1;
	return *x < *y ? 1 : -1;
}

/* Those that have not expired, in order; NULL: no memory. */
static const struct binding **sorted(struct request *r,
				     const struct bindings *b, size_t *n)
{
	const struct binding **v = arena_alloc(&r->arena, b->n * sizeof(*v));
	uint64_t now_ms = registrar_now_ms(r);

	*n = 0;
	if (v == NULL)
		return NULL;
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].expires_ms > now_ms)
			v[(*n)++] = &b->v[i];
	qsort(v, *n, sizeof(*v), by_q);
	return v;
}

static bool fill_leaf(struct arena *arena, const struct binding *b,
		      struct plan *leaf)
{
	leaf->kind = PLAN_LEAF;
	leaf->uri = request_uri(arena, b->contact);
	leaf->path = arena_str(arena, b->path);
	return leaf->uri.p != NULL && leaf->path.p != NULL;
}

/* One leaf per contact, one set per q, and a sequence of the sets. */
static const struct plan *plan_new(struct arena *arena,
				   const struct binding **v, size_t n)
{
	struct plan *all = arena_zalloc(arena, (2 * n + 1) * sizeof(*all));
	struct plan *sets = all + 1, *leaves = all + 1 + n;

	if (all == NULL)
		return NULL;
	all->kind = PLAN_SEQUENTIAL;
	all->children = sets;
	for (size_t i = 0; i < n; i++) {
		struct plan *set;

		if (i == 0 || q_of(v[i]) != q_of(v[i - 1])) {
			set = &sets[all->n_children++];
			set->kind = PLAN_PARALLEL;
			set->children = &leaves[i];
			set->timeout_ms = GROUP_TIMEOUT_MS;
		}
		sets[all->n_children - 1].n_children++;
		if (!fill_leaf(arena, v[i], &leaves[i]))
			return NULL;
	}
	/* after the last there is nothing to hurry to */
	sets[all->n_children - 1].timeout_ms = 0;
	return all->n_children == 1 ? sets : all;
}

/* The step ---------------------------------------------------------------- */

static enum step_result reject(struct request *r, unsigned status,
			       const char *why)
{
	struct str extra = status == 503 ? STR("Retry-After: 5\r\n") : STR_NONE;

	request_reject(r, status, STR_NONE, extra, why);
	return STEP_DONE;
}

static enum step_result forward(struct request *r, const struct bindings *b)
{
	size_t n;
	const struct binding **v = sorted(r, b, &n);

	if (v != NULL && n == 0)
		return reject(r, 480, "the user's registrations have expired");
	r->verdict.plan = v != NULL ? plan_new(&r->arena, v, n) : NULL;
	if (r->verdict.plan == NULL)
		return reject(r, 503, "no memory");
	r->verdict.kind = VERDICT_FORWARD;
	TRACE_STEP(&r->tag, "lookup", "%zu contact%s", n, n == 1 ? "" : "s");
	return STEP_NEXT;
}

static enum step_result look_up(struct request *r)
{
	const struct domain *d = NULL;
	enum step_result result;
	struct bindings *b;
	struct str aor;
	int err = registrar_aor(r, r->uri, &d, &aor);

	if (err == VD_ENOMEM)
		return reject(r, 503, "no memory");
	if (err != 0)
		return reject(r, 404, "no user of ours");
	if (!d->registrar || registrar_of(r) == NULL)
		return reject(r, 404, "the domain has no registrar");
	b = location_find(registrar_of(r)->location, aor);
	if (b == NULL)
		return reject(r, 480, "the user has no registration");
	result = forward(r, b);
	bindings_unref(b);
	return result;
}

enum step_result step_lookup(struct request *r)
{
	return r->verdict.kind == VERDICT_REGISTERED ? look_up(r) : STEP_NEXT;
}
