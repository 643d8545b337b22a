/* From a user to his contacts: RFC 3261 sections 16.5 and 16.6, RFC 3327. */
#define NET "127.91.2."
#include "registrar/registrar_test.h"

const char *const bench_net = NET;

#define BOB "sip:bob@biloxi.test"
#define X "sip:x@" NET "21"
#define Y "sip:y@" NET "22"
#define Z "sip:z@" NET "23"

/* A call that Alice makes. */
static void call(struct bench *b, const char *uri)
{
	reg_send(b, (struct reg){.method = "INVITE",
				 .uri = uri,
				 .from = "<sip:alice@atlanta.test>",
				 .call_id = "call"});
}

#define CALL(b, uri, status)                                                   \
	do {                                                                   \
		call(b, uri);                                                  \
		peer_expect_status((b)->caller, status);                       \
	} while (0)

static void the_contact_becomes_the_request_uri(void **state)
{
	struct bench *b = *state;
	struct peer *x = peer_open(b, NET "21");

	REG(b, 200, .fields = "Contact: <" X ";a=b>\r\n");
	CALL(b, BOB ";user=phone", 100);
	peer_expect(x, "INVITE " X ";a=b SIP/2.0\r\n");
	peer_answer(x, 200, "");
	peer_expect_status(b->caller, 200);
}

static void any_name_of_the_user_finds_him(void **state)
{
	static const char *const names[] = {
		"sip:%62ob@biloxi.test", "sip:bob@ALIAS.test:5060",
		"sip:bob@" NET "1", "sip:+1555@biloxi.test"};
	struct bench *b = *state;
	struct peer *x = peer_open(b, NET "21");

	test_with_users(b);
	REG(b, 200, .fields = "Contact: <" X ">\r\n");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CALL(b, names[i], 100);
		peer_expect(x, "INVITE " X " SIP/2.0\r\n");
		peer_answer(x, 486, "");
		peer_expect(x, "ACK ");
		peer_expect_status(b->caller, 486);
	}
}

/* 16.6 step 2 and 19.1.1 */
static void what_no_request_uri_may_have_is_left_out(void **state)
{
	struct bench *b = *state;
	struct peer *x = peer_open(b, NET "21");

	REG(b, 200,
	    .fields = "Contact: <" X ";a=b;method=INVITE;c?Subject=s>\r\n");
	CALL(b, BOB, 100);
	peer_expect(x, "INVITE " X ";a=b;c SIP/2.0\r\n");
	peer_answer(x, 200, "");
	peer_expect_status(b->caller, 200);
}

static void equal_q_rings_in_parallel(void **state)
{
	struct bench *b = *state;
	struct peer *x = peer_open(b, NET "21"), *y = peer_open(b, NET "22");

	REG(b, 200, .fields = "Contact: <" X ">;q=0.5, <" Y ">;q=0.50\r\n");
	CALL(b, BOB, 100);
	peer_expect(x, "INVITE " X);
	peer_expect(y, "INVITE " Y);
	peer_answer(x, 200, "");
	peer_expect_status(b->caller, 200);
	peer_answer(y, 180, "");
	peer_expect(y, "CANCEL ");
	peer_answer_cancel(y);
	peer_answer(y, 487, "");
	peer_expect(y, "ACK ");
}

static void a_lower_q_comes_when_the_higher_have_failed(void **state)
{
	struct bench *b = *state;
	struct peer *x = peer_open(b, NET "21"), *y = peer_open(b, NET "22"),
		    *z = peer_open(b, NET "23");

	REG(b, 200,
	    .fields = "Contact: <" X ">;q=0.2, <" Y ">, <" Z ">;q=0.9\r\n");
	CALL(b, BOB, 100);
	peer_expect(y, "INVITE " Y); /* no q: 1 */
	peer_expect_nothing(z);
	peer_answer(y, 486, "");
	peer_expect(y, "ACK ");
	peer_expect(z, "INVITE " Z);
	peer_expect_nothing(x);
	peer_answer(z, 480, "");
	peer_expect(z, "ACK ");
	peer_expect(x, "INVITE " X);
	peer_answer(x, 200, "");
	peer_expect_status(b->caller, 200);
}

static void a_group_that_only_rings_has_its_time(void **state)
{
	struct bench *b = *state;
	struct peer *x = peer_open(b, NET "21"), *y = peer_open(b, NET "22");

	test_of(b)->use.conf.ring_timeout = 7000;
	REG(b, 200, .fields = "Contact: <" X ">;q=0.9, <" Y ">;q=0.1\r\n");
	CALL(b, BOB, 100);
	peer_expect(x, "INVITE ");
	peer_answer(x, 180, "");
	peer_expect_status(b->caller, 180);
	bench_pass(b, 6000);
	peer_expect_nothing(y);
	bench_pass(b, 1000);
	peer_expect(x, "CANCEL ");
	peer_answer_cancel(x);
	peer_answer(x, 487, "");
	peer_expect(x, "ACK ");
	peer_expect(y, "INVITE " Y);
	peer_answer(y, 200, "");
	peer_expect_status(b->caller, 200);
}

static void a_contact_that_is_away_costs_only_its_branch(void **state)
{
	struct bench *b = *state;
	struct peer *y = peer_open(b, NET "22");

	/* nobody listens there */
	REG(b, 200, .fields = "Contact: <" X ";transport=tcp>, <" Y ">\r\n");
	CALL(b, BOB, 100);
	peer_expect(y, "INVITE " Y);
	peer_answer(y, 200, "");
	peer_expect_status(b->caller, 200);
}

/* RFC 3327 section 5.3 */
static void path_becomes_route(void **state)
{
	struct bench *b = *state;
	struct peer *x = peer_open(b, NET "31");

	REG(b, 200,
	    .fields = "Contact: <" X ">\r\nPath: <sip:" NET "31;lr>\r\n"
		      "Path: <sip:inner.test;lr;x=y>\r\n");
	CALL(b, BOB, 100);
	peer_expect(x, "INVITE " X " SIP/2.0\r\n");
	assert_true(peer_has(x, "\r\nRoute: <sip:" NET "31;lr>, "
				"<sip:inner.test;lr;x=y>\r\n"));
	peer_answer(x, 200, "");
	peer_expect_status(b->caller, 200);
}

static void who_is_not_there_is_480(void **state)
{
	struct bench *b = *state;

	CALL(b, BOB, 480);
	test_with_users(b);
	CALL(b, BOB, 480);
	REG(b, 200, .fields = "Contact: <" X ">\r\nExpires: 60\r\n");
	ahead_ms += 61000;
	CALL(b, BOB, 480);
}

static void nobody_is_forwarded_to_a_contact_of_another_scheme(void **state)
{
	struct bench *b = *state;
	struct peer *x = peer_open(b, NET "21");

	REG(b, 200, .fields = "Contact: <tel:+1555>, <sips-x:1>\r\n");
	CALL(b, BOB, 480);
	REG(b, 200, .fields = "Contact: <SIP:bob@" NET "21>;q=0.1\r\n");
	CALL(b, BOB, 100);
	peer_expect(x, "INVITE SIP:bob@" NET "21");
	peer_answer(x, 200, "");
	peer_expect_status(b->caller, 200);
}

static void expired_contacts_are_not_tried(void **state)
{
	struct bench *b = *state;
	struct peer *x = peer_open(b, NET "21"), *y = peer_open(b, NET "22");

	REG(b, 200,
	    .fields = "Contact: <" X ">;expires=60, <" Y ">;expires=90\r\n");
	ahead_ms += 61000;
	CALL(b, BOB, 100);
	peer_expect(y, "INVITE " Y);
	peer_expect_nothing(x);
	peer_answer(y, 200, "");
	peer_expect_status(b->caller, 200);
}

static void who_does_not_exist_is_404(void **state)
{
	struct bench *b = *state;

	CALL(b, "sip:biloxi.test", 404);
	CALL(b, "sip:bob@elsewhere.test", 404);
	test_with_users(b);
	CALL(b, "sip:dave@biloxi.test", 404);
	CALL(b, "sip:dave@other.test", 480); /* it has no users file */
}

static void a_domain_without_registrar_has_nobody(void **state)
{
	struct bench *b = *state;

	test_of(b)->domains[0].registrar = false;
	CALL(b, BOB, 404);
	b->conf.snapshot.proxy.registrar = NULL;
	CALL(b, "sip:bob@other.test", 404);
}

static void an_ack_is_dropped_or_follows(void **state)
{
	struct bench *b = *state;
	struct peer *x = peer_open(b, NET "21");
	struct reg ack = {.method = "ACK", .uri = BOB, .call_id = "call"};

	reg_send(b, ack);
	peer_expect_nothing(b->caller);
	REG(b, 200, .fields = "Contact: <" X ">\r\n");
	reg_send(b, ack);
	peer_expect(x, "ACK " X " SIP/2.0\r\n");
	peer_expect_nothing(b->caller);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		REGISTRAR_TEST(the_contact_becomes_the_request_uri),
		REGISTRAR_TEST(any_name_of_the_user_finds_him),
		REGISTRAR_TEST(what_no_request_uri_may_have_is_left_out),
		REGISTRAR_TEST(equal_q_rings_in_parallel),
		REGISTRAR_TEST(a_lower_q_comes_when_the_higher_have_failed),
		REGISTRAR_TEST(a_group_that_only_rings_has_its_time),
		REGISTRAR_TEST(a_contact_that_is_away_costs_only_its_branch),
		REGISTRAR_TEST(path_becomes_route),
		REGISTRAR_TEST(who_is_not_there_is_480),
		REGISTRAR_TEST(
			nobody_is_forwarded_to_a_contact_of_another_scheme),
		REGISTRAR_TEST(expired_contacts_are_not_tried),
		REGISTRAR_TEST(who_does_not_exist_is_404),
		REGISTRAR_TEST(a_domain_without_registrar_has_nobody),
		REGISTRAR_TEST(an_ack_is_dropped_or_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
