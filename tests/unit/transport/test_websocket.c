/* SIP over WebSocket connections (RFC 7118). Frames and the upgrade by
 * themselves are in test_ws_frames.c and test_ws_upgrade.c. */
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "transport/ws_frames.h"
#include "util/fail_alloc.h"

static const char us[] = "127.83.10.1:8080";
static const char peer[] = "127.83.10.9:0";

#define UPGRADE                                                                \
	"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"                  \
	"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                 \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                      \
	"Sec-WebSocket-Protocol: sip\r\n\r\n"
#define ACCEPTED_LEN 158

/* With a mask of zeros the bytes are as they were. */
#define MASK "\0\0\0\0"
#define FRAME(first, len, text) first len MASK text
#define REQUEST "OPTIONS sip:a@b SIP/2.0\r\n\r\n"
#define REQUEST_FRAME FRAME("\x81", "\x9b", REQUEST)
#define FIRST_HALF FRAME("\x01", "\x8a", "OPTIONS si")
#define SECOND_HALF FRAME("\x80", "\x91", "p:a@b SIP/2.0\r\n\r\n")
#define PING FRAME("\x89", "\x82", "hi")
#define CLOSE FRAME("\x88", "\x82", "\x03\xe8")

#define BYTES(text) ((struct str){text, sizeof(text) - 1})

static int setup(void **state)
{
	*state = bench_listening(SIP_WS, us);
	return 0;
}

static int connected(struct bench *b)
{
	const char *answer;
	int fd = peer_connect(peer, us);

	peer_write(fd, BYTES(UPGRADE));
	answer = peer_read(b, fd, ACCEPTED_LEN);
	assert_memory_equal(answer, "HTTP/1.1 101 ", 13);
	assert_memory_equal(answer + ACCEPTED_LEN - 4, "\r\n\r\n", 4);
	return fd;
}

static void expect(struct bench *b, int fd, struct str bytes)
{
	assert_memory_equal(peer_read(b, fd, bytes.len), bytes.p, bytes.len);
}

static void messages_go_both_ways(void **state)
{
	struct bench *b = *state;
	int fd = connected(b);

	b->answer = STR("SIP/2.0 200 OK");
	peer_write(fd, BYTES(REQUEST_FRAME));
	expect(b, fd, BYTES("\x81\x0eSIP/2.0 200 OK"));
	assert_int_equal(b->w[0].from.transport, SIP_WS);
	assert_int_equal(b->w[0].len, sizeof(REQUEST) - 1);
	assert_memory_equal(b->w[0].text, REQUEST, sizeof(REQUEST) - 1);
	b->answer = STR("\xff");
	peer_write(fd, BYTES(REQUEST_FRAME));
	expect(b, fd, BYTES("\x82\x01\xff"));
	close(fd);
}

static void many_frames_may_share_a_segment(void **state)
{
	struct bench *b = *state;
	int fd = connected(b);

	peer_write(fd, BYTES(REQUEST_FRAME FIRST_HALF PING SECOND_HALF
				     REQUEST_FRAME FIRST_HALF));
	bench_until(b, b->w[0].n_messages == 3);
	expect(b, fd, BYTES("\x8a\x02hi"));
	peer_write(fd, BYTES(SECOND_HALF));
	bench_until(b, b->w[0].n_messages == 4);
	assert_memory_equal(b->w[0].text, REQUEST, sizeof(REQUEST) - 1);
	close(fd);
}

/* Upgrades, pongs and close frames are none. */
static void only_messages_are_counted(void **state)
{
	struct bench *b = *state;
	int fd = connected(b);

	b->answer = STR("x");
	peer_write(fd, BYTES(PING REQUEST_FRAME CLOSE));
	expect(b, fd, BYTES("\x8a\x02hi\x81\x01x\x88\x02\x03\xe8"));
	assert_int_equal(peer_read_end(b, fd), 0);
	assert_int_equal(bench_stat(b, STAT_messages_in), 1);
	assert_int_equal(bench_stat(b, STAT_messages_out), 1);
	assert_int_equal(bench_stat(b, STAT_messages_malformed), 0);
	close(fd);
}

static void a_bad_frame_is_counted_and_ends_the_connection(void **state)
{
	struct bench *b = *state;
	int fd = connected(b);

	peer_write(fd, BYTES("\x81\x01x" REQUEST_FRAME));
	expect(b, fd, BYTES("\x88\x02\x03\xea"));
	assert_int_equal(peer_read_end(b, fd), 0);
	assert_int_equal(bench_stat(b, STAT_messages_malformed), 1);
	bench_until(b, b->w[0].n_closed == 1);
	assert_int_equal(b->w[0].n_messages, 0);
	close(fd);
}

static void a_refused_upgrade_is_counted(void **state)
{
	struct bench *b = *state;
	int fd = peer_connect(peer, us);

	peer_write(fd, BYTES("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"));
	assert_memory_equal(peer_read(b, fd, 12), "HTTP/1.1 405", 12);
	bench_until(b, bench_stat(b, STAT_handshakes_failed) == 1);
	assert_int_equal(bench_stat(b, STAT_connections_opened), 0);
	close(fd);
}

static void an_upgrade_has_a_deadline(void **state)
{
	struct bench *b = *state;
	uint64_t start = bench_now_ms();
	int fd;

	b->limits.handshake_timeout_ms = 200;
	b->limits.message_timeout_ms = 50; /* is another thing */
	bench_set_limits(b);
	fd = peer_connect(peer, us);
	peer_write(fd, STR("GET"));
	bench_until(b, b->w[0].n_closed == 1);
	assert_true(bench_now_ms() - start >= 200);
	assert_int_equal(bench_stat(b, STAT_connections_slow), 1);
	close(fd);
}

/* Each of them is used as it comes, and none gives the message more time. */
static void fragments_do_not_postpone_a_deadline(void **state)
{
	struct bench *b = *state;
	uint64_t start;
	int fd;

	b->limits.message_timeout_ms = 200;
	bench_set_limits(b);
	fd = connected(b);
	peer_write(fd, BYTES(FIRST_HALF));
	start = bench_now_ms();
	while (b->w[0].n_closed == 0) {
		assert_true(bench_now_ms() - start < BENCH_WAIT_MS);
		send(fd, "\0\x80" MASK "\x8a\x80" MASK, 12, MSG_NOSIGNAL);
		bench_turn(b);
	}
	assert_true(bench_now_ms() - start >= 200);
	close(fd);
}

static void what_is_complete_has_no_deadline(void **state)
{
	struct bench *b = *state;
	uint64_t start = bench_now_ms();
	int fd;

	b->limits.message_timeout_ms = 100;
	bench_set_limits(b);
	fd = connected(b);
	peer_write(fd, BYTES(FIRST_HALF SECOND_HALF PING));
	expect(b, fd, BYTES("\x8a\x02hi"));
	while (bench_now_ms() - start < 400)
		bench_turn(b);
	assert_int_equal(b->w[0].n_closed, 0);
	close(fd);
}

static void a_quiet_connection_is_told_that_it_ends(void **state)
{
	struct bench *b = *state;
	int fd;

	b->limits.idle_timeout_ms = 100;
	bench_set_limits(b);
	fd = connected(b);
	expect(b, fd, BYTES("\x88\x02\x03\xe9"));
	assert_int_equal(peer_read_end(b, fd), 0);
	close(fd);
}

/* --- one that is held --- */

static struct conn_ref hold(struct bench *b, int fd)
{
	peer_write(fd, BYTES(REQUEST_FRAME));
	bench_until(b, b->w[0].n_messages == 1);
	transport_hold(b->set, b->w[0].from.conn);
	return b->w[0].from.conn;
}

static void one_that_is_held_is_asked_for_a_sign_of_life(void **state)
{
	struct bench *b = *state;
	struct conn_ref conn;
	int fd;

	b->limits.idle_timeout_ms = 100;
	bench_set_limits(b);
	fd = connected(b);
	conn = hold(b, fd);
	for (int i = 0; i < 4; i++) {
		expect(b, fd, BYTES("\x89\x00"));
		peer_write(fd, BYTES(FRAME("\x8a", "\x80", "")));
	}
	assert_int_equal(b->w[0].n_closed, 0);
	transport_release(b->set, conn);
	expect(b, fd, BYTES("\x88\x02\x03\xe9"));
	close(fd);
}

static void one_that_is_held_and_gives_none_is_closed(void **state)
{
	struct bench *b = *state;
	int fd;

	b->limits.idle_timeout_ms = 100;
	bench_set_limits(b);
	fd = connected(b);
	hold(b, fd);
	expect(b, fd, BYTES("\x89\x00\x88\x02\x03\xe9"));
	bench_until(b, b->w[0].n_closed == 1);
	close(fd);
}

/* --- sending --- */

static void nobody_is_connected_to(void **state)
{
	struct bench *b = *state;
	struct hop to = bench_hop(SIP_WS, 0, "127.83.10.8:80");

	assert_int_equal(bench_send(b, 0, &to, STR("x"), NULL), VD_EUNREACH);
	assert_int_equal(transport_n_connections(b->set), 0);
}

static void before_the_upgrade_there_is_nobody_to_send_to(void **state)
{
	struct bench *b = *state;
	int fd = peer_connect(peer, us);
	struct sockaddr_in local;
	socklen_t len = sizeof(local);
	struct hop to = bench_hop(SIP_WS, 0, "127.83.10.9:1");

	bench_until(b, transport_n_connections(b->set) == 1);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&local, &len), 0);
	addr_set_port(&to.addr, ntohs(local.sin_port));
	assert_int_equal(bench_send(b, 0, &to, STR("x"), NULL), VD_EUNREACH);
	peer_write(fd, BYTES(UPGRADE));
	peer_read(b, fd, ACCEPTED_LEN);
	assert_int_equal(bench_send(b, 0, &to, STR("x"), NULL), 0);
	expect(b, fd, BYTES("\x81\x01x"));
	close(fd);
}

static void a_large_message_leaves_in_one_frame(void **state)
{
	static char text[70000];
	struct bench *b = *state;
	int fd = connected(b);
	struct hop back;

	hold(b, fd);
	memset(text, 'x', sizeof(text));
	back = hop_back(&b->w[0].from);
	assert_int_equal(
		bench_send(b, 0, &back, (struct str){text, sizeof(text)}, NULL),
		0);
	expect(b, fd, BYTES("\x81\x7f\0\0\0\0\0\x01\x11\x70"));
	expect(b, fd, (struct str){text, sizeof(text)});
	close(fd);
}

static void the_end_is_told_to_who_is_there(void **state)
{
	struct bench *b = *state;
	int fd = connected(b);
	char text[4];

	bench_stop_worker(b, 0);
	assert_int_equal(recv(fd, text, sizeof(text), 0), 4);
	assert_memory_equal(text, "\x88\x02\x03\xe9", 4);
	assert_int_equal(recv(fd, text, sizeof(text), 0), 0);
	close(fd);
}

/* --- memory --- */

/* As one over TCP: no buffer, nothing of wslay's. */
static void an_idle_connection_takes_little(void **state)
{
	enum { N = 100 };
	struct bench *b = *state;
	struct mem_usage before, after;
	int fds[N];

	mem_usage(b->w[0].mem, &before);
	for (int i = 0; i < N; i++) {
		fds[i] = connected(b);
		peer_write(fds[i], BYTES(FIRST_HALF SECOND_HALF));
		bench_until(b, b->w[0].n_messages == (unsigned)i + 1);
	}
	mem_usage(b->w[0].mem, &after);
	assert_true(after.used - before.used <= N * 1024);
	for (int i = 0; i < N; i++)
		close(fds[i]);
}

/* A bit of everything; each step may fail, none may crash or leak. */
static void exercise(struct bench *b, struct buf *out)
{
	int fd = peer_connect(peer, us);
	struct hop back;

	send(fd, UPGRADE, 20, MSG_NOSIGNAL);
	bench_settle(b);
	send(fd, &UPGRADE[20], sizeof(UPGRADE) - 21, MSG_NOSIGNAL);
	bench_settle(b);
	send(fd, FIRST_HALF PING, sizeof(FIRST_HALF PING) - 1, MSG_NOSIGNAL);
	bench_settle(b);
	send(fd, SECOND_HALF REQUEST_FRAME, 30, MSG_NOSIGNAL);
	bench_settle(b);
	back = hop_back(&b->w[0].from);
	transport_send(b->w[0].transport, &back, out, NULL);
	bench_settle(b);
	send(fd, FRAME("\x81", "\x84", "\r\n\r\n"), 10, MSG_NOSIGNAL);
	send(fd, CLOSE, sizeof(CLOSE) - 1, MSG_NOSIGNAL);
	bench_settle(b);
	close(fd);
	bench_settle(b);
}

static struct buf *outgoing(struct mem **mem)
{
	struct buf *out;

	assert_int_equal(mem_new(0, mem), 0);
	out = buf_new(*mem, 100);
	assert_non_null(out);
	memset(out->data, 'x', 100);
	out->len = 100;
	return out;
}

static struct bench *unstarted(uint64_t nth_of_worker)
{
	struct bench *b = bench_new();

	bench_listen(b, SIP_WS, us);
	bench_prepare(b);
	mem_fail_nth(b->w[0].mem, nth_of_worker);
	return b;
}

static void each_allocation_of_a_worker_may_fail(void **state)
{
	struct mem_usage usage;
	uint64_t n = 0;
	struct mem *mem;
	struct buf *out = outgoing(&mem);

	(void)state;
	do {
		struct bench *b = unstarted(++n);

		if (bench_start_worker(b, 0) == 0)
			exercise(b, out);
		mem_usage(b->w[0].mem, &usage);
		bench_free(b);
	} while (usage.n_refused > 0);
	assert_true(n > 10);
	buf_unref(out);
	mem_free_all(mem);
}

/* What does not come from the worker's memory. */
static void each_allocation_of_the_system_may_fail(void **state)
{
	unsigned n = 0;
	bool failed;
	struct mem *mem;
	struct buf *out = outgoing(&mem);

	(void)state;
	do {
		struct bench *b = unstarted(0);

		fail_countdown = ++n;
		if (bench_start_worker(b, 0) == 0)
			exercise(b, out);
		failed = fail_countdown == 0;
		fail_countdown = 0;
		bench_free(b);
	} while (failed);
	assert_true(n > 3);
	buf_unref(out);
	mem_free_all(mem);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, bench_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(messages_go_both_ways),
		TEST(many_frames_may_share_a_segment),
		TEST(only_messages_are_counted),
		TEST(a_bad_frame_is_counted_and_ends_the_connection),
		TEST(a_refused_upgrade_is_counted),
		TEST(an_upgrade_has_a_deadline),
		TEST(fragments_do_not_postpone_a_deadline),
		TEST(what_is_complete_has_no_deadline),
		TEST(a_quiet_connection_is_told_that_it_ends),
		TEST(one_that_is_held_is_asked_for_a_sign_of_life),
		TEST(one_that_is_held_and_gives_none_is_closed),
		TEST(nobody_is_connected_to),
		TEST(before_the_upgrade_there_is_nobody_to_send_to),
		TEST(a_large_message_leaves_in_one_frame),
		TEST(the_end_is_told_to_who_is_there),
		TEST(an_idle_connection_takes_little),
		cmocka_unit_test(each_allocation_of_a_worker_may_fail),
		cmocka_unit_test(each_allocation_of_the_system_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
