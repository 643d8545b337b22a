#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "viaduct/util/err.h"
#include "registrar/location_priv.h"
#include "util/fail_alloc.h"

enum { NOW_MS = 5000000, DAY_MS = 86400 * 1000 };

static const struct record_clock written_at = {NOW_MS, 1700000000000};

static const struct binding two[] = {
	{
		.contact = STR("sip:alice@192.0.2.4:5070;transport=tcp"),
		.params = STR("methods=\"INVITE\";audio"),
		.call_id = STR("a84b4c76e66710"),
		.path = STR("<sip:edge.atlanta.com;lr>"),
		.cseq = 0xfffffffe,
		.q = 1000,
		.expires_ms = NOW_MS + 3600 * 1000,
	},
	{
		.contact = STR("tel:+358-555-1234567"),
		.call_id = STR("b"),
		.q = Q_NONE,
		.expires_ms = NOW_MS + 60 * 1000,
	},
};

static struct str printed(char out[512])
{
	struct bindings *b = bindings_new(two, 2);
	size_t size = record_size(b);

	assert_true(size <= 512);
	assert_int_equal(record_print(b, &written_at, out), 0);
	bindings_unref(b);
	return (struct str){out, size};
}

static void assert_same(const struct binding *a, const struct binding *b)
{
	assert_true(str_eq(a->contact, b->contact));
	assert_true(str_eq(a->params, b->params));
	assert_true(str_eq(a->call_id, b->call_id));
	assert_true(str_eq(a->path, b->path));
	assert_int_equal(a->cseq, b->cseq);
	assert_int_equal(a->q, b->q);
}

static void a_record_reads_as_it_was_written(void **state)
{
	char text[512];
	uint64_t n_expired = 0;
	struct bindings *b;

	(void)state;
	assert_int_equal(
		record_parse(printed(text), &written_at, NULL, &n_expired, &b),
		0);
	assert_int_equal(n_expired, 0);
	assert_int_equal(b->n, 2);
	for (int i = 0; i < 2; i++) {
		assert_same(&b->v[i], &two[i]);
		assert_in_range(b->v[i].expires_ms, two[i].expires_ms,
				two[i].expires_ms + 1000);
	}
	bindings_unref(b);
}

/* After a restart: another monotonic clock, `later_ms` by the time of day. */
static int parse_later(int64_t later_ms, uint64_t *n_expired,
		       struct bindings **b)
{
	struct record_clock clock = {77000, written_at.offset_ms + NOW_MS -
						    77000 + later_ms};
	char text[512];

	*n_expired = 0;
	return record_parse(printed(text), &clock, NULL, n_expired, b);
}

static void what_expired_meanwhile_is_left_out(void **state)
{
	uint64_t n_expired;
	struct bindings *b;

	(void)state;
	assert_int_equal(parse_later(61 * 1000, &n_expired, &b), 0);
	assert_int_equal(n_expired, 1);
	assert_int_equal(b->n, 1);
	assert_same(&b->v[0], &two[0]);
	assert_in_range(b->v[0].expires_ms, 77000 + 3538 * 1000,
			77000 + 3540 * 1000);
	bindings_unref(b);
	assert_int_equal(parse_later(3601 * 1000, &n_expired, &b), VD_ENOENT);
	assert_int_equal(n_expired, 2);
}

static void a_clock_set_back_prolongs_nothing(void **state)
{
	uint64_t n_expired;
	struct bindings *b;

	(void)state;
	assert_int_equal(parse_later(-(int64_t)DAY_MS, &n_expired, &b), 0);
	assert_int_equal(b->n, 2);
	assert_in_range(b->v[0].expires_ms, 77000 + 3599 * 1000,
			77000 + 3601 * 1000);
	bindings_unref(b);
}

static void cut_short_or_too_long_it_is_no_record(void **state)
{
	char text[513];
	struct str whole = printed(text);
	uint64_t n_expired = 0;
	struct bindings *b;

	(void)state;
	for (size_t len = 0; len < whole.len; len++)
		assert_int_equal(record_parse((struct str){text, len},
					      &written_at, NULL, &n_expired,
					      &b),
				 VD_EINVAL);
	text[whole.len] = 0;
	assert_int_equal(record_parse((struct str){text, whole.len + 1},
				      &written_at, NULL, &n_expired, &b),
			 VD_EINVAL);
}

static void another_version_is_not_understood(void **state)
{
	char text[512];
	struct str whole = printed(text);
	uint64_t n_expired = 0;
	struct bindings *b;

	(void)state;
	text[0] = 3;
	assert_int_equal(record_parse(whole, &written_at, NULL, &n_expired, &b),
			 VD_EINVAL);
}

/* Version 1 had neither reg-id, nor epoch, nor flow. */
static void an_old_record_is_read(void **state)
{
	static const unsigned head = 1 + 8 + 2, fixed = 8 + 4 + 2;
	char text[512], old[512];
	struct str whole = printed(text);
	size_t first = two[0].contact.len + two[0].params.len +
		       two[0].call_id.len + two[0].path.len + 8;
	size_t at = head + fixed, len = at;
	uint64_t n_expired = 0;
	struct bindings *b;

	(void)state;
	memcpy(old, text, at);
	old[0] = 1;
	memcpy(old + len, text + at + 9, first + fixed);
	len += first + fixed;
	at += 9 + first + fixed;
	memcpy(old + len, text + at + 9, whole.len - at - 9);
	len += whole.len - at - 9;
	assert_int_equal(record_parse((struct str){old, len}, &written_at, NULL,
				      &n_expired, &b),
			 0);
	assert_int_equal(b->n, 2);
	for (int i = 0; i < 2; i++) {
		assert_same(&b->v[i], &two[i]);
		assert_int_equal(b->v[i].reg_id, 0);
		assert_null(b->v[i].flow);
	}
	bindings_unref(b);
}

static struct str printed_flow(const char *local, const char *remote,
			       char out[512])
{
	struct hop flow = {.transport = SIP_UDP};
	struct binding v = two[0];
	struct bindings *b;
	size_t size;

	addr_parse_hostport(str_from(local), 0, &flow.local);
	addr_parse_hostport(str_from(remote), 0, &flow.addr);
	v.flow = &flow;
	v.flow_only = true;
	b = bindings_new(&v, 1);
	size = record_size(b);
	assert_int_equal(record_print(b, &written_at, out), 0);
	bindings_unref(b);
	return (struct str){out, size};
}

static void a_flow_keeps_its_addresses(void **state)
{
	static const char *const ways[][2] = {
		{"192.0.2.4:5060", "192.0.2.9:49152"},
		{"[2001:db8::4]:5060", "[2001:db8::9]:49152"},
	};
	char text[512], at[ADDR_TEXT_MAX];
	uint64_t n_expired = 0;
	struct bindings *b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct str whole = printed_flow(ways[i][0], ways[i][1], text);

		assert_int_equal(
			record_parse(whole, &written_at, NULL, &n_expired, &b),
			0);
		addr_print(&b->v[0].flow->local, at);
		assert_string_equal(at, ways[i][0]);
		addr_print(&b->v[0].flow->addr, at);
		assert_string_equal(at, ways[i][1]);
		bindings_unref(b);
		for (size_t len = 0; len < whole.len; len++)
			assert_int_equal(record_parse((struct str){text, len},
						      &written_at, NULL,
						      &n_expired, &b),
					 VD_EINVAL);
	}
}

static void a_transport_that_is_none_is_refused(void **state)
{
	static const unsigned way = 11 + 8 + 4 + 2 + 4 + 4;
	char text[512];
	struct str whole =
		printed_flow("192.0.2.4:5060", "192.0.2.9:49152", text);
	uint64_t n_expired = 0;
	struct bindings *b;

	(void)state;
	assert_int_equal(text[way], SIP_UDP);
	text[way] = SIP_TRANSPORT_OTHER;
	assert_int_equal(record_parse(whole, &written_at, NULL, &n_expired, &b),
			 VD_EINVAL);
}

static void a_string_too_long_is_refused(void **state)
{
	static char large[65536];
	struct binding v = two[0];
	struct bindings *b;
	char *out;

	(void)state;
	v.path = (struct str){large, sizeof(large)};
	b = bindings_new(&v, 1);
	out = malloc(record_size(b));
	assert_int_equal(record_print(b, &written_at, out), VD_ETOOBIG);
	free(out);
	bindings_unref(b);
}

static void without_memory_it_says_so(void **state)
{
	char text[512];
	struct str whole = printed(text);
	uint64_t n_expired = 0;
	struct bindings *b;

	(void)state;
	for (unsigned n = 1; n <= 3; n++) {
		fail_countdown = n;
		assert_int_equal(
			record_parse(whole, &written_at, NULL, &n_expired, &b),
			VD_ENOMEM);
	}
	fail_countdown = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_reads_as_it_was_written),
		cmocka_unit_test(what_expired_meanwhile_is_left_out),
		cmocka_unit_test(a_clock_set_back_prolongs_nothing),
		cmocka_unit_test(cut_short_or_too_long_it_is_no_record),
		cmocka_unit_test(another_version_is_not_understood),
		cmocka_unit_test(an_old_record_is_read),
		cmocka_unit_test(a_flow_keeps_its_addresses),
		cmocka_unit_test(a_transport_that_is_none_is_refused),
		cmocka_unit_test(a_string_too_long_is_refused),
		cmocka_unit_test(without_memory_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
