/* The listeners, bound for all workers, and what else the workers share. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "transport/local.h"
#include "transport/transport_priv.h"
#include "viaduct/util/err.h"

/* "udp://192.0.2.4:5060: address already in use" */
static void explain(const struct listener_conf *conf, char why[256])
{
	const char *text = strerrordesc_np(errno);
	struct str url = conf->url;

	if (text == NULL)
		text = vd_strerror(VD_ESYS);
	if (url.len > 128)
		url.len = 128;
	snprintf(why, 256, "%.*s: %c%s", STR_FMT(url),
		 tolower((unsigned char)text[0]), text + 1);
}

/*
 * With SO_REUSEPORT a second daemon of the same user would be given a share of
 * our messages instead of an error, so an address is first tried without it.
 */
static int listener_open(struct listener *l, unsigned n_workers)
{
	int fd = socket_bind(l->conf, l->is_any, true);

	if (fd < 0)
		return fd;
	socket_close(fd);
	for (unsigned w = 0; w < n_workers; w++) {
		l->fds[w] = socket_bind(l->conf, l->is_any, false);
		if (l->fds[w] < 0)
			return l->fds[w];
	}
	return 0;
}

static int listeners_open(struct transport_set *s,
			  const struct listener_conf *conf, char why[256])
{
	int err;

	for (size_t i = 0; i < s->n_listeners; i++) {
		s->listeners[i].conf = &conf[i];
		s->listeners[i].is_any = addr_is_any(&conf[i].addr);
		err = listener_open(&s->listeners[i], s->n_workers);
		if (err != 0) {
			explain(&conf[i], why);
			return err;
		}
	}
	return 0;
}

static int listeners_new(struct transport_set *s, size_t n)
{
	s->listeners = mem_zalloc(s->mem, n * sizeof(*s->listeners));
	if (s->listeners == NULL)
		return VD_ENOMEM;
	s->n_listeners = n;
	for (size_t i = 0; i < n; i++) {
		s->listeners[i].fds =
			mem_alloc(s->mem, s->n_workers * sizeof(int));
		if (s->listeners[i].fds == NULL)
			return VD_ENOMEM;
		for (unsigned w = 0; w < s->n_workers; w++)
			s->listeners[i].fds[w] = -1;
	}
	return 0;
}

static int slots_new(struct transport_set *s)
{
	int err = 0;

	s->slots = mem_zalloc(s->mem, s->n_workers * sizeof(*s->slots));
	if (s->slots == NULL)
		return VD_ENOMEM;
	for (unsigned w = 0; w < s->n_workers && err == 0; w++)
		err = slots_init(&s->slots[w]);
	return err;
}

void transport_set_limits(struct transport_set *s,
			  const struct transport_limits *limits)
{
	struct limits *l = &s->limits;

	atomic_store(&l->connections, limits->connections);
	atomic_store(&l->connections_per_source,
		     limits->connections_per_source);
	atomic_store(&l->message_size, limits->message_size);
	atomic_store(&l->output_queue, limits->output_queue);
	atomic_store(&l->idle_timeout_ms, limits->idle_timeout_ms);
	atomic_store(&l->message_timeout_ms, limits->message_timeout_ms);
	atomic_store(&l->handshake_timeout_ms, limits->handshake_timeout_ms);
}

static int set_new(unsigned n_workers, struct post *post,
		   struct transport_set **out)
{
	struct transport_set *s;
	struct mem *mem;
	int err;

	err = mem_new(0, &mem);
	if (err != 0)
		return err;
	s = mem_zalloc(mem, sizeof(*s));
	if (s == NULL) {
		mem_free_all(mem);
		return VD_ENOMEM;
	}
	s->mem = mem;
	s->post = post;
	s->n_workers = n_workers;
	ifaces_init(&s->ifaces);
	pthread_mutex_init(&s->tls_lock, NULL);
	*out = s;
	return 0;
}

int transport_set_open(const struct listener_conf *listeners,
		       size_t n_listeners, unsigned n_workers,
		       const struct transport_limits *limits, struct post *post,
		       struct transport_set **out, char why[256])
{
	struct transport_set *s;
	int err;

	snprintf(why, 256, "listeners: %s", vd_strerror(VD_ENOMEM));
	err = set_new(n_workers, post, &s);
	if (err != 0)
		return err;
	transport_set_limits(s, limits);
	err = listeners_new(s, n_listeners);
	if (err == 0)
		err = slots_new(s);
	if (err == 0)
		err = directory_new(s->mem, &s->directory);
	if (err == 0)
		err = sources_new(s->mem, &s->sources);
	if (err == 0)
		err = listeners_open(s, listeners, why);
	if (err == 0)
		err = transport_tls_new(s);
	if (err != 0) {
		transport_set_close(s);
		return err;
	}
	why[0] = '\0';
	*out = s;
	return 0;
}

static void listeners_close(struct transport_set *s)
{
	for (size_t i = 0; i < s->n_listeners; i++) {
		if (s->listeners[i].fds == NULL)
			break;
		for (unsigned w = 0; w < s->n_workers; w++)
			socket_close(s->listeners[i].fds[w]);
		mem_free(s->mem, s->listeners[i].fds,
			 s->n_workers * sizeof(int));
	}
	mem_free(s->mem, s->listeners, s->n_listeners * sizeof(*s->listeners));
}

void transport_set_close(struct transport_set *s)
{
	struct mem *mem;

	if (s == NULL)
		return;
	mem = s->mem;
	transport_tls_free(s);
	listeners_close(s);
	for (unsigned w = 0; s->slots != NULL && w < s->n_workers; w++)
		slots_fini(&s->slots[w]);
	mem_free(mem, s->slots, s->n_workers * sizeof(*s->slots));
	directory_free(s->directory);
	sources_free(s->sources);
	ifaces_fini(&s->ifaces);
	pthread_mutex_destroy(&s->tls_lock);
	mem_free(mem, s, sizeof(*s));
	mem_free_all(mem);
}

size_t transport_n_listeners(const struct transport_set *s)
{
	return s->n_listeners;
}

const struct listener_conf *transport_listener(const struct transport_set *s,
					       unsigned i)
{
	return s->listeners[i].conf;
}

static bool listener_fits(const struct listener *l, enum sip_transport t,
			  int family)
{
	return l->conf->transport == t && addr_family(&l->conf->addr) == family;
}

int transport_choose(const struct transport_set *s, enum sip_transport t,
		     int family, int prefer)
{
	if (prefer >= 0 && (size_t)prefer < s->n_listeners &&
	    listener_fits(&s->listeners[prefer], t, family))
		return prefer;
	for (size_t i = 0; i < s->n_listeners; i++)
		if (listener_fits(&s->listeners[i], t, family))
			return (int)i;
	return VD_EUNREACH;
}

size_t transport_n_connections(const struct transport_set *s)
{
	return atomic_load(&s->n_connections);
}

static struct slots *slots_of(struct transport_set *s, struct conn_ref conn)
{
	return conn.worker < s->n_workers ? &s->slots[conn.worker] : NULL;
}

void transport_hold(struct transport_set *s, struct conn_ref conn)
{
	struct slots *slots = slots_of(s, conn);

	if (slots != NULL)
		slots_count(slots, conn, 1);
}

void transport_release(struct transport_set *s, struct conn_ref conn)
{
	struct slots *slots = slots_of(s, conn);

	if (slots != NULL)
		slots_count(slots, conn, -1);
}

void transport_bind(struct transport_set *s, struct conn_ref conn)
{
	struct slots *slots = slots_of(s, conn);

	if (slots != NULL)
		slots_count_binding(slots, conn, 1);
}

void transport_unbind(struct transport_set *s, struct conn_ref conn)
{
	struct slots *slots = slots_of(s, conn);

	if (slots != NULL)
		slots_count_binding(slots, conn, -1);
}

bool transport_is_live(struct transport_set *s, struct conn_ref conn)
{
	struct slots *slots = slots_of(s, conn);

	return slots != NULL && slots_is_whole(slots, conn);
}
