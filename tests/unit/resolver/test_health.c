/* Hops that failed lately. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "resolver/resolver_priv.h"
#include "viaduct/util/err.h"

enum { DEAD_MS = 30000 };

struct ward {
	struct mem *mem;
	struct health health;
};

static int setup(void **state)
{
	static struct ward w;

	*state = &w;
	assert_int_equal(mem_new(0, &w.mem), 0);
	return health_init(&w.health, w.mem);
}

static int teardown(void **state)
{
	struct ward *w = *state;
	struct mem_usage usage;

	health_fini(&w->health);
	mem_usage(w->mem, &usage);
	assert_int_equal(usage.used, 0);
	mem_free_all(w->mem);
	return 0;
}

static struct locate_hop hop(enum sip_transport transport, const char *text)
{
	struct locate_hop h = {.transport = transport};

	assert_int_equal(addr_parse_hostport(str_from(text), 0, &h.addr), 0);
	return h;
}

static void failure_counts_for_a_while(void **state)
{
	struct ward *w = *state;
	struct locate_hop h = hop(SIP_UDP, "192.0.2.1:5060");

	assert_false(health_is_suspect(&w->health, &h, 0));
	health_failed(&w->health, &h, 1000 + DEAD_MS);
	assert_true(health_is_suspect(&w->health, &h, 1000));
	assert_true(health_is_suspect(&w->health, &h, 1000 + DEAD_MS - 1));
	assert_false(health_is_suspect(&w->health, &h, 1000 + DEAD_MS));
	assert_int_equal(w->health.table.count, 0);
}

static void failing_again_starts_anew(void **state)
{
	struct ward *w = *state;
	struct locate_hop h = hop(SIP_TCP, "[2001:db8::1]:5060");

	health_failed(&w->health, &h, DEAD_MS);
	health_failed(&w->health, &h, 20000 + DEAD_MS);
	assert_true(health_is_suspect(&w->health, &h, DEAD_MS + 1000));
	assert_int_equal(w->health.table.count, 1);
}

static void answer_clears_it(void **state)
{
	struct ward *w = *state;
	struct locate_hop h = hop(SIP_UDP, "192.0.2.1:5060");

	health_failed(&w->health, &h, DEAD_MS);
	health_ok(&w->health, &h);
	assert_false(health_is_suspect(&w->health, &h, 0));
	health_ok(&w->health, &h);
}

/* Retry-After: what it still answers, and what fails, changes nothing. */
static void one_that_asked_for_rest_has_it(void **state)
{
	struct ward *w = *state;
	struct locate_hop h = hop(SIP_UDP, "192.0.2.1:5060");

	health_failed(&w->health, &h, DEAD_MS);
	health_rests(&w->health, &h, 2 * DEAD_MS);
	health_ok(&w->health, &h);
	health_failed(&w->health, &h, DEAD_MS);
	assert_true(health_is_suspect(&w->health, &h, 2 * DEAD_MS - 1));
	assert_false(health_is_suspect(&w->health, &h, 2 * DEAD_MS));
}

static void transport_address_and_port_tell_hops_apart(void **state)
{
	struct ward *w = *state;
	struct locate_hop h = hop(SIP_UDP, "192.0.2.1:5060");
	const struct locate_hop others[] = {
		hop(SIP_TCP, "192.0.2.1:5060"),
		hop(SIP_UDP, "192.0.2.2:5060"),
		hop(SIP_UDP, "192.0.2.1:5061"),
		hop(SIP_UDP, "[2001:db8::1]:5060"),
	};

	health_failed(&w->health, &h, DEAD_MS);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_false(health_is_suspect(&w->health, &others[i], 0));
}

static void oldest_failure_is_forgotten_when_full(void **state)
{
	struct ward *w = *state;
	struct locate_hop h = hop(SIP_UDP, "192.0.2.1:5060");

	for (int i = 0; i <= HEALTH_MAX; i++) {
		addr_set_port(&h.addr, (uint16_t)(1000 + i));
		health_failed(&w->health, &h, DEAD_MS);
	}
	assert_int_equal(w->health.table.count, HEALTH_MAX);
	assert_true(health_is_suspect(&w->health, &h, 0));
	addr_set_port(&h.addr, 1000);
	assert_false(health_is_suspect(&w->health, &h, 0));
	addr_set_port(&h.addr, 1001);
	assert_true(health_is_suspect(&w->health, &h, 0));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(failure_counts_for_a_while),
		TEST(failing_again_starts_anew),
		TEST(answer_clears_it),
		TEST(one_that_asked_for_rest_has_it),
		TEST(transport_address_and_port_tell_hops_apart),
		TEST(oldest_failure_is_forgotten_when_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
