/* Client transactions: responses, ACK, errors, owners who let go. CANCEL is in
 * test_cancel.c. */
#include "bench.h"

#include <stdio.h>

#include "viaduct/util/err.h"

static size_t mem_used(const struct bench *b)
{
	struct mem_usage usage;

	mem_usage(b->mem, &usage);
	return usage.used;
}

static bool answer_from(struct bench *b, const char *remote)
{
	struct flow from = bench_flow(remote);

	return txn_receive_response(
		b->table,
		bench_msg("SIP/2.0 180 Ringing\r\n"
			  "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=%s\r\n"
			  "CSeq: 314159 INVITE\r\n"
			  "Content-Length: 0\r\n\r\n",
			  b->branch),
		&from);
}

static void invite(struct bench *b, enum sip_transport transport)
{
	bench_client_new(b, "INVITE");
	bench_client_start(b, "INVITE", transport);
}

/* Responses ---------------------------------------------------------------- */

static void cseq_method_must_match(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	assert_false(bench_answer(b, 200, "BYE", "t"));
	assert_false(bench_answer(b, 200, "CANCEL", "t"));
	assert_false(bench_answer(b, 200, "invite", "t"));
	assert_int_equal(b->owner.n_responses, 0);
	assert_int_equal(bench_stat(b, STAT_messages_stray), 3);
	assert_true(bench_answer(b, 200, "INVITE", "t"));
	assert_int_equal(bench_stat(b, STAT_messages_stray), 3);
}

static void unknown_methods_are_told_apart(void **state)
{
	struct bench *b = *state;

	bench_client_new(b, "FOO");
	bench_client_start(b, "FOO", SIP_UDP);
	assert_false(bench_answer(b, 200, "BAR", "t"));
	assert_true(bench_answer(b, 200, "FOO", "t"));
	assert_int_equal(b->owner.n_responses, 1);
}

static void response_comes_from_the_family_that_was_asked(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	assert_false(answer_from(b, "[2001:db8::9]:5062"));
	assert_true(answer_from(b, "192.0.2.77:9"));
	assert_int_equal(b->owner.n_responses, 1);
}

static void nothing_answers_what_was_not_sent(void **state)
{
	struct bench *b = *state;

	bench_client_new(b, "INVITE");
	assert_false(bench_answer(b, 200, "INVITE", "t"));
	assert_int_equal(b->owner.n_responses, 0);
}

static void response_without_via_or_cseq_is_stray(void **state)
{
	struct bench *b = *state;
	struct flow from = bench_flow("192.0.2.9");

	invite(b, SIP_UDP);
	assert_false(txn_receive_response(
		b->table, bench_msg("SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n"),
		&from));
	assert_false(txn_receive_response(
		b->table,
		bench_msg("SIP/2.0 200 OK\r\n"
			  "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=%s\r\n\r\n",
			  b->branch),
		&from));
	assert_false(txn_receive_response(
		b->table,
		bench_msg("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n"
			  "CSeq: 1 INVITE\r\n\r\n"),
		&from));
	assert_int_equal(b->owner.n_responses, 0);
}

static void has_provisional_remembers(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	assert_false(client_txn_has_provisional(b->ct));
	bench_answer(b, 100, "INVITE", "t");
	assert_true(client_txn_has_provisional(b->ct));
	bench_answer(b, 200, "INVITE", "t");
	assert_true(client_txn_has_provisional(b->ct));
	invite(b, SIP_UDP);
	bench_answer(b, 200, "INVITE", "t");
	assert_false(client_txn_has_provisional(b->ct));
}

/* RFC 6026: every 2xx is told, whichever fork it comes from, for 64*T1. */
static void every_2xx_is_told_while_accepted(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	assert_true(bench_answer(b, 200, "INVITE", "one"));
	assert_true(bench_answer(b, 200, "INVITE", "one"));
	assert_true(bench_answer(b, 202, "INVITE", "two"));
	assert_int_equal(b->owner.n_responses, 3);
	assert_int_equal(b->owner.last_status, 202);
	assert_true(bench_answer(b, 486, "INVITE", "three"));
	assert_true(bench_answer(b, 180, "INVITE", "three"));
	assert_int_equal(b->owner.n_responses, 3);
	assert_int_equal(b->n_sent, 1); /* no ACK to any of them */
	bench_advance_to(b, 32000);
	assert_false(bench_answer(b, 200, "INVITE", "one"));
	assert_int_equal(b->owner.n_responses, 3);
}

static void only_the_first_final_of_other_methods_is_told(void **state)
{
	struct bench *b = *state;

	bench_client_new(b, "BYE");
	bench_client_start(b, "BYE", SIP_UDP);
	assert_true(bench_answer(b, 404, "BYE", "t"));
	assert_true(bench_answer(b, 404, "BYE", "t"));
	assert_true(bench_answer(b, 200, "BYE", "t"));
	assert_int_equal(b->owner.n_responses, 1);
	assert_int_equal(b->owner.last_status, 404);
}

/* What nobody will send again is not kept. */
static void request_is_released_with_the_final_response(void **state)
{
	static const char *const methods[] = {"INVITE", "BYE"};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		struct buf *sent;

		bench_client_new(b, methods[i]);
		bench_client_start(b, methods[i], SIP_UDP);
		sent = buf_ref(b->sent[0].buf);
		bench_forget_sent(b);
		assert_int_equal(sent->refs, 2);
		bench_answer(b, 200, methods[i], "t");
		assert_int_equal(sent->refs, 1);
		buf_unref(sent);
	}
}

/* ACK (17.1.1.3) ----------------------------------------------------------- */

static void ack_is_made_of_the_invite_and_the_response(void **state)
{
	static const char ack[] = "ACK sip:bob@biloxi.com SIP/2.0\r\n"
				  "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=";
	struct bench *b = *state;

	invite(b, SIP_UDP);
	bench_answer(b, 486, "INVITE", "busy");
	assert_int_equal(b->n_sent, 2);
	assert_true(bench_sent_starts(b, 1, ack));
	assert_true(bench_sent_has(b, 1, b->branch));
	assert_false(bench_sent_has(b, 1, "z9hG4bKother"));
	assert_true(bench_sent_has(b, 1, "<sip:edge.biloxi.com;lr>"));
	assert_true(bench_sent_has(b, 1, ";tag=1928301774\r\n"));
	assert_true(
		bench_sent_has(b, 1, "To: Bob <sip:bob@biloxi.com>;tag=busy"));
	assert_true(bench_sent_has(b, 1, "a84b4c76e66710@pc33.atlanta.com"));
	assert_true(bench_sent_has(b, 1, "CSeq: 314159 ACK\r\n"));
	assert_true(addr_eq(&b->sent[1].hop.addr, &b->sent[0].hop.addr));
}

static void ack_is_sent_again_for_each_final_that_comes_again(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	bench_answer(b, 180, "INVITE", "busy");
	bench_answer(b, 486, "INVITE", "busy");
	bench_answer(b, 486, "INVITE", "busy");
	bench_answer(b, 603, "INVITE", "busy");
	assert_int_equal(b->n_sent, 4);
	assert_ptr_equal(b->sent[2].buf, b->sent[1].buf);
	assert_ptr_equal(b->sent[3].buf, b->sent[1].buf);
	assert_int_equal(b->owner.n_responses, 2);
	assert_int_equal(bench_stat(b, STAT_retransmissions), 2);
	bench_answer(b, 200, "INVITE", "late"); /* ignored: Figure 5 */
	assert_int_equal(b->n_sent, 4);
	assert_int_equal(b->owner.n_responses, 2);
}

static void after_the_ack_the_invite_is_released(void **state)
{
	struct bench *b = *state;
	struct buf *sent;

	invite(b, SIP_UDP);
	sent = buf_ref(b->sent[0].buf);
	bench_forget_sent(b);
	bench_answer(b, 486, "INVITE", "busy");
	assert_int_equal(sent->refs, 1);
	buf_unref(sent);
}

static void ack_is_sent_on_streams_too(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_TCP);
	bench_answer(b, 486, "INVITE", "busy");
	assert_true(bench_sent_starts(b, 1, "ACK "));
	assert_true(conn_ref_eq(b->sent[1].hop.conn, b->used));
}

/* Without memory for it the response comes again, and then there is. */
static void ack_that_could_not_be_made_is_made_later(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	mem_fail_nth(b->mem, 1);
	bench_answer(b, 486, "INVITE", "busy");
	assert_int_equal(b->n_sent, 1);
	assert_int_equal(b->owner.n_responses, 1);
	mem_fail_nth(b->mem, 2);
	bench_answer(b, 486, "INVITE", "busy");
	assert_int_equal(b->n_sent, 1);
	mem_fail_nth(b->mem, 0);
	bench_answer(b, 486, "INVITE", "busy");
	assert_true(bench_sent_starts(b, 1, "ACK "));
	assert_int_equal(bench_stat(b, STAT_retransmissions), 0);
}

/* Errors ------------------------------------------------------------------- */

static void failed_send_is_told_at_the_end_of_the_turn(void **state)
{
	struct bench *b = *state;

	b->send_err = VD_EUNREACH;
	invite(b, SIP_UDP);
	assert_int_equal(b->owner.n_failed, 0);
	bench_turn(b);
	assert_int_equal(b->owner.n_failed, 1);
	assert_int_equal(b->owner.err, VD_EUNREACH);
	assert_int_equal(b->owner.n_ended, 1);
}

static void failed_retransmission_is_told(void **state)
{
	struct bench *b = *state;

	bench_client_new(b, "BYE");
	bench_client_start(b, "BYE", SIP_UDP);
	b->send_err = VD_ECONN;
	bench_advance_to(b, 500);
	assert_int_equal(b->owner.n_failed, 1);
	assert_int_equal(b->owner.err, VD_ECONN);
	assert_int_equal(b->owner.n_ended, 1);
}

static void failed_ack_ends_the_transaction(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	b->send_err = VD_ECONN;
	bench_answer(b, 486, "INVITE", "busy");
	assert_int_equal(b->owner.n_responses, 1);
	bench_turn(b);
	assert_int_equal(b->owner.n_failed, 1);
	assert_int_equal(b->owner.n_ended, 1);
}

static struct str sent_bytes(const struct bench *b, size_t n, size_t max)
{
	struct str s = buf_str(b->sent[n].buf);

	return (struct str){s.p, s.len < max ? s.len : max};
}

static void icmp(struct bench *b, const char *remote, struct str payload)
{
	union addr a;

	assert_int_equal(addr_parse_hostport(str_from(remote), 0, &a), 0);
	txn_udp_error(b->table, &a, VD_ECONN, payload);
	bench_turn(b);
}

static void icmp_fails_the_transaction_whose_request_it_returns(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	icmp(b, "192.0.2.9:5062", sent_bytes(b, 0, 150)); /* cut off */
	assert_int_equal(b->owner.n_failed, 1);
	assert_int_equal(b->owner.err, VD_ECONN);
	assert_int_equal(b->owner.n_ended, 1);
}

static void icmp_from_the_wrong_place_or_too_short_is_ignored(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	icmp(b, "192.0.2.9:5063", sent_bytes(b, 0, 1000));
	icmp(b, "192.0.2.8:5062", sent_bytes(b, 0, 1000));
	for (size_t len = 0; len < 128; len++)
		icmp(b, "192.0.2.9:5062", sent_bytes(b, 0, len));
	icmp(b, "192.0.2.9:5062",
	     STR("INVITE sip:bob@biloxi.com SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP h;branch=z9hG4bKa"));
	assert_int_equal(b->owner.n_failed, 0);
}

/* The Via with our branch may also stand in a response, or deeper down. */
static void icmp_for_other_messages_is_ignored(void **state)
{
	struct bench *b = *state;
	char text[512];

	invite(b, SIP_UDP);
	snprintf(text, sizeof(text),
		 "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP h;branch=%s\r\n",
		 b->branch);
	icmp(b, "192.0.2.9:5062", str_from(text));
	snprintf(text, sizeof(text),
		 "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=1\r\n"
		 "Via: SIP/2.0/UDP h;branch=%s\r\n",
		 b->branch);
	icmp(b, "192.0.2.9:5062", str_from(text));
	snprintf(text, sizeof(text),
		 "BYE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=%s\r\n",
		 b->branch);
	icmp(b, "192.0.2.9:5062", str_from(text));
	assert_int_equal(b->owner.n_failed, 0);
}

static void icmp_finds_the_via_below_other_fields(void **state)
{
	struct bench *b = *state;
	char text[512];

	invite(b, SIP_UDP);
	snprintf(text, sizeof(text),
		 "INVITE sip:b@h SIP/2.0\r\nSubject: via\r\n"
		 "v : SIP/2.0/UDP h;rport;branch=%s\r\n",
		 b->branch);
	icmp(b, "192.0.2.9:5062", str_from(text));
	assert_int_equal(b->owner.n_failed, 1);
}

static void late_icmp_for_an_answered_invite_is_ignored(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	bench_answer(b, 486, "INVITE", "busy");
	icmp(b, "192.0.2.9:5062", sent_bytes(b, 0, 1000));
	assert_int_equal(b->owner.n_failed, 0);
	icmp(b, "192.0.2.9:5062", sent_bytes(b, 1, 1000)); /* the ACK */
	assert_int_equal(b->owner.n_failed, 1);
	assert_int_equal(b->owner.n_ended, 1);
}

static void icmp_is_not_for_streams(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_TCP);
	icmp(b, "192.0.2.9:5062", sent_bytes(b, 0, 1000));
	assert_int_equal(b->owner.n_failed, 0);
}

/* Connections -------------------------------------------------------------- */

static void lost(struct bench *b, struct conn_ref conn)
{
	txn_conn_closed(b->table, conn);
	assert_int_equal(b->owner.n_failed, 0); /* not yet */
	bench_turn(b);
}

static void lost_connection_fails_what_waits_on_it(void **state)
{
	struct bench *b = *state;

	bench_client_new(b, "BYE");
	bench_client_start(b, "BYE", SIP_TCP);
	invite(b, SIP_TCP);
	bench_answer(b, 180, "INVITE", "t");
	b->owner.n_responses = 0;
	lost(b, b->used);
	assert_int_equal(b->owner.n_failed, 2);
	assert_int_equal(b->owner.err, VD_ECONN);
	assert_int_equal(b->owner.n_ended, 2);
}

static void other_connections_do_not_matter(void **state)
{
	struct bench *b = *state;
	struct conn_ref other = b->used;

	invite(b, SIP_TCP);
	other.generation++;
	lost(b, other);
	other = b->used;
	other.slot++;
	lost(b, other);
	other = b->used;
	other.worker++;
	lost(b, other);
	other = b->used; /* of the same hash */
	other.worker ^= 1;
	other.slot ^= 1 << 16;
	lost(b, other);
	assert_int_equal(b->owner.n_failed, 0);
}

static void answered_transactions_survive_their_connection(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_TCP);
	bench_answer(b, 200, "INVITE", "t");
	lost(b, b->used);
	assert_int_equal(b->owner.n_failed, 0);
	assert_int_equal(txn_n_lingering(b->table), 1);
}

static void final_of_the_same_turn_counts_more_than_the_loss(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_TCP);
	txn_conn_closed(b->table, b->used);
	bench_answer(b, 200, "INVITE", "t");
	bench_turn(b);
	assert_int_equal(b->owner.n_failed, 0);
}

static void open_transactions_hold_their_connection(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_TCP);
	assert_int_equal(b->n_held, 1);
	bench_client_new(b, "BYE");
	bench_client_start(b, "BYE", SIP_TCP);
	assert_int_equal(b->n_held, 2);
	bench_answer(b, 100, "BYE", "t");
	assert_int_equal(b->n_held, 2);
	bench_answer(b, 200, "BYE", "t");
	assert_int_equal(b->n_held, 1);
	bench_advance_to(b, 32000); /* Timer B */
	assert_int_equal(b->n_held, 0);
	invite(b, SIP_UDP);
	assert_int_equal(b->n_held, 0);
}

/* Owners ------------------------------------------------------------------- */

static void detached_invite_goes_on_acknowledging(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	client_txn_detach(b->ct);
	bench_answer(b, 180, "INVITE", "t");
	bench_answer(b, 486, "INVITE", "t");
	assert_true(bench_sent_starts(b, 1, "ACK "));
	bench_answer(b, 486, "INVITE", "t");
	assert_int_equal(b->n_sent, 3);
	bench_advance_to(b, 32000);
	assert_int_equal(txn_n_lingering(b->table), 0);
	assert_int_equal(b->owner.n_responses + b->owner.n_ended, 0);
}

/* Nobody is left who would cancel it: it must not stay for ever. */
static void detached_invite_that_rings_ends_after_64_t1(void **state)
{
	struct bench *b = *state;

	for (int rings_first = 0; rings_first < 2; rings_first++) {
		uint64_t begin_ms = rings_first ? 50000 : 0;

		invite(b, SIP_UDP);
		if (rings_first)
			bench_answer(b, 180, "INVITE", "t");
		client_txn_detach(b->ct);
		bench_answer(b, 180, "INVITE", "t");
		bench_advance_to(b, begin_ms + 31990);
		assert_int_equal(txn_n_open(b->table), 1);
		bench_advance_to(b, begin_ms + 32000);
		assert_int_equal(txn_n_open(b->table), 0);
		bench_advance_to(b, 50000);
	}
	assert_int_equal(b->owner.n_failed + b->owner.n_ended, 0);
}

static void detached_transactions_call_nobody(void **state)
{
	struct bench *b = *state;

	bench_client_new(b, "BYE");
	client_txn_detach(b->ct); /* before it was sent: it ends */
	bench_turn(b);
	assert_int_equal(txn_n_open(b->table), 0);
	bench_client_new(b, "BYE");
	bench_client_start(b, "BYE", SIP_UDP);
	client_txn_detach(b->ct);
	bench_advance_to(b, 32000);
	assert_int_equal(txn_n_open(b->table), 0);
	assert_int_equal(b->owner.n_failed + b->owner.n_ended, 0);
}

static void another_owner_takes_over(void **state)
{
	struct bench *b = *state;
	struct owner second = {.bench = b};

	invite(b, SIP_UDP);
	bench_answer(b, 200, "INVITE", "t");
	client_txn_set_owner(b->ct, &bench_client_ops, &second);
	bench_answer(b, 200, "INVITE", "t");
	bench_advance_to(b, 32000);
	assert_int_equal(b->owner.n_responses, 1);
	assert_int_equal(b->owner.n_ended, 0);
	assert_int_equal(second.n_responses, 1);
	assert_int_equal(second.n_ended, 1);
}

static void detach_inside(struct owner *o)
{
	client_txn_detach(o->ct);
}

static void start_another_inside(struct owner *o)
{
	client_txn_detach(o->ct);
	bench_client_new(o->bench, "INVITE");
	bench_client_start(o->bench, "INVITE", SIP_TCP);
}

/* Whatever an owner does in a callback, nothing is used after it was freed
 * (the sanitizer watches). */
static void owner_may_let_go_inside_callbacks(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_UDP);
	b->owner.react = detach_inside;
	bench_answer(b, 486, "INVITE", "t");
	invite(b, SIP_UDP);
	b->owner.react = detach_inside;
	bench_advance_to(b, 32000); /* Timer B, in on_failed */
	invite(b, SIP_TCP);
	b->owner.react = detach_inside;
	bench_answer(b, 180, "INVITE", "t");
	b->owner.react = detach_inside;
	bench_advance_to(b, 200000);
	assert_int_equal(txn_n_open(b->table) + txn_n_lingering(b->table), 0);
	assert_int_equal(b->owner.n_ended, 0);
}

static void owner_may_start_another_inside_callbacks(void **state)
{
	struct bench *b = *state;

	invite(b, SIP_TCP);
	b->owner.react = start_another_inside;
	txn_conn_closed(b->table, b->used);
	bench_turn(b);
	assert_int_equal(b->n_sent, 2);
	assert_int_equal(b->owner.n_failed, 1);
	assert_int_equal(txn_n_open(b->table), 1);
	assert_true(bench_answer(b, 200, "INVITE", "t"));
}

/* Most of the transactions that there are at any time only linger. */
static void what_lingers_is_small(void **state)
{
	struct bench *b = *state;
	size_t before = mem_used(b);

	invite(b, SIP_UDP);
	bench_forget_sent(b);
	bench_answer(b, 200, "INVITE", "t");
	assert_in_range(mem_used(b) - before, 1, 256);
}

/* The end of the table ----------------------------------------------------- */

static void table_ends_with_everything_under_way(void **state)
{
	struct bench *b = *state;

	bench_client_new(b, "INVITE"); /* not started */
	invite(b, SIP_UDP);
	invite(b, SIP_TCP);
	bench_answer(b, 180, "INVITE", "t");
	client_txn_cancel(b->ct, STR_NONE);
	invite(b, SIP_UDP);
	client_txn_cancel(b->ct, STR_NONE); /* held back */
	bench_client_new(b, "BYE");
	bench_client_start(b, "BYE", SIP_TCP);
	bench_answer(b, 200, "BYE", "t"); /* has ended, not yet freed */
	bench_client_new(b, "BYE");
	client_txn_detach(b->ct);
	bench_server_new(b, "INVITE", SIP_TCP);
	b->send_err = VD_ECONN;
	bench_respond(b, 486); /* an error waits for the end of the turn */
	/* bench_teardown() frees the table and looks for leaks */
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		TEST(cseq_method_must_match),
		TEST(unknown_methods_are_told_apart),
		TEST(response_comes_from_the_family_that_was_asked),
		TEST(nothing_answers_what_was_not_sent),
		TEST(response_without_via_or_cseq_is_stray),
		TEST(has_provisional_remembers),
		TEST(every_2xx_is_told_while_accepted),
		TEST(only_the_first_final_of_other_methods_is_told),
		TEST(request_is_released_with_the_final_response),
		TEST(ack_is_made_of_the_invite_and_the_response),
		TEST(ack_is_sent_again_for_each_final_that_comes_again),
		TEST(after_the_ack_the_invite_is_released),
		TEST(ack_is_sent_on_streams_too),
		TEST(ack_that_could_not_be_made_is_made_later),
		TEST(failed_send_is_told_at_the_end_of_the_turn),
		TEST(failed_retransmission_is_told),
		TEST(failed_ack_ends_the_transaction),
		TEST(icmp_fails_the_transaction_whose_request_it_returns),
		TEST(icmp_from_the_wrong_place_or_too_short_is_ignored),
		TEST(icmp_for_other_messages_is_ignored),
		TEST(icmp_finds_the_via_below_other_fields),
		TEST(late_icmp_for_an_answered_invite_is_ignored),
		TEST(icmp_is_not_for_streams),
		TEST(lost_connection_fails_what_waits_on_it),
		TEST(other_connections_do_not_matter),
		TEST(answered_transactions_survive_their_connection),
		TEST(final_of_the_same_turn_counts_more_than_the_loss),
		TEST(open_transactions_hold_their_connection),
		TEST(detached_invite_goes_on_acknowledging),
		TEST(detached_invite_that_rings_ends_after_64_t1),
		TEST(detached_transactions_call_nobody),
		TEST(another_owner_takes_over),
		TEST(owner_may_let_go_inside_callbacks),
		TEST(owner_may_start_another_inside_callbacks),
		TEST(what_lingers_is_small),
		TEST(table_ends_with_everything_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
