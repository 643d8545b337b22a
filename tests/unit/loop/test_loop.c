#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "viaduct/loop/loop.h"
#include "viaduct/util/err.h"
#include "util/fail_alloc.h"

static struct loop *loop;
static char journal[256]; /* what ran, one letter each */

static void note(const char *what)
{
	strcat(journal, what);
}

static int setup(void **state)
{
	(void)state;
	journal[0] = '\0';
	return loop_new(&loop);
}

static int teardown(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

static void run_note(void *arg)
{
	note(arg);
}

static void run_stop(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

struct pair {
	int fd[2];
	struct loop_io *io[2];
};

static void pair_open(struct pair *p)
{
	*p = (struct pair){0};
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p->fd), 0);
}

static void pair_close(struct pair *p)
{
	loop_io_del(p->io[0]);
	loop_io_del(p->io[1]);
	close(p->fd[0]);
	close(p->fd[1]);
}

static void on_ready(void *arg, int fd, unsigned events)
{
	char c;

	(void)arg;
	if (events & LOOP_WRITE)
		note("w");
	if (events & LOOP_READ) {
		note("r");
		assert_int_equal(read(fd, &c, 1), 1);
	}
	loop_stop(loop);
}

static void readiness_is_told_while_it_lasts(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p);
	assert_int_equal(
		loop_io_add(loop, p.fd[0], LOOP_READ, on_ready, NULL, &p.io[0]),
		0);
	assert_int_equal(write(p.fd[1], "ab", 2), 2);
	loop_run(loop);
	assert_string_equal(journal, "r");
	loop_run(loop);
	assert_string_equal(journal, "rr");
	pair_close(&p);
}

static void a_watch_tells_only_what_it_was_set_to(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p);
	assert_int_equal(
		loop_io_add(loop, p.fd[0], 0, on_ready, NULL, &p.io[0]), 0);
	assert_int_equal(write(p.fd[1], "a", 1), 1);
	loop_defer(loop, run_stop, NULL);
	loop_run(loop);
	assert_string_equal(journal, "");
	assert_int_equal(loop_io_set(p.io[0], LOOP_WRITE), 0);
	loop_run(loop);
	assert_string_equal(journal, "w");
	assert_int_equal(loop_io_set(p.io[0], LOOP_READ), 0);
	loop_run(loop);
	assert_string_equal(journal, "wr");
	pair_close(&p);
}

/* Two watches are ready in the same turn; who comes first deletes both. */
static void delete_both(void *arg, int fd, unsigned events)
{
	struct pair *p = arg;

	(void)fd;
	(void)events;
	note("d");
	loop_io_del(p->io[0]);
	loop_io_del(p->io[1]);
	p->io[0] = p->io[1] = NULL;
	loop_stop(loop);
}

static void a_deleted_watch_is_not_called_again(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p);
	for (int i = 0; i < 2; i++)
		assert_int_equal(loop_io_add(loop, p.fd[i],
					     LOOP_READ | LOOP_WRITE,
					     delete_both, &p, &p.io[i]),
				 0);
	assert_int_equal(write(p.fd[0], "a", 1), 1);
	assert_int_equal(write(p.fd[1], "a", 1), 1);
	loop_run(loop);
	assert_string_equal(journal, "d");
	pair_close(&p);
}

struct deleter {
	struct timer timer;
	struct pair *pair;
};

static void timer_deletes(struct timer *t)
{
	struct deleter *d = CONTAINER_OF(t, struct deleter, timer);

	delete_both(d->pair, -1, 0);
}

static void pass_ms(unsigned ms)
{
	struct timespec ts = {0, ms * 1000000L};

	nanosleep(&ts, NULL);
}

/* The timer is due when the loop sees that the socket is ready. */
static void a_timer_may_delete_the_watch_that_is_ready(void **state)
{
	struct deleter d;
	struct pair p;

	(void)state;
	pair_open(&p);
	assert_int_equal(
		loop_io_add(loop, p.fd[0], LOOP_READ, on_ready, NULL, &p.io[0]),
		0);
	assert_int_equal(write(p.fd[1], "a", 1), 1);
	timer_init(&d.timer, timer_deletes);
	d.pair = &p;
	timer_arm(loop_wheel(loop), &d.timer, 1);
	pass_ms(25);
	loop_run(loop);
	assert_string_equal(journal, "d");
	pair_close(&p);
}

static void defer_more(void *arg)
{
	note("a");
	loop_defer(loop, run_note, arg);
}

static void deferred_calls_run_in_order_before_the_hooks(void **state)
{
	(void)state;
	assert_int_equal(loop_on_turn_end(loop, run_note, "x"), 0);
	assert_int_equal(loop_on_turn_end(loop, run_note, "y"), 0);
	loop_defer(loop, defer_more, "c");
	loop_defer(loop, run_note, "b");
	loop_defer(loop, run_stop, NULL);
	loop_run(loop);
	assert_string_equal(journal, "abcxy");
}

static void defer_once(void *arg)
{
	bool *done = arg;

	note("h");
	if (!*done)
		loop_defer(loop, run_note, "d");
	*done = true;
}

/* What is deferred by a hook may produce what the hooks have to send. */
static void hooks_run_again_after_what_they_deferred(void **state)
{
	bool done = false;

	(void)state;
	assert_int_equal(loop_on_turn_end(loop, defer_once, &done), 0);
	assert_int_equal(loop_on_turn_end(loop, run_note, "f"), 0);
	loop_defer(loop, run_stop, NULL);
	loop_run(loop);
	assert_string_equal(journal, "hfdhf");
}

static void turn_again(void *arg)
{
	unsigned *n_turns = arg;

	if (++*n_turns == 3)
		loop_stop(loop);
	else
		loop_again(loop);
}

/* Nothing is ready and no timer is armed: a turn that waits would wait for
 * ever. The first one is woken from the side. */
static void asked_for_the_next_turn_does_not_wait(void **state)
{
	unsigned n_turns = 0;
	struct pair p;

	(void)state;
	pair_open(&p);
	assert_int_equal(
		loop_io_add(loop, p.fd[0], LOOP_READ, on_ready, NULL, &p.io[0]),
		0);
	assert_int_equal(loop_on_turn_end(loop, turn_again, &n_turns), 0);
	loop_again(loop);
	loop_run(loop);
	assert_int_equal(n_turns, 3);
	assert_string_equal(journal, "");
	loop_io_del(p.io[0]);
	p.io[0] = NULL;
	pair_close(&p);
}

static void defer_myself(void *arg)
{
	unsigned *n = arg;

	if (++*n < 1000)
		loop_defer(loop, defer_myself, arg);
}

static void run_count(void *arg)
{
	++*(unsigned *)arg;
}

static void a_call_that_defers_itself_starves_neither_io_nor_hooks(void **state)
{
	unsigned n = 0, n_hooks = 0;
	struct pair p;

	(void)state;
	pair_open(&p);
	assert_int_equal(
		loop_io_add(loop, p.fd[0], LOOP_READ, on_ready, NULL, &p.io[0]),
		0);
	assert_int_equal(loop_on_turn_end(loop, run_count, &n_hooks), 0);
	assert_int_equal(write(p.fd[1], "a", 1), 1);
	loop_defer(loop, defer_myself, &n);
	loop_run(loop);
	assert_string_equal(journal, "r");
	assert_true(n > 1 && n < 1000);
	assert_true(n_hooks >= 1);
	pair_close(&p);
	loop_free(loop);
	assert_int_equal(n, 1000);
	assert_int_equal(loop_new(&loop), 0);
}

static void more_calls_than_the_ring_holds_all_run(void **state)
{
	unsigned n = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		loop_defer(loop, run_count, &n);
	loop_defer(loop, run_stop, NULL);
	loop_run(loop);
	for (int i = 0; i < 5000; i++)
		loop_defer(loop, run_count, &n);
	loop_defer(loop, run_stop, NULL);
	loop_run(loop);
	assert_int_equal(n, 5100);
}

static void
what_is_deferred_at_the_end_runs_when_the_loop_is_freed(void **state)
{
	unsigned n = 0;

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	loop_defer(loop, run_count, &n);
	loop_free(loop);
	assert_int_equal(n, 1);
	loop_free(NULL);
}

struct beat {
	struct timer timer;
	unsigned n;
	uint64_t last_ms;
};

static void beat_run(struct timer *t)
{
	struct beat *b = CONTAINER_OF(t, struct beat, timer);
	uint64_t now_ms = timer_wheel_now_ms(loop_wheel(loop));

	assert_true(now_ms >= b->last_ms + 20);
	assert_true(loop_now_ms(loop) >= now_ms);
	b->last_ms = now_ms;
	if (++b->n == 5)
		loop_stop(loop);
	else
		timer_arm(loop_wheel(loop), t, 20);
}

static void timers_run_and_the_loop_sleeps_in_between(void **state)
{
	struct beat b = {.n = 0};
	unsigned n_turns = 0;

	(void)state;
	b.last_ms = loop_now_ms(loop);
	assert_int_equal(loop_on_turn_end(loop, run_count, &n_turns), 0);
	timer_init(&b.timer, beat_run);
	timer_arm(loop_wheel(loop), &b.timer, 20);
	loop_run(loop);
	assert_int_equal(b.n, 5);
	assert_true(n_turns <= 15);
}

/* An earlier timer than the one that the loop has been waiting for. */
static void arm_earlier(struct timer *t)
{
	struct beat *b = CONTAINER_OF(t, struct beat, timer);

	timer_arm(loop_wheel(loop), &b[1].timer, 20);
}

static void an_earlier_timer_wakes_the_loop(void **state)
{
	struct beat b[2] = {0};
	struct timer late;

	(void)state;
	timer_init(&late, arm_earlier);
	timer_init(&b[0].timer, arm_earlier);
	timer_init(&b[1].timer, beat_run);
	b[1].n = 4;
	timer_arm(loop_wheel(loop), &late, 100000);
	timer_arm(loop_wheel(loop), &b[0].timer, 10);
	loop_run(loop);
	assert_int_equal(b[1].n, 5);
	timer_cancel(loop_wheel(loop), &late);
}

static void *stop_from_outside(void *arg)
{
	loop_stop(arg);
	return NULL;
}

static void another_thread_can_stop_a_sleeping_loop(void **state)
{
	pthread_t t;

	(void)state;
	pthread_create(&t, NULL, stop_from_outside, loop);
	loop_run(loop);
	pthread_join(t, NULL);
}

static void a_stop_before_the_run_ends_it_at_once(void **state)
{
	unsigned n_turns = 0;

	(void)state;
	assert_int_equal(loop_on_turn_end(loop, run_count, &n_turns), 0);
	loop_stop(loop);
	loop_run(loop);
	assert_int_equal(n_turns, 0);
}

static void on_signal(void *arg, int signo)
{
	assert_int_equal(signo, SIGUSR1);
	run_note(arg);
	loop_stop(loop);
}

static void signals_arrive_as_calls(void **state)
{
	(void)state;
	assert_int_equal(loop_on_signal(loop, SIGUSR1, on_signal, "s"), 0);
	raise(SIGUSR1);
	loop_run(loop);
	assert_string_equal(journal, "s");
}

static void *event_alloc(size_t size)
{
	return fail_now() ? NULL : __real_malloc(size);
}

static void *event_realloc(void *p, size_t size)
{
	return fail_now() ? NULL : realloc(p, size);
}

static int loop_with_watch(struct pair *p)
{
	int err = loop_new(&loop);

	if (err != 0)
		return err;
	p->io[0] = NULL;
	err = loop_io_add(loop, p->fd[0], LOOP_READ | LOOP_WRITE, on_ready,
			  NULL, &p->io[0]);
	if (err == 0)
		err = loop_on_turn_end(loop, run_stop, NULL);
	loop_io_del(p->io[0]);
	loop_free(loop);
	return err;
}

static void every_allocation_may_fail_and_nothing_leaks(void **state)
{
	struct pair p;
	unsigned n = 1;
	int err = 0;

	(void)state;
	pair_open(&p);
	/* Until the n-th is one that was not asked for. */
	for (fail_countdown = 0; fail_countdown == 0; n++) {
		fail_countdown = n;
		err = loop_with_watch(&p);
		assert_true(err == 0 || err == VD_ENOMEM);
	}
	fail_countdown = 0;
	assert_true(n > 8);
	assert_int_equal(err, 0);
	p.io[0] = NULL;
	pair_close(&p);
}

#define WITH_LOOP(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOOP(readiness_is_told_while_it_lasts),
		WITH_LOOP(a_watch_tells_only_what_it_was_set_to),
		WITH_LOOP(a_deleted_watch_is_not_called_again),
		WITH_LOOP(a_timer_may_delete_the_watch_that_is_ready),
		WITH_LOOP(deferred_calls_run_in_order_before_the_hooks),
		WITH_LOOP(asked_for_the_next_turn_does_not_wait),
		WITH_LOOP(hooks_run_again_after_what_they_deferred),
		WITH_LOOP(
			a_call_that_defers_itself_starves_neither_io_nor_hooks),
		WITH_LOOP(more_calls_than_the_ring_holds_all_run),
		cmocka_unit_test(
			what_is_deferred_at_the_end_runs_when_the_loop_is_freed),
		WITH_LOOP(timers_run_and_the_loop_sleeps_in_between),
		WITH_LOOP(an_earlier_timer_wakes_the_loop),
		WITH_LOOP(another_thread_can_stop_a_sleeping_loop),
		WITH_LOOP(a_stop_before_the_run_ends_it_at_once),
		WITH_LOOP(signals_arrive_as_calls),
		cmocka_unit_test(every_allocation_may_fail_and_nothing_leaks),
	};

	event_set_mem_functions(event_alloc, event_realloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
