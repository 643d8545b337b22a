/* What a proxy refuses (RFC 3261 section 16.3 step 1), and what it does not. */
#include "sip_test.h"

static const struct {
	unsigned status; /* 0: good */
	const char *text;
} cases[] = {
	/* clang-format off */
	{ 0, REQUEST_LINE VIA FROM TO CALL_ID CSEQ MAX_FORWARDS END },

	/* 8.1.1: mandatory fields, once each; RFC 2543 had no Max-Forwards */
	{ 0, REQUEST_LINE VIA FROM TO CALL_ID CSEQ END },
	{ 400, REQUEST_LINE FROM TO CALL_ID CSEQ MAX_FORWARDS END },
	{ 400, REQUEST_LINE VIA TO CALL_ID CSEQ MAX_FORWARDS END },
	{ 400, REQUEST_LINE VIA FROM CALL_ID CSEQ MAX_FORWARDS END },
	{ 400, REQUEST_LINE VIA FROM TO CSEQ MAX_FORWARDS END },
	{ 400, REQUEST_LINE VIA FROM TO CALL_ID MAX_FORWARDS END },
	{ 400, REQUEST_LINE VIA FROM FROM TO CALL_ID CSEQ END },
	{ 400, REQUEST_LINE VIA FROM TO "t: <sip:x@y>\r\n" CALL_ID CSEQ END },
	{ 400, REQUEST_LINE VIA FROM TO CALL_ID "i: x\r\n" CSEQ END },
	{ 400, REQUEST_LINE VIA FROM TO CALL_ID CSEQ CSEQ END },
	{ 400, REQUEST_LINE VIA FROM TO CALL_ID CSEQ MAX_FORWARDS
	       MAX_FORWARDS END },
	{ 400, REQUEST_LINE VIA FROM TO CALL_ID CSEQ
	       "Content-Type: a/b\r\nc: a/b\r\n" END },
	{ 400, REQUEST_LINE VIA FROM TO CALL_ID CSEQ
	       "Expires: 1\r\nExpires: 2\r\n" END },

	/* Request-URI */
	{ 0, "INVITE nobodyKnowsThis:x SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ
	     END },
	{ 0, "INVITE tel:+1 SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ END },
	{ 400, "INVITE sip: SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ END },
	{ 400, "INVITE <sip:a@b> SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ END },
	{ 400, "INVITE sip:a@b; lr SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ END },
	{ 400, "INVITE sip:a@b?Route=%3Csip:c%3E SIP/2.0\r\n" VIA FROM TO
	       CALL_ID CSEQ END },
	{ 505, "INVITE sip:a@b SIP/1.0\r\n" VIA FROM TO CALL_ID CSEQ END },

	/* Via: only the top value is ours */
	{ 0, REQUEST_LINE "Via: SIP/2.0/TCP h\r\n" FROM TO CALL_ID CSEQ END },
	{ 0, REQUEST_LINE VIA "Via: what, ever\r\n" FROM TO CALL_ID CSEQ END },
	{ 400, REQUEST_LINE "Via: what, ever\r\n" VIA FROM TO CALL_ID CSEQ
	       END },
	{ 400, REQUEST_LINE "Via:\r\n" VIA FROM TO CALL_ID CSEQ END },
	{ 400, REQUEST_LINE "Via: SIP/2.0/UDP h;;branch=a\r\n" FROM TO CALL_ID
	       CSEQ END },
	{ 400, REQUEST_LINE "Via: SIP/2.0/UDP h;branch=z9hG4bK\r\n" FROM TO
	       CALL_ID CSEQ END },

	/* From, To, Call-ID */
	{ 0, REQUEST_LINE VIA "From: sip:a@b\r\n" TO CALL_ID CSEQ END },
	{ 400, REQUEST_LINE VIA "From: a@b\r\n" TO CALL_ID CSEQ END },
	{ 400, REQUEST_LINE VIA FROM "To: <sip:a@b>, <sip:c@d>\r\n" CALL_ID
	       CSEQ END },
	{ 400, REQUEST_LINE VIA FROM TO "Call-ID:\r\n" CSEQ END },
	{ 400, REQUEST_LINE VIA FROM TO "Call-ID: a b\r\n" CSEQ END },
	{ 400, REQUEST_LINE VIA FROM TO "Call-ID: \"\\\001\"\r\n" CSEQ END },
	{ 400, REQUEST_LINE VIA FROM TO "Call-ID: a\xc3\xbc\r\n" CSEQ END },

	/* CSeq: 8.1.1.5 */
	{ 0, REQUEST_LINE VIA FROM TO CALL_ID "CSeq: 0 INVITE\r\n" END },
	{ 400, REQUEST_LINE VIA FROM TO CALL_ID "CSeq: 1 invite\r\n" END },
	{ 400, REQUEST_LINE VIA FROM TO CALL_ID "CSeq: 1 BYE\r\n" END },
	{ 400, REQUEST_LINE VIA FROM TO CALL_ID "CSeq: INVITE\r\n" END },
	{ 400, REQUEST_LINE VIA FROM TO CALL_ID "CSeq: 2147483648 INVITE\r\n"
	       END },

	/* Max-Forwards: 20.22 */
	{ 0, REQUEST_LINE VIA FROM TO CALL_ID CSEQ "Max-Forwards: 0255\r\n"
	     END },
	{ 0, REQUEST_LINE VIA FROM TO CALL_ID CSEQ "Max-Forwards: 0\r\n" END },
	{ 400, REQUEST_LINE VIA FROM TO CALL_ID CSEQ "Max-Forwards: 256\r\n"
	       END },
	{ 400, REQUEST_LINE VIA FROM TO CALL_ID CSEQ "Max-Forwards: many\r\n"
	       END },
	{ 400, REQUEST_LINE VIA FROM TO CALL_ID CSEQ "Max-Forwards:\r\n" END },

	/* Route: brackets, and a URI that can be routed to */
	{ 0, REQUEST_LINE VIA "Route: <sip:a;lr>, <sip:b>\r\n" FROM TO CALL_ID
	     CSEQ END },
	{ 400, REQUEST_LINE VIA "Route: sip:a;lr\r\n" FROM TO CALL_ID CSEQ
	       END },
	{ 400, REQUEST_LINE VIA "Route: <sip:a;lr>,, <sip:b>\r\n" FROM TO
	       CALL_ID CSEQ END },
	{ 400, REQUEST_LINE VIA "Route: <sip:a:b:c>\r\n" FROM TO CALL_ID CSEQ
	       END },

	/* Contact concerns a registrar only */
	{ 0, REQUEST_LINE VIA FROM TO CALL_ID CSEQ "Contact: what?\r\n" END },
	{ 0, "REGISTER sip:b SIP/2.0\r\n" VIA FROM TO CALL_ID
	     "CSeq: 1 REGISTER\r\nContact: *\r\n" END },
	{ 0, "REGISTER sip:b SIP/2.0\r\n" VIA FROM TO CALL_ID
	     "CSeq: 1 REGISTER\r\nContact: <sip:a?b=c>;q=1, <tel:1>\r\n" END },
	{ 400, "REGISTER sip:b SIP/2.0\r\n" VIA FROM TO CALL_ID
	       "CSeq: 1 REGISTER\r\nContact: sip:a?b=c\r\n" END },

	/* other fields are somebody else's */
	{ 0, REQUEST_LINE VIA FROM TO CALL_ID CSEQ "Date: never\r\n"
	     "Authorization: \"\r\nX: ;;,\"<\r\nSubject:\r\n" END },

	/* responses: the same fields; nothing about their request */
	{ 0, "SIP/2.0 200 OK\r\n" VIA FROM TO CALL_ID CSEQ END },
	{ 0, "SIP/2.0 200 OK\r\n" VIA FROM TO CALL_ID CSEQ
	     "Max-Forwards: x\r\nContact: what?\r\n" END },
	{ 0, "SIP/2.0 200 OK\r\n" VIA FROM TO CALL_ID CSEQ
	     "Retry-After: 1\r\nRetry-After: 2\r\n" END },
	{ 400, "SIP/2.0 200 OK\r\n" FROM TO CALL_ID CSEQ END },
	{ 400, "SIP/2.0 200 OK\r\n" VIA FROM TO CALL_ID "CSeq: x\r\n" END },
	{ 400, "SIP/2.0 200 OK\r\n" VIA FROM FROM TO CALL_ID CSEQ END },
	/* clang-format on */
};

static void requests_are_refused_with_the_right_status(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct parsed *x = parse(cases[i].text);

		if (x->checked != (cases[i].status != 0 ? VD_EINVAL : 0) ||
		    x->msg.bad_status != cases[i].status)
			fail_msg("%u (%s) for:\n%s", x->msg.bad_status,
				 x->msg.bad != NULL ? x->msg.bad : "good",
				 cases[i].text);
		parsed_free(x);
	}
}

static void limits_have_their_own_statuses(void **state)
{
	static const struct sip_limits limits = {
		.headers = TEST_HEADERS, .uri_size = 18, .vias = 2};
	struct sip_limits tight = limits;
	struct parsed *x = parse(REQUEST_LINE
				 "Via: SIP/2.0/UDP a, SIP/2.0/UDP b\r\n" FROM TO
					 CALL_ID CSEQ END);

	(void)state;
	assert_int_equal(sip_msg_check(&x->msg, &limits), 0);
	tight.vias = 1;
	assert_int_equal(sip_msg_check(&x->msg, &tight), VD_EINVAL);
	assert_int_equal(x->msg.bad_status, 483);
	parsed_free(x);
	x = parse(REQUEST_LINE VIA FROM TO CALL_ID CSEQ END);
	tight.uri_size = 17;
	assert_int_equal(sip_msg_check(&x->msg, &tight), VD_EINVAL);
	assert_int_equal(x->msg.bad_status, 414);
	parsed_free(x);
}

static const struct {
	bool can;
	const char *text;
} answers[] = {
	/* clang-format off */
	{ true, REQUEST_LINE VIA FROM TO CALL_ID CSEQ END },
	{ true, "x y z\r\n" VIA FROM TO CALL_ID CSEQ END },
	{ true, REQUEST_LINE VIA "From: \"\r\n" TO CALL_ID CSEQ END },
	{ true, REQUEST_LINE VIA FROM TO TO CALL_ID "CSeq: x\r\n" END },
	{ true, REQUEST_LINE "Via: SIP/2.0/UDP h;;,;\r\n" FROM TO CALL_ID CSEQ
	        END },
	{ false, REQUEST_LINE FROM TO CALL_ID CSEQ END },
	{ false, REQUEST_LINE "Via: x\r\n" FROM TO CALL_ID CSEQ END },
	{ false, REQUEST_LINE VIA FROM "To:\r\n" CALL_ID CSEQ END },
	{ false, REQUEST_LINE VIA FROM TO CSEQ END },
	{ false, "ACK sip:a@b SIP/2.0\r\n" VIA FROM TO CALL_ID
	         "CSeq: 1 ACK\r\n" END },
	{ false, "ACK sip:a@b SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ END },
	{ false, REQUEST_LINE VIA FROM TO CALL_ID "CSeq: 1 ACK\r\n" END },
	{ false, "SIP/2.0 200 OK\r\n" VIA FROM TO CALL_ID CSEQ END },
	/* clang-format on */
};

static void only_what_can_be_copied_is_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct parsed *x = parse(answers[i].text);

		if (sip_msg_can_answer(&x->msg) != answers[i].can)
			fail_msg("%s", answers[i].text);
		parsed_free(x);
	}
}

static void a_malformed_field_has_no_parsed_form(void **state)
{
	struct parsed *x = parse("INVITE sip: SIP/2.0\r\n"
				 "Via: x\r\nFrom: x\r\nTo: x\r\nCSeq: x\r\n"
				 "Max-Forwards: x\r\n" END);
	struct sip_msg *m = &x->msg;

	(void)state;
	for (int twice = 0; twice < 2; twice++) {
		assert_null(sip_msg_top_via(m));
		assert_null(sip_msg_from(m));
		assert_null(sip_msg_to(m));
		assert_null(sip_msg_cseq(m));
		assert_null(sip_msg_uri(m));
	}
	assert_int_equal(sip_msg_max_forwards(m, 71), 71);
	parsed_free(x);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_refused_with_the_right_status),
		cmocka_unit_test(limits_have_their_own_statuses),
		cmocka_unit_test(only_what_can_be_copied_is_answered),
		cmocka_unit_test(a_malformed_field_has_no_parsed_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
