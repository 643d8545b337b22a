/* Several workers: a connection belongs to one, and all may use it. */
#include <pthread.h>
#include <unistd.h>

#include "bench.h"

static const char us[] = "127.83.6.1:5060";
static const char server[] = "127.83.6.8:5070";

static int setup(void **state)
{
	struct bench *b = bench_new();

	b->n_workers = 2;
	bench_listen(b, SIP_TCP, us);
	bench_listen(b, SIP_UDP, us);
	*state = b;
	return 0;
}

/* A connection that has sent a message; its owner in *owner. */
static int client(struct bench *b, unsigned *owner)
{
	unsigned n[2] = {b->w[0].n_messages, b->w[1].n_messages};
	int fd = peer_connect("127.83.6.9:0", us);

	bench_settle(b);
	peer_write(fd, STR(MESSAGE));
	bench_until(b, b->w[0].n_messages + b->w[1].n_messages > n[0] + n[1]);
	*owner = b->w[1].n_messages > n[1];
	return fd;
}

static void a_worker_answers_on_the_connection_of_another(void **state)
{
	struct bench *b = *state;
	struct conn_ref used;
	struct hop to;
	unsigned owner;
	int fd;

	bench_start(b);
	fd = client(b, &owner);
	to = hop_back(&b->w[owner].from);
	to.only_conn = true;
	assert_int_equal(to.conn.worker, owner);
	assert_int_equal(bench_send(b, !owner, &to, STR("from afar"), &used),
			 0);
	assert_true(conn_ref_eq(used, to.conn));
	assert_memory_equal(peer_read(b, fd, 9), "from afar", 9);
	assert_int_equal(bench_stat(b, STAT_handovers), 1);
	assert_int_equal(bench_stat(b, STAT_messages_out), 1);
	close(fd);
}

static void both_workers_are_told_of_an_end(void **state)
{
	struct bench *b = *state;
	struct conn_ref conn;
	struct hop to;
	unsigned owner;
	int fd;

	bench_start(b);
	fd = client(b, &owner);
	conn = b->w[owner].from.conn;
	close(fd);
	bench_until(b, b->w[0].n_closed == 1 && b->w[1].n_closed == 1);
	assert_true(conn_ref_eq(b->w[0].closed, conn));
	assert_true(conn_ref_eq(b->w[1].closed, conn));
	to = hop_back(&b->w[owner].from);
	to.only_conn = true;
	assert_int_equal(bench_send(b, !owner, &to, STR("x"), NULL), VD_ECONN);
	assert_int_equal(bench_send(b, owner, &to, STR("x"), NULL), VD_ECONN);
}

/* One outgoing connection per peer, not per worker. */
static void workers_share_a_connection_while_it_is_made(void **state)
{
	struct bench *b = *state;
	int listen_fd = peer_listen(server), fd;
	struct hop to = bench_hop(SIP_TCP, 0, server);
	struct conn_ref first, second;

	bench_start(b);
	assert_int_equal(bench_send(b, 0, &to, STR("ab"), &first), 0);
	assert_int_equal(bench_send(b, 1, &to, STR("cd"), &second), 0);
	assert_true(conn_ref_eq(first, second));
	fd = peer_accept(b, listen_fd);
	assert_memory_equal(peer_read(b, fd, 4), "abcd", 4);
	bench_settle(b);
	assert_int_equal(accept(listen_fd, NULL, NULL), -1);
	assert_int_equal(transport_n_connections(b->set), 1);
	close(fd);
	close(listen_fd);
}

/* It ended while the message was on its way, and there is no other way. */
static void a_message_that_comes_too_late_is_told(void **state)
{
	struct bench *b = *state;
	struct hop to;
	unsigned owner;
	int fd;

	bench_start(b);
	fd = client(b, &owner);
	to = hop_back(&b->w[owner].from);
	to.only_conn = true;
	assert_int_equal(bench_send(b, !owner, &to, STR("late"), NULL), 0);
	transport_conn_close(b->w[owner].transport, to.conn);
	bench_until(b, b->w[!owner].n_closed == 2);
	assert_true(conn_ref_eq(b->w[!owner].closed, to.conn));
	assert_int_equal(b->w[owner].n_closed, 1);
	assert_int_equal(bench_stat(b, STAT_send_errors), 1);
	close(fd);
}

/* The sender had not named a connection: it learns which one it was. Its
 * transaction is over by then, and nobody would cancel what rang all the same.
 */
static void a_request_that_found_its_connection_late_goes_nowhere(void **state)
{
	struct bench *b = *state;
	int listen_fd = peer_listen(server), fd;
	struct hop to = bench_hop(SIP_TCP, 0, server);
	struct conn_ref first, used;

	bench_start(b);
	assert_int_equal(bench_send(b, 0, &to, STR("ab"), &first), 0);
	fd = peer_accept(b, listen_fd);
	peer_read(b, fd, 2);
	assert_int_equal(bench_send(b, 1, &to, STR(MESSAGE), &used), 0);
	assert_true(conn_ref_eq(first, used));
	transport_conn_close(b->w[0].transport, first);
	bench_until(b, b->w[1].n_closed == 2);
	assert_true(conn_ref_eq(b->w[1].closed, first));
	assert_int_equal(peer_read_end(b, fd), 0);
	bench_settle(b);
	assert_int_equal(accept(listen_fd, NULL, NULL), -1);
	close(fd);
	close(listen_fd);
}

/* Nobody looks after it, and another connection leads there. */
static void a_message_that_comes_too_late_goes_another_way(void **state)
{
	struct bench *b = *state;
	int listen_fd = peer_listen(server), fd;
	struct hop to = bench_hop(SIP_TCP, 0, server);
	struct conn_ref first;

	bench_start(b);
	assert_int_equal(bench_send(b, 0, &to, STR("ab"), &first), 0);
	fd = peer_accept(b, listen_fd);
	peer_read(b, fd, 2);
	assert_int_equal(bench_send(b, 1, &to, STR("cd"), NULL), 0);
	transport_conn_close(b->w[0].transport, first);
	assert_int_equal(peer_read_end(b, fd), 0);
	close(fd);
	fd = peer_accept(b, listen_fd);
	assert_memory_equal(peer_read(b, fd, 2), "cd", 2);
	close(fd);
	close(listen_fd);
}

/* ... a response as well, though its sender looks after the connection. */
static void a_response_that_comes_too_late_goes_another_way(void **state)
{
	static const char response[] = "SIP/2.0 200 OK\r\nl: 0\r\n\r\n";
	struct bench *b = *state;
	int listen_fd = peer_listen(server), fd;
	struct conn_ref used;
	struct hop to;
	unsigned owner;

	bench_start(b);
	fd = client(b, &owner);
	to = hop_back(&b->w[owner].from);
	to.addr = bench_addr(server);
	assert_int_equal(bench_send(b, !owner, &to, STR(response), &used), 0);
	assert_true(conn_ref_eq(used, to.conn));
	transport_conn_close(b->w[owner].transport, to.conn);
	assert_int_equal(peer_read_end(b, fd), 0);
	close(fd);
	fd = peer_accept(b, listen_fd);
	assert_memory_equal(peer_read(b, fd, sizeof(response) - 1), response,
			    sizeof(response) - 1);
	close(fd);
	close(listen_fd);
}

/* No notice is lost when parcels are short; it comes later. */
static void ends_are_told_when_parcels_are_short(void **state)
{
	enum { N = 10 };
	struct bench *b = *state;
	int fds[N];
	unsigned owner;

	b->max_parcels = 1;
	bench_start(b);
	for (int i = 0; i < N; i++)
		fds[i] = client(b, &owner);
	for (int i = 0; i < N; i++)
		close(fds[i]);
	bench_until(b, b->w[0].n_closed == N && b->w[1].n_closed == N);
	assert_int_equal(transport_n_connections(b->set), 0);
}

/* --- on threads of their own --- */

enum {
	CLIENTS = 8,
	ROUNDS = 200,
};

/* Answers half of all messages through the other worker's connections. */
struct crossing {
	struct transport_set *set;
	struct post *post;
	struct crosser {
		struct crossing *all;
		unsigned index;
		pthread_t thread;
		struct loop *loop;
		struct mem *mem;
		struct stats stats;
		struct transport *transport;
	} w[2];
};

static void cross_message(void *arg, const struct flow *from, struct str bytes)
{
	struct crosser *w = arg;
	struct parcel *p = parcel_new(w->all->post, w->index, 1,
				      sizeof(*from) + bytes.len);

	assert_non_null(p);
	memcpy(p->data, from, sizeof(*from));
	memcpy(p->data + sizeof(*from), bytes.p, bytes.len);
	transport_hold(w->all->set, from->conn);
	parcel_send(w->all->post, !w->index, p);
}

static void cross_parcel(void *arg, struct parcel *p)
{
	struct crosser *w = arg;
	struct flow from;
	struct hop back;
	struct buf *b;

	if (p->kind != 1) {
		transport_parcel(w->transport, p);
		return;
	}
	memcpy(&from, p->data, sizeof(from));
	back = hop_back(&from);
	b = buf_new(w->mem, p->len - sizeof(from));
	b->len = (uint32_t)(p->len - sizeof(from));
	memcpy(b->data, p->data + sizeof(from), b->len);
	transport_send(w->transport, &back, b, NULL);
	buf_unref(b);
	transport_release(w->all->set, from.conn);
}

static void cross_broken(void *arg, const struct flow *from, struct str bytes,
			 unsigned status)
{
	(void)arg;
	(void)from;
	(void)bytes;
	(void)status;
}

static void cross_udp_error(void *arg, const union addr *remote, int err,
			    struct str payload)
{
	(void)arg;
	(void)remote;
	(void)err;
	(void)payload;
}

static void cross_closed(void *arg, struct conn_ref conn)
{
	(void)arg;
	(void)conn;
}

static const struct transport_ops cross_ops = {
	.on_message = cross_message,
	.on_broken = cross_broken,
	.on_udp_error = cross_udp_error,
	.on_conn_closed = cross_closed,
};

static void *cross_run(void *arg)
{
	struct crosser *w = arg;

	loop_run(w->loop);
	return NULL;
}

static void cross_start(struct crossing *x, struct bench *b)
{
	char why[256];

	assert_int_equal(post_new(2, 4096, &x->post), 0);
	b->post = x->post;
	assert_int_equal(bench_open(b, why), 0);
	x->set = b->set;
	for (unsigned i = 0; i < 2; i++) {
		struct crosser *w = &x->w[i];

		w->all = x;
		w->index = i;
		assert_int_equal(mem_new(0, &w->mem), 0);
		assert_int_equal(loop_new(&w->loop), 0);
		assert_int_equal(
			post_join(x->post, i, w->loop, cross_parcel, w), 0);
		assert_int_equal(transport_new(x->set, i, w->loop, w->mem,
					       &w->stats, &cross_ops, w,
					       &w->transport),
				 0);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&x->w[i].thread, NULL,
						cross_run, &x->w[i]),
				 0);
}

static void cross_stop(struct crossing *x, struct bench *b)
{
	for (unsigned i = 0; i < 2; i++) {
		loop_stop(x->w[i].loop);
		pthread_join(x->w[i].thread, NULL);
	}
	for (unsigned i = 0; i < 2; i++)
		transport_free(x->w[i].transport);
	transport_set_close(b->set);
	post_free(x->post);
	b->set = NULL;
	b->post = NULL;
	for (unsigned i = 0; i < 2; i++) {
		loop_free(x->w[i].loop);
		mem_free_all(x->w[i].mem);
	}
}

static void read_blocking(int fd, char *text, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = recv(fd, text + have, len - have, 0);

		assert_true(n > 0);
		have += (size_t)n;
	}
}

static int dial(void)
{
	struct timeval wait = {.tv_sec = BENCH_WAIT_MS / 1000};
	union addr a = bench_addr(us);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, &a.sa, addr_len(&a)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return fd;
}

static void threads_answer_on_each_others_connections(void **state)
{
	static struct crossing x;
	struct bench *b = *state;
	char text[sizeof(MESSAGE)];
	int fds[CLIENTS];

	cross_start(&x, b);
	for (int i = 0; i < CLIENTS; i++)
		fds[i] = dial();
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < CLIENTS; i++)
			peer_write(fds[i], STR(MESSAGE));
		for (int i = 0; i < CLIENTS; i++) {
			read_blocking(fds[i], text, sizeof(MESSAGE) - 1);
			assert_memory_equal(text, MESSAGE, sizeof(MESSAGE) - 1);
		}
		close(fds[round % CLIENTS]);
		fds[round % CLIENTS] = dial();
	}
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	cross_stop(&x, b);
	b->n_workers = 0;
	assert_int_equal(stats_read(&x.w[0].stats, STAT_messages_out) +
				 stats_read(&x.w[1].stats, STAT_messages_out),
			 CLIENTS * ROUNDS);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, bench_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_worker_answers_on_the_connection_of_another),
		TEST(both_workers_are_told_of_an_end),
		TEST(workers_share_a_connection_while_it_is_made),
		TEST(a_message_that_comes_too_late_is_told),
		TEST(a_request_that_found_its_connection_late_goes_nowhere),
		TEST(a_message_that_comes_too_late_goes_another_way),
		TEST(a_response_that_comes_too_late_goes_another_way),
		TEST(ends_are_told_when_parcels_are_short),
		TEST(threads_answer_on_each_others_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
