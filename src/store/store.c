/*
 * Writes are queued in the order of the calls, whichever worker makes them:
 * who calls under a lock of his own has them committed in the order in which he
 * held it. (Parcels keep the order of one sender only.) The store's thread
 * takes what there is, commits it, and puts each outcome into the ring of the
 * worker that asked; a parcel tells him to look.
 */
#include "viaduct/store/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "viaduct/util/err.h"
#include "viaduct/util/log.h"
#include "store/store_priv.h"

enum {
	CACHE_LINE = 64,
	PARCEL_DONE = PARCEL_STORE_FIRST,
	QUEUED_MAX = 8192,           /* of one worker, until done has run */
	QUEUED_BYTES_MAX = 64 << 20, /* of all */
	BATCH_MAX = 100,
	GATHER_MS = 1, /* more make one commit, at the price of this wait */
	PROBE_MS = 1000,
	RETRY_MS = 10,
};

struct outcome {
	store_done_fn *done;
	void *arg;
	int err;
};

/* Room for all that its worker may have queued, so it never is full. */
struct ring {
	_Alignas(CACHE_LINE) struct outcome *v; /* QUEUED_MAX */
	_Atomic unsigned tail;                  /* written by the store */
	bool is_owed; /* the store's: he has not been told of all */
	_Alignas(CACHE_LINE) unsigned head; /* the worker's, and so is n_out */
	unsigned n_out;
	bool is_told; /* in memory: his parcel to himself is on its way */
};

struct store {
	enum store_kind kind;
	struct post *post; /* borrowed */
	unsigned me, n_rings;
	struct ring *rings; /* one for each member below `me` */

	struct db *db;
	struct checkpointer *checkpointer;
	pthread_t thread;
	bool is_started, has_locks;

	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct op *first, **last;
	unsigned n_queued;
	size_t queued_bytes;
	bool must_stop;

	_Atomic bool is_ill;
	_Atomic uint64_t n_commits, n_records, n_failures, n_refused;
};

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void outcome_put(struct ring *r, store_done_fn *done, void *arg, int err)
{
	unsigned tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	r->v[tail % QUEUED_MAX] = (struct outcome){done, arg, err};
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
}

void store_parcel(struct store *s, struct parcel *p)
{
	struct ring *r;
	unsigned to, tail;

	memcpy(&to, p->data, sizeof(to));
	r = &s->rings[to];
	r->is_told = false;
	tail = atomic_load_explicit(&r->tail, memory_order_acquire);
	while (r->head != tail) {
		struct outcome o = r->v[r->head++ % QUEUED_MAX];

		r->n_out--;
		o.done(o.arg, o.err);
	}
}

static bool tell(struct store *s, unsigned from, unsigned to)
{
	struct parcel *p = parcel_new(s->post, from, PARCEL_DONE, sizeof(to));

	if (p == NULL)
		return false;
	memcpy(p->data, &to, sizeof(to));
	parcel_send(s->post, to, p);
	return true;
}

/* --- the store's thread --- */

static bool tell_all(struct store *s)
{
	bool is_owing = false;

	for (unsigned i = 0; i < s->n_rings; i++) {
		struct ring *r = &s->rings[i];

		r->is_owed = r->is_owed && !tell(s, s->me, i);
		is_owing = is_owing || r->is_owed;
	}
	return is_owing;
}

static void note_health(struct store *s, int err)
{
	bool was_ill = atomic_exchange(&s->is_ill, err != 0);

	if (err != 0)
		count(&s->n_failures, 1);
	if (err != 0 && !was_ill)
		log_error(STR_NONE, "store.failed",
			  KV_TEXT("error", db_why(s->db)));
	else if (err == 0 && was_ill)
		log_info(STR_NONE, "store.recovered");
}

static void batch_finish(struct store *s, struct op *ops, int err)
{
	while (ops != NULL) {
		struct op *next = ops->next;

		outcome_put(&s->rings[ops->from], ops->done, ops->arg, err);
		s->rings[ops->from].is_owed = true;
		free(ops);
		ops = next;
	}
}

static void batch_commit(struct store *s, struct op *ops, unsigned n)
{
	int err = db_commit(s->db, ops);

	if (err == 0) {
		count(&s->n_commits, 1);
		count(&s->n_records, n);
		checkpointer_wake(s->checkpointer);
	}
	note_health(s, err);
	batch_finish(s, ops, err);
}

/* Nothing to do: sleep, but look after what is left over. */
static void wait_idle(struct store *s, unsigned wait_ms)
{
	struct timespec until = time_after_ms(wait_ms);

	while (s->first == NULL && !s->must_stop) {
		if (wait_ms == 0)
			pthread_cond_wait(&s->cond, &s->lock);
		else if (pthread_cond_timedwait(&s->cond, &s->lock, &until) !=
			 0)
			break;
	}
}

static void wait_for_more(struct store *s)
{
	struct timespec until = time_after_ms(GATHER_MS);

	while (s->n_queued < BATCH_MAX && !s->must_stop &&
	       pthread_cond_timedwait(&s->cond, &s->lock, &until) == 0)
		;
}

/* Up to BATCH_MAX of the oldest. */
static struct op *queue_cut(struct store *s, unsigned *n)
{
	struct op *first = s->first, **at = &s->first;

	for (*n = 0; *at != NULL && *n < BATCH_MAX; ++*n) {
		s->queued_bytes -= op_size(*at);
		at = &(*at)->next;
	}
	s->first = *at;
	*at = NULL;
	if (s->first == NULL)
		s->last = &s->first;
	s->n_queued -= *n;
	return *n > 0 ? first : NULL;
}

/* False: the end. No writes are a batch too, when somebody's time has come. */
static bool batch_take(struct store *s, unsigned wait_ms, struct op **ops,
		       unsigned *n)
{
	bool go_on;

	pthread_mutex_lock(&s->lock);
	wait_idle(s, wait_ms);
	if (s->first != NULL)
		wait_for_more(s);
	*ops = queue_cut(s, n);
	go_on = *ops != NULL || !s->must_stop;
	pthread_mutex_unlock(&s->lock);
	return go_on;
}

static void *run(void *arg)
{
	struct store *s = arg;
	unsigned wait_ms = 0, n;
	struct op *ops;

	while (batch_take(s, wait_ms, &ops, &n)) {
		if (ops != NULL)
			batch_commit(s, ops, n);
		else if (s->is_ill && wait_ms == PROBE_MS)
			note_health(s, db_probe(s->db));
		wait_ms = s->is_ill ? PROBE_MS : 0;
		if (tell_all(s))
			wait_ms = RETRY_MS;
	}
	return NULL;
}

/* --- the workers' side --- */

static struct op *op_new(unsigned from, struct str key, struct str value,
			 store_done_fn *done, void *arg)
{
	struct op *op = malloc(sizeof(*op) + key.len + value.len);

	if (op == NULL)
		return NULL;
	*op = (struct op){
		.done = done,
		.arg = arg,
		.from = from,
		.is_removal = value.p == NULL,
		.key_len = key.len,
		.value_len = value.len,
	};
	memcpy(op->data, key.p, key.len);
	if (value.len > 0)
		memcpy(op->data + key.len, value.p, value.len);
	return op;
}

static bool queue_add(struct store *s, struct op *op)
{
	bool has_room;

	pthread_mutex_lock(&s->lock);
	has_room = s->queued_bytes + op_size(op) <= QUEUED_BYTES_MAX;
	if (has_room) {
		*s->last = op;
		s->last = &op->next;
		s->queued_bytes += op_size(op);
		s->n_queued++;
		if (s->n_queued == 1 || s->n_queued == BATCH_MAX)
			pthread_cond_signal(&s->cond);
	}
	pthread_mutex_unlock(&s->lock);
	return has_room;
}

static int write_file(struct store *s, unsigned from, struct str key,
		      struct str value, store_done_fn *done, void *arg)
{
	struct op *op = op_new(from, key, value, done, arg);

	if (op == NULL)
		return VD_ENOMEM;
	if (!queue_add(s, op)) {
		free(op);
		return VD_ELIMIT;
	}
	return 0;
}

/* Nothing to wait for, but it must come later: one parcel to himself, which
 * does not run what is written meanwhile. */
static int write_memory(struct store *s, unsigned from, store_done_fn *done,
			void *arg)
{
	struct ring *r = &s->rings[from];

	if (!r->is_told && !tell(s, from, from))
		return VD_ELIMIT;
	r->is_told = true;
	outcome_put(r, done, arg, 0);
	count(&s->n_records, 1);
	return 0;
}

int store_write(struct store *s, unsigned from, struct str key,
		struct str value, store_done_fn *done, void *arg)
{
	struct ring *r = &s->rings[from];
	int err = VD_ELIMIT;

	assert(from < s->n_rings);
	if (r->n_out < QUEUED_MAX)
		err = s->kind == STORE_MEMORY
			      ? write_memory(s, from, done, arg)
			      : write_file(s, from, key, value, done, arg);
	if (err == 0)
		r->n_out++;
	else
		count(&s->n_refused, 1);
	return err;
}

bool store_keeps(const struct store *s)
{
	return s->kind != STORE_MEMORY;
}

bool store_is_well(const struct store *s)
{
	return !atomic_load_explicit(&s->is_ill, memory_order_relaxed);
}

void store_counts(struct store *s, struct store_counts *out)
{
	pthread_mutex_lock(&s->lock);
	out->queued = s->n_queued;
	pthread_mutex_unlock(&s->lock);
	out->commits = atomic_load(&s->n_commits);
	out->records = atomic_load(&s->n_records);
	out->failures = atomic_load(&s->n_failures);
	out->refused = atomic_load(&s->n_refused);
}

/* --- opening and closing --- */

static int rings_new(struct store *s)
{
	s->rings = aligned_alloc(CACHE_LINE, s->me * sizeof(*s->rings));
	if (s->rings == NULL)
		return VD_ENOMEM;
	for (; s->n_rings < s->me; s->n_rings++) {
		struct ring *r = &s->rings[s->n_rings];

		*r = (struct ring){.v = calloc(QUEUED_MAX, sizeof(*r->v))};
		if (r->v == NULL)
			return VD_ENOMEM;
	}
	return 0;
}

/* Opens; what is corrupt goes aside, and a new file is begun. */
static int file_open(const char *path, bool is_full, struct db **db,
		     char why[512])
{
	char name[512];
	int err = db_open(path, is_full, db, why);

	if (err != VD_EINVAL)
		return err;
	if (aside(path, name) != 0)
		return VD_ESYS;
	log_error(STR_NONE, "store.corrupt", KV_TEXT("error", why),
		  KV_TEXT("kept_as", name));
	return db_open(path, is_full, db, why);
}

static int file_start(struct store *s, const struct store_conf *conf,
		      store_load_fn *load, void *arg, char why[512])
{
	char path[512];
	int err;

	if (snprintf(path, sizeof(path), "%s/viaduct.db", conf->dir) >= 400)
		return VD_ESYS;
	err = file_open(path, conf->is_full, &s->db, why);
	if (err == 0)
		err = db_load(s->db, load, arg, why);
	if (err != 0)
		return err;
	err = checkpointer_new(path, &s->checkpointer);
	if (err == 0)
		err = cond_init(&s->cond);
	if (err != 0)
		return err;
	pthread_mutex_init(&s->lock, NULL);
	s->has_locks = true;
	err = thread_start(&s->thread, run, s);
	s->is_started = err == 0;
	return err;
}

int store_open(const struct store_conf *conf, struct post *post, unsigned me,
	       store_load_fn *load, void *arg, struct store **out,
	       char why[512])
{
	struct store *s = calloc(1, sizeof(*s));
	int err;

	snprintf(why, 512, "%s/viaduct.db: it cannot be opened", conf->dir);
	if (s == NULL)
		return VD_ENOMEM;
	s->kind = conf->kind;
	s->post = post;
	s->me = me;
	s->last = &s->first;
	err = rings_new(s);
	if (err == 0 && s->kind == STORE_SQLITE)
		err = file_start(s, conf, load, arg, why);
	if (err != 0) {
		store_close(s);
		return err;
	}
	*out = s;
	return 0;
}

static void thread_end(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	s->must_stop = true;
	pthread_cond_signal(&s->cond);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	if (s->is_started)
		thread_end(s);
	checkpointer_free(s->checkpointer);
	db_close(s->db);
	if (s->has_locks) {
		pthread_cond_destroy(&s->cond);
		pthread_mutex_destroy(&s->lock);
	}
	for (unsigned i = 0; i < s->n_rings; i++)
		free(s->rings[i].v);
	free(s->rings);
	free(s);
}
