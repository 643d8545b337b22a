#include "viaduct/util/arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "viaduct/util/err.h"
#include "util/util_priv.h"

enum {
	CHUNK_SIZE = 1024, /* of all but those that were reserved larger */
	ALIGN = 8,
};

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* with this head */
	_Alignas(ALIGN) char data[];
};

void arena_init(struct arena *a, struct mem *mem)
{
	*a = (struct arena){.mem = mem};
}

void arena_fini(struct arena *a)
{
	struct arena_chunk *c, *next;

	for (c = a->chunks; c != NULL; c = next) {
		next = c->next;
		MEM_UNPOISON(c, c->size);
		mem_free(a->mem, c, c->size);
	}
	arena_init(a, a->mem);
}

/* At least `size` bytes of data; all that the block has room for. */
static struct arena_chunk *chunk_new(struct arena *a, size_t size)
{
	size_t total = mem_good_size(size + sizeof(struct arena_chunk));
	struct arena_chunk *c;

	if (total < size)
		return NULL;
	c = mem_alloc(a->mem, total);
	if (c == NULL)
		return NULL;
	c->size = total;
	MEM_POISON(c->data, total - sizeof(*c));
	return c;
}

int arena_reserve(struct arena *a, size_t size)
{
	struct arena_chunk *c;

	if ((size_t)(a->end - a->at) >= size)
		return 0;
	c = chunk_new(a, size);
	if (c == NULL)
		return VD_ENOMEM;
	c->next = a->chunks;
	a->chunks = c;
	a->at = c->data;
	a->end = (char *)c + c->size;
	return 0;
}

/* A large one gets a chunk of its own behind the current one, whose rest stays
 * in use. */
static void *large_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *c = chunk_new(a, size);

	if (c == NULL)
		return NULL;
	c->next = a->chunks->next;
	a->chunks->next = c;
	MEM_UNPOISON(c->data, size);
	return c->data;
}

/* The current chunk has too little left. */
static void *alloc_from_another(struct arena *a, size_t size, size_t room)
{
	size_t chunk = CHUNK_SIZE - sizeof(struct arena_chunk);

	if (a->chunks != NULL && room > chunk / 2)
		return large_alloc(a, size);
	if (arena_reserve(a, room > chunk ? room : chunk) != 0)
		return NULL;
	a->at += room;
	MEM_UNPOISON(a->at - room, size);
	return a->at - room;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t room = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	char *p = a->at;

	if (room < size)
		return NULL;
	if (p == NULL || (size_t)(a->end - p) < room)
		return alloc_from_another(a, size, room);
	a->at = p + room;
	MEM_UNPOISON(p, size);
	return p;
}

void *arena_zalloc(struct arena *a, size_t size)
{
	void *p = arena_alloc(a, size);

	if (p != NULL)
		memset(p, 0, size);
	return p;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.len);

	if (p == NULL)
		return STR_NONE;
	if (s.len > 0)
		memcpy(p, s.p, s.len);
	return (struct str){p, s.len};
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (p == NULL)
		return STR_NONE;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return (struct str){p, (size_t)n};
}
