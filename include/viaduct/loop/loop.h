/*
 * The event loop of one thread, alone in touching libevent. The monotonic
 * clock is read once per turn. What a turn produced (datagrams, parcels for
 * other workers) is sent by the hooks at its end.
 */
#ifndef VIADUCT_LOOP_LOOP_H
#define VIADUCT_LOOP_LOOP_H

#include "viaduct/loop/timer.h"

struct loop;
struct loop_io;

enum {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
};

/* events: LOOP_READ and/or LOOP_WRITE that are ready. */
typedef void loop_io_fn(void *arg, int fd, unsigned events);
typedef void loop_fn(void *arg);
typedef void loop_signal_fn(void *arg, int signo);

/* Returns 0 or VD_ENOMEM. */
int loop_new(struct loop **out);
void loop_free(struct loop *l); /* runs what was deferred; NULL allowed */

/* Turns until loop_stop(). loop_stop() may be called from any thread. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* CLOCK_MONOTONIC as read at the start of this turn. */
uint64_t loop_now_ms(const struct loop *l);
uint64_t loop_now_us(const struct loop *l);

struct timer_wheel *loop_wheel(struct loop *l);

/*
 * Watch a descriptor, level triggered. The caller keeps and closes the fd,
 * after loop_io_del(). Inside the callback loop_io_del() of any watch is
 * allowed; a deleted watch is not called again.
 * Returns 0 or VD_ENOMEM.
 */
int loop_io_add(struct loop *l, int fd, unsigned events, loop_io_fn *fn,
		void *arg, struct loop_io **out);
int loop_io_set(struct loop_io *io, unsigned events); /* 0 pauses */
void loop_io_del(struct loop_io *io);                 /* NULL allowed */

/* There is more to do: the next turn looks at the descriptors, but does not
 * wait for them. */
void loop_again(struct loop *l);

/* Call fn at the end of every turn, in the order of registration. Returns 0 or
 * VD_ENOMEM. */
int loop_on_turn_end(struct loop *l, loop_fn *fn, void *arg);

/* Call fn once at the end of this turn, before the hooks above. Freeing what
 * may be on the stack goes through this. Aborts when there is no memory only
 * if a preallocated ring of entries is used up. */
void loop_defer(struct loop *l, loop_fn *fn, void *arg);

/*
 * For a library that wants libevent itself (evhttp in admin; nobody else). Its
 * callbacks do not come through here, so each of them first says that a turn
 * has begun: the clock and the timers follow.
 */
struct event_base *loop_event_base(struct loop *l);
void loop_turn(struct loop *l);

/* Signals arrive on the loop that asks for them (the main thread's). */
int loop_on_signal(struct loop *l, int signo, loop_signal_fn *fn, void *arg);

#endif
