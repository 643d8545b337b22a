#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "viaduct/util/err.h"
#include "viaduct/util/hash.h"
#include "util/fail_alloc.h"

enum {
	N = 20000,
};

struct item {
	struct hash_node node;
	unsigned value;
};

static struct item items[N];

static uint64_t hash_of(unsigned value)
{
	return hash_bytes(hash_process_key(), &value, sizeof(value));
}

static struct item *item_find(struct hash_table *t, unsigned value)
{
	struct hash_node *n;

	hash_table_fetch(t, hash_of(value)); /* changes nothing */
	n = hash_table_find(t, hash_of(value));
	for (; n != NULL; n = hash_table_next(n)) {
		struct item *it = CONTAINER_OF(n, struct item, node);

		if (it->value == value)
			return it;
	}
	return NULL;
}

static void item_insert(struct hash_table *t, unsigned i)
{
	items[i].value = i;
	hash_table_insert(t, &items[i].node, hash_of(i));
}

static void fill(struct hash_table *t)
{
	assert_int_equal(hash_table_init(t), 0);
	for (unsigned i = 0; i < N; i++)
		item_insert(t, i);
}

static void all_are_found_at_every_size_while_it_grows(void **state)
{
	struct hash_table t;

	(void)state;
	assert_int_equal(hash_table_init(&t), 0);
	for (unsigned i = 0; i < N; i++) {
		item_insert(&t, i);
		assert_ptr_equal(item_find(&t, i), &items[i]);
		assert_ptr_equal(item_find(&t, i / 2), &items[i / 2]);
		assert_ptr_equal(item_find(&t, i / 7), &items[i / 7]);
		assert_null(item_find(&t, N + i));
	}
	assert_int_equal(t.count, N);
	assert_true(t.n_buckets >= N / 2);
	hash_table_fini(&t);
}

static void the_rest_is_found_while_it_shrinks(void **state)
{
	struct hash_table t;
	size_t most;

	(void)state;
	fill(&t);
	most = t.n_buckets;
	for (unsigned i = 0; i < N; i++) {
		hash_table_remove(&t, &items[i].node);
		assert_null(item_find(&t, i));
		assert_true(i + 1 == N || item_find(&t, i + 1) != NULL);
		assert_true(item_find(&t, N - 1) != NULL || i == N - 1);
	}
	assert_int_equal(t.count, 0);
	assert_true(t.n_buckets <= most / 64);
	assert_null(t.old);
	hash_table_fini(&t);
}

static void a_table_that_breathes_loses_nothing(void **state)
{
	struct hash_table t;
	bool in[N] = {false};

	(void)state;
	srand(1);
	assert_int_equal(hash_table_init(&t), 0);
	for (unsigned step = 0; step < 20 * N; step++) {
		/* A range that swells and shrinks. */
		unsigned range = (step / N) % 2 ? 500 : N;
		unsigned i = (unsigned)rand() % range;

		if (range == 500)
			i = step % N;
		if (in[i])
			hash_table_remove(&t, &items[i].node);
		else if (range == N)
			item_insert(&t, i);
		in[i] = !in[i] && range == N;
	}
	for (unsigned i = 0; i < N; i++)
		assert_ptr_equal(item_find(&t, i), in[i] ? &items[i] : NULL);
	hash_table_fini(&t);
}

static size_t n_with_hash(struct hash_table *t, uint64_t hash)
{
	struct hash_node *n = hash_table_find(t, hash);
	size_t count = 0;

	for (; n != NULL; n = hash_table_next(n))
		count++;
	return count;
}

static void equal_hashes_stay_together_during_a_resize(void **state)
{
	struct hash_node twins[40];
	struct hash_table t;

	(void)state;
	assert_int_equal(hash_table_init(&t), 0);
	for (size_t i = 0; i < ARRAY_LEN(twins); i++) {
		hash_table_insert(&t, &twins[i], 0x1234567890abcdef);
		for (unsigned k = 0; k < 100; k++)
			item_insert(&t, (unsigned)i * 100 + k);
		assert_int_equal(n_with_hash(&t, 0x1234567890abcdef), i + 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(twins); i++) {
		hash_table_remove(&t, &twins[i]);
		assert_int_equal(n_with_hash(&t, 0x1234567890abcdef),
				 ARRAY_LEN(twins) - i - 1);
	}
	hash_table_fini(&t);
}

static void no_memory_fails_only_at_the_start(void **state)
{
	struct hash_table t;

	(void)state;
	fail_countdown = 1;
	assert_int_equal(hash_table_init(&t), VD_ENOMEM);
	assert_int_equal(hash_table_init(&t), 0);
	for (unsigned i = 0; i < N; i++) {
		fail_countdown = 1;
		item_insert(&t, i);
	}
	fail_countdown = 0;
	assert_int_equal(t.n_buckets, 64);
	for (unsigned i = 0; i < N; i += 97)
		assert_ptr_equal(item_find(&t, i), &items[i]);
	hash_table_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_found_at_every_size_while_it_grows),
		cmocka_unit_test(the_rest_is_found_while_it_shrinks),
		cmocka_unit_test(a_table_that_breathes_loses_nothing),
		cmocka_unit_test(equal_hashes_stay_together_during_a_resize),
		cmocka_unit_test(no_memory_fails_only_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
