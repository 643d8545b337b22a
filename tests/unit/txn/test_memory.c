/* A whole call with the Nth allocation failing, for every N: no crash, no
 * leak, and who could not be served is told. */
#include "bench.h"

#include "viaduct/util/err.h"

/* What the test itself sends comes from elsewhere. */
struct call {
	struct bench *b;
	struct mem *mem;
	unsigned n_refused;
};

static struct buf *text(struct call *c, const char *s)
{
	struct buf *b = buf_new(c->mem, strlen(s));

	assert_non_null(b);
	memcpy(b->data, s, strlen(s));
	b->len = (uint32_t)strlen(s);
	return b;
}

static void server_side(struct call *c, enum sip_transport transport,
			unsigned status)
{
	struct bench *b = c->b;
	struct hop hop = bench_hop(transport, "192.0.2.1:5060");
	struct sip_msg *req = bench_msg("INVITE sip:b@h SIP/2.0\r\n"
					"Via: SIP/2.0/UDP h\r\n"
					"From: <sip:a@h>;tag=a\r\n"
					"To: <sip:b@h>\r\n"
					"Call-ID: c\r\n"
					"CSeq: 1 INVITE\r\n\r\n");
	struct buf *resp = text(c, "SIP/2.0 486 Busy\r\nTo: <sip:b@h>;tag=b\r\n"
				   "\r\n");

	if (sip_transport_is_stream(transport))
		hop.conn = b->used;
	if (server_txn_new(b->table, bench_key(b, req), &hop, &b->timers,
			   &bench_server_ops, &b->owner, &b->st) == 0) {
		server_txn_respond(b->st, 100, resp);
		server_txn_respond(b->st, status, resp);
		assert_int_equal(b->n_sent, 2);
		bench_forget_sent(b);
	} else {
		c->n_refused++;
	}
	buf_unref(resp);
}

static void client_side(struct call *c, enum sip_transport transport,
			unsigned status)
{
	struct bench *b = c->b;
	struct hop hop = bench_hop(transport, "192.0.2.9:5062");
	struct buf *sent;

	if (client_txn_new(b->table, SIP_INVITE, &b->timers, &bench_client_ops,
			   &b->owner, &b->ct) != 0) {
		c->n_refused++;
		return;
	}
	b->branch[client_txn_branch(b->ct, 42, b->branch)] = '\0';
	sent = text(c, "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n"
		       "From: <sip:a@h>;tag=a\r\nTo: <sip:b@h>\r\n"
		       "Call-ID: c\r\nCSeq: 1 INVITE\r\n\r\n");
	client_txn_start(b->ct, &hop, sent);
	buf_unref(sent);
	bench_answer(b, 180, "INVITE", "t");
	client_txn_cancel(b->ct, STR_NONE);
	bench_answer(b, status, "INVITE", "t");
	assert_int_equal(b->owner.n_responses, 2);
	assert_int_equal(b->owner.last_status, status);
	bench_forget_sent(b);
	bench_turn(b);
}

static void run_call(struct call *c)
{
	static const struct {
		enum sip_transport transport;
		unsigned status;
	} ways[] = {{SIP_UDP, 200}, {SIP_UDP, 486}, {SIP_TCP, 486}};

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		server_side(c, ways[i].transport, ways[i].status);
		client_side(c, ways[i].transport, ways[i].status);
		c->b->owner.n_responses = 0;
	}
	bench_advance_to(c->b, 40000);
	assert_int_equal(txn_n_open(c->b->table), 0);
	assert_int_equal(txn_n_lingering(c->b->table), 0);
}

/* Returns how many allocations were refused. */
static uint64_t call_with_nth_failing(struct mem *mem, uint64_t n)
{
	struct mem_usage usage;
	struct call c = {.mem = mem};
	void *bench;

	bench_setup(&bench);
	c.b = bench;
	mem_fail_nth(c.b->mem, n);
	run_call(&c);
	mem_usage(c.b->mem, &usage);
	assert_true(c.n_refused <= usage.n_refused);
	bench_teardown(&bench);
	return usage.n_refused;
}

static void call_survives_every_failing_allocation(void **state)
{
	struct mem *mem;
	uint64_t n = 1;

	(void)state;
	assert_int_equal(mem_new(0, &mem), 0);
	while (call_with_nth_failing(mem, n) > 0)
		n++;
	assert_in_range(n, 15, 100); /* it did fail many times */
	mem_free_all(mem);
}

static void table_without_memory_is_refused(void **state)
{
	struct bench *b = *state;
	struct txn_table *t = NULL;
	struct txn_env env;

	bench_env(b, &env);
	mem_fail_nth(b->mem, 1);
	assert_int_equal(txn_table_new(&env, bench_secret, &t), VD_ENOMEM);
	assert_null(t);
	mem_fail_nth(b->mem, 0);
}

/* The ceiling refuses the new and leaves what is there alone. */
static void ceiling_refuses_new_transactions_only(void **state)
{
	struct bench *b = *state;
	struct client_txn *ct;
	unsigned n = 0;

	bench_client_new(b, "INVITE");
	bench_client_start(b, "INVITE", SIP_UDP);
	mem_set_ceiling(b->mem, 1);
	while (client_txn_new(b->table, SIP_INVITE, &b->timers, NULL, NULL,
			      &ct) == 0)
		n++;
	assert_in_range(n, 1, 1000); /* the slab that was there */
	assert_true(bench_answer(b, 200, "INVITE", "t"));
	assert_int_equal(b->owner.n_responses, 1);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(call_survives_every_failing_allocation),
		TEST(table_without_memory_is_refused),
		TEST(ceiling_refuses_new_transactions_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
