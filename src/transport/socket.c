/* Sockets and their options. */
#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "transport/transport_priv.h"
#include "viaduct/util/err.h"

enum {
	/* A burst must survive the longest turn: 4 MiB are some 3,000
	 * messages. */
	UDP_RECEIVE_BUFFER = 4 << 20,
	/* The kernel would queue megabytes for a peer that does not read, and
	 * we would see it take some only every few of them. */
	STREAM_UNSENT = 128 << 10,
	BACKLOG = 4096, /* the kernel cuts it to net.core.somaxconn */
};

static bool set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

void socket_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}

static bool tune_ipv6(int fd)
{
	/* An IPv4 wildcard on the same port is a listener of its own. */
	return set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
}

/* Ask for the error queue, and on a wildcard for the address that was asked. */
static bool tune_udp(int fd, int family, bool is_any)
{
	if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, UDP_RECEIVE_BUFFER))
		set_option(fd, SOL_SOCKET, SO_RCVBUF, UDP_RECEIVE_BUFFER);
	if (family == AF_INET6)
		return set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1) &&
		       (!is_any ||
			set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
	return set_option(fd, IPPROTO_IP, IP_RECVERR, 1) &&
	       (!is_any || set_option(fd, IPPROTO_IP, IP_PKTINFO, 1));
}

static bool tune_listener(int fd, const struct listener_conf *conf, bool is_any,
			  bool is_probe)
{
	int family = addr_family(&conf->addr);

	if (family == AF_INET6 && !tune_ipv6(fd))
		return false;
	if (!is_probe && !set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1))
		return false;
	if (conf->transport == SIP_UDP)
		return tune_udp(fd, family, is_any);
	/* Connections of a daemon before us may be in TIME_WAIT. */
	return set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
}

int socket_bind(const struct listener_conf *conf, bool is_any, bool is_probe)
{
	int type = conf->transport == SIP_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(addr_family(&conf->addr),
			type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return VD_ESYS;
	if (!tune_listener(fd, conf, is_any, is_probe) ||
	    bind(fd, &conf->addr.sa, addr_len(&conf->addr)) != 0)
		goto fail;
	if (type == SOCK_STREAM && !is_probe && listen(fd, BACKLOG) != 0)
		goto fail;
	return fd;
fail:
	socket_close(fd);
	return VD_ESYS;
}

void socket_tune_stream(int fd)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, STREAM_UNSENT);
}

void socket_set_patience(int fd, uint32_t ms)
{
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)ms);
}

/* The port is chosen at connect(), by the whole four-tuple: otherwise bound
 * ports would run out over all destinations together. */
static bool bind_source(int fd, const union addr *local)
{
	union addr a = *local;

	addr_set_port(&a, 0);
	set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	return bind(fd, &a.sa, addr_len(&a)) == 0;
}

int socket_error_to_vd(int errno_value)
{
	switch (errno_value) {
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
		return VD_ECONN;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case EACCES:
	case EPERM:
	case EINVAL:
	case ENOPROTOOPT:
	case EPROTO:
	case ETIMEDOUT:
		return VD_EUNREACH;
	default:
		return VD_ESYS;
	}
}

int socket_open_stream(const union addr *local)
{
	int fd = socket(addr_family(local),
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return VD_ESYS;
	socket_tune_stream(fd);
	if (bind_source(fd, local))
		return fd;
	err = socket_error_to_vd(errno);
	socket_close(fd);
	return err;
}

int socket_connect(int fd, const union addr *to)
{
	if (connect(fd, &to->sa, addr_len(to)) == 0 || errno == EINPROGRESS)
		return 0;
	return socket_error_to_vd(errno);
}
