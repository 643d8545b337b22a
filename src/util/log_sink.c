#include "util/log_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/log_syslog.h"
#include "viaduct/util/err.h"

enum {
	BATCH_MAX = 65536,
	POLL_MS = 100, /* how often a place that takes nothing is given up */
};

struct log_sink {
	enum { TO_STDERR, TO_SYSLOG, TO_FILE } kind;
	int fd;
	size_t batch_max; /* a pipe or terminal that polls as writable takes
			   * LOG_LINE_MAX bytes without blocking */
	size_t len;
	unsigned n_lines;
	char batch[BATCH_MAX];
	char path[];
};

static _Atomic uint64_t give_up_at_ms;

void log_sink_give_up_at(uint64_t ms)
{
	atomic_store(&give_up_at_ms, ms);
}

uint64_t log_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int file_open(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

static void choose_batch(struct log_sink *s)
{
	struct stat st;
	bool is_file = fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode);

	s->batch_max = is_file ? BATCH_MAX : LOG_LINE_MAX;
}

int log_sink_open(const char *to, struct log_sink **out)
{
	size_t path_size = strlen(to) + 1;
	struct log_sink *s = calloc(1, sizeof(*s) + path_size);

	if (s == NULL) /* errno says so */
		return VD_ESYS;
	memcpy(s->path, to, path_size);
	s->fd = STDERR_FILENO;
	s->kind = TO_FILE;
	if (strcmp(to, "stderr") == 0) {
		s->kind = TO_STDERR;
	} else if (strcmp(to, "syslog") == 0) {
		s->kind = TO_SYSLOG;
		log_syslog_open();
	} else {
		s->fd = file_open(to);
	}
	if (s->fd < 0) {
		free(s);
		return VD_ESYS;
	}
	choose_batch(s);
	*out = s;
	return 0;
}

void log_sink_close(struct log_sink *s)
{
	if (s == NULL)
		return;
	if (s->kind == TO_FILE)
		close(s->fd);
	if (s->kind == TO_SYSLOG)
		log_syslog_close();
	free(s);
}

int log_sink_reopen(struct log_sink *s)
{
	int fd;

	if (s->kind != TO_FILE)
		return 0;
	fd = file_open(s->path);
	if (fd < 0)
		return VD_ESYS;
	close(s->fd);
	s->fd = fd;
	choose_batch(s);
	return 0;
}

static bool wait_writable(int fd)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		uint64_t limit = atomic_load(&give_up_at_ms);

		if (poll(&p, 1, POLL_MS) > 0)
			return true;
		if (limit != 0 && log_clock_ms() >= limit)
			return false;
	}
}

static bool write_all(const struct log_sink *s)
{
	size_t done = 0;

	while (done < s->len) {
		ssize_t n;

		if (s->batch_max != BATCH_MAX && !wait_writable(s->fd))
			return false;
		n = write(s->fd, s->batch + done, s->len - done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || (errno != EINTR && errno != EAGAIN))
			return false;
	}
	return true;
}

unsigned log_sink_flush(struct log_sink *s)
{
	unsigned n_lost = write_all(s) ? 0 : s->n_lines;

	s->len = 0;
	s->n_lines = 0;
	return n_lost;
}

/* syslog adds the time itself. */
static void syslog_put(const struct log_record *rec)
{
	struct str line = rec->line;

	if (line.p[0] != '{')
		line = str_skip(line, LOG_TIME_LEN);
	log_syslog_write((int)rec->level, line.p, line.len - 1);
}

unsigned log_sink_put(struct log_sink *s, const struct log_record *rec)
{
	unsigned n_lost = 0;

	if (s->kind == TO_SYSLOG) {
		syslog_put(rec);
		return 0;
	}
	if (rec->line.len > s->batch_max - s->len)
		n_lost = log_sink_flush(s);
	memcpy(s->batch + s->len, rec->line.p, rec->line.len);
	s->len += rec->line.len;
	s->n_lines++;
	return n_lost;
}
