#include "transport/udp.h"

#include <errno.h>

#include "transport/stun.h"
#include "viaduct/util/err.h"

/* The kernel overwrites the lengths of those that it fills. */
static void udp_in_reset(struct udp *u, int i)
{
	u->in[i].msg_hdr.msg_namelen = sizeof(u->in_from[i]);
	u->in[i].msg_hdr.msg_controllen = sizeof(u->in_control[i]);
}

static void udp_in_init(struct udp *u)
{
	for (int i = 0; i < UDP_BATCH; i++) {
		u->in_iov[i].iov_base = u->bytes + (size_t)i * UDP_DATAGRAM;
		u->in_iov[i].iov_len = UDP_DATAGRAM;
		u->in[i].msg_hdr.msg_iov = &u->in_iov[i];
		u->in[i].msg_hdr.msg_iovlen = 1;
		u->in[i].msg_hdr.msg_name = &u->in_from[i];
		u->in[i].msg_hdr.msg_control = &u->in_control[i];
		udp_in_reset(u, i);
	}
}

/* The address that the peer sent to (RFC 3581 section 4, and any firewall,
 * want the answer to come from there). */
static void read_pktinfo(struct msghdr *h, union addr *local)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL;
	     c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			local->in4.sin_addr = info.ipi_spec_dst;
		} else if (c->cmsg_level == IPPROTO_IPV6 &&
			   c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			local->in6.sin6_addr = info.ipi6_addr;
			if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				local->in6.sin6_scope_id = info.ipi6_ifindex;
		}
	}
}

/* RFC 5626 section 8. Who cannot be answered asks again. */
static void udp_stun(struct udp_sock *s, const struct flow *from,
		     struct str bytes)
{
	struct transport *t = s->udp->t;
	struct hop to = hop_back(from);
	uint8_t answer[STUN_ANSWER_MAX];
	size_t len = stun_answer(bytes, &from->remote, answer);
	struct buf *b = len != 0 ? buf_new(t->mem, len) : NULL;

	stats_add(t->stats, STAT_stun_requests, 1);
	if (b == NULL)
		return;
	memcpy(b->data, answer, len);
	b->len = (uint32_t)len;
	udp_send(s->udp, &to, b);
	buf_unref(b);
}

static void udp_deliver(struct udp_sock *s, struct mmsghdr *m,
			const union addr *from)
{
	struct transport *t = s->udp->t;
	struct str bytes = {m->msg_hdr.msg_iov->iov_base, m->msg_len};
	struct flow flow = {.transport = SIP_UDP,
			    .listener = s->listener,
			    .local = s->local};

	if (bytes.len <= UDP_KEEPALIVE_MAX || addr_port(from) == 0) {
		stats_add(t->stats, STAT_keepalives, 1);
		return;
	}
	memcpy(&flow.remote, from, m->msg_hdr.msg_namelen);
	if (s->is_any)
		read_pktinfo(&m->msg_hdr, &flow.local);
	if (is_stun(bytes)) {
		udp_stun(s, &flow, bytes);
		return;
	}
	stats_received(t->stats, SIP_UDP);
	if (bytes.len > atomic_load_explicit(&t->set->limits.message_size,
					     memory_order_relaxed))
		t->ops->on_broken(t->arg, &flow, bytes, 513);
	else
		t->ops->on_message(t->arg, &flow, bytes);
}

/* Returns the number of datagrams, or -1 as recvmmsg(). */
static int udp_receive_batch(struct udp_sock *s)
{
	struct udp *u = s->udp;
	int n;

	n = recvmmsg(s->fd, u->in, UDP_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		udp_deliver(s, &u->in[i], &u->in_from[i]);
		udp_in_reset(u, i);
	}
	return n;
}

/* A call fails, and takes no datagram, when an ICMP error has come in; the
 * error queue holds the details. Woken with nothing to read means that only
 * the queue has something. */
static void udp_receive(struct udp_sock *s)
{
	for (int i = 0; i < UDP_TURN_BATCHES; i++) {
		int n = udp_receive_batch(s);
		bool is_empty = n >= 0 ? n < UDP_BATCH : errno == EAGAIN;

		if (n < 0 && (i == 0 || !is_empty))
			udp_read_errors(s);
		if (is_empty)
			return;
	}
}

static void udp_ready(void *arg, int fd, unsigned events)
{
	struct udp_sock *s = arg;

	(void)fd;
	if (events & LOOP_WRITE)
		udp_out_ready(s);
	if (events & LOOP_READ)
		udp_receive(s);
}

static int udp_sock_init(struct udp_sock *s, struct udp *u, uint16_t listener)
{
	struct transport *t = u->t;
	const struct listener *l = &t->set->listeners[listener];
	int err;

	s->udp = u;
	s->listener = listener;
	s->is_any = l->is_any;
	s->local = l->conf->addr;
	s->fd = l->fds[t->worker];
	err = udp_out_init(s);
	if (err != 0)
		return err;
	return loop_io_add(t->loop, s->fd, LOOP_READ, udp_ready, s, &s->io);
}

static int udp_socks_init(struct udp *u)
{
	struct transport_set *set = u->t->set;
	int err = 0;

	for (size_t i = 0; i < set->n_listeners; i++)
		u->socks[i].fd = -1;
	for (size_t i = 0; i < set->n_listeners && err == 0; i++)
		if (set->listeners[i].conf->transport == SIP_UDP)
			err = udp_sock_init(&u->socks[i], u, (uint16_t)i);
	return err;
}

int udp_new(struct transport *t, struct udp **out)
{
	struct udp *u = mem_zalloc(t->mem, sizeof(*u));
	int err = VD_ENOMEM;

	if (u == NULL)
		return VD_ENOMEM;
	u->t = t;
	list_init(&u->dirty);
	u->socks = mem_zalloc(t->mem, t->set->n_listeners * sizeof(*u->socks));
	u->bytes = mem_alloc(t->mem, UDP_BATCH * UDP_DATAGRAM);
	if (u->socks != NULL && u->bytes != NULL) {
		udp_in_init(u);
		err = udp_socks_init(u);
	}
	if (err != 0) {
		udp_free(u);
		return err;
	}
	*out = u;
	return 0;
}

void udp_free(struct udp *u)
{
	struct mem *mem;
	size_t n;

	if (u == NULL)
		return;
	mem = u->t->mem;
	n = u->t->set->n_listeners;
	udp_drop_lost(u);
	for (size_t i = 0; u->socks != NULL && i < n; i++) {
		if (u->socks[i].udp == NULL)
			continue;
		loop_io_del(u->socks[i].io);
		udp_out_fini(&u->socks[i]);
	}
	mem_free(mem, u->socks, n * sizeof(*u->socks));
	mem_free(mem, u->bytes, UDP_BATCH * UDP_DATAGRAM);
	mem_free(mem, u, sizeof(*u));
}
