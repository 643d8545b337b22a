/* The search of RFC 3263, against a name server on the same loop. */
#include "bench.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

static void add_all(struct bench *b, const char *const *records)
{
	for (; *records != NULL; records++)
		name_server_add(&b->server, *records);
}

#define ZONE(b, ...) add_all(b, (const char *const[]){__VA_ARGS__, NULL})

/* --- section 4.1: numeric hosts and names with ports --- */

static void numeric_host_needs_no_dns(void **state)
{
	struct bench *b = *state;

	bench_find(b, "192.0.2.4");
	bench_expect(b, "udp 192.0.2.4:5060");
	bench_expect_end(b, VD_ENOENT);
	assert_int_equal(b->server.n_queries, 0);
	assert_int_equal(bench_stat(b, STAT_dns_failures), 0);
}

static void numeric_host_keeps_port_and_transport(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("[2001:db8::4]");

	t.has_inet6 = true;
	t.transport = SIP_TCP;
	t.port = 5080;
	bench_start(b, &t);
	bench_expect(b, "tcp [2001:db8::4]:5080");
	t.host = STR("2001:db8::4");
	bench_start(b, &t);
	bench_expect(b, "tcp [2001:db8::4]:5080");
}

static void numeric_host_of_sips_is_tls(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("192.0.2.4");

	t.is_sips = true;
	bench_start(b, &t);
	bench_expect(b, "tls 192.0.2.4:5061");
	t.transport = SIP_TCP; /* TLS over TCP: RFC 3261 section 26.2.2 */
	bench_start(b, &t);
	bench_expect(b, "tls 192.0.2.4:5061");
	t.transport = SIP_UDP;
	bench_start(b, &t);
	bench_expect_end(b, VD_EUNSUP);
	t.transport = SIP_WS;
	t.transports |= BIT_WS | BIT_WSS;
	bench_start(b, &t);
	bench_expect(b, "wss 192.0.2.4:443");
}

static void what_no_listener_can_send_is_never_given(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("192.0.2.4");

	t.transport = SIP_WS;
	bench_start(b, &t);
	bench_expect_end(b, VD_EUNSUP);
	t.transport = SIP_TRANSPORT_OTHER;
	bench_start(b, &t);
	bench_expect_end(b, VD_EUNSUP);
	t.transport = SIP_TRANSPORT_NONE;
	t.transports = BIT_TCP;
	bench_start(b, &t);
	bench_expect_end(b, VD_EUNSUP);
	t = bench_target("2001:db8::4");
	bench_start(b, &t);
	bench_expect_end(b, VD_EUNSUP);
	assert_int_equal(b->server.n_queries, 0);
}

static void name_with_port_asks_for_addresses_only(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("sip.example.com");

	ZONE(b, "sip.example.com 300 A 192.0.2.1",
	     "sip.example.com 300 A 192.0.2.2",
	     "sip.example.com 300 NAPTR 1 1 s SIP+D2T _sip._tcp.example.com",
	     "_sip._udp.sip.example.com 300 SRV 0 0 5062 a.example.com");
	t.port = 5060;
	bench_start(b, &t);
	bench_expect(b, "udp 192.0.2.1:5060");
	bench_expect(b, "udp 192.0.2.2:5060");
	bench_expect_end(b, VD_ENOENT);
	t.transport = SIP_TCP;
	bench_start(b, &t);
	bench_expect(b, "tcp 192.0.2.1:5060");
	t.transport = SIP_TRANSPORT_NONE;
	t.is_sips = true;
	bench_start(b, &t);
	bench_expect(b, "tls 192.0.2.1:5060");
	assert_int_equal(b->server.n_queries, 1);
}

/* --- section 4.2: SRV --- */

static void transport_without_port_asks_for_its_srv(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("example.com");

	ZONE(b, "_sip._tcp.example.com 300 SRV 1 0 5070 a.example.com",
	     "_sip._tcp.example.com 300 SRV 2 0 5071 b.example.com",
	     "_sip._udp.example.com 300 SRV 1 0 5072 a.example.com",
	     "_sips._tcp.example.com 300 SRV 1 0 5073 a.example.com",
	     "a.example.com 300 A 192.0.2.1", "a.example.com 300 A 192.0.2.2",
	     "b.example.com 300 A 192.0.2.3");
	t.transport = SIP_TCP;
	bench_start(b, &t);
	bench_expect(b, "tcp 192.0.2.1:5070");
	bench_expect(b, "tcp 192.0.2.2:5070");
	assert_int_equal(name_server_asked(&b->server, "b.example.com", 0), 0);
	bench_expect(b, "tcp 192.0.2.3:5071");
	bench_expect_end(b, VD_ENOENT);
	assert_int_equal(name_server_asked(&b->server, NULL, ns_t_naptr), 0);
	t.transport = SIP_UDP;
	bench_start(b, &t);
	bench_expect(b, "udp 192.0.2.1:5072");
	t.transport = SIP_TLS;
	bench_start(b, &t);
	bench_expect(b, "tls 192.0.2.1:5073");
	t.transport = SIP_TCP;
	t.is_sips = true;
	bench_start(b, &t);
	bench_expect(b, "tls 192.0.2.1:5073");
}

static void no_srv_means_the_host_at_the_default_port(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("example.com");

	ZONE(b, "example.com 300 A 192.0.2.1");
	t.transport = SIP_TCP;
	bench_start(b, &t);
	bench_expect(b, "tcp 192.0.2.1:5060");
	t.transport = SIP_TLS;
	bench_start(b, &t);
	bench_expect(b, "tls 192.0.2.1:5061");
	bench_expect_end(b, VD_ENOENT);
}

/* RFC 2782: the service is decidedly not available. */
static void srv_target_of_a_dot_ends_it(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("example.com");

	ZONE(b, "_sip._tcp.example.com 300 SRV 0 0 0 .",
	     "example.com 300 A 192.0.2.1");
	t.transport = SIP_TCP;
	bench_start(b, &t);
	bench_expect_end(b, VD_ENOENT);
	assert_int_equal(name_server_asked(&b->server, NULL, ns_t_a), 0);
	assert_int_equal(bench_stat(b, STAT_dns_failures), 1);
}

static void srv_port_of_zero_is_of_no_use(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("example.com");

	ZONE(b, "_sip._tcp.example.com 300 SRV 0 0 0 a.example.com",
	     "_sip._tcp.example.com 300 SRV 1 0 5060 a.example.com",
	     "a.example.com 300 A 192.0.2.1");
	t.transport = SIP_TCP;
	bench_start(b, &t);
	bench_expect(b, "tcp 192.0.2.1:5060");
	bench_expect_end(b, VD_ENOENT);
}

static void dead_srv_target_leads_to_the_next(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("example.com");

	ZONE(b, "_sip._udp.example.com 300 SRV 1 0 5060 gone.example.com",
	     "_sip._udp.example.com 300 SRV 2 0 5060 broken.example.com",
	     "_sip._udp.example.com 300 SRV 3 0 5060 c.example.com",
	     "c.example.com 300 A 192.0.2.3");
	name_server_set_mood(&b->server, "broken.example.com", 0, NS_SERVFAIL);
	t.transport = SIP_UDP;
	bench_start(b, &t);
	bench_expect(b, "udp 192.0.2.3:5060");
	bench_expect_end(b, VD_ENOENT);
}

/* --- section 4.1: NAPTR --- */

#define NAPTR(order, preference, service, to)                                  \
	"example.com 300 NAPTR " order " " preference " s " service " " to

static void naptr_order_comes_before_preference(void **state)
{
	struct bench *b = *state;

	ZONE(b, NAPTR("20", "1", "SIP+D2T", "t.example.net"),
	     NAPTR("10", "60", "sip+d2u", "u.example.net"),
	     NAPTR("10", "50", "SIPS+D2T", "s.example.net"),
	     NAPTR("5", "1", "E2U+sip", "e.example.net"),
	     "example.com 300 NAPTR 6 1 u SIP+D2U x.example.net",
	     "t.example.net 300 SRV 0 0 5060 a.example.com",
	     "u.example.net 300 SRV 0 0 5062 a.example.com",
	     "s.example.net 300 SRV 0 0 5061 a.example.com",
	     "a.example.com 300 A 192.0.2.1");
	bench_find(b, "Example.COM.");
	bench_expect(b, "tls 192.0.2.1:5061");
	assert_int_equal(name_server_asked(&b->server, NULL, ns_t_srv), 1);
	bench_expect(b, "udp 192.0.2.1:5062");
	bench_expect(b, "tcp 192.0.2.1:5060");
	bench_expect_end(b, VD_ENOENT);
}

static void naptr_of_other_transports_is_passed_over(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("example.com");

	ZONE(b, NAPTR("10", "1", "SIPS+D2T", "s.example.net"),
	     NAPTR("20", "1", "SIP+D2W", "w.example.net"),
	     NAPTR("30", "1", "SIP+D2U", "u.example.net"),
	     "s.example.net 300 SRV 0 0 5061 a.example.com",
	     "w.example.net 300 SRV 0 0 80 a.example.com",
	     "u.example.net 300 SRV 0 0 5060 a.example.com",
	     "a.example.com 300 A 192.0.2.1");
	t.transports = BIT_UDP;
	bench_start(b, &t);
	bench_expect(b, "udp 192.0.2.1:5060");
	bench_expect_end(b, VD_ENOENT);
	t.transports = BIT_WS;
	bench_start(b, &t);
	bench_expect(b, "ws 192.0.2.1:80");
	bench_expect_end(b, VD_ENOENT);
}

static void services_over_other_transports_alone_are_unsupported(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("example.com");

	ZONE(b, NAPTR("10", "1", "SIP+D2S", "s.example.net"),
	     NAPTR("20", "1", "SIP+D2Z", "z.example.net"),
	     "example.com 300 A 192.0.2.1");
	bench_start(b, &t);
	bench_expect_end(b, VD_EUNSUP);
	assert_int_equal(bench_stat(b, STAT_dns_failures), 1);
}

static void srv_is_asked_for_when_naptr_is_of_no_use(void **state)
{
	struct bench *b = *state;

	ZONE(b, NAPTR("10", "1", "SIP+D2S", "s.example.net"),
	     "_sip._tcp.example.com 300 SRV 0 0 5060 a.example.com",
	     "a.example.com 300 A 192.0.2.1");
	bench_find(b, "example.com");
	bench_expect(b, "tcp 192.0.2.1:5060");
	bench_expect_end(b, VD_ENOENT);
}

static void sips_takes_services_of_sips_only(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("example.com");

	ZONE(b, NAPTR("10", "1", "SIP+D2U", "u.example.net"),
	     NAPTR("20", "1", "SIPS+D2T", "s.example.net"),
	     "u.example.net 300 SRV 0 0 5060 a.example.com",
	     "s.example.net 300 SRV 0 0 5061 a.example.com",
	     "a.example.com 300 A 192.0.2.1");
	t.is_sips = true;
	bench_start(b, &t);
	bench_expect(b, "tls 192.0.2.1:5061");
	bench_expect_end(b, VD_ENOENT);
}

static void sips_without_naptr_asks_for_sips_tcp_only(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("example.com");

	ZONE(b, "_sip._udp.example.com 300 SRV 0 0 5060 a.example.com",
	     "_sip._tcp.example.com 300 SRV 0 0 5060 a.example.com",
	     "example.com 300 A 192.0.2.9");
	t.is_sips = true;
	bench_start(b, &t);
	bench_expect(b, "tls 192.0.2.9:5061");
	bench_expect_end(b, VD_ENOENT);
	assert_int_equal(name_server_asked(&b->server, NULL, ns_t_srv), 1);
	t.transports = BIT_UDP | BIT_TCP;
	bench_start(b, &t);
	bench_expect_end(b, VD_EUNSUP);
}

static void without_naptr_srv_is_asked_for_in_turn(void **state)
{
	struct bench *b = *state;

	ZONE(b, "_sip._tcp.example.com 300 SRV 0 0 5060 a.example.com",
	     "_sips._tcp.example.com 300 SRV 0 0 5061 a.example.com",
	     "a.example.com 300 A 192.0.2.1");
	bench_find(b, "example.com");
	bench_expect(b, "tcp 192.0.2.1:5060");
	assert_int_equal(
		name_server_asked(&b->server, "_sips._tcp.example.com", 0), 0);
	bench_expect(b, "tls 192.0.2.1:5061");
	bench_expect_end(b, VD_ENOENT);
	assert_string_equal(b->server.queries[0].name, "example.com");
	assert_string_equal(b->server.queries[1].name, "_sip._udp.example.com");
	assert_string_equal(b->server.queries[2].name, "_sip._tcp.example.com");
}

static void without_naptr_and_srv_it_is_the_host_over_udp(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("example.com");

	ZONE(b, "example.com 300 A 192.0.2.1");
	bench_start(b, &t);
	bench_expect(b, "udp 192.0.2.1:5060");
	bench_expect_end(b, VD_ENOENT);
	t.transports = BIT_TCP;
	bench_start(b, &t);
	bench_expect_end(b, VD_EUNSUP);
}

static void naptr_without_srv_is_the_host_over_its_transport(void **state)
{
	struct bench *b = *state;

	ZONE(b, NAPTR("10", "1", "SIP+D2T", "t.example.net"),
	     "example.com 300 A 192.0.2.1");
	bench_find(b, "example.com");
	bench_expect(b, "tcp 192.0.2.1:5060");
	bench_expect_end(b, VD_ENOENT);
}

static void unknown_name_has_no_hop(void **state)
{
	struct bench *b = *state;

	bench_find(b, "nobody.example.com");
	bench_expect_end(b, VD_ENOENT);
	assert_int_equal(bench_stat(b, STAT_dns_failures), 1);
}

static void what_is_no_name_is_refused(void **state)
{
	struct bench *b = *state;
	static const char *const hosts[] = {"",     ".",       "a..b",
					    "a b",  "a\\046b", "-\x80.example",
					    "[::1", "a,b",     "a/b.example"};
	struct locate *l;

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct locate_target t = bench_target(hosts[i]);

		assert_int_equal(locate_start(b->resolver, &t, NULL, NULL, &l),
				 VD_EINVAL);
	}
}

/* --- families --- */

static void families_come_in_the_configured_order(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("sip.example.com");

	ZONE(b, "sip.example.com 300 A 192.0.2.1",
	     "sip.example.com 300 AAAA 2001:db8::1");
	t.port = 5060;
	t.has_inet6 = true;
	bench_start(b, &t);
	bench_expect(b, "udp [2001:db8::1]:5060");
	bench_expect(b, "udp 192.0.2.1:5060");
	bench_expect_end(b, VD_ENOENT);
	b->conf.families[0] = AF_INET;
	b->conf.families[1] = AF_INET6;
	bench_restart(b);
	bench_start(b, &t);
	bench_expect(b, "udp 192.0.2.1:5060");
	bench_expect(b, "udp [2001:db8::1]:5060");
	bench_expect_end(b, VD_ENOENT);
}

static void family_without_listener_is_not_asked_for(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("sip.example.com");

	ZONE(b, "sip.example.com 300 A 192.0.2.1",
	     "sip.example.com 300 AAAA 2001:db8::1");
	t.port = 5060;
	bench_start(b, &t);
	bench_expect(b, "udp 192.0.2.1:5060");
	bench_expect_end(b, VD_ENOENT);
	assert_int_equal(name_server_asked(&b->server, NULL, ns_t_aaaa), 0);
	t.has_inet6 = true;
	b->conf.families[0] = AF_INET;
	b->conf.families[1] = AF_UNSPEC;
	bench_restart(b);
	bench_start(b, &t);
	bench_expect(b, "udp 192.0.2.1:5060");
	bench_expect_end(b, VD_ENOENT);
	assert_int_equal(name_server_asked(&b->server, NULL, ns_t_aaaa), 0);
	t.has_inet = t.has_inet6 = false;
	bench_start(b, &t);
	bench_expect_end(b, VD_EUNSUP);
}

/* RFC 4074: there are servers that never answer about AAAA. */
static void one_family_unanswered_does_not_cost_the_other(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("sip.example.com");

	ZONE(b, "sip.example.com 300 A 192.0.2.1");
	name_server_set_mood(&b->server, NULL, ns_t_aaaa, NS_SILENT);
	t.port = 5060;
	t.has_inet6 = true;
	b->conf.search_timeout_ms = 100;
	bench_restart(b);
	bench_start(b, &t);
	bench_expect(b, "udp 192.0.2.1:5060");
	bench_expect_end(b, VD_ENOENT);
}

/* --- name servers that fail --- */

static void servfail_is_told(void **state)
{
	struct bench *b = *state;

	name_server_set_mood(&b->server, NULL, 0, NS_SERVFAIL);
	bench_find(b, "example.com");
	bench_expect_end(b, VD_ESERVFAIL);
	assert_int_equal(bench_stat(b, STAT_dns_failures), 1);
	/* a failure to find SRV records is no reason to guess */
	assert_int_equal(name_server_asked(&b->server, NULL, ns_t_a), 0);
}

static void server_that_fails_on_naptr_is_asked_for_srv(void **state)
{
	struct bench *b = *state;

	ZONE(b, "_sip._udp.example.com 300 SRV 0 0 5060 a.example.com",
	     "a.example.com 300 A 192.0.2.1");
	name_server_set_mood(&b->server, NULL, ns_t_naptr, NS_SERVFAIL);
	bench_find(b, "example.com");
	bench_expect(b, "udp 192.0.2.1:5060");
}

static void garbage_counts_as_failure(void **state)
{
	struct bench *b = *state;

	ZONE(b, "_sip._udp.example.com 300 SRV 0 0 5060 a.example.com");
	name_server_set_mood(&b->server, NULL, 0, NS_GARBAGE);
	bench_find(b, "example.com");
	bench_expect_end(b, VD_ESERVFAIL);
}

static void silence_ends_with_the_search_timeout(void **state)
{
	struct bench *b = *state;
	uint64_t before;

	name_server_set_mood(&b->server, NULL, 0, NS_SILENT);
	b->conf.search_timeout_ms = 200;
	bench_restart(b);
	before = loop_now_ms(b->loop);
	bench_find(b, "example.com");
	bench_expect_end(b, VD_ETIMEOUT);
	assert_in_range(loop_now_ms(b->loop) - before, 190, 1000);
	assert_int_equal(bench_stat(b, STAT_dns_failures), 1);
}

/* For this hop: the next may be waited for again. */
static void after_the_timeout_what_is_known_must_do(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("known.example.com");

	ZONE(b, "_sip._udp.example.com 300 SRV 1 0 5060 silent.example.com",
	     "_sip._udp.example.com 300 SRV 2 0 5060 unknown.example.com",
	     "_sip._udp.example.com 300 SRV 3 0 5060 known.example.com",
	     "_sip._udp.example.com 300 SRV 4 0 5060 last.example.com",
	     "unknown.example.com 300 A 192.0.2.2",
	     "known.example.com 300 A 192.0.2.3",
	     "last.example.com 300 A 192.0.2.4");
	name_server_set_mood(&b->server, "silent.example.com", 0, NS_SILENT);
	b->conf.search_timeout_ms = 100;
	bench_restart(b);
	t.port = 5060;
	bench_start(b, &t);
	bench_expect(b, "udp 192.0.2.3:5060");
	bench_find(b, "example.com");
	bench_expect(b, "udp 192.0.2.3:5060");
	assert_int_equal(
		name_server_asked(&b->server, "unknown.example.com", 0), 0);
	bench_expect(b, "udp 192.0.2.4:5060");
	assert_int_equal(
		name_server_asked(&b->server, "unknown.example.com", 0), 0);
	bench_expect_end(b, VD_ENOENT);
}

static void silence_to_all_tries_is_remembered(void **state)
{
	struct bench *b = *state;

	name_server_set_mood(&b->server, NULL, 0, NS_SILENT);
	b->conf.timeout_ms = 50;
	bench_restart(b);
	bench_find(b, "example.com");
	bench_expect_end(b, VD_ETIMEOUT);
	assert_int_equal(b->server.n_queries, 3);
	b->n_ready = 0;
	bench_find(b, "example.com");
	bench_expect_end(b, VD_ETIMEOUT);
	assert_int_equal(b->n_ready, 0);
	assert_int_equal(b->server.n_queries, 3);
}

static void nobody_at_the_port_is_a_failure(void **state)
{
	struct bench *b = *state;
	union addr nobody;

	assert_int_equal(addr_parse(STR("127.84.1.250"), 9, &nobody), 0);
	b->conf.servers = &nobody;
	bench_restart(b);
	bench_find(b, "example.com");
	bench_expect_end(b, VD_ESERVFAIL);
}

static void second_server_is_asked_when_the_first_is_dead(void **state)
{
	struct bench *b = *state;
	union addr servers[2];

	assert_int_equal(addr_parse(STR("127.84.1.250"), 9, &servers[0]), 0);
	servers[1] = b->server.addr;
	ZONE(b, "_sip._udp.example.com 300 SRV 0 0 5060 a.example.com",
	     "a.example.com 300 A 192.0.2.1");
	b->conf.servers = servers;
	b->conf.n_servers = 2;
	bench_restart(b);
	bench_find(b, "example.com");
	bench_expect(b, "udp 192.0.2.1:5060");
}

/* --- hops that failed --- */

static void suspects_come_last(void **state)
{
	struct bench *b = *state;
	struct locate_hop bad = bench_hop(SIP_UDP, "192.0.2.1:5060");

	ZONE(b, "_sip._udp.example.com 300 SRV 1 0 5060 a.example.com",
	     "_sip._udp.example.com 300 SRV 2 0 5060 b.example.com",
	     "_sip._tcp.example.com 300 SRV 1 0 5060 a.example.com",
	     "a.example.com 300 A 192.0.2.1", "b.example.com 300 A 192.0.2.2");
	resolver_hop_failed(b->resolver, &bad);
	assert_int_equal(bench_stat(b, STAT_hops_failed), 1);
	bench_find(b, "example.com");
	bench_expect(b, "udp 192.0.2.2:5060");
	bench_expect(b, "tcp 192.0.2.1:5060");
	bench_expect(b, "udp 192.0.2.1:5060 ?");
	bench_expect_end(b, VD_ENOENT);
	resolver_hop_ok(b->resolver, &bad);
	bench_find(b, "example.com");
	bench_expect(b, "udp 192.0.2.1:5060");
}

static void suspect_alone_is_given(void **state)
{
	struct bench *b = *state;
	struct locate_hop bad = bench_hop(SIP_UDP, "192.0.2.4:5060");

	resolver_hop_failed(b->resolver, &bad);
	bench_find(b, "192.0.2.4");
	bench_expect(b, "udp 192.0.2.4:5060 ?");
	bench_expect_end(b, VD_ENOENT);
}

static void suspects_are_forgiven_with_time(void **state)
{
	struct bench *b = *state;
	struct locate_hop bad = bench_hop(SIP_UDP, "192.0.2.4:5060");

	b->conf.dead_ms = 50;
	bench_restart(b);
	resolver_hop_failed(b->resolver, &bad);
	bench_run_ms(b, 60);
	bench_find(b, "192.0.2.4");
	bench_expect(b, "udp 192.0.2.4:5060");
}

/* The name server dies during the walk: what was passed over is still given. */
static void suspects_are_given_after_a_timeout(void **state)
{
	struct bench *b = *state;
	struct locate_hop bad = bench_hop(SIP_UDP, "192.0.2.1:5060");

	ZONE(b, "_sip._udp.example.com 300 SRV 1 0 5060 a.example.com",
	     "_sip._udp.example.com 300 SRV 2 0 5060 b.example.com",
	     "a.example.com 300 A 192.0.2.1");
	name_server_set_mood(&b->server, "b.example.com", 0, NS_SILENT);
	b->conf.search_timeout_ms = 100;
	bench_restart(b);
	resolver_hop_failed(b->resolver, &bad);
	bench_find(b, "example.com");
	bench_expect(b, "udp 192.0.2.1:5060 ?");
	bench_expect_end(b, VD_ENOENT);
}

/* --- the hosts file --- */

static void hosts_file_answers_before_dns(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("SIP.example.com");
	char path[] = "/tmp/viaduct-hosts-XXXXXX";
	FILE *f = fdopen(mkstemp(path), "w");

	ZONE(b, "sip.example.com 300 A 192.0.2.1",
	     "_sip._tcp.example.com 300 SRV 0 0 5099 sip.example.com");
	fputs("192.0.2.77 sip.example.com\n", f);
	fclose(f);
	b->conf.hosts_file = path;
	bench_restart(b);
	unlink(path);
	t.has_inet6 = true;
	bench_start(b, &t);
	bench_expect(b, "udp 192.0.2.77:5060");
	bench_expect_end(b, VD_ENOENT);
	t.is_sips = true;
	bench_start(b, &t);
	bench_expect(b, "tls 192.0.2.77:5061");
	assert_int_equal(b->server.n_queries, 0);
	t = bench_target("example.com");
	t.transport = SIP_TCP;
	bench_start(b, &t);
	bench_expect(b, "tcp 192.0.2.77:5099");
	assert_int_equal(b->server.n_queries, 1);
}

/* --- bounds and memory --- */

static void searches_that_wait_are_bounded(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("example.com");
	struct locate_hop hop;
	struct locate *l;

	name_server_set_mood(&b->server, NULL, 0, NS_SILENT);
	b->conf.in_flight = 1;
	bench_restart(b);
	bench_find(b, "first.example.com");
	assert_int_equal(locate_next(b->locate, &hop), VD_EAGAIN);
	assert_int_equal(locate_start(b->resolver, &t, NULL, NULL, &l),
			 VD_ELIMIT);
	t = bench_target("192.0.2.4");
	assert_int_equal(locate_start(b->resolver, &t, NULL, NULL, &l), 0);
	assert_int_equal(locate_next(l, &hop), 0);
	locate_end(l);
	locate_end(b->locate);
	b->locate = NULL;
	t = bench_target("example.com");
	assert_int_equal(locate_start(b->resolver, &t, NULL, NULL, &l), 0);
	locate_end(l);
}

static void second_search_started_before_the_limit_ends_with_it(void **state)
{
	struct bench *b = *state;
	struct locate_target t = bench_target("second.example.com");
	struct locate_hop hop;
	struct locate *l;

	name_server_set_mood(&b->server, NULL, 0, NS_SILENT);
	b->conf.in_flight = 1;
	bench_restart(b);
	assert_int_equal(locate_start(b->resolver, &t, NULL, NULL, &l), 0);
	bench_find(b, "first.example.com");
	assert_int_equal(locate_next(b->locate, &hop), VD_EAGAIN);
	assert_int_equal(locate_next(l, &hop), VD_ELIMIT);
	locate_end(l);
}

/* A search that ends leaves its query behind: names must not pile up. */
static void abandoned_queries_are_bounded(void **state)
{
	struct bench *b = *state;
	struct locate_hop hop;
	char name[64];
	int err = VD_EAGAIN;
	int n;

	name_server_set_mood(&b->server, NULL, 0, NS_SILENT);
	b->conf.in_flight = 5;
	bench_restart(b);
	for (n = 0; n < 20 && err == VD_EAGAIN; n++) {
		snprintf(name, sizeof(name), "n%d.example.com", n);
		bench_find(b, name);
		err = locate_next(b->locate, &hop);
	}
	assert_int_equal(err, VD_ELIMIT);
	assert_int_equal(n, 11);
}

static void search_ended_while_it_waits_is_never_told(void **state)
{
	struct bench *b = *state;
	struct locate_hop hop;

	bench_find(b, "example.com");
	assert_int_equal(locate_next(b->locate, &hop), VD_EAGAIN);
	locate_end(b->locate);
	b->locate = NULL;
	bench_run_until(b, &b->server.n_queries, 1);
	bench_run_ms(b, 30);
	assert_int_equal(b->n_ready, 0);
}

static void resolver_may_go_before_its_searches(void **state)
{
	struct bench *b = *state;
	struct locate_hop hop;

	bench_find(b, "example.com");
	assert_int_equal(locate_next(b->locate, &hop), VD_EAGAIN);
	resolver_free(b->resolver);
	b->resolver = NULL;
	bench_run_ms(b, 20);
	assert_int_equal(b->n_ready, 0);
	assert_int_equal(locate_next(b->locate, &hop), VD_ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numeric_host_needs_no_dns),
		TEST(numeric_host_keeps_port_and_transport),
		TEST(numeric_host_of_sips_is_tls),
		TEST(what_no_listener_can_send_is_never_given),
		TEST(name_with_port_asks_for_addresses_only),
		TEST(transport_without_port_asks_for_its_srv),
		TEST(no_srv_means_the_host_at_the_default_port),
		TEST(srv_target_of_a_dot_ends_it),
		TEST(srv_port_of_zero_is_of_no_use),
		TEST(dead_srv_target_leads_to_the_next),
		TEST(naptr_order_comes_before_preference),
		TEST(naptr_of_other_transports_is_passed_over),
		TEST(services_over_other_transports_alone_are_unsupported),
		TEST(srv_is_asked_for_when_naptr_is_of_no_use),
		TEST(sips_takes_services_of_sips_only),
		TEST(sips_without_naptr_asks_for_sips_tcp_only),
		TEST(without_naptr_srv_is_asked_for_in_turn),
		TEST(without_naptr_and_srv_it_is_the_host_over_udp),
		TEST(naptr_without_srv_is_the_host_over_its_transport),
		TEST(unknown_name_has_no_hop),
		TEST(what_is_no_name_is_refused),
		TEST(families_come_in_the_configured_order),
		TEST(family_without_listener_is_not_asked_for),
		TEST(one_family_unanswered_does_not_cost_the_other),
		TEST(servfail_is_told),
		TEST(server_that_fails_on_naptr_is_asked_for_srv),
		TEST(garbage_counts_as_failure),
		TEST(silence_ends_with_the_search_timeout),
		TEST(after_the_timeout_what_is_known_must_do),
		TEST(silence_to_all_tries_is_remembered),
		TEST(nobody_at_the_port_is_a_failure),
		TEST(second_server_is_asked_when_the_first_is_dead),
		TEST(suspects_come_last),
		TEST(suspect_alone_is_given),
		TEST(suspects_are_forgiven_with_time),
		TEST(suspects_are_given_after_a_timeout),
		TEST(hosts_file_answers_before_dns),
		TEST(searches_that_wait_are_bounded),
		TEST(second_search_started_before_the_limit_ends_with_it),
		TEST(abandoned_queries_are_bounded),
		TEST(search_ended_while_it_waits_is_never_told),
		TEST(resolver_may_go_before_its_searches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
