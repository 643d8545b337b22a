/*
 * An address has its committed bindings and the changes that are on their way
 * to the store, newest first. A change is handed to the store under the lock of
 * its shard, so that the store commits in the order in which the changes were
 * made. The news of it may come in another order, on several workers.
 */
#include "viaduct/registrar/location.h"

#include <pthread.h>
#include <stdlib.h>

#include "viaduct/util/err.h"
#include "viaduct/util/hash.h"
#include "viaduct/util/list.h"
#include "viaduct/util/log.h"
#include "viaduct/util/wall.h"
#include "registrar/location_priv.h"

enum {
	CACHE_LINE = 64,
	N_SHARDS = 64,
	SHARD_SHIFT = 58, /* the table uses the hash's low bits */
	AOR_LEN_MAX = 4096,
	PENDING_MAX = 64,      /* changes of one address on their way */
	SWEEP_BUCKETS = 128,   /* in one hold of the lock */
	SWEEP_REMOVALS = 2048, /* writes that one call may cause */
};

struct aor {
	struct hash_node node;
	struct bindings *committed; /* NULL: none */
	struct change *newest;      /* NULL: none pending */
	uint16_t n_pending;
	uint16_t len;
	char text[];
};

struct change {
	struct list all; /* of the shard */
	struct shard *shard;
	struct aor *aor;       /* NULL: a later change is visible already */
	struct change *older;  /* of this address */
	struct bindings *next; /* NULL: none left */
	store_done_fn *done;
	void *arg;
};

struct shard {
	_Alignas(CACHE_LINE) pthread_mutex_t lock;
	struct hash_table table; /* of struct aor */
	struct list changes;
	uint64_t n_aors, n_contacts; /* committed */
};

/* Where location_sweep() goes on. */
struct sweep {
	unsigned shard;
	size_t bucket;
};

struct location {
	struct store *store;
	unsigned main_thread; /* a member of the inboxes */
	const struct hash_key *key;
	struct sweep sweep;
	struct shard shards[N_SHARDS];
};

static uint64_t aor_hash(const struct location *l, struct str aor)
{
	return hash_bytes(l->key, aor.p, aor.len);
}

static struct shard *shard_of(struct location *l, uint64_t hash)
{
	return &l->shards[hash >> SHARD_SHIFT];
}

static struct str aor_text(const struct aor *a)
{
	return (struct str){a->text, a->len};
}

static struct aor *aor_find(struct shard *s, uint64_t hash, struct str text)
{
	struct hash_node *n = hash_table_find(&s->table, hash);

	for (; n != NULL; n = hash_table_next(n)) {
		struct aor *a = CONTAINER_OF(n, struct aor, node);

		if (str_eq(aor_text(a), text))
			return a;
	}
	return NULL;
}

static struct aor *aor_new(struct shard *s, uint64_t hash, struct str text)
{
	struct aor *a = malloc(sizeof(*a) + text.len);

	if (a == NULL)
		return NULL;
	*a = (struct aor){.len = (uint16_t)text.len};
	memcpy(a->text, text.p, text.len);
	hash_table_insert(&s->table, &a->node, hash);
	return a;
}

static void aor_free_if_empty(struct shard *s, struct aor *a)
{
	if (a->committed != NULL || a->newest != NULL)
		return;
	hash_table_remove(&s->table, &a->node);
	free(a);
}

/* Takes over the reference. */
static void aor_publish(struct shard *s, struct aor *a, struct bindings *b)
{
	s->n_aors += (b != NULL) - (a->committed != NULL);
	s->n_contacts += b != NULL ? b->n : 0;
	s->n_contacts -= a->committed != NULL ? a->committed->n : 0;
	bindings_unref(a->committed);
	a->committed = b;
}

struct bindings *location_find(struct location *l, struct str aor)
{
	uint64_t hash = aor_hash(l, aor);
	struct shard *s = shard_of(l, hash);
	struct bindings *b = NULL;
	struct aor *a;

	pthread_mutex_lock(&s->lock);
	a = aor_find(s, hash, aor);
	if (a != NULL && a->committed != NULL)
		b = bindings_ref(a->committed);
	pthread_mutex_unlock(&s->lock);
	return b;
}

/* --- changes --- */

static void change_free(struct change *c)
{
	list_del(&c->all);
	bindings_unref(c->next);
	free(c);
}

/* What was changed before `c` is part of it. */
static void forget_older(struct change *c)
{
	struct change *o = c->older;

	while (o != NULL) {
		struct change *older = o->older;

		o->aor->n_pending--;
		o->aor = NULL;
		o = older;
	}
	c->older = NULL;
}

static void unlink_change(struct change *c)
{
	struct change **at = &c->aor->newest;

	while (*at != c)
		at = &(*at)->older;
	*at = c->older;
	c->aor->n_pending--;
}

/* Under the lock. */
static void change_finish(struct change *c, int err)
{
	struct aor *a = c->aor;

	if (a != NULL && err == 0) {
		forget_older(c);
		aor_publish(c->shard, a, c->next);
		c->next = NULL;
	}
	if (a != NULL) {
		unlink_change(c);
		aor_free_if_empty(c->shard, a);
	}
	change_free(c);
}

static void change_done(void *arg, int err)
{
	struct change *c = arg;
	struct shard *s = c->shard;
	store_done_fn *done = c->done;
	void *done_arg = c->arg;

	pthread_mutex_lock(&s->lock);
	change_finish(c, err);
	pthread_mutex_unlock(&s->lock);
	if (done != NULL)
		done(done_arg, err);
}

static int write_record(struct location *l, unsigned from, struct change *c)
{
	struct record_clock clock = {.offset_ms = wall_offset_ms()};
	struct str key = aor_text(c->aor);
	char small[1024], *record = small;
	size_t size;
	int err;

	if (c->next == NULL)
		return store_write(l->store, from, key, STR_NONE, change_done,
				   c);
	clock.now_ms = wall_now_s() * 1000 - (uint64_t)clock.offset_ms;
	size = record_size(c->next);
	if (size > sizeof(small))
		record = malloc(size);
	if (record == NULL)
		return VD_ENOMEM;
	err = record_print(c->next, &clock, record);
	if (err == 0)
		err = store_write(l->store, from, key,
				  (struct str){record, size}, change_done, c);
	if (record != small)
		free(record);
	return err;
}

static struct change *change_new(struct shard *s, struct aor *a)
{
	struct change *c = malloc(sizeof(*c));

	if (c == NULL)
		return NULL;
	*c = (struct change){
		.shard = s,
		.aor = a,
		.older = a->newest,
	};
	list_add(&s->changes, &c->all);
	return c;
}

static const struct bindings *aor_now(const struct aor *a)
{
	return a->newest != NULL ? a->newest->next : a->committed;
}

/* How a change is asked for. */
struct wish {
	unsigned from;
	location_change_fn *change;
	void *change_arg;
	store_done_fn *done;
	void *arg;
};

/* Under the lock. */
static int aor_change(struct location *l, struct shard *s, struct aor *a,
		      const struct wish *w)
{
	struct change *c;
	int err;

	if (a->n_pending >= PENDING_MAX)
		return VD_ELIMIT;
	c = change_new(s, a);
	if (c == NULL)
		return VD_ENOMEM;
	c->done = w->done;
	c->arg = w->arg;
	err = w->change(w->change_arg, aor_now(a), &c->next);
	if (err == 0)
		err = write_record(l, w->from, c);
	if (err != 0) {
		change_free(c);
		return err;
	}
	a->newest = c;
	a->n_pending++;
	return 0;
}

int location_change(struct location *l, unsigned from, struct str aor,
		    location_change_fn *change, store_done_fn *done, void *arg)
{
	const struct wish w = {from, change, arg, done, arg};
	uint64_t hash = aor_hash(l, aor);
	struct shard *s = shard_of(l, hash);
	int err = VD_ENOMEM;
	struct aor *a;

	if (aor.len == 0 || aor.len > AOR_LEN_MAX)
		return VD_ELIMIT;
	pthread_mutex_lock(&s->lock);
	a = aor_find(s, hash, aor);
	if (a == NULL)
		a = aor_new(s, hash, aor);
	if (a != NULL)
		err = aor_change(l, s, a, &w);
	if (a != NULL && err != 0)
		aor_free_if_empty(s, a);
	pthread_mutex_unlock(&s->lock);
	return err;
}

void location_parcel(struct location *l, struct parcel *p)
{
	store_parcel(l->store, p);
}

/* --- the sweep --- */

static bool has_expired(const struct bindings *b, uint64_t now_ms)
{
	for (uint32_t i = 0; i < b->n; i++) {
		if (b->v[i].expires_ms <= now_ms)
			return true;
	}
	return false;
}

static int drop_expired(void *arg, const struct bindings *now,
			struct bindings **next)
{
	const uint64_t *now_ms = arg;
	struct binding *alive = malloc(now->n * sizeof(*alive));
	size_t n = 0;

	if (alive == NULL)
		return VD_ENOMEM;
	for (uint32_t i = 0; i < now->n; i++) {
		if (now->v[i].expires_ms > *now_ms)
			alive[n++] = now->v[i];
	}
	*next = n > 0 ? bindings_new(alive, n) : NULL;
	free(alive);
	return n > 0 && *next == NULL ? VD_ENOMEM : 0;
}

/* An address that is being changed waits for the next round. */
static int sweep_bucket(struct location *l, struct shard *s,
			struct hash_node *n, const struct wish *w,
			unsigned *n_left)
{
	const uint64_t *now_ms = w->change_arg;

	for (; n != NULL; n = n->next) {
		struct aor *a = CONTAINER_OF(n, struct aor, node);
		int err;

		if (a->newest != NULL || a->committed == NULL ||
		    !has_expired(a->committed, *now_ms))
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
	const struct wish w = {.from = l->main_thread,
			       .change = drop_expired,
			       .change_arg = &now_ms};
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

/* --- counts, opening, closing --- */

void location_counts(struct location *l, struct location_counts *out)
{
	*out = (struct location_counts){0};
	for (unsigned i = 0; i < N_SHARDS; i++) {
		struct shard *s = &l->shards[i];

		pthread_mutex_lock(&s->lock);
		out->aors += s->n_aors;
		out->contacts += s->n_contacts;
		pthread_mutex_unlock(&s->lock);
	}
	store_counts(l->store, &out->store);
}

bool location_is_well(const struct location *l)
{
	return store_is_well(l->store);
}

struct loading {
	struct location *location;
	struct record_clock clock;
	uint64_t n_expired, n_unreadable;
	int err;
};

static int load_bindings(struct location *l, struct str key, struct bindings *b)
{
	uint64_t hash = aor_hash(l, key);
	struct shard *s = shard_of(l, hash);
	struct aor *a = aor_new(s, hash, key);

	if (a == NULL) {
		bindings_unref(b);
		return VD_ENOMEM;
	}
	aor_publish(s, a, b);
	return 0;
}

/* No memory is no reason to remove a record: it ends the start instead. */
static bool load_record(void *arg, struct str key, struct str value)
{
	struct loading *load = arg;
	struct bindings *b;
	int err = VD_EINVAL;

	if (key.len > 0 && key.len <= AOR_LEN_MAX)
		err = record_parse(value, &load->clock, &load->n_expired, &b);
	if (err == 0)
		err = load_bindings(load->location, key, b);
	if (err == VD_ENOMEM)
		load->err = err;
	if (err == VD_EINVAL)
		load->n_unreadable++;
	return err == 0 || err == VD_ENOMEM;
}

static void log_loaded(struct location *l, const struct loading *load)
{
	struct location_counts n;

	location_counts(l, &n);
	log_info(STR_NONE, "location.loaded", KV_UINT("aors", n.aors),
		 KV_UINT("contacts", n.contacts),
		 KV_UINT("expired", load->n_expired));
	if (load->n_unreadable > 0)
		log_error(STR_NONE, "location.unreadable",
			  KV_UINT("records_removed", load->n_unreadable));
}

static int shards_init(struct location *l)
{
	for (unsigned i = 0; i < N_SHARDS; i++) {
		struct shard *s = &l->shards[i];

		list_init(&s->changes);
		pthread_mutex_init(&s->lock, NULL);
	}
	for (unsigned i = 0; i < N_SHARDS; i++) {
		if (hash_table_init(&l->shards[i].table) != 0)
			return VD_ENOMEM;
	}
	return 0;
}

int location_open(const struct store_conf *conf, struct post *post, unsigned me,
		  uint64_t now_ms, struct location **out, char why[512])
{
	struct location *l = aligned_alloc(CACHE_LINE, sizeof(*l));
	struct loading load = {.location = l,
			       .clock = {now_ms, wall_offset_ms()}};
	int err;

	strcpy(why, "the location service: no memory");
	if (l == NULL)
		return VD_ENOMEM;
	memset(l, 0, sizeof(*l));
	l->main_thread = me - 1;
	l->key = hash_process_key();
	err = shards_init(l);
	if (err == 0)
		err = store_open(conf, post, me, load_record, &load, &l->store,
				 why);
	if (err == 0)
		err = load.err;
	if (err != 0) {
		location_close(l);
		return err;
	}
	log_loaded(l, &load);
	*out = l;
	return 0;
}

static void chain_free(struct hash_node *n)
{
	while (n != NULL) {
		struct aor *a = CONTAINER_OF(n, struct aor, node);

		n = n->next;
		bindings_unref(a->committed);
		free(a);
	}
}

static void shard_fini(struct shard *s)
{
	struct hash_table *t = &s->table;
	struct list *it, *tmp;

	LIST_FOREACH(it, tmp, &s->changes)
	change_free(LIST_ENTRY(it, struct change, all));
	for (size_t i = 0; i < t->n_buckets; i++)
		chain_free(t->buckets[i]);
	for (size_t i = t->moved; t->old != NULL && i < t->n_old; i++)
		chain_free(t->old[i]);
	hash_table_fini(t);
	pthread_mutex_destroy(&s->lock);
}

void location_close(struct location *l)
{
	if (l == NULL)
		return;
	store_close(l->store);
	for (unsigned i = 0; i < N_SHARDS; i++)
		shard_fini(&l->shards[i]);
	free(l);
}
