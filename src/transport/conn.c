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

uint32_t conn_idle_timeout(const struct conn *c)
{
	return atomic_load_explicit(&c->t->set->limits.idle_timeout_ms,
				    memory_order_relaxed);
}

static uint32_t handshake_timeout(const struct conn *c)
{
	return atomic_load_explicit(&c->t->set->limits.handshake_timeout_ms,
				    memory_order_relaxed);
}

/* --- deadlines --- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

static uint64_t silence_end(const struct conn *c)
{
	return c->silence_ms != 0 ? c->heard_ms + c->silence_ms : 0;
}

static uint64_t conn_deadline(const struct conn *c)
{
	uint64_t at = earlier(c->state_ms, c->stall_ms);

	if (c->state != CONN_OPEN)
		return at;
	at = earlier(at, c->message_ms);
	at = earlier(at, silence_end(c));
	return earlier(at, c->active_ms + conn_idle_timeout(c));
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

/* A connection that carries an open transaction or a binding is not idle; look
 * again when it would have been so the next time. By then the peer has
 * answered, if it can be asked: one that is gone without a word holds nothing
 * for ever. */
static void conn_idle(struct conn *c)
{
	if (c->is_asked ||
	    !slots_is_held(&c->t->set->slots[c->t->worker], c->flow.conn)) {
		conn_finish(c);
		return;
	}
	c->active_ms = now_ms(c);
	if (c->framing->ping != NULL) {
		c->is_asked = true;
		c->framing->ping(c);
	}
}

static void conn_slow(struct conn *c, enum limit limit)
{
	stats_limit(c->t->stats, limit);
	conn_abort(c, STAT_connections_slow);
}

static bool is_connecting(const struct conn *c)
{
	return c->state == CONN_CONNECTING ||
	       (c->state == CONN_HANDSHAKING && !c->is_accepted);
}

static void conn_due(struct timer *timer)
{
	struct conn *c = CONTAINER_OF(timer, struct conn, timer);
	uint64_t now = now_ms(c);

	if (is_due(c->message_ms, now) || is_due(c->stall_ms, now))
		conn_slow(c, LIMIT_message_timeout);
	else if (is_due(c->state_ms, now) && is_connecting(c))
		conn_abort(c, STAT_connections_failed);
	else if (is_due(c->state_ms, now) && c->state == CONN_HANDSHAKING)
		conn_slow(c, LIMIT_handshake_timeout);
	else if (is_due(c->state_ms, now) && c->state == CONN_HALF_CLOSED)
		conn_half_look(c);
	else if (is_due(c->state_ms, now))
		conn_close(c);
	else if (c->state == CONN_OPEN && is_due(silence_end(c), now))
		conn_abort(c, STAT_connections_silent);
	else if (c->state == CONN_OPEN &&
		 is_due(c->active_ms + conn_idle_timeout(c), now))
		conn_idle(c);
	if (c->state != CONN_CLOSED && conn_deadline(c) != 0)
		conn_expect(c, conn_deadline(c));
}

void conn_expect_input(struct conn *c, uint32_t within_ms)
{
	c->silence_ms = within_ms;
	c->heard_ms = now_ms(c);
	if (conn_deadline(c) != 0)
		conn_expect(c, conn_deadline(c));
}

/* --- events --- */

unsigned conn_event_of(int want)
{
	return want == BYTES_WANT_READ ? LOOP_READ : LOOP_WRITE;
}

static unsigned wanted_events(const struct conn *c)
{
	unsigned write = c->is_blocked ? c->write_wants : 0;

	switch (c->state) {
	case CONN_CONNECTING:
		return LOOP_WRITE;
	case CONN_HANDSHAKING:
	case CONN_OPEN:
		return (c->is_paused ? 0 : c->read_wants) | write;
	case CONN_HALF_CLOSED:
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

static void find_local(struct conn *c)
{
	union addr local;
	socklen_t len = sizeof(local);

	memset(&local, 0, sizeof(local));
	if (addr_is_any(&c->flow.local) &&
	    getsockname(c->fd, &local.sa, &len) == 0) {
		addr_set_port(&local, addr_port(&c->flow.local));
		c->flow.local = local;
	}
}

/* One that was accepted can be used by others only now: what they sent before
 * would stand in the way of the handshake. */
void conn_opened(struct conn *c)
{
	c->state = CONN_OPEN;
	c->state_ms = 0;
	c->active_ms = now_ms(c);
	if (c->is_accepted)
		directory_add(c->t->set->directory, &c->entry);
	else
		find_local(c);
	stats_add(c->t->stats, STAT_connections_opened, 1);
	conn_expect(c, conn_deadline(c));
	conn_watch(c);
	conn_flush(c);
}

/* The byte layer carries bytes. */
static void conn_established(struct conn *c)
{
	c->is_ready = true;
	c->read_wants = LOOP_READ;
	if (c->framing->has_upgrade)
		conn_watch(c);
	else
		conn_opened(c);
	conn_resume(c);
}

/* So many in a turn: they cost more than messages do, and calls go on beside
 * them. The descriptor stays ready, so that the next turn goes on. */
static void conn_handshake(struct conn *c)
{
	int err;

	if (c->t->n_handshakes == HANDSHAKES_PER_TURN)
		return;
	c->t->n_handshakes++;
	err = c->bytes->handshake(c);
	if (err == 0) {
		conn_established(c);
	} else if (err == BYTES_FAILED) {
		conn_abort(c, STAT_handshakes_failed);
	} else {
		c->read_wants = conn_event_of(err);
		conn_watch(c);
	}
}

void conn_begin(struct conn *c)
{
	if (c->bytes->handshake == NULL && !c->framing->has_upgrade) {
		c->is_ready = true;
		conn_opened(c);
		return;
	}
	c->state = CONN_HANDSHAKING;
	/* One that we make keeps CONNECT_TIMEOUT_MS for all of it: a hop that
	 * takes the connection and says nothing is as dead as one that does
	 * not take it. */
	if (c->is_accepted)
		c->state_ms = now_ms(c) + handshake_timeout(c);
	conn_expect(c, c->state_ms);
	if (c->bytes->handshake == NULL)
		conn_established(c);
	else
		conn_watch(c);
}

/* The first word of a handshake is ours, and there is room for it. */
static void conn_connected(struct conn *c)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0 ||
	    err != 0) {
		conn_abort(c, STAT_connections_failed);
		return;
	}
	c->read_wants = c->bytes->handshake != NULL ? LOOP_WRITE : LOOP_READ;
	conn_begin(c);
}

static void conn_writable(struct conn *c)
{
	bool was_paused = c->is_paused;

	c->is_blocked = false;
	conn_flush(c);
	if (was_paused && conn_reads(c))
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
	if (c->state == CONN_HANDSHAKING && !c->is_ready) {
		conn_handshake(c);
		return;
	}
	if (c->is_blocked && (events & c->write_wants) != 0)
		conn_writable(c);
	if (c->state == CONN_LINGERING)
		conn_discard(c);
	else if (conn_reads(c) && (events & c->read_wants) != 0)
		conn_read(c);
}

/* --- the beginning --- */

static uint32_t patience_ms(struct transport *t)
{
	uint32_t ms = atomic_load_explicit(&t->set->limits.message_timeout_ms,
					   memory_order_relaxed);

	return ms > UNACKNOWLEDGED_MS ? ms : UNACKNOWLEDGED_MS;
}

static void conn_init(struct conn *c, struct transport *t, int fd,
		      const struct flow *flow, bool is_accepted)
{
	c->t = t;
	c->fd = fd;
	c->flow = *flow;
	c->is_accepted = is_accepted;
	c->bytes = sip_transport_is_tls(flow->transport) ? &bytes_tls
							 : &bytes_plain;
	c->framing = sip_transport_is_websocket(flow->transport) ? &framing_ws
								 : &framing_sip;
	c->read_wants = LOOP_READ;
	c->state = is_accepted ? CONN_HANDSHAKING : CONN_CONNECTING;
	c->active_ms = now_ms(c);
	if (!is_accepted)
		c->state_ms = c->active_ms + CONNECT_TIMEOUT_MS;
	list_init(&c->dirty);
	list_init(&c->news);
	list_init(&c->more);
	list_init(&c->out);
	list_init(&c->sent);
	timer_init(&c->timer, conn_due);
	list_add_tail(&t->conns, &c->link);
	socket_set_patience(fd, patience_ms(t));
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
	c->entry.is_made = !c->is_accepted;
	c->entry.listener = c->flow.listener;
	if (!c->is_accepted)
		conn_expect(c, conn_deadline(c));
	return 0;
}

static void conn_uncount(struct transport *t, const struct flow *flow,
			 bool is_accepted)
{
	atomic_fetch_sub(&t->set->n_connections, 1);
	stats_bump(&t->stats->connections[flow->transport], (uint64_t)-1);
	if (is_accepted)
		sources_leave(t->set->sources, &flow->remote);
}

int conn_new(struct transport *t, int fd, const struct flow *flow,
	     bool is_accepted, struct conn **out)
{
	struct conn *c = mem_zalloc(t->mem, sizeof(*c));
	int err;

	stats_bump(&t->stats->connections[flow->transport], 1);
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

/* A dot at the end is not part of the name. */
int conn_set_domain(struct conn *c, struct str domain)
{
	if (domain.len > 0 && domain.p[domain.len - 1] == '.')
		domain.len--;
	if (domain.len == 0)
		return 0;
	c->domain = mem_alloc(c->t->mem, domain.len + 1);
	if (c->domain == NULL)
		return VD_ENOMEM;
	memcpy(c->domain, domain.p, domain.len);
	c->domain[domain.len] = '\0';
	c->entry.domain = (struct str){c->domain, domain.len};
	return 0;
}

void conn_alias(struct conn *c, uint16_t port)
{
	struct directory_entry *e;

	if (c->alias != NULL || c->names == NULL || c->state != CONN_OPEN)
		return;
	e = mem_zalloc(c->t->mem, sizeof(*e));
	if (e == NULL)
		return; /* they open a connection of their own */
	e->transport = c->flow.transport;
	e->remote = c->flow.remote;
	addr_set_port(&e->remote, port);
	e->ref = c->flow.conn;
	e->is_alias = true;
	e->names = c->names;
	c->alias = e;
	directory_add(c->t->set->directory, e);
}

/* --- the end --- */

void conn_leave_directory(struct conn *c)
{
	directory_remove(c->t->set->directory, &c->entry);
	if (c->alias != NULL)
		directory_remove(c->t->set->directory, c->alias);
}

/* Nobody finds it any more. */
static void conn_leave(struct conn *c)
{
	struct transport *t = c->t;

	conn_leave_directory(c);
	if (!conn_ref_is_none(c->flow.conn) &&
	    slots_is_live(&t->set->slots[t->worker], c->flow.conn))
		slots_give(&t->set->slots[t->worker], c->flow.conn);
}

/* Nobody finds them any more. */
static void conn_drop_names(struct conn *c)
{
	identities_leave(c->t->set->identities, c->flow.identity);
	c->flow.identity = 0;
	if (c->alias != NULL)
		mem_free(c->t->mem, c->alias, sizeof(*c->alias));
	c->alias = NULL;
	cert_names_free(c->names);
	mem_free(c->t->mem, c->domain, c->entry.domain.len + 1);
	c->names = NULL;
	c->domain = NULL;
	c->entry.domain = STR_NONE;
}

static void conn_drop(struct conn *c)
{
	struct transport *t = c->t;

	if (c->state == CONN_CLOSED)
		return;
	c->state = CONN_CLOSED;
	conn_leave(c);
	timer_cancel(loop_wheel(t->loop), &c->timer);
	if (c->bytes->free != NULL)
		c->bytes->free(c);
	loop_io_del(c->io);
	c->io = NULL;
	socket_close(c->fd);
	c->fd = -1;
	list_del(&c->dirty);
	list_del(&c->more);
	conn_drop_output(c);
	conn_drop_names(c);
	conn_uncount(t, &c->flow, c->is_accepted);
}

void conn_tell(struct conn *c)
{
	list_del(&c->news);
	list_add_tail(&c->t->news, &c->news);
}

void conn_free(struct conn *c)
{
	conn_drop(c);
	conn_drop_input(c);
	if (c->framing->free != NULL)
		c->framing->free(c);
	list_del(&c->news);
	list_del(&c->link);
	mem_free(c->t->mem, c, sizeof(*c));
}

/* Its input may be on the stack, and the framing layer: they go when the conn
 * is freed. */
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
	if (c->state > CONN_OPEN)
		return;
	if (!c->is_ready) {
		conn_close(c);
		return;
	}
	if (c->framing->finish != NULL)
		c->framing->finish(c);
	if (c->state > CONN_OPEN)
		return;
	c->state = CONN_FLUSHING;
	c->state_ms = 0;
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
	int err;

	if (c->state == CONN_HALF_CLOSED)
		conn_half_sent(c);
	if (c->state != CONN_FLUSHING)
		return;
	err = c->bytes->shutdown(c);
	if (err == BYTES_FAILED) {
		conn_close(c);
		return;
	}
	if (err != 0) {
		conn_blocked(c, err);
		conn_watch(c);
		return;
	}
	c->state = CONN_LINGERING;
	c->state_ms = now_ms(c) + LINGER_MS;
	conn_expect(c, c->state_ms);
	conn_watch(c);
}
