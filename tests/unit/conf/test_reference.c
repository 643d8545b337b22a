#include "conf_test.h"

static void print_reference(FILE *to, const void *arg)
{
	conf_print_reference(arg, to);
}

static void print_schema(FILE *to, const void *arg)
{
	conf_print_schema(arg, to);
}

static void the_reference_has_a_row_for_each_key(void **state)
{
	char *text = printed(print_reference, sample_limits_options);

	(void)state;
	assert_string_equal(
		text,
		"| Key | Type | Default | Meaning |\n"
		"|---|---|---|---|\n"
		"| `t1` | duration, 100ms to 1m | `500ms` | RFC 3261's T1. |\n"
		"| `b` | duration, 1ms or more |  | Timer B; default: 64 times "
		"t1. |\n"
		"| `vias` | number, 1 to 1000 | `70` | Via values of a "
		"message. |\n"
		"| `message_size` | size, 1KiB to 1GiB | `64KiB` | Bytes of a "
		"message. |\n"
		"| `memory` | size | `0` | Ceiling in bytes; 0: none. |\n");
	free(text);
}

static void the_reference_has_a_table_for_each_section(void **state)
{
	static const char *const parts[] = {
		"| `server` | section |  | The daemon. |\n",
		"\n## `server`\n\nThe daemon.\n\n| Key |",
		"\n## `listen[]`\n",
		"\n## `groups.NAME`\n",
		"\n## `groups.NAME.members[]`\n",
		"\n## `groups.NAME.probe`\n",
		"| `uri` | text | required | Where it is. |\n",
		"Stay in the dialog \\| or not.",
		"| `password` | secret, or `password_file`: a path | required",
		"| one of `off`, `summary`, `headers`, `full` | `off` |",
		"Where the store lies. A change needs a restart. |\n",
	};
	char *text = printed(print_reference, sample_options);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		assert_non_null(strstr(text, parts[i]));
	free(text);
}

/* The node at a path of keys that ends with NULL. */
static const struct conf_node *at(const struct conf_node *n,
				  const char *const *keys)
{
	for (; *keys != NULL; keys++) {
		n = conf_get(n, *keys);
		assert_non_null(n);
	}
	return n;
}

#define AT(b, ...) at(bench_root(b), (const char *const[]){__VA_ARGS__, NULL})

/* JSON is YAML: our own reader takes it apart. */
static void the_schema_describes_each_key(void **state)
{
	struct bench *b = *state;
	char *text = printed(print_schema, sample_options);
	const struct conf_node *n;

	assert_int_equal(bench_parse(b, text), 0);
	assert_no_mistakes(b);
	free(text);
	assert_str(AT(b, "$schema")->text,
		   "https://json-schema.org/draft/2020-12/schema");
	assert_str(AT(b, "additionalProperties")->text, "false");
	assert_non_null(AT(b, "properties", "include"));
	n = AT(b, "properties", "limits", "allOf")->items[0];
	n = conf_get(conf_get(n, "properties"), "vias");
	assert_str(conf_get(n, "default")->text, "70");
	n = conf_get(n, "anyOf")->items[0];
	assert_str(conf_get(n, "minimum")->text, "1");
	assert_str(conf_get(n, "maximum")->text, "1000");
	n = AT(b, "properties", "groups", "additionalProperties", "properties",
	       "policy", "anyOf");
	assert_str(conf_get(n->items[0], "enum")->items[1]->text,
		   "round_robin");
	assert_non_null(AT(b, "properties", "users", "additionalProperties",
			   "properties", "password_file"));
	n = AT(b, "properties", "users", "additionalProperties", "allOf");
	assert_int_equal(conf_get(n->items[0], "oneOf")->n, 2);
	n = AT(b, "properties", "groups", "additionalProperties", "properties",
	       "members", "anyOf");
	n = conf_get(n->items[0], "items");
	assert_str(conf_get(n, "required")->items[0]->text, "uri");
}

/* YAML 1.1 takes `off` for a boolean, and 1.2 for a number. */
static void the_schema_allows_words_that_others_read_otherwise(void **state)
{
	static const char *const versions[] = {"1.2", "off", "both", NULL};
	static const struct conf_option options[] = {
		{.name = "v",
		 .type = CONF_ENUM,
		 .def = "off",
		 .names = versions},
		{0},
	};
	static const char *const want[] = {"1.2", "1.2", "off", "false",
					   "both"};
	struct bench *b = *state;
	char *text = printed(print_schema, options);
	const struct conf_node *n;

	assert_int_equal(bench_parse(b, text), 0);
	free(text);
	n = conf_get(AT(b, "properties", "v", "anyOf")->items[0], "enum");
	assert_int_equal(n->n, ARRAY_LEN(want));
	for (size_t i = 0; i < n->n; i++)
		assert_str(n->items[i]->text, want[i]);
	assert_true(n->items[0]->is_quoted && !n->items[1]->is_quoted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(the_reference_has_a_row_for_each_key),
		BENCH_TEST(the_reference_has_a_table_for_each_section),
		BENCH_TEST(the_schema_describes_each_key),
		BENCH_TEST(the_schema_allows_words_that_others_read_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
