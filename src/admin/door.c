/*
 * A listening socket and its visitors. evhttp knows but one time-out, of
 * inactivity, and tells nobody who came or went before there is a request. So
 * every connection is made here, as a bufferevent of which we keep a reference:
 * we know how many there are, how old each is, and that evhttp has let go of
 * one by its having no callbacks any more (bufferevent_free() takes them off).
 */
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/admin_priv.h"
#include "viaduct/util/err.h"
#include "viaduct/util/log.h"

enum {
	VISITORS_MAX = 32, /* more wait in the kernel's queue */
	HEAD_MAX = 8192,
	BODY_MAX = 1024, /* of what is refused anyway */
	SWEEP_MS = 100,
	PAUSE_SWEEPS = 10, /* without descriptors */
};

struct visitor {
	struct list link;
	struct bufferevent *bev; /* a reference of ours */
	uint64_t until_ms;
};

struct door {
	struct loop *loop;
	const struct admin_view *view;
	union addr addr; /* AF_UNSPEC: the Unix socket */
	struct evhttp *http;
	struct evconnlistener *listener; /* evhttp's */
	struct list visitors;
	unsigned n_visitors, n_paused;
	struct timer sweep;
};

static void visitor_free(struct door *d, struct visitor *v)
{
	list_del(&v->link);
	bufferevent_decref(v->bev);
	free(v);
	d->n_visitors--;
}

static bool has_left(const struct visitor *v)
{
	bufferevent_event_cb on_event;

	bufferevent_getcb(v->bev, NULL, NULL, &on_event, NULL);
	return on_event == NULL;
}

static void open_if_room(struct door *d)
{
	if (d->n_paused > 0 && --d->n_paused > 0)
		return;
	if (d->n_visitors < VISITORS_MAX)
		evconnlistener_enable(d->listener);
}

/* Whoever is late, asking or reading, is shown out: evhttp sees an end. */
static void on_sweep(struct timer *t)
{
	struct door *d = CONTAINER_OF(t, struct door, sweep);
	uint64_t now_ms = loop_now_ms(d->loop);
	struct list *it, *tmp;

	LIST_FOREACH(it, tmp, &d->visitors) {
		struct visitor *v = LIST_ENTRY(it, struct visitor, link);

		if (has_left(v))
			visitor_free(d, v);
		else if (now_ms >= v->until_ms)
			shutdown(bufferevent_getfd(v->bev), SHUT_RDWR);
	}
	open_if_room(d);
	if (d->n_visitors > 0 || d->n_paused > 0)
		timer_arm(loop_wheel(d->loop), &d->sweep, SWEEP_MS);
}

static void sweep_soon(struct door *d)
{
	if (!timer_is_armed(&d->sweep))
		timer_arm(loop_wheel(d->loop), &d->sweep, SWEEP_MS);
}

/* evhttp gives it the descriptor. NULL: it makes one itself, which only its own
 * time-out ends; there was no memory. */
static struct bufferevent *on_visitor(struct event_base *base, void *arg)
{
	struct door *d = arg;
	struct visitor *v = malloc(sizeof(*v));

	loop_turn(d->loop);
	if (v == NULL)
		return NULL;
	v->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (v->bev == NULL) {
		free(v);
		return NULL;
	}
	bufferevent_incref(v->bev);
	v->until_ms = loop_now_ms(d->loop) + d->view->deadline_ms;
	list_add(&d->visitors, &v->link);
	if (++d->n_visitors == VISITORS_MAX)
		evconnlistener_disable(d->listener);
	sweep_soon(d);
	return v->bev;
}

/* No descriptors: the socket stays readable, so without a pause this would
 * spin. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct door *d = arg;

	loop_turn(d->loop);
	evconnlistener_disable(listener);
	d->n_paused = PAUSE_SWEEPS;
	sweep_soon(d);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct door *d = arg;
	const union addr *addr =
		addr_family(&d->addr) != AF_UNSPEC ? &d->addr : NULL;

	loop_turn(d->loop);
	page_answer(d->view, loop_now_ms(d->loop), addr, req);
}

static int door_listen(struct door *d, int *fd)
{
	struct event_base *base = loop_event_base(d->loop);

	d->listener = evconnlistener_new(
		base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
		0, *fd);
	if (d->listener == NULL)
		return VD_ENOMEM;
	*fd = -1;
	if (evhttp_bind_listener(d->http, d->listener) == NULL) {
		evconnlistener_free(d->listener);
		return VD_ENOMEM;
	}
	evconnlistener_set_error_cb(d->listener, on_accept_error);
	return 0;
}

static int door_init(struct door *d, int *fd)
{
	d->http = evhttp_new(loop_event_base(d->loop));
	if (d->http == NULL)
		return VD_ENOMEM;
	evhttp_set_max_headers_size(d->http, HEAD_MAX);
	evhttp_set_max_body_size(d->http, BODY_MAX);
	evhttp_set_allowed_methods(d->http, UINT16_MAX); /* 405 is ours */
	evhttp_set_bevcb(d->http, on_visitor, d);
	evhttp_set_gencb(d->http, on_request, d);
	return door_listen(d, fd);
}

int door_open(int fd, const union addr *addr, struct loop *loop,
	      const struct admin_view *view, struct door **out)
{
	struct door *d = calloc(1, sizeof(*d));
	int err = VD_ENOMEM;

	if (d != NULL) {
		d->loop = loop;
		d->view = view;
		if (addr != NULL)
			d->addr = *addr;
		list_init(&d->visitors);
		timer_init(&d->sweep, on_sweep);
		err = door_init(d, &fd);
	}
	if (fd >= 0)
		close(fd);
	if (err != 0)
		door_close(d);
	else
		*out = d;
	return err;
}

void door_close(struct door *d)
{
	struct list *it, *tmp;

	if (d == NULL)
		return;
	if (d->http != NULL)
		evhttp_free(d->http);
	LIST_FOREACH(it, tmp, &d->visitors)
		visitor_free(d, LIST_ENTRY(it, struct visitor, link));
	timer_cancel(loop_wheel(d->loop), &d->sweep);
	free(d);
}
