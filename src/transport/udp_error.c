/* What ICMP says about datagrams that we sent (RFC 3261 section 18.4). */
#include <errno.h>
#include <time.h>

#include <linux/errqueue.h> /* wants struct timespec */

#include "transport/udp.h"
#include "viaduct/util/err.h"

enum {
	ERRORS_PER_TURN = 64,
	CONTROL_SIZE = 512,
};

/* NULL when the queue entry carries none. */
static const struct sock_extended_err *find_error(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL;
	     c = CMSG_NXTHDR(h, c))
		if ((c->cmsg_level == IPPROTO_IP &&
		     c->cmsg_type == IP_RECVERR) ||
		    (c->cmsg_level == IPPROTO_IPV6 &&
		     c->cmsg_type == IPV6_RECVERR))
			return (const void *)CMSG_DATA(c);
	return NULL;
}

/* "Fragmentation needed" is not an end: the kernel fragments the next try. */
static bool is_about_path_mtu(const struct sock_extended_err *e)
{
	return e->ee_errno == EMSGSIZE;
}

/* False when the queue is empty. The scratch space of the first datagram is
 * free between batches. */
static bool read_error(struct udp_sock *s)
{
	struct transport *t = s->udp->t;
	union {
		struct cmsghdr align;
		char bytes[CONTROL_SIZE];
	} control;
	union addr to = {0};
	struct iovec iov = {s->udp->bytes, UDP_DATAGRAM};
	struct msghdr h = {.msg_name = &to,
			   .msg_namelen = sizeof(to),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	const struct sock_extended_err *e;
	ssize_t n;
	int err;

	n = recvmsg(s->fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT);
	if (n < 0)
		return false;
	e = find_error(&h);
	if (e == NULL || is_about_path_mtu(e))
		return true;
	err = socket_error_to_vd((int)e->ee_errno) == VD_ECONN ? VD_ECONN
							       : VD_EUNREACH;
	t->ops->on_udp_error(t->arg, &to, err,
			     (struct str){iov.iov_base, (size_t)n});
	return true;
}

void udp_read_errors(struct udp_sock *s)
{
	for (int i = 0; i < ERRORS_PER_TURN && read_error(s); i++)
		;
}
