#include "conf/conf_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes read, or -1. A file that grows meanwhile is read as far as it went. */
static ssize_t read_all(int fd, char *p, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, p + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static const char *unfit(const struct stat *st, size_t max)
{
	if (S_ISDIR(st->st_mode))
		return "is a directory; a file is needed";
	if (!S_ISREG(st->st_mode))
		return "is not a regular file";
	if ((uint64_t)st->st_size > max)
		return "is too large";
	return NULL;
}

static int fd_read(int fd, size_t max, struct arena *arena, struct str *out,
		   const char **why)
{
	struct stat st;
	ssize_t n;
	char *p;

	if (fstat(fd, &st) < 0)
		goto fail;
	*why = unfit(&st, max);
	if (*why != NULL)
		return VD_ESYS;
	p = arena_alloc(arena, (size_t)st.st_size + 1);
	if (p == NULL)
		return VD_ENOMEM;
	n = read_all(fd, p, (size_t)st.st_size);
	if (n < 0)
		goto fail;
	p[n] = '\0';
	*out = (struct str){p, (size_t)n};
	return 0;
fail:
	*why = strerror(errno);
	return VD_ESYS;
}

int conf_file_read(const char *path, size_t max, struct arena *arena,
		   struct str *out, const char **why)
{
	/* Opening a FIFO must not wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int err;

	if (fd < 0) {
		*why = strerror(errno);
		return VD_ESYS;
	}
	err = fd_read(fd, max, arena, out, why);
	close(fd);
	return err;
}
