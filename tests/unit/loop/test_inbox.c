#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "viaduct/loop/inbox.h"
#include "viaduct/util/err.h"
#include "util/fail_alloc.h"

enum {
	N_MEMBERS = 3,
	MAX_QUEUED = 100,
	SOME = 1, /* a kind */
};

/* Member 0 receives on a loop of this thread; 1 and 2 only send. */
struct bench {
	struct loop *loop;
	struct post *post;
	unsigned n_got;
	uint32_t got[MAX_QUEUED * 2];
	unsigned stop_at;
};

static void got(void *arg, struct parcel *p)
{
	struct bench *b = arg;

	assert_int_equal(p->kind, SOME);
	memcpy(&b->got[b->n_got++], p->data, sizeof(uint32_t));
	if (b->n_got == b->stop_at)
		loop_stop(b->loop);
}

static int setup(void **state)
{
	static struct bench b;

	b = (struct bench){0};
	*state = &b;
	if (loop_new(&b.loop) != 0 ||
	    post_new(N_MEMBERS, MAX_QUEUED, &b.post) != 0)
		return -1;
	return post_join(b.post, 0, b.loop, got, &b);
}

static int teardown(void **state)
{
	struct bench *b = *state;

	post_free(b->post);
	loop_free(b->loop);
	return 0;
}

static struct parcel *number(struct bench *b, unsigned from, uint32_t value)
{
	struct parcel *p = parcel_new(b->post, from, SOME, sizeof(value));

	if (p != NULL)
		memcpy(p->data, &value, sizeof(value));
	return p;
}

static void receive(struct bench *b, unsigned n)
{
	b->stop_at = b->n_got + n;
	loop_run(b->loop);
}

static void parcels_arrive_in_the_order_of_their_sender(void **state)
{
	struct bench *b = *state;

	for (uint32_t i = 0; i < 50; i++)
		parcel_send(b->post, 0, number(b, 1 + i % 2, i));
	receive(b, 50);
	for (uint32_t i = 0; i < 50; i++)
		assert_int_equal(b->got[i], i);
}

static void storage_comes_back_to_its_sender(void **state)
{
	struct bench *b = *state;
	struct parcel *p = number(b, 1, 7);

	parcel_send(b->post, 0, p);
	receive(b, 1);
	assert_ptr_equal(number(b, 1, 8), p);
	parcel_send(b->post, 0, p);
}

static void a_sender_has_no_more_than_its_share_out(void **state)
{
	struct bench *b = *state;

	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < MAX_QUEUED; i++)
			parcel_send(b->post, 0, number(b, 1, i));
		assert_null(number(b, 1, 0));
		parcel_send(b->post, 0, number(b, 2, 0));
		b->n_got = 0;
		receive(b, MAX_QUEUED + 1);
	}
}

static void large_parcels_arrive_whole(void **state)
{
	struct bench *b = *state;
	struct parcel *p = parcel_new(b->post, 1, SOME, 65536);

	assert_true(p->cap >= 65536);
	memset(p->data, 0x11, 65536);
	parcel_send(b->post, 0, p);
	p = parcel_new(b->post, 1, SOME, PARCEL_SMALL);
	assert_int_equal(p->len, PARCEL_SMALL);
	memset(p->data, 0x22, PARCEL_SMALL);
	parcel_send(b->post, 0, p);
	receive(b, 2);
	assert_int_equal(b->got[0], 0x11111111);
	assert_int_equal(b->got[1], 0x22222222);
	assert_null(parcel_new(b->post, 1, SOME, SIZE_MAX));
}

/* Sent from a running loop, parcels leave at the end of the turn: also those
 * to itself. */
static void send_two(void *arg)
{
	struct bench *b = arg;

	parcel_send(b->post, 0, number(b, 0, 1));
	parcel_send(b->post, 0, number(b, 0, 2));
	assert_int_equal(b->n_got, 0);
}

static void a_running_loop_publishes_at_the_end_of_its_turn(void **state)
{
	struct bench *b = *state;

	loop_defer(b->loop, send_two, b);
	receive(b, 2);
	assert_int_equal(b->got[0], 1);
	assert_int_equal(b->got[1], 2);
}

static void what_was_not_received_is_freed_with_the_post(void **state)
{
	struct bench *b = *state;

	for (uint32_t i = 0; i < 10; i++)
		parcel_send(b->post, 0, number(b, 1, i));
	parcel_send(b->post, 0, parcel_new(b->post, 2, SOME, 10000));
}

static void every_allocation_may_fail_and_nothing_leaks(void **state)
{
	struct post *post = NULL;
	struct loop *l;
	unsigned n = 1;
	int err;

	(void)state;
	for (;; n++) {
		fail_countdown = n;
		err = post_new(N_MEMBERS, 1, &post);
		if (err == 0)
			break;
		assert_int_equal(err, VD_ENOMEM);
	}
	fail_countdown = 0;
	assert_int_equal(n, 2 * N_MEMBERS + 2);
	assert_int_equal(loop_new(&l), 0);
	fail_countdown = 1;
	assert_int_equal(post_join(post, 0, l, got, NULL), VD_ENOMEM);
	fail_countdown = 1;
	assert_null(parcel_new(post, 1, SOME, 1));
	fail_countdown = 1;
	assert_null(parcel_new(post, 1, SOME, 5000));
	fail_countdown = 0;
	post_free(post);
	post_free(NULL);
	loop_free(l);
}

/* Threads that send to each other at random until each has got its share. */
enum {
	N_THREADS = 3,
	N_EACH = 3000, /* parcels that each thread sends to each other */
};

static struct thread {
	pthread_t id;
	unsigned me;
	struct loop *loop;
	struct post *post;
	uint32_t sent[N_THREADS], got[N_THREADS];
} threads[N_THREADS];

static bool thread_is_done(const struct thread *t)
{
	for (unsigned i = 0; i < N_THREADS; i++) {
		if (i != t->me && (t->got[i] < N_EACH || t->sent[i] < N_EACH))
			return false;
	}
	return true;
}

static void thread_got(void *arg, struct parcel *p)
{
	struct thread *t = arg;
	uint32_t value;

	memcpy(&value, p->data, sizeof(value));
	if (value != t->got[p->from])
		abort(); /* cmocka's checks belong to the main thread */
	t->got[p->from]++;
}

/* As many as its share allows; the rest in a later turn. */
static void thread_send(void *arg)
{
	struct thread *t = arg;
	struct parcel *p;

	for (unsigned to = 0; to < N_THREADS; to++) {
		size_t len = t->sent[to] % 64 == 0 ? 3000 : 40;

		if (to == t->me || t->sent[to] == N_EACH)
			continue;
		p = parcel_new(t->post, t->me, SOME, len);
		if (p == NULL)
			break;
		memcpy(p->data, &t->sent[to], sizeof(uint32_t));
		parcel_send(t->post, to, p);
		t->sent[to]++;
	}
	if (!thread_is_done(t))
		loop_defer(t->loop, thread_send, t);
	else
		loop_stop(t->loop);
}

static void *thread_run(void *arg)
{
	struct thread *t = arg;

	loop_defer(t->loop, thread_send, t);
	loop_run(t->loop);
	return NULL;
}

static void threads_lose_nothing_and_keep_the_order(void **state)
{
	struct post *post;

	(void)state;
	assert_int_equal(post_new(N_THREADS, MAX_QUEUED, &post), 0);
	for (unsigned i = 0; i < N_THREADS; i++) {
		threads[i] = (struct thread){.me = i, .post = post};
		assert_int_equal(loop_new(&threads[i].loop), 0);
		assert_int_equal(post_join(post, i, threads[i].loop, thread_got,
					   &threads[i]),
				 0);
	}
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i].id, NULL, thread_run, &threads[i]);
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_join(threads[i].id, NULL);
	for (unsigned i = 0; i < N_THREADS; i++) {
		for (unsigned k = 0; k < N_THREADS; k++)
			assert_int_equal(threads[i].got[k],
					 i == k ? 0 : N_EACH);
	}
	post_free(post);
	for (unsigned i = 0; i < N_THREADS; i++)
		loop_free(threads[i].loop);
}

#define WITH_POST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_POST(parcels_arrive_in_the_order_of_their_sender),
		WITH_POST(storage_comes_back_to_its_sender),
		WITH_POST(a_sender_has_no_more_than_its_share_out),
		WITH_POST(large_parcels_arrive_whole),
		WITH_POST(a_running_loop_publishes_at_the_end_of_its_turn),
		WITH_POST(what_was_not_received_is_freed_with_the_post),
		cmocka_unit_test(every_allocation_may_fail_and_nothing_leaks),
		cmocka_unit_test(threads_lose_nothing_and_keep_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
