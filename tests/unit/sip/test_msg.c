/* Indexing: where fields begin and end, and the strict line rule. */
#include "sip_test.h"

#define REST VIA FROM TO CALL_ID CSEQ

static void names_are_known_in_every_form(void **state)
{
	static const struct {
		const char *name;
		enum sip_hdr_id id;
	} rows[] = {
		/* clang-format off */
		{ "Via", SIP_HDR_VIA }, { "v", SIP_HDR_VIA },
		{ "From", SIP_HDR_FROM }, { "F", SIP_HDR_FROM },
		{ "To", SIP_HDR_TO }, { "t", SIP_HDR_TO },
		{ "Call-ID", SIP_HDR_CALL_ID }, { "I", SIP_HDR_CALL_ID },
		{ "CSEQ", SIP_HDR_CSEQ },
		{ "max-forwards", SIP_HDR_MAX_FORWARDS },
		{ "rOUTE", SIP_HDR_ROUTE },
		{ "Record-Route", SIP_HDR_RECORD_ROUTE },
		{ "Contact", SIP_HDR_CONTACT }, { "m", SIP_HDR_CONTACT },
		{ "content-LENGTH", SIP_HDR_CONTENT_LENGTH },
		{ "L", SIP_HDR_CONTENT_LENGTH },
		{ "Content-Type", SIP_HDR_CONTENT_TYPE },
		{ "c", SIP_HDR_CONTENT_TYPE },
		{ "Require", SIP_HDR_REQUIRE },
		{ "Proxy-Require", SIP_HDR_PROXY_REQUIRE },
		{ "Supported", SIP_HDR_SUPPORTED }, { "k", SIP_HDR_SUPPORTED },
		{ "Unsupported", SIP_HDR_UNSUPPORTED },
		{ "Authorization", SIP_HDR_AUTHORIZATION },
		{ "Proxy-Authorization", SIP_HDR_PROXY_AUTHORIZATION },
		{ "WWW-Authenticate", SIP_HDR_WWW_AUTHENTICATE },
		{ "Proxy-Authenticate", SIP_HDR_PROXY_AUTHENTICATE },
		{ "Expires", SIP_HDR_EXPIRES },
		{ "Min-Expires", SIP_HDR_MIN_EXPIRES },
		{ "Retry-After", SIP_HDR_RETRY_AFTER },
		{ "Max-Breadth", SIP_HDR_MAX_BREADTH },
		{ "Timestamp", SIP_HDR_TIMESTAMP },
		{ "Reason", SIP_HDR_REASON },
		{ "Path", SIP_HDR_PATH },
		{ "Privacy", SIP_HDR_PRIVACY },
		{ "P-Asserted-Identity", SIP_HDR_P_ASSERTED_IDENTITY },
		{ "P-Preferred-Identity", SIP_HDR_P_PREFERRED_IDENTITY },
		{ "Server", SIP_HDR_SERVER },
		{ "Vja", SIP_HDR_OTHER }, { "x", SIP_HDR_OTHER },
		{ "Call_ID", SIP_HDR_OTHER }, { "Contacx", SIP_HDR_OTHER },
		/* clang-format on */
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct parsed *x;

		snprintf(text, sizeof(text), REQUEST_LINE "%s: 0\r\n\r\n",
			 rows[i].name);
		x = parse(text);
		assert_int_equal(x->indexed, 0);
		assert_int_equal(x->hdrs[0].id, rows[i].id);
		assert_str(sip_hdr_name(&x->msg, &x->hdrs[0]), rows[i].name);
		parsed_free(x);
	}
}

/* RFC 3261 section 7.1. */
static void methods_are_case_sensitive(void **state)
{
	static const char *const names[] = {
		[SIP_INVITE] = "INVITE",
		[SIP_ACK] = "ACK",
		[SIP_BYE] = "BYE",
		[SIP_CANCEL] = "CANCEL",
		[SIP_OPTIONS] = "OPTIONS",
		[SIP_REGISTER] = "REGISTER",
		[SIP_SUBSCRIBE] = "SUBSCRIBE",
		[SIP_NOTIFY] = "NOTIFY",
		[SIP_REFER] = "REFER",
		[SIP_MESSAGE] = "MESSAGE",
		[SIP_PUBLISH] = "PUBLISH",
		[SIP_INFO] = "INFO",
		[SIP_UPDATE] = "UPDATE",
		[SIP_PRACK] = "PRACK",
	};

	(void)state;
	for (unsigned i = SIP_INVITE; i < ARRAY_LEN(names); i++)
		assert_int_equal(sip_method_parse(str_from(names[i])), i);
	assert_int_equal(sip_method_parse(STR("Invite")), SIP_METHOD_OTHER);
	assert_int_equal(sip_method_parse(STR("")), SIP_METHOD_OTHER);
}

static void a_request_is_indexed_in_place(void **state)
{
	struct parsed *x = parse(REQUEST_LINE VIA "Subject :\t a\r\n b \r\n"
						  "X:\r\n\r\nbody");
	struct sip_msg *m = &x->msg;

	(void)state;
	assert_int_equal(x->indexed, 0);
	assert_true(m->is_request);
	assert_int_equal(m->method, SIP_INVITE);
	assert_str(m->uri_text, "sip:bob@biloxi.com");
	assert_int_equal(m->n_hdrs, 3);
	assert_str(sip_hdr_name(m, &m->hdrs[1]), "Subject");
	assert_str(sip_hdr_value(m, &m->hdrs[1]), "a\r\n b");
	assert_int_equal(m->hdrs[1].end, m->hdrs[2].at);
	assert_int_equal(m->hdrs[2].value_len, 0);
	assert_int_equal(m->hdrs[2].end + 2, m->head_len);
	assert_str(m->body, "body");
	parsed_free(x);
}

static void a_response_is_indexed_in_place(void **state)
{
	struct parsed *x = parse("sip/2.0 183 Go\ton \xc3\xbc\r\n" REST END);

	(void)state;
	assert_int_equal(x->checked, 0);
	assert_false(x->msg.is_request);
	assert_int_equal(x->msg.status, 183);
	assert_str(x->msg.reason, "Go\ton \xc3\xbc");
	parsed_free(x);
}

static const struct {
	const char *line;
	unsigned status; /* 0: good */
} start_lines[] = {
	/* clang-format off */
	{ "INVITE sip:a@b SIP/2.0", 0 },
	{ "INVITE sip:a@b sip/2.0", 0 },
	{ "INVITE sip:a@b SIP/3.0", 505 },
	{ "INVITE sip:a@b SIP/22.10", 505 },
	{ "INVITE sip:a@b SIP/2", 400 },
	{ "INVITE sip:a@b SIP/2.", 400 },
	{ "INVITE sip:a@b SIP/2.0x", 400 },
	{ "INVITE sip:a@b HTTP/1.1", 400 },
	{ "INVITE sip:a@b", 400 },
	{ "INVITE SIP/2.0", 400 },
	{ "INVITE  SIP/2.0", 400 },
	{ "INVITE", 400 },
	{ "", 400 },
	{ " sip:a@b SIP/2.0", 400 },
	{ "INV(ITE sip:a@b SIP/2.0", 400 },
	{ "INVITE sip:a@b SIP/2.0 ", 400 },
	{ "INVITE\tsip:a@b SIP/2.0", 400 },
	{ "INVITE sip:a@b\tSIP/2.0", 400 },
	{ "SIP/2.0 200 OK", 0 },
	{ "SIP/2.0 699 ", 0 },
	{ "SIP/2.0 100", 0 },
	{ "SIP/2.0 099 x", 400 },
	{ "SIP/2.0 700 x", 400 },
	{ "SIP/2.0 20 OK", 400 },
	{ "SIP/2.0 2000 OK", 400 },
	{ "SIP/2.0 2x0 OK", 400 },
	{ "SIP/2.0  200 OK", 400 },
	{ "SIP/2.0", 400 },
	{ "SIP/7.0 200 OK", 505 },
	{ "SIP/2.0 200 O\033K", 400 },
	/* clang-format on */
};

static void start_lines_are_read_strictly(void **state)
{
	char text[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(start_lines); i++) {
		struct parsed *x;

		snprintf(text, sizeof(text), "%s\r\nX: y\r\n\r\n",
			 start_lines[i].line);
		x = parse(text);
		if (x->indexed != (start_lines[i].status ? VD_EINVAL : 0))
			fail_msg("%s", start_lines[i].line);
		if (x->indexed != 0)
			assert_int_equal(x->msg.bad_status,
					 start_lines[i].status);
		parsed_free(x);
	}
}

#define ROW(lit)                                                               \
	{                                                                      \
		lit, sizeof(lit) - 1                                           \
	}

/* RFC 3261 section 25.1: what may stand in a head, and what not. */
static const struct {
	const char *text;
	size_t len;
} good_heads[] =
	{
		ROW("X: a\tb\r\n"),
		ROW("X: \xff~\xff\x80~~~~~~~~~~~\r\n"),
		ROW("X: \"\\\0\\\x01\\\x7f\"\r\n"),
		ROW("X:\r\n \"a\\\x02\"\r\n\t \"\\\x03\"\r\n"),
		ROW("Server: x (a (\\\x01) \\\x02)\r\n"),
		ROW("User-Agent : (\\\x7f)\r\n"),
		ROW("X : y\r\n"),
		ROW("X\t:y\r\n"),
		ROW("X:\r\n\r\n"),
},
  bad_heads[] = {
	  ROW("X: a\nY: b\r\n"),
	  ROW("X: a\rb\r\n"),
	  ROW("X: a\r\r\n"),
	  ROW("X: a\0b\r\n"),
	  ROW("X: a\x7f\r\n"),
	  ROW("X: 1234567890123456789012345678901\x1f\r\n"),
	  ROW("X\x01Y: a\r\n"),
	  ROW("X: \\\x01\r\n"),
	  ROW("X: (\\\x01)\r\n"),
	  ROW("X: \"a\"\\\x01\r\n"),
	  ROW("X: \"\x01\"\r\n"),
	  ROW("X: \"\\\n\"\r\n"),
	  ROW("X: \"\\\r\"\r\n"),
	  ROW("Server: (a) \\\x01\r\n"),
	  ROW("X: \"\\\x01\" \x02\r\n"),
	  ROW("X y: z\r\n"),
	  ROW("X\r\n"),
	  ROW(": x\r\n"),

	  ROW("X\r\n : y\r\n"),
	  ROW("X(: y\r\n"),
	  ROW("\xc3\xbc: y\r\n"),
};

static int index_with(const char *head, size_t len)
{
	static const char before[] = REQUEST_LINE VIA, after[] = FROM TO "\r\n";
	char text[512];
	size_t n = sizeof(before) - 1;
	struct parsed *x;
	int err;

	memcpy(text, before, n);
	memcpy(text + n, head, len);
	memcpy(text + n + len, after, sizeof(after));
	x = parse_bytes(text, n + len + sizeof(after) - 1);
	err = x->indexed;
	if (err != 0)
		assert_int_equal(x->msg.bad_status, 400);
	parsed_free(x);
	return err;
}

static void every_line_obeys_the_strict_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good_heads); i++)
		if (index_with(good_heads[i].text, good_heads[i].len) != 0)
			fail_msg("refused %s", good_heads[i].text);
	for (size_t i = 0; i < ARRAY_LEN(bad_heads); i++)
		if (index_with(bad_heads[i].text, bad_heads[i].len) == 0)
			fail_msg("accepted %s", bad_heads[i].text);
}

/* The scan goes in steps of sixteen: every place of a step must be looked at.
 */
static void a_control_byte_is_seen_at_every_offset(void **state)
{
	char head[80];

	(void)state;
	for (size_t at = 3; at < 70; at++) {
		memset(head, 'x', sizeof(head));
		memcpy(head, "X: ", 3);
		memcpy(head + 70, "\r\n", 2);
		assert_int_equal(index_with(head, 72), 0);
		head[at] = 0x1f;
		assert_int_equal(index_with(head, 72), VD_EINVAL);
	}
}

static void a_start_line_cannot_be_folded(void **state)
{
	struct parsed *x = parse(REQUEST_LINE " X: y\r\n" REST END);

	(void)state;
	assert_int_equal(x->indexed, VD_EINVAL);
	assert_int_equal(x->msg.n_hdrs, 6);
	parsed_free(x);
}

/* What is bad is not used for an answer, what follows it is. */
static void after_a_bad_line_the_rest_is_indexed(void **state)
{
	struct parsed *x = parse(REQUEST_LINE "Bad \001: x\r\n" REST END);

	(void)state;
	assert_int_equal(x->indexed, VD_EINVAL);
	assert_string_equal(x->msg.bad, "Control Byte in Header");
	assert_int_equal(x->msg.n_hdrs, 6);
	assert_true(sip_msg_can_answer(&x->msg));
	parsed_free(x);
}

static void a_head_without_an_empty_line_is_bad(void **state)
{
	struct parsed *x = parse(REQUEST_LINE REST);

	(void)state;
	assert_int_equal(x->indexed, VD_EINVAL);
	assert_true(sip_msg_can_answer(&x->msg));
	parsed_free(x);
	x = parse("");
	assert_int_equal(x->indexed, VD_EINVAL);
	assert_false(sip_msg_can_answer(&x->msg));
	parsed_free(x);
}

static const struct {
	const char *fields;
	int body_len; /* -1: refused */
} lengths[] = {
	/* clang-format off */
	{ "", 9 },
	{ "Content-Length: 9\r\n", 9 },
	{ "Content-Length: 0009\r\n", 9 },
	{ "l :\r\n 3\r\n", 3 },
	{ "Content-Length: 0\r\n", 0 },
	{ "Content-Length: 10\r\n", -1 },
	{ "Content-Length: 4294967296\r\n", -1 },
	{ "Content-Length: 18446744073709551625\r\n", -1 },
	{ "Content-Length: -1\r\n", -1 },
	{ "Content-Length: +9\r\n", -1 },
	{ "Content-Length: 0x9\r\n", -1 },
	{ "Content-Length: 9, 9\r\n", -1 },
	{ "Content-Length: 9 9\r\n", -1 },
	{ "Content-Length:\r\n", -1 },
	{ "Content-Length: 9\r\nContent-Length: 9\r\n", -1 },
	{ "Content-Length: 9\r\nX: y\r\nl: 3\r\n", -1 },
	/* clang-format on */
};

/* RFC 3261 section 18.3; two lengths are refused even when they agree. */
static void content_length_must_fit_what_is_there(void **state)
{
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct parsed *x;

		snprintf(text, sizeof(text), REQUEST_LINE "%s\r\n123456789",
			 lengths[i].fields);
		x = parse(text);
		if (x->indexed != (lengths[i].body_len < 0 ? VD_EINVAL : 0))
			fail_msg("%s", lengths[i].fields);
		if (lengths[i].body_len >= 0)
			assert_int_equal(x->msg.body.len, lengths[i].body_len);
		parsed_free(x);
	}
}

static void as_many_fields_as_allowed_are_indexed(void **state)
{
	char text[4096] = REQUEST_LINE;
	struct parsed *x;

	(void)state;
	for (int i = 0; i < TEST_HEADERS; i++)
		strcat(text, "X: y\r\n");
	strcat(text, "\r\n");
	x = parse(text);
	assert_int_equal(x->indexed, 0);
	assert_int_equal(x->msg.n_hdrs, TEST_HEADERS);
	parsed_free(x);
	strcpy(text + strlen(text) - 2, "X: y\r\n\r\n");
	x = parse(text);
	assert_int_equal(x->indexed, VD_EINVAL);
	assert_int_equal(x->msg.bad_status, 513);
	parsed_free(x);
}

/* What a 513 is made of is found wherever it stands. */
static void a_message_with_too_many_fields_can_be_answered(void **state)
{
	char text[4096] = REQUEST_LINE VIA FROM;
	struct parsed *x;

	(void)state;
	for (int i = 0; i < 2 * TEST_HEADERS; i++)
		strcat(text, "X: y\r\n");
	strcat(text, TO CALL_ID CSEQ "Via: SIP/2.0/UDP h\r\n" END);
	x = parse(text);
	assert_int_equal(x->msg.bad_status, 513);
	assert_int_equal(x->msg.n_hdrs, 6);
	assert_true(sip_msg_can_answer(&x->msg));
	assert_int_equal(x->msg.count[SIP_HDR_VIA], 2);
	assert_str(sip_hdr_value(&x->msg, sip_msg_next(&x->msg, x->hdrs)),
		   "SIP/2.0/UDP h");
	parsed_free(x);
}

/* Chains between fields of one kind are stored in a byte each. */
static void fields_far_apart_are_still_chained(void **state)
{
	static const struct sip_limits limits = {
		.headers = 600, .uri_size = 99, .vias = 9};
	static struct sip_hdr hdrs[601];
	static char text[8192] = REQUEST_LINE "Route: <sip:a>\r\n";
	const struct sip_hdr *h;
	struct sip_msg m;

	(void)state;
	for (int i = 0; i < 300; i++)
		strcat(text, "X: y\r\n");
	strcat(text, "Route: <sip:b>\r\nRoute: <sip:c>\r\n\r\n");
	assert_int_equal(sip_msg_index(str_from(text), &limits, hdrs, &m), 0);
	assert_int_equal(m.count[SIP_HDR_ROUTE], 3);
	h = sip_msg_first(&m, SIP_HDR_ROUTE);
	h = sip_msg_next(&m, h);
	assert_str(sip_hdr_value(&m, h), "<sip:b>");
	h = sip_msg_next(&m, h);
	assert_str(sip_hdr_value(&m, h), "<sip:c>");
	assert_null(sip_msg_next(&m, h));
}

static void fields_are_found_by_full_and_compact_name(void **state)
{
	struct parsed *x = parse(REQUEST_LINE "s: hello\r\nX-Y: z\r\n" REST
					      "Event: presence\r\n" END);

	(void)state;
	assert_str(
		sip_hdr_value(&x->msg, sip_msg_find(&x->msg, STR("Subject"))),
		"hello");
	assert_str(sip_hdr_value(&x->msg, sip_msg_find(&x->msg, STR("o"))),
		   "presence");
	assert_str(sip_hdr_value(&x->msg, sip_msg_find(&x->msg, STR("x-y"))),
		   "z");
	assert_ptr_equal(sip_msg_find(&x->msg, STR("i")),
			 sip_msg_first(&x->msg, SIP_HDR_CALL_ID));
	assert_null(sip_msg_find(&x->msg, STR("X-Z")));
	assert_null(sip_msg_value(&x->msg, SIP_HDR_ROUTE).p);
	parsed_free(x);
}

/* The worker that owns a message is chosen before it is indexed. */
static void the_call_id_is_found_without_an_index(void **state)
{
	(void)state;
	assert_str(sip_bytes_call_id(STR(REQUEST_LINE REST END)),
		   "a84b4c76e66710@pc33.atlanta.com");
	assert_str(
		sip_bytes_call_id(STR("x\r\nX: Call-ID: a\r\nI \t:\r\n b \r\n"
				      "Call-ID: c\r\n\r\n")),
		"b");
	assert_null(sip_bytes_call_id(STR("x\r\nVia: y\r\n\r\ni: body")).p);
	assert_null(sip_bytes_call_id(STR("Call-ID: first line")).p);
	assert_null(sip_bytes_call_id(STR_NONE).p);
}

static void responses_are_told_by_their_first_bytes(void **state)
{
	(void)state;
	assert_true(sip_bytes_are_response(STR("SIP/2.0 200 OK")));
	assert_true(sip_bytes_are_response(STR("sip/")));
	assert_false(sip_bytes_are_response(STR("SIP")));
	assert_false(sip_bytes_are_response(STR("SIPS sip:a SIP/2.0")));
}

static void the_topmost_via_is_found_without_an_index(void **state)
{
	struct sip_via via;

	(void)state;
	assert_int_equal(
		sip_bytes_via(STR("x\r\nFrom: v\r\nV \t:\r\n SIP/2.0/TLS "
				  "a.test:5;branch=1, SIP/2.0/UDP b\r\n"
				  "Via: SIP/2.0/UDP c\r\n\r\n"),
			      &via),
		0);
	assert_str(via.host, "a.test");
	assert_int_equal(via.port, 5);
	assert_int_equal(sip_bytes_via(STR("x\r\nVia: y\r\n\r\n"), &via),
			 VD_EINVAL);
	assert_int_equal(
		sip_bytes_via(STR("x\r\nTo: y\r\n\r\nv: SIP/2.0/UDP c"), &via),
		VD_EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_known_in_every_form),
		cmocka_unit_test(methods_are_case_sensitive),
		cmocka_unit_test(a_request_is_indexed_in_place),
		cmocka_unit_test(a_response_is_indexed_in_place),
		cmocka_unit_test(start_lines_are_read_strictly),
		cmocka_unit_test(every_line_obeys_the_strict_rule),
		cmocka_unit_test(a_control_byte_is_seen_at_every_offset),
		cmocka_unit_test(a_start_line_cannot_be_folded),
		cmocka_unit_test(after_a_bad_line_the_rest_is_indexed),
		cmocka_unit_test(a_head_without_an_empty_line_is_bad),
		cmocka_unit_test(content_length_must_fit_what_is_there),
		cmocka_unit_test(as_many_fields_as_allowed_are_indexed),
		cmocka_unit_test(
			a_message_with_too_many_fields_can_be_answered),
		cmocka_unit_test(fields_far_apart_are_still_chained),
		cmocka_unit_test(fields_are_found_by_full_and_compact_name),
		cmocka_unit_test(the_call_id_is_found_without_an_index),
		cmocka_unit_test(the_topmost_via_is_found_without_an_index),
		cmocka_unit_test(responses_are_told_by_their_first_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
