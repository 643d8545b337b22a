/* A connection's life: states, watches, deadlines. */
#include "transport/conn.h"

#include <assert.h>
#include <errno.h>

#include "viaduct/util/err.h"
#include "viaduct/util/log.h"

static uint64_t now_ms(const struct conn *c)
{
	return loop_now_ms(c->t->loop);
}

static uint32_t idle_timeout(const struct conn *c)
{
	return atomic_load_explicit(&c->t->set->limits.idle_timeout_ms,
				    memory_order_relaxed);
}

/* --- deadlines --- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

static uint64_t conn_deadline(const struct conn *c)
{
	uint64_t at = earlier(c->state_ms, c->stall_ms);

	if (c->state != CONN_OPEN)
		return at;
	at = earlier(at, c->message_ms);
	return earlier(at, c->active_ms + idle_timeout(c));
}

void conn_expect(struct conn *c, uint64_t deadline_ms)
{
	uint64_t now = now_ms(c);

	if (timer_is_armed(&c->timer) && c->timer.at_ms <= deadline_ms)
		return;
	timer_arm(loop_wheel(c->t->loop), &c->timer,
		  deadline_ms > now ? deadline_ms - now : 0);
}

static bool is_due(uint64_t deadline, uint64_t now)
{
	return deadline != 0 && deadline <= now;
}

/* A connection that carries an open transaction is not idle; look again when
 * it would have been so the next time. */
static void conn_idle(struct conn *c)
{
	if (slots_is_held(&c->t->set->slots[c->t->worker], c->flow.conn))
		c->active_ms = now_ms(c);
	else
		conn_close(c);
}

static void conn_due(struct timer *timer)
{
	struct conn *c = CONTAINER_OF(timer, struct conn, timer);
	uint64_t now = now_ms(c);

	if (is_due(c->message_ms, now) || is_due(c->stall_ms, now))
		conn_abort(c, STAT_connections_slow);
	else if (is_due(c->state_ms, now) && c->state == CONN_CONNECTING)
		conn_abort(c, STAT_connections_failed);
	else if (is_due(c->state_ms, now))
		conn_close(c);
	else if (c->state == CONN_OPEN &&
		 is_due(c->active_ms + idle_timeout(c), now))
		conn_idle(c);
	if (c->state != CONN_CLOSED && conn_deadline(c) != 0)
		conn_expect(c, conn_deadline(c));
}

/* --- events --- */

static unsigned wanted_events(const struct conn *c)
{
	unsigned write = c->is_blocked ? LOOP_WRITE : 0;

	switch (c->state) {
	case CONN_CONNECTING:
		return LOOP_WRITE;
	case CONN_OPEN:
		return (c->is_paused ? 0 : LOOP_READ) | write;
	case CONN_FLUSHING:
		return write;
	case CONN_LINGERING:
		return LOOP_READ;
	case CONN_CLOSED:
		break;
	}
	return 0;
}

void conn_watch(struct conn *c)
{
	unsigned events = wanted_events(c);

	if (c->io == NULL || events == c->events)
		return;
	if (loop_io_set(c->io, events) != 0) {
		conn_abort(c, STAT_connections_failed);
		return;
	}
	c->events = events;
}

static void conn_opened(struct conn *c)
{
	union addr local;
	socklen_t len = sizeof(local);

	c->state = CONN_OPEN;
	c->state_ms = 0;
	c->active_ms = now_ms(c);
	memset(&local, 0, sizeof(local));
	if (addr_is_any(&c->flow.local) &&
	    getsockname(c->fd, &local.sa, &len) == 0) {
		addr_set_port(&local, addr_port(&c->flow.local));
		c->flow.local = local;
	}
	stats_add(c->t->stats, STAT_connections_opened, 1);
	conn_expect(c, conn_deadline(c));
	conn_watch(c);
	conn_flush(c);
}

static void conn_connected(struct conn *c)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0 ||
	    err != 0)
		conn_abort(c, STAT_connections_failed);
	else
		conn_opened(c);
}

static void conn_writable(struct conn *c)
{
	bool was_paused = c->is_paused;

	c->is_blocked = false;
	conn_flush(c);
	if (was_paused && !c->is_paused && c->state == CONN_OPEN)
		conn_resume(c);
}

static void conn_ready(void *arg, int fd, unsigned events)
{
	struct conn *c = arg;

	(void)fd;
	if (c->state == CONN_CONNECTING) {
		conn_connected(c);
		return;
	}
	if ((events & LOOP_WRITE) != 0 && c->is_blocked)
		conn_writable(c);
	if ((events & LOOP_READ) == 0 || c->is_paused)
		return;
	if (c->state == CONN_OPEN)
		conn_read(c);
	else if (c->state == CONN_LINGERING)
		conn_discard(c);
}

/* --- the beginning --- */

static void conn_init(struct conn *c, struct transport *t, int fd,
		      const struct flow *flow, bool is_accepted)
{
	c->t = t;
	c->fd = fd;
	c->flow = *flow;
	c->is_accepted = is_accepted;
	c->state = is_accepted ? CONN_OPEN : CONN_CONNECTING;
	c->active_ms = now_ms(c);
	if (!is_accepted)
		c->state_ms = c->active_ms + CONNECT_TIMEOUT_MS;
	list_init(&c->dirty);
	list_init(&c->news);
	list_init(&c->out);
	timer_init(&c->timer, conn_due);
	list_add_tail(&t->conns, &c->link);
}

static int conn_register(struct conn *c)
{
	struct transport *t = c->t;
	int err;

	c->events = wanted_events(c);
	err = loop_io_add(t->loop, c->fd, c->events, conn_ready, c, &c->io);
	if (err != 0)
		return err;
	c->flow.conn.worker = t->worker;
	err = slots_take(&t->set->slots[t->worker], c, &c->flow.conn);
	if (err != 0)
		return err;
	c->entry.transport = c->flow.transport;
	c->entry.remote = c->flow.remote;
	c->entry.ref = c->flow.conn;
	conn_expect(c, conn_deadline(c));
	if (c->is_accepted)
		stats_add(t->stats, STAT_connections_opened, 1);
	return 0;
}

static void conn_uncount(struct transport *t, const struct flow *flow,
			 bool is_accepted)
{
	atomic_fetch_sub(&t->set->n_connections, 1);
	if (is_accepted)
		sources_leave(t->set->sources, &flow->remote);
}

int conn_new(struct transport *t, int fd, const struct flow *flow,
	     bool is_accepted, struct conn **out)
{
	struct conn *c = mem_zalloc(t->mem, sizeof(*c));
	int err;

	if (c == NULL) {
		socket_close(fd);
		conn_uncount(t, flow, is_accepted);
		return VD_ENOMEM;
	}
	conn_init(c, t, fd, flow, is_accepted);
	err = conn_register(c);
	if (err != 0) {
		conn_free(c);
		return err;
	}
	*out = c;
	return 0;
}

/* --- the end --- */

/* Nobody finds it any more. */
static void conn_leave(struct conn *c)
{
	struct transport *t = c->t;

	directory_remove(t->set->directory, &c->entry);
	if (!conn_ref_is_none(c->flow.conn) &&
	    slots_is_live(&t->set->slots[t->worker], c->flow.conn))
		slots_give(&t->set->slots[t->worker], c->flow.conn);
}

static void conn_drop(struct conn *c)
{
	struct transport *t = c->t;

	if (c->state == CONN_CLOSED)
		return;
	c->state = CONN_CLOSED;
	conn_leave(c);
	timer_cancel(loop_wheel(t->loop), &c->timer);
	loop_io_del(c->io);
	c->io = NULL;
	socket_close(c->fd);
	c->fd = -1;
	list_del(&c->dirty);
	conn_drop_output(c);
	conn_uncount(t, &c->flow, c->is_accepted);
}

/* Its input may be on the stack: it goes when the conn is freed. */
static void conn_tell(struct conn *c)
{
	list_del(&c->news);
	list_add_tail(&c->t->news, &c->news);
}

void conn_free(struct conn *c)
{
	conn_drop(c);
	conn_drop_input(c);
	list_del(&c->news);
	list_del(&c->link);
	mem_free(c->t->mem, c, sizeof(*c));
}

void conn_close(struct conn *c)
{
	if (c->state == CONN_CLOSED)
		return;
	conn_drop(c);
	conn_tell(c);
}

void conn_abort(struct conn *c, enum stat why)
{
	if (c->state == CONN_CLOSED)
		return;
	stats_add(c->t->stats, why, 1);
	log_debug(STR_NONE, "conn.abort", KV_ADDR("remote", &c->flow.remote),
		  KV_TEXT("counted", stats_name(why)));
	conn_close(c);
}

void conn_finish(struct conn *c)
{
	if (c->state == CONN_CONNECTING) {
		conn_close(c);
		return;
	}
	if (c->state != CONN_OPEN)
		return;
	c->state = CONN_FLUSHING;
	c->message_ms = 0;
	conn_leave(c);
	conn_tell(c);
	conn_watch(c);
	if (c->state == CONN_FLUSHING && list_is_empty(&c->dirty))
		list_add_tail(&c->t->dirty, &c->dirty);
}

/* The queue is empty. */
void conn_sent_all(struct conn *c)
{
	if (c->state != CONN_FLUSHING)
		return;
	if (shutdown(c->fd, SHUT_WR) != 0) {
		conn_close(c);
		return;
	}
	c->state = CONN_LINGERING;
	c->state_ms = now_ms(c) + LINGER_MS;
	conn_expect(c, c->state_ms);
	conn_watch(c);
}
