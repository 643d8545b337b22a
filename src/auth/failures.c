/* Failed logins by source, and by source and user: a bounded table. */
#include "auth/auth_priv.h"

#include <stdlib.h>

#include "viaduct/util/err.h"

enum {
	WAYS = 8,
	N_BUCKETS = FAILURES_MAX / WAYS,
	N_LOCKS = 16,
};

struct failure {
	uint64_t key;
	uint64_t since_ms; /* the first of the count; 0: nobody's */
	uint64_t banned_until_ms;
	uint32_t n;
};

struct failures {
	atomic_bool is_used; /* nobody ever failed: nothing to look up */
	pthread_mutex_t locks[N_LOCKS];
	struct failure buckets[N_BUCKETS][WAYS];
};

int failures_new(struct failures **out)
{
	struct failures *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return VD_ENOMEM;
	for (size_t i = 0; i < N_LOCKS; i++)
		pthread_mutex_init(&f->locks[i], NULL);
	*out = f;
	return 0;
}

void failures_free(struct failures *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < N_LOCKS; i++)
		pthread_mutex_destroy(&f->locks[i]);
	free(f);
}

static struct failure *lock(struct failures *f, uint64_t key)
{
	pthread_mutex_lock(&f->locks[key % N_BUCKETS % N_LOCKS]);
	return f->buckets[key % N_BUCKETS];
}

static void unlock(struct failures *f, uint64_t key)
{
	pthread_mutex_unlock(&f->locks[key % N_BUCKETS % N_LOCKS]);
}

static struct failure *find(struct failure *bucket, uint64_t key)
{
	for (size_t i = 0; i < WAYS; i++)
		if (bucket[i].since_ms != 0 && bucket[i].key == key)
			return &bucket[i];
	return NULL;
}

/* Until when, or since when, it matters. */
static uint64_t weight(const struct failure *e)
{
	return e->banned_until_ms > e->since_ms ? e->banned_until_ms
						: e->since_ms;
}

/* A place for a new one: a free one, or that which matters least. */
static struct failure *replace(struct failure *bucket, uint64_t key)
{
	struct failure *least = bucket;

	for (size_t i = 1; i < WAYS; i++)
		if (weight(&bucket[i]) < weight(least))
			least = &bucket[i];
	*least = (struct failure){.key = key};
	return least;
}

bool failures_exist(const struct failures *f)
{
	return atomic_load_explicit(&f->is_used, memory_order_relaxed);
}

bool failures_is_banned(struct failures *f, uint64_t key, uint64_t now_ms)
{
	const struct failure *e;
	bool is_banned;

	e = find(lock(f, key), key);
	is_banned = e != NULL && now_ms < e->banned_until_ms;
	unlock(f, key);
	return is_banned;
}

static bool count(struct failure *e, const struct auth_conf *conf,
		  uint64_t now_ms)
{
	if (e->n == 0 || now_ms > e->since_ms + conf->within) {
		e->since_ms = now_ms;
		e->n = 0;
	}
	e->n++;
	if (e->n < conf->failures)
		return false;
	e->banned_until_ms = now_ms + conf->ban;
	e->n = 0;
	return true;
}

bool failures_add(struct failures *f, uint64_t key,
		  const struct auth_conf *conf, uint64_t now_ms)
{
	struct failure *bucket, *e;
	bool begins;

	atomic_store_explicit(&f->is_used, true, memory_order_relaxed);
	bucket = lock(f, key);
	e = find(bucket, key);
	if (e == NULL)
		e = replace(bucket, key);
	begins = count(e, conf, now_ms);
	unlock(f, key);
	return begins;
}

void failures_clear(struct failures *f, uint64_t key)
{
	struct failure *e = find(lock(f, key), key);

	if (e != NULL)
		memset(e, 0, sizeof(*e));
	unlock(f, key);
}
