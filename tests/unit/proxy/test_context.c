/* The response context: RFC 3261 sections 16.2, 16.7, 16.8 and 16.10. */
#define NET "127.85.2."
#include "bench.h"

const char *const bench_net = NET;

#define URI(n) "sip:u" n "@" NET n
#define TO(n) "INVITE " URI(n) " SIP/2.0\r\n"

static const struct plan one = LEAF(URI("2"));
static const struct plan leaves[] = {LEAF(URI("2")), LEAF(URI("3")),
				     LEAF(URI("4"))};
static const struct plan parallel = FORK(PLAN_PARALLEL, leaves);
static const struct plan sequential = FORK(PLAN_SEQUENTIAL, leaves);
static const struct plan pair[] = {LEAF(URI("2")), LEAF(URI("3"))};
static const struct plan mixed[] = {FORK(PLAN_PARALLEL, pair), LEAF(URI("4"))};
static const struct plan pairs_then_one = FORK(PLAN_SEQUENTIAL, mixed);
static const struct plan series[] = {FORK(PLAN_SEQUENTIAL, pair),
				     LEAF(URI("4"))};
static const struct plan series_beside_one = FORK(PLAN_PARALLEL, series);

struct peers {
	struct bench *b;
	struct peer *caller, *two, *three, *four;
};

static struct peers open_peers(struct bench *b, const struct plan *plan)
{
	b->plan = plan;
	return (struct peers){
		.b = b,
		.caller = b->caller,
		.two = peer_open(b, NET "2"),
		.three = peer_open(b, NET "3"),
		.four = peer_open(b, NET "4"),
	};
}

static void begin(struct peers *p, const char *method)
{
	peer_send(p->caller, bench_request(method, "sip:bob@biloxi.test", "1",
					   "Max-Forwards: 70\r\n"));
	if (strcmp(method, "INVITE") == 0)
		peer_expect_status(p->caller, 100);
}

/* An INVITE that reached all three. */
static struct peers ring_all(struct bench *b)
{
	struct peers p = open_peers(b, &parallel);

	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	peer_expect(p.three, TO("3"));
	peer_expect(p.four, TO("4"));
	return p;
}

static void ring(struct peers *p, struct peer *who)
{
	peer_answer(who, 180, "");
	peer_expect_status(p->caller, 180);
}

/* An answer that is not passed on at once. */
static void refuse(struct peer *who, unsigned status, const char *fields)
{
	peer_answer(who, status, fields);
	peer_expect(who, "ACK ");
}

static void cancel(struct peers *p)
{
	peer_send(p->caller,
		  bench_request("CANCEL", "sip:bob@biloxi.test", "1",
				"Reason: SIP;cause=600;text=\"bye\"\r\n"));
}

/* The callee's part of 9.2. */
static void obey_cancel(struct peer *who)
{
	peer_answer_cancel(who);
	refuse(who, 487, "");
}

static void all_leaves_of_a_parallel_plan_ring(void **state)
{
	struct peers p = ring_all(*state);

	ring(&p, p.three);
	ring(&p, p.two);
	refuse(p.two, 486, "");
	refuse(p.three, 480, "");
	peer_expect_nothing(p.caller);
	refuse(p.four, 404, "");
	peer_expect_status(p.caller, 486);
	assert_false(peer_has(p.caller, NET "1:5060;branch"));
}

/* Steps 5 and 10, RFC 3326 section 3.1. */
static void the_first_2xx_cancels_the_others_and_says_why(void **state)
{
	struct peers p = ring_all(*state);

	ring(&p, p.three);
	ring(&p, p.four);
	peer_answer(p.two, 200, "");
	peer_expect_status(p.caller, 200);
	peer_expect(p.three, "CANCEL " URI("3"));
	assert_true(peer_has(p.three, "\r\nReason: SIP;cause=200;"
				      "text=\"Call completed elsewhere\"\r\n"));
	peer_expect(p.four, "CANCEL " URI("4"));
	peer_expect_nothing(p.two);
	obey_cancel(p.three);
	obey_cancel(p.four);
	peer_expect_nothing(p.caller);
}

/* A branch that has said nothing is cancelled when it does (9.1). */
static void a_silent_branch_is_cancelled_once_it_rings(void **state)
{
	struct peers p = ring_all(*state);

	peer_answer(p.two, 200, "");
	peer_expect_status(p.caller, 200);
	peer_expect_nothing(p.three);
	peer_answer(p.three, 180, "");
	peer_expect(p.three, "CANCEL ");
	peer_expect_nothing(p.caller);
}

/* Step 5: every 2xx to an INVITE is passed on, also when the context is gone;
 * RFC 6026 section 7.1: also the same one again. */
static void every_2xx_passes(void **state)
{
	struct peers p = ring_all(*state);

	peer_answer(p.two, 200, "X-From: two\r\n");
	peer_expect_status(p.caller, 200);
	peer_answer(p.three, 202, "");
	peer_expect_status(p.caller, 202);
	refuse(p.four, 486, "");
	bench_until(p.b, proxy_n_open(p.b->proxy) == 0);
	peer_answer(p.two, 200, "X-From: two again\r\n");
	peer_expect_status(p.caller, 200);
}

static void a_2xx_after_the_context_is_gone_passes(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &one);

	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	peer_answer(p.two, 200, "");
	peer_expect_status(p.caller, 200);
	bench_until(b, proxy_n_open(b->proxy) == 0);
	for (int i = 0; i < 3; i++) {
		peer_answer(p.two, 200, "");
		peer_expect_status(p.caller, 200);
	}
	bench_pass(b, 64 * BENCH_T1_MS); /* Timers L and M */
	peer_answer(p.two, 200, "");
	peer_expect_nothing(p.caller);
}

/* A 6xx cancels the others, and waits for them: a 2xx would still win. */
static void a_6xx_cancels_the_others_and_is_sent_when_they_ended(void **state)
{
	struct peers p = ring_all(*state);

	ring(&p, p.three);
	ring(&p, p.four);
	refuse(p.two, 603, "");
	peer_expect(p.three, "CANCEL ");
	assert_false(peer_has(p.three, "\r\nReason:"));
	peer_expect(p.four, "CANCEL ");
	obey_cancel(p.three);
	peer_expect_nothing(p.caller);
	obey_cancel(p.four);
	peer_expect_status(p.caller, 603);
}

static void a_2xx_wins_over_a_6xx_that_waits(void **state)
{
	struct peers p = ring_all(*state);

	ring(&p, p.three);
	refuse(p.two, 603, "");
	peer_expect(p.three, "CANCEL ");
	peer_answer(p.three, 200, "");
	peer_expect_status(p.caller, 200);
	refuse(p.four, 486, "");
	peer_expect_nothing(p.caller);
}

/* Step 7: the challenges of all branches, each once. */
static void challenges_of_401_and_407_are_gathered(void **state)
{
	static const char *const once[] = {
		"\r\nWWW-Authenticate: Digest realm=\"two\"\r\n",
		"\r\nProxy-Authenticate: Digest realm=\"three\"\r\n",
		("\r\nproxy-authenticate: Digest realm=\"three\",\r\n"
		 " nonce=\"folded\"\r\n"),
		"\r\nWWW-Authenticate: Digest realm=\"four\"\r\n",
	};
	struct peers p = ring_all(*state);

	refuse(p.two, 401, "WWW-Authenticate: Digest realm=\"two\"\r\n");
	refuse(p.three, 407,
	       "Proxy-Authenticate: Digest realm=\"three\"\r\n"
	       "proxy-authenticate: Digest realm=\"three\",\r\n"
	       " nonce=\"folded\"\r\n");
	refuse(p.four, 401, "WWW-Authenticate: Digest realm=\"four\"\r\n");
	peer_expect_status(p.caller, 401);
	for (size_t i = 0; i < ARRAY_LEN(once); i++) {
		const char *at = strstr(p.caller->text, once[i]);

		assert_non_null(at);
		assert_null(strstr(at + 1, once[i]));
	}
}

static void challenges_stay_away_from_other_answers(void **state)
{
	struct peers p = ring_all(*state);

	refuse(p.two, 401, "WWW-Authenticate: Digest realm=\"two\"\r\n");
	refuse(p.three, 302, "Contact: <sip:elsewhere@" NET "8>\r\n");
	refuse(p.four, 486, "");
	peer_expect_status(p.caller, 302);
	assert_false(peer_has(p.caller, "Authenticate"));
}

/* Step 6: "a proxy which receives a 503 SHOULD NOT forward it". */
static void the_503_of_the_only_branch_becomes_a_500(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &one);

	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	refuse(p.two, 503, "Retry-After: 60\r\n");
	peer_expect_status(p.caller, 500);
	assert_false(peer_has(p.caller, "Retry-After"));
}

static void a_503_gives_way_to_any_other_answer(void **state)
{
	struct peers p = ring_all(*state);

	refuse(p.two, 503, "");
	refuse(p.three, 504, "");
	refuse(p.four, 503, "");
	peer_expect_status(p.caller, 504);
}

static void a_sequential_plan_tries_one_after_the_other(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &sequential);

	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	peer_expect_nothing(p.three);
	refuse(p.two, 486, "");
	peer_expect(p.three, TO("3"));
	peer_expect_nothing(p.four);
	refuse(p.three, 404, "");
	peer_expect(p.four, TO("4"));
	peer_answer(p.four, 200, "");
	peer_expect_status(p.caller, 200);
}

static void a_sequential_plan_ends_with_a_2xx(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &sequential);

	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	peer_answer(p.two, 200, "");
	peer_expect_status(p.caller, 200);
	peer_expect_nothing(p.three);
}

static void a_sequential_plan_ends_with_a_6xx(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &sequential);

	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	refuse(p.two, 600, "");
	peer_expect_status(p.caller, 600);
	peer_expect_nothing(p.three);
}

static void a_parallel_part_ends_before_the_next_begins(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &pairs_then_one);

	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	peer_expect(p.three, TO("3"));
	refuse(p.two, 486, "");
	peer_expect_nothing(p.four);
	refuse(p.three, 480, "");
	peer_expect(p.four, TO("4"));
	refuse(p.four, 404, "");
	peer_expect_status(p.caller, 486);
}

static void a_series_runs_beside_a_leaf(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &series_beside_one);

	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	peer_expect(p.four, TO("4"));
	refuse(p.four, 486, "");
	peer_expect_nothing(p.three);
	refuse(p.two, 480, "");
	peer_expect(p.three, TO("3"));
	peer_answer(p.three, 200, "");
	peer_expect_status(p.caller, 200);
}

/* 16.10 and RFC 3326: Reason goes along. */
static void the_callers_cancel_reaches_every_branch(void **state)
{
	struct peers p = ring_all(*state);

	ring(&p, p.two);
	ring(&p, p.three);
	ring(&p, p.four);
	cancel(&p);
	peer_expect_status(p.caller, 200);
	assert_true(peer_has(p.caller, "CSeq: 1 CANCEL\r\n"));
	peer_expect(p.two, "CANCEL " URI("2"));
	assert_true(peer_has(p.two, "\r\nReason: SIP;cause=600;text=\"bye\""));
	peer_expect(p.three, "CANCEL ");
	peer_expect(p.four, "CANCEL ");
	obey_cancel(p.two);
	obey_cancel(p.three);
	obey_cancel(p.four);
	peer_expect_status(p.caller, 487);
}

/* 9.1: no CANCEL before a provisional response. */
static void a_cancel_waits_for_a_provisional(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &one);

	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	cancel(&p);
	peer_expect_status(p.caller, 200);
	peer_expect_nothing(p.two);
	peer_answer(p.two, 100, "");
	peer_expect(p.two, "CANCEL ");
	obey_cancel(p.two);
	peer_expect_status(p.caller, 487);
}

/* ... and if none ever comes, the caller is not left waiting. */
static void a_cancel_of_a_silent_branch_ends_after_64_t1(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &one);

	b->conf.snapshot.proxy.timers.b = BENCH_C_MS; /* it does not end it */
	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	cancel(&p);
	peer_expect_status(p.caller, 200);
	bench_pass(b, 64 * BENCH_T1_MS);
	peer_expect_status(p.caller, 487);
}

static void a_cancel_stops_a_series(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &sequential);

	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	ring(&p, p.two);
	cancel(&p);
	peer_expect_status(p.caller, 200);
	peer_expect(p.two, "CANCEL ");
	obey_cancel(p.two);
	peer_expect_status(p.caller, 487);
	peer_expect_nothing(p.three);
}

static void a_cancel_during_the_search_for_hops_answers_at_once(void **state)
{
	static const struct plan unknown = LEAF("sip:bob@nowhere.test");
	struct bench *b = *state;
	struct peers p = open_peers(b, &unknown);

	begin(&p, "INVITE");
	assert_true(peer_poll(b->peers[0])); /* the name server */
	cancel(&p);
	peer_expect_status(p.caller, 200);
	assert_true(peer_has(p.caller, " CANCEL\r\n"));
	peer_expect_status(p.caller, 487);
	bench_until(b, proxy_n_open(b->proxy) == 0);
}

/* 9.2: nothing changes, but the CANCEL is answered. */
static void a_cancel_after_the_final_response_changes_nothing(void **state)
{
	static const unsigned finals[] = {200, 486};

	for (size_t i = 0; i < ARRAY_LEN(finals); i++) {
		struct bench *b = *state;
		struct peers p;

		if (i > 0) {
			bench_teardown(state);
			bench_setup(state);
			b = *state;
		}
		p = open_peers(b, &one);
		begin(&p, "INVITE");
		peer_expect(p.two, TO("2"));
		ring(&p, p.two);
		peer_answer(p.two, finals[i], "");
		peer_expect_status(p.caller, finals[i]);
		if (finals[i] >= 300)
			peer_expect(p.two, "ACK ");
		cancel(&p);
		peer_expect_status(p.caller, 200);
		assert_true(peer_has(p.caller, " CANCEL\r\n"));
		peer_expect_nothing(p.two);
	}
}

/* Our deviation from 16.10: it is not passed on. */
static void a_cancel_that_matches_nothing_gets_481(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &one);

	cancel(&p);
	peer_expect_status(p.caller, 481);
	peer_expect_nothing(p.two);
}

/* 9.2: the To tags of both answers SHOULD be the same. */
static void both_answers_to_a_cancelled_call_have_one_to_tag(void **state)
{
	static const struct plan unknown = LEAF("sip:bob@nowhere.test");
	struct bench *b = *state;
	struct peers p = open_peers(b, &unknown);
	char tag[32];

	begin(&p, "INVITE");
	cancel(&p);
	peer_expect_status(p.caller, 200);
	assert_int_equal(sscanf(strstr(p.caller->text, "\r\nTo: "),
				"\r\nTo: <sip:bob@biloxi.test>%31s", tag),
			 1);
	peer_expect_status(p.caller, 487);
	assert_true(peer_has(p.caller, tag));
}

/* 16.8: Timer C fired while it rang: the branch is cancelled, and 408. */
static void timer_c_cancels_a_ringing_branch(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &one);

	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	ring(&p, p.two);
	bench_pass(b, BENCH_C_MS - 1000);
	peer_expect_nothing(p.two);
	bench_pass(b, 1000);
	peer_expect(p.two, "CANCEL ");
	peer_expect_nothing(p.caller);
	obey_cancel(p.two);
	peer_expect_status(p.caller, 408);
}

/* 16.7 step 2: each 101 to 199 gives it new time, a 100 does not. */
static void timer_c_starts_anew_with_each_provisional(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &one);

	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	ring(&p, p.two);
	bench_pass(b, BENCH_C_MS - 1000);
	peer_answer(p.two, 183, "");
	peer_expect_status(p.caller, 183);
	bench_pass(b, BENCH_C_MS - 1000);
	peer_answer(p.two, 100, "");
	peer_expect_nothing(p.two);
	bench_pass(b, 1000);
	peer_expect(p.two, "CANCEL ");
	obey_cancel(p.two);
	peer_expect_status(p.caller, 408);
}

/* 16.8 without a provisional response: as if a 408 had come. */
static void timer_c_ends_a_silent_branch_with_408(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &one);

	b->conf.snapshot.proxy.timers.c = 10000; /* before Timer B */
	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	bench_pass(b, 10000);
	peer_expect_status(p.caller, 408);
}

static void timer_b_ends_a_silent_branch_with_408(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &one);

	begin(&p, "INVITE");
	bench_pass(b, 64 * BENCH_T1_MS);
	peer_expect_status(p.caller, 408);
}

/* RFC 4320: a 100 when Timer E would have reached T2 (section 4.1), no 408
 * (section 4.2). */
static void a_non_invite_that_times_out_is_answered_by_a_100_alone(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &one);

	begin(&p, "MESSAGE");
	peer_expect(p.two, "MESSAGE ");
	bench_pass(b, 64 * BENCH_T1_MS);
	peer_expect_status(p.caller, 100);
	peer_expect_nothing(p.caller);
	assert_int_equal(proxy_n_open(b->proxy), 0);
}

/* ... not even one that somebody else sent. */
static void a_408_to_a_non_invite_is_not_passed_on(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &one);

	begin(&p, "MESSAGE");
	peer_expect(p.two, "MESSAGE ");
	peer_answer(p.two, 408, "");
	peer_expect_nothing(p.caller);
}

/* The first 2xx to a non-INVITE is the only one. */
static void one_final_response_to_a_non_invite(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &parallel);

	begin(&p, "OPTIONS");
	peer_expect(p.two, "OPTIONS ");
	peer_expect(p.three, "OPTIONS ");
	peer_answer(p.two, 200, "");
	peer_expect_status(p.caller, 200);
	peer_answer(p.three, 200, "");
	peer_expect_nothing(p.caller);
	peer_expect_nothing(p.three); /* and no CANCEL */
}

static void a_100_is_not_passed_on(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &one);

	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	peer_answer(p.two, 100, "");
	peer_expect_nothing(p.caller);
	peer_answer(p.two, 486, "");
	peer_expect_status(p.caller, 486);
}

/* The callee forgets the caller's Via in what it answers from now on. */
static void forget_via(struct peer *callee)
{
	char *via = strstr(callee->request, "Via: SIP/2.0/UDP " NET "9");

	assert_non_null(via);
	memcpy(via, "X-a", 3);
}

/* 16.7 step 3: a response without a Via below ours was for us. */
static void a_response_with_our_via_alone_is_dropped(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &one);

	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	forget_via(p.two);
	peer_answer(p.two, 180, "");
	peer_expect_nothing(p.caller);
}

/* ... and answers nothing: the caller may still cancel, and hears of the end.
 */
static void a_2xx_with_our_via_alone_does_not_end_the_request(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &one);

	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	forget_via(p.two);
	peer_answer(p.two, 200, "");
	peer_expect_nothing(p.caller);
	bench_pass(b, 100); /* its transaction ends before the wait for a 487 */
	cancel(&p);
	peer_expect_status(p.caller, 200);
	bench_pass(b, 64 * BENCH_T1_MS + 100);
	peer_expect_status(p.caller, 487);
}

static void a_2xx_that_comes_right_at_last_passes(void **state)
{
	struct bench *b = *state;
	struct peers p = open_peers(b, &one);
	char good[BENCH_TEXT];

	begin(&p, "INVITE");
	peer_expect(p.two, TO("2"));
	memcpy(good, p.two->request, sizeof(good));
	forget_via(p.two);
	peer_answer(p.two, 200, "");
	peer_expect_nothing(p.caller);
	memcpy(p.two->request, good, sizeof(good));
	peer_answer(p.two, 200, "");
	peer_expect_status(p.caller, 200);
}

static void a_final_response_with_our_via_alone_is_a_bad_gateways(void **state)
{
	static const unsigned statuses[] = {200, 486};
	struct bench *b = *state;
	struct peers p = open_peers(b, &one);

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		char n[2] = {(char)('1' + i), '\0'};

		peer_send(p.caller,
			  bench_request("MESSAGE", "sip:bob@biloxi.test", n,
					"Max-Forwards: 70\r\n"));
		peer_expect(p.two, "MESSAGE ");
		forget_via(p.two);
		peer_answer(p.two, statuses[i], "");
		peer_expect_nothing(p.caller);
		bench_pass(b, 64 * BENCH_T1_MS); /* Timer K among others */
		peer_expect_status(p.caller, 100);
		peer_expect_status(p.caller, 502);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(all_leaves_of_a_parallel_plan_ring),
		BENCH_TEST(the_first_2xx_cancels_the_others_and_says_why),
		BENCH_TEST(a_silent_branch_is_cancelled_once_it_rings),
		BENCH_TEST(every_2xx_passes),
		BENCH_TEST(a_2xx_after_the_context_is_gone_passes),
		BENCH_TEST(
			a_6xx_cancels_the_others_and_is_sent_when_they_ended),
		BENCH_TEST(a_2xx_wins_over_a_6xx_that_waits),
		BENCH_TEST(challenges_of_401_and_407_are_gathered),
		BENCH_TEST(challenges_stay_away_from_other_answers),
		BENCH_TEST(the_503_of_the_only_branch_becomes_a_500),
		BENCH_TEST(a_503_gives_way_to_any_other_answer),
		BENCH_TEST(a_sequential_plan_tries_one_after_the_other),
		BENCH_TEST(a_sequential_plan_ends_with_a_2xx),
		BENCH_TEST(a_sequential_plan_ends_with_a_6xx),
		BENCH_TEST(a_parallel_part_ends_before_the_next_begins),
		BENCH_TEST(a_series_runs_beside_a_leaf),
		BENCH_TEST(the_callers_cancel_reaches_every_branch),
		BENCH_TEST(a_cancel_waits_for_a_provisional),
		BENCH_TEST(a_cancel_of_a_silent_branch_ends_after_64_t1),
		BENCH_TEST(a_cancel_stops_a_series),
		BENCH_TEST(a_cancel_during_the_search_for_hops_answers_at_once),
		BENCH_TEST(a_cancel_after_the_final_response_changes_nothing),
		BENCH_TEST(a_cancel_that_matches_nothing_gets_481),
		BENCH_TEST(both_answers_to_a_cancelled_call_have_one_to_tag),
		BENCH_TEST(timer_c_cancels_a_ringing_branch),
		BENCH_TEST(timer_c_starts_anew_with_each_provisional),
		BENCH_TEST(timer_c_ends_a_silent_branch_with_408),
		BENCH_TEST(timer_b_ends_a_silent_branch_with_408),
		BENCH_TEST(
			a_non_invite_that_times_out_is_answered_by_a_100_alone),
		BENCH_TEST(a_408_to_a_non_invite_is_not_passed_on),
		BENCH_TEST(one_final_response_to_a_non_invite),
		BENCH_TEST(a_100_is_not_passed_on),
		BENCH_TEST(a_response_with_our_via_alone_is_dropped),
		BENCH_TEST(a_2xx_with_our_via_alone_does_not_end_the_request),
		BENCH_TEST(a_2xx_that_comes_right_at_last_passes),
		BENCH_TEST(
			a_final_response_with_our_via_alone_is_a_bad_gateways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
