#include "fault/peer.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault/inject.h"

enum {
	PATIENCE_MS = 5000,
	AFTER_HIT_MS = 300,
	POLL_MS = 1, /* the name server is served in between */
};

void (*peer_idle)(void *arg);
void *peer_idle_arg;
int peer_child;
bool peer_is_patient;

long peer_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct sockaddr_in address(const char *ip, unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port)};

	inet_pton(AF_INET, ip, &a.sin_addr);
	return a;
}

/* Not reaped: the one who started it does that. */
bool peer_child_is_gone(void)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)peer_child, &info,
		      WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == peer_child;
}

void wait_begin(struct wait *w)
{
	w->began_ms = peer_now_ms();
	w->hit_ms = 0;
}

bool wait_goes_on(struct wait *w)
{
	long now = peer_now_ms();

	if (w->hit_ms == 0 && !peer_is_patient && atomic_load(&inject->is_hit))
		w->hit_ms = now;
	if (peer_idle != NULL)
		peer_idle(peer_idle_arg);
	if (w->hit_ms != 0 && now - w->hit_ms > AFTER_HIT_MS)
		return false;
	return now - w->began_ms < PATIENCE_MS && !peer_child_is_gone();
}

/* Sockets --------------------------------------------------------------------
 */

/* Small messages leave at once, also on what a listener accepts. */
static int socket_at(int type, struct sockaddr_in own)
{
	int one = 1, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) != 0)
		fail_msg("an address of the test is in use");
	return fd;
}

void peer_open_udp(struct peer *p, const char *name, struct sockaddr_in own,
		   struct sockaddr_in to)
{
	*p = (struct peer){.name = name, .listen_fd = -1, .own = own, .to = to};
	p->fd = socket_at(SOCK_DGRAM, own);
}

void peer_open_listener(struct peer *p, const char *name,
			struct sockaddr_in own)
{
	*p = (struct peer){.name = name, .fd = -1, .own = own};
	p->listen_fd = socket_at(SOCK_STREAM, own);
	assert_int_equal(listen(p->listen_fd, 16), 0);
}

bool peer_connect(struct peer *p, const char *name, const char *ip,
		  struct sockaddr_in to)
{
	struct sockaddr_in own = address(ip, 0);

	*p = (struct peer){.name = name, .listen_fd = -1, .own = own, .to = to};
	p->fd = socket_at(SOCK_STREAM, own);
	return connect(p->fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

static void drop_stream(struct peer *p)
{
	close(p->fd);
	p->fd = -1;
	p->in_len = 0;
}

void peer_close(struct peer *p)
{
	if (p->fd >= 0)
		close(p->fd);
	if (p->listen_fd >= 0)
		close(p->listen_fd);
	p->fd = p->listen_fd = -1;
}

static bool is_stream(const struct peer *p)
{
	return p->listen_fd >= 0 || p->own.sin_port == 0;
}

/* A peer does not mind what becomes of it: it waits for the answer. */
void peer_send(struct peer *p, const char *text)
{
	size_t len = strlen(text);

	if (p->fd < 0)
		return;
	if (is_stream(p))
		(void)!send(p->fd, text, len, MSG_NOSIGNAL);
	else
		sendto(p->fd, text, len, 0, (struct sockaddr *)&p->to,
		       sizeof(p->to));
}

/* Waiting --------------------------------------------------------------------
 */

/* The proxy may close a connection and make another. */
static void accept_newest(struct peer *p)
{
	struct pollfd fd = {.fd = p->listen_fd, .events = POLLIN};

	if (p->listen_fd < 0 || poll(&fd, 1, 0) <= 0)
		return;
	if (p->fd >= 0)
		drop_stream(p);
	p->fd = accept(p->listen_fd, NULL, NULL);
}

static void read_more(struct peer *p)
{
	size_t room = sizeof(p->in) - 1 - p->in_len;
	ssize_t n = recv(p->fd, p->in + p->in_len, room, 0);

	if (n > 0)
		p->in_len += (size_t)n;
	else if (is_stream(p))
		drop_stream(p);
	p->in[p->in_len] = '\0';
}

/* Our messages have no bodies. */
static bool take_message(struct peer *p, struct message *out)
{
	char *end = p->in_len > 0 ? strstr(p->in, "\r\n\r\n") : NULL;
	size_t len;

	if (end == NULL)
		return false;
	len = (size_t)(end + 4 - p->in);
	memcpy(out->text, p->in, len);
	out->text[len] = '\0';
	p->in_len -= len;
	memmove(p->in, end + 4, p->in_len + 1);
	return true;
}

static bool has_news(struct peer *p)
{
	struct pollfd fd = {.fd = p->fd, .events = POLLIN};

	accept_newest(p);
	fd.fd = p->fd;
	return poll(&fd, 1, POLL_MS) > 0;
}

bool peer_hear(struct peer *p, const char *start, const char *id,
	       struct message *out)
{
	struct wait w;

	wait_begin(&w);
	do {
		while (take_message(p, out))
			if (strncmp(out->text, start, strlen(start)) == 0 &&
			    strstr(out->text, id) != NULL)
				return true;
		if (has_news(p))
			read_more(p);
	} while (wait_goes_on(&w));
	return false;
}
