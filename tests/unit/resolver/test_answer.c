/* Answers of name servers, from their bytes; most of them hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>

#include "resolver/resolver_priv.h"
#include "viaduct/util/err.h"
#include "wire.h"

struct reader {
	struct mem *mem;
	struct wire w;
	struct dns_chain chain;
	struct dns_answer *a;
};

static int setup(void **state)
{
	static struct reader r;

	memset(&r, 0, sizeof(r));
	*state = &r;
	return mem_new(0, &r.mem);
}

static int teardown(void **state)
{
	struct reader *r = *state;
	struct mem_usage usage;

	dns_answer_unref(r->a);
	mem_usage(r->mem, &usage);
	assert_int_equal(usage.used, 0);
	mem_free_all(r->mem);
	return 0;
}

/* As the answer to a question for this name. */
static int parse(struct reader *r, const char *name, int type)
{
	uint8_t *exact = malloc(r->w.len); /* for the sanitizer */
	int err;

	memcpy(exact, r->w.p, r->w.len);
	dns_answer_unref(r->a);
	r->a = NULL;
	dns_chain_init(&r->chain, str_from(name));
	err = dns_answer_parse(r->mem, exact, r->w.len, type, &r->chain, &r->a);
	free(exact);
	return err;
}

static void assert_name(const struct reader *r, size_t record, const char *name)
{
	struct str s = dns_answer_name(r->a, &r->a->records[record]);

	assert_int_equal(s.len, strlen(name));
	assert_memory_equal(s.p, name, s.len);
}

static void assert_addr(const struct reader *r, size_t record, const char *text)
{
	union addr addr;

	assert_int_equal(addr_parse(str_from(text), 0, &addr), 0);
	assert_true(addr_eq(&r->a->records[record].addr, &addr));
}

/* --- what is right --- */

/* Byte by byte, with a compressed name in the RDATA. */
static void srv_of_literal_bytes(void **state)
{
	static const uint8_t bytes[] = {
		/* clang-format off */
		0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0,
		4, '_', 's', 'i', 'p', 4, '_', 'u', 'd', 'p',
		1, 'a', 2, 'd', 'e', 0, 0, 33, 0, 1,
		0xc0, 12, 0, 33, 0, 1, 0, 0, 1, 0x2c, 0, 10,
		0, 10, 0, 60, 0x13, 0xc4, 1, 's', 0xc0, 22,
		/* clang-format on */
	};
	struct reader *r = *state;

	memcpy(r->w.p, bytes, sizeof(bytes));
	r->w.len = sizeof(bytes);
	assert_int_equal(parse(r, "_SIP._udp.a.DE", ns_t_srv), 0);
	assert_int_equal(r->a->err, 0);
	assert_int_equal(r->a->n, 1);
	assert_int_equal(r->a->ttl_s, 300);
	assert_int_equal(r->a->records[0].srv.priority, 10);
	assert_int_equal(r->a->records[0].srv.weight, 60);
	assert_int_equal(r->a->records[0].srv.port, 5060);
	assert_name(r, 0, "s.a.de");
}

static void addresses_of_both_families(void **state)
{
	struct reader *r = *state;

	wire_start(&r->w, 1, WIRE_NOERROR, "h.test", ns_t_a);
	wire_address(&r->w, "h.test", 60, "192.0.2.1");
	wire_address(&r->w, "h.test", 30, "192.0.2.2");
	wire_address(&r->w, "h.test", 20, "2001:db8::1");
	wire_address(&r->w, "other.test", 10, "192.0.2.3");
	assert_int_equal(parse(r, "h.test", ns_t_a), 0);
	assert_int_equal(r->a->n, 2);
	assert_int_equal(r->a->ttl_s, 30);
	assert_addr(r, 0, "192.0.2.1");
	assert_addr(r, 1, "192.0.2.2");
	assert_int_equal(parse(r, "H.TEST", ns_t_aaaa), 0);
	assert_int_equal(r->a->n, 1);
	assert_int_equal(r->a->ttl_s, 20);
	assert_addr(r, 0, "2001:db8::1");
}

static void naptr_of_sip_is_kept_and_nothing_else(void **state)
{
	struct reader *r = *state;

	wire_start(&r->w, 1, WIRE_NOERROR, "n.test", ns_t_naptr);
	wire_naptr(&r->w, "n.test", 60, 1, 2, "S", "sips+d2t", "", "a.test");
	wire_naptr(&r->w, "n.test", 60, 1, 3, "u", "SIP+D2U", "", "b.test");
	wire_naptr(&r->w, "n.test", 60, 1, 4, "s", "SIP+D2U", "!.*!x!",
		   "c.test");
	wire_naptr(&r->w, "n.test", 60, 1, 5, "s", "E2U+sip", "", "d.test");
	wire_naptr(&r->w, "n.test", 60, 1, 6, "", "SIP+D2U", "", "e.test");
	wire_naptr(&r->w, "n.test", 60, 7, 8, "s", "SIP+D2X", "", "f.test");
	wire_naptr(&r->w, "n.test", 60, 1, 9, "s", "SIP+D2UU", "", "g.test");
	wire_naptr(&r->w, "n.test", 60, 1, 9, "s", "SIP+D2", "", "g.test");
	assert_int_equal(parse(r, "n.test", ns_t_naptr), 0);
	assert_int_equal(r->a->n, 2);
	assert_int_equal(r->a->records[0].naptr.order, 1);
	assert_int_equal(r->a->records[0].naptr.preference, 2);
	assert_int_equal(r->a->records[0].naptr.transport, SIP_TLS);
	assert_true(r->a->records[0].naptr.is_sips);
	assert_name(r, 0, "a.test");
	assert_int_equal(r->a->records[1].naptr.order, 7);
	assert_int_equal(r->a->records[1].naptr.transport, SIP_TRANSPORT_OTHER);
	assert_name(r, 1, "f.test");
}

static void service_fields_name_transports(void **state)
{
	static const struct {
		const char *text;
		enum sip_transport transport;
		bool is_sips;
	} rows[] = {
		/* clang-format off */
		{ "SIP+D2U",  SIP_UDP,             false },
		{ "SIP+D2T",  SIP_TCP,             false },
		{ "SIPS+D2T", SIP_TLS,             true  },
		{ "SIP+D2S",  SIP_SCTP,            false },
		{ "SIP+D2W",  SIP_WS,              false },
		{ "SIPS+D2W", SIP_WSS,             true  },
		{ "SIPS+D2U", SIP_TRANSPORT_OTHER, true  },
		/* clang-format on */
	};
	enum sip_transport transport;
	bool is_sips;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(service_parse(str_from(rows[i].text), &transport,
					  &is_sips));
		assert_int_equal(transport, rows[i].transport);
		assert_int_equal(is_sips, rows[i].is_sips);
	}
	assert_false(service_parse(STR_NONE, &transport, &is_sips));
	assert_false(service_parse(STR("XIP+D2U"), &transport, &is_sips));
}

static void root_as_srv_target_is_an_empty_name(void **state)
{
	struct reader *r = *state;

	wire_start(&r->w, 1, WIRE_NOERROR, "s.test", ns_t_srv);
	wire_srv(&r->w, "s.test", 60, 0, 0, 0, ".");
	assert_int_equal(parse(r, "s.test", ns_t_srv), 0);
	assert_int_equal(r->a->n, 1);
	assert_name(r, 0, "");
}

/* --- aliases --- */

static void aliases_are_followed_in_any_order(void **state)
{
	struct reader *r = *state;

	wire_start(&r->w, 1, WIRE_NOERROR, "a.test", ns_t_a);
	wire_address(&r->w, "c.test", 60, "192.0.2.1");
	wire_cname(&r->w, "b.test", 40, "c.test");
	wire_cname(&r->w, "A.test", 50, "B.test");
	assert_int_equal(parse(r, "a.test", ns_t_a), 0);
	assert_int_equal(r->a->n, 1);
	assert_int_equal(r->a->ttl_s, 40);
	assert_addr(r, 0, "192.0.2.1");
}

static void alias_that_leads_out_is_asked_for(void **state)
{
	struct reader *r = *state;

	wire_start(&r->w, 1, WIRE_NOERROR, "a.test", ns_t_a);
	wire_cname(&r->w, "a.test", 50, "b.test");
	assert_int_equal(parse(r, "a.test", ns_t_a), VD_EAGAIN);
	assert_string_equal(r->chain.name, "b.test");
	assert_int_equal(r->chain.n_cnames, 1);
	assert_int_equal(r->chain.ttl_s, 50);
	wire_start(&r->w, 1, WIRE_NOERROR, "b.test", ns_t_a);
	wire_address(&r->w, "b.test", 60, "192.0.2.1");
	assert_int_equal(dns_answer_parse(r->mem, r->w.p, r->w.len, ns_t_a,
					  &r->chain, &r->a),
			 0);
	assert_int_equal(r->a->ttl_s, 50);
}

/* RFC 2308 section 2.2: the SOA says that there is no more to find. */
static void alias_of_nothing_is_an_end(void **state)
{
	struct reader *r = *state;

	wire_start(&r->w, 1, WIRE_NOERROR, "a.test", ns_t_a);
	wire_cname(&r->w, "a.test", 50, "b.test");
	wire_soa(&r->w, "test", 60, 5);
	assert_int_equal(parse(r, "a.test", ns_t_a), 0);
	assert_int_equal(r->a->err, VD_ENOENT);
	assert_int_equal(r->a->ttl_s, 5);
}

static void chain_of_aliases(struct reader *r, int n)
{
	char from[32], to[32];

	wire_start(&r->w, 1, WIRE_NOERROR, "0.test", ns_t_a);
	for (int i = 0; i < n; i++) {
		snprintf(from, sizeof(from), "%d.test", i);
		snprintf(to, sizeof(to), "%d.test", i + 1);
		wire_cname(&r->w, from, 60, to);
	}
	wire_address(&r->w, to, 60, "192.0.2.1");
}

static void eight_aliases_and_no_more(void **state)
{
	struct reader *r = *state;

	chain_of_aliases(r, RESOLVER_CNAMES_MAX);
	assert_int_equal(parse(r, "0.test", ns_t_a), 0);
	assert_int_equal(r->a->n, 1);
	chain_of_aliases(r, RESOLVER_CNAMES_MAX + 1);
	assert_int_equal(parse(r, "0.test", ns_t_a), VD_ELOOP);
}

static void circle_of_aliases_is_an_error(void **state)
{
	struct reader *r = *state;

	wire_start(&r->w, 1, WIRE_NOERROR, "a.test", ns_t_a);
	wire_cname(&r->w, "a.test", 50, "b.test");
	wire_cname(&r->w, "b.test", 50, "a.test");
	assert_int_equal(parse(r, "a.test", ns_t_a), VD_ELOOP);
	wire_start(&r->w, 1, WIRE_NOERROR, "a.test", ns_t_a);
	wire_cname(&r->w, "a.test", 50, "a.test");
	assert_int_equal(parse(r, "a.test", ns_t_a), VD_ELOOP);
}

/* --- nothing --- */

static void negative_ttl_is_the_smaller_of_soa(void **state)
{
	static const struct {
		uint32_t ttl_s, minimum_s, expected_s;
	} rows[] = {
		/* clang-format off */
		{ 7, 9, 7 }, { 9, 7, 7 }, { 3600, 3600, RESOLVER_NEGATIVE_MAX_S },
		{ 0, 9, 0 }, { 0x80000000, 9, 0 }, { 9, 0xffffffff, 0 },
		/* clang-format on */
	};
	struct reader *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		wire_start(&r->w, 1, WIRE_NXDOMAIN, "a.test", ns_t_a);
		wire_soa(&r->w, "test", rows[i].ttl_s, rows[i].minimum_s);
		assert_int_equal(parse(r, "a.test", ns_t_a), 0);
		assert_int_equal(r->a->err, VD_ENOENT);
		assert_int_equal(r->a->ttl_s, rows[i].expected_s);
	}
	wire_start(&r->w, 1, WIRE_NOERROR, "a.test", ns_t_a);
	assert_int_equal(parse(r, "a.test", ns_t_a), 0);
	assert_int_equal(r->a->err, VD_ENOENT);
	assert_int_equal(r->a->ttl_s, 0);
}

static void ttl_beyond_reason_is_cut(void **state)
{
	struct reader *r = *state;

	wire_start(&r->w, 1, WIRE_NOERROR, "a.test", ns_t_a);
	wire_address(&r->w, "a.test", 0x7fffffff, "192.0.2.1");
	assert_int_equal(parse(r, "a.test", ns_t_a), 0);
	assert_int_equal(r->a->ttl_s, DNS_TTL_MAX_S);
	wire_start(&r->w, 1, WIRE_NOERROR, "a.test", ns_t_a);
	wire_address(&r->w, "a.test", 0x80000000, "192.0.2.1");
	assert_int_equal(parse(r, "a.test", ns_t_a), 0);
	assert_int_equal(r->a->ttl_s, 0);
}

static void other_rcodes_are_failures(void **state)
{
	struct reader *r = *state;

	wire_start(&r->w, 1, WIRE_SERVFAIL, "a.test", ns_t_a);
	assert_int_equal(parse(r, "a.test", ns_t_a), VD_ESERVFAIL);
	wire_start(&r->w, 1, 0x8585, "a.test", ns_t_a); /* REFUSED */
	assert_int_equal(parse(r, "a.test", ns_t_a), VD_ESERVFAIL);
}

/* --- hostile --- */

static void question_is_not_an_answer(void **state)
{
	struct reader *r = *state;

	wire_start(&r->w, 1, 0x0100, "a.test", ns_t_a);
	assert_int_equal(parse(r, "a.test", ns_t_a), VD_EINVAL);
}

/* Cut anywhere, the message is malformed. */
static void truncated_anywhere_is_malformed(void **state)
{
	struct reader *r = *state;
	size_t len;

	wire_start(&r->w, 1, WIRE_NOERROR, "n.test", ns_t_naptr);
	wire_naptr(&r->w, "n.test", 60, 1, 2, "s", "SIP+D2U", "", "a.test");
	wire_soa(&r->w, "test", 60, 60);
	len = r->w.len;
	for (r->w.len = 0; r->w.len < len; r->w.len++)
		assert_int_equal(parse(r, "n.test", ns_t_naptr), VD_EINVAL);
	assert_int_equal(parse(r, "n.test", ns_t_naptr), 0);
	r->w.p[r->w.len++] = 0;
	assert_int_equal(parse(r, "n.test", ns_t_naptr), VD_EINVAL);
}

static void compression_that_goes_in_circles_is_malformed(void **state)
{
	struct reader *r = *state;
	size_t at;

	wire_start(&r->w, 1, WIRE_NOERROR, "s.test", ns_t_srv);
	wire_rr(&r->w, "s.test", ns_t_srv, 60);
	wire_u16(&r->w, 0);
	wire_u16(&r->w, 0);
	wire_u16(&r->w, 5060);
	at = r->w.len;
	wire_u16(&r->w, 0xc000 | (unsigned)at); /* to itself */
	wire_end_rr(&r->w);
	assert_int_equal(parse(r, "s.test", ns_t_srv), VD_EINVAL);
	r->w.p[at] = 0xff; /* beyond the end */
	assert_int_equal(parse(r, "s.test", ns_t_srv), VD_EINVAL);
	r->w.p[at] = 0x40; /* a label type that does not exist */
	assert_int_equal(parse(r, "s.test", ns_t_srv), VD_EINVAL);
}

/* RDATA that is shorter or longer than what it holds. */
static void wrong_rdata_length_is_malformed(void **state)
{
	static const struct {
		int type;
		size_t len;
		const char *rdata;
	} rows[] = {
		/* clang-format off */
		{ ns_t_a,     3,  "\1\2\3" },
		{ ns_t_a,     5,  "\1\2\3\4\5" },
		{ ns_t_a,     0,  "" },
		{ ns_t_aaaa,  4,  "\1\2\3\4" },
		{ ns_t_srv,   0,  "" },
		{ ns_t_srv,   5,  "\0\0\0\0\1" },
		{ ns_t_srv,   6,  "\0\0\0\0\1\1" },
		{ ns_t_srv,   8,  "\0\0\0\0\1\1\1a" },
		{ ns_t_srv,   10, "\0\0\0\0\1\1\1a\0\0" },
		{ ns_t_naptr, 3,  "\0\1\0" },
		{ ns_t_naptr, 4,  "\0\1\0\1" },
		{ ns_t_naptr, 5,  "\0\1\0\1\1" },
		{ ns_t_naptr, 5,  "\0\1\0\1\xff" },
		{ ns_t_naptr, 7,  "\0\1\0\1\1s\7" },
		{ ns_t_naptr, 14, "\0\1\0\1\1s\7SIP+D2U" },
		{ ns_t_naptr, 15, "\0\1\0\1\1s\7SIP+D2U\0" },
		{ ns_t_naptr, 17, "\0\1\0\1\1s\7SIP+D2U\0\0\0" },
		/* clang-format on */
	};
	struct reader *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		wire_start(&r->w, 1, WIRE_NOERROR, "a.test", rows[i].type);
		wire_rr(&r->w, "a.test", rows[i].type, 60);
		wire_bytes(&r->w, rows[i].rdata, rows[i].len);
		wire_end_rr(&r->w);
		assert_int_equal(parse(r, "a.test", rows[i].type), VD_EINVAL);
	}
}

static void short_soa_is_malformed(void **state)
{
	struct reader *r = *state;

	wire_start(&r->w, 1, WIRE_NXDOMAIN, "a.test", ns_t_a);
	wire_rr(&r->w, "test", ns_t_soa, 60);
	r->w.p[7] = 0;
	r->w.p[9] = 1;
	wire_u32(&r->w, 0);
	wire_end_rr(&r->w);
	assert_int_equal(parse(r, "a.test", ns_t_a), VD_EINVAL);
}

static void twenty_targets_and_no_more(void **state)
{
	struct reader *r = *state;
	char name[32];

	wire_start(&r->w, 1, WIRE_NOERROR, "s.test", ns_t_srv);
	for (int i = 0; i <= RESOLVER_TARGETS_MAX; i++) {
		snprintf(name, sizeof(name), "t%d.test", i);
		wire_srv(&r->w, "s.test", 60, 1, 1, 5060, name);
	}
	assert_int_equal(parse(r, "s.test", ns_t_srv), 0);
	assert_int_equal(r->a->n, RESOLVER_TARGETS_MAX);
	assert_name(r, RESOLVER_TARGETS_MAX - 1, "t19.test");
}

/* RFC 2782: the lowest priority first, wherever it stands. */
static void of_more_targets_the_best_are_kept(void **state)
{
	struct reader *r = *state;
	char name[32];

	wire_start(&r->w, 1, WIRE_NOERROR, "s.test", ns_t_srv);
	for (int i = 0; i < 2 * RESOLVER_TARGETS_MAX; i++) {
		snprintf(name, sizeof(name), "t%d.test", i);
		wire_srv(&r->w, "s.test", 60, 100 - i, 1, 5060, name);
	}
	assert_int_equal(parse(r, "s.test", ns_t_srv), 0);
	assert_int_equal(r->a->n, RESOLVER_TARGETS_MAX);
	for (size_t i = 0; i < r->a->n; i++) {
		const struct dns_record *rec = &r->a->records[i];

		assert_true(rec->srv.priority <= 100 - RESOLVER_TARGETS_MAX);
		snprintf(name, sizeof(name), "t%d.test",
			 100 - rec->srv.priority);
		assert_name(r, i, name);
	}
}

static void records_beyond_reason_are_not_looked_at(void **state)
{
	struct reader *r = *state;

	wire_start(&r->w, 1, WIRE_NOERROR, "a.test", ns_t_a);
	for (int i = 0; i < DNS_RECORDS_MAX; i++)
		wire_address(&r->w, "b", 60, "192.0.2.9");
	wire_address(&r->w, "a.test", 60, "192.0.2.1");
	r->w.p[6] = (DNS_RECORDS_MAX + 1) >> 8; /* count_up() has one byte */
	r->w.p[7] = (DNS_RECORDS_MAX + 1) & 0xff;
	assert_int_equal(parse(r, "a.test", ns_t_a), 0);
	assert_int_equal(r->a->err, VD_ENOENT);
}

static void names_no_host_can_have_are_left_out(void **state)
{
	struct reader *r = *state;

	wire_start(&r->w, 1, WIRE_NOERROR, "s.test", ns_t_srv);
	wire_srv(&r->w, "s.test", 60, 1, 1, 5060, "a b.test");
	wire_srv(&r->w, "s.test", 60, 1, 1, 5060, "a\x01.test");
	wire_srv(&r->w, "s.test", 60, 1, 1, 5060, "a/b.test");
	wire_srv(&r->w, "s.test", 60, 1, 1, 5060, "good.test");
	assert_int_equal(parse(r, "s.test", ns_t_srv), 0);
	assert_int_equal(r->a->n, 1);
	assert_name(r, 0, "good.test");
}

static void addresses_no_server_can_have_are_left_out(void **state)
{
	struct reader *r = *state;

	wire_start(&r->w, 1, WIRE_NOERROR, "a.test", ns_t_a);
	wire_address(&r->w, "a.test", 60, "0.0.0.0");
	wire_address(&r->w, "a.test", 60, "224.0.1.75");
	wire_address(&r->w, "a.test", 60, "255.255.255.255");
	wire_address(&r->w, "a.test", 60, "::");
	wire_address(&r->w, "a.test", 60, "ff02::1");
	assert_int_equal(parse(r, "a.test", ns_t_a), 0);
	assert_int_equal(r->a->err, VD_ENOENT);
	assert_int_equal(r->a->ttl_s, RESOLVER_NEGATIVE_MAX_S);
	assert_int_equal(parse(r, "a.test", ns_t_aaaa), 0);
	assert_int_equal(r->a->err, VD_ENOENT);
}

static void longest_name_fits_and_a_longer_is_refused(void **state)
{
	char label[64], name[256];
	struct reader *r = *state;

	memset(label, 'x', 63);
	label[63] = '\0';
	snprintf(name, sizeof(name), "%s.%s.%s.%.61s", label, label, label,
		 label);
	assert_int_equal(strlen(name), 253);
	assert_true(dns_name_is_ok(str_from(name)));
	wire_start(&r->w, 1, WIRE_NOERROR, "s.test", ns_t_srv);
	for (int i = 0; i < RESOLVER_TARGETS_MAX; i++)
		wire_srv(&r->w, "s.test", 60, 1, 1, 5060, name);
	assert_int_equal(parse(r, "s.test", ns_t_srv), 0);
	assert_int_equal(r->a->n, RESOLVER_TARGETS_MAX);
	assert_name(r, RESOLVER_TARGETS_MAX - 1, name);
	strcat(name, "x");
	assert_false(dns_name_is_ok(str_from(name)));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(srv_of_literal_bytes),
		TEST(addresses_of_both_families),
		TEST(naptr_of_sip_is_kept_and_nothing_else),
		TEST(service_fields_name_transports),
		TEST(root_as_srv_target_is_an_empty_name),
		TEST(aliases_are_followed_in_any_order),
		TEST(alias_that_leads_out_is_asked_for),
		TEST(alias_of_nothing_is_an_end),
		TEST(eight_aliases_and_no_more),
		TEST(circle_of_aliases_is_an_error),
		TEST(negative_ttl_is_the_smaller_of_soa),
		TEST(ttl_beyond_reason_is_cut),
		TEST(other_rcodes_are_failures),
		TEST(question_is_not_an_answer),
		TEST(truncated_anywhere_is_malformed),
		TEST(compression_that_goes_in_circles_is_malformed),
		TEST(wrong_rdata_length_is_malformed),
		TEST(short_soa_is_malformed),
		TEST(twenty_targets_and_no_more),
		TEST(of_more_targets_the_best_are_kept),
		TEST(records_beyond_reason_are_not_looked_at),
		TEST(names_no_host_can_have_are_left_out),
		TEST(addresses_no_server_can_have_are_left_out),
		TEST(longest_name_fits_and_a_longer_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
