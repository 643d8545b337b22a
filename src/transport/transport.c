/* One worker's part: it starts and stops the others and ends a turn. */
#include "viaduct/transport/transport.h"

#include "transport/conn.h"
#include "transport/transport_priv.h"
#include "transport/udp.h"
#include "viaduct/util/err.h"

/* All other workers, then ours. False: no parcel is free. */
static bool conn_tell_all(struct conn *c)
{
	struct transport *t = c->t;

	for (; c->n_told < t->set->n_workers; c->n_told++)
		if (c->n_told != t->worker &&
		    !parcel_tell_closed(t, c->n_told, c->flow.conn))
			return false;
	if (!c->is_told) {
		c->is_told = true;
		t->ops->on_conn_closed(t->arg, c->flow.conn);
	}
	return true;
}

static void tell_closed(struct transport *t)
{
	while (!list_is_empty(&t->news)) {
		struct conn *c = LIST_FIRST(&t->news, struct conn, news);

		if (!conn_tell_all(c)) {
			timer_arm(loop_wheel(t->loop), &t->tell_timer,
				  TIMER_TICK_MS);
			return;
		}
		list_del(&c->news);
		if (c->state == CONN_CLOSED)
			conn_free(c);
		else if (c->state == CONN_HALF_CLOSED)
			conn_half_look(c);
	}
}

static void flush_streams(struct transport *t)
{
	while (!list_is_empty(&t->dirty))
		conn_flush(LIST_FIRST(&t->dirty, struct conn, dirty));
}

/* Those that wait now; each may wait again, for the next turn. */
static void read_more(struct transport *t)
{
	struct list *it, *tmp;
	size_t n = 0;

	LIST_FOREACH(it, tmp, &t->more)
		n++;
	while (n-- > 0 && !list_is_empty(&t->more))
		conn_read_rest(LIST_FIRST(&t->more, struct conn, more));
}

static bool has_news(const struct transport *t)
{
	return !list_is_empty(&t->lost) ||
	       (!list_is_empty(&t->news) && !timer_is_armed(&t->tell_timer));
}

static void nothing(void *arg)
{
	(void)arg;
}

/*
 * Failures are told here, where no callback is on the stack. What the upper
 * layers send then leaves at once; what they defer, and the hooks that come
 * before this one, get another round by deferring something.
 */
static void turn_end(void *arg)
{
	struct transport *t = arg;

	t->n_handshakes = 0;
	read_more(t);
	udp_flush(t->udp);
	flush_streams(t);
	if (!has_news(t))
		return;
	udp_tell_lost(t->udp);
	tell_closed(t);
	loop_defer(t->loop, nothing, NULL);
}

/* Running is enough: the turn's end comes after it. */
static void tell_again(struct timer *timer)
{
	(void)timer;
}

int transport_new(struct transport_set *s, unsigned worker, struct loop *loop,
		  struct mem *mem, struct stats *stats,
		  const struct transport_ops *ops, void *arg,
		  struct transport **out)
{
	struct transport *t = mem_zalloc(mem, sizeof(*t));
	int err;

	if (t == NULL)
		return VD_ENOMEM;
	t->set = s;
	t->worker = (uint16_t)worker;
	t->loop = loop;
	t->mem = mem;
	t->stats = stats;
	t->ops = ops;
	t->arg = arg;
	t->reserve_fd = -1;
	list_init(&t->conns);
	list_init(&t->dirty);
	list_init(&t->more);
	list_init(&t->news);
	list_init(&t->lost);
	timer_init(&t->tell_timer, tell_again);
	err = udp_new(t, &t->udp);
	if (err == 0)
		err = tcp_start(t);
	if (err == 0)
		err = loop_on_turn_end(loop, turn_end, t);
	if (err != 0) {
		transport_free(t);
		return err;
	}
	*out = t;
	return 0;
}

void transport_free(struct transport *t)
{
	if (t == NULL)
		return;
	tcp_stop(t);
	udp_free(t->udp);
	timer_cancel(loop_wheel(t->loop), &t->tell_timer);
	mem_free(t->mem, t, sizeof(*t));
}

void transport_stop_accepting(struct transport *t)
{
	tcp_stop_accepting(t);
}

int transport_send(struct transport *t, const struct hop *to, struct buf *b,
		   struct conn_ref *used)
{
	if (to->listener >= t->set->n_listeners)
		return VD_EUNREACH;
	if (to->transport == SIP_UDP)
		return udp_send(t->udp, to, b);
	return tcp_send(t, to, b, used);
}
