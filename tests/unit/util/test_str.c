#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "viaduct/util/err.h"
#include "viaduct/util/str.h"

static void letters_match_whatever_their_case(void **state)
{
	(void)state;
	assert_true(str_ieq(STR("Via"), STR("vIA")));
	assert_false(str_ieq(STR("Via"), STR("Vie")));
	assert_false(str_ieq(STR("Via"), STR("Vi")));
	assert_true(str_ieq(STR_NONE, STR("")));
}

static void bytes_next_to_the_letters_keep_their_case(void **state)
{
	(void)state;
	assert_false(str_ieq(STR("@"), STR("`")));
	assert_false(str_ieq(STR("["), STR("{")));
	assert_false(str_ieq(STR("\xc0"), STR("\xe0")));
}

static void trim_takes_blanks_and_folds_from_both_ends_only(void **state)
{
	(void)state;
	assert_true(str_eq(str_trim(STR(" \t\r\n a b \r\n\t")), STR("a b")));
	assert_int_equal(str_trim(STR(" \t ")).len, 0);
	assert_int_equal(str_trim(STR_NONE).len, 0);
}

static void find_returns_the_length_when_there_is_none(void **state)
{
	(void)state;
	assert_int_equal(str_find(STR("a:b:c"), ':'), 1);
	assert_int_equal(str_find(STR("abc"), ':'), 3);
	assert_int_equal(str_find(STR_NONE, ':'), 0);
	assert_int_equal(str_find(STR("a\0b"), '\0'), 1);
}

static void an_empty_prefix_starts_every_string(void **state)
{
	(void)state;
	assert_true(str_starts(STR("sip:x"), STR("sip:")));
	assert_false(str_starts(STR("sip"), STR("sip:")));
	assert_true(str_starts(STR_NONE, STR_NONE));
}

static void assert_number(const char *text, uint32_t max, uint32_t want)
{
	uint32_t v = ~want;

	assert_int_equal(str_to_u32(str_from(text), max, &v), 0);
	assert_int_equal(v, want);
}

static void assert_no_number(const char *text, uint32_t max, int err)
{
	uint32_t v = 4711;

	assert_int_equal(str_to_u32(str_from(text), max, &v), err);
	assert_int_equal(v, 4711);
}

static void numbers_are_read_up_to_their_maximum(void **state)
{
	(void)state;
	assert_number("0", 0, 0);
	assert_number("00000000000000000000000000070", 70, 70);
	assert_number("4294967295", UINT32_MAX, UINT32_MAX);
	assert_no_number("71", 70, VD_ETOOBIG);
	assert_no_number("4294967296", UINT32_MAX, VD_ETOOBIG);
}

static void a_number_of_any_length_does_not_wrap(void **state)
{
	(void)state;
	assert_no_number("18446744073709551616", UINT32_MAX, VD_ETOOBIG);
	assert_no_number("99999999999999999999999999999999", UINT32_MAX,
			 VD_ETOOBIG);
	assert_no_number("99999999999999999999999999999999x", UINT32_MAX,
			 VD_EINVAL);
}

static void signs_blanks_and_nothing_are_no_number(void **state)
{
	static const char *const bad[] = {"", "+1", "-1", " 1", "1 ", "0x1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_no_number(bad[i], 100, VD_EINVAL);
}

static void every_error_has_a_sentence_of_its_own(void **state)
{
	(void)state;
	for (int a = 0; a >= VD_EUNSUP; a--) {
		assert_string_not_equal(vd_strerror(a), "unknown error");
		for (int b = 0; b > a; b--)
			assert_string_not_equal(vd_strerror(a), vd_strerror(b));
	}
	assert_string_equal(vd_strerror(1), "unknown error");
	assert_string_equal(vd_strerror(VD_EUNSUP - 1), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_match_whatever_their_case),
		cmocka_unit_test(bytes_next_to_the_letters_keep_their_case),
		cmocka_unit_test(
			trim_takes_blanks_and_folds_from_both_ends_only),
		cmocka_unit_test(find_returns_the_length_when_there_is_none),
		cmocka_unit_test(an_empty_prefix_starts_every_string),
		cmocka_unit_test(numbers_are_read_up_to_their_maximum),
		cmocka_unit_test(a_number_of_any_length_does_not_wrap),
		cmocka_unit_test(signs_blanks_and_nothing_are_no_number),
		cmocka_unit_test(every_error_has_a_sentence_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
