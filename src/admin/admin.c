/* The doors, opened and closed. */
#include "viaduct/admin/admin.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/admin_priv.h"
#include "admin/bind.h"
#include "viaduct/util/err.h"
#include "viaduct/util/log.h"

struct admin {
	struct door *tcp, *local; /* NULL: not there */
	char *path;               /* of the Unix socket that is ours */
	bool has_made_dir;
};

/* libevent would write to stderr. */
static void on_libevent(int severity, const char *text)
{
	(void)severity;
	log_debug(STR_NONE, "libevent", KV_TEXT("what", text));
}

static int open_tcp(struct admin *a, struct str http, struct loop *loop,
		    const struct admin_view *view, char why[256])
{
	union addr addr;
	int fd;

	if (addr_parse_hostport(http, 0, &addr) != 0)
		return VD_EINVAL;
	fd = bind_tcp(&addr, why);
	return fd < 0 ? fd : door_open(fd, &addr, loop, view, &a->tcp);
}

static int open_local(struct admin *a, struct str path, struct loop *loop,
		      const struct admin_view *view, char why[256])
{
	char *copy = strndup(path.p, path.len);
	int fd;

	if (copy == NULL)
		return VD_ENOMEM;
	fd = bind_unix(copy, &a->has_made_dir, why);
	if (fd < 0) {
		free(copy);
		return fd;
	}
	a->path = copy;
	return door_open(fd, NULL, loop, view, &a->local);
}

static int open_socket(struct admin *a, struct str path, bool is_asked,
		       struct loop *loop, const struct admin_view *view,
		       char why[256])
{
	int err = open_local(a, path, loop, view, why);

	if (err != VD_ESYS || is_asked)
		return err;
	log_info(STR_NONE, "admin.no_socket", KV_TEXT("why", why));
	return 0;
}

int admin_open(const struct admin_section *s, bool is_asked, struct loop *loop,
	       const struct admin_view *view, struct admin **out, char why[256])
{
	struct admin *a = calloc(1, sizeof(*a));
	int err = 0;

	snprintf(why, 256, "%s", vd_strerror(VD_ENOMEM));
	if (a == NULL)
		return VD_ENOMEM;
	event_set_log_callback(on_libevent);
	if (s->http.len > 0)
		err = open_tcp(a, s->http, loop, view, why);
	if (err == 0 && s->socket.len > 0)
		err = open_socket(a, s->socket, is_asked, loop, view, why);
	if (err != 0)
		admin_close(a);
	else
		*out = a;
	return err;
}

static int chown_dir(const char *path, uid_t uid, gid_t gid)
{
	char dir[256];

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path),
		 path);
	return chown(dir, uid, gid);
}

int admin_chown(struct admin *a, uid_t uid, gid_t gid)
{
	if (a->path == NULL)
		return 0;
	if (chown(a->path, uid, gid) != 0 ||
	    (a->has_made_dir && chown_dir(a->path, uid, gid) != 0))
		return VD_ESYS;
	return 0;
}

/* A directory that belongs to somebody else may not let us remove it: the next
 * start does. */
void admin_close(struct admin *a)
{
	if (a == NULL)
		return;
	door_close(a->tcp);
	door_close(a->local);
	if (a->path != NULL)
		unlink(a->path);
	free(a->path);
	free(a);
}
