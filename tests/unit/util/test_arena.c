#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "viaduct/util/arena.h"
#include "viaduct/util/buf.h"
#include "viaduct/util/err.h"

struct bench {
	struct mem *mem;
	struct arena arena;
};

static int setup(void **state)
{
	static struct bench b;

	*state = &b;
	if (mem_new(0, &b.mem) != 0)
		return -1;
	arena_init(&b.arena, b.mem);
	return 0;
}

static size_t used(const struct mem *m)
{
	struct mem_usage u;

	mem_usage(m, &u);
	return u.used;
}

/* One release gives everything back. */
static int teardown(void **state)
{
	struct bench *b = *state;
	size_t left;

	arena_fini(&b->arena);
	left = used(b->mem);
	mem_free_all(b->mem);
	return left == 0 ? 0 : -1;
}

static void an_arena_that_was_not_used_holds_nothing(void **state)
{
	struct bench *b = *state;

	assert_int_equal(used(b->mem), 0);
	arena_fini(&b->arena);
	assert_int_equal(used(b->mem), 0);
}

static void allocations_are_aligned_and_apart(void **state)
{
	static unsigned char *p[2000];
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		p[i] = arena_alloc(&b->arena, i);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % 8, 0);
		memset(p[i], (int)(i & 255), i);
	}
	for (size_t i = 1; i < ARRAY_LEN(p); i++) {
		assert_int_equal(p[i][0], i & 255);
		assert_int_equal(p[i][i - 1], i & 255);
	}
}

static void a_small_arena_takes_one_small_block(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 10; i++)
		arena_alloc(&b->arena, 64);
	assert_int_equal(used(b->mem), 1024);
}

static void a_large_allocation_leaves_the_current_chunk_in_use(void **state)
{
	struct bench *b = *state;
	char *before = arena_alloc(&b->arena, 8);
	char *large = arena_alloc(&b->arena, 100000);
	char *after = arena_alloc(&b->arena, 8);

	assert_non_null(large);
	memset(large, 'x', 100000);
	assert_ptr_equal(after, before + 8);
}

static void what_is_reserved_comes_from_one_chunk(void **state)
{
	struct bench *b = *state;
	char *p, *q;

	arena_alloc(&b->arena, 900);
	assert_int_equal(arena_reserve(&b->arena, 3000), 0);
	p = arena_alloc(&b->arena, 1000);
	q = arena_alloc(&b->arena, 2000);
	assert_ptr_equal(q, p + 1000);
	assert_int_equal(used(b->mem), 1024 + mem_good_size(3000 + 16));
}

static void zalloc_zeroes_memory_that_was_used(void **state)
{
	static const char zeros[500];
	struct bench *b = *state;

	memset(arena_alloc(&b->arena, 900), 'x', 900);
	arena_fini(&b->arena);
	assert_memory_equal(arena_zalloc(&b->arena, 500), zeros, 500);
}

static void copies_and_formats_are_exact(void **state)
{
	struct bench *b = *state;
	struct str s = arena_str(&b->arena, STR("a\0b"));
	struct str f = arena_printf(&b->arena, "%s-%d", "x", 42);
	struct str none = arena_str(&b->arena, STR_NONE);
	struct str wide = arena_printf(&b->arena, "%5000d", 7);

	assert_true(str_eq(s, STR("a\0b")));
	assert_true(str_eq(f, STR("x-42")));
	assert_non_null(none.p);
	assert_int_equal(none.len, 0);
	assert_int_equal(wide.len, 5000);
	assert_int_equal(wide.p[4999], '7');
}

static int fill(struct arena *a)
{
	if (arena_alloc(a, 1000) == NULL || arena_zalloc(a, 1500) == NULL ||
	    arena_str(a, STR("text")).p == NULL ||
	    arena_printf(a, "%2000d", 1).p == NULL ||
	    arena_alloc(a, 50000) == NULL)
		return VD_ENOMEM;
	return arena_reserve(a, 9000);
}

static void every_allocation_may_fail_and_nothing_leaks(void **state)
{
	struct bench *b = *state;
	unsigned n = 1;

	for (;; n++) {
		int err;

		mem_fail_nth(b->mem, n);
		err = fill(&b->arena);
		arena_fini(&b->arena);
		assert_int_equal(used(b->mem), 0);
		if (err == 0)
			break;
		assert_int_equal(err, VD_ENOMEM);
	}
	assert_true(n > 4);
	mem_fail_nth(b->mem, 0);
}

static void absurd_sizes_are_refused(void **state)
{
	struct bench *b = *state;

	assert_null(arena_alloc(&b->arena, SIZE_MAX));
	assert_null(arena_alloc(&b->arena, SIZE_MAX - 7));
	assert_int_equal(arena_reserve(&b->arena, SIZE_MAX - 15), VD_ENOMEM);
	assert_null(buf_new(b->mem, UINT32_MAX));
}

static void a_buffer_lives_until_its_last_reference_goes(void **state)
{
	struct bench *b = *state;
	struct buf *buf = buf_new(b->mem, 700);

	assert_int_equal(buf->cap, 700);
	assert_int_equal(buf->len, 0);
	memcpy(buf->data, "SIP/2.0", 7);
	buf->len = 7;
	assert_ptr_equal(buf_ref(buf), buf);
	buf_unref(buf);
	assert_true(str_eq(buf_str(buf), STR("SIP/2.0")));
	buf_unref(buf);
	buf_unref(NULL);
	assert_int_equal(used(b->mem), 0);
}

static void a_buffer_without_memory_is_null(void **state)
{
	struct bench *b = *state;

	mem_fail_nth(b->mem, 1);
	assert_null(buf_new(b->mem, 100));
}

#define WITH_ARENA(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ARENA(an_arena_that_was_not_used_holds_nothing),
		WITH_ARENA(allocations_are_aligned_and_apart),
		WITH_ARENA(a_small_arena_takes_one_small_block),
		WITH_ARENA(a_large_allocation_leaves_the_current_chunk_in_use),
		WITH_ARENA(what_is_reserved_comes_from_one_chunk),
		WITH_ARENA(zalloc_zeroes_memory_that_was_used),
		WITH_ARENA(copies_and_formats_are_exact),
		WITH_ARENA(every_allocation_may_fail_and_nothing_leaks),
		WITH_ARENA(absurd_sizes_are_refused),
		WITH_ARENA(a_buffer_lives_until_its_last_reference_goes),
		WITH_ARENA(a_buffer_without_memory_is_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
