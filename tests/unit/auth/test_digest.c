/* Hashes, credentials, nonces, their counts, and who fails. */
#define NET "127.85.30."
#include "auth_test.h"

const char *const bench_net = NET;

static const char *joined(enum auth_algorithm a, const struct str *v, size_t n)
{
	static char out[DIGEST_HEX_MAX + 1];
	struct digester d;

	assert_int_equal(digester_init(&d), 0);
	for (int i = 0; i < 2; i++) /* a context serves again and again */
		assert_int_equal(digest_hex(&d, a, v, n, out), 0);
	digester_fini(&d);
	out[digest_hex_len(a)] = '\0';
	return out;
}

/* RFC 7616 section 3.9.1. */
static void rfc7616_responses_come_out(void **state)
{
	static const char *const want[] = {
		"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6"
		"c1",
		"8ca523f5e9506fed4657c9700eebdbec"};

	(void)state;
	for (enum auth_algorithm a = 0; a < AUTH_ALGORITHM_COUNT; a++) {
		char ha1[DIGEST_HEX_MAX + 1], ha2[DIGEST_HEX_MAX + 1];
		const struct str a1[] = {STR("Mufasa"),
					 STR("http-auth@example.org"),
					 STR("Circle of Life")};
		const struct str a2[] = {STR("GET"), STR("/dir/index.html")};

		strcpy(ha1, joined(a, a1, 3));
		strcpy(ha2, joined(a, a2, 2));
		const struct str all[] = {
			str_from(ha1),
			STR("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"),
			STR("00000001"),
			STR("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"),
			STR("auth"),
			str_from(ha2)};
		assert_string_equal(joined(a, all, 6), want[a]);
	}
}

static void long_pieces_are_hashed_like_short_ones(void **state)
{
	char text[1024], want[DIGEST_HEX_MAX + 1];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t at = 200; at < 300; at++) {
		text[at] = text[at + 260] = ':';
		const struct str whole = {text, sizeof(text)};
		const struct str pieces[] = {{text, at},
					     {text + at + 1, 259},
					     {text + at + 261, 763 - at}};

		strcpy(want, joined(AUTH_MD5, &whole, 1));
		assert_string_equal(joined(AUTH_MD5, pieces, 3), want);
		text[at] = text[at + 260] = 'x';
	}
}

static void what_is_repeated_is_hashed_like_what_is_not(void **state)
{
	static const char *const uris[] = {"sip:a", "sip:a", "sip:b", "sip:a",
					   "",      "",      "sip:a"};
	char text[REPEATED_MAX + 2], out[DIGEST_HEX_MAX + 1];
	struct digester d;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(digester_init(&d), 0);
	for (size_t i = 0; i < 2 * ARRAY_LEN(uris) + sizeof(text); i++) {
		enum auth_algorithm a = i % AUTH_ALGORITHM_COUNT;
		size_t k = i / AUTH_ALGORITHM_COUNT;
		const struct str a2[] = {
			STR("REGISTER"),
			k < ARRAY_LEN(uris)
				? str_from(uris[k])
				: (struct str){text, i - 2 * ARRAY_LEN(uris)}};

		assert_int_equal(digest_hex_repeated(&d, a, a2, 2, out), 0);
		out[digest_hex_len(a)] = '\0';
		assert_string_equal(out, joined(a, a2, 2));
	}
	digester_fini(&d);
}

/* RFC 2617 section 3.5. */
static void rfc2617_response_comes_out(void **state)
{
	const struct str a1[] = {STR("Mufasa"), STR("testrealm@host.com"),
				 STR("Circle Of Life")};

	(void)state;
	assert_string_equal(joined(AUTH_MD5, a1, 3),
			    "939e7578ed9e3c518a452acee763bce9");
	const struct str all[] = {STR("939e7578ed9e3c518a452acee763bce9"),
				  STR("dcd98b7102dd2f0e8b11d0f600bfb0c093"),
				  STR("00000001"),
				  STR("0a4f113b"),
				  STR("auth"),
				  STR("39aff3a2bab6126f332b942af96d3366")};
	assert_string_equal(joined(AUTH_MD5, all, 6),
			    "6629fae49393a05397450978507c4ef1");
}

static void credentials_are_read_quoted_or_not(void **state)
{
	struct credentials c;
	uint32_t nc;

	(void)state;
	assert_true(credentials_parse(
		STR("digest username=\"bob, \\\"b\", realm=\"a b\",,\r\n "
		    "nonce=\"n\", uri=\"sip:a;b=c@d\", response=\"r\" , "
		    "algorithm=\"MD5\", opaque=\"\", qop=auth, nc=0000000A, "
		    "cnonce=\"c\""),
		&c));
	assert_false(c.is_bad);
	assert_str(c.username, "bob, \\\"b");
	assert_str(c.realm, "a b");
	assert_str(c.uri, "sip:a;b=c@d");
	assert_str(c.algorithm, "MD5");
	assert_true(credentials_are_whole(&c, &nc));
	assert_int_equal(nc, 10);
	assert_false(credentials_parse(STR("Basic dTpw"), &c));
	assert_false(credentials_parse(STR("Digest"), &c));
	assert_false(credentials_parse(STR("Digestive a=b"), &c));
}

static void the_realm_is_known_of_what_is_bad(void **state)
{
	static const char *const bad[] = {
		"Digest username=\"b\", username=\"b\", realm=\"a\"",
		"Digest username=, realm=\"a\"",
		"Digest =x, realm=\"a\"",
		"Digest a=b;c=d, realm=\"a\"",
	};
	struct credentials c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_true(credentials_parse(str_from(bad[i]), &c));
		assert_true(c.is_bad);
		assert_str(c.realm, "a");
	}
}

static void nonce_count_is_eight_digits_above_zero(void **state)
{
	static const char *const bad[] = {"1",         "00000000", "0000000g",
					  "000000001", "",         "0x000001"};
	struct credentials c;
	uint32_t nc;

	(void)state;
	assert_true(credentials_parse(
		STR("Digest username=u, nonce=n, uri=\"x\", response=r, "
		    "qop=auth, cnonce=c, nc=ffffffff"),
		&c));
	assert_true(credentials_are_whole(&c, &nc));
	assert_int_equal(nc, 0xffffffff);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		c.nc = str_from(bad[i]);
		assert_false(credentials_are_whole(&c, &nc));
	}
}

/* Nonces ------------------------------------------------------------------- */

static int auth_only_setup(void **state)
{
	return auth_new(auth_secret, (struct auth **)state);
}

static int auth_only_teardown(void **state)
{
	auth_free(*state);
	return 0;
}

static void nonce_is_good_for_its_realm_time_and_process(void **state)
{
	struct auth *a = *state, *other;
	char text[NONCE_LEN], next[NONCE_LEN];
	struct str s = {text, NONCE_LEN};
	struct nonce n;

	nonce_make(a, STR("r"), 7, 1000, text);
	nonce_make(a, STR("r"), 7, 1000, next);
	assert_memory_not_equal(text, next, NONCE_LEN);
	assert_true(nonce_read(a, s, STR("r"), 1500, 500, &n));
	assert_int_equal(n.holder, 7);
	assert_int_equal(n.made_ms, 1000);
	assert_true(nonce_read(a, s, STR("r"), 999, 500, &n));
	assert_false(nonce_read(a, s, STR("r"), 1501, 500, &n));
	assert_false(nonce_read(a, s, STR("q"), 1500, 500, &n));
	s.len--;
	assert_false(nonce_read(a, s, STR("r"), 1500, 500, &n));
	s.len++;
	assert_int_equal(auth_new(auth_secret, &other), 0);
	assert_false(nonce_read(other, s, STR("r"), 1500, 500, &n));
	auth_free(other);
	for (size_t i = 0; i < NONCE_LEN; i++) {
		text[i] ^= 1;
		assert_false(nonce_read(a, s, STR("r"), 1500, 500, &n));
		text[i] ^= 1;
	}
	nonce_make(a, STR("r"), 7, 60000, text);
	assert_false(nonce_read(a, s, STR("r"), 1000, 500, &n));
}

/* Counts ------------------------------------------------------------------- */

static void each_count_is_taken_once_in_a_window(void **state)
{
	static const struct {
		uint32_t nc;
		bool is_taken;
	} steps[] = {
		{1, true},          {1, false},          {3, true},
		{2, true},          {2, false},          {40, true},
		{9, true},          {9, false},          {8, false},
		{39, true},         {39, false},         {500, true},
		{469, true},        {468, false},        {40, false},
		{UINT32_MAX, true}, {UINT32_MAX, false},
	};
	const struct nonce n = {.made_ms = 5, .id = 77};
	struct counts *c;

	(void)state;
	assert_int_equal(counts_new(&c), 0);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (counts_take(c, &n, steps[i].nc) != steps[i].is_taken)
			fail_msg("step %zu", i);
	counts_free(c);
}

/* What is forgotten is never accepted again, and what is new always is. */
static void full_table_forgets_the_oldest_for_good(void **state)
{
	enum { N = 2 * COUNTS_MAX };
	struct nonce n;
	struct counts *c;
	size_t n_replayed = 0;

	(void)state;
	assert_int_equal(counts_new(&c), 0);
	for (uint64_t i = 0; i < N; i++) {
		n = (struct nonce){.made_ms = 1000 + i, .id = i};
		assert_true(counts_take(c, &n, 1));
	}
	for (uint64_t i = 0; i < N; i++) {
		n = (struct nonce){.made_ms = 1000 + i, .id = i};
		n_replayed += counts_take(c, &n, 1);
	}
	assert_int_equal(n_replayed, 0);
	n = (struct nonce){.made_ms = 1000 + N - 1, .id = N - 1};
	assert_true(counts_take(c, &n, 2)); /* still there */
	n = (struct nonce){.made_ms = 1000, .id = 0};
	assert_false(counts_take(c, &n, 2)); /* forgotten */
	counts_free(c);
}

static void *take_all(void *arg)
{
	uintptr_t n_taken = 0;

	for (uint64_t i = 0; i < 20000; i++) {
		const struct nonce n = {.made_ms = 1, .id = i / 4};

		n_taken += counts_take(arg, &n, 1 + i % 4);
	}
	return (void *)n_taken;
}

static void two_threads_take_each_count_once(void **state)
{
	struct counts *c;
	pthread_t threads[2];
	uintptr_t n_taken = 0;
	void *n;

	(void)state;
	assert_int_equal(counts_new(&c), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_all, c),
				 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &n);
		n_taken += (uintptr_t)n;
	}
	assert_int_equal(n_taken, 20000);
	counts_free(c);
}

/* Failures ----------------------------------------------------------------- */

static const struct auth_conf limits = {
	.failures = 3, .within = 1000, .ban = 5000};

static void ban_begins_at_the_count_and_ends(void **state)
{
	struct failures *f;

	(void)state;
	assert_int_equal(failures_new(&f), 0);
	assert_false(failures_is_banned(f, 1, 100));
	assert_false(failures_add(f, 1, &limits, 100));
	assert_false(failures_add(f, 1, &limits, 200));
	assert_false(failures_is_banned(f, 1, 200));
	assert_true(failures_add(f, 1, &limits, 1100));
	assert_true(failures_is_banned(f, 1, 6099));
	assert_false(failures_is_banned(f, 2, 1100));
	assert_false(failures_is_banned(f, 1, 6100));
	failures_free(f);
}

static void slow_failures_and_successes_do_not_ban(void **state)
{
	struct failures *f;

	(void)state;
	assert_int_equal(failures_new(&f), 0);
	for (uint64_t i = 1; i < 20; i++)
		assert_false(failures_add(f, 1, &limits, i * 600));
	for (uint64_t i = 1; i < 20; i++) {
		assert_false(failures_add(f, 2, &limits, 100));
		failures_clear(f, 2);
	}
	failures_free(f);
}

static void table_of_failures_is_bounded_and_works_when_full(void **state)
{
	struct failures *f;

	(void)state;
	assert_int_equal(failures_new(&f), 0);
	for (uint64_t i = 0; i < 4 * FAILURES_MAX; i++)
		failures_add(f, i, &limits, 100 + i);
	for (int i = 0; i < 3; i++)
		failures_add(f, 5 * FAILURES_MAX, &limits, 50000);
	assert_true(failures_is_banned(f, 5 * FAILURES_MAX, 50001));
	failures_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc7616_responses_come_out),
		cmocka_unit_test(long_pieces_are_hashed_like_short_ones),
		cmocka_unit_test(what_is_repeated_is_hashed_like_what_is_not),
		cmocka_unit_test(rfc2617_response_comes_out),
		cmocka_unit_test(credentials_are_read_quoted_or_not),
		cmocka_unit_test(the_realm_is_known_of_what_is_bad),
		cmocka_unit_test(nonce_count_is_eight_digits_above_zero),
		cmocka_unit_test_setup_teardown(
			nonce_is_good_for_its_realm_time_and_process,
			auth_only_setup, auth_only_teardown),
		cmocka_unit_test(each_count_is_taken_once_in_a_window),
		cmocka_unit_test(full_table_forgets_the_oldest_for_good),
		cmocka_unit_test(two_threads_take_each_count_once),
		cmocka_unit_test(ban_begins_at_the_count_and_ends),
		cmocka_unit_test(slow_failures_and_successes_do_not_ban),
		cmocka_unit_test(
			table_of_failures_is_bounded_and_works_when_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
