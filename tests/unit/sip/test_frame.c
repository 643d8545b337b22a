/* Messages on a stream (RFC 3261 section 18.3, RFC 5626 section 4.4.1). */
#include "sip_test.h"

#include "viaduct/sip/frame.h"

enum {
	MAX = 200,
};

#define START "OPTIONS sip:a SIP/2.0\r\n"

static const struct {
	const char *bytes;
	enum sip_frame want;
	size_t need; /* of READY */
} cases[] = {
	/* clang-format off */
	{ START "Content-Length: 4\r\n\r\nbodyNEXT", SIP_FRAME_READY, 48 },
	{ START "l:0\r\n\r\n", SIP_FRAME_READY, 30 },
	{ START "X: l: 9\r\nL\t:\r\n 3\r\n\r\n123", SIP_FRAME_READY, 46 },
	{ START "Content-Length: 4\r\n\r\nbod", SIP_FRAME_MORE, 0 },
	{ START "Content-Length: 4\r\n", SIP_FRAME_MORE, 0 },
	{ "OPTIONS", SIP_FRAME_MORE, 0 },

	/* keep-alives and stray line ends */
	{ "\r\n\r\n", SIP_FRAME_PING, 0 },
	{ "\r\n\r\nOPTIONS", SIP_FRAME_PING, 0 },
	{ "\r\nOPTIONS", SIP_FRAME_SKIP, 0 },
	{ "\r\n\rx", SIP_FRAME_SKIP, 0 },
	{ "\r", SIP_FRAME_MORE, 0 },
	{ "\r\n", SIP_FRAME_MORE, 0 },
	{ "\r\n\r", SIP_FRAME_MORE, 0 },
	{ "\rO", SIP_FRAME_BAD, 0 },

	/* not SIP */
	{ "\n", SIP_FRAME_BAD, 0 },
	{ "\026\003\001", SIP_FRAME_BAD, 0 },
	{ " OPTIONS", SIP_FRAME_BAD, 0 },
	{ "OPTIONS sip:a SIP/2.0\nl: 0\n\n", SIP_FRAME_BAD, 0 },
	{ START "X: y\n", SIP_FRAME_BAD, 0 },

	/* no, two or a bad Content-Length */
	{ START "X: y\r\n\r\n", SIP_FRAME_BAD, 0 },
	{ START "l: 0\r\nContent-Length: 0\r\n\r\n", SIP_FRAME_BAD, 0 },
	{ START "l: 1\r\nContent-Length: 2\r\n\r\n", SIP_FRAME_BAD, 0 },
	{ START "l: -1\r\n\r\n", SIP_FRAME_BAD, 0 },
	{ START "l: 1 2\r\n\r\n", SIP_FRAME_BAD, 0 },
	{ START "l: 0x1\r\n\r\n", SIP_FRAME_BAD, 0 },
	{ START "l:\r\n\r\n", SIP_FRAME_BAD, 0 },

	/* by what is declared */
	{ START "l: 168\r\n\r\n", SIP_FRAME_TOO_BIG, 0 },
	{ START "l: 167\r\n\r\n", SIP_FRAME_MORE, 0 },
	{ START "l: 4294967295\r\n\r\n", SIP_FRAME_TOO_BIG, 0 },
	{ START "l: 4294967296\r\n\r\n", SIP_FRAME_TOO_BIG, 0 },
	{ START "l: 18446744073709551616\r\n\r\n", SIP_FRAME_TOO_BIG, 0 },
	/* clang-format on */
};

/* All at once, or as it comes in pieces of `step` bytes. */
static enum sip_frame feed(struct str bytes, size_t step, size_t *need)
{
	enum sip_frame frame = SIP_FRAME_MORE;
	struct sip_framer f = {0};
	size_t n = 0;

	while (frame == SIP_FRAME_MORE && n < bytes.len) {
		char *copy;

		n = n + step < bytes.len ? n + step : bytes.len;
		copy = malloc(n);
		assert_non_null(copy);
		memcpy(copy, bytes.p, n);
		frame = sip_frame_next(&f, (struct str){copy, n}, MAX);
		free(copy);
	}
	*need = frame == SIP_FRAME_READY ? f.need : 0;
	return frame;
}

static void a_message_ends_where_its_length_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str bytes = str_from(cases[i].bytes);
		size_t need;

		for (size_t step = bytes.len; step > 0; step /= 2) {
			enum sip_frame got = feed(bytes, step, &need);

			if (got != cases[i].want || need != cases[i].need)
				fail_msg("%d, need %zu, step %zu for:\n%s", got,
					 need, step, cases[i].bytes);
		}
	}
}

/* Memory follows what was received, up to a limit. */
static void an_endless_head_is_too_big(void **state)
{
	char text[MAX + 2];
	size_t need;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(feed((struct str){text, MAX}, 1, &need),
			 SIP_FRAME_MORE);
	assert_int_equal(feed((struct str){text, MAX + 1}, 1, &need),
			 SIP_FRAME_TOO_BIG);
	assert_int_equal(feed((struct str){text, MAX + 1}, MAX, &need),
			 SIP_FRAME_TOO_BIG);
}

static void a_lone_line_end_begins_no_message(void **state)
{
	struct sip_framer f = {0};

	(void)state;
	assert_int_equal(sip_frame_next(&f, STR("\r\n"), MAX), SIP_FRAME_MORE);
	assert_int_equal(f.scanned, 0);
	assert_int_equal(sip_frame_next(&f, STR(""), MAX), SIP_FRAME_MORE);
}

/* What could be answered with 400 is there. */
static void a_bad_length_leaves_the_head_known(void **state)
{
	struct sip_framer f = {0};

	(void)state;
	assert_int_equal(sip_frame_next(&f, STR(START "l: x\r\n\r\n"), MAX),
			 SIP_FRAME_BAD);
	assert_int_equal(f.head_len, strlen(START "l: x\r\n\r\n"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_ends_where_its_length_says),
		cmocka_unit_test(an_endless_head_is_too_big),
		cmocka_unit_test(a_lone_line_end_begins_no_message),
		cmocka_unit_test(a_bad_length_leaves_the_head_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
