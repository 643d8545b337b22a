/* What the targets share: a claim that holds in every build. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdlib.h>

#include "viaduct/util/str.h"

#define CLAIM(what)                                                            \
	do {                                                                   \
		if (!(what))                                                   \
			abort();                                               \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* `part` is nothing, or lies inside `whole`. */
static inline void claim_inside(struct str part, struct str whole)
{
	CLAIM(part.p == NULL ||
	      (part.p >= whole.p && part.p + part.len <= whole.p + whole.len));
}

#endif
