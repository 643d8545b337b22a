#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <sqlite3.h>

#include "viaduct/util/err.h"
#include "util/fail_alloc.h"
#include "store/desk.h"

enum { SOME = 250 };

struct bench {
	struct desk desk;
	struct store *s;
	unsigned n_loaded, n_wanted; /* those above are not wanted */
	struct str expected;         /* every value */
	char why[512];
};

static void to_store(void *arg, struct parcel *p)
{
	struct bench *b = arg;

	store_parcel(b->s, p);
}

static bool load(void *arg, struct str key, struct str value)
{
	struct bench *b = arg;

	assert_true(key.len > 0);
	if (b->expected.p != NULL)
		assert_true(str_eq(value, b->expected));
	return b->n_loaded++ < b->n_wanted;
}

static int store_begin(struct bench *b, enum store_kind kind)
{
	struct store_conf conf = {.kind = kind, .dir = b->desk.dir};

	b->n_loaded = 0;
	return store_open(&conf, b->desk.post, DESK_STORE, load, b, &b->s,
			  b->why);
}

static void store_end(struct bench *b)
{
	store_close(b->s);
	b->s = NULL;
}

static int setup_empty(void **state)
{
	static struct bench b;

	b = (struct bench){.n_wanted = UINT32_MAX};
	*state = &b;
	desk_open(&b.desk);
	b.desk.parcel = to_store;
	b.desk.arg = &b;
	return 0;
}

static int setup(void **state)
{
	setup_empty(state);
	return store_begin(*state, STORE_SQLITE);
}

static int setup_memory(void **state)
{
	setup_empty(state);
	return store_begin(*state, STORE_MEMORY);
}

static int teardown(void **state)
{
	struct bench *b = *state;

	store_end(b);
	desk_close(&b->desk);
	return 0;
}

static int write_value(struct bench *b, int i, struct str value)
{
	char key[16];
	struct desk_done *t = desk_ticket(&b->desk, i);
	int err;

	snprintf(key, sizeof(key), "key%d", i);
	err = store_write(b->s, DESK_WORKER, str_from(key), value, desk_done,
			  t);
	if (err != 0)
		free(t);
	return err;
}

static void write_some(struct bench *b, int first, int n)
{
	for (int i = first; i < first + n; i++)
		assert_int_equal(write_value(b, i, STR("value")), 0);
}

static void reopen(struct bench *b, unsigned n_expected)
{
	store_end(b);
	assert_int_equal(store_begin(b, STORE_SQLITE), 0);
	assert_int_equal(b->n_loaded, n_expected);
}

/* The file in the test's directory. */
static const char *file(struct bench *b, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", b->desk.dir, name);
	return path;
}

static unsigned n_set_aside(struct bench *b)
{
	DIR *dir = opendir(b->desk.dir);
	struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(dir)) != NULL)
		n += str_starts(str_from(e->d_name),
				STR("viaduct.db.corrupt-"));
	closedir(dir);
	return n;
}

static void writes_are_done_in_order_and_later(void **state)
{
	struct bench *b = *state;
	struct store_counts n;

	write_some(b, 0, SOME);
	assert_int_equal(b->desk.n_done, 0);
	desk_wait(&b->desk, SOME);
	assert_int_equal(b->desk.n_failed, 0);
	for (int i = 0; i < SOME; i++)
		assert_int_equal(b->desk.order[i], i);
	store_counts(b->s, &n);
	assert_int_equal(n.records, SOME);
	assert_int_equal(n.failures + n.refused, 0);
}

/* Each that is done writes the next, as phones that answer at once would. */
enum { IN_FLIGHT = 2000, IN_ALL = 100000 };

struct chain {
	struct bench *b;
	unsigned n_asked, n_done;
};

static void chain_next(void *arg, int err)
{
	struct chain *c = arg;

	assert_int_equal(err, 0);
	if (c->n_asked < IN_ALL) {
		c->n_asked++;
		assert_int_equal(store_write(c->b->s, DESK_WORKER, STR("k"),
					     STR("v"), chain_next, c),
				 0);
	}
	if (++c->n_done == IN_ALL)
		loop_stop(c->b->desk.loop);
}

static void writes_that_cause_writes_do_not_pile_up(void **state)
{
	struct chain c = {.b = *state};

	for (; c.n_asked < IN_FLIGHT; c.n_asked++)
		assert_int_equal(store_write(c.b->s, DESK_WORKER, STR("k"),
					     STR("v"), chain_next, &c),
				 0);
	loop_run(c.b->desk.loop);
	assert_int_equal(c.n_done, IN_ALL);
}

static void records_are_there_at_the_next_start(void **state)
{
	struct bench *b = *state;

	write_some(b, 0, SOME);
	desk_wait(&b->desk, SOME);
	b->expected = STR("value");
	reopen(b, SOME);
	assert_int_equal(n_set_aside(b), 0);
}

static void a_closing_store_commits_what_is_queued(void **state)
{
	struct bench *b = *state;
	static struct desk_done tickets[SOME];
	char key[16];

	for (int i = 0; i < SOME; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		assert_int_equal(store_write(b->s, DESK_WORKER, str_from(key),
					     STR("v"), desk_done, &tickets[i]),
				 0);
	}
	reopen(b, SOME);
}

static void a_record_is_replaced_and_removed(void **state)
{
	struct bench *b = *state;

	write_value(b, 1, STR("old"));
	write_value(b, 1, STR("new"));
	write_value(b, 2, STR("gone"));
	write_value(b, 2, STR_NONE);
	write_value(b, 3, STR_NONE);
	desk_wait(&b->desk, 5);
	b->expected = STR("new");
	reopen(b, 1);
}

static void large_and_empty_values_are_kept(void **state)
{
	struct bench *b = *state;
	struct str large = {calloc(1, 1 << 20), 1 << 20};

	write_value(b, 1, large);
	desk_wait(&b->desk, 1);
	b->expected = large;
	reopen(b, 1);
	write_value(b, 1, STR(""));
	desk_wait(&b->desk, 2);
	b->expected = STR("");
	reopen(b, 1);
	free((char *)large.p);
}

static void what_is_not_wanted_is_removed(void **state)
{
	struct bench *b = *state;

	write_some(b, 0, SOME);
	desk_wait(&b->desk, SOME);
	b->n_wanted = 100;
	reopen(b, SOME);
	reopen(b, 100);
}

static void the_queue_has_an_end(void **state)
{
	struct bench *b = *state;
	struct store_counts n;
	int i = 0;

	while (write_value(b, i, STR("v")) == 0)
		i++;
	store_counts(b->s, &n);
	assert_int_equal(i, 8192);
	assert_int_equal(n.refused, 1);
	desk_wait(&b->desk, (unsigned)i);
	assert_int_equal(write_value(b, i, STR("v")), 0);
	desk_wait(&b->desk, (unsigned)i + 1);
}

static void the_queue_has_an_end_in_bytes(void **state)
{
	struct bench *b = *state;
	struct str large = {calloc(1, 33 << 20), 33 << 20};
	unsigned n = 0;
	int err;

	do {
		err = write_value(b, 1, large);
		n += err == 0;
	} while (err == 0 && n < 20);
	assert_int_equal(err, VD_ELIMIT);
	desk_wait(&b->desk, n);
	free((char *)large.p);
}

/* The log grows to its ceiling (64 MiB) and is begun again. */
static void the_log_has_a_ceiling(void **state)
{
	struct bench *b = *state;
	struct str large = {calloc(1, 1 << 20), 1 << 20};
	struct stat st;

	for (int i = 0; i < 160; i++) {
		assert_int_equal(write_value(b, i % 4, large), 0);
		if (i % 8 == 7)
			desk_wait(&b->desk, (unsigned)i + 1);
	}
	assert_int_equal(b->desk.n_failed, 0);
	assert_int_equal(stat(file(b, "viaduct.db-wal"), &st), 0);
	assert_true(st.st_size < 80 << 20);
	free((char *)large.p);
}

/* --- what is wrong with the file --- */

static void overwrite(const char *path, off_t at, const char *text)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
	close(fd);
}

static void a_corrupt_file_is_set_aside(void **state)
{
	struct bench *b = *state;

	write_some(b, 0, SOME);
	desk_wait(&b->desk, SOME);
	store_end(b);
	overwrite(file(b, "viaduct.db"), 0, "This is no database at all");
	assert_int_equal(store_begin(b, STORE_SQLITE), 0);
	assert_int_equal(b->n_loaded, 0);
	assert_int_equal(n_set_aside(b), 1);
	write_some(b, 0, 3);
	desk_wait(&b->desk, SOME + 3);
	reopen(b, 3);
}

/* Found before the first record is handed over. */
static void a_file_with_one_bad_page_is_set_aside(void **state)
{
	struct bench *b = *state;
	struct stat st;

	for (int i = 0; i < 1000; i++)
		write_value(b, i, STR("a value that fills more than one page"));
	desk_wait(&b->desk, 1000);
	store_end(b);
	stat(file(b, "viaduct.db"), &st);
	assert_true(st.st_size > 5 * 4096);
	overwrite(file(b, "viaduct.db"), st.st_size - 4096, "\x07\xff\xff\xff");
	assert_int_equal(store_begin(b, STORE_SQLITE), 0);
	assert_int_equal(b->n_loaded, 0);
	assert_int_equal(n_set_aside(b), 1);
}

static void shell(struct bench *b, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(file(b, "viaduct.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int file_version(struct bench *b)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int version;

	assert_int_equal(sqlite3_open(file(b, "viaduct.db"), &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	version = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return version;
}

static void a_file_of_another_program_is_set_aside(void **state)
{
	struct bench *b = *state;

	shell(b, "CREATE TABLE theirs(a); INSERT INTO theirs VALUES(1)");
	assert_int_equal(store_begin(b, STORE_SQLITE), 0);
	assert_int_equal(n_set_aside(b), 1);
}

static void a_newer_file_is_refused_and_left_alone(void **state)
{
	struct bench *b = *state;

	write_some(b, 0, 1);
	desk_wait(&b->desk, 1);
	store_end(b);
	shell(b, "PRAGMA user_version = 3");
	assert_int_equal(store_begin(b, STORE_SQLITE), VD_EUNSUP);
	assert_non_null(strstr(b->why, "viaduct.db: it is of version 3"));
	assert_int_equal(n_set_aside(b), 0);
	shell(b, "PRAGMA user_version = 2");
	assert_int_equal(store_begin(b, STORE_SQLITE), 0);
	assert_int_equal(b->n_loaded, 1);
}

static void an_older_file_is_taken_over(void **state)
{
	struct bench *b = *state;

	write_some(b, 0, 1);
	desk_wait(&b->desk, 1);
	store_end(b);
	shell(b, "PRAGMA user_version = 1");
	assert_int_equal(store_begin(b, STORE_SQLITE), 0);
	assert_int_equal(b->n_loaded, 1);
	store_end(b);
	assert_int_equal(file_version(b), 2);
	assert_int_equal(store_begin(b, STORE_SQLITE), 0);
}

static void no_directory_no_start(void **state)
{
	struct bench *b = *state;
	char dir[64];

	strcpy(dir, b->desk.dir);
	strcat(b->desk.dir, "/none");
	assert_int_equal(store_begin(b, STORE_SQLITE), VD_ESYS);
	assert_non_null(strstr(b->why, "none/viaduct.db: "));
	strcpy(b->desk.dir, dir);
}

/* In a child: root is stopped by no permission. */
static void a_read_only_directory_no_start(void **state)
{
	struct bench *b = *state;
	int status = 0;
	pid_t child;

	chmod(b->desk.dir, 0555);
	child = fork();
	if (child == 0) {
		if (geteuid() == 0 && setuid(65534) != 0)
			_exit(2);
		_exit(store_begin(b, STORE_SQLITE) == VD_ESYS ? 0 : 1);
	}
	waitpid(child, &status, 0);
	chmod(b->desk.dir, 0700);
	assert_int_equal(status, 0);
}

/* --- it fails at run time --- */

static void a_full_disk_fails_writes_and_loses_nothing(void **state)
{
	struct bench *b = *state;
	struct store_counts n;

	write_some(b, 0, SOME);
	desk_wait(&b->desk, SOME);
	desk_limit_files(4096);
	write_some(b, 1000, SOME);
	desk_wait(&b->desk, 2 * SOME);
	assert_int_equal(b->desk.n_failed, SOME);
	assert_false(store_is_well(b->s));
	store_counts(b->s, &n);
	assert_true(n.failures >= 3);
	desk_limit_files(RLIM_INFINITY);
	write_some(b, 2000, SOME);
	desk_wait(&b->desk, 3 * SOME);
	assert_int_equal(b->desk.n_failed, SOME);
	assert_true(store_is_well(b->s));
	reopen(b, 2 * SOME);
}

/* Nobody may write while health says that we are ill. */
static void it_finds_out_by_itself_that_it_is_well_again(void **state)
{
	struct bench *b = *state;
	uint64_t until_us = desk_now_us() + 10000000;

	desk_limit_files(4096);
	write_some(b, 0, 1);
	desk_wait(&b->desk, 1);
	assert_false(store_is_well(b->s));
	desk_limit_files(RLIM_INFINITY);
	while (!store_is_well(b->s) && desk_now_us() < until_us)
		usleep(10000);
	assert_true(store_is_well(b->s));
}

static void without_memory_a_write_is_refused(void **state)
{
	struct bench *b = *state;
	struct desk_done *t = desk_ticket(&b->desk, 0);

	fail_countdown = 1;
	assert_int_equal(store_write(b->s, DESK_WORKER, STR("k"), STR("v"),
				     desk_done, t),
			 VD_ENOMEM);
	fail_countdown = 0;
	free(t);
}

static void memory_keeps_nothing(void **state)
{
	struct bench *b = *state;

	assert_false(store_keeps(b->s));
	store_end(b);
	assert_int_equal(store_begin(b, STORE_SQLITE), 0);
	assert_true(store_keeps(b->s));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define TEST_EMPTY(fn)                                                         \
	cmocka_unit_test_setup_teardown(fn, setup_empty, teardown)
#define TEST_IN_MEMORY(fn)                                                     \
	{                                                                      \
#fn " (memory)", fn, setup_memory, teardown, NULL              \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(writes_are_done_in_order_and_later),
		TEST_IN_MEMORY(writes_are_done_in_order_and_later),
		TEST(writes_that_cause_writes_do_not_pile_up),
		TEST_IN_MEMORY(writes_that_cause_writes_do_not_pile_up),
		TEST(records_are_there_at_the_next_start),
		TEST(a_closing_store_commits_what_is_queued),
		TEST(a_record_is_replaced_and_removed),
		TEST(large_and_empty_values_are_kept),
		TEST(what_is_not_wanted_is_removed),
		TEST(the_queue_has_an_end),
		TEST_IN_MEMORY(the_queue_has_an_end),
		TEST(the_queue_has_an_end_in_bytes),
		TEST(the_log_has_a_ceiling),
		TEST(a_corrupt_file_is_set_aside),
		TEST(a_file_with_one_bad_page_is_set_aside),
		TEST_EMPTY(a_file_of_another_program_is_set_aside),
		TEST(a_newer_file_is_refused_and_left_alone),
		TEST(an_older_file_is_taken_over),
		TEST_EMPTY(no_directory_no_start),
		TEST_EMPTY(a_read_only_directory_no_start),
		TEST(a_full_disk_fails_writes_and_loses_nothing),
		TEST(it_finds_out_by_itself_that_it_is_well_again),
		TEST(without_memory_a_write_is_refused),
		TEST_IN_MEMORY(memory_keeps_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
