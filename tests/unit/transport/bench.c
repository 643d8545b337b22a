#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

uint64_t bench_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* --- what the layer tells --- */

static void note(struct bench_worker *w, struct str bytes)
{
	assert_true(bytes.len <= sizeof(w->text));
	memcpy(w->text, bytes.p, bytes.len);
	w->len = bytes.len;
}

static void answer(struct bench_worker *w, const struct flow *from)
{
	struct hop back = hop_back(from);

	if (w->bench->answer.p != NULL)
		bench_send(w->bench, w->index, &back, w->bench->answer, NULL);
}

static void on_message(void *arg, const struct flow *from, struct str bytes)
{
	struct bench_worker *w = arg;

	w->n_messages++;
	w->from = *from;
	note(w, bytes);
	answer(w, from);
}

static void on_broken(void *arg, const struct flow *from, struct str bytes,
		      unsigned status)
{
	struct bench_worker *w = arg;

	w->n_broken++;
	w->from = *from;
	w->status = status;
	note(w, bytes);
	answer(w, from);
}

static void on_udp_error(void *arg, const union addr *remote, int err,
			 struct str payload)
{
	struct bench_worker *w = arg;

	w->n_errors++;
	w->error_remote = *remote;
	w->err = err;
	note(w, payload);
}

static void on_conn_closed(void *arg, struct conn_ref conn)
{
	struct bench_worker *w = arg;

	assert_false(conn_ref_is_none(conn));
	w->n_closed++;
	w->closed = conn;
}

static const struct transport_ops ops = {
	.on_message = on_message,
	.on_broken = on_broken,
	.on_udp_error = on_udp_error,
	.on_conn_closed = on_conn_closed,
};

/* --- the bench --- */

struct bench *bench_new(void)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->n_workers = 1;
	b->max_parcels = 1024;
	b->limits = (struct transport_limits){
		.connections = 1000,
		.connections_per_source = 1000,
		.message_size = 65536,
		.output_queue = 262144,
		.idle_timeout_ms = 60000,
		.message_timeout_ms = 10000,
		.handshake_timeout_ms = 10000,
	};
	return b;
}

union addr bench_addr(const char *hostport)
{
	union addr a;

	memset(&a, 0, sizeof(a));
	assert_int_equal(addr_parse_hostport(str_from(hostport), 0, &a), 0);
	return a;
}

void bench_listen(struct bench *b, enum sip_transport t, const char *hostport)
{
	struct listener_conf *l = &b->listeners[b->n_listeners++];

	l->transport = t;
	l->addr = bench_addr(hostport);
	l->url = str_from(hostport);
}

int bench_open(struct bench *b, char why[256])
{
	return transport_set_open(b->listeners, b->n_listeners, b->n_workers,
				  &b->limits, b->post, &b->set, why);
}

static void on_parcel(void *arg, struct parcel *p)
{
	struct bench_worker *w = arg;

	transport_parcel(w->transport, p);
}

static void on_turn_end(void *arg)
{
	struct bench_worker *w = arg;

	loop_stop(w->loop);
}

int bench_start_worker(struct bench *b, unsigned i)
{
	struct bench_worker *w = &b->w[i];

	return transport_new(b->set, i, w->loop, w->mem, &w->stats, &ops, w,
			     &w->transport);
}

static void prepare_worker(struct bench *b, unsigned i)
{
	struct bench_worker *w = &b->w[i];

	w->bench = b;
	w->index = i;
	assert_int_equal(mem_new(0, &w->mem), 0);
	assert_int_equal(loop_new(&w->loop), 0);
	assert_int_equal(post_join(b->post, i, w->loop, on_parcel, w), 0);
	assert_int_equal(loop_on_turn_end(w->loop, on_turn_end, w), 0);
	loop_stop(w->loop);
	loop_run(w->loop);
}

void bench_prepare(struct bench *b)
{
	char why[256];

	assert_int_equal(post_new(b->n_workers, b->max_parcels, &b->post), 0);
	if (bench_open(b, why) != 0)
		fail_msg("%s", why);
	for (unsigned i = 0; i < b->n_workers; i++)
		prepare_worker(b, i);
}

void bench_start(struct bench *b)
{
	bench_prepare(b);
	for (unsigned i = 0; i < b->n_workers; i++)
		assert_int_equal(bench_start_worker(b, i), 0);
}

struct bench *bench_listening(enum sip_transport t, const char *hostport)
{
	struct bench *b = bench_new();

	bench_listen(b, t, hostport);
	bench_start(b);
	return b;
}

int bench_teardown(void **state)
{
	bench_free(*state);
	return 0;
}

void bench_set_limits(struct bench *b)
{
	transport_set_limits(b->set, &b->limits);
}

void bench_stop_worker(struct bench *b, unsigned i)
{
	transport_free(b->w[i].transport);
	b->w[i].transport = NULL;
}

void bench_free(struct bench *b)
{
	struct mem_usage usage;

	for (unsigned i = 0; i < b->n_workers; i++)
		bench_stop_worker(b, i);
	if (b->set != NULL) {
		assert_int_equal(transport_n_connections(b->set), 0);
		transport_set_close(b->set);
	}
	post_free(b->post);
	for (unsigned i = 0; i < b->n_workers; i++) {
		loop_free(b->w[i].loop);
		if (b->w[i].mem == NULL)
			continue;
		mem_usage(b->w[i].mem, &usage);
		assert_int_equal(usage.used, 0);
		mem_free_all(b->w[i].mem);
	}
	free(b);
}

/* The hook at the turn's end stops the loop, and its wake-up makes sure that
 * the next turn does not wait. */
void bench_turn(struct bench *b)
{
	for (unsigned i = 0; i < b->n_workers; i++)
		if (b->w[i].transport != NULL)
			loop_run(b->w[i].loop);
}

void bench_settle(struct bench *b)
{
	for (int i = 0; i < 20; i++)
		bench_turn(b);
}

struct buf *bench_buf(struct bench_worker *w, struct str s)
{
	struct buf *b = buf_new(w->mem, s.len);

	assert_non_null(b);
	memcpy(b->data, s.p, s.len);
	b->len = (uint32_t)s.len;
	return b;
}

int bench_send(struct bench *b, unsigned w, const struct hop *to,
	       struct str text, struct conn_ref *used)
{
	struct buf *buf = bench_buf(&b->w[w], text);
	int err = transport_send(b->w[w].transport, to, buf, used);

	buf_unref(buf);
	return err;
}

struct hop bench_hop(enum sip_transport t, unsigned listener,
		     const char *hostport)
{
	return (struct hop){.transport = t,
			    .listener = (uint16_t)listener,
			    .addr = bench_addr(hostport)};
}

uint64_t bench_stat(const struct bench *b, enum stat s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < b->n_workers; i++)
		sum += stats_read(&b->w[i].stats, s);
	return sum;
}

/* --- peers --- */

static int peer_socket(int type, const char *hostport)
{
	union addr a = bench_addr(hostport);
	int on = 1;
	int fd =
		socket(addr_family(&a), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, &a.sa, addr_len(&a)), 0);
	return fd;
}

int peer_udp(const char *hostport)
{
	return peer_socket(SOCK_DGRAM, hostport);
}

int peer_listen(const char *hostport)
{
	int fd = peer_socket(SOCK_STREAM, hostport);

	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

int peer_connect(const char *from, const char *to)
{
	union addr a = bench_addr(to);
	int fd = peer_socket(SOCK_STREAM, from);

	if (connect(fd, &a.sa, addr_len(&a)) != 0)
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}

int peer_accepted(struct bench *b, const char *from, const char *to)
{
	size_t n = transport_n_connections(b->set);
	int fd = peer_connect(from, to);

	bench_until(b, transport_n_connections(b->set) == n + 1);
	return fd;
}

void peer_send_to(int fd, const char *hostport, struct str s)
{
	union addr a = bench_addr(hostport);

	assert_int_equal(sendto(fd, s.p, s.len, 0, &a.sa, addr_len(&a)), s.len);
}

void peer_write(int fd, struct str s)
{
	assert_int_equal(send(fd, s.p, s.len, MSG_NOSIGNAL), s.len);
}

const char *peer_read(struct bench *b, int fd, size_t len)
{
	static char text[BENCH_TEXT];
	size_t have = 0;
	ssize_t n;

	assert_true(len <= sizeof(text));
	while (have < len) {
		bench_until(b,
			    (n = recv(fd, text + have, len - have, 0)) >= 0 ||
				    errno != EAGAIN);
		assert_true(n > 0);
		have += (size_t)n;
	}
	return text;
}

int peer_read_end(struct bench *b, int fd)
{
	char byte;
	ssize_t n;

	bench_until(b, (n = recv(fd, &byte, 1, 0)) >= 0 || errno != EAGAIN);
	assert_true(n <= 0);
	return n == 0 ? 0 : errno;
}

int peer_accept(struct bench *b, int listen_fd)
{
	int fd;

	bench_until(b,
		    (fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0);
	return fd;
}

size_t peer_receive(struct bench *b, int fd, char *text, size_t cap,
		    union addr *from)
{
	socklen_t len = sizeof(*from);
	ssize_t n;

	memset(from, 0, sizeof(*from));
	bench_until(b, (n = recvfrom(fd, text, cap, 0, &from->sa, &len)) >= 0);
	return (size_t)n;
}
