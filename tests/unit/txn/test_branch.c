/* Our branches: what they carry, and that nobody else makes them. */
#include "bench.h"

#include <ctype.h>
#include <stdio.h>

static struct str branch_of(const struct bench *b)
{
	return str_from(b->branch);
}

static void branch_is_a_token_with_the_cookie(void **state)
{
	struct bench *b = *state;

	bench_client_new(b, "INVITE");
	assert_int_equal(strlen(b->branch), TXN_BRANCH_LEN);
	assert_memory_equal(b->branch, "z9hG4bK0003", 11);
	for (const char *p = b->branch; *p != '\0'; p++)
		assert_true(isalnum((unsigned char)*p));
}

static void branch_tells_worker_and_loop_value(void **state)
{
	static const uint64_t values[] = {0, 1, 0x0123456789abcdef, UINT64_MAX};
	struct bench *b = *state;
	char text[TXN_BRANCH_MAX];
	unsigned worker;
	uint64_t loop;

	bench_client_new(b, "INVITE");
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct str s = {text,
				client_txn_branch(b->ct, values[i], text)};

		assert_true(txn_branch_worker(s, &worker));
		assert_int_equal(worker, 3);
		assert_true(txn_branch_loop(b->table, s, &loop));
		assert_true(loop == values[i]);
	}
}

static void highest_worker_is_told(void **state)
{
	struct bench *b = *state;
	struct txn_table *t = b->table;
	unsigned worker;

	bench_table(b, UINT16_MAX, bench_secret, &b->table);
	bench_client_new(b, "INVITE");
	assert_true(txn_branch_worker(branch_of(b), &worker));
	assert_int_equal(worker, UINT16_MAX);
	txn_table_free(b->table);
	b->table = t;
}

static void no_two_branches_are_equal(void **state)
{
	struct bench *b = *state;
	char first[TXN_BRANCH_MAX + 1];

	bench_client_new(b, "INVITE");
	memcpy(first, b->branch, sizeof(first));
	client_txn_detach(b->ct);
	bench_turn(b);
	bench_client_new(b, "INVITE");
	assert_string_not_equal(first, b->branch);
}

/* Some peers change the case of parameters. */
static void case_does_not_matter(void **state)
{
	struct bench *b = *state;
	uint64_t loop;

	bench_client_new(b, "INVITE");
	bench_client_start(b, "INVITE", SIP_UDP);
	for (char *p = b->branch; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	assert_true(txn_branch_loop(b->table, branch_of(b), &loop));
	assert_int_equal(loop, 42);
	assert_true(bench_answer(b, 180, "INVITE", "t"));
}

static void any_changed_character_makes_it_foreign(void **state)
{
	static const char others[] = "0f~G\xff";
	struct bench *b = *state;
	char *at = b->branch;
	uint64_t loop;

	bench_client_new(b, "INVITE");
	bench_client_start(b, "INVITE", SIP_UDP);
	for (; *at != '\0'; at++)
		for (const char *c = others; *c != '\0'; c++) {
			char right = *at;

			if (tolower((unsigned char)right) ==
			    tolower((unsigned char)*c))
				continue;
			*at = *c;
			assert_false(
				txn_branch_loop(b->table, branch_of(b), &loop));
			*at = right;
		}
	assert_true(txn_branch_loop(b->table, branch_of(b), &loop));
}

static void any_other_length_makes_it_foreign(void **state)
{
	struct bench *b = *state;
	char longer[TXN_BRANCH_MAX + 2];
	unsigned worker;
	uint64_t loop;

	bench_client_new(b, "INVITE");
	for (size_t len = 0; len < TXN_BRANCH_LEN; len++) {
		struct str s = {b->branch, len};

		assert_false(txn_branch_loop(b->table, s, &loop));
		assert_false(txn_branch_worker(s, &worker));
	}
	snprintf(longer, sizeof(longer), "%s0", b->branch);
	assert_false(txn_branch_loop(b->table, str_from(longer), &loop));
	assert_false(txn_branch_loop(b->table, STR_NONE, &loop));
}

static void branches_of_others_are_not_ours(void **state)
{
	unsigned worker;

	(void)state;
	assert_false(txn_branch_worker(STR("z9hG4bK776asdhds"), &worker));
	assert_false(txn_branch_worker(
		STR("z9hG4bKthisisasixtycharacterslongbranchofsomebodyelseab"),
		&worker));
	assert_false(txn_branch_worker(STR("390skdjuw"), &worker));
}

static void another_secret_makes_another_branch(void **state)
{
	static const uint8_t secret[16] = "another secret!";
	struct bench *b = *state;
	struct txn_table *t;
	uint64_t loop;

	bench_client_new(b, "INVITE");
	bench_table(b, 3, secret, &t);
	assert_false(txn_branch_loop(t, branch_of(b), &loop));
	txn_table_free(t);
}

/* A restart, another worker, another node: same secret, other transactions. */
static void same_secret_reads_the_loop_value_but_finds_nothing(void **state)
{
	static const uint16_t workers[] = {3, 4};
	struct bench *b = *state;
	struct txn_table *t = b->table;
	uint64_t loop;

	bench_client_new(b, "INVITE");
	bench_client_start(b, "INVITE", SIP_UDP);
	for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
		bench_table(b, workers[i], bench_secret, &b->table);
		assert_true(txn_branch_loop(b->table, branch_of(b), &loop));
		assert_int_equal(loop, 42);
		assert_false(bench_answer(b, 200, "INVITE", "t"));
		txn_table_free(b->table);
	}
	b->table = t;
	assert_int_equal(b->owner.n_responses, 0);
}

static void branch_of_an_ended_transaction_finds_nothing(void **state)
{
	struct bench *b = *state;
	char old[TXN_BRANCH_MAX + 1];

	bench_client_new(b, "BYE");
	bench_client_start(b, "BYE", SIP_TCP);
	bench_answer(b, 200, "BYE", "t");
	bench_advance_to(b, 10);
	memcpy(old, b->branch, sizeof(old));
	bench_client_new(b, "BYE"); /* in the same memory */
	bench_client_start(b, "BYE", SIP_TCP);
	memcpy(b->branch, old, sizeof(old));
	assert_false(bench_answer(b, 200, "BYE", "t"));
	assert_int_equal(b->owner.n_responses, 1);
	assert_int_equal(bench_stat(b, STAT_messages_stray), 1);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		TEST(branch_is_a_token_with_the_cookie),
		TEST(branch_tells_worker_and_loop_value),
		TEST(highest_worker_is_told),
		TEST(no_two_branches_are_equal),
		TEST(case_does_not_matter),
		TEST(any_changed_character_makes_it_foreign),
		TEST(any_other_length_makes_it_foreign),
		TEST(branches_of_others_are_not_ours),
		TEST(another_secret_makes_another_branch),
		TEST(same_secret_reads_the_loop_value_but_finds_nothing),
		TEST(branch_of_an_ended_transaction_finds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
