/* What the files of admin share. */
#ifndef VIADUCT_ADMIN_PRIV_H
#define VIADUCT_ADMIN_PRIV_H

#include "viaduct/admin/admin.h"

struct evbuffer;
struct evhttp_request;

/* --- metrics.c --- */

/* Everything, as Prometheus text (version 0.0.4). Returns 0 or VD_ENOMEM. */
int metrics_print(const struct admin_view *view, uint64_t now_ms,
		  struct evbuffer *out);

/* --- health.c: NULL is well, else a sentence --- */
const char *health_live(const struct admin_view *view, uint64_t now_ms);
const char *health_ready(const struct admin_view *view, uint64_t now_ms);

/* --- pages.c --- */

/* Is `host`, the value of a Host field, a name of this machine or `addr`? A
 * browser that was led here by a name of somebody else's says that name. */
bool host_is_ours(struct str host, const union addr *addr);

/* Answer one request. addr: where it was asked; NULL: on the Unix socket. */
void page_answer(const struct admin_view *view, uint64_t now_ms,
		 const union addr *addr, struct evhttp_request *req);

/* --- door.c: one listening socket and who came in through it --- */
struct door;

/* fd is the door's from here on, also on error. addr: NULL for the Unix
 * socket; copied. Returns 0 or VD_ENOMEM. */
int door_open(int fd, const union addr *addr, struct loop *loop,
	      const struct admin_view *view, struct door **out);
void door_close(struct door *d); /* NULL allowed */

#endif
