/* One worker (member 0) on the test's own thread, a main thread (1) and the
 * store (2); a directory of the test's own. */
#ifndef VIADUCT_TESTS_DESK_H
#define VIADUCT_TESTS_DESK_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "viaduct/loop/inbox.h"
#include "viaduct/store/store.h"
#include "viaduct/util/log.h"

enum { DESK_WORKER, DESK_MAIN, DESK_STORE, DESK_MEMBERS };

struct desk {
	char dir[64];
	struct loop *loop;
	struct post *post;
	inbox_fn *parcel;
	void *arg;
	unsigned n_done, n_failed, stop_at;
	int order[10000]; /* of the first `done`s, by number */
};

struct desk_done {
	struct desk *desk;
	int number;
};

static inline void desk_parcel(void *arg, struct parcel *p)
{
	struct desk *d = arg;

	d->parcel(d->arg, p);
}

/* A store_done_fn; arg: struct desk_done, which it frees. */
static inline void desk_done(void *arg, int err)
{
	struct desk_done *t = arg;
	struct desk *d = t->desk;

	if (d->n_done < ARRAY_LEN(d->order))
		d->order[d->n_done] = t->number;
	d->n_failed += err != 0;
	if (++d->n_done == d->stop_at)
		loop_stop(d->loop);
	free(t);
}

/* Files end at so many bytes, as on a disk that is full. */
static inline void desk_limit_files(rlim_t bytes)
{
	struct rlimit r;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &r);
	r.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static inline struct desk_done *desk_ticket(struct desk *d, int number)
{
	struct desk_done *t = malloc(sizeof(*t));

	*t = (struct desk_done){d, number};
	return t;
}

/* Turns until n in all are done. */
static inline void desk_wait(struct desk *d, unsigned n)
{
	d->stop_at = n;
	if (d->n_done < n)
		loop_run(d->loop);
}

static inline void desk_loop_open(struct desk *d)
{
	if (loop_new(&d->loop) != 0 ||
	    post_new(DESK_MEMBERS, 16384, &d->post) != 0 ||
	    post_join(d->post, DESK_WORKER, d->loop, desk_parcel, d) != 0 ||
	    post_join(d->post, DESK_MAIN, d->loop, desk_parcel, d) != 0)
		abort();
}

static inline void desk_loop_close(struct desk *d)
{
	post_free(d->post);
	loop_free(d->loop);
	d->post = NULL;
	d->loop = NULL;
	d->n_done = d->n_failed = 0;
}

static inline void desk_open(struct desk *d)
{
	*d = (struct desk){0};
	strcpy(d->dir, "/tmp/viaduct-store-XXXXXX");
	if (mkdtemp(d->dir) == NULL)
		abort();
	desk_loop_open(d);
}

static inline void desk_close(struct desk *d)
{
	char command[128];

	desk_loop_close(d);
	snprintf(command, sizeof(command), "rm -rf %s", d->dir);
	if (system(command) != 0)
		abort();
}

static inline uint64_t desk_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

#endif
