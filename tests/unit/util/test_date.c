#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "viaduct/util/date.h"

/* RFC 3261 section 20.17, as the C library has it in the C locale. */
static void the_date_is_that_of_now_in_gmt(void **state)
{
	char text[DATE_LEN], before[64], after[64];
	time_t now = time(NULL);
	struct str date = date_print(text);

	(void)state;
	strftime(before, sizeof(before), "%a, %d %b %Y %H:%M:%S GMT",
		 gmtime(&now));
	now = time(NULL);
	strftime(after, sizeof(after), "%a, %d %b %Y %H:%M:%S GMT",
		 gmtime(&now));
	assert_int_equal(date.len, DATE_LEN);
	assert_true(str_eq(date, str_from(before)) ||
		    str_eq(date, str_from(after)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_date_is_that_of_now_in_gmt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
