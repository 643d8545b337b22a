/*
 * A client that has ended its side of the stream. It may wait for its answers,
 * or have closed and be gone: only when something is sent there does its system
 * tell. So answers go there (RFC 3261 18.2.2: the connection is open), and are
 * kept until they have arrived.
 */
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "transport/conn.h"

/* A transaction that was begun by it is open, or something is queued. */
static bool is_awaited(const struct conn *c)
{
	return slots_is_awaited(&c->t->set->slots[c->t->worker],
				c->flow.conn) ||
	       !list_is_empty(&c->out);
}

/* Requests of ours that wait for it have failed, and what is bound to it has
 * ended: all that is as if it were gone. */
void conn_input_ended(struct conn *c)
{
	if (c->state != CONN_OPEN || !c->is_accepted ||
	    !c->framing->may_half_close || !is_awaited(c)) {
		conn_close(c);
		return;
	}
	c->state = CONN_HALF_CLOSED;
	c->message_ms = 0;
	conn_drop_input(c);
	c->look_ms = HALF_LOOK_MS;
	conn_leave_directory(c);
	slots_end_input(&c->t->set->slots[c->t->worker], c->flow.conn);
	conn_tell(c);
	conn_watch(c);
}

static bool is_reset(const struct conn *c)
{
	int err = 0;
	socklen_t len = sizeof(err);

	return getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0 ||
	       err != 0;
}

/* What its system has confirmed need not be kept. */
void conn_half_confirm(struct conn *c)
{
	int left = 0;

	if (ioctl(c->fd, SIOCOUTQ, &left) == 0)
		conn_drop_sent(c, (size_t)left);
}

static void look_later(struct conn *c, uint32_t ms)
{
	c->look_ms = ms < HALF_LOOK_MAX_MS ? ms : HALF_LOOK_MAX_MS;
	c->state_ms = loop_now_ms(c->t->loop) + c->look_ms;
	conn_expect(c, c->state_ms);
}

/* Transactions end by themselves, a queue by its deadline. What has not arrived
 * after a while is left to the kernel. */
static bool is_over(const struct conn *c)
{
	uint64_t quiet_ms = loop_now_ms(c->t->loop) - c->active_ms;

	if (is_awaited(c))
		return false;
	return list_is_empty(&c->sent) || quiet_ms >= LINGER_MS;
}

void conn_half_look(struct conn *c)
{
	if (is_reset(c)) {
		conn_answer_anew(c);
		return;
	}
	conn_half_confirm(c);
	if (is_over(c))
		conn_close(c);
	else
		look_later(c, c->look_ms * 2);
}

void conn_half_sent(struct conn *c)
{
	uint64_t soon_ms = loop_now_ms(c->t->loop) + HALF_LOOK_MS;

	/* Answers in a stream do not put it off. */
	if (c->state_ms == 0 || c->state_ms > soon_ms)
		look_later(c, HALF_LOOK_MS);
}
