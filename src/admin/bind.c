/* The sockets that are listened on. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/bind.h"
#include "viaduct/util/err.h"

enum { BACKLOG = 128 };

/* As transport says it. */
static const char *reason(int err)
{
	return err == EADDRINUSE ? "address already in use" : strerror(err);
}

static int fail(int fd, char why[256], const char *what)
{
	snprintf(why, 256, "%s: %s", what, reason(errno));
	if (fd >= 0)
		close(fd);
	return VD_ESYS;
}

int bind_tcp(const union addr *addr, char why[256])
{
	char name[sizeof("admin.http: ") + ADDR_TEXT_MAX] = "admin.http: ";
	int on = 1, fd;

	addr_print(addr, name + strlen(name));
	fd = socket(addr_family(addr),
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(fd, why, name);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (addr_family(addr) == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, &addr->sa, addr_len(addr)) != 0 ||
	    listen(fd, BACKLOG) != 0)
		return fail(fd, why, name);
	return fd;
}

/* Does somebody listen there? What is left of a daemon that died refuses. */
static bool is_answered(const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool refused;

	if (fd < 0)
		return true;
	refused = connect(fd, (const struct sockaddr *)un, sizeof(*un)) != 0 &&
		  errno == ECONNREFUSED;
	close(fd);
	return !refused;
}

/* 0: the path is free now. */
static int make_room(const struct sockaddr_un *un)
{
	struct stat st;

	if (lstat(un->sun_path, &st) != 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	if (is_answered(un)) {
		errno = EADDRINUSE;
		return -1;
	}
	return unlink(un->sun_path);
}

/* One level: /run is there, /run/viaduct may not be. */
static int make_dir(const char *path, bool *has_made)
{
	const char *slash = strrchr(path, '/');
	char dir[sizeof((struct sockaddr_un){0}.sun_path)];

	*has_made = false;
	if (slash == NULL || slash == path)
		return 0;
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	if (mkdir(dir, 0755) == 0)
		*has_made = true;
	else if (errno != EEXIST)
		return -1;
	return 0;
}

/* The mode is right from the first moment on. */
static int bind_private(int fd, const struct sockaddr_un *un)
{
	mode_t old = umask(0177);
	int err = bind(fd, (const struct sockaddr *)un, sizeof(*un));

	umask(old);
	return err;
}

int bind_unix(const char *path, bool *has_made_dir, char why[256])
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char name[sizeof("admin.socket: ") + sizeof(un.sun_path)];
	int fd = -1;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	snprintf(name, sizeof(name), "admin.socket: %s", un.sun_path);
	if (make_dir(un.sun_path, has_made_dir) != 0 || make_room(&un) != 0)
		return fail(fd, why, name);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind_private(fd, &un) != 0)
		return fail(fd, why, name);
	if (listen(fd, BACKLOG) == 0)
		return fd;
	unlink(un.sun_path);
	return fail(fd, why, name);
}
