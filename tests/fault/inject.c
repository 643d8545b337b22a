#include "fault/inject.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <ares.h>
#include <event2/event.h>
#include <yaml.h>

#include "viaduct/util/mem.h"

struct inject *inject;

static atomic_bool is_armed; /* of this process alone */

const char *fault_name(enum fault kind)
{
	static const char *const names[N_FAULTS] = {
		"none",   "memory", "pool",  "library", "send", "receive",
		"accept", "socket", "watch", "thread",  "file", "disk"};

	return names[kind];
}

/* What the kernel may say; never that it was interrupted or would block, which
 * is no failure. */
static int errno_of(enum fault kind, unsigned choice)
{
	static const int codes[N_FAULTS][4] = {
		[FAULT_MEMORY] = {ENOMEM, ENOMEM, ENOMEM, ENOMEM},
		[FAULT_POOL] = {ENOMEM, ENOMEM, ENOMEM, ENOMEM},
		[FAULT_LIBRARY] = {ENOMEM, ENOMEM, ENOMEM, ENOMEM},
		[FAULT_SEND] = {ENOBUFS, EPERM, ENETUNREACH, ECONNRESET},
		[FAULT_RECEIVE] = {ENOMEM, ECONNRESET, ENOBUFS, EIO},
		[FAULT_ACCEPT] = {EMFILE, ECONNABORTED, ENOMEM, ENFILE},
		[FAULT_SOCKET] = {EMFILE, ENOBUFS, EACCES, ENOMEM},
		[FAULT_WATCH] = {ENOMEM, ENOSPC, EMFILE, ENOMEM},
		[FAULT_THREAD] = {EAGAIN, EAGAIN, ENOMEM, EPERM},
		[FAULT_FILE] = {ENOSPC, EIO, EACCES, EMFILE},
		[FAULT_DISK] = {ENOSPC, EIO, ENOSPC, EIO},
	};

	return codes[kind][choice % 4];
}

bool inject_fails(enum fault kind, const char *where)
{
	unsigned n;

	if (!atomic_load(&is_armed))
		return false;
	n = atomic_fetch_add(&inject->count[kind], 1) + 1;
	if (kind != inject->kind || n != inject->nth)
		return false;
	snprintf(inject->where, sizeof(inject->where), "%s", where);
	atomic_store(&inject->is_hit, true);
	errno = errno_of(kind, inject->seed + n);
	return true;
}

#define WRAP(kind, type, name, params, args, failure)                          \
	type __real_##name params;                                             \
	type __wrap_##name params;                                             \
	type __wrap_##name params                                              \
	{                                                                      \
		return inject_fails(kind, #name) ? (failure)                   \
						 : __real_##name args;         \
	}

/* clang-format off */
WRAP(FAULT_MEMORY, void *, malloc, (size_t size), (size), NULL)
WRAP(FAULT_MEMORY, void *, calloc, (size_t n, size_t size), (n, size), NULL)
WRAP(FAULT_MEMORY, void *, aligned_alloc, (size_t align, size_t size), (align, size), NULL)
WRAP(FAULT_MEMORY, void *, mmap, (void *at, size_t len, int prot, int flags, int fd, off_t from), (at, len, prot, flags, fd, from), MAP_FAILED)
WRAP(FAULT_POOL, void *, mem_alloc, (struct mem *m, size_t size), (m, size), NULL)
WRAP(FAULT_POOL, void *, mem_zalloc, (struct mem *m, size_t size), (m, size), NULL)
WRAP(FAULT_SEND, ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags), -1)
WRAP(FAULT_SEND, int, sendmmsg, (int fd, struct mmsghdr *m, unsigned n, int flags), (fd, m, n, flags), -1)
WRAP(FAULT_RECEIVE, ssize_t, recv, (int fd, void *p, size_t len, int flags), (fd, p, len, flags), -1)
WRAP(FAULT_RECEIVE, ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags), -1)
WRAP(FAULT_RECEIVE, int, recvmmsg, (int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *t), (fd, m, n, flags, t), -1)
WRAP(FAULT_ACCEPT, int, accept4, (int fd, struct sockaddr *a, socklen_t *len, int flags), (fd, a, len, flags), -1)
WRAP(FAULT_SOCKET, int, socket, (int family, int type, int protocol), (family, type, protocol), -1)
WRAP(FAULT_SOCKET, int, bind, (int fd, const struct sockaddr *a, socklen_t len), (fd, a, len), -1)
WRAP(FAULT_SOCKET, int, listen, (int fd, int backlog), (fd, backlog), -1)
WRAP(FAULT_SOCKET, int, connect, (int fd, const struct sockaddr *a, socklen_t len), (fd, a, len), -1)
WRAP(FAULT_SOCKET, int, setsockopt, (int fd, int level, int name, const void *p, socklen_t len), (fd, level, name, p, len), -1)
WRAP(FAULT_SOCKET, int, getsockopt, (int fd, int level, int name, void *p, socklen_t *len), (fd, level, name, p, len), -1)
WRAP(FAULT_SOCKET, int, getsockname, (int fd, struct sockaddr *a, socklen_t *len), (fd, a, len), -1)
WRAP(FAULT_WATCH, int, eventfd, (unsigned n, int flags), (n, flags), -1)
WRAP(FAULT_THREAD, int, pthread_create, (pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg), (t, a, fn, arg), errno)
WRAP(FAULT_FILE, ssize_t, read, (int fd, void *p, size_t len), (fd, p, len), -1)
WRAP(FAULT_FILE, ssize_t, write, (int fd, const void *p, size_t len), (fd, p, len), -1)
WRAP(FAULT_FILE, FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL)
WRAP(FAULT_FILE, int, fsync, (int fd), (fd), -1)
WRAP(FAULT_FILE, int, flock, (int fd, int what), (fd, what), -1)
WRAP(FAULT_FILE, int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
WRAP(FAULT_FILE, int, rename, (const char *from, const char *to), (from, to), -1)
WRAP(FAULT_FILE, int, stat, (const char *path, struct stat *st), (path, st), -1)
WRAP(FAULT_FILE, int, fstat, (int fd, struct stat *st), (fd, st), -1)
/* clang-format on */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	if (flags & O_CREAT) {
		va_list args;

		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	return inject_fails(FAULT_FILE, "open")
		       ? -1
		       : __real_open(path, flags, mode);
}

/* A timer needs nothing of the kernel. */
int __real_event_add(struct event *ev, const struct timeval *tv);
int __wrap_event_add(struct event *ev, const struct timeval *tv);
int __wrap_event_add(struct event *ev, const struct timeval *tv)
{
	if (tv == NULL && inject_fails(FAULT_WATCH, "event_add"))
		return -1;
	return __real_event_add(ev, tv);
}

/* Memory of libraries --------------------------------------------------------
 */

static void *library_malloc(size_t size)
{
	return inject_fails(FAULT_LIBRARY, "malloc") ? NULL
						     : __real_malloc(size);
}

static void *library_realloc(void *p, size_t size)
{
	return inject_fails(FAULT_LIBRARY, "realloc") ? NULL : realloc(p, size);
}

/* libyaml looks these up among the symbols of the program first. */
void *yaml_malloc(size_t size);
void *yaml_realloc(void *p, size_t size);
yaml_char_t *yaml_strdup(const yaml_char_t *s);

void *yaml_malloc(size_t size)
{
	return library_malloc(size > 0 ? size : 1);
}

void *yaml_realloc(void *p, size_t size)
{
	return library_realloc(p, size > 0 ? size : 1);
}

yaml_char_t *yaml_strdup(const yaml_char_t *s)
{
	size_t size = s != NULL ? strlen((const char *)s) + 1 : 0;
	yaml_char_t *copy = s != NULL ? library_malloc(size) : NULL;

	return copy != NULL ? memcpy(copy, s, size) : NULL;
}

void inject_begin(void)
{
	disk_begin();
	event_set_mem_functions(library_malloc, library_realloc, free);
	ares_library_init_mem(ARES_LIB_INIT_ALL, library_malloc, free,
			      library_realloc);
	atomic_store(&is_armed, true);
}

void inject_end(void)
{
	atomic_store(&is_armed, false);
}
