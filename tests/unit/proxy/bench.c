#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const uint8_t secret[MAC_KEY_LEN] = "a secret of the bench, 32 bytes";

uint64_t bench_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct str bench_format(const char *fmt, ...)
{
	static char ring[8][BENCH_TEXT];
	static unsigned next;
	char *out = ring[next++ % ARRAY_LEN(ring)];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(out, BENCH_TEXT, fmt, ap);
	va_end(ap);
	assert_in_range(len, 0, BENCH_TEXT - 1);
	return (struct str){out, (size_t)len};
}

union addr bench_addr(const char *hostport)
{
	union addr a;

	memset(&a, 0, sizeof(a));
	assert_int_equal(addr_parse_hostport(str_from(hostport), 5060, &a), 0);
	return a;
}

static const char *net_addr(const char *rest)
{
	return bench_format("%s%s", bench_net, rest).p;
}

struct flow bench_flow(enum sip_transport t, unsigned listener,
		       const char *remote)
{
	struct flow f = {.transport = t, .listener = (uint16_t)listener};

	f.remote = bench_addr(remote);
	f.local = bench_addr(net_addr(listener == 2 ? "11:5080" : "1:5060"));
	return f;
}

/* What the transports tell ------------------------------------------------- */

static void on_message(void *arg, const struct flow *from, struct str bytes)
{
	struct bench *b = arg;

	b->flow = *from;
	proxy_receive(b->proxy, from, bytes);
}

static void on_broken(void *arg, const struct flow *from, struct str bytes,
		      unsigned status)
{
	proxy_broken(((struct bench *)arg)->proxy, from, bytes, status);
}

static void on_udp_error(void *arg, const union addr *remote, int err,
			 struct str payload)
{
	proxy_udp_error(((struct bench *)arg)->proxy, remote, err, payload);
}

static void on_conn_closed(void *arg, struct conn_ref conn)
{
	struct bench *b = arg;

	if (b->proxy != NULL)
		proxy_conn_closed(b->proxy, conn);
}

static const struct transport_ops ops = {
	.on_message = on_message,
	.on_broken = on_broken,
	.on_udp_error = on_udp_error,
	.on_conn_closed = on_conn_closed,
};

/* The configuration -------------------------------------------------------- */

static struct bench *the_bench; /* steps have no argument of their own */

static enum step_result step_plan(struct request *r)
{
	if (r->verdict.kind == VERDICT_NONE) {
		r->verdict.kind = VERDICT_FORWARD;
		r->verdict.plan = the_bench->plan;
	}
	return STEP_NEXT;
}

static const struct proxy_step steps[] = {
	{"validate", step_validate}, {"preprocess", step_preprocess},
	{"self", step_self},         {"plan", step_plan},
	{"targets", step_targets},   {"forward", step_forward},
};

static void count_free(struct snapshot *s)
{
	CONTAINER_OF(s, struct bench_conf, snapshot)->n_freed++;
}

void bench_conf_init(struct bench *b, struct bench_conf *c)
{
	struct proxy_conf *p = &c->snapshot.proxy;

	memset(c, 0, sizeof(*c));
	atomic_init(&c->snapshot.refs, 1);
	c->snapshot.free = count_free;
	p->domains = (struct conf_array){&b->domain, 1};
	p->trust = (struct conf_array){&b->trust, 1};
	p->timers = (struct proxy_timers){.t1 = BENCH_T1_MS,
					  .t2 = 2 * BENCH_T1_MS,
					  .t4 = BENCH_T1_MS,
					  .c = BENCH_C_MS};
	p->limits = (struct proxy_limits){.transactions = 1000,
					  .headers = 64,
					  .vias = 70,
					  .uri_size = 2048,
					  .max_branches = 20,
					  .max_breadth = 60};
	p->record_route = true;
	p->steps = steps;
	p->n_steps = ARRAY_LEN(steps);
}

/* Life --------------------------------------------------------------------- */

static void add_listener(struct bench *b, enum sip_transport t,
			 const char *rest)
{
	struct listener_conf *l = &b->listeners[b->n_listeners++];

	l->transport = t;
	l->addr = bench_addr(net_addr(rest));
	l->url = STR("bench");
}

struct bench *bench_new(void)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	the_bench = b;
	assert_int_equal(loop_new(&b->loop), 0);
	assert_int_equal(mem_new(0, &b->mem), 0);
	assert_int_equal(post_new(2, 64, &b->post), 0);
	add_listener(b, SIP_UDP, "1:5060");
	add_listener(b, SIP_TCP, "1:5060");
	add_listener(b, SIP_UDP, "11:5080");
	b->domain.name = STR("biloxi.test");
	assert_int_equal(addr_net_parse(STR("127.85.0.99"), &b->trust), 0);
	bench_conf_init(b, &b->conf);
	return b;
}

static void open_transport(struct bench *b)
{
	static const struct transport_limits limits = {
		.connections = 100,
		.connections_per_source = 100,
		.message_size = 65536,
		.output_queue = 262144,
		.idle_timeout_ms = 3600000,
		.message_timeout_ms = 3600000,
	};
	char why[256];

	if (transport_set_open(b->listeners, b->n_listeners, 1, &limits,
			       b->post, &b->set, why) != 0)
		fail_msg("%s", why);
	assert_int_equal(transport_new(b->set, 0, b->loop, b->mem, &b->stats,
				       &ops, b, &b->transport),
			 0);
}

static void write_hosts(struct bench *b)
{
	FILE *f;
	int fd;

	strcpy(b->hosts, "/tmp/viaduct-hosts-XXXXXX");
	fd = mkstemp(b->hosts);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_non_null(f);
	fprintf(f, "%s2 two.test\n%s2 both.test\n%s3 both.test\n", bench_net,
		bench_net, bench_net);
	assert_int_equal(fclose(f), 0);
}

/* Names that the hosts file lacks are asked of a socket that nobody reads. */
static void open_resolver(struct bench *b)
{
	static union addr server;
	char why[256];

	write_hosts(b);
	server = bench_addr(net_addr("53:5353"));
	peer_open(b, net_addr("53:5353"));
	b->resolver_conf = (struct resolver_conf){
		.servers = &server,
		.n_servers = 1,
		.hosts_file = b->hosts,
		.timeout_ms = 60000,
		.search_timeout_ms = 60000,
		.in_flight = 100,
		.cache = 100,
		.families = {AF_INET, AF_UNSPEC},
		.dead_ms = 30000,
	};
	assert_int_equal(resolver_new(b->loop, b->mem, &b->stats,
				      &b->resolver_conf, &b->resolver, why),
			 0);
}

int bench_proxy_new(struct bench *b)
{
	return proxy_new(&b->env, &b->conf.snapshot, &b->proxy);
}

static void on_turn_end(void *arg)
{
	loop_stop(((struct bench *)arg)->loop);
}

static void on_parcel(void *arg, struct parcel *p)
{
	struct bench *b = arg;

	if (b->on_parcel == NULL || !b->on_parcel(b, p))
		transport_parcel(b->transport, p);
}

void bench_open(struct bench *b)
{
	struct source_limiter *sources;

	assert_int_equal(post_join(b->post, 0, b->loop, on_parcel, b), 0);
	assert_int_equal(loop_on_turn_end(b->loop, on_turn_end, b), 0);
	loop_stop(b->loop);
	open_transport(b);
	open_resolver(b);
	assert_int_equal(source_limiter_new(&sources), 0);
	b->env = (struct proxy_env){
		.loop = b->loop,
		.mem = b->mem,
		.stats = &b->stats,
		.transports = b->set,
		.transport = b->transport,
		.resolver = b->resolver,
		.sources = sources,
		.worker = 0,
		.n_workers = 1,
		.secret = secret,
	};
	assert_int_equal(bench_proxy_new(b), 0);
	b->caller = peer_open(b, net_addr("9"));
}

int bench_setup(void **state)
{
	struct bench *b = bench_new();

	*state = b;
	bench_open(b);
	return 0;
}

/* The last timers pass first: what is in use after them has leaked. */
int bench_teardown(void **state)
{
	struct bench *b = *state;
	struct mem_usage usage;

	bench_pass(b, 2 * BENCH_C_MS);
	assert_int_equal(proxy_n_open(b->proxy), 0);
	assert_int_equal(txn_n_open(b->proxy->txns), 0);
	assert_int_equal(txn_n_lingering(b->proxy->txns), 0);
	proxy_free(b->proxy);
	b->proxy = NULL;
	source_limiter_free(b->env.sources);
	snapshot_unref(&b->conf.snapshot);
	assert_int_equal(b->conf.n_freed, 1);
	transport_free(b->transport);
	transport_set_close(b->set);
	resolver_free(b->resolver);
	post_free(b->post);
	loop_free(b->loop);
	mem_usage(b->mem, &usage);
	assert_int_equal(usage.used, 0);
	mem_free_all(b->mem);
	unlink(b->hosts);
	while (b->n_peers > 0)
		peer_close(b->peers[--b->n_peers]);
	free(b);
	return 0;
}

/* Time --------------------------------------------------------------------- */

/* The hook at the turn's end stops the loop, and the wake-up of that makes
 * sure that the next turn does not wait. */
void bench_turn(struct bench *b)
{
	loop_run(b->loop);
}

void bench_settle(struct bench *b)
{
	for (int i = 0; i < 20; i++)
		bench_turn(b);
}

/* From timer to timer; the wheel runs ahead of the loop's clock. */
void bench_pass(struct bench *b, uint64_t ms)
{
	struct timer_wheel *w = loop_wheel(b->loop);
	uint64_t end_ms;

	bench_settle(b);
	end_ms = timer_wheel_now_ms(w) + ms + 2 * TIMER_TICK_MS;
	while (timer_wheel_now_ms(w) < end_ms) {
		int wait_ms = timer_wheel_wait_ms(w);
		uint64_t next_ms = timer_wheel_now_ms(w) + (uint64_t)wait_ms;

		if (wait_ms < 0 || next_ms > end_ms)
			next_ms = end_ms;
		timer_wheel_advance(w, next_ms);
		bench_turn(b);
	}
	bench_settle(b);
}

/* Messages ----------------------------------------------------------------- */

const char *bench_request(const char *method, const char *uri,
			  const char *branch, const char *fields)
{
	return bench_format("%s %s SIP/2.0\r\n"
			    "Via: SIP/2.0/UDP %s9;branch=z9hG4bK%s\r\n"
			    "From: <sip:alice@atlanta.test>;tag=a1\r\n"
			    "To: <sip:bob@biloxi.test>\r\n"
			    "Call-ID: call-1\r\n"
			    "CSeq: 1 %s\r\n"
			    "%s"
			    "Content-Length: 0\r\n\r\n",
			    method, uri, bench_net, branch, method, fields)
		.p;
}

/* Peers -------------------------------------------------------------------- */

static struct peer *peer_new(struct bench *b, int fd, bool is_stream)
{
	struct peer *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	assert_true(fd >= 0);
	assert_true(b->n_peers < BENCH_PEERS);
	p->bench = b;
	p->fd = fd;
	p->is_stream = is_stream;
	b->peers[b->n_peers++] = p;
	return p;
}

static int bound_socket(const char *hostport, int type)
{
	union addr a = bench_addr(hostport);
	int on = 1;
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &a.sa, addr_len(&a)) != 0)
		fail_msg("%s: %s", hostport, strerror(errno));
	return fd;
}

struct peer *peer_open(struct bench *b, const char *hostport)
{
	return peer_new(b, bound_socket(hostport, SOCK_DGRAM), false);
}

struct peer *peer_listen(struct bench *b, const char *hostport)
{
	int fd = bound_socket(hostport, SOCK_STREAM);

	assert_int_equal(listen(fd, 8), 0);
	return peer_new(b, fd, true);
}

struct peer *peer_connect(struct bench *b, const char *hostport)
{
	union addr to = bench_addr(net_addr("1:5060"));
	struct peer *p = peer_new(b, bound_socket(hostport, SOCK_STREAM), true);

	p->listener = calloc(1, sizeof(*p->listener));
	assert_non_null(p->listener);
	p->listener->fd = -1; /* there is none */
	if (connect(p->fd, &to.sa, addr_len(&to)) != 0)
		assert_int_equal(errno, EINPROGRESS);
	return p;
}

void peer_close(struct peer *p)
{
	if (p->listener != NULL)
		close(p->listener->fd);
	free(p->listener);
	close(p->fd);
	free(p);
}

void peer_send(struct peer *p, const char *text)
{
	union addr to = bench_addr(net_addr("1:5060"));
	size_t len = strlen(text);
	ssize_t n = p->is_stream ? send(p->fd, text, len, MSG_NOSIGNAL)
				 : sendto(p->fd, text, len, 0, &to.sa,
					  addr_len(&to));

	assert_int_equal(n, len);
}

/* A listening peer becomes the first stream that it accepts. */
static void accept_one(struct peer *p)
{
	struct peer *listener;
	int fd = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	listener = calloc(1, sizeof(*listener));
	assert_non_null(listener);
	listener->fd = p->fd;
	p->listener = listener;
	p->fd = fd;
}

bool peer_poll(struct peer *p)
{
	ssize_t n;

	if (p->is_stream && p->listener == NULL)
		accept_one(p);
	if (p->is_stream && p->listener == NULL)
		return false;
	n = recv(p->fd, p->text, sizeof(p->text) - 1, 0);
	if (n <= 0)
		return false;
	p->text[n] = '\0';
	if (strncmp(p->text, "ACK ", 4) != 0 &&
	    strncmp(p->text, "CANCEL ", 7) != 0)
		memcpy(p->request, p->text, (size_t)n + 1);
	return true;
}

void peer_expect(struct peer *p, const char *start)
{
	uint64_t end_ms = bench_now_ms() + BENCH_WAIT_MS;

	while (!peer_poll(p)) {
		if (bench_now_ms() > end_ms)
			fail_msg("never came: %s", start);
		bench_turn(p->bench);
	}
	if (strncmp(p->text, start, strlen(start)) != 0)
		fail_msg("not \"%s\" but:\n%s", start, p->text);
}

void peer_expect_status(struct peer *p, unsigned status)
{
	peer_expect(p, bench_format("SIP/2.0 %u ", status).p);
}

void peer_expect_nothing(struct peer *p)
{
	bench_settle(p->bench);
	if (peer_poll(p))
		fail_msg("unexpected:\n%s", p->text);
}

bool peer_has(const struct peer *p, const char *text)
{
	return strstr(p->text, text) != NULL;
}

static bool is_copied(const char *line)
{
	static const char *const names[] = {
		"Via: ",     "From: ", "To: ",
		"Call-ID: ", "CSeq: ", "Record-Route: "};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strncmp(line, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static void answer(struct peer *p, const char *request, unsigned status,
		   const char *fields)
{
	char out[BENCH_TEXT];
	int len = snprintf(out, sizeof(out), "SIP/2.0 %u Whatever\r\n", status);
	const char *line = strstr(request, "\r\n") + 2;

	while (*line != '\r') {
		const char *end = strstr(line, "\r\n");
		const char *tag = "";

		if (strncmp(line, "To: ", 4) == 0 && status > 100 &&
		    memmem(line, (size_t)(end - line), ";tag=", 5) == NULL)
			tag = bench_format(";tag=%d", p->fd).p;
		if (is_copied(line))
			len += snprintf(out + len, sizeof(out) - (size_t)len,
					"%.*s%s\r\n", (int)(end - line), line,
					tag);
		line = end + 2;
	}
	snprintf(out + len, sizeof(out) - (size_t)len,
		 "%sContent-Length: 0\r\n\r\n", fields);
	peer_send(p, out);
}

void peer_answer(struct peer *p, unsigned status, const char *fields)
{
	answer(p, p->request, status, fields);
}

void peer_answer_cancel(struct peer *p)
{
	answer(p, p->text, 200, "");
}
