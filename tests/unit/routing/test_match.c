/* The conditions of a route (`match`). */
#define NET "127.85.7."
#include "rules_test.h"

const char *const bench_net = NET;

/* clang-format off */
static const struct {
	const char *match;
	struct facts facts;
	bool is_match;
} rows[] = {
	{ "{}", { 0 }, true },
	/* method: exact, as methods are (RFC 3261 section 7.1) */
	{ "{ method: INVITE }", { 0 }, true },
	{ "{ method: INVITE }", { .method = "MESSAGE" }, false },
	{ "{ method: [ SUBSCRIBE, MESSAGE ] }", { .method = "MESSAGE" }, true },
	{ "{ method: [ SUBSCRIBE, MESSAGE ] }", { 0 }, false },
	{ "{ method: invite }", { 0 }, false },
	{ "{ method: X-NEW }", { .method = "X-NEW" }, true },
	/* caller */
	{ "{ caller: anonymous }", { 0 }, true },
	{ "{ caller: anonymous }", { .caller = CALLER_TRUSTED }, false },
	{ "{ caller: trusted }", { .caller = CALLER_TRUSTED }, true },
	{ "{ caller: trusted }", { .caller = CALLER_AUTHENTICATED }, false },
	{ "{ caller: authenticated }", { .caller = CALLER_AUTHENTICATED }, true },
	{ "{ caller: [ authenticated, trusted ] }", { .caller = CALLER_TRUSTED }, true },
	{ "{ caller: [ authenticated, trusted ] }", { .caller = CALLER_AUTHENTICATED }, true },
	{ "{ caller: [ authenticated, trusted ] }", { 0 }, false },
	/* source */
	{ "{ source: 192.0.2.0/24 }", { 0 }, true },
	{ "{ source: 192.0.2.7 }", { 0 }, true },
	{ "{ source: 192.0.2.6 }", { 0 }, false },
	{ "{ source: [ 10.0.0.0/8, 192.0.2.0/29 ] }", { 0 }, true },
	{ "{ source: [ 10.0.0.0/8, 192.0.2.0/30 ] }", { 0 }, false },
	{ "{ source: \"2001:db8::/32\" }", { .source = "[2001:db8::9]:5060" }, true },
	{ "{ source: \"2001:db8::/32\" }", { .source = "[2001:db9::9]:5060" }, false },
	{ "{ source: 0.0.0.0/0 }", { .source = "[2001:db8::9]:5060" }, false },
	/* request.domain: a name, local, foreign, *.NAME; the port does not count */
	{ "{ request.domain: biloxi.test }", { 0 }, true },
	{ "{ request.domain: BILOXI.test }", { .uri = "sip:b@biloxi.TEST.:5060" }, true },
	{ "{ request.domain: biloxi.test }", { .uri = "sip:b@sub.biloxi.test" }, false },
	{ "{ request.domain: [ a.test, biloxi.test ] }", { 0 }, true },
	{ "{ request.domain: local }", { 0 }, true },
	{ "{ request.domain: local }", { .uri = "sip:b@atlanta.test" }, false },
	{ "{ request.domain: local }", { .uri = "sip:b@" NET "1" }, true },
	{ "{ request.domain: local }", { .uri = "sip:b@" NET "1:5061" }, false },
	{ "{ request.domain: foreign }", { .uri = "sip:b@atlanta.test" }, true },
	{ "{ request.domain: foreign }", { 0 }, false },
	{ "{ request.domain: [ foreign, local ] }", { 0 }, true },
	{ "{ request.domain: \"*.example.com\" }", { .uri = "sip:b@a.example.com" }, true },
	{ "{ request.domain: \"*.example.com\" }", { .uri = "sip:b@a.b.EXAMPLE.com" }, true },
	{ "{ request.domain: \"*.example.com\" }", { .uri = "sip:b@a.example.com." }, true },
	{ "{ request.domain: \"*.example.com\" }", { .uri = "sip:b@example.com" }, false },
	{ "{ request.domain: \"*.example.com\" }", { .uri = "sip:b@badexample.com" }, false },
	{ "{ request.domain: \"*.example.com\" }", { .uri = "sip:b@a.example.com.evil.test" }, false },
	{ "{ request.domain: \"[2001:db8::1]\" }", { .uri = "sip:b@[2001:DB8:0::1]" }, true },
	/* users: exact but for escapes (RFC 3261 section 19.1.4) */
	{ "{ request.user: bob }", { 0 }, true },
	{ "{ request.user: bob }", { .uri = "sip:Bob@biloxi.test" }, false },
	{ "{ request.user: bob }", { .uri = "sip:b%6fb@biloxi.test" }, true },
	{ "{ request.user: \"b%6Fb\" }", { 0 }, true },
	{ "{ request.user: \"a%2fb\" }", { .uri = "sip:a%2Fb@biloxi.test" }, true },
	{ "{ request.user: \"a/b\" }", { .uri = "sip:a%2fb@biloxi.test" }, false },
	{ "{ request.user: bob }", { .uri = "sip:biloxi.test" }, false },
	{ "{ request.user: 911 }", { .uri = "sip:911@biloxi.test" }, true },
	{ "{ request.user: [ alice, bob ] }", { 0 }, true },
	{ "{ request.user: bob }", { .uri = "sip:bob:secret@biloxi.test" }, true },
	/* request.uri: as 19.1.4 compares */
	{ "{ request.uri: \"sip:bob@biloxi.test\" }", { 0 }, true },
	{ "{ request.uri: \"sip:bob@BILOXI.test\" }", { .uri = "sip:b%6fb@biloxi.test" }, true },
	{ "{ request.uri: \"sip:bob@biloxi.test\" }", { .uri = "sip:bob@biloxi.test:5060" }, false },
	{ "{ request.uri: [ \"sip:x@y\", \"sip:bob@biloxi.test\" ] }", { 0 }, true },
	{ "{ request.uri: \"sip:bob@biloxi.test\" }", { .uri = "sip:bob@biloxi.test;user=phone" }, false },
	/* From and To */
	{ "{ from.user: alice }", { 0 }, true },
	{ "{ from.user: alice }", { .from = "\"A\" <sip:bob@atlanta.test>" }, false },
	{ "{ from.user: alice }", { .from = "sip:%61lice@atlanta.test" }, true },
	{ "{ from.user: alice }", { .from = "<tel:+1555>" }, false },
	{ "{ from.domain: atlanta.test }", { 0 }, true },
	{ "{ from.domain: local }", { 0 }, false },
	{ "{ from.domain: local }", { .from = "<sip:x@biloxi.test>" }, true },
	{ "{ from.domain: foreign }", { .from = "<tel:+1555>" }, true },
	{ "{ from.domain: foreign }", { .from = "<sip:x@biloxi.test>" }, false },
	{ "{ to.user: bob }", { 0 }, true },
	{ "{ to.user: bob }", { .to = "<sip:carol@biloxi.test>" }, false },
	{ "{ to.domain: local }", { 0 }, true },
	{ "{ to.domain: \"*.test\" }", { .to = "<sip:x@y.test>;tag=2" }, true },
	{ "{ to.domain: local }", { .to = "<sip:x@y.test>" }, false },
	/* keys are AND */
	{ "{ method: INVITE, request.user: bob, from.user: alice }", { 0 }, true },
	{ "{ method: INVITE, request.user: bob, from.user: carol }", { 0 }, false },
	{ "{ method: MESSAGE, request.user: bob }", { 0 }, false },
	{ "{ source: 10.0.0.0/8, caller: anonymous }", { 0 }, false },
};
/* clang-format on */

static void each_key_matches_what_it_says(void **state)
{
	struct rules *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct request *r;
		bool is_match;

		rules_read_good(t,
				bench_format("routes: [ { name: it, match: %s, "
					     "drop: true } ]",
					     rows[i].match)
					.p);
		r = rules_ask(t, &rows[i].facts);
		is_match = str_eq(r->verdict.route, STR("it"));
		if (is_match != rows[i].is_match)
			fail_msg("row %zu: %s", i, rows[i].match);
		request_free(r);
	}
}

static void a_user_of_any_length_does_no_harm(void **state)
{
	struct rules *t = *state;
	char uri[1200];

	rules_read_good(t,
			"routes: [ { name: it, match: { request.user: bob }, "
			"drop: true } ]");
	for (size_t len = 500; len < 1100; len += 3) {
		struct facts f = {.uri = uri};
		struct request *r;

		memset(uri, 'x', sizeof(uri));
		memcpy(uri, "sip:", 4);
		strcpy(uri + len, "@biloxi.test");
		r = rules_ask(t, &f);
		assert_false(str_eq(r->verdict.route, STR("it")));
		request_free(r);
	}
}

static void the_first_route_that_matches_decides(void **state)
{
	static const struct facts bob = {0},
				  carol = {.uri = "sip:carol@biloxi.test"};
	struct rules *t = *state;
	struct request *r;

	rules_read_good(t, "routes:\n"
			   "- { match: { request.user: bob }, reject: 480 }\n"
			   "- { name: second, match: { method: INVITE }, "
			   "reject: 486 }\n"
			   "- { reject: 487 }\n");
	r = rules_ask(t, &bob);
	assert_str(r->verdict.route, "route-1");
	assert_int_equal(r->verdict.status, 480);
	request_free(r);
	r = rules_ask(t, &carol);
	assert_str(r->verdict.route, "second");
	assert_int_equal(r->verdict.status, 486);
	request_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULES_TEST(each_key_matches_what_it_says),
		RULES_TEST(a_user_of_any_length_does_no_harm),
		RULES_TEST(the_first_route_that_matches_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
