/*
 * A crowd of connections that are in the way: each comes to a certain point and
 * stays there.
 *
 *   crowd --to 127.0.0.1:8443 --from 127.0.1.1 --count 10000 --tls --ws idle
 *
 * opens them from --from and the addresses after it, PER_SOURCE from each, says
 * `ready=N` when all have come to their point, then answers each line on
 * standard input with `closed=N`, the number that the other side has closed; at
 * its end it goes. Exit 0; 1: not all came to their point within --seconds.
 *
 * Points: connect (before TLS), upgrade (half a WebSocket upgrade), frame (half
 * a frame), message (half a SIP message), idle, deaf (asks much, reads
 * nothing).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

enum {
	PER_SOURCE = 500,
	AT_ONCE = 200, /* that are on their way to their point */
	DEAF_BYTES = 4 << 10,
	EVENTS = 256,
};

enum step { CONNECTING, HANDSHAKING, SAYING, LISTENING, THERE, CLOSED };

struct one {
	int fd;
	SSL *ssl;
	enum step step;
	size_t n_said;
};

static struct {
	struct sockaddr_in to, from;
	int count;
	int seconds;
	bool is_tls, is_ws;
	const char *point;
} options = {.count = 1, .seconds = 60};

static struct one *all;
static int epoll_fd, n_started, n_there, n_closed;
static SSL_CTX *context;

static const char upgrade[] = "GET / HTTP/1.1\r\n"
			      "Host: crowd.test\r\n"
			      "Upgrade: websocket\r\n"
			      "Connection: Upgrade\r\n"
			      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			      "Sec-WebSocket-Protocol: sip\r\n"
			      "Sec-WebSocket-Version: 13\r\n\r\n";

/* Masked, 100 bytes long, of which four come. */
static const char half_frame[] = "\x81\xe4\x01\x02\x03\x04NQWM";
static const char half_message[] = "OPTIONS sip:crowd.test SIP/2.0\r\nVia: SIP";

static bool is_deaf(void)
{
	return strcmp(options.point, "deaf") == 0;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static size_t print_request(const struct one *c, char *out, size_t max)
{
	char ip[INET_ADDRSTRLEN];
	int number = (int)(c - all);

	inet_ntop(AF_INET, &options.to.sin_addr, ip, sizeof(ip));
	return (size_t)snprintf(
		out, max,
		"OPTIONS sip:%s SIP/2.0\r\n"
		"Via: SIP/2.0/%s%s crowd.invalid;branch=z9hG4bKdeaf%d\r\n"
		"Max-Forwards: 70\r\nFrom: <sip:deaf@crowd.test>;tag=1\r\n"
		"To: <sip:%s>\r\nCall-ID: deaf%d\r\nCSeq: 1 OPTIONS\r\n"
		"Content-Length: 0\r\n\r\n",
		ip,
		options.is_ws    ? "WS"
		: options.is_tls ? "TLS"
				 : "TCP",
		options.is_ws && options.is_tls ? "S" : "", number, ip, number);
}

/* The same request again and again, each of them answered; over WebSocket in
 * frames whose mask is zero. Returns the bytes. */
static size_t fill_with_requests(const struct one *c, char *out, size_t max)
{
	char one[512] = "\x81\xfe\0\0\0\0\0\0";
	size_t head = options.is_ws ? 8 : 0, len, at = 0;

	len = print_request(c, one + head, sizeof(one) - head);
	if (head > 0) {
		one[2] = (char)(len >> 8);
		one[3] = (char)len;
	}
	for (len += head; at + len <= max; at += len)
		memcpy(out + at, one, len);
	return at;
}

/* What it says once it has a connection. */
static void what_to_say(const struct one *c, const char **text, size_t *len)
{
	static char requests[DEAF_BYTES];

	*text = "";
	*len = 0;
	if (strcmp(options.point, "upgrade") == 0) {
		*text = upgrade;
		*len = sizeof(upgrade) / 2;
	} else if (options.is_ws && c->step == SAYING) {
		*text = upgrade;
		*len = sizeof(upgrade) - 1;
	} else if (strcmp(options.point, "frame") == 0) {
		*text = half_frame;
		*len = sizeof(half_frame) - 1;
	} else if (strcmp(options.point, "message") == 0) {
		*text = half_message;
		*len = sizeof(half_message) - 1;
	} else if (is_deaf()) {
		*text = requests;
		*len = fill_with_requests(c, requests, sizeof(requests));
	}
}

static void watch(struct one *c, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = c};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e) != 0)
		die("epoll_ctl");
}

static void gone(struct one *c)
{
	if (c->step == CLOSED)
		return;
	if (c->step != THERE)
		n_there++;
	c->step = CLOSED;
	n_closed++;
	SSL_free(c->ssl);
	close(c->fd);
}

static void arrived(struct one *c)
{
	c->step = THERE;
	n_there++;
	watch(c, is_deaf() ? EPOLLRDHUP : EPOLLIN);
}

/* As write(2) and read(2); -1 with EAGAIN: later. */
static ssize_t tls_result(struct one *c, int n)
{
	int error = SSL_get_error(c->ssl, n);

	if (n > 0)
		return n;
	errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE
			? EAGAIN
			: EPIPE;
	return -1;
}

static ssize_t put(struct one *c, const char *p, size_t len)
{
	if (c->ssl == NULL)
		return send(c->fd, p, len, MSG_NOSIGNAL);
	return tls_result(c, SSL_write(c->ssl, p, (int)len));
}

static ssize_t get(struct one *c, char *p, size_t max)
{
	if (c->ssl == NULL)
		return recv(c->fd, p, max, 0);
	return tls_result(c, SSL_read(c->ssl, p, (int)max));
}

static void say(struct one *c, const char *text, size_t len)
{
	while (c->n_said < len) {
		ssize_t n = put(c, text + c->n_said, len - c->n_said);

		if (n < 0 && errno == EAGAIN) {
			watch(c, EPOLLOUT);
			return;
		}
		if (n <= 0) {
			gone(c);
			return;
		}
		c->n_said += (size_t)n;
	}
	if (c->step == SAYING && options.is_ws &&
	    strcmp(options.point, "upgrade") != 0) {
		c->step = LISTENING;
		watch(c, EPOLLIN);
	} else {
		arrived(c);
	}
}

static void go_on(struct one *c)
{
	const char *text;
	size_t len;

	what_to_say(c, &text, &len);
	say(c, text, len);
}

/* The answer to the upgrade is here: then the rest. */
static void hear(struct one *c)
{
	char text[4096];
	ssize_t n = get(c, text, sizeof(text));

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		gone(c);
	} else if (c->step == LISTENING) {
		if (memmem(text, (size_t)n, " 101 ", 5) == NULL) {
			fprintf(stderr, "crowd: no upgrade: %.*s\n", (int)n,
				text);
			exit(1);
		}
		c->n_said = 0;
		watch(c, EPOLLOUT);
	}
}

static void handshake(struct one *c)
{
	int n = SSL_connect(c->ssl);
	int error = SSL_get_error(c->ssl, n);

	if (n == 1) {
		c->step = SAYING;
		go_on(c);
	} else if (error == SSL_ERROR_WANT_READ) {
		watch(c, EPOLLIN);
	} else if (error == SSL_ERROR_WANT_WRITE) {
		watch(c, EPOLLOUT);
	} else {
		gone(c);
	}
}

static void connected(struct one *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error != 0) {
		gone(c);
	} else if (strcmp(options.point, "connect") == 0) {
		arrived(c);
	} else if (options.is_tls) {
		c->step = HANDSHAKING;
		c->ssl = SSL_new(context);
		if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1)
			die("SSL_new");
		handshake(c);
	} else {
		c->step = SAYING;
		go_on(c);
	}
}

static void ready(struct one *c)
{
	switch (c->step) {
	case CONNECTING:
		connected(c);
		break;
	case HANDSHAKING:
		handshake(c);
		break;
	case SAYING:
		go_on(c);
		break;
	case LISTENING:
		if (c->n_said == 0)
			go_on(c);
		else
			hear(c);
		break;
	case THERE:
		if (is_deaf())
			gone(c); /* nothing else is watched */
		else
			hear(c);
		break;
	case CLOSED:
		break;
	}
}

static void start_one(struct one *c, int number)
{
	struct sockaddr_in from = options.from;
	struct epoll_event e = {.events = EPOLLOUT, .data.ptr = c};
	int on = 1, small = 4096;

	from.sin_addr.s_addr = htonl(ntohl(from.sin_addr.s_addr) +
				     (uint32_t)(number / PER_SOURCE));
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		die("socket");
	if (is_deaf()) {
		setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	}
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(c->fd, (struct sockaddr *)&from, sizeof(from)) != 0)
		die("bind");
	if (connect(c->fd, (struct sockaddr *)&options.to,
		    sizeof(options.to)) != 0 &&
	    errno != EINPROGRESS)
		die("connect");
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e) != 0)
		die("epoll_ctl");
}

static void start_more(void)
{
	while (n_started < options.count && n_started - n_there < AT_ONCE) {
		start_one(&all[n_started], n_started);
		n_started++;
	}
}

static void turn(int wait_ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(epoll_fd, events, EVENTS, wait_ms);

	for (int i = 0; i < n; i++)
		ready(events[i].data.ptr);
}

static bool is_asked(void)
{
	struct pollfd in = {.fd = 0, .events = POLLIN};

	return poll(&in, 1, 0) > 0;
}

static void stay(void)
{
	char line[80];

	for (;;) {
		turn(20);
		if (!is_asked())
			continue;
		if (read(0, line, sizeof(line)) <= 0)
			return;
		printf("closed=%d\n", n_closed);
		fflush(stdout);
	}
}

static void read_address(const char *text, struct sockaddr_in *out)
{
	char ip[64];
	const char *colon = strchr(text, ':');

	snprintf(ip, sizeof(ip), "%.*s",
		 (int)(colon != NULL ? colon - text : (long)strlen(text)),
		 text);
	out->sin_family = AF_INET;
	out->sin_port = htons((uint16_t)(colon != NULL ? atoi(colon + 1) : 0));
	if (inet_pton(AF_INET, ip, &out->sin_addr) != 1) {
		fprintf(stderr, "crowd: no address: %s\n", text);
		exit(2);
	}
}

static void read_options(int argc, char **argv)
{
	static const struct option names[] = {
		{"to", required_argument, NULL, 't'},
		{"from", required_argument, NULL, 'f'},
		{"count", required_argument, NULL, 'n'},
		{"seconds", required_argument, NULL, 's'},
		{"tls", no_argument, NULL, 'T'},
		{"ws", no_argument, NULL, 'W'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 't':
			read_address(optarg, &options.to);
			break;
		case 'f':
			read_address(optarg, &options.from);
			break;
		case 'n':
			options.count = atoi(optarg);
			break;
		case 's':
			options.seconds = atoi(optarg);
			break;
		case 'T':
			options.is_tls = true;
			break;
		case 'W':
			options.is_ws = true;
			break;
		default:
			exit(2);
		}
	}
	if (optind + 1 != argc || options.count < 1) {
		fputs("crowd --to A:P --from A --count N [--tls] [--ws] "
		      "POINT\n",
		      stderr);
		exit(2);
	}
	options.point = argv[optind];
}

int main(int argc, char **argv)
{
	struct rlimit r;
	time_t end;

	read_options(argc, argv);
	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	epoll_fd = epoll_create1(0);
	all = calloc((size_t)options.count, sizeof(*all));
	context = SSL_CTX_new(TLS_client_method());
	if (epoll_fd < 0 || all == NULL || context == NULL)
		die("start");
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS |
					  SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	end = time(NULL) + options.seconds;
	while (n_there < options.count && time(NULL) < end) {
		start_more();
		turn(20);
	}
	printf("ready=%d\n", n_there - n_closed);
	fflush(stdout);
	if (n_there < options.count)
		return 1;
	stay();
	return 0;
}
