/*
 * A child writes at full speed and tells each acknowledged write through a
 * pipe; it is killed at some moment; every write that it told of is there.
 * VIADUCT_CRASH_ROUNDS makes more rounds of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "store/desk.h"

enum {
	N_ROUNDS = 20,
	N_KEYS = 3000,
	IN_FLIGHT = 300,
	KILL_AFTER_US = 5000, /* and up to ten times as long */
};

/* A write: this key has this count now. */
struct written {
	uint32_t key, count;
};

struct child {
	struct desk desk;
	struct store *s;
	uint32_t n_asked;
	int pipe;
};

struct ticket {
	struct child *child;
	struct written written;
};

static uint32_t counts[N_KEYS];

static bool load(void *arg, struct str key, struct str value)
{
	uint32_t k;

	(void)arg;
	memcpy(&k, key.p, sizeof(k));
	memcpy(&counts[k], value.p, sizeof(counts[k]));
	return true;
}

static struct store *open_store(struct desk *d)
{
	struct store_conf conf = {.kind = STORE_SQLITE, .dir = d->dir};
	struct store *s = NULL;
	char why[512];

	if (store_open(&conf, d->post, DESK_STORE, load, NULL, &s, why) != 0)
		abort();
	return s;
}

static void write_next(struct child *c);

static void acknowledged(void *arg, int err)
{
	struct ticket *t = arg;
	struct child *c = t->child;

	if (err != 0 || write(c->pipe, &t->written, sizeof(t->written)) !=
				(ssize_t)sizeof(t->written))
		abort();
	free(t);
	write_next(c);
}

static void write_next(struct child *c)
{
	struct ticket *t = malloc(sizeof(*t));
	uint32_t key = c->n_asked++ % N_KEYS;

	*t = (struct ticket){c, {key, ++counts[key]}};
	if (store_write(c->s, DESK_WORKER,
			(struct str){(char *)&t->written.key, 4},
			(struct str){(char *)&t->written.count, 4},
			acknowledged, t) != 0)
		abort();
}

static void to_store(void *arg, struct parcel *p)
{
	struct child *c = arg;

	store_parcel(c->s, p);
}

static void child_run(struct child *c)
{
	desk_loop_open(&c->desk);
	c->desk.parcel = to_store;
	c->desk.arg = c;
	c->s = open_store(&c->desk);
	for (int i = 0; i < IN_FLIGHT; i++)
		write_next(c);
	loop_run(c->desk.loop);
}

/* What it told before its end. Returns how many. */
static unsigned told(int fd, uint32_t told_counts[N_KEYS])
{
	struct written w;
	unsigned n = 0;

	for (; read(fd, &w, sizeof(w)) == (ssize_t)sizeof(w); n++)
		told_counts[w.key] = w.count;
	return n;
}

static void collect(int fd, uint32_t told_counts[N_KEYS], pid_t child,
		    unsigned *n)
{
	uint64_t until_us = 0;
	struct written w;

	/* From the first acknowledgement on: the start is not the subject. */
	while (read(fd, &w, sizeof(w)) == (ssize_t)sizeof(w)) {
		told_counts[w.key] = w.count;
		++*n;
		if (until_us == 0)
			until_us = desk_now_us() + KILL_AFTER_US +
				   (uint64_t)rand() % (9 * KILL_AFTER_US);
		if (desk_now_us() >= until_us)
			break;
	}
	kill(child, SIGKILL);
	*n += told(fd, told_counts);
	waitpid(child, NULL, 0);
}

static void check(struct child *c, const uint32_t told_counts[N_KEYS])
{
	desk_loop_open(&c->desk);
	memset(counts, 0, sizeof(counts));
	store_close(open_store(&c->desk));
	desk_loop_close(&c->desk);
	for (int i = 0; i < N_KEYS; i++)
		assert_true(counts[i] >= told_counts[i]);
}

static void round_of(struct child *c)
{
	uint32_t told_counts[N_KEYS] = {0};
	unsigned n = 0;
	int fds[2];
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		close(fds[0]);
		c->pipe = fds[1];
		child_run(c);
		_exit(0);
	}
	close(fds[1]);
	collect(fds[0], told_counts, child, &n);
	close(fds[0]);
	assert_true(n > 0);
	check(c, told_counts);
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
	const char *rounds = getenv("VIADUCT_CRASH_ROUNDS");
	int n = rounds != NULL ? atoi(rounds) : N_ROUNDS;
	static struct child c;

	(void)state;
	desk_open(&c.desk);
	desk_loop_close(&c.desk);
	for (; n > 0; n--)
		round_of(&c);
	desk_loop_open(&c.desk);
	desk_close(&c.desk);
}

/* What lies behind the last whole commit of a log is ignored. */
static void a_log_cut_short_loses_only_its_end(void **state)
{
	static struct child c;
	uint32_t told_counts[N_KEYS] = {0};
	char path[128];
	unsigned n = 0;
	int fds[2];
	pid_t child;

	(void)state;
	desk_open(&c.desk);
	desk_loop_close(&c.desk);
	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		c.pipe = fds[1];
		child_run(&c);
		_exit(0);
	}
	close(fds[1]);
	collect(fds[0], told_counts, child, &n);
	close(fds[0]);
	snprintf(path, sizeof(path), "%s/viaduct.db-wal", c.desk.dir);
	assert_int_equal(truncate(path, 32 + 5 * (4096 + 24) + 100), 0);
	memset(told_counts, 0, sizeof(told_counts));
	check(&c, told_counts);
	check(&c, told_counts);
	desk_loop_open(&c.desk);
	desk_close(&c.desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_acknowledged_survives_kill_9),
		cmocka_unit_test(a_log_cut_short_loses_only_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
