/* Messages of our own: responses (RFC 3261 section 8.2.6), the ACK of a hop
 * (17.1.1.3) and its CANCEL (9.1). */
#include "sip_test.h"

static void expect(struct buf *b, const char *want)
{
	assert_non_null(b);
	assert_int_equal(b->len, strlen(want));
	assert_str(buf_str(b), want);
	buf_unref(b);
}

static struct mem *new_mem(void)
{
	struct mem *mem;

	assert_int_equal(mem_new(0, &mem), 0);
	return mem;
}

#define VIAS                                                                   \
	"v: SIP/2.0/UDP h;rport;branch=z9hG4bKa , SIP/2.0/TCP g\r\n"           \
	"X: y\r\n"                                                             \
	"Via: SIP/2.0/TLS f\r\n"

static void a_response_copies_what_belongs_to_the_transaction(void **state)
{
	struct parsed *x = parse(REQUEST_LINE VIAS MAX_FORWARDS
				 "t:  sip:b@c \r\n" FROM CALL_ID
				 "Timestamp: 54\r\n" CSEQ END);
	struct sip_response r = {
		.status = 486,
		.to_tag = STR("xyz"),
		.top_via_params = STR(";received=192.0.2.9;rport=5062"),
		.extra = STR("Retry-After: 5\r\n"),
	};
	struct mem *mem = new_mem();

	(void)state;
	assert_int_equal(x->checked, 0);
	expect(sip_response_print(&x->msg, &r, mem),
	       "SIP/2.0 486 Busy Here\r\n"
	       "v: SIP/2.0/UDP h;branch=z9hG4bKa;received=192.0.2.9;rport=5062"
	       " , SIP/2.0/TCP g\r\n"
	       "Via: SIP/2.0/TLS f\r\n" FROM
	       "t:  sip:b@c;tag=xyz \r\n" CALL_ID CSEQ
	       "Retry-After: 5\r\n" END);
	parsed_free(x);
	mem_free_all(mem);
}

/* 8.2.6.1: Timestamp; 8.2.6.2: a To tag may stay away. */
static void a_100_copies_timestamp_and_adds_no_tag(void **state)
{
	struct parsed *x = parse(REQUEST_LINE VIA FROM TO CALL_ID
				 "Timestamp: 54\r\n" CSEQ END);
	struct sip_response r = {.status = 100, .to_tag = STR("xyz")};
	struct mem *mem = new_mem();

	(void)state;
	expect(sip_response_print(&x->msg, &r, mem),
	       "SIP/2.0 100 Trying\r\n" VIA FROM TO CALL_ID CSEQ
	       "Timestamp: 54\r\n" END);
	parsed_free(x);
	mem_free_all(mem);
}

static void a_to_tag_that_is_there_stays(void **state)
{
	struct parsed *x = parse(REQUEST_LINE VIA FROM
				 "To: <sip:a@b>;tag=1\r\n" CALL_ID CSEQ END);
	struct sip_response r = {
		.status = 481, .reason = STR("Gone"), .to_tag = STR("xyz")};
	struct mem *mem = new_mem();

	(void)state;
	expect(sip_response_print(&x->msg, &r, mem),
	       "SIP/2.0 481 Gone\r\n" VIA FROM
	       "To: <sip:a@b>;tag=1\r\n" CALL_ID CSEQ END);
	parsed_free(x);
	mem_free_all(mem);
}

/* The answer to a broken request: what is broken goes back as it is. */
static void a_bad_request_is_answered_with_its_own_fields(void **state)
{
	struct parsed *x = parse("x\r\nVia: SIP/2.0/UDP h;;\r\n" FROM
				 "To: \"open <sip:a@b>\r\nTo: x\r\n" CALL_ID
				 "CSeq: 99999999999 INVITE\r\n" END);
	struct sip_response r = {
		.status = x->msg.bad_status,
		.reason = str_from(x->msg.bad),
		.to_tag = STR("xyz"),
		.top_via_params = STR(";received=192.0.2.9"),
	};
	struct mem *mem = new_mem();

	(void)state;
	assert_true(sip_msg_can_answer(&x->msg));
	expect(sip_response_print(&x->msg, &r, mem),
	       "SIP/2.0 400 Malformed Request-Line\r\n"
	       "Via: SIP/2.0/UDP h;;;received=192.0.2.9\r\n" FROM
	       "To: \"open <sip:a@b>\r\n" CALL_ID
	       "CSeq: 99999999999 INVITE\r\n" END);
	parsed_free(x);
	mem_free_all(mem);
}

static struct parsed *sent_invite(void)
{
	return parse("INVITE sip:bob@192.0.2.4 SIP/2.0\r\n"
		     "Via: SIP/2.0/UDP us;branch=z9hG4bKu, SIP/2.0/UDP h\r\n"
		     "Via: SIP/2.0/TCP g\r\n"
		     "Route: <sip:a;lr>,<sip:b;lr>\r\n" FROM
		     "Require: x\r\nProxy-Require: y\r\n"
		     "t: Bob <sip:bob@biloxi.com>\r\n" CALL_ID
		     "Route: <sip:c;lr>\r\n"
		     "CSeq: 00314159 INVITE\r\nContent-Type: a/b\r\n"
		     "Content-Length: 4\r\n\r\nbody");
}

#define OF_THE_HOP                                                             \
	" sip:bob@192.0.2.4 SIP/2.0\r\n"                                       \
	"Via: SIP/2.0/UDP us;branch=z9hG4bKu\r\n"                              \
	"Route: <sip:a;lr>,<sip:b;lr>\r\n"                                     \
	"Route: <sip:c;lr>\r\n" MAX_FORWARDS FROM

static void an_ack_belongs_to_the_invite_of_the_hop(void **state)
{
	struct parsed *x = sent_invite();
	struct mem *mem = new_mem();

	(void)state;
	assert_int_equal(x->checked, 0);
	expect(sip_ack_print(&x->msg, STR("<sip:bob@biloxi.com>;tag=9"), mem),
	       "ACK" OF_THE_HOP "To: <sip:bob@biloxi.com>;tag=9\r\n" CALL_ID
	       "CSeq: 314159 ACK\r\n" END);
	parsed_free(x);
	mem_free_all(mem);
}

/* 9.1: no Require, no Proxy-Require. */
static void a_cancel_belongs_to_the_request_of_the_hop(void **state)
{
	struct parsed *x = sent_invite();
	struct mem *mem = new_mem();

	(void)state;
	expect(sip_cancel_print(&x->msg, STR("Reason: SIP;cause=200\r\n"), mem),
	       "CANCEL" OF_THE_HOP "To: Bob <sip:bob@biloxi.com>\r\n" CALL_ID
	       "CSeq: 314159 CANCEL\r\nReason: SIP;cause=200\r\n" END);
	parsed_free(x);
	mem_free_all(mem);
}

static void
what_is_kept_of_a_request_makes_the_same_ack_and_cancel(void **state)
{
	struct parsed *x = sent_invite(), *y;
	struct mem *mem = new_mem();
	struct buf *b = sip_sent_trim(x->msg.bytes, mem);

	(void)state;
	assert_non_null(b);
	y = parse_bytes(b->data, b->len);
	buf_unref(b);
	assert_int_equal(y->indexed, 0);
	assert_int_equal(y->msg.n_hdrs, 7);
	expect(sip_ack_print(&y->msg, STR("<sip:bob@biloxi.com>;tag=9"), mem),
	       "ACK" OF_THE_HOP "To: <sip:bob@biloxi.com>;tag=9\r\n" CALL_ID
	       "CSeq: 314159 ACK\r\n" END);
	expect(sip_cancel_print(&y->msg, STR_NONE, mem),
	       "CANCEL" OF_THE_HOP "To: Bob <sip:bob@biloxi.com>\r\n" CALL_ID
	       "CSeq: 314159 CANCEL\r\n" END);
	/* there is no less of what is trimmed */
	assert_null(sip_sent_trim(y->msg.bytes, mem));
	parsed_free(y);
	parsed_free(x);
	mem_free_all(mem);
}

static void a_request_with_many_routes_is_kept_whole(void **state)
{
	struct mem *mem = new_mem();
	char text[1024];
	size_t len;

	(void)state;
	len = (size_t)snprintf(text, sizeof(text),
			       "INVITE sip:b@h SIP/2.0\r\n");
	for (int i = 0; i < 16; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"Route: <sip:%d;lr>\r\n", i);
	len += (size_t)snprintf(text + len, sizeof(text) - len,
				"Via: SIP/2.0/UDP h\r\nX: y\r\n\r\n");
	assert_null(sip_sent_trim((struct str){text, len}, mem));
	mem_free_all(mem);
}

static void no_memory_means_no_message(void **state)
{
	struct parsed *x = sent_invite();
	struct sip_response r = {.status = 404};
	struct mem *mem = new_mem();

	(void)state;
	mem_set_ceiling(mem, 1);
	assert_null(sip_response_print(&x->msg, &r, mem));
	assert_null(sip_ack_print(&x->msg, STR_NONE, mem));
	assert_null(sip_cancel_print(&x->msg, STR_NONE, mem));
	assert_null(sip_sent_trim(x->msg.bytes, mem));
	parsed_free(x);
	mem_free_all(mem);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_response_copies_what_belongs_to_the_transaction),
		cmocka_unit_test(a_100_copies_timestamp_and_adds_no_tag),
		cmocka_unit_test(a_to_tag_that_is_there_stays),
		cmocka_unit_test(a_bad_request_is_answered_with_its_own_fields),
		cmocka_unit_test(an_ack_belongs_to_the_invite_of_the_hop),
		cmocka_unit_test(a_cancel_belongs_to_the_request_of_the_hop),
		cmocka_unit_test(
			what_is_kept_of_a_request_makes_the_same_ack_and_cancel),
		cmocka_unit_test(a_request_with_many_routes_is_kept_whole),
		cmocka_unit_test(no_memory_means_no_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
