#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/log_file.h"

static const struct trace_tag tag = {
	STR("a84b4c76"),
	STR("udp:192.0.2.4:5060<192.0.2.9:5060"),
	42,
};

static const char invite[] =
	"INVITE sip:bob@biloxi.com SIP/2.0\r\n"
	"Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds\r\n"
	"Proxy-Authorization: Digest username=\"alice\",\r\n"
	" response=\"s3cret\"\r\n"
	"To: Bob <sip:bob@biloxi.com>\r\n"
	"\r\n"
	"v=0\r\n";

/* What the message is written as. */
static const char *traced(enum trace_level level, struct str bytes)
{
	union addr peer;
	char *at;

	assert_int_equal(addr_parse(STR("192.0.2.9"), 5060, &peer), 0);
	log_file_start(LOG_FORMAT_TEXT, level);
	trace_message(&tag, false, &peer, bytes);
	log_file_finish();
	at = strstr(log_text, " info trace dir=in call_id=a84b4c76 "
			      "flow=udp:192.0.2.4:5060<192.0.2.9:5060 txn=42 "
			      "peer=192.0.2.9:5060 message=");
	assert_non_null(at);
	return strstr(at, " message=") + 9;
}

static void a_step_says_what_and_why(void **state)
{
	(void)state;
	log_file_start(LOG_FORMAT_TEXT, TRACE_SUMMARY);
	TRACE_STEP(&tag, "route", "matched %s at %d", "default-local", 3);
	log_file_finish();
	assert_string_equal(log_text + 25,
			    "info trace dir=step call_id=a84b4c76 "
			    "flow=udp:192.0.2.4:5060<192.0.2.9:5060 txn=42 "
			    "step=route why=\"matched default-local at 3\"\n");
}

static void what_a_tag_does_not_know_is_left_out(void **state)
{
	struct trace_tag none = {STR_NONE, STR_NONE, 0};

	(void)state;
	log_file_start(LOG_FORMAT_TEXT, TRACE_SUMMARY);
	trace_step(&none, "drop", "malformed");
	log_file_finish();
	assert_string_equal(log_text + 25,
			    "info trace dir=step step=drop why=malformed\n");
}

static void nothing_is_traced_when_it_is_off(void **state)
{
	(void)state;
	log_file_start(LOG_FORMAT_TEXT, TRACE_OFF);
	TRACE_STEP(&tag, "route", "x");
	trace_step(&tag, "route", "x");
	trace_message(&tag, true, NULL, STR("INVITE"));
	assert_int_equal(log_file_finish(), 0);
}

static void a_summary_is_the_first_line(void **state)
{
	(void)state;
	assert_string_equal(traced(TRACE_SUMMARY, STR(invite)),
			    "\"INVITE sip:bob@biloxi.com SIP/2.0\"\n");
	assert_string_equal(traced(TRACE_SUMMARY, STR("\r\n\r\n")), "\"\"\n");
	assert_string_equal(traced(TRACE_SUMMARY, STR_NONE), "\"\"\n");
}

#define HEAD                                                                   \
	"\"INVITE sip:bob@biloxi.com SIP/2.0\\r\\n"                            \
	"Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds\\r\\n"      \
	"Proxy-Authorization: <masked>\\r\\n"                                  \
	"To: Bob <sip:bob@biloxi.com>\\r\\n\\r\\n"

static void headers_end_at_the_empty_line(void **state)
{
	(void)state;
	assert_string_equal(traced(TRACE_HEADERS, STR(invite)), HEAD "\"\n");
}

static void full_is_all_of_it_in_one_line(void **state)
{
	(void)state;
	assert_string_equal(traced(TRACE_FULL, STR(invite)),
			    HEAD "v=0\\r\\n\"\n");
}

static void credentials_are_masked_however_they_are_written(void **state)
{
	static const char *const secret[] = {
		"Authorization: s3cret",
		"Authorization:s3cret",
		"AUTHORIZATION\t : s3cret",
		"proxy-authorization: s3cret",
		"Authorization: Digest\r\n s3cret",
		"Authorization:\r\n\ts3cret\r\n\ts3cret",
		"Authorization: Digest\n s3cret",
		"To: x\rAuthorization: s3cret",
		"Authorization: Digest\rs3cret",
		"To: x\r\n\r\nAuthorization: s3cret",
		"Authorization: a\r\nAuthorization: s3cret",
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(secret); i++) {
		const char *line;

		snprintf(text, sizeof(text),
			 "OPTIONS sip:a SIP/2.0\r\n%s\r\nSubject: kept\r\n",
			 secret[i]);
		line = traced(TRACE_FULL, str_from(text));
		assert_null(strstr(line, "s3cret"));
		assert_non_null(strstr(line, ": <masked>\\"));
		assert_non_null(strstr(line, "\\nSubject: kept"));
	}
}

static void nothing_else_is_masked(void **state)
{
	static const char *const kept[] = {
		"X-Authorization: k3pt",
		"Authorization-Info: k3pt",
		"Authorizatio: k3pt",
		"WWW-Authenticate: Digest nonce=\"k3pt\"",
		"Subject: Authorization: k3pt",
		"Authorization: gone\r\nTo: k3pt",
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		snprintf(text, sizeof(text), "OPTIONS sip:a SIP/2.0\r\n%s\r\n",
			 kept[i]);
		assert_non_null(
			strstr(traced(TRACE_FULL, str_from(text)), "k3pt"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_says_what_and_why),
		cmocka_unit_test(what_a_tag_does_not_know_is_left_out),
		cmocka_unit_test(nothing_is_traced_when_it_is_off),
		cmocka_unit_test(a_summary_is_the_first_line),
		cmocka_unit_test(headers_end_at_the_empty_line),
		cmocka_unit_test(full_is_all_of_it_in_one_line),
		cmocka_unit_test(
			credentials_are_masked_however_they_are_written),
		cmocka_unit_test(nothing_else_is_masked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
