/* Every timer of RFC 3261 Table 4 and RFC 6026, to the tick. */
#include "bench.h"

#include "viaduct/util/err.h"

/* What was sent so far left at these instants, and nothing else did. */
static void assert_sent_at(const struct bench *b, const unsigned *at_ms,
			   size_t n)
{
	assert_int_equal(b->n_sent, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(b->sent[i].at_ms, at_ms[i]);
}

/* It is there until just before, and then gone. */
static void assert_ends_at(struct bench *b, uint64_t ms)
{
	bench_advance_to(b, ms - TIMER_TICK_MS);
	assert_int_equal(txn_n_open(b->table) + txn_n_lingering(b->table), 1);
	assert_int_equal(b->owner.n_ended, 0);
	bench_advance_to(b, ms);
	assert_int_equal(txn_n_open(b->table) + txn_n_lingering(b->table), 0);
	assert_int_equal(b->owner.n_ended, 1);
}

static void assert_failed_once(const struct bench *b, int err)
{
	assert_int_equal(b->owner.n_failed, 1);
	assert_int_equal(b->owner.err, err);
}

/* RFC 3261 section 17.1.1.2: Timer A starts at T1 and doubles; B gives up at
 * 64*T1. */
static void invite_is_resent_until_timer_b(void **state)
{
	static const unsigned at_ms[] = {0,    500,   1500, 3500,
					 7500, 15500, 31500};
	struct bench *b = *state;

	bench_client_new(b, "INVITE");
	bench_client_start(b, "INVITE", SIP_UDP);
	assert_ends_at(b, 32000);
	assert_sent_at(b, at_ms, ARRAY_LEN(at_ms));
	assert_failed_once(b, VD_ETIMEOUT);
	assert_int_equal(bench_stat(b, STAT_retransmissions), 6);
	assert_int_equal(bench_stat(b, STAT_txn_timeouts), 1);
}

static void timers_b_is_a_setting_and_a_has_no_cap(void **state)
{
	static const unsigned at_ms[] = {0,    500,   1500,  3500,
					 7500, 15500, 31500, 63500};
	struct bench *b = *state;

	b->timers.b = 70000;
	bench_client_new(b, "INVITE");
	bench_client_start(b, "INVITE", SIP_UDP);
	assert_ends_at(b, 70000);
	assert_sent_at(b, at_ms, ARRAY_LEN(at_ms));
	assert_failed_once(b, VD_ETIMEOUT);
}

static void short_timer_b_ends_the_resending(void **state)
{
	static const unsigned at_ms[] = {0, 500, 1500};
	struct bench *b = *state;

	b->timers.b = 2000;
	bench_client_new(b, "INVITE");
	bench_client_start(b, "INVITE", SIP_UDP);
	assert_ends_at(b, 2000);
	assert_sent_at(b, at_ms, ARRAY_LEN(at_ms));
}

/* When both fall on one instant there is no last message that nobody could
 * answer in time. */
static void timer_b_comes_before_timer_a(void **state)
{
	static const unsigned at_ms[] = {0, 500};
	struct bench *b = *state;

	b->timers.b = 1500;
	bench_client_new(b, "INVITE");
	bench_client_start(b, "INVITE", SIP_UDP);
	assert_ends_at(b, 1500);
	assert_sent_at(b, at_ms, ARRAY_LEN(at_ms));
}

static void invite_on_a_stream_is_sent_once(void **state)
{
	static const unsigned at_ms[] = {0};
	struct bench *b = *state;

	bench_client_new(b, "INVITE");
	bench_client_start(b, "INVITE", SIP_TCP);
	assert_ends_at(b, 32000);
	assert_sent_at(b, at_ms, ARRAY_LEN(at_ms));
	assert_failed_once(b, VD_ETIMEOUT);
}

static void provisional_stops_a_and_b(void **state)
{
	static const unsigned at_ms[] = {0, 500, 1500};
	struct bench *b = *state;

	bench_client_new(b, "INVITE");
	bench_client_start(b, "INVITE", SIP_UDP);
	bench_advance_to(b, 1600);
	bench_answer(b, 100, "INVITE", "t");
	bench_advance_to(b, 200000);
	assert_sent_at(b, at_ms, ARRAY_LEN(at_ms));
	assert_int_equal(b->owner.n_failed, 0);
	assert_int_equal(txn_n_open(b->table), 1);
	assert_int_equal(timer_wheel_count(b->wheel), 0);
}

/* 17.1.2.2: Timer E doubles up to T2; F gives up. */
static void request_is_resent_until_timer_f(void **state)
{
	static const unsigned at_ms[] = {0,     500,   1500,  3500,
					 7500,  11500, 15500, 19500,
					 23500, 27500, 31500};
	struct bench *b = *state;

	bench_client_new(b, "BYE");
	bench_client_start(b, "BYE", SIP_UDP);
	assert_ends_at(b, 32000);
	assert_sent_at(b, at_ms, ARRAY_LEN(at_ms));
	assert_failed_once(b, VD_ETIMEOUT);
	assert_int_equal(bench_stat(b, STAT_txn_timeouts), 1);
}

/* The Timer E that runs goes on; from its next firing the interval is T2. */
static void provisional_slows_timer_e(void **state)
{
	static const unsigned at_ms[] = {0,     500,   1500,  5500,  9500,
					 13500, 17500, 21500, 25500, 29500};
	struct bench *b = *state;

	bench_client_new(b, "BYE");
	bench_client_start(b, "BYE", SIP_UDP);
	bench_advance_to(b, 600);
	bench_answer(b, 100, "BYE", "t");
	assert_ends_at(b, 32000);
	assert_sent_at(b, at_ms, ARRAY_LEN(at_ms));
	assert_failed_once(b, VD_ETIMEOUT);
}

static void request_on_a_stream_is_sent_once(void **state)
{
	static const unsigned at_ms[] = {0};
	struct bench *b = *state;

	bench_client_new(b, "BYE");
	bench_client_start(b, "BYE", SIP_TLS);
	bench_advance_to(b, 600);
	bench_answer(b, 100, "BYE", "t");
	assert_ends_at(b, 32000);
	assert_sent_at(b, at_ms, ARRAY_LEN(at_ms));
	assert_failed_once(b, VD_ETIMEOUT);
}

/* 17.2.1: Timer G doubles up to T2; H gives up. */
static void failure_is_resent_until_timer_h(void **state)
{
	static const unsigned at_ms[] = {0,     500,   1500,  3500,
					 7500,  11500, 15500, 19500,
					 23500, 27500, 31500};
	struct bench *b = *state;

	bench_server_new(b, "INVITE", SIP_UDP);
	bench_respond(b, 486);
	assert_ends_at(b, 32000);
	assert_sent_at(b, at_ms, ARRAY_LEN(at_ms));
	assert_failed_once(b, VD_ETIMEOUT);
	assert_int_equal(bench_stat(b, STAT_retransmissions), 10);
	assert_int_equal(bench_stat(b, STAT_txn_timeouts), 0);
}

static void failure_on_a_stream_is_sent_once_and_waits_for_its_ack(void **state)
{
	static const unsigned at_ms[] = {0};
	struct bench *b = *state;

	bench_server_new(b, "INVITE", SIP_TCP);
	bench_respond(b, 486);
	assert_ends_at(b, 32000);
	assert_sent_at(b, at_ms, ARRAY_LEN(at_ms));
	assert_failed_once(b, VD_ETIMEOUT);
}

static void acknowledge(struct bench *b)
{
	server_txn_receive(b->st, bench_request("ACK", "z9hG4bKpeer"));
}

/* Timer I: T4. The ACK stops Timer G. */
static void ack_ends_the_resending_and_timer_i_the_rest(void **state)
{
	static const unsigned at_ms[] = {0, 500};
	struct bench *b = *state;

	bench_server_new(b, "INVITE", SIP_UDP);
	bench_respond(b, 486);
	bench_advance_to(b, 600);
	acknowledge(b);
	assert_ends_at(b, 5600);
	assert_sent_at(b, at_ms, ARRAY_LEN(at_ms));
	assert_int_equal(b->owner.n_failed, 0);
}

static void nothing_lingers_on_a_stream_after_the_ack(void **state)
{
	struct bench *b = *state;

	bench_server_new(b, "INVITE", SIP_TCP);
	bench_respond(b, 486);
	acknowledge(b);
	assert_int_equal(b->owner.n_ended, 0); /* not on our stack */
	bench_turn(b);
	bench_turn(b);
	assert_int_equal(b->owner.n_ended, 1);
	assert_int_equal(txn_n_lingering(b->table), 0);
}

/* Timers that end a state: after a response or answer at 1000 ms. */
struct ending {
	const char *method;
	bool is_client;
	enum sip_transport transport;
	unsigned status;
	uint32_t t1_ms;
	uint64_t lasts_ms; /* 0: it is gone at the end of the turn */
};

/* clang-format off */
static const struct ending endings[] = {
	/* D: at least 32 s, whatever T1 is; none on streams */
	{ "INVITE", true,  SIP_UDP, 486, 500,  32000 },
	{ "INVITE", true,  SIP_UDP, 486, 100,  32000 },
	{ "INVITE", true,  SIP_UDP, 486, 1000, 64000 },
	{ "INVITE", true,  SIP_TCP, 486, 500,  0     },
	/* M */
	{ "INVITE", true,  SIP_UDP, 200, 500,  32000 },
	{ "INVITE", true,  SIP_UDP, 200, 100,  6400  },
	{ "INVITE", true,  SIP_TCP, 200, 500,  32000 },
	/* K: T4 */
	{ "BYE",    true,  SIP_UDP, 200, 500,  5000  },
	{ "BYE",    true,  SIP_UDP, 404, 100,  5000  },
	{ "BYE",    true,  SIP_TCP, 200, 500,  0     },
	{ "BYE",    true,  SIP_WSS, 404, 500,  0     },
	/* H */
	{ "INVITE", false, SIP_UDP, 486, 100,  6400  },
	{ "INVITE", false, SIP_TLS, 486, 100,  6400  },
	/* L */
	{ "INVITE", false, SIP_UDP, 200, 500,  32000 },
	{ "INVITE", false, SIP_UDP, 200, 1000, 64000 },
	{ "INVITE", false, SIP_TCP, 200, 500,  32000 },
	/* J */
	{ "BYE",    false, SIP_UDP, 200, 500,  32000 },
	{ "BYE",    false, SIP_UDP, 404, 1000, 64000 },
	{ "BYE",    false, SIP_TCP, 200, 500,  0     },
};
/* clang-format on */

static void ending_begin(struct bench *b, const struct ending *e)
{
	b->timers.t1 = e->t1_ms;
	b->timers.b = 10000; /* must not matter */
	if (!e->is_client) {
		bench_server_new(b, e->method, e->transport);
		bench_advance_to(b, 1000);
		bench_respond(b, e->status);
		return;
	}
	bench_client_new(b, e->method);
	bench_client_start(b, e->method, e->transport);
	bench_advance_to(b, 1000);
	bench_answer(b, e->status, e->method, "t");
}

static void last_timers_last_as_table_4_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		const struct ending *e = &endings[i];
		void *bench;
		struct bench *b;

		bench_setup(&bench);
		b = bench;
		ending_begin(b, e);
		if (e->lasts_ms != 0) {
			assert_ends_at(b, 1000 + e->lasts_ms);
		} else {
			bench_turn(b);
			bench_turn(b);
			assert_int_equal(b->owner.n_ended, 1);
		}
		bench_teardown(&bench);
	}
}

/* One long turn: timers that are overdue still run in their order. */
static void late_clock_loses_no_timer(void **state)
{
	struct bench *b = *state;

	bench_client_new(b, "INVITE");
	bench_client_start(b, "INVITE", SIP_UDP);
	timer_wheel_advance(b->wheel, BENCH_START_MS + 40000);
	bench_turn(b);
	assert_int_equal(b->n_sent, 7);
	assert_failed_once(b, VD_ETIMEOUT);
	assert_int_equal(b->owner.n_ended, 1);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		TEST(invite_is_resent_until_timer_b),
		TEST(timers_b_is_a_setting_and_a_has_no_cap),
		TEST(short_timer_b_ends_the_resending),
		TEST(timer_b_comes_before_timer_a),
		TEST(invite_on_a_stream_is_sent_once),
		TEST(provisional_stops_a_and_b),
		TEST(request_is_resent_until_timer_f),
		TEST(provisional_slows_timer_e),
		TEST(request_on_a_stream_is_sent_once),
		TEST(failure_is_resent_until_timer_h),
		TEST(failure_on_a_stream_is_sent_once_and_waits_for_its_ack),
		TEST(ack_ends_the_resending_and_timer_i_the_rest),
		TEST(nothing_lingers_on_a_stream_after_the_ack),
		cmocka_unit_test(last_timers_last_as_table_4_says),
		TEST(late_clock_loses_no_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
