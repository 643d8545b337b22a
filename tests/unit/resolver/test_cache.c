/* The cache of answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/nameser.h>
#include <stdio.h>

#include "resolver/resolver_priv.h"
#include "viaduct/util/err.h"

enum { MAX = 3 };

struct box {
	struct mem *mem;
	struct cache cache;
};

static int setup(void **state)
{
	static struct box b;

	*state = &b;
	assert_int_equal(mem_new(0, &b.mem), 0);
	return cache_init(&b.cache, b.mem, MAX);
}

static int teardown(void **state)
{
	struct box *b = *state;
	struct mem_usage usage;

	cache_fini(&b->cache);
	mem_usage(b->mem, &usage);
	assert_int_equal(usage.used, 0);
	mem_free_all(b->mem);
	return 0;
}

static void put(struct box *b, const char *name, int type, uint32_t ttl_s,
		uint64_t now_ms)
{
	struct dns_answer *a = dns_answer_new(b->mem, 0, 0);
	struct dns_key key;

	assert_int_equal(dns_key_init(&key, str_from(name), type), 0);
	a->ttl_s = ttl_s;
	cache_put(&b->cache, &key, a, now_ms);
	dns_answer_unref(a);
}

static struct dns_answer *find(struct box *b, const char *name, int type,
			       uint64_t now_ms)
{
	struct dns_key key;

	assert_int_equal(dns_key_init(&key, str_from(name), type), 0);
	return cache_find(&b->cache, &key, now_ms);
}

static void answers_live_until_their_ttl(void **state)
{
	struct box *b = *state;

	put(b, "a.test", ns_t_a, 2, 1000);
	assert_non_null(find(b, "A.Test.", ns_t_a, 1000));
	assert_non_null(find(b, "a.test", ns_t_a, 2999));
	assert_null(find(b, "a.test", ns_t_aaaa, 1000));
	assert_null(find(b, "b.test", ns_t_a, 1000));
	assert_null(find(b, "a.test", ns_t_a, 3000));
	assert_int_equal(b->cache.table.count, 0);
}

static void ttl_of_zero_is_not_kept(void **state)
{
	struct box *b = *state;

	put(b, "a.test", ns_t_a, 5, 0);
	put(b, "a.test", ns_t_a, 0, 0);
	assert_null(find(b, "a.test", ns_t_a, 0));
}

static void newer_answer_replaces(void **state)
{
	struct box *b = *state;

	put(b, "a.test", ns_t_a, 5, 0);
	put(b, "a.test", ns_t_a, 7, 0);
	assert_int_equal(find(b, "a.test", ns_t_a, 0)->ttl_s, 7);
	assert_int_equal(b->cache.table.count, 1);
}

static void longest_unused_goes_first(void **state)
{
	struct box *b = *state;

	put(b, "a.test", ns_t_a, 60, 0);
	put(b, "b.test", ns_t_a, 60, 0);
	put(b, "c.test", ns_t_a, 60, 0);
	assert_non_null(find(b, "a.test", ns_t_a, 0));
	put(b, "d.test", ns_t_a, 60, 0);
	assert_int_equal(b->cache.table.count, MAX);
	assert_null(find(b, "b.test", ns_t_a, 0));
	assert_non_null(find(b, "a.test", ns_t_a, 0));
	assert_non_null(find(b, "c.test", ns_t_a, 0));
	assert_non_null(find(b, "d.test", ns_t_a, 0));
}

static void size_zero_keeps_nothing(void **state)
{
	struct box *b = *state;

	b->cache.max = 0;
	put(b, "a.test", ns_t_a, 60, 0);
	assert_null(find(b, "a.test", ns_t_a, 0));
}

static void who_holds_an_answer_keeps_it(void **state)
{
	struct box *b = *state;
	struct dns_answer *a;

	put(b, "a.test", ns_t_a, 1, 0);
	a = dns_answer_ref(find(b, "a.test", ns_t_a, 0));
	assert_null(find(b, "a.test", ns_t_a, 1000));
	assert_int_equal(a->ttl_s, 1);
	dns_answer_unref(a);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(answers_live_until_their_ttl),
		TEST(ttl_of_zero_is_not_kept),
		TEST(newer_answer_replaces),
		TEST(longest_unused_goes_first),
		TEST(size_zero_keeps_nothing),
		TEST(who_holds_an_answer_keeps_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
