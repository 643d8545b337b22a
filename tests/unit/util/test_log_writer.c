#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>

#include "viaduct/util/err.h"
#include "util/log_file.h"

enum {
	N_THREADS = 4,
	N_LINES = 2000,
};

static size_t n_lines_of(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

static void *write_lines(void *arg)
{
	for (unsigned i = 0; i < N_LINES; i++)
		log_info(STR_NONE, "line", KV_UINT("i", i),
			 KV_STR("thread", *(struct str *)arg));
	return NULL;
}

/* Each thread's lines are there, in its order. */
static void assert_all_in_order(const char *thread)
{
	char want[64];
	char *at = log_text;

	for (unsigned i = 0; i < N_LINES; i++) {
		snprintf(want, sizeof(want), " line i=%u thread=%s\n", i,
			 thread);
		at = strstr(at, want);
		assert_non_null(at);
	}
}

static void lines_of_ended_threads_are_all_written(void **state)
{
	static struct str names[N_THREADS] = {STR("a"), STR("b"), STR("c"),
					      STR("d")};
	pthread_t threads[N_THREADS];

	(void)state;
	log_file_start(LOG_FORMAT_TEXT, TRACE_OFF);
	for (int i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, write_lines, &names[i]);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	log_file_finish();
	assert_int_equal(n_lines_of(log_text, "\n"), N_THREADS * N_LINES);
	for (int i = 0; i < N_THREADS; i++)
		assert_all_in_order(names[i].p);
	assert_int_equal(log_n_lost(), 0);
}

static void without_a_writer_lines_go_to_stderr(void **state)
{
	char path[] = "test-stderr.XXXXXX";
	int fd = mkstemp(path), saved = dup(STDERR_FILENO);

	(void)state;
	dup2(fd, STDERR_FILENO);
	log_info(STR_NONE, "direct");
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd);
	log_file_read(path);
	unlink(path);
	assert_non_null(strstr(log_text, " info direct\n"));
}

static void a_file_is_private_to_owner_and_group(void **state)
{
	struct log_conf conf = {LOG_INFO, LOG_FORMAT_TEXT, "test-log.mode",
				TRACE_OFF};
	mode_t old = umask(0);
	struct stat st;

	(void)state;
	unlink(conf.to);
	assert_int_equal(log_configure(&conf), 0);
	umask(old);
	log_stop();
	assert_int_equal(stat(conf.to, &st), 0);
	unlink(conf.to);
	assert_int_equal(st.st_mode & 0777, 0640);
}

static void a_file_that_cannot_be_opened_changes_nothing(void **state)
{
	struct log_conf conf = {LOG_DEBUG, LOG_FORMAT_JSON,
				"no-such-directory/log", TRACE_FULL};

	(void)state;
	log_file_start(LOG_FORMAT_TEXT, TRACE_OFF);
	assert_int_equal(log_configure(&conf), VD_ESYS);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(log_max_level, LOG_INFO);
	assert_false(trace_is_on());
	log_info(STR_NONE, "still.here");
	log_file_finish();
	assert_non_null(strstr(log_text, " info still.here\n"));
}

static void settings_can_change_while_it_runs(void **state)
{
	struct log_conf conf = {LOG_DEBUG, LOG_FORMAT_JSON, "test-log.second",
				TRACE_OFF};

	(void)state;
	log_file_start(LOG_FORMAT_TEXT, TRACE_OFF);
	assert_int_equal(log_configure(&conf), 0);
	log_debug(STR_NONE, "after");
	log_file_finish();
	log_file_read(conf.to);
	unlink(conf.to);
	assert_non_null(strstr(log_text, "\"event\":\"after\"}"));
}

static void reopen_goes_on_in_a_new_file(void **state)
{
	struct stat st;

	(void)state;
	log_file_start(LOG_FORMAT_TEXT, TRACE_OFF);
	assert_int_equal(rename(log_path, "test-log.old"), 0);
	log_reopen();
	while (stat(log_path, &st) != 0)
		sched_yield();
	log_info(STR_NONE, "in.new");
	log_file_finish();
	unlink("test-log.old");
	assert_non_null(strstr(log_text, " info in.new\n"));
}

static void reopen_that_fails_says_so_in_the_old_file(void **state)
{
	char path[] = "test-dir.XXXXXX/log";
	struct log_conf conf = {LOG_INFO, LOG_FORMAT_TEXT, path, TRACE_OFF};

	(void)state;
	path[15] = '\0';
	assert_non_null(mkdtemp(path));
	path[15] = '/';
	assert_int_equal(log_configure(&conf), 0);
	assert_int_equal(rename(path, "test-log.old"), 0);
	path[15] = '\0';
	rmdir(path);
	log_reopen();
	log_stop();
	log_file_read("test-log.old");
	unlink("test-log.old");
	assert_non_null(strstr(log_text, " error log.reopen_failed why="));
}

/* A pipe that nobody empties: the first lines fill it, then the ring. */
static int fifo_open(const char *path)
{
	struct log_conf conf = {LOG_INFO, LOG_FORMAT_TEXT, path, TRACE_OFF};
	int fd;

	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(log_configure(&conf), 0);
	unlink(path);
	return fd;
}

static void *stop_log(void *arg)
{
	log_stop();
	return arg;
}

/* Reads until the writer has closed its end. */
static size_t fifo_read_all(int fd, size_t cap, char *text)
{
	size_t len = 0;
	ssize_t n;

	fcntl(fd, F_SETFL, 0);
	while (len < cap && (n = read(fd, text + len, cap - len)) > 0)
		len += (size_t)n;
	close(fd);
	text[len] = '\0';
	return len;
}

static void a_full_ring_loses_lines_and_counts_them(void **state)
{
	static char text[4 << 20];
	const size_t n_sent = 100000;
	uint64_t before = log_n_lost();
	int fd = fifo_open("test-log.fifo");
	pthread_t stopper;
	char want[64];

	(void)state;
	for (size_t i = 0; i < n_sent; i++)
		log_info(STR_NONE, "line", KV_UINT("i", i));
	assert_true(log_n_lost() - before > n_sent / 2);
	pthread_create(&stopper, NULL, stop_log, NULL);
	fifo_read_all(fd, sizeof(text) - 1, text);
	pthread_join(stopper, NULL);
	assert_int_equal(n_lines_of(text, " info line i="),
			 n_sent - (log_n_lost() - before));
	snprintf(want, sizeof(want), " warning log.lost lines=%llu\n",
		 (unsigned long long)(log_n_lost() - before));
	assert_non_null(strstr(text, want));
}

static void a_place_that_takes_nothing_delays_the_end_only_so_long(void **state)
{
	uint64_t before = log_n_lost();
	int fd = fifo_open("test-log.fifo");

	(void)state;
	for (int i = 0; i < 3000; i++)
		log_info(STR_NONE, "line", KV_UINT("i", i));
	log_stop();
	assert_true(log_n_lost() > before);
	close(fd);
}

static void a_reader_that_has_gone_is_no_signal(void **state)
{
	uint64_t before = log_n_lost();
	int fd = fifo_open("test-log.fifo");

	(void)state;
	close(fd);
	log_info(STR_NONE, "line");
	log_stop();
	assert_true(log_n_lost() > before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_ended_threads_are_all_written),
		cmocka_unit_test(without_a_writer_lines_go_to_stderr),
		cmocka_unit_test(a_file_is_private_to_owner_and_group),
		cmocka_unit_test(a_file_that_cannot_be_opened_changes_nothing),
		cmocka_unit_test(settings_can_change_while_it_runs),
		cmocka_unit_test(reopen_goes_on_in_a_new_file),
		cmocka_unit_test(reopen_that_fails_says_so_in_the_old_file),
		cmocka_unit_test(a_full_ring_loses_lines_and_counts_them),
		cmocka_unit_test(
			a_place_that_takes_nothing_delays_the_end_only_so_long),
		cmocka_unit_test(a_reader_that_has_gone_is_no_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
