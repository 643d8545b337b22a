#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

static void on_patience(struct timer *t)
{
	(void)t;
	fail_msg("nothing happened for too long");
}

struct wait {
	struct loop *loop;
	const size_t *n;
	size_t at_least;
	struct timer timer;
};

static struct wait *now_waiting;

static void look(void *arg)
{
	struct wait *w = now_waiting;

	(void)arg;
	if (w != NULL && *w->n >= w->at_least)
		loop_stop(w->loop);
}

void bench_restart(struct bench *b)
{
	char why[256];

	locate_end(b->locate);
	b->locate = NULL;
	resolver_free(b->resolver);
	b->resolver = NULL;
	assert_int_equal(resolver_new(b->loop, b->mem, &b->stats, &b->conf,
				      &b->resolver, why),
			 0);
}

int bench_setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_int_equal(loop_new(&b->loop), 0);
	assert_int_equal(mem_new(0, &b->mem), 0);
	assert_int_equal(loop_on_turn_end(b->loop, look, NULL), 0);
	name_server_open(&b->server, b->loop);
	timer_init(&b->patience, on_patience);
	b->conf = (struct resolver_conf){
		.servers = &b->server.addr,
		.n_servers = 1,
		.timeout_ms = 1000,
		.search_timeout_ms = 5000,
		.in_flight = 100,
		.cache = 100,
		.families = {AF_INET6, AF_INET},
		.dead_ms = 30000,
	};
	bench_restart(b);
	*state = b;
	return 0;
}

int bench_teardown(void **state)
{
	struct bench *b = *state;
	struct mem_usage usage;

	locate_end(b->locate);
	resolver_free(b->resolver);
	name_server_close(&b->server);
	mem_usage(b->mem, &usage);
	assert_int_equal(usage.used, 0);
	mem_free_all(b->mem);
	loop_free(b->loop);
	free(b);
	return 0;
}

void bench_run_until(struct bench *b, const size_t *n, size_t at_least)
{
	struct wait w = {.loop = b->loop, .n = n, .at_least = at_least};

	timer_arm(loop_wheel(b->loop), &b->patience, 20000);
	now_waiting = &w;
	if (*n < at_least)
		loop_run(b->loop);
	now_waiting = NULL;
	timer_cancel(loop_wheel(b->loop), &b->patience);
}

static size_t n_alarms;

static void on_alarm(struct timer *t)
{
	(void)t;
	n_alarms++;
}

void bench_run_ms(struct bench *b, uint64_t ms)
{
	struct timer t;

	timer_init(&t, on_alarm);
	timer_arm(loop_wheel(b->loop), &t, ms);
	bench_run_until(b, &n_alarms, n_alarms + 1);
}

struct locate_target bench_target(const char *host)
{
	return (struct locate_target){
		.host = str_from(host),
		.transports = BIT_ALL,
		.has_inet = true,
	};
}

static void on_ready(void *arg)
{
	((struct bench *)arg)->n_ready++;
}

int bench_try_start(struct bench *b, const struct locate_target *target)
{
	locate_end(b->locate);
	b->locate = NULL;
	return locate_start(b->resolver, target, on_ready, b, &b->locate);
}

void bench_start(struct bench *b, const struct locate_target *target)
{
	assert_int_equal(bench_try_start(b, target), 0);
}

void bench_find(struct bench *b, const char *host)
{
	struct locate_target t = bench_target(host);

	bench_start(b, &t);
}

int bench_next(struct bench *b, struct locate_hop *hop)
{
	for (;;) {
		size_t n_ready = b->n_ready;
		int err = locate_next(b->locate, hop);

		assert_int_equal(b->n_ready, n_ready);
		if (err != VD_EAGAIN)
			return err;
		bench_run_until(b, &b->n_ready, n_ready + 1);
		assert_int_equal(b->n_ready, n_ready + 1);
	}
}

void bench_expect(struct bench *b, const char *text)
{
	char addr[ADDR_TEXT_MAX], hop_text[128];
	struct locate_hop hop;

	assert_int_equal(bench_next(b, &hop), 0);
	addr_print(&hop.addr, addr);
	snprintf(hop_text, sizeof(hop_text), "%s %s%s",
		 sip_transport_name(hop.transport), addr,
		 hop.is_suspect ? " ?" : "");
	assert_string_equal(hop_text, text);
}

void bench_expect_end(struct bench *b, int err)
{
	struct locate_hop hop;

	assert_int_equal(bench_next(b, &hop), err);
	assert_int_equal(locate_next(b->locate, &hop), err);
}

struct locate_hop bench_hop(enum sip_transport transport, const char *hostport)
{
	struct locate_hop hop = {.transport = transport};

	assert_int_equal(addr_parse_hostport(str_from(hostport), 0, &hop.addr),
			 0);
	return hop;
}

uint64_t bench_stat(const struct bench *b, enum stat i)
{
	return stats_read(&b->stats, i);
}
