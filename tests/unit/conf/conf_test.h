/* What the tests of conf share: a text, what became of it, its mistakes. */
#ifndef TESTS_UNIT_CONF_CONF_TEST_H
#define TESTS_UNIT_CONF_CONF_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sample.h"
#include "viaduct/util/err.h"
#include "viaduct/util/mem.h"

struct bench {
	struct mem *mem;
	struct arena arena;
	struct conf_errors *errors;
	struct conf_tree *tree;
	struct sample values;
	char dir[64]; /* for files; "" until bench_file() */
};

static inline int bench_new(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	assert_int_equal(mem_new(0, &b->mem), 0);
	arena_init(&b->arena, b->mem);
	assert_int_equal(conf_errors_new(&b->errors), 0);
	*state = b;
	return 0;
}

static inline int bench_free(void **state)
{
	struct bench *b = *state;
	char command[128];

	conf_tree_free(b->tree);
	conf_errors_free(b->errors);
	arena_fini(&b->arena);
	mem_free_all(b->mem);
	if (b->dir[0] != '\0') {
		snprintf(command, sizeof(command), "rm -rf %s", b->dir);
		assert_int_equal(system(command), 0);
	}
	free(b);
	return 0;
}

#define BENCH_TEST(fn)                                                         \
	cmocka_unit_test_setup_teardown(fn, bench_new, bench_free)

/* Forget what was read before. */
static inline void bench_reset(struct bench *b)
{
	conf_tree_free(b->tree);
	b->tree = NULL;
	conf_errors_free(b->errors);
	assert_int_equal(conf_errors_new(&b->errors), 0);
	memset(&b->values, 0, sizeof(b->values));
}

static inline int bench_parse(struct bench *b, const char *text)
{
	bench_reset(b);
	return conf_tree_parse(str_from(text), "t.yaml", b->errors, &b->tree);
}

static inline const struct conf_node *bench_root(const struct bench *b)
{
	return conf_tree_root(b->tree);
}

/* Parse and fill. */
static inline int bench_fill(struct bench *b, const char *text)
{
	int err = bench_parse(b, text);

	if (err != 0)
		return err;
	return conf_fill(sample_options, bench_root(b), NULL, &b->arena,
			 b->errors, &b->values);
}

/* Write a file in a directory of the test's own; returns its path (static). */
static inline const char *bench_file(struct bench *b, const char *name,
				     const char *text)
{
	static char path[256];
	FILE *f;

	if (b->dir[0] == '\0') {
		strcpy(b->dir, "/tmp/viaduct-conf-XXXXXX");
		assert_non_null(mkdtemp(b->dir));
	}
	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	return path;
}

/* Exactly these mistakes; the directory of the test is written as DIR. */
static inline void assert_mistake_list(const struct bench *b,
				       const char *const *texts, size_t n)
{
	for (size_t i = 0; i < conf_errors_count(b->errors) || i < n; i++) {
		const char *got = i < conf_errors_count(b->errors)
					  ? conf_errors_text(b->errors, i)
					  : "(no more)";
		char text[4096] = "";
		const char *at;

		while (b->dir[0] != '\0' &&
		       (at = strstr(got, b->dir)) != NULL) {
			strncat(text, got, (size_t)(at - got));
			strcat(text, "DIR");
			got = at + strlen(b->dir);
		}
		strcat(text, got);
		assert_string_equal(text, i < n ? texts[i] : "(no more)");
	}
}

#define assert_mistakes(b, ...)                                                \
	assert_mistake_list((b), (const char *const[]){__VA_ARGS__},           \
			    sizeof((const char *const[]){__VA_ARGS__}) /       \
				    sizeof(const char *))
#define assert_no_mistakes(b) assert_mistake_list((b), NULL, 0)

#define assert_str(s, z)                                                       \
	do {                                                                   \
		assert_non_null((s).p);                                        \
		assert_int_equal((s).len, strlen(z));                          \
		assert_memory_equal((s).p, (z), (s).len);                      \
	} while (0)

/* What a printer writes; the caller frees it. */
typedef void printer_fn(FILE *to, const void *arg);
static inline char *printed(printer_fn *fn, const void *arg)
{
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	fn(to, arg);
	assert_int_equal(fclose(to), 0);
	return text;
}

#endif
