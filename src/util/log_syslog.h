/* syslog(3), apart because its names collide with ours. */
#ifndef VIADUCT_UTIL_LOG_SYSLOG_H
#define VIADUCT_UTIL_LOG_SYSLOG_H

#include <stddef.h>

void log_syslog_open(void);
void log_syslog_close(void);

/* level: enum log_level. */
void log_syslog_write(int level, const char *p, size_t len);

#endif
