/* Collects what the log writes into a file. */
#ifndef VIADUCT_TESTS_LOG_FILE_H
#define VIADUCT_TESTS_LOG_FILE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "viaduct/util/log.h"

static char log_path[] = "test-log.XXXXXX";
static char log_text[1 << 20];

static void log_file_start(enum log_format format, enum trace_level trace)
{
	struct log_conf conf = {LOG_INFO, format, log_path, trace};

	strcpy(log_path, "test-log.XXXXXX");
	close(mkstemp(log_path));
	assert_int_equal(log_configure(&conf), 0);
}

/* All that was written, terminated, in log_text. */
static size_t log_file_read(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, log_text, sizeof(log_text) - 1);

	close(fd);
	assert_true(n >= 0);
	log_text[n] = '\0';
	return (size_t)n;
}

static size_t log_file_finish(void)
{
	size_t n;

	log_stop();
	n = log_file_read(log_path);
	unlink(log_path);
	return n;
}

#endif
