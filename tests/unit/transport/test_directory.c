/* The directory of connections and the count of sources, without sockets. */
#include "bench.h"
#include <stdlib.h>

#include "transport/directory.h"
#include "transport/sources.h"

struct room {
	struct mem *mem;
	struct directory *d;
	struct cert_names *names; /* of a certificate with one */
};

static int setup(void **state)
{
	struct room *r = calloc(1, sizeof(*r));

	*state = r;
	assert_int_equal(mem_new(0, &r->mem), 0);
	r->names = calloc(1, sizeof(*r->names) + sizeof(r->names->v[0]));
	r->names->n = 1;
	return directory_new(r->mem, &r->d);
}

static int teardown(void **state)
{
	struct room *r = *state;

	directory_free(r->d);
	mem_free_all(r->mem);
	free(r->names);
	free(r);
	return 0;
}

static struct directory_entry entry(enum sip_transport t, const char *remote,
				    uint32_t slot)
{
	return (struct directory_entry){
		.transport = t,
		.remote = bench_addr(remote),
		.ref = {.worker = 0, .slot = slot, .generation = 1},
	};
}

static bool finds_for(struct directory *d, const struct directory_entry *e,
		      const char *domain)
{
	return conn_ref_eq(directory_find(d, e->transport, &e->remote,
					  e->listener, str_from(domain)),
			   e->ref);
}

static bool finds(struct directory *d, const struct directory_entry *e)
{
	return finds_for(d, e, "");
}

static void an_end_is_transport_address_and_port(void **state)
{
	struct directory_entry e[] = {
		entry(SIP_TCP, "192.0.2.1:5060", 1),
		entry(SIP_TLS, "192.0.2.1:5060", 2),
		entry(SIP_TCP, "192.0.2.1:5061", 3),
		entry(SIP_TCP, "192.0.2.2:5060", 4),
		entry(SIP_TCP, "[2001:db8::1]:5060", 5),
	};
	struct directory *d = ((struct room *)*state)->d;

	for (size_t i = 0; i < ARRAY_LEN(e); i++) {
		assert_false(finds(d, &e[i]));
		directory_add(d, &e[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(e); i++)
		assert_true(finds(d, &e[i]));
	for (size_t i = 0; i < ARRAY_LEN(e); i++) {
		directory_remove(d, &e[i]);
		assert_false(finds(d, &e[i]));
		directory_remove(d, &e[i]); /* does no harm */
	}
}

/* Two workers that open a connection to one peer at the same moment. */
static void who_joins_second_gets_the_first(void **state)
{
	struct directory_entry first = entry(SIP_TCP, "192.0.2.1:5060", 1);
	struct directory_entry second = entry(SIP_TCP, "192.0.2.1:5060", 2);
	struct directory *d = ((struct room *)*state)->d;

	assert_true(conn_ref_is_none(directory_join(d, &first)));
	assert_true(conn_ref_eq(directory_join(d, &second), first.ref));
	directory_remove(d, &second); /* is not in */
	assert_true(finds(d, &first));
	directory_remove(d, &first);
	assert_true(conn_ref_is_none(directory_join(d, &second)));
	directory_remove(d, &second);
}

/* Two listeners may have accepted connections from the same port. */
static void two_connections_may_have_one_end(void **state)
{
	struct directory_entry a = entry(SIP_TCP, "192.0.2.1:5060", 1);
	struct directory_entry b = entry(SIP_TCP, "192.0.2.1:5060", 2);
	struct directory *d = ((struct room *)*state)->d;

	directory_add(d, &a);
	directory_add(d, &b);
	directory_remove(d, &b);
	assert_true(finds(d, &a));
	directory_remove(d, &a);
}

/* RFC 5922, RFC 5923: an address is not an identity. */
static void over_tls_a_domain_finds_its_own_connection(void **state)
{
	struct directory_entry a = entry(SIP_TLS, "192.0.2.1:5061", 1);
	struct directory_entry b = entry(SIP_TLS, "192.0.2.1:5061", 2);
	struct directory_entry tcp = entry(SIP_TCP, "192.0.2.1:5061", 3);
	struct cert_names *names = ((struct room *)*state)->names;
	struct directory *d = ((struct room *)*state)->d;

	names->v[0] = STR("other.test");
	a.domain = STR("a.test");
	b.domain = STR("b.test");
	assert_true(conn_ref_is_none(directory_join(d, &a)));
	assert_true(conn_ref_is_none(directory_join(d, &b)));
	directory_add(d, &tcp);
	assert_true(finds_for(d, &a, "A.test"));
	assert_true(finds_for(d, &b, "b.test"));
	assert_true(finds_for(d, &tcp, "c.test"));
	assert_true(conn_ref_is_none(
		directory_find(d, SIP_TLS, &a.remote, 0, STR("other.test"))));
	directory_set_names(d, &a, names, false);
	assert_true(finds_for(d, &a, "other.test"));
	directory_remove(d, &b);
	/* the address itself, and nobody in particular */
	assert_true(finds_for(d, &a, "192.0.2.1"));
	assert_false(finds_for(d, &a, "192.0.2.2"));
	assert_true(finds_for(d, &a, ""));
	/* where names are not checked, one connection is for all */
	directory_set_names(d, &a, names, true);
	assert_true(finds_for(d, &a, "c.test"));
	/* and for no other listener, where they may be; not by its name even */
	a.is_made = true;
	assert_true(finds_for(d, &a, "a.test"));
	assert_true(conn_ref_is_none(
		directory_find(d, SIP_TLS, &a.remote, 1, STR("a.test"))));
	assert_true(conn_ref_is_none(
		directory_find(d, SIP_TLS, &a.remote, 1, STR("c.test"))));
	directory_remove(d, &a);
	directory_remove(d, &tcp);
}

/* RFC 5923 section 9.3: the port is not its own, so that the address says
 * nothing. */
static void an_alias_serves_the_names_of_its_certificate_alone(void **state)
{
	struct directory_entry e = entry(SIP_TLS, "192.0.2.1:5061", 1);
	struct cert_names *names = ((struct room *)*state)->names;
	struct directory *d = ((struct room *)*state)->d;

	names->v[0] = STR("a.test");
	e.is_alias = true;
	e.names = names;
	directory_add(d, &e);
	assert_true(finds_for(d, &e, "A.test"));
	assert_false(finds_for(d, &e, "b.test"));
	assert_false(finds_for(d, &e, "192.0.2.1"));
	assert_false(finds_for(d, &e, ""));
	names->v[0] = STR("192.0.2.1");
	assert_true(finds_for(d, &e, "192.0.2.1"));
	directory_remove(d, &e);
}

static void sources_are_counted_by_address_whatever_the_port(void **state)
{
	union addr a = bench_addr("192.0.2.1:1"), b = bench_addr("192.0.2.1:2");
	union addr other = bench_addr("[2001:db8::1]:1");
	struct sources *s;

	assert_int_equal(sources_new(((struct room *)*state)->mem, &s), 0);
	assert_int_equal(sources_enter(s, &a, 0), VD_ELIMIT);
	assert_int_equal(sources_enter(s, &a, 2), 0);
	assert_int_equal(sources_enter(s, &b, 2), 0);
	assert_int_equal(sources_enter(s, &b, 2), VD_ELIMIT);
	assert_int_equal(sources_enter(s, &other, 2), 0);
	sources_leave(s, &a);
	assert_int_equal(sources_enter(s, &b, 2), 0);
	sources_leave(s, &a);
	sources_leave(s, &b);
	sources_leave(s, &other);
	sources_free(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(an_end_is_transport_address_and_port),
		TEST(who_joins_second_gets_the_first),
		TEST(two_connections_may_have_one_end),
		TEST(over_tls_a_domain_finds_its_own_connection),
		TEST(an_alias_serves_the_names_of_its_certificate_alone),
		TEST(sources_are_counted_by_address_whatever_the_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
