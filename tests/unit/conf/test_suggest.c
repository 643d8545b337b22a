#include "conf_test.h"

#include "conf/conf_priv.h"

static const char *const words[] = {
	"timers",  "t1", "t2", "connections_per_source",
	"policy",  "b",  "on", "off",
	"SHA-256", NULL};

static void check(const char *word, const char *expected)
{
	const char *got = conf_nearest(str_from(word), words);

	if (expected == NULL)
		assert_null(got);
	else
		assert_string_equal(got, expected);
}

static void the_nearest_word_is_suggested(void **state)
{
	(void)state;
	check("timer", "timers");
	check("tmiers", "timers");
	check("Timers", "timers");
	check("t11", "t1");
	check("polcy", "policy");
	check("polizei", NULL);
	check("sha256", "SHA-256");
}

static void a_third_of_a_long_word_may_be_wrong(void **state)
{
	(void)state;
	check("connection_per_src", "connections_per_source");
	check("conections_pr_sourc", "connections_per_source");
	check("max_connections", NULL);
}

static void a_word_that_is_all_wrong_is_not_suggested(void **state)
{
	(void)state;
	check("x", NULL);
	check("zz", NULL);
	check("", NULL);
	check("oof", "off");
}

static void words_of_any_length_are_safe(void **state)
{
	char word[65];

	(void)state;
	memset(word, 'x', sizeof(word));
	assert_null(conf_nearest((struct str){word, 65}, words));
	assert_null(conf_nearest((struct str){word, 64}, words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_word_is_suggested),
		cmocka_unit_test(a_third_of_a_long_word_may_be_wrong),
		cmocka_unit_test(a_word_that_is_all_wrong_is_not_suggested),
		cmocka_unit_test(words_of_any_length_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
