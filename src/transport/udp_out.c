/* Datagrams on their way out. */
#include <errno.h>

#include "transport/udp.h"
#include "viaduct/util/err.h"

/* One that the kernel refused; the transaction wants to know. */
struct lost {
	struct list link;
	struct buf *buf;
	union addr to;
	int err;
};

static void sock_flush(struct udp_sock *s);

static void retry_due(struct timer *timer)
{
	struct udp_sock *s = CONTAINER_OF(timer, struct udp_sock, retry);

	udp_out_ready(s);
}

int udp_out_init(struct udp_sock *s)
{
	list_init(&s->dirty);
	timer_init(&s->retry, retry_due);
	s->ring = mem_alloc(s->udp->t->mem, UDP_QUEUE * sizeof(*s->ring));
	return s->ring != NULL ? 0 : VD_ENOMEM;
}

static struct udp_out *ring_at(struct udp_sock *s, uint32_t i)
{
	return &s->ring[(s->head + i) % UDP_QUEUE];
}

static void ring_pop(struct udp_sock *s, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		buf_unref(ring_at(s, i)->buf);
	s->head = (s->head + n) % UDP_QUEUE;
	s->n -= n;
}

void udp_out_fini(struct udp_sock *s)
{
	struct transport *t = s->udp->t;

	timer_cancel(loop_wheel(t->loop), &s->retry);
	list_del(&s->dirty);
	ring_pop(s, s->n);
	mem_free(t->mem, s->ring, UDP_QUEUE * sizeof(*s->ring));
}

static void write_pktinfo(struct msghdr *h, union udp_control *control,
			  const union addr *local)
{
	bool is_v6 = addr_family(local) == AF_INET6;
	struct in_pktinfo v4 = {.ipi_spec_dst = local->in4.sin_addr};
	struct in6_pktinfo v6 = {.ipi6_addr = local->in6.sin6_addr};
	size_t len = is_v6 ? sizeof(v6) : sizeof(v4);
	struct cmsghdr *c = &control->align;

	h->msg_control = control;
	h->msg_controllen = CMSG_SPACE(len);
	c->cmsg_level = is_v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = is_v6 ? IPV6_PKTINFO : IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), is_v6 ? (void *)&v6 : (void *)&v4, len);
}

static void prepare(struct udp_sock *s, uint32_t i)
{
	struct udp *u = s->udp;
	struct udp_out *o = ring_at(s, i);
	struct msghdr *h = &u->out[i].msg_hdr;

	u->out_iov[i].iov_base = o->buf->data;
	u->out_iov[i].iov_len = o->buf->len;
	h->msg_iov = &u->out_iov[i];
	h->msg_iovlen = 1;
	h->msg_name = &o->to;
	h->msg_namelen = addr_len(&o->to);
	h->msg_control = NULL;
	h->msg_controllen = 0;
	if (s->is_any && addr_family(&o->local) != AF_UNSPEC)
		write_pktinfo(h, &u->out_control[i], &o->local);
}

static int send_batch(struct udp_sock *s)
{
	uint32_t n = s->n < UDP_BATCH ? s->n : UDP_BATCH;

	for (uint32_t i = 0; i < n; i++)
		prepare(s, i);
	return sendmmsg(s->fd, s->udp->out, n, MSG_DONTWAIT);
}

static void wait_writable(struct udp_sock *s)
{
	s->is_blocked = true;
	loop_io_set(s->io, LOOP_READ | LOOP_WRITE);
}

/* The device's queue is full; a socket does not become writable when it is
 * not, so try again after a while. */
static void wait_retry(struct udp_sock *s)
{
	s->is_blocked = true;
	timer_arm(loop_wheel(s->udp->t->loop), &s->retry, TIMER_TICK_MS);
}

/* Not told here: the caller may be the one who sends. */
static void lose_first(struct udp_sock *s, int err)
{
	struct udp *u = s->udp;
	struct udp_out *o = ring_at(s, 0);
	struct lost *l = NULL;

	stats_add(u->t->stats, STAT_send_errors, 1);
	if (u->n_lost < UDP_LOST)
		l = mem_alloc(u->t->mem, sizeof(*l));
	if (l != NULL) {
		l->buf = buf_ref(o->buf);
		l->to = o->to;
		l->err = err == VD_ECONN ? VD_ECONN : VD_EUNREACH;
		list_add_tail(&u->t->lost, &l->link);
		u->n_lost++;
	}
	ring_pop(s, 1);
}

/*
 * The first datagram was not sent. The error may be an old one, that ICMP
 * brought for another datagram and that this call has cleared: try again, and
 * only after UDP_SEND_TRIES is it this one's.
 */
static void udp_send_failed(struct udp_sock *s, unsigned *n_tries)
{
	switch (errno) {
	case EAGAIN:
		wait_writable(s);
		break;
	case ENOBUFS:
	case ENOMEM:
		wait_retry(s);
		break;
	case EINTR:
		break;
	default:
		if (++*n_tries < UDP_SEND_TRIES)
			break;
		*n_tries = 0;
		lose_first(s, socket_error_to_vd(errno));
	}
}

static void sock_flush(struct udp_sock *s)
{
	unsigned n_tries = 0;

	list_del(&s->dirty);
	while (s->n > 0 && !s->is_blocked) {
		int n = send_batch(s);

		if (n <= 0) {
			udp_send_failed(s, &n_tries);
			continue;
		}
		n_tries = 0;
		stats_sent(s->udp->t->stats, SIP_UDP, (uint64_t)n);
		ring_pop(s, (uint32_t)n);
	}
}

void udp_out_ready(struct udp_sock *s)
{
	if (!s->is_blocked)
		return;
	s->is_blocked = false;
	timer_cancel(loop_wheel(s->udp->t->loop), &s->retry);
	loop_io_set(s->io, LOOP_READ);
	sock_flush(s);
}

void udp_flush(struct udp *u)
{
	while (!list_is_empty(&u->dirty))
		sock_flush(LIST_FIRST(&u->dirty, struct udp_sock, dirty));
}

int udp_send(struct udp *u, const struct hop *to, struct buf *b)
{
	struct udp_sock *s = &u->socks[to->listener];
	struct udp_out *o;

	if (s->fd < 0 || addr_family(&to->addr) != addr_family(&s->local))
		return VD_EUNREACH;
	if (b->len > UDP_PAYLOAD)
		return VD_ETOOBIG;
	if (s->n == UDP_QUEUE)
		sock_flush(s);
	if (s->n == UDP_QUEUE) {
		stats_add(u->t->stats, STAT_send_errors, 1);
		return VD_ELIMIT;
	}
	o = ring_at(s, s->n++);
	o->buf = buf_ref(b);
	o->to = to->addr;
	o->local = to->local;
	if (!s->is_blocked && list_is_empty(&s->dirty))
		list_add_tail(&u->dirty, &s->dirty);
	return 0;
}

static struct lost *lost_take(struct udp *u)
{
	struct lost *l;

	if (list_is_empty(&u->t->lost))
		return NULL;
	l = LIST_FIRST(&u->t->lost, struct lost, link);
	list_del(&l->link);
	u->n_lost--;
	return l;
}

static void lost_free(struct udp *u, struct lost *l)
{
	buf_unref(l->buf);
	mem_free(u->t->mem, l, sizeof(*l));
}

/* What the callback sends is flushed later, so this ends. */
void udp_tell_lost(struct udp *u)
{
	struct transport *t = u->t;
	struct lost *l;

	while ((l = lost_take(u)) != NULL) {
		t->ops->on_udp_error(t->arg, &l->to, l->err, buf_str(l->buf));
		lost_free(u, l);
	}
}

void udp_drop_lost(struct udp *u)
{
	struct lost *l;

	while ((l = lost_take(u)) != NULL)
		lost_free(u, l);
}
