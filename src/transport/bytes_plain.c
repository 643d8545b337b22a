/* Bytes as they are: TCP, and WebSocket without TLS. */
#include <errno.h>
#include <sys/socket.h>

#include "transport/conn.h"

static ssize_t plain_read(struct conn *c, char *to, size_t max)
{
	ssize_t n = recv(c->fd, to, max, 0);

	if (n > 0)
		return n;
	if (n == 0)
		return BYTES_END;
	if (errno == EAGAIN || errno == EINTR)
		return BYTES_WANT_READ;
	return errno == ECONNRESET ? BYTES_RESET : BYTES_FAILED;
}

static ssize_t plain_write(struct conn *c, const struct iovec *iov, size_t n)
{
	struct msghdr h = {.msg_iov = (struct iovec *)iov, .msg_iovlen = n};
	ssize_t sent;

	do {
		sent = sendmsg(c->fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent;
	return errno == EAGAIN || errno == ENOBUFS ? BYTES_WANT_WRITE
						   : BYTES_FAILED;
}

static int plain_shutdown(struct conn *c)
{
	return shutdown(c->fd, SHUT_WR) == 0 ? 0 : BYTES_FAILED;
}

const struct conn_bytes bytes_plain = {
	.read = plain_read,
	.write = plain_write,
	.shutdown = plain_shutdown,
};
