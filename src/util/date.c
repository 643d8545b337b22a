#include "viaduct/util/date.h"

#include <time.h>

#include "viaduct/util/put.h"
#include "viaduct/util/wall.h"

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static void put_two_digits(struct put *p, int n)
{
	char digits[2] = {(char)('0' + n / 10 % 10), (char)('0' + n % 10)};

	put_str(p, (struct str){digits, sizeof(digits)});
}

static void put_time(struct put *p, const struct tm *t)
{
	put_two_digits(p, t->tm_hour);
	put_str(p, STR(":"));
	put_two_digits(p, t->tm_min);
	put_str(p, STR(":"));
	put_two_digits(p, t->tm_sec);
}

/* Every 200 to a REGISTER has one: not with printf. */
struct str date_print(char *out)
{
	time_t now = (time_t)wall_now_s();
	struct put p = put_into(out, DATE_LEN);
	struct tm t;

	gmtime_r(&now, &t);
	put_str(&p, (struct str){&days[3 * t.tm_wday], 3});
	put_str(&p, STR(", "));
	put_two_digits(&p, t.tm_mday);
	put_str(&p, STR(" "));
	put_str(&p, (struct str){&months[3 * t.tm_mon], 3});
	put_str(&p, STR(" "));
	put_two_digits(&p, (t.tm_year + 1900) / 100);
	put_two_digits(&p, t.tm_year + 1900);
	put_str(&p, STR(" "));
	put_time(&p, &t);
	put_str(&p, STR(" GMT"));
	return put_done(&p);
}
