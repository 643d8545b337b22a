/* STUN on a SIP port: RFC 5626 section 8, RFC 8489. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transport/stun.h"
#include "viaduct/util/str.h"

/* A Binding request without attributes, and the same with more behind it. */
struct request {
	uint8_t bytes[64];
	size_t len;
};

static struct request request_with(const uint8_t *attributes, size_t len)
{
	static const uint8_t head[20] = {0,    1,   0,   0,   0x21, 0x12, 0xa4,
					 0x42, 'a', 'b', 'c', 'd',  'e',  'f',
					 'g',  'h', 'i', 'j', 'k',  'l'};
	struct request r = {.len = sizeof(head) + len};

	memcpy(r.bytes, head, sizeof(head));
	if (len > 0)
		memcpy(r.bytes + sizeof(head), attributes, len);
	r.bytes[3] = (uint8_t)len;
	return r;
}

static struct request plain(void)
{
	return request_with(NULL, 0);
}

static size_t answer(const struct request *r, const char *from, uint8_t *out)
{
	union addr a;

	assert_int_equal(addr_parse_hostport(str_from(from), 0, &a), 0);
	return stun_answer((struct str){(const char *)r->bytes, r->len}, &a,
			   out);
}

static bool is_ignored(const struct request *r)
{
	uint8_t out[STUN_ANSWER_MAX];

	return answer(r, "192.0.2.1:32853", out) == 0;
}

/* The example of RFC 5769 section 2.2 has this address and port. */
static void the_answer_tells_an_ipv4_source(void **state)
{
	static const uint8_t want[] = {0,    0x20, 0,    8,    0,    1,
				       0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43};
	struct request r = plain();
	uint8_t out[STUN_ANSWER_MAX];

	(void)state;
	assert_int_equal(answer(&r, "192.0.2.1:32853", out), 32);
	assert_memory_equal(out, "\x01\x01\x00\x0c", 4);
	assert_memory_equal(out + 4, r.bytes + 4, 16);
	assert_memory_equal(out + 20, want, sizeof(want));
}

static void the_answer_tells_an_ipv6_source(void **state)
{
	struct request r = plain();
	uint8_t out[STUN_ANSWER_MAX], ip[16];

	(void)state;
	assert_int_equal(answer(&r, "[2001:db8::7]:32853", out), 44);
	assert_memory_equal(out + 20, "\x00\x20\x00\x14\x00\x02\xa1\x47", 8);
	for (size_t i = 0; i < sizeof(ip); i++)
		ip[i] = out[28 + i] ^ r.bytes[4 + i];
	assert_memory_equal(ip, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07",
			    16);
}

/* Section 6.3: the length is that of the datagram, the cookie is there. */
static void what_is_no_binding_request_is_not_answered(void **state)
{
	static const struct {
		unsigned at, value;
	} changes[] = {{0, 1}, {1, 0x11}, {1, 3}, {2, 1}, {3, 4}, {7, 0x43}};
	struct request r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		r = plain();
		r.bytes[changes[i].at] = (uint8_t)changes[i].value;
		assert_true(is_ignored(&r));
	}
	for (r = plain(); r.len > 0;) {
		r.len--;
		assert_true(is_ignored(&r));
	}
}

static void attributes_must_fill_the_message(void **state)
{
	static const uint8_t good[] = {0x80, 0x22, 0, 3, 'a', 'b', 'c', 0};
	static const uint8_t too_long[] = {0x80, 0x22, 0, 5, 'a', 'b', 'c', 0};
	static const uint8_t huge[] = {0x80, 0x22, 0xff, 0xff};
	struct request r = request_with(good, sizeof(good));

	(void)state;
	assert_false(is_ignored(&r));
	r = request_with(too_long, sizeof(too_long));
	assert_true(is_ignored(&r));
	r = request_with(huge, sizeof(huge));
	assert_true(is_ignored(&r));
}

/* Section 6.3.1; those that may be ignored are. */
static void attributes_that_must_be_understood_are_named_in_a_420(void **state)
{
	static const uint8_t asked[] = {
		0,    3, 0, 4, 0, 0, 0, 6, /* CHANGE-REQUEST */
		0x80, 1, 0, 0, 0, 6, 0, 0, 0, 0x25, 0, 0};
	static const uint8_t want[] = {
		1,   0x11, 0,   16,  0x21, 0x12, 0xa4, 0x42, 'a',
		'b', 'c',  'd', 'e', 'f',  'g',  'h',  'i',  'j',
		'k', 'l',  0,   9,   0,    4,    0,    0,    4,
		20,  0,    10,  0,   4,    0,    3,    0,    0x25};
	struct request r = request_with(asked, sizeof(asked));
	uint8_t out[STUN_ANSWER_MAX];

	(void)state;
	assert_int_equal(answer(&r, "192.0.2.1:1", out), sizeof(want));
	assert_memory_equal(out, want, sizeof(want));
}

static void a_420_has_room_for_as_many_as_it_names(void **state)
{
	static const uint8_t asked[] = {0, 3, 0, 0, 0, 3, 0, 0, 0, 3, 0,
					0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 3,
					0, 0, 0, 3, 0, 0, 0, 3, 0, 0};
	struct request r = request_with(asked, sizeof(asked));
	uint8_t out[STUN_ANSWER_MAX];

	(void)state;
	assert_int_equal(answer(&r, "192.0.2.1:1", out), STUN_ANSWER_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_tells_an_ipv4_source),
		cmocka_unit_test(the_answer_tells_an_ipv6_source),
		cmocka_unit_test(what_is_no_binding_request_is_not_answered),
		cmocka_unit_test(attributes_must_fill_the_message),
		cmocka_unit_test(
			attributes_that_must_be_understood_are_named_in_a_420),
		cmocka_unit_test(a_420_has_room_for_as_many_as_it_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
