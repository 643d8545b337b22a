/* A connection's input, until the framing layer has made messages of it. */
#include <errno.h>

#include "transport/conn.h"
#include "viaduct/util/err.h"

enum {
	IN_MIN = 1024, /* room for the start of a message */
};

size_t conn_message_max(const struct conn *c)
{
	return atomic_load_explicit(&c->t->set->limits.message_size,
				    memory_order_relaxed);
}

void conn_drop_input(struct conn *c)
{
	mem_free(c->t->mem, c->in, c->in_cap);
	c->in = NULL;
	c->in_len = c->in_cap = 0;
}

void conn_broken(struct conn *c, struct str bytes, unsigned status)
{
	struct transport *t = c->t;

	stats_received(t->stats, c->flow.transport);
	t->ops->on_broken(t->arg, &c->flow, bytes, status);
	conn_finish(c);
}

void conn_message(struct conn *c, struct str bytes)
{
	struct transport *t = c->t;

	stats_received(t->stats, c->flow.transport);
	c->message_ms = 0;
	t->ops->on_message(t->arg, &c->flow, bytes);
}

/* `rest` is what has come of the next message and was not kept elsewhere; its
 * deadline stays until it is whole. While it is us who do not read, there is
 * none. */
static void conn_expect_rest(struct conn *c, struct str rest)
{
	if (c->is_paused || !c->framing->has_begun(c, rest)) {
		c->message_ms = 0;
		return;
	}
	if (c->message_ms != 0)
		return;
	c->message_ms =
		loop_now_ms(c->t->loop) +
		atomic_load_explicit(&c->t->set->limits.message_timeout_ms,
				     memory_order_relaxed);
	conn_expect(c, c->message_ms);
}

static bool conn_grow(struct conn *c, size_t want)
{
	size_t cap = mem_good_size(want > IN_MIN ? want : IN_MIN);
	char *in = mem_alloc(c->t->mem, cap);

	if (in == NULL) {
		conn_abort(c, STAT_connections_failed);
		return false;
	}
	if (c->in_len > 0)
		memcpy(in, c->in, c->in_len);
	mem_free(c->t->mem, c->in, c->in_cap);
	c->in = in;
	c->in_cap = cap;
	return true;
}

static bool is_reading(const struct conn *c)
{
	return c->state == CONN_OPEN ||
	       (c->state == CONN_HANDSHAKING && c->is_ready);
}

bool conn_reads(const struct conn *c)
{
	return is_reading(c) && !c->is_paused;
}

/* An idle connection holds no buffer: input is read into the worker's scratch
 * space, and only the start of a message that is not whole is kept. */
static void conn_read_fresh(struct conn *c, size_t len)
{
	struct str bytes = {c->t->scratch, len};
	size_t used = c->framing->deliver(c, c->t->scratch, len);

	if (!is_reading(c))
		return;
	bytes = str_skip(bytes, used);
	conn_expect_rest(c, bytes);
	if (bytes.len > 0 && conn_grow(c, bytes.len)) {
		memcpy(c->in, bytes.p, bytes.len);
		c->in_len = bytes.len;
	}
}

static void conn_read_more(struct conn *c)
{
	size_t used = c->framing->deliver(c, c->in, c->in_len);

	if (!is_reading(c))
		return;
	c->in_len -= used;
	memmove(c->in, c->in + used, c->in_len);
	conn_expect_rest(c, (struct str){c->in, c->in_len});
	if (c->in_len == 0)
		conn_drop_input(c);
}

/* The byte layer holds more than was asked for: the next turn goes on, after
 * the others had theirs. */
static void conn_read_on(struct conn *c)
{
	if (!c->has_more || !conn_reads(c) || !list_is_empty(&c->more))
		return;
	list_add_tail(&c->t->more, &c->more);
	loop_again(c->t->loop);
}

/* Its answers have left; what it had asked meanwhile is here already. */
void conn_resume(struct conn *c)
{
	if (c->in_len > 0)
		conn_read_more(c);
	conn_read_on(c);
}

/* Nothing was lost with it. Closing a socket with unread bytes resets the
 * connection, and a ticket of TLS that nobody waited for is such. */
static bool is_between_messages(const struct conn *c)
{
	return c->message_ms == 0 && list_is_empty(&c->out);
}

static void conn_read_stopped(struct conn *c, int why)
{
	if (why == BYTES_END)
		conn_input_ended(c);
	else if (why == BYTES_GONE)
		conn_close(c);
	else if (why == BYTES_RESET && is_between_messages(c))
		conn_abort(c, STAT_connections_reset);
	else if (why == BYTES_RESET || why == BYTES_FAILED)
		conn_abort(c, STAT_connections_failed);
	else {
		c->read_wants = conn_event_of(why);
		conn_watch(c);
	}
}

/* Once per turn, so that a fast peer does not starve the others. The buffer
 * doubles with what has arrived, whatever was declared. */
void conn_read(struct conn *c)
{
	bool is_fresh = c->in_len == 0;
	ssize_t n;

	if (!is_fresh && c->in_len > c->in_cap - c->in_cap / 4 &&
	    !conn_grow(c, c->in_cap * 2))
		return;
	if (is_fresh)
		n = c->bytes->read(c, c->t->scratch, SCRATCH_SIZE);
	else
		n = c->bytes->read(c, c->in + c->in_len, c->in_cap - c->in_len);
	if (n <= 0) {
		conn_read_stopped(c, (int)n);
		return;
	}
	c->active_ms = c->heard_ms = loop_now_ms(c->t->loop);
	c->is_asked = false;
	if (is_fresh) {
		conn_read_fresh(c, (size_t)n);
	} else {
		c->in_len += (size_t)n;
		conn_read_more(c);
	}
	conn_read_on(c);
}

/* What the byte layer holds. */
void conn_read_rest(struct conn *c)
{
	list_del(&c->more);
	if (conn_reads(c))
		conn_read(c);
}

/* The bytes themselves: nobody looks at them. */
void conn_discard(struct conn *c)
{
	ssize_t n = recv(c->fd, c->t->scratch, SCRATCH_SIZE, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->n_discarded += (size_t)n;
	if (n <= 0 || c->n_discarded > LINGER_BYTES)
		conn_close(c);
}
