#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdatomic.h>

#include "util/log_file.h"

enum {
	LINE_MAX_LEN = 4096,
	TIME_LEN = 25, /* with the space */
};

/* The one line in the file, without its time and newline. */
static const char *one_line(void)
{
	size_t n = log_file_finish();

	assert_true(n > TIME_LEN);
	assert_int_equal(log_text[n - 1], '\n');
	log_text[n - 1] = '\0';
	assert_null(strchr(log_text, '\n'));
	return log_text + TIME_LEN;
}

static void a_line_names_event_call_and_pairs(void **state)
{
	union addr a;

	(void)state;
	assert_int_equal(addr_parse(STR("192.0.2.7"), 5061, &a), 0);
	log_file_start(LOG_FORMAT_TEXT, TRACE_OFF);
	log_info(STR("a84b4c76"), "txn.timeout", KV_TEXT("method", "INVITE"),
		 KV_UINT("after_ms", UINT64_MAX), KV_INT("n", INT64_MIN),
		 KV_ADDR("hop", &a), KV_ADDR("via", NULL));
	assert_string_equal(one_line(),
			    "info txn.timeout call_id=a84b4c76 method=INVITE "
			    "after_ms=18446744073709551615 "
			    "n=-9223372036854775808 hop=192.0.2.7:5061 "
			    "via=none");
}

static void a_line_without_call_has_no_call_id(void **state)
{
	(void)state;
	log_file_start(LOG_FORMAT_TEXT, TRACE_OFF);
	log_warning(STR_NONE, "ready");
	assert_string_equal(one_line(), "warning ready");
}

static void the_time_is_utc_with_milliseconds(void **state)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ ";

	(void)state;
	log_file_start(LOG_FORMAT_TEXT, TRACE_OFF);
	log_error(STR_NONE, "x");
	one_line();
	for (size_t i = 0; i < TIME_LEN; i++) {
		if (shape[i] == 'd')
			assert_true(isdigit((unsigned char)log_text[i]));
		else
			assert_int_equal(log_text[i], shape[i]);
	}
}

static void assert_value(struct str value, const char *want)
{
	char line[256];

	log_file_start(LOG_FORMAT_TEXT, TRACE_OFF);
	log_info(STR_NONE, "e", KV_STR("v", value));
	snprintf(line, sizeof(line), "info e v=%s", want);
	assert_string_equal(one_line(), line);
}

static void values_are_quoted_only_when_they_must_be(void **state)
{
	(void)state;
	assert_value(STR("sip:bob@biloxi.com"), "sip:bob@biloxi.com");
	assert_value(STR("J\xc3\xbcrgen"), "J\xc3\xbcrgen");
	assert_value(STR(""), "\"\"");
	assert_value(STR_NONE, "\"\"");
	assert_value(STR("a b"), "\"a b\"");
	assert_value(STR("a=b"), "\"a=b\"");
	assert_value(STR("a\"b"), "\"a\\\"b\"");
}

static void hostile_bytes_are_escaped(void **state)
{
	(void)state;
	assert_value(STR("x\r\nerror fake"), "\"x\\r\\nerror fake\"");
	assert_value(STR("\x1b[31m\t\0\x7f"), "\"\\x1b[31m\\t\\x00\\x7f\"");
	assert_value(STR("a\\nb"), "\"a\\\\nb\"");
}

static void invalid_utf8_is_escaped_byte_by_byte(void **state)
{
	(void)state;
	assert_value(STR("\xff"), "\"\\xff\"");
	assert_value(STR("\xc3"), "\"\\xc3\"");
	assert_value(STR("\xc0\xaf"), "\"\\xc0\\xaf\"");
	assert_value(STR("\xe0\x80\xaf"), "\"\\xe0\\x80\\xaf\"");
	assert_value(STR("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"");
	assert_value(STR("\xf4\x90\x80\x80"), "\"\\xf4\\x90\\x80\\x80\"");
	assert_value(STR("\xe2\x82"), "\"\\xe2\\x82\"");
	assert_value(STR("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80");
	/* U+009B starts a terminal's control sequence. */
	assert_value(STR("\xc2\x9b"), "\"\\xc2\\x9b\"");
}

/* A small JSON reader: says where a string, number, word or object ends. */
static const char *json_skip(const char *p);

static const char *json_string(const char *p)
{
	assert_int_equal(*p, '"');
	for (p++; *p != '"'; p++) {
		assert_true((unsigned char)*p >= 0x20);
		if (*p != '\\')
			continue;
		p++;
		assert_non_null(strchr("\"\\/bfnrtu", *p));
		if (*p == 'u') {
			for (int i = 0; i < 4; i++)
				assert_true(isxdigit((unsigned char)*++p));
		}
	}
	return p + 1;
}

static const char *json_object(const char *p)
{
	do {
		p = json_string(p + 1); /* behind the brace or the comma */
		assert_int_equal(*p, ':');
		p = json_skip(p + 1);
	} while (*p == ',');
	assert_int_equal(*p, '}');
	return p + 1;
}

static const char *json_skip(const char *p)
{
	if (*p == '{')
		return json_object(p);
	if (*p == '"')
		return json_string(p);
	assert_true(isalnum((unsigned char)*p) || *p == '-');
	return p + strspn(p, "-0123456789truefalsn");
}

static void assert_json_line(const char *line)
{
	assert_string_equal(json_object(line), "\n");
}

static void json_has_the_same_keys(void **state)
{
	(void)state;
	log_file_start(LOG_FORMAT_JSON, TRACE_OFF);
	log_info(STR("a84b4c76"), "txn.timeout", KV_TEXT("method", "IN\"V"),
		 KV_UINT("after_ms", 32000), KV_INT("n", -1),
		 KV_TEXT("empty", ""));
	log_file_finish();
	assert_json_line(log_text);
	memcpy(log_text + 9, "TTTTTTTTTTTTTTTTTTTTTTTT", 24);
	assert_string_equal(
		log_text,
		"{\"time\":\"TTTTTTTTTTTTTTTTTTTTTTTT\",\"level\":\"info\","
		"\"event\":\"txn.timeout\",\"call_id\":\"a84b4c76\","
		"\"method\":\"IN\\\"V\",\"after_ms\":32000,\"n\":-1,"
		"\"empty\":\"\"}\n");
}

static void json_escapes_every_byte_that_is_no_text(void **state)
{
	static char all[256];

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	log_file_start(LOG_FORMAT_JSON, TRACE_OFF);
	log_info(STR_NONE, "e", KV_STR("v", ((struct str){all, 256})));
	log_file_finish();
	assert_json_line(log_text);
	assert_non_null(strstr(log_text, "\\u0000\\u0001"));
	assert_non_null(strstr(log_text, "\\u007f\\u0080"));
	assert_non_null(strstr(log_text, "\\u00ff"));
}

/* Lengths around the limit, with a byte that has the longest escape and a
 * sequence that must not be split at the end. */
static void write_long_lines(void)
{
	static const char *const ends[] = {"x", "\x01\x01", "\xf0\x9f\x98\x80",
					   "\"\"\"", "\xff"};
	static char value[LINE_MAX_LEN + 16];

	for (size_t len = LINE_MAX_LEN - 160; len < LINE_MAX_LEN; len++) {
		size_t end_len = strlen(ends[len % ARRAY_LEN(ends)]);

		memset(value, 'v', len);
		memcpy(value + len, ends[len % ARRAY_LEN(ends)], end_len);
		log_info(STR("c"), "e",
			 KV_STR("v", ((struct str){value, len + end_len})),
			 KV_UINT("n", 123456789), KV_TEXT("w", "last"));
	}
}

static void lines_end_at_4_kib_and_say_so(void **state)
{
	size_t n_cut = 0, n = 0;
	char *line, *save;

	(void)state;
	log_file_start(LOG_FORMAT_TEXT, TRACE_OFF);
	write_long_lines();
	log_file_finish();
	for (line = strtok_r(log_text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save), n++) {
		bool is_cut = strstr(line, " truncated=yes") != NULL;

		assert_true(strlen(line) < LINE_MAX_LEN);
		assert_true(is_cut || strstr(line, " w=last") != NULL);
		n_cut += is_cut;
	}
	assert_int_equal(n, 160);
	assert_true(n_cut > 10 && n_cut < n);
}

static void a_cut_json_line_is_still_json(void **state)
{
	size_t n_cut = 0, n = 0;
	char *line = log_text, *end;

	(void)state;
	log_file_start(LOG_FORMAT_JSON, TRACE_OFF);
	write_long_lines();
	log_file_finish();
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1, n++) {
		bool is_cut;

		*end = '\0';
		assert_string_equal(json_object(line), "");
		assert_true(end - line < LINE_MAX_LEN);
		is_cut = strstr(line, ",\"truncated\":true}") != NULL;
		assert_true(is_cut || strstr(line, "\"w\":\"last\"}") != NULL);
		n_cut += is_cut;
	}
	assert_int_equal(n, 160);
	assert_true(n_cut > 10 && n_cut < n);
}

static void levels_below_the_configured_one_are_not_written(void **state)
{
	(void)state;
	log_file_start(LOG_FORMAT_TEXT, TRACE_OFF);
	log_debug(STR_NONE, "hidden");
	log_info(STR_NONE, "shown");
	log_debug(STR_NONE, "hidden");
	assert_string_equal(one_line(), "info shown");
}

static void a_class_writes_so_many_lines_a_second(void **state)
{
	struct log_class c = LOG_CLASS(3);
	unsigned n = 0;

	(void)state;
	log_file_start(LOG_FORMAT_TEXT, TRACE_OFF);
	/* Between two seconds it may be twice as many. */
	for (int i = 0; i < 1000; i++)
		n += log_class_allows(&c, "malformed");
	assert_true(n == 3 || n == 6);
	log_file_finish();
}

static void the_next_second_tells_how_many_were_suppressed(void **state)
{
	struct log_class c = LOG_CLASS(3);

	(void)state;
	log_file_start(LOG_FORMAT_TEXT, TRACE_OFF);
	atomic_store(&c.window, 1); /* the second in which the system started */
	atomic_store(&c.n_suppressed, 17);
	assert_true(log_class_allows(&c, "malformed"));
	assert_int_equal(atomic_load(&c.n_suppressed), 0);
	assert_string_equal(one_line(),
			    "warning log.suppressed event=malformed count=17");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_names_event_call_and_pairs),
		cmocka_unit_test(a_line_without_call_has_no_call_id),
		cmocka_unit_test(the_time_is_utc_with_milliseconds),
		cmocka_unit_test(values_are_quoted_only_when_they_must_be),
		cmocka_unit_test(hostile_bytes_are_escaped),
		cmocka_unit_test(invalid_utf8_is_escaped_byte_by_byte),
		cmocka_unit_test(json_has_the_same_keys),
		cmocka_unit_test(json_escapes_every_byte_that_is_no_text),
		cmocka_unit_test(lines_end_at_4_kib_and_say_so),
		cmocka_unit_test(a_cut_json_line_is_still_json),
		cmocka_unit_test(
			levels_below_the_configured_one_are_not_written),
		cmocka_unit_test(a_class_writes_so_many_lines_a_second),
		cmocka_unit_test(
			the_next_second_tells_how_many_were_suppressed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
