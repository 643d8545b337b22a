/* One run of the walker, seen by its two halves: option.c (tables) and run.c
 * (scalars, and what parse functions use). */
#ifndef VIADUCT_CONF_RUN_PRIV_H
#define VIADUCT_CONF_RUN_PRIV_H

#include "conf/conf_priv.h"

struct conf_run {
	struct arena *arena;        /* borrowed */
	struct conf_errors *errors; /* borrowed */
	struct conf_path path;
	const struct conf_place *place; /* of the map that is read; NULL: of
					 * none, all is default */
	bool no_memory;
	bool has_failed; /* there were mistakes, maybe known ones */
};

/* Was a mistake in `n` reported already? Then the run has failed too. */
bool conf_run_is_bad(struct conf_run *run, const struct conf_node *n);

/* A number by its measure. */
bool conf_run_measure(struct conf_run *run, const struct conf_node *n,
		      const struct conf_measure *m, uint64_t min, uint64_t max,
		      uint64_t *out);

/* A NUL-terminated copy; false: no memory, noted. */
bool conf_run_copy(struct conf_run *run, struct str s, struct str *out);

#endif
