/* The users file, and the options. */
#define NET "127.85.31."
#include "auth_test.h"
#include "viaduct/auth/conf.h"

const char *const bench_net = NET;

static int setup(void **state)
{
	struct auth_test *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	open_files(t);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	close_files(*state);
	free(*state);
	return 0;
}

#define FILE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static void password_becomes_both_ha1(void **state)
{
	struct users *u = load_users(*state, "biloxi.com",
				     "users: { bob: { password: zanzibar } }");
	const struct user *bob = users_find(u, STR("bob"));

	assert_non_null(bob);
	assert_str(bob->ha1[AUTH_MD5],
		   hash(AUTH_MD5, "bob:biloxi.com:zanzibar"));
	assert_str(bob->ha1[AUTH_SHA256],
		   hash(AUTH_SHA256, "bob:biloxi.com:zanzibar"));
	assert_int_equal(users_count(u), 1);
}

static void given_ha1_counts_in_lower_case_and_alone(void **state)
{
	struct users *u = load_users(*state, "r",
				     "users: { bob: { ha1_md5: "
				     "ABCDEF0123456789abcdef0123456789 } }");
	const struct user *bob = users_find(u, STR("bob"));

	assert_str(bob->ha1[AUTH_MD5], "abcdef0123456789abcdef0123456789");
	assert_int_equal(bob->ha1[AUTH_SHA256].len, 0);
}

static void secret_may_lie_in_a_file(void **state)
{
	struct auth_test *t = *state;
	struct users *u;

	write_file(t, "bob.secret", "zanzibar\n");
	u = load_users(t, "r", "users: { bob: { password_file: bob.secret } }");
	assert_str(users_find(u, STR("bob"))->ha1[AUTH_MD5],
		   hash(AUTH_MD5, "bob:r:zanzibar"));
}

static void users_are_found_by_name_and_alias_unescaped(void **state)
{
	struct users *u = load_users(
		*state, "r",
		"users: { \"b%6fb\": { password: x, aliases: [ \"+1555\", "
		"\"r%6Fbert\" ] }, eve: { password: x, disabled: true } }");
	const struct user *bob = users_find(u, STR("bob"));

	assert_non_null(bob);
	assert_str(bob->name, "bob");
	assert_str(bob->login, "b%6fb");
	assert_ptr_equal(users_find(u, STR("%62ob")), bob);
	assert_ptr_equal(users_find(u, STR("+1555")), bob);
	assert_ptr_equal(users_find(u, STR("robert")), bob);
	assert_null(users_find(u, STR("BOB")));
	assert_null(users_find(u, STR("eve")));
	assert_null(users_find(u, STR("")));
	assert_null(users_find(NULL, STR("bob")));
	assert_int_equal(users_count(u), 2);
	assert_int_equal(users_count(NULL), 0);
}

/* RFC 3261 section 10.3 step 5: a URI has them as escapes. */
static void a_name_may_have_characters_that_a_uri_escapes(void **state)
{
	struct users *u =
		load_users(*state, "r",
			   "users: { \"m\xc3\xbcller\": { password: x, "
			   "aliases: [ \"#7\" ] } }");
	const struct user *miller = users_find(u, STR("m%c3%BCller"));

	assert_non_null(miller);
	assert_str(miller->name, "m%C3%BCller");
	assert_str(miller->login, "m\xc3\xbcller");
	assert_ptr_equal(users_find(u, miller->login), miller);
	assert_ptr_equal(users_find(u, STR("%237")), miller);
}

static void assert_mistake(struct auth_test *t, const char *text,
			   const char *want)
{
	struct users *u = NULL;
	const char *path = write_file(t, "bad.yaml", text);

	conf_errors_free(t->errors);
	assert_int_equal(conf_errors_new(&t->errors), 0);
	assert_int_equal(load_file(t, path, "r", &u), VD_EINVAL);
	assert_null(u);
	assert_int_equal(conf_errors_count(t->errors), 1);
	assert_string_equal(conf_errors_text(t->errors, 0) + strlen(path),
			    want);
}

static void mistakes_have_their_place(void **state)
{
	assert_mistake(*state, "users:\n  bob: { disabled: true }\n",
		       ":2:8: users.bob: has no secret; password, ha1_md5 or "
		       "ha1_sha256");
	assert_mistake(*state, "users:\n  bob: { ha1_md5: abc }\n",
		       ":2:19: users.bob.ha1_md5: is no HA1; 32 hexadecimal "
		       "digits");
	assert_mistake(*state,
		       "users:\n  bob:\n    ha1_sha256: "
		       "x123456789abcdef0123456789abcdef0123456789abcdef012345"
		       "6789abcdef\n",
		       ":3:17: users.bob.ha1_sha256: is no HA1; 64 "
		       "hexadecimal digits");
	assert_mistake(*state,
		       "users:\n  bob: { password: x, aliases: [ al, bo ] }\n"
		       "  eve: { password: x, aliases: al }\n",
		       ":3:32: users.eve: \"al\" is bob already");
	assert_mistake(*state,
		       "users:\n  bob: { password: x }\n"
		       "  eve: { password: x, aliases: bob }\n",
		       ":3:32: users.eve: \"bob\" is bob already");
	assert_mistake(*state,
		       "users:\n  bob: { password: x }\n"
		       "  b%6fb: { password: x }\n",
		       ":3:10: users.b%6fb: \"bob\" is bob already");
	assert_mistake(*state, "users:\n  \"a:b\": { password: x }\n",
		       ":2:10: users.a:b: is no user name; 1 to 256 "
		       "characters without a colon");
	assert_mistake(*state,
		       "users:\n  bob: { password: x, aliases: [ \"\" ] }\n",
		       ":2:34: users.bob.aliases[0]: is empty; a user part");
	assert_mistake(*state, "users:\n  bob: { pasword: x, password: y }\n",
		       ":2:10: users.bob.pasword: unknown key; password, "
		       "ha1_md5, ha1_sha256, aliases or disabled (did you mean "
		       "\"password\")");
}

static void a_missing_file_is_a_mistake(void **state)
{
	struct auth_test *t = *state;
	struct users *u = NULL;

	assert_int_equal(load_file(t, "/nowhere/users.yaml", "r", &u),
			 VD_EINVAL);
	assert_int_equal(conf_errors_count(t->errors), 1);
	assert_null(u);
}

/* The time is printed; a machine that is busy proves nothing. */
static void a_hundred_thousand_users_load(void **state)
{
	enum { N = 100000 };
	struct auth_test *t = *state;
	size_t size = N * 64 + 16, len;
	char *text = malloc(size);
	uint64_t start_ms;
	struct users *u;

	assert_non_null(text);
	len = (size_t)sprintf(text, "users:\n");
	for (unsigned i = 0; i < N; i++)
		len += (size_t)sprintf(
			text + len, "  user%u: { password: secret%u }\n", i, i);
	start_ms = bench_now_ms();
	u = load_users(t, "biloxi.test", text);
	print_message("100,000 users: %llu ms\n",
		      (unsigned long long)(bench_now_ms() - start_ms));
	free(text);
	assert_int_equal(users_count(u), N);
	assert_str(users_find(u, STR("user99999"))->ha1[AUTH_MD5],
		   hash(AUTH_MD5, "user99999:biloxi.test:secret99999"));
}

/* The section -------------------------------------------------------------- */

static int fill_auth(struct auth_test *t, const char *text,
		     struct auth_conf *out)
{
	struct auth_section s = {.nonce_lifetime = 0};
	struct conf_tree *tree;
	int err;

	memset(out, 0, sizeof(*out));
	assert_int_equal(
		conf_tree_parse(str_from(text), "t.yaml", t->errors, &tree), 0);
	err = conf_fill(auth_options, conf_tree_root(tree), "auth", &t->arena,
			t->errors, &s);
	auth_conf_from(&s, out);
	conf_tree_free(tree);
	return err;
}

static void algorithms_stand_in_their_order(void **state)
{
	struct auth_conf c;

	assert_int_equal(fill_auth(*state, "{}", &c), 0);
	assert_int_equal(c.n_algorithms, 2);
	assert_int_equal(c.algorithms[0], AUTH_SHA256);
	assert_int_equal(c.algorithms[1], AUTH_MD5);
	assert_int_equal(c.nonce_lifetime, 300000);
	assert_int_equal(fill_auth(*state, "algorithms: [ MD5, SHA-256 ]", &c),
			 0);
	assert_int_equal(c.algorithms[0], AUTH_MD5);
	assert_int_equal(fill_auth(*state, "algorithms: MD5", &c), 0);
	assert_int_equal(c.n_algorithms, 1);
	assert_int_equal(fill_auth(*state, "algorithms: []", &c), VD_EINVAL);
	assert_int_equal(fill_auth(*state, "algorithms: [ MD5, MD5 ]", &c),
			 VD_EINVAL);
	assert_int_equal(fill_auth(*state, "algorithms: SHA-1", &c), VD_EINVAL);
}

static void algorithms_are_printed_as_they_are_read(void **state)
{
	struct auth_section s = {.algorithms = {{AUTH_MD5}, 1},
				 .nonce_lifetime = 5000};
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	(void)state;
	conf_print(auth_options, &s, to);
	fclose(to);
	assert_non_null(strstr(text, "algorithms: [ MD5 ]"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(password_becomes_both_ha1),
		FILE_TEST(given_ha1_counts_in_lower_case_and_alone),
		FILE_TEST(secret_may_lie_in_a_file),
		FILE_TEST(users_are_found_by_name_and_alias_unescaped),
		FILE_TEST(a_name_may_have_characters_that_a_uri_escapes),
		FILE_TEST(mistakes_have_their_place),
		FILE_TEST(a_missing_file_is_a_mistake),
		FILE_TEST(a_hundred_thousand_users_load),
		FILE_TEST(algorithms_stand_in_their_order),
		FILE_TEST(algorithms_are_printed_as_they_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
