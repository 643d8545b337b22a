/* UDP over loopback. */
#include <stdio.h>
#include <unistd.h>

#include "bench.h"

static const char us[] = "127.83.1.1:5060";
static const char peer[] = "127.83.1.9:5062";

static int setup(void **state)
{
	*state = bench_listening(SIP_UDP, us);
	return 0;
}

static void a_datagram_is_one_message(void **state)
{
	struct bench *b = *state;
	int fd = peer_udp(peer);
	union addr from = bench_addr(peer), to = bench_addr(us);

	peer_send_to(fd, us, STR("OPTIONS"));
	bench_until(b, b->w[0].n_messages == 1);
	assert_int_equal(b->w[0].len, 7);
	assert_memory_equal(b->w[0].text, "OPTIONS", 7);
	assert_int_equal(b->w[0].from.transport, SIP_UDP);
	assert_true(addr_eq(&b->w[0].from.remote, &from));
	assert_true(addr_eq(&b->w[0].from.local, &to));
	assert_true(conn_ref_is_none(b->w[0].from.conn));
	assert_int_equal(bench_stat(b, STAT_messages_in), 1);
	close(fd);
}

static void answers_leave_from_where_we_listen(void **state)
{
	struct bench *b = *state;
	int fd = peer_udp(peer);
	char text[100];
	union addr from, to = bench_addr(us);

	b->answer = STR("SIP/2.0 200 OK");
	peer_send_to(fd, us, STR("OPTIONS"));
	assert_int_equal(peer_receive(b, fd, text, sizeof(text), &from), 14);
	assert_memory_equal(text, "SIP/2.0 200 OK", 14);
	assert_true(addr_eq(&from, &to));
	assert_int_equal(bench_stat(b, STAT_messages_out), 1);
	close(fd);
}

/* More than a batch, more than a turn, and more than the queue holds. */
static void bursts_come_and_go_whole_and_in_order(void **state)
{
	enum { N = 1500 };
	struct bench *b = *state;
	struct hop to = bench_hop(SIP_UDP, 0, peer);
	int fd = peer_udp(peer);
	int size = 8 << 20;
	union addr from;
	char text[32];

	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)),
		0);
	for (int i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "message %d", i);
		peer_send_to(fd, us, str_from(text));
	}
	bench_until(b, b->w[0].n_messages == N);
	assert_memory_equal(b->w[0].text, text, strlen(text));

	for (int i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "answer %d", i);
		assert_int_equal(bench_send(b, 0, &to, str_from(text), NULL),
				 0);
	}
	for (int i = 0; i < N; i++) {
		char want[32], got[32];
		size_t n = peer_receive(b, fd, got, sizeof(got), &from);

		snprintf(want, sizeof(want), "answer %d", i);
		assert_int_equal(n, strlen(want));
		assert_memory_equal(got, want, n);
	}
	assert_int_equal(bench_stat(b, STAT_messages_out), N);
	assert_int_equal(bench_stat(b, STAT_send_errors), 0);
	close(fd);
}

static void what_no_datagram_can_carry_is_refused(void **state)
{
	static char big[65508];
	struct bench *b = *state;
	struct hop to = bench_hop(SIP_UDP, 0, peer);
	int fd = peer_udp(peer);
	static char got[70000];
	union addr from;

	memset(big, 'x', sizeof(big));
	assert_int_equal(bench_send(b, 0, &to, (struct str){big, 65508}, NULL),
			 VD_ETOOBIG);
	assert_int_equal(bench_send(b, 0, &to, (struct str){big, 65507}, NULL),
			 0);
	assert_int_equal(peer_receive(b, fd, got, sizeof(got), &from), 65507);
	close(fd);
}

static void the_largest_datagram_is_read_whole(void **state)
{
	static char big[65507];
	struct bench *b = *state;
	int fd = peer_udp(peer);

	memset(big, 'y', sizeof(big));
	peer_send_to(fd, us, (struct str){big, sizeof(big)});
	bench_until(b, b->w[0].n_messages == 1);
	assert_int_equal(b->w[0].len, sizeof(big));
	assert_memory_equal(b->w[0].text, big, sizeof(big));
	close(fd);
}

static void a_datagram_over_the_limit_is_broken(void **state)
{
	static char big[2001];
	struct bench *b = *state;
	int fd = peer_udp(peer);

	b->limits.message_size = 2000;
	bench_set_limits(b);
	memset(big, 'z', sizeof(big));
	peer_send_to(fd, us, (struct str){big, 2001});
	bench_until(b, b->w[0].n_broken == 1);
	assert_int_equal(b->w[0].status, 513);
	peer_send_to(fd, us, (struct str){big, 2000});
	bench_until(b, b->w[0].n_messages == 1);
	close(fd);
}

static void keepalives_are_no_messages(void **state)
{
	struct bench *b = *state;
	int fd = peer_udp(peer);

	peer_send_to(fd, us, STR(""));
	peer_send_to(fd, us, STR("\r\n\r\n"));
	peer_send_to(fd, us, STR("\0\0\0\0"));
	peer_send_to(fd, us, STR("OPTIONS"));
	bench_until(b, b->w[0].n_messages > 0);
	assert_int_equal(b->w[0].n_messages, 1);
	assert_memory_equal(b->w[0].text, "OPTIONS", 7);
	close(fd);
}

/* RFC 3261 18.4. The payload is how the transaction is found. */
static void an_icmp_error_is_told_with_the_payload(void **state)
{
	struct bench *b = *state;
	struct hop to = bench_hop(SIP_UDP, 0, "127.83.1.10:5999");

	assert_int_equal(bench_send(b, 0, &to, STR("INVITE sip:x"), NULL), 0);
	bench_until(b, b->w[0].n_errors == 1);
	assert_int_equal(b->w[0].err, VD_ECONN);
	assert_true(addr_eq(&b->w[0].error_remote, &to.addr));
	assert_int_equal(b->w[0].len, 12);
	assert_memory_equal(b->w[0].text, "INVITE sip:x", 12);
}

/* The error of one is reported by the calls that send and receive others. */
static void an_icmp_error_costs_no_other_datagram(void **state)
{
	enum { N = 100 };
	struct bench *b = *state;
	struct hop dead = bench_hop(SIP_UDP, 0, "127.83.1.10:5999");
	struct hop live = bench_hop(SIP_UDP, 0, peer);
	int fd = peer_udp(peer);
	union addr from;
	char text[32];

	for (int i = 0; i < N; i++) {
		peer_send_to(fd, us, STR("request"));
		assert_int_equal(bench_send(b, 0, &dead, STR("lost?"), NULL),
				 0);
		assert_int_equal(bench_send(b, 0, &live, STR("alive"), NULL),
				 0);
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(peer_receive(b, fd, text, sizeof(text), &from),
				 5);
	bench_until(b, b->w[0].n_messages == N);
	bench_until(b, b->w[0].n_errors > 0);
	assert_int_equal(bench_stat(b, STAT_send_errors), 0);
	close(fd);
}

/* The error is there when the first of a batch leaves: no sooner does the
 * kernel tell than when nothing of the batch has left. */
static void an_old_icmp_error_costs_the_next_batch_nothing(void **state)
{
	enum { N = 1025 }; /* one more than wait: they leave at once */
	struct bench *b = *state;
	struct hop dead = bench_hop(SIP_UDP, 0, "127.83.1.10:5999");
	struct hop live = bench_hop(SIP_UDP, 0, peer);
	int fd = peer_udp(peer), size = 8 << 20;
	union addr from;
	char text[32];

	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)),
		0);
	assert_int_equal(bench_send(b, 0, &dead, STR("lost?"), NULL), 0);
	bench_turn(b);
	for (int i = 0; i < N; i++)
		assert_int_equal(bench_send(b, 0, &live, STR("alive"), NULL),
				 0);
	for (int i = 0; i < N; i++)
		assert_int_equal(peer_receive(b, fd, text, sizeof(text), &from),
				 5);
	bench_until(b, b->w[0].n_errors == 1);
	assert_int_equal(b->w[0].err, VD_ECONN);
	assert_int_equal(bench_stat(b, STAT_send_errors), 0);
	close(fd);
}

/* A datagram that the kernel refuses: told, and the next one leaves. */
static void a_refused_datagram_is_told(void **state)
{
	struct bench *b = *state;
	struct hop bad = bench_hop(SIP_UDP, 0, "255.255.255.255:5060");
	struct hop live = bench_hop(SIP_UDP, 0, peer);
	int fd = peer_udp(peer);
	union addr from;
	char text[32];

	assert_int_equal(bench_send(b, 0, &bad, STR("nowhere"), NULL), 0);
	assert_int_equal(bench_send(b, 0, &live, STR("alive"), NULL), 0);
	assert_int_equal(peer_receive(b, fd, text, sizeof(text), &from), 5);
	bench_until(b, b->w[0].n_errors == 1);
	assert_int_equal(b->w[0].err, VD_EUNREACH);
	assert_true(addr_eq(&b->w[0].error_remote, &bad.addr));
	assert_memory_equal(b->w[0].text, "nowhere", 7);
	assert_int_equal(bench_stat(b, STAT_send_errors), 1);
	close(fd);
}

static void a_hop_of_another_family_is_unreachable(void **state)
{
	struct bench *b = *state;
	struct hop to = bench_hop(SIP_UDP, 0, "[::1]:5060");

	assert_int_equal(bench_send(b, 0, &to, STR("x"), NULL), VD_EUNREACH);
	to = bench_hop(SIP_UDP, 1, peer);
	assert_int_equal(bench_send(b, 0, &to, STR("x"), NULL), VD_EUNREACH);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, bench_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_datagram_is_one_message),
		TEST(answers_leave_from_where_we_listen),
		TEST(bursts_come_and_go_whole_and_in_order),
		TEST(what_no_datagram_can_carry_is_refused),
		TEST(the_largest_datagram_is_read_whole),
		TEST(a_datagram_over_the_limit_is_broken),
		TEST(keepalives_are_no_messages),
		TEST(an_icmp_error_is_told_with_the_payload),
		TEST(an_icmp_error_costs_no_other_datagram),
		TEST(an_old_icmp_error_costs_the_next_batch_nothing),
		TEST(a_refused_datagram_is_told),
		TEST(a_hop_of_another_family_is_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
