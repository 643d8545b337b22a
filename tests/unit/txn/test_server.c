/* Server transactions: retransmissions, responses, errors, owners. Finding
 * them is in test_match.c. */
#include "bench.h"

#include "viaduct/util/err.h"

static void again(struct bench *b, const char *method)
{
	server_txn_receive(b->st, bench_request(method, "z9hG4bKpeer"));
}

static void retransmission_is_answered_with_the_last_response(void **state)
{
	static const char *const methods[] = {"INVITE", "OPTIONS"};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		bench_server_new(b, methods[i], SIP_UDP);
		again(b, methods[i]); /* there is nothing yet */
		assert_int_equal(b->n_sent, 0);
		bench_respond(b, 100);
		bench_respond(b, 183);
		again(b, methods[i]);
		assert_int_equal(b->n_sent, 3);
		assert_ptr_equal(b->sent[2].buf, b->sent[1].buf);
		bench_respond(b, 486);
		again(b, methods[i]);
		assert_true(bench_sent_starts(b, 4, "SIP/2.0 486"));
		assert_int_equal(b->n_sent, 5);
		bench_forget_sent(b);
	}
	assert_int_equal(bench_stat(b, STAT_requests_retransmitted), 6);
	assert_int_equal(bench_stat(b, STAT_retransmissions), 4);
	assert_int_equal(bench_stat(b, STAT_requests_new), 2);
}

static void responses_go_where_they_shall(void **state)
{
	struct bench *b = *state;
	struct hop to = bench_hop(SIP_UDP, "192.0.2.1:5060");

	bench_server_new(b, "INVITE", SIP_UDP);
	bench_respond(b, 180);
	assert_true(addr_eq(&b->sent[0].hop.addr, &to.addr));
	assert_int_equal(b->sent[0].hop.transport, SIP_UDP);
}

static void second_final_response_is_dropped(void **state)
{
	static const char *const methods[] = {"INVITE", "OPTIONS"};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		bench_server_new(b, methods[i], SIP_UDP);
		bench_respond(b, 486);
		bench_respond(b, 500);
		bench_respond(b, 200);
		bench_respond(b, 180);
		assert_int_equal(b->n_sent, 1);
		again(b, methods[i]);
		assert_true(bench_sent_starts(b, 1, "SIP/2.0 486"));
		bench_forget_sent(b);
	}
}

/* RFC 6026 section 7.1: each 2xx of the owner is passed on, none is repeated
 * by itself, retransmitted INVITEs are absorbed. */
static void accepted_passes_2xx_and_absorbs_the_rest(void **state)
{
	struct bench *b = *state;

	bench_server_new(b, "INVITE", SIP_UDP);
	bench_respond(b, 200);
	bench_respond(b, 200);
	assert_int_equal(b->n_sent, 2);
	again(b, "INVITE");
	bench_respond(b, 486);
	bench_advance_to(b, 31990);
	assert_int_equal(b->n_sent, 2);
	bench_respond(b, 200);
	assert_int_equal(b->n_sent, 3);
	bench_advance_to(b, 32000);
	assert_int_equal(b->owner.n_ended, 1);
	assert_int_equal(b->owner.n_failed, 0);
}

static void response_is_kept_only_while_it_may_be_sent_again(void **state)
{
	struct bench *b = *state;
	struct buf *sent;

	bench_server_new(b, "INVITE", SIP_UDP);
	bench_respond(b, 200);
	assert_int_equal(b->sent[0].buf->refs, 1);
	bench_forget_sent(b);

	bench_server_new(b, "INVITE", SIP_UDP);
	bench_respond(b, 486);
	sent = b->sent[0].buf;
	assert_int_equal(sent->refs, 2);
	again(b, "ACK");
	assert_int_equal(sent->refs, 1);
	again(b, "ACK");
	again(b, "INVITE");
	assert_int_equal(b->n_sent, 1);
}

static void only_its_owner_is_told_whose_it_is(void **state)
{
	static const struct server_txn_ops others;
	struct bench *b = *state;

	bench_server_new(b, "INVITE", SIP_UDP);
	assert_ptr_equal(server_txn_arg(b->st, &bench_server_ops), &b->owner);
	assert_null(server_txn_arg(b->st, &others));
	bench_respond(b, 200);
	server_txn_detach(b->st);
	assert_null(server_txn_arg(b->st, &bench_server_ops));
}

static void ids_are_not_shared(void **state)
{
	struct bench *b = *state;
	uint64_t id;

	bench_server_new(b, "INVITE", SIP_UDP);
	id = server_txn_id(b->st);
	bench_server_new(b, "INVITE", SIP_UDP);
	bench_client_new(b, "INVITE");
	assert_true(id != server_txn_id(b->st));
	assert_true(server_txn_id(b->st) != client_txn_id(b->ct));
	assert_true(id != 0);
}

/* RFC 6026 section 8.8: told, and it stays, so that retransmissions are not
 * taken for new requests. */
static void failed_send_is_told_and_nothing_ends(void **state)
{
	static const unsigned statuses[] = {180, 200, 486};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		bench_server_new(b, "INVITE", SIP_UDP);
		b->send_err = VD_EUNREACH;
		bench_respond(b, statuses[i]);
		assert_int_equal(b->owner.n_failed, i); /* not on our stack */
		bench_turn(b);
		assert_int_equal(b->owner.n_failed, i + 1);
		assert_int_equal(b->owner.err, VD_EUNREACH);
		b->send_err = 0;
	}
	assert_int_equal(b->owner.n_ended, 0);
	assert_int_equal(txn_n_open(b->table) + txn_n_lingering(b->table), 3);
}

static void answer_inside(struct owner *o)
{
	bench_respond(o->bench, 500);
}

static void answer_and_let_go_inside(struct owner *o)
{
	bench_respond(o->bench, 500);
	server_txn_detach(o->st);
}

/* And is told of that response, too, a turn later. */
static void owner_may_respond_inside_on_failed(void **state)
{
	struct bench *b = *state;

	bench_server_new(b, "INVITE", SIP_UDP);
	b->send_err = VD_EUNREACH;
	b->owner.react = answer_inside;
	bench_respond(b, 180);
	bench_turn(b);
	bench_turn(b);
	assert_int_equal(b->owner.n_failed, 2);
	assert_int_equal(txn_n_open(b->table), 0);
}

static void owner_may_respond_and_let_go_inside_on_failed(void **state)
{
	struct bench *b = *state;

	bench_server_new(b, "INVITE", SIP_UDP);
	b->send_err = VD_EUNREACH;
	b->owner.react = answer_and_let_go_inside;
	bench_respond(b, 180);
	bench_turn(b);
	bench_turn(b);
	assert_int_equal(b->owner.n_failed, 1);
	bench_advance_to(b, 32000);
	assert_int_equal(txn_n_lingering(b->table), 0);
	assert_int_equal(b->owner.n_ended, 0);
}

static void detached_without_a_final_it_ends_at_once(void **state)
{
	static const char *const methods[] = {"INVITE", "OPTIONS"};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		for (int rings = 0; rings < 2; rings++) {
			bench_server_new(b, methods[i], SIP_TCP);
			if (rings)
				bench_respond(b, 100);
			server_txn_detach(b->st);
			assert_int_equal(txn_n_open(b->table), 0);
			assert_int_equal(txn_n_lingering(b->table), 0);
			assert_int_equal(b->n_held, 0);
			bench_turn(b);
		}
	assert_int_equal(b->owner.n_ended, 0);
}

static void detached_after_a_final_it_goes_on_by_itself(void **state)
{
	struct bench *b = *state;

	bench_server_new(b, "INVITE", SIP_UDP);
	bench_respond(b, 486);
	server_txn_detach(b->st);
	bench_advance_to(b, 1600);
	assert_int_equal(b->n_sent, 3);
	bench_advance_to(b, 32000);
	assert_int_equal(txn_n_lingering(b->table), 0);
	assert_int_equal(b->owner.n_failed + b->owner.n_ended, 0);
}

static void another_owner_takes_over(void **state)
{
	struct bench *b = *state;
	struct owner second = {.bench = b};

	bench_server_new(b, "INVITE", SIP_UDP);
	bench_respond(b, 486);
	server_txn_set_owner(b->st, &bench_server_ops, &second);
	assert_ptr_equal(server_txn_arg(b->st, &bench_server_ops), &second);
	bench_advance_to(b, 32000);
	assert_int_equal(b->owner.n_failed + b->owner.n_ended, 0);
	assert_int_equal(second.n_failed, 1);
	assert_int_equal(second.n_ended, 1);
}

static void open_transactions_hold_their_connection(void **state)
{
	struct bench *b = *state;

	bench_server_new(b, "INVITE", SIP_TCP);
	assert_int_equal(b->n_held, 1);
	bench_respond(b, 180);
	assert_int_equal(b->n_held, 1);
	bench_respond(b, 200);
	assert_int_equal(b->n_held, 0);
	/* Who has ended his side is waited for as long. */
	assert_int_equal(b->sent[1].n_held, 1);
	bench_server_new(b, "INVITE", SIP_UDP);
	assert_int_equal(b->n_held, 0);
}

/* 18.2.2: the connection is gone, the response opens another. */
static void later_responses_follow_to_the_new_connection(void **state)
{
	struct bench *b = *state;

	bench_server_new(b, "INVITE", SIP_TCP);
	b->used.generation++;
	bench_respond(b, 180);
	assert_int_equal(b->n_held, 1);
	bench_respond(b, 200);
	assert_true(conn_ref_eq(b->sent[1].hop.conn, b->used));
	assert_int_equal(b->n_held, 0);
}

/* Ops without functions, or none at all. */
static void owner_need_not_listen(void **state)
{
	static const struct server_txn_ops deaf;
	struct bench *b = *state;

	bench_server_new(b, "INVITE", SIP_UDP);
	server_txn_set_owner(b->st, &deaf, NULL);
	bench_respond(b, 486);
	bench_advance_to(b, 32000);
	assert_int_equal(txn_n_lingering(b->table), 0);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		TEST(retransmission_is_answered_with_the_last_response),
		TEST(responses_go_where_they_shall),
		TEST(second_final_response_is_dropped),
		TEST(accepted_passes_2xx_and_absorbs_the_rest),
		TEST(response_is_kept_only_while_it_may_be_sent_again),
		TEST(only_its_owner_is_told_whose_it_is),
		TEST(ids_are_not_shared),
		TEST(failed_send_is_told_and_nothing_ends),
		TEST(owner_may_respond_inside_on_failed),
		TEST(owner_may_respond_and_let_go_inside_on_failed),
		TEST(detached_without_a_final_it_ends_at_once),
		TEST(detached_after_a_final_it_goes_on_by_itself),
		TEST(another_owner_takes_over),
		TEST(open_transactions_hold_their_connection),
		TEST(later_responses_follow_to_the_new_connection),
		TEST(owner_need_not_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
