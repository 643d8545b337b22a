/*
 * A turn: libevent waits and calls back what is ready; the first callback of a
 * turn reads the clock and advances the timer wheel, so that whatever arms a
 * timer does so from the right time; at the end deferred calls and hooks run.
 * The turn's end is ours and no event of libevent: one of low priority would
 * starve under load.
 */
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Before ours: it makes a LIST_ENTRY for itself, and removes it. */
#include <event2/event.h>
#include <event2/event_struct.h>

#include "viaduct/loop/loop.h"
#include "viaduct/util/err.h"
#include "loop/loop_priv.h"

enum {
	DEFER_MIN = 256,
	/* Calls deferred by deferred calls run in the same turn, but one that
	 * defers itself for ever must let I/O happen in between. */
	ROUNDS_MAX = 16,
};

struct deferred {
	loop_fn *fn;
	void *arg;
};

struct hook {
	struct hook *next;
	loop_fn *fn;
	void *arg;
};

struct signal_watch {
	struct signal_watch *next;
	struct loop *loop; /* borrowed: its owner */
	struct event ev;
	loop_signal_fn *fn;
	void *arg;
};

struct loop {
	struct event_base *base;
	struct timer_wheel *wheel;
	uint64_t now_us;
	bool is_running, turn_begun;
	bool must_go_on; /* the next turn does not wait */
	_Atomic bool must_stop;
	int wake_fd;
	struct loop_io *wake_io;
	struct event timer_ev;
	uint64_t timer_at_ms; /* for which timer_ev is set; 0: it is not */
	struct deferred *ring;
	size_t ring_size, ring_first, n_deferred; /* size: a power of two */
	struct hook *hooks;
	struct signal_watch *signals;
};

struct loop_io {
	struct loop *loop; /* borrowed: outlives the watch */
	int fd;
	unsigned events;
	loop_io_fn *fn; /* NULL once deleted */
	void *arg;
	/* One event each, so that adding LOOP_WRITE is one system call. */
	struct event read_ev, write_ev;
};

static uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void turn_begin(struct loop *l)
{
	if (l->turn_begun)
		return;
	l->turn_begun = true;
	l->now_us = clock_us();
	timer_wheel_advance(l->wheel, loop_now_ms(l));
}

static void timer_event(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;

	(void)fd;
	(void)what;
	l->timer_at_ms = 0;
	turn_begin(l);
}

static void wake_drain(void *arg, int fd, unsigned events)
{
	eventfd_t n;

	(void)arg;
	(void)events;
	eventfd_read(fd, &n);
}

/* No lock: a loop belongs to one thread. No PRECISE_TIMER: libevent would read
 * the precise clock in every turn. */
static struct event_base *base_new(void)
{
	struct event_config *conf = event_config_new();
	struct event_base *base = NULL;

	if (conf != NULL &&
	    event_config_set_flag(conf, EVENT_BASE_FLAG_NOLOCK) == 0)
		base = event_base_new_with_config(conf);
	if (conf != NULL)
		event_config_free(conf);
	return base;
}

/* libevent's heap of timers grows for the first one and never shrinks: ours,
 * the only one, will always have its place. */
static int timer_event_reserve(struct loop *l)
{
	static const struct timeval some = {.tv_sec = 1};

	evtimer_assign(&l->timer_ev, l->base, timer_event, l);
	if (event_add(&l->timer_ev, &some) != 0)
		return VD_ENOMEM;
	event_del(&l->timer_ev);
	return 0;
}

int loop_new(struct loop **out)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return VD_ENOMEM;
	l->now_us = clock_us();
	l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	l->base = base_new();
	l->ring = calloc(DEFER_MIN, sizeof(*l->ring));
	l->ring_size = DEFER_MIN;
	if (l->wake_fd < 0 || l->base == NULL || l->ring == NULL ||
	    timer_wheel_new(loop_now_ms(l), &l->wheel) != 0 ||
	    loop_io_add(l, l->wake_fd, LOOP_READ, wake_drain, NULL,
			&l->wake_io) != 0) {
		loop_free(l);
		return VD_ENOMEM;
	}
	if (timer_event_reserve(l) != 0) {
		loop_free(l);
		return VD_ENOMEM;
	}
	*out = l;
	return 0;
}

static void hooks_free(struct hook *h)
{
	while (h != NULL) {
		struct hook *next = h->next;

		free(h);
		h = next;
	}
}

static void signals_free(struct signal_watch *s)
{
	while (s != NULL) {
		struct signal_watch *next = s->next;

		event_del(&s->ev);
		free(s);
		s = next;
	}
}

static void deferred_run(struct loop *l, size_t n);

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	assert(!l->is_running);
	loop_io_del(l->wake_io);
	while (l->n_deferred > 0)
		deferred_run(l, l->n_deferred);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	if (l->timer_at_ms != 0)
		event_del(&l->timer_ev);
	signals_free(l->signals);
	hooks_free(l->hooks);
	timer_wheel_free(l->wheel);
	if (l->base != NULL)
		event_base_free(l->base);
	free(l->ring);
	free(l);
}

uint64_t loop_now_us(const struct loop *l)
{
	return l->now_us;
}

uint64_t loop_now_ms(const struct loop *l)
{
	return l->now_us / 1000;
}

struct event_base *loop_event_base(struct loop *l)
{
	return l->base;
}

void loop_turn(struct loop *l)
{
	turn_begin(l);
}

struct timer_wheel *loop_wheel(struct loop *l)
{
	return l->wheel;
}

bool loop_is_running(const struct loop *l)
{
	return l->is_running;
}

/* A timer that ran first in this turn may have paused or deleted the watch. */
static void io_event(struct loop_io *io, unsigned event)
{
	turn_begin(io->loop);
	if (io->fn != NULL && (io->events & event) != 0)
		io->fn(io->arg, io->fd, event);
}

static void io_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	io_event(arg, LOOP_READ);
}

static void io_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	io_event(arg, LOOP_WRITE);
}

int loop_io_add(struct loop *l, int fd, unsigned events, loop_io_fn *fn,
		void *arg, struct loop_io **out)
{
	struct loop_io *io = calloc(1, sizeof(*io));

	if (io == NULL)
		return VD_ENOMEM;
	io->loop = l;
	io->fd = fd;
	io->fn = fn;
	io->arg = arg;
	event_assign(&io->read_ev, l->base, fd, EV_READ | EV_PERSIST,
		     io_readable, io);
	event_assign(&io->write_ev, l->base, fd, EV_WRITE | EV_PERSIST,
		     io_writable, io);
	if (loop_io_set(io, events) != 0) {
		loop_io_set(io, 0);
		free(io);
		return VD_ENOMEM;
	}
	*out = io;
	return 0;
}

static int event_set(struct event *ev, bool on)
{
	return on ? event_add(ev, NULL) : event_del(ev);
}

int loop_io_set(struct loop_io *io, unsigned events)
{
	unsigned changed = io->events ^ events;

	if ((changed & LOOP_READ) != 0 &&
	    event_set(&io->read_ev, events & LOOP_READ) != 0)
		return VD_ENOMEM;
	io->events ^= changed & LOOP_READ;
	if ((changed & LOOP_WRITE) != 0 &&
	    event_set(&io->write_ev, events & LOOP_WRITE) != 0)
		return VD_ENOMEM;
	io->events = events;
	return 0;
}

void loop_io_del(struct loop_io *io)
{
	if (io == NULL)
		return;
	loop_io_set(io, 0);
	io->fn = NULL;
	loop_defer(io->loop, free, io); /* its callback may be on the stack */
}

int loop_on_turn_end(struct loop *l, loop_fn *fn, void *arg)
{
	struct hook *h = calloc(1, sizeof(*h)), **at = &l->hooks;

	if (h == NULL)
		return VD_ENOMEM;
	h->fn = fn;
	h->arg = arg;
	while (*at != NULL)
		at = &(*at)->next;
	*at = h;
	return 0;
}

void loop_again(struct loop *l)
{
	l->must_go_on = true;
}

static void signal_event(evutil_socket_t signo, short what, void *arg)
{
	struct signal_watch *s = arg;

	(void)what;
	turn_begin(s->loop);
	s->fn(s->arg, (int)signo);
}

int loop_on_signal(struct loop *l, int signo, loop_signal_fn *fn, void *arg)
{
	struct signal_watch *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return VD_ENOMEM;
	s->loop = l;
	s->fn = fn;
	s->arg = arg;
	evsignal_assign(&s->ev, l->base, signo, signal_event, s);
	if (event_add(&s->ev, NULL) != 0) {
		free(s);
		return VD_ENOMEM;
	}
	s->next = l->signals;
	l->signals = s;
	return 0;
}

static void ring_grow(struct loop *l)
{
	struct deferred *ring = calloc(l->ring_size * 2, sizeof(*ring));

	if (ring == NULL)
		abort();
	for (size_t i = 0; i < l->n_deferred; i++)
		ring[i] = l->ring[(l->ring_first + i) & (l->ring_size - 1)];
	free(l->ring);
	l->ring = ring;
	l->ring_size *= 2;
	l->ring_first = 0;
}

void loop_defer(struct loop *l, loop_fn *fn, void *arg)
{
	size_t at;

	if (l->n_deferred == l->ring_size)
		ring_grow(l);
	at = (l->ring_first + l->n_deferred++) & (l->ring_size - 1);
	l->ring[at] = (struct deferred){fn, arg};
}

static void deferred_run(struct loop *l, size_t n)
{
	while (n-- > 0) {
		struct deferred d = l->ring[l->ring_first];

		l->ring_first = (l->ring_first + 1) & (l->ring_size - 1);
		l->n_deferred--;
		d.fn(d.arg);
	}
}

/* libevent's timer is set again only for an earlier time, or once it has run.
 * One that is early costs one turn without work. */
static void timer_event_set(struct loop *l)
{
	int wait_ms = timer_wheel_wait_ms(l->wheel);
	uint64_t at_ms = timer_wheel_now_ms(l->wheel) + (uint64_t)wait_ms;
	struct timeval tv = {wait_ms / 1000, wait_ms % 1000 * 1000};

	if (wait_ms < 0 || (l->timer_at_ms != 0 && l->timer_at_ms <= at_ms))
		return;
	if (event_add(&l->timer_ev, &tv) != 0)
		abort(); /* its place is reserved */
	l->timer_at_ms = at_ms;
}

static void hooks_run(struct loop *l)
{
	for (struct hook *h = l->hooks; h != NULL; h = h->next)
		h->fn(h->arg);
}

/* Whatever is deferred, by hooks too, the last thing is to run the hooks. */
static void turn_end(struct loop *l)
{
	int rounds = ROUNDS_MAX;

	turn_begin(l);
	do {
		while (l->n_deferred > 0 && rounds-- > 0)
			deferred_run(l, l->n_deferred);
		hooks_run(l);
	} while (l->n_deferred > 0 && rounds > 0);
	l->turn_begun = false;
}

void loop_run(struct loop *l)
{
	l->is_running = true;
	while (!atomic_load_explicit(&l->must_stop, memory_order_acquire)) {
		bool waits = l->n_deferred == 0 && !l->must_go_on;

		l->must_go_on = false;
		timer_event_set(l);
		event_base_loop(l->base,
				EVLOOP_ONCE | (waits ? 0 : EVLOOP_NONBLOCK));
		turn_end(l);
	}
	atomic_store(&l->must_stop, false);
	l->is_running = false;
}

void loop_stop(struct loop *l)
{
	atomic_store_explicit(&l->must_stop, true, memory_order_release);
	eventfd_write(l->wake_fd, 1);
}
