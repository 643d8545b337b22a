#include <stdlib.h>

#include "viaduct/util/err.h"
#include "registrar/location_priv.h"

enum {
	SWEEP_BUCKETS = 128,   /* in one hold of the lock */
	SWEEP_REMOVALS = 2048, /* writes that one call may cause */
};

/* An address that is being changed waits for the next round. */
static int sweep_bucket(struct location *l, struct shard *s,
			struct hash_node *n, const struct wish *w,
			unsigned *n_left)
{
	const struct ending *e = w->change_arg;

	for (; n != NULL; n = n->next) {
		struct aor *a = CONTAINER_OF(n, struct aor, node);
		int err;

		if (a->newest != NULL || a->committed == NULL ||
		    !has_ended(a->committed, e))
			continue;
		err = *n_left > 0 ? aor_change(l, s, a, w) : VD_ELIMIT;
		if (err != 0)
			return err;
		--*n_left;
	}
	return 0;
}

enum progress { SWEEP_GOES_ON, SWEEP_SHARD_DONE, SWEEP_ENOUGH };

/* Addresses in the old buckets of a table that is being resized are met in the
 * next round. */
static enum progress sweep_some(struct location *l, const struct wish *w,
				unsigned *n_left)
{
	struct sweep *at = &l->sweep;
	struct shard *s = &l->shards[at->shard];
	size_t end = at->bucket + SWEEP_BUCKETS;
	bool is_last;
	int err = 0;

	pthread_mutex_lock(&s->lock);
	while (err == 0 && at->bucket < end &&
	       at->bucket < s->table.n_buckets) {
		err = sweep_bucket(l, s, s->table.buckets[at->bucket], w,
				   n_left);
		at->bucket += err == 0;
	}
	is_last = at->bucket >= s->table.n_buckets;
	pthread_mutex_unlock(&s->lock);
	if (err != 0)
		return SWEEP_ENOUGH;
	return is_last ? SWEEP_SHARD_DONE : SWEEP_GOES_ON;
}

void location_sweep(struct location *l, uint64_t now_ms)
{
	struct ending e = {.location = l, .now_ms = now_ms};
	const struct wish w = {
		.from = l->main_thread, .change = drop_ended, .change_arg = &e};
	unsigned n_left = SWEEP_REMOVALS;
	enum progress progress;

	do {
		progress = sweep_some(l, &w, &n_left);
	} while (progress == SWEEP_GOES_ON);
	if (progress == SWEEP_SHARD_DONE) {
		l->sweep.shard = (l->sweep.shard + 1) % N_SHARDS;
		l->sweep.bucket = 0;
	}
}
