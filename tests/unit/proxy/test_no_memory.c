/* One allocation fails, whichever it is: nothing crashes, nothing leaks, and
 * the next request is served. */
#define NET "127.85.10."
#include "bench.h"
#include "util/fail_alloc.h"

const char *const bench_net = NET;

static const struct plan leaves[] = {LEAF("sip:bob@" NET "2"),
				     LEAF("sip:bob@" NET "3")};
static const struct plan parallel = FORK(PLAN_PARALLEL, leaves);
static const struct plan one = LEAF("sip:bob@" NET "2");

/* Two ways to run out: the worker's pool, and malloc(). */
struct shortage {
	void (*begin)(struct bench *b, unsigned n);
	bool (*end)(struct bench *b); /* true: the n-th was reached */
};

static uint64_t refused_before;

static uint64_t n_refused(struct bench *b)
{
	struct mem_usage usage;

	mem_usage(b->mem, &usage);
	return usage.n_refused;
}

static void pool_begin(struct bench *b, unsigned n)
{
	refused_before = n_refused(b);
	mem_fail_nth(b->mem, n);
}

static bool pool_end(struct bench *b)
{
	mem_fail_nth(b->mem, 0);
	return n_refused(b) > refused_before;
}

static void heap_begin(struct bench *b, unsigned n)
{
	(void)b;
	fail_countdown = n;
}

static bool heap_end(struct bench *b)
{
	bool was_reached = fail_countdown == 0;

	(void)b;
	fail_countdown = 0;
	return was_reached;
}

static const struct shortage shortages[] = {
	{pool_begin, pool_end},
	{heap_begin, heap_end},
};

/* Scenarios ---------------------------------------------------------------- */

/* Whatever comes is taken; the last request stays in p->request. */
static void drink(struct peer *p)
{
	bench_settle(p->bench);
	while (peer_poll(p))
		continue;
}

static void drink_all(struct bench *b)
{
	drink(b->caller);
	drink(b->peers[2]);
	drink(b->peers[3]);
}

static void answer_if_asked(struct peer *p, unsigned status)
{
	drink(p);
	if (p->request[0] != '\0')
		peer_answer(p, status, "WWW-Authenticate: Digest a=b\r\n");
}

static void send_request(struct bench *b, const char *method, unsigned n)
{
	peer_send(b->caller,
		  bench_request(method, "sip:bob@biloxi.test",
				bench_format("%u", n).p,
				"Max-Forwards: 70\r\n"
				"Proxy-Require:\r\n"
				"Route: <sip:" NET "1;lr;dlg=x>\r\n"));
}

static void forwarded_and_answered(struct bench *b, unsigned n)
{
	send_request(b, "INVITE", n);
	answer_if_asked(b->peers[2], 180);
	answer_if_asked(b->peers[3], 200);
	answer_if_asked(b->peers[2], 200);
	answer_if_asked(b->peers[2], 200); /* and again: RFC 6026 */
}

static void forwarded_and_refused(struct bench *b, unsigned n)
{
	send_request(b, "INVITE", n);
	answer_if_asked(b->peers[2], 401);
	answer_if_asked(b->peers[3], 401);
}

static void cancelled(struct bench *b, unsigned n)
{
	send_request(b, "INVITE", n);
	answer_if_asked(b->peers[2], 180);
	send_request(b, "CANCEL", n);
	drink_all(b);
	answer_if_asked(b->peers[2], 487);
	answer_if_asked(b->peers[3], 487);
}

static void acknowledged(struct bench *b, unsigned n)
{
	send_request(b, "ACK", n);
}

static void refused_at_once(struct bench *b, unsigned n)
{
	peer_send(b->caller, bench_request("OPTIONS", "sip:bob@biloxi.test",
					   bench_format("%u", n).p,
					   "Max-Forwards: 0\r\n"));
	peer_send(b->caller, bench_request("OPTIONS", "sip:bob@biloxi.test",
					   bench_format("%u", n).p,
					   "Proxy-Require: a, b\r\n"));
	peer_send(b->caller, "OPTIONS sip:x SIP/2.0\r\nVia: x\r\n\r\n");
}

/* The name is looked for: a search waits, then it is cancelled. */
static void cancelled_during_the_search(struct bench *b, unsigned n)
{
	static const struct plan unknown = LEAF("sip:bob@nowhere.test");

	b->plan = &unknown;
	send_request(b, "INVITE", n);
	drink_all(b);
	send_request(b, "CANCEL", n);
	drink_all(b);
	b->plan = &parallel;
}

/* A reload keeps the old snapshot or takes the new one, never half of it. */
static void reloaded(struct bench *b, unsigned n)
{
	struct bench_conf next;
	unsigned countdown;
	bool is_taken;

	(void)n;
	bench_conf_init(b, &next);
	next.snapshot.proxy.limits.headers = b->proxy->n_hdrs + 10;
	proxy_set_conf(b->proxy, &next.snapshot);
	is_taken = b->proxy->use->snapshot == &next.snapshot;
	assert_true(is_taken || b->proxy->use->snapshot == &b->conf.snapshot);
	snapshot_unref(&next.snapshot);
	assert_int_equal(next.n_freed, !is_taken);
	if (!is_taken)
		return;
	countdown = fail_countdown;
	fail_countdown = 0;
	mem_fail_nth(b->mem, 0);
	proxy_set_conf(b->proxy, &b->conf.snapshot);
	assert_int_equal(next.n_freed, 1);
	fail_countdown = countdown;
}

/* -------------------------------------------------------------------------- */

static size_t n_used(struct bench *b)
{
	struct mem_usage usage;

	mem_usage(b->mem, &usage);
	return usage.used;
}

static void expect_service(struct bench *b, unsigned n)
{
	struct peer *two = b->peers[2];

	b->plan = &one;
	drink_all(b);
	send_request(b, "MESSAGE", n);
	peer_expect(two, "MESSAGE ");
	peer_answer(two, 200, "");
	peer_expect_status(b->caller, 200);
	b->plan = &parallel;
}

static void forget(struct bench *b)
{
	bench_pass(b, 2 * BENCH_C_MS);
	drink_all(b);
	assert_int_equal(proxy_n_open(b->proxy), 0);
	assert_int_equal(txn_n_open(b->proxy->txns), 0);
	assert_int_equal(txn_n_lingering(b->proxy->txns), 0);
	for (unsigned i = 2; i < 4; i++)
		b->peers[i]->request[0] = '\0';
}

static void survives(struct bench *b,
		     void (*scenario)(struct bench *, unsigned),
		     unsigned at_least)
{
	unsigned branch = 0;

	peer_open(b, NET "2");
	peer_open(b, NET "3");
	b->plan = &parallel;
	for (size_t i = 0; i < ARRAY_LEN(shortages); i++) {
		unsigned n = 0;
		size_t used;

		scenario(b, ++branch); /* caches are warm from here on */
		expect_service(b, ++branch);
		forget(b);
		used = n_used(b);
		do {
			shortages[i].begin(b, ++n);
			scenario(b, ++branch);
			drink_all(b);
			if (!shortages[i].end(b))
				break;
			expect_service(b, ++branch);
			forget(b);
			assert_int_equal(n_used(b), used);
		} while (n < 1000);
		assert_in_range(n, i == 0 ? at_least : 1, 999);
	}
}

#define SURVIVES(scenario, at_least)                                           \
	static void scenario##_without_memory(void **state)                    \
	{                                                                      \
		survives(*state, scenario, at_least);                          \
	}

SURVIVES(forwarded_and_answered, 10)
SURVIVES(forwarded_and_refused, 10)
SURVIVES(cancelled, 10)
SURVIVES(cancelled_during_the_search, 5)
SURVIVES(acknowledged, 2)
SURVIVES(refused_at_once, 3)
SURVIVES(reloaded, 1)

/* A proxy that cannot be made leaves nothing behind. */
static void a_proxy_is_made_whole_or_not_at_all(void **state)
{
	struct bench *b = *state;
	size_t used = n_used(b);

	for (size_t i = 0; i < ARRAY_LEN(shortages); i++) {
		unsigned n = 0;
		struct proxy *p = NULL;
		int err;

		do {
			shortages[i].begin(b, ++n);
			err = proxy_new(&b->env, &b->conf.snapshot, &p);
			if (shortages[i].end(b)) {
				assert_int_equal(err, VD_ENOMEM);
				bench_settle(b);
				assert_int_equal(n_used(b), used);
			}
		} while (err != 0 && n < 100);
		assert_int_equal(err, 0);
		assert_in_range(n, 2, 100);
		proxy_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(forwarded_and_answered_without_memory),
		BENCH_TEST(forwarded_and_refused_without_memory),
		BENCH_TEST(cancelled_without_memory),
		BENCH_TEST(cancelled_during_the_search_without_memory),
		BENCH_TEST(acknowledged_without_memory),
		BENCH_TEST(refused_at_once_without_memory),
		BENCH_TEST(reloaded_without_memory),
		BENCH_TEST(a_proxy_is_made_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
