/* Clients that have ended their side of a stream. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

static const char us[] = "127.83.14.1:5060";
static const char peer[] = "127.83.14.9:0";
static const char sent_by[] = "127.83.14.9:5070";

#define ANSWER                                                                 \
	"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP x.test:5070;branch=z9hG4bK1\r\n"   \
	"l: 0\r\n\r\n"

static int setup(void **state)
{
	*state = bench_listening(SIP_TCP, us);
	return 0;
}

/* A client that has asked for something, which holds its connection. */
static int asking(struct bench *b)
{
	int fd = peer_connect(peer, us);

	peer_write(fd, STR(MESSAGE));
	bench_until(b, b->w[0].n_messages == 1);
	transport_hold(b->set, b->w[0].from.conn);
	return fd;
}

static int half_closed(struct bench *b)
{
	int fd = asking(b);

	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	bench_until(b, b->w[0].n_closed == 1);
	assert_true(conn_ref_eq(b->w[0].closed, b->w[0].from.conn));
	return fd;
}

static struct hop back(struct bench *b)
{
	struct hop to = hop_back(&b->w[0].from);

	to.addr = bench_addr(sent_by);
	return to;
}

static void hear_answer(struct bench *b, int fd)
{
	assert_memory_equal(peer_read(b, fd, sizeof(ANSWER) - 1), ANSWER,
			    sizeof(ANSWER) - 1);
}

static void its_answers_still_leave(void **state)
{
	struct bench *b = *state;
	int fd = half_closed(b);
	struct hop to = back(b);
	struct conn_ref used;

	assert_int_equal(bench_send(b, 0, &to, STR(ANSWER), &used), 0);
	assert_true(conn_ref_eq(used, to.conn));
	hear_answer(b, fd);
	assert_int_equal(bench_send(b, 0, &to, STR(ANSWER), NULL), 0);
	transport_release(b->set, to.conn);
	hear_answer(b, fd);
	assert_int_equal(peer_read_end(b, fd), 0);
	assert_int_equal(transport_n_connections(b->set), 0);
	assert_int_equal(bench_stat(b, STAT_connections_failed), 0);
	close(fd);
}

static void it_is_gone_for_everything_else(void **state)
{
	struct bench *b = *state;
	int fd = half_closed(b);
	struct hop to = back(b), other = hop_back(&b->w[0].from);

	assert_false(transport_is_live(b->set, to.conn));
	to.only_conn = true;
	assert_int_equal(bench_send(b, 0, &to, STR(MESSAGE), NULL), VD_ECONN);
	other.conn = (struct conn_ref){0}; /* the directory has forgotten it */
	assert_int_equal(bench_send(b, 0, &other, STR(ANSWER), NULL), 0);
	assert_int_equal(transport_n_connections(b->set), 2);
	close(fd);
}

static void it_ends_when_nothing_is_left_to_wait_for(void **state)
{
	struct bench *b = *state;
	int fd = half_closed(b);

	bench_settle(b);
	assert_int_equal(transport_n_connections(b->set), 1);
	transport_release(b->set, b->w[0].from.conn);
	assert_int_equal(peer_read_end(b, fd), 0);
	assert_int_equal(transport_n_connections(b->set), 0);
	close(fd);
}

static void one_that_waits_for_nothing_ends_at_once(void **state)
{
	struct bench *b = *state;
	int fd = asking(b);

	transport_release(b->set, b->w[0].from.conn);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	bench_until(b, b->w[0].n_closed == 1);
	assert_int_equal(transport_n_connections(b->set), 0);
	assert_int_equal(peer_read_end(b, fd), 0);
	close(fd);
}

static void an_open_transaction_is_not_idle(void **state)
{
	struct bench *b = *state;
	uint64_t start = bench_now_ms();
	struct hop to;
	int fd;

	b->limits.idle_timeout_ms = 100;
	bench_set_limits(b);
	fd = half_closed(b);
	to = back(b);
	bench_until(b, bench_now_ms() - start >= 300);
	assert_int_equal(bench_send(b, 0, &to, STR(ANSWER), NULL), 0);
	hear_answer(b, fd);
	transport_release(b->set, to.conn);
	assert_int_equal(peer_read_end(b, fd), 0);
	assert_int_equal(transport_n_connections(b->set), 0);
	close(fd);
}

/* It has ended with the peer's side, whether its removal can be stored or not.
 */
static void a_binding_is_nothing_to_wait_for(void **state)
{
	struct bench *b = *state;
	int fd = asking(b);

	transport_bind(b->set, b->w[0].from.conn);
	transport_release(b->set, b->w[0].from.conn);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	bench_until(b, b->w[0].n_closed == 1);
	transport_unbind(b->set, b->w[0].from.conn);
	assert_int_equal(transport_n_connections(b->set), 0);
	assert_int_equal(peer_read_end(b, fd), 0);
	close(fd);
}

static void more_answers_than_are_kept_all_leave(void **state)
{
	enum { N = 100 };
	struct bench *b = *state;
	struct hop to;
	int fd;

	b->limits.output_queue = 4096;
	bench_set_limits(b);
	fd = half_closed(b);
	to = back(b);
	for (int i = 0; i < N; i++)
		assert_int_equal(bench_send(b, 0, &to, STR(ANSWER), NULL), 0);
	for (int i = 0; i < N; i++)
		hear_answer(b, fd);
	transport_release(b->set, to.conn);
	assert_int_equal(peer_read_end(b, fd), 0);
	assert_int_equal(bench_stat(b, STAT_connections_slow), 0);
	close(fd);
}

/* A client that has asked and closed; its answer is sent, and comes by the
 * connection that is returned. */
static int answered_at_sent_by(struct bench *b, int listen_fd)
{
	int fd = asking(b);
	struct hop to = back(b);

	close(fd);
	bench_until(b, b->w[0].n_closed == 1);
	assert_int_equal(bench_send(b, 0, &to, STR(ANSWER), NULL), 0);
	fd = peer_accept(b, listen_fd);
	hear_answer(b, fd);
	return fd;
}

/* RFC 3261 18.2.2. What was written before its system said so counts as not
 * sent: on a stream nobody would send it again. */
static void one_that_has_closed_is_answered_at_sent_by(void **state)
{
	struct bench *b = *state;
	int listen_fd = peer_listen(sent_by);
	int fd = answered_at_sent_by(b, listen_fd);

	transport_release(b->set, b->w[0].from.conn);
	bench_until(b, transport_n_connections(b->set) == 1);
	assert_int_equal(bench_stat(b, STAT_connections_failed), 0);
	close(fd);
	close(listen_fd);
}

/* The second finds the connection that the first has made. */
static void what_follows_takes_the_new_connection(void **state)
{
	struct bench *b = *state;
	int listen_fd = peer_listen(sent_by);
	int fd = answered_at_sent_by(b, listen_fd);
	struct hop to = back(b);

	assert_int_equal(bench_send(b, 0, &to, STR(ANSWER), NULL), 0);
	hear_answer(b, fd);
	assert_int_equal(transport_n_connections(b->set), 1);
	close(fd);
	close(listen_fd);
}

static void one_that_does_not_read_its_answers_is_given_up(void **state)
{
	struct bench *b = *state;
	struct str much = {calloc(1, 65536), 65536};
	int fd;

	memset((char *)much.p, 'x', much.len);
	b->limits.message_timeout_ms = 200;
	bench_set_limits(b);
	fd = half_closed(b);
	memcpy((char *)much.p, "SIP/2.0 200 OK\r\n", 16);
	for (int i = 0; i < 1000 && b->w[0].n_closed == 1 &&
			transport_n_connections(b->set) == 1;
	     i++) {
		struct hop to = back(b);

		to.only_conn = true;
		bench_send(b, 0, &to, much, NULL);
		bench_turn(b);
	}
	bench_until(b, transport_n_connections(b->set) == 0);
	assert_int_equal(bench_stat(b, STAT_connections_slow), 1);
	free((char *)much.p);
	close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, bench_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(its_answers_still_leave),
		TEST(it_is_gone_for_everything_else),
		TEST(it_ends_when_nothing_is_left_to_wait_for),
		TEST(one_that_waits_for_nothing_ends_at_once),
		TEST(an_open_transaction_is_not_idle),
		TEST(a_binding_is_nothing_to_wait_for),
		TEST(more_answers_than_are_kept_all_leave),
		TEST(one_that_has_closed_is_answered_at_sent_by),
		TEST(what_follows_takes_the_new_connection),
		TEST(one_that_does_not_read_its_answers_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
