/*
 * An address has its committed bindings and the changes that are on their way
 * to the store, newest first. A change is handed to the store under the lock of
 * its shard, so that the store commits in the order in which the changes were
 * made. The news of it may come in another order, on several workers.
 */
#include <stdlib.h>

#include "viaduct/util/err.h"
#include "viaduct/util/log.h"
#include "viaduct/util/wall.h"
#include "registrar/location_priv.h"

enum {
	SHARD_SHIFT = 58, /* the table uses the hash's low bits */
	PENDING_MAX = 64, /* changes of one address on their way */
};

uint64_t aor_hash(const struct location *l, struct str aor)
{
	return hash_bytes(l->key, aor.p, aor.len);
}

struct shard *shard_of(struct location *l, uint64_t hash)
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

struct aor *aor_new(struct location *l, struct shard *s, uint64_t hash,
		    struct str text)
{
	struct aor *a = malloc(sizeof(*a) + text.len);

	if (a == NULL)
		return NULL;
	*a = (struct aor){.len = (uint16_t)text.len};
	memcpy(a->text, text.p, text.len);
	hash_table_insert(&s->table, &a->node, hash);
	atomic_fetch_add_explicit(&l->n_entries, 1, memory_order_relaxed);
	return a;
}

static void aor_free_if_empty(struct location *l, struct shard *s,
			      struct aor *a)
{
	if (a->committed != NULL || a->newest != NULL)
		return;
	hash_table_remove(&s->table, &a->node);
	atomic_fetch_sub_explicit(&l->n_entries, 1, memory_order_relaxed);
	free(a);
}

bool aor_publish(struct location *l, struct shard *s, struct aor *a,
		 struct bindings *b)
{
	bool is_live = flows_join(&l->flows, a, b);

	flows_leave(&l->flows, a->committed);
	s->n_aors += (b != NULL) - (a->committed != NULL);
	s->n_contacts += b != NULL ? b->n : 0;
	s->n_contacts -= a->committed != NULL ? a->committed->n : 0;
	bindings_unref(a->committed);
	a->committed = b;
	return is_live;
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

void change_free(struct change *c)
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

/* A connection ended between the REGISTER and its commit. What fails here is
 * left to the sweep. */
static void drop_lost(const struct change *c, struct aor *a)
{
	struct ending e = {.location = c->location};
	struct wish w = {
		.from = c->from, .change = drop_ended, .change_arg = &e};

	aor_change(c->location, c->shard, a, &w);
}

static void commit(struct change *c, struct aor *a)
{
	bool is_live;

	forget_older(c);
	is_live = aor_publish(c->location, c->shard, a, c->next);
	c->next = NULL;
	unlink_change(c);
	if (!is_live)
		drop_lost(c, a);
}

/* Under the lock. */
static void change_finish(struct change *c, int err)
{
	struct aor *a = c->aor;

	if (a != NULL && err == 0)
		commit(c, a);
	else if (a != NULL)
		unlink_change(c);
	if (a != NULL)
		aor_free_if_empty(c->location, c->shard, a);
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

	if (c->next == NULL || !store_keeps(l->store))
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

int aor_change(struct location *l, struct shard *s, struct aor *a,
	       const struct wish *w)
{
	struct change *c;
	int err;

	if (a->n_pending >= PENDING_MAX)
		return VD_ELIMIT;
	c = change_new(s, a);
	if (c == NULL)
		return VD_ENOMEM;
	c->location = l;
	c->from = w->from;
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

/* Workers that come at once may pass it by as many as they are. */
static bool has_room(struct location *l)
{
	static struct log_class full = LOG_CLASS(1);
	uint32_t max =
		atomic_load_explicit(&l->max_entries, memory_order_relaxed);

	if (atomic_load_explicit(&l->n_entries, memory_order_relaxed) < max)
		return true;
	if (log_class_allows(&full, "location.full"))
		log_warning(STR_NONE, "location.full",
			    KV_UINT("registrations", max));
	return false;
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
	if (a == NULL && !has_room(l))
		err = VD_ELIMIT;
	else if (a == NULL)
		a = aor_new(l, s, hash, aor);
	if (a != NULL)
		err = aor_change(l, s, a, &w);
	if (a != NULL && err != 0)
		aor_free_if_empty(l, s, a);
	pthread_mutex_unlock(&s->lock);
	return err;
}

/* Nobody finds them alive any more, nor in what will be committed before the
 * change that drops them, or without it. */
static void end_bindings(struct location *l, const struct aor *a,
			 const struct hop *flow)
{
	unsigned n = flows_end(aor_now(a), flow);

	for (const struct change *c = a->newest; c != NULL; c = c->older)
		flows_end(c->next, flow);
	flows_end(a->committed, flow);
	atomic_fetch_add_explicit(&l->n_lost, n, memory_order_relaxed);
}

static void end_flow_of(struct location *l, const struct wish *w,
			struct str aor, const struct hop *flow)
{
	uint64_t hash = aor_hash(l, aor);
	struct shard *s = shard_of(l, hash);
	struct aor *a;

	pthread_mutex_lock(&s->lock);
	a = aor_find(s, hash, aor);
	if (a != NULL) {
		end_bindings(l, a, flow);
		aor_change(l, s, a, w);
	}
	pthread_mutex_unlock(&s->lock);
}

/* What cannot be written now is left to the sweep. */
static void end_flow(struct location *l, unsigned from, const struct hop *flow)
{
	struct ending e = {.location = l};
	const struct wish w = {
		.from = from, .change = drop_ended, .change_arg = &e};
	char text[AOR_LEN_MAX];
	size_t len;

	while ((len = flows_take(&l->flows, flow, text)) > 0)
		end_flow_of(l, &w, (struct str){text, len}, flow);
}

void location_conn_closed(struct location *l, unsigned from,
			  struct conn_ref conn)
{
	const struct hop flow = {.transport = SIP_TCP, .conn = conn};

	end_flow(l, from, &flow);
}

void location_flow_failed(struct location *l, unsigned from,
			  const struct hop *flow)
{
	if (!sip_transport_is_stream(flow->transport))
		end_flow(l, from, flow);
}

void location_parcel(struct location *l, struct parcel *p)
{
	store_parcel(l->store, p);
}
