#include "conf_test.h"

static void nothing_written_gives_the_defaults(void **state)
{
	struct bench *b = *state;
	const struct sample *v = &b->values;
	const struct sample_listen *l;
	const struct str *families;

	assert_int_equal(bench_fill(b, ""), 0);
	assert_no_mistakes(b);
	assert_str(v->server.name, "");
	assert_str(v->server.state, "/var/lib/viaduct");
	assert_int_equal(v->server.workers, 0);
	assert_int_equal(v->server.drain_ms, 30000);
	assert_true(v->server.record_route);
	assert_int_equal(v->server.level, 0);
	assert_int_equal(v->limits.t1_ms, 500);
	assert_int_equal(v->limits.b_ms, 0);
	assert_int_equal(v->limits.vias, 70);
	assert_int_equal(v->limits.message_size, 65536);
	assert_int_equal(v->listen.n, 1);
	l = v->listen.v;
	assert_str(l[0].url, "udp://127.0.0.1:5060");
	assert_int_equal(v->families.n, 2);
	families = v->families.v;
	assert_str(families[1], "ipv4");
	assert_int_equal(v->groups.n, 0);
	assert_null(v->groups.v);
}

static void no_map_gives_the_defaults_too(void **state)
{
	struct bench *b = *state;

	assert_int_equal(conf_fill(sample_options, NULL, NULL, &b->arena,
				   b->errors, &b->values),
			 0);
	assert_int_equal(b->values.limits.vias, 70);
}

static void values_of_every_type_are_read(void **state)
{
	struct bench *b = *state;
	const struct sample *v = &b->values;
	const struct sample_listen *l;
	const struct sample_group *g;
	const struct sample_member *m;
	const struct str *pair;

	assert_int_equal(
		bench_fill(b, "server: { name: 12, workers: 3, state: /s, "
			      "secret: 007, drain: 2m, record_route: false, "
			      "level: headers }\n"
			      "limits: { t1: 1s, b: 1h, vias: 1, "
			      "message_size: 4MiB, memory: 1000 }\n"
			      "listen:\n"
			      "  - udp://[::1]:5060\n"
			      "  - { url: tls://h, tls: x, origins: y }\n"
			      "groups:\n"
			      "  pstn:\n"
			      "    policy: hash\n"
			      "    members:\n"
			      "      - uri: sip:a\n"
			      "      - { uri: sip:b, weight: 5 }\n"
			      "    probe: { on: true }\n"
			      "  none:\n"
			      "headers: { X-A: 1, X-B: two }\n"),
		0);
	assert_no_mistakes(b);
	assert_str(v->server.name, "12");
	assert_int_equal(v->server.workers, 3);
	assert_str(v->server.state, "/s");
	assert_str(v->server.secret, "007");
	assert_int_equal(v->server.drain_ms, 120000);
	assert_false(v->server.record_route);
	assert_int_equal(v->server.level, 2);
	assert_int_equal(v->limits.b_ms, 3600000);
	assert_int_equal(v->limits.message_size, 4 << 20);
	assert_int_equal(v->limits.memory, 1000);
	l = v->listen.v;
	assert_int_equal(v->listen.n, 2);
	assert_str(l[0].url, "udp://[::1]:5060");
	assert_str(l[1].tls, "x");
	assert_int_equal(l[1].origins.n, 1);
	g = v->groups.v;
	assert_int_equal(v->groups.n, 2);
	assert_str(g[0].name, "pstn");
	assert_int_equal(g[0].policy, 2);
	assert_true(g[0].probe.is_on);
	m = g[0].members.v;
	assert_int_equal(g[0].members.n, 2);
	assert_int_equal(m[0].weight, 1);
	assert_int_equal(m[1].weight, 5);
	assert_str(g[1].name, "none");
	assert_int_equal(g[1].probe.interval_ms, 10000);
	pair = v->headers.v;
	assert_str(pair[2], "X-B");
	assert_str(pair[3], "two");
}

static void texts_outlive_the_tree_and_end_in_nul(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_fill(b, "server: { name: abc }"), 0);
	conf_tree_free(b->tree);
	b->tree = NULL;
	assert_string_equal(b->values.server.name.p, "abc");
}

static void a_list_may_be_written_as_one_scalar(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_fill(b, "families: ipv4\nlisten: udp://h\n"), 0);
	assert_int_equal(b->values.families.n, 1);
	assert_str(((struct str *)b->values.families.v)[0], "ipv4");
	assert_int_equal(b->values.listen.n, 1);
	assert_int_equal(bench_fill(b, "families:\n"), 0);
	assert_int_equal(b->values.families.n, 0);
	assert_int_equal(bench_fill(b, "families: { a: b }\n"), VD_EINVAL);
	assert_mistakes(b, "t.yaml:1:11: families: is a map; a list");
}

static void unknown_keys_come_with_a_suggestion(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_fill(b, "server: { nmae: x }\nlimit: {}\n"
				       "groups: { g: { qqqqqq: 1 } }\n"
				       "users: { bob: { password: x, "
				       "pasword_file: y } }\n"),
			 VD_EINVAL);
	assert_mistakes(
		b,
		"t.yaml:2:1: limit: unknown key; server, limits, listen, "
		"families, groups, users or headers (did you mean \"limits\")",
		"t.yaml:1:11: server.nmae: unknown key; name, workers, state, "
		"secret, drain, record_route or level (did you mean \"name\")",
		"t.yaml:3:16: groups.g.qqqqqq: unknown key; policy, members "
		"or probe",
		"t.yaml:4:30: users.bob.pasword_file: unknown key; password "
		"or disabled (did you mean \"password_file\")");
}

static void several_mistakes_are_told_in_one_run(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_fill(b, "server:\n"
				       "  record_route: yes\n"
				       "  level: fulll\n"
				       "  drain: 2h\n"
				       "  name: [ a ]\n"
				       "limits:\n"
				       "  t1: 5\n"
				       "  vias: 0\n"
				       "  message_size: 64KB\n"
				       "  memory: -1\n"
				       "groups:\n"
				       "  pstn:\n"
				       "    members:\n"
				       "      - uri: sip:a\n"
				       "        weight: 1.5\n"
				       "      - priority: 2\n"
				       "      - sip:b\n"),
			 VD_EINVAL);
	assert_mistakes(
		b, "t.yaml:5:9: server.name: is a list; text",
		"t.yaml:4:10: server.drain: 2h is out of range; 0 to 1h",
		"t.yaml:2:17: server.record_route: yes is neither true nor "
		"false; true or false (did you mean \"true\")",
		"t.yaml:3:10: server.level: fulll is not known; off, summary, "
		"headers or full (did you mean \"full\")",
		"t.yaml:7:7: limits.t1: 5 has no unit; a duration such as "
		"500ms",
		"t.yaml:8:9: limits.vias: 0 is out of range; 1 to 1000",
		"t.yaml:9:17: limits.message_size: 64KB has no unit that is "
		"known; bytes, or a size such as 64KiB, 4MiB or 1GiB (did you "
		"mean \"KiB\")",
		"t.yaml:10:11: limits.memory: -1 is not a size; a size such "
		"as 64KiB",
		"t.yaml:15:17: groups.pstn.members[0].weight: 1.5 has no unit "
		"that is known; a whole number without a unit",
		"t.yaml:16:9: groups.pstn.members[1].uri: is missing; text",
		"t.yaml:17:9: groups.pstn.members[2]: is text; a map");
}

static void only_true_and_false_are_booleans(void **state)
{
	static const char *const words[] = {"yes", "no",    "on",       "off",
					    "y",   "True",  "FALSE",    "1",
					    "0",   "maybe", "\"true\"", ""};
	struct bench *b = *state;
	char text[64];

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		snprintf(text, sizeof(text), "server: { record_route: %s }",
			 words[i]);
		assert_int_equal(bench_fill(b, text), VD_EINVAL);
		assert_int_equal(conf_errors_count(b->errors), 1);
	}
	assert_int_equal(bench_fill(b, "server: { record_route: \"off\" }"),
			 VD_EINVAL);
	assert_mistakes(b, "t.yaml:1:25: server.record_route: off in quotes "
			   "is text; true or false (did you mean \"false\")");
}

static void durations_and_sizes_take_whole_numbers_of_one_unit(void **state)
{
	static const struct {
		const char *text;
		int64_t value; /* -1: a mistake */
	} cases[] = {
		{"t: 100ms", 100},
		{"t: 5s", 5000},
		{"t: 1m", 60000},
		{"t: 61s", -1},
		{"t: 0", -1},
		{"t: 99ms", -1},
		{"t: 1.5s", -1},
		{"t: 1m30s", -1},
		{"t: 5 s", -1},
		{"t: 5S", -1},
		{"t: 010s", -1},
		{"t: s", -1},
		{"t: \"5s\"", 5000},
		{"t: 99999999999999999999s", -1},
		{"t: 999999999999999999d", -1},
		{"s: 1024", 1024},
		{"s: 1KiB", 1024},
		{"s: 1GiB", 1 << 30},
		{"s: 2GiB", -1},
		{"s: 1023", -1},
		{"s: 4M", -1},
		{"s: \"2048\"", -1},
		{"s: 0x800", -1},
	};
	struct bench *b = *state;
	char text[64];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool is_size = cases[i].text[0] == 's';

		snprintf(text, sizeof(text), "limits: { %s%s }",
			 is_size ? "message_size" : "t1", cases[i].text + 1);
		assert_int_equal(bench_fill(b, text),
				 cases[i].value < 0 ? VD_EINVAL : 0);
		if (cases[i].value >= 0)
			assert_int_equal(
				is_size ? (int64_t)b->values.limits.message_size
					: b->values.limits.t1_ms,
				cases[i].value);
	}
}

static void a_section_must_be_a_map_or_empty(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_fill(b, "server:\nlimits: 5\ngroups: [ a ]\n"),
			 VD_EINVAL);
	assert_mistakes(b, "t.yaml:2:9: limits: is text; a map",
			"t.yaml:3:9: groups: is a list; a map");
	assert_int_equal(bench_fill(b, "[ a ]\n"), VD_EINVAL);
	assert_mistakes(b, "t.yaml:1:1: is a list; a map");
}

static void a_secret_may_be_given_in_a_file(void **state)
{
	struct bench *b = *state;
	const struct sample_user *u;
	char text[512];

	bench_file(b, "pw", "s3cret\n");
	bench_file(b, "crlf", "two words\r\n");
	snprintf(text, sizeof(text),
		 "users: { a: { password_file: %s/pw }, "
		 "b: { password_file: %s/crlf } }",
		 b->dir, b->dir);
	assert_int_equal(bench_fill(b, text), 0);
	u = b->values.users.v;
	assert_str(u[0].password, "s3cret");
	assert_str(u[1].password, "two words");
}

static void a_secret_file_is_relative_to_the_file_that_names_it(void **state)
{
	struct bench *b = *state;
	const char *path;

	bench_file(b, "pw", "x");
	path = bench_file(b, "v.yaml",
			  "server: { secret_file: pw, state: st }");
	bench_reset(b);
	assert_int_equal(conf_tree_load(path, b->errors, &b->tree), 0);
	assert_int_equal(conf_fill(sample_options, bench_root(b), NULL,
				   &b->arena, b->errors, &b->values),
			 0);
	assert_str(b->values.server.secret, "x");
	assert_int_equal(b->values.server.state.len, strlen(b->dir) + 3);
	assert_memory_equal(b->values.server.state.p, b->dir, strlen(b->dir));
}

static void a_secret_that_cannot_be_had_is_a_mistake(void **state)
{
	struct bench *b = *state;
	char text[512];

	bench_file(b, "empty", "\n");
	snprintf(text, sizeof(text),
		 "users:\n"
		 "  a: {}\n"
		 "  b: { password_file: /nonexistent/x }\n"
		 "  c: { password_file: %s/empty }\n"
		 "  d: { password_file: %s }\n"
		 "  e: { password: x, password_file: /nonexistent/y }\n"
		 "  f: { password_file: }\n",
		 b->dir, b->dir);
	assert_int_equal(bench_fill(b, text), VD_EINVAL);
	assert_mistakes(
		b, "t.yaml:2:6: users.a.password: is missing; text",
		"t.yaml:3:23: users.b.password_file: /nonexistent/x: No such "
		"file or directory",
		"t.yaml:4:23: users.c.password_file: DIR/empty: is empty",
		"t.yaml:5:23: users.d.password_file: DIR: is a directory; a "
		"file is needed",
		"t.yaml:6:36: users.e.password_file: is given together with "
		"password; one of them",
		"t.yaml:6:36: users.e.password_file: /nonexistent/y: No such "
		"file or directory",
		"t.yaml:7:23: users.f.password_file: is empty; a path");
}

static void a_secret_of_the_wrong_kind_is_not_shown(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_fill(b, "server: { secret: [ hunter2 ] }"),
			 VD_EINVAL);
	assert_mistakes(b, "t.yaml:1:19: server.secret: is a list; text");
}

static void a_bad_value_is_reported_once_and_fails_the_run(void **state)
{
	struct bench *b = *state;

	unsetenv("VD_TEST_NONE");
	assert_int_equal(bench_fill(b, "limits: { t1: \"${VD_TEST_NONE}\" }\n"
				       "families: [ a, *b ]\n"),
			 VD_EINVAL);
	assert_int_equal(conf_errors_count(b->errors), 2);
}

static void a_custom_value_reports_below_its_own_key(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_fill(b, "server: { workers: 65 }\n"
				       "listen: [ a, { ulr: b } ]\n"),
			 VD_EINVAL);
	assert_mistakes(b,
			"t.yaml:1:20: server.workers: 65 is out of range; 1 "
			"to 64",
			"t.yaml:2:16: listen[1].ulr: unknown key; url, tls or "
			"origins (did you mean \"url\")",
			"t.yaml:2:14: listen[1].url: is missing; text");
}

static void long_and_odd_values_are_shown_short(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_fill(b,
				    "server: { level: \"a\\n"
				    "0123456789012345678901234567890123456789"
				    "01234567890123456789\" }"),
			 VD_EINVAL);
	assert_mistakes(b, "t.yaml:1:18: server.level: a\\x0a"
			   "0123456789012345678901234567890123456789"
			   "012345678901234567... is not known; off, summary, "
			   "headers or full");
}

static void a_path_to_the_map_leads_the_messages(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_parse(b, "t1: 1\n"), 0);
	assert_int_equal(conf_fill(sample_limits_options, bench_root(b),
				   "users.limits", &b->arena, b->errors,
				   &b->values.limits),
			 VD_EINVAL);
	assert_mistakes(b, "t.yaml:1:5: users.limits.t1: 1 has no unit; a "
			   "duration such as 500ms");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(nothing_written_gives_the_defaults),
		BENCH_TEST(no_map_gives_the_defaults_too),
		BENCH_TEST(values_of_every_type_are_read),
		BENCH_TEST(texts_outlive_the_tree_and_end_in_nul),
		BENCH_TEST(a_list_may_be_written_as_one_scalar),
		BENCH_TEST(unknown_keys_come_with_a_suggestion),
		BENCH_TEST(several_mistakes_are_told_in_one_run),
		BENCH_TEST(only_true_and_false_are_booleans),
		BENCH_TEST(durations_and_sizes_take_whole_numbers_of_one_unit),
		BENCH_TEST(a_section_must_be_a_map_or_empty),
		BENCH_TEST(a_secret_may_be_given_in_a_file),
		BENCH_TEST(a_secret_file_is_relative_to_the_file_that_names_it),
		BENCH_TEST(a_secret_that_cannot_be_had_is_a_mistake),
		BENCH_TEST(a_secret_of_the_wrong_kind_is_not_shown),
		BENCH_TEST(a_bad_value_is_reported_once_and_fails_the_run),
		BENCH_TEST(a_custom_value_reports_below_its_own_key),
		BENCH_TEST(long_and_odd_values_are_shown_short),
		BENCH_TEST(a_path_to_the_map_leads_the_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
