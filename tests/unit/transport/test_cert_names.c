/* RFC 5922 section 7: whom a certificate names, and how names compare. */
#include "bench.h"
#include "pki.h"

#include <openssl/x509v3.h>

#include "transport/identities.h"
#include "util/fail_alloc.h"

static struct pki pki;

static int setup(void **state)
{
	(void)state;
	pki_init(&pki);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pki_fini(&pki);
	return 0;
}

static struct cert_names *names_of(const char *sans, const char *cn)
{
	X509 *cert = pki_issue(&pki, sans, cn, 30);
	struct cert_names *names;

	assert_int_equal(cert_names_of(cert, &names), 0);
	X509_free(cert);
	return names;
}

static void what_a_certificate_names(void **state)
{
	/* clang-format off */
	static const struct {
		const char *sans, *cn, *expected;
	} rows[] = {
		{ "DNS:a.test",                              "cn.test", "a.test" },
		{ "DNS:a.test,DNS:b.test",                   "cn.test", "a.test, b.test" },
		{ "URI:sip:a.test",                          "cn.test", "a.test" },
		{ "URI:SIP:a.test",                          "cn.test", "a.test" },
		{ "URI:sip:a.test;transport=tls",            "cn.test", "a.test" },
		{ "URI:sip:a.test:5061",                     "cn.test", "a.test" },
		/* a sip URI makes DNS names worthless */
		{ "DNS:b.test,URI:sip:a.test",               "cn.test", "a.test" },
		/* another scheme, or a user, makes a URI so */
		{ "URI:sips:a.test",                         "cn.test", "nobody" },
		{ "URI:https://a.test",                      "cn.test", "nobody" },
		{ "URI:sip:bob@a.test",                      "cn.test", "nobody" },
		{ "URI:sip:bob@a.test,DNS:b.test",           "cn.test", "b.test" },
		{ "URI:im:a.test,DNS:b.test",                "cn.test", "b.test" },
		/* the common name only where there is no subjectAltName at all */
		{ NULL,                                      "cn.test", "cn.test" },
		{ NULL,                                      "A Person", "nobody" },
		{ "email:bob@a.test",                        "cn.test", "nobody" },
		/* a wildcard is a name like others, and matches itself alone */
		{ "DNS:*.a.test",                            "cn.test", "*.a.test" },
		{ "IP:192.0.2.1",                            "cn.test", "192.0.2.1" },
		{ "IP:192.0.2.1,DNS:a.test",                 "cn.test", "a.test, 192.0.2.1" },
		{ "IP:2001:db8::1",                          "cn.test", "[2001:db8::1]" },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cert_names *names = names_of(rows[i].sans, rows[i].cn);
		char text[256];
		struct str s = cert_names_print(names, text, sizeof(text));

		if (!str_eq(s, str_from(rows[i].expected)))
			fail_msg("%s: %.*s", rows[i].sans, STR_FMT(s));
		cert_names_free(names);
	}
}

static void names_are_compared_whole(void **state)
{
	/* clang-format off */
	static const struct {
		const char *sans, *host;
		bool is_it;
	} rows[] = {
		{ "DNS:example.com",      "example.com",      true },
		{ "DNS:example.com",      "EXAMPLE.com",      true },
		{ "DNS:Example.COM",      "example.com",      true },
		{ "DNS:example.com",      "example.com.",     true },
		{ "DNS:example.com",      "foo.example.com",  false },
		{ "DNS:foo.example.com",  "example.com",      false },
		{ "DNS:*.example.com",    "foo.example.com",  false },
		{ "DNS:*.example.com",    "*.example.com",    true },
		{ "DNS:.example.com",     "foo.example.com",  false },
		{ "DNS:example.co",       "example.com",      false },
		{ "DNS:xn--bcher-kva.ch", "xn--bcher-kva.ch", true },
		{ "IP:192.0.2.1",         "192.0.2.1",        true },
		{ "IP:192.0.2.1",         "192.0.2.2",        false },
		{ "IP:2001:db8::1",       "[2001:DB8:0::1]",  true },
		{ "DNS:example.com",      "192.0.2.1",        false },
		{ "DNS:example.com",      "",                 false },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cert_names *names = names_of(rows[i].sans, "cn.test");

		if (cert_names_have(names, str_from(rows[i].host)) !=
		    rows[i].is_it)
			fail_msg("%s is%s %s", rows[i].sans,
				 rows[i].is_it ? "" : " not", rows[i].host);
		cert_names_free(names);
	}
}

static X509 *issue_dns(const char *bytes, int len, int copies)
{
	X509 *cert = pki_issue(&pki, NULL, "cn.test", 30);
	GENERAL_NAMES *sans = sk_GENERAL_NAME_new_null();

	for (int i = 0; i < copies; i++) {
		GENERAL_NAME *g = GENERAL_NAME_new();
		ASN1_IA5STRING *s = ASN1_IA5STRING_new();

		assert_int_equal(ASN1_STRING_set(s, bytes, len), 1);
		GENERAL_NAME_set0_value(g, GEN_DNS, s);
		assert_true(sk_GENERAL_NAME_push(sans, g) > 0);
	}
	assert_int_equal(X509_add1_ext_i2d(cert, NID_subject_alt_name, sans, 0,
					   X509V3_ADD_REPLACE),
			 1);
	GENERAL_NAMES_free(sans);
	return cert;
}

static void a_name_with_a_nul_is_none(void **state)
{
	X509 *cert = issue_dns("a.test\0.b.test", 14, 1);
	struct cert_names *names;

	(void)state;
	assert_int_equal(cert_names_of(cert, &names), 0);
	assert_int_equal(names->n, 0);
	cert_names_free(names);
	X509_free(cert);
}

static void names_of_one_certificate_are_bounded(void **state)
{
	X509 *cert = issue_dns("a.test", 6, CERT_NAMES_MAX + 50);
	struct cert_names *names;

	(void)state;
	assert_int_equal(cert_names_of(cert, &names), 0);
	assert_int_equal(names->n, CERT_NAMES_MAX);
	cert_names_free(names);
	X509_free(cert);
}

/* --- identities --- */

static void an_identity_ends_with_its_connection(void **state)
{
	struct cert_names *a = names_of("DNS:a.test", "x");
	struct cert_names *b = names_of("DNS:b.test", "x");
	struct identities *t;
	uint32_t first, second;
	struct mem *mem;

	(void)state;
	assert_int_equal(mem_new(0, &mem), 0);
	assert_int_equal(identities_new(mem, &t), 0);
	assert_false(identities_have(t, 0, STR("a.test")));
	assert_int_equal(identities_enter(t, a, &first), 0);
	assert_true(first != 0);
	assert_true(identities_have(t, first, STR("A.test")));
	assert_false(identities_have(t, first, STR("b.test")));
	identities_leave(t, first);
	assert_false(identities_have(t, first, STR("a.test")));
	/* until every place was used, and afterwards too */
	for (int i = 0; i < 200; i++) {
		assert_int_equal(identities_enter(t, b, &second), 0);
		assert_int_not_equal(second, first);
		assert_false(identities_have(t, first, STR("b.test")));
		identities_leave(t, second);
	}
	identities_leave(t, 0);
	identities_free(t);
	mem_free_all(mem);
	cert_names_free(a);
	cert_names_free(b);
}

static void many_identities_at_once(void **state)
{
	struct cert_names *a = names_of("DNS:a.test", "x");
	struct identities *t;
	uint32_t ids[1000];
	struct mem *mem;

	(void)state;
	assert_int_equal(mem_new(0, &mem), 0);
	assert_int_equal(identities_new(mem, &t), 0);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		assert_int_equal(identities_enter(t, a, &ids[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		assert_true(identities_have(t, ids[i], STR("a.test")));
		identities_leave(t, ids[i]);
	}
	identities_free(t);
	mem_free_all(mem);
	cert_names_free(a);
}

static int enter_one(const struct cert_names *names)
{
	struct identities *t;
	struct mem *mem;
	uint32_t id;
	int err;

	if (mem_new(0, &mem) != 0)
		return VD_ENOMEM;
	err = identities_new(mem, &t);
	if (err == 0) {
		err = identities_enter(t, names, &id);
		if (err == 0)
			identities_leave(t, id);
		identities_free(t);
	}
	mem_free_all(mem);
	return err;
}

static void every_allocation_may_fail(void **state)
{
	struct cert_names *a = names_of("DNS:a.test", "x"), *b;
	X509 *cert = pki_issue(&pki, NULL, "cn.test", 30);
	unsigned n = 0;
	int err;

	(void)state;
	do {
		fail_countdown = ++n;
		err = enter_one(a);
		fail_countdown = 0;
		assert_true(err == 0 || err == VD_ENOMEM);
	} while (err != 0);
	assert_true(n > 1);
	fail_countdown = 1;
	assert_int_equal(cert_names_of(cert, &b), VD_ENOMEM);
	fail_countdown = 0;
	X509_free(cert);
	cert_names_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_certificate_names),
		cmocka_unit_test(names_are_compared_whole),
		cmocka_unit_test(a_name_with_a_nul_is_none),
		cmocka_unit_test(names_of_one_certificate_are_bounded),
		cmocka_unit_test(an_identity_ends_with_its_connection),
		cmocka_unit_test(many_identities_at_once),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
