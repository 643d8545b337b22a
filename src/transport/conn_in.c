/* What a connection reads, cut into messages (RFC 3261 section 18.3). */
#include <errno.h>

#include "transport/conn.h"
#include "viaduct/util/err.h"

enum {
	IN_MIN = 1024, /* room for the start of a message */
};

static size_t message_max(const struct conn *c)
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

static void conn_broken(struct conn *c, struct str bytes, unsigned status)
{
	struct transport *t = c->t;

	stats_add(t->stats, STAT_messages_in, 1);
	t->ops->on_broken(t->arg, &c->flow, bytes, status);
	conn_finish(c);
}

static void conn_pong(struct conn *c)
{
	if (conn_send(c, c->t->pong) == VD_ENOMEM)
		conn_abort(c, STAT_connections_failed);
}

static void conn_message(struct conn *c, struct str bytes)
{
	struct transport *t = c->t;

	stats_add(t->stats, STAT_messages_in, 1);
	t->ops->on_message(t->arg, &c->flow, bytes);
}

/* Handle what stands at the start of `bytes`. Returns how many bytes it took;
 * 0: the rest of it has not come, or never matters. */
static size_t conn_step(struct conn *c, struct str bytes)
{
	struct sip_framer f;
	enum sip_frame frame =
		sip_frame_next(&c->framer, bytes, message_max(c));

	f = c->framer;
	if (frame != SIP_FRAME_MORE)
		memset(&c->framer, 0, sizeof(c->framer));
	switch (frame) {
	case SIP_FRAME_MORE:
		return 0;
	case SIP_FRAME_READY:
		conn_message(c, (struct str){bytes.p, f.need});
		return f.need;
	case SIP_FRAME_PING:
		conn_pong(c);
		return 4;
	case SIP_FRAME_SKIP:
		return 2;
	case SIP_FRAME_BAD:
		conn_broken(c, bytes, 400);
		return 0;
	case SIP_FRAME_TOO_BIG:
		conn_broken(c, bytes, 513);
		return 0;
	}
	return 0;
}

/* A callback may end the connection; then nothing more is parsed. Or its answer
 * is one too many; then the rest waits. */
static size_t conn_deliver(struct conn *c, struct str bytes)
{
	size_t used = 0;

	while (used < bytes.len && c->state == CONN_OPEN && !c->is_paused) {
		size_t n = conn_step(c, str_skip(bytes, used));

		if (n == 0)
			break;
		used += n;
	}
	return used;
}

/* White space before a message is a keep-alive. */
static bool is_blank(struct str bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (bytes.p[i] != '\r' && bytes.p[i] != '\n')
			return false;
	return true;
}

/* `rest` is what has come of the next message; is_new: its first byte came
 * just now. While it is us who do not read, there is no deadline. */
static void conn_expect_rest(struct conn *c, struct str rest, bool is_new)
{
	if (c->is_paused || is_blank(rest)) {
		c->message_ms = 0;
		return;
	}
	if (!is_new && c->message_ms != 0)
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

/* An idle connection holds no buffer: input is read into the worker's scratch
 * space, and only the start of a message that is not whole is kept. */
static void conn_read_fresh(struct conn *c, size_t len)
{
	struct str bytes = {c->t->scratch, len};
	size_t used = conn_deliver(c, bytes);

	if (c->state != CONN_OPEN)
		return;
	bytes = str_skip(bytes, used);
	conn_expect_rest(c, bytes, true);
	if (bytes.len > 0 && conn_grow(c, bytes.len)) {
		memcpy(c->in, bytes.p, bytes.len);
		c->in_len = bytes.len;
	}
}

static void conn_read_more(struct conn *c)
{
	size_t used = conn_deliver(c, (struct str){c->in, c->in_len});

	if (c->state != CONN_OPEN)
		return;
	c->in_len -= used;
	memmove(c->in, c->in + used, c->in_len);
	conn_expect_rest(c, (struct str){c->in, c->in_len}, used > 0);
	if (c->in_len == 0)
		conn_drop_input(c);
}

/* Its answers have left; what it had asked meanwhile is here already. */
void conn_resume(struct conn *c)
{
	if (c->in_len > 0)
		conn_read_more(c);
}

static void conn_read_failed(struct conn *c, ssize_t n)
{
	if (n == 0)
		conn_close(c);
	else if (errno != EAGAIN && errno != EINTR)
		conn_abort(c, STAT_connections_failed);
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
		n = recv(c->fd, c->t->scratch, SCRATCH_SIZE, 0);
	else
		n = recv(c->fd, c->in + c->in_len, c->in_cap - c->in_len, 0);
	if (n <= 0) {
		conn_read_failed(c, n);
		return;
	}
	c->active_ms = loop_now_ms(c->t->loop);
	if (is_fresh) {
		conn_read_fresh(c, (size_t)n);
	} else {
		c->in_len += (size_t)n;
		conn_read_more(c);
	}
}

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
