#include "daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "viaduct/util/err.h"

enum { WHY_MAX = 512, PATH_MAX_LEN = 4096 };

static int explain(char *why, const char *path, const char *what)
{
	snprintf(why, WHY_MAX, "%.200s: %s: %s", path, what, strerror(errno));
	return VD_ESYS;
}

static int make_dir(const char *dir, char *why)
{
	struct stat st;

	if (mkdir(dir, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return explain(why, dir, "cannot make the state directory");
	if (stat(dir, &st) != 0)
		return explain(why, dir, "cannot look at the state directory");
	if (S_ISDIR(st.st_mode))
		return 0;
	snprintf(why, WHY_MAX, "%.200s: the state directory is no directory",
		 dir);
	return VD_EEXIST;
}

static int lock(const char *dir, struct state *s, char *why)
{
	char path[PATH_MAX_LEN];

	snprintf(path, sizeof(path), "%s/lock", dir);
	s->lock_fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0)
		return explain(why, path, "cannot open");
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return explain(why, path, "cannot lock");
	snprintf(
		why, WHY_MAX,
		"%.200s: another viaductd is running with this state directory",
		dir);
	return VD_EEXIST;
}

/* Returns 0, VD_ENOENT or VD_ESYS. */
static int read_secret(const char *path, struct state *s, char *why)
{
	/* not by a link, and not waiting for the writer of a pipe */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	uint8_t bytes[sizeof(s->secret) + 1]; /* one more shows that it ends */
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return VD_ENOENT;
	if (fd < 0)
		return explain(why, path, "cannot open");
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	if (n == (ssize_t)sizeof(s->secret)) {
		memcpy(s->secret, bytes, sizeof(s->secret));
		return 0;
	}
	snprintf(why, WHY_MAX,
		 "%.200s: not a secret of %zu bytes; remove it to have a new "
		 "one",
		 path, sizeof(s->secret));
	return VD_ESYS;
}

static bool write_all(int fd, const void *p, size_t len)
{
	return write(fd, p, len) == (ssize_t)len && fsync(fd) == 0;
}

/* Written aside and renamed, so that a crash leaves a whole one or none. */
static int make_secret(const char *path, struct state *s, char *why)
{
	char aside[PATH_MAX_LEN];
	bool is_written;
	int fd;

	random_bytes(s->secret, sizeof(s->secret));
	snprintf(aside, sizeof(aside), "%s.new", path);
	fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd < 0)
		return explain(why, aside, "cannot make");
	is_written = write_all(fd, s->secret, sizeof(s->secret));
	close(fd);
	if (!is_written || rename(aside, path) != 0) {
		int err = explain(why, path, "cannot write");

		unlink(aside);
		return err;
	}
	return 0;
}

static int keep_secret(const char *dir, struct state *s, char *why)
{
	char path[PATH_MAX_LEN - 8];
	int err;

	snprintf(path, sizeof(path), "%s/secret", dir);
	err = read_secret(path, s, why);
	if (err == VD_ENOENT)
		err = make_secret(path, s, why);
	return err;
}

int state_open(const char *dir, struct str secret, struct state *out,
	       char why[WHY_MAX])
{
	struct state s = {.lock_fd = -1};
	int err;

	err = make_dir(dir, why);
	if (err == 0)
		err = lock(dir, &s, why);
	if (err == 0 && secret.len == 0)
		err = keep_secret(dir, &s, why);
	else if (err == 0)
		err = mac_derive_key(secret, "viaduct", s.secret);
	if (err != 0) {
		state_close(&s);
		return err;
	}
	*out = s;
	return 0;
}

/* What a start as another user has left there, too. Root follows no link that
 * the user may have put into his directory. */
int state_chown(const char *dir, unsigned uid, unsigned gid)
{
	static const char *const names[] = {"lock", "secret", "viaduct.db",
					    "viaduct.db-wal", "viaduct.db-shm"};
	char path[PATH_MAX_LEN];

	if (chown(dir, uid, gid) != 0)
		return VD_ESYS;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (lchown(path, uid, gid) != 0 && errno != ENOENT)
			return VD_ESYS;
	}
	return 0;
}

void state_close(struct state *s)
{
	if (s->lock_fd >= 0)
		close(s->lock_fd); /* which unlocks it */
	s->lock_fd = -1;
}
