/*
 * Questions to name servers, with c-ares: one channel, its sockets watched by
 * the loop, identical questions sharing one query. c-ares picks random ids and
 * source ports, compares the question of an answer with ours, repeats what gets
 * no answer, and asks again over TCP when an answer is truncated.
 */
#include <ares.h>
#include <arpa/nameser.h>

#include "resolver/resolver_priv.h"
#include "viaduct/util/err.h"

enum {
	TICK_MS = 50, /* how often c-ares looks at its time-outs */
	TRIES = 3,
	UDP_SIZE = 1232, /* offered with EDNS: fits into any path */
};

struct query {
	struct hash_node node;
	struct resolver *r;
	struct list lookups; /* that wait */
	struct dns_key key;
	struct dns_chain chain;
};

/* --- c-ares' sockets and time-outs --- */

struct dns_socket {
	struct list link;
	struct resolver *r;
	struct loop_io *io;
	int fd;
};

static void on_socket_ready(void *arg, int fd, unsigned events)
{
	struct resolver *r = ((struct dns_socket *)arg)->r;

	ares_process_fd(r->dns.channel,
			events & LOOP_READ ? fd : ARES_SOCKET_BAD,
			events & LOOP_WRITE ? fd : ARES_SOCKET_BAD);
	locate_run_ready(r);
}

static struct dns_socket *socket_find(struct resolver *r, int fd)
{
	struct list *it, *tmp;

	LIST_FOREACH(it, tmp, &r->dns.sockets) {
		struct dns_socket *s = LIST_ENTRY(it, struct dns_socket, link);

		if (s->fd == fd)
			return s;
	}
	return NULL;
}

static int socket_add(struct resolver *r, int fd, unsigned events)
{
	struct dns_socket *s = mem_alloc(r->mem, sizeof(*s));

	if (s == NULL)
		return VD_ENOMEM;
	s->r = r;
	s->fd = fd;
	if (loop_io_add(r->loop, fd, events, on_socket_ready, s, &s->io) != 0) {
		mem_free(r->mem, s, sizeof(*s));
		return VD_ENOMEM;
	}
	list_add(&r->dns.sockets, &s->link);
	return 0;
}

static void socket_del(struct dns_socket *s)
{
	loop_io_del(s->io);
	list_del(&s->link);
	mem_free(s->r->mem, s, sizeof(*s));
}

/* c-ares says what it wants to know about a socket; nothing: it closes it. One
 * that cannot be watched now is tried again at the next tick. */
static void on_socket_state(void *arg, int fd, int readable, int writable)
{
	struct resolver *r = arg;
	struct dns_socket *s = socket_find(r, fd);
	unsigned events =
		(readable ? LOOP_READ : 0u) | (writable ? LOOP_WRITE : 0u);

	int err = 0;

	if (s == NULL && events != 0)
		err = socket_add(r, fd, events);
	else if (s != NULL && events != 0)
		err = loop_io_set(s->io, events);
	else if (s != NULL)
		socket_del(s);
	if (err != 0)
		r->dns.is_blind = true;
}

/* One less than c-ares can tell: its macro would shift into the sign. */
enum {
	SOCKETS_MAX = ARES_GETSOCK_MAXNUM - 1,
};

static void watch_again(struct resolver *r)
{
	ares_socket_t fds[SOCKETS_MAX];
	int wanted = ares_getsock(r->dns.channel, fds, SOCKETS_MAX);

	r->dns.is_blind = false;
	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		bool reads = ARES_GETSOCK_READABLE(wanted, i);
		bool writes = ARES_GETSOCK_WRITABLE(wanted, i);

		if (reads || writes)
			on_socket_state(r, fds[i], reads, writes);
	}
}

/* ares_timeout() walks over all queries, so it is not asked. One more tick
 * comes after the last query, for a search whose query ended while another was
 * sent.
 */
static void on_tick(struct timer *t)
{
	struct resolver *r = CONTAINER_OF(t, struct resolver, dns.tick);

	if (r->dns.is_blind)
		watch_again(r);
	ares_process_fd(r->dns.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	if (r->dns.n_queries > 0)
		timer_arm(loop_wheel(r->loop), t, TICK_MS);
	locate_run_ready(r);
}

/* --- the channel --- */

static int servers_set(struct resolver *r)
{
	const struct resolver_conf *conf = &r->conf;
	struct ares_addr_port_node *nodes;
	size_t size = conf->n_servers * sizeof(*nodes);
	int status;

	if (conf->n_servers == 0)
		return 0;
	nodes = mem_zalloc(r->mem, size);
	if (nodes == NULL)
		return VD_ENOMEM;
	for (size_t i = 0; i < conf->n_servers; i++) {
		const union addr *a = &conf->servers[i];

		if (i > 0)
			nodes[i - 1].next = &nodes[i];
		nodes[i].family = addr_family(a);
		nodes[i].udp_port = nodes[i].tcp_port = addr_port(a);
		if (nodes[i].family == AF_INET)
			nodes[i].addr.addr4 = a->in4.sin_addr;
		else
			memcpy(&nodes[i].addr.addr6, &a->in6.sin6_addr, 16);
	}
	status = ares_set_servers_ports(r->dns.channel, nodes);
	mem_free(r->mem, nodes, size);
	return status == ARES_SUCCESS ? 0 : VD_ENOMEM;
}

/* ares_query() is used throughout, so no search domain is ever appended. */
static int channel_open(struct resolver *r)
{
	struct ares_options options = {
		.flags = ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH |
			 ARES_FLAG_NOALIASES,
		.timeout = (int)r->conf.timeout_ms,
		.tries = TRIES,
		.ednspsz = UDP_SIZE,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = r,
	};
	int status = ares_init_options(
		&r->dns.channel, &options,
		ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
			ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB);

	if (status == ARES_ENOMEM)
		return VD_ENOMEM;
	return status == ARES_SUCCESS ? servers_set(r) : VD_ESYS;
}

int dns_init(struct resolver *r)
{
	int err;

	list_init(&r->dns.sockets);
	timer_init(&r->dns.tick, on_tick);
	r->dns.no_memory = dns_answer_new(r->mem, 0, 0);
	if (r->dns.no_memory == NULL)
		return VD_ENOMEM;
	r->dns.no_memory->err = VD_ENOMEM;
	err = hash_table_init(&r->dns.queries);
	return err != 0 ? err : channel_open(r);
}

void dns_fini(struct resolver *r)
{
	if (r->dns.channel != NULL)
		ares_destroy(r->dns.channel); /* ends every query */
	timer_cancel(loop_wheel(r->loop), &r->dns.tick);
	hash_table_fini(&r->dns.queries);
	dns_answer_unref(r->dns.no_memory);
}

/* --- queries --- */

_Static_assert((int)DNS_FAILURE_TTL_S <= (int)RESOLVER_NEGATIVE_MAX_S,
	       "failures are not kept for long");

static struct dns_answer *failure_new(struct resolver *r, int err)
{
	struct dns_answer *a = NULL;

	if (err != VD_ENOMEM)
		a = dns_answer_new(r->mem, 0, 0);
	if (a == NULL)
		return dns_answer_ref(r->dns.no_memory);
	a->err = err == VD_ETIMEOUT ? VD_ETIMEOUT : VD_ESERVFAIL;
	a->ttl_s = DNS_FAILURE_TTL_S;
	return a;
}

/* Everybody who waits gets the answer, even one that may not be kept. */
static void query_finish(struct query *q, struct dns_answer *a)
{
	struct resolver *r = q->r;

	hash_table_remove(&r->dns.queries, &q->node);
	r->dns.n_queries--;
	cache_put(&r->cache, &q->key, a, loop_now_ms(r->loop));
	while (!list_is_empty(&q->lookups)) {
		struct lookup *lk =
			LIST_FIRST(&q->lookups, struct lookup, link);

		list_del(&lk->link);
		lk->answer = dns_answer_ref(a);
		lk->done(lk);
	}
	dns_answer_unref(a);
	mem_free(r->mem, q, sizeof(*q));
}

static int status_err(int status)
{
	switch (status) {
	case ARES_ETIMEOUT:
		return VD_ETIMEOUT;
	case ARES_ENOMEM:
		return VD_ENOMEM;
	default: /* refused, not implemented, nobody at the port, ... */
		return VD_ESERVFAIL;
	}
}

static void query_send(struct query *q);

static void on_answer(void *arg, int status, int n_timeouts,
		      unsigned char *bytes, int len)
{
	struct query *q = arg;
	struct dns_answer *a = NULL;
	int err = status_err(status);

	(void)n_timeouts;
	if (bytes != NULL && len >= 0)
		err = dns_answer_parse(q->r->mem, bytes, (size_t)len,
				       q->key.type, &q->chain, &a);
	if (err == VD_ETIMEOUT)
		stats_add(q->r->stats, STAT_dns_timeouts, 1);
	if (err == VD_EAGAIN)
		query_send(q); /* the alias leads out of this answer */
	else
		query_finish(q, err == 0 ? a : failure_new(q->r, err));
}

static void query_send(struct query *q)
{
	stats_add(q->r->stats, STAT_dns_queries, 1);
	ares_query(q->r->dns.channel, q->chain.name, ns_c_in, q->key.type,
		   on_answer, q);
}

static struct query *query_find(struct resolver *r, const struct dns_key *key)
{
	struct hash_node *n;

	for (n = hash_table_find(&r->dns.queries, key->hash); n != NULL;
	     n = hash_table_next(n)) {
		struct query *q = CONTAINER_OF(n, struct query, node);

		if (dns_key_eq(key, q->key.type, q->key.name, q->key.len))
			return q;
	}
	return NULL;
}

static struct query *query_new(struct resolver *r, const struct dns_key *key)
{
	struct query *q = mem_alloc(r->mem, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->r = r;
	q->key = *key;
	list_init(&q->lookups);
	dns_chain_init(&q->chain, (struct str){key->name, key->len});
	hash_table_insert(&r->dns.queries, &q->node, key->hash);
	r->dns.n_queries++;
	if (!timer_is_armed(&r->dns.tick))
		timer_arm(loop_wheel(r->loop), &r->dns.tick, TICK_MS);
	return q;
}

/* A search that gave up leaves its queries behind until c-ares gives up too, so
 * they are counted apart: two (A and AAAA) for each search that may wait. */
static int query_join(struct resolver *r, struct lookup *lk,
		      const struct dns_key *key)
{
	struct query *q = query_find(r, key);
	bool is_new = q == NULL;

	if (is_new && r->dns.n_queries / 2 >= r->conf.in_flight) {
		stats_limit(r->stats, LIMIT_in_flight);
		return VD_ELIMIT;
	}
	if (is_new)
		q = query_new(r, key);
	if (q == NULL)
		return VD_ENOMEM;
	list_add_tail(&q->lookups, &lk->link);
	if (is_new)
		query_send(q); /* may fail at once, then lk->answer is set */
	else
		stats_add(r->stats, STAT_dns_coalesced, 1);
	return 0;
}

/* --- lookups --- */

/* What is known without asking; NULL: nothing. */
static struct dns_answer *known(struct resolver *r, const struct dns_key *key)
{
	struct str name = {key->name, key->len};
	struct dns_answer *a = hosts_find(&r->hosts, name, key->type);

	if (a != NULL)
		return a;
	a = cache_find(&r->cache, key, loop_now_ms(r->loop));
	stats_add(r->stats,
		  a != NULL ? STAT_dns_cache_hits : STAT_dns_cache_misses, 1);
	return a;
}

int lookup_start(struct resolver *r, struct lookup *lk, struct str name,
		 int type, bool may_wait, lookup_fn *done)
{
	struct dns_answer *a;
	struct dns_key key;
	int err;

	if (dns_key_init(&key, name, type) != 0)
		return VD_ENOENT;
	list_init(&lk->link);
	lk->done = done;
	a = known(r, &key);
	if (a != NULL)
		lk->answer = dns_answer_ref(a);
	else if (!may_wait)
		return VD_ETIMEOUT;
	err = a != NULL ? 0 : query_join(r, lk, &key);
	if (err != 0)
		return err;
	lk->is_asked = true;
	return lk->answer != NULL ? 0 : VD_EAGAIN;
}

void lookup_drop(struct lookup *lk)
{
	if (lk->is_asked)
		list_del(&lk->link);
	dns_answer_unref(lk->answer);
	lk->answer = NULL;
	lk->is_asked = false;
}
