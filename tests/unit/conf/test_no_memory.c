/* Every allocation fails once: the answer is VD_ENOMEM, and the sanitizers see
 * that nothing stays behind. */
#include "conf_test.h"

#include <yaml.h>

#include "conf/conf_priv.h"

/* libyaml calls these through its own table of symbols, where the program's
 * come first. 0: never fail. */
static unsigned long yaml_fail_in;

static bool is_yaml_failing(void)
{
	return yaml_fail_in > 0 && --yaml_fail_in == 0;
}

void *yaml_malloc(size_t size);
void *yaml_realloc(void *p, size_t size);
yaml_char_t *yaml_strdup(const yaml_char_t *s);

void *yaml_malloc(size_t size)
{
	return is_yaml_failing() ? NULL : malloc(size > 0 ? size : 1);
}

void *yaml_realloc(void *p, size_t size)
{
	return is_yaml_failing() ? NULL : realloc(p, size > 0 ? size : 1);
}

yaml_char_t *yaml_strdup(const yaml_char_t *s)
{
	size_t size;
	yaml_char_t *copy;

	if (s == NULL)
		return NULL;
	size = strlen((const char *)s) + 1;
	copy = yaml_malloc(size);
	return copy != NULL ? memcpy(copy, s, size) : NULL;
}

/* Uses all that allocates: anchors, merges, includes, mistakes, secrets. */
static const char main_yaml[] =
	"include: [ a*.yaml, missing.yaml ]\n"
	"server: { name: &n \"$$x\", secret_file: pw, state: rel }\n"
	"limits: { t1: 5, vias: one }\n"
	"listen: [ a, { url: b, origins: [ c, d, e, f, g, h ] } ]\n"
	"groups: { a: &g { members: [ { uri: *n } ] }, b: { <<: *g } }\n"
	"grops: {}\n"
	"users: { u: { password: x, pasword: y } }\n";

static void write_files(struct bench *b)
{
	bench_file(b, "pw", "secret\n");
	bench_file(b, "a.yaml",
		   "headers: { X-A: b }\nserver: { name: twice }\n");
	bench_file(b, "main.yaml", main_yaml);
}

/* Read and fill with an arena of its own. */
static int run(const struct bench *b, struct mem *mem,
	       struct conf_errors *errors)
{
	char path[128];
	struct conf_build build;
	struct conf_node *root;
	struct arena arena;
	struct sample values = {0};
	int err;

	snprintf(path, sizeof(path), "%s/main.yaml", b->dir);
	arena_init(&arena, mem);
	conf_build_init(&build, &arena, errors);
	err = conf_file_build(&build, path, NULL, NULL, &root);
	if (err == 0)
		err = conf_fill(sample_options, root, NULL, &arena, errors,
				&values);
	arena_fini(&arena);
	return err;
}

/* One run with the n-th allocation of the arena, or of the mistakes, refused.
 */
static int run_failing(const struct bench *b, uint64_t n, bool in_errors)
{
	struct conf_errors *errors;
	struct mem *mem;
	int err;

	assert_int_equal(mem_new(0, &mem), 0);
	assert_int_equal(conf_errors_new(&errors), 0);
	mem_fail_nth(in_errors ? errors->mem : mem, n);
	err = run(b, mem, errors);
	if (err == VD_ENOMEM && in_errors)
		assert_true(conf_errors_count(errors) > 0);
	conf_errors_free(errors);
	mem_free_all(mem);
	return err;
}

static void each_refused_allocation_is_answered(void **state)
{
	struct bench *b = *state;
	uint64_t n = 1;

	write_files(b);
	while (run_failing(b, n, false) == VD_ENOMEM)
		n++;
	assert_int_equal(run_failing(b, n, false), VD_EINVAL);
	assert_true(n > 3);
}

static void each_mistake_that_cannot_be_kept_is_answered(void **state)
{
	struct bench *b = *state;
	uint64_t n = 1;

	write_files(b);
	while (run_failing(b, n, true) == VD_ENOMEM)
		n++;
	assert_int_equal(run_failing(b, n, true), VD_EINVAL);
	assert_true(n > 1);
}

static void each_allocation_of_libyaml_is_answered(void **state)
{
	struct bench *b = *state;
	unsigned long n = 1;
	int err;

	write_files(b);
	do {
		yaml_fail_in = n++;
		err = run_failing(b, 0, false);
	} while (err == VD_ENOMEM);
	yaml_fail_in = 0;
	assert_int_equal(err, VD_EINVAL);
	assert_true(n > 50);
}

/* Fill from `root` when `used` bytes are gone and no chunk follows. */
static int fill_full(const struct conf_node *root, size_t used)
{
	struct conf_errors *errors;
	struct arena arena;
	struct sample values = {0};
	struct mem *mem;
	int err;

	assert_int_equal(mem_new(0, &mem), 0);
	assert_int_equal(conf_errors_new(&errors), 0);
	arena_init(&arena, mem);
	assert_int_equal(arena_reserve(&arena, 8000), 0);
	assert_non_null(arena_alloc(&arena, used));
	mem_fail_nth(mem, 1);
	err = conf_fill(sample_options, root, NULL, &arena, errors, &values);
	conf_errors_free(errors);
	arena_fini(&arena);
	mem_free_all(mem);
	return err;
}

/* An arena asks for memory seldom; so its end comes at each place in turn. */
static void an_arena_that_ends_anywhere_is_answered(void **state)
{
	struct bench *b = *state;
	size_t used = 7992, n_enomem = 0;

	assert_int_equal(bench_parse(b, "server: { secret_file: /dev/null, "
					"nmae: x }\ngroups: { a: {} }\n"),
			 0);
	for (; fill_full(bench_root(b), used) == VD_ENOMEM; used -= 8)
		n_enomem++;
	assert_true(n_enomem > 20);
	assert_int_equal(fill_full(bench_root(b), used), VD_EINVAL);
}

static void a_tree_without_memory_is_no_tree(void **state)
{
	struct bench *b = *state;

	for (unsigned long n = 1; n < 4; n++) {
		yaml_fail_in = n;
		assert_int_equal(bench_parse(b, "a: [ b, c ]"), VD_ENOMEM);
		assert_null(b->tree);
	}
	yaml_fail_in = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(each_refused_allocation_is_answered),
		BENCH_TEST(each_mistake_that_cannot_be_kept_is_answered),
		BENCH_TEST(each_allocation_of_libyaml_is_answered),
		BENCH_TEST(an_arena_that_ends_anywhere_is_answered),
		BENCH_TEST(a_tree_without_memory_is_no_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
