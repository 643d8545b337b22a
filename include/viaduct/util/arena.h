/* Arena: many allocations, one release. Holds what belongs to one request. */
#ifndef VIADUCT_UTIL_ARENA_H
#define VIADUCT_UTIL_ARENA_H

#include "viaduct/util/mem.h"
#include "viaduct/util/str.h"

struct arena_chunk;

struct arena {
	struct mem *mem; /* borrowed */
	struct arena_chunk *chunks;
	char *at, *end;
};

/* Nothing is allocated yet. */
void arena_init(struct arena *a, struct mem *mem);

/* Frees everything that came from it; it may be used again. */
void arena_fini(struct arena *a);

/* Make sure that `size` more bytes come from one chunk (it is then sized to
 * fit). Returns 0 or VD_ENOMEM. */
int arena_reserve(struct arena *a, size_t size);

/* NULL when there is no memory. Aligned to 8; not zeroed / zeroed. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_zalloc(struct arena *a, size_t size);

/* A copy of `s`; p is NULL when there is no memory. */
struct str arena_str(struct arena *a, struct str s);

/* printf into the arena; p is NULL when there is no memory. */
struct str arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
