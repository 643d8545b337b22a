/* A connection's deadlines, queue and reuse. */
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "transport/conn.h"

static const char us[] = "127.83.3.1:5060";
static const char peer[] = "127.83.3.9:0";
static const char server[] = "127.83.3.8:5070";

static int setup(void **state)
{
	*state = bench_listening(SIP_TCP, us);
	return 0;
}

static int connected(struct bench *b)
{
	return peer_accepted(b, peer, us);
}

/* --- deadlines --- */

static void a_message_that_drips_meets_its_deadline(void **state)
{
	struct bench *b = *state;
	uint64_t start = bench_now_ms();
	int fd;

	b->limits.message_timeout_ms = 200;
	bench_set_limits(b);
	fd = connected(b);
	peer_write(fd, STR("OPTIONS"));
	while (b->w[0].n_closed == 0) {
		assert_true(bench_now_ms() - start < BENCH_WAIT_MS);
		send(fd, "x", 1, MSG_NOSIGNAL);
		bench_turn(b);
	}
	assert_true(bench_now_ms() - start >= 200);
	assert_int_equal(bench_stat(b, STAT_connections_slow), 1);
	assert_int_equal(transport_n_connections(b->set), 0);
	close(fd);
}

static void each_message_has_its_own_deadline(void **state)
{
	struct bench *b = *state;
	uint64_t start = bench_now_ms();
	int fd;

	b->limits.message_timeout_ms = 300;
	bench_set_limits(b);
	fd = connected(b);
	/* Always a rest of the next message, never one that stays. */
	peer_write(fd, STR("OPTIONS"));
	while (bench_now_ms() - start < 700) {
		peer_write(fd, STR(" sip:a@b SIP/2.0\r\nl: 0\r\n\r\nOPTIONS"));
		bench_turn(b);
	}
	assert_true(b->w[0].n_messages > 0);
	assert_int_equal(b->w[0].n_closed, 0);
	close(fd);
}

static void an_idle_connection_is_closed(void **state)
{
	struct bench *b = *state;
	uint64_t start = bench_now_ms();
	int fd;

	b->limits.idle_timeout_ms = 100;
	bench_set_limits(b);
	fd = connected(b);
	assert_int_equal(peer_read_end(b, fd), 0);
	assert_true(bench_now_ms() - start >= 100);
	bench_until(b, b->w[0].n_closed == 1);
	close(fd);
}

static void traffic_keeps_a_connection(void **state)
{
	struct bench *b = *state;
	uint64_t start = bench_now_ms();
	int fd;

	b->limits.idle_timeout_ms = 1000; /* a busy machine pauses us, too */
	bench_set_limits(b);
	fd = connected(b);
	while (bench_now_ms() - start < 1500) {
		peer_write(fd, STR(MESSAGE));
		bench_turn(b);
	}
	assert_int_equal(b->w[0].n_closed, 0);
	close(fd);
}

static void a_held_connection_is_not_idle(void **state)
{
	struct bench *b = *state;
	struct conn_ref conn;
	uint64_t start;
	int fd;

	b->limits.idle_timeout_ms = 100;
	bench_set_limits(b);
	fd = connected(b);
	peer_write(fd, STR(MESSAGE));
	bench_until(b, b->w[0].n_messages == 1);
	conn = b->w[0].from.conn;
	transport_hold(b->set, conn);
	transport_hold(b->set, conn);
	transport_release(b->set, conn);
	start = bench_now_ms();
	while (bench_now_ms() - start < 350)
		bench_turn(b);
	assert_int_equal(b->w[0].n_closed, 0);
	transport_release(b->set, conn);
	bench_until(b, b->w[0].n_closed == 1);
	assert_true(conn_ref_eq(b->w[0].closed, conn));

	close(fd);
}

static void a_stale_reference_holds_nothing(void **state)
{
	struct bench *b = *state;
	struct conn_ref conn;
	int fd;

	b->limits.idle_timeout_ms = 100;
	bench_set_limits(b);
	fd = connected(b);
	peer_write(fd, STR(MESSAGE));
	bench_until(b, b->w[0].n_messages == 1);
	conn = b->w[0].from.conn;
	close(fd);
	bench_until(b, transport_n_connections(b->set) == 0);
	fd = connected(b);
	transport_hold(b->set, conn);
	peer_write(fd, STR(MESSAGE));
	bench_until(b, b->w[0].n_messages == 2);
	assert_int_equal(b->w[0].from.conn.slot, conn.slot);
	bench_until(b, b->w[0].n_closed == 2);
	close(fd);
}

/* --- the output queue --- */

static const char *filler(size_t len)
{
	static char text[65536];

	memset(text, 'f', sizeof(text));
	assert_true(len <= sizeof(text));
	return text;
}

static struct hop back_to(struct bench *b, int fd)
{
	unsigned n = b->w[0].n_messages;

	peer_write(fd, STR(MESSAGE));
	bench_until(b, b->w[0].n_messages == n + 1);
	return hop_back(&b->w[0].from);
}

static void a_peer_that_does_not_read_is_closed_at_the_cap(void **state)
{
	struct bench *b = *state;
	struct str text = {filler(10000), 10000};
	struct mem_usage before, after;
	struct hop to;
	size_t sent = 0;
	int fd = connected(b), err;

	to = back_to(b, fd);
	to.only_conn = true;
	mem_usage(b->w[0].mem, &before);
	while ((err = bench_send(b, 0, &to, text, NULL)) == 0) {
		sent += text.len;
		mem_usage(b->w[0].mem, &after);
		assert_true(after.used - before.used < 2 * 262144);
		assert_true(sent < 64 << 20);
		bench_turn(b);
	}
	assert_int_equal(err, VD_ELIMIT);
	assert_int_equal(bench_send(b, 0, &to, text, NULL), VD_ECONN);
	bench_until(b, b->w[0].n_closed == 1);
	assert_int_equal(bench_stat(b, STAT_connections_slow), 1);
	mem_usage(b->w[0].mem, &after);
	assert_true(after.used < before.used);
	close(fd);
}

/* What a token says of a connection may be true of another one by now. */
static void a_recalled_connection_is_known_by_its_remote_end(void **state)
{
	struct bench *b = *state;
	int fd = connected(b);
	struct hop to = back_to(b, fd);

	to.only_conn = true;
	to.is_recalled = true;
	assert_int_equal(bench_send(b, 0, &to, STR(MESSAGE), NULL), 0);
	addr_set_port(&to.addr, (uint16_t)(addr_port(&to.addr) + 1));
	assert_int_equal(bench_send(b, 0, &to, STR(MESSAGE), NULL), VD_ECONN);
	to.is_recalled = false;
	assert_int_equal(bench_send(b, 0, &to, STR(MESSAGE), NULL), 0);
	close(fd);
}

static void a_peer_that_stops_reading_is_closed_in_time(void **state)
{
	struct bench *b = *state;
	struct hop to;
	int fd = connected(b);

	b->limits.message_timeout_ms = 200;
	b->limits.output_queue = 16 << 20;
	bench_set_limits(b);
	to = back_to(b, fd);
	for (int i = 0; i < 150; i++)
		assert_int_equal(bench_send(b, 0, &to,
					    (struct str){filler(65536), 65536},
					    NULL),
				 0);
	bench_until(b, b->w[0].n_closed == 1);
	assert_int_equal(bench_stat(b, STAT_connections_slow), 1);
	close(fd);
}

/* Its requests wait until it has read its answers; then they are served. */
static void a_client_that_does_not_read_is_not_read(void **state)
{
	enum { ANSWER = 8000, N = 2000 };
	struct bench *b = *state;
	int fd = connected(b);
	unsigned n_sent = 0, n_seen;
	uint64_t quiet_ms;

	b->limits.output_queue = 1 << 20;
	bench_set_limits(b);
	b->answer = (struct str){filler(ANSWER), ANSWER};
	while (n_sent < N && send(fd, MESSAGE, sizeof(MESSAGE) - 1,
				  MSG_NOSIGNAL) == sizeof(MESSAGE) - 1) {
		n_sent++;
		bench_turn(b);
	}
	n_seen = b->w[0].n_messages;
	for (quiet_ms = bench_now_ms(); bench_now_ms() - quiet_ms < 100;) {
		bench_turn(b);
		if (n_seen != b->w[0].n_messages)
			quiet_ms = bench_now_ms();
		n_seen = b->w[0].n_messages;
	}
	assert_true(n_seen < n_sent);
	assert_int_equal(b->w[0].n_closed, 0);
	for (unsigned i = 0; i < n_sent; i++)
		peer_read(b, fd, ANSWER);
	assert_int_equal(b->w[0].n_messages, n_sent);
	close(fd);
}

static void what_is_queued_leaves_before_a_close(void **state)
{
	enum { N = 30 };
	struct bench *b = *state;
	struct hop to;
	int fd = connected(b);

	b->limits.output_queue = 8 << 20;
	bench_set_limits(b);
	to = back_to(b, fd);
	for (int i = 0; i < N; i++)
		assert_int_equal(bench_send(b, 0, &to,
					    (struct str){filler(65536), 65536},
					    NULL),
				 0);
	transport_conn_close(b->w[0].transport, to.conn);
	bench_until(b, b->w[0].n_closed == 1);
	for (int i = 0; i < N; i++)
		peer_read(b, fd, 65536);
	assert_int_equal(peer_read_end(b, fd), 0);
	close(fd);
	bench_until(b, transport_n_connections(b->set) == 0);
	assert_int_equal(b->w[0].n_closed, 1);
}

/* --- which connection --- */

static void a_hop_is_connected_to(void **state)
{
	struct bench *b = *state;
	int listen_fd = peer_listen(server), fd;
	struct hop to = bench_hop(SIP_TCP, 0, server);
	struct conn_ref first, second;
	union addr from;
	socklen_t len = sizeof(from);

	assert_int_equal(bench_send(b, 0, &to, STR("one "), &first), 0);
	assert_int_equal(bench_send(b, 0, &to, STR("two"), &second), 0);
	assert_true(conn_ref_eq(first, second));
	fd = peer_accept(b, listen_fd);
	assert_memory_equal(peer_read(b, fd, 7), "one two", 7);
	memset(&from, 0, sizeof(from));
	getpeername(fd, &from.sa, &len);
	assert_true(addr_ip_eq(&from, &b->listeners[0].addr));
	assert_int_equal(bench_stat(b, STAT_connections_opened), 1);

	/* What it sends comes in on the flow that we opened. */
	peer_write(fd, STR(MESSAGE));
	bench_until(b, b->w[0].n_messages == 1);
	assert_true(conn_ref_eq(b->w[0].from.conn, first));
	assert_true(addr_eq(&b->w[0].from.remote, &to.addr));
	assert_true(addr_eq(&b->w[0].from.local, &b->listeners[0].addr));
	close(fd);
	close(listen_fd);
}

static void an_accepted_connection_is_found_by_its_remote_end(void **state)
{
	struct bench *b = *state;
	int fd = connected(b);
	struct hop to = back_to(b, fd);
	struct conn_ref conn = to.conn, used;

	to.conn = (struct conn_ref){0};
	assert_int_equal(bench_send(b, 0, &to, STR("found"), &used), 0);
	assert_true(conn_ref_eq(used, conn));
	assert_memory_equal(peer_read(b, fd, 5), "found", 5);
	close(fd);
}

static void a_refused_connection_is_told(void **state)
{
	struct bench *b = *state;
	struct hop to = bench_hop(SIP_TCP, 0, "127.83.3.8:5999");
	struct conn_ref used;

	assert_int_equal(bench_send(b, 0, &to, STR("x"), &used), 0);
	bench_until(b, b->w[0].n_closed == 1);
	assert_true(conn_ref_eq(b->w[0].closed, used));
	assert_int_equal(transport_n_connections(b->set), 0);
	assert_int_equal(bench_stat(b, STAT_connections_failed), 1);

	to.conn = used; /* stale now: a new one is tried */
	assert_int_equal(bench_send(b, 0, &to, STR("x"), &used), 0);
	assert_false(conn_ref_eq(to.conn, used));
	to.only_conn = true;
	assert_int_equal(bench_send(b, 0, &to, STR("x"), NULL), VD_ECONN);
	bench_until(b, b->w[0].n_closed == 2);
}

/* A listener whose backlog is full answers no SYN. */
static void a_silent_hop_is_given_up(void **state)
{
	struct bench *b = *state;
	int listen_fd = peer_listen(server), others[3];
	struct hop to = bench_hop(SIP_TCP, 0, server);
	uint64_t start;

	listen(listen_fd, 0);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		others[i] = peer_connect(peer, server);
	start = bench_now_ms();
	assert_int_equal(bench_send(b, 0, &to, STR("x"), NULL), 0);
	bench_until(b, b->w[0].n_closed == 1);
	assert_true(bench_now_ms() - start >= 3990);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		close(others[i]);
	close(listen_fd);
}

static void reset(int fd)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void a_reset_is_told(void **state)
{
	struct bench *b = *state;
	int fd = connected(b);
	struct hop to = back_to(b, fd);

	reset(fd);
	bench_until(b, b->w[0].n_closed == 1);
	assert_true(conn_ref_eq(b->w[0].closed, to.conn));
	assert_int_equal(bench_stat(b, STAT_connections_reset), 1);
	assert_int_equal(bench_stat(b, STAT_connections_failed), 0);
}

static void a_reset_within_a_message_is_an_error(void **state)
{
	struct bench *b = *state;
	int fd = connected(b);

	peer_write(fd, STR("OPTIONS sip:a@b"));
	bench_settle(b);
	reset(fd);
	bench_until(b, b->w[0].n_closed == 1);
	assert_int_equal(bench_stat(b, STAT_connections_reset), 0);
	assert_int_equal(bench_stat(b, STAT_connections_failed), 1);
}

/* Its system throws all segments away: a host that is not there any more. */
static void vanish(int fd)
{
	struct sock_filter nothing = {.code = BPF_RET | BPF_K, .k = 0};
	struct sock_fprog all = {.len = 1, .filter = &nothing};

	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof(all)),
		0);
}

static struct conn *only_conn(struct bench *b)
{
	return LIST_FIRST(&b->w[0].transport->conns, struct conn, link);
}

/* A second instead of 32. */
static void a_peer_that_has_vanished_is_noticed(void **state)
{
	struct bench *b = *state;
	int fd = connected(b), ms = 0;
	struct hop to = back_to(b, fd);
	socklen_t len = sizeof(ms);

	assert_int_equal(getsockopt(only_conn(b)->fd, IPPROTO_TCP,
				    TCP_USER_TIMEOUT, &ms, &len),
			 0);
	assert_int_equal(ms, UNACKNOWLEDGED_MS);
	ms = 1000;
	setsockopt(only_conn(b)->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, len);
	vanish(fd);
	assert_int_equal(bench_send(b, 0, &to, STR(MESSAGE), NULL), 0);
	bench_until(b, b->w[0].n_closed == 1);
	assert_true(conn_ref_eq(b->w[0].closed, to.conn));
	assert_int_equal(bench_stat(b, STAT_connections_failed), 1);
	close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, bench_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_message_that_drips_meets_its_deadline),
		TEST(each_message_has_its_own_deadline),
		TEST(an_idle_connection_is_closed),
		TEST(traffic_keeps_a_connection),
		TEST(a_held_connection_is_not_idle),
		TEST(a_stale_reference_holds_nothing),
		TEST(a_peer_that_does_not_read_is_closed_at_the_cap),
		TEST(a_recalled_connection_is_known_by_its_remote_end),
		TEST(a_peer_that_stops_reading_is_closed_in_time),
		TEST(a_client_that_does_not_read_is_not_read),
		TEST(what_is_queued_leaves_before_a_close),
		TEST(a_hop_is_connected_to),
		TEST(an_accepted_connection_is_found_by_its_remote_end),
		TEST(a_refused_connection_is_told),
		TEST(a_silent_hop_is_given_up),
		TEST(a_reset_is_told),
		TEST(a_peer_that_has_vanished_is_noticed),
		TEST(a_reset_within_a_message_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
