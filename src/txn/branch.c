/*
 * Our Via branches: the cookie and 48 hexadecimal digits, three numbers of 64
 * bits: worker (16) and sequence number of the transaction (48); the
 * loop-detection value; a tag over both. Sequence numbers are not used twice,
 * so a branch that is out of date names nothing. The worker's number comes
 * first: whoever steers messages finds it at a fixed place.
 *
 * Some peers change the case of parameters: every digit means the same in both.
 */
#include <endian.h>

#include "txn/txn_priv.h"

enum {
	COOKIE_LEN = 7,
	WORD_DIGITS = 16,
};

_Static_assert(COOKIE_LEN + 3 * WORD_DIGITS == TXN_BRANCH_LEN, "three words");
_Static_assert((int)TXN_BRANCH_LEN <= (int)TXN_BRANCH_MAX, "room for it");

static const char cookie[] = "z9hG4bK";

#define BYTES(b) (UINT64_C(0x0101010101010101) * (b))

/* Eight hexadecimal digits as the bytes of one number, the first one highest.
 */
static uint64_t hex_spread(uint32_t v)
{
	uint64_t x = v;
	uint64_t is_letter;

	x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
	x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
	x = (x | x << 4) & BYTES(0x0f);
	is_letter = (x + BYTES(6)) >> 4 & BYTES(1);
	return x + BYTES('0') + is_letter * ('a' - '0' - 10);
}

static uint32_t hex_gather(uint64_t digits)
{
	uint64_t x = (digits & BYTES(0x0f)) + (digits >> 6 & BYTES(1)) * 9;

	x &= BYTES(0x0f);
	x = (x | x >> 4) & UINT64_C(0x00ff00ff00ff00ff);
	x = (x | x >> 8) & UINT64_C(0x0000ffff0000ffff);
	return (uint32_t)(x | x >> 16);
}

/* Eight characters as one number, the first one highest. */
static uint64_t chars_load(const char *p)
{
	uint64_t chars;

	memcpy(&chars, p, sizeof(chars));
	return be64toh(chars);
}

static char *chars_store(uint64_t chars, char *out)
{
	chars = htobe64(chars);
	memcpy(out, &chars, sizeof(chars));
	return out + sizeof(chars);
}

static char *word_print(uint64_t v, char *out)
{
	out = chars_store(hex_spread((uint32_t)(v >> 32)), out);
	return chars_store(hex_spread((uint32_t)v), out);
}

/* Takes anything for digits: word_is() tells whether they were. */
static uint64_t word_read(const char *p)
{
	return (uint64_t)hex_gather(chars_load(p)) << 32 |
	       hex_gather(chars_load(p + WORD_DIGITS / 2));
}

/* Is v what stands there, in either case? */
static bool word_is(const char *p, uint64_t v)
{
	uint64_t high = chars_load(p) | BYTES(0x20);
	uint64_t low = chars_load(p + WORD_DIGITS / 2) | BYTES(0x20);

	return high == hex_spread((uint32_t)(v >> 32)) &&
	       low == hex_spread((uint32_t)v);
}

static uint64_t branch_tag(const struct txn_table *t, uint64_t id,
			   uint64_t loop_hash)
{
	uint64_t words[2] = {htobe64(id), htobe64(loop_hash)};

	return hash_bytes(&t->branch_key, words, sizeof(words));
}

/* The first seven of eight characters, in lower case. */
static uint64_t cookie_of(const char *p)
{
	return (chars_load(p) | BYTES(0x20)) >> 8;
}

bool branch_has_cookie(struct str branch)
{
	return branch.len > COOKIE_LEN &&
	       cookie_of(branch.p) == cookie_of(cookie);
}

bool branch_read(const struct txn_table *t, struct str branch, uint64_t *id,
		 uint64_t *loop_hash)
{
	const char *p;

	if (branch.len != TXN_BRANCH_LEN || !branch_has_cookie(branch))
		return false;
	p = branch.p + COOKIE_LEN;
	*id = word_read(p);
	*loop_hash = word_read(p + WORD_DIGITS);
	return word_is(p, *id) && word_is(p + WORD_DIGITS, *loop_hash) &&
	       word_is(p + 2 * WORD_DIGITS, branch_tag(t, *id, *loop_hash));
}

size_t client_txn_branch(const struct client_txn *ct, uint64_t loop_hash,
			 char *out)
{
	const struct txn *t = &ct->txn;
	char *p = out;

	memcpy(p, cookie, COOKIE_LEN);
	p = word_print(t->id, p + COOKIE_LEN);
	p = word_print(loop_hash, p);
	p = word_print(branch_tag(t->table, t->id, loop_hash), p);
	return (size_t)(p - out);
}

bool txn_branch_worker(struct str branch, unsigned *worker)
{
	const char *p;
	uint64_t id;

	if (branch.len != TXN_BRANCH_LEN || !branch_has_cookie(branch))
		return false;
	p = branch.p + COOKIE_LEN;
	id = word_read(p);
	if (!word_is(p, id))
		return false;
	*worker = (unsigned)(id >> TXN_SEQ_BITS);
	return true;
}

bool txn_branch_loop(const struct txn_table *t, struct str branch,
		     uint64_t *loop_hash)
{
	uint64_t id, loop;

	if (!branch_read(t, branch, &id, &loop))
		return false;
	*loop_hash = loop;
	return true;
}
