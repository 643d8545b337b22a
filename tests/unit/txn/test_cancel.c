/* CANCEL: RFC 3261 section 9.1. */
#include "bench.h"

#include "viaduct/util/err.h"

static void invite(struct bench *b, enum sip_transport transport)
{
	bench_client_new(b, "INVITE");
	bench_client_start(b, "INVITE", transport);
}

static void ringing_invite(struct bench *b, enum sip_transport transport)
{
	invite(b, transport);
	bench_answer(b, 180, "INVITE", "t");
	bench_turn(b);
	bench_forget_sent(b);
}

static size_t n_cancels(const struct bench *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_sent; i++)
		n += bench_sent_starts(b, i, "CANCEL ");
	return n;
}

static void cancel_is_made_of_the_invite(void **state)
{
	struct bench *b = *state;

	ringing_invite(b, SIP_UDP);
	client_txn_cancel(b->ct, STR("Reason: SIP;cause=200\r\n"));
	assert_int_equal(b->n_sent, 1);
	assert_true(bench_sent_starts(b, 0,
				      "CANCEL sip:bob@biloxi.com SIP/2.0\r\n"
				      "Via: SIP/2.0/UDP 192.0.2.1:5060"));
	assert_true(bench_sent_has(b, 0, b->branch));
	assert_false(bench_sent_has(b, 0, "z9hG4bKother"));
	assert_true(bench_sent_has(b, 0, "<sip:edge.biloxi.com;lr>"));
	assert_true(bench_sent_has(b, 0, "To: Bob <sip:bob@biloxi.com>\r\n"));
	assert_true(bench_sent_has(b, 0, "CSeq: 314159 CANCEL\r\n"));
	assert_true(bench_sent_has(b, 0, "Reason: SIP;cause=200\r\n"));
	assert_true(
		addr_eq(&b->sent[0].hop.addr, &client_txn_hop(b->ct)->addr));
}

/* Held back until the peer has said something. */
static void cancel_waits_for_a_provisional(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	client_txn_cancel(b->ct, STR("Reason: SIP;cause=200\r\n"));
	bench_advance_to(b, 1600);
	assert_int_equal(b->n_sent, 3); /* the INVITE goes on */
	assert_int_equal(n_cancels(b), 0);
	bench_answer(b, 100, "INVITE", "t");
	bench_turn(b);
	assert_int_equal(n_cancels(b), 1);
	assert_true(bench_sent_has(b, 3, "Reason: SIP;cause=200\r\n"));
	assert_int_equal(b->owner.n_responses, 1);
}

static void no_cancel_after_a_final_response(void **state)
{
	static const unsigned finals[] = {200, 486};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(finals); i++) {
		ringing_invite(b, SIP_UDP);
		bench_answer(b, finals[i], "INVITE", "t");
		client_txn_cancel(b->ct, STR_NONE);
		bench_turn(b);
		assert_int_equal(n_cancels(b), 0);
	}
}

static void held_back_cancel_is_dropped_by_a_final(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	client_txn_cancel(b->ct, STR_NONE);
	bench_answer(b, 486, "INVITE", "t");
	bench_advance_to(b, 32000);
	assert_int_equal(n_cancels(b), 0);
	assert_int_equal(b->owner.n_ended, 1);
	assert_int_equal(txn_n_open(b->table), 0);
}

static void final_of_the_same_turn_overtakes_a_held_back_cancel(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	client_txn_cancel(b->ct, STR_NONE);
	bench_answer(b, 180, "INVITE", "t");
	bench_answer(b, 200, "INVITE", "t");
	bench_turn(b);
	assert_int_equal(n_cancels(b), 0);
}

static void one_invite_is_cancelled_once(void **state)
{
	struct bench *b = *state;

	ringing_invite(b, SIP_UDP);
	client_txn_cancel(b->ct, STR_NONE);
	client_txn_cancel(b->ct, STR_NONE);
	bench_answer(b, 200, "CANCEL", "t");
	bench_advance_to(b, 6000); /* Timer K of the CANCEL */
	client_txn_cancel(b->ct, STR_NONE);
	assert_int_equal(n_cancels(b), 1);
}

static void only_an_invite_that_was_sent_is_cancelled(void **state)
{
	struct bench *b = *state;

	bench_client_new(b, "INVITE");
	client_txn_cancel(b->ct, STR_NONE);
	assert_int_equal(txn_n_open(b->table), 1);
	bench_client_new(b, "BYE");
	bench_client_start(b, "BYE", SIP_UDP);
	bench_answer(b, 100, "BYE", "t");
	client_txn_cancel(b->ct, STR_NONE);
	assert_int_equal(n_cancels(b), 0);
	assert_int_equal(txn_n_open(b->table), 2);
}

/* A transaction of its own: Timer E, until its own final response. */
static void cancel_is_resent_until_it_is_answered(void **state)
{
	struct bench *b = *state;

	ringing_invite(b, SIP_UDP);
	client_txn_cancel(b->ct, STR_NONE);
	bench_advance_to(b, 1600);
	assert_int_equal(n_cancels(b), 3);
	assert_true(bench_answer(b, 200, "CANCEL", "t"));
	bench_advance_to(b, 10000);
	assert_int_equal(n_cancels(b), 3);
	assert_int_equal(b->owner.n_responses, 1); /* the 180: it is not told */
}

static void cancelled_invite_ends_with_its_487(void **state)
{
	struct bench *b = *state;

	ringing_invite(b, SIP_UDP);
	client_txn_cancel(b->ct, STR_NONE);
	bench_answer(b, 200, "CANCEL", "t");
	bench_answer(b, 487, "INVITE", "t");
	assert_int_equal(b->owner.last_status, 487);
	assert_true(bench_sent_starts(b, 1, "ACK "));
	bench_advance_to(b, 32000);
	assert_int_equal(b->owner.n_ended, 1);
	assert_int_equal(b->owner.n_failed, 0);
	assert_int_equal(txn_n_open(b->table) + txn_n_lingering(b->table), 0);
}

/* A peer of RFC 2543 sends no 487. */
static void given_up_after_64_t1(struct bench *b, enum sip_transport transport)
{
	ringing_invite(b, transport);
	bench_advance_to(b, 100);
	client_txn_cancel(b->ct, STR_NONE);
	bench_answer(b, 200, "CANCEL", "t");
	bench_answer(b, 180, "INVITE", "t"); /* says nothing new */
	bench_advance_to(b, 32090);
	assert_int_equal(b->owner.n_failed, 0);
	bench_advance_to(b, 32100);
	assert_int_equal(b->owner.n_failed, 1);
	assert_int_equal(b->owner.err, VD_ETIMEOUT);
	assert_int_equal(b->owner.n_ended, 1);
}

static void cancelled_invite_without_a_final_is_given_up(void **state)
{
	given_up_after_64_t1(*state, SIP_UDP);
}

static void on_a_stream_too(void **state)
{
	given_up_after_64_t1(*state, SIP_TCP);
}

static void held_back_cancel_ends_with_timer_b(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	client_txn_cancel(b->ct, STR_NONE);
	bench_advance_to(b, 32000);
	assert_int_equal(b->owner.err, VD_ETIMEOUT);
	assert_int_equal(n_cancels(b), 0);
	assert_int_equal(txn_n_open(b->table), 0);
}

/* On a stream the INVITE ends with its 487; the CANCEL must not stay. */
static void cancel_does_not_outlive_its_invite(void **state)
{
	struct bench *b = *state;

	ringing_invite(b, SIP_TCP);
	client_txn_cancel(b->ct, STR_NONE);
	assert_int_equal(b->n_held, 2);
	bench_answer(b, 487, "INVITE", "t");
	bench_advance_to(b, 10);
	assert_int_equal(txn_n_open(b->table) + txn_n_lingering(b->table), 0);
	assert_false(bench_answer(b, 200, "CANCEL", "t"));
}

static void response_to_a_cancel_that_was_not_sent_is_stray(void **state)
{
	struct bench *b = *state;

	ringing_invite(b, SIP_UDP);
	assert_false(bench_answer(b, 200, "CANCEL", "t"));
	invite(b, SIP_UDP);
	client_txn_cancel(b->ct, STR_NONE); /* held back */
	assert_false(bench_answer(b, 200, "CANCEL", "t"));
	bench_answer(b, 180, "INVITE", "t");
	bench_turn(b);
	assert_false(bench_answer(b, 200, "BYE", "t"));
	assert_true(bench_answer(b, 200, "CANCEL", "t"));
}

static void cancel_that_fails_leaves_the_invite_alone(void **state)
{
	struct bench *b = *state;

	ringing_invite(b, SIP_UDP);
	b->send_err = VD_ECONN;
	client_txn_cancel(b->ct, STR_NONE);
	bench_turn(b);
	bench_turn(b);
	assert_int_equal(b->owner.n_failed, 0);
	assert_int_equal(txn_n_open(b->table), 1);
	bench_advance_to(b, 32000);
	assert_int_equal(b->owner.err, VD_ETIMEOUT);
}

static void icmp_for_a_cancel_ends_the_cancel_only(void **state)
{
	struct bench *b = *state;
	struct str payload;

	ringing_invite(b, SIP_UDP);
	client_txn_cancel(b->ct, STR_NONE);
	payload = buf_str(b->sent[0].buf);
	txn_udp_error(b->table, &client_txn_hop(b->ct)->addr, VD_ECONN,
		      payload);
	bench_advance_to(b, 5000);
	assert_int_equal(n_cancels(b), 1);
	assert_int_equal(b->owner.n_failed, 0);
	assert_int_equal(txn_n_open(b->table), 1);
}

static void cancel_inside(struct owner *o)
{
	client_txn_cancel(o->ct, STR_NONE);
}

static void cancel_and_detach_inside(struct owner *o)
{
	client_txn_cancel(o->ct, STR_NONE);
	client_txn_detach(o->ct);
}

static void owner_may_cancel_inside_on_response(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	b->owner.react = cancel_inside;
	bench_answer(b, 180, "INVITE", "t");
	assert_int_equal(n_cancels(b), 1);
	invite(b, SIP_UDP);
	b->owner.react = cancel_and_detach_inside;
	bench_answer(b, 180, "INVITE", "t");
	assert_int_equal(n_cancels(b), 2);
	bench_answer(b, 487, "INVITE", "t");
	bench_advance_to(b, 40000);
	assert_int_equal(txn_n_open(b->table) + txn_n_lingering(b->table), 0);
	assert_int_equal(b->owner.n_ended, 1);
}

/* It may be asked for again when there is memory. */
static void cancel_without_memory_does_nothing(void **state)
{
	struct bench *b = *state;
	unsigned n = 0;

	ringing_invite(b, SIP_UDP);
	do {
		mem_fail_nth(b->mem, ++n);
		client_txn_cancel(b->ct, STR_NONE);
	} while (n_cancels(b) == 0);
	mem_fail_nth(b->mem, 0);
	assert_int_equal(n, 4); /* header index, text, transaction, none */
	assert_int_equal(n_cancels(b), 1);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		TEST(cancel_is_made_of_the_invite),
		TEST(cancel_waits_for_a_provisional),
		TEST(no_cancel_after_a_final_response),
		TEST(held_back_cancel_is_dropped_by_a_final),
		TEST(final_of_the_same_turn_overtakes_a_held_back_cancel),
		TEST(one_invite_is_cancelled_once),
		TEST(only_an_invite_that_was_sent_is_cancelled),
		TEST(cancel_is_resent_until_it_is_answered),
		TEST(cancelled_invite_ends_with_its_487),
		TEST(cancelled_invite_without_a_final_is_given_up),
		TEST(on_a_stream_too),
		TEST(held_back_cancel_ends_with_timer_b),
		TEST(cancel_does_not_outlive_its_invite),
		TEST(response_to_a_cancel_that_was_not_sent_is_stray),
		TEST(cancel_that_fails_leaves_the_invite_alone),
		TEST(icmp_for_a_cancel_ends_the_cancel_only),
		TEST(owner_may_cancel_inside_on_response),
		TEST(cancel_without_memory_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
