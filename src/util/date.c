#include "viaduct/util/date.h"

#include <stdio.h>
#include <time.h>

#include "viaduct/util/wall.h"

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct str date_print(char *out)
{
	time_t now = (time_t)wall_now_s();
	struct tm t;

	gmtime_r(&now, &t);
	snprintf(out, DATE_LEN + 1, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
		 &days[3 * t.tm_wday], (unsigned)t.tm_mday % 100,
		 &months[3 * t.tm_mon], (unsigned)(t.tm_year + 1900) % 10000,
		 (unsigned)t.tm_hour % 100, (unsigned)t.tm_min % 100,
		 (unsigned)t.tm_sec % 100);
	return (struct str){out, DATE_LEN};
}
