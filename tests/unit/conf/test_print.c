#include "conf_test.h"

static void print_values(FILE *to, const void *arg)
{
	conf_print(sample_options, arg, to);
}

static void print_defaults(FILE *to, const void *arg)
{
	conf_print_defaults(arg, to);
}

static void print_str(FILE *to, const void *arg)
{
	conf_print_str(to, str_from(arg));
}

static const char rich[] =
	"server: { name: \"a: b\", workers: 3, secret: hunter2, drain: 90s }\n"
	"limits: { b: 1500ms, message_size: 1025, memory: 2GiB }\n"
	"listen: [ udp://h, { url: \"tls://[::1]:5061\", origins: [ 'a,b' ] } "
	"]\n"
	"families: []\n"
	"groups:\n"
	"  \"odd: name\":\n"
	"    members: [ { uri: \"sip:a;x=$${y}\" }, { uri: 'no', weight: 2 } "
	"]\n"
	"  plain: { probe: { on: true } }\n"
	"users: { bob: { password: p }, \"${X}\": { password: q } }\n"
	"headers: { X-A: \"1\", X-B: \"\\u2028\\t\\\"\\\\\" }\n";

static void what_is_printed_reads_the_same(void **state)
{
	struct bench *b = *state;
	char *first, *second;

	assert_int_equal(bench_fill(b, rich), 0);
	first = printed(print_values, &b->values);
	assert_int_equal(bench_fill(b, first), 0);
	assert_no_mistakes(b);
	second = printed(print_values, &b->values);
	assert_string_equal(first, second);
	assert_str(b->values.server.name, "a: b");
	assert_int_equal(b->values.limits.b_ms, 1500);
	assert_int_equal(b->values.limits.message_size, 1025);
	assert_int_equal(b->values.families.n, 0);
	assert_int_equal(b->values.groups.n, 2);
	assert_int_equal(b->values.users.n, 2);
	free(first);
	free(second);
}

static void the_printed_file_is_good_to_read(void **state)
{
	struct bench *b = *state;
	char *text;

	assert_int_equal(bench_fill(b, rich), 0);
	text = printed(print_values, &b->values);
	assert_string_equal(
		text, "server:\n"
		      "  name: \"a: b\"\n"
		      "  workers: 3\n"
		      "  state: /var/lib/viaduct\n"
		      "  secret: \"********\"\n"
		      "  drain: 90s\n"
		      "  record_route: true\n"
		      "  level: \"off\"\n"
		      "limits:\n"
		      "  t1: 500ms\n"
		      "  b: 1500ms\n"
		      "  vias: 70\n"
		      "  message_size: 1025\n"
		      "  memory: 2GiB\n"
		      "listen:\n"
		      "  - { url: \"udp://h\", tls: \"\", origins: [] }\n"
		      "  - { url: \"tls://[::1]:5061\", tls: \"\", origins: "
		      "[\"a,b\"] }\n"
		      "families: []\n"
		      "groups:\n"
		      "  \"odd: name\":\n"
		      "    policy: priority\n"
		      "    members:\n"
		      "      - uri: \"sip:a;x=$${y}\"\n"
		      "        priority: 1\n"
		      "        weight: 1\n"
		      "      - uri: \"no\"\n"
		      "        priority: 1\n"
		      "        weight: 2\n"
		      "    probe:\n"
		      "      interval: 10s\n"
		      "      on: false\n"
		      "  plain:\n"
		      "    policy: priority\n"
		      "    members: []\n"
		      "    probe:\n"
		      "      interval: 10s\n"
		      "      on: true\n"
		      "users:\n"
		      "  bob:\n"
		      "    password: \"********\"\n"
		      "    disabled: false\n"
		      "  \"${X}\":\n"
		      "    password: \"********\"\n"
		      "    disabled: false\n"
		      "headers:\n"
		      "  X-A: \"1\"\n"
		      "  X-B: \"\\u2028\\t\\\"\\\\\"\n");
	free(text);
}

static void secrets_are_never_printed(void **state)
{
	struct bench *b = *state;
	char *text;

	assert_int_equal(bench_fill(b, "server: { secret: hunter2 }\n"
				       "users: { a: { password: hunter3 } }\n"),
			 0);
	text = printed(print_values, &b->values);
	assert_null(strstr(text, "hunter"));
	free(text);
}

static void texts_are_quoted_when_yaml_would_read_them_otherwise(void **state)
{
	static const struct {
		const char *text, *yaml;
	} cases[] = {
		{"", "\"\""},
		{"plain-text.yaml", "plain-text.yaml"},
		{"/var/lib", "/var/lib"},
		{"true", "\"true\""},
		{"No", "\"No\""},
		{"null", "\"null\""},
		{"~", "\"~\""},
		{"12", "\"12\""},
		{"1e3", "\"1e3\""},
		{"0x1F", "\"0x1F\""},
		{"5s", "5s"},
		{"2001-01-01", "\"2001-01-01\""},
		{"12:30", "\"12:30\""},
		{".5", "\".5\""},
		{"-x", "\"-x\""},
		{"a b", "\"a b\""},
		{"a#b", "\"a#b\""},
		{"a,b", "\"a,b\""},
		{"<<", "\"<<\""},
		{"*.example.com", "\"*.example.com\""},
		{"$1", "\"$1\""},
		{"$$", "\"$$$\""},
		{"${A}", "\"$${A}\""},
		{"a\nb", "\"a\\nb\""},
		{"\x01\x7f", "\"\\x01\\x7F\""},
		{"\xc2\x85\xc3\xa4", "\"\\x85\xc3\xa4\""},
		{"\xef\xbf\xbf", "\"\\uFFFF\""},
		{"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
	};
	struct bench *b = *state;
	char line[128];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = printed(print_str, cases[i].text);

		assert_string_equal(text, cases[i].yaml);
		snprintf(line, sizeof(line), "[ %s ]", text);
		assert_int_equal(bench_parse(b, line), 0);
		assert_str(bench_root(b)->items[0]->text, cases[i].text);
		free(text);
	}
}

static void the_default_file_says_what_no_file_says(void **state)
{
	struct bench *b = *state;
	char *text, *from_nothing, *from_defaults;

	assert_int_equal(bench_fill(b, ""), 0);
	from_nothing = printed(print_values, &b->values);
	text = printed(print_defaults, sample_options);
	assert_int_equal(bench_fill(b, text), 0);
	assert_no_mistakes(b);
	from_defaults = printed(print_values, &b->values);
	assert_string_equal(from_nothing, from_defaults);
	free(from_nothing);
	free(from_defaults);
	free(text);
}

static void the_default_file_explains_each_key(void **state)
{
	char *text = printed(print_defaults, sample_user_options);

	(void)state;
	assert_string_equal(text,
			    "# In clear. Text, or password_file: a path.\n"
			    "#password: (required)\n"
			    "\n"
			    "# Not now. True or false.\n"
			    "disabled: false\n");
	free(text);
	text = printed(print_defaults, sample_options);
	assert_non_null(strstr(text, "  # RFC 3261's T1. 100ms to 1m.\n"
				     "  t1: 500ms\n"));
	assert_non_null(strstr(text,
			       "  # Timer B; default: 64 times t1. 1ms or "
			       "more.\n"
			       "  #b: (not set)\n"));
	assert_non_null(strstr(text, "groups: {}\n"
				     "#  NAME:\n"
				     "#    # Who is next. One of priority, "
				     "round_robin or hash.\n"
				     "#    policy: priority\n"
				     "#    # Its gateways.\n"
				     "#    members: []\n"
				     "#      # Where it is.\n"
				     "#      - uri: (required)\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(what_is_printed_reads_the_same),
		BENCH_TEST(the_printed_file_is_good_to_read),
		BENCH_TEST(secrets_are_never_printed),
		BENCH_TEST(
			texts_are_quoted_when_yaml_would_read_them_otherwise),
		BENCH_TEST(the_default_file_says_what_no_file_says),
		BENCH_TEST(the_default_file_explains_each_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
