/*
 * Whole datagrams, requests and responses, through a proxy core. The first byte
 * chooses how they come and where requests go; 0x1e separates messages; in them
 * BRANCH stands for the Via branch of the request that the proxy sent last and
 * TOKEN for the token that it recorded last, which nobody could guess. In Via
 * it calls itself proxy.test, and so must a response.
 *
 * Nothing is sent: what would leave is checked instead. After the last timer
 * nothing may be in use.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz.h"
#include "proxy/proxy_priv.h"
#include "viaduct/util/err.h"

enum {
	SEPARATOR = 0x1e,
	MESSAGE_MAX = 65536,
	T1_MS = 10,
	HOUR_MS = 3600000,
};

int __wrap_transport_send(struct transport *t, const struct hop *to,
			  struct buf *b, struct conn_ref *used);

static struct proxy *proxy;
static struct proxy_env env;
static struct snapshot conf;
static struct stats stats;
static const struct plan *plan;
static size_t used_at_rest;
static char branch[128], token[128];

/* What would leave ----------------------------------------------------------
 */

/* The text after `mark` up to one of `ends`. */
static void remember(struct str text, const char *mark, const char *ends,
		     char out[128])
{
	const char *at = memmem(text.p, text.len, mark, strlen(mark));
	size_t len = 0;

	if (at == NULL)
		return;
	for (at += strlen(mark); at < text.p + text.len && len < 127; at++) {
		if (strchr(ends, *at) != NULL)
			break;
		out[len++] = *at;
	}
	out[len] = '\0';
}

int __wrap_transport_send(struct transport *t, const struct hop *to,
			  struct buf *b, struct conn_ref *used)
{
	static const struct sip_limits limits = {
		.headers = 300, .uri_size = MESSAGE_MAX, .vias = 100};
	static struct sip_hdr hdrs[301];
	struct sip_msg msg;

	(void)t;
	(void)to;
	CLAIM(sip_msg_index(buf_str(b), &limits, hdrs, &msg) == 0);
	CLAIM(msg.bytes.len == b->len);
	if (used != NULL)
		memset(used, 0, sizeof(*used));
	if (msg.is_request) {
		remember(buf_str(b), ";branch=", ";\r\n", branch);
		remember(buf_str(b), ";dlg=", ";>\r\n", token);
	}
	return 0;
}

/* The proxy -----------------------------------------------------------------
 */

#define HOP(z)                                                                 \
	{                                                                      \
		.kind = PLAN_LEAF, .next_hop = {(z), sizeof(z) - 1 }           \
	}

static const struct plan leaves[] = {HOP("sip:192.0.2.1"),
				     HOP("sip:192.0.2.2;transport=tcp")};
static const struct plan plans[] = {
	{.kind = PLAN_LEAF},
	HOP("sip:192.0.2.1"),
	{.kind = PLAN_PARALLEL, .children = leaves, .n_children = 2},
	{.kind = PLAN_SEQUENTIAL, .children = leaves, .n_children = 2},
};

static enum step_result step_plan(struct request *r)
{
	if (r->verdict.kind == VERDICT_NONE) {
		r->verdict.kind = VERDICT_FORWARD;
		r->verdict.plan = plan;
	}
	return STEP_NEXT;
}

static const struct proxy_step steps[] = {
	{"validate", step_validate}, {"preprocess", step_preprocess},
	{"self", step_self},         {"plan", step_plan},
	{"targets", step_targets},   {"forward", step_forward},
};

static void never_freed(struct snapshot *s)
{
	(void)s;
	abort();
}

static void make_conf(void)
{
	static struct domain domain;
	static struct addr_net trust;

	domain.name = STR("biloxi.com");
	CLAIM(addr_net_parse(STR("192.0.2.7"), &trust) == 0);
	atomic_init(&conf.refs, 1);
	conf.free = never_freed;
	conf.proxy = (struct proxy_conf){
		.domains = {&domain, 1},
		.trust = {&trust, 1},
		.timers = {.t1 = T1_MS, .t2 = T1_MS, .t4 = T1_MS, .c = 1000},
		.limits = {.transactions = 1000,
			   .headers = 256,
			   .vias = 70,
			   .uri_size = 2048,
			   .max_branches = 20,
			   .max_breadth = 60},
		.record_route = true,
		.name_host = STR("proxy.test"),
		.steps = steps,
		.n_steps = ARRAY_LEN(steps),
	};
}

static const struct transport_ops no_ops;

/* Listeners of this process's own, which nobody sends to. */
static void open_transport(void)
{
	static const struct transport_limits limits = {
		.connections = 10, .connections_per_source = 10};
	static struct listener_conf l[2];
	static struct post *post;
	char text[32], why[256];
	int pid = (int)getpid();

	CLAIM(post_new(1, 16, &post) == 0);
	snprintf(text, sizeof(text), "127.%d.%d.%d:5060", 128 + pid % 64,
		 pid / 64 % 256, 1 + pid / 16384 % 250);
	for (int i = 0; i < 2; i++) {
		l[i].transport = i == 0 ? SIP_UDP : SIP_TCP;
		CLAIM(addr_parse_hostport(str_from(text), 0, &l[i].addr) == 0);
		l[i].url = STR("fuzz");
	}
	if (transport_set_open(l, 2, 1, &limits, post, &env.transports, why) !=
	    0) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	CLAIM(transport_new(env.transports, 0, env.loop, env.mem, env.stats,
			    &no_ops, NULL, &env.transport) == 0);
}

static void turn_end(void *arg)
{
	loop_stop(arg);
}

static size_t n_used(void)
{
	struct mem_usage usage;

	mem_usage(env.mem, &usage);
	return usage.used;
}

static void start(void)
{
	static const uint8_t secret[MAC_KEY_LEN];

	log_max_level = LOG_ERROR;
	env.stats = &stats;
	env.n_workers = 1;
	env.secret = secret;
	CLAIM(loop_new(&env.loop) == 0 && mem_new(0, &env.mem) == 0);
	CLAIM(loop_on_turn_end(env.loop, turn_end, env.loop) == 0);
	loop_stop(env.loop);
	open_transport();
	make_conf();
	loop_run(env.loop);
	used_at_rest = n_used();
}

/* in_flight 0: no name is ever asked for. */
static void open_proxy(void)
{
	static const struct resolver_conf names = {
		.timeout_ms = 1000,
		.search_timeout_ms = 1000,
		.cache = 10,
		.families = {AF_INET6, AF_INET},
		.dead_ms = 10,
	};
	char why[256];

	CLAIM(resolver_new(env.loop, env.mem, env.stats, &names, &env.resolver,
			   why) == 0);
	CLAIM(proxy_new(&env, &conf, &proxy) == 0);
}

static void close_proxy(void)
{
	CLAIM(proxy_n_open(proxy) == 0);
	CLAIM(txn_n_open(proxy->txns) == 0);
	CLAIM(txn_n_lingering(proxy->txns) == 0);
	proxy_free(proxy);
	resolver_free(env.resolver);
	loop_run(env.loop);
	CLAIM(n_used() == used_at_rest);
}

/* What comes ----------------------------------------------------------------
 */

static void pass(uint64_t ms)
{
	struct timer_wheel *w = loop_wheel(env.loop);
	uint64_t end_ms = timer_wheel_now_ms(w) + ms;

	loop_run(env.loop);
	while (timer_wheel_now_ms(w) < end_ms) {
		int wait_ms = timer_wheel_wait_ms(w);
		uint64_t next_ms = timer_wheel_now_ms(w) + (uint64_t)wait_ms;

		if (wait_ms < 0 || next_ms > end_ms)
			next_ms = end_ms;
		timer_wheel_advance(w, next_ms);
		loop_run(env.loop);
	}
}

static size_t put(char *out, size_t len, const char *text, size_t n)
{
	if (n > MESSAGE_MAX - len)
		n = MESSAGE_MAX - len;
	memcpy(out + len, text, n);
	return len + n;
}

static void receive(struct str in, const struct flow *from)
{
	char *out = malloc(MESSAGE_MAX), *exact;
	size_t len = 0;

	while (in.len > 0) {
		size_t n = 1;

		if (str_starts(in, STR("BRANCH"))) {
			len = put(out, len, branch, strlen(branch));
			n = 6;
		} else if (str_starts(in, STR("TOKEN"))) {
			len = put(out, len, token, strlen(token));
			n = 5;
		} else {
			len = put(out, len, in.p, 1);
		}
		in = str_skip(in, n);
	}
	exact = malloc(len + 1); /* so that reading past the end shows */
	memcpy(exact, out, len);
	proxy_receive(proxy, from, (struct str){exact, len});
	loop_run(env.loop);
	free(exact);
	free(out);
}

static struct flow flow_of(uint8_t choice)
{
	bool is_tcp = (choice & 4) != 0, is_trusted = (choice & 8) != 0;
	struct flow f = {.transport = is_tcp ? SIP_TCP : SIP_UDP,
			 .listener = is_tcp};

	f.local = transport_listener(env.transports, is_tcp)->addr;
	CLAIM(addr_parse(is_trusted ? STR("192.0.2.7") : STR("192.0.2.8"), 5060,
			 &f.remote) == 0);
	return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	struct flow from;

	if (env.loop == NULL)
		start();
	if (size == 0 || size > MESSAGE_MAX)
		return 0;
	open_proxy();
	plan = &plans[data[0] & 3];
	from = flow_of(data[0]);
	for (rest = str_skip(rest, 1); rest.len > 0;) {
		size_t n = str_find(rest, SEPARATOR);

		receive((struct str){rest.p, n}, &from);
		rest = str_skip(rest, n < rest.len ? n + 1 : n);
	}
	pass(HOUR_MS);
	close_proxy();
	return 0;
}
