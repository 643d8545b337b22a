/* The state directory: its lock and its secret (server.state and
 * server.secret). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/state.h"
#include "viaduct/util/err.h"

struct place {
	char base[64]; /* made by the test */
	char dir[80];  /* made by state_open() */
	char why[512];
};

static const char *path_of(const struct place *p, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	return path;
}

static int place_new(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->base, "/tmp/viaduct-state-XXXXXX");
	assert_non_null(mkdtemp(p->base));
	snprintf(p->dir, sizeof(p->dir), "%s/state", p->base);
	*state = p;
	return 0;
}

static int place_free(void **state)
{
	struct place *p = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", p->base);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void write_file(const char *path, const void *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void the_directory_and_its_files_are_private(void **state)
{
	struct place *p = *state;
	mode_t old = umask(0);
	struct state s;

	assert_int_equal(state_open(p->dir, STR_NONE, &s, p->why), 0);
	umask(old);
	assert_int_equal(mode_of(p->dir), 0700);
	assert_int_equal(mode_of(path_of(p, "secret")), 0600);
	assert_int_equal(mode_of(path_of(p, "lock")), 0600);
	state_close(&s);
}

static void a_secret_is_made_once_and_kept(void **state)
{
	struct place *p = *state;
	struct state first, second;
	uint8_t none[MAC_KEY_LEN] = {0};

	assert_int_equal(state_open(p->dir, STR_NONE, &first, p->why), 0);
	state_close(&first);
	assert_int_equal(state_open(p->dir, STR_NONE, &second, p->why), 0);
	state_close(&second);
	assert_memory_equal(first.secret, second.secret, MAC_KEY_LEN);
	assert_memory_not_equal(first.secret, none, MAC_KEY_LEN);
	assert_int_equal(access(path_of(p, "secret.new"), F_OK), -1);
}

static void every_directory_has_a_secret_of_its_own(void **state)
{
	struct place *p = *state;
	struct state a, b;
	char other[96];

	snprintf(other, sizeof(other), "%s/other", p->base);
	assert_int_equal(state_open(p->dir, STR_NONE, &a, p->why), 0);
	assert_int_equal(state_open(other, STR_NONE, &b, p->why), 0);
	assert_memory_not_equal(a.secret, b.secret, MAC_KEY_LEN);
	state_close(&a);
	state_close(&b);
}

static void a_second_daemon_is_refused_until_the_first_ends(void **state)
{
	struct place *p = *state;
	struct state first, second = {.lock_fd = 77};

	assert_int_equal(state_open(p->dir, STR_NONE, &first, p->why), 0);
	assert_int_equal(state_open(p->dir, STR_NONE, &second, p->why),
			 VD_EEXIST);
	assert_non_null(strstr(p->why, p->dir));
	assert_non_null(strstr(p->why, "another viaductd"));
	assert_int_equal(second.lock_fd, 77); /* outputs are left alone */
	state_close(&first);
	assert_int_equal(state_open(p->dir, STR_NONE, &second, p->why), 0);
	state_close(&second);
	state_close(&second); /* closed twice: nothing */
}

/* Nodes of a domain share server.secret: the same key from the same text. */
static void a_given_secret_makes_the_key_and_no_file(void **state)
{
	static const char *const texts[] = {"one", "one", "another"};
	struct place *p = *state;
	struct state s[3];

	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			state_open(p->dir, str_from(texts[i]), &s[i], p->why),
			0);
		state_close(&s[i]);
	}
	assert_memory_equal(s[0].secret, s[1].secret, MAC_KEY_LEN);
	assert_memory_not_equal(s[0].secret, s[2].secret, MAC_KEY_LEN);
	assert_int_equal(access(path_of(p, "secret"), F_OK), -1);
}

/* It is never replaced in silence: tokens out there would die. */
static void a_damaged_secret_is_refused_by_name(void **state)
{
	static const char bytes[64] = "x";
	struct place *p = *state;
	struct state s = {.lock_fd = 77};

	assert_int_equal(mkdir(p->dir, 0700), 0);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		if (len == MAC_KEY_LEN)
			continue;
		write_file(path_of(p, "secret"), bytes, len);
		if (state_open(p->dir, STR_NONE, &s, p->why) != VD_ESYS)
			fail_msg("a secret of %zu bytes", len);
		assert_non_null(strstr(p->why, path_of(p, "secret")));
		assert_int_equal(s.lock_fd, 77);
	}
	write_file(path_of(p, "secret"), bytes, MAC_KEY_LEN);
	assert_int_equal(state_open(p->dir, STR_NONE, &s, p->why), 0);
	state_close(&s);
}

static void a_secret_that_cannot_be_read_is_refused(void **state)
{
	struct place *p = *state;
	struct state s;

	assert_int_equal(mkdir(p->dir, 0700), 0);
	assert_int_equal(mkdir(path_of(p, "secret"), 0700), 0);
	assert_int_equal(state_open(p->dir, STR_NONE, &s, p->why), VD_ESYS);
	assert_non_null(strstr(p->why, path_of(p, "secret")));
}

static void a_secret_that_cannot_be_written_is_refused(void **state)
{
	struct place *p = *state;
	struct state s;

	assert_int_equal(mkdir(p->dir, 0700), 0);
	assert_int_equal(mkdir(path_of(p, "secret.new"), 0700), 0);
	assert_int_equal(state_open(p->dir, STR_NONE, &s, p->why), VD_ESYS);
	assert_non_null(strstr(p->why, "secret.new"));
}

static void a_place_that_is_no_directory_is_refused(void **state)
{
	struct place *p = *state;
	struct state s;

	write_file(p->dir, "", 0);
	assert_int_equal(state_open(p->dir, STR_NONE, &s, p->why), VD_EEXIST);
	assert_non_null(strstr(p->why, p->dir));
	assert_int_equal(state_open(path_of(p, "below"), STR_NONE, &s, p->why),
			 VD_ESYS);
	assert_non_null(strstr(p->why, path_of(p, "below")));
}

static void the_directory_can_be_given_to_a_user(void **state)
{
	struct place *p = *state;
	struct state s;
	struct stat st;

	if (geteuid() != 0)
		skip();
	assert_int_equal(state_open(p->dir, STR_NONE, &s, p->why), 0);
	assert_int_equal(state_chown(p->dir, 12345, 12346), 0);
	assert_int_equal(stat(p->dir, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(stat(path_of(p, "secret"), &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(st.st_gid, 12346);
	assert_int_equal(stat(path_of(p, "lock"), &st), 0);
	assert_int_equal(st.st_uid, 12345);
	write_file(path_of(p, "viaduct.db"), "", 0);
	assert_int_equal(state_chown(p->dir, 12345, 12346), 0);
	assert_int_equal(stat(path_of(p, "viaduct.db"), &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(unlink(path_of(p, "secret")), 0);
	assert_int_equal(state_chown(p->dir, 0, 0), 0);
	state_close(&s);
	assert_int_equal(state_chown(path_of(p, "none"), 0, 0), VD_ESYS);
}

/* The directory is the user's, and the next start begins as root again. */
static void links_of_the_user_are_not_followed(void **state)
{
	static const char *const names[] = {"lock", "secret.new"};
	struct place *p = *state;
	char victim[128];
	struct state s;
	struct stat st;

	if (geteuid() != 0)
		skip();
	snprintf(victim, sizeof(victim), "%s/victim", p->base);
	write_file(victim, "x", 1);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(mkdir(p->dir, 0700) == 0 || i > 0, true);
		assert_int_equal(symlink(victim, path_of(p, names[i])), 0);
		assert_int_equal(state_open(p->dir, STR_NONE, &s, p->why),
				 VD_ESYS);
		assert_int_equal(unlink(path_of(p, names[i])), 0);
	}
	assert_int_equal(symlink(victim, path_of(p, "viaduct.db")), 0);
	assert_int_equal(state_chown(p->dir, 12345, 12346), 0);
	assert_int_equal(stat(victim, &st), 0);
	assert_int_equal(st.st_size, 1);
	assert_int_equal(st.st_uid, 0);
}

/* A link to what would do as one; a pipe that nobody writes to. */
static void a_secret_is_a_file(void **state)
{
	struct place *p = *state;
	char victim[128], bytes[32] = "";
	struct state s;

	snprintf(victim, sizeof(victim), "%s/victim", p->base);
	write_file(victim, bytes, sizeof(bytes));
	assert_int_equal(mkdir(p->dir, 0700), 0);
	assert_int_equal(symlink(victim, path_of(p, "secret")), 0);
	assert_int_equal(state_open(p->dir, STR_NONE, &s, p->why), VD_ESYS);
	assert_int_equal(unlink(path_of(p, "secret")), 0);
	assert_int_equal(mkfifo(path_of(p, "secret"), 0600), 0);
	assert_int_equal(state_open(p->dir, STR_NONE, &s, p->why), VD_ESYS);
}

#define PLACE_TEST(fn)                                                         \
	cmocka_unit_test_setup_teardown(fn, place_new, place_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(the_directory_and_its_files_are_private),
		PLACE_TEST(a_secret_is_made_once_and_kept),
		PLACE_TEST(every_directory_has_a_secret_of_its_own),
		PLACE_TEST(a_second_daemon_is_refused_until_the_first_ends),
		PLACE_TEST(a_given_secret_makes_the_key_and_no_file),
		PLACE_TEST(a_damaged_secret_is_refused_by_name),
		PLACE_TEST(a_secret_that_cannot_be_read_is_refused),
		PLACE_TEST(a_secret_that_cannot_be_written_is_refused),
		PLACE_TEST(a_place_that_is_no_directory_is_refused),
		PLACE_TEST(the_directory_can_be_given_to_a_user),
		PLACE_TEST(links_of_the_user_are_not_followed),
		PLACE_TEST(a_secret_is_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
