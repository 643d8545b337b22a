#include "conf_test.h"

/* Load main.yaml of the test's directory. */
static int load(struct bench *b)
{
	char path[128];

	bench_reset(b);
	snprintf(path, sizeof(path), "%s/main.yaml", b->dir);
	return conf_tree_load(path, b->errors, &b->tree);
}

static void make_dir(struct bench *b, const char *name)
{
	char path[128];

	bench_file(b, "main.yaml", "");
	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static struct str text_at(const struct bench *b, const char *a, const char *k)
{
	const struct conf_node *n = conf_get(bench_root(b), a);

	n = k != NULL ? conf_get(n, k) : n;
	assert_non_null(n);
	return n->text;
}

static void maps_of_included_files_are_merged(void **state)
{
	struct bench *b = *state;

	make_dir(b, "conf.d");
	bench_file(b, "main.yaml",
		   "include: [ conf.d/*.yaml, other.yaml ]\n"
		   "server: { name: a }\nempty:\nfull: { x: 1 }\n");
	bench_file(b, "conf.d/1.yaml",
		   "server: { drain: 1s }\nd: { p: 1 }\n"
		   "empty: { y: 1 }\nfull:\n");
	bench_file(b, "conf.d/2.yaml", "d: { q: 2 }\n");
	bench_file(b, "conf.d/3.txt", "d: { r: 3 }\n");
	bench_file(b, "other.yaml", "z: 1\n");
	assert_int_equal(load(b), 0);
	assert_no_mistakes(b);
	assert_str(text_at(b, "server", "name"), "a");
	assert_str(text_at(b, "server", "drain"), "1s");
	assert_str(text_at(b, "d", "p"), "1");
	assert_str(text_at(b, "d", "q"), "2");
	assert_null(conf_get(conf_get(bench_root(b), "d"), "r"));
	assert_str(text_at(b, "empty", "y"), "1");
	assert_str(text_at(b, "full", "x"), "1");
	assert_str(text_at(b, "z", NULL), "1");
	assert_null(conf_get(bench_root(b), "include"));
}

static void a_key_in_two_files_is_a_mistake_that_names_both(void **state)
{
	struct bench *b = *state;

	bench_file(b, "main.yaml",
		   "include: a.yaml\nserver:\n  name: a\nlist: [ 1 ]\n");
	bench_file(b, "a.yaml", "list: [ 2 ]\nserver: { name: b, x: 1 }\n");
	assert_int_equal(load(b), 0);
	assert_mistakes(
		b,
		"DIR/a.yaml:1:1: list: is written twice; first at "
		"DIR/main.yaml:4:1",
		"DIR/a.yaml:2:11: server.name: is written twice; first at "
		"DIR/main.yaml:3:3");
	assert_str(text_at(b, "server", "name"), "a");
}

static void includes_are_relative_to_the_file_that_asks(void **state)
{
	struct bench *b = *state;

	make_dir(b, "[sub]*");
	bench_file(b, "main.yaml", "include: \"[[]sub]*/a.yaml\"\n");
	bench_file(b, "[sub]*/a.yaml", "include: [ b.yaml, 'c*.yaml' ]\n");
	bench_file(b, "[sub]*/b.yaml", "b: 1\n");
	bench_file(b, "[sub]*/c1.yaml", "c: { d: x }\n");
	assert_int_equal(load(b), 0);
	assert_no_mistakes(b);
	assert_str(text_at(b, "b", NULL), "1");
	assert_str(text_at(b, "c", "d"), "x");
}

static void a_pattern_may_match_nothing_but_a_name_must_exist(void **state)
{
	struct bench *b = *state;

	bench_file(b, "main.yaml",
		   "include:\n  - none*.yaml\n"
		   "  - missing.yaml\n  - .\na: 1\n");
	assert_int_equal(load(b), 0);
	assert_mistakes(b,
			"DIR/main.yaml:3:5: include: DIR/missing.yaml: No such "
			"file or directory",
			"DIR/main.yaml:4:5: include: DIR/.: is a directory; a "
			"file is needed");
	assert_str(text_at(b, "a", NULL), "1");
}

static void mistakes_of_included_files_leave_the_rest(void **state)
{
	struct bench *b = *state;

	bench_file(b, "main.yaml",
		   "include: [ bad.yaml, list.yaml, ok.yaml ]\n");
	bench_file(b, "bad.yaml", "a: b: c\n");
	bench_file(b, "list.yaml", "- a\n");
	bench_file(b, "ok.yaml", "a: 1\n");
	assert_int_equal(load(b), 0);
	assert_mistakes(b,
			"DIR/bad.yaml:1:5: mapping values are not allowed in "
			"this context",
			"DIR/list.yaml:1:1: is no map; an included file holds "
			"options");
	assert_str(text_at(b, "a", NULL), "1");
}

static void an_include_must_name_files(void **state)
{
	struct bench *b = *state;

	bench_file(b, "main.yaml", "include: { a: b }\n");
	assert_int_equal(load(b), 0);
	assert_mistakes(b, "DIR/main.yaml:1:10: include: is no file; a path or "
			   "a pattern such as conf.d/*.yaml, or a list of "
			   "them");
	bench_file(b, "main.yaml", "include: [ '', \"${VD_TEST_NONE}\" ]\n");
	assert_int_equal(load(b), 0);
	assert_int_equal(conf_errors_count(b->errors), 2);
}

static void a_file_that_includes_itself_is_a_mistake(void **state)
{
	struct bench *b = *state;

	bench_file(b, "main.yaml", "include: a.yaml\n");
	bench_file(b, "a.yaml", "include: '*.yaml'\nx: 1\n");
	assert_int_equal(load(b), 0);
	assert_mistakes(b,
			"DIR/a.yaml:1:10: include: DIR/a.yaml: includes itself",
			"DIR/a.yaml:1:10: include: DIR/main.yaml: includes "
			"itself");
}

static void a_file_is_included_once(void **state)
{
	struct bench *b = *state;

	bench_file(b, "main.yaml", "include: [ a.yaml, ./a.yaml ]\n");
	bench_file(b, "a.yaml", "x: 1\n");
	assert_int_equal(load(b), 0);
	assert_mistakes(b, "DIR/main.yaml:1:20: include: DIR/./a.yaml: is "
			   "included already");
}

static void includes_are_nested_sixteen_deep_at_most(void **state)
{
	struct bench *b = *state;
	char name[32], text[64];

	bench_file(b, "main.yaml", "include: 1.yaml\n");
	for (int i = 1; i <= 17; i++) {
		snprintf(name, sizeof(name), "%d.yaml", i);
		snprintf(text, sizeof(text), "include: %d.yaml\nk%d: 1\n",
			 i + 1, i);
		bench_file(b, name, text);
	}
	assert_int_equal(load(b), 0);
	assert_mistakes(b, "DIR/16.yaml:1:10: include: DIR/17.yaml: includes "
			   "are nested too deeply; at most 16");
	assert_str(text_at(b, "k16", NULL), "1");
}

static void a_thousand_files_at_most_are_read(void **state)
{
	struct bench *b = *state;
	char name[32], text[32];

	bench_file(b, "main.yaml", "include: 'k*.yaml'\n");
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "k%03d.yaml", i);
		snprintf(text, sizeof(text), "k%03d: 1\n", i);
		bench_file(b, name, text);
	}
	assert_int_equal(load(b), 0);
	assert_mistakes(b, "DIR/main.yaml:1:10: include: DIR/k999.yaml: too "
			   "many files; at most 1000");
	assert_str(text_at(b, "k998", NULL), "1");
}

/* Its files may be what matters; a directory that is not there has none. */
static void a_directory_that_cannot_be_read_is_a_mistake(void **state)
{
	struct bench *b = *state;
	uid_t user = geteuid();
	char dir[128];

	bench_file(b, "main.yaml", "include: [ none/*.yaml, closed/*.yaml ]\n");
	snprintf(dir, sizeof(dir), "%s/closed", b->dir);
	assert_int_equal(mkdir(dir, 0), 0);
	assert_int_equal(chmod(b->dir, 0755), 0);
	if (user == 0) /* whom no mode keeps out */
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(load(b), 0);
	assert_int_equal(seteuid(user), 0);
	assert_mistakes(b, "DIR/main.yaml:1:25: include: DIR/closed/*.yaml: "
			   "its directory cannot be read");
}

static void a_file_that_another_names_is_a_mistake_there(void **state)
{
	struct bench *b = *state;
	struct conf_tree *users;

	bench_file(b, "main.yaml", "users: u.yaml\n");
	assert_int_equal(load(b), 0);
	assert_int_equal(conf_tree_load_for(conf_get(bench_root(b), "users"),
					    "users", "/nonexistent/u",
					    b->errors, &users),
			 VD_EINVAL);
	assert_mistakes(b, "DIR/main.yaml:1:8: users: /nonexistent/u: No such "
			   "file or directory");
}

static void the_first_file_must_be_readable(void **state)
{
	struct bench *b = *state;
	char fifo[128];

	assert_int_equal(
		conf_tree_load("/nonexistent/v.yaml", b->errors, &b->tree),
		VD_EINVAL);
	assert_mistakes(b, "/nonexistent/v.yaml: No such file or directory");
	bench_file(b, "x", "");
	snprintf(fifo, sizeof(fifo), "%s/main.yaml", b->dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(load(b), VD_EINVAL);
	assert_mistakes(b, "DIR/main.yaml: is not a regular file");
}

static void a_file_of_more_than_16_mib_is_refused(void **state)
{
	struct bench *b = *state;
	const char *path = bench_file(b, "main.yaml", "a: 1\n");

	assert_int_equal(truncate(path, (16 << 20) + 1), 0);
	assert_int_equal(load(b), VD_EINVAL);
	assert_mistakes(b, "DIR/main.yaml: is too large");
}

static void a_text_in_memory_includes_beside_its_name(void **state)
{
	struct bench *b = *state;
	char name[128];

	bench_file(b, "a.yaml", "x: 1\n");
	snprintf(name, sizeof(name), "%s/virtual", b->dir);
	bench_reset(b);
	assert_int_equal(conf_tree_parse(STR("include: a.yaml"), name,
					 b->errors, &b->tree),
			 0);
	assert_str(text_at(b, "x", NULL), "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(maps_of_included_files_are_merged),
		BENCH_TEST(a_key_in_two_files_is_a_mistake_that_names_both),
		BENCH_TEST(includes_are_relative_to_the_file_that_asks),
		BENCH_TEST(a_pattern_may_match_nothing_but_a_name_must_exist),
		BENCH_TEST(mistakes_of_included_files_leave_the_rest),
		BENCH_TEST(an_include_must_name_files),
		BENCH_TEST(a_file_that_includes_itself_is_a_mistake),
		BENCH_TEST(a_file_is_included_once),
		BENCH_TEST(includes_are_nested_sixteen_deep_at_most),
		BENCH_TEST(a_thousand_files_at_most_are_read),
		BENCH_TEST(a_directory_that_cannot_be_read_is_a_mistake),
		BENCH_TEST(a_file_that_another_names_is_a_mistake_there),
		BENCH_TEST(the_first_file_must_be_readable),
		BENCH_TEST(a_file_of_more_than_16_mib_is_refused),
		BENCH_TEST(a_text_in_memory_includes_beside_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
