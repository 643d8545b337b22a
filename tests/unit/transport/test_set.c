/* Listeners: binding them, choosing among them, and which addresses are ours.
 */
#include <ifaddrs.h>
#include <unistd.h>

#include "bench.h"

static int setup(void **state)
{
	*state = bench_new();
	return 0;
}

/* --- binding --- */

static void open_fails(struct bench *b, const char *sentence)
{
	char why[256];

	assert_int_equal(bench_open(b, why), VD_ESYS);
	assert_string_equal(why, sentence);
	assert_null(b->set);
}

static void an_address_in_use_is_found(void **state)
{
	struct bench *b = *state;
	int fd = peer_udp("127.83.4.1:5060");

	bench_listen(b, SIP_UDP, "127.83.4.1:5060");
	open_fails(b, "127.83.4.1:5060: address already in use");
	close(fd);

	fd = peer_listen("127.83.4.1:5060");
	b->listeners[0].transport = SIP_TCP;
	open_fails(b, "127.83.4.1:5060: address already in use");
	close(fd);
}

/* It would be let in by SO_REUSEPORT and take half of the messages. */
static void a_second_daemon_is_found(void **state)
{
	struct bench *b = *state, *second = bench_new();

	for (enum sip_transport t = SIP_UDP; t <= SIP_TCP; t++) {
		bench_listen(b, t, "127.83.4.1:5060");
		bench_listen(second, t, "127.83.4.1:5060");
	}
	bench_start(b);
	open_fails(second, "127.83.4.1:5060: address already in use");
	second->listeners[0].transport = SIP_TCP;
	open_fails(second, "127.83.4.1:5060: address already in use");
	bench_free(second);
}

static void an_address_that_is_not_ours_cannot_be_bound(void **state)
{
	struct bench *b = *state;

	bench_listen(b, SIP_UDP, "192.0.2.1:5060");
	open_fails(b, "192.0.2.1:5060: cannot assign requested address");
}

static void a_port_in_time_wait_can_be_bound(void **state)
{
	struct bench *b = *state, *next = bench_new();
	int fd;

	bench_listen(b, SIP_TCP, "127.83.4.1:5060");
	bench_listen(next, SIP_TCP, "127.83.4.1:5060");
	bench_start(b);
	fd = peer_connect("127.83.4.9:0", "127.83.4.1:5060");
	bench_until(b, transport_n_connections(b->set) == 1);
	bench_stop_worker(b, 0); /* we close first: our end waits */
	transport_set_close(b->set);
	b->set = NULL;
	bench_start(next);
	close(fd);
	bench_free(next);
}

static void ipv4_and_ipv6_wildcards_share_a_port(void **state)
{
	struct bench *b = *state;

	bench_listen(b, SIP_UDP, "0.0.0.0:5083");
	bench_listen(b, SIP_UDP, "[::]:5083");
	bench_listen(b, SIP_TCP, "0.0.0.0:5083");
	bench_listen(b, SIP_TCP, "[::]:5083");
	bench_start(b);
}

/* --- wildcards --- */

static void answered_from(struct bench *b, const char *peer, const char *asked)
{
	union addr want = bench_addr(asked), from;
	int fd = peer_udp(peer);
	char text[8];

	peer_send_to(fd, asked, STR("OPTIONS"));
	assert_int_equal(peer_receive(b, fd, text, sizeof(text), &from), 2);
	assert_true(addr_eq(&from, &want));
	assert_true(addr_eq(&b->w[0].from.local, &want));
	close(fd);
}

static void a_wildcard_answers_from_the_address_that_was_asked(void **state)
{
	struct bench *b = *state;

	bench_listen(b, SIP_UDP, "0.0.0.0:5083");
	bench_listen(b, SIP_UDP, "[::]:5083");
	bench_start(b);
	b->answer = STR("OK");
	answered_from(b, "127.83.1.9:5062", "127.83.1.2:5083");
	answered_from(b, "127.83.1.9:5062", "127.83.1.3:5083");
	answered_from(b, "[::1]:5063", "[::1]:5083");
}

static void a_wildcard_knows_where_a_connection_was_accepted(void **state)
{
	struct bench *b = *state;
	union addr asked = bench_addr("127.83.1.2:5083");
	int fd;

	bench_listen(b, SIP_TCP, "0.0.0.0:5083");
	bench_start(b);
	fd = peer_connect("127.83.1.9:0", "127.83.1.2:5083");
	bench_until(b, transport_n_connections(b->set) == 1);
	peer_write(fd, STR("OPTIONS sip:a@b SIP/2.0\r\nl: 0\r\n\r\n"));
	bench_until(b, b->w[0].n_messages == 1);
	assert_true(addr_eq(&b->w[0].from.local, &asked));
	close(fd);
}

static void a_wildcard_connects_from_the_address_it_is_told(void **state)
{
	struct bench *b = *state;
	struct hop to = bench_hop(SIP_TCP, 0, "127.83.1.8:5070");
	int listen_fd = peer_listen("127.83.1.8:5070"), fd;
	union addr from, want = bench_addr("127.83.1.5:1");
	socklen_t len = sizeof(from);

	bench_listen(b, SIP_TCP, "0.0.0.0:5083");
	bench_start(b);
	to.local = bench_addr("127.83.1.5:5083");
	assert_int_equal(bench_send(b, 0, &to, STR("x"), NULL), 0);
	fd = peer_accept(b, listen_fd);
	memset(&from, 0, sizeof(from));
	getpeername(fd, &from.sa, &len);
	assert_true(addr_ip_eq(&from, &want));
	assert_int_not_equal(addr_port(&from), 5083);
	close(fd);
	close(listen_fd);
}

/* --- choosing --- */

static void a_listener_of_transport_and_family_is_chosen(void **state)
{
	struct bench *b = *state;

	bench_listen(b, SIP_UDP, "127.83.4.1:5060");
	bench_listen(b, SIP_UDP, "127.83.4.2:5060");
	bench_listen(b, SIP_TCP, "127.83.4.2:5060");
	bench_listen(b, SIP_UDP, "[::1]:5083");
	bench_start(b);
	assert_int_equal(transport_n_listeners(b->set), 4);
	assert_int_equal(transport_choose(b->set, SIP_UDP, AF_INET, -1), 0);
	assert_int_equal(transport_choose(b->set, SIP_UDP, AF_INET, 1), 1);
	assert_int_equal(transport_choose(b->set, SIP_UDP, AF_INET, 2), 0);
	assert_int_equal(transport_choose(b->set, SIP_UDP, AF_INET, 99), 0);
	assert_int_equal(transport_choose(b->set, SIP_TCP, AF_INET, 0), 2);
	assert_int_equal(transport_choose(b->set, SIP_UDP, AF_INET6, 0), 3);
	assert_int_equal(transport_choose(b->set, SIP_TCP, AF_INET6, 0),
			 VD_EUNREACH);
	assert_int_equal(transport_choose(b->set, SIP_TLS, AF_INET, 0),
			 VD_EUNREACH);
}

static bool ours(struct bench *b, enum sip_transport t, const char *hostport)
{
	union addr a = bench_addr(hostport);

	return transport_is_ours(b->set, t, &a);
}

static void ours_is_address_and_port_of_a_listener(void **state)
{
	struct bench *b = *state;

	bench_listen(b, SIP_UDP, "127.83.4.1:5060");
	bench_listen(b, SIP_TCP, "127.83.4.2:5070");
	bench_start(b);
	assert_true(ours(b, SIP_UDP, "127.83.4.1:5060"));
	assert_true(ours(b, SIP_TRANSPORT_NONE, "127.83.4.1:5060"));
	assert_true(ours(b, SIP_TRANSPORT_NONE, "127.83.4.2:5070"));
	assert_false(ours(b, SIP_TCP, "127.83.4.1:5060"));
	assert_false(ours(b, SIP_UDP, "127.83.4.1:5061"));
	assert_false(ours(b, SIP_UDP, "127.83.4.2:5060"));
	assert_true(ours(b, SIP_UDP, "0.0.0.0:5060")); /* leads to us, too */
}

/* Each address that the interfaces have, and no other. */
static void a_wildcard_stands_for_all_interfaces(void **state)
{
	struct bench *b = *state;
	struct ifaddrs *list;
	union addr a;

	bench_listen(b, SIP_UDP, "0.0.0.0:5083");
	bench_start(b);
	assert_true(ours(b, SIP_UDP, "127.83.1.2:5083"));
	assert_false(ours(b, SIP_UDP, "127.83.1.2:5060"));
	assert_false(ours(b, SIP_UDP, "192.0.2.1:5083"));
	assert_false(ours(b, SIP_UDP, "[::1]:5083"));
	assert_int_equal(getifaddrs(&list), 0);
	for (struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET)
			continue;
		memset(&a, 0, sizeof(a));
		memcpy(&a, i->ifa_addr, sizeof(a.in4));
		addr_set_port(&a, 5083);
		assert_true(transport_is_ours(b->set, SIP_UDP, &a));
	}
	freeifaddrs(list);
}

static void the_source_is_the_listeners_or_what_routing_picks(void **state)
{
	struct bench *b = *state;
	struct hop to = bench_hop(SIP_UDP, 0, "127.83.1.8:5070");
	union addr out, want = bench_addr("127.83.4.1:5060");

	bench_listen(b, SIP_UDP, "127.83.4.1:5060");
	bench_listen(b, SIP_UDP, "0.0.0.0:5083");
	bench_start(b);
	assert_int_equal(transport_source(b->w[0].transport, &to, &out), 0);
	assert_true(addr_eq(&out, &want));

	to.listener = 1;
	want = bench_addr("127.0.0.1:5083");
	for (int i = 0; i < 2; i++) { /* asked, then remembered */
		assert_int_equal(transport_source(b->w[0].transport, &to, &out),
				 0);
		assert_true(addr_eq(&out, &want));
	}
	to.local = bench_addr("127.83.1.2:9");
	want = bench_addr("127.83.1.2:5083");
	assert_int_equal(transport_source(b->w[0].transport, &to, &out), 0);
	assert_true(addr_eq(&out, &want));

	to = bench_hop(SIP_UDP, 1, "255.255.255.255:5060");
	assert_int_equal(transport_source(b->w[0].transport, &to, &out),
			 VD_EUNREACH);
}

/* --- names --- */

static void hops_and_flows_have_names(void **state)
{
	struct hop hop = bench_hop(SIP_TCP, 0, "192.0.2.7:5060");
	struct flow flow = {.transport = SIP_UDP,
			    .local = bench_addr("192.0.2.4:5060"),
			    .remote = bench_addr("[2001:db8::4]:5062")};
	union addr local = bench_addr("192.0.2.4:5060");
	char buf[FLOW_TEXT_MAX];

	(void)state;
	assert_true(str_eq(hop_print(&hop, buf), STR("tcp:192.0.2.7:5060")));
	assert_true(str_eq(hop_print_from(&hop, &local, buf),
			   STR("tcp:192.0.2.4:5060>192.0.2.7:5060")));
	assert_true(str_eq(flow_print(&flow, buf),
			   STR("udp:192.0.2.4:5060<[2001:db8::4]:5062")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, bench_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(an_address_in_use_is_found),
		TEST(a_second_daemon_is_found),
		TEST(an_address_that_is_not_ours_cannot_be_bound),
		TEST(a_port_in_time_wait_can_be_bound),
		TEST(ipv4_and_ipv6_wildcards_share_a_port),
		TEST(a_wildcard_answers_from_the_address_that_was_asked),
		TEST(a_wildcard_knows_where_a_connection_was_accepted),
		TEST(a_wildcard_connects_from_the_address_it_is_told),
		TEST(a_listener_of_transport_and_family_is_chosen),
		TEST(ours_is_address_and_port_of_a_listener),
		TEST(a_wildcard_stands_for_all_interfaces),
		TEST(the_source_is_the_listeners_or_what_routing_picks),
		cmocka_unit_test(hops_and_flows_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
