#include "viaduct/util/buf.h"

struct buf *buf_new(struct mem *mem, size_t cap)
{
	struct buf *b;

	if (cap > UINT32_MAX - sizeof(*b))
		return NULL;
	b = mem_alloc(mem, sizeof(*b) + cap);
	if (b == NULL)
		return NULL;
	b->mem = mem;
	b->refs = 1;
	b->len = 0;
	b->cap = (uint32_t)cap;
	return b;
}

struct buf *buf_ref(struct buf *b)
{
	b->refs++;
	return b;
}

void buf_unref(struct buf *b)
{
	if (b != NULL && --b->refs == 0)
		mem_free(b->mem, b, sizeof(*b) + b->cap);
}
