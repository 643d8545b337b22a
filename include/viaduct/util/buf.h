/*
 * A buffer of bytes on the way out, counted: the transaction that may send it
 * again and the output queue that has not sent it yet each hold it. Not shared
 * between threads.
 */
#ifndef VIADUCT_UTIL_BUF_H
#define VIADUCT_UTIL_BUF_H

#include "viaduct/util/mem.h"
#include "viaduct/util/str.h"

struct buf {
	struct mem *mem; /* borrowed; outlives the buffer */
	uint32_t refs;
	uint32_t len; /* bytes in use */
	uint32_t cap; /* bytes of room */
	char data[];
};

/* One reference, len 0. NULL when there is no memory. */
struct buf *buf_new(struct mem *mem, size_t cap);
struct buf *buf_ref(struct buf *b);
void buf_unref(struct buf *b); /* NULL allowed */

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){b->data, b->len};
}

#endif
