/* The n-th allocation fails, for every n: an error, no crash, no leak. */
#define NET "127.85.33."
#include "auth_test.h"
#include "util/fail_alloc.h"

const char *const bench_net = NET;

static void auth_is_made_or_not(void **state)
{
	unsigned n = 0;
	int err;

	(void)state;
	do {
		struct auth *a = NULL;

		fail_countdown = ++n;
		err = auth_new(auth_secret, &a);
		assert_true((err == 0) == (a != NULL));
		if (err == 0 && auth_digester(a) == NULL)
			err = VD_ENOMEM; /* this time; the next is served */
		fail_countdown = 0;
		if (a != NULL)
			assert_non_null(auth_digester(a));
		auth_free(a);
	} while (err != 0 || n < 4);
}

static void users_are_loaded_or_not(void **state)
{
	static const char text[] =
		"users: { bob: { password: x, aliases: [ a, b ] }, eve: { "
		"ha1_md5: 0123456789abcdef0123456789abcdef } }";
	struct auth_test t;
	unsigned n = 0;
	int err;

	(void)state;
	memset(&t, 0, sizeof(t));
	open_files(&t);
	write_file(&t, "u.yaml", text);
	do {
		struct users *u = NULL;
		const char *path = write_file(&t, "u.yaml", text);

		arena_fini(&t.arena);
		fail_countdown = ++n;
		err = load_file(&t, path, "r", &u);
		if (fail_countdown > 0)
			assert_int_equal(err, 0);
		fail_countdown = 0;
		assert_true((err == 0) == (u != NULL));
	} while (err != 0 || n < 4);
	close_files(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(auth_is_made_or_not),
		cmocka_unit_test(users_are_loaded_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
