/* Messages on a TCP stream (RFC 3261 section 18.3). */
#include <stdio.h>
#include <unistd.h>

#include "bench.h"

static const char us[] = "127.83.2.1:5060";
static const char peer[] = "127.83.2.9:0";

#define HEAD "OPTIONS sip:a@b SIP/2.0\r\nCall-ID: 1\r\n"
static const char whole[] = HEAD "Content-Length: 4\r\n\r\nbody";

struct fixture {
	struct bench *b;
	int fd;
};

static int setup(void **state)
{
	static struct fixture f;

	f.b = bench_listening(SIP_TCP, us);
	f.b->answer = STR("SIP/2.0 200 OK\r\n\r\n");
	f.fd = peer_accepted(f.b, peer, us);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->fd);
	bench_free(f->b);
	return 0;
}

static void a_message_is_whole_however_it_was_split(void **state)
{
	struct fixture *f = *state;
	size_t len = sizeof(whole) - 1;

	for (size_t i = 1; i < len; i++) {
		peer_write(f->fd, (struct str){whole, i});
		bench_settle(f->b);
		assert_int_equal(f->b->w[0].n_messages, i - 1);
		peer_write(f->fd, (struct str){whole + i, len - i});
		bench_until(f->b, f->b->w[0].n_messages == i);
		assert_int_equal(f->b->w[0].len, len);
		assert_memory_equal(f->b->w[0].text, whole, len);
	}
	assert_int_equal(transport_n_connections(f->b->set), 1);
}

static void a_message_may_come_byte_by_byte(void **state)
{
	struct fixture *f = *state;
	size_t len = sizeof(whole) - 1;

	for (size_t i = 0; i < len; i++) {
		peer_write(f->fd, (struct str){whole + i, 1});
		bench_turn(f->b);
	}
	bench_until(f->b, f->b->w[0].n_messages == 1);
	assert_memory_equal(f->b->w[0].text, whole, len);
}

static void many_messages_may_share_a_segment(void **state)
{
	enum { N = 200 };
	static char many[N * sizeof(whole)];
	struct fixture *f = *state;
	size_t len = sizeof(whole) - 1, at = 0;

	for (int i = 0; i < N; i++, at += len)
		memcpy(many + at, whole, len);
	peer_write(f->fd, (struct str){many, at + 0});
	peer_write(f->fd, (struct str){whole, 10});
	bench_until(f->b, f->b->w[0].n_messages == N);
	peer_read(f->b, f->fd, N * f->b->answer.len);
	peer_write(f->fd, (struct str){whole + 10, len - 10});
	bench_until(f->b, f->b->w[0].n_messages == N + 1);
	assert_memory_equal(f->b->w[0].text, whole, len);
	assert_int_equal(bench_stat(f->b, STAT_messages_in), N + 1);
}

static void a_large_message_is_collected(void **state)
{
	static char big[60000];
	struct fixture *f = *state;
	int n = snprintf(big, sizeof(big),
			 HEAD "Content-Length: 59000\r\n\r\n");
	size_t len = (size_t)n + 59000, at = 0;

	memset(big + n, 'b', 59000);
	while (at < len) {
		size_t some = len - at < 7000 ? len - at : 7000;

		peer_write(f->fd, (struct str){big + at, some});
		bench_turn(f->b);
		at += some;
	}
	bench_until(f->b, f->b->w[0].n_messages == 1);
	assert_int_equal(f->b->w[0].len, len);
	assert_memory_equal(f->b->w[0].text, big, len);
}

/* RFC 5626 section 4.4.1 */
static void a_ping_is_answered_with_crlf(void **state)
{
	struct fixture *f = *state;

	peer_write(f->fd, STR("\r\n\r\n"));
	assert_memory_equal(peer_read(f->b, f->fd, 2), "\r\n", 2);
	peer_write(f->fd, STR("\r\n"));
	bench_settle(f->b);
	peer_write(f->fd, STR("\r\n"));
	assert_memory_equal(peer_read(f->b, f->fd, 2), "\r\n", 2);
	assert_int_equal(f->b->w[0].n_messages, 0);
	assert_int_equal(bench_stat(f->b, STAT_messages_out), 0);
}

/* RFC 3261 section 7.5 */
static void line_ends_before_a_message_are_skipped(void **state)
{
	struct fixture *f = *state;

	peer_write(f->fd, STR("\r\n"));
	bench_settle(f->b);
	peer_write(f->fd, str_from(whole));
	bench_until(f->b, f->b->w[0].n_messages == 1);
	assert_memory_equal(f->b->w[0].text, whole, sizeof(whole) - 1);
}

static void expect_broken(struct fixture *f, unsigned status)
{
	bench_until(f->b, f->b->w[0].n_broken == 1);
	assert_int_equal(f->b->w[0].status, status);
	peer_read(f->b, f->fd, f->b->answer.len);
	assert_int_equal(peer_read_end(f->b, f->fd), 0);
	bench_until(f->b, f->b->w[0].n_closed == 1);
	assert_true(conn_ref_eq(f->b->w[0].closed, f->b->w[0].from.conn));
	assert_int_equal(f->b->w[0].n_messages, 0);
	close(f->fd);
	f->fd = -1;
	bench_until(f->b, transport_n_connections(f->b->set) == 0);
}

/* What follows could be a message that somebody smuggled in: none is parsed,
 * and the unread bytes do not destroy the answer. */
static void bad_framing_is_answered_and_nothing_else_parsed(void **state)
{
	static const char bad[] = HEAD "Content-Length: 4\r\n"
				       "Content-Length: 0\r\n\r\n";
	struct fixture *f = *state;

	peer_write(f->fd, str_from(bad));
	peer_write(f->fd, str_from(whole));
	expect_broken(f, 400);
}

static void bytes_after_a_bad_message_are_thrown_away(void **state)
{
	struct fixture *f = *state;

	peer_write(f->fd, STR("\x16\x03\x01 this is no SIP\r\n\r\n"));
	bench_until(f->b, f->b->w[0].n_broken == 1);
	for (int i = 0; i < 10; i++) {
		peer_write(f->fd, str_from(whole));
		bench_turn(f->b);
	}
	expect_broken(f, 400);
}

static void a_huge_declared_length_is_refused_at_once(void **state)
{
	struct fixture *f = *state;
	struct mem_usage before, after;

	mem_usage(f->b->w[0].mem, &before);
	peer_write(f->fd, STR(HEAD "Content-Length: 4294967295\r\n\r\n"));
	expect_broken(f, 513);
	mem_usage(f->b->w[0].mem, &after);
	assert_true(after.used <= before.used);
}

/* An endless head ends at limits.message_size. */
static void an_endless_message_ends_at_the_limit(void **state)
{
	struct fixture *f = *state;
	static char line[1000];

	f->b->limits.message_size = 5000;
	bench_set_limits(f->b);
	memset(line, 'x', sizeof(line));
	peer_write(f->fd, STR(HEAD "X: "));
	for (int i = 0; i < 6; i++) {
		peer_write(f->fd, (struct str){line, sizeof(line)});
		bench_turn(f->b);
	}
	expect_broken(f, 513);
}

static void an_idle_connection_holds_no_buffer(void **state)
{
	struct fixture *f = *state;
	struct mem_usage before, after;

	mem_usage(f->b->w[0].mem, &before);
	peer_write(f->fd, (struct str){whole, 20});
	bench_settle(f->b);
	mem_usage(f->b->w[0].mem, &after);
	assert_true(after.used > before.used);
	peer_write(f->fd, str_from(whole + 20));
	bench_until(f->b, f->b->w[0].n_messages == 1);
	mem_usage(f->b->w[0].mem, &after);
	assert_int_equal(after.used, before.used);
}

static void a_message_before_the_end_of_the_stream_counts(void **state)
{
	struct fixture *f = *state;

	peer_write(f->fd, str_from(whole));
	shutdown(f->fd, SHUT_WR);
	bench_until(f->b, f->b->w[0].n_closed == 1);
	assert_int_equal(f->b->w[0].n_messages, 1);
	peer_read(f->b, f->fd, f->b->answer.len);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_message_is_whole_however_it_was_split),
		TEST(a_message_may_come_byte_by_byte),
		TEST(many_messages_may_share_a_segment),
		TEST(a_large_message_is_collected),
		TEST(a_ping_is_answered_with_crlf),
		TEST(line_ends_before_a_message_are_skipped),
		TEST(bad_framing_is_answered_and_nothing_else_parsed),
		TEST(bytes_after_a_bad_message_are_thrown_away),
		TEST(a_huge_declared_length_is_refused_at_once),
		TEST(an_endless_message_ends_at_the_limit),
		TEST(an_idle_connection_holds_no_buffer),
		TEST(a_message_before_the_end_of_the_stream_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
