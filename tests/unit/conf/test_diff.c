#include "conf_test.h"

static void note(void *arg, const char *path)
{
	char *text = arg;

	strcat(text, path);
	strcat(text, "\n");
}

/* The options that differ and need a restart, a line each. */
static void check(struct bench *b, const char *before, const char *after,
		  const char *expected)
{
	struct sample old;
	char text[256] = "";

	assert_int_equal(bench_fill(b, before), 0);
	old = b->values;
	assert_int_equal(bench_fill(b, after), 0);
	conf_diff_restart(sample_options, &old, &b->values, note, text);
	assert_string_equal(text, expected);
}

static void what_needs_a_restart_is_named(void **state)
{
	struct bench *b = *state;

	check(b, "", "server: { workers: 2, state: /x }",
	      "server.workers\nserver.state\n");
	check(b, "listen: a", "listen: [ a, b ]", "listen\n");
	check(b, "listen: [ { url: a, origins: b } ]", "listen: [ { url: a } ]",
	      "listen\n");
}

static void other_changes_are_not_named(void **state)
{
	struct bench *b = *state;

	check(b, "", "server: { name: x, secret: y }\nfamilies: z", "");
	check(b, "listen: [ a ]", "listen: a", "");
	check(b, "server: { state: /a }", "server: { state: \"/a\" }", "");
}

static void entries_of_maps_are_compared_by_their_key(void **state)
{
	struct bench *b = *state;

	check(b, "groups: { a: {}, b: { probe: { on: true } } }",
	      "groups: { b: { probe: { on: true } }, a: {} }", "");
	check(b, "groups: { a: {}, b: { probe: { on: true } } }",
	      "groups: { b: {}, c: { probe: { on: true } } }",
	      "groups.b.probe.on\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(what_needs_a_restart_is_named),
		BENCH_TEST(other_changes_are_not_named),
		BENCH_TEST(entries_of_maps_are_compared_by_their_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
