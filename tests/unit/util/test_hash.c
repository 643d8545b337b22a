#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "viaduct/util/hash.h"

/* SipHash-c-d as the paper writes it, byte by byte. */
static uint64_t rotate(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static void textbook_rounds(uint64_t v[4], int n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13);
		v[3] = rotate(v[3], 16);
		v[1] ^= v[0];
		v[3] ^= v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17);
		v[3] = rotate(v[3], 21);
		v[1] ^= v[2];
		v[3] ^= v[0];
		v[2] = rotate(v[2], 32);
	}
}

static uint64_t textbook(int c, int d, const struct hash_key *key,
			 const uint8_t *p, size_t len)
{
	uint64_t v[4] = {
		key->k0 ^ 0x736f6d6570736575, key->k1 ^ 0x646f72616e646f6d,
		key->k0 ^ 0x6c7967656e657261, key->k1 ^ 0x7465646279746573};

	for (size_t word = 0; word <= len / 8; word++) {
		uint64_t m = 0;

		for (size_t i = 0; i < 8; i++) {
			if (word * 8 + i < len)
				m |= (uint64_t)p[word * 8 + i] << (8 * i);
		}
		if (word == len / 8)
			m |= (uint64_t)len << 56;
		v[3] ^= m;
		textbook_rounds(v, c);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	textbook_rounds(v, d);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static const struct hash_key paper_key = {0x0706050403020100,
					  0x0f0e0d0c0b0a0908};

/* The vector in the paper's appendix A, for SipHash-2-4. */
static void the_textbook_agrees_with_the_paper(void **state)
{
	uint8_t in[15];

	(void)state;
	for (uint8_t i = 0; i < sizeof(in); i++)
		in[i] = i;
	assert_true(textbook(2, 4, &paper_key, in, sizeof(in)) ==
		    0xa129ca6149be45e5);
}

static void hashes_are_siphash_1_3_for_every_length(void **state)
{
	uint8_t in[300];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7);
	for (size_t len = 0; len <= sizeof(in); len++)
		assert_true(hash_bytes(&paper_key, in, len) ==
			    textbook(1, 3, &paper_key, in, len));
}

static void where_the_bytes_lie_does_not_matter(void **state)
{
	char room[64];
	uint64_t want = hash_bytes(&paper_key, "a84b4c76e66710", 14);

	(void)state;
	for (size_t at = 0; at < 16; at++) {
		memcpy(room + at, "a84b4c76e66710", 14);
		assert_true(hash_bytes(&paper_key, room + at, 14) == want);
	}
}

static uint64_t hash_of(const struct str *pieces, size_t n)
{
	struct hash_state h;

	hash_start(&h, &paper_key);
	for (size_t i = 0; i < n; i++)
		hash_add(&h, pieces[i]);
	return hash_end(&h);
}

static void pieces_do_not_run_into_each_other(void **state)
{
	const struct str splits[][3] = {
		{STR("ab"), STR("c"), STR("")},
		{STR("a"), STR("bc"), STR("")},
		{STR(""), STR("abc"), STR("")},
		{STR("abc"), STR(""), STR("")},
		{STR(""), STR(""), STR("abc")},
		{STR("abc\0"), STR(""), STR("")},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(splits); i++) {
		for (size_t k = 0; k < i; k++)
			assert_true(hash_of(splits[i], 3) !=
				    hash_of(splits[k], 3));
	}
	assert_true(hash_of(splits[3], 1) != hash_of(splits[3], 2));
	assert_true(hash_of(splits[3], 3) == hash_of(splits[3], 3));
}

static void the_process_has_one_random_key(void **state)
{
	struct hash_key zero = {0, 0};

	(void)state;
	assert_ptr_equal(hash_process_key(), hash_process_key());
	assert_memory_not_equal(hash_process_key(), &zero, sizeof(zero));
}

enum {
	N_CALLS = 64,
	N_BUCKETS = 256,
};

/* In which bucket each of some Call-IDs lies. */
static void buckets_of_calls(uint8_t out[N_CALLS])
{
	for (unsigned i = 0; i < N_CALLS; i++) {
		char id[32];
		int len = snprintf(id, sizeof(id), "%u@atlanta.com", i);

		out[i] = (uint8_t)(hash_bytes(hash_process_key(), id,
					      (size_t)len) %
				   N_BUCKETS);
	}
}

/* The same in a process that has just begun. */
static void buckets_after_a_start(uint8_t out[N_CALLS])
{
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		buckets_of_calls(out);
		_exit(write(ends[1], out, N_CALLS) != N_CALLS);
	}
	assert_int_equal(read(ends[0], out, N_CALLS), N_CALLS);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(ends[0]);
	close(ends[1]);
}

/* Who finds Call-IDs that collide in one process has learned nothing about the
 * next; by chance one of 256 stays where it was. It runs before all other
 * tests: the children must not inherit a key. */
static void another_start_has_other_buckets(void **state)
{
	uint8_t one[N_CALLS], other[N_CALLS];
	unsigned n_same = 0;

	(void)state;
	buckets_after_a_start(one);
	buckets_after_a_start(other);
	for (unsigned i = 0; i < N_CALLS; i++)
		n_same += one[i] == other[i];
	assert_in_range(n_same, 0, N_CALLS / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_start_has_other_buckets),
		cmocka_unit_test(the_textbook_agrees_with_the_paper),
		cmocka_unit_test(hashes_are_siphash_1_3_for_every_length),
		cmocka_unit_test(where_the_bytes_lie_does_not_matter),
		cmocka_unit_test(pieces_do_not_run_into_each_other),
		cmocka_unit_test(the_process_has_one_random_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
