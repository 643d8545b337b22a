/* Caps on connections, and what happens when descriptors, parcels or memory
 * run out. */
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "util/fail_alloc.h"

static const char us[] = "127.83.5.1:5060";
static const char server[] = "127.83.5.8:5070";

static int setup(void **state)
{
	*state = bench_new();
	bench_listen(*state, SIP_TCP, us);
	bench_listen(*state, SIP_UDP, us);
	return 0;
}

/* True if the connection is let in, false if it is closed at once. */
static bool let_in(struct bench *b, const char *from, int *fd)
{
	size_t n = transport_n_connections(b->set);
	uint64_t n_refused = bench_stat(b, STAT_connections_refused);

	*fd = peer_connect(from, us);
	bench_until(b, transport_n_connections(b->set) > n ||
			       bench_stat(b, STAT_connections_refused) >
				       n_refused);
	if (transport_n_connections(b->set) > n)
		return true;
	peer_read_end(b, *fd);
	return false;
}

static void connections_have_a_cap(void **state)
{
	struct bench *b = *state;
	struct hop to = bench_hop(SIP_TCP, 0, server);
	int fds[4];

	b->limits.connections = 2;
	bench_start(b);
	assert_true(let_in(b, "127.83.5.11:0", &fds[0]));
	assert_true(let_in(b, "127.83.5.12:0", &fds[1]));
	assert_false(let_in(b, "127.83.5.13:0", &fds[2]));
	assert_int_equal(bench_send(b, 0, &to, STR("x"), NULL), VD_ELIMIT);
	assert_int_equal(transport_n_connections(b->set), 2);
	assert_int_equal(bench_stat(b, STAT_connections_refused), 2);
	close(fds[0]);
	bench_until(b, transport_n_connections(b->set) == 1);
	assert_true(let_in(b, "127.83.5.13:0", &fds[3]));
	for (int i = 1; i < 4; i++)
		close(fds[i]);
}

static void connections_of_one_source_have_a_cap(void **state)
{
	struct bench *b = *state;
	int fds[5];

	b->limits.connections_per_source = 2;
	bench_start(b);
	assert_true(let_in(b, "127.83.5.11:0", &fds[0]));
	assert_true(let_in(b, "127.83.5.11:0", &fds[1]));
	assert_false(let_in(b, "127.83.5.11:0", &fds[2]));
	assert_true(let_in(b, "127.83.5.12:0", &fds[3]));
	close(fds[0]);
	bench_until(b, transport_n_connections(b->set) == 2);
	assert_true(let_in(b, "127.83.5.11:0", &fds[4]));
	for (int i = 1; i < 5; i++)
		close(fds[i]);
}

static void draining_accepts_nobody_and_serves_who_is_there(void **state)
{
	struct bench *b = *state;
	int fd, other;

	bench_start(b);
	assert_true(let_in(b, "127.83.5.11:0", &fd));
	transport_stop_accepting(b->w[0].transport);
	other = peer_connect("127.83.5.12:0", us);
	assert_int_not_equal(peer_read_end(b, other), 0);
	peer_write(fd, STR(MESSAGE));
	bench_until(b, b->w[0].n_messages == 1);
	close(fd);
	close(other);
}

/* --- descriptors --- */

static void set_descriptors(rlim_t n)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = n;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Who knocks is refused, not left waiting; and when descriptors are back, so is
 * the service. Runs in a child: 0 is success. */
static int starve(struct bench *b)
{
	int knock[3], fd;

	for (int i = 0; i < 3; i++)
		knock[i] = peer_connect("127.83.5.11:0", us);
	set_descriptors((rlim_t)knock[2] + 1);
	bench_until(b, bench_stat(b, STAT_connections_refused) == 3);
	assert_int_equal(transport_n_connections(b->set), 0);
	for (int i = 0; i < 3; i++)
		peer_read_end(b, knock[i]);

	set_descriptors(100);
	fd = peer_connect("127.83.5.11:0", us);
	bench_until(b, transport_n_connections(b->set) == 1);
	peer_write(fd, STR(MESSAGE));
	bench_until(b, b->w[0].n_messages == 1);
	return 0;
}

static void without_descriptors_connections_are_refused(void **state)
{
	struct bench *b = *state;
	int status;
	pid_t child = fork();

	if (child == 0) {
		bench_start(b);
		_exit(starve(b));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Connections of ours need one, too. */
static int starve_outgoing(struct bench *b)
{
	struct hop to = bench_hop(SIP_TCP, 0, server);
	int last = peer_udp("127.83.5.12:0");

	set_descriptors((rlim_t)last + 1);
	assert_int_equal(bench_send(b, 0, &to, STR("x"), NULL), VD_ESYS);
	assert_int_equal(transport_n_connections(b->set), 0);
	return 0;
}

static void without_descriptors_sending_fails(void **state)
{
	struct bench *b = *state;
	int status;
	pid_t child = fork();

	if (child == 0) {
		bench_start(b);
		_exit(starve_outgoing(b));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- memory --- */

/* A bit of everything; each step may fail, none may crash or leak. */
static void exercise(struct bench *b, struct buf *out)
{
	struct hop udp = bench_hop(SIP_UDP, 1, "127.83.5.9:5062");
	struct hop dead = bench_hop(SIP_UDP, 1, "255.255.255.255:5062");
	struct hop tcp = bench_hop(SIP_TCP, 0, server);
	int listen_fd = peer_listen(server);
	int fd = peer_connect("127.83.5.11:0", us);

	transport_send(b->w[0].transport, &udp, out, NULL);
	transport_send(b->w[0].transport, &dead, out, NULL);
	transport_send(b->w[0].transport, &tcp, out, NULL);
	bench_settle(b);
	send(fd, MESSAGE, 20, MSG_NOSIGNAL);
	bench_settle(b);
	send(fd, &MESSAGE[20], sizeof(MESSAGE) - 21, MSG_NOSIGNAL);
	send(fd, "\r\n\r\n", 4, MSG_NOSIGNAL);
	bench_settle(b);
	close(fd);
	close(listen_fd);
	bench_settle(b);
}

static struct bench *bench_with_failure(uint64_t nth_of_worker)
{
	struct bench *b = bench_new();

	bench_listen(b, SIP_TCP, us);
	bench_listen(b, SIP_UDP, us);
	bench_prepare(b);
	mem_fail_nth(b->w[0].mem, nth_of_worker);
	return b;
}

static void each_allocation_of_a_worker_may_fail(void **state)
{
	struct mem *mem;
	struct mem_usage usage;
	struct buf *out;
	uint64_t n = 0;

	(void)state;
	assert_int_equal(mem_new(0, &mem), 0);
	out = buf_new(mem, 100);
	out->len = 100;
	do {
		struct bench *b = bench_with_failure(++n);

		if (bench_start_worker(b, 0) == 0)
			exercise(b, out);
		mem_usage(b->w[0].mem, &usage);
		bench_free(b);
	} while (usage.n_refused > 0);
	assert_true(n > 10);
	buf_unref(out);
	mem_free_all(mem);
}

/* What does not come from the worker's memory: watches, shared tables. */
static void each_allocation_of_the_system_may_fail(void **state)
{
	struct mem *mem;
	struct buf *out;
	unsigned n = 0;
	bool failed;

	(void)state;
	assert_int_equal(mem_new(0, &mem), 0);
	out = buf_new(mem, 100);
	out->len = 100;
	do {
		struct bench *b = bench_with_failure(0);

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

static void each_allocation_of_a_set_may_fail(void **state)
{
	struct bench *b = *state;
	unsigned n = 0;
	char why[256];
	int err;

	do {
		fail_countdown = ++n;
		err = bench_open(b, why);
		fail_countdown = 0;
		if (err != 0) {
			assert_int_equal(err, VD_ENOMEM);
			assert_null(b->set);
			assert_true(strlen(why) > 0);
		}
	} while (err != 0);
	assert_true(n > 10);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, bench_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(connections_have_a_cap),
		TEST(connections_of_one_source_have_a_cap),
		TEST(draining_accepts_nobody_and_serves_who_is_there),
		TEST(without_descriptors_connections_are_refused),
		TEST(without_descriptors_sending_fails),
		cmocka_unit_test(each_allocation_of_a_worker_may_fail),
		cmocka_unit_test(each_allocation_of_the_system_may_fail),
		TEST(each_allocation_of_a_set_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
