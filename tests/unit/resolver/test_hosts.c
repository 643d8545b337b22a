/* The hosts file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "resolver/resolver_priv.h"
#include "viaduct/util/err.h"

struct file {
	struct mem *mem;
	struct hosts hosts;
	char path[64];
	char why[256];
};

static int setup(void **state)
{
	static struct file f;

	*state = &f;
	return mem_new(0, &f.mem);
}

static int teardown(void **state)
{
	struct file *f = *state;
	struct mem_usage usage;

	mem_usage(f->mem, &usage);
	assert_int_equal(usage.used, 0);
	mem_free_all(f->mem);
	return 0;
}

/* Read a file of this text. The hosts are there until hosts_fini(). */
static int read_text(struct file *f, const char *text)
{
	FILE *out;
	int err;

	strcpy(f->path, "/tmp/viaduct-hosts-XXXXXX");
	f->why[0] = '\0';
	out = fdopen(mkstemp(f->path), "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	err = hosts_init(&f->hosts, f->mem, f->path, f->why);
	unlink(f->path);
	return err;
}

static void assert_addr(struct file *f, const char *name, int type, size_t i,
			const char *text)
{
	struct dns_answer *a = hosts_find(&f->hosts, str_from(name), type);
	union addr addr;

	assert_non_null(a);
	assert_int_equal(a->err, 0);
	assert_true(i < a->n);
	assert_int_equal(addr_parse(str_from(text), 0, &addr), 0);
	assert_true(addr_eq(&a->records[i].addr, &addr));
}

static void names_have_addresses_of_both_families(void **state)
{
	struct file *f = *state;

	assert_int_equal(read_text(f,
				   "# comment\n"
				   "\n"
				   "192.0.2.1\tOne.example  uno # the first\n"
				   "  2001:db8::1 one.example\r\n"
				   "192.0.2.2 one.example. two.example"),
			 0);
	assert_addr(f, "one.EXAMPLE", ns_t_a, 0, "192.0.2.1");
	assert_addr(f, "one.example", ns_t_a, 1, "192.0.2.2");
	assert_addr(f, "one.example.", ns_t_aaaa, 0, "2001:db8::1");
	assert_addr(f, "uno", ns_t_a, 0, "192.0.2.1");
	assert_addr(f, "two.example", ns_t_a, 0, "192.0.2.2");
	assert_int_equal(hosts_find(&f->hosts, STR("uno"), ns_t_aaaa)->err,
			 VD_ENOENT);
	assert_null(hosts_find(&f->hosts, STR("one"), ns_t_a));
	assert_null(hosts_find(&f->hosts, STR("uno"), ns_t_srv));
	hosts_fini(&f->hosts);
}

static void no_file_knows_no_name(void **state)
{
	struct file *f = *state;

	assert_int_equal(hosts_init(&f->hosts, f->mem, NULL, f->why), 0);
	assert_null(hosts_find(&f->hosts, STR("localhost"), ns_t_a));
	hosts_fini(&f->hosts);
}

static void mistakes_are_named_with_file_and_line(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		/* clang-format off */
		{ "192.0.2.1 a\n192.0.2.300 b\n", ":2: not an address: 192.0.2.300" },
		{ "192.0.2.1\n", ":1: an address without a name" },
		{ "\n\n192.0.2.1 # a\n", ":3: an address without a name" },
		{ "192.0.2.1 a b/c\n", ":1: not a host name: b/c" },
		/* clang-format on */
	};
	struct file *f = *state;
	char expected[256];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(read_text(f, rows[i].text), VD_EINVAL);
		snprintf(expected, sizeof(expected), "%s%s", f->path,
			 rows[i].why);
		assert_string_equal(f->why, expected);
		hosts_fini(&f->hosts);
	}
}

static void missing_file_is_named(void **state)
{
	struct file *f = *state;

	assert_int_equal(
		hosts_init(&f->hosts, f->mem, "/nonexistent/hosts", f->why),
		VD_ESYS);
	assert_string_equal(f->why,
			    "/nonexistent/hosts: No such file or directory");
	hosts_fini(&f->hosts);
}

static void directory_is_no_file(void **state)
{
	struct file *f = *state;

	assert_int_equal(hosts_init(&f->hosts, f->mem, "/tmp", f->why),
			 VD_ESYS);
	assert_string_equal(f->why, "/tmp: Is a directory");
	hosts_fini(&f->hosts);
}

static void addresses_and_lines_are_bounded(void **state)
{
	struct file *f = *state;
	char text[8192] = "";
	size_t len = 0;

	for (int i = 0; i <= RESOLVER_TARGETS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"192.0.2.%d a\n", i);
	assert_int_equal(read_text(f, text), VD_EINVAL);
	assert_non_null(strstr(f->why, ":21: more than 20 addresses for: a"));
	hosts_fini(&f->hosts);
	memset(text, 'a', 5000);
	text[5000] = '\0';
	assert_int_equal(read_text(f, text), VD_EINVAL);
	assert_non_null(strstr(f->why, ":1: line too long"));
	hosts_fini(&f->hosts);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(names_have_addresses_of_both_families),
		TEST(no_file_knows_no_name),
		TEST(mistakes_are_named_with_file_and_line),
		TEST(missing_file_is_named),
		TEST(directory_is_no_file),
		TEST(addresses_and_lines_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
