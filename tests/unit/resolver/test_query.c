/* Queries: coalescing, the cache's part, aliases, truncation. */
#include "bench.h"

#include <arpa/nameser.h>
#include <stdio.h>

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

/* sip.example.com over UDP at port 5060: one question, for an A record. */
static struct locate_target address_target(const char *host)
{
	struct locate_target t = bench_target(host);

	t.port = 5060;
	return t;
}

static void find_address(struct bench *b, const char *host)
{
	struct locate_target t = address_target(host);

	bench_start(b, &t);
}

static void cached_answer_comes_at_once(void **state)
{
	struct bench *b = *state;
	struct locate_hop hop;

	name_server_add(&b->server, "a.example.com 300 A 192.0.2.1");
	find_address(b, "a.example.com");
	bench_expect(b, "udp 192.0.2.1:5060");
	assert_int_equal(bench_stat(b, STAT_dns_cache_hits), 0);
	find_address(b, "A.Example.com");
	assert_int_equal(locate_next(b->locate, &hop), 0);
	assert_int_equal(bench_stat(b, STAT_dns_cache_hits), 1);
	assert_int_equal(bench_stat(b, STAT_dns_queries), 1);
}

static void answer_is_asked_for_again_after_its_ttl(void **state)
{
	struct bench *b = *state;

	name_server_add(&b->server, "a.example.com 1 A 192.0.2.1");
	find_address(b, "a.example.com");
	bench_expect(b, "udp 192.0.2.1:5060");
	bench_run_ms(b, 500);
	find_address(b, "a.example.com");
	bench_expect(b, "udp 192.0.2.1:5060");
	assert_int_equal(b->server.n_queries, 1);
	bench_run_ms(b, 600);
	find_address(b, "a.example.com");
	bench_expect(b, "udp 192.0.2.1:5060");
	assert_int_equal(b->server.n_queries, 2);
}

static void ttl_of_zero_serves_its_own_search(void **state)
{
	struct bench *b = *state;

	name_server_add(&b->server, "a.example.com 0 A 192.0.2.1");
	for (size_t i = 1; i <= 2; i++) {
		find_address(b, "a.example.com");
		bench_expect(b, "udp 192.0.2.1:5060");
		assert_int_equal(b->server.n_queries, i);
	}
}

static void nothing_is_remembered_as_the_soa_says(void **state)
{
	struct bench *b = *state;

	b->server.negative_ttl_s = 60;
	for (int i = 0; i < 3; i++) {
		find_address(b, "nobody.example.com");
		bench_expect_end(b, VD_ENOENT);
	}
	assert_int_equal(b->server.n_queries, 1);
	b->server.has_no_soa = true;
	for (int i = 0; i < 3; i++) {
		find_address(b, "noone.example.com");
		bench_expect_end(b, VD_ENOENT);
	}
	assert_int_equal(b->server.n_queries, 4);
}

static void failure_is_remembered_for_a_while(void **state)
{
	struct bench *b = *state;
	size_t n;

	name_server_set_mood(&b->server, NULL, 0, NS_SERVFAIL);
	find_address(b, "a.example.com");
	bench_expect_end(b, VD_ESERVFAIL);
	n = b->server.n_queries;
	find_address(b, "a.example.com");
	bench_expect_end(b, VD_ESERVFAIL);
	assert_int_equal(b->server.n_queries, n);
}

static void cache_is_bounded(void **state)
{
	struct bench *b = *state;
	struct locate_hop hop;
	char text[64];

	b->conf.cache = 4;
	bench_restart(b);
	for (int i = 0; i < 6; i++) {
		snprintf(text, sizeof(text), "n%d.example.com 300 A 192.0.2.1",
			 i);
		name_server_add(&b->server, text);
		*strchr(text, ' ') = '\0';
		find_address(b, text);
		bench_expect(b, "udp 192.0.2.1:5060");
	}
	assert_int_equal(b->resolver->cache.table.count, 4);
	find_address(b, "n5.example.com");
	assert_int_equal(locate_next(b->locate, &hop), 0);
	find_address(b, "n1.example.com");
	assert_int_equal(locate_next(b->locate, &hop), VD_EAGAIN);
}

static void on_ready(void *arg)
{
	(*(size_t *)arg)++;
}

static void identical_questions_share_one_query(void **state)
{
	enum { N = 10 };
	struct bench *b = *state;
	struct locate_target t = address_target("a.example.com");
	struct locate *searches[N];
	struct locate_hop hop;
	size_t n_ready = 0;

	name_server_add(&b->server, "a.example.com 0 A 192.0.2.1");
	for (int i = 0; i < N; i++) {
		assert_int_equal(locate_start(b->resolver, &t, on_ready,
					      &n_ready, &searches[i]),
				 0);
		assert_int_equal(locate_next(searches[i], &hop), VD_EAGAIN);
	}
	bench_run_until(b, &n_ready, N);
	for (int i = 0; i < N; i++) {
		assert_int_equal(locate_next(searches[i], &hop), 0);
		locate_end(searches[i]);
	}
	assert_int_equal(n_ready, N);
	assert_int_equal(b->server.n_queries, 1);
	assert_int_equal(bench_stat(b, STAT_dns_queries), 1);
	assert_int_equal(bench_stat(b, STAT_dns_coalesced), N - 1);
}

static void alias_is_followed_in_and_beyond_the_answer(void **state)
{
	struct bench *b = *state;

	name_server_add(&b->server, "a.example.com 300 CNAME b.example.com");
	name_server_add(&b->server, "b.example.com 300 CNAME c.example.com");
	name_server_add(&b->server, "c.example.com 300 A 192.0.2.1");
	find_address(b, "a.example.com");
	bench_expect(b, "udp 192.0.2.1:5060");
	assert_int_equal(b->server.n_queries, 1);
	b->server.is_stub = true;
	bench_restart(b);
	find_address(b, "a.example.com");
	bench_expect(b, "udp 192.0.2.1:5060");
	assert_int_equal(b->server.n_queries, 4);
	find_address(b, "a.example.com");
	bench_expect(b, "udp 192.0.2.1:5060");
	assert_int_equal(b->server.n_queries, 4);
}

static void circle_of_aliases_ends(void **state)
{
	struct bench *b = *state;

	name_server_add(&b->server, "a.example.com 300 CNAME b.example.com");
	name_server_add(&b->server, "b.example.com 300 CNAME a.example.com");
	b->server.is_stub = true;
	find_address(b, "a.example.com");
	bench_expect_end(b, VD_ESERVFAIL);
	assert_true(b->server.n_queries <= RESOLVER_CNAMES_MAX + 1);
}

static void truncated_answer_is_asked_for_over_tcp(void **state)
{
	struct bench *b = *state;

	name_server_add(&b->server, "a.example.com 300 A 192.0.2.1");
	name_server_set_mood(&b->server, NULL, 0, NS_TRUNCATES);
	find_address(b, "a.example.com");
	bench_expect(b, "udp 192.0.2.1:5060");
	assert_int_equal(b->server.n_queries, 2);
	assert_int_equal(b->server.n_tcp, 1);
}

static void large_answer_fits_into_udp(void **state)
{
	struct bench *b = *state;
	char text[128];

	for (int i = 0; i < 35; i++) {
		snprintf(text, sizeof(text), "big.example.com 300 A 192.0.2.%d",
			 i + 1);
		name_server_add(&b->server, text);
	}
	find_address(b, "big.example.com");
	for (int i = 0; i < RESOLVER_TARGETS_MAX; i++) {
		snprintf(text, sizeof(text), "udp 192.0.2.%d:5060", i + 1);
		bench_expect(b, text);
	}
	bench_expect_end(b, VD_ENOENT);
	assert_int_equal(b->server.n_tcp, 0);
}

/* Sixty names that do not resolve do not hold up one that does. */
static void dead_names_do_not_delay_others(void **state)
{
	enum { N = 60 };
	struct bench *b = *state;
	struct locate *searches[N];
	struct locate_hop hop;
	uint64_t before;
	size_t n_ready = 0;
	char name[64];

	name_server_add(&b->server, "a.example.com 300 A 192.0.2.1");
	name_server_set_mood(&b->server, NULL, 0, NS_SILENT);
	name_server_set_mood(&b->server, "a.example.com", 0, NS_HONEST);
	for (int i = 0; i < N; i++) {
		struct locate_target t;

		snprintf(name, sizeof(name), "n%d.example.com", i);
		t = address_target(name);
		assert_int_equal(locate_start(b->resolver, &t, on_ready,
					      &n_ready, &searches[i]),
				 0);
		assert_int_equal(locate_next(searches[i], &hop), VD_EAGAIN);
	}
	before = loop_now_ms(b->loop);
	find_address(b, "a.example.com");
	bench_expect(b, "udp 192.0.2.1:5060");
	assert_true(loop_now_ms(b->loop) - before <= 100);
	assert_int_equal(n_ready, 0);
	for (int i = 0; i < N; i++)
		locate_end(searches[i]);
}

/* A refusal may come to light while another question is sent, so a search may
 * end inside of another's locate_next(): it is told from the loop all the same.
 * (c-ares sees one refusal for many questions; the others time out.) */
static void refusals_reach_every_search(void **state)
{
	enum { N = 10 };
	struct bench *b = *state;
	struct locate *searches[N];
	struct locate_hop hop;
	union addr nobody;
	size_t n_ready = 0, n_waiting = 0;
	char name[64];

	assert_int_equal(addr_parse(STR("127.84.1.250"), 9, &nobody), 0);
	b->conf.servers = &nobody;
	b->conf.timeout_ms = 100;
	bench_restart(b);
	for (int i = 0; i < N; i++) {
		struct locate_target t;

		snprintf(name, sizeof(name), "n%d.example.com", i);
		t = address_target(name);
		assert_int_equal(locate_start(b->resolver, &t, on_ready,
					      &n_ready, &searches[i]),
				 0);
		n_waiting += locate_next(searches[i], &hop) == VD_EAGAIN;
		assert_int_equal(n_ready, 0);
	}
	bench_run_until(b, &n_ready, n_waiting);
	for (int i = 0; i < N; i++) {
		int err = locate_next(searches[i], &hop);

		assert_true(err == VD_ESERVFAIL || err == VD_ETIMEOUT);
		locate_end(searches[i]);
	}
	assert_int_equal(n_ready, n_waiting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cached_answer_comes_at_once),
		TEST(answer_is_asked_for_again_after_its_ttl),
		TEST(ttl_of_zero_serves_its_own_search),
		TEST(nothing_is_remembered_as_the_soa_says),
		TEST(failure_is_remembered_for_a_while),
		TEST(cache_is_bounded),
		TEST(identical_questions_share_one_query),
		TEST(alias_is_followed_in_and_beyond_the_answer),
		TEST(circle_of_aliases_ends),
		TEST(truncated_answer_is_asked_for_over_tcp),
		TEST(large_answer_fits_into_udp),
		TEST(dead_names_do_not_delay_others),
		TEST(refusals_reach_every_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
