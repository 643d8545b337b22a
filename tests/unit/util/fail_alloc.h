/*
 * Lets the n-th allocation fail, for each n. The program is linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=aligned_alloc, so that calls from our
 * own code arrive here.
 */
#ifndef VIADUCT_TESTS_FAIL_ALLOC_H
#define VIADUCT_TESTS_FAIL_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* Of the thread under test; 0: none fails. */
static _Thread_local unsigned fail_countdown;

static bool fail_now(void)
{
	return fail_countdown > 0 && --fail_countdown == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);

void *__wrap_malloc(size_t size)
{
	return fail_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fail_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return fail_now() ? NULL : __real_aligned_alloc(align, size);
}

#endif
