#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "viaduct/loop/timer.h"
#include "viaduct/util/err.h"
#include "util/fail_alloc.h"

enum {
	START_MS = 1234567, /* not at the start of a tick */
};

static struct timer_wheel *wheel;

/* Counts its runs and remembers when the last was. */
struct probe {
	struct timer timer;
	unsigned n;
	uint64_t ran_at_ms;
};

static void probe_run(struct timer *t)
{
	struct probe *p = CONTAINER_OF(t, struct probe, timer);

	p->n++;
	p->ran_at_ms = timer_wheel_now_ms(wheel);
}

static void probe_init(struct probe *p)
{
	*p = (struct probe){0};
	timer_init(&p->timer, probe_run);
}

static int setup(void **state)
{
	(void)state;
	return timer_wheel_new(START_MS, &wheel);
}

static int teardown(void **state)
{
	(void)state;
	timer_wheel_free(wheel);
	return 0;
}

static void a_timer_is_never_early_and_less_than_a_tick_late(void **state)
{
	static const uint64_t delays[] = {
		0,   1,     9,     10,    11,     500,     639,     640,
		641, 32000, 40959, 40960, 180000, 2621440, 86400000};
	struct probe p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
		uint64_t armed_at = timer_wheel_now_ms(wheel);
		uint64_t due = armed_at + delays[i];

		probe_init(&p);
		timer_arm(wheel, &p.timer, delays[i]);
		if (delays[i] > 0) {
			timer_wheel_advance(wheel, due - 1);
			assert_int_equal(p.n, 0);
		}
		timer_wheel_advance(wheel, due + TIMER_TICK_MS);
		assert_int_equal(p.n, 1);
		assert_true(p.ran_at_ms >= due);
		assert_true(p.ran_at_ms <= due + TIMER_TICK_MS);
		assert_false(timer_is_armed(&p.timer));
	}
}

static void a_timer_that_was_cancelled_never_runs(void **state)
{
	struct probe p;

	(void)state;
	probe_init(&p);
	timer_cancel(wheel, &p.timer);
	timer_arm(wheel, &p.timer, 5000);
	assert_true(timer_is_armed(&p.timer));
	assert_int_equal(timer_wheel_count(wheel), 1);
	timer_cancel(wheel, &p.timer);
	timer_cancel(wheel, &p.timer);
	assert_int_equal(timer_wheel_count(wheel), 0);
	timer_wheel_advance(wheel, START_MS + 100000);
	assert_int_equal(p.n, 0);
	assert_int_equal(timer_wheel_wait_ms(wheel), -1);
}

static void an_armed_timer_is_moved(void **state)
{
	struct probe p;

	(void)state;
	probe_init(&p);
	timer_arm(wheel, &p.timer, 500);
	timer_arm(wheel, &p.timer, 90000);
	timer_wheel_advance(wheel, START_MS + 89999);
	assert_int_equal(p.n, 0);
	timer_arm(wheel, &p.timer, 20);
	timer_wheel_advance(wheel, START_MS + 89999 + 30);
	assert_int_equal(p.n, 1);
	timer_wheel_advance(wheel, START_MS + 1000000);
	assert_int_equal(p.n, 1);
}

/* RFC 3261 section 17.1.1.2: Timer A doubles until B ends it. */
struct resend {
	struct timer a, b;
	uint64_t delay_ms;
	uint64_t at_ms[16];
	unsigned n;
	uint64_t gave_up_ms;
};

static void resend_a(struct timer *t)
{
	struct resend *r = CONTAINER_OF(t, struct resend, a);

	r->at_ms[r->n++] = timer_wheel_now_ms(wheel);
	r->delay_ms *= 2;
	timer_arm(wheel, t, r->delay_ms);
}

static void resend_b(struct timer *t)
{
	struct resend *r = CONTAINER_OF(t, struct resend, b);

	r->gave_up_ms = timer_wheel_now_ms(wheel);
	timer_cancel(wheel, &r->a);
}

static void a_jump_of_32_seconds_runs_what_lies_between_in_order(void **state)
{
	static const uint64_t want[] = {500, 1500, 3500, 7500, 15500, 31500};
	const uint64_t start = 2000000; /* at a tick */
	struct resend r = {.delay_ms = 500};

	(void)state;
	timer_wheel_advance(wheel, start);
	timer_init(&r.a, resend_a);
	timer_init(&r.b, resend_b);
	timer_arm(wheel, &r.a, 500);
	timer_arm(wheel, &r.b, 32000);
	timer_wheel_advance(wheel, start + 32005);
	assert_int_equal(r.n, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_int_equal(r.at_ms[i], start + want[i]);
	assert_int_equal(r.gave_up_ms, start + 32000);
	assert_int_equal(timer_wheel_now_ms(wheel), start + 32005);
	assert_int_equal(timer_wheel_count(wheel), 0);
}

struct killer {
	struct timer timer;
	struct timer *victims;
	size_t n;
};

static void kill_all(struct timer *t)
{
	struct killer *k = CONTAINER_OF(t, struct killer, timer);

	for (size_t i = 0; i < k->n; i++)
		timer_cancel(wheel, &k->victims[i]);
}

static void must_not_run(struct timer *t)
{
	(void)t;
	fail();
}

static void a_callback_may_cancel_what_is_due_in_the_same_tick(void **state)
{
	struct timer victims[4];
	struct killer k = {.victims = victims, .n = 4};
	struct probe last;

	(void)state;
	timer_init(&k.timer, kill_all);
	timer_arm(wheel, &k.timer, 700);
	for (size_t i = 0; i < 4; i++) {
		timer_init(&victims[i], must_not_run);
		timer_arm(wheel, &victims[i], 700);
	}
	probe_init(&last);
	timer_arm(wheel, &last.timer, 700);
	timer_wheel_advance(wheel, START_MS + 1000);
	assert_int_equal(last.n, 1);
	assert_int_equal(timer_wheel_count(wheel), 0);
}

static void postpone_all(struct timer *t)
{
	struct killer *k = CONTAINER_OF(t, struct killer, timer);

	for (size_t i = 0; i < k->n; i++)
		timer_arm(wheel, &k->victims[i], 100000);
}

static void a_callback_may_move_what_is_due_in_the_same_tick(void **state)
{
	struct timer victims[4];
	struct killer k = {.victims = victims, .n = 4};

	(void)state;
	timer_init(&k.timer, postpone_all);
	timer_arm(wheel, &k.timer, 700);
	for (size_t i = 0; i < 4; i++) {
		timer_init(&victims[i], must_not_run);
		timer_arm(wheel, &victims[i], 700);
	}
	timer_wheel_advance(wheel, START_MS + 1000);
	assert_int_equal(timer_wheel_count(wheel), 4);
}

static void rearm_at_once(struct timer *t)
{
	probe_run(t);
	timer_arm(wheel, t, 0);
}

static void a_timer_without_delay_runs_once_in_a_tick(void **state)
{
	struct probe p;

	(void)state;
	probe_init(&p);
	p.timer.fn = rearm_at_once;
	timer_arm(wheel, &p.timer, 0);
	assert_int_equal(p.n, 0);
	timer_wheel_advance(wheel, START_MS + 1000);
	assert_in_range(p.n, 99, 101);
	timer_cancel(wheel, &p.timer);
}

static void the_clock_never_goes_back(void **state)
{
	struct probe p;

	(void)state;
	probe_init(&p);
	timer_wheel_advance(wheel, START_MS - 1000);
	assert_int_equal(timer_wheel_now_ms(wheel), START_MS);
	timer_arm(wheel, &p.timer, 100);
	timer_wheel_advance(wheel, START_MS + 110);
	assert_int_equal(p.n, 1);
}

static void delays_beyond_reason_stay_armed(void **state)
{
	struct probe p, q;

	(void)state;
	probe_init(&p);
	probe_init(&q);
	timer_arm(wheel, &p.timer, UINT64_MAX);
	timer_arm(wheel, &q.timer, UINT64_C(10) * 365 * 86400 * 1000);
	assert_true(timer_wheel_wait_ms(wheel) > 0);
	timer_wheel_advance(wheel, START_MS + UINT64_C(9) * 365 * 86400 * 1000);
	assert_int_equal(p.n + q.n, 0);
	timer_wheel_advance(wheel,
			    START_MS + UINT64_C(11) * 365 * 86400 * 1000);
	assert_int_equal(q.n, 1);
	assert_int_equal(p.n, 0);
}

/* The loop sleeps as long as the wheel says: few wake-ups, none too late. */
static void waiting_as_told_needs_few_wake_ups(void **state)
{
	static const uint64_t delays[] = {7, 500, 32000, 180000, 3600000};
	struct probe p;

	(void)state;
	assert_int_equal(timer_wheel_wait_ms(wheel), -1);
	for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
		uint64_t due = timer_wheel_now_ms(wheel) + delays[i];
		unsigned n_waits = 0;

		probe_init(&p);
		timer_arm(wheel, &p.timer, delays[i]);
		for (; p.n == 0; n_waits++) {
			int ms = timer_wheel_wait_ms(wheel);

			assert_true(ms > 0);
			timer_wheel_advance(wheel, timer_wheel_now_ms(wheel) +
							   (unsigned)ms);
		}
		assert_true(n_waits <= 4);
		assert_true(timer_wheel_now_ms(wheel) <= due + TIMER_TICK_MS);
	}
}

/* Many timers and random steps, against a plain list of what is due when. */
enum {
	N_PROBES = 500,
	N_STEPS = 20000,
};

static struct model {
	struct timer timer;
	uint64_t due_ms; /* 0: not armed */
} models[N_PROBES];

static uint64_t last_run_ms;

static void model_run(struct timer *t)
{
	struct model *m = CONTAINER_OF(t, struct model, timer);

	assert_true(m->due_ms != 0);
	assert_true(timer_wheel_now_ms(wheel) >= m->due_ms);
	assert_true(timer_wheel_now_ms(wheel) < m->due_ms + TIMER_TICK_MS);
	assert_true(timer_wheel_now_ms(wheel) >= last_run_ms);
	last_run_ms = timer_wheel_now_ms(wheel);
	m->due_ms = 0;
}

static uint64_t random_delay(void)
{
	static const int ranges[] = {20, 700, 50000, 3000000};

	return 1 + (uint64_t)(rand() % ranges[rand() % 4]);
}

static void model_check(void)
{
	size_t n = 0;

	for (size_t i = 0; i < N_PROBES; i++) {
		if (models[i].due_ms == 0)
			continue;
		n++;
		/* Whatever was due a tick ago has run. */
		assert_true(models[i].due_ms + TIMER_TICK_MS >
			    timer_wheel_now_ms(wheel));
	}
	assert_int_equal(timer_wheel_count(wheel), n);
	assert_int_equal(timer_wheel_wait_ms(wheel) < 0, n == 0);
}

static void a_random_history_agrees_with_a_plain_list(void **state)
{
	uint64_t now = START_MS;

	(void)state;
	srand(7);
	last_run_ms = 0;
	for (size_t i = 0; i < N_PROBES; i++)
		timer_init(&models[i].timer, model_run);
	for (int step = 0; step < N_STEPS; step++) {
		struct model *m = &models[rand() % N_PROBES];
		int what = rand() % 10;

		if (what < 6) {
			uint64_t delay = random_delay();

			timer_arm(wheel, &m->timer, delay);
			m->due_ms = now + delay;
		} else if (what < 8) {
			timer_cancel(wheel, &m->timer);
			m->due_ms = 0;
		} else {
			now += random_delay() / 50;
			timer_wheel_advance(wheel, now);
			model_check();
		}
	}
	timer_wheel_advance(wheel, now + 4000000);
	assert_int_equal(timer_wheel_count(wheel), 0);
}

static void no_memory_makes_no_wheel(void **state)
{
	struct timer_wheel *w = NULL;

	(void)state;
	fail_countdown = 1;
	assert_int_equal(timer_wheel_new(0, &w), VD_ENOMEM);
	assert_null(w);
}

#define WITH_WHEEL(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WHEEL(a_timer_is_never_early_and_less_than_a_tick_late),
		WITH_WHEEL(a_timer_that_was_cancelled_never_runs),
		WITH_WHEEL(an_armed_timer_is_moved),
		WITH_WHEEL(
			a_jump_of_32_seconds_runs_what_lies_between_in_order),
		WITH_WHEEL(a_callback_may_cancel_what_is_due_in_the_same_tick),
		WITH_WHEEL(a_callback_may_move_what_is_due_in_the_same_tick),
		WITH_WHEEL(a_timer_without_delay_runs_once_in_a_tick),
		WITH_WHEEL(the_clock_never_goes_back),
		WITH_WHEEL(delays_beyond_reason_stay_armed),
		WITH_WHEEL(waiting_as_told_needs_few_wake_ups),
		WITH_WHEEL(a_random_history_agrees_with_a_plain_list),
		cmocka_unit_test(no_memory_makes_no_wheel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
