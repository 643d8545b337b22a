/* Streams: accepting, connecting, and which connection a message takes. */
#include <errno.h>
#include <sys/eventfd.h>

#include "transport/conn.h"
#include "viaduct/sip/msg.h"
#include "viaduct/util/err.h"
#include "viaduct/util/log.h"

struct acceptor {
	struct transport *t;
	uint16_t listener;
	struct loop_io *io; /* NULL: accepts no more */
	struct timer pause;
	uint32_t pause_ms; /* of the next pause */
};

/* --- limits --- */

static int *listener_fd(struct transport *t, uint16_t listener)
{
	return &t->set->listeners[listener].fds[t->worker];
}

static void note_refused(struct transport *t, const union addr *a,
			 enum limit limit)
{
	static struct log_class class = LOG_CLASS(1);

	stats_add(t->stats, STAT_connections_refused, 1);
	stats_limit(t->stats, limit);
	if (log_class_allows(&class, "transport.refused"))
		log_warning(STR_NONE, "transport.refused", KV_ADDR("peer", a),
			    KV_TEXT("why", stats_limit_name(limit)));
}

/* Count a connection; `source` is NULL for one that we open. */
static int count_in(struct transport *t, const union addr *peer,
		    const union addr *source)
{
	struct transport_set *s = t->set;
	enum limit limit = LIMIT_connections;
	int err = VD_ELIMIT;

	if (atomic_fetch_add(&s->n_connections, 1) >=
	    atomic_load(&s->limits.connections))
		goto refuse;
	if (source == NULL)
		return 0;
	limit = LIMIT_connections_per_source;
	err = sources_enter(s->sources, source,
			    atomic_load(&s->limits.connections_per_source));
	if (err == 0)
		return 0;
refuse:
	atomic_fetch_sub(&s->n_connections, 1);
	note_refused(t, peer, limit);
	return err;
}

/* --- accepting --- */

static int reserve_open(void)
{
	return eventfd(0, EFD_CLOEXEC);
}

static void acceptor_resume(struct timer *timer)
{
	struct acceptor *a = CONTAINER_OF(timer, struct acceptor, pause);

	if (a->t->reserve_fd < 0)
		a->t->reserve_fd = reserve_open();
	if (a->io != NULL)
		loop_io_set(a->io, LOOP_READ);
}

/* Accept with the descriptor held in reserve, to close at once: a peer that is
 * refused tries elsewhere, one that is ignored waits. False: nobody waits. */
static bool refuse_one(struct acceptor *a, int listen_fd)
{
	int fd;

	socket_close(a->t->reserve_fd);
	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	socket_close(fd);
	a->t->reserve_fd = reserve_open();
	if (fd >= 0)
		stats_add(a->t->stats, STAT_connections_refused, 1);
	return fd >= 0 && a->t->reserve_fd >= 0;
}

/* No descriptors, or no memory in the kernel. The listening socket stays
 * readable, so without a pause this would spin. */
static void acceptor_starved(struct acceptor *a, int listen_fd)
{
	static struct log_class class = LOG_CLASS(1);

	stats_limit(a->t->stats, LIMIT_descriptors);
	if (log_class_allows(&class, "transport.starved"))
		log_error(STR_NONE, "transport.starved",
			  KV_TEXT("why", strerrordesc_np(errno)),
			  KV_UINT("pause_ms", a->pause_ms));
	for (int i = 0; i < ACCEPT_BATCH && refuse_one(a, listen_fd); i++)
		;
	loop_io_set(a->io, 0);
	timer_arm(loop_wheel(a->t->loop), &a->pause, a->pause_ms);
	if (a->pause_ms < ACCEPT_PAUSE_MAX_MS)
		a->pause_ms *= 2;
}

static void conn_accepted(struct acceptor *a, int fd, const union addr *remote)
{
	struct transport *t = a->t;
	const struct listener *l = &t->set->listeners[a->listener];
	struct flow flow = {.transport = l->conf->transport,
			    .listener = a->listener,
			    .local = l->conf->addr,
			    .remote = *remote};
	socklen_t len = sizeof(flow.local);
	struct conn *c;

	if (count_in(t, remote, remote) != 0) {
		socket_close(fd);
		return;
	}
	if (l->is_any)
		getsockname(fd, &flow.local.sa, &len);
	socket_tune_stream(fd);
	if (conn_new(t, fd, &flow, true, &c) != 0) {
		stats_add(t->stats, STAT_connections_refused, 1);
		return;
	}
	conn_begin(c);
}

/* False: no more for now. */
static bool accept_one(struct acceptor *a, int listen_fd)
{
	union addr remote;
	socklen_t len = sizeof(remote);
	int fd;

	memset(&remote, 0, sizeof(remote));
	fd = accept4(listen_fd, &remote.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		a->pause_ms = ACCEPT_PAUSE_MS;
		conn_accepted(a, fd, &remote);
		return true;
	}
	switch (errno) {
	case EAGAIN:
		return false;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		acceptor_starved(a, listen_fd);
		return false;
	default: /* of that connection: it is gone already */
		return true;
	}
}

static void acceptor_ready(void *arg, int fd, unsigned events)
{
	struct acceptor *a = arg;

	(void)events;
	for (int i = 0; i < ACCEPT_BATCH && accept_one(a, fd); i++)
		;
}

static int acceptor_init(struct acceptor *a, struct transport *t,
			 uint16_t listener)
{
	a->t = t;
	a->listener = listener;
	a->pause_ms = ACCEPT_PAUSE_MS;
	timer_init(&a->pause, acceptor_resume);
	return loop_io_add(t->loop, *listener_fd(t, listener), LOOP_READ,
			   acceptor_ready, a, &a->io);
}

static int ws_start(struct transport *t)
{
	for (size_t i = 0; i < t->set->n_listeners; i++)
		if (sip_transport_is_websocket(
			    t->set->listeners[i].conf->transport))
			return ws_decoder_new(t->mem, &t->ws);
	return 0;
}

int tcp_start(struct transport *t)
{
	struct transport_set *s = t->set;
	int err = 0;

	t->scratch = mem_alloc(t->mem, SCRATCH_SIZE);
	t->record = mem_alloc(t->mem, RECORD_SIZE);
	t->pong = buf_new(t->mem, 2);
	t->acceptors =
		mem_zalloc(t->mem, s->n_listeners * sizeof(*t->acceptors));
	if (t->scratch == NULL || t->record == NULL || t->pong == NULL ||
	    t->acceptors == NULL)
		return VD_ENOMEM;
	if (err == 0)
		err = ws_start(t);
	memcpy(t->pong->data, "\r\n", 2);
	t->pong->len = 2;
	t->reserve_fd = reserve_open();
	for (size_t i = 0; i < s->n_listeners && err == 0; i++)
		if (sip_transport_is_stream(s->listeners[i].conf->transport))
			err = acceptor_init(&t->acceptors[t->n_acceptors++], t,
					    (uint16_t)i);
	return err;
}

/* The sockets are closed, so that who knocks is refused and goes elsewhere. */
void tcp_stop_accepting(struct transport *t)
{
	for (size_t i = 0; i < t->n_acceptors; i++) {
		struct acceptor *a = &t->acceptors[i];
		int *fd = listener_fd(t, a->listener);

		timer_cancel(loop_wheel(t->loop), &a->pause);
		if (a->io == NULL)
			continue;
		loop_io_del(a->io);
		a->io = NULL;
		socket_close(*fd);
		*fd = -1;
	}
}

void tcp_stop(struct transport *t)
{
	tcp_stop_accepting(t);
	while (!list_is_empty(&t->conns)) {
		struct conn *c = LIST_FIRST(&t->conns, struct conn, link);

		/* A last word, if the kernel takes it at once. */
		conn_finish(c);
		conn_flush(c);
		conn_free(c);
	}
	ws_decoder_free(t->ws);
	socket_close(t->reserve_fd);
	mem_free(t->mem, t->acceptors,
		 t->set->n_listeners * sizeof(*t->acceptors));
	mem_free(t->mem, t->scratch, SCRATCH_SIZE);
	mem_free(t->mem, t->record, RECORD_SIZE);
	buf_unref(t->pong);
}

/* --- sending --- */

/* What a token recalls may name a connection of this process that took the
 * number since, before a restart or after. */
static struct conn *find_conn(struct transport *t, struct conn_ref ref,
			      const struct hop *to)
{
	struct conn *c = slots_find(&t->set->slots[t->worker], ref);

	if (c != NULL && to->is_recalled &&
	    (c->flow.transport != to->transport ||
	     !addr_eq(&c->flow.remote, &to->addr)))
		return NULL;
	return c;
}

/* VD_ECONN when there is no such connection (any more). */
static int send_over(struct transport *t, struct conn_ref ref,
		     const struct hop *to, struct buf *b, struct conn_ref *used)
{
	struct transport_set *s = t->set;
	struct conn *c;
	int err;

	if (conn_ref_is_none(ref) || ref.worker >= s->n_workers)
		return VD_ECONN;
	if (ref.worker == t->worker) {
		c = find_conn(t, ref, to);
		err = c != NULL ? conn_send(c, b) : VD_ECONN;
	} else {
		err = slots_is_live(&s->slots[ref.worker], ref)
			      ? parcel_send_message(t, to, ref, b, used != NULL)
			      : VD_ECONN;
	}
	if (err == 0 && used != NULL)
		*used = ref;
	return err;
}

/* For whom a connection must be, over TLS. An answer is for the host of sent-by
 * (RFC 3261 18.2.2), whatever became of the connection of its request. */
static struct str domain_of(const struct hop *to, const struct buf *b)
{
	struct sip_via via;

	if (!sip_transport_is_tls(to->transport))
		return STR_NONE;
	if (to->domain != NULL)
		return *to->domain;
	if (sip_bytes_are_response(buf_str(b)) &&
	    sip_bytes_via(buf_str(b), &via) == 0)
		return via.host;
	return STR_NONE;
}

/* Counted, not connected yet. */
static int conn_prepare(struct transport *t, const struct hop *to,
			struct str domain, struct conn **out)
{
	const struct listener *l = &t->set->listeners[to->listener];
	struct flow flow = {.transport = to->transport,
			    .listener = to->listener,
			    .local = l->conf->addr,
			    .remote = to->addr};
	int fd, err;

	*out = NULL;
	if (l->is_any && addr_family(&to->local) != AF_UNSPEC) {
		flow.local = to->local;
		addr_set_port(&flow.local, addr_port(&l->conf->addr));
	}
	fd = socket_open_stream(&flow.local);
	if (fd < 0)
		return fd;
	if (count_in(t, &to->addr, NULL) != 0) {
		socket_close(fd);
		return VD_ELIMIT;
	}
	err = conn_new(t, fd, &flow, false, out);
	if (err == 0)
		err = conn_set_domain(*out, domain);
	if (err != 0 && *out != NULL)
		conn_free(*out);
	return err;
}

/* Entered into the directory before it connects, so that workers that want the
 * same peer meanwhile wait for this connection instead of opening theirs. */
static int send_new(struct transport *t, const struct hop *to,
		    struct str domain, struct buf *b, struct conn_ref *used)
{
	struct conn_ref other;
	struct conn *c;
	int err;

	err = conn_prepare(t, to, domain, &c);
	if (err != 0)
		return err;
	other = directory_join(t->set->directory, &c->entry);
	if (!conn_ref_is_none(other)) {
		conn_free(c);
		return send_over(t, other, to, b, used);
	}
	err = socket_connect(c->fd, &to->addr);
	if (err == 0)
		err = send_over(t, c->flow.conn, to, b, used);
	if (err != 0)
		conn_abort(c, STAT_connections_failed);
	return err;
}

int tcp_send(struct transport *t, const struct hop *to, struct buf *b,
	     struct conn_ref *used)
{
	const struct listener_conf *l = t->set->listeners[to->listener].conf;
	struct conn_ref known;
	struct str domain;
	int err;

	err = send_over(t, to->conn, to, b, used);
	if (err != VD_ECONN || to->only_conn)
		return err;
	domain = domain_of(to, b);
	known = directory_find(t->set->directory, to->transport, &to->addr,
			       to->listener, domain);
	err = send_over(t, known, to, b, used);
	if (err != VD_ECONN)
		return err;
	/* RFC 7118: nobody connects to a WebSocket client. */
	if ((to->transport != SIP_TCP && to->transport != SIP_TLS) ||
	    l->transport != to->transport ||
	    addr_family(&l->addr) != addr_family(&to->addr))
		return VD_EUNREACH;
	return send_new(t, to, domain, b, used);
}

void transport_expect_input(struct transport *t, struct conn_ref ref,
			    uint32_t within_ms)
{
	struct conn *c;

	if (conn_ref_is_none(ref) || ref.worker >= t->set->n_workers)
		return;
	if (ref.worker != t->worker) {
		parcel_tell_expected(t, ref, within_ms);
		return;
	}
	c = slots_find(&t->set->slots[t->worker], ref);
	if (c != NULL)
		conn_expect_input(c, within_ms);
}

void transport_conn_close(struct transport *t, struct conn_ref ref)
{
	struct conn *c = NULL;

	if (ref.worker == t->worker)
		c = slots_find(&t->set->slots[t->worker], ref);
	if (c != NULL)
		conn_finish(c);
}

void transport_conn_give_up(struct transport *t, struct conn_ref ref)
{
	struct conn *c = NULL;

	if (ref.worker == t->worker)
		c = slots_find(&t->set->slots[t->worker], ref);
	if (c != NULL && c->state < CONN_OPEN)
		conn_abort(c, STAT_connections_failed);
}
