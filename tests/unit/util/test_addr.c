#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "viaduct/util/addr.h"
#include "viaduct/util/err.h"

static union addr addr(const char *text)
{
	union addr a;

	assert_int_equal(addr_parse_hostport(str_from(text), 5060, &a), 0);
	return a;
}

static void assert_prints(const char *text, const char *want)
{
	union addr a = addr(text);
	char buf[ADDR_TEXT_MAX];

	assert_int_equal(addr_print(&a, buf), strlen(want));
	assert_string_equal(buf, want);
}

static void what_is_parsed_prints_as_sip_writes_it(void **state)
{
	(void)state;
	assert_prints("192.0.2.4:5070", "192.0.2.4:5070");
	assert_prints("192.0.2.4", "192.0.2.4:5060");
	assert_prints("0.0.0.0:0", "0.0.0.0:0");
	assert_prints("255.255.255.255:65535", "255.255.255.255:65535");
	assert_prints("[2001:db8::4]:5070", "[2001:db8::4]:5070");
	assert_prints("[2001:DB8:0:0:0:0:0:4]", "[2001:db8::4]:5060");
	assert_prints("[::ffff:192.0.2.4]:1", "[::ffff:192.0.2.4]:1");
}

static void the_longest_address_fits(void **state)
{
	static const char text[] =
		"[1111:2222:3333:4444:5555:6666:7777:8888]:65535";

	(void)state;
	assert_true(sizeof(text) <= ADDR_TEXT_MAX);
	assert_prints(text, text);
}

static void no_address_prints_as_none(void **state)
{
	union addr none = {0};
	char buf[ADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(addr_print(&none, buf), 4);
	assert_string_equal(buf, "none");
	assert_int_equal(addr_len(&none), 0);
	assert_int_equal(addr_port(&none), 0);
}

static void a_host_is_taken_with_and_without_brackets(void **state)
{
	union addr a, b;
	char buf[ADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(addr_parse(STR("2001:db8::4"), 5060, &a), 0);
	assert_int_equal(addr_parse(STR("[2001:db8::4]"), 5060, &b), 0);
	assert_true(addr_eq(&a, &b));
	assert_int_equal(addr_print_ip(&a, buf), strlen("[2001:db8::4]"));
	assert_string_equal(buf, "[2001:db8::4]");
}

static void names_and_broken_addresses_are_refused(void **state)
{
	static const struct str bad[] = {
		STR(""),
		STR("biloxi.com"),
		STR("192.0.2"),
		STR("192.0.2.256"),
		STR("192.0.2.4 "),
		STR("192.0.2.4\0x"),
		STR("[192.0.2.4]"),
		STR("[2001:db8::4"),
		STR("2001:db8::4]"),
		STR("[]"),
		STR("2001:db8::4::"),
		STR("[fe80::1%lo]"),
		STR("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"),
	};
	union addr a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(addr_parse(bad[i], 1, &a), VD_EINVAL);
}

static void broken_ports_are_refused(void **state)
{
	static const char *const bad[] = {
		"192.0.2.4:",        "192.0.2.4:65536",
		"192.0.2.4:5060x",   "192.0.2.4:-1",
		"[2001:db8::4]5060", "[2001:db8::4]:",
		"2001:db8::4:5060",  ":5060",
		"[2001:db8::4",      "",
	};
	union addr a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(addr_parse_hostport(str_from(bad[i]), 1, &a),
				 VD_EINVAL);
}

static void the_port_may_be_missing_only_if_there_is_a_default(void **state)
{
	union addr a;

	(void)state;
	assert_int_equal(addr_parse_hostport(STR("192.0.2.4"), 0, &a),
			 VD_EINVAL);
	assert_int_equal(addr_parse_hostport(STR("[::1]"), 0, &a), VD_EINVAL);
	assert_int_equal(addr_parse_hostport(STR("192.0.2.4:7"), 0, &a), 0);
	assert_int_equal(addr_port(&a), 7);
}

static void equality_minds_family_address_and_port(void **state)
{
	union addr a = addr("192.0.2.4:5060"), b = addr("192.0.2.4:5061");
	union addr c = addr("192.0.2.5:5060"), d = addr("[::1]:5060");
	union addr none = {0};

	(void)state;
	assert_true(addr_eq(&a, &a));
	assert_false(addr_eq(&a, &b));
	assert_true(addr_ip_eq(&a, &b));
	assert_false(addr_ip_eq(&a, &c));
	assert_false(addr_ip_eq(&a, &d));
	assert_true(addr_eq(&none, &none));
	addr_set_port(&b, 5060);
	assert_true(addr_eq(&a, &b));
}

static bool contains(const char *net_text, const char *text)
{
	union addr a = addr(text);
	struct addr_net net;

	assert_int_equal(addr_net_parse(str_from(net_text), &net), 0);
	return addr_net_contains(&net, &a);
}

static void a_network_contains_what_shares_its_prefix(void **state)
{
	(void)state;
	assert_true(contains("192.0.2.0/24", "192.0.2.255"));
	assert_false(contains("192.0.2.0/24", "192.0.3.0"));
	assert_true(contains("192.0.2.128/25", "192.0.2.128"));
	assert_false(contains("192.0.2.128/25", "192.0.2.127"));
	assert_true(contains("0.0.0.0/0", "203.0.113.9"));
	assert_true(contains("192.0.2.4", "192.0.2.4"));
	assert_false(contains("192.0.2.4", "192.0.2.5"));
	assert_true(contains("2001:db8::/33", "[2001:db8:7fff::1]"));
	assert_false(contains("2001:db8::/33", "[2001:db8:8000::1]"));
}

static void the_families_do_not_contain_each_other(void **state)
{
	(void)state;
	assert_false(contains("0.0.0.0/0", "[2001:db8::1]"));
	assert_false(contains("::/0", "192.0.2.4"));
}

/* A listener on [::] sees IPv4 peers so. */
static void a_mapped_address_counts_as_the_ipv4_address(void **state)
{
	(void)state;
	assert_true(contains("192.0.2.0/24", "[::ffff:192.0.2.4]"));
	assert_false(contains("192.0.2.0/24", "[::ffff:192.0.3.4]"));
	assert_true(contains("::ffff:192.0.2.0/120", "192.0.2.4"));
	assert_false(contains("::ffff:192.0.2.0/120", "192.0.3.4"));
	assert_false(contains("::/0", "[::ffff:192.0.2.4]"));
}

static void broken_networks_are_refused(void **state)
{
	static const char *const bad[] = {
		"192.0.2.1/24",   "192.0.2.0/33",   "192.0.2.0/", "192.0.2.0/x",
		"2001:db8::1/64", "2001:db8::/129", "/8",         "office",
	};
	struct addr_net net;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(addr_net_parse(str_from(bad[i]), &net),
				 VD_EINVAL);
}

static void any_and_multicast_are_recognised_in_both_families(void **state)
{
	static const char *const multi[] = {"224.0.1.75", "239.255.255.255",
					    "255.255.255.255", "[ff02::1]",
					    "[::ffff:224.0.1.75]"};
	union addr any4 = addr("0.0.0.0"), any6 = addr("[::]");
	union addr one = addr("192.0.2.4"), lo = addr("[::1]");

	(void)state;
	assert_true(addr_is_any(&any4));
	assert_true(addr_is_any(&any6));
	assert_false(addr_is_any(&lo));
	assert_false(addr_is_multicast(&one));
	for (size_t i = 0; i < ARRAY_LEN(multi); i++) {
		union addr a = addr(multi[i]);

		assert_true(addr_is_multicast(&a));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_parsed_prints_as_sip_writes_it),
		cmocka_unit_test(the_longest_address_fits),
		cmocka_unit_test(no_address_prints_as_none),
		cmocka_unit_test(a_host_is_taken_with_and_without_brackets),
		cmocka_unit_test(names_and_broken_addresses_are_refused),
		cmocka_unit_test(broken_ports_are_refused),
		cmocka_unit_test(
			the_port_may_be_missing_only_if_there_is_a_default),
		cmocka_unit_test(equality_minds_family_address_and_port),
		cmocka_unit_test(a_network_contains_what_shares_its_prefix),
		cmocka_unit_test(the_families_do_not_contain_each_other),
		cmocka_unit_test(a_mapped_address_counts_as_the_ipv4_address),
		cmocka_unit_test(broken_networks_are_refused),
		cmocka_unit_test(
			any_and_multicast_are_recognised_in_both_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
