/*
 * Configuration: bytes -> tree -> structs -> YAML -> tree -> structs -> YAML.
 * The two YAML texts must be equal. Values that were refused are not printed.
 *
 * No file is read: the linker puts the __wrap functions in place of the real
 * ones, and included files and secrets are made up from their names.
 */
#include <glob.h>
#include <stdlib.h>

#include "../unit/conf/sample.h"
#include "viaduct/util/err.h"
#include "viaduct/util/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int __wrap_conf_file_read(const char *path, size_t max, struct arena *arena,
			  struct str *out, const char **why);
int __wrap_glob(const char *pattern, int flags,
		int (*on_error)(const char *, int), glob_t *out);

int __wrap_conf_file_read(const char *path, size_t max, struct arena *arena,
			  struct str *out, const char **why)
{
	static const char *const texts[] = {
		"server: { name: x }\nusers: { a: { password: p } }\n",
		"include: [ c, d ]\ngroups: { g: { policy: hash } }\n",
		"s3cret\n",
		"a: b: c\n",
		"",
	};
	size_t i = (unsigned char)path[strlen(path) - 1] % 6;

	if (i == ARRAY_LEN(texts) || strlen(texts[i]) > max) {
		*why = "is not there";
		return VD_ESYS;
	}
	*out = arena_printf(arena, "%s", texts[i]);
	return out->p != NULL ? 0 : VD_ENOMEM;
}

int __wrap_glob(const char *pattern, int flags,
		int (*on_error)(const char *, int), glob_t *out)
{
	(void)pattern;
	(void)flags;
	(void)on_error;
	(void)out;
	return GLOB_NOMATCH;
}

/* A run of the reader with all that it needs. */
struct reading {
	struct mem *mem;
	struct arena arena;
	struct conf_errors *errors;
	struct conf_tree *tree;
	struct sample values;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* True when the text is good. Close it in either case. */
static bool reading_open(struct reading *r, struct str text)
{
	int err;

	memset(r, 0, sizeof(*r));
	must(mem_new(0, &r->mem) == 0);
	arena_init(&r->arena, r->mem);
	must(conf_errors_new(&r->errors) == 0);
	err = conf_tree_parse(text, "fuzz.yaml", r->errors, &r->tree);
	if (err == 0)
		err = conf_fill(sample_options, conf_tree_root(r->tree), NULL,
				&r->arena, r->errors, &r->values);
	/* What fails says why. */
	must((err == 0) >= (conf_errors_count(r->errors) == 0));
	return conf_errors_count(r->errors) == 0;
}

static void reading_close(struct reading *r)
{
	for (size_t i = 0; i < conf_errors_count(r->errors); i++)
		must(strchr(conf_errors_text(r->errors, i), '\n') == NULL);
	conf_tree_free(r->tree);
	conf_errors_free(r->errors);
	arena_fini(&r->arena);
	mem_free_all(r->mem);
}

/* malloc()ed. */
static char *reading_print(const struct reading *r)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	must(to != NULL);
	conf_print(sample_options, &r->values, to);
	must(fclose(to) == 0);
	return text;
}

static void check_round_trip(const char *first)
{
	struct reading r;
	char *second;

	must(reading_open(&r, str_from(first)));
	second = reading_print(&r);
	must(strcmp(first, second) == 0);
	free(second);
	reading_close(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct reading r;
	char *printed;

	setenv("A", "a: b", 1);
	setenv("N", "5", 1);
	if (reading_open(&r, text)) {
		printed = reading_print(&r);
		check_round_trip(printed);
		free(printed);
	}
	reading_close(&r);
	return 0;
}
