/* WebSocket frames of a client (RFC 6455 section 5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "transport/ws_frames.h"
#include "viaduct/util/err.h"

enum {
	MAX = 65536,
	SPACE = 1 << 18,
	FIN = 0x80,
	RSV1 = 0x40,
	RSV2 = 0x20,
	RSV3 = 0x10,
	WRITTEN = 4096, /* of what the decoder told */
};

struct bench {
	struct mem *mem;
	struct ws_decoder *d;
	char bytes[SPACE]; /* what the client sends */
	size_t len;
	size_t max;
	char told[WRITTEN];
	size_t n_told;
};

static int setup(void **state)
{
	struct bench *b = test_calloc(1, sizeof(*b));

	assert_int_equal(mem_new(0, &b->mem), 0);
	assert_int_equal(ws_decoder_new(b->mem, &b->d), 0);
	b->max = MAX;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	struct mem_usage u;

	ws_decoder_free(b->d);
	mem_usage(b->mem, &u);
	assert_int_equal(u.used, 0);
	mem_free_all(b->mem);
	test_free(b);
	return 0;
}

/* --- the client --- */

static void put(struct bench *b, const void *p, size_t len)
{
	assert_true(b->len + len <= SPACE);
	memcpy(b->bytes + b->len, p, len);
	b->len += len;
}

/* first: FIN, RSV and opcode; the length is written in `ext` bytes. */
static void add_head(struct bench *b, uint8_t first, uint64_t len, size_t ext)
{
	uint8_t head[14] = {first, (uint8_t)(0x80 | (ext == 0   ? len
						     : ext == 2 ? 126
								: 127))};

	for (size_t i = 0; i < ext; i++)
		head[2 + i] = (uint8_t)(len >> 8 * (ext - 1 - i));
	memcpy(head + 2 + ext, "\x5a\x00\xff\x81", 4);
	put(b, head, 6 + ext);
}

static void add_n(struct bench *b, uint8_t first, const char *p, size_t len)
{
	static const char key[4] = "\x5a\x00\xff\x81";

	add_head(b, first, len, len < 126 ? 0 : len < 65536 ? 2 : 8);
	for (size_t i = 0; i < len; i++) {
		char c = (char)(p[i] ^ key[i % 4]);

		put(b, &c, 1);
	}
}

static void add(struct bench *b, uint8_t first, const char *text)
{
	add_n(b, first, text, strlen(text));
}

/* --- what is told --- */

static void tell(struct bench *b, const char *what, struct str data)
{
	int n;

	if (data.len > 100)
		n = snprintf(b->told + b->n_told, WRITTEN - b->n_told,
			     "%s %zu bytes\n", what, data.len);
	else
		n = snprintf(b->told + b->n_told, WRITTEN - b->n_told,
			     "%s %.*s\n", what, STR_FMT(data));
	b->n_told += (size_t)n;
	assert_true(b->n_told < WRITTEN);
}

static void tell_code(struct bench *b, const char *what, unsigned code)
{
	char text[8];

	snprintf(text, sizeof(text), "%u", code);
	tell(b, what, str_from(text));
}

/* False: it is over, or more must come. */
static bool step(struct bench *b, struct ws_partial *m, char *at, size_t len,
		 size_t *used)
{
	struct ws_frame f;
	enum ws_event ev = ws_frame_next(b->d, m, at, len, b->max, &f);

	*used = f.used;
	switch (ev) {
	case WS_MORE:
		return false;
	case WS_FRAGMENT:
		return true;
	case WS_MESSAGE:
		tell(b, "message", f.data);
		ws_partial_drop(b->d, m);
		return true;
	case WS_PING:
		tell(b, "ping", f.data);
		return true;
	case WS_CLOSE:
		tell_code(b, "close", f.code);
		return false;
	case WS_FAIL:
		assert_int_equal(f.used, 0);
		tell_code(b, "fail", f.code);
		return false;
	}
	fail();
	return false;
}

/* As a connection does it: `pieces` bytes at a time, in a block that ends where
 * they end; what is not used comes again. */
static void run(struct bench *b, size_t first, size_t rest)
{
	struct ws_partial m = {0};
	size_t start = 0, end = first < b->len ? first : b->len;

	b->n_told = 0;
	b->told[0] = '\0';
	for (;;) {
		size_t have = end - start, at = 0, used = 0;
		char *exact = test_malloc(have + 1);

		memcpy(exact, b->bytes + start, have);
		while (at < have && step(b, &m, exact + at, have - at, &used)) {
			at += used;
			used = 0;
		}
		at += used;
		test_free(exact);
		start += at;
		if (end == b->len || strstr(b->told, "fail") != NULL)
			break;
		end = end + rest < b->len ? end + rest : b->len;
	}
	ws_partial_drop(b->d, &m);
}

/* Cut at every byte, and byte by byte, with the same outcome. */
static void expect(struct bench *b, const char *told)
{
	run(b, b->len, 1);
	assert_string_equal(b->told, told);
	for (size_t cut = 1; b->len < 400 && cut < b->len; cut++) {
		run(b, cut, b->len);
		assert_string_equal(b->told, told);
	}
	run(b, 1, b->len < 400 ? 1 : 977);
	assert_string_equal(b->told, told);
	b->len = 0;
}

/* --- section 5.2 and 5.6 --- */

static void text_and_binary_messages_come_whole(void **state)
{
	struct bench *b = *state;

	add(b, FIN | WS_TEXT, "Hello");
	add(b, FIN | WS_BINARY, "\xff\xfe");
	add(b, FIN | WS_TEXT, "");
	expect(b, "message Hello\nmessage \xff\xfe\nmessage \n");
}

/* Lengths on both sides of 125, of what wslay holds, and of 16 bits. */
static void every_length_comes_as_it_was_sent(void **state)
{
	static const size_t lens[] = {1,    124,   125,   126,  127,  4081,
				      4082, 4083,  4096,  4097, 8191, 8192,
				      8193, 65534, 65535, 65536};
	static char text[MAX];
	struct bench *b = *state;
	struct ws_partial m = {0};

	for (size_t i = 0; i < MAX; i++)
		text[i] = (char)('a' + i * 7 % 26);
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		struct ws_frame f;

		b->len = 0;
		add_n(b, FIN | WS_BINARY, text, lens[i]);
		assert_int_equal(
			ws_frame_next(b->d, &m, b->bytes, b->len - 1, MAX, &f),
			WS_MORE);
		assert_int_equal(f.used, 0);
		assert_int_equal(
			ws_frame_next(b->d, &m, b->bytes, b->len, MAX, &f),
			WS_MESSAGE);
		assert_int_equal(f.used, b->len);
		assert_int_equal(f.data.len, lens[i]);
		assert_memory_equal(f.data.p, text, lens[i]);
	}
}

static void a_short_message_is_not_copied_again(void **state)
{
	static char text[4082];
	struct bench *b = *state;
	struct ws_partial m = {0};
	struct ws_frame f;
	struct mem_usage before, after;

	add_n(b, FIN | WS_BINARY, text, sizeof(text));
	mem_usage(b->mem, &before);
	ws_frame_next(b->d, &m, b->bytes, b->len, MAX, &f);
	mem_usage(b->mem, &after);
	assert_int_equal(after.used, before.used);
	assert_int_equal(m.cap, 0);
	b->len = 0;
}

static void reserved_bits_are_refused(void **state)
{
	static const uint8_t bits[] = {RSV1, RSV2, RSV3, RSV1 | RSV2 | RSV3};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
		add(b, FIN | bits[i] | WS_TEXT, "a");
		expect(b, "fail 1002\n");
		add(b, FIN | bits[i] | WS_OP_PING, "a");
		expect(b, "fail 1002\n");
	}
}

static void unknown_opcodes_are_refused(void **state)
{
	static const uint8_t opcodes[] = {3,   4,   5,   6,   7,
					  0xb, 0xc, 0xd, 0xe, 0xf};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(opcodes); i++) {
		add(b, FIN | opcodes[i], "a");
		expect(b, "fail 1002\n");
	}
}

/* Section 5.1. Two bytes are enough to know. */
static void a_frame_without_a_mask_is_refused_at_once(void **state)
{
	struct bench *b = *state;

	put(b, "\x81\x01", 2);
	expect(b, "fail 1002\n");
	put(b, "\x89\x00", 2);
	expect(b, "fail 1002\n");
	put(b, "\x81\x7e", 2);
	expect(b, "fail 1002\n");
}

static void a_length_must_be_written_as_short_as_it_can(void **state)
{
	struct bench *b = *state;

	add_head(b, FIN | WS_TEXT, 5, 2);
	put(b, "aaaaa", 5);
	expect(b, "fail 1002\n");
	add_head(b, FIN | WS_TEXT, 5, 8);
	put(b, "aaaaa", 5);
	expect(b, "fail 1002\n");
	add_head(b, FIN | WS_TEXT, 0, 2);
	expect(b, "fail 1002\n");
	/* and the decoder goes on with other connections */
	add(b, FIN | WS_TEXT, "Hello");
	expect(b, "message Hello\n");
}

/* Refused by what is declared: no byte of the payload has come. */
static void a_length_that_is_too_big_is_refused_by_its_head(void **state)
{
	static const uint64_t lens[] = {MAX + 1, 1u << 31, 1ull << 32,
					INT64_MAX};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		add_head(b, FIN | WS_BINARY, lens[i], 8);
		b->len -= 4; /* not even the mask */
		expect(b, "fail 1009\n");
	}
	add_head(b, FIN | WS_BINARY, 1ull << 63, 8);
	b->len -= 4;
	expect(b, "fail 1002\n");
	add_head(b, FIN | WS_BINARY, UINT64_MAX, 8);
	b->len -= 4;
	expect(b, "fail 1002\n");
	b->max = 1000;
	add_head(b, FIN | WS_TEXT, 1001, 2);
	expect(b, "fail 1009\n");
}

/* --- section 5.4 --- */

static void fragments_make_one_message(void **state)
{
	struct bench *b = *state;

	add(b, WS_TEXT, "Hel");
	add(b, WS_CONTINUATION, "");
	add(b, FIN | WS_CONTINUATION, "lo");
	add(b, WS_BINARY, "");
	add(b, FIN | WS_CONTINUATION, "\xff");
	add(b, WS_TEXT, "");
	add(b, FIN | WS_CONTINUATION, "");
	expect(b, "message Hello\nmessage \xff\nmessage \n");
}

static void control_frames_may_stand_between_fragments(void **state)
{
	struct bench *b = *state;

	add(b, WS_TEXT, "Hel");
	add(b, FIN | WS_OP_PING, "are you there");
	add(b, FIN | WS_OP_PONG, "yes");
	add(b, FIN | WS_CONTINUATION, "lo");
	expect(b, "ping are you there\nmessage Hello\n");
}

static void a_continuation_needs_a_beginning(void **state)
{
	struct bench *b = *state;

	add(b, FIN | WS_CONTINUATION, "a");
	expect(b, "fail 1002\n");
	add(b, WS_CONTINUATION, "a");
	expect(b, "fail 1002\n");
	add(b, FIN | WS_TEXT, "a");
	add(b, FIN | WS_CONTINUATION, "a");
	expect(b, "message a\nfail 1002\n");
}

static void a_message_must_end_before_the_next(void **state)
{
	struct bench *b = *state;

	add(b, WS_TEXT, "a");
	add(b, FIN | WS_TEXT, "a");
	expect(b, "fail 1002\n");
	add(b, WS_TEXT, "a");
	add(b, WS_BINARY, "a");
	expect(b, "fail 1002\n");
}

static void fragments_together_are_bounded(void **state)
{
	struct bench *b = *state;

	b->max = 10;
	add(b, WS_TEXT, "12345");
	add(b, WS_CONTINUATION, "12345");
	add(b, FIN | WS_CONTINUATION, "");
	expect(b, "message 1234512345\n");
	add(b, WS_TEXT, "12345");
	add(b, WS_CONTINUATION, "12345");
	add_head(b, FIN | WS_CONTINUATION, 1, 0);
	expect(b, "fail 1009\n");
	/* a ping has a bound of its own */
	add(b, WS_TEXT, "1234512345");
	add(b, FIN | WS_OP_PING, "12345123451234512345");
	add(b, FIN | WS_CONTINUATION, "");
	expect(b, "ping 12345123451234512345\nmessage 1234512345\n");
}

/* What many small ones take follows what has come. */
static void memory_follows_the_fragments_that_came(void **state)
{
	static char text[1000];
	struct bench *b = *state;
	struct ws_partial m = {0};
	struct ws_frame f;

	for (size_t i = 1; i <= 65; i++) {
		b->len = 0;
		add_n(b, i == 1 ? WS_BINARY : WS_CONTINUATION, text,
		      sizeof(text));
		assert_int_equal(
			ws_frame_next(b->d, &m, b->bytes, b->len, MAX, &f),
			WS_FRAGMENT);
		assert_true(m.cap >= i * 1000 && m.cap <= 2 * i * 1000 + 1024);
	}
	ws_partial_drop(b->d, &m);
	b->len = 0;
}

static void without_memory_a_fragment_ends_the_connection(void **state)
{
	struct bench *b = *state;
	struct ws_partial m = {0};
	struct ws_frame f;

	add(b, WS_TEXT, "Hel");
	mem_fail_nth(b->mem, 1);
	assert_int_equal(ws_frame_next(b->d, &m, b->bytes, b->len, MAX, &f),
			 WS_FAIL);
	assert_int_equal(f.code, WS_INTERNAL_ERROR);
	ws_partial_drop(b->d, &m);
	b->len = 0;
}

/* --- section 5.5 --- */

static void control_frames_are_short_and_whole(void **state)
{
	static const uint8_t opcodes[] = {WS_OP_CLOSE, WS_OP_PING, WS_OP_PONG};
	static char text[WS_CONTROL_MAX];
	struct bench *b = *state;

	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < ARRAY_LEN(opcodes); i++) {
		add(b, opcodes[i], ""); /* a fragment */
		expect(b, "fail 1002\n");
		add_head(b, FIN | opcodes[i], 126, 2);
		b->len = 2; /* nothing more is needed to know */
		expect(b, "fail 1002\n");
	}
	add_n(b, FIN | WS_OP_PING, text, sizeof(text));
	add_n(b, FIN | WS_OP_PONG, text, sizeof(text));
	expect(b, "ping 125 bytes\n");
}

/* Sections 5.5.1 and 7.4 */
static void close_codes_are_checked(void **state)
{
	static const unsigned good[] = {1000, 1001, 1002, 1003, 1007, 1008,
					1009, 1010, 1011, 1012, 1013, 1014,
					3000, 3999, 4000, 4999};
	static const unsigned bad[] = {0,    1,    999,  1004, 1005, 1006, 1015,
				       1016, 1100, 2000, 2999, 5000, 65535};
	struct bench *b = *state;
	char text[32], p[2];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(ws_close_payload(good[i], p), 2);
		add_n(b, FIN | WS_OP_CLOSE, p, 2);
		snprintf(text, sizeof(text), "close %u\n", good[i]);
		expect(b, text);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		p[0] = (char)(bad[i] >> 8);
		p[1] = (char)bad[i];
		add_n(b, FIN | WS_OP_CLOSE, p, 2);
		expect(b, "fail 1002\n");
	}
	add(b, FIN | WS_OP_CLOSE, "");
	expect(b, "close 1005\n");
	add(b, FIN | WS_OP_CLOSE, "a");
	expect(b, "fail 1002\n");
	add(b, FIN | WS_OP_CLOSE, "\x03\xe8 going home \xc3\xa4");
	expect(b, "close 1000\n");
	add(b, FIN | WS_OP_CLOSE, "\x03\xe8 \xc3");
	expect(b, "fail 1007\n");
}

/* --- section 8.1 --- */

static void text_must_be_utf8(void **state)
{
	struct bench *b = *state;

	add(b, FIN | WS_TEXT, "gr\xc3\xbc\xc3\x9f dich");
	add(b, FIN | WS_TEXT, "gr\xfc\xdf dich");
	expect(b, "message gr\xc3\xbc\xc3\x9f dich\nfail 1007\n");
	/* a character may be cut by a fragment, but must end in the message */
	add(b, WS_TEXT, "\xe2\x82");
	add(b, FIN | WS_CONTINUATION, "\xac");
	add(b, WS_TEXT, "\xe2\x82");
	add(b, FIN | WS_CONTINUATION, "");
	expect(b, "message \xe2\x82\xac\nfail 1007\n");
}

static void utf8_is_what_rfc3629_says(void **state)
{
	static const char *const good[] = {
		"",
		"a",
		"12345678",
		"1234567\xc2\x80",
		"\xdf\xbf",
		"\xe0\xa0\x80",
		"\xed\x9f\xbf",
		"\xee\x80\x80",
		"\xef\xbf\xbf",
		"\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf",
		"\x01\x7f",
	};
	static const char *const bad[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xc2",
		"\xc2\x41",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xe2\x82",
		"\xe2\x28\xa1",
		"\xe2\x82\x28",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf0\x90\x80",
		"\xf0\x90\x28\xbc",
		"\xf5\x80\x80\x80",
		"\xff",
		"12345678\xfe",
		"1234567\xe2\x82",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(ws_is_utf8(str_from(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(ws_is_utf8(str_from(bad[i])));
	assert_true(ws_is_utf8((struct str){"\0\0", 2}));
}

/* --- what we send --- */

static void our_frames_are_unmasked_and_as_short_as_can_be(void **state)
{
	static const struct {
		size_t len;
		struct str head;
	} rows[] = {
		{0, {"\x81\x00", 2}},
		{125, {"\x81\x7d", 2}},
		{126, {"\x81\x7e\x00\x7e", 4}},
		{65535, {"\x81\x7e\xff\xff", 4}},
		{65536, {"\x81\x7f\0\0\0\0\0\1\0\0", 10}},
	};
	char head[WS_HEAD_OUT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = ws_frame_head(WS_TEXT, rows[i].len, head);

		assert_int_equal(n, rows[i].head.len);
		assert_memory_equal(head, rows[i].head.p, n);
	}
}

static void a_decoder_needs_memory(void **state)
{
	struct bench *b = *state;
	struct ws_decoder *d;

	mem_fail_nth(b->mem, 1);
	assert_int_equal(ws_decoder_new(b->mem, &d), VD_ENOMEM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(text_and_binary_messages_come_whole),
		TEST(every_length_comes_as_it_was_sent),
		TEST(a_short_message_is_not_copied_again),
		TEST(reserved_bits_are_refused),
		TEST(unknown_opcodes_are_refused),
		TEST(a_frame_without_a_mask_is_refused_at_once),
		TEST(a_length_must_be_written_as_short_as_it_can),
		TEST(a_length_that_is_too_big_is_refused_by_its_head),
		TEST(fragments_make_one_message),
		TEST(control_frames_may_stand_between_fragments),
		TEST(a_continuation_needs_a_beginning),
		TEST(a_message_must_end_before_the_next),
		TEST(fragments_together_are_bounded),
		TEST(memory_follows_the_fragments_that_came),
		TEST(without_memory_a_fragment_ends_the_connection),
		TEST(control_frames_are_short_and_whole),
		TEST(close_codes_are_checked),
		TEST(text_must_be_utf8),
		TEST(utf8_is_what_rfc3629_says),
		TEST(our_frames_are_unmasked_and_as_short_as_can_be),
		TEST(a_decoder_needs_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
