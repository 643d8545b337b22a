/*
 * Memory of one worker: size classes carved from 64 KiB slabs, with a ceiling
 * and no lock. Blocks above MEM_CLASS_MAX go to malloc() and count too. A slab
 * that becomes empty serves any class, and goes back to the system with the
 * mem_trim() after it was not needed for a while.
 *
 * A block must be freed on the worker that allocated it.
 */
#ifndef VIADUCT_UTIL_MEM_H
#define VIADUCT_UTIL_MEM_H

#include <stddef.h>
#include <stdint.h>

enum {
	MEM_CLASS_MAX = 8192,
};

struct mem;

/* ceiling: bytes, 0 for none. Returns 0 or VD_ENOMEM. */
int mem_new(size_t ceiling, struct mem **out);
void mem_free_all(struct mem *m); /* ends it; blocks still out are lost */

void mem_set_ceiling(struct mem *m, size_t ceiling);

/* For tests: the n-th allocation from now is refused; 0 for none. */
void mem_fail_nth(struct mem *m, uint64_t n);

/* NULL when the ceiling is reached or the system has none. Not zeroed,
 * aligned to 16. mem_zalloc() zeroes. */
void *mem_alloc(struct mem *m, size_t size);
void *mem_zalloc(struct mem *m, size_t size);

/* `size` as it was allocated; p may be NULL. */
void mem_free(struct mem *m, void *p, size_t size);

/* Give back the empty slabs that were not needed since the last call. To be
 * called every second or so. */
void mem_trim(struct mem *m);

/* The size of the block that mem_alloc(size) really gives. */
size_t mem_good_size(size_t size);

/* Bytes in use by callers, bytes taken from the system, refusals so far. */
struct mem_usage {
	size_t used, held;
	uint64_t n_refused;
};
void mem_usage(const struct mem *m, struct mem_usage *out);

#endif
