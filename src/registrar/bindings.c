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

static size_t strings_size(const struct binding *b)
{
	return b->contact.len + b->params.len + b->call_id.len + b->path.len;
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

static void binding_copy(struct binding *to, const struct binding *from,
			 char **at)
{
	*to = *from;
	to->contact = keep(at, from->contact);
	to->params = keep(at, from->params);
	to->call_id = keep(at, from->call_id);
	to->path = keep(at, from->path);
}

struct bindings *bindings_new(const struct binding *v, size_t n)
{
	size_t size = sizeof(struct bindings) + n * sizeof(*v);
	struct bindings *b;
	char *at;

	for (size_t i = 0; i < n; i++)
		size += strings_size(&v[i]);
	b = size <= UINT32_MAX ? malloc(size) : NULL;
	if (b == NULL)
		return NULL;
	atomic_init(&b->refs, 1);
	b->n = (uint32_t)n;
	b->size = (uint32_t)size;
	at = (char *)&b->v[n];
	for (size_t i = 0; i < n; i++)
		binding_copy(&b->v[i], &v[i], &at);
	return b;
}
