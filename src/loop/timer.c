/*
 * Seven levels of 64 slots cover every tick that there will be. A timer stands
 * on the level of the highest six-bit digit in which its tick differs from the
 * current one. So on every level all occupied slots lie after the current one,
 * a lower level is always due before a higher one, and the next thing to do is
 * found with one bit scan per level. When the wheel reaches a slot above level
 * 0, the timers in it move down.
 */
#include "viaduct/loop/timer.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include "viaduct/util/err.h"

enum {
	DIGIT = 6, /* bits */
	N_SLOTS = 1 << DIGIT,
	N_LEVELS = 7,
};

#define DELAY_MAX_MS (UINT64_C(1) << 40) /* 34 years */

struct timer_wheel {
	uint64_t now_ms;
	uint64_t tick; /* all up to this one have run */
	size_t count;
	bool running;
	uint64_t occupied[N_LEVELS]; /* a bit for each slot */
	struct list due;             /* of the current tick */
	struct list slots[N_LEVELS][N_SLOTS];
};

int timer_wheel_new(uint64_t now_ms, struct timer_wheel **out)
{
	struct timer_wheel *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return VD_ENOMEM;
	for (int l = 0; l < N_LEVELS; l++) {
		for (int s = 0; s < N_SLOTS; s++)
			list_init(&w->slots[l][s]);
	}
	list_init(&w->due);
	w->now_ms = now_ms;
	w->tick = now_ms / TIMER_TICK_MS;
	*out = w;
	return 0;
}

void timer_wheel_free(struct timer_wheel *w)
{
	free(w);
}

void timer_init(struct timer *t, timer_fn *fn)
{
	list_init(&t->link);
	t->fn = fn;
	t->at_ms = 0;
}

static inline unsigned level_of(const struct timer_wheel *w, uint64_t tick)
{
	return (63u - (unsigned)__builtin_clzll(tick ^ w->tick)) / DIGIT;
}

static inline unsigned slot_of(uint64_t tick, unsigned level)
{
	return tick >> (level * DIGIT) & (N_SLOTS - 1);
}

static void wheel_put(struct timer_wheel *w, struct timer *t)
{
	uint64_t tick = t->at_ms / TIMER_TICK_MS;
	unsigned level, slot;

	if (tick == w->tick) { /* came down just in time */
		list_add_tail(&w->due, &t->link);
		return;
	}
	level = level_of(w, tick);
	slot = slot_of(tick, level);
	list_add_tail(&w->slots[level][slot], &t->link);
	w->occupied[level] |= UINT64_C(1) << slot;
}

void timer_arm(struct timer_wheel *w, struct timer *t, uint64_t delay_ms)
{
	uint64_t tick;

	timer_cancel(w, t);
	if (delay_ms > DELAY_MAX_MS)
		delay_ms = DELAY_MAX_MS;
	tick = (w->now_ms + delay_ms + TIMER_TICK_MS - 1) / TIMER_TICK_MS;
	if (tick <= w->tick)
		tick = w->tick + 1;
	t->at_ms = tick * TIMER_TICK_MS;
	wheel_put(w, t);
	w->count++;
}

void timer_cancel(struct timer_wheel *w, struct timer *t)
{
	uint64_t tick = t->at_ms / TIMER_TICK_MS;
	unsigned level, slot;

	if (!timer_is_armed(t))
		return;
	list_del(&t->link);
	t->at_ms = 0;
	w->count--;
	if (tick == w->tick) /* it was due now */
		return;
	level = level_of(w, tick);
	slot = slot_of(tick, level);
	if (list_is_empty(&w->slots[level][slot]))
		w->occupied[level] &= ~(UINT64_C(1) << slot);
}

uint64_t timer_wheel_now_ms(const struct timer_wheel *w)
{
	return w->now_ms;
}

size_t timer_wheel_count(const struct timer_wheel *w)
{
	return w->count;
}

struct wheel_pos {
	unsigned level, slot;
	uint64_t tick; /* at which the slot begins */
};

static bool wheel_next(const struct timer_wheel *w, struct wheel_pos *out)
{
	for (unsigned l = 0; l < N_LEVELS; l++) {
		unsigned shift = (l + 1) * DIGIT;

		if (w->occupied[l] == 0)
			continue;
		out->level = l;
		out->slot = (unsigned)__builtin_ctzll(w->occupied[l]);
		out->tick = w->tick >> shift << shift | (uint64_t)out->slot
								<< (l * DIGIT);
		return true;
	}
	return false;
}

/* The timers of a slot are due, on level 0, or move down. */
static void wheel_enter(struct timer_wheel *w, const struct wheel_pos *pos)
{
	struct list *slot = &w->slots[pos->level][pos->slot], *it, *tmp;

	w->tick = pos->tick;
	w->now_ms = pos->tick * TIMER_TICK_MS;
	w->occupied[pos->level] &= ~(UINT64_C(1) << pos->slot);
	LIST_FOREACH(it, tmp, slot) {
		list_del(it);
		wheel_put(w, LIST_ENTRY(it, struct timer, link));
	}
}

static void wheel_run_due(struct timer_wheel *w)
{
	while (!list_is_empty(&w->due)) {
		struct timer *t = LIST_FIRST(&w->due, struct timer, link);

		list_del(&t->link);
		t->at_ms = 0;
		w->count--;
		t->fn(t);
	}
}

void timer_wheel_advance(struct timer_wheel *w, uint64_t now_ms)
{
	uint64_t tick = now_ms / TIMER_TICK_MS;
	struct wheel_pos pos;

	assert(!w->running);
	if (now_ms <= w->now_ms)
		return;
	w->running = true;
	while (wheel_next(w, &pos) && pos.tick <= tick) {
		wheel_enter(w, &pos);
		wheel_run_due(w);
	}
	w->tick = tick;
	w->now_ms = now_ms;
	w->running = false;
}

int timer_wheel_wait_ms(const struct timer_wheel *w)
{
	struct wheel_pos pos;
	uint64_t ms;

	if (!wheel_next(w, &pos))
		return -1;
	ms = pos.tick * TIMER_TICK_MS - w->now_ms;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}
