/*
 * Timers: a hierarchical wheel with a tick of 10 ms. Arming and cancelling are
 * O(1); entries live in their owners. The wheel knows no clock: it is told the
 * time, so tests pass 32 seconds at once.
 */
#ifndef VIADUCT_LOOP_TIMER_H
#define VIADUCT_LOOP_TIMER_H

#include "viaduct/util/list.h"

enum {
	TIMER_TICK_MS = 10,
};

struct timer;
typedef void timer_fn(struct timer *t);

/* In its owner's storage, found again with CONTAINER_OF. */
struct timer {
	struct list link;
	timer_fn *fn;
	uint64_t at_ms; /* 0: not armed */
};

struct timer_wheel;

int timer_wheel_new(uint64_t now_ms, struct timer_wheel **out);
void timer_wheel_free(struct timer_wheel *w); /* armed timers never run */

void timer_init(struct timer *t, timer_fn *fn);

/* Run t->fn once, `delay_ms` from now, rounded up to a tick, never early and
 * never before timer_arm() has returned. An armed timer is moved. */
void timer_arm(struct timer_wheel *w, struct timer *t, uint64_t delay_ms);
void timer_cancel(struct timer_wheel *w, struct timer *t); /* not armed: ok */

static inline bool timer_is_armed(const struct timer *t)
{
	return t->at_ms != 0;
}

/* The time that timer_wheel_advance() was last told. */
uint64_t timer_wheel_now_ms(const struct timer_wheel *w);

/* Tell the time and run what is due, in order of time. Callbacks may arm and
 * cancel any timer. */
void timer_wheel_advance(struct timer_wheel *w, uint64_t now_ms);

/* Milliseconds until timer_wheel_advance() has work (it may be early by a
 * cascade), or -1 when no timer is armed. */
int timer_wheel_wait_ms(const struct timer_wheel *w);

size_t timer_wheel_count(const struct timer_wheel *w); /* armed */

#endif
