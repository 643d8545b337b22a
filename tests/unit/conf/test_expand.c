#include "conf_test.h"

static void check(struct bench *b, const char *value, const char *expected)
{
	char text[256];

	snprintf(text, sizeof(text), "a: %s\n", value);
	assert_int_equal(bench_parse(b, text), 0);
	assert_no_mistakes(b);
	assert_str(conf_get(bench_root(b), "a")->text, expected);
}

static void names_are_replaced_by_the_environment(void **state)
{
	struct bench *b = *state;

	setenv("VD_TEST_A", "one", 1);
	setenv("VD_TEST_EMPTY", "", 1);
	unsetenv("VD_TEST_NONE");
	check(b, "${VD_TEST_A}", "one");
	check(b, "x${VD_TEST_A}y${VD_TEST_A}z", "xoneyonez");
	check(b, "'${VD_TEST_A}'", "one");
	check(b, "\"${VD_TEST_EMPTY}\"", "");
	check(b, "${VD_TEST_A:-two}", "one");
	check(b, "${VD_TEST_NONE:-two words}", "two words");
	check(b, "${VD_TEST_NONE:-}", "");
	check(b, "${VD_TEST_EMPTY:-two}", "two");
}

static void a_dollar_may_stand_for_itself(void **state)
{
	struct bench *b = *state;

	check(b, "$$", "$");
	check(b, "$${HOME}", "${HOME}");
	check(b, "$$$$", "$$");
	check(b, "^a$", "^a$");
	check(b, "$1-$2", "$1-$2");
}

static void keys_are_not_expanded(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_parse(b, "\"${X}\": 1\n"), 0);
	assert_no_mistakes(b);
	assert_non_null(conf_get(bench_root(b), "${X}"));
}

static void what_is_replaced_is_not_expanded_again(void **state)
{
	struct bench *b = *state;

	setenv("VD_TEST_A", "${VD_TEST_A}$$", 1);
	check(b, "${VD_TEST_A}", "${VD_TEST_A}$$");
}

static void wrong_names_are_mistakes_all_told_at_once(void **state)
{
	struct bench *b = *state;

	unsetenv("VD_TEST_NONE");
	setenv("VD_TEST_LATIN", "\xe4", 1);
	assert_int_equal(bench_parse(b, "a: ${VD_TEST_NONE}\n"
					"b: [ x, '${1A}' ]\n"
					"c: ${A\n"
					"d: ${A:x}\n"
					"e: ${VD_TEST_LATIN}\n"
					"f: ${}\n"),
			 0);
	assert_mistakes(
		b,
		"t.yaml:1:4: a: ${VD_TEST_NONE} is not set; set it in the "
		"environment, or give a default as in ${NAME:-default}",
		"t.yaml:2:9: b[1]: ${1A} is not a name; ${NAME}, "
		"${NAME:-default}, or $$ for a dollar",
		"t.yaml:3:4: c: \"${\" has no \"}\"; ${NAME}, "
		"${NAME:-default}, or $$ for a dollar",
		"t.yaml:4:4: d: ${A:x} is not a name; ${NAME}, "
		"${NAME:-default}, or $$ for a dollar",
		"t.yaml:5:4: e: ${VD_TEST_LATIN} is not UTF-8 text; printable "
		"characters only",
		"t.yaml:6:4: f: ${\"\"} is not a name; ${NAME}, "
		"${NAME:-default}, or $$ for a dollar");
	assert_true(conf_get(bench_root(b), "a")->is_bad);
}

static void an_expanded_text_in_quotes_may_be_a_number(void **state)
{
	struct bench *b = *state;

	setenv("VD_TEST_N", "12", 1);
	assert_int_equal(bench_fill(b, "limits: { vias: \"${VD_TEST_N}\" }"),
			 0);
	assert_int_equal(b->values.limits.vias, 12);
	assert_int_equal(bench_fill(b, "limits: { vias: \"12\" }"), VD_EINVAL);
	assert_mistakes(b, "t.yaml:1:17: limits.vias: 12 in quotes is text; "
			   "1 to 1000");
}

static void the_length_is_bounded(void **state)
{
	struct bench *b = *state;
	char *big = malloc(40001);

	assert_non_null(big);
	memset(big, 'x', 40000);
	big[40000] = '\0';
	setenv("VD_TEST_BIG", big, 1);
	assert_int_equal(bench_parse(b, "a: ${VD_TEST_BIG}\n"), 0);
	assert_no_mistakes(b);
	assert_int_equal(bench_parse(b, "a: ${VD_TEST_BIG}${VD_TEST_BIG}\n"),
			 0);
	assert_mistakes(b, "t.yaml:1:4: a: the text is 80000 bytes long; at "
			   "most 65536");
	unsetenv("VD_TEST_BIG");
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(names_are_replaced_by_the_environment),
		BENCH_TEST(a_dollar_may_stand_for_itself),
		BENCH_TEST(keys_are_not_expanded),
		BENCH_TEST(what_is_replaced_is_not_expanded_again),
		BENCH_TEST(wrong_names_are_mistakes_all_told_at_once),
		BENCH_TEST(an_expanded_text_in_quotes_may_be_a_number),
		BENCH_TEST(the_length_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
