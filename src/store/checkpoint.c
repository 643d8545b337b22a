/*
 * Moving pages from the log into the file takes a while and syncs; done by the
 * writer it would make one commit in some hundred wait for tens of ms. A second
 * connection does it meanwhile: PASSIVE never stands in the writer's way.
 */
#include <sqlite3.h>
#include <stdlib.h>

#include "viaduct/util/err.h"
#include "store/store_priv.h"

enum { INTERVAL_MS = 200 };

struct checkpointer {
	sqlite3 *sql;
	pthread_t thread;
	bool is_started;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool is_wanted, must_stop;
};

/* Waits until there is work and the interval has passed. False: the end. */
static bool wait_for_work(struct checkpointer *c)
{
	struct timespec until;
	bool go_on;

	pthread_mutex_lock(&c->lock);
	while (!c->is_wanted && !c->must_stop)
		pthread_cond_wait(&c->cond, &c->lock);
	until = time_after_ms(INTERVAL_MS);
	while (!c->must_stop &&
	       pthread_cond_timedwait(&c->cond, &c->lock, &until) == 0)
		;
	c->is_wanted = false;
	go_on = !c->must_stop;
	pthread_mutex_unlock(&c->lock);
	return go_on;
}

/* An error here is no loss: the log keeps the pages, and the next one tries
 * again. A full disk shows in the commits. */
static void *run(void *arg)
{
	struct checkpointer *c = arg;

	while (wait_for_work(c))
		sqlite3_wal_checkpoint_v2(
			c->sql, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return NULL;
}

int checkpointer_new(const char *path, struct checkpointer **out)
{
	struct checkpointer *c = calloc(1, sizeof(*c));
	int err = VD_ESYS;

	if (c == NULL)
		return VD_ENOMEM;
	if (cond_init(&c->cond) != 0) {
		free(c);
		return VD_ENOMEM;
	}
	pthread_mutex_init(&c->lock, NULL);
	if (sqlite3_open_v2(path, &c->sql,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			    NULL) == SQLITE_OK &&
	    sqlite3_wal_autocheckpoint(c->sql, 0) == SQLITE_OK)
		err = thread_start(&c->thread, run, c);
	c->is_started = err == 0;
	if (err != 0) {
		checkpointer_free(c);
		return err;
	}
	*out = c;
	return 0;
}

void checkpointer_wake(struct checkpointer *c)
{
	pthread_mutex_lock(&c->lock);
	if (!c->is_wanted) {
		c->is_wanted = true;
		pthread_cond_signal(&c->cond);
	}
	pthread_mutex_unlock(&c->lock);
}

void checkpointer_free(struct checkpointer *c)
{
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->must_stop = true;
	pthread_cond_signal(&c->cond);
	pthread_mutex_unlock(&c->lock);
	if (c->is_started)
		pthread_join(c->thread, NULL);
	sqlite3_close(c->sql);
	pthread_cond_destroy(&c->cond);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
