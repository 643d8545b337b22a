#include "util/log_syslog.h"

#include <syslog.h>

void log_syslog_open(void)
{
	openlog("viaductd", LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void log_syslog_close(void)
{
	closelog();
}

void log_syslog_write(int level, const char *p, size_t len)
{
	static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO,
					 LOG_DEBUG};

	syslog(priorities[level], "%.*s", (int)len, p);
}
