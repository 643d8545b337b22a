#include "transport/identities.h"

#include <assert.h>
#include <pthread.h>

#include "viaduct/util/err.h"

/* An id is a place in the table and how often that was given out, so that what
 * still carries the id of an ended connection finds nobody. Places are taken in
 * turn: one comes again after all the others. */
enum {
	PLACE_BITS = 20,
	PLACES_MAX = 1 << PLACE_BITS,
	GENERATION_MAX = (1 << (32 - PLACE_BITS)) - 1,
	PLACES_MIN = 64,
	NOWHERE = PLACES_MAX,
};

struct place {
	const struct cert_names *names; /* NULL: free */
	uint32_t generation;            /* 1 to GENERATION_MAX */
	uint32_t next_free;
};

struct identities {
	struct mem *outer; /* borrowed: holds this struct */
	pthread_mutex_t lock;
	struct mem *mem; /* of the places, under the lock */
	struct place *v;
	uint32_t n;
	uint32_t first_free, last_free;
};

int identities_new(struct mem *mem, struct identities **out)
{
	struct identities *t = mem_zalloc(mem, sizeof(*t));

	if (t == NULL)
		return VD_ENOMEM;
	t->outer = mem;
	t->first_free = t->last_free = NOWHERE;
	if (mem_new(0, &t->mem) != 0) {
		mem_free(mem, t, sizeof(*t));
		return VD_ENOMEM;
	}
	pthread_mutex_init(&t->lock, NULL);
	*out = t;
	return 0;
}

void identities_free(struct identities *t)
{
	if (t == NULL)
		return;
	mem_free(t->mem, t->v, t->n * sizeof(*t->v));
	mem_free_all(t->mem);
	pthread_mutex_destroy(&t->lock);
	mem_free(t->outer, t, sizeof(*t));
}

static void put_free(struct identities *t, uint32_t at)
{
	t->v[at].next_free = NOWHERE;
	if (t->first_free == NOWHERE)
		t->first_free = at;
	else
		t->v[t->last_free].next_free = at;
	t->last_free = at;
}

static int grow(struct identities *t)
{
	uint32_t n = t->n == 0 ? PLACES_MIN : t->n * 2;
	struct place *v;

	if (t->n == PLACES_MAX)
		return VD_ELIMIT;
	v = mem_zalloc(t->mem, n * sizeof(*v));
	if (v == NULL)
		return VD_ENOMEM;
	if (t->n > 0)
		memcpy(v, t->v, t->n * sizeof(*v));
	mem_free(t->mem, t->v, t->n * sizeof(*t->v));
	t->v = v;
	for (; t->n < n; t->n++) {
		v[t->n].generation = 1;
		put_free(t, t->n);
	}
	return 0;
}

static int enter(struct identities *t, const struct cert_names *names,
		 uint32_t *id)
{
	uint32_t at;
	int err = t->first_free == NOWHERE ? grow(t) : 0;

	if (err != 0)
		return err;
	at = t->first_free;
	t->first_free = t->v[at].next_free;
	t->v[at].names = names;
	*id = t->v[at].generation << PLACE_BITS | at;
	return 0;
}

int identities_enter(struct identities *t, const struct cert_names *names,
		     uint32_t *id)
{
	int err;

	pthread_mutex_lock(&t->lock);
	err = enter(t, names, id);
	pthread_mutex_unlock(&t->lock);
	return err;
}

static struct place *find(struct identities *t, uint32_t id)
{
	uint32_t at = id & (PLACES_MAX - 1);

	if (at >= t->n || t->v[at].names == NULL ||
	    t->v[at].generation != id >> PLACE_BITS)
		return NULL;
	return &t->v[at];
}

void identities_leave(struct identities *t, uint32_t id)
{
	struct place *p;

	if (id == 0)
		return;
	pthread_mutex_lock(&t->lock);
	p = find(t, id);
	assert(p != NULL);
	p->names = NULL;
	p->generation = p->generation % GENERATION_MAX + 1;
	put_free(t, (uint32_t)(p - t->v));
	pthread_mutex_unlock(&t->lock);
}

bool identities_have(struct identities *t, uint32_t id, struct str name)
{
	const struct place *p;
	bool has;

	if (id == 0)
		return false;
	pthread_mutex_lock(&t->lock);
	p = find(t, id);
	has = p != NULL && cert_names_have(p->names, name);
	pthread_mutex_unlock(&t->lock);
	return has;
}
