#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "viaduct/util/err.h"
#include "viaduct/util/mem.h"
#include "viaduct/util/str.h"
#include "util/fail_alloc.h"

enum {
	SLAB = 65536,
};

static int setup(void **state)
{
	return mem_new(0, (struct mem **)state);
}

static int teardown(void **state)
{
	mem_free_all(*state);
	return 0;
}

static struct mem_usage usage(struct mem *m)
{
	struct mem_usage u;

	mem_usage(m, &u);
	return u;
}

static void blocks_are_aligned_and_apart(void **state)
{
	static unsigned char *blocks[600];
	struct mem *m = *state;

	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		size_t size = i * 16 + 1;

		blocks[i] = mem_alloc(m, size);
		assert_non_null(blocks[i]);
		assert_int_equal((uintptr_t)blocks[i] % 16, 0);
		memset(blocks[i], (int)(i & 255), size);
	}
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		size_t size = i * 16 + 1;

		assert_int_equal(blocks[i][0], i & 255);
		assert_int_equal(blocks[i][size - 1], i & 255);
		mem_free(m, blocks[i], size);
	}
	assert_int_equal(usage(m).used, 0);
}

static void a_block_wastes_less_than_a_seventh_above_512_bytes(void **state)
{
	(void)state;
	assert_int_equal(mem_good_size(0), 64);
	for (size_t size = 1; size <= 2 * MEM_CLASS_MAX; size++) {
		size_t got = mem_good_size(size);

		assert_true(got >= size);
		assert_true(got - size < 64 || (got - size) * 7 < size);
		assert_int_equal(mem_good_size(got), got);
	}
}

static void a_slab_holds_as_many_blocks_as_fit(void **state)
{
	struct mem *m = *state;

	for (size_t size = 1040; size <= MEM_CLASS_MAX; size += 16) {
		size_t n = (SLAB - 64) / size;
		void *v[SLAB / 1024];

		for (size_t i = 0; i < n; i++) {
			v[i] = mem_alloc(m, size);
			memset(v[i], 0xff, size);
		}
		assert_int_equal(usage(m).held, SLAB);
		for (size_t i = 0; i < n; i++)
			mem_free(m, v[i], size);
	}
}

static void usage_counts_what_blocks_really_take(void **state)
{
	struct mem *m = *state;
	void *p = mem_alloc(m, 1025);
	void *big = mem_alloc(m, 100000);

	assert_int_equal(usage(m).used, mem_good_size(1025) + 100000);
	assert_int_equal(usage(m).held, SLAB + 100000);
	mem_free(m, big, 100000);
	mem_free(m, p, 1025);
	mem_free(m, NULL, 1025);
	assert_int_equal(usage(m).used, 0);
	assert_int_equal(usage(m).held, SLAB);
}

static void zalloc_zeroes_a_block_that_was_used(void **state)
{
	struct mem *m = *state;
	static const char zeros[200];
	char *p = mem_alloc(m, 200);

	memset(p, 'x', 200);
	mem_free(m, p, 200);
	p = mem_zalloc(m, 200);
	assert_memory_equal(p, zeros, 200);
	mem_free(m, p, 200);
}

static void
empty_slabs_go_back_when_they_were_not_needed_for_a_while(void **state)
{
	static void *small[4000], *large[40];
	struct mem *m = *state;

	for (size_t i = 0; i < ARRAY_LEN(small); i++)
		small[i] = mem_alloc(m, 300);
	for (size_t i = 0; i < ARRAY_LEN(large); i++)
		large[i] = mem_alloc(m, 8000);
	assert_true(usage(m).held > 20 * SLAB);
	for (size_t i = 0; i < ARRAY_LEN(small); i++)
		mem_free(m, small[(i * 7) % ARRAY_LEN(small)], 300);
	for (size_t i = 0; i < ARRAY_LEN(large); i++)
		mem_free(m, large[i], 8000);
	assert_true(usage(m).held > 20 * SLAB);
	mem_trim(m); /* until now they were needed */
	mem_trim(m);
	assert_int_equal(usage(m).held, 0);
}

static void a_load_that_comes_and_goes_keeps_its_slabs(void **state)
{
	static void *blocks[4000];
	struct mem *m = *state;
	size_t held = 0;

	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
			blocks[i] = mem_alloc(m, 300);
		if (round == 0)
			held = usage(m).held;
		assert_int_equal(usage(m).held, held);
		for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
			mem_free(m, blocks[i], 300);
		mem_trim(m);
		assert_int_equal(usage(m).held, held);
	}
}

static void freed_blocks_are_used_again_before_new_slabs(void **state)
{
	static void *blocks[1000];
	struct mem *m = *state;
	size_t held;

	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		blocks[i] = mem_alloc(m, 500);
	held = usage(m).held;
	for (int round = 0; round < 10; round++) {
		for (size_t i = 0; i < ARRAY_LEN(blocks); i += 3)
			mem_free(m, blocks[i], 500);
		for (size_t i = 0; i < ARRAY_LEN(blocks); i += 3)
			blocks[i] = mem_alloc(m, 500);
		assert_int_equal(usage(m).held, held);
	}
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		mem_free(m, blocks[i], 500);
}

static size_t alloc_until_refused(struct mem *m, size_t size, void **blocks)
{
	size_t n = 0;

	while ((blocks[n] = mem_alloc(m, size)) != NULL)
		n++;
	return n;
}

static void the_ceiling_refuses_and_a_free_helps(void **state)
{
	static void *blocks[10000];
	struct mem *m = *state;
	size_t n;

	mem_set_ceiling(m, 4 * SLAB);
	n = alloc_until_refused(m, 1000, blocks);
	assert_true(n > 200);
	assert_true(usage(m).held <= 4 * SLAB);
	assert_int_equal(usage(m).n_refused, 1);
	mem_free(m, blocks[7], 1000);
	blocks[7] = mem_alloc(m, 1000);
	assert_non_null(blocks[7]);
	assert_null(mem_alloc(m, 1000));
	assert_null(mem_alloc(m, 9000));
	assert_int_equal(usage(m).n_refused, 3);
	for (size_t i = 0; i < n; i++)
		mem_free(m, blocks[i], 1000);
}

static void a_lowered_ceiling_keeps_what_is_out(void **state)
{
	struct mem *m = *state;
	void *p = mem_alloc(m, 20000);

	mem_set_ceiling(m, 1);
	assert_null(mem_alloc(m, 64));
	assert_null(mem_alloc(m, SIZE_MAX));
	mem_free(m, p, 20000);
	assert_int_equal(usage(m).held, 0);
}

/* Else a burst of one size would starve all others for ever. */
static void
spare_slabs_of_other_classes_do_not_count_at_the_ceiling(void **state)
{
	struct mem *m = *state;
	void *p, *q;

	mem_set_ceiling(m, 2 * SLAB);
	p = mem_alloc(m, 64);
	q = mem_alloc(m, 640);
	mem_free(m, p, 64);
	mem_free(m, q, 640);
	p = mem_alloc(m, 6400);
	q = mem_alloc(m, 3200);
	assert_non_null(p);
	assert_non_null(q);
	mem_free(m, p, 6400);
	mem_free(m, q, 3200);
}

static void the_nth_allocation_fails_when_told_so(void **state)
{
	struct mem *m = *state;

	for (unsigned n = 1; n < 5; n++) {
		mem_fail_nth(m, n);
		for (unsigned i = 1; i < 8; i++) {
			void *p = mem_alloc(m, 64);

			assert_int_equal(p == NULL, i == n);
			mem_free(m, p, 64);
		}
	}
}

static void no_memory_from_the_system_is_a_refusal(void **state)
{
	struct mem *m = NULL;

	(void)state;
	fail_countdown = 1;
	assert_int_equal(mem_new(0, &m), VD_ENOMEM);
	assert_null(m);
	assert_int_equal(mem_new(0, &m), 0);
	fail_countdown = 1;
	assert_null(mem_alloc(m, MEM_CLASS_MAX + 1));
	assert_int_equal(usage(m).n_refused, 1);
	assert_int_equal(usage(m).held, 0);
	mem_free_all(m);
	mem_free_all(NULL);
}

#define WITH_MEM(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_MEM(blocks_are_aligned_and_apart),
		WITH_MEM(a_block_wastes_less_than_a_seventh_above_512_bytes),
		WITH_MEM(a_slab_holds_as_many_blocks_as_fit),
		WITH_MEM(usage_counts_what_blocks_really_take),
		WITH_MEM(zalloc_zeroes_a_block_that_was_used),
		WITH_MEM(
			empty_slabs_go_back_when_they_were_not_needed_for_a_while),
		WITH_MEM(a_load_that_comes_and_goes_keeps_its_slabs),
		WITH_MEM(freed_blocks_are_used_again_before_new_slabs),
		WITH_MEM(the_ceiling_refuses_and_a_free_helps),
		WITH_MEM(a_lowered_ceiling_keeps_what_is_out),
		WITH_MEM(
			spare_slabs_of_other_classes_do_not_count_at_the_ceiling),
		WITH_MEM(the_nth_allocation_fails_when_told_so),
		cmocka_unit_test(no_memory_from_the_system_is_a_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
