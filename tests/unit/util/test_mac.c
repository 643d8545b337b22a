#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "viaduct/util/err.h"
#include "viaduct/util/mac.h"
#include "util/fail_alloc.h"

static const uint8_t key[MAC_KEY_LEN] = "0123456789abcdef0123456789abcde";

static struct mac *mac(void)
{
	struct mac *m;

	assert_int_equal(mac_new(key, &m), 0);
	return m;
}

enum { PIECE_MAX = 600, FLAT_MAX = 2048 };

/* Length and bytes, filled up to whole words. */
static size_t put_piece(uint8_t *out, struct str piece)
{
	memset(out, 0, 8 + (piece.len + 7) / 8 * 8);
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)((uint64_t)piece.len >> (8 * i));
	if (piece.len > 0)
		memcpy(out + 8, piece.p, piece.len);
	return 8 + (piece.len + 7) / 8 * 8;
}

/* The same by OpenSSL's one-shot call, over the pieces laid out by hand. */
static void reference_tag(const struct str *pieces, size_t n, uint8_t *tag)
{
	static uint8_t flat[FLAT_MAX];
	uint8_t full[16];
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += put_piece(flat + len, pieces[i]);
	assert_non_null(EVP_Q_mac(NULL, "SIPHASH", NULL, NULL, NULL, key, 16,
				  flat, len, full, sizeof(full), NULL));
	memcpy(tag, full, MAC_LEN);
}

static void a_tag_is_siphash_2_4_over_lengths_and_pieces(void **state)
{
	const struct str pieces[] = {STR("abc"), STR_NONE,
				     STR("eight...and more")};
	uint8_t tag[MAC_LEN], want[MAC_LEN];
	struct mac *m = mac();

	(void)state;
	reference_tag(pieces, 3, want);
	for (int i = 0; i < 3; i++) {
		mac_tag(m, pieces, 3, tag);
		assert_memory_equal(tag, want, MAC_LEN);
	}
	mac_free(m);
}

static void pieces_of_every_length_count_in_full(void **state)
{
	static char bytes[PIECE_MAX];
	struct mac *m = mac();

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		const struct str piece = {bytes, len};
		uint8_t tag[MAC_LEN], want[MAC_LEN];

		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)(i * 7 + len);
		reference_tag(&piece, 1, want);
		mac_tag(m, &piece, 1, tag);
		assert_memory_equal(tag, want, MAC_LEN);
	}
	mac_free(m);
}

static void pieces_do_not_run_into_each_other(void **state)
{
	const struct str a[] = {STR("ab"), STR("c")};
	const struct str b[] = {STR("a"), STR("bc")};
	uint8_t x[MAC_LEN], y[MAC_LEN];
	struct mac *m = mac();

	(void)state;
	mac_tag(m, a, 2, x);
	mac_tag(m, b, 2, y);
	assert_false(mac_eq(x, y, MAC_LEN));
	mac_tag(m, a, 2, y);
	assert_true(mac_eq(x, y, MAC_LEN));
	mac_free(m);
}

/* RFC 4231 section 4.3. */
static void a_derived_key_is_hmac_of_the_purpose(void **state)
{
	static const uint8_t want[] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60,
				       0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26,
				       0x08, 0x95, 0x75, 0xc7};
	uint8_t got[MAC_KEY_LEN];

	(void)state;
	assert_int_equal(mac_derive_key(STR("Jefe"),
					"what do ya want for nothing?", got),
			 0);
	assert_memory_equal(got, want, sizeof(want));
}

static void each_purpose_has_its_own_key(void **state)
{
	uint8_t a[MAC_KEY_LEN], b[MAC_KEY_LEN];

	(void)state;
	assert_int_equal(mac_derive_key(STR("secret"), "branch", a), 0);
	assert_int_equal(mac_derive_key(STR("secret"), "route", b), 0);
	assert_memory_not_equal(a, b, MAC_KEY_LEN);
	assert_int_equal(mac_derive_key(STR_NONE, "branch", b), 0);
	assert_memory_not_equal(a, b, MAC_KEY_LEN);
}

static void base64url_matches_the_vectors_of_rfc_4648(void **state)
{
	static const struct {
		const char *plain, *text;
	} rows[] = {
		{"", ""},
		{"f", "Zg"},
		{"fo", "Zm8"},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg"},
		{"fooba", "Zm9vYmE"},
		{"foobar", "Zm9vYmFy"},
	};
	char out[16], back[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = strlen(rows[i].plain);
		size_t n = base64url_encode(rows[i].plain, len, out);

		assert_int_equal(n, strlen(rows[i].text));
		assert_memory_equal(out, rows[i].text, n);
		assert_int_equal(
			base64url_decode((struct str){out, n}, back, len), len);
		assert_memory_equal(back, rows[i].plain, len);
	}
}

static void base64url_uses_the_two_letters_that_uris_allow(void **state)
{
	char out[4];

	(void)state;
	assert_int_equal(base64url_encode("\xfb\xff\xbf", 3, out), 4);
	assert_memory_equal(out, "-_-_", 4);
}

static void what_is_not_base64url_is_refused(void **state)
{
	static const char *const bad[] = {"Z",    "Zm9vY", "Zg==", "Zm+v",
					  "Zm/v", "Zm 9",  "Zh",   "Zm9"};
	char out[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(base64url_decode(str_from(bad[i]), out, 16),
				 VD_EINVAL);
	assert_int_equal(base64url_decode(STR("Zm9v"), out, 2), VD_ETOOBIG);
}

static void random_bytes_differ(void **state)
{
	uint8_t a[32] = {0}, b[32] = {0};

	(void)state;
	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

static void no_memory_makes_no_mac(void **state)
{
	struct mac *m = NULL;

	(void)state;
	fail_countdown = 1;
	assert_int_equal(mac_new(key, &m), VD_ENOMEM);
	assert_null(m);
	mac_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tag_is_siphash_2_4_over_lengths_and_pieces),
		cmocka_unit_test(pieces_of_every_length_count_in_full),
		cmocka_unit_test(pieces_do_not_run_into_each_other),
		cmocka_unit_test(a_derived_key_is_hmac_of_the_purpose),
		cmocka_unit_test(each_purpose_has_its_own_key),
		cmocka_unit_test(base64url_matches_the_vectors_of_rfc_4648),
		cmocka_unit_test(
			base64url_uses_the_two_letters_that_uris_allow),
		cmocka_unit_test(what_is_not_base64url_is_refused),
		cmocka_unit_test(random_bytes_differ),
		cmocka_unit_test(no_memory_makes_no_mac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
