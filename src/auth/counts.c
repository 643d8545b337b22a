/* The nonce counts that were seen (RFC 7616 section 3.4, nc), of all
 * workers. */
#include "auth/auth_priv.h"

#include <stdlib.h>

#include "viaduct/util/err.h"

enum {
	WAYS = 16,
	N_BUCKETS = COUNTS_MAX / WAYS,
	N_LOCKS = 64,
	WINDOW = 32, /* bits of `seen` */
};

struct count {
	uint64_t id;
	uint64_t made_ms; /* 0: nobody's */
	uint32_t highest;
	uint32_t seen; /* bit i: highest - i */
};

struct bucket {
	struct count v[WAYS];
	uint64_t floor_ms; /* who is not here and not younger is forgotten */
};

struct counts {
	pthread_mutex_t locks[N_LOCKS];
	struct bucket buckets[N_BUCKETS];
};

int counts_new(struct counts **out)
{
	struct counts *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return VD_ENOMEM;
	for (size_t i = 0; i < N_LOCKS; i++)
		pthread_mutex_init(&c->locks[i], NULL);
	*out = c;
	return 0;
}

void counts_free(struct counts *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < N_LOCKS; i++)
		pthread_mutex_destroy(&c->locks[i]);
	free(c);
}

static bool take(struct count *e, uint32_t nc)
{
	uint32_t behind;

	if (nc > e->highest) {
		uint32_t ahead = nc - e->highest;

		e->seen = (ahead < WINDOW ? e->seen << ahead : 0) | 1;
		e->highest = nc;
		return true;
	}
	behind = e->highest - nc;
	if (behind >= WINDOW || (e->seen >> behind & 1) != 0)
		return false;
	e->seen |= (uint32_t)1 << behind;
	return true;
}

/* Its entry, or that of the oldest, which it takes over. NULL: it may have been
 * here before. */
static struct count *find(struct bucket *b, const struct nonce *n)
{
	struct count *oldest = &b->v[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (b->v[i].id == n->id && b->v[i].made_ms == n->made_ms)
			return &b->v[i];
		if (b->v[i].made_ms < oldest->made_ms)
			oldest = &b->v[i];
	}
	if (n->made_ms <= b->floor_ms)
		return NULL;
	if (oldest->made_ms > b->floor_ms)
		b->floor_ms = oldest->made_ms;
	*oldest = (struct count){.id = n->id, .made_ms = n->made_ms};
	return oldest;
}

bool counts_take(struct counts *c, const struct nonce *n, uint32_t nc)
{
	size_t i = n->id % N_BUCKETS;
	struct count *e;
	bool is_first;

	pthread_mutex_lock(&c->locks[i % N_LOCKS]);
	e = find(&c->buckets[i], n);
	is_first = e != NULL && take(e, nc);
	pthread_mutex_unlock(&c->locks[i % N_LOCKS]);
	return is_first;
}
