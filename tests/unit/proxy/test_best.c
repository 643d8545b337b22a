/* Which final response is the best: RFC 3261 section 16.7 step 6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/proxy_priv.h"

/* Best first; the statuses of one row are equally good. */
static const unsigned order[][8] = {
	{600, 603, 604, 606},
	{300, 301, 302, 380},
	{401, 407},
	{415, 420, 484},
	{400, 403, 404, 408, 480, 486, 487, 488},
	{430},
	{500, 501, 502, 504, 505, 513, 580},
	{503},
};

static void assert_better(unsigned better, unsigned worse)
{
	if (!best_is_better(SIP_INVITE, better, worse) ||
	    best_is_better(SIP_INVITE, worse, better))
		fail_msg("%u is not better than %u", better, worse);
}

static void a_higher_row_beats_every_lower_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		for (size_t j = i + 1; j < ARRAY_LEN(order); j++)
			for (size_t k = 0; k < 64; k++) {
				unsigned a = order[i][k / 8];
				unsigned b = order[j][k % 8];

				if (a != 0 && b != 0)
					assert_better(a, b);
			}
}

/* Among equals the one that came first stays. */
static void the_first_of_equals_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		for (size_t k = 0; k < 64; k++) {
			unsigned a = order[i][k / 8], b = order[i][k % 8];

			if (a != 0 && b != 0)
				assert_false(best_is_better(SIP_INVITE, a, b));
		}
}

static void anything_beats_nothing(void **state)
{
	(void)state;
	for (unsigned status = 200; status < 700; status++)
		assert_true(best_is_better(SIP_INVITE, status, 0));
}

/* RFC 4320 section 4.2: it must not be sent, and all else must. */
static void a_408_to_a_non_invite_is_the_worst(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		for (size_t k = 0; k < 8; k++) {
			unsigned other = order[i][k];

			if (other == 0 || other == 408)
				continue;
			assert_true(best_is_better(SIP_OPTIONS, other, 408));
			assert_false(best_is_better(SIP_OPTIONS, 408, other));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_higher_row_beats_every_lower_one),
		cmocka_unit_test(the_first_of_equals_stays),
		cmocka_unit_test(anything_beats_nothing),
		cmocka_unit_test(a_408_to_a_non_invite_is_the_worst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
