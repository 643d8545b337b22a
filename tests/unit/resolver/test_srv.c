/* The order of SRV records (RFC 2782). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "resolver/resolver_priv.h"

/* Numbers in the order that the test wants them. */
struct script {
	const uint32_t *numbers;
	size_t n, at;
	uint32_t max_seen[RESOLVER_TARGETS_MAX];
};

static uint32_t scripted(void *arg, uint32_t max)
{
	struct script *s = arg;

	assert_true(s->at < s->n);
	assert_true(s->numbers[s->at] <= max);
	s->max_seen[s->at] = max;
	return s->numbers[s->at++];
}

static uint32_t pseudo_random(void *arg, uint32_t max)
{
	uint64_t *x = arg;

	*x = *x * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)((*x >> 33) % ((uint64_t)max + 1));
}

static struct dns_record srv(uint16_t priority, uint16_t weight)
{
	struct dns_record rec = {0};

	rec.srv.priority = priority;
	rec.srv.weight = weight;
	return rec;
}

static void priorities_rise(void **state)
{
	const struct dns_record records[] = {srv(30, 9), srv(0, 1), srv(20, 0),
					     srv(65535, 65535), srv(10, 5)};
	uint8_t order[ARRAY_LEN(records)];
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 100; i++) {
		srv_order(records, ARRAY_LEN(records), pseudo_random, &seed,
			  order);
		assert_memory_equal(order, ((uint8_t[]){1, 4, 2, 0, 3}), 5);
	}
}

/* The running sums are 1, 4, 8: the number chooses the first that reaches it,
 * and what is left is drawn again. */
static void number_chooses_by_running_sum(void **state)
{
	const struct dns_record records[] = {srv(1, 1), srv(1, 3), srv(1, 4)};
	static const struct {
		uint32_t numbers[3];
		uint8_t order[3];
	} rows[] = {
		/* clang-format off */
		{ { 0, 0, 0 }, { 0, 1, 2 } },
		{ { 1, 3, 4 }, { 0, 1, 2 } },
		{ { 1, 4, 0 }, { 0, 2, 1 } },
		{ { 2, 1, 0 }, { 1, 0, 2 } },
		{ { 4, 2, 1 }, { 1, 2, 0 } },
		{ { 5, 1, 3 }, { 2, 0, 1 } },
		{ { 8, 4, 1 }, { 2, 1, 0 } },
		/* clang-format on */
	};
	uint8_t order[3];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct script s = {.numbers = rows[i].numbers, .n = 3};

		srv_order(records, 3, scripted, &s, order);
		assert_memory_equal(order, rows[i].order, 3);
		assert_int_equal(s.max_seen[0], 8);
	}
}

/* Weight 0 is placed first, so only the number 0 chooses it. */
static void weight_zero_has_a_small_chance(void **state)
{
	const struct dns_record records[] = {srv(1, 10), srv(1, 0)};
	uint8_t order[2];

	(void)state;
	for (uint32_t number = 0; number <= 10; number++) {
		const uint32_t numbers[] = {number, 0};
		struct script s = {.numbers = numbers, .n = 2};

		srv_order(records, 2, scripted, &s, order);
		assert_int_equal(order[0], number == 0 ? 1 : 0);
	}
}

static void all_weights_zero_keep_their_order(void **state)
{
	const struct dns_record records[] = {srv(1, 0), srv(1, 0), srv(1, 0)};
	uint8_t order[3];
	uint64_t seed = 1;

	(void)state;
	srv_order(records, 3, pseudo_random, &seed, order);
	assert_memory_equal(order, ((uint8_t[]){0, 1, 2}), 3);
}

/* RFC 2782's example: three quarters go to the fast box. Here 1:3:6. */
static void first_place_is_shared_by_weight(void **state)
{
	enum { ROUNDS = 100000 };
	const struct dns_record records[] = {srv(1, 100), srv(1, 300),
					     srv(1, 600), srv(0, 0)};
	int n_first[4] = {0};
	uint8_t order[4];
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		srv_order(records, 4, pseudo_random, &seed, order);
		assert_int_equal(order[0], 3);
		n_first[order[1]]++;
	}
	assert_in_range(n_first[0], ROUNDS * 9 / 100, ROUNDS * 11 / 100);
	assert_in_range(n_first[1], ROUNDS * 29 / 100, ROUNDS * 31 / 100);
	assert_in_range(n_first[2], ROUNDS * 59 / 100, ROUNDS * 61 / 100);
}

static void largest_weights_do_not_overflow(void **state)
{
	struct dns_record records[RESOLVER_TARGETS_MAX];
	uint8_t order[RESOLVER_TARGETS_MAX];
	uint32_t seen = 0;
	uint64_t seed = 3;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(records); i++)
		records[i] = srv(65535, 65535);
	srv_order(records, ARRAY_LEN(records), pseudo_random, &seed, order);
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		seen |= 1u << order[i];
	assert_int_equal(seen, (1u << RESOLVER_TARGETS_MAX) - 1);
}

static void nothing_and_one_are_orders_too(void **state)
{
	const struct dns_record one = srv(5, 5);
	uint8_t order[1] = {9};
	uint64_t seed = 1;

	(void)state;
	srv_order(NULL, 0, pseudo_random, &seed, NULL);
	srv_order(&one, 1, pseudo_random, &seed, order);
	assert_int_equal(order[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(priorities_rise),
		cmocka_unit_test(number_chooses_by_running_sum),
		cmocka_unit_test(weight_zero_has_a_small_chance),
		cmocka_unit_test(all_weights_zero_keep_their_order),
		cmocka_unit_test(first_place_is_shared_by_weight),
		cmocka_unit_test(largest_weights_do_not_overflow),
		cmocka_unit_test(nothing_and_one_are_orders_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
