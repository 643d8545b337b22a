/* A configuration from text, and the mistakes that config_load() told of. */
#ifndef VIADUCT_TESTS_DAEMON_CONFIG_TEST_H
#define VIADUCT_TESTS_DAEMON_CONFIG_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/settings.h"
#include "viaduct/util/err.h"

static char config_path[64];
static char config_said[16384]; /* to stderr, by the last config_read() */

static inline void config_write(const char *yaml)
{
	int fd;

	strcpy(config_path, "/tmp/viaduct-config-XXXXXX");
	fd = mkstemp(config_path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
	close(fd);
}

static inline int config_read(const char *yaml, struct config **out)
{
	FILE *said = tmpfile();
	int err, old = dup(STDERR_FILENO);
	size_t n;

	assert_non_null(said);
	config_write(yaml);
	dup2(fileno(said), STDERR_FILENO);
	err = config_load(config_path, false, out);
	fflush(stderr);
	dup2(old, STDERR_FILENO);
	close(old);
	rewind(said);
	n = fread(config_said, 1, sizeof(config_said) - 1, said);
	config_said[n] = '\0';
	fclose(said);
	unlink(config_path);
	return err;
}

/* The log goes to a file from here on ... */
static char log_path[64];
static char log_text[16384];

static inline void log_begin(void)
{
	struct log_conf conf = {LOG_INFO, LOG_FORMAT_TEXT, log_path, TRACE_OFF};

	strcpy(log_path, "/tmp/viaduct-log-XXXXXX");
	close(mkstemp(log_path));
	assert_int_equal(log_configure(&conf), 0);
}

/* ... until here; it is in log_text then. */
static inline void log_end(void)
{
	FILE *f;

	log_stop();
	f = fopen(log_path, "r");
	assert_non_null(f);
	log_text[fread(log_text, 1, sizeof(log_text) - 1, f)] = '\0';
	fclose(f);
	unlink(log_path);
}

#define LISTEN "listen: \"udp://127.0.0.1:5060\"\n"

/* A file that must be good. */
static inline struct config *config_good(const char *yaml)
{
	struct config *c = NULL;

	if (config_read(yaml, &c) != 0)
		fail_msg("%s\n%s", yaml, config_said);
	assert_string_equal(config_said, "");
	return c;
}

static inline void config_unref(struct config *c)
{
	snapshot_unref(&c->snapshot);
}

#endif
