#include "conf_test.h"

static const struct conf_node *get(const struct bench *b, const char *key)
{
	const struct conf_node *n = conf_get(bench_root(b), key);

	assert_non_null(n);
	return n;
}

static void every_node_knows_its_place(void **state)
{
	struct bench *b = *state;
	const struct conf_node *n;

	assert_int_equal(bench_parse(b, "a: 1\nb:\n  - x\n  - c: 'y'\n"), 0);
	assert_string_equal(get(b, "a")->place.file, "t.yaml");
	assert_int_equal(get(b, "a")->place.line, 1);
	assert_int_equal(get(b, "a")->place.column, 4);
	n = get(b, "b");
	assert_int_equal(n->kind, CONF_LIST);
	assert_int_equal(n->n, 2);
	assert_int_equal(n->items[1]->kind, CONF_MAP);
	n = conf_get(n->items[1], "c");
	assert_int_equal(n->place.line, 4);
	assert_int_equal(n->place.column, 8);
	assert_true(n->is_quoted);
	assert_str(n->text, "y");
	assert_no_mistakes(b);
}

static void an_empty_document_is_an_empty_map(void **state)
{
	static const char *const texts[] = {
		"", "\n", "# no more\n", "---\n", "---\n...\n", "\xef\xbb\xbf"};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(bench_parse(b, texts[i]), 0);
		assert_int_equal(bench_root(b)->kind, CONF_MAP);
		assert_int_equal(bench_root(b)->n, 0);
		assert_no_mistakes(b);
	}
}

static void a_key_written_twice_is_a_mistake_that_names_both(void **state)
{
	struct bench *b = *state;

	assert_int_equal(
		bench_parse(b,
			    "a:\n  x: 1\n  y: 2\n  x: 3\nb: 1\nb: 2\nb: 3\n"),
		0);
	assert_mistakes(
		b,
		"t.yaml:4:3: a.x: is written twice; first at line 2, column 3",
		"t.yaml:6:1: b: is written twice; first at line 5, column 1",
		"t.yaml:7:1: b: is written twice; first at line 5, column 1");
}

static void keys_that_differ_are_not_twice(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_parse(b, "{ab: 1, a: 2, b: 3, abc: 4, A: 5}"),
			 0);
	assert_no_mistakes(b);
	assert_int_equal(bench_root(b)->n, 5);
}

static void a_syntax_error_has_its_place(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_parse(b, "a: 1\nb: c: d\n"), VD_EINVAL);
	assert_mistakes(
		b,
		"t.yaml:2:5: mapping values are not allowed in this context");
	assert_int_equal(bench_parse(b, "a: [1, 2\nb: 3\n"), VD_EINVAL);
	assert_mistakes(b,
			"t.yaml:2:2: did not find expected ',' or ']', while "
			"parsing a flow sequence that began at line 1, column "
			"4");
	assert_null(b->tree);
}

static void a_tab_as_indentation_is_named(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_parse(b, "a:\n\tb: 1\n"), VD_EINVAL);
	assert_mistakes(b, "t.yaml:2:1: a tab cannot indent YAML; use spaces");
}

static void bytes_that_are_not_utf8_are_named(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_parse(b, "a: \xc3\xa4\nb: \xe4\n"), VD_EINVAL);
	assert_mistakes(b, "t.yaml:2:4: byte 0xe4 is not UTF-8; save the file "
			   "as UTF-8");
	assert_int_equal(bench_parse(b, "\xff\xfe"
					"a"),
			 VD_EINVAL);
	assert_mistakes(b, "t.yaml:1:1: byte 0xff is not UTF-8; save the file "
			   "as UTF-8");
	/* Overlong, surrogate, beyond Unicode, cut off. */
	assert_int_equal(bench_parse(b, "\xc0\x80"), VD_EINVAL);
	assert_int_equal(bench_parse(b, "\xed\xa0\x80"), VD_EINVAL);
	assert_int_equal(bench_parse(b, "\xf4\x90\x80\x80"), VD_EINVAL);
	assert_int_equal(bench_parse(b, "\xe2\x82"), VD_EINVAL);
}

static void nul_and_control_characters_are_named(void **state)
{
	struct bench *b = *state;

	bench_reset(b);
	assert_int_equal(conf_tree_parse(STR("a: 1\nb\0c: 2\n"), "t.yaml",
					 b->errors, &b->tree),
			 VD_EINVAL);
	assert_mistakes(b, "t.yaml:2:2: a NUL byte; text only");
	assert_int_equal(bench_parse(b, "a: \x07\n"), VD_EINVAL);
	assert_mistakes(b, "t.yaml:1:4: control character U+0007; write it as "
			   "an escape in double quotes");
	assert_int_equal(bench_parse(b, "a: \"x\\0y\"\nb: \"\\a\"\n"), 0);
	assert_mistakes(b, "t.yaml:1:4: a: holds a NUL; text without it");
}

static void an_alias_is_a_copy_of_its_anchor(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_parse(b, "a: &x { p: 1, q: [2, 3] }\nb: *x\n"
					"c: &x 5\nd: *x\n*x : k\n"),
			 0);
	assert_no_mistakes(b);
	assert_ptr_not_equal(get(b, "a"), get(b, "b"));
	assert_str(conf_get(get(b, "b"), "p")->text, "1");
	assert_str(conf_get(get(b, "b"), "q")->items[1]->text, "3");
	assert_str(get(b, "d")->text, "5");
	assert_str(get(b, "5")->text, "k");
}

static void an_alias_without_anchor_or_inside_it_is_a_mistake(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_parse(b, "a: *x\nb: &y [ 1, *y ]\nc: 1\n"), 0);
	assert_mistakes(b, "t.yaml:1:4: a: *x has no anchor &x above it",
			"t.yaml:2:12: b[1]: *y stands inside its own anchor "
			"&y");
	assert_true(get(b, "a")->is_bad);
	assert_str(get(b, "c")->text, "1");
}

/* "Billion laughs": nine lines that would become 10^9 values. */
static void aliases_that_multiply_are_refused(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_parse(b,
				     "a: &a [l,l,l,l,l,l,l,l,l,l]\n"
				     "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
				     "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
				     "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
				     "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
				     "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"),
			 VD_EINVAL);
	assert_mistakes(b, "t.yaml:5:29: e[7]: aliases expand to more than "
			   "100000 values");
}

static void a_merge_key_brings_what_is_not_written(void **state)
{
	struct bench *b = *state;
	const struct conf_node *n;

	assert_int_equal(bench_parse(b, "x: &x { p: 1, q: 1 }\n"
					"y: &y { q: 2, r: 2 }\n"
					"m: { <<: [*x, *y], p: 0 }\n"
					"n: { \"<<\": *x }\n"),
			 0);
	assert_no_mistakes(b);
	n = get(b, "m");
	assert_int_equal(n->n, 3);
	assert_str(conf_get(n, "p")->text, "0");
	assert_str(conf_get(n, "q")->text, "1");
	assert_str(conf_get(n, "r")->text, "2");
	assert_non_null(conf_get(get(b, "n"), "<<"));
	assert_int_equal(bench_parse(b, "m: { <<: 5 }\n"), 0);
	assert_mistakes(b, "t.yaml:1:10: m: << takes a map or a list of maps");
}

static void tags_and_second_documents_are_mistakes(void **state)
{
	struct bench *b = *state;

	assert_int_equal(bench_parse(b, "a: !env X\nb: !!str 5\n"
					"c: !!python/x {}\n---\nd: 1\n"),
			 0);
	assert_mistakes(b,
			"t.yaml:1:4: a: the tag !env means nothing here; "
			"remove it",
			"t.yaml:3:4: c: the tag tag:yaml.org,2002:python/x "
			"means nothing here; remove it",
			"t.yaml:4:1: a second document begins; a file holds "
			"one");
	assert_str(get(b, "b")->text, "5");
}

static void a_key_must_be_short_text(void **state)
{
	struct bench *b = *state;
	char text[400] = "a: 1\n";

	assert_int_equal(bench_parse(b, "? [x]\n: 1\na: 2\n"), 0);
	assert_mistakes(b, "t.yaml:1:3: a key must be text");
	assert_str(get(b, "a")->text, "2");
	memset(text + 5, 'k', 256);
	strcat(text, ": 1\n");
	assert_int_equal(bench_parse(b, text), 0);
	assert_mistakes(b, "t.yaml:2:1: the key is longer than 255 bytes");
}

static void nesting_is_bounded(void **state)
{
	struct bench *b = *state;
	char text[512];

	memset(text, '[', 64);
	memset(text + 64, ']', 64);
	text[128] = '\0';
	assert_int_equal(bench_parse(b, text), 0);
	memset(text, '[', 65);
	memset(text + 65, ']', 65);
	text[130] = '\0';
	assert_int_equal(bench_parse(b, text), VD_EINVAL);
	assert_int_equal(conf_errors_count(b->errors), 1);
	assert_non_null(strstr(conf_errors_text(b->errors, 0),
			       "nested deeper than 64"));
}

/* "[a,a,...,a]" with n items; the caller frees it. */
static char *long_list(size_t n, const char *item)
{
	size_t len = strlen(item);
	char *text = malloc(n * len + 3);

	assert_non_null(text);
	text[0] = '[';
	for (size_t i = 0; i < n; i++)
		memcpy(text + 1 + i * len, item, len);
	strcpy(text + 1 + n * len, "]");
	return text;
}

static void values_and_anchors_are_bounded(void **state)
{
	struct bench *b = *state;
	char *text = long_list(1000000, "a,");

	assert_int_equal(bench_parse(b, text), VD_EINVAL);
	assert_mistakes(b, "t.yaml:1:2000000: [999999]: more than 1000000 "
			   "values; split the file");
	free(text);
	text = long_list(1000, "&a b,");
	assert_int_equal(bench_parse(b, text), 0);
	free(text);
	text = long_list(1001, "&a b,");
	assert_int_equal(bench_parse(b, text), VD_EINVAL);
	assert_mistakes(b, "t.yaml:1:5002: [1000]: more than 1000 anchors");
	free(text);
}

static void mistakes_beyond_the_bound_still_count(void **state)
{
	struct bench *b = *state;
	char text[32];

	bench_reset(b);
	for (int i = 0; i < 600; i++) {
		snprintf(text, sizeof(text), "k%d", i);
		conf_error(b->errors, NULL, text, "is wrong");
	}
	assert_int_equal(conf_errors_count(b->errors), 600);
	assert_string_equal(conf_errors_text(b->errors, 499), "k499: is wrong");
	assert_string_equal(conf_errors_text(b->errors, 599),
			    "more mistakes than can be shown");
}

static void a_mistake_is_one_line_and_told_once(void **state)
{
	struct bench *b = *state;
	struct conf_place place = {"f", 3, 4};

	conf_error(b->errors, &place, "k", "x\ny\x1b");
	conf_error(b->errors, &place, "k", "x\ny\x1b");
	assert_mistakes(b, "f:3:4: k: x\\x0ay\\x1b");
}

static void relative_paths_are_those_of_the_file(void **state)
{
	struct conf_place place = {"/etc/viaduct/conf.d/a.yaml", 1, 1};
	char cwd[4096], expected[8192];
	char *p;

	(void)state;
	p = conf_relative(&place, STR("key.pem"));
	assert_string_equal(p, "/etc/viaduct/conf.d/key.pem");
	free(p);
	p = conf_relative(&place, STR("/key.pem"));
	assert_string_equal(p, "/key.pem");
	free(p);
	place.file = "sub/a.yaml";
	p = conf_relative(&place, STR("key.pem"));
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(expected, sizeof(expected), "%s/sub/key.pem", cwd);
	assert_string_equal(p, expected);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(every_node_knows_its_place),
		BENCH_TEST(an_empty_document_is_an_empty_map),
		BENCH_TEST(a_key_written_twice_is_a_mistake_that_names_both),
		BENCH_TEST(keys_that_differ_are_not_twice),
		BENCH_TEST(a_syntax_error_has_its_place),
		BENCH_TEST(a_tab_as_indentation_is_named),
		BENCH_TEST(bytes_that_are_not_utf8_are_named),
		BENCH_TEST(nul_and_control_characters_are_named),
		BENCH_TEST(an_alias_is_a_copy_of_its_anchor),
		BENCH_TEST(an_alias_without_anchor_or_inside_it_is_a_mistake),
		BENCH_TEST(aliases_that_multiply_are_refused),
		BENCH_TEST(a_merge_key_brings_what_is_not_written),
		BENCH_TEST(tags_and_second_documents_are_mistakes),
		BENCH_TEST(a_key_must_be_short_text),
		BENCH_TEST(nesting_is_bounded),
		BENCH_TEST(values_and_anchors_are_bounded),
		BENCH_TEST(mistakes_beyond_the_bound_still_count),
		BENCH_TEST(a_mistake_is_one_line_and_told_once),
		BENCH_TEST(relative_paths_are_those_of_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
