/* RFC 5626 sections 6 and 7, and which contacts are reached by their flow. */
#define NET "127.91.3."
#include "registrar/registrar_test.h"

const char *const bench_net = NET;

#define BOB "sip:bob@biloxi.test"
#define X "sip:bob@" NET "21"
#define Y "sip:bob@" NET "22"
#define UUID "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
#define OTHER "urn:uuid:00000000-7dec-11d0-a765-00a0c91e6bf6"
#define FLOW(uri, reg_id, uuid)                                                \
	"Contact: <" uri ">;reg-id=" reg_id ";+sip.instance=\"<" uuid ">\"\r"  \
	"\n"
#define OUTBOUND "Supported: path, outbound\r\n"
#define SECOND_VIA "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\n"

/* Bindings (section 6) ------------------------------------------------------
 */

static void an_instance_and_reg_id_have_one_binding(void **state)
{
	struct bench *b = *state;
	struct bindings *k;

	REG(b, 200, .fields = FLOW(X, "1", UUID) OUTBOUND);
	assert_has(b, "\r\nRequire: outbound\r\n");
	assert_has(b, ";reg-id=1;+sip.instance=\"<" UUID ">\"");
	REG(b, 200, .call_id = "after-a-reboot",
	    .fields = FLOW(Y, "1", UUID) OUTBOUND);
	assert_int_equal(n_contacts(b), 1);
	assert_in_range(expires_of(b, Y), 3500, 3600);
	REG(b, 200, .call_id = "second-flow",
	    .fields = FLOW(Y, "2", UUID) OUTBOUND);
	REG(b, 200, .fields = FLOW(Y, "1", OTHER) OUTBOUND);
	assert_int_equal(n_contacts(b), 3);
	k = kept(b, "bob@biloxi.test");
	assert_int_equal(k->v[1].reg_id, 2);
	bindings_unref(k);
}

static void a_uuid_is_the_same_in_capitals(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = FLOW(X, "1", UUID) OUTBOUND);
	REG(b, 200,
	    .fields = FLOW(Y, "1",
			   "URN:UUID:F81D4FAE-7DEC-11D0-A765-"
			   "00A0C91E6BF6") OUTBOUND);
	assert_int_equal(n_contacts(b), 1);
}

static void reg_id_counts_only_with_all_that_it_needs(void **state)
{
	static const char *const fields[] = {
		FLOW(X, "1", UUID), /* no Supported */
		"Contact: <" X ">;reg-id=1\r\n" OUTBOUND,
		FLOW(X, "0", UUID) OUTBOUND,
		FLOW(X, "2147483648", UUID) OUTBOUND,
		FLOW(X, "one", UUID) OUTBOUND,
		"Contact: <" X ">;reg-id=1;+sip.instance=\"" UUID
		"\"\r\n" OUTBOUND,
		"Contact: <" X ">;+sip.instance=\"<" UUID ">\"\r\n" OUTBOUND,
	};
	struct bench *b = *state;
	struct bindings *k;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		REG(b, 200, .fields = fields[i]);
		assert_false(peer_has(b->caller, "Require: outbound"));
		k = kept(b, "bob@biloxi.test");
		assert_int_equal(k->n, 1);
		assert_int_equal(k->v[0].reg_id, 0);
		assert_null(k->v[0].flow);
		bindings_unref(k);
	}
}

static void outbound_can_be_turned_off(void **state)
{
	struct bench *b = *state;

	test_of(b)->use.conf.outbound = false;
	REG(b, 200, .fields = FLOW(X, "1", UUID) OUTBOUND);
	assert_false(peer_has(b->caller, "Require: outbound"));
	REG(b, 420, .fields = FLOW(X, "1", UUID) "Require: outbound\r\n");
	test_of(b)->use.conf.outbound = true;
	REG(b, 200,
	    .fields = FLOW(X, "1", UUID) OUTBOUND "Require: outbound\r\n");
}

static void a_first_hop_without_outbound_is_439(void **state)
{
	struct bench *b = *state;

	REG(b, 439, .fields = FLOW(X, "1", UUID) OUTBOUND SECOND_VIA);
	REG(b, 439,
	    .fields = FLOW(X, "1", UUID) OUTBOUND SECOND_VIA
	    "Path: <sip:192.0.2.9;lr>\r\n");
	/* of two proxies the second may say nothing of it */
	REG(b, 439,
	    .fields = FLOW(X, "1", UUID) OUTBOUND SECOND_VIA
	    "Path: <sip:192.0.2.8;lr;ob>, <sip:192.0.2.9;lr>\r\n");
	REG(b, 200, .fields = FLOW(X, "1", UUID) SECOND_VIA);
	REG(b, 200, .fields = "Contact: <" X ">\r\n" OUTBOUND SECOND_VIA);
}

static void an_edge_proxy_with_outbound_is_its_way(void **state)
{
	struct bench *b = *state;
	struct bindings *k;

	REG(b, 200,
	    .fields = FLOW(X, "1", UUID) OUTBOUND SECOND_VIA
	    "Path: <sip:192.0.2.8;lr>\r\nPath: <sip:t@192.0.2.9;lr;ob>\r\n");
	assert_has(b, "\r\nRequire: outbound\r\n");
	k = kept(b, "bob@biloxi.test");
	assert_int_equal(k->v[0].reg_id, 1);
	assert_null(k->v[0].flow);
	bindings_unref(k);
}

static void a_flow_is_registered_alone(void **state)
{
	struct bench *b = *state;

	REG(b, 400, .fields = FLOW(X, "1", UUID) FLOW(Y, "2", UUID) OUTBOUND);
	REG(b, 400,
	    .fields = FLOW(X, "1", UUID) "Contact: <" Y ">\r\n" OUTBOUND);
	REG(b, 200, .fields = "Contact: <" Y ">\r\n");
	REG(b, 200,
	    .fields = FLOW(X, "1", UUID) "Contact: <" Y
					 ">;expires=0\r\n" OUTBOUND);
	assert_int_equal(n_contacts(b), 1);
	assert_in_range(expires_of(b, X), 3500, 3600);
}

static void a_flow_is_removed_by_its_id_or_its_uri(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .fields = FLOW(X, "1", UUID) OUTBOUND);
	REG(b, 200, .fields = FLOW(X, "2", UUID) OUTBOUND);
	REG(b, 200, .fields = FLOW(Y, "2", UUID) OUTBOUND "Expires: 0\r\n");
	assert_int_equal(n_contacts(b), 1);
	REG(b, 200, .fields = FLOW(X, "2", UUID) OUTBOUND);
	/* a contact of the same URI is another one; its removal is for all */
	REG(b, 200, .fields = "Contact: <" X ">\r\n");
	assert_int_equal(n_contacts(b), 3);
	REG(b, 200, .fields = "Contact: <" X ">;expires=0\r\n");
	assert_int_equal(n_contacts(b), 0);
}

static void a_flow_needs_a_higher_cseq_too(void **state)
{
	struct bench *b = *state;

	REG(b, 200, .cseq = 5, .fields = FLOW(X, "1", UUID) OUTBOUND);
	REG(b, 500, .cseq = 5, .fields = FLOW(Y, "1", UUID) OUTBOUND);
	REG(b, 200, .cseq = 1, .call_id = "new",
	    .fields = FLOW(Y, "1", UUID) OUTBOUND);
}

/* The flow ------------------------------------------------------------------
 */

#define NO_WAY ""

/* "only", "first" or NO_WAY. */
static const char *way_of(struct bench *b, const char *via, const char *fields)
{
	struct bindings *k;
	const char *way;

	REG(b, 200, .fields = "Contact: *\r\nExpires: 0\r\n");
	REG(b, 200, .via = via, .fields = fields);
	k = kept(b, "bob@biloxi.test");
	way = k->v[0].flow == NULL ? NO_WAY
	      : k->v[0].flow_only  ? "only"
				   : "first";
	bindings_unref(k);
	return way;
}

#define C(uri) "Contact: <" uri ">\r\n"

static void a_datagrams_flow_is_taken_behind_a_nat(void **state)
{
	static const struct {
		const char *via, *fields, *way;
	} cases[] = {
		/* what it believes to be is where it comes from */
		{NET "9", C("sip:bob@" NET "9"), NO_WAY},
		{NET "9;rport", C("sip:bob@" NET "9"), NO_WAY},
		{NET "9:5060;rport", C("sip:bob@" NET "9"), NO_WAY},
		/* another address */
		{"10.0.0.1;rport", C("sip:bob@10.0.0.1"), "only"},
		{"10.0.0.1", C("sip:bob@10.0.0.1:5070"), "only"},
		{"[2001:db8::1]", C("sip:bob@[2001:db8:0::1]"), "only"},
		{"10.0.0.1", C("sip:bob@" NET "9"), "only"},
		{"10.0.0.1", C("sip:bob@x7.invalid"), "only"},
		{"x7.invalid", C("sip:bob@x7.invalid"), "only"},
		{"pc", C("sip:bob@pc"), "only"},
		{"pc.lan", C("sip:bob@pc.lan"), "only"},
		/* another port, which it wants to know */
		{NET "9:5062;rport", C("sip:bob@" NET "9:5062"), "only"},
		/* for somebody else */
		{"10.0.0.1", C("sip:bob@10.0.0.2"), NO_WAY},
		{"10.0.0.1", C("sip:bob@gw.biloxi.test"), NO_WAY},
		{"pc.biloxi.test", C("sip:bob@pc.biloxi.test"), NO_WAY},
		/* not straight from the phone */
		{"10.0.0.1", C("sip:bob@10.0.0.1") SECOND_VIA, NO_WAY},
		{"10.0.0.1", C("sip:bob@10.0.0.1") "Path: <sip:e.test;lr>\r\n",
		 NO_WAY},
		/* Outbound */
		{NET "9", FLOW(X, "1", UUID) OUTBOUND, "only"},
		{NET "9",
		 FLOW(X, "1", UUID) OUTBOUND SECOND_VIA
		 "Path: <sip:t@192.0.2.9;lr;ob>\r\n",
		 NO_WAY},
	};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *way = way_of(b, cases[i].via, cases[i].fields);

		if (strcmp(way, cases[i].way) != 0)
			fail_msg("%s, %s: \"%s\"", cases[i].via,
				 cases[i].fields, way);
	}
}

/* Some send from one port and listen on another. */
static void a_port_that_nobody_asked_about_shows_no_nat(void **state)
{
	struct bench *b = *state;
	struct peer *there = peer_open(b, NET "9:5062");
	struct bindings *k;

	reg_send(b, (struct reg){.via = NET "9:5062",
				 .fields = C("sip:bob@" NET "9:5062")});
	peer_expect_status(there, 200);
	k = kept(b, "bob@biloxi.test");
	assert_null(k->v[0].flow);
	bindings_unref(k);
}

static void the_flow_is_that_of_the_register(void **state)
{
	struct bench *b = *state;
	char text[ADDR_TEXT_MAX];
	struct bindings *k;

	REG(b, 200, .via = "10.0.0.1;rport", .fields = C("sip:bob@10.0.0.1"));
	k = kept(b, "bob@biloxi.test");
	assert_int_equal(k->v[0].flow->transport, SIP_UDP);
	addr_print(&k->v[0].flow->addr, text);
	assert_string_equal(text, NET "9:5060");
	addr_print(&k->v[0].flow->local, text);
	assert_string_equal(text, NET "1:5060");
	bindings_unref(k);
}

/* One flow of an instance (section 7) ---------------------------------------
 */

static void call(struct bench *b)
{
	reg_send(b, (struct reg){.method = "INVITE",
				 .uri = BOB,
				 .from = "<sip:alice@atlanta.test>",
				 .call_id = "call"});
	peer_expect_status(b->caller, 100);
}

/* Two flows through two edge proxies, which differ by their Path alone. */
static void register_two_flows(struct bench *b)
{
	REG(b, 200, .call_id = "1",
	    .fields = FLOW(X, "1", UUID) OUTBOUND SECOND_VIA "Path: <sip:" NET
							     "31;lr;ob>\r\n");
	REG(b, 200, .call_id = "2",
	    .fields = FLOW(X, "2", UUID) OUTBOUND SECOND_VIA "Path: <sip:" NET
							     "32;lr;ob>\r\n");
}

static void the_next_flow_comes_after_430_and_408(void **state)
{
	static const unsigned status[] = {430, 408};
	struct bench *b = *state;
	struct peer *first = peer_open(b, NET "32"),
		    *second = peer_open(b, NET "31");

	register_two_flows(b);
	for (size_t i = 0; i < ARRAY_LEN(status); i++) {
		call(b);
		peer_expect(first, "INVITE " X " SIP/2.0\r\n"); /* the latest */
		peer_expect_nothing(second);
		peer_answer(first, status[i], "");
		peer_expect(first, "ACK ");
		peer_expect(second, "INVITE " X " SIP/2.0\r\n");
		peer_answer(second, 200, "");
		peer_expect_status(b->caller, 200);
	}
}

static void without_a_flow_that_works_it_is_away(void **state)
{
	struct bench *b = *state;
	struct peer *edges[] = {peer_open(b, NET "32"), peer_open(b, NET "31")};

	register_two_flows(b);
	call(b);
	for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
		peer_expect(edges[i], "INVITE ");
		peer_answer(edges[i], 430, "");
		peer_expect(edges[i], "ACK ");
	}
	peer_expect_status(b->caller, 480); /* 11.5: 430 is for proxies */
}

static void an_answer_is_better_than_a_flow_that_failed(void **state)
{
	struct bench *b = *state;
	struct peer *first = peer_open(b, NET "32"),
		    *second = peer_open(b, NET "31");

	register_two_flows(b);
	call(b);
	peer_expect(first, "INVITE ");
	peer_answer(first, 430, "");
	peer_expect(first, "ACK ");
	peer_expect(second, "INVITE ");
	peer_answer(second, 486, "");
	peer_expect(second, "ACK ");
	peer_expect_status(b->caller, 486);
}

static void a_phone_that_answered_is_not_asked_again(void **state)
{
	static const unsigned status[] = {486, 480, 503};
	struct bench *b = *state;
	struct peer *first = peer_open(b, NET "32"),
		    *second = peer_open(b, NET "31");

	register_two_flows(b);
	for (size_t i = 0; i < ARRAY_LEN(status); i++) {
		call(b);
		peer_expect(first, "INVITE ");
		peer_answer(first, status[i], "");
		peer_expect(first, "ACK ");
		/* 16.7 step 6: 503 is told as 500 */
		peer_expect_status(b->caller,
				   status[i] == 503 ? 500 : status[i]);
		peer_expect_nothing(second);
	}
}

static void other_phones_ring_beside_it(void **state)
{
	struct bench *b = *state;
	struct peer *flow = peer_open(b, NET "32"),
		    *other = peer_open(b, NET "22");

	test_of(b)->use.conf.max_contacts = 5;
	REG(b, 200, .fields = "Contact: <" Y ">\r\n");
	register_two_flows(b);
	call(b);
	peer_expect(flow, "INVITE " X);
	peer_expect(other, "INVITE " Y);
	peer_answer(flow, 486, "");
	peer_expect(flow, "ACK ");
	peer_answer(other, 200, "");
	peer_expect_status(b->caller, 200);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		REGISTRAR_TEST(an_instance_and_reg_id_have_one_binding),
		REGISTRAR_TEST(a_uuid_is_the_same_in_capitals),
		REGISTRAR_TEST(reg_id_counts_only_with_all_that_it_needs),
		REGISTRAR_TEST(outbound_can_be_turned_off),
		REGISTRAR_TEST(a_first_hop_without_outbound_is_439),
		REGISTRAR_TEST(an_edge_proxy_with_outbound_is_its_way),
		REGISTRAR_TEST(a_flow_is_registered_alone),
		REGISTRAR_TEST(a_flow_is_removed_by_its_id_or_its_uri),
		REGISTRAR_TEST(a_flow_needs_a_higher_cseq_too),
		REGISTRAR_TEST(a_datagrams_flow_is_taken_behind_a_nat),
		REGISTRAR_TEST(a_port_that_nobody_asked_about_shows_no_nat),
		REGISTRAR_TEST(the_flow_is_that_of_the_register),
		REGISTRAR_TEST(the_next_flow_comes_after_430_and_408),
		REGISTRAR_TEST(without_a_flow_that_works_it_is_away),
		REGISTRAR_TEST(an_answer_is_better_than_a_flow_that_failed),
		REGISTRAR_TEST(a_phone_that_answered_is_not_asked_again),
		REGISTRAR_TEST(other_phones_ring_beside_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
