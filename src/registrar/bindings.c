#include <stdlib.h>

#include "registrar/location_priv.h"

struct bindings *bindings_ref(struct bindings *b)
{
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

void bindings_unref(struct bindings *b)
{
	if (b != NULL &&
	    atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
		free(b);
}

static size_t extra_size(const struct binding *b)
{
	return (b->flow != NULL ? sizeof(struct bound_flow) : 0) +
	       b->contact.len + b->params.len + b->call_id.len + b->path.len;
}

static struct str keep(char **at, struct str s)
{
	char *to = *at;

	if (s.len == 0)
		return STR_NONE;
	memcpy(to, s.p, s.len);
	*at += s.len;
	return (struct str){to, s.len};
}

/* Nobody has found it yet: see flows.c. */
static const struct hop *keep_flow(struct bound_flow **at,
				   const struct hop *flow)
{
	struct bound_flow *to = *at;

	if (flow == NULL)
		return NULL;
	++*at;
	to->hop = *flow;
	atomic_init(&to->has_ended, false);
	to->aor = NULL;
	list_init(&to->same);
	return &to->hop;
}

static void binding_copy(struct binding *to, const struct binding *from,
			 char **at)
{
	to->contact = keep(at, from->contact);
	to->params = keep(at, from->params);
	to->call_id = keep(at, from->call_id);
	to->path = keep(at, from->path);
}

struct bindings *bindings_new(const struct binding *v, size_t n)
{
	size_t size = sizeof(struct bindings) + n * sizeof(*v);
	struct bound_flow *flow;
	struct bindings *b;
	char *at;

	for (size_t i = 0; i < n; i++)
		size += extra_size(&v[i]);
	b = size <= UINT32_MAX ? malloc(size) : NULL;
	if (b == NULL)
		return NULL;
	atomic_init(&b->refs, 1);
	b->n = (uint32_t)n;
	b->size = (uint32_t)size;
	flow = (struct bound_flow *)&b->v[n];
	for (size_t i = 0; i < n; i++) {
		b->v[i] = v[i];
		b->v[i].flow = keep_flow(&flow, v[i].flow);
	}
	at = (char *)flow;
	for (size_t i = 0; i < n; i++)
		binding_copy(&b->v[i], &v[i], &at);
	return b;
}
