/* The time of day as the Date field writes it (RFC 3261 section 20.17). */
#ifndef VIADUCT_UTIL_DATE_H
#define VIADUCT_UTIL_DATE_H

#include "viaduct/util/str.h"

enum { DATE_LEN = 29 };

/* "Sat, 13 Nov 2010 23:29:00 GMT", whatever the locale; out has room for
 * DATE_LEN bytes. */
struct str date_print(char *out);

#endif
