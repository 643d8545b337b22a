/* Which server transaction a request belongs to: RFC 3261 section 17.2.3. */
#include "bench.h"

#include <stdio.h>

#include "viaduct/util/err.h"

/* What matching looks at. */
struct parts {
	const char *method, *uri, *via, *from, *to, *call_id, *cseq;
};

static const struct parts invite = {
	.method = "INVITE",
	.uri = "sip:bob@biloxi.com",
	.via = "192.0.2.1:5060;branch=z9hG4bKpeer",
	.from = "tag=alice",
	.to = "",
	.call_id = "a84b4c76e66710",
	.cseq = "314159",
};

static struct sip_msg *request(struct parts p)
{
	return bench_msg("%s %s SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP %s\r\n"
			 "From: <sip:alice@atlanta.com>;%s\r\n"
			 "To: <sip:bob@biloxi.com>%s\r\n"
			 "Call-ID: %s\r\n"
			 "CSeq: %s %s\r\n"
			 "Content-Length: 0\r\n\r\n",
			 p.method, p.uri, p.via, p.from, p.to, p.call_id,
			 p.cseq, p.method);
}

static void begin(struct bench *b, struct parts p)
{
	struct hop hop = bench_hop(SIP_UDP, "192.0.2.1:5060");

	assert_int_equal(server_txn_new(b->table, bench_key(b, request(p)),
					&hop, &b->timers, &bench_server_ops,
					&b->owner, &b->st),
			 0);
}

static bool finds(struct bench *b, struct parts p)
{
	return bench_find(b, request(p)) == b->st;
}

static bool cancels(struct bench *b, struct parts p)
{
	return bench_find_cancelled(b, request(p)) == b->st;
}

/* The same with one member changed. */
#define BUT(base, member, value)                                               \
	({                                                                     \
		struct parts p_ = (base);                                      \
		p_.member = (value);                                           \
		p_;                                                            \
	})

static void retransmission_is_found_by_branch_and_sent_by(void **state)
{
	struct bench *b = *state;

	assert_null(bench_find(b, request(invite)));
	begin(b, invite);
	assert_true(finds(b, invite));
	assert_int_equal(bench_stat(b, STAT_requests_new), 1);
}

static void only_branch_sent_by_and_method_count(void **state)
{
	struct bench *b = *state;

	begin(b, invite);
	assert_true(finds(b, BUT(invite, uri, "sip:carol@chicago.com")));
	assert_true(finds(b, BUT(invite, from, "tag=other")));
	assert_true(finds(b, BUT(invite, to, ";tag=other")));
	assert_true(finds(b, BUT(invite, call_id, "other")));
	assert_true(finds(b, BUT(invite, cseq, "1")));
	assert_false(finds(
		b, BUT(invite, via, "192.0.2.1:5060;branch=z9hG4bKpeer2")));
	assert_false(finds(
		b, BUT(invite, via, "192.0.2.2:5060;branch=z9hG4bKpeer")));
	assert_false(finds(
		b, BUT(invite, via, "192.0.2.1:5061;branch=z9hG4bKpeer")));
	assert_false(finds(b, BUT(invite, method, "OPTIONS")));
	assert_false(finds(b, BUT(invite, method, "invite")));
}

static void branch_and_host_are_compared_without_case(void **state)
{
	struct bench *b = *state;

	begin(b, BUT(invite, via, "pc33.Atlanta.com;branch=z9hG4bKPeer"));
	assert_true(finds(
		b, BUT(invite, via, "PC33.atlanta.COM;branch=Z9HG4BKPEER")));
	assert_true(finds(b, BUT(invite, via,
				 "pc33.atlanta.com:5060;branch=z9hG4bKpeer")));
	assert_false(finds(b, BUT(invite, via,
				  "pc33.atlanta.com:5070;branch=z9hG4bKpeer")));
}

static void unknown_methods_are_told_apart(void **state)
{
	struct bench *b = *state;

	begin(b, BUT(invite, method, "FOO"));
	assert_true(finds(b, BUT(invite, method, "FOO")));
	assert_false(finds(b, BUT(invite, method, "BAR")));
	assert_false(finds(b, BUT(invite, method, "foo")));
}

static void long_branches_are_compared_to_their_end(void **state)
{
	struct bench *b = *state;
	char via[1200];
	size_t len;

	len = (size_t)snprintf(via, sizeof(via), "h;branch=z9hG4bK%01000d", 7);
	begin(b, BUT(invite, via, via));
	assert_true(finds(b, BUT(invite, via, via)));
	via[len - 1] = '8';
	assert_false(finds(b, BUT(invite, via, via)));
	via[len - 1] = '7';
	via[len - 1000] = '8';
	assert_false(finds(b, BUT(invite, via, via)));
}

static void transactions_of_one_branch_are_told_apart(void **state)
{
	struct bench *b = *state;
	struct server_txn *first;

	begin(b, invite);
	first = b->st;
	begin(b, BUT(invite, method, "CANCEL"));
	assert_true(finds(b, BUT(invite, method, "CANCEL")));
	assert_ptr_equal(bench_find(b, request(invite)), first);
	assert_ptr_equal(
		bench_find_cancelled(b, request(BUT(invite, method, "CANCEL"))),
		first);
}

static void cancel_finds_any_method_but_ack_and_cancel(void **state)
{
	struct bench *b = *state;
	const struct parts cancel = BUT(invite, method, "CANCEL");

	begin(b, cancel);
	assert_null(bench_find_cancelled(b, request(cancel)));
	begin(b, BUT(invite, method, "FOO"));
	assert_true(cancels(b, cancel));
	assert_null(bench_find_cancelled(
		b, request(BUT(cancel, via, "192.0.2.2;branch=z9hG4bKpeer"))));
}

/* In Completed and Confirmed it is absorbed; after a 2xx it is the owner's. */
static void ack_finds_its_invite_unless_that_was_accepted(void **state)
{
	struct bench *b = *state;
	const struct parts ack = BUT(invite, method, "ACK");
	struct parts bye = BUT(invite, method, "BYE");

	begin(b, invite);
	bench_respond(b, 486);
	assert_true(finds(b, ack));
	server_txn_receive(b->st, request(ack));
	assert_true(finds(b, ack));
	begin(b, BUT(invite, via, "192.0.2.1;branch=z9hG4bKsecond"));
	bench_respond(b, 200);
	assert_null(bench_find(
		b, request(BUT(ack, via, "192.0.2.1;branch=z9hG4bKsecond"))));
	bye.via = "192.0.2.1;branch=z9hG4bKthird";
	begin(b, bye);
	assert_null(bench_find(
		b, request(BUT(ack, via, "192.0.2.1;branch=z9hG4bKthird"))));
}

static void ended_transaction_is_not_found(void **state)
{
	struct bench *b = *state;

	begin(b, invite);
	server_txn_detach(b->st);
	assert_null(bench_find(b, request(invite)));
}

/* RFC 2543: all that identifies the request must be equal. */

static const char *const old_vias[] = {
	"192.0.2.1:5060", "192.0.2.1:5060;branch=1",
	"192.0.2.1:5060;branch=z9hG4bK", /* the cookie and nothing */
};

static void old_peer_is_matched_by_all_that_identifies(struct bench *b,
						       const char *via)
{
	const struct parts old = BUT(invite, via, via);
	const struct parts cancel = BUT(old, method, "CANCEL");

	begin(b, old);
	assert_true(finds(b, old));
	assert_false(finds(b, BUT(old, uri, "sip:carol@chicago.com")));
	assert_false(finds(b, BUT(old, from, "tag=other")));
	assert_false(finds(b, BUT(old, to, ";tag=other")));
	assert_false(finds(b, BUT(old, call_id, "other")));
	assert_false(finds(b, BUT(old, cseq, "314160")));
	assert_false(finds(b, BUT(old, via, "192.0.2.1:5062")));
	assert_false(finds(b, BUT(old, method, "OPTIONS")));
	assert_true(cancels(b, cancel));
	assert_false(cancels(b, BUT(cancel, cseq, "314160")));
}

static void old_peers_are_matched_without_a_branch(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(old_vias); i++) {
		void *bench;

		bench_setup(&bench);
		old_peer_is_matched_by_all_that_identifies(bench, old_vias[i]);
		bench_teardown(&bench);
	}
}

/* Its To tag is that of the response, not of the INVITE. */
static void ack_of_an_old_peer_has_the_tag_of_the_response(void **state)
{
	struct bench *b = *state;
	const struct parts old = BUT(invite, via, old_vias[0]);
	const struct parts ack = BUT(old, method, "ACK");

	begin(b, old);
	bench_respond(b, 486); /* its tag: bobtag */
	assert_true(finds(b, BUT(ack, to, ";tag=bobtag")));
	assert_false(finds(b, BUT(ack, to, ";tag=other")));
	assert_false(finds(b, ack));
	assert_true(finds(b, old));
	server_txn_receive(b->st, request(BUT(ack, to, ";tag=bobtag")));
	assert_true(finds(b, BUT(ack, to, ";tag=bobtag")));
}

static void ack_of_an_old_peer_to_a_2xx_is_the_owners(void **state)
{
	struct bench *b = *state;
	const struct parts old = BUT(invite, via, old_vias[0]);
	const struct parts ack = BUT(old, method, "ACK");

	begin(b, old);
	bench_respond(b, 200);
	assert_null(bench_find(b, request(BUT(ack, to, ";tag=bobtag"))));
}

static void request_without_a_via_is_refused(void **state)
{
	struct bench *b = *state;
	struct hop hop = bench_hop(SIP_UDP, "192.0.2.1:5060");
	struct server_txn *st;
	struct sip_msg *msg = bench_msg("OPTIONS sip:b@biloxi.com SIP/2.0\r\n"
					"Content-Length: 0\r\n\r\n");

	assert_null(bench_find(b, msg));
	assert_null(bench_find_cancelled(b, msg));
	assert_int_equal(server_txn_new(b->table, bench_key(b, msg), &hop,
					&b->timers, NULL, NULL, &st),
			 VD_EINVAL);
	msg = bench_msg("OPTIONS sip:b@biloxi.com SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 192.0.2.1\r\n"
			"Content-Length: 0\r\n\r\n");
	assert_int_equal(server_txn_new(b->table, bench_key(b, msg), &hop,
					&b->timers, NULL, NULL, &st),
			 VD_EINVAL);
	assert_int_equal(txn_n_open(b->table), 0);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		TEST(retransmission_is_found_by_branch_and_sent_by),
		TEST(only_branch_sent_by_and_method_count),
		TEST(branch_and_host_are_compared_without_case),
		TEST(unknown_methods_are_told_apart),
		TEST(long_branches_are_compared_to_their_end),
		TEST(transactions_of_one_branch_are_told_apart),
		TEST(cancel_finds_any_method_but_ack_and_cancel),
		TEST(ack_finds_its_invite_unless_that_was_accepted),
		TEST(ended_transaction_is_not_found),
		cmocka_unit_test(old_peers_are_matched_without_a_branch),
		TEST(ack_of_an_old_peer_has_the_tag_of_the_response),
		TEST(ack_of_an_old_peer_to_a_2xx_is_the_owners),
		TEST(request_without_a_via_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
