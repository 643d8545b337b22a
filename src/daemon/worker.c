#include "daemon/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "viaduct/util/err.h"
#include "viaduct/util/hash.h"

enum { DRAIN_CHECK_MS = 20, TRIM_MS = 1000 };

struct worker {
	struct worker_env env;
	unsigned index;
	pthread_t thread;
	bool is_started;
	struct loop *loop;
	struct mem *mem;
	struct transport *transport;
	struct resolver *resolver;
	struct proxy *proxy;
	struct timer drain;
	struct timer trim; /* of memory that is not needed any more */
	struct stats stats;
};

/* What a parcel carries before its bytes. */
struct message_head {
	struct flow flow;
};

struct udp_error_head {
	union addr remote;
	int err;
};

/* Who owns a message: a hash of the Call-ID, keyed with a secret of the
 * process, so that all of a call is on one thread. A message without one is
 * nobody else's. */
static unsigned owner_of(const struct worker *w, struct str bytes)
{
	struct str call_id;

	if (w->env.n_workers == 1)
		return w->index;
	call_id = sip_bytes_call_id(bytes);
	if (call_id.len == 0)
		return w->index;
	return (unsigned)(hash_bytes(hash_process_key(), call_id.p,
				     call_id.len) %
			  w->env.n_workers);
}

/* False: no parcel is free. */
static bool pass_on(struct worker *w, unsigned to, uint16_t kind,
		    const void *head, size_t head_len, struct str bytes)
{
	struct parcel *p = parcel_new(w->env.post, (uint16_t)w->index, kind,
				      head_len + bytes.len);

	if (p == NULL) {
		stats_add(&w->stats, STAT_handovers_dropped, 1);
		return false;
	}
	memcpy(p->data, head, head_len);
	memcpy(p->data + head_len, bytes.p, bytes.len);
	stats_add(&w->stats, STAT_handovers, 1);
	parcel_send(w->env.post, to, p);
	return true;
}

/* Its connection is held until it has a transaction to hold it, or an answer.
 */
static void pass_message_on(struct worker *w, unsigned to,
			    const struct flow *from, struct str bytes)
{
	transport_hold(w->env.transports, from->conn);
	if (!pass_on(w, to, PARCEL_MESSAGE, from, sizeof(*from), bytes))
		transport_release(w->env.transports, from->conn);
}

static struct str parcel_rest(const struct parcel *p, size_t head_len)
{
	return (struct str){p->data + head_len, p->len - head_len};
}

/* From the transports ------------------------------------------------------ */

static void on_message(void *arg, const struct flow *from, struct str bytes)
{
	struct worker *w = arg;
	unsigned owner;

	while (str_starts(bytes, STR("\r\n")))
		bytes = str_skip(bytes, 2); /* RFC 3261 7.5 */
	if (bytes.len == 0)
		return; /* a keep-alive */
	owner = owner_of(w, bytes);
	if (owner == w->index)
		proxy_receive(w->proxy, from, bytes);
	else
		pass_message_on(w, owner, from, bytes);
}

static void on_broken(void *arg, const struct flow *from, struct str bytes,
		      unsigned status)
{
	struct worker *w = arg;

	proxy_broken(w->proxy, from, bytes, status);
}

static void on_udp_error(void *arg, const union addr *remote, int err,
			 struct str payload)
{
	struct worker *w = arg;
	struct udp_error_head head = {.remote = *remote, .err = err};
	unsigned owner;

	if (!proxy_payload_owner(payload, w->env.n_workers, &owner))
		return;
	if (owner == w->index)
		proxy_udp_error(w->proxy, remote, err, payload);
	else
		pass_on(w, owner, PARCEL_UDP_ERROR, &head, sizeof(head),
			payload);
}

static void on_conn_closed(void *arg, struct conn_ref conn)
{
	struct worker *w = arg;

	if (conn.worker == w->index)
		location_conn_closed(w->env.location, w->index, conn);
	proxy_conn_closed(w->proxy, conn);
}

static const struct transport_ops transport_ops = {
	.on_message = on_message,
	.on_broken = on_broken,
	.on_udp_error = on_udp_error,
	.on_conn_closed = on_conn_closed,
};

/* From the inbox ----------------------------------------------------------- */

static void deliver_message(struct worker *w, struct parcel *p)
{
	struct flow from;

	memcpy(&from, p->data, sizeof(from));
	proxy_receive(w->proxy, &from, parcel_rest(p, sizeof(from)));
	transport_release(w->env.transports, from.conn);
}

static void deliver_udp_error(struct worker *w, struct parcel *p)
{
	struct udp_error_head head;

	memcpy(&head, p->data, sizeof(head));
	proxy_udp_error(w->proxy, &head.remote, head.err,
			parcel_rest(p, sizeof(head)));
}

static void deliver_snapshot(struct worker *w, struct parcel *p)
{
	struct snapshot *s;

	memcpy(&s, p->data, sizeof(s));
	proxy_set_conf(w->proxy, s);
	snapshot_unref(s);
}

static void check_drained(struct timer *t)
{
	struct worker *w = CONTAINER_OF(t, struct worker, drain);
	struct parcel *p;

	if (proxy_n_open(w->proxy) > 0) {
		timer_arm(loop_wheel(w->loop), &w->drain, DRAIN_CHECK_MS);
		return;
	}
	p = parcel_new(w->env.post, w->index, PARCEL_DRAINED, 0);
	if (p != NULL)
		parcel_send(w->env.post, w->env.n_workers, p);
	else
		timer_arm(loop_wheel(w->loop), &w->drain, DRAIN_CHECK_MS);
}

static void on_trim(struct timer *t)
{
	struct worker *w = CONTAINER_OF(t, struct worker, trim);

	mem_trim(w->mem);
	timer_arm(loop_wheel(w->loop), &w->trim, TRIM_MS);
}

static void drain(struct worker *w)
{
	proxy_drain(w->proxy);
	transport_stop_accepting(w->transport);
	timer_arm(loop_wheel(w->loop), &w->drain, 0);
}

static void answer_ping(struct worker *w)
{
	struct parcel *p = parcel_new(w->env.post, w->index, PARCEL_PONG, 0);
	struct mem_usage usage;

	proxy_gauge(w->proxy);
	resolver_gauge(w->resolver);
	mem_usage(w->mem, &usage);
	stats_set(&w->stats.gauges[GAUGE_memory_used], usage.used);
	stats_set(&w->stats.gauges[GAUGE_memory_held], usage.held);
	if (p != NULL)
		parcel_send(w->env.post, w->env.n_workers, p);
}

static void on_parcel(void *arg, struct parcel *p)
{
	struct worker *w = arg;

	if (p->kind >= PARCEL_TRANSPORT_FIRST &&
	    p->kind <= PARCEL_TRANSPORT_LAST) {
		transport_parcel(w->transport, p);
		return;
	}
	if (p->kind >= PARCEL_STORE_FIRST && p->kind <= PARCEL_STORE_LAST) {
		location_parcel(w->env.location, p);
		return;
	}
	switch ((enum parcel_kind)p->kind) {
	case PARCEL_MESSAGE:
		deliver_message(w, p);
		break;
	case PARCEL_UDP_ERROR:
		deliver_udp_error(w, p);
		break;
	case PARCEL_SNAPSHOT:
		deliver_snapshot(w, p);
		break;
	case PARCEL_DRAIN:
		drain(w);
		break;
	case PARCEL_STOP:
		loop_stop(w->loop);
		break;
	case PARCEL_PING:
		answer_ping(w);
		break;
	case PARCEL_DRAINED:
	case PARCEL_PONG:
		break;
	}
}

/* Life
 * -----------------------------------------------------------------------------
 */

static int open_resolver(struct worker *w, const struct config *config,
			 char why[256])
{
	struct resolver_conf conf;
	char reason[256];
	int err;

	resolver_conf_from(&config->settings.resolver, w->env.n_workers, &conf);
	err = resolver_new(w->loop, w->mem, &w->stats, &conf, &w->resolver,
			   reason);
	if (err != 0) /* else `why` stays for what comes after */
		memcpy(why, reason, sizeof(reason));
	return err;
}

static void on_flow_failed(void *arg, const struct hop *flow)
{
	struct worker *w = arg;

	location_flow_failed(w->env.location, w->index, flow);
}

static int open_proxy(struct worker *w, struct config *config)
{
	struct proxy_env env = {
		.loop = w->loop,
		.mem = w->mem,
		.stats = &w->stats,
		.transports = w->env.transports,
		.transport = w->transport,
		.resolver = w->resolver,
		.sources = w->env.sources,
		.worker = w->index,
		.n_workers = w->env.n_workers,
		.secret = w->env.secret,
		.flow_failed = on_flow_failed,
		.flow_arg = w,
	};

	return proxy_new(&env, &config->snapshot, &w->proxy);
}

int worker_new(const struct worker_env *env, unsigned index,
	       struct config *config, struct worker **out, char why[256])
{
	struct worker *w = calloc(1, sizeof(*w));
	int err;

	if (w == NULL)
		return VD_ENOMEM;
	w->env = *env;
	w->index = index;
	timer_init(&w->drain, check_drained);
	timer_init(&w->trim, on_trim);
	snprintf(why, 256, "worker %u: no memory", index);
	err = mem_new(0, &w->mem);
	if (err == 0)
		err = loop_new(&w->loop);
	if (err == 0)
		err = post_join(env->post, index, w->loop, on_parcel, w);
	if (err == 0)
		err = open_resolver(w, config, why);
	if (err == 0)
		err = transport_new(env->transports, index, w->loop, w->mem,
				    &w->stats, &transport_ops, w,
				    &w->transport);
	if (err == 0)
		err = open_proxy(w, config);
	if (err == 0)
		timer_arm(loop_wheel(w->loop), &w->trim, TRIM_MS);
	*out = w; /* as far as it came; the caller takes it down */
	return err;
}

static void *run(void *arg)
{
	struct worker *w = arg;

	loop_run(w->loop);
	return NULL;
}

int worker_start(struct worker *w)
{
	sigset_t all, old;
	int err;

	sigfillset(&all); /* signals belong to the main thread */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err != 0) {
		errno = err;
		return VD_ESYS;
	}
	w->is_started = true;
	return 0;
}

void worker_join(struct worker *w)
{
	if (w->is_started)
		pthread_join(w->thread, NULL);
	w->is_started = false;
}

void worker_close(struct worker *w)
{
	proxy_free(w->proxy);
	transport_free(w->transport);
	resolver_free(w->resolver);
	w->proxy = NULL;
	w->transport = NULL;
	w->resolver = NULL;
}

void worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	loop_free(w->loop);
	if (w->mem != NULL)
		mem_free_all(w->mem);
	free(w);
}

const struct stats *worker_stats(const struct worker *w)
{
	return &w->stats;
}
