/* A connection's output: a bounded queue, written at the end of the turn. */
#include "transport/conn.h"
#include "viaduct/sip/msg.h"
#include "viaduct/util/err.h"

struct out {
	struct list link;
	struct buf *buf;
	bool is_message;
	uint8_t head_len;
	char head[FRAMING_HEAD_MAX]; /* goes out before the buffer's bytes */
};

static size_t out_len(const struct out *o)
{
	return o->head_len + o->buf->len;
}

static size_t queue_max(const struct conn *c)
{
	return atomic_load_explicit(&c->t->set->limits.output_queue,
				    memory_order_relaxed);
}

struct str conn_queued_call_id(const struct list *out)
{
	const struct out *o = LIST_ENTRY(out, struct out, link);

	return sip_bytes_call_id(buf_str(o->buf));
}

static void out_free(struct conn *c, struct out *o)
{
	list_del(&o->link);
	buf_unref(o->buf);
	mem_free(c->t->mem, o, sizeof(*o));
}

static void drop_oldest(struct conn *c)
{
	struct out *o = LIST_FIRST(&c->sent, struct out, link);

	c->sent_bytes -= out_len(o);
	out_free(c, o);
}

void conn_drop_sent(struct conn *c, size_t keep)
{
	while (!list_is_empty(&c->sent) &&
	       c->sent_bytes - out_len(LIST_FIRST(&c->sent, struct out,
						  link)) >=
		       keep)
		drop_oldest(c);
}

/* A peer that has ended its side may be gone altogether: then what has left
 * must not be lost. Of much, the oldest is left to the kernel. */
static void keep_sent(struct conn *c, struct out *o)
{
	list_del(&o->link);
	list_add_tail(&c->sent, &o->link);
	c->sent_bytes += out_len(o);
	if (c->sent_bytes > queue_max(c))
		conn_half_confirm(c);
	while (c->sent_bytes > queue_max(c))
		drop_oldest(c);
}

/* The first has left. */
static void conn_pop(struct conn *c)
{
	struct out *o = LIST_FIRST(&c->out, struct out, link);

	c->out_cost -= out_len(o) + OUT_COST;
	if (c->state == CONN_HALF_CLOSED)
		keep_sent(c, o);
	else
		out_free(c, o);
}

void conn_drop_output(struct conn *c)
{
	conn_drop_sent(c, 0);
	while (!list_is_empty(&c->out))
		out_free(c, LIST_FIRST(&c->out, struct out, link));
	c->out_cost = 0;
}

static void list_move(struct list *from, struct list *to)
{
	struct list *it, *tmp;

	LIST_FOREACH(it, tmp, from) {
		list_del(it);
		list_add_tail(to, it);
	}
}

/* RFC 3261 18.2.2: to the source, at the port of sent-by. */
static void answer_anew(struct conn *c, struct buf *b)
{
	struct hop to = hop_back(&c->flow);
	struct sip_via via;

	if (!sip_bytes_are_response(buf_str(b)) ||
	    sip_bytes_via(buf_str(b), &via) != 0)
		return;
	addr_set_port(&to.addr, sip_via_port(&via, to.transport));
	if (transport_send(c->t, &to, b, NULL) != 0)
		stats_add(c->t->stats, STAT_send_errors, 1);
}

void conn_answer_anew(struct conn *c)
{
	struct list all;

	list_init(&all);
	list_move(&c->sent, &all);
	list_move(&c->out, &all);
	c->sent_bytes = c->out_cost = 0;
	conn_close(c);
	while (!list_is_empty(&all)) {
		struct out *o = LIST_FIRST(&all, struct out, link);

		answer_anew(c, o->buf);
		out_free(c, o);
	}
}

/* `n` more bytes have left. */
static void conn_sent(struct conn *c, size_t n)
{
	c->active_ms = loop_now_ms(c->t->loop);
	c->stall_ms = 0;
	n += c->out_sent;
	while (!list_is_empty(&c->out)) {
		struct out *o = LIST_FIRST(&c->out, struct out, link);

		if (n < out_len(o))
			break;
		n -= out_len(o);
		if (o->is_message)
			stats_sent(c->t->stats, c->flow.transport, 1);
		conn_pop(c);
	}
	c->out_sent = n;
}

/* Head and bytes of `o` without the first `skip`; how many of them there are.
 */
static size_t out_iov(struct out *o, size_t skip, struct iovec iov[2])
{
	size_t n = 0;

	if (skip < o->head_len)
		iov[n++] = (struct iovec){o->head + skip, o->head_len - skip};
	skip = skip > o->head_len ? skip - o->head_len : 0;
	iov[n++] = (struct iovec){o->buf->data + skip, o->buf->len - skip};
	return n;
}

static ssize_t conn_write(struct conn *c)
{
	struct iovec iov[OUT_IOV];
	struct list *it, *tmp;
	size_t skip = c->out_sent, n = 0;

	LIST_FOREACH(it, tmp, &c->out) {
		struct out *o = LIST_ENTRY(it, struct out, link);

		if (n + 2 > OUT_IOV)
			break;
		n += out_iov(o, skip, &iov[n]);
		skip = 0;
	}
	return c->bytes->write(c, iov, n);
}

void conn_blocked(struct conn *c, int want)
{
	c->is_blocked = true;
	c->write_wants = conn_event_of(want);
	if (c->stall_ms == 0)
		c->stall_ms = loop_now_ms(c->t->loop) +
			      atomic_load_explicit(
				      &c->t->set->limits.message_timeout_ms,
				      memory_order_relaxed);
	conn_expect(c, c->stall_ms);
}

static void conn_write_all(struct conn *c)
{
	while (!list_is_empty(&c->out) && !c->is_blocked) {
		ssize_t n = conn_write(c);

		if (n >= 0) {
			conn_sent(c, (size_t)n);
		} else if (n == BYTES_WANT_READ || n == BYTES_WANT_WRITE) {
			conn_blocked(c, (int)n);
		} else if (c->state == CONN_HALF_CLOSED) {
			conn_answer_anew(c);
			return;
		} else {
			conn_abort(c, STAT_connections_failed);
			return;
		}
	}
}

/* A client that does not read its answers may not ask for more; one that reads
 * again may when all have left. */
static void conn_pause(struct conn *c)
{
	if (list_is_empty(&c->out))
		c->is_paused = false;
	else if (c->is_accepted && c->is_blocked &&
		 c->out_cost > queue_max(c) / 2) {
		c->is_paused = true;
		c->message_ms = 0;
	}
	conn_watch(c);
}

/* In an upgrade the framing layer has its say before there are messages. */
static bool conn_writes(const struct conn *c)
{
	return c->state == CONN_OPEN || c->state == CONN_HALF_CLOSED ||
	       c->state == CONN_FLUSHING ||
	       (c->state == CONN_HANDSHAKING && c->is_ready);
}

void conn_flush(struct conn *c)
{
	list_del(&c->dirty);
	if (!conn_writes(c))
		return;
	conn_write_all(c);
	if (c->state == CONN_CLOSED)
		return;
	conn_pause(c);
	if (list_is_empty(&c->out))
		conn_sent_all(c);
}

static int conn_queue(struct conn *c, struct buf *b, bool is_raw)
{
	struct out *o = mem_alloc(c->t->mem, sizeof(*o));

	if (o == NULL)
		return VD_ENOMEM;
	o->buf = buf_ref(b);
	o->is_message = !is_raw && b != c->t->pong;
	o->head_len = 0;
	if (!is_raw && c->framing->head != NULL)
		o->head_len = (uint8_t)c->framing->head(c, b, o->head);
	list_add_tail(&c->out, &o->link);
	c->out_cost += out_len(o) + OUT_COST;
	if (!c->is_blocked && list_is_empty(&c->dirty))
		list_add_tail(&c->t->dirty, &c->dirty);
	conn_pause(c);
	return 0;
}

/* Who writes no more asks for nothing, and answers nothing. */
static bool conn_takes(const struct conn *c, const struct buf *b, bool is_raw)
{
	if (c->state == CONN_HALF_CLOSED)
		return !is_raw && sip_bytes_are_response(buf_str(b));
	return c->state <= CONN_OPEN;
}

static int conn_enqueue(struct conn *c, struct buf *b, bool is_raw)
{
	size_t max = queue_max(c);

	/* Only what the peer does not take counts against it. */
	if (c->out_cost > max / 2 && !c->is_blocked)
		conn_flush(c);
	if (!conn_takes(c, b, is_raw))
		return VD_ECONN;
	if (c->out_cost != 0 && c->out_cost + b->len + OUT_COST > max) {
		stats_limit(c->t->stats, LIMIT_output_queue);
		conn_abort(c, STAT_connections_slow);
		return VD_ELIMIT;
	}
	return conn_queue(c, b, is_raw);
}

int conn_send(struct conn *c, struct buf *b)
{
	return conn_enqueue(c, b, false);
}

int conn_send_raw(struct conn *c, struct buf *b)
{
	return conn_enqueue(c, b, true);
}
